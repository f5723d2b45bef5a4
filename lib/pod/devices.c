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

/* Bounded in depth (DEPTH_MAX). NOLINTNEXTLINE(misc-no-recursion) */
static void scan(struct oci_spec *spec, int parent, const char *name, const char *path, int depth)
{
	own(fd) int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return;
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d)) && spec->linux_.devices.n < DEVICES_MAX;) {
		own(str) char *full = str_fmt("%s/%s", path, de->d_name);
		struct stat st;

		if (de->d_name[0] == '.' || (depth == 0 && is_own(de->d_name)) ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			scan(spec, dirfd(d), de->d_name, full, depth + 1);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			add_device(spec, full, &st);
	}
}

void devices_of_host(struct oci_spec *spec)
{
	scan(spec, AT_FDCWD, "/dev", "/dev", 0);
}

static int add_named(const struct cri_device *d, struct oci_spec *spec, struct err *e)
{
	const char *path = str_some(d->container_path) ? d->container_path : d->host_path;
	const char *access = str_some(d->permissions) ? d->permissions : "rwm";
	struct oci_device_rule *rule;
	struct stat st;

	if (!str_some(d->host_path) || d->host_path[0] != '/' || path[0] != '/')
		return err_set(e, ERR_USAGE, "device '%.200s': expected absolute paths",
			       d->host_path ? d->host_path : "");
	if (strspn(access, "rwm") != strlen(access))
		return err_set(e, ERR_USAGE, "device %s: permissions '%.20s' are not of r, w and m",
			       d->host_path, access);
	if (stat(d->host_path, &st) < 0)
		return err_sys(e, "device %s", d->host_path);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_USAGE, "%s is not a device", d->host_path);
	if (spec->linux_.uid_mappings.n)
		oci_add_mount(spec, path, "bind", d->host_path, "bind,rprivate,nosuid,noexec");
	else
		add_device(spec, path, &st);
	rule = objlist_add(&spec->linux_.resources.devices, &oci_device_rule_table);
	rule->allow = true;
	rule->type = xstrdup(S_ISCHR(st.st_mode) ? "c" : "b");
	rule->major = OPTINT((int64_t)major(st.st_rdev));
	rule->minor = OPTINT((int64_t)minor(st.st_rdev));
	rule->access = xstrdup(access);
	return 0;
}

int devices_of_cri(const struct cri_container_config *c, struct oci_spec *spec, struct err *e)
{
	const struct cri_device *d = c->devices.v;

	for (size_t i = 0; i < c->devices.n; i++)
		if (add_named(&d[i], spec, e) < 0)
			return -1;
	return 0;
}
