/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/import.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/proc.h"
#include "image/documents.h"
#include "image/gc.h"
#include "image/layer.h"
#include "image/layout.h"
#include "image/local.h"
#include "image/manifest.h"
#include "image/pack.h"
#include "image/ref.h"

#define CHUNK (1 << 20)

/* One pass: what is read becomes the blob as it is, and the layer. */
struct import {
	struct store *store;
	struct layout layout;
	struct staging staging;
	int blob, tree;
	struct digest *digest;
	struct layer_writer *writer;
	char blob_digest[DIGEST_SIZE], diff_id[DIGEST_SIZE];
	int64_t blob_size;
	enum layer_compression form;
};
// clang-format off
#define IMPORT_NONE { .layout = LAYOUT_NONE, .staging = STAGING_NONE, .blob = -1, .tree = -1 }
// clang-format on

static void import_release(struct import *i)
{
	layer_writer_close(i->writer); /* before its tree goes */
	digest_free(i->digest);
	if (i->blob >= 0)
		close(i->blob);
	if (i->tree >= 0)
		close(i->tree);
	if (i->staging.dir >= 0)
		staging_drop(i->store, &i->staging);
	staging_close(&i->staging);
	layout_close(&i->layout);
	*i = (struct import)IMPORT_NONE;
}
OWNED_STRUCT(import, struct import, import_release)

