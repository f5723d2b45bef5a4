/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/own.h"

#define DEPTH_MAX 6
#define DEVICES_MAX 4096

/* A container has its own of these. */
static const char *const own_entries[] = { "pts",     "shm",   "fd",	"mqueue", "ptmx",
					   "console", "null",  "zero",	"full",	  "random",
					   "urandom", "tty",   "stdin", "stdout", "stderr",
					   ".lxc",    ".udev", "core",	"log" };

static bool is_own(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(own_entries); i++)
		if (str_eq(name, own_entries[i]))
			return true;
	return false;
}

static void add_device(struct oci_spec *spec, const char *path, const struct stat *st)
{
	struct oci_device *d = objlist_add(&spec->linux_.devices, &oci_device_table);

	d->type = xstrdup(S_ISCHR(st->st_mode) ? "c" : "b");
	d->path = xstrdup(path);
	d->major = (int64_t)major(st->st_rdev);
	d->minor = (int64_t)minor(st->st_rdev);
	d->file_mode = OPTINT(st->st_mode & 0777);
	d->uid = OPTINT(st->st_uid);
	d->gid = OPTINT(st->st_gid);
}

/* What is done with each device that is found; -1 ends the search. */
struct scan {
	int (*found)(struct scan *s, const char *host, const char *path, const struct stat *st,
		     struct err *e);
	struct oci_spec *spec;
	const char *access;
	const char *top; /* of the host; path is the container's name for it */
	const char *path;
	size_t n;
};

/* Bounded in depth (DEPTH_MAX). below: what is after top and path.
 * NOLINTNEXTLINE(misc-no-recursion) */
static int scan(struct scan *s, int parent, const char *name, const char *below, int depth,
		struct err *e)
{
	own(fd) int fd =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool all = str_eq(s->top, "/dev") && depth == 0;

	if (!d)
		return 0;
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d)) && s->n < DEVICES_MAX;) {
		own(str) char *rest = str_fmt("%s/%s", below, de->d_name);
		own(str) char *host = str_fmt("%s%s", s->top, rest);
		own(str) char *path = str_fmt("%s%s", s->path, rest);
		struct stat st;

		if (de->d_name[0] == '.' || (all && is_own(de->d_name)) ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			if (depth < DEPTH_MAX &&
			    scan(s, dirfd(d), de->d_name, rest, depth + 1, e) < 0)
				return -1;
		} else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
			s->n++;
			if (s->found(s, host, path, &st, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int found_any(struct scan *s, const char *host, const char *path, const struct stat *st,
		     struct err *e)
{
	(void)host;
	(void)e;
	add_device(s->spec, path, st);
	return 0;
}

void devices_of_host(struct oci_spec *spec)
{
	struct scan s = { .found = found_any, .spec = spec, .top = "/dev", .path = "/dev" };
	struct err ignored;

	(void)scan(&s, AT_FDCWD, "/dev", "", 0, &ignored);
}

static void allow(struct oci_spec *spec, const char *type, int64_t major_, int64_t minor_,
		  const char *access)
{
	struct oci_device_rule *rule =
		objlist_add(&spec->linux_.resources.devices, &oci_device_rule_table);

	rule->allow = true;
	rule->type = xstrdup(type);
	rule->major = OPTINT(major_);
	rule->minor = OPTINT(minor_);
	rule->access = xstrdup(str_some(access) ? access : "rwm");
}

void devices_add_node(const struct oci_device *node, const char *permissions, struct oci_spec *spec)
{
	fields_copy(&oci_device_table, objlist_add(&spec->linux_.devices, &oci_device_table), node);
	allow(spec, str_eq(node->type, "b") ? "b" : "c", node->major, node->minor, permissions);
}

static int found_named(struct scan *s, const char *host, const char *path, const struct stat *st,
		       struct err *e)
{
	if (s->n == DEVICES_MAX)
		return err_set(e, ERR_USAGE, "device %s: there are more than %d below it", s->top,
			       DEVICES_MAX);
	if (s->spec->linux_.uid_mappings.n)
		oci_add_mount(s->spec, path, "bind", host, "bind,rprivate,nosuid,noexec");
	else
		add_device(s->spec, path, st);
	allow(s->spec, S_ISCHR(st->st_mode) ? "c" : "b", (int64_t)major(st->st_rdev),
	      (int64_t)minor(st->st_rdev), s->access);
	return 0;
}

int devices_add(const char *host, const char *container, const char *permissions,
		struct oci_spec *spec, struct err *e)
{
	const char *path = str_some(container) ? container : host;
	const char *access = str_some(permissions) ? permissions : "rwm";
	struct scan s = {
		.found = found_named, .spec = spec, .access = access, .top = host, .path = path
	};
	struct stat st;

	if (!str_some(host) || host[0] != '/' || path[0] != '/')
		return err_set(e, ERR_USAGE, "device '%.200s': expected absolute paths",
			       host ? host : "");
	if (strspn(access, "rwm") != strlen(access))
		return err_set(e, ERR_USAGE, "device %s: permissions '%.20s' are not of r, w and m",
			       host, access);
	if (stat(host, &st) < 0)
		return err_sys(e, "device %s", host);
	if (S_ISDIR(st.st_mode)) {
		if (scan(&s, AT_FDCWD, host, "", 0, e) < 0)
			return -1;
		return s.n ? 0
			   : err_set(e, ERR_USAGE, "device %s: there is none in that directory",
				     host);
	}
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_USAGE, "%s is not a device", host);
	return found_named(&s, host, path, &st, e);
}

int devices_of_cri(const struct cri_container_config *c, struct oci_spec *spec, struct err *e)
{
	const struct cri_device *d = c->devices.v;

	for (size_t i = 0; i < c->devices.n; i++)
		if (devices_add(d[i].host_path, d[i].container_path, d[i].permissions, spec, e) < 0)
			return -1;
	return 0;
}
