/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis image inspect, history, tree: what an image says of itself. */
#include "image.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "common.h"
#include "image/history.h"
#include "inspect.h"

// clang-format off
const struct opt image_inspect_opts[] = {
	INSPECT_OPTS(struct image_inspect_args, inspect.),
	OPT(0, "config", NULL, OPT_BOOL, struct image_inspect_args, config, "show the image's configuration as it is stored"),
	OPT(0, "manifest", NULL, OPT_BOOL, struct image_inspect_args, manifest, "show the image's manifest as it is stored"),
	OPT(0, "raw", NULL, OPT_BOOL, struct image_inspect_args, raw, "byte for byte, so that its digest is right; without --config, the manifest"),
	OPT_END,
};
const struct opt image_history_opts[] = {
	LIST_OPTS(struct image_history_args),
	OPT_END,
};
const struct opt image_tree_opts[] = {
	OPT('o', "output", "FORMAT", OPT_STR, struct image_tree_args, output, "output format: text or json", "text|json"),
	OPT_END,
};
static const struct column history_columns[] = {
	{ "CREATED",    "created",    COL_TIME, false },
	{ "CREATED BY", "created_by", COL_STR,  false },
	{ "SIZE",       "size",       COL_SIZE, false },
	{ "COMMENT",    "comment",    COL_STR,  false },
	{ "DIFF ID",    "id",         COL_ID,   true },
	{ NULL },
};
// clang-format on

/* --- inspect --- */

static void add_some(struct json_object *o, const char *key, const char *value)
{
	if (value)
		json_add_str(o, key, value);
}

static struct json_object *config_json(const struct image *i)
{
	struct json_object *c = json_object_new_object();

	json_object_object_add(c, "entrypoint", json_of_list(&i->entrypoint));
	json_object_object_add(c, "cmd", json_of_list(&i->cmd));
	json_object_object_add(c, "env", json_of_list(&i->env));
	json_object_object_add(c, "volumes", json_of_list(&i->volumes));
	json_object_object_add(c, "labels", json_of_map(&i->labels));
	add_some(c, "user", i->user);
	add_some(c, "working_dir", i->working_dir);
	add_some(c, "stop_signal", i->stop_signal);
	return c;
}

static struct json_object *image_json(const struct image *i)
{
	struct json_object *j = json_object_new_object();

	add_some(j, "id", i->id);
	add_some(j, "digest", i->digest);
	json_object_object_add(j, "names", json_of_list(&i->names));
	add_some(j, "created", i->created);
	add_some(j, "os", i->os);
	add_some(j, "architecture", i->architecture);
	add_some(j, "variant", i->variant);
	json_object_object_add(j, "size", json_object_new_int64(i->size));
	json_object_object_add(j, "config", config_json(i));
	json_object_object_add(j, "layers", json_of_list(&i->layers));
	return j;
}

/* One document, alone: nothing but its bytes, or the same laid out for reading. */
static int put_document(struct cli *cli, const struct image_inspect_args *a, const char *ref)
{
	own(buf) struct buf text = { 0 };
	own(json) struct json_object *j = NULL;
	struct err e;

	if (image_document(&cli->store, ref, a->config ? IMAGE_CONFIG : IMAGE_MANIFEST, &text, &e) <
	    0)
		return cli_error(cli, &e);
	if (a->raw) {
		fwrite(text.s, 1, text.len, stdout);
		return 0;
	}
	j = json_parse("document", text.s, text.len, &e);
	if (!j)
		return cli_error(cli, &e);
	json_put(j);
	return 0;
}

static struct json_object *get(struct cli *cli, const char *operand, struct err *e)
{
	own(image) struct image image = { 0 };

	return image_find(&cli->store, operand, &image, e) < 0 ? NULL : image_json(&image);
}

/* A list of those that were found. */
int image_inspect_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_inspect_args *a = args;

	if (a->config && a->manifest)
		return cli_usage(cli, "--config and --manifest: only one of them");
	if ((a->config || a->manifest || a->raw) && n > 1)
		return cli_usage(cli, "with --config, --manifest or --raw: one image only");
	if (a->config || a->manifest || a->raw)
		return cli_done(cli, put_document(cli, a, operands[0]));
	return inspect_each(cli, &a->inspect, operands, n, get);
}

/* --- history --- */

