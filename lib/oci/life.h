/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * life.h - the life cycle of the runtime specification: create, start, kill, delete.
 * https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#lifecycle
 *
 * A container belongs to nobody: its creator ends, and its process is whoever's the kernel gives it
 * to (conmon's, a shim's, pid 1's).
 */
#ifndef CADDIS_OCI_LIFE_H
#define CADDIS_OCI_LIFE_H

#include "monitor/monitor.h"
#include "oci/home.h"
#include "spec/oci.h"

#define OCI_VERSION_MAX "1.3.0"

struct oci_create_args {
	const char *id;
	const char *bundle;	    /* NULL: the current directory */
	const char *config;	    /* NULL: config.json in the bundle */
	const char *pid_file;	    /* gets the pid of its first process; NULL: none */
	const char *console_socket; /* gets the terminal; NULL: none */
	const char *pidfd_socket;   /* gets a pidfd of its first process; NULL: none */
	bool no_cgroup;		    /* it stays in the caller's */
	bool no_pivot, no_keyring;
	unsigned preserve; /* descriptors from 3 on that the process shall have */
	unsigned listen;   /* so many of them, the first, are sockets by sd_listen_fds(3) */
	const char *notify; /* $NOTIFY_SOCKET (notify.h); NULL: not set */
};
/* Standard streams are the caller's own, unless it has a terminal. */
int oci_create(struct oci_home *h, const struct oci_create_args *a, struct err *e);
/* Create and start; returns when it runs. */
int oci_run_detached(struct oci_home *h, const struct oci_create_args *a, struct err *e);
/* The same in the foreground: returns when it has ended. keep: its record stays. */
int oci_run(struct oci_home *h, const struct oci_create_args *a, bool keep, struct exit_status *out,
	    struct err *e);

/* notify: as in oci_create_args; then it returns when the container says that it is ready, or ends. */
int oci_start(struct oci_home *h, const char *id, const char *notify, struct err *e);
/* What delete does, for whoever has the record open, not locked. One that is gone is a success. */
int oci_entry_finish(struct oci_home *h, struct oci_entry *x, const struct oci_spec *s,
		     struct err *e);
/* all: also the other processes of its cgroup, and when it is stopped those that are left. */
int oci_kill(struct oci_home *h, const char *id, int sig, bool all, struct err *e);
/* force: kills it first; one that does not exist is a success. */
int oci_delete(struct oci_home *h, const char *id, bool force, struct err *e);
/* New limits; what r does not say stays. */
int oci_update(struct oci_home *h, const char *id, const struct oci_resources *r, struct err *e);
int oci_pause(struct oci_home *h, const char *id, bool pause, struct err *e);

/* The state as the specification has it, with rootfs, created and owner added; the caller's. */
struct json_object *oci_state(const struct oci_entry *x, enum oci_status status);

#endif
