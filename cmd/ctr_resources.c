/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of containers by options. */
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "ctr.h"

bool ctr_resources_given(const struct ctr_resource_args *a)
{
	return a->memory || a->memory_swap || a->cpus || a->cpuset_cpus || a->cpuset_mems ||
	       a->cpu_shares.set || a->cpu_period.set || a->cpu_quota.set || a->pids_limit.set ||
	       a->hugetlb.n || a->unified.n;
}

/* An option that was given, within its bounds. */
static int number(const char *name, const struct optint *v, int64_t min, int64_t max,
		  struct optint *out, struct err *e)
{
	if (!v->set)
		return 0;
	if (v->v < min || v->v > max)
		return err_set(e, ERR_USAGE, "--%s %lld: expected %lld to %lld", name,
			       (long long)v->v, (long long)min, (long long)max);
	*out = *v;
	return 0;
}

/* As the kernel names its files: 64KB, 2MB, 1GB. */
static bool is_page_size(const char *s, size_t n)
{
	size_t digits = strspn(s, "0123456789");

	return digits > 0 && digits <= 4 && s[0] != '0' && n == digits + 2 &&
	       strchr("KMG", s[digits]) && s[digits + 1] == 'B';
}

static int set_hugetlb(const struct strv *given, struct cri_resources *r, struct err *e)
{
	for (size_t i = 0; i < given->n; i++) {
		const char *text = given->v[i], *colon = strchr(text, ':');
		struct oci_hugepage_limit *l = r->hugepage_limits.v, *found = NULL;
		int64_t limit;

		if (!colon || !is_page_size(text, (size_t)(colon - text)) ||
		    str_to_size(colon + 1, &limit) < 0)
			return err_set(e, ERR_USAGE,
				       "--hugetlb %.80s: expected PAGESIZE:LIMIT, e.g. 2MB:64m",
				       text);
		own(str) char *size = xstrndup(text, (size_t)(colon - text));

		for (size_t k = 0; k < r->hugepage_limits.n && !found; k++)
			found = str_eq(l[k].page_size, size) ? &l[k] : NULL;
		if (!found)
			found = objlist_add(&r->hugepage_limits, &cri_hugepage_limit_table);
		str_set(&found->page_size, size);
		found->limit = limit;
	}
	return 0;
}

static int swap_option(const char *value, struct optint *out, struct err *e)
{
	if (!str_eq(value, "-1"))
		return size_option("memory-swap", value, out, e);
	*out = OPTINT(-1);
	return 0;
}

int ctr_resources(const struct ctr_resource_args *a, struct cri_resources *r, struct err *e)
{
	if (a->cpus && (a->cpu_quota.set || a->cpu_period.set))
		return err_set(e, ERR_USAGE,
			       "--cpus and --cpu-quota, --cpu-period exclude each other");
	if (a->pids_limit.set && a->pids_limit.v < 1 && a->pids_limit.v != -1)
		return err_set(e, ERR_USAGE,
			       "--pids-limit %lld: expected at least 1, or -1 for none",
			       (long long)a->pids_limit.v);
	if (size_option("memory", a->memory, &r->memory_limit_in_bytes, e) < 0 ||
	    swap_option(a->memory_swap, &r->memory_swap_limit_in_bytes, e) < 0 ||
	    cpus_option("cpus", a->cpus, &r->cpu_quota, &r->cpu_period, e) < 0 ||
	    number("cpu-period", &a->cpu_period, 1000, 1000000, &r->cpu_period, e) < 0 ||
	    number("cpu-quota", &a->cpu_quota, -1, INT64_C(1) << 40, &r->cpu_quota, e) < 0 ||
	    number("cpu-shares", &a->cpu_shares, 2, 262144, &r->cpu_shares, e) < 0 ||
	    number("pids-limit", &a->pids_limit, -1, INT32_MAX, &r->pids_limit, e) < 0)
		return -1;
	option_win(&r->cpuset_cpus, a->cpuset_cpus);
	option_win(&r->cpuset_mems, a->cpuset_mems);
	option_win_map(&r->unified, &a->unified);
	return set_hugetlb(&a->hugetlb, r, e);
}
