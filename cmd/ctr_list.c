/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr ls and inspect. */
#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "common.h"
#include "ctr.h"
#include "pod/security.h"
#include "inspect.h"
#include "spec/label.h"
#include "table.h"

// clang-format off
const struct opt ctr_list_opts[] = {
	OPT('a', "all", NULL, OPT_BOOL, struct list_args_ctr, all, "list those that do not run too"),
	LIST_OPTS(struct list_args_ctr),
	OPT(0, "name", "NAME", OPT_STR, struct list_args_ctr, name, "only those of this name", "container"),
	OPT(0, "id", "ID", OPT_STR, struct list_args_ctr, id, "only those whose ID begins so"),
	OPT(0, "state", "STATE", OPT_STR, struct list_args_ctr, state, "only those in this state (implies -a)", "created|running|paused|exited"),
	OPT(0, "sandbox", "SANDBOX", OPT_STR, struct list_args_ctr, sandbox, "only those in this sandbox", "sandbox"),
	OPT('l', "selector", "EXPR", OPT_STR, struct list_args_ctr, selector, "only those with these labels: K=V, K!=V, K in (A,B), K notin (A,B), K, !K; comma-separated"),
	OPT_END,
};
static const struct column columns[] = {
	{ "CONTAINER ID", "id", COL_ID, false },
	{ "NAME", "name", COL_STR, false },
	{ "IMAGE", "image", COL_STR, false },
	{ "STATE", "state", COL_STR, false },
	{ "EXIT", "exit_code", COL_STR, false },
	{ "CREATED", "created_at", COL_TIME, false },
	{ "SANDBOX ID", "sandbox_id", COL_ID, false },
	{ "PID", "pid", COL_INT, true },
	{ "REASON", "reason", COL_STR, true },
	{ "IMAGE ID", "image_id", COL_STR, true },
	{ "LABELS", "labels", COL_MAP, true },
	{ "ANNOTATIONS", "annotations", COL_MAP, true },
	{ 0 },
};
// clang-format on

static bool wanted(const struct list_args_ctr *a, const char *sandbox,
		   const struct selector *labels, const struct container *c)
{
	const char *state = container_state_name[c->status.state];

	if (container_paused(c) && a->state && strcasecmp(a->state, "paused") == 0)
		state = "paused";
	if (a->state ? strcasecmp(a->state, state) != 0
		     : !a->all && c->status.state != CONTAINER_RUNNING)
		return false;
	if (a->name && !str_eq(a->name, container_name(c)))
		return 0;
	if (a->id && !str_starts(c->id, a->id))
		return 0;
	if (sandbox && !str_eq(sandbox, c->record.sandbox_id))
		return false;
	return selector_matches(labels, &c->record.config.labels);
}

static void add_row(struct table *t, const struct container *c)
{
	char code[8] = "";

	if (c->status.state == CONTAINER_EXITED)
		snprintf(code, sizeof(code), "%d", (int)c->status.exit_code);
	table_row(t);
	table_str(t, "id", c->id);
	table_str(t, "name", container_name(c));
	table_str(t, "image", c->record.config.image.image);
	table_str(t, "state",
		  container_paused(c) ? "Paused" : container_state_name[c->status.state]);
	table_str(t, "exit_code", code);
	table_int(t, "created_at", c->status.created_at);
	table_str(t, "sandbox_id", c->record.sandbox_id);
	table_int(t, "pid", c->status.pid);
	table_str(t, "reason", c->status.reason);
	table_str(t, "image_id", c->record.image_id);
	table_json(t, "labels", json_of_map(&c->record.config.labels));
	table_json(t, "annotations", json_of_map(&c->record.config.annotations));
}

static int fill_table(struct cli *cli, const struct list_args_ctr *a, struct table *t,
		      struct err *e)
{
	own(strv) struct strv ids = { 0 };
	own(selector) struct selector labels = { 0 };
	char sandbox[ID_SIZE];

	if (a->selector && selector_parse(a->selector, &labels, e) < 0)
		return -1;
	if (a->sandbox && record_find(&cli->store, RECORD_SANDBOX, a->sandbox, sandbox, e) < 0)
		return -1;
	if (record_list(&cli->store, RECORD_CONTAINER, &ids, e) < 0)
		return -1;
	strv_sort(&ids);
	for (size_t i = 0; i < ids.n; i++) {
		own(container) struct container c = { 0 };

		if (container_load(&cli->store, ids.v[i], &c, e) < 0) {
			if (e->kind != ERR_NOT_FOUND) /* a damaged one must not hide the others */
				cli_error(cli, e);
			continue;
		}
		if (wanted(a, a->sandbox ? sandbox : NULL, &labels, &c))
			add_row(t, &c);
	}
	return 0;
}

