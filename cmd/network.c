/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis network: create, ls, inspect, rm, prune, reload; check and gc are in network_cni.c. */
#include <stdio.h>

#include "base/json.h"
#include "common.h"
#include "inspect.h"
#include "network/config.h"
#include "network/lease.h"
#include "network_cni.h"
#include "spec/label.h"
#include "table.h"

struct create_args {
	struct strv subnets, gateways, ip_ranges;
	struct optint mtu;
	bool internal, no_ipv6;
	struct strmap labels;
};
struct list_args_network {
	struct list_args list;
	const char *selector;
};
struct rm_args {
	bool ignore;
};

// clang-format off
static const struct opt create_opts[] = {
	OPT(0, "subnet", "ADDRESS/LENGTH", OPT_LIST, struct create_args, subnets, "its subnet; once for IPv4, once for IPv6 (default: free ones are chosen)"),
	OPT(0, "gateway", "ADDRESS", OPT_LIST, struct create_args, gateways, "the host's address in a subnet (default: the first); may be repeated"),
	OPT(0, "ip-range", "ADDRESS/LENGTH", OPT_LIST, struct create_args, ip_ranges, "part of a subnet that sandboxes get addresses of (default: all); may be repeated"),
	OPT(0, "mtu", "BYTES", OPT_INT, struct create_args, mtu, "largest packet (default: that of the host's default route)"),
	OPT(0, "internal", NULL, OPT_BOOL, struct create_args, internal, "no way out of it, and none in"),
	OPT(0, "no-ipv6", NULL, OPT_BOOL, struct create_args, no_ipv6, "IPv4 only"),
	OPT(0, "label", "K=V", OPT_MAP, struct create_args, labels, "add a label; may be repeated"),
	OPT_END,
};
static const struct opt list_opts[] = {
	LIST_OPTS(struct list_args_network),
	OPT('l', "selector", "EXPR", OPT_STR, struct list_args_network, selector, "only those with these labels: K=V, K!=V, K in (A,B), K notin (A,B), K, !K; comma-separated"),
	OPT_END,
};
static const struct opt rm_opts[] = {
	OPT(0, "ignore", NULL, OPT_BOOL, struct rm_args, ignore, "one that does not exist is a success"),
	OPT_END,
};
static const struct column columns[] = {
	{ "NAME", "name", COL_STR, false },
	{ "KIND", "kind", COL_STR, false },
	{ "BRIDGE", "bridge", COL_STR, false },
	{ "SUBNETS", "subnets", COL_LIST, false },
	{ "SANDBOXES", "sandboxes", COL_INT, false },
	{ "CREATED", "created_at", COL_TIME, false },
	{ "MTU", "mtu", COL_INT, true },
	{ "INTERNAL", "internal", COL_STR, true },
	{ "LABELS", "labels", COL_MAP, true },
	{ 0 },
};
// clang-format on

