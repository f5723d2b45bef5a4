/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/cgroup.h"

#include <errno.h>
#include <stdlib.h>

#include "executor/cgroup_ops.h"

#define NO_LIMIT_V1                                                                                \
	INT64_C(0x7fffffffffff0000) /* v1 says "none" as the largest number of pages               \
				     */

static int open_of(const struct cgroup_system *s, enum cgroup_controller c, const char *path,
		   bool *v2)
{
	const struct cgroup_hierarchy *h = cgroup_of(s, c);

	*v2 = h && h->v2;
	return h ? cgroup_open(h, path) : -1;
}

static int64_t oom_kills(int dir, bool v2)
{
	int64_t n;

	return cgroup_read_key(dir, v2 ? "memory.events" : "memory.oom_control", "oom_kill", &n) < 0
		       ? -1
		       : n;
}

static void memory_stats(const struct cgroup_system *s, const char *path, struct cgroup_stats *out)
{
	bool v2;
	own(fd) int dir = open_of(s, CGROUP_MEMORY, path, &v2);
	int64_t cold;

	if (dir < 0)
		return;
	cgroup_read_i64(dir, v2 ? "memory.current" : "memory.usage_in_bytes", &out->memory_usage);
	cgroup_read_i64(dir, v2 ? "memory.max" : "memory.limit_in_bytes", &out->memory_limit);
	if (out->memory_limit >= NO_LIMIT_V1)
		out->memory_limit = -1;
	out->oom_kills = oom_kills(dir, v2);
	if (out->memory_usage >= 0 &&
	    cgroup_read_key(dir, "memory.stat", v2 ? "inactive_file" : "total_inactive_file",
			    &cold) == 0)
		out->memory_working_set = MAX(out->memory_usage - cold, 0);
}

static void cpu_stats(const struct cgroup_system *s, const char *path, struct cgroup_stats *out)
{
	bool v2;
	own(fd) int dir = -1;
	int64_t us;

	if (s->pure_v2) {
		dir = cgroup_open(s->v2, path);
		if (dir >= 0 && cgroup_read_key(dir, "cpu.stat", "usage_usec", &us) == 0)
			out->cpu_usage = us * 1000;
		return;
	}
	dir = open_of(s, CGROUP_CPUACCT, path, &v2);
	if (dir >= 0)
		cgroup_read_i64(dir, "cpuacct.usage", &out->cpu_usage);
}

static int pid_stats(const struct cgroup_system *s, const char *path, struct cgroup_stats *out,
		     struct err *e)
{
	bool v2;
	own(fd) int dir = open_of(s, CGROUP_PIDS, path, &v2);
	own(pids) pid_t *pids = NULL;
	size_t n;

	if (dir >= 0 && cgroup_read_i64(dir, "pids.current", &out->pids) == 0) {
		cgroup_read_i64(dir, "pids.max", &out->pids_limit);
		return 0;
	}
	if (cgroup_pids(path, &pids, &n, e) < 0)
		return -1;
	out->pids = (int64_t)n;
	return 0;
}

int cgroup_stats(const char *path, struct cgroup_stats *out, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);

	*out = (struct cgroup_stats){ -1, -1, -1, -1, -1, -1, -1 };
	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	memory_stats(s, path, out);
	cpu_stats(s, path, out);
	if (out->memory_usage < 0 && out->cpu_usage < 0)
		return err_set(e, ERR_NOT_FOUND, "there is no cgroup %s", path);
	return pid_stats(s, path, out, e);
}

int64_t cgroup_oom_kills(const char *path)
{
	struct err ignored;
	const struct cgroup_system *s = cgroup_system(&ignored);
	own(fd) int dir = -1;
	bool v2;

	if (!s || cgroup_check_path(path, &ignored) < 0)
		return -1;
	dir = open_of(s, CGROUP_MEMORY, path, &v2);
	return dir < 0 ? -1 : oom_kills(dir, v2);
}
