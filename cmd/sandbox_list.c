/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listing and inspecting sandboxes. */
#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "base/quantity.h"
#include "common.h"
#include "inspect.h"
#include "pod/container.h"
#include "pod/resources.h"
#include "sandbox.h"
#include "spec/label.h"

// clang-format off
const struct opt sandbox_list_opts[] = {
	LIST_OPTS(struct sandbox_list_args),
	OPT(0, "name", "NAME", OPT_STR, struct sandbox_list_args, name, "only the one of this name", "sandbox"),
	OPT(0, "id", "ID", OPT_STR, struct sandbox_list_args, id, "only those whose ID begins so"),
	OPT(0, "state", "STATE", OPT_STR, struct sandbox_list_args, state, "only those in this state", "ready|notready"),
	OPT('l', "selector", "EXPR", OPT_STR, struct sandbox_list_args, selector, "only those with these labels: K=V, K!=V, K in (A,B), K notin (A,B), K, !K; comma-separated"),
	OPT(0, "watch", NULL, OPT_BOOL, struct sandbox_list_args, watch, "go on with what changes, until interrupted; JSON: one object per line"),
	OPT_END,
};
static const struct column columns[] = { SANDBOX_COLUMNS, { 0 } };
// clang-format on

static const char *state_of(const struct sandbox *sb)
{
	return sb->ready ? "Ready" : "NotReady";
}

bool sandbox_wanted(const struct sandbox_list_args *a, const struct selector *labels,
		    const struct sandbox *sb)
{
	if (a->name && !str_eq(a->name, sb->record.config.metadata.name))
		return false;
	if (a->id && !str_starts(sb->id, a->id))
		return false;
	if (a->state && strcasecmp(a->state, state_of(sb)) != 0)
		return false;
	return selector_matches(labels, &sb->record.config.labels);
}

/* Its addresses, without the lengths of their prefixes. */
static struct json_object *ips_json(const struct sandbox *sb)
{
	struct json_object *a = json_object_new_array();
	const struct network_ip *rows = sb->network.ips.v;

	for (size_t i = 0; sb->ready && i < sb->network.ips.n; i++)
		json_object_array_add(
			a, json_object_new_string_len(rows[i].address,
						      (int)strcspn(rows[i].address, "/")));
	return a;
}

void sandbox_row(struct table *t, const struct sandbox *sb)
{
	table_row(t);
	table_str(t, "id", sb->id);
	table_str(t, "name", sb->record.config.metadata.name);
	table_str(t, "state", state_of(sb));
	table_json(t, "ips", ips_json(sb));
	table_int(t, "created_at", sb->status.created_at);
	table_str(t, "hostname", sb->record.config.hostname);
	table_json(t, "labels", json_of_map(&sb->record.config.labels));
	table_json(t, "annotations", json_of_map(&sb->record.config.annotations));
}

static int fill_table(struct cli *cli, const struct sandbox_list_args *a,
		      const struct selector *labels, struct table *t, struct err *e)
{
	own(strv) struct strv ids = { 0 };

	if (record_list(&cli->store, RECORD_SANDBOX, &ids, e) < 0)
		return -1;
	strv_sort(&ids);
	for (size_t i = 0; i < ids.n; i++) {
		own(sandbox) struct sandbox sb = { 0 };

		if (sandbox_load(&cli->store, ids.v[i], &sb, e) < 0) {
			if (e->kind != ERR_NOT_FOUND) /* a damaged one must not hide the others */
				cli_error(cli, e);
			continue;
		}
		if (sandbox_wanted(a, labels, &sb))
			sandbox_row(t, &sb);
	}
	return 0;
}

