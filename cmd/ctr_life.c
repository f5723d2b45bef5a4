/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr stop, restart, kill, pause, resume, wait, rename, rm: one call into lib/pod each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/proc.h"
#include "common.h"
#include "ctr.h"

#define OWN_TIMEOUT (-1) /* the container's */

// clang-format off
const struct opt ctr_stop_opts[] = {
	OPT('t', "timeout", "SECONDS", OPT_INT, struct stop_args, timeout, "grace period before SIGKILL (default: the container's, else 10; 0: at once)"),
	OPT('a', "all", NULL, OPT_BOOL, struct stop_args, all, "all that run"),
	OPT_END,
};
const struct opt ctr_restart_opts[] = {
	OPT('t', "timeout", "SECONDS", OPT_INT, struct stop_args, timeout, "grace period before SIGKILL (default: the container's, else 10; 0: at once)"),
	OPT_END,
};
const struct opt ctr_kill_opts[] = {
	OPT('s', "signal", "SIGNAL", OPT_STR, struct kill_args, signal, "signal by name or number (default: KILL)"),
	OPT('a', "all", NULL, OPT_BOOL, struct kill_args, all, "all that run"),
	OPT_END,
};
const struct opt ctr_rm_opts[] = {
	OPT('f', "force", NULL, OPT_BOOL, struct rm_args, force, "kill it first when it runs"),
	OPT(0, "ignore", NULL, OPT_BOOL, struct rm_args, ignore, "one that does not exist is a success"),
	OPT('a', "all", NULL, OPT_BOOL, struct rm_args, all, "all there are"),
	OPT_END,
};
const struct opt ctr_wait_opts[] = {
	OPT(0, "condition", "STATE", OPT_STR, struct wait_args, condition, "wait until it has exited (default), is running, or is removed", "exited|running|removed"),
	OPT_END,
};
const struct opt ctr_pause_opts[] = {
	OPT('a', "all", NULL, OPT_BOOL, struct pause_args, all, "all that run (resume: that are paused)"),
	OPT_END,
};
// clang-format on

static int find(struct cli *cli, const char *operand, char id[ID_SIZE], struct err *e)
{
	return record_find(&cli->store, RECORD_CONTAINER, operand, id, e);
}

enum which { ANY, RUNNING, NOT_PAUSED, PAUSED };

static bool is_one(const struct container *c, enum which which)
{
	if (which == ANY)
		return true;
	if (c->status.state != CONTAINER_RUNNING)
		return false;
	return which == RUNNING || container_paused(c) == (which == PAUSED);
}

static int find_all(struct cli *cli, enum which which, struct strv *out, struct err *e)
{
	own(strv) struct strv ids = { 0 };

	if (record_list(&cli->store, RECORD_CONTAINER, &ids, e) < 0)
		return -1;
	strv_sort(&ids);
	for (size_t i = 0; i < ids.n; i++) {
		own(container) struct container c = { 0 };
		struct err gone;

		if (container_load(&cli->store, ids.v[i], &c, &gone) == 0 && is_one(&c, which))
			strv_add(out, ids.v[i]);
	}
	return 0;
}

typedef int each_fn(struct cli *cli, const char *operand, const void *args, struct err *e);

/* 0, or the status of the complaint. */
static int check_names(struct cli *cli, bool all, size_t n)
{
	if (all && n > 0)
		return cli_usage(cli, "--all and names of containers exclude each other");
	if (!all && n == 0)
		return cli_usage(cli, "too few arguments: expected CONTAINER... or --all");
	return 0;
}

/* The named ones, or with --all every one of that kind. */
static int named_or_all(struct cli *cli, bool all, enum which which, char **operands, size_t n,
			each_fn *fn, const void *args)
{
	own(strv) struct strv ids = { 0 };
	struct err e;
	int status = check_names(cli, all, n);

	if (status)
		return status;
	if (!all)
		return cli_each(cli, operands, n, fn, args);
	if (find_all(cli, which, &ids, &e) < 0)
		return cli_error(cli, &e);
	return cli_each(cli, ids.v, ids.n, fn, args);
}

/* How it went with each of them, in their order. */
struct stopped {
	struct err *each;
	size_t at;
};

static int report_stopped(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	struct stopped *st = *(struct stopped *const *)args;
	const struct err *result = &st->each[st->at++];

	(void)cli;
	if (result->msg[0]) {
		*e = *result;
		return -1;
	}
	printf("%s\n", operand);
	return 0;
}

