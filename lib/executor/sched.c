/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the kernel treats the process: scheduler, ioPriority, execCPUAffinity, by the parent, whose
 * rights a user namespace does not take away; memoryPolicy and personality, by the child itself.
 */
#include "executor/init.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5 /* Linux 5.15 */
#endif
#define MPOL_WEIGHTED_INTERLEAVE_ 6 /* Linux 6.9 */
#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13) /* Linux 5.12 */
#endif

/* struct sched_attr of linux/sched/types.h, which goes with no libc's sched.h. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

#define CPUS 8192
#define NODES 1024

struct name {
	const char *name;
	int value;
};
// clang-format off
static const struct name policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL }, { "SCHED_FIFO", SCHED_FIFO },         { "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },  { "SCHED_ISO", 4 },                   { "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE }, { NULL, 0 },
};
static const struct name sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK",  SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM",        SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN",     SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY",    SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS",    SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};
static const struct name io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT }, { "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE }, { NULL, 0 },
};
static const struct name memory_modes[] = {
	{ "MPOL_DEFAULT",        MPOL_DEFAULT },
	{ "MPOL_PREFERRED",      MPOL_PREFERRED },
	{ "MPOL_BIND",           MPOL_BIND },
	{ "MPOL_INTERLEAVE",     MPOL_INTERLEAVE },
	{ "MPOL_LOCAL",          MPOL_LOCAL },
	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
	{ "MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE_ },
	{ NULL, 0 },
};
static const struct name memory_flags[] = {
	{ "MPOL_F_STATIC_NODES",   MPOL_F_STATIC_NODES },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ NULL, 0 },
};
// clang-format on

/* -1: there is none such. */
static int find(const struct name *names, const char *name)
{
	for (; names->name; names++)
		if (str_eq(names->name, name))
			return names->value;
	return -1;
}

static int find_all(const struct name *names, const struct strv *l)
{
	int bits = 0;

	for (size_t i = 0; i < l->n; i++) {
		int bit = find(names, l->v[i]);

		if (bit < 0)
			return -1;
		bits |= bit;
	}
	return bits;
}

/* ---- by the parent ---- */

static int apply_scheduler(const struct oci_scheduler *s, pid_t pid, struct err *e)
{
	int policy = find(policies, s->policy), flags = find_all(sched_flags, &s->flags);
	struct attributes a = {
		.size = sizeof(a),
		.policy = (uint32_t)policy,
		.flags = (uint64_t)flags,
		.nice = (int32_t)s->nice,
		.priority = (uint32_t)s->priority,
		.runtime = (uint64_t)s->runtime,
		.deadline = (uint64_t)s->deadline,
		.period = (uint64_t)s->period,
	};

	if (policy < 0 || flags < 0)
		return err_set(e, ERR_USAGE, "process.scheduler: unknown %s",
			       policy < 0 ? "policy" : "flag");
	if (syscall(SYS_sched_setattr, pid, &a, 0) == 0)
		return 0;
	err_sys(e, "process.scheduler: set %s", s->policy);
	return e->sys == EPERM ? err_hint(e, "it needs CAP_SYS_NICE, and on cgroup v1 a group with "
					     "cpu.rt_runtime_us")
			       : -1;
}

static int apply_io_priority(const struct oci_io_priority *p, pid_t pid, struct err *e)
{
	int class = find(io_classes, p->class_);

	if (class < 0)
		return err_set(e, ERR_USAGE, "process.ioPriority.class: unknown");
	/* Its process group: what it starts gets it from its parent. */
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid,
		    IOPRIO_PRIO_VALUE(class, (int)p->priority)) < 0)
		return err_sys(e, "process.ioPriority: set %s %lld", p->class_,
			       (long long)p->priority);
	return 0;
}

static int set_affinity(pid_t pid, const char *field, const char *list, struct err *e)
{
	uint64_t mask[CPUS / 64] = { 0 };

	if (oci_list_parse(list, mask, CPUS) < 0)
		return err_set(e, ERR_USAGE,
			       "process.execCPUAffinity.%s: \"%.60s\" is no list of CPUs", field,
			       list);
	if (syscall(SYS_sched_setaffinity, pid, sizeof(mask), mask) < 0)
		return err_sys(e, "process.execCPUAffinity.%s: run on CPUs %.60s", field, list);
	return 0;
}

/* All CPUs: the kernel takes those that the cgroup has. */
static int free_affinity(pid_t pid, struct err *e)
{
	uint64_t mask[CPUS / 64];

	memset(mask, 0xff, sizeof(mask));
	if (syscall(SYS_sched_setaffinity, pid, sizeof(mask), mask) < 0)
		return err_sys(e, "process.execCPUAffinity: run on all CPUs of the container");
	return 0;
}

int sched_parent(const struct init *in, pid_t pid, struct err *e)
{
	const struct oci_process *p = in->process;
	const struct oci_exec_affinity *a = &p->exec_affinity;

	if (p->scheduler && apply_scheduler(p->scheduler, pid, e) < 0)
		return -1;
	if (p->io_priority && apply_io_priority(p->io_priority, pid, e) < 0)
		return -1;
	if (in->join_pidfd < 0)
		return 0;
	if (str_some(a->final))
		return set_affinity(pid, "final", a->final, e);
	return str_some(a->initial) ? free_affinity(pid, e) : 0;
}

/* ---- by the child ---- */

/* Before the cgroup is joined, where that is its own doing. */
int sched_initial(struct init *in, struct err *e)
{
	const char *initial = in->process->exec_affinity.initial;

	return in->join_pidfd >= 0 && str_some(initial) ? set_affinity(0, "initial", initial, e)
							: 0;
}

static int apply_memory_policy(const struct oci_memory_policy *p, struct err *e)
{
	uint64_t nodes[NODES / 64 + 1] = { 0 }; /* the kernel looks at one bit less than told */
	int mode = find(memory_modes, p->mode), flags = find_all(memory_flags, &p->flags);

	if (mode < 0 || flags < 0)
		return err_set(e, ERR_USAGE, "linux.memoryPolicy: unknown %s",
			       mode < 0 ? "mode" : "flag");
	if (str_some(p->nodes) && oci_list_parse(p->nodes, nodes, NODES) < 0)
		return err_set(e, ERR_USAGE, "linux.memoryPolicy.nodes: \"%.60s\" is no list",
			       p->nodes);
	if (syscall(SYS_set_mempolicy, mode | flags, str_some(p->nodes) ? nodes : NULL,
		    str_some(p->nodes) ? NODES + 1 : 0) < 0)
		return err_sys(e, "linux.memoryPolicy: set %s for nodes %.60s", p->mode,
			       str_some(p->nodes) ? p->nodes : "none");
	return 0;
}

int sched_self(struct init *in, struct err *e)
{
	const struct oci_linux *l = &in->spec->linux_;

	if (l->personality &&
	    personality(str_eq(l->personality->domain, "LINUX32") ? PER_LINUX32 : PER_LINUX) < 0)
		return err_sys(e, "linux.personality: become %s", l->personality->domain);
	return l->memory_policy ? apply_memory_policy(l->memory_policy, e) : 0;
}
