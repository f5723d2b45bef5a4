/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis image df, prune: what images cost, and how to get it back. */
#include "image.h"

#include <stdio.h>

#include "image/usage.h"

// clang-format off
const struct opt image_df_opts[] = {
	LIST_OPTS(struct image_df_args),
	OPT_END,
};
const struct opt image_prune_opts[] = {
	OPT('a', "all", NULL, OPT_BOOL, struct image_prune_args, all, "all images that no container uses, not only those without a name"),
	OPT('n', "dry-run", NULL, OPT_BOOL, struct image_prune_args, dry, "only say what would be removed"),
	OPT('f', "filter", "KEY=VALUE", OPT_LIST, struct image_prune_args, filter, "only images with reference=PATTERN, label=K[=V], since=IMAGE or before=IMAGE; may be repeated"),
	OPT_END,
};
static const struct column df_columns[] = {
	{ "NAME",        "name",            COL_STR,  false },
	{ "IMAGE ID",    "id",              COL_ID,   false },
	{ "KIND",        "kind",            COL_STR,  true },
	{ "BLOBS",       "blobs",           COL_SIZE, false },
	{ "LAYERS",      "layers",          COL_SIZE, false },
	{ "SHARED",      "shared",          COL_SIZE, false },
	{ "UNIQUE",      "unique",          COL_SIZE, false },
	{ "INODES",      "inodes",          COL_INT,  false },
	{ "SHARED INODES", "shared_inodes", COL_INT,  true },
	{ "UNIQUE INODES", "unique_inodes", COL_INT,  true },
	{ "RECLAIMABLE", "reclaimable",     COL_SIZE, false },
	{ "RECLAIMABLE INODES", "reclaimable_inodes", COL_INT, true },
	{ "USED BY",     "used_by",         COL_STR,  true },
	{ NULL },
};
// clang-format on

static void df_image(struct table *t, const struct usage_image *u)
{
	own(buf) struct buf names = { 0 };

	for (size_t i = 0; i < u->names.n; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", u->names.v[i]);
	table_row(t);
	table_str(t, "name", names.s);
	table_str(t, "id", u->id);
	table_str(t, "kind", "image");
	table_int(t, "blobs", u->blobs.bytes);
	table_int(t, "layers", u->layers.bytes);
	table_int(t, "shared", u->shared.bytes);
	table_int(t, "unique", u->unique.bytes);
	table_int(t, "inodes", u->blobs.inodes + u->layers.inodes);
	table_int(t, "shared_inodes", u->shared.inodes);
	table_int(t, "unique_inodes", u->unique.inodes);
	table_int(t, "reclaimable", u->reclaimable.bytes);
	table_int(t, "reclaimable_inodes", u->reclaimable.inodes);
	table_str(t, "used_by", u->user);
}

/* What is no image's alone. */
static void df_sum(struct table *t, const char *kind, const struct usage_sum *all,
		   const struct usage_sum *reclaimable)
{
	own(str) char *shown = str_fmt("(%s)", kind);

	table_row(t);
	table_str(t, "name", shown);
	table_str(t, "kind", kind);
	table_int(t, "unique", all->bytes);
	table_int(t, "unique_inodes", all->inodes);
	table_int(t, "inodes", all->inodes);
	table_int(t, "reclaimable", reclaimable->bytes);
	table_int(t, "reclaimable_inodes", reclaimable->inodes);
}

int image_df_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_df_args *a = args;
	own(usage) struct usage u = { 0 };
	struct table *t = NULL;
	struct err e;

	(void)operands, (void)n;
	if (usage_measure(&cli->store, &u, &e) < 0 || table_new(df_columns, &a->list, &t, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < u.n; i++)
		df_image(t, &u.images[i]);
	if (!a->list.quiet && !str_eq(a->list.output, "name")) {
		df_sum(t, "unused", &u.unused, &u.unused);
		df_sum(t, "total", &u.total, &u.reclaimable);
	}
	return table_print(t, &e) < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}

static bool keep(void *ctx, const struct image *i)
{
	return !image_filter_match(ctx, i);
}

int image_prune_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_prune_args *a = args;
	own(image_filter) struct image_filter f = { 0 };
	own(strv) struct strv removed = { 0 };
	struct image_prune_options o = { .all = a->all, .dry = a->dry, .keep = keep, .ctx = &f };
	int64_t bytes = 0;
	char size[32];
	struct err e;

	(void)operands, (void)n;
	if (image_filter_parse(&cli->store, &a->filter, &f, &e) < 0 ||
	    image_prune(&cli->store, &o, &removed, &bytes, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < removed.n; i++)
		printf("%s: %s\n", a->dry ? "would be deleted" : "deleted", removed.v[i]);
	str_size_format(bytes, size, sizeof(size));
	if (!a->dry)
		fprintf(stderr, "%s given back\n", size);
	return cli_done(cli, 0);
}
