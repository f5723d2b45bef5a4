/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ns.h - which namespaces a process gets: new ones, ones joined by path, ones joined by pidfd. */
#ifndef CADDIS_EXECUTOR_NS_H
#define CADDIS_EXECUTOR_NS_H

#include <sys/types.h>

#include "base/err.h"
#include "spec/oci.h"

#define NS_MAX 8

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

struct ns_plan {
	unsigned create; /* CLONE_NEW* */
	unsigned join;	 /* CLONE_NEW* of fds[] */
	unsigned all;	 /* both */
	struct ns_join {
		unsigned flag;
		int fd;
	} fds[NS_MAX];
	size_t nfds;
};
/* Opens every namespace that the spec names by path; without_paths: only sorts the types. */
int ns_plan(const struct oci_linux *l, bool without_paths, struct ns_plan *out, struct err *e);
void ns_type_names(struct strv *out); /* as spec->linux.namespaces has them */
int ns_joined(const struct ns_plan *p, unsigned flag); /* its fd; -1: not one that is joined */
void ns_plan_close(struct ns_plan *p);
OWNED_STRUCT(ns_plan, struct ns_plan, ns_plan_close)

/*
 * Child: enters the joined ones, but for the pid namespace, which only children can enter, and the
 * user namespace, which is entered before all else (init.c).
 */
int ns_join(const struct ns_plan *p, struct err *e);
/*
 * Parent: our next children are born in this pid namespace (of an nsfs fd or a pidfd);
 * *saved then brings the own one back by ns_children_restore().
 */
int ns_children_enter(int fd, int *saved, struct err *e);
int ns_children_restore(int saved, struct err *e);
int ns_loopback_up(struct err *e); /* of the current network namespace */

/* What can be pinned, in ns_pin.c: the name of the file, and below /proc/PID/ns. */
struct ns_pin_type {
	const char *name;
	unsigned flag;
};
#define NS_PIN_TYPES 5
extern const struct ns_pin_type ns_pin_types[NS_PIN_TYPES];
/* Binds the namespace t of process pid (0: our own) to its file in dir, the root of a private
 * mount. */
int ns_pin_bind(int dir, const struct ns_pin_type *t, pid_t pid, struct err *e);
/* ns_child.c: makes them in a child, which is what user and pid namespaces need. */
struct ns_pin_args;
int ns_pin_child(const struct ns_pin_args *a, int dir, struct err *e);

/*
 * Makes the root of our mount namespace our root and directory. Whoever joins a mount namespace gets
 * its root: a container made in a chroot would have the host's for everybody who enters it later.
 * The namespace is a new one, in which we are privileged.
 */
int ns_leave_chroot(struct err *e);

#endif
