/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.h - control groups by the cgroup file system: v1, v2 and hybrid (v1 controllers beside a
 * v2 mount, which may hold some controllers itself) behind one interface.
 *
 * path is absolute below every hierarchy's mount ("/caddis/<sandbox>/<container>"); no "..".
 */
#ifndef CADDIS_EXECUTOR_CGROUP_H
#define CADDIS_EXECUTOR_CGROUP_H

#include <signal.h>

#include "base/err.h"
#include "spec/oci.h"

/* ERR_USAGE for what is no such path: not absolute, longer than 1024 bytes, an empty component, "."
 * or "..", or the name of a kernel's file. All others here check it themselves. */
int cgroup_check_path(const char *path, struct err *e);
/* Makes path in every hierarchy we use, parents too (on v2 enabling controllers on the way), and
 * sets r. ERR_EXISTS when it is there and not empty of processes, ERR_STATE
 * when it is frozen. On error nothing of it is left that was not there. */
int cgroup_create(const char *path, const struct oci_resources *r, struct err *e);
int cgroup_update(const char *path, const struct oci_resources *r, struct err *e);
int cgroup_add(const char *path, pid_t pid, struct err *e);
/* An O_PATH fd for CLONE_INTO_CGROUP, where there is a v2 hierarchy (hybrid too); else -1 without
 * error. */
int cgroup_clone_fd(const char *path);
/*
 * For a process that is to join by itself: fds of "tasks" (v1) and "cgroup.procs" (v2), each to get
 * "0". A thread that moves itself does not wait for the kernel's grace period (10 ms and more on
 * v1). Hierarchies in which path does not exist count with its nearest parent there. with_v2 false:
 * the v2 one is left out, for CLONE_INTO_CGROUP does it.
 */
#define CGROUP_HIERARCHIES 16
struct cgroup_join {
	int fds[CGROUP_HIERARCHIES];
	size_t n;
};
int cgroup_join_open(const char *path, bool with_v2, struct cgroup_join *out, struct err *e);
int cgroup_join_self(const struct cgroup_join *j, struct err *e);
void cgroup_join_close(struct cgroup_join *j);
OWNED_STRUCT(cgroup_join, struct cgroup_join, cgroup_join_close)
/* Kills what is left in it and below (cgroup.kill, or signals until empty) and removes it
 * everywhere. Missing: a success. */
int cgroup_delete(const char *path, struct err *e);
/* Removes path's parents, up to and with the first component, while they are empty. */
int cgroup_prune_parents(const char *path, struct err *e);
/* The same up to and with top only, a beginning of path. */
int cgroup_prune_to(const char *path, const char *top, struct err *e);
/* The shortest beginning of path that is in no hierarchy; NULL: all of it is. Newly allocated. */
char *cgroup_first_missing(const char *path);
int cgroup_signal_all(const char *path, int sig, struct err *e);
int cgroup_freeze(const char *path, bool frozen, struct err *e);
bool cgroup_frozen(const char *path); /* or about to be; false when there is no such group */
/* A group below path, only to have processes together: in the hierarchy where they are counted, without limits. */
int cgroup_create_bare(const char *path, struct err *e);
void cgroup_remove_empty(const char *path); /* such a one, unless somebody is in it */
int cgroup_pids(const char *path, pid_t **pids, size_t *n,
		struct err *e); /* also of the groups below */

struct cgroup_stats {
	int64_t memory_usage, memory_working_set, memory_limit; /* bytes; -1: unknown or no limit */
	int64_t cpu_usage;					/* ns */
	int64_t pids, pids_limit;
	int64_t oom_kills; /* since it was made; -1: unknown */
};
int cgroup_stats(const char *path, struct cgroup_stats *out, struct err *e);
int64_t cgroup_oom_kills(const char *path); /* that one alone */

#endif
