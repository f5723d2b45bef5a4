/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "executor/syscalls.h"

#define LINES_MAX 340
#define ID_MAX (INT64_C(4294967295) - 1) /* the last one means "none" */

static bool overlap(int64_t a, int64_t na, int64_t b, int64_t nb)
{
	return a < b + nb && b < a + na;
}

static int check_line(const char *what, const struct oci_id_mapping *m, size_t i, struct err *e)
{
	const struct oci_id_mapping *l = &m[i];

	if (l->size < 1 || l->container_id < 0 || l->host_id < 0 || l->size > ID_MAX + 1 ||
	    l->container_id > ID_MAX || l->host_id > ID_MAX ||
	    l->container_id + l->size > ID_MAX + 1 || l->host_id + l->size > ID_MAX + 1)
		return err_set(e, ERR_USAGE, "%s: %lld:%lld:%lld is not a range of ids", what,
			       (long long)l->container_id, (long long)l->host_id,
			       (long long)l->size);
	for (size_t k = 0; k < i; k++)
		if (overlap(l->container_id, l->size, m[k].container_id, m[k].size) ||
		    overlap(l->host_id, l->size, m[k].host_id, m[k].size))
			return err_set(e, ERR_USAGE,
				       "%s: %lld:%lld:%lld and %lld:%lld:%lld overlap", what,
				       (long long)m[k].container_id, (long long)m[k].host_id,
				       (long long)m[k].size, (long long)l->container_id,
				       (long long)l->host_id, (long long)l->size);
	return 0;
}

static void format(const struct objlist *map, struct buf *out)
{
	const struct oci_id_mapping *m = map->v;

	for (size_t i = 0; i < map->n; i++)
		buf_addf(out, "%lld %lld %lld\n", (long long)m[i].container_id,
			 (long long)m[i].host_id, (long long)m[i].size);
}

int idmap_check_mount(const char *what, const struct objlist *map, struct err *e)
{
	own(buf) struct buf text = { 0 };

	if (map->n == 0)
		return err_set(e, ERR_USAGE, "%s: a user namespace needs a map of ids", what);
	if (map->n > LINES_MAX)
		return err_set(e, ERR_USAGE, "%s: %zu lines are more than the kernel takes (%d)",
			       what, map->n, LINES_MAX);
	for (size_t i = 0; i < map->n; i++)
		if (check_line(what, map->v, i, e) < 0)
			return -1;
	format(map, &text);
	if (text.len >= (size_t)sysconf(_SC_PAGESIZE))
		return err_set(e, ERR_USAGE,
			       "%s: a map of %zu bytes is more than the kernel takes (a page)",
			       what, text.len);
	return 0;
}

int idmap_check(const char *what, const struct objlist *map, struct err *e)
{
	if (idmap_check_mount(what, map, e) < 0)
		return -1;
	if (idmap_to_host(map, 0) < 0)
		return err_set(e, ERR_USAGE, "%s: nothing is mapped to 0, the container's root",
			       what);
	return 0;
}

static int write_one(pid_t pid, const char *file, const struct objlist *map, struct err *e)
{
	own(buf) struct buf text = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	format(map, &text);
	return file_write_kernel(AT_FDCWD, path, text.s, e);
}

int idmap_write(pid_t pid, const struct objlist *uids, const struct objlist *gids, struct err *e)
{
	if (idmap_check_mount("uids", uids, e) < 0 || idmap_check_mount("gids", gids, e) < 0)
		return -1;
	return write_one(pid, "gid_map", gids, e) < 0 || write_one(pid, "uid_map", uids, e) < 0 ? -1
												: 0;
}

/* A namespace needs a process while its maps are written; this one does nothing but wait. */
int idmap_userns(const struct objlist *uids, const struct objlist *gids, struct err *e)
{
	own(fd) int pidfd = -1, ns = -1;
	char path[48];
	pid_t pid = sys_clone(CLONE_NEWUSER, -1, &pidfd);
	int rc;

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return err_sys(e, "make a user namespace");
	rc = idmap_write(pid, uids, gids, e);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	if (rc == 0) {
		ns = open(path, O_RDONLY | O_CLOEXEC);
		rc = ns < 0 ? err_sys(e, "open the user namespace") : 0;
	}
	proc_pidfd_signal(pidfd, SIGKILL);
	proc_wait(pid);
	return rc < 0 ? -1 : fd_steal(&ns);
}

int idmap_mount(int mount, int userns, bool below, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };

	if (sys_mount_setattr(mount, "", AT_EMPTY_PATH | (below ? AT_RECURSIVE : 0), &attr) == 0)
		return 0;
	err_sys(e, "map the ids of the mount");
	return e->sys == EINVAL ? err_hint(e, "its file system or this kernel cannot do that") : -1;
}
