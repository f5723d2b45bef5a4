/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.intelRdt, by the resctrl file system: a directory is a class of service.
 * https://docs.kernel.org/filesystems/resctrl.html
 */
#include "executor/rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"

#ifndef RDTGROUP_SUPER_MAGIC
#define RDTGROUP_SUPER_MAGIC 0x7655821
#endif

static bool own_class(const struct oci_intel_rdt *r)
{
	return !str_some(r->clos_id);
}

static bool has_schemata(const struct oci_intel_rdt *r)
{
	return r->schemata.n || str_some(r->l3_cache_schema) || str_some(r->mem_bw_schema);
}

int rdt_open(struct err *e)
{
	own(fd) int fd = open("/sys/fs/resctrl", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != RDTGROUP_SUPER_MAGIC)
		return err_set(
			e, ERR_FAIL,
			"linux.intelRdt: no resctrl file system is mounted on /sys/fs/resctrl");
	return fd_steal(&fd);
}

static void add_line(struct buf *b, const char *line)
{
	if (str_some(line))
		buf_addf(b, "%s%s", line, str_ends(line, "\n") ? "" : "\n");
}

static int write_schemata(int class, const struct oci_intel_rdt *r, struct err *e)
{
	own(buf) struct buf text = { 0 };

	add_line(&text, r->l3_cache_schema);
	add_line(&text, r->mem_bw_schema);
	for (size_t i = 0; i < r->schemata.n; i++)
		add_line(&text, r->schemata.v[i]);
	return text.len ? file_write_kernel(class, "schemata", text.s, e) : 0;
}

static int join_monitoring(int class, const char *id, const char *pid, struct err *e)
{
	own(str) char *dir = str_fmt("mon_groups/%s", id), *file = str_fmt("%s/tasks", dir);

	if (mkdirat(class, dir, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", dir);
	return file_write_kernel(class, file, pid, e);
}

int rdt_join(int resctrl, const struct oci_intel_rdt *r, const char *id, pid_t pid, struct err *e)
{
	const char *name = own_class(r) ? id : r->clos_id;
	own(fd) int class = -1;
	char text[16];

	/* A class that is named and has no schema of ours must be there already. */
	if ((own_class(r) || has_schemata(r)) && mkdirat(resctrl, name, 0755) < 0 &&
	    errno != EEXIST)
		return err_sys(e, "linux.intelRdt: make class %s", name);
	class = openat(resctrl, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (class < 0)
		return err_sys(e, "linux.intelRdt.closID: class %s", name);
	snprintf(text, sizeof(text), "%d", (int)pid);
	if (write_schemata(class, r, e) < 0 || file_write_kernel(class, "tasks", text, e) < 0 ||
	    (r->enable_monitoring && join_monitoring(class, id, text, e) < 0))
		return err_in(e, "linux.intelRdt");
	return 0;
}

char *rdt_made(const struct oci_intel_rdt *r, const char *id)
{
	if (own_class(r))
		return xstrdup(id);
	return r->enable_monitoring ? str_fmt("%s/mon_groups/%s", r->clos_id, id) : NULL;
}

int rdt_remove(int resctrl, const char *made, struct err *e)
{
	return unlinkat(resctrl, made, AT_REMOVEDIR) < 0 && errno != ENOENT
		       ? err_sys(e, "linux.intelRdt: remove %s", made)
		       : 0;
}
