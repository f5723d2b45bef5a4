/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis sandbox: the table of its commands, and the short ones. */
#include "sandbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "common.h"
#include "inspect.h"
#include "pod/container.h"
#include "stats.h"

#define OWN_TIMEOUT (-1) /* each container's */

struct stop_args {
	struct optint timeout;
};

struct rm_args {
	bool ignore;
};

// clang-format off
static const struct opt stop_opts[] = {
	OPT('t', "timeout", "SECONDS", OPT_INT, struct stop_args, timeout, "grace period before SIGKILL (default: each container's, else 10; 0: at once)"),
	OPT_END,
};
static const struct opt rm_opts[] = {
	OPT(0, "ignore", NULL, OPT_BOOL, struct rm_args, ignore, "one that does not exist is a success"),
	OPT_END,
};
// clang-format on

static int create_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(cri_sandbox_config) struct cri_sandbox_config config = { 0 };
	const struct sandbox_create_args *a = args;
	char id[ID_SIZE];
	struct err e;

	if (a->output && !a->print_config)
		return cli_usage(cli, "--output goes with --print-config");
	if (sandbox_config(a, n ? operands[0] : NULL, &config, &e) < 0)
		return cli_error(cli, &e);
	if (a->print_config) {
		if (sandbox_check(&config, &e) < 0 ||
		    config_print(&cri_sandbox_config_table, &config, a->output, &e) < 0)
			return cli_error(cli, &e);
		return cli_done(cli, 0);
	}
	if (sandbox_create(&cli->store, &config, false, NULL, id, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", id);
	return cli_done(cli, 0);
}

static int stop_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct stop_args *a = args;
	char id[ID_SIZE];
	int64_t timeout;

	if (duration_option("timeout", &a->timeout, OWN_TIMEOUT, &timeout, e) < 0 ||
	    record_find(&cli->store, RECORD_SANDBOX, operand, id, e) < 0 ||
	    sandbox_stop(&cli->store, id, timeout, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

/* The containers of all of them at once; what fails here is told by each one's own stop. */
static void stop_containers(struct cli *cli, const struct stop_args *a, char **operands, size_t n)
{
	own(strv) struct strv ids = { 0 };
	struct err ignored, *each;
	int64_t timeout;

	if (n < 2 || duration_option("timeout", &a->timeout, OWN_TIMEOUT, &timeout, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		own(record) struct record r = RECORD_NONE;
		char id[ID_SIZE];

		if (record_find(&cli->store, RECORD_SANDBOX, operands[i], id, &ignored) == 0 &&
		    record_open(&cli->store, RECORD_SANDBOX, id, false, &r, &ignored) == 0)
			(void)sandbox_containers(r.dir, &ids, &ignored);
	}
	each = xcalloc(ids.n + 1, sizeof(*each));
	container_stop_all(&cli->store, &ids, timeout, each);
	free(each);
}

static int stop_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	stop_containers(cli, args, operands, n);
	return cli_each(cli, operands, n, stop_one, args);
}

static int start_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	char id[ID_SIZE];

	(void)args;
	if (record_find(&cli->store, RECORD_SANDBOX, operand, id, e) < 0 ||
	    sandbox_start(&cli->store, id, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

static int start_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, start_one, args);
}

static int rm_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct rm_args *a = args;
	char id[ID_SIZE];

	if (record_find(&cli->store, RECORD_SANDBOX, operand, id, e) < 0 ||
	    sandbox_remove(&cli->store, id, e) < 0)
		return a->ignore && e->kind == ERR_NOT_FOUND ? 0 : -1;
	printf("%s\n", operand);
	return 0;
}

static int rm_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	struct err ignored;

	staging_sweep(&cli->store,
		      &ignored); /* what an earlier rm that failed could not give back */
	return cli_each(cli, operands, n, rm_one, args);
}

// clang-format off
static const struct command commands[] = {
	{ "create", "[OPTION...] [NAME]", "create a sandbox and print its ID", create_main, sandbox_create_opts, sizeof(struct sandbox_create_args), NEED_STORE, 0, 1, NULL },
	{ "ls", "[OPTION...]", "list sandboxes", sandbox_list_main, sandbox_list_opts, sizeof(struct sandbox_list_args), NEED_STORE, 0, 0, NULL },
	{ "inspect", "[OPTION...] SANDBOX...", "show everything about sandboxes, or one field", sandbox_inspect_main, inspect_opts, sizeof(struct inspect_args), NEED_STORE, 1, 0, "sandbox" },
	{ "stats", "[OPTION...] [SANDBOX...]", "show what sandboxes use: CPU, memory, processes, network", sandbox_stats_main, sandbox_stats_opts, sizeof(struct stats_args), NEED_STORE, 0, 0, "sandbox" },
	{ "update", "OPTION... SANDBOX...", "change the limits of sandboxes while they run", sandbox_update_main, sandbox_update_opts, sizeof(struct sandbox_update_args), NEED_STORE, 1, 0, "sandbox" },
	{ "stop", "[OPTION...] SANDBOX...", "stop the containers of sandboxes and drop their namespaces", stop_main, stop_opts, sizeof(struct stop_args), NEED_STORE, 1, 0, "sandbox" },
	{ "start", "SANDBOX...", "make sandboxes ready again, after a stop or a reboot", start_main, NULL, 0, NEED_STORE, 1, 0, "sandbox" },
	{ "rm", "[OPTION...] SANDBOX...", "remove sandboxes with all their containers, running ones too", rm_main, rm_opts, sizeof(struct rm_args), NEED_STORE, 1, 0, "sandbox" },
	{ 0 },
};
// clang-format on
const struct command_group sandbox_group = { "sandbox",
					     "groups of containers that share a network and a name",
					     commands };
