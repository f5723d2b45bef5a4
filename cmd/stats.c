/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "common.h"
#include "spec/label.h"

#define ONCE_NS (NSEC_PER_SEC / 10) /* between the two looks that a CPU percentage needs */
#define INTERVAL 2		    /* seconds */

// clang-format off
const struct opt sandbox_stats_opts[] = {
	LIST_OPTS(struct stats_args),
	OPT(0, "watch", NULL, OPT_BOOL, struct stats_args, watch, "print again and again until interrupted; JSON: one object per line"),
	OPT(0, "interval", "SECONDS", OPT_INT, struct stats_args, interval, "time between two looks of --watch (default: 2)"),
	OPT('l', "selector", "EXPR", OPT_STR, struct stats_args, selector, "only those with these labels: K=V, K!=V, K in (A,B), K notin (A,B), K, !K; comma-separated"),
	OPT_END,
};
const struct opt ctr_stats_opts[] = {
	LIST_OPTS(struct stats_args),
	OPT('a', "all", NULL, OPT_BOOL, struct stats_args, all, "those that do not run too"),
	OPT(0, "watch", NULL, OPT_BOOL, struct stats_args, watch, "print again and again until interrupted; JSON: one object per line"),
	OPT(0, "interval", "SECONDS", OPT_INT, struct stats_args, interval, "time between two looks of --watch (default: 2)"),
	OPT('l', "selector", "EXPR", OPT_STR, struct stats_args, selector, "only those with these labels: K=V, K!=V, K in (A,B), K notin (A,B), K, !K; comma-separated"),
	OPT_END,
};
#define COLUMNS(id_heading)                                                                        \
	{ id_heading, "id", COL_ID, false },                                                       \
	{ "NAME", "name", COL_STR, false },                                                        \
	{ "CPU %", "cpu_percent", COL_PERCENT, false },                                            \
	{ "CPU NS", "cpu_usage_ns", COL_INT, true },                                               \
	{ "MEMORY", "memory_working_set", COL_SIZE, false },                                       \
	{ "LIMIT", "memory_limit", COL_SIZE, false },                                              \
	{ "USAGE", "memory_usage", COL_SIZE, true },                                               \
	{ "OOM KILLS", "oom_kills", COL_INT, true },                                               \
	{ "PIDS", "pids", COL_INT, false },                                                        \
	{ "PIDS LIMIT", "pids_limit", COL_INT, false }
static const struct column sandbox_columns[] = {
	COLUMNS("SANDBOX ID"),
	{ "NET RX", "network_rx", COL_SIZE, false },
	{ "NET TX", "network_tx", COL_SIZE, false },
	{ "TIME", "read_at", COL_TIME, true },
	{ 0 },
};
static const struct column ctr_columns[] = {
	COLUMNS("CONTAINER ID"),
	{ "SANDBOX ID", "sandbox_id", COL_ID, true },
	{ "TIME", "read_at", COL_TIME, true },
	{ 0 },
};
// clang-format on

/* One object at one look. */
struct sample {
	char id[ID_SIZE];
	char *name, *sandbox_id;
	struct usage usage;
};
struct samples {
	struct sample *v;
	size_t n;
	bool sandboxes;
};

static void samples_free(struct samples *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].sandbox_id);
	}
	free(l->v);
	l->v = NULL;
	l->n = 0;
}
OWNED_STRUCT(samples, struct samples, samples_free)

static void add(struct samples *l, const char *id, const char *name, const char *sandbox_id,
		const struct usage *u)
{
	struct sample *s;

	l->v = xgrow(l->v, l->n, sizeof(*l->v));
	s = &l->v[l->n++];
	*s = (struct sample){ .usage = *u };
	snprintf(s->id, sizeof(s->id), "%s", id);
	str_set(&s->name, name);
	str_set(&s->sandbox_id, sandbox_id);
}

/* Which ones: those of these IDs, or all that run (all: or not) and have these labels. */
struct choice {
	struct strv ids;
	struct selector labels;
	bool all;
};

static void choice_free(struct choice *c)
{
	strv_free(&c->ids);
	selector_free(&c->labels);
}
OWNED_STRUCT(choice, struct choice, choice_free)

static bool is_chosen(const struct choice *c, bool runs, const struct strmap *labels)
{
	return (runs || c->all || c->ids.n) && selector_matches(&c->labels, labels);
}

static int look_at_sandbox(struct cli *cli, const char *id, const struct choice *choice,
			   struct samples *out, struct err *e)
{
	own(sandbox) struct sandbox sb = { 0 };
	struct usage u;

	if (sandbox_load(&cli->store, id, &sb, e) < 0)
		return -1;
	if (!is_chosen(choice, sb.ready, &sb.record.config.labels))
		return 0;
	if (usage_of_sandbox(&cli->store, &sb, &u, e) < 0)
		return -1;
	add(out, id, sb.record.config.metadata.name, NULL, &u);
	return 0;
}

static int look_at_container(struct cli *cli, const char *id, const struct choice *choice,
			     struct samples *out, struct err *e)
{
	own(container) struct container c = { 0 };
	struct usage u;