static int create_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct create_args *a = args;
	struct network_create_args create = {
		.name = operands[0],
		.subnets = &a->subnets,
		.gateways = &a->gateways,
		.ip_ranges = &a->ip_ranges,
		.mtu = a->mtu.v,
		.internal = a->internal,
		.no_ipv6 = a->no_ipv6,
		.labels = &a->labels,
	};
	struct err e;

	(void)n;
	if (a->mtu.set && a->mtu.v < 1)
		return cli_usage(cli, "--mtu %lld: expected 1280 to 65535", (long long)a->mtu.v);
	if (network_create(&cli->store, &create, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", operands[0]);
	return cli_done(cli, 0);
}

static struct json_object *subnets_json(const struct network_config *c)
{
	struct json_object *a = json_object_new_array();
	const struct network_subnet *rows = c->subnets.v;

	for (size_t i = 0; i < c->subnets.n; i++)
		json_object_array_add(a, json_object_new_string(rows[i].subnet));
	return a;
}

static int add_row(struct cli *cli, const struct selector *wanted, struct table *t,
		   const char *name, struct err *e)
{
	own(network) struct network n = { 0 };
	own(strv) struct strv users = { 0 };

	if (network_open(&cli->store, name, &n, e) < 0 ||
	    lease_owners(&cli->store, name, &users, e) < 0)
		return -1;
	if (!selector_matches(wanted, &n.config.labels))
		return 0;
	table_row(t);
	table_str(t, "name", name);
	table_str(t, "kind", "bridge");
	table_str(t, "bridge", n.config.bridge);
	table_json(t, "subnets", subnets_json(&n.config));
	table_int(t, "sandboxes", (int64_t)users.n);
	table_int(t, "created_at", n.config.created_at);
	table_int(t, "mtu", n.config.mtu);
	table_str(t, "internal", n.config.internal ? "true" : "false");
	table_json(t, "labels", json_of_map(&n.config.labels));
	return 0;
}

static int list_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct list_args_network *a = args;
	own(strv) struct strv names = { 0 };
	own(selector) struct selector wanted = { 0 };
	struct table *t = NULL;
	struct err e;
	int status = 0;

	(void)operands;
	(void)n;
	if (a->selector && selector_parse(a->selector, &wanted, &e) < 0)
		return cli_error(cli, &e);
	if (network_names(&cli->store, &names, &e) < 0 || table_new(columns, &a->list, &t, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < names.n; i++) {
		if (add_row(cli, &wanted, t, names.v[i], &e) == 0)
			continue;
		if (e.kind != ERR_NOT_FOUND) /* a damaged one must not hide the others */
			status = cli_error(cli, &e);
	}
	if (!a->selector && network_cni_rows(cli, t)) /* they have no labels */
		status = 1;
	if (table_print(t, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, status);
}

static struct json_object *network_json(struct cli *cli, const struct network *n, struct err *e)
{
	own(strv) struct strv users = { 0 };
	struct json_object *o;

	if (lease_owners(&cli->store, n->config.name, &users, e) < 0)
		return NULL;
	strv_sort(&users);
	o = fields_write(&network_config_table, &n->config);
	json_add_str(o, "kind", "bridge");
	json_add_time(o, "created_at", n->config.created_at);
	json_object_object_add(o, "internal", json_object_new_boolean(n->config.internal));
	json_object_object_add(o, "sandboxes", json_of_list(&users));
	return o;
}

static struct json_object *get(struct cli *cli, const char *operand, struct err *e)
{
	own(network) struct network net = { 0 };

	if (!network_exists(&cli->store, operand))
		return network_cni_json(cli, operand, e);
	return network_open(&cli->store, operand, &net, e) < 0 ? NULL : network_json(cli, &net, e);
}

static int inspect_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return inspect_each(cli, args, operands, n, get);
}

static int rm_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct rm_args *a = args;

	if (network_remove(&cli->store, operand, e) < 0)
		return a->ignore && e->kind == ERR_NOT_FOUND ? 0 : -1;
	printf("%s\n", operand);
	return 0;
}

static int rm_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, rm_one, args);
}

static int prune_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(strv) struct strv removed = { 0 };
	struct err e;
	int rc = network_prune(&cli->store, &removed, &e);

	(void)args;
	(void)operands;
	(void)n;
	for (size_t i = 0; i < removed.n; i++)
		printf("%s\n", removed.v[i]);
	return rc < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}

static int reload_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	struct err e;

	(void)args;
	(void)operands;
	(void)n;
	return network_reload(&cli->store, &e) < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}

// clang-format off
static const struct command commands[] = {
	{ "create", "[OPTION...] NAME", "create a network and print its name", create_main, create_opts, sizeof(struct create_args), NEED_STORE, 1, 1, NULL },
	{ "ls", "[OPTION...]", "list networks", list_main, list_opts, sizeof(struct list_args_network), NEED_STORE, 0, 0, NULL },
	{ "inspect", "[OPTION...] NETWORK...", "show everything about networks, or one field", inspect_main, inspect_opts, sizeof(struct inspect_args), NEED_STORE, 1, 0, "network" },
	{ "rm", "[OPTION...] NETWORK...", "remove networks that no sandbox uses", rm_main, rm_opts, sizeof(struct rm_args), NEED_STORE, 1, 0, "network" },
	{ "prune", "", "remove all networks that no sandbox uses", prune_main, NULL, 0, NEED_STORE, 0, 0, NULL },
	{ "reload", "", "put back what the host has lost of the networks in use", reload_main, NULL, 0, NEED_STORE, 0, 0, NULL },
	{ "check", "NETWORK...", "ask the plugins of CNI networks whether all is well", network_check_main, NULL, 0, NEED_STORE, 1, 0, "network" },
	{ "gc", "NETWORK...", "have the plugins of CNI networks forget what is no sandbox's", network_gc_main, NULL, 0, NEED_STORE, 1, 0, "network" },
	{ 0 },
};
// clang-format on
const struct command_group network_group = { "network", "networks that sandboxes are attached to",
					     commands };
