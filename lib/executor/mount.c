/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/path.h"
#include "executor/idmap.h"
#include "executor/syscalls.h"

static int fs_option(int fs, const char *type, const char *option, struct err *e)
{
	own(str) char *key = xstrdup(option);
	char *value = strchr(key, '=');
	int ret;

	if (value)
		*value++ = '\0';
	if (value)
		ret = sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
	else
		ret = sys_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
	if (ret < 0)
		return err_sys(e, "%s: option \"%.100s\"", type, option);
	return 0;
}

int mount_new(const char *type, const char *source, const struct strv *data, unsigned attr,
	      struct err *e)
{
	own(fd) int fs = sys_fsopen(type);
	int mount;

	if (fs < 0)
		return err_sys(e, "open file system type \"%s\"", type);
	if (source && sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return err_sys(e, "%s: source \"%.100s\"", type, source);
	for (size_t i = 0; data && i < data->n; i++)
		if (fs_option(fs, type, data->v[i], e) < 0)
			return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "create file system of type %s", type);
	mount = sys_fsmount(fs, attr);
	return mount < 0 ? err_sys(e, "mount file system of type %s", type) : mount;
}

int mount_attach(int mount, int target, struct err *e)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

	return sys_move_mount(mount, "", target, "", flags) < 0 ? err_sys(e, "attach") : 0;
}

/* ---- bind mounts: sources ---- */

/*
 * Before the mount tree is cut off from the host's, so that a mount that is to be shared with the
 * host still belongs to its peers; and before anything of the container is mounted, so that a
 * source is always a path of the host.
 */
