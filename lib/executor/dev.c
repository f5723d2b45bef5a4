/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /dev and the terminal: by the fds of the mounts that we made, never by the container's paths. */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "base/path.h"
#include "executor/sync.h"
#include "executor/syscalls.h"

// clang-format off
static const struct node {
	const char *name;
	unsigned major, minor;
} nodes[] = {
	{ "null",    1, 3 },
	{ "zero",    1, 5 },
	{ "full",    1, 7 },
	{ "random",  1, 8 },
	{ "urandom", 1, 9 },
	{ "tty",     5, 0 },
};
static const struct {
	const char *name, *target;
} links[] = {
	{ "fd",     "/proc/self/fd" },
	{ "stdin",  "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "ptmx",   "pts/ptmx" },
};
static const struct {
	const char *name;
	mode_t mode;
} node_types[] = {
	{ "c", S_IFCHR }, { "u", S_IFCHR }, { "b", S_IFBLK }, { "p", S_IFIFO },
};
// clang-format on

/* In a user namespace nobody may make nodes: the host's own is bound instead. */
static int node_bind(int dir, const char *name, const char *host, struct err *e)
{
	own(fd) int tree = sys_open_tree(AT_FDCWD, host, OPEN_TREE_CLONE);
	own(fd) int file = -1;

	if (tree < 0)
		return err_sys(e, "copy the mount of %s", host);
	file = openat(dir, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (file < 0)
		return errno == EEXIST ? 0 : err_sys(e, "create /dev/%s", name);
	return mount_attach(tree, file, e);
}

static int node_make(int dir, const struct node *n, struct err *e)
{
	char host[32] = "/dev/";

	if (mknodat(dir, n->name, S_IFCHR | 0666, makedev(n->major, n->minor)) == 0 ||
	    errno == EEXIST)
		return 0;
	if (errno != EPERM)
		return err_sys(e, "make /dev/%s", n->name);
	strncat(host, n->name, sizeof(host) - 6);
	return node_bind(dir, n->name, host, e);
}

/* What is there already must be that device, or a copy of it. */
static int device_same(int parent, const char *last, const struct oci_device *d, mode_t type,
		       struct err *e)
{
	dev_t want = type == S_IFIFO ? 0 : makedev((unsigned)d->major, (unsigned)d->minor);
	struct stat st;

	if (fstatat(parent, last, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at %s", d->path);
	if ((st.st_mode & S_IFMT) == type && (type == S_IFIFO || st.st_rdev == want))
		return 0;
	/* Engines that name all devices of the host name this one: ours leads to the container's.
	 */
	if (str_eq(d->path, "/dev/ptmx") && type == S_IFCHR && want == makedev(5, 2))
		return 0;
	return err_set(e, ERR_EXISTS, "linux.devices: %s is there already, and is not this device",
		       d->path);
}

/* A device of the spec, anywhere in the root. */
static int device_make(struct init *in, const struct oci_device *d, struct err *e)
{
	own(str) char *copy = xstrdup(d->path ? d->path : "");
	own(fd) int parent = -1;
	const char *last;
	mode_t type = 0, mode = (mode_t)(d->file_mode.set ? d->file_mode.v & 07777 : 0666);
	char *slash;

	for (size_t i = 0; i < ARRAY_LEN(node_types); i++)
		if (str_eq(d->type, node_types[i].name))
			type = node_types[i].mode;
	if (!type || d->path == NULL || d->path[0] != '/')
		return err_set(e, ERR_USAGE,
			       "linux.devices: a device needs a type and an absolute path");
	slash = strrchr(copy, '/');
	if (slash != copy) {
		own(str) char *dir = xstrndup(copy, (size_t)(slash - copy));

		parent = path_mkdirs_in(in->root, dir, 0755, e);
		if (parent < 0)
			return -1;
		close(fd_steal(&parent));
	}
	parent = path_open_parent_in(in->root, copy, &last, e);
	if (parent < 0)
		return -1;
	if (mknodat(parent, last, type | mode, makedev((unsigned)d->major, (unsigned)d->minor)) <
	    0) {
		if (errno == EEXIST)
			return device_same(parent, last, d, type, e);
		return errno == EPERM ? node_bind(parent, last, d->path, e)
				      : err_sys(e, "make %s", d->path);
	}
	if (fchownat(parent, last, d->uid.set ? (uid_t)d->uid.v : 0,
		     d->gid.set ? (gid_t)d->gid.v : 0, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the owner of %s", d->path);
	return 0;
}

static bool dev_is_bound(const struct init *in)
{
	for (size_t i = 0; i < in->spec->mounts.n; i++)
		if (in->mounts[i].is_dev)
			return true;
	return false;
}

int dev_make(struct init *in, struct err *e)
{
	const struct oci_device *d = in->spec->linux_.devices.v;
	struct stat st;

	if (dev_is_bound(in))
		return 0;
	if (in->dev < 0) {
		/* No mount of ours: the image's directory, which a symlink must not move elsewhere.
		 */
		if (fstatat(in->root, "dev", &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
			return err_set(e, ERR_DENIED, "/dev is not an ordinary directory");
		in->dev = path_mkdirs_in(in->root, "dev", 0755, e);
		if (in->dev < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		if (node_make(in->dev, &nodes[i], e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].target, in->dev, links[i].name) < 0 && errno != EEXIST)
			return err_sys(e, "link /dev/%s", links[i].name);
	for (size_t i = 0; i < in->spec->linux_.devices.n; i++)
		if (device_make(in, &d[i], e) < 0)
			return -1;
	return 0;
}

/* ---- the terminal ---- */

/* From ptmx of a devpts: *master and the other side. The size is set before anybody looks. */
static int pty_open(struct init *in, int ptmx, struct err *e)
{
	const struct oci_box *box = &in->process->console_size;
	struct winsize size = { .ws_row = (unsigned short)box->height,
				.ws_col = (unsigned short)box->width };
	struct statfs fs;
	int unlock = 0;

	if (fstatfs(ptmx, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, ERR_DENIED, "/dev/pts is not a devpts file system");
	if (ioctl(ptmx, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "unlock the terminal");
	in->slave = ioctl(ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (in->slave < 0)
		return err_sys(e, "open the terminal");
	if (box->height > 0 && box->width > 0 && ioctl(in->slave, TIOCSWINSZ, &size) < 0)
		return err_sys(e, "set the size of the terminal");
	return sync_send(in->sock, SYNC_CONSOLE, ptmx, e);
}

static int console_bind(struct init *in, struct err *e)
{
	own(fd) int tree = sys_open_tree(in->slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	own(fd) int file = -1;

	if (tree < 0)
		return err_sys(e, "copy the mount of the terminal");
	file = openat(in->dev, "console", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      0600);
	if (file < 0)
		return err_sys(e, "create /dev/console");
	return mount_attach(tree, file, e);
}

int console_make(struct init *in, struct err *e)
{
	own(fd) int ptmx = -1;

	if (!in->process->terminal)
		return 0;
	if (in->pts < 0)
		return err_set(e, ERR_USAGE, "a terminal needs a devpts mounted on /dev/pts");
	ptmx = openat(in->pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (ptmx < 0)
		return err_sys(e, "open /dev/pts/ptmx");
	if (pty_open(in, ptmx, e) < 0)
		return -1;
	return in->dev_is_ours ? console_bind(in, e) : 0;
}

/* exec: the container may have put anything on /dev/pts; what is opened is checked before it is
 * used. */
int console_join(struct init *in, struct err *e)
{
	own(fd) int look = -1, ptmx = -1;
	struct statfs fs;
	struct stat st;

	if (!in->process->terminal)
		return 0;
	look = path_open_in(in->root, "dev/pts/ptmx", O_PATH | O_NOFOLLOW, 0, e);
	if (look < 0)
		return -1;
	if (fstat(look, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) ||
	    fstatfs(look, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, ERR_DENIED, "/dev/pts/ptmx is not that of a devpts file system");
	ptmx = path_open_in(in->root, "dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK,
			    0, e);
	if (ptmx < 0)
		return -1;
	if (fcntl(ptmx, F_SETFL, O_RDWR) < 0)
		return err_sys(e, "set /dev/pts/ptmx to block");
	return pty_open(in, ptmx, e);
}
