/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis-oci ps, events. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "executor/cgroup.h"
#include "oci.h"
#include "top.h"

// clang-format off
const struct opt oci_ps_opts[] = {
	OPT('f', "format", "FORMAT", OPT_STR, struct oci_list_args, format, "output format: table or json [table]", "table|json"),
	OPT_END,
};
const struct opt oci_events_opts[] = {
	OPT(0, "interval", "DURATION", OPT_STR, struct oci_events_args, interval, "time between two lines [5s]"),
	OPT(0, "stats", NULL, OPT_BOOL, struct oci_events_args, stats, "one line of statistics, and no more"),
	OPT_END,
};
// clang-format on

static int open_with_cgroup(struct cli *cli, const char *id, struct oci_home *home,
			    struct oci_entry *x, struct err *e)
{
	if (oci_open_home(cli, home, e) < 0 || oci_entry_open(home, id, false, x, e) < 0)
		return -1;
	if (!str_some(x->rec.cgroup))
		return err_set(e, ERR_STATE, "container \"%s\" has no cgroup of its own", id);
	return 0;
}

static int print_pids(const char *cgroup, struct err *e)
{
	own(json) struct json_object *j = json_object_new_array();
	own(buf) struct buf text = { 0 };
	pid_t *pids;
	size_t n;

	if (cgroup_pids(cgroup, &pids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		json_object_array_add(j, json_object_new_int(pids[i]));
	free(pids);
	json_print(j, &text);
	puts(text.s);
	return 0;
}

int oci_ps_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct oci_list_args *a = args;
	const struct list_args list = { .output = "table" };
	own(oci_home) struct oci_home home = { .dir = -1 };
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	struct err e;
	int rc;

	(void)n;
	if (a->format && !str_eq(a->format, "table") && !str_eq(a->format, "json"))
		return cli_usage(cli, "--format %.40s: expected table or json", a->format);
	if (open_with_cgroup(cli, operands[0], &home, &x, &e) < 0)
		return cli_error(cli, &e);
	rc = str_eq(a->format, "json") ? print_pids(x.rec.cgroup, &e)
				       : top_print(&list, x.rec.cgroup, &e);
	return rc < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}

/* ---- events ---- */

/* What is not known is left out. */
static void add_number(struct json_object *o, const char *key, int64_t value)
{
	if (value >= 0)
		json_object_object_add(o, key, json_object_new_int64(value));
}

static struct json_object *add_object(struct json_object *o, const char *key)
{
	struct json_object *inner = json_object_new_object();

	json_object_object_add(o, key, inner);
	return inner;
}

static void put_event(const char *type, const char *id, const struct cgroup_stats *s)
{
	own(json) struct json_object *j = json_object_new_object();
	own(buf) struct buf text = { 0 };
	struct json_object *data, *usage, *pids;

	json_object_object_add(j, "type", json_object_new_string(type));
	json_object_object_add(j, "id", json_object_new_string(id));
	if (s) {
		data = add_object(j, "data");
		add_number(add_object(add_object(data, "cpu"), "usage"), "total", s->cpu_usage);
		usage = add_object(add_object(data, "memory"), "usage");
		add_number(usage, "usage", s->memory_usage);
		add_number(usage, "limit", s->memory_limit);
		pids = add_object(data, "pids");
		add_number(pids, "current", s->pids);
		add_number(pids, "limit", s->pids_limit);
	}
	json_print(j, &text);
	puts(text.s);
	fflush(stdout);
}

/* Until the container has stopped. */
static int follow(const struct oci_entry *x, int interval_ms, struct err *e)
{
	own(fd) int pidfd = oci_entry_process(x);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	struct cgroup_stats s;
	int64_t killed = -1;

	if (pidfd < 0 || oci_entry_status(x) == OCI_STOPPED)
		return err_set(e, ERR_STATE, "container not running: \"%s\" has stopped",
			       x->rec.id);
	for (;;) {
		int n = poll(&p, 1, interval_ms);

		if (n < 0 && errno != EINTR)
			return err_sys(e, "wait");
		if (cgroup_stats(x->rec.cgroup, &s, e) < 0)
			return n > 0 ? 0 : -1;
		if (killed >= 0 && s.oom_kills > killed)
			put_event("oom", x->rec.id, NULL);
		killed = s.oom_kills;
		if (n > 0 || ferror(stdout))
			return 0;
		put_event("stats", x->rec.id, &s);
	}
}

int oci_events_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct oci_events_args *a = args;
	own(oci_home) struct oci_home home = { .dir = -1 };
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	struct cgroup_stats s;
	int64_t interval = 5 * NSEC_PER_SEC;
	struct err e;
	int rc;

	(void)n;
	if (a->interval && (clock_parse_duration(a->interval, &interval) < 0 ||
			    interval < NSEC_PER_SEC / 1000 || interval > 86400 * NSEC_PER_SEC))
		return cli_usage(cli, "--interval %.40s: expected 1ms to 24h", a->interval);
	if (open_with_cgroup(cli, operands[0], &home, &x, &e) < 0)
		return cli_error(cli, &e);
	if (!a->stats) {
		rc = follow(&x, (int)(interval / (NSEC_PER_SEC / 1000)), &e);
	} else {
		rc = cgroup_stats(x.rec.cgroup, &s, &e);
		if (rc == 0)
			put_event("stats", x.rec.id, &s);
	}
	return rc < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}
