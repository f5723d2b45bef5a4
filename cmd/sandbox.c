/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis sandbox: create, ls, inspect, stop, rm. */
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "common.h"
#include "pod/container.h"
#include "pod/sandbox.h"
#include "table.h"

#define STOP_TIMEOUT (10 * NSEC_PER_SEC)

struct create_args {
	const char *name, *hostname, *network, *ipc, *log_directory, *cgroup_parent, *memory, *cpu;
	struct optint pids_limit;
	struct strmap labels, annotations;
	struct strv dns_servers, dns_searches, dns_options;
};

struct list_args_sandbox {
	struct list_args list;
	const char *name, *id, *state, *selector;
};

struct stop_args {
	struct optint timeout;
};

struct rm_args {
	bool ignore;
};

// clang-format off
static const struct opt create_opts[] = {
	OPT(0, "name", "NAME", OPT_STR, struct create_args, name, "name of the sandbox, unique; may also be given as the argument"),
	OPT(0, "hostname", "NAME", OPT_STR, struct create_args, hostname, "host name in its containers (default: its name)"),
	OPT(0, "network", "MODE", OPT_STR, struct create_args, network, "none: loopback only (default); host: the host's network", "none|host"),
	OPT(0, "ipc", "MODE", OPT_STR, struct create_args, ipc, "sandbox: shared by its containers (default); host: the host's", "sandbox|host"),
	OPT(0, "dns-server", "ADDRESS", OPT_LIST, struct create_args, dns_servers, "name server for resolv.conf; may be repeated"),
	OPT(0, "dns-search", "DOMAIN", OPT_LIST, struct create_args, dns_searches, "search domain for resolv.conf; may be repeated"),
	OPT(0, "dns-option", "OPTION", OPT_LIST, struct create_args, dns_options, "option for resolv.conf; may be repeated"),
	OPT(0, "label", "K=V", OPT_MAP, struct create_args, labels, "add a label; may be repeated"),
	OPT(0, "annotation", "K=V", OPT_MAP, struct create_args, annotations, "add an annotation; may be repeated"),
	OPT(0, "log-directory", "DIR", OPT_STR, struct create_args, log_directory, "where its containers' logs go", "dir"),
	OPT(0, "cgroup-parent", "PATH", OPT_STR, struct create_args, cgroup_parent, "cgroup below which its own is made (default: /caddis)"),
	OPT('m', "memory", "SIZE", OPT_STR, struct create_args, memory, "memory limit of all its containers together"),
	OPT(0, "cpu", "N", OPT_STR, struct create_args, cpu, "CPU limit of all its containers together, e.g. 1.5"),
	OPT(0, "pids-limit", "N", OPT_INT, struct create_args, pids_limit, "limit of processes of all its containers together"),
	OPT_END,
};
static const struct opt list_opts[] = {
	LIST_OPTS(struct list_args_sandbox),
	OPT(0, "name", "NAME", OPT_STR, struct list_args_sandbox, name, "only the one of this name", "sandbox"),
	OPT(0, "id", "ID", OPT_STR, struct list_args_sandbox, id, "only those whose ID begins so"),
	OPT(0, "state", "STATE", OPT_STR, struct list_args_sandbox, state, "only those in this state", "ready|notready"),
	OPT('l', "selector", "EXPR", OPT_STR, struct list_args_sandbox, selector, "only those with these labels: K=V, K!=V, K, !K, comma-separated"),
	OPT_END,
};
static const struct opt stop_opts[] = {
	OPT('t', "timeout", "SECONDS", OPT_INT, struct stop_args, timeout, "grace period of its containers (default: 10)"),
	OPT_END,
};
static const struct opt rm_opts[] = {
	OPT(0, "ignore", NULL, OPT_BOOL, struct rm_args, ignore, "one that does not exist is a success"),
	OPT_END,
};
static const struct column columns[] = {
	{ "SANDBOX ID", "id", COL_ID, false },
	{ "NAME", "name", COL_STR, false },
	{ "STATE", "state", COL_STR, false },
	{ "CREATED", "created_at", COL_TIME, false },
	{ "HOSTNAME", "hostname", COL_STR, true },
	{ "LABELS", "labels", COL_MAP, true },
	{ "ANNOTATIONS", "annotations", COL_MAP, true },
	{ 0 },
};
// clang-format on

static int set_modes(const struct create_args *a, struct cri_namespace_options *ns, struct err *e)
{
	if (str_eq(a->network, "host"))
		ns->network = CRI_NS_NODE;
	else if (a->network && !str_eq(a->network, "none"))
		return err_set(e, ERR_USAGE, "--network %.40s: expected none or host", a->network);
	if (str_eq(a->ipc, "host"))
		ns->ipc = CRI_NS_NODE;
	else if (a->ipc && !str_eq(a->ipc, "sandbox"))
		return err_set(e, ERR_USAGE, "--ipc %.40s: expected sandbox or host", a->ipc);
	ns->pid = CRI_NS_CONTAINER;
	return 0;
}

