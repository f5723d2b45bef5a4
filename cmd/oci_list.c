/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis-oci state and list. */
#include <stdio.h>

#include "base/json.h"
#include "common.h"
#include "oci.h"
#include "table.h"

// clang-format off
const struct opt oci_list_opts[] = {
	OPT('f', "format", "FORMAT", OPT_STR, struct oci_list_args, format, "output format: table or json [table]", "table|json"),
	OPT('q', "quiet", NULL, OPT_BOOL, struct oci_list_args, quiet, "print IDs only"),
	OPT_END,
};
static const struct column columns[] = {
	{ "ID", "id", COL_STR, false },
	{ "PID", "pid", COL_INT, false },
	{ "STATUS", "status", COL_STR, false },
	{ "BUNDLE", "bundle", COL_STR, false },
	{ "CREATED", "created", COL_STR, false },
	{ "OWNER", "owner", COL_STR, false },
	{ 0 },
};
// clang-format on

int oci_state_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(oci_home) struct oci_home home = { .dir = -1 };
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	own(json) struct json_object *j = NULL;
	struct err e;

	(void)args;
	(void)n;
	if (oci_open_home(cli, &home, &e) < 0 ||
	    oci_entry_open(&home, operands[0], false, &x, &e) < 0)
		return cli_error(cli, &e);
	j = oci_state(&x, oci_entry_status(&x));
	json_put(j);
	return cli_done(cli, 0);
}

static void add_row(struct table *t, struct json_object *state)
{
	table_row(t);
	for (const struct column *c = columns; c->key; c++) {
		if (c->type == COL_INT)
			table_int(t, c->key,
				  json_object_get_int64(json_get(state, c->key, json_type_int)));
		else
			table_str(t, c->key, json_get_str(state, c->key));
	}
}

static int print_list(const struct oci_list_args *a, struct json_object *all, struct err *e)
{
	const struct list_args list = { .output = "table", .quiet = a->quiet, .no_trunc = true };
	struct table *t;

	if (!a->quiet && str_eq(a->format, "json")) {
		own(buf) struct buf text = { 0 };

		json_print(all, &text);
		puts(text.s);
		return 0;
	}
	if (table_new(columns, &list, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(all); i++)
		add_row(t, json_object_array_get_idx(all, i));
	return table_print(t, e);
}

int oci_list_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct oci_list_args *a = args;
	own(oci_home) struct oci_home home = { .dir = -1 };
	own(json) struct json_object *all = json_object_new_array();
	own(strv) struct strv ids = { 0 };
	struct err e;

	(void)operands;
	(void)n;
	if (a->format && !str_eq(a->format, "table") && !str_eq(a->format, "json"))
		return cli_usage(cli, "--format %.40s: expected table or json", a->format);
	if (oci_open_home(cli, &home, &e) < 0 || oci_home_list(&home, &ids, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < ids.n; i++) {
		own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;

		if (oci_entry_open(&home, ids.v[i], false, &x, &e) == 0)
			json_object_array_add(all, oci_state(&x, oci_entry_status(&x)));
	}
	return print_list(a, all, &e) < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}
