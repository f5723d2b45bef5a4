/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "executor/cgroup_ops.h"

int cgroup_open_nearest(const struct cgroup_hierarchy *h, const char *path)
{
	own(str) char *p = xstrdup(path);
	int dir = cgroup_open(h, p);

	while (dir < 0 && errno == ENOENT) {
		char *slash = strrchr(p, '/');

		if (!slash || slash == p) {
			errno = ENOENT;
			return -1;
		}
		*slash = '\0';
		dir = cgroup_open(h, p);
	}
	return dir;
}

int cgroup_join_open(const char *path, bool with_v2, struct cgroup_join *out, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);

	out->n = 0;
	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct cgroup_hierarchy *h = &s->h[i];
		own(fd) int dir = -1;
		int fd;

		if (h->v2 && !with_v2)
			continue;
		dir = cgroup_open_nearest(h, path);
		if (dir < 0 && errno == ENOENT)
			continue;
		fd = dir < 0 ? -1
			     : openat(dir, h->v2 ? "cgroup.procs" : "tasks", O_WRONLY | O_CLOEXEC);
		if (fd < 0) {
			cgroup_join_close(out);
			return err_sys(e, "open cgroup %s%s", h->mount, path);
		}
		out->fds[out->n++] = fd;
	}
	return 0;
}

int cgroup_join_self(const struct cgroup_join *j, struct err *e)
{
	/* ENODEV: a parent that was found for want of an own group, and was removed since: it was
	 * empty, so none of the container is in it. */
	for (size_t i = 0; i < j->n; i++)
		if (write(j->fds[i], "0", 1) != 1 && errno != ENODEV)
			return err_sys(e, "join the cgroup");
	return 0;
}

void cgroup_join_close(struct cgroup_join *j)
{
	for (size_t i = 0; i < j->n; i++)
		close(j->fds[i]);
	j->n = 0;
}
