/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr: the table of its commands, and the short ones. */
#include "ctr.h"

#include <stdio.h>

#include "common.h"
#include "events.h"
#include "inspect.h"
#include "stats.h"

struct create_args {
	struct ctr_config_args config;
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
	ATTACH_OPTS(struct run_args),
	CTR_CONFIG_OPTS(struct run_args),
	OPT_END,
};
static const struct opt exec_opts[] = {
	OPT('d', "detach", NULL, OPT_BOOL, struct exec_args, detach, "do not wait for the command; its output is not kept"),
	OPT('e', "env", "K[=V]", OPT_LIST, struct exec_args, env, "set an environment variable; may be repeated"),
	OPT(0, "env-file", "FILE", OPT_LIST, struct exec_args, env_files, "set the variables in this file, one K=V a line; may be repeated", "file"),
	OPT('i', "interactive", NULL, OPT_BOOL, struct exec_args, stdin_, "pass standard input on"),
	OPT('t', "tty", NULL, OPT_BOOL, struct exec_args, tty, "give it a terminal"),
	OPT('u', "user", "USER[:GROUP]", OPT_STR, struct exec_args, user, "user, and group, by number or by name in the image"),
	OPT('w', "workdir", "DIR", OPT_STR, struct exec_args, workdir, "working directory of the command"),
	OPT(0, "timeout", "SECONDS", OPT_STR, struct exec_args, timeout, "then kill it and all that it started; exit status 124"),
	OPT(0, "privileged", NULL, OPT_BOOL, struct exec_args, privileged, "all capabilities, no seccomp"),
	OPT(0, "cap-add", "CAPABILITY", OPT_LIST, struct exec_args, cap_add, "add a capability, or ALL; may be repeated"),
	OPT(0, "detach-keys", "KEYS", OPT_STR, struct exec_args, detach_keys, "leave the terminal by these keys, and the command running (default: ctrl-p,ctrl-q; '': none)"),
	OPT_END,
};
static const struct opt logs_opts[] = {
	OPT('f', "follow", NULL, OPT_BOOL, struct logs_args, follow, "go on until the container ends"),
	OPT('n', "tail", "N", OPT_INT, struct logs_args, tail, "only the last N lines"),
	OPT(0, "since", "TIME", OPT_STR, struct logs_args, since, "only from this time on: RFC 3339, or a duration ago (10m)"),
	OPT(0, "until", "TIME", OPT_STR, struct logs_args, until, "only up to this time"),
	OPT(0, "stream", "STREAM", OPT_STR, struct logs_args, stream, "only this one", "stdout|stderr"),
	OPT(0, "limit-bytes", "N", OPT_INT, struct logs_args, limit_bytes, "end after N bytes of output"),
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
	own(fd) int cidfile = -1;
	struct err e, second;

	if (a->config.print_config)
		return ctr_config_print(cli, &a->config, operands + 1, n - 1);
	if (ctr_config(&a->config, operands + 1, n - 1, &config, &e) < 0 ||
	    ctr_create_options(&a->config, &create, &e) < 0 ||
	    record_find(&cli->store, RECORD_SANDBOX, operands[0], sandbox, &e) < 0 ||
	    ctr_cidfile_open(a->config.cidfile, &cidfile, &e) < 0)
		return cli_error(cli, &e);
	if (ctr_images(cli, &a->config, &config, &e) < 0 ||
	    container_create(&cli->store, &create, NULL, id, &e) < 0) {
		ctr_cidfile_close(a->config.cidfile, &cidfile, NULL, &second);
		return cli_error(cli, &e);
	}
	if (ctr_cidfile_close(a->config.cidfile, &cidfile, id, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", id);
	return cli_done(cli, 0);
}

// clang-format off
static const struct command commands[] = {
	{ "run", "[OPTION...] [IMAGE [COMMAND [ARG...]]]", "create a container, start it, and stay until it ends", ctr_run_main, run_opts, sizeof(struct run_args), NEED_STORE | STOP_AT_OPERAND | ENTERS_CONTAINER | RUN_STATUS, 0, 0, "image", ctr_run_transient },
	{ "create", "SANDBOX [OPTION...] [IMAGE [COMMAND [ARG...]]]", "create a container and print its ID; nothing runs yet", create_main, create_opts, sizeof(struct create_args), NEED_STORE | STOP_AT_SECOND, 1, 0, "sandbox,image" },
	{ "start", "[OPTION...] CONTAINER...", "start created containers", ctr_start_main, ctr_start_opts, sizeof(struct start_args), NEED_STORE | ENTERS_CONTAINER, 1, 0, "container" },
	{ "attach", "[OPTION...] CONTAINER", "stay with a running container: its output, its standard input, its end", ctr_attach_main, ctr_attach_opts, sizeof(struct attach_args_ctr), NEED_STORE | RUN_STATUS, 1, 1, "container" },
	{ "exec", "[OPTION...] CONTAINER COMMAND [ARG...]", "run a command in a running container", ctr_exec_main, exec_opts, sizeof(struct exec_args), NEED_STORE | STOP_AT_OPERAND | ENTERS_CONTAINER | RUN_STATUS, 2, 0, "container", ctr_exec_transient },
	{ "ls", "[OPTION...]", "list containers", ctr_list_main, ctr_list_opts, sizeof(struct list_args_ctr), NEED_STORE, 0, 0, NULL },
	{ "inspect", "[OPTION...] CONTAINER...", "show everything about containers, or one field", ctr_inspect_main, inspect_opts, sizeof(struct inspect_args), NEED_STORE, 1, 0, "container" },
	{ "stats", "[OPTION...] [CONTAINER...]", "show what containers use: CPU, memory, processes", ctr_stats_main, ctr_stats_opts, sizeof(struct stats_args), NEED_STORE, 0, 0, "container" },
	{ "top", "[OPTION...] CONTAINER", "show the processes of a running container", ctr_top_main, ctr_top_opts, sizeof(struct top_args), NEED_STORE, 1, 1, "container" },
	{ "events", "[OPTION...] [CONTAINER...]", "show what happens to containers, as it happens", ctr_events_main, events_opts, sizeof(struct events_args), NEED_STORE, 0, 0, "container" },
	{ "logs", "[OPTION...] CONTAINER", "show what a container printed", ctr_logs_main, logs_opts, sizeof(struct logs_args), NEED_STORE, 1, 1, "container" },
	{ "reopen-log", "CONTAINER...", "go on in a new log, after a rotation", ctr_reopen_log_main, NULL, 0, NEED_STORE, 1, 0, "container" },
	{ "stop", "[OPTION...] [CONTAINER...]", "end containers: their stop signal, then SIGKILL", ctr_stop_main, ctr_stop_opts, sizeof(struct stop_args), NEED_STORE, 0, 0, "container" },
	{ "restart", "[OPTION...] CONTAINER...", "stop containers and start them again", ctr_restart_main, ctr_restart_opts, sizeof(struct stop_args), NEED_STORE | ENTERS_CONTAINER, 1, 0, "container" },
	{ "kill", "[OPTION...] [CONTAINER...]", "send a signal to containers", ctr_kill_main, ctr_kill_opts, sizeof(struct kill_args), NEED_STORE, 0, 0, "container" },
	{ "pause", "[OPTION...] [CONTAINER...]", "let containers stand still", ctr_pause_main, ctr_pause_opts, sizeof(struct pause_args), NEED_STORE, 0, 0, "container" },
	{ "resume", "[OPTION...] [CONTAINER...]", "let paused containers go on", ctr_resume_main, ctr_pause_opts, sizeof(struct pause_args), NEED_STORE, 0, 0, "container" },
	{ "wait", "[OPTION...] CONTAINER...", "wait until containers have ended and print their exit codes", ctr_wait_main, ctr_wait_opts, sizeof(struct wait_args), NEED_STORE, 1, 0, "container" },
	{ "rename", "CONTAINER NAME", "give a container another name", ctr_rename_main, NULL, 0, NEED_STORE, 2, 2, "container" },
	{ "update", "[OPTION...] CONTAINER...", "change limits and restart policy of containers, running or not", ctr_update_main, ctr_update_opts, sizeof(struct update_args), NEED_STORE, 1, 0, "container" },
	{ "cp", "[OPTION...] SRC DST", "copy files out of a container, into one, or from one to another", ctr_copy_main, ctr_copy_opts, sizeof(struct copy_args), NEED_STORE, 2, 2, "container-path" },
	{ "diff", "[OPTION...] CONTAINER", "show what a container changed in its image's files", ctr_diff_main, ctr_diff_opts, sizeof(struct diff_args), NEED_STORE, 1, 1, "container" },
	{ "export", "[OPTION...] CONTAINER", "write the file system of a container as a tar archive", ctr_export_main, ctr_export_opts, sizeof(struct export_args), NEED_STORE, 1, 1, "container" },
	{ "commit", "[OPTION...] CONTAINER [IMAGE]", "make an image of a container: its image, and what it changed in it", ctr_commit_main, ctr_commit_opts, sizeof(struct commit_args), NEED_STORE, 1, 2, "container,image" },
	{ "port-forward", "[OPTION...] CONTAINER|SANDBOX [OURS:]PORT...", "make ports inside of a sandbox reachable here", ctr_port_main, ctr_port_opts, sizeof(struct port_args), NEED_STORE, 2, 0, "container" },
	{ "rm", "[OPTION...] [CONTAINER...]", "remove containers", ctr_rm_main, ctr_rm_opts, sizeof(struct rm_args), NEED_STORE, 0, 0, "container" },
	{ "adopt", "CONTAINER", "give a container a new monitor", ctr_adopt_main, NULL, 0, NEED_STORE | ENTERS_CONTAINER | HIDDEN, 1, 1, "container" },
	{ 0 },
};
// clang-format on
const struct command_group ctr_group = { "ctr", "containers", commands };
