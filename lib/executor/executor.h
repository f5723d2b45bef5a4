/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * executor.h - starts a process in namespaces of its own, as an OCI runtime spec says, and further
 * processes beside it. Given a spec, paths and fds; knows no store, image or pod.
 *
 * Linux 5.10 or later. The caller is root (or has the capabilities that the spec needs).
 */
#ifndef CADDIS_EXECUTOR_EXECUTOR_H
#define CADDIS_EXECUTOR_EXECUTOR_H

#include "base/err.h"
#include "base/proc.h"
#include "spec/oci.h"

/*
 * Called first thing in main() by commands that will create or enter a container: re-executes this
 * program from a copy that no container can reach or write (CVE-2019-5736), once. Returns when
 * running from the copy. Also makes the process non-dumpable.
 */
int executor_protect(char **argv, struct err *e);
/*
 * The same where the process does not outlive the command: what /proc/PID/exe leads to is exchanged
 * without starting anew, if the kernel can (CONFIG_CHECKPOINT_RESTORE), which takes a fifth of the
 * time. A process that stays has less memory after executor_protect().
 */
int executor_protect_here(char **argv, struct err *e);
/* What to execute to start this program once more, from whatever it runs; valid in this process. */
const char *executor_program(void);

/* The root file system: an overlay assembled inside the container's mount namespace, or
 * spec->root.path. */
struct executor_rootfs {
	const int *lower; /* directory fds, lowest layer FIRST; n 0: use spec->root.path */
	size_t nlower;
	int upper, work; /* directory fds; -1: a read-only overlay */
	int top; /* the directory that holds them as "upper" and "work": used with a user namespace */
	/*
	 * The upper layer goes with the container (run --rm): fsync() in it does nothing, and its
	 * end does not sync the whole file system that upper is on, as that of an ordinary overlay
	 * does (10 ms and more, and all that others have written there).
	 */
	bool throwaway;
};

/* The type of a mount that shows an image, read-only: its layers come by executor_args.images. */
#define EXECUTOR_IMAGE_MOUNT "image"

struct executor_args {
	const struct oci_spec *spec;
	const char *id;
	const char *bundle; /* for the hooks of spec (hooks.h): absolute; NULL: "/" */
	struct executor_rootfs rootfs;
	/* Layers (lower) of the mounts of type EXECUTOR_IMAGE_MOUNT, in their order; upper -1. */
	const struct executor_rootfs *images;
	size_t nimages;
	/* NULL: spec->process.user as it is. Else the child looks it up in the container's own
	 * files (user_lookup), and sets HOME in the environment if it has none. */
	const char *user;
	int stdio[3]; /* become the process's 0, 1, 2; ignored with spec->process.terminal */
	bool strict_groups; /* spec->process.user's groups and no others, whatever user is a member of */
	bool init;	    /* pid 1 is a program of ours (gen/pid1.c), which runs the spec's */
	bool default_seccomp; /* the built-in filter, when spec->linux_.seccomp is NULL */
	int seccomp_cache;    /* as for seccomp_compile_cached(); -1: none */
	bool die_with_parent; /* foreground: SIGKILL when the caller's thread ends */
	bool no_keyring; /* the caller's session keyring, not a new one */
	bool no_pivot;	 /* chroot instead of pivot_root: for a root of initramfs, which cannot be moved */
	unsigned preserve; /* so many descriptors of the caller from 3 on become the process's */
	/* Path below every hierarchy's root, made by cgroup_create(); NULL: stay in the caller's.
	 */
	const char *cgroup;
};

/* A started process. Close with executor_close(); that does not end it. */
struct executor {
	struct proc_id id; /* in the caller's pid namespace */
	int pidfd;
	int sync;    /* the socket to the child until it executes its program */
	int console; /* terminal: the master side of its pty; else -1 */
};
#define EXECUTOR_NONE                                                                              \
	{                                                                                          \
		.pidfd = -1, .sync = -1, .console = -1                                             \
	}
void executor_close(struct executor *x);
OWNED_STRUCT(executor, struct executor, executor_close)

/*
 * Builds all of it; the child waits before execve(). The child is a child of the caller, who reaps
 * it (waitid(P_PIDFD)). Errors of the child arrive whole in *e: ERR_NOCOMMAND, ERR_NOEXEC for the
 * program. On error nothing is left running.
 */
