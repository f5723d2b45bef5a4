/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "events.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "common.h"
#include "ctr.h"
#include "sandbox.h"
#include "store/journal.h"

// clang-format off
const struct opt events_opts[] = {
	OPT(0, "since", "TIME", OPT_STR, struct events_args, since, "from this time on: RFC 3339, or a duration ago (10m); default: from now on"),
	OPT(0, "until", "TIME", OPT_STR, struct events_args, until, "only up to this time; end then"),
	OPT('f', "filter", "KEY=VALUE", OPT_LIST, struct events_args, filters, "only those of this container, sandbox, image, event, type or label; may be repeated"),
	OPT(0, "no-follow", NULL, OPT_BOOL, struct events_args, no_follow, "print what is there, and end"),
	OPT('o', "output", "FORMAT", OPT_STR, struct events_args, output, "output format: text, or json, one object a line", "text|json"),
	OPT(0, "status", NULL, OPT_BOOL, struct events_args, status, "with json: the sandbox and its containers as they are now, too"),
	OPT_END,
};
/* What CRI calls them. */
static const struct {
	const char *event, *cri;
} cri_events[] = {
	{ "created", "CONTAINER_CREATED_EVENT" },
	{ "started", "CONTAINER_STARTED_EVENT" },
	{ "died",    "CONTAINER_STOPPED_EVENT" },
	{ "stopped", "CONTAINER_STOPPED_EVENT" },
	{ "removed", "CONTAINER_DELETED_EVENT" },
};
// clang-format on

struct watch {
	struct cli *cli;
	const struct events_args *args;
	struct event_filters filters;
	int64_t since, until; /* 0: no bound */
	bool json;
	struct journal *journal;
};

static void watch_free(struct watch *w)
{
	event_filters_free(&w->filters);
	journal_close(w->journal);
}
OWNED_STRUCT(watch, struct watch, watch_free)

/* --- as text --- */

/* IDs are cut as in every table. */
static void print_value(const char *key, const char *value)
{
	own(str) char *shown = str_printable(value, strlen(value));
	bool is_id = str_eq(key, "id") || str_eq(key, "sandbox_id");
	const char *p = is_id && str_starts(shown, "sha256:") ? shown + 7 : shown;

	printf(is_id ? "%.12s" : "%s", p);
}

static bool in_front(const char *key)
{
	return str_eq(key, "time") || str_eq(key, "type") || str_eq(key, "event") ||
	       str_eq(key, "id");
}

static void print_text(struct json_object *event)
{
	const char *before = " (";

	printf("%s %s %s ", json_get_str(event, "time"), json_get_str(event, "type"),
	       json_get_str(event, "event"));
	print_value("id", json_get_str(event, "id") ? json_get_str(event, "id") : "-");
	json_object_object_foreach(event, key, value)
	{
		if (in_front(key) || json_object_is_type(value, json_type_object))
			continue;
		printf("%s%s=", before, key);
		print_value(key, json_object_get_string(value));
		before = ", ";
	}
	puts(*before == ',' ? ")" : "");
}

/* --- as JSON --- */

/* Its sandbox and all that is in there, as CRI's event has them. What is gone is not there. */
static void add_status(struct watch *w, struct json_object *event, const char *sandbox_id)
{
	own(sandbox) struct sandbox sb = { 0 };
	own(record) struct record r = RECORD_NONE;
	own(strv) struct strv ids = { 0 };
	struct json_object *all = json_object_new_array();
	struct err gone;

	json_object_object_add(event, "containers_statuses", all);
	if (!id_valid(sandbox_id) || sandbox_load(&w->cli->store, sandbox_id, &sb, &gone) < 0 ||
	    record_open(&w->cli->store, RECORD_SANDBOX, sandbox_id, false, &r, &gone) < 0)
		return;
	json_object_object_add(event, "pod_sandbox_status", sandbox_json(w->cli, &sb));
	if (sandbox_containers(r.dir, &ids, &gone) < 0)
		return;
	strv_sort(&ids);
	for (size_t i = 0; i < ids.n; i++) {
		own(container) struct container c = { 0 };

		if (container_load(&w->cli->store, ids.v[i], &c, &gone) == 0)
			json_object_array_add(all, ctr_json(w->cli, &c));
	}
}

