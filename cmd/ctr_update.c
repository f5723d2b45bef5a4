/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr update. */
#include <stdio.h>

#include "common.h"
#include "ctr.h"

// clang-format off
const struct opt ctr_update_opts[] = {
	CTR_RESOURCE_OPTS(struct update_args, resources),
	OPT(0, "restart", "POLICY", OPT_STR, struct update_args, restart, "start it again when it ends: no, on-failure[:N], always or unless-stopped", "no|on-failure|always|unless-stopped"),
	OPT_END,
};
// clang-format on

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

	if (!ctr_resources_given(&a->resources) && !a->restart)
		return cli_usage(cli, "what is to change? Name an option");
	if (ctr_resources(&a->resources, &r, &e) < 0 ||
	    ctr_restart_policy(a->restart, &update.restart, &update.restart_max, &e) < 0)
		status = cli_error(cli, &e);
	else
		status = cli_each(cli, operands, n, update_one, &update);
	fields_free(&cri_resources_table, &r);
	return status;
}
