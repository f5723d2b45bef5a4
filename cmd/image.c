/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.c - caddis image: pull, import, ls, inspect, tag, rm. */
#include "cli.h"

#include <fnmatch.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "image/image.h"
#include "image_import.h"
#include "progress.h"
#include "table.h"

struct pull_args {
	const char *platform, *tls_verify, *cert_dir;
	bool quiet;
};
struct ls_args {
	struct list_args list;
	struct strmap filter;
	bool digests;
};
struct rm_args {
	bool force, ignore;
};

// clang-format off
static const struct opt pull_opts[] = {
	OPT(0, "platform", "OS/ARCH[/VARIANT]", OPT_STR, struct pull_args, platform, "the image for this platform instead of this machine's"),
	OPT(0, "tls-verify", "BOOL", OPT_STR, struct pull_args, tls_verify, "false: trust any certificate of the registry, and plain HTTP", "true|false"),
	OPT(0, "cert-dir", "DIR", OPT_STR, struct pull_args, cert_dir, "directory with ca.crt, client.cert and client.key, or with a directory HOST:PORT that has them", "dir"),
	OPT('q', "quiet", NULL, OPT_BOOL, struct pull_args, quiet, "show no progress"),
	OPT_END,
};
static const struct opt ls_opts[] = {
	LIST_OPTS(struct ls_args),
	OPT(0, "filter", "KEY=VALUE", OPT_MAP, struct ls_args, filter, "show only images with reference=PATTERN (a shell pattern for names)"),
	OPT(0, "digests", NULL, OPT_BOOL, struct ls_args, digests, "show the digests of the manifests too"),
	OPT_END,
};
static const struct opt rm_opts[] = {
	OPT('f', "force", NULL, OPT_BOOL, struct rm_args, force, "remove all names; of an image in use, the names only"),
	OPT(0, "ignore", NULL, OPT_BOOL, struct rm_args, ignore, "an image that is not here is no error"),
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

static int verify_of(const char *text, bool *out)
{
	*out = !str_eq(text, "false");
	return !text || str_eq(text, "true") || str_eq(text, "false") ? 0 : -1;
}

static int pull_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct pull_args *a = args;
	own(progress) struct progress progress = { 0 };
	own(image) struct image image = { 0 };
	struct image_pull_options o = {
		.platform = a->platform,
		.cert_dir = a->cert_dir,
		.quiet = a->quiet,
		.always = true,
		.progress = progress_update,
		.ctx = &progress,
	};
	struct err e;

	(void)n;
	if (verify_of(a->tls_verify, &o.tls_verify) < 0)
		return cli_usage(cli, "--tls-verify: expected true or false, found \"%s\"",
				 a->tls_verify);
	progress_init(&progress);
	if (image_pull(&cli->store, operands[0], &o, &image, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", image.id);
	return cli_done(cli, 0);
}

static int64_t created_of(const struct image *i)
{
	int64_t t = 0;

	return i->created && clock_parse(i->created, &t) == 0 ? t : 0;
}

static void ls_row(struct table *t, const struct image *i, const char *name)
{
	own(str) char *platform = str_fmt("%s/%s%s%s", i->os, i->architecture,
					  i->variant ? "/" : "", i->variant ? i->variant : "");

	table_row(t);
	table_str(t, "name", name);
	table_str(t, "id", i->id);
	table_str(t, "digest", i->digest);
	table_str(t, "platform", platform);
	table_int(t, "created", created_of(i));
	table_int(t, "size", i->size);
}

/* "alpine*" means docker.io/library/alpine* too: what stands before the name's own part may be left
 * out. */
static bool matches(const char *pattern, const char *name)
{
	static const char *const implied[] = { "docker.io/library/", "docker.io/" };

	if (!pattern || fnmatch(pattern, name, 0) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(implied); i++)
		if (str_starts(name, implied[i]) &&
		    fnmatch(pattern, name + strlen(implied[i]), 0) == 0)
			return true;
	return false;
}

static void ls_image(struct table *t, const struct image *i, const char *pattern)
{
	for (size_t k = 0; k < i->names.n; k++)
		if (matches(pattern, i->names.v[k]))
			ls_row(t, i, i->names.v[k]);
	if (i->names.n == 0 && !pattern)
		ls_row(t, i, NULL);
}

static int ls_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	struct ls_args a = *(const struct ls_args *)args;
	const char *pattern = strmap_get(&a.filter, "reference");
	struct image *images = NULL;
	struct table *t = NULL;
	size_t count = 0;
	struct err e;
	int ret;

	(void)operands, (void)n;
	if (a.filter.n > (pattern ? 1 : 0))
		return cli_usage(cli, "--filter: only reference=PATTERN is known");
	if (a.digests && !a.list.columns)
		a.list.columns = "name,id,digest,created,size";
	if (table_new(ls_columns, &a.list, &t, &e) < 0)
		return cli_error(cli, &e);
	ret = image_list(&cli->store, &images, &count, &e);
	for (size_t i = 0; i < count; i++) {
		ls_image(t, &images[i], pattern);
		image_free(&images[i]);
	}
	free(images);
	if (ret < 0) {
		table_free(t);
		return cli_error(cli, &e);
	}
	return table_print(t, &e) < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}

static struct json_object *strings(const struct strv *l)
{
	struct json_object *j = json_object_new_array();

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(j, json_object_new_string(l->v[i]));
	return j;
}

static struct json_object *string_map(const struct strmap *m)
{
	struct json_object *j = json_object_new_object();

	for (size_t i = 0; i < m->n; i++)
		json_object_object_add(j, m->v[i].key, json_object_new_string(m->v[i].value));
	return j;
}

static void add_str(struct json_object *o, const char *key, const char *value)
{
	if (value)
		json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *config_json(const struct image *i)
{
	struct json_object *c = json_object_new_object();

	json_object_object_add(c, "entrypoint", strings(&i->entrypoint));
	json_object_object_add(c, "cmd", strings(&i->cmd));
	json_object_object_add(c, "env", strings(&i->env));
	json_object_object_add(c, "volumes", strings(&i->volumes));
	json_object_object_add(c, "labels", string_map(&i->labels));
	add_str(c, "user", i->user);
	add_str(c, "working_dir", i->working_dir);
	add_str(c, "stop_signal", i->stop_signal);
	return c;
}

static struct json_object *image_json(const struct image *i)
{
	struct json_object *j = json_object_new_object();

	add_str(j, "id", i->id);
	add_str(j, "digest", i->digest);
	json_object_object_add(j, "names", strings(&i->names));
	add_str(j, "created", i->created);
	add_str(j, "os", i->os);
	add_str(j, "architecture", i->architecture);
	add_str(j, "variant", i->variant);
	json_object_object_add(j, "size", json_object_new_int64(i->size));
	json_object_object_add(j, "config", config_json(i));
	json_object_object_add(j, "layers", strings(&i->layers));
	return j;
}

/* A list of those that were found. */
static int inspect_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(json) struct json_object *list = json_object_new_array();
	own(buf) struct buf text = { 0 };
	int status = 0;

	(void)args;
	for (size_t i = 0; i < n; i++) {
		own(image) struct image image = { 0 };
		struct err e;

		if (image_find(&cli->store, operands[i], &image, &e) < 0)
			status = cli_error(cli, &e);
		else
			json_object_array_add(list, image_json(&image));
	}
	if (json_object_array_length(list) || n > 1) {
		json_print_pretty(list, &text);
		printf("%s\n", text.s);
	}
	return cli_done(cli, status);
}

static int rm_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct rm_args *a = args;
	own(image_removed) struct image_removed removed = { 0 };

	if (image_remove(&cli->store, operand, a->force, &removed, e) < 0)
		return a->ignore && e->kind == ERR_NOT_FOUND ? 0 : -1;
	for (size_t i = 0; i < removed.untagged.n; i++)
		printf("untagged: %s\n", removed.untagged.v[i]);
	if (removed.deleted)
		printf("deleted: %s\n", removed.deleted);
	return 0;
}