static int begin(struct import *i, const struct layer_limits *given, struct err *e)
{
	struct layer_limits limits = given ? *given : layer_limits_default;

	limits.need_end = true; /* no digest tells a file that was cut */
	if (layout_open_writer(i->store, &i->layout, e) < 0 ||
	    staging_new(i->store, &i->staging, e) < 0 || digest_new(&i->digest, e) < 0)
		return -1;
	i->blob = openat(i->staging.dir, "blob", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (i->blob < 0 || mkdirat(i->staging.dir, "tree", 0700) < 0)
		return err_sys(e, "prepare the import");
	i->tree = openat(i->staging.dir, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (i->tree < 0)
		return err_sys(e, "prepare the import");
	return layer_writer_open_limits(i->tree, LAYER_TAR, &limits, &i->writer, e);
}

// clang-format off
static const struct {
	const char *magic;
	size_t n;
	enum layer_compression form;
	const char *tool; /* what would make it readable */
} magics[] = {
	{ "\x1f\x8b", 2, LAYER_GZIP, NULL },
	{ "\x28\xb5\x2f\xfd", 4, LAYER_ZSTD, NULL },
	{ "\3757zXZ", 5, LAYER_TAR, "xz" },
	{ "BZh", 3, LAYER_TAR, "bzip2" },
	{ "LZIP", 4, LAYER_TAR, "lzip" },
};
// clang-format on

/* The layer writer finds the form out, too; here it names the media type, and the way out. */
static int look_at(struct import *i, const void *p, size_t n, struct err *e)
{
	if (n == 0)
		return err_set(e, ERR_USAGE, "it is empty");
	for (size_t m = 0; m < ARRAY_LEN(magics); m++) {
		if (n < magics[m].n || memcmp(p, magics[m].magic, magics[m].n) != 0)
			continue;
		i->form = magics[m].form;
		if (!magics[m].tool)
			return 0;
		err_set(e, ERR_USAGE, "%s compression is not supported", magics[m].tool);
		return err_hint(e, "decompress it first: %s -dc FILE | caddis image import - NAME",
				magics[m].tool);
	}
	return 0;
}

/* pack_sink, too. */
static int take(void *ctx, const void *p, size_t n, struct err *e)
{
	struct import *i = ctx;

	if (layer_writer_push(i->writer, p, n, e) < 0)
		return -1;
	digest_update(i->digest, p, n);
	i->blob_size += (int64_t)n;
	if (write_all(i->blob, p, n) < 0)
		return err_sys(e, "store the layer");
	return 0;
}

static int read_stream(struct import *i, int fd, struct err *e)
{
	own(str) char *chunk = xmalloc(CHUNK);
	ssize_t n = read_full(fd, chunk, CHUNK);

	if (n >= 0 && look_at(i, chunk, (size_t)n, e) < 0)
		return -1;
	for (; n > 0; n = read_full(fd, chunk, CHUNK)) {
		if (take(i, chunk, (size_t)n, e) < 0)
			return -1;
	}
	return n < 0 ? err_sys(e, "read") : 0;
}

static int open_source(const char *source, struct stat *st, struct err *e)
{
	bool in = strcmp(source, "-") == 0;
	int fd = in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
		    : open(source, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || fstat(fd, st) < 0) {
		err_sys(e, "%s", in ? "standard input" : source);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) || S_ISREG(st->st_mode) ||
	    (!in && S_ISDIR(st->st_mode)))
		return fd;
	close(fd);
	return err_set(e, ERR_USAGE, "%s: not a tar archive%s", in ? "standard input" : source,
		       in ? "" : " or a directory");
}

static int read_source(struct import *i, const char *source, struct err *e)
{
	const struct pack_options pack = { .skip = i->store->root, .layer = true };
	struct stat st;
	own(fd) int fd = open_source(source, &st, e);
	int r;

	if (fd < 0)
		return -1;
	r = S_ISDIR(st.st_mode) ? pack_tree(fd, &pack, take, i, e) : read_stream(i, fd, e);
	if (r < 0 || layer_writer_finish(i->writer, i->diff_id, NULL, e) < 0)
		return err_in(e, "%s", strcmp(source, "-") == 0 ? "standard input" : source);
	digest_final(i->digest, i->blob_digest);
	return 0;
}

static int publish_layer(struct import *i, struct err *e)
{
	if (layout_blob_take(&i->layout, i->staging.dir, "blob", i->blob_digest, e) < 0)
		return -1;
	return layout_layer_publish(i->store, &i->layout, &i->staging, i->diff_id,
				    layer_writer_implicit(i->writer), e);
}

/* --- documents --- */

static void add_list(struct json_object *to, const char *key, const struct strv *list)
{
	struct json_object *array;

	if (list->n == 0)
		return;
	array = json_object_new_array();
	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(array, json_object_new_string(list->v[i]));
	json_object_object_add(to, key, array);
}

static struct json_object *runtime_config(const struct image_import_options *o)
{
	struct json_object *c = json_object_new_object();

	document_add_text(c, "User", o->user);
	add_list(c, "Env", &o->env);
	add_list(c, "Entrypoint", &o->entrypoint);
	add_list(c, "Cmd", &o->cmd);
	document_add_text(c, "WorkingDir", o->working_dir);
	document_add_text(c, "StopSignal", o->stop_signal);
	if (o->labels.n) {
		struct json_object *labels = json_object_new_object();

		for (size_t i = 0; i < o->labels.n; i++)
			json_object_object_add(labels, o->labels.v[i].key,
					       json_object_new_string(o->labels.v[i].value));
		json_object_object_add(c, "Labels", labels);
	}
	return c;
}

static struct json_object *image_config(const struct import *i,
					const struct image_import_options *o,
					const struct platform *platform)
{
	struct json_object *c = json_object_new_object(), *rootfs = json_object_new_object();
	struct json_object *history = json_object_new_array(), *step = json_object_new_object();
	struct json_object *ids = json_object_new_array();
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_now(), now);
	document_add_text(c, "created", now);
	document_add_text(c, "architecture", platform->arch);
	document_add_text(c, "variant", platform->variant);
	document_add_text(c, "os", platform->os);
	json_object_object_add(c, "config", runtime_config(o));
	json_object_array_add(ids, json_object_new_string(i->diff_id));
	document_add_text(rootfs, "type", "layers");
	json_object_object_add(rootfs, "diff_ids", ids);
	json_object_object_add(c, "rootfs", rootfs);
	document_add_text(step, "created", now);
	document_add_text(step, "created_by", "caddis image import");
	json_object_array_add(history, step);
	json_object_object_add(c, "history", history);
	return c;
}

