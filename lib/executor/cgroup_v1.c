/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/cgroup_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Limit before memory+swap when both shrink or none is there yet; the other way round when they
 * grow. */
static int memory_limits(int dir, const struct oci_memory *m, struct err *e)
{
	const char *limit = "memory.limit_in_bytes", *both = "memory.memsw.limit_in_bytes";
	struct err first;

	if (!m->swap.set || faccessat(dir, both, F_OK, 0) < 0) {
		if (m->swap.set && m->swap.v >= 0 && m->limit.set && m->swap.v < m->limit.v)
			return err_set(e, ERR_USAGE, "memory+swap limit is below the memory limit");
		/* A kernel that does not count swap: there is none to limit. */
		return m->limit.set ? cgroup_write_i64(dir, limit, m->limit.v, e) : 0;
	}
	if (!m->limit.set)
		return cgroup_write_i64(dir, both, m->swap.v, e);
	if (cgroup_write_i64(dir, limit, m->limit.v, &first) == 0)
		return cgroup_write_i64(dir, both, m->swap.v, e);
	if (cgroup_write_i64(dir, both, m->swap.v, e) < 0)
		return -1;
	return cgroup_write_i64(dir, limit, m->limit.v, e);
}

static int apply_memory(int dir, const struct oci_resources *r, struct err *e)
{
	const struct oci_memory *m = &r->memory;

	if (cgroup_check_usage(dir, "memory.usage_in_bytes", m, e) < 0)
		return -1;
	if (m->kernel_tcp.set &&
	    cgroup_write_i64(dir, "memory.kmem.tcp.limit_in_bytes", m->kernel_tcp.v, e) < 0)
		return -1;
	if (m->disable_oom_killer && cgroup_write(dir, "memory.oom_control", "1", e) < 0)
		return -1;
	if (m->reservation.set &&
	    cgroup_write_i64(dir, "memory.soft_limit_in_bytes", m->reservation.v, e) < 0)
		return -1;
	if (m->swappiness.set && cgroup_write_i64(dir, "memory.swappiness", m->swappiness.v, e) < 0)
		return -1;
	return memory_limits(dir, m, e);
}

static int apply_cpu(int dir, const struct oci_resources *r, struct err *e)
{
	const struct oci_cpu *c = &r->cpu;
	const struct {
		const char *file;
		const struct optint *v;
	} rows[] = {
		{ "cpu.idle", &c->idle },
		{ "cpu.shares", &c->shares },
		{ "cpu.cfs_period_us", &c->period },
		{ "cpu.cfs_quota_us", &c->quota },
		{ "cpu.cfs_burst_us", &c->burst },
		{ "cpu.rt_period_us", &c->realtime_period },
		{ "cpu.rt_runtime_us", &c->realtime_runtime },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* A group that is idle takes no shares. */
		if (rows[i].v == &c->shares && c->idle.set && c->idle.v == 1)
			continue;
		if (rows[i].v->set && cgroup_write_i64(dir, rows[i].file, rows[i].v->v, e) < 0)
			return -1;
	}
	return 0;
}

static int apply_pids(int dir, const struct oci_resources *r, struct err *e)
{
	char text[24] = "max";

	if (!r->pids.limit.set)
		return 0;
	if (r->pids.limit.v > 0)
		snprintf(text, sizeof(text), "%lld", (long long)r->pids.limit.v);
	return cgroup_write(dir, "pids.max", text, e);
}

static bool is_for_all(const struct oci_device_rule *d)
{
	return !d->type || str_eq(d->type, "a");
}

static void rule_format(const struct oci_device_rule *d, char *dst, size_t size)
{
	char major[24] = "*", minor[24] = "*";

	if (d->major.set && d->major.v >= 0)
		snprintf(major, sizeof(major), "%lld", (long long)d->major.v);
	if (d->minor.set && d->minor.v >= 0)
		snprintf(minor, sizeof(minor), "%lld", (long long)d->minor.v);
	if (is_for_all(d))
		snprintf(dst, size, "a");
	else
		snprintf(dst, size, "%.1s %s:%s %.3s", d->type, major, minor,
			 d->access ? d->access : "rwm");
}

/* One for all makes those before it void. The files stay open: there are a dozen rules. */
static int apply_devices(int dir, const struct oci_resources *r, struct err *e)
{
	static const char *const files[] = { "devices.deny", "devices.allow" };
	const struct oci_device_rule *d = r->devices.v;
	own(fd) int deny = -1, allow = -1;
	int *fds[] = { &deny, &allow };
	size_t first = r->devices.n;

	while (first > 0 && !is_for_all(&d[first - 1]))
		first--;
	for (size_t i = first ? first - 1 : 0; i < r->devices.n; i++) {
		int *fd = fds[d[i].allow];
		char text[64];

		rule_format(&d[i], text, sizeof(text));
		if (*fd < 0)
			*fd = openat(dir, files[d[i].allow], O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		if (*fd < 0 || write(*fd, text, strlen(text)) != (ssize_t)strlen(text))
			return err_sys(e, "set %s to \"%s\"", files[d[i].allow], text);
	}
	return 0;
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
	return cgroup_hugetlb(dir, r, "limit_in_bytes", e);
}

static int apply_net_cls(int dir, const struct oci_resources *r, struct err *e)
{
	return r->network.class_id.set
		       ? cgroup_write_i64(dir, "net_cls.classid", r->network.class_id.v, e)
		       : 0;
}

static int apply_net_prio(int dir, const struct oci_resources *r, struct err *e)
{
	const struct oci_if_priority *p = r->network.priorities.v;

	for (size_t i = 0; i < r->network.priorities.n; i++) {
		own(str) char *text = str_fmt("%s %lld", p[i].name, (long long)p[i].priority);

		if (cgroup_write(dir, "net_prio.ifpriomap", text, e) < 0)
			return -1;
	}
	return 0;
}

int cgroup_v1_apply(int dir, enum cgroup_controller c, const struct oci_resources *r, struct err *e)
{
	static int (*const apply[CGROUP_CONTROLLERS])(int, const struct oci_resources *,
						      struct err *) = {
		[CGROUP_MEMORY] = apply_memory,	  [CGROUP_CPU] = apply_cpu,
		[CGROUP_PIDS] = apply_pids,	  [CGROUP_DEVICES] = apply_devices,
		[CGROUP_CPUSET] = apply_cpuset,	  [CGROUP_HUGETLB] = apply_hugetlb,
		[CGROUP_BLKIO] = cgroup_io_v1,	  [CGROUP_RDMA] = cgroup_rdma,
		[CGROUP_NET_CLS] = apply_net_cls, [CGROUP_NET_PRIO] = apply_net_prio,
	};

	return apply[c] ? apply[c](dir, r, e) : 0;
}
