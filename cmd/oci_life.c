/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis-oci create, start, run, kill, pause, resume, delete. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "oci.h"

#define PRESERVE_MAX 1024

// clang-format off
#define CREATE_OPTS \
	OPT('b', "bundle", "DIR", OPT_STR, struct oci_create_opts, bundle, "the bundle [the current directory]", "dir"), \
	OPT('f', "config", "FILE", OPT_STR, struct oci_create_opts, config, "the configuration [config.json in the bundle]", "file"), \
	OPT(0, "pid-file", "FILE", OPT_STR, struct oci_create_opts, pid_file, "write the pid of its first process to FILE", "file"), \
	OPT(0, "console-socket", "SOCKET", OPT_STR, struct oci_create_opts, console_socket, "send its terminal to who listens at SOCKET", "file"), \
	OPT(0, "pidfd-socket", "SOCKET", OPT_STR, struct oci_create_opts, pidfd_socket, "send a pidfd of its first process to who listens at SOCKET", "file"), \
	OPT(0, "preserve-fds", "N", OPT_INT, struct oci_create_opts, preserve_fds, "pass N descriptors on, from 3"), \
	OPT(0, "no-pivot", NULL, OPT_BOOL, struct oci_create_opts, no_pivot, "change the root by chroot: for hosts that run from their initramfs"), \
	OPT(0, "no-new-keyring", NULL, OPT_BOOL, struct oci_create_opts, no_new_keyring, "leave it the caller's session keyring")
const struct opt oci_create_opts[] = { CREATE_OPTS, OPT_END };
const struct opt oci_run_opts[] = {
	CREATE_OPTS,
	OPT('d', "detach", NULL, OPT_BOOL, struct oci_create_opts, detach, "return when it runs"),
	OPT(0, "keep", NULL, OPT_BOOL, struct oci_create_opts, keep, "do not delete it when it ends"),
	OPT(0, "no-subreaper", NULL, OPT_BOOL, struct oci_create_opts, no_subreaper, "understood, and always so"),
	OPT_END,
};
const struct opt oci_kill_opts[] = {
	OPT('a', "all", NULL, OPT_BOOL, struct oci_all_args, all, "to all processes in its cgroup"),
	OPT_END,
};
const struct opt oci_delete_opts[] = {
	OPT('f', "force", NULL, OPT_BOOL, struct oci_force_args, force, "kill it when it runs; no complaint when it does not exist"),
	OPT_END,
};
// clang-format on

int oci_preserve_fds(const struct optint *option, unsigned more, unsigned *out, struct err *e)
{
	int64_t n = more + (option->set ? option->v : 0);

	if (option->set && (option->v < 0 || n > PRESERVE_MAX))
		return err_set(e, ERR_USAGE, "--preserve-fds %lld: expected 0 to %d",
			       (long long)option->v, PRESERVE_MAX);
	for (int fd = 3; fd < 3 + n; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return err_set(e, ERR_USAGE, "%s: descriptor %d is closed",
				       fd < 3 + (int)more ? "$LISTEN_FDS" : "--preserve-fds", fd);
	*out = (unsigned)n;
	return 0;
}

static const char *env_or_empty(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

/* sd_listen_fds(3): meant for us, or 0. */
static unsigned listen_fds(void)
{
	int64_t pid, n;

	if (str_to_i64(env_or_empty("LISTEN_PID"), 1, INT32_MAX, &pid) < 0 || pid != getpid() ||
	    str_to_i64(env_or_empty("LISTEN_FDS"), 1, PRESERVE_MAX, &n) < 0)
		return 0;
	return (unsigned)n;
}

static int create_args(struct cli *cli, const struct oci_create_opts *o, const char *id,
		       struct oci_create_args *out, struct err *e)
{
	*out = (struct oci_create_args){
		.id = id,
		.bundle = o->bundle,
		.config = o->config,
		.pid_file = o->pid_file,
		.console_socket = o->console_socket,
		.pidfd_socket = o->pidfd_socket,
		.no_cgroup = oci_no_cgroup(cli),
		.no_pivot = o->no_pivot,
		.no_keyring = o->no_new_keyring,
	};
	out->notify = getenv("NOTIFY_SOCKET");
	out->listen = listen_fds();
	return oci_preserve_fds(&o->preserve_fds, out->listen, &out->preserve, e);
}

static int finish(struct cli *cli, const struct oci_home *home, int rc, const struct err *e,
		  int status)
{
	oci_put_warnings(cli, home);
	return rc < 0 ? cli_error(cli, e) : cli_done(cli, status);
}

int oci_create_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(oci_home) struct oci_home home = { .dir = -1 };
	struct oci_create_args a;
	struct err e;

	(void)n;
	if (create_args(cli, args, operands[0], &a, &e) < 0 || oci_open_home(cli, &home, &e) < 0)
		return cli_error(cli, &e);
	return finish(cli, &home, oci_create(&home, &a, &e), &e, 0);
}

int oci_run_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct oci_create_opts *o = args;
	own(oci_home) struct oci_home home = { .dir = -1 };
	struct exit_status ended = { 0 };
	struct oci_create_args a;
	struct err e;
	int rc;

	(void)n;
	if (create_args(cli, o, operands[0], &a, &e) < 0 || oci_open_home(cli, &home, &e) < 0)
		return cli_error(cli, &e);
	rc = o->detach ? oci_run_detached(&home, &a, &e) : oci_run(&home, &a, o->keep, &ended, &e);
	return finish(cli, &home, rc, &e, ended.code);
}

int oci_start_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(oci_home) struct oci_home home = { .dir = -1 };
	struct err e;

	(void)args;
	(void)n;
	if (oci_open_home(cli, &home, &e) < 0)
		return cli_error(cli, &e);
	return finish(cli, &home, oci_start(&home, operands[0], getenv("NOTIFY_SOCKET"), &e), &e,
		      0);
}

int oci_kill_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct oci_all_args *a = args;
	own(oci_home) struct oci_home home = { .dir = -1 };
	int sig = signal_parse(n > 1 ? operands[1] : "TERM");
	struct err e;

	if (sig < 0)
		return cli_usage(cli, "unknown signal \"%.40s\"", operands[1]);
	if (oci_open_home(cli, &home, &e) < 0 || oci_kill(&home, operands[0], sig, a->all, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}

static int pause_or_resume(struct cli *cli, const char *id, bool pause)
{
	own(oci_home) struct oci_home home = { .dir = -1 };
	struct err e;

	if (oci_open_home(cli, &home, &e) < 0 || oci_pause(&home, id, pause, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}

int oci_pause_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	(void)args;
	(void)n;
	return pause_or_resume(cli, operands[0], true);
}

int oci_resume_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	(void)args;
	(void)n;
	return pause_or_resume(cli, operands[0], false);
}

static int delete_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct oci_force_args *a = args;
	own(oci_home) struct oci_home home = { .dir = -1 };

	int rc;

	if (oci_open_home(cli, &home, e) < 0)
		return -1;
	rc = oci_delete(&home, operand, a->force, e);
	oci_put_warnings(cli, &home);
	return rc;
}

int oci_delete_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, delete_one, args);
}
