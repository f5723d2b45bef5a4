/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * init.h - the child's side: a table of steps in the order that security asks for, over one struct.
 *
 * The child is a copy of the parent that has not executed anything: it opens no library, and trusts
 * nothing that it finds once it is inside the container.
 */
#ifndef CADDIS_EXECUTOR_INIT_H
#define CADDIS_EXECUTOR_INIT_H

#include "executor/caps.h"
#include "executor/cgroup.h"
#include "executor/executor.h"
#include "executor/mount_opt.h"
#include "executor/ns.h"
#include "executor/seccomp.h"

struct init_mount {
	struct mount_opts opts;
	int source; /* bind: the copied tree, taken before anything of the container was touched */
	char *link;   /* copy-symlink: what it points to; NULL: it is no link */
	bool is_file; /* bind: of a file */
	bool is_dev;  /* a bind over /dev: its nodes are the source's */
};

struct init {
	/* set by the parent */
	const struct oci_spec *spec;
	const struct oci_process *process;
	const char *user, *id, *bundle;
	int sock, parent_sock;
	int stdio[3];
	bool die_with_parent, strict_groups, no_keyring, no_pivot;
	bool replaced;	/* the first child makes another one that goes on in its place (SYNC_BORN) */
	bool born_last; /* exec: in the pid namespace, when it has no more rights than it is to have */
	unsigned preserve; /* descriptors from 3 on */
	int pid1; /* --init: the program that runs ours; -1: it runs itself */
	const char *cgroup;
	struct ns_plan ns;
	bool ns_done;	/* those that are there already were joined */
	int join_pidfd; /* exec: of the container's init */
	struct cgroup_join join;
	/* For each mount of the spec: the image's that it shows, or the user namespace that maps its
	 * ids; -1: neither. */
	int *given;
	size_t ngiven;
	struct seccomp filter;
	int notify;	 /* a connection to the filter's agent; -1: it has none */
	pid_t first_pid; /* exec: the container's init */
	struct caps caps;
	int resctrl; /* linux.intelRdt's file system; -1: not asked for */

	/* made on the way */
	struct init_mount *mounts;
	int cgroups[CGROUP_HIERARCHIES]; /* copied mounts of its own groups, in cgroup_system()'s order */
	int root;	    /* of the container; the overlay comes from the parent */
	int ns_root;	    /* of the mount namespace until then, the host's in a chroot too */
	int dev, pts, proc; /* the mounts' roots; -1: not there */
	bool dev_is_ours;   /* a fresh file system, to be filled by us */
	int slave;	    /* of the terminal */
	pid_t host_pid;	    /* ours, as the parent sees it; with notify only */
	char *program;	    /* what argv[0] was found as */
	char **env;
	struct oci_user ids; /* looked up */
};
#define INIT_NONE                                                                                  \
	{                                                                                          \
		.sock = -1, .parent_sock = -1, .pid1 = -1, .notify = -1, .resctrl = -1, .join_pidfd = -1, .root = -1,              \
		.ns_root = -1, .dev = -1, .pts = -1, .proc = -1, .slave = -1                           \
	}

struct init_step {
	const char *what; /* "set up the terminal": goes in front of an error */
	int (*fn)(struct init *in, struct err *e);
};
/* Runs the steps, says SYNC_READY, waits for SYNC_GO, executes the program. */
_Noreturn void init_main(struct init *in, const struct init_step *steps, size_t n);
extern const struct init_step init_create_steps[], init_exec_steps[];
extern const size_t init_ncreate_steps, init_nexec_steps;

/* mount.c */
int mount_open_sources(struct init *in, struct err *e);
int mount_all(struct init *in, struct err *e);
/* A new file system of type, data options as given: a detached mount. */
int mount_new(const char *type, const char *source, const struct strv *data, unsigned attr,
	      struct err *e);
int mount_attach(int mount, int target, struct err *e);
/* copyup.c: what is in the directory target, into the root of mount; that one's mode and owner too. */
int copyup(int target, int mount, bool keep_mode, struct err *e);
/* mount_cgroup.c */
/* Takes the copies, while the host's paths and rights are there. */
int mount_cgroup_open(struct init *in, struct err *e);
int mount_cgroup(struct init *in, const struct oci_mount *m, const struct mount_opts *o, int target,
		 struct err *e);
/* rootfs.c */
/* A private copy of the mounts at root.path becomes the root: in the mount namespace that it is called
 * in, with the rights that one has there. */
int rootfs_open(struct init *in, struct err *e);
int rootfs_make(struct init *in, struct err *e);
int rootfs_pivot(struct init *in, struct err *e);
int rootfs_mask(struct init *in, struct err *e);
int rootfs_readonly(struct init *in, struct err *e);
/* dev.c */
int dev_make(struct init *in, struct err *e);
int console_make(struct init *in, struct err *e);
int console_join(struct init *in, struct err *e);
/* sysctl.c */
int sysctl_apply(struct init *in, struct err *e);
/* cred.c */
int cred_host_proc(struct init *in, struct err *e); /* oom_score_adj, LSM labels */
int cred_userns(struct init *in, struct err *e); /* what a user namespace has no rights for */
int cred_rlimits(struct init *in, struct err *e);
int cred_user(struct init *in, struct err *e); /* looks the user up */
int cred_apply(struct init *in, struct err *e);
/* init.c */
int init_signals(struct init *in, struct err *e); /* as a new process has them */
/* notify.c */
int notify_connect(struct init *in, struct err *e); /* the parent's */
int notify_prepare(struct init *in, struct err *e);
int notify_install(struct init *in, struct err *e); /* the filter, whether it notifies or not */
/* netdev.c */
int netdev_move(const struct init *in, pid_t pid, struct err *e); /* the parent's */
/* host.c */
int host_check(struct init *in, struct err *e); /* both the parent's */
int host_join(const struct init *in, pid_t pid, struct err *e);
/* mount_link.c */
int mount_link_read(const struct oci_mount *m, struct init_mount *im, struct err *e);
int mount_link_make(int root, const struct oci_mount *m, const struct init_mount *im,
		    struct err *e);
int mount_target_nofollow(int root, const char *destination, struct err *e);
/* sched.c */
int sched_parent(const struct init *in, pid_t pid, struct err *e); /* the parent's */
int sched_initial(struct init *in, struct err *e);
int sched_self(struct init *in, struct err *e);
/* timens.c */
int timens_write(const struct init *in, pid_t pid, struct err *e); /* the parent's */
int timens_make(struct init *in, struct err *e);
/* hooks.c */
int hooks_create_runtime(const struct init *in, pid_t pid, struct err *e); /* the parent's */
bool hooks_before_pivot(const struct init *in);
int hooks_create(struct init *in, struct err *e);
int hooks_start(struct init *in, struct err *e);
/* program.c */
int program_cwd(struct init *in, struct err *e);
int program_find(struct init *in, struct err *e);
void program_exec(struct init *in, struct err *e); /* returns only on error */
const char *env_get(char *const *env, const char *name);

#endif