int sandbox_list_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct sandbox_list_args *a = args;
	own(selector) struct selector labels = { 0 };
	struct table *t = NULL;
	struct err e;

	(void)operands;
	(void)n;
	if (a->state && strcasecmp(a->state, "ready") != 0 && strcasecmp(a->state, "notready") != 0)
		return cli_usage(cli, "--state %.40s: expected ready or notready", a->state);
	if (a->selector && selector_parse(a->selector, &labels, &e) < 0)
		return cli_error(cli, &e);
	container_sweep(&cli->store);
	if (a->watch)
		return sandbox_watch(cli, a, &labels);
	if (table_new(columns, &a->list, &t, &e) < 0)
		return cli_error(cli, &e);
	if (fill_table(cli, a, &labels, t, &e) < 0) {
		table_free(t);
		return cli_error(cli, &e);
	}
	if (table_print(t, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}

/* What of network.json is true as long as the sandbox is Ready. */
static struct json_object *network_json(const struct sandbox *sb)
{
	const struct network_status *st = &sb->network;
	struct json_object *o = json_object_new_object(), *gateways = json_object_new_array();
	const struct network_ip *rows = st->ips.v;

	json_object_object_add(o, "ips", ips_json(sb));
	if (!sb->ready || !st->attached) {
		json_object_put(gateways);
		return o;
	}
	json_add_str(o, "name", st->network);
	json_add_str(o, "kind", st->kind);
	json_add_str(o, "interface", st->interface);
	json_add_str(o, "host_interface", st->host_interface);
	json_add_str(o, "mac", st->mac);
	json_object_object_add(o, "mtu", json_object_new_int64(st->mtu));
	for (size_t i = 0; i < st->ips.n; i++)
		if (rows[i].gateway)
			json_object_array_add(gateways, json_object_new_string(rows[i].gateway));
	json_object_object_add(o, "gateways", gateways);
	return o;
}

static void add_quantity(struct json_object *o, const char *key, int64_t v, int scale,
			 enum quantity_format f)
{
	struct quantity q = quantity_of(v, scale, f);
	char text[QUANTITY_TEXT_SIZE];

	quantity_print(&q, text);
	json_add_str(o, key, text);
}

/* The limits in force, overhead included, as Kubernetes writes them. */
static struct json_object *limits_json(const struct sandbox *sb)
{
	struct json_object *o = json_object_new_object();
	struct oci_resources r = { 0 };

	resources_of_sandbox(&sb->resources, sb->record.config.linux_.overhead, &r);
	if (r.cpu.quota.set && r.cpu.quota.v > 0) {
		int64_t period = r.cpu.period.set && r.cpu.period.v > 0 ? r.cpu.period.v : 100000;

		add_quantity(o, "cpu", r.cpu.quota.v * 1000 / period, -3, QUANTITY_DECIMAL);
	}
	if (r.memory.limit.set && r.memory.limit.v > 0)
		add_quantity(o, "memory", r.memory.limit.v, 0, QUANTITY_BINARY);
	if (r.pids.limit.set && r.pids.limit.v > 0)
		add_quantity(o, "pids", r.pids.limit.v, 0, QUANTITY_DECIMAL);
	fields_free(&oci_resources_table, &r);
	return o;
}

/* The members of PodSandboxStatus, then the configuration. */
struct json_object *sandbox_json(struct cli *cli, const struct sandbox *sb)
{
	struct json_object *o = json_object_new_object();
	struct json_object *linux_ = json_object_new_object();
	const struct cri_sandbox_config *c = &sb->record.config;
	own(str) char *cgroup = sandbox_cgroup(&sb->record, sb->id);

	json_add_str(o, "id", sb->id);
	json_add_str(o, "name", c->metadata.name);
	json_add_str(o, "hostname", c->hostname);
	json_add_str(o, "state", state_of(sb));
	json_add_time(o, "created_at", sb->status.created_at);
	json_object_object_add(o, "network", network_json(sb));
	json_object_object_add(linux_, "namespaces", sandbox_ns_json(&cli->store, sb));
	json_add_str(linux_, "cgroup", cgroup);
	json_object_object_add(linux_, "resources",
			       fields_write(&cri_resources_table, &sb->resources));
	json_object_object_add(o, "linux", linux_);
	json_object_object_add(o, "limits", limits_json(sb));
	json_object_object_add(o, "labels", json_of_map(&c->labels));
	json_object_object_add(o, "annotations", json_of_map(&c->annotations));
	json_object_object_add(o, "config", fields_write(&cri_sandbox_config_table, c));
	return o;
}

static struct json_object *get(struct cli *cli, const char *operand, struct err *e)
{
	own(sandbox) struct sandbox sb = { 0 };
	char id[ID_SIZE];

	if (record_find(&cli->store, RECORD_SANDBOX, operand, id, e) < 0 ||
	    sandbox_load(&cli->store, id, &sb, e) < 0)
		return NULL;
	return sandbox_json(cli, &sb);
}

int sandbox_inspect_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return inspect_each(cli, args, operands, n, get);
}
