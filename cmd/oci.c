/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis-oci: the tables of its commands and global options. */
#include "oci.h"

#include <stdio.h>

// clang-format off
static const struct opt globals[] = {
	OPT(0, "root", "DIR", OPT_STR, struct oci_globals, root, "keep the state of containers in DIR [" OCI_HOME_DEFAULT "]", "dir"),
	OPT(0, "log", "FILE", OPT_STR, struct oci_globals, log, "append errors to FILE, too", "file"),
	OPT(0, "log-format", "FORMAT", OPT_STR, struct oci_globals, log_format, "how they are written there [text]", "text|json"),
	OPT(0, "debug", NULL, OPT_BOOL, struct oci_globals, debug, "write to --log which command runs, too"),
	OPT(0, "cgroup-manager", "MANAGER", OPT_STR, struct oci_globals, cgroup_manager, "who makes cgroups [cgroupfs]", "cgroupfs|disabled|systemd"),
	OPT(0, "systemd-cgroup", NULL, OPT_BOOL, struct oci_globals, systemd_cgroup, "the same as --cgroup-manager systemd"),
	OPT(0, "rootless", "WHETHER", OPT_STR, struct oci_globals, rootless, "whether errors with cgroups count; false is all there is [auto]", "auto|true|false"),
	OPT(0, "criu", "PROGRAM", OPT_STR, struct oci_globals, criu, "understood, without effect: there are no checkpoints", "file"),
	OPT(0, "version", NULL, OPT_BOOL, struct oci_globals, version, "print versions and features"),
	OPT_END,
};

/* No process of ours stays; a created one is itself until its start. */
static bool always(const void *args)
{
	(void)args;
	return true;
}

static const struct command commands[] = {
	{ "create", "[OPTION...] CONTAINER", "create a container from a bundle; its process waits for start", oci_create_main, oci_create_opts, sizeof(struct oci_create_opts), ENTERS_CONTAINER, 1, 1, NULL, always },
	{ "start", "CONTAINER", "let the process of a created container go", oci_start_main, NULL, 0, 0, 1, 1, NULL },
	{ "run", "[OPTION...] CONTAINER", "create a container, start it, and stay until it ends", oci_run_main, oci_run_opts, sizeof(struct oci_create_opts), ENTERS_CONTAINER | RUN_STATUS, 1, 1, NULL, always },
	{ "state", "CONTAINER", "print the state of a container", oci_state_main, NULL, 0, 0, 1, 1, NULL },
	{ "list", "[OPTION...]", "list containers", oci_list_main, oci_list_opts, sizeof(struct oci_list_args), 0, 0, 0, NULL },
	{ "kill", "[OPTION...] CONTAINER [SIGNAL]", "send a signal to a container's first process", oci_kill_main, oci_kill_opts, sizeof(struct oci_all_args), 0, 1, 2, NULL },
	{ "exec", "[OPTION...] CONTAINER [COMMAND [ARG...]]", "run a further process in a container", oci_exec_main, oci_exec_opts, sizeof(struct oci_exec_opts), STOP_AT_OPERAND | ENTERS_CONTAINER | RUN_STATUS, 1, 0, NULL, always },
	{ "pause", "CONTAINER", "let a container stand still", oci_pause_main, NULL, 0, 0, 1, 1, NULL },
	{ "resume", "CONTAINER", "let a paused container go on", oci_resume_main, NULL, 0, 0, 1, 1, NULL },
	{ "ps", "[OPTION...] CONTAINER", "show the processes of a container", oci_ps_main, oci_ps_opts, sizeof(struct oci_list_args), 0, 1, 1, NULL },
	{ "events", "[OPTION...] CONTAINER", "print what a container uses, and when it runs out of memory", oci_events_main, oci_events_opts, sizeof(struct oci_events_args), 0, 1, 1, NULL },
	{ "update", "[OPTION...] CONTAINER", "change the limits of a container", oci_update_main, oci_update_opts, sizeof(struct oci_update_args), 0, 1, 1, NULL },
	{ "delete", "[OPTION...] CONTAINER...", "remove what stopped containers have left", oci_delete_main, oci_delete_opts, sizeof(struct oci_force_args), 0, 1, 0, NULL },
	{ "spec", "[OPTION...]", "write a config.json to begin with", oci_spec_main, oci_spec_opts, sizeof(struct oci_spec_args), 0, 0, 0, NULL },
	{ "features", "", "print what of config.json is understood", oci_features_main, NULL, 0, 0, 0, 0, NULL },
	{ 0 },
};
// clang-format on

static int bare(struct cli *cli)
{
	if (!oci_globals(cli)->version)
		return -1;
	puts("caddis-oci version " CADDIS_VERSION);
	puts("spec: " OCI_VERSION_MAX);
	puts("+CAP +SECCOMP +APPARMOR +SELINUX +CGROUPFS");
	return cli_done(cli, 0);
}

static const struct own_line line = {
	.program = "caddis-oci",
	.opts = globals,
	.args_size = sizeof(struct oci_globals),
	.open = oci_log_open,
	.bare = bare,
	.report = oci_log_report,
};
const struct command_group oci_group = { "oci", "an OCI runtime for engines, as caddis-oci",
					 commands, &line };

int oci_open_home(const struct cli *cli, struct oci_home *out, struct err *e)
{
	const char *root = oci_globals(cli)->root;

	*out = (struct oci_home){ .dir = -1 };
	if (geteuid() != 0)
		return err_set(e, ERR_DENIED, "caddis-oci needs root");
	return oci_home_open(str_some(root) ? root : OCI_HOME_DEFAULT, out, e);
}

bool oci_no_cgroup(const struct cli *cli)
{
	return str_eq(oci_globals(cli)->cgroup_manager, "disabled");
}
