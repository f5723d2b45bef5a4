/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr update. */
#include <stdio.h>

#include "common.h"
#include "ctr.h"

// clang-format off
const struct opt ctr_update_opts[] = {
	OPT('m', "memory", "SIZE", OPT_STR, struct update_args, memory, "memory limit, e.g. 64m"),
	OPT(0, "memory-swap", "SIZE", OPT_STR, struct update_args, memory_swap, "limit of memory and swap together"),
	OPT(0, "cpus", "N", OPT_STR, struct update_args, cpus, "CPU limit, e.g. 1.5"),
	OPT(0, "cpu-period", "MICROSECONDS", OPT_INT, struct update_args, cpu_period, "period of --cpu-quota"),
	OPT(0, "cpu-quota", "MICROSECONDS", OPT_INT, struct update_args, cpu_quota, "CPU time in each period; -1: no limit"),
	OPT(0, "cpu-shares", "N", OPT_INT, struct update_args, cpu_shares, "weight among its siblings, 2 to 262144"),
	OPT(0, "cpuset-cpus", "LIST", OPT_STR, struct update_args, cpuset_cpus, "only these CPUs, e.g. 0-1,3"),
	OPT(0, "cpuset-mems", "LIST", OPT_STR, struct update_args, cpuset_mems, "only these memory nodes"),
	OPT(0, "pids-limit", "N", OPT_INT, struct update_args, pids_limit, "limit of processes; -1: none"),
	OPT(0, "restart", "POLICY", OPT_STR, struct update_args, restart, "start it again when it ends: no, on-failure[:N], always or unless-stopped", "no|on-failure|always|unless-stopped"),
	OPT_END,
};
// clang-format on

static int check(const char *name, const struct optint *v, int64_t min, int64_t max, struct err *e)
{
	if (!v->set || (v->v >= min && v->v <= max))
		return 0;
	return err_set(e, ERR_USAGE, "--%s %lld: expected %lld to %lld", name, (long long)v->v,
		       (long long)min, (long long)max);
}

static int resources(const struct update_args *a, struct cri_resources *r, struct err *e)
{
	if (a->cpus && (a->cpu_quota.set || a->cpu_period.set))
		return err_set(e, ERR_USAGE,
			       "--cpus and --cpu-quota, --cpu-period exclude each other");
	r->cpu_period = a->cpu_period;
	r->cpu_quota = a->cpu_quota;
	r->cpu_shares = a->cpu_shares;
	r->pids_limit = a->pids_limit;
	if (size_option("memory", a->memory, &r->memory_limit_in_bytes, e) < 0 ||
	    size_option("memory-swap", a->memory_swap, &r->memory_swap_limit_in_bytes, e) < 0 ||
	    cpus_option("cpus", a->cpus, &r->cpu_quota, &r->cpu_period, e) < 0 ||
	    check("cpu-period", &a->cpu_period, 1000, 1000000, e) < 0 ||
	    check("cpu-quota", &a->cpu_quota, -1, INT64_C(1) << 40, e) < 0 ||
	    check("cpu-shares", &a->cpu_shares, 2, 262144, e) < 0 ||
	    check("pids-limit", &a->pids_limit, -1, INT32_MAX, e) < 0)
		return -1;
	if (a->pids_limit.set && a->pids_limit.v == 0)
		return err_set(e, ERR_USAGE, "--pids-limit 0: expected at least 1, or -1 for none");
	str_set(&r->cpuset_cpus, a->cpuset_cpus);
	str_set(&r->cpuset_mems, a->cpuset_mems);
	return 0;
}

static bool is_empty(const struct update_args *a)
{
	return !a->memory && !a->memory_swap && !a->cpus && !a->cpuset_cpus && !a->cpuset_mems &&
	       !a->restart && !a->cpu_shares.set && !a->cpu_period.set && !a->cpu_quota.set &&
	       !a->pids_limit.set;
}

static int update_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	char id[ID_SIZE];

	if (record_find(&cli->store, RECORD_CONTAINER, operand, id, e) < 0 ||
	    container_update(&cli->store, id, args, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

int ctr_update_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct update_args *a = args;
	struct cri_resources r = { 0 };
	struct container_update_args update = { .resources = &r, .set_restart = a->restart };
	struct err e;
	int status;

	if (is_empty(a))
		return cli_usage(cli, "what is to change? Name an option");
	if (resources(a, &r, &e) < 0 ||
	    ctr_restart_policy(a->restart, &update.restart, &update.restart_max, &e) < 0)
		status = cli_error(cli, &e);
	else
		status = cli_each(cli, operands, n, update_one, &update);
	fields_free(&cri_resources_table, &r);
	return status;
}