	if (container_load(&cli->store, id, &c, e) < 0)
		return -1;
	if (!is_chosen(choice, c.status.state == CONTAINER_RUNNING, &c.record.config.labels))
		return 0;
	if (usage_of_container(&cli->store, &c, &u, e) < 0)
		return -1;
	add(out, id, container_name(&c), c.record.sandbox_id, &u);
	return 0;
}

/* One that is gone meanwhile is left out. */
static void look(struct cli *cli, const struct choice *choice, struct samples *out)
{
	const struct strv *ids = &choice->ids;
	enum record_kind kind = out->sandboxes ? RECORD_SANDBOX : RECORD_CONTAINER;
	own(strv) struct strv every = { 0 };
	struct err e;

	samples_free(out);
	if (!ids->n && record_list(&cli->store, kind, &every, &e) < 0)
		cli_error(cli, &e);
	strv_sort(&every);
	for (size_t i = 0; i < (ids->n ? ids->n : every.n); i++) {
		const char *id = ids->n ? ids->v[i] : every.v[i];

		if ((out->sandboxes ? look_at_sandbox : look_at_container)(cli, id, choice, out,
									   &e) < 0 &&
		    e.kind != ERR_NOT_FOUND)
			cli_error(cli, &e);
	}
}

static void put_known(struct table *t, const char *key, int64_t v)
{
	if (v >= 0)
		table_int(t, key, v);
}

static void add_row(struct table *t, const struct samples *before, const struct sample *s,
		    bool sandbox)
{
	table_row(t);
	table_str(t, "id", s->id);
	table_str(t, "name", s->name);
	for (size_t i = 0; i < before->n; i++)
		if (str_eq(before->v[i].id, s->id))
			put_known(t, "cpu_percent",
				  usage_cpu_percent(&before->v[i].usage, &s->usage));
	put_known(t, "cpu_usage_ns", s->usage.own.cpu_usage);
	put_known(t, "memory_usage", s->usage.own.memory_usage);
	put_known(t, "memory_working_set", s->usage.own.memory_working_set);
	put_known(t, "memory_limit", s->usage.own.memory_limit);
	put_known(t, "oom_kills", s->usage.own.oom_kills);
	put_known(t, "pids", s->usage.own.pids);
	put_known(t, "pids_limit", s->usage.own.pids_limit);
	table_int(t, "read_at", clock_now());
	if (sandbox) {
		put_known(t, "network_rx", s->usage.rx);
		put_known(t, "network_tx", s->usage.tx);
	} else {
		table_str(t, "sandbox_id", s->sandbox_id);
	}
}

static int print(const struct stats_args *a, const struct samples *before,
		 const struct samples *now, struct err *e)
{
	struct table *t = NULL;

	if (table_new(now->sandboxes ? sandbox_columns : ctr_columns, &a->list, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < now->n; i++)
		add_row(t, before, &now->v[i], now->sandboxes);
	if (a->watch && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	return table_print(t, e);
}

static void pause_for(int64_t ns)
{
	struct timespec t = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

	nanosleep(&t, NULL);
}

static int run(struct cli *cli, const struct stats_args *a, const struct choice *choice,
	       bool sandboxes)
{
	own(samples) struct samples before = { .sandboxes = sandboxes };
	own(samples) struct samples now = { .sandboxes = sandboxes };
	struct stats_args how = *a;
	int64_t interval;
	struct err e;
	int status;

	how.list.lines = a->watch;
	if (a->interval.set && (a->interval.v < 1 || a->interval.v > 86400))
		return cli_usage(cli, "--interval %lld: expected 1 to 86400 seconds",
				 (long long)a->interval.v);
	interval = (a->interval.set ? a->interval.v : INTERVAL) * NSEC_PER_SEC;
	look(cli, choice, &before);
	pause_for(ONCE_NS);
	for (;;) {
		look(cli, choice, &now);
		if (print(&how, &before, &now, &e) < 0)
			return cli_error(cli, &e);
		status = cli_done(cli, 0);
		if (!a->watch || status) /* the reader is gone */
			return status;
		samples_free(&before);
		before = now;
		now = (struct samples){ .sandboxes = sandboxes };
		pause_for(interval);
	}
}

static int stats_main(struct cli *cli, const struct stats_args *a, enum record_kind kind,
		      char **operands, size_t n)
{
	own(choice) struct choice choice = { .all = a->all };
	struct err bad;
	int status = 0, ran;

	if (a->selector && selector_parse(a->selector, &choice.labels, &bad) < 0)
		return cli_error(cli, &bad);
	for (size_t i = 0; i < n; i++) {
		char id[ID_SIZE];
		struct err e;

		if (record_find(&cli->store, kind, operands[i], id, &e) < 0)
			status = cli_error(cli, &e);
		else
			strv_add(&choice.ids, id);
	}
	if (n && !choice.ids.n)
		return cli_done(cli, status);
	ran = run(cli, a, &choice, kind == RECORD_SANDBOX);
	return MAX(ran, status);
}

int sandbox_stats_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return stats_main(cli, args, RECORD_SANDBOX, operands, n);
}

int ctr_stats_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return stats_main(cli, args, RECORD_CONTAINER, operands, n);
}