/* All get their signal, then all are waited for. */
static int stop_these(struct cli *cli, char **operands, size_t n, int64_t timeout)
{
	own(strv) struct strv ids = { 0 };
	struct err *found = xcalloc(n + 1, sizeof(*found)), *each = xcalloc(n + 1, sizeof(*each));
	struct stopped results = { .each = found }, *args = &results;
	int status;

	for (size_t i = 0; i < n; i++) {
		char id[ID_SIZE];

		if (find(cli, operands[i], id, &found[i]) == 0) {
			found[i].msg[0] = '\0';
			strv_add(&ids, id);
		}
	}
	container_stop_all(&cli->store, &ids, timeout, each);
	for (size_t i = 0, k = 0; i < n; i++)
		if (!found[i].msg[0])
			found[i] = each[k++];
	status = cli_each(cli, operands, n, report_stopped, &args);
	free(found);
	free(each);
	return status;
}

int ctr_stop_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct stop_args *a = args;
	own(strv) struct strv ids = { 0 };
	int64_t timeout;
	struct err e;
	int status = check_names(cli, a->all, n);

	if (status)
		return status;
	if (duration_option("timeout", &a->timeout, OWN_TIMEOUT, &timeout, &e) < 0 ||
	    (a->all && find_all(cli, RUNNING, &ids, &e) < 0))
		return cli_error(cli, &e);
	return a->all ? stop_these(cli, ids.v, ids.n, timeout)
		      : stop_these(cli, operands, n, timeout);
}

static int restart_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct stop_args *a = args;
	int64_t timeout;
	char id[ID_SIZE];

	if (duration_option("timeout", &a->timeout, OWN_TIMEOUT, &timeout, e) < 0 ||
	    find(cli, operand, id, e) < 0 || container_restart(&cli->store, id, timeout, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

int ctr_restart_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, restart_one, args);
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

int ctr_kill_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct kill_args *a = args;

	return named_or_all(cli, a->all, RUNNING, operands, n, kill_one, args);
}

static int rm_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct rm_args *a = args;
	char id[ID_SIZE];

	if (find(cli, operand, id, e) < 0 || container_remove(&cli->store, id, a->force, e) < 0)
		return (a->ignore || a->all) && e->kind == ERR_NOT_FOUND ? 0 : -1;
	printf("%s\n", operand);
	return 0;
}

int ctr_rm_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct rm_args *a = args;
	struct err ignored;

	/* What an earlier rm that failed could not give back: its name is free, so it is asked for
	 * in vain. */
	staging_sweep(&cli->store, &ignored);
	return named_or_all(cli, a->all, ANY, operands, n, rm_one, args);
}

static int pause_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	char id[ID_SIZE];

	(void)args;
	if (find(cli, operand, id, e) < 0 || container_pause(&cli->store, id, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

int ctr_pause_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct pause_args *a = args;

	return named_or_all(cli, a->all, NOT_PAUSED, operands, n, pause_one, args);
}

static int resume_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	char id[ID_SIZE];

	(void)args;
	if (find(cli, operand, id, e) < 0 || container_resume(&cli->store, id, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

int ctr_resume_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct pause_args *a = args;

	return named_or_all(cli, a->all, PAUSED, operands, n, resume_one, args);
}

/* Prints the exit code of each, as podman does; -1: there was none to be seen. */
static int wait_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct wait_args *a = args;
	int until = CONTAINER_WAIT_EXITED, code;
	char id[ID_SIZE];

	while (a->condition && container_condition_name[until] &&
	       !str_eq(a->condition, container_condition_name[until]))
		until++;
	if (!container_condition_name[until])
		return err_set(e, ERR_USAGE,
			       "--condition %.40s: expected exited, running or removed",
			       a->condition);
	if (find(cli, operand, id, e) < 0 ||
	    container_wait(&cli->store, id, (enum container_condition)until, &code, e) < 0)
		return -1;
	printf("%d\n", code);
	fflush(stdout);
	return 0;
}

int ctr_wait_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, wait_one, args);
}

int ctr_rename_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	char id[ID_SIZE];
	struct err e;

	(void)args;
	(void)n;
	if (find(cli, operands[0], id, &e) < 0 ||
	    container_rename(&cli->store, id, operands[1], &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}
