/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/resources.h"

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
}
