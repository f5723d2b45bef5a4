/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr attach and start; the options by which a command stays with a container. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctr.h"
#include "monitor/client.h"

// clang-format off
const struct opt ctr_attach_opts[] = {
	ATTACH_OPTS(struct attach_args_ctr),
	OPT(0, "no-stdin", NULL, OPT_BOOL, struct attach_args_ctr, no_stdin, "do not pass standard input on"),
	OPT_END,
};
const struct opt ctr_start_opts[] = {
	OPT('a', "attach", NULL, OPT_BOOL, struct start_args, attached, "stay with it: show its output, end with its status"),
	OPT('i', "interactive", NULL, OPT_BOOL, struct start_args, stdin_, "the same, and pass standard input on, if it was created with -i"),
	ATTACH_OPTS(struct start_args),
	OPT_END,
};
// clang-format on

int ctr_restart_policy(const char *text, int *policy, int64_t *max, struct err *e)
{
	size_t len = text ? strcspn(text, ":") : 0;

	if (!text)
		return 0;
	*max = 0;
	for (int i = 0; container_restart_name[i]; i++) {
		if (strncmp(container_restart_name[i], text, len) != 0 ||
		    container_restart_name[i][len])
			continue;
		*policy = i;
		if (!text[len] || (i == CONTAINER_RESTART_ON_FAILURE &&
				   str_to_i64(text + len + 1, 1, INT32_MAX, max) == 0))
			return 0;
	}
	return err_set(e, ERR_USAGE,
		       "--restart %.40s: expected no, on-failure[:N], always or unless-stopped",
		       text);
}

int ctr_create_options(const struct ctr_config_args *a, struct container_create_args *out,
		       struct err *e)
{
	if (a->stop_timeout.set && (a->stop_timeout.v < 0 || a->stop_timeout.v > INT32_MAX))
		return err_set(e, ERR_USAGE, "--stop-timeout %lld: not a number of seconds",
			       (long long)a->stop_timeout.v);
	out->stop_timeout = a->stop_timeout;
	out->need_log_dir = str_some(a->log_path);
	out->cdi_dirs = &a->rights.cdi_dirs;
	return ctr_restart_policy(a->restart, &out->restart, &out->restart_max, e);
}

int ctr_cidfile_open(const char *path, int *fd, struct err *e)
{
	if (!path)
		return 0;
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (*fd >= 0)
		return 0;
	err_sys(e, "--cidfile %.200s", path);
	return errno == EEXIST ? err_hint(e, "of another container? remove it first") : -1;
}

int ctr_cidfile_close(const char *path, int *fd, const char *id, struct err *e)
{
	own(fd) int out = fd_steal(fd);
	own(str) char *line = id ? str_fmt("%s\n", id) : NULL;

	if (out < 0)
		return 0;
	if (line && write_all(out, line, strlen(line)) == 0)
		return 0;
	if (line)
		err_sys(e, "write --cidfile %.200s", path);
	(void)unlink(path);
	return line ? -1 : 0;
}

static int start_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	char id[ID_SIZE];

	(void)args;
	if (record_find(&cli->store, RECORD_CONTAINER, operand, id, e) < 0 ||
	    container_start(&cli->store, id, NULL, false, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

static int start_attached(struct cli *cli, const struct start_args *a, const char *operand)
{
	own(container) struct container c = { 0 };
	struct container_attach attach = { 0 };
	struct exit_status ended = { 0 };
	char id[ID_SIZE];
	struct err e;

	ctr_attach_options(&a->attach, &attach);
	if (detach_keys_check(attach.detach_keys, &e) < 0 ||
	    record_find(&cli->store, RECORD_CONTAINER, operand, id, &e) < 0 ||
	    container_load(&cli->store, id, &c, &e) < 0)
		return cli_error(cli, &e);
	attach.stdin_ = a->stdin_ && c.record.config.stdin_;
	attach.tty = attach.stdin_ && c.record.config.tty && isatty(STDIN_FILENO);
	if (attach.tty)
		client_terminal_size(&attach.size);
	if (container_start_attached(&cli->store, id, NULL, &attach, &ended, &e) < 0)
		return cli_error(cli, &e);
	return ctr_report_end(cli, &ended);
}

int ctr_start_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct start_args *a = args;

	if (!a->attached && !a->stdin_)
		return cli_each(cli, operands, n, start_one, args);
	if (n > 1)
		return cli_usage(cli, "-a and -i stay with one container, not with %zu", n);
	return start_attached(cli, a, operands[0]);
}

int ctr_attach_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct attach_args_ctr *a = args;
	struct container_attach attach = { .stdin_ = !a->no_stdin };
	struct exit_status ended = { 0 };
	char id[ID_SIZE];
	struct err e;

	(void)n;
	ctr_attach_options(&a->attach, &attach);
	if (detach_keys_check(attach.detach_keys, &e) < 0 ||
	    record_find(&cli->store, RECORD_CONTAINER, operands[0], id, &e) < 0 ||
	    container_attach(&cli->store, id, &attach, &ended, &e) < 0)
		return cli_error(cli, &e);
	return ctr_report_end(cli, &ended);
}

static int reopen_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	char id[ID_SIZE];

	(void)args;
	if (record_find(&cli->store, RECORD_CONTAINER, operand, id, e) < 0 ||
	    container_reopen_log(&cli->store, id, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

int ctr_reopen_log_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, reopen_one, args);
}

/* By container_want_monitor(). */
int ctr_adopt_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	struct err e;

	(void)args;
	(void)n;
	if (!id_valid(operands[0]))
		return cli_usage(cli, "%.80s is no ID", operands[0]);
	if (container_adopt(&cli->store, operands[0], &e) < 0 && e.kind != ERR_STATE)
		return cli_error(cli, &e);
	return 0;
}