static void print_json(struct watch *w, struct json_object *event)
{
	bool sandbox = str_eq(json_get_str(event, "type"), event_type_name[EVENT_SANDBOX]);
	bool container = str_eq(json_get_str(event, "type"), event_type_name[EVENT_CONTAINER]);
	const char *sandbox_id = json_get_str(event, sandbox ? "id" : "sandbox_id");
	own(buf) struct buf b = { 0 };

	if (sandbox || container) {
		json_add_str(event, "container_id", json_get_str(event, "id"));
		json_add_str(event, "created_at", json_get_str(event, "time"));
		for (size_t i = 0; i < ARRAY_LEN(cri_events); i++)
			if (str_eq(cri_events[i].event, json_get_str(event, "event")))
				json_add_str(event, "container_event_type", cri_events[i].cri);
		if (w->args->status)
			add_status(w, event, sandbox_id ? sandbox_id : "");
	}
	json_print(event, &b);
	puts(b.s);
}

/* --- reading --- */

/* All that there is now. 0, or the exit status. */
static int print_all(struct watch *w)
{
	struct err e;

	for (;;) {
		own(json) struct json_object *event = NULL;
		int64_t at;
		int rc = journal_next(w->journal, &event, &e);

		if (rc < 0)
			return cli_error(w->cli, &e);
		if (rc == 0)
			return cli_done(w->cli, 0);
		/* The filters see every one: they learn from it. */
		if (!event_filters_match(&w->filters, event) ||
		    clock_parse(json_get_str(event, "time"), &at) < 0 ||
		    (w->since && at < w->since) || (w->until && at > w->until))
			continue;
		if (w->json)
			print_json(w, event);
		else
			print_text(event);
		if (ferror(stdout))
			return cli_done(w->cli, 0);
	}
}

/* Milliseconds to the end of it; -1: there is none. */
static int time_left(const struct watch *w)
{
	int64_t left = w->until - clock_now();

	if (!w->until)
		return -1;
	return left <= 0 ? 0 : (int)MIN(left / 1000000 + 1, INT_MAX);
}

static int follow(struct watch *w)
{
	struct pollfd p[] = { { .fd = journal_fd(w->journal), .events = POLLIN },
			      { .fd = STDOUT_FILENO } };
	struct err e;

	for (;;) {
		bool last = time_left(w) == 0;
		int status = print_all(w);

		if (status || last || p[1].revents & (POLLERR | POLLHUP | POLLNVAL))
			return status;
		if (poll(p, ARRAY_LEN(p), time_left(w)) < 0 && errno != EINTR)
			return cli_error(w->cli, (err_sys(&e, "poll"), &e));
	}
}

static int read_args(struct watch *w, const struct events_args *a, const char *only,
		     char **operands, size_t n, struct err *e)
{
	w->json = str_eq(a->output, "json");
	if (a->output && !w->json && !str_eq(a->output, "text"))
		return err_set(e, ERR_USAGE, "--output: expected text or json, found \"%.40s\"",
			       a->output);
	if (a->status && !w->json)
		return err_set(e, ERR_USAGE, "--status goes with -o json");
	if (time_option("since", a->since, &w->since, e) < 0 ||
	    time_option("until", a->until, &w->until, e) < 0 ||
	    (only && event_filters_add(&w->cli->store, &w->filters, only, e) < 0))
		return -1;
	for (size_t i = 0; i < a->filters.n; i++)
		if (event_filters_add(&w->cli->store, &w->filters, a->filters.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < n; i++) {
		own(str) char *filter = str_fmt("container=%s", operands[i]);

		if (event_filters_add(&w->cli->store, &w->filters, filter, e) < 0)
			return -1;
	}
	return 0;
}

static int run(struct cli *cli, const struct events_args *a, const char *only, char **operands,
	       size_t n)
{
	own(watch) struct watch w = { .cli = cli, .args = a };
	struct err e;
	bool goes_on;

	if (read_args(&w, a, only, operands, n, &e) < 0)
		return cli_error(cli, &e);
	goes_on = !a->no_follow && (!w.until || time_left(&w) > 0);
	if (journal_open(&cli->store, goes_on && !w.since, goes_on, &w.journal, &e) < 0)
		return cli_error(cli, &e);
	return goes_on ? follow(&w) : print_all(&w);
}

int events_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return run(cli, args, NULL, operands, n);
}

int ctr_events_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return run(cli, args, "type=container", operands, n);
}