static int source_open(const struct oci_mount *m, struct init_mount *im, struct err *e)
{
	own(fd) int below = -1;
	struct stat st;

	if (!str_some(m->source) || m->source[0] != '/')
		return err_set(e, ERR_USAGE, "the source of a bind mount must be an absolute path");
	if (str_some(m->sub_path)) {
		/* Whoever writes there may put links on the way: they end at the source. */
		own(fd) int top = open(m->source, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (top < 0)
			return err_sys(e, "bind source %s", m->source);
		below = path_open_in(top, m->sub_path, O_PATH, 0, e);
		if (below < 0)
			return err_in(e, "sub-path of %s", m->source);
	}
	if (mount_link_read(m, im, e) < 0)
		return -1;
	if (im->link)
		return 0;
	im->source = sys_open_tree(below, below < 0 ? m->source : "",
				   OPEN_TREE_CLONE | (below < 0 ? 0 : AT_EMPTY_PATH) |
					   (im->opts.src_nofollow ? AT_SYMLINK_NOFOLLOW : 0) |
					   (im->opts.recursive ? AT_RECURSIVE : 0));
	if (im->source < 0)
		return err_sys(e, "bind source %s", m->source);
	if (fstat(im->source, &st) < 0)
		return err_sys(e, "stat %s", m->source);
	im->is_file = !S_ISDIR(st.st_mode);
	return 0;
}

/* By the maps of the mount, else by those of the container. */
static int source_map(const struct init *in, size_t i, const struct init_mount *im, struct err *e)
{
	int userns = in->given[i] >= 0 ? in->given[i] : ns_joined(&in->ns, CLONE_NEWUSER);

	if (in->given[i] < 0 && !im->opts.idmap)
		return 0;
	if (userns < 0)
		return err_set(e, ERR_USAGE, "idmap: the container has no user namespace");
	return idmap_mount(im->source, userns, im->opts.ridmap, e);
}

/* From here on it is attached like a bind mount. */
static int image_take(struct init *in, size_t i, struct init_mount *im, struct err *e)
{
	struct stat st;

	if (fstat(in->given[i], &st) < 0)
		return err_sys(e, "look at the image's files");
	im->opts.bind = true;
	im->source = in->given[i];
	im->is_file = !S_ISDIR(st.st_mode);
	return 0;
}

int mount_open_sources(struct init *in, struct err *e)
{
	const struct oci_mount *m = in->spec->mounts.v;
	size_t n = in->spec->mounts.n;
	bool cgroups = false;

	in->mounts = xcalloc(n + 1, sizeof(*in->mounts));
	for (size_t i = 0; i < n; i++) {
		struct init_mount *im = &in->mounts[i];

		im->source = -1;
		cgroups = cgroups || str_eq(m[i].type, "cgroup") || str_eq(m[i].type, "cgroup2");
		if (!str_some(m[i].destination))
			return err_set(e, ERR_USAGE, "mounts[%zu] has no destination", i);
		mount_opts_parse(&m[i].options, &im->opts);
		if (str_eq(m[i].type, EXECUTOR_IMAGE_MOUNT)) {
			if (image_take(in, i, im, e) < 0)
				return err_in(e, "mount on %s", m[i].destination);
			continue;
		}
		if (str_eq(m[i].type, "bind"))
			im->opts.bind = true;
		if (im->opts.bind &&
		    (source_open(&m[i], im, e) < 0 || source_map(in, i, im, e) < 0))
			return err_in(e, "mount on %s", m[i].destination);
		if (!im->opts.bind &&
		    (im->opts.idmap || m[i].uid_mappings.n || m[i].gid_mappings.n))
			return err_set(e, ERR_USAGE, "mount on %s: only bind mounts map ids",
				       m[i].destination);
	}
	return cgroups ? mount_cgroup_open(in, e) : 0;
}

/* ---- targets ---- */

/* Strips slashes and "." so that "/dev/" and "//dev" are recognised. */
static bool is_path(const char *a, const char *b)
{
	while (*a || *b) {
		a += strspn(a, "/");
		b += strspn(b, "/");
		if (a[0] == '.' && (a[1] == '/' || !a[1])) {
			a++;
			continue;
		}
		while (*a && *a == *b && *a != '/')
			a++, b++;
		if ((*a && *a != '/') || (*b && *b != '/'))
			return false;
		if (!*a && !*b)
			return true;
	}
	return true;
}

static int target_file(int root, const char *path, struct err *e)
{
	own(str) char *copy = xstrdup(path);
	own(fd) int parent = -1, made = -1;
	const char *last;
	int fd = path_try_open_in(root, path, O_PATH, 0);

	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : err_sys(e, "open %s", path);
	/* The parent may be missing, too. */
	last = strrchr(copy, '/');
	if (last && last != copy) {
		own(str) char *dir = xstrndup(copy, (size_t)(last - copy));

		parent = path_mkdirs_in(root, dir, 0755, e);
		if (parent < 0)
			return -1;
		close(fd_steal(&parent));
	}
	parent = path_open_parent_in(root, copy, &last, e);
	if (parent < 0)
		return -1;
	made = openat(parent, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	/* A link to nothing: what it names is made, inside. */
	if (made < 0 && errno == EEXIST)
		made = path_try_open_in(root, path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY,
					0644);
	if (made < 0 && errno == ENOENT)
		return err_sys(e, "create what the link %s names", path);
	if (made < 0 && errno != EEXIST && errno != EISDIR && errno != ENXIO)
		return err_sys(e, "create %s", path);
	return path_open_in(root, path, O_PATH, 0, e);
}

/* Files that lxcfs and the like stand in for: for looking at, never for writing to. */
static const char *const proc_files[] = {
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo",
	"/proc/stat",	 "/proc/swaps",	    "/proc/uptime",  "/proc/net/dev",
};

/* A mount in /proc could take what is written to a label or a sysctl. The target is asked, not its
 * name. */
static int target_check(int target, const struct oci_mount *m, bool is_file, struct err *e)
{
	struct statfs fs;

	if (fstatfs(target, &fs) < 0)
		return err_sys(e, "look at the target");
	for (size_t i = 0; i < ARRAY_LEN(proc_files); i++)
		if (is_file && is_path(m->destination, proc_files[i]))
			return 0;
	if (fs.f_type == PROC_SUPER_MAGIC ||
	    (is_path(m->destination, "/proc") && !str_eq(m->type, "proc")))
		return err_set(e, ERR_DENIED, "nothing can be mounted inside /proc");
	return 0;
}

static int target_open(int root, const struct oci_mount *m, const struct init_mount *im,
		       struct err *e)
{
	bool is_file = im->is_file;
	struct stat st;
	own(fd) int target = -1;

	if (is_path(m->destination, "/"))
		return err_set(e, ERR_USAGE, "cannot mount on the root directory");
	if (im->opts.dest_nofollow) {
		target = mount_target_nofollow(root, m->destination, e);
		if (target < 0 && e->sys != ENOENT)
			return -1;
		is_file = target >= 0 && fstat(target, &st) == 0 ? !S_ISDIR(st.st_mode) : is_file;
	}
	if (target < 0)
		target = is_file ? target_file(root, m->destination, e)
				 : path_mkdirs_in(root, m->destination, 0755, e);
	if (target < 0 || target_check(target, m, is_file, e) < 0)
		return -1;
	return fd_steal(&target);
}

/* A /proc that is a symlink would be another directory to each of those that look at it. */
static int target_open_plain(int root, const struct oci_mount *m, const struct init_mount *im,
			     struct err *e)
{
	struct stat st;
	int fd;
	const char *name = m->destination + strspn(m->destination, "/");

	if (!strchr(name, '/')) {
		if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
			return err_set(e, ERR_DENIED, "must be mounted on an ordinary directory");
	}
	fd = target_open(root, m, im, e);
	return fd;
}

/* ---- the mounts ---- */

static int attr_apply(int mount, const struct mount_opts *o, struct err *e)
{
	struct mount_attr one = { .attr_set = o->set, .attr_clr = o->clear };
	struct mount_attr tree = { .attr_set = o->rset, .attr_clr = o->rclear };
	struct mount_attr spread = { .propagation = o->propagation ? o->propagation : MS_PRIVATE };
	unsigned below = !o->propagation || o->propagation_below ? AT_RECURSIVE : 0;

	if ((o->set || o->clear) && sys_mount_setattr(mount, "", AT_EMPTY_PATH, &one) < 0)
		return err_sys(e, "set mount attributes");
	if ((o->rset || o->rclear) &&
	    sys_mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &tree) < 0)
		return err_sys(e, "set mount attributes of the tree");
	if (sys_mount_setattr(mount, "", AT_EMPTY_PATH | below, &spread) < 0)
		return err_sys(e, "set mount propagation");
	return 0;
}

static int mount_bind(struct init *in, const struct oci_mount *m, struct init_mount *im,
		      struct err *e)
{
	own(fd) int target = -1;

	if (im->link)
		return mount_link_make(in->root, m, im, e);
	target = target_open(in->root, m, im, e);
	if (target < 0 || attr_apply(im->source, &im->opts, e) < 0 ||
	    mount_attach(im->source, target, e) < 0)
		return -1;
	if (is_path(m->destination, "/dev"))
		im->is_dev = true;
	return 0;
}

static const unsigned fsmount_attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				      MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

/* linux.mountLabel: of all but the kernel's own, which have labels by file. */
static void add_label(const struct init *in, const struct oci_mount *m, struct mount_opts *o)
{
	const char *label = in->spec->linux_.mount_label;

	if (str_some(label) && !str_eq(m->type, "proc") && !str_eq(m->type, "sysfs") &&
	    !str_eq(m->type, "mqueue"))
		strv_take(&o->data, str_fmt("context=%s", label));
}

/* tmpcopyup, before anybody sees it. A mode that was asked for stays. */
static int fill(const struct oci_mount *m, const struct init_mount *im, int target, int mount,
		struct err *e)
{
	struct mount_attr ro = { .attr_set = im->opts.set & MOUNT_ATTR_RDONLY };
	bool mode = false;

	if (!str_eq(m->type, "tmpfs"))
		return err_set(e, ERR_USAGE, "tmpcopyup: goes with a tmpfs only");
	for (size_t i = 0; i < im->opts.data.n; i++)
		mode = mode || str_starts(im->opts.data.v[i], "mode=");
	if (copyup(target, mount, mode, e) < 0)
		return -1;
	return ro.attr_set && sys_mount_setattr(mount, "", AT_EMPTY_PATH, &ro) < 0
		       ? err_sys(e, "make it read-only")
		       : 0;
}

static int mount_fs(struct init *in, const struct oci_mount *m, struct init_mount *im,
		    struct err *e)
{
	bool proc = str_eq(m->type, "proc"), sys = str_eq(m->type, "sysfs");
	bool dev = is_path(m->destination, "/dev");
	unsigned attr = (unsigned)im->opts.set & fsmount_attrs;
	own(fd) int mount = -1;
	own(fd) int target = proc || sys ? target_open_plain(in->root, m, im, e)
					 : target_open(in->root, m, im, e);

	if (target < 0)
		return -1;
	/* Our own /dev, and what sysctls are written through, become read-only at the end. */
	if (dev || proc || im->opts.copy_up)
		attr &= ~(unsigned)MOUNT_ATTR_RDONLY;
	add_label(in, m, &im->opts);
	mount = mount_new(m->type, m->source, &im->opts.data, attr, e);
	if (mount < 0)
		return -1;
	if (im->opts.copy_up && fill(m, im, target, mount, e) < 0)
		return -1;
	if (im->opts.propagation & MS_SHARED) {
		struct mount_attr spread = { .propagation = MS_SHARED };

		if (sys_mount_setattr(mount, "", AT_EMPTY_PATH, &spread) < 0)
			return err_sys(e, "set mount propagation");
	}
	if (mount_attach(mount, target, e) < 0)
		return -1;
	if (dev) {
		in->dev_is_ours = str_eq(m->type, "tmpfs");
		in->dev = fd_steal(&mount);
	} else if (str_eq(m->type, "devpts") && is_path(m->destination, "/dev/pts")) {
		in->pts = fd_steal(&mount);
	} else if (proc && is_path(m->destination, "/proc")) {
		in->proc = fd_steal(&mount);
	}
	return 0;
}

static int mount_one(struct init *in, const struct oci_mount *m, struct init_mount *im,
		     struct err *e)
{
	if (im->opts.bind)
		return mount_bind(in, m, im, e);
	if (!str_some(m->type))
		return err_set(e, ERR_USAGE, "the mount has no type");
	if (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2")) {
		own(fd) int target = target_open_plain(in->root, m, im, e);

		return target < 0 ? -1 : mount_cgroup(in, m, &im->opts, target, e);
	}
	return mount_fs(in, m, im, e);
}

int mount_all(struct init *in, struct err *e)
{
	const struct oci_mount *m = in->spec->mounts.v;

	for (size_t i = 0; i < in->spec->mounts.n; i++) {
		if (mount_one(in, &m[i], &in->mounts[i], e) < 0)
			return err_in(e, "mount %s on %s", m[i].type ? m[i].type : "bind",
				      m[i].destination);
		if (in->mounts[i].source >= 0) {
			close(in->mounts[i].source);
			in->mounts[i].source = -1;
		}
	}
	return 0;
}
