/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

/* One write per message: lines of several processes on one stderr stay whole. */
static void complain(struct cli *cli, const char *msg)
{
	const struct own_line *own_line = cli->group ? cli->group->own : NULL;
	own(str) char *text = str_printable(msg, strlen(msg));
	own(buf) struct buf line = { 0 };

	if (own_line && own_line->report)
		own_line->report(cli, msg);
	buf_addf(&line, "%s: %s\n", own_line ? own_line->program : "caddis", text);
	(void)write_all(STDERR_FILENO, line.s, line.len);
}

static int status_of(const struct cli *cli, const struct err *e)
{
	if (cli->command && cli->command->flags & RUN_STATUS)
		return err_exit_code_run(e);
	return err_exit_code(e);
}

int cli_error(struct cli *cli, const struct err *e)
{
	fflush(stdout); /* what was printed before comes before */
	complain(cli, e->msg);
	return status_of(cli, e);
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	struct err e = { .kind = ERR_USAGE };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	err_hint(&e, "see 'caddis%s%s%s%s --help'", cli->group ? " " : "",
		 cli->group ? cli->group->name : "", cli->command ? " " : "",
		 cli->command ? cli->command->name : "");
	return cli_error(cli, &e);
}

int cli_done(struct cli *cli, int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	/* A reader that has enough ("caddis ctr ls | head") needs no message. */
	if (errno != EPIPE) {
		struct err e;

		if (errno)
			err_sys(&e, "write to standard output");
		else
			err_set(&e, ERR_FAIL, "write to standard output failed");
		complain(cli, e.msg);
	}
	clearerr(stdout);
	return status ? status : 1;
}

int cli_each(struct cli *cli, char **operands, size_t n,
	     int (*fn)(struct cli *cli, const char *operand, const void *args, struct err *e),
	     const void *args)
{
	int status = 0, failed;

	for (size_t i = 0; i < n; i++) {
		struct err e = { 0 };

		if (fn(cli, operands[i], args, &e) == 0)
			continue;
		/* 2 only when nothing but the way it was called was wrong. */
		failed = cli_error(cli, &e);
		if (status != 1)
			status = failed;
	}
	return cli_done(cli, status);
}
