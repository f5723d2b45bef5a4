/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "executor/idmap.h"
#include "executor/ns.h"
#include "executor/sync.h"
#include "executor/syscalls.h"

/*
 * Three ways to name a layer to overlayfs: an fd (Linux 6.13), a path each (6.8), one short string.
 * EINVAL: this kernel does not know the first or second one. EOPNOTSUPP: overlayfs does not know
 * the new mount API at all (before 6.5), and would take a path for each layer without looking.
 */
static int lower_by_fd(int fs, int layer)
{
	return sys_fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, layer);
}

static int lower_by_path(int fs, int layer)
{
	return sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", fd_path(layer).s, 0);
}

/* "9:8:7", relative to /proc/self/fd: a string option has room for 255 bytes. */
static int lower_joined(int fs, const struct executor_rootfs *r, struct err *e)
{
	own(buf) struct buf list = { 0 };
	int ret;

	for (size_t i = r->nlower; i > 0; i--)
		buf_addf(&list, "%s%d", list.len ? ":" : "", r->lower[i - 1]);
	if (list.len > 255)
		return err_set(e, ERR_FAIL, "%zu layers are too many for this kernel", r->nlower);
	if (chdir("/proc/self/fd") < 0)
		return err_sys(e, "enter /proc/self/fd");
	ret = sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", list.s, 0);
	return ret < 0 ? err_sys(e, "overlay: layers") : 0;
}

static int overlay_lowers(int fs, const struct executor_rootfs *r, struct err *e)
{
	static int (*const ways[])(int, int) = { lower_by_fd, lower_by_path };

	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		for (size_t i = r->nlower; i > 0; i--) {
			if (ways[w](fs, r->lower[i - 1]) == 0)
				continue;
			if (i < r->nlower || (errno != EINVAL && errno != EOPNOTSUPP))
				return err_sys(e, "overlay: layer %zu", i);
			break;
		}
		if (errno == EOPNOTSUPP)
			break;
		if (errno != EINVAL)
			return 0;
		errno = 0;
	}
	return lower_joined(fs, r, e);
}

static int overlay_upper(int fs, const char *key, int dir, struct err *e)
{
	if (sys_fsconfig(fs, FSCONFIG_SET_FD, key, NULL, dir) == 0 ||
	    sys_fsconfig(fs, FSCONFIG_SET_STRING, key, fd_path(dir).s, 0) == 0)
		return 0;
	return err_sys(e, "overlay: %s", key);
}

/*
 * In the parent: overlayfs takes layers from its caller's mount namespace only, and that is where
 * the fds come from. The mount is attached to nothing until the child moves it into its own
 * namespace.
 */
int rootfs_overlay(const struct executor_rootfs *r, struct err *e)
{
	own(fd) int fs = -1;
	int mount;

	if (r->upper < 0 && r->nlower == 1) {
		/* overlayfs wants two. */
		struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE };
		own(fd) int tree = sys_open_tree(r->lower[0], "", OPEN_TREE_CLONE | AT_EMPTY_PATH);

		if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &ro) < 0)
			return err_sys(e, "copy the mount of the layer");
		return fd_steal(&tree);
	}
	fs = sys_fsopen("overlay");
	if (fs < 0)
		return err_sys(e, "open file system type overlay");
	errno = 0;
	sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
	errno = 0;
	if (overlay_lowers(fs, r, e) < 0)
		return -1;
	if (r->upper >= 0 && (overlay_upper(fs, "upperdir", r->upper, e) < 0 ||
			      overlay_upper(fs, "workdir", r->work, e) < 0))
		return -1;
	if (r->upper >= 0 && r->throwaway) {
		/* The kernel's mark of an earlier such mount, which it would refuse. */
		unlinkat(r->work, "work/incompat/volatile/dirty", 0);
		unlinkat(r->work, "work/incompat/volatile", AT_REMOVEDIR);
		unlinkat(r->work, "work/incompat", AT_REMOVEDIR);
		if (sys_fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
			return err_sys(e, "overlay: volatile");
	}
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "create the overlay of %zu layers", r->nlower);
	mount = sys_fsmount(fs, 0);
	return mount < 0 ? err_sys(e, "mount the overlay") : mount;
}