static int rm_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, rm_one, args);
}

static int tag_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	int status = 0;

	(void)args;
	for (size_t i = 1; i < n; i++) {
		struct err e;

		if (image_tag(&cli->store, operands[0], operands[i], &e) < 0)
			status = cli_error(cli, &e);
	}
	return cli_done(cli, status);
}

// clang-format off
static const struct command image_commands[] = {
	{ "ls", "", "list images", ls_run, ls_opts, sizeof(struct ls_args), NEED_STORE, 0, 0, NULL },
	{ "inspect", "IMAGE...", "show images as JSON", inspect_run, NULL, 0, NEED_STORE, 1, 0, "image" },
	{ "pull", "IMAGE", "get an image from a registry", pull_run, pull_opts, sizeof(struct pull_args), NEED_STORE, 1, 1, NULL },
	{ "import", "SOURCE NAME", "make an image of a directory or tar file", image_import_run, image_import_opts, sizeof(struct image_import_args), NEED_STORE, 2, 2, "file" },
	{ "rm", "IMAGE...", "remove images", rm_run, rm_opts, sizeof(struct rm_args), NEED_STORE, 1, 0, "image" },
	{ "tag", "IMAGE NAME...", "give an image more names", tag_run, NULL, 0, NEED_STORE, 2, 0, "image" },
	{ NULL },
};
// clang-format on
const struct command_group image_group = { "image", "images: pull, import, list, remove",
					   image_commands };