static int commit(struct import *i, const char *name, const struct image_import_options *o,
		  const struct platform *platform, struct err *e)
{
	own(json) struct json_object *config = image_config(i, o, platform), *m = NULL;
	own(buf) struct buf config_text = { 0 }, text = { 0 };
	own(strv) struct strv diff_ids = { 0 };
	char config_digest[DIGEST_SIZE], digest[DIGEST_SIZE];
	struct descriptor layer = { .size = i->blob_size, .compression = i->form };
	struct layout_naming want;

	json_print(config, &config_text);
	if (layout_blob_add(&i->layout, config_text.s, config_text.len, config_digest, e) < 0)
		return -1;
	memcpy(layer.digest, i->blob_digest, DIGEST_SIZE);
	m = document_manifest(config_digest, (int64_t)config_text.len, &layer, 1);
	json_print(m, &text);
	if (layout_blob_add(&i->layout, text.s, text.len, digest, e) < 0)
		return -1;
	strv_add(&diff_ids, i->diff_id);
	want = (struct layout_naming){ name, MEDIA_OCI_MANIFEST, digest, NULL, (int64_t)text.len };
	return layout_commit(i->store, &i->layout, &want, &diff_ids, e);
}

static int check_options(const struct image_import_options *o, struct err *e)
{
	for (size_t i = 0; i < o->env.n; i++) {
		const char *eq = strchr(o->env.v[i], '=');

		if (!eq || eq == o->env.v[i])
			return err_set(e, ERR_USAGE, "environment \"%.100s\": not NAME=VALUE",
				       o->env.v[i]);
	}
	if (str_some(o->working_dir) && o->working_dir[0] != '/')
		return err_set(e, ERR_USAGE, "working directory \"%.100s\": not an absolute path",
			       o->working_dir);
	if (str_some(o->stop_signal) && signal_parse(o->stop_signal) < 0)
		return err_set(e, ERR_USAGE, "stop signal \"%.100s\": there is none such",
			       o->stop_signal);
	return 0;
}

/* What one import is asked for. */
struct request {
	struct import *import;
	const char *source, *name;
	const struct image_import_options *o;
	struct platform platform;
};

static int store_all(void *ctx, struct err *e)
{
	struct request *r = ctx;
	struct import *i = r->import;

	if (read_source(i, r->source, e) < 0 || publish_layer(i, e) < 0)
		return -1;
	return commit(i, r->name, r->o, &r->platform, e);
}

int image_import(struct store *s, const char *source, const char *name,
		 const struct image_import_options *o, struct image *out, struct err *e)
{
	own(import) struct import i = IMPORT_NONE;
	own(ref) struct ref ref = { 0 };
	own(str) char *full = NULL;
	struct request r = { &i, source, NULL, o, { { 0 }, { 0 }, { 0 } } };

	if (ref_parse(name, &ref, e) < 0)
		return -1;
	if (ref.digest)
		return err_set(e, ERR_USAGE, "%s: a name for an image has no digest", name);
	full = ref_format(&ref);
	i.store = s;
	if (check_options(o, e) < 0 || platform_parse(o->platform, &r.platform, e) < 0)
		return -1;
	/* What this machine's CPU can do says nothing about what the image needs. */
	if (!o->platform && str_eq(r.platform.arch, "amd64"))
		r.platform.variant[0] = '\0';
	r.name = full;
	if (begin(&i, o->limits, e) < 0 || gc_guard(s, &i.layout, store_all, &r, NULL, e) < 0)
		return -1;
	if (image_find(s, full, out, e) < 0)
		return -1;
	image_event(s, "imported", out->id, full);
	return 0;
}