int ctr_list_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct list_args_ctr *a = args;
	struct table *t = NULL;
	struct err e;

	(void)operands;
	(void)n;
	if (a->state && strcasecmp(a->state, "created") != 0 &&
	    strcasecmp(a->state, "running") != 0 && strcasecmp(a->state, "paused") != 0 &&
	    strcasecmp(a->state, "exited") != 0)
		return cli_usage(cli, "--state %.40s: expected created, running, paused or exited",
				 a->state);
	container_sweep(&cli->store);
	if (table_new(columns, &a->list, &t, &e) < 0)
		return cli_error(cli, &e);
	if (fill_table(cli, a, t, &e) < 0) {
		table_free(t);
		return cli_error(cli, &e);
	}
	if (table_print(t, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}

/* The members of RawContainerStatus, then what we know beyond. */
/* What was asked for and cannot be had here. */
static struct json_object *notes_of(const struct cri_container_config *c)
{
	struct json_object *notes = json_object_new_array();

	if (c->linux_.security_context.selinux_options && !security_selinux_on())
		json_object_array_add(
			notes,
			json_object_new_string("SELinux is not enabled: its label is not applied"));
	return notes;
}

struct json_object *ctr_json(struct cli *cli, const struct container *c)
{
	struct json_object *o = json_object_new_object();
	const struct container_record *r = &c->record;
	own(str) char *log = str_fmt("%s/%s", r->log_dir, r->log_name);

	(void)cli;
	json_add_str(o, "id", c->id);
	json_add_str(o, "name", container_name(c));
	json_add_str(o, "state", container_state_name[c->status.state]);
	json_add_time(o, "created_at", c->status.created_at);
	json_add_time(o, "started_at", c->status.started_at);
	json_add_time(o, "finished_at", c->status.finished_at);
	json_object_object_add(o, "exit_code", json_object_new_int64(c->status.exit_code));
	json_add_str(o, "reason", c->status.reason);
	json_add_str(o, "message", c->status.message);
	json_object_object_add(o, "paused", json_object_new_boolean(container_paused(c)));
	json_object_object_add(o, "oom_killed", json_object_new_boolean(c->status.oom_killed));
	json_add_str(o, "restart", container_restart_name[r->restart]);
	json_object_object_add(o, "restart_max", json_object_new_int64(r->restart_max));
	json_object_object_add(o, "restart_count", json_object_new_int64(c->status.restart_count));
	json_add_str(o, "stop_signal", signal_name((int)r->stop_signal));
	json_object_object_add(o, "stop_timeout",
			       json_object_new_int64(r->stop_timeout.set ? r->stop_timeout.v
									 : STOP_TIMEOUT_DEFAULT));
	json_object_object_add(
		o, "pid",
		json_object_new_int64(c->status.state == CONTAINER_RUNNING ? c->status.pid : 0));
	json_add_str(o, "image", r->config.image.image);
	json_add_str(o, "image_ref", r->image_ref);
	json_add_str(o, "image_id", r->image_id);
	json_add_str(o, "sandbox_id", r->sandbox_id);
	json_add_str(o, "log_path", log);
	json_add_str(o, "cgroup", r->cgroup);
	json_object_object_add(o, "command", json_of_list(&r->argv));
	json_add_str(o, "user", r->user);
	json_object_object_add(o, "labels", json_of_map(&r->config.labels));
	json_object_object_add(o, "annotations", json_of_map(&r->config.annotations));
	json_object_object_add(o, "notes", notes_of(&r->config));
	json_object_object_add(o, "config", fields_write(&cri_container_config_table, &r->config));
	return o;
}

static struct json_object *get(struct cli *cli, const char *operand, struct err *e)
{
	own(container) struct container c = { 0 };
	char id[ID_SIZE];

	if (record_find(&cli->store, RECORD_CONTAINER, operand, id, e) < 0 ||
	    container_load(&cli->store, id, &c, e) < 0)
		return NULL;
	return ctr_json(cli, &c);
}

int ctr_inspect_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return inspect_each(cli, args, operands, n, get);
}