/* ---- in a user namespace ---- */

static int overlay_map_layers(const struct executor_rootfs *r, int userns, int *trees,
			      struct err *e)
{
	for (size_t i = 0; i < r->nlower; i++) {
		trees[i] = sys_open_tree(r->lower[i], "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
		if (trees[i] < 0)
			return err_sys(e, "copy the mount of layer %zu", i + 1);
		if (idmap_mount(trees[i], userns, false, e) < 0)
			return err_in(e, "layer %zu", i + 1);
	}
	return 0;
}

/*
 * overlayfs takes only layers that are mounted in its caller's mount namespace (Linux 6.15 takes
 * detached ones too), so they are mounted in one that a child makes for this, over "/", where no
 * path sees them. The overlay has copies of its own, and outlives it.
 */
static int overlay_mapped(const struct executor_rootfs *r, int userns, struct err *e)
{
	int *trees = xcalloc(r->nlower, sizeof(*trees));
	struct executor_rootfs mapped = *r;

	mapped.lower = trees;
	if (overlay_map_layers(r, userns, trees, e) < 0)
		return -1;
	if (ns_leave_chroot(e) < 0)
		return -1;
	if (r->top >= 0 && fchdir(r->top) < 0)
		return err_sys(e, "enter the container's directory");
	if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make a mount namespace");
	for (size_t i = 0; i < r->nlower; i++)
		if (sys_move_mount(trees[i], "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return err_sys(e, "attach layer %zu", i + 1);
	if (r->top >= 0) {
		/* The current directory has moved to the new namespace; the fds have not. */
		mapped.upper = open("upper", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		mapped.work = open("work", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (mapped.upper < 0 || mapped.work < 0)
			return err_sys(e, "open the writable layer");
	}
	return rootfs_overlay(&mapped, e);
}

/* Only what is attached can be copied in part (before Linux 6.15): over "/", as the layers. */
static int below(int mount, const char *sub_path, struct err *e)
{
	own(fd) int at = -1;
	int tree;

	if (sys_move_mount(mount, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "attach the image");
	at = path_open_in(mount, sub_path, O_PATH, 0, e);
	if (at < 0)
		return err_in(e, "sub-path of the image");
	tree = sys_open_tree(at, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	return tree < 0 ? err_sys(e, "copy the mount of %s", sub_path) : tree;
}

static int overlay_in_child(const struct executor_rootfs *r, int userns, const char *sub_path,
			    struct err *e)
{
	own(fd) int mount = -1;

	if (userns >= 0) {
		mount = overlay_mapped(r, userns, e);
	} else {
		mount = rootfs_overlay(r, e);
		if (mount >= 0 && (ns_leave_chroot(e) < 0 || unshare(CLONE_NEWNS) < 0 ||
				   sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
			return err_sys(e, "make a mount namespace");
	}
	if (mount < 0)
		return -1;
	return str_some(sub_path) ? below(mount, sub_path, e) : fd_steal(&mount);
}

static int overlay_by_child(const struct executor_rootfs *r, int userns, const char *sub_path,
			    struct err *e)
{
	own(fd) int ours = -1, theirs = -1, pidfd = -1, mount = -1;
	enum sync_step step;
	int p[2], n;
	pid_t pid;

	if (fd_socketpair(p, e) < 0)
		return -1;
	ours = p[0];
	theirs = p[1];
	pid = sys_clone(0, -1, &pidfd);
	if (pid == 0) {
		struct err why;

		n = overlay_in_child(r, userns, sub_path, &why);
		if (n < 0 || sync_send(theirs, SYNC_READY, n, &why) < 0)
			sync_die(theirs, &why);
		_exit(0);
	}
	if (pid < 0)
		return err_sys(e, "start a process");
	close(fd_steal(&theirs));
	n = sync_recv(ours, &step, &mount, e);
	proc_wait(pid);
	if (n == 0 || (n > 0 && mount < 0))
		return err_set(e, ERR_FAIL, "the process that mounts the overlay died");
	return n < 0 ? -1 : fd_steal(&mount);
}

int rootfs_overlay_mapped(const struct executor_rootfs *r, int userns, struct err *e)
{
	return overlay_by_child(r, userns, NULL, e);
}

int rootfs_image(const struct executor_rootfs *r, int userns, const char *sub_path, struct err *e)
{
	return userns < 0 && !str_some(sub_path) ? rootfs_overlay(r, e)
						 : overlay_by_child(r, userns, sub_path, e);
}

int rootfs_open(struct init *in, struct err *e)
{
	bool slave = str_eq(in->spec->linux_.rootfs_propagation, "slave") ||
		     str_eq(in->spec->linux_.rootfs_propagation, "rslave");
	struct mount_attr attr = { .propagation = slave ? MS_SLAVE : MS_PRIVATE };
	const char *path = in->spec->root.path;
	own(fd) int tree = -1;

	if (!str_some(path))
		return err_set(e, ERR_USAGE, "the spec has no root.path");
	tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | AT_RECURSIVE);
	if (tree < 0)
		return err_sys(e, "root file system %s", path);
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
		return err_sys(e, "cut the root file system off");
	in->root = fd_steal(&tree);
	return 0;
}

/* All mounts of the namespace, those outside a chroot too; what is opened by path next is in it. */
static int cut_off(struct init *in, struct err *e)
{
	own(fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_sys(e, "open /");
	if (ns_leave_chroot(e) < 0)
		return -1;
	in->ns_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (in->ns_root < 0)
		return err_sys(e, "open the root of the mount namespace");
	if (sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, "cut the mounts off from the host's");
	return fchdir(root) < 0 || chroot(".") < 0 ? err_sys(e, "return to the root") : 0;
}

/*
 * From here on nothing propagates to the host. The new root is mounted over "/", where paths of
 * this process do not see it, but it is reached by its fd.
 */
int rootfs_make(struct init *in, struct err *e)
{
	/* Hooks look for it where the bundle has it. */
	bool shown = str_some(in->spec->root.path) && hooks_before_pivot(in);
	const char *at = shown ? in->spec->root.path : "/";
	struct stat st;

	if (cut_off(in, e) < 0)
		return -1;
	if (in->root < 0 && rootfs_open(in, e) < 0) /* no overlay */
		return -1;
	if (fstat(in->root, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "the root file system is not a directory");
	if (sys_move_mount(in->root, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "attach the root file system");
	return 0;
}

/* The host's root stays beneath, where no path leads to. */
static int enter_by_chroot(struct init *in, struct err *e)
{
	struct stat here, root;

	if (stat("/", &here) < 0 || fstat(in->ns_root, &root) < 0)
		return err_sys(e, "look at the root");
	if (here.st_dev != root.st_dev || here.st_ino != root.st_ino)
		return err_set(e, ERR_USAGE,
			       "without pivot_root, in a chroot, the host's root would be left to "
			       "whoever enters the container");
	fd_drop(&in->ns_root);
	if (fchdir(in->root) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "change the root");
	return 0;
}

int rootfs_pivot(struct init *in, struct err *e)
{
	if (in->no_pivot)
		return enter_by_chroot(in, e);
	if (fchdir(in->ns_root) < 0 || chroot(".") < 0)
		return err_sys(e, "leave the chroot");
	fd_drop(&in->ns_root);
	/* Both at once: the old root lands on the new one, and is taken off again. */
	if (fchdir(in->root) < 0 || sys_pivot_root(".", ".") < 0)
		return err_sys(e, "change the root");
	if (sys_umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "detach the host's root");
	return chdir("/") < 0 ? err_sys(e, "enter the new root") : 0;
}

/* After pivot_root(), which takes no root that is shared. */
int rootfs_readonly(struct init *in, struct err *e)
{
	const char *p = in->spec->linux_.rootfs_propagation;
	const struct oci_mount *m = in->spec->mounts.v;
	struct mount_attr attr = { .attr_set = in->spec->root.readonly ? MOUNT_ATTR_RDONLY : 0 };
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };

	if (str_eq(p, "shared") || str_eq(p, "rshared"))
		attr.propagation = MS_SHARED;
	if (str_eq(p, "unbindable") || str_eq(p, "runbindable"))
		attr.propagation = MS_UNBINDABLE;
	if ((attr.attr_set || attr.propagation) &&
	    sys_mount_setattr(in->root, "", AT_EMPTY_PATH, &attr) < 0)
		return err_sys(e, "set the attributes of the root");
	for (size_t i = 0; i < in->spec->mounts.n; i++) {
		int fd = str_eq(m[i].type, "proc") ? in->proc : -1;

		if (str_eq(m[i].type, "tmpfs") && in->dev_is_ours &&
		    str_eq(m[i].destination, "/dev"))
			fd = in->dev;
		if (fd >= 0 && in->mounts[i].opts.set & MOUNT_ATTR_RDONLY &&
		    sys_mount_setattr(fd, "", AT_EMPTY_PATH, &ro) < 0)
			return err_sys(e, "make %s read-only", m[i].destination);
	}
	return 0;
}

/* ---- masked and read-only paths ---- */

/* A path of the kernel's file systems; -1 without error: not there. Symlinks would lead elsewhere.
 */
static int mask_open(int root, const char *path, int *out, struct err *e)
{
	struct stat st;

	*out = path_try_open_in(root, path, O_PATH | O_NOFOLLOW, 0);
	if (*out < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "open %s", path);
	if (fstat(*out, &st) == 0 && S_ISLNK(st.st_mode)) {
		close(*out);
		*out = -1;
		return err_set(e, ERR_DENIED, "%s is a symbolic link", path);
	}
	return 0;
}

/* A copy of our /dev/null, by its fd and checked: the container's /dev may hold anything. */
static int null_tree(struct init *in, struct err *e)
{
	struct stat st;
	int tree = in->dev_is_ours
			   ? sys_open_tree(in->dev, "null", OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW)
			   : sys_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE);

	if (tree < 0)
		return err_sys(e, "copy the mount of /dev/null");
	if (fstat(tree, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
		close(tree);
		return err_set(e, ERR_DENIED, "/dev/null is not the null device");
	}
	return tree;
}

/* One empty file system for all masked directories; *first is attached, the others are copies of
 * it. */
static int empty_tree(int *first, struct err *e)
{
	own(strv) struct strv data = { 0 };
	int tree;

	if (*first >= 0) {
		tree = sys_open_tree(*first, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
		return tree < 0 ? err_sys(e, "copy the empty mount") : tree;
	}
	strv_add(&data, "size=4k");
	strv_add(&data, "nr_inodes=1");
	strv_add(&data, "mode=0555");
	strv_add(&data, "ro");
	*first = mount_new(
		"tmpfs", "tmpfs", &data,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
	return *first < 0 ? -1 : fcntl(*first, F_DUPFD_CLOEXEC, 3);
}

static int mask_one(struct init *in, const char *path, int *empty, struct err *e)
{
	own(fd) int target = -1, tree = -1;
	struct stat st;

	if (mask_open(in->root, path, &target, e) < 0)
		return -1;
	if (target < 0)
		return 0;
	if (fstat(target, &st) < 0)
		return err_sys(e, "stat %s", path);
	tree = S_ISDIR(st.st_mode) ? empty_tree(empty, e) : null_tree(in, e);
	return tree < 0 ? -1 : mount_attach(tree, target, e);
}

static int readonly_one(struct init *in, const char *path, struct err *e)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE };
	own(fd) int target = -1, tree = -1;

	if (mask_open(in->root, path, &target, e) < 0)
		return -1;
	if (target < 0)
		return 0;
	tree = sys_open_tree(target, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
	if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &ro) < 0)
		return err_sys(e, "make %s read-only", path);
	return mount_attach(tree, target, e);
}

int rootfs_mask(struct init *in, struct err *e)
{
	const struct oci_linux *l = &in->spec->linux_;
	own(fd) int empty = -1;

	for (size_t i = 0; i < l->readonly_paths.n; i++)
		if (readonly_one(in, l->readonly_paths.v[i], e) < 0)
			return err_in(e, "read-only path %s", l->readonly_paths.v[i]);
	for (size_t i = 0; i < l->masked_paths.n; i++)
		if (mask_one(in, l->masked_paths.v[i], &empty, e) < 0)
			return err_in(e, "masked path %s", l->masked_paths.v[i]);
	return 0;
}
