/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/idmap.h"
#include "executor/ns.h"
#include "executor/syscalls.h"

// clang-format off
const struct ns_pin_type ns_pin_types[NS_PIN_TYPES] = {
	{ "net",  CLONE_NEWNET },
	{ "ipc",  CLONE_NEWIPC },
	{ "uts",  CLONE_NEWUTS },
	{ "pid",  CLONE_NEWPID },
	{ "user", CLONE_NEWUSER },
};
// clang-format on
#define NS_SHM_SIZE "64m" /* what other engines give a container */
#define OWN_KINDS (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
#define CHILD_KINDS (CLONE_NEWPID | CLONE_NEWUSER)

struct pinning {
	int saved[NS_PIN_TYPES]; /* our own namespaces */
	unsigned left;		 /* which of them we are out of */
};

static int pin_open_self(const struct ns_pin_type *p)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", p->name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int pin_restore(struct pinning *p, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < NS_PIN_TYPES; i++) {
		if (p->left & ns_pin_types[i].flag &&
		    setns(p->saved[i], (int)ns_pin_types[i].flag) < 0)
			ret = err_sys(e, "return to own %s namespace", ns_pin_types[i].name);
		if (p->saved[i] >= 0)
			close(p->saved[i]);
		p->saved[i] = -1;
	}
	p->left = 0;
	return ret;
}

static int new_tmpfs(struct err *e)
{
	own(fd) int fs = sys_fsopen("tmpfs");
	int mount = -1;

	if (fs >= 0 && sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0700", 0) == 0 &&
	    sys_fsconfig(fs, FSCONFIG_SET_STRING, "size", NS_SHM_SIZE, 0) == 0 &&
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return mount < 0 ? err_sys(e, "make a tmpfs") : mount;
}

/*
 * Over the directory comes a mount of its own that propagates nowhere. Where the mount below is
 * shared (systemd makes "/" so), whatever is attached to it becomes shared as well, so it is made
 * private after that: other mount namespaces see an empty directory, and no pin. A copy of the
 * mount below would do, but to make one, the kernel walks through all that is mounted on it.
 */
static int pin_make_private(int dir, const char *dir_path, struct err *e)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };
	own(fd) int tree = new_tmpfs(e);

	if (tree < 0)
		return -1;
	if (sys_move_mount(tree, "", dir, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return err_sys(e, "mount a tmpfs on %s", dir_path);
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return err_sys(e, "make %s private", dir_path);
	return fd_steal(&tree);
}

int ns_pin_bind(int dir, const struct ns_pin_type *t, pid_t pid, struct err *e)
{
	own(fd) int file = openat(dir, t->name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char path[48] = "/proc/self/ns/";
	own(fd) int ns = -1;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/", (int)pid);
	strncat(path, t->name, sizeof(path) - strlen(path) - 1);
	if (file < 0)
		return err_sys(e, "create the pin %s", t->name);
	ns = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
	if (ns < 0)
		return err_sys(e, "copy the mount of the %s namespace", t->name);
	if (sys_move_mount(ns, "", file, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "pin the %s namespace", t->name);
	return 0;
}

/* In this process, which goes into the new ones and returns: the quickest way. */
static int pin_own(const struct ns_pin_args *a, int dir, struct pinning *p, struct err *e)
{
	unsigned flags = a->flags;

	for (size_t i = 0; i < NS_PIN_TYPES; i++) {
		if (!(flags & ns_pin_types[i].flag))
			continue;
		p->saved[i] = pin_open_self(&ns_pin_types[i]);
		if (p->saved[i] < 0)
			return err_sys(e, "open own %s namespace", ns_pin_types[i].name);
	}
	if (unshare((int)flags) < 0)
		return err_sys(e, "make namespaces");
	p->left = flags;
	if (flags & CLONE_NEWUTS && a->hostname &&
	    sethostname(a->hostname, strlen(a->hostname)) < 0)
		return err_sys(e, "set the host name \"%s\"", a->hostname);
	if (flags & CLONE_NEWNET && ns_loopback_up(e) < 0)
		return -1;
	for (size_t i = 0; i < NS_PIN_TYPES; i++)
		if (flags & ns_pin_types[i].flag && ns_pin_bind(dir, &ns_pin_types[i], 0, e) < 0)
			return -1;
	return 0;
}

/* POSIX shared memory (shm_overview(7)) is of the ipc namespace's processes, by a directory. */
static int pin_shm(const struct ns_pin_args *a, int dir, struct err *e)
{
	uid_t uid = a->uid_map ? (uid_t)idmap_to_host(a->uid_map, 0) : 0;
	gid_t gid = a->gid_map ? (gid_t)idmap_to_host(a->gid_map, 0) : 0;

	if (mkdirat(dir, NS_PIN_SHM, 0700) < 0 || fchmodat(dir, NS_PIN_SHM, 01777, 0) < 0 ||
	    fchownat(dir, NS_PIN_SHM, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "make the directory of shared memory");
	return 0;
}

static int pin_all(const struct ns_pin_args *a, struct err *e)
{
	struct pinning p = { .saved = { -1, -1, -1, -1, -1 } };
	own(fd) int dir = pin_make_private(a->dir, a->dir_path, e);
	struct err ignored;

	if (dir < 0 || (a->flags & CLONE_NEWIPC && pin_shm(a, dir, e) < 0))
		return -1;
	if (a->flags & CHILD_KINDS)
		return ns_pin_child(a, dir, e);
	if (pin_own(a, dir, &p, e) < 0) {
		pin_restore(&p, &ignored);
		return -1;
	}
	return pin_restore(&p, e);
}

int ns_pin(const struct ns_pin_args *a, struct err *e)
{
	unsigned unknown = a->flags & ~(unsigned)(OWN_KINDS | CHILD_KINDS);
	struct err ignored;

	if (unknown)
		return err_set(e, ERR_USAGE, "cannot pin namespaces of kind 0x%x", unknown);
	if (pin_all(a, e) == 0)
		return 0;
	ns_unpin(a->dir_path, &ignored);
	for (size_t i = 0; i < NS_PIN_TYPES; i++)
		if (a->flags & ns_pin_types[i].flag)
			unlinkat(a->dir, ns_pin_types[i].name, 0);
	return -1;
}

int ns_unpin(const char *dir_path, struct err *e)
{
	if (sys_umount2(dir_path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	/* EINVAL: not a mount point. */
	return errno == EINVAL || errno == ENOENT ? 0 : err_sys(e, "unmount %s", dir_path);
}

bool ns_pinned(int dir, const char *type)
{
	own(fd) int fd = -1;

	for (size_t i = 0; i < NS_PIN_TYPES; i++) {
		if (!str_eq(ns_pin_types[i].name, type))
			continue;
		fd = openat(dir, type, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		return fd >= 0 && ioctl(fd, NS_GET_NSTYPE) == (int)ns_pin_types[i].flag;
	}
	return false;
}