static int set_resources(const struct create_args *a, struct cri_sandbox_config *c, struct err *e)
{
	struct cri_resources r = { 0 };

	if (size_option("memory", a->memory, &r.memory_limit_in_bytes, e) < 0 ||
	    cpus_option("cpu", a->cpu, &r.cpu_quota, &r.cpu_period, e) < 0)
		return -1;
	if (a->pids_limit.set && a->pids_limit.v < 1)
		return err_set(e, ERR_USAGE, "--pids-limit %lld: expected at least 1",
			       (long long)a->pids_limit.v);
	r.pids_limit = a->pids_limit;
	if (!a->memory && !a->cpu && !a->pids_limit.set)
		return 0;
	c->linux_.resources = xcalloc(1, sizeof(r));
	*c->linux_.resources = r;
	return 0;
}

static int create_config(const struct create_args *a, const char *operand,
			 struct cri_sandbox_config *c, struct err *e)
{
	if (a->name && operand && !str_eq(a->name, operand))
		return err_set(e, ERR_USAGE, "two names: --name %.63s and %.63s", a->name, operand);
	if ((a->name && !*a->name) || (operand && !*operand))
		return err_set(e, ERR_USAGE, "sandbox name '': a name cannot be empty");
	str_set(&c->metadata.name, a->name ? a->name : operand);
	str_set(&c->hostname, a->hostname);
	str_set(&c->linux_.cgroup_parent, a->cgroup_parent);
	strmap_copy(&c->labels, &a->labels);
	strmap_copy(&c->annotations, &a->annotations);
	strv_copy(&c->dns_config.servers, &a->dns_servers);
	strv_copy(&c->dns_config.searches, &a->dns_searches);
	strv_copy(&c->dns_config.options, &a->dns_options);
	if (a->log_directory && a->log_directory[0] != '/')
		return err_set(e, ERR_USAGE, "--log-directory %.200s: must be an absolute path",
			       a->log_directory);
	str_set(&c->log_directory, a->log_directory);
	if (set_modes(a, &c->linux_.security_context.namespace_options, e) < 0)
		return -1;
	return set_resources(a, c, e);
}

