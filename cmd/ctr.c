/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr: the table of its commands, and the short ones. */
#include "ctr.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/proc.h"
#include "common.h"
#include "inspect.h"

#define STOP_TIMEOUT (10 * NSEC_PER_SEC)

struct create_args {
	struct ctr_config_args config;
};
struct stop_args {
	struct optint timeout;
};
struct kill_args {
	const char *signal;
};
struct rm_args {
	bool force, ignore;
};

// clang-format off
static const struct opt create_opts[] = {
	CTR_CONFIG_OPTS(struct create_args),
	OPT_END,
};
static const struct opt run_opts[] = {
	OPT('s', "sandbox", "SANDBOX", OPT_STR, struct run_args, sandbox, "run it in this sandbox (default: one of its own)", "sandbox"),
	OPT('d', "detach", NULL, OPT_BOOL, struct run_args, detach, "run it in the background and print its ID"),
	OPT(0, "rm", NULL, OPT_BOOL, struct run_args, remove, "remove it when it ends"),
	NET_OPTS(struct run_args),
	CTR_CONFIG_OPTS(struct run_args),
	OPT_END,
};
static const struct opt exec_opts[] = {
	OPT('d', "detach", NULL, OPT_BOOL, struct exec_args, detach, "do not wait for the command; its output is not kept"),
	OPT('e', "env", "K[=V]", OPT_LIST, struct exec_args, env, "set an environment variable; may be repeated"),
	OPT('i', "interactive", NULL, OPT_BOOL, struct exec_args, stdin_, "pass standard input on"),
	OPT('t', "tty", NULL, OPT_BOOL, struct exec_args, tty, "give it a terminal"),
	OPT('u', "user", "USER[:GROUP]", OPT_STR, struct exec_args, user, "user, and group, by number or by name in the image"),
	OPT('w', "workdir", "DIR", OPT_STR, struct exec_args, workdir, "working directory of the command"),
	OPT_END,
};
static const struct opt stop_opts[] = {
	OPT('t', "timeout", "SECONDS", OPT_INT, struct stop_args, timeout, "grace period before SIGKILL (default: 10; 0: at once)"),
	OPT_END,
};
static const struct opt kill_opts[] = {
	OPT('s', "signal", "SIGNAL", OPT_STR, struct kill_args, signal, "signal by name or number (default: KILL)"),
	OPT_END,
};
static const struct opt rm_opts[] = {
	OPT('f', "force", NULL, OPT_BOOL, struct rm_args, force, "kill it first when it runs"),
	OPT(0, "ignore", NULL, OPT_BOOL, struct rm_args, ignore, "one that does not exist is a success"),
	OPT_END,
};
static const struct opt logs_opts[] = {
	OPT('f', "follow", NULL, OPT_BOOL, struct logs_args, follow, "go on until the container ends"),
	OPT('n', "tail", "N", OPT_INT, struct logs_args, tail, "only the last N lines"),
	OPT(0, "since", "TIME", OPT_STR, struct logs_args, since, "only from this time on: RFC 3339, or a duration ago (10m)"),
	OPT(0, "until", "TIME", OPT_STR, struct logs_args, until, "only up to this time"),
	OPT('t', "timestamps", NULL, OPT_BOOL, struct logs_args, timestamps, "show the time of each line"),
	OPT_END,
};
// clang-format on