int executor_create(const struct executor_args *a, struct executor *out, struct err *e);
/* Lets it go; returns when execve() has succeeded, or with the child's error (the child is then
 * reaped). */
int executor_start(struct executor *x, struct err *e);

/*
 * For a caller that ends before the start. From here on the child waits at a socket called name in
 * the directory dir, which must be out of the container's reach; x->sync is closed. Until this was
 * called, the child ends with the caller.
 */
int executor_leave(struct executor *x, int dir, const char *name, struct err *e);
/* Does somebody wait there? */
bool executor_waiting(int dir, const char *name);
/* executor_start() for a process that was left there; ERR_STATE: nobody waits. Of two callers at
 * once the second may find it started. */
int executor_start_at(int dir, const char *name, struct err *e);

/* A further process in the container of init: all its namespaces, cgroup, capabilities as given,
 * seccomp, LSM. */
struct executor_exec_args {
	const struct proc_id *init;
	const struct oci_spec *spec;	   /* of the container: namespaces joined, seccomp, masks */
	const struct oci_process *process; /* what to run */
	const char *id, *bundle;	   /* as in struct executor_args; told to a filter's agent */
	const char *user;		   /* as in struct executor_args */
	int stdio[3];
	bool strict_groups, default_seccomp, die_with_parent;
	unsigned preserve;
	int seccomp_cache;
	const char *cgroup;
};
/* Create and start in one; a child of the caller. Not dumpable until its own execve(). */
int executor_exec(const struct executor_exec_args *a, struct executor *out, struct err *e);

/*
 * Pinned namespaces for a sandbox: new ones of the types in flags (CLONE_NEWNET, IPC, UTS, PID,
 * USER), bound to files net, ipc, uts, pid, user in the directory dir (which becomes a private mount
 * of its own, so that nothing propagates). lo is up in the net one; a user one owns the others.
 * Beside an ipc one is a directory for /dev/shm: all in dir together have 64 MiB. On error nothing
 * is left.
 */
#define NS_PIN_SHM "shm"
struct ns_pin_args {
	int dir;
	const char *dir_path;
	unsigned flags;
	const char *hostname;		       /* of the uts one; NULL: as it is */
	const struct objlist *uid_map, *gid_map; /* struct oci_id_mapping, of the user one */
	/*
	 * The pid one lives as long as its first process, a program of a few pages (gen/pid1.c)
	 * without rights, in an empty root. It is in cgroup, has user's ids, and goes on only after
	 * record() has said who it is: the caller who dies before that leaves no process.
	 */
	const char *cgroup;
	const struct oci_user *user;
	int (*record)(void *arg, const struct proc_id *init, struct err *e);
	void *arg;
};
int ns_pin(const struct ns_pin_args *a, struct err *e);
/* Unmounts all pins below dir_path at once. A success when there are none. */
int ns_unpin(const char *dir_path, struct err *e);
bool ns_pinned(int dir, const char *type); /* is dir/type a namespace? */

/*
 * The root file system as a mount that is attached nowhere: an fd, which takes the mount with it. A
 * read-only one of a single layer is a read-only bind mount.
 */
int rootfs_overlay(const struct executor_rootfs *r, struct err *e);
/* rootfs_overlay() with the layers' ids mapped by a user namespace; upper and work stay as they are. */
int rootfs_overlay_mapped(const struct executor_rootfs *r, int userns, struct err *e);

/* The same, read-only, of what is at sub_path of it (inside of it: path.h). userns -1: unmapped;
 * sub_path NULL: the whole. */
int rootfs_image(const struct executor_rootfs *r, int userns, const char *sub_path, struct err *e);

/*
 * User and groups by the image's own files, parsed by us from the root directory fd: "", "0",
 * "1000:100", "name", "name:group", ":group". Follows CVE-2026-30892, CVE-2024-40635 and kin: what
 * does not parse whole is an error. *home is the home directory ("/" when unknown). Adds the groups
 * that name is a member of.
 */
int user_lookup(int root, const char *user, struct oci_user *out, char **home, struct err *e);

#endif
