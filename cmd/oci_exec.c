/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis-oci exec. */
#include <stdio.h>

#include "oci.h"
#include "oci/exec.h"

// clang-format off
const struct opt oci_exec_opts[] = {
	OPT('p', "process", "FILE", OPT_STR, struct oci_exec_opts, process, "all of the process, as JSON", "file"),
	OPT('d', "detach", NULL, OPT_BOOL, struct oci_exec_opts, detach, "return when it runs"),
	OPT('t', "tty", NULL, OPT_BOOL, struct oci_exec_opts, tty, "give it a terminal"),
	OPT('e', "env", "K=V", OPT_LIST, struct oci_exec_opts, env, "set an environment variable; may be repeated"),
	OPT('u', "user", "UID[:GID]", OPT_STR, struct oci_exec_opts, user, "run it as this user, and group"),
	OPT('g', "additional-gids", "GID", OPT_LIST, struct oci_exec_opts, gids, "add a group; may be repeated"),
	OPT(0, "cwd", "DIR", OPT_STR, struct oci_exec_opts, cwd, "its working directory"),
	OPT('c', "cap", "CAPABILITY", OPT_LIST, struct oci_exec_opts, caps, "add a capability; may be repeated"),
	OPT(0, "no-new-privs", NULL, OPT_BOOL, struct oci_exec_opts, no_new_privs, "set no_new_privs"),
	OPT(0, "apparmor", "PROFILE", OPT_STR, struct oci_exec_opts, apparmor, "its AppArmor profile"),
	OPT(0, "process-label", "LABEL", OPT_STR, struct oci_exec_opts, label, "its SELinux label"),
	OPT(0, "cgroup", "PATH", OPT_STR, struct oci_exec_opts, cgroup, "put it into this cgroup below the container's"),
	OPT(0, "ignore-paused", NULL, OPT_BOOL, struct oci_exec_opts, ignore_paused, "also in a paused container, where it waits"),
	OPT(0, "preserve-fds", "N", OPT_INT, struct oci_exec_opts, preserve_fds, "pass N descriptors on, from 3"),
	OPT(0, "pid-file", "FILE", OPT_STR, struct oci_exec_opts, pid_file, "write its pid to FILE", "file"),
	OPT(0, "console-socket", "SOCKET", OPT_STR, struct oci_exec_opts, console_socket, "send its terminal to who listens at SOCKET", "file"),
	OPT(0, "pidfd-socket", "SOCKET", OPT_STR, struct oci_exec_opts, pidfd_socket, "send a pidfd of it to who listens at SOCKET", "file"),
	OPT(0, "no-subreaper", NULL, OPT_BOOL, struct oci_exec_opts, no_subreaper, "understood, and always so"),
	OPT_END,
};
// clang-format on

static int check(const struct oci_exec_opts *o, size_t nargs, struct err *e)
{
	if (o->process && nargs > 0)
		return err_set(e, ERR_USAGE, "--process and a command exclude each other");
	if (!o->process && nargs == 0)
		return err_set(e, ERR_USAGE, "which command? name it, or use --process");
	if (o->process && (o->env.n || o->gids.n || o->caps.n || o->cwd || o->user || o->apparmor ||
			   o->label || o->no_new_privs))
		return err_set(e, ERR_USAGE,
			       "--process says all of a process: --env, --user and the like "
			       "do not go with it");
	for (size_t i = 0; i < o->env.n; i++)
		if (!strchr(o->env.v[i], '=') || o->env.v[i][0] == '=')
			return err_set(e, ERR_USAGE, "--env %.40s: expected K=V", o->env.v[i]);
	return 0;
}

static int fill(const struct oci_exec_opts *o, char **operands, size_t n, struct oci_exec_args *a,
		struct err *e)
{
	if (check(o, n - 1, e) < 0 || oci_preserve_fds(&o->preserve_fds, 0, &a->preserve, e) < 0)
		return -1;
	*a = (struct oci_exec_args){
		.id = operands[0],
		.process_file = o->process,
		.env = o->env,
		.cwd = o->cwd,
		.user = o->user,
		.caps = &o->caps,
		.apparmor = o->apparmor,
		.label = o->label,
		.no_new_privs = o->no_new_privs,
		.terminal = o->tty,
		.cgroup = o->cgroup,
		.detach = o->detach,
		.ignore_paused = o->ignore_paused,
		.pid_file = o->pid_file,
		.console_socket = o->console_socket,
		.pidfd_socket = o->pidfd_socket,
		.preserve = a->preserve,
	};
	for (size_t i = 1; i < n; i++)
		strv_add(&a->args, operands[i]);
	for (size_t i = 0; i < o->gids.n; i++) {
		int64_t gid;

		if (str_to_i64(o->gids.v[i], 0, UINT32_MAX - 1, &gid) < 0)
			return err_set(e, ERR_USAGE, "--additional-gids %.40s: expected a number",
				       o->gids.v[i]);
		intlist_add(&a->groups, gid);
	}
	return 0;
}

int oci_exec_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(oci_home) struct oci_home home = { .dir = -1 };
	struct oci_exec_args a = { 0 };
	struct exit_status ended = { 0 };
	struct err e;
	int rc = 0;

	if (fill(args, operands, n, &a, &e) < 0 || oci_open_home(cli, &home, &e) < 0 ||
	    oci_exec(&home, &a, &ended, &e) < 0)
		rc = -1;
	strv_free(&a.args);
	free(a.groups.v);
	return rc < 0 ? cli_error(cli, &e) : cli_done(cli, ended.code);
}
