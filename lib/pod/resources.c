/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/resources.h"

#define CPU_PERIOD 100000 /* us; the kernel's default */

void resources_of_cri(const struct cri_resources *r, struct oci_resources *out)
{
	if (!r)
		return;
	out->memory.limit = r->memory_limit_in_bytes;
	out->memory.swap = r->memory_swap_limit_in_bytes;
	out->cpu.period = r->cpu_period;
	out->cpu.quota = r->cpu_quota;
	out->cpu.shares = r->cpu_shares;
	out->pids.limit = r->pids_limit;
	str_set(&out->cpu.cpus, r->cpuset_cpus);
	str_set(&out->cpu.mems, r->cpuset_mems);
	strmap_copy(&out->unified, &r->unified);
	for (size_t i = 0; i < r->hugepage_limits.n; i++) {
		const struct oci_hugepage_limit *from = r->hugepage_limits.v;
		struct oci_hugepage_limit *to =
			objlist_add(&out->hugepage_limits, &cri_hugepage_limit_table);

		to->page_size = xstrdup(from[i].page_size ? from[i].page_size : "");
		to->limit = from[i].limit;
	}
}

/* No limit stays none; an overhead alone is no limit. */
static void add_overhead(struct optint *limit, const struct optint *more)
{
	if (limit->set && limit->v >= 0 && more->set && more->v > 0 &&
	    __builtin_add_overflow(limit->v, more->v, &limit->v))
		limit->v = INT64_MAX;
}

static int64_t period_of(const struct optint *p)
{
	return p->set && p->v > 0 ? p->v : CPU_PERIOD;
}

void resources_of_sandbox(const struct cri_resources *r, const struct cri_resources *overhead,
			  struct oci_resources *out)
{
	resources_of_cri(r, out);
	if (!r || !overhead)
		return;
	add_overhead(&out->memory.limit, &overhead->memory_limit_in_bytes);
	add_overhead(&out->memory.swap, &overhead->memory_swap_limit_in_bytes);
	add_overhead(&out->cpu.shares, &overhead->cpu_shares);
	add_overhead(&out->pids.limit, &overhead->pids_limit);
	if (overhead->cpu_quota.set) {
		/* In the sandbox's period: 10 ms of 100 ms are 5 ms of 50 ms. */
		double cpus =
			(double)overhead->cpu_quota.v / (double)period_of(&overhead->cpu_period);
		struct optint more =
			OPTINT((int64_t)(cpus * (double)period_of(&out->cpu.period) + 0.5));

		add_overhead(&out->cpu.quota, &more);
	}
}