static int create_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct create_args *a = args;
	own(cri_container_config) struct cri_container_config config = { 0 };
	char sandbox[ID_SIZE], id[ID_SIZE];
	struct container_create_args create = { .config = &config, .sandbox = sandbox };
	struct err e;

	if (a->config.print_config)
		return ctr_config_print(cli, &a->config, operands + 1, n - 1);
	if (ctr_config(&a->config, operands + 1, n - 1, &config, &e) < 0 ||
	    record_find(&cli->store, RECORD_SANDBOX, operands[0], sandbox, &e) < 0 ||
	    ctr_image(cli, &a->config, config.image.image, &e) < 0 ||
	    container_create(&cli->store, &create, NULL, id, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", id);
	return cli_done(cli, 0);
}

static int find(struct cli *cli, const char *operand, char id[ID_SIZE], struct err *e)
{
	return record_find(&cli->store, RECORD_CONTAINER, operand, id, e);
}

static int start_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	char id[ID_SIZE];

	(void)args;
	if (find(cli, operand, id, e) < 0 || container_start(&cli->store, id, NULL, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

static int start_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, start_one, args);
}

static int stop_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct stop_args *a = args;
	int64_t timeout;
	char id[ID_SIZE];

	if (duration_option("timeout", &a->timeout, STOP_TIMEOUT, &timeout, e) < 0 ||
	    find(cli, operand, id, e) < 0 || container_stop(&cli->store, id, timeout, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

static int stop_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, stop_one, args);
}

static int kill_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct kill_args *a = args;
	int sig = signal_parse(a->signal ? a->signal : "KILL");
	char id[ID_SIZE];

	if (sig < 1)
		return err_set(e, ERR_USAGE,
			       "--signal %.40s: there is none such; 'kill -l' lists them",
			       a->signal);
	if (find(cli, operand, id, e) < 0 || container_kill(&cli->store, id, sig, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

static int kill_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, kill_one, args);
}

static int rm_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct rm_args *a = args;
	char id[ID_SIZE];

	if (find(cli, operand, id, e) < 0 || container_remove(&cli->store, id, a->force, e) < 0)
		return a->ignore && e->kind == ERR_NOT_FOUND ? 0 : -1;
	printf("%s\n", operand);
	return 0;
}

static int rm_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, rm_one, args);
}

/* Prints the exit code of each, as podman does. */
static int wait_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	own(container) struct container c = { 0 };
	char id[ID_SIZE];

	(void)args;
	if (find(cli, operand, id, e) < 0 || container_wait(&cli->store, id, &c, e) < 0)
		return -1;
	printf("%d\n", (int)c.status.exit_code);
	fflush(stdout);
	return 0;
}

static int wait_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, wait_one, args);
}

// clang-format off
static const struct command commands[] = {
	{ "run", "[OPTION...] [IMAGE [COMMAND [ARG...]]]", "create a container, start it, and stay until it ends", ctr_run_main, run_opts, sizeof(struct run_args), NEED_STORE | STOP_AT_OPERAND | ENTERS_CONTAINER | RUN_STATUS, 0, 0, "image" },
	{ "create", "SANDBOX [OPTION...] [IMAGE [COMMAND [ARG...]]]", "create a container and print its ID; nothing runs yet", create_main, create_opts, sizeof(struct create_args), NEED_STORE | STOP_AT_SECOND, 1, 0, "sandbox,image" },
	{ "start", "CONTAINER...", "start created containers in the background", start_main, NULL, 0, NEED_STORE | ENTERS_CONTAINER, 1, 0, "container" },
	{ "exec", "[OPTION...] CONTAINER COMMAND [ARG...]", "run a command in a running container", ctr_exec_main, exec_opts, sizeof(struct exec_args), NEED_STORE | STOP_AT_OPERAND | ENTERS_CONTAINER | RUN_STATUS, 2, 0, "container" },
	{ "ls", "[OPTION...]", "list containers", ctr_list_main, ctr_list_opts, sizeof(struct list_args_ctr), NEED_STORE, 0, 0, NULL },
	{ "inspect", "[OPTION...] CONTAINER...", "show everything about containers, or one field", ctr_inspect_main, inspect_opts, sizeof(struct inspect_args), NEED_STORE, 1, 0, "container" },
	{ "logs", "[OPTION...] CONTAINER", "show what a container printed", ctr_logs_main, logs_opts, sizeof(struct logs_args), NEED_STORE, 1, 1, "container" },
	{ "stop", "[OPTION...] CONTAINER...", "end containers: their stop signal, then SIGKILL", stop_main, stop_opts, sizeof(struct stop_args), NEED_STORE, 1, 0, "container" },
	{ "kill", "[OPTION...] CONTAINER...", "send a signal to containers", kill_main, kill_opts, sizeof(struct kill_args), NEED_STORE, 1, 0, "container" },
	{ "wait", "CONTAINER...", "wait until containers have ended and print their exit codes", wait_main, NULL, 0, NEED_STORE, 1, 0, "container" },
	{ "rm", "[OPTION...] CONTAINER...", "remove containers", rm_main, rm_opts, sizeof(struct rm_args), NEED_STORE, 1, 0, "container" },
	{ 0 },
};
// clang-format on
const struct command_group ctr_group = { "ctr", "containers", commands };
