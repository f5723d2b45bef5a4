/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/cgroup_ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Maps 2..262144 onto 1..10000 linearly, as Kubernetes' KEP-2254 has it; 0 means "not set".
 */
uint64_t cgroup_shares_to_weight(uint64_t shares)
{
	if (shares == 0)
		return 0;
	shares = MAX(shares, 2);
	shares = MIN(shares, 262144);
	return 1 + (shares - 2) * 9999 / 262142;
}

int64_t cgroup_swap_alone(int64_t limit, int64_t memory_and_swap)
{
	if (memory_and_swap < 0)
		return -1;
	if (limit < 0 || memory_and_swap < limit)
		return -2;
	return memory_and_swap - limit;
}

/* A limit where negative means none. */
static int write_limit(int dir, const char *file, int64_t v, struct err *e)
{
	return v < 0 ? cgroup_write(dir, file, "max", e) : cgroup_write_i64(dir, file, v, e);
}

static int apply_memory(int dir, const struct oci_resources *r, struct err *e)
{
	const struct oci_memory *m = &r->memory;

	if (m->swappiness.set || m->disable_oom_killer || m->kernel_tcp.set)
		return err_set(e, ERR_FAIL, "memory.%s: cgroup v2 has no such setting",
			       m->swappiness.set       ? "swappiness"
			       : m->disable_oom_killer ? "disableOOMKiller"
						       : "kernelTCP");
	if (cgroup_check_usage(dir, "memory.current", m, e) < 0)
		return -1;
	/* Swap first when it is unlimited or grows; the kernel takes either order. */
	if (m->swap.set && m->swap.v != 0) {
		int64_t swap = cgroup_swap_alone(m->limit.set ? m->limit.v : -1, m->swap.v);

		if (swap == -2)
			return err_set(e, ERR_USAGE,
				       "memory+swap limit %lld needs a memory limit, not above it",
				       (long long)m->swap.v);
		if (write_limit(dir, "memory.swap.max", swap, e) < 0 &&
		    !(e->sys == ENOENT)) /* a kernel without swap accounting */
			return -1;
	}
	if (m->limit.set && m->limit.v != 0 && write_limit(dir, "memory.max", m->limit.v, e) < 0)
		return -1;
	if (m->reservation.set && m->reservation.v != 0 &&
	    write_limit(dir, "memory.low", MAX(m->reservation.v, 0), e) < 0)
		return -1;
	return 0;
}

static int apply_cpu(int dir, const struct oci_resources *r, struct err *e)
{
	const struct oci_cpu *c = &r->cpu;
	char text[64], quota[24] = "max";

	if (c->realtime_runtime.set || c->realtime_period.set)
		return err_set(e, ERR_FAIL, "cpu.%s: cgroup v2 has no such setting",
			       c->realtime_runtime.set ? "realtimeRuntime" : "realtimePeriod");
	if (c->idle.set && cgroup_write_i64(dir, "cpu.idle", c->idle.v, e) < 0)
		return -1;
	/* A group that is idle takes no weight. */
	if (c->shares.set && c->shares.v > 0 && !(c->idle.set && c->idle.v == 1) &&
	    cgroup_write_i64(dir, "cpu.weight",
			     (int64_t)cgroup_shares_to_weight((uint64_t)c->shares.v), e) < 0)
		return -1;
	if (c->quota.set || c->period.set) {
		if (c->quota.set && c->quota.v > 0)
			snprintf(quota, sizeof(quota), "%lld", (long long)c->quota.v);
		snprintf(text, sizeof(text), "%s %lld", quota,
			 (long long)(c->period.set && c->period.v > 0 ? c->period.v : 100000));
		if (cgroup_write(dir, "cpu.max", text, e) < 0)
			return -1;
	}
	if (c->burst.set && cgroup_write_i64(dir, "cpu.max.burst", c->burst.v, e) < 0)
		return -1;
	return 0;
}

static int apply_pids(int dir, const struct oci_resources *r, struct err *e)
{
	if (!r->pids.limit.set)
		return 0;
	return write_limit(dir, "pids.max", r->pids.limit.v > 0 ? r->pids.limit.v : -1, e);
}

static int apply_cpuset(int dir, const struct oci_resources *r, struct err *e)
{
	if (str_some(r->cpu.cpus) && cgroup_write(dir, "cpuset.cpus", r->cpu.cpus, e) < 0)
		return -1;
	if (str_some(r->cpu.mems) && cgroup_write(dir, "cpuset.mems", r->cpu.mems, e) < 0)
		return -1;
	return 0;
}

static int apply_hugetlb(int dir, const struct oci_resources *r, struct err *e)
{
	return cgroup_hugetlb(dir, r, "max", e);
}

int cgroup_v2_apply(int dir, enum cgroup_controller c, const struct oci_resources *r, struct err *e)
{
	static int (*const apply[CGROUP_CONTROLLERS])(int, const struct oci_resources *,
						      struct err *) = {
		[CGROUP_MEMORY] = apply_memory,	  [CGROUP_CPU] = apply_cpu,
		[CGROUP_PIDS] = apply_pids,	  [CGROUP_CPUSET] = apply_cpuset,
		[CGROUP_HUGETLB] = apply_hugetlb, [CGROUP_BLKIO] = cgroup_io_v2,
		[CGROUP_RDMA] = cgroup_rdma,
	};

	return apply[c] ? apply[c](dir, r, e) : 0;
}

/* Files by their v2 names, as the user gave them: below the group, and no other file of it than a
 * limit. */
int cgroup_v2_unified(int dir, const struct strmap *unified, struct err *e)
{
	for (size_t i = 0; i < unified->n; i++) {
		const char *key = unified->v[i].key;

		if (strchr(key, '/') || !strchr(key, '.') || strncmp(key, "cgroup.", 7) == 0)
			return err_set(e, ERR_USAGE,
				       "linux.resources.unified: \"%.64s\" is no limit", key);
		if (cgroup_write(dir, key, unified->v[i].value, e) < 0)
			return -1;
	}
	return 0;
}
