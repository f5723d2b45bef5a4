/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image.h"

#include <fnmatch.h>

#include "base/clock.h"

// clang-format off
const struct opt image_ls_opts[] = {
	LIST_OPTS(struct image_ls_args),
	OPT('f', "filter", "KEY=VALUE", OPT_LIST, struct image_ls_args, filter, "only images with reference=PATTERN, dangling=BOOL, label=K[=V], since=IMAGE or before=IMAGE; may be repeated"),
	OPT(0, "sort", "KEY", OPT_STR, struct image_ls_args, sort, "sort by created (the default), name, size or id", "created|name|size|id"),
	OPT(0, "digests", NULL, OPT_BOOL, struct image_ls_args, digests, "show the digests of the manifests too"),
	OPT_END,
};
static const struct column ls_columns[] = {
	{ "NAME",     "name",     COL_STR,  false },
	{ "IMAGE ID", "id",       COL_ID,   false },
	{ "DIGEST",   "digest",   COL_STR,  true },
	{ "PLATFORM", "platform", COL_STR,  true },
	{ "CREATED",  "created",  COL_TIME, false },
	{ "SIZE",     "size",     COL_SIZE, false },
	{ NULL },
};
// clang-format on

int64_t image_created(const struct image *i)
{
	int64_t t = 0;

	return i->created && clock_parse(i->created, &t) == 0 ? t : 0;
}

/* --- filters --- */

static int created_of(struct store *s, const char *ref, int64_t *out, struct err *e)
{
	own(image) struct image i = { 0 };

	if (image_find(s, ref, &i, e) < 0)
		return -1;
	*out = image_created(&i);
	return 0;
}

static int filter_add(struct store *s, const char *key, const char *value, struct image_filter *out,
		      struct err *e)
{
	if (str_eq(key, "reference")) {
		strv_add(&out->reference, value);
		return 0;
	}
	if (str_eq(key, "label")) {
		strv_add(&out->labels, value);
		return 0;
	}
	if (str_eq(key, "since"))
		return created_of(s, value, &out->since, e);
	if (str_eq(key, "before"))
		return created_of(s, value, &out->before, e);
	if (!str_eq(key, "dangling"))
		return err_set(e, ERR_USAGE,
			       "\"%.40s\" is not known; reference, dangling, label, since and "
			       "before are",
			       key);
	if (!str_eq(value, "true") && !str_eq(value, "false"))
		return err_set(e, ERR_USAGE, "dangling: expected true or false, found \"%.40s\"",
			       value);
	out->dangling = str_eq(value, "true");
	return 0;
}

int image_filter_parse(struct store *s, const struct strv *given, struct image_filter *out,
		       struct err *e)
{
	out->dangling = -1;
	for (size_t i = 0; i < given->n; i++) {
		const char *eq = strchr(given->v[i], '=');
		own(str) char *key = NULL;

		if (!eq || eq == given->v[i] || !eq[1])
			return err_set(e, ERR_USAGE,
				       "--filter: expected KEY=VALUE, found \"%.60s\"",
				       given->v[i]);
		key = xstrndup(given->v[i], (size_t)(eq - given->v[i]));
		if (filter_add(s, key, eq + 1, out, e) < 0)
			return err_in(e, "--filter");
	}
	return 0;
}

/* "alpine*" means docker.io/library/alpine* too: what stands before the name's own part may be left
 * out. */
static bool matches_one(const char *pattern, const char *name)
{
	static const char *const implied[] = { "docker.io/library/", "docker.io/" };

	if (fnmatch(pattern, name, 0) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(implied); i++)
		if (str_starts(name, implied[i]) &&
		    fnmatch(pattern, name + strlen(implied[i]), 0) == 0)
			return true;
	return false;
}

/* The tag may be left out too. */
static bool matches(const char *pattern, const char *name)
{
	const char *slash = strrchr(name, '/'), *tag = strchr(slash ? slash : name, ':');
	own(str) char *bare = tag ? xstrndup(name, (size_t)(tag - name)) : NULL;

	return matches_one(pattern, name) || (bare && matches_one(pattern, bare));
}

bool image_filter_name(const struct image_filter *f, const char *name)
{
	for (size_t i = 0; i < f->reference.n; i++)
		if (matches(f->reference.v[i], name))
			return true;
	return f->reference.n == 0;
}

static bool has_label(const struct image *i, const char *want)
{
	const char *eq = strchr(want, '=');
	own(str) char *key = eq ? xstrndup(want, (size_t)(eq - want)) : xstrdup(want);
	const char *have = strmap_get(&i->labels, key);

	return have && (!eq || str_eq(have, eq + 1));
}

