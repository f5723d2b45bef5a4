/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr diff, export: the files of a container. */
#include <stdio.h>

#include "base/json.h"
#include "ctr.h"
#include "image/pack.h"
#include "output.h"
#include "pod/diff.h"
#include "pod/view.h"

// clang-format off
const struct opt ctr_diff_opts[] = {
	OPT('o', "output", "FORMAT", OPT_STR, struct diff_args, output, "output format: lines (default) or json", "lines|json"),
	OPT_END,
};
const struct opt ctr_export_opts[] = {
	OPT('o', "output", "FILE", OPT_STR, struct export_args, output, "write to FILE instead of standard output", "file"),
	OPT_END,
};
// clang-format on

static void print_json(const struct changes *c)
{
	static const struct {
		char kind;
		const char *key;
	} kinds[] = { { 'A', "added" }, { 'C', "changed" }, { 'D', "deleted" } };
	own(json) struct json_object *all = json_object_new_object();
	own(buf) struct buf text = { 0 };

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct json_object *paths = json_object_new_array();

		for (size_t i = 0; i < c->n; i++)
			if (c->v[i].kind == kinds[k].kind)
				json_object_array_add(paths, json_object_new_string(c->v[i].path));
		json_object_object_add(all, kinds[k].key, paths);
	}
	json_print(all, &text);
	printf("%s\n", text.s);
}

int ctr_diff_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct diff_args *a = args;
	bool json = a->output && str_eq(a->output, "json");
	own(changes) struct changes c = { 0 };
	char id[ID_SIZE];
	struct err e;

	(void)n;
	if (a->output && !json && !str_eq(a->output, "lines"))
		return cli_usage(cli, "--output: expected lines or json, found \"%.40s\"",
				 a->output);
	if (record_find(&cli->store, RECORD_CONTAINER, operands[0], id, &e) < 0 ||
	    container_diff(&cli->store, id, &c, &e) < 0)
		return cli_error(cli, &e);
	if (json)
		print_json(&c);
	for (size_t i = 0; i < c.n && !json; i++) {
		own(str) char *path = str_printable(c.v[i].path, strlen(c.v[i].path));

		printf("%c %s\n", c.v[i].kind, path);
	}
	return cli_done(cli, 0);
}

int ctr_export_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct export_args *a = args;
	own(output) struct output out = OUTPUT_NONE;
	own(view) struct view view = VIEW_NONE;
	struct pack_options pack = { .skip = -1 };
	char id[ID_SIZE];
	struct err e;

	(void)n;
	if (record_find(&cli->store, RECORD_CONTAINER, operands[0], id, &e) < 0 ||
	    output_open(a->output, &out, &e) < 0 || view_container(&cli->store, id, &view, &e) < 0)
		return cli_error(cli, &e);
	pack.live = view.live;
	pack.ids = (struct ids){ view.uids, view.gids };
	if (pack_tree(view.root, &pack, output_sink, &out, &e) < 0 || output_commit(&out, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}
