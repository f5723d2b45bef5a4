/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr logs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "common.h"
#include "ctr.h"
#include "monitor/ctr_log.h"

struct watch {
	struct store *s;
	const char *id;
};

static bool running(void *ctx)
{
	struct watch *w = ctx;
	own(container) struct container c = { 0 };
	struct err ignored;

	if (container_load(w->s, w->id, &c, &ignored) < 0)
		return false;
	return c.status.state == CONTAINER_RUNNING || c.status.state == CONTAINER_CREATED;
}

static int read_log(const struct container_record *r, const struct ctr_log_read_options *o,
		    struct err *e)
{
	own(fd) int dir = open(r->log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(fd) int parent = -1;
	own(str) char *copy = xstrdup(r->log_name);
	const char *last;

	if (dir < 0)
		return err_sys(e, "log directory %s", r->log_dir);
	parent = path_open_parent_in(dir, copy, &last, e);
	return parent < 0 ? -1 : ctr_log_read(parent, last, o, e);
}

int ctr_logs_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct logs_args *a = args;
	own(container) struct container c = { 0 };
	char id[ID_SIZE];
	struct watch watch = { .s = &cli->store, .id = id };
	struct ctr_log_read_options o = {
		.follow = a->follow,
		.timestamps = a->timestamps,
		.tail = a->tail.set ? a->tail.v : -1,
		.limit = a->limit_bytes.set ? a->limit_bytes.v : 0,
		.no_stdout = str_eq(a->stream, "stderr"),
		.no_stderr = str_eq(a->stream, "stdout"),
		.running = running,
		.ctx = &watch,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
	};
	struct err e;

	(void)n;
	if (a->tail.set && a->tail.v < -1)
		return cli_usage(cli, "--tail %lld: expected a number of lines",
				 (long long)a->tail.v);
	if (a->limit_bytes.set && a->limit_bytes.v < 1)
		return cli_usage(cli, "--limit-bytes %lld: expected at least 1",
				 (long long)a->limit_bytes.v);
	if (a->stream && !o.no_stdout && !o.no_stderr)
		return cli_usage(cli, "--stream %.40s: expected stdout or stderr", a->stream);
	if (time_option("since", a->since, &o.since, &e) < 0 ||
	    time_option("until", a->until, &o.until, &e) < 0 ||
	    record_find(&cli->store, RECORD_CONTAINER, operands[0], id, &e) < 0 ||
	    container_load(&cli->store, id, &c, &e) < 0)
		return cli_error(cli, &e);
	if (c.status.state == CONTAINER_CREATED && !a->follow)
		return cli_done(cli, 0); /* nothing ran, so nothing was said */
	o.files = container_log_files(&c.record.config);
	if (read_log(&c.record, &o, &e) < 0)
		return e.sys == EPIPE ? 1 : cli_error(cli, &e);
	return cli_done(cli, 0);
}