bool image_filter_match(const struct image_filter *f, const struct image *i)
{
	int64_t created = image_created(i);
	bool named = f->reference.n == 0;

	if (f->dangling >= 0 && f->dangling != (i->names.n == 0))
		return false;
	if ((f->since && created <= f->since) || (f->before && created >= f->before))
		return false;
	for (size_t k = 0; k < f->labels.n; k++)
		if (!has_label(i, f->labels.v[k]))
			return false;
	for (size_t k = 0; k < i->names.n && !named; k++)
		named = image_filter_name(f, i->names.v[k]);
	return named;
}

void image_filter_free(struct image_filter *f)
{
	strv_free(&f->reference);
	strv_free(&f->labels);
}

/* --- the list: a row for each name --- */

struct row {
	const struct image *image;
	const char *name; /* NULL: it has none */
	size_t at;	  /* newest first */
};

static int cmp(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}
static int by_created(const void *a, const void *b)
{
	return cmp((int64_t)((const struct row *)a)->at, (int64_t)((const struct row *)b)->at);
}
static int by_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = strcmp(x->name ? x->name : "", y->name ? y->name : "");

	return r ? r : by_created(a, b);
}
static int by_size(const void *a, const void *b)
{
	int r = -cmp(((const struct row *)a)->image->size, ((const struct row *)b)->image->size);

	return r ? r : by_created(a, b);
}
static int by_id(const void *a, const void *b)
{
	int r = strcmp(((const struct row *)a)->image->id, ((const struct row *)b)->image->id);

	return r ? r : by_created(a, b);
}
static const struct {
	const char *key;
	int (*compare)(const void *a, const void *b);
} orders[] = {
	{ "created", by_created },
	{ "name", by_name },
	{ "size", by_size },
	{ "id", by_id },
};

static void print_row(struct table *t, const struct row *r)
{
	const struct image *i = r->image;
	own(str) char *platform = str_fmt("%s/%s%s%s", i->os, i->architecture,
					  i->variant ? "/" : "", i->variant ? i->variant : "");

	table_row(t);
	table_str(t, "name", r->name);
	table_str(t, "id", i->id);
	table_str(t, "digest", i->digest);
	table_str(t, "platform", platform);
	table_int(t, "created", image_created(i));
	table_int(t, "size", i->size);
}

static void add_rows(const struct image *i, const struct image_filter *f, struct row **rows,
		     size_t *n)
{
	if (!image_filter_match(f, i))
		return;
	for (size_t k = 0; k < MAX(i->names.n, (size_t)1); k++) {
		const char *name = i->names.n ? i->names.v[k] : NULL;

		if (name && !image_filter_name(f, name))
			continue;
		*rows = xgrow(*rows, *n, sizeof(**rows));
		(*rows)[*n] = (struct row){ i, name, *n };
		++*n;
	}
}

static int order_of(const char *key, size_t *out, struct err *e)
{
	for (*out = 0; *out < ARRAY_LEN(orders); ++*out)
		if (str_eq(key ? key : "created", orders[*out].key))
			return 0;
	return err_set(e, ERR_USAGE, "--sort: expected created, name, size or id, found \"%.40s\"",
		       key);
}

static int print_all(const struct image_ls_args *a, struct table *t, struct store *s, struct err *e)
{
	own(image_filter) struct image_filter f = { 0 };
	struct image *images = NULL;
	struct row *rows = NULL;
	size_t count = 0, n = 0, order;
	int ret;

	if (order_of(a->sort, &order, e) < 0 || image_filter_parse(s, &a->filter, &f, e) < 0)
		return -1;
	ret = image_list(s, &images, &count, e);
	for (size_t i = 0; i < count; i++)
		add_rows(&images[i], &f, &rows, &n);
	if (n)
		qsort(rows, n, sizeof(*rows), orders[order].compare);
	for (size_t i = 0; i < n; i++)
		print_row(t, &rows[i]);
	for (size_t i = 0; i < count; i++)
		image_free(&images[i]);
	free(images);
	free(rows);
	return ret;
}

int image_ls_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	struct image_ls_args a = *(const struct image_ls_args *)args;
	struct table *t = NULL;
	struct err e;

	(void)operands, (void)n;
	if (a.digests && !a.list.columns)
		a.list.columns = "name,id,digest,created,size";
	if (table_new(ls_columns, &a.list, &t, &e) < 0)
		return cli_error(cli, &e);
	if (print_all(&a, t, &cli->store, &e) < 0) {
		table_free(t);
		return cli_error(cli, &e);
	}
	return table_print(t, &e) < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}
