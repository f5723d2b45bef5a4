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

#include "executor/ns.h"
#include "executor/syscalls.h"

// clang-format off
static const struct pin {
	const char *name; /* of the file, and below /proc/self/ns */
	unsigned flag;
} pins[] = {
	{ "net", CLONE_NEWNET },
	{ "ipc", CLONE_NEWIPC },
	{ "uts", CLONE_NEWUTS },
};
// clang-format on

struct pinning {
	int saved[ARRAY_LEN(pins)]; /* our own namespaces */
	unsigned left;		    /* which of them we are out of */
};

static int pin_open_self(const struct pin *p)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", p->name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int pin_restore(struct pinning *p, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(pins); i++) {
		if (p->left & pins[i].flag && setns(p->saved[i], (int)pins[i].flag) < 0)
			ret = err_sys(e, "return to own %s namespace", pins[i].name);
		if (p->saved[i] >= 0)
			close(p->saved[i]);
		p->saved[i] = -1;
	}
	p->left = 0;
	return ret;
}

/*
 * The directory becomes a mount of its own that propagates nowhere. Where the mount below is shared
 * (systemd makes "/" so), whatever is attached to it becomes shared as well, so it is made private
 * after that: other mount namespaces see an empty directory, and no pin.
 */
static int pin_make_private(int dir, const char *dir_path, struct err *e)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };
	own(fd) int tree = sys_open_tree(dir, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);

	if (tree < 0)
		return err_sys(e, "copy the mount of %s", dir_path);
	if (sys_move_mount(tree, "", dir, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return err_sys(e, "mount %s on itself", dir_path);
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return err_sys(e, "make %s private", dir_path);
	return fd_steal(&tree);
}

/* dir is the root of the private mount. */
static int pin_bind(int dir, const struct pin *p, struct err *e)
{
	own(fd) int file = openat(dir, p->name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char path[32];
	own(fd) int ns = -1;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", p->name);
	if (file < 0)
		return err_sys(e, "create the pin %s", p->name);
	ns = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
	if (ns < 0)
		return err_sys(e, "copy the mount of the %s namespace", p->name);
	if (sys_move_mount(ns, "", file, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "pin the %s namespace", p->name);
	return 0;
}

static int pin_all(int dir, const char *dir_path, unsigned flags, const char *hostname,
		   struct pinning *p, struct err *e)
{
	own(fd) int root = -1;

	for (size_t i = 0; i < ARRAY_LEN(pins); i++) {
		if (!(flags & pins[i].flag))
			continue;
		p->saved[i] = pin_open_self(&pins[i]);
		if (p->saved[i] < 0)
			return err_sys(e, "open own %s namespace", pins[i].name);
	}
	root = pin_make_private(dir, dir_path, e);
	if (root < 0)
		return -1;
	if (unshare((int)flags) < 0)
		return err_sys(e, "make namespaces");
	p->left = flags;
	if (flags & CLONE_NEWUTS && hostname && sethostname(hostname, strlen(hostname)) < 0)
		return err_sys(e, "set the host name \"%s\"", hostname);
	if (flags & CLONE_NEWNET && ns_loopback_up(e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(pins); i++)
		if (flags & pins[i].flag && pin_bind(root, &pins[i], e) < 0)
			return -1;
	return 0;
}

int ns_pin(int dir, const char *dir_path, int flags, const char *hostname, struct err *e)
{
	struct pinning p = { .saved = { -1, -1, -1 } };
	unsigned known = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	struct err ignored;

	if ((unsigned)flags & ~known)
		return err_set(e, ERR_USAGE, "cannot pin namespaces of kind 0x%x",
			       (unsigned)flags & ~known);
	if (pin_all(dir, dir_path, (unsigned)flags, hostname, &p, e) < 0) {
		pin_restore(&p, &ignored);
		ns_unpin(dir_path, &ignored);
		for (size_t i = 0; i < ARRAY_LEN(pins); i++)
			if ((unsigned)flags & pins[i].flag)
				unlinkat(dir, pins[i].name, 0);
		return -1;
	}
	if (pin_restore(&p, e) < 0) {
		ns_unpin(dir_path, &ignored);
		return -1;
	}
	return 0;
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

	for (size_t i = 0; i < ARRAY_LEN(pins); i++) {
		if (!str_eq(pins[i].name, type))
			continue;
		fd = openat(dir, type, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		return fd >= 0 && ioctl(fd, NS_GET_NSTYPE) == (int)pins[i].flag;
	}
	return false;
}
