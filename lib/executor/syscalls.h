/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscalls.h - system calls and constants that a libc may lack, by the kernel's own headers.
 *
 * <sys/mount.h> cannot be included beside <linux/mount.h> with every libc, so mount(2) is here too.
 */
#ifndef CADDIS_EXECUTOR_SYSCALLS_H
#define CADDIS_EXECUTOR_SYSCALLS_H

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2
#define UMOUNT_NOFOLLOW 8
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

static inline int sys_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}
static inline int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}
static inline int sys_fsmount(int fd, unsigned attr)
{
	return (int)syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, attr);
}
static inline int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags | OPEN_TREE_CLOEXEC);
}
static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
				 unsigned flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
static inline int sys_mount_setattr(int dir, const char *path, unsigned flags,
				    struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, attr, sizeof(*attr));
}
static inline int sys_mount(const char *source, const char *target, const char *type,
			    unsigned long flags, const void *data)
{
	return (int)syscall(SYS_mount, source, target, type, flags, data);
}
static inline int sys_umount2(const char *target, int flags)
{
	return (int)syscall(SYS_umount2, target, flags);
}
static inline int sys_pivot_root(const char *to, const char *old)
{
	return (int)syscall(SYS_pivot_root, to, old);
}
static inline int sys_execveat(int dir, const char *path, char *const argv[], char *const env[],
			       int flags)
{
	return (int)syscall(SYS_execveat, dir, path, argv, env, flags);
}
/* A copy of this process in new namespaces; cgroup: -1, or an fd of a v2 group. As fork() returns. */
static inline pid_t sys_clone(unsigned flags, int cgroup, int *pidfd)
{
	struct clone_args a = {
		.flags = flags | CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		/* The parent of a sibling is told as that of its maker. */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
		.cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
	};

	return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

#endif