static int create_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(cri_sandbox_config) struct cri_sandbox_config config = { 0 };
	char id[ID_SIZE];
	struct err e;

	if (create_config(args, n ? operands[0] : NULL, &config, &e) < 0 ||
	    sandbox_create(&cli->store, &config, false, NULL, id, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", id);
	return cli_done(cli, 0);
}

static const char *state_of(const struct sandbox *sb)
{
	return sb->ready ? "Ready" : "NotReady";
}

/* 1: shown, 0: filtered out, -1 */
static int wanted(const struct list_args_sandbox *a, const struct sandbox *sb, struct err *e)
{
	if (a->name && !str_eq(a->name, sb->record.config.metadata.name))
		return 0;
	if (a->id && !str_starts(sb->id, a->id))
		return 0;
	if (a->state && strcasecmp(a->state, state_of(sb)) != 0)
		return 0;
	return selector_match(a->selector, &sb->record.config.labels, e);
}

static void add_row(struct table *t, const struct sandbox *sb)
{
	table_row(t);
	table_str(t, "id", sb->id);
	table_str(t, "name", sb->record.config.metadata.name);
	table_str(t, "state", state_of(sb));
	table_int(t, "created_at", sb->status.created_at);
	table_str(t, "hostname", sb->record.config.hostname);
	table_json(t, "labels", json_of_map(&sb->record.config.labels));
	table_json(t, "annotations", json_of_map(&sb->record.config.annotations));
}

static int fill_table(struct cli *cli, const struct list_args_sandbox *a, struct table *t,
		      struct err *e)
{
	own(strv) struct strv ids = { 0 };

	if (record_list(&cli->store, RECORD_SANDBOX, &ids, e) < 0)
		return -1;
	strv_sort(&ids);
	for (size_t i = 0; i < ids.n; i++) {
		own(sandbox) struct sandbox sb = { 0 };
		int rc;

		if (sandbox_load(&cli->store, ids.v[i], &sb, e) < 0) {
			if (e->kind != ERR_NOT_FOUND) /* a damaged one must not hide the others */
				cli_error(cli, e);
			continue;
		}
		rc = wanted(a, &sb, e);
		if (rc < 0)
			return -1;
		if (rc)
			add_row(t, &sb);
	}
	return 0;
}

static int list_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct list_args_sandbox *a = args;
	struct table *t = NULL;
	struct err e;

	(void)operands;
	(void)n;
	if (a->state && strcasecmp(a->state, "ready") != 0 && strcasecmp(a->state, "notready") != 0)
		return cli_usage(cli, "--state %.40s: expected ready or notready", a->state);
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

/* The members of PodSandboxStatus, then the configuration. */
static struct json_object *sandbox_json(struct cli *cli, const struct sandbox *sb)
{
	struct json_object *o = json_object_new_object();
	struct json_object *network = json_object_new_object();
	struct json_object *linux_ = json_object_new_object();
	struct json_object *namespaces = json_object_new_object();
	const struct cri_sandbox_config *c = &sb->record.config;
	bool host = c->linux_.security_context.namespace_options.network == CRI_NS_NODE;
	own(str) char *net = sandbox_ns_path(&cli->store, sb->id, "net");
	own(str) char *cgroup = sandbox_cgroup(&sb->record, sb->id);

	json_add_str(o, "id", sb->id);
	json_add_str(o, "name", c->metadata.name);
	json_add_str(o, "state", state_of(sb));
	json_add_time(o, "created_at", sb->status.created_at);
	json_object_object_add(network, "ips", json_object_new_array());
	json_object_object_add(o, "network", network);
	json_add_str(namespaces, "network", host ? "/proc/1/ns/net" : sb->ready ? net : "");
	json_object_object_add(linux_, "namespaces", namespaces);
	json_add_str(linux_, "cgroup", cgroup);
	json_object_object_add(o, "linux", linux_);
	json_object_object_add(o, "labels", json_of_map(&c->labels));
	json_object_object_add(o, "annotations", json_of_map(&c->annotations));
	json_object_object_add(o, "config", fields_write(&cri_sandbox_config_table, c));
	return o;
}

static int inspect_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(json) struct json_object *all = json_object_new_array();
	int status = 0;

	(void)args;
	for (size_t i = 0; i < n; i++) {
		own(sandbox) struct sandbox sb = { 0 };
		char id[ID_SIZE];
		struct err e;

		if (record_find(&cli->store, RECORD_SANDBOX, operands[i], id, &e) < 0 ||
		    sandbox_load(&cli->store, id, &sb, &e) < 0)
			status = cli_error(cli, &e);
		else
			json_object_array_add(all, sandbox_json(cli, &sb));
	}
	if (json_object_array_length(all) || n > 1)
		json_put(all);
	return cli_done(cli, status);
}

static int stop_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct stop_args *a = args;
	char id[ID_SIZE];
	int64_t timeout;

	if (duration_option("timeout", &a->timeout, STOP_TIMEOUT, &timeout, e) < 0 ||
	    record_find(&cli->store, RECORD_SANDBOX, operand, id, e) < 0 ||
	    sandbox_stop(&cli->store, id, timeout, e) < 0)
		return -1;
	printf("%s\n", operand);
	return 0;
}

static int stop_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, stop_one, args);
}

static int rm_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct rm_args *a = args;
	char id[ID_SIZE];

	if (record_find(&cli->store, RECORD_SANDBOX, operand, id, e) < 0 ||
	    sandbox_remove(&cli->store, id, e) < 0)
		return a->ignore && e->kind == ERR_NOT_FOUND ? 0 : -1;
	printf("%s\n", operand);
	return 0;
}

static int rm_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, rm_one, args);
}

// clang-format off
static const struct command commands[] = {
	{ "create", "[OPTION...] [NAME]", "create a sandbox and print its ID", create_main, create_opts, sizeof(struct create_args), NEED_STORE, 0, 1, NULL },
	{ "ls", "[OPTION...]", "list sandboxes", list_main, list_opts, sizeof(struct list_args_sandbox), NEED_STORE, 0, 0, NULL },
	{ "inspect", "SANDBOX...", "show everything about sandboxes as JSON", inspect_main, NULL, 0, NEED_STORE, 1, 0, "sandbox" },
	{ "stop", "[OPTION...] SANDBOX...", "stop the containers of sandboxes and drop their namespaces", stop_main, stop_opts, sizeof(struct stop_args), NEED_STORE, 1, 0, "sandbox" },
	{ "rm", "[OPTION...] SANDBOX...", "remove sandboxes with all their containers, running ones too", rm_main, rm_opts, sizeof(struct rm_args), NEED_STORE, 1, 0, "sandbox" },
	{ 0 },
};
// clang-format on
const struct command_group sandbox_group = { "sandbox",
					     "groups of containers that share a network and a name",
					     commands };
