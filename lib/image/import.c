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
#include "image/local.h"
#include "image/manifest.h"
#include "image/new_layer.h"
#include "image/pack.h"
#include "image/ref.h"

#define CHUNK (1 << 20)

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
static int look_at(struct new_layer *i, const void *p, size_t n, struct err *e)
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

static int read_stream(struct new_layer *i, int fd, struct err *e)
{
	own(str) char *chunk = xmalloc(CHUNK);
	ssize_t n = read_full(fd, chunk, CHUNK);

	if (n >= 0 && look_at(i, chunk, (size_t)n, e) < 0)
		return -1;
	for (; n > 0; n = read_full(fd, chunk, CHUNK)) {
		if (new_layer_take(i, chunk, (size_t)n, e) < 0)
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

static int read_source(struct new_layer *i, const char *source, struct err *e)
{
	const struct pack_options pack = { .skip = i->store->root, .layer = true };
	struct stat st;
	own(fd) int fd = open_source(source, &st, e);
	int r;

	if (fd < 0)
		return -1;
	r = S_ISDIR(st.st_mode) ? pack_tree(fd, &pack, new_layer_take, i, e)
				: read_stream(i, fd, e);
	if (r < 0 || new_layer_finish(i, e) < 0)
		return err_in(e, "%s", strcmp(source, "-") == 0 ? "standard input" : source);
	return 0;
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

static struct json_object *image_config(const struct new_layer *i,
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

static int commit(struct new_layer *i, const char *name, const struct image_import_options *o,
		  const struct platform *platform, struct err *e)
{
	own(json) struct json_object *config = image_config(i, o, platform);
	const struct new_image image = { .name = name, .config = config };
	char id[DIGEST_SIZE];

	return new_image_commit(i, &image, id, e);
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
	struct new_layer *layer;
	const char *source, *name;
	const struct image_import_options *o;
	struct platform platform;
};

static int store_all(void *ctx, struct err *e)
{
	struct request *r = ctx;
	struct new_layer *i = r->layer;

	if (read_source(i, r->source, e) < 0 || new_layer_publish(i, e) < 0)
		return -1;
	return commit(i, r->name, r->o, &r->platform, e);
}

int image_import(struct store *s, const char *source, const char *name,
		 const struct image_import_options *o, struct image *out, struct err *e)
{
	own(new_layer) struct new_layer i = NEW_LAYER_NONE;
	own(ref) struct ref ref = { 0 };
	own(str) char *full = NULL;
	struct request r = { &i, source, NULL, o, { { 0 }, { 0 }, { 0 } } };

	if (ref_parse(name, &ref, e) < 0)
		return -1;
	if (ref.digest)
		return err_set(e, ERR_USAGE, "%s: a name for an image has no digest", name);
	full = ref_format(&ref);
	if (check_options(o, e) < 0 || platform_parse(o->platform, &r.platform, e) < 0)
		return -1;
	/* What this machine's CPU can do says nothing about what the image needs. */
	if (!o->platform && str_eq(r.platform.arch, "amd64"))
		r.platform.variant[0] = '\0';
	r.name = full;
	if (new_layer_begin(s, o->limits, &i, e) < 0 ||
	    gc_guard(s, &i.layout, store_all, &r, NULL, e) < 0)
		return -1;
	if (image_find(s, full, out, e) < 0)
		return -1;
	image_event(s, "imported", out->id, full);
	return 0;
}
