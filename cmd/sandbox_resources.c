/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of sandboxes by flags. */
#include <stdio.h>

#include "common.h"
#include "sandbox.h"

bool sandbox_resources_given(const struct sandbox_resource_args *a)
{
	return a->cpu || a->memory || a->pids_limit || a->cpuset_cpus || a->cpuset_mems ||
	       a->cpu_shares.set;
}

static int set_pids(const char *value, struct optint *out, struct err *e)
{
	int64_t n = -1;

	if (!value)
		return 0;
	if (!str_eq(value, "max") && str_to_i64(value, 1, INT64_MAX, &n) < 0)
		return err_set(e, ERR_USAGE, "--pids-limit %.40s: expected at least 1, or max",
			       value);
	*out = OPTINT(n);
	return 0;
}

int sandbox_resources(const struct sandbox_resource_args *a, struct cri_resources *r, struct err *e)
{
	if (memory_quantity_option("memory", a->memory, &r->memory_limit_in_bytes, e) < 0 ||
	    cpu_quantity_option("cpu", a->cpu, &r->cpu_quota, &r->cpu_period, e) < 0 ||
	    set_pids(a->pids_limit, &r->pids_limit, e) < 0)
		return -1;
	if (a->cpu_shares.set && (a->cpu_shares.v < 2 || a->cpu_shares.v > 262144))
		return err_set(e, ERR_USAGE, "--cpu-shares %lld: expected 2 to 262144",
			       (long long)a->cpu_shares.v);
	if (a->cpu_shares.set)
		r->cpu_shares = a->cpu_shares;
	if (a->cpuset_cpus)
		str_set(&r->cpuset_cpus, a->cpuset_cpus);
	if (a->cpuset_mems)
		str_set(&r->cpuset_mems, a->cpuset_mems);
	return 0;
}

// clang-format off
const struct opt sandbox_update_opts[] = {
	SANDBOX_RESOURCE_OPTS(struct sandbox_update_args),
	OPT_END,
};
// clang-format on

static int update_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct sandbox_update_args *a = args;
	struct cri_resources change = { 0 };
	char id[ID_SIZE];
	int rc;

	if (record_find(&cli->store, RECORD_SANDBOX, operand, id, e) < 0)
		return -1;
	rc = sandbox_resources(&a->resources, &change, e);
	if (rc == 0)
		rc = sandbox_update(&cli->store, id, &change, e);
	fields_free(&cri_resources_table, &change);
	if (rc < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

int sandbox_update_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct sandbox_update_args *a = args;

	if (!sandbox_resources_given(&a->resources))
		return cli_usage(cli, "nothing to change: name a limit");
	return cli_each(cli, operands, n, update_one, args);
}
