/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.h - 'sandbox stats' and 'ctr stats': the same columns, once or again and again. */
#ifndef CADDIS_CMD_STATS_H
#define CADDIS_CMD_STATS_H

#include "cli.h"
#include "pod/stats.h"
#include "spec/field.h"
#include "table.h"

struct stats_args {
	struct list_args list;
	bool watch, all;
	struct optint interval;
	const char *selector;
};
extern const struct opt sandbox_stats_opts[], ctr_stats_opts[];
int sandbox_stats_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_stats_main(struct cli *cli, const void *args, char **operands, size_t n);

#endif