int image_history_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_history_args *a = args;
	own(history) struct history h = { 0 };
	struct table *t = NULL;
	struct err e;

	(void)n;
	if (table_new(history_columns, &a->list, &t, &e) < 0)
		return cli_error(cli, &e);
	if (history_load(&cli->store, operands[0], &h, &e) < 0) {
		table_free(t);
		return cli_error(cli, &e);
	}
	for (size_t i = h.n; i-- > 0;) { /* newest first, as docker shows it */
		const struct history_step *step = &h.v[i];
		int64_t created = 0;

		if (clock_parse(step->created, &created) < 0)
			created = 0;
		table_row(t);
		table_int(t, "created", created);
		table_str(t, "created_by", step->created_by);
		table_int(t, "size", step->size);
		table_str(t, "comment", step->comment);
		table_str(t, "id", step->diff_id);
	}
	return table_print(t, &e) < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}

/* --- tree --- */

/* Names of the images whose topmost layer is number k of h. */
static void ends_here(const struct history *h, size_t k, const struct image *images, size_t n,
		      struct strv *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct strv *l = &images[i].layers;
		size_t same = 0;

		while (same < l->n && same <= k && str_eq(l->v[same], h->image.layers.v[same]))
			same++;
		if (l->n != k + 1 || same != l->n)
			continue;
		for (size_t j = 0; j < images[i].names.n; j++)
			strv_add(out, images[i].names.v[j]);
		if (images[i].names.n == 0)
			strv_take(out, xstrndup(images[i].id + 7, 12));
	}
}

static struct json_object *tree_json(const struct history *h, const struct image *images, size_t n)
{
	struct json_object *j = json_object_new_object(), *layers = json_object_new_array();

	json_add_str(j, "id", h->image.id);
	json_object_object_add(j, "names", json_of_list(&h->image.names));
	json_object_object_add(j, "size", json_object_new_int64(h->image.size));
	for (size_t k = 0; k < h->image.layers.n; k++) {
		struct json_object *layer = json_object_new_object();
		own(strv) struct strv ends = { 0 };

		ends_here(h, k, images, n, &ends);
		json_add_str(layer, "diff_id", h->image.layers.v[k]);
		json_add_str(layer, "blob", h->blobs.v[k]);
		json_object_object_add(layer, "size", json_object_new_int64(h->sizes[k]));
		json_object_object_add(layer, "images", json_of_list(&ends));
		json_object_array_add(layers, layer);
	}
	json_object_object_add(j, "layers", layers);
	return j;
}

static void tree_text(const struct history *h, const struct image *images, size_t n)
{
	char size[32];

	str_size_format(h->image.size, size, sizeof(size));
	printf("%.12s  %s", h->image.id + 7, size);
	for (size_t i = 0; i < h->image.names.n; i++)
		printf("%s%s", i ? ", " : "  ", h->image.names.v[i]);
	putchar('\n');
	for (size_t k = 0; k < h->image.layers.n; k++) {
		own(strv) struct strv ends = { 0 };

		ends_here(h, k, images, n, &ends);
		str_size_format(h->sizes[k], size, sizeof(size));
		printf("%s %.12s  %s", k + 1 < h->image.layers.n ? "├──" : "└──",
		       h->image.layers.v[k] + 7, size);
		for (size_t i = 0; i < ends.n; i++)
			printf("%s%s", i ? ", " : "  ", ends.v[i]);
		putchar('\n');
	}
}

static int tree_all(struct cli *cli, char **operands, size_t n, bool json)
{
	own(json) struct json_object *list = json_object_new_array();
	struct image *images = NULL;
	size_t count = 0;
	int status = 0;
	struct err e;

	if (image_list(&cli->store, &images, &count, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < (n ? n : count); i++) {
		own(history) struct history h = { 0 };

		if (history_load(&cli->store, n ? operands[i] : images[i].id, &h, &e) < 0)
			status = cli_error(cli, &e);
		else if (json)
			json_object_array_add(list, tree_json(&h, images, count));
		else
			tree_text(&h, images, count);
	}
	if (json)
		json_put(list);
	for (size_t i = 0; i < count; i++)
		image_free(&images[i]);
	free(images);
	return cli_done(cli, status);
}

int image_tree_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_tree_args *a = args;

	if (a->output && !str_eq(a->output, "text") && !str_eq(a->output, "json"))
		return cli_usage(cli, "--output: expected text or json, found \"%.40s\"",
				 a->output);
	return tree_all(cli, operands, n, str_eq(a->output, "json"));
}
