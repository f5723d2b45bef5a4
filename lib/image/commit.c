/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/commit.h"

#include "base/clock.h"
#include "base/json.h"
#include "image/change.h"
#include "image/documents.h"
#include "image/gc.h"
#include "image/local.h"
#include "image/new_layer.h"
#include "image/ref.h"

struct work {
	const struct image_commit *c;
	struct new_layer *layer;
	struct image image; /* below */
	struct manifest manifest;
	struct json_object *config;
	char *name, *id;
};

static void work_release(struct work *w)
{
	image_free(&w->image);
	manifest_free(&w->manifest);
	json_object_put(w->config);
	free(w->name);
}
OWNED_STRUCT(work, struct work, work_release)

static struct json_object *make(struct json_object *in, const char *key, enum json_type type)
{
	struct json_object *o = json_get(in, key, type);

	if (o)
		return o;
	o = type == json_type_array ? json_object_new_array() : json_object_new_object();
	json_object_object_add(in, key, o);
	return o;
}

/* Each layer has a step, or readers would take ours for that of a layer below. */
static void fill_history(struct json_object *history, size_t layers)
{
	size_t have = 0;

	for (size_t i = 0; i < json_object_array_length(history); i++)
		have += !json_object_get_boolean(json_get(json_object_array_get_idx(history, i),
							  "empty_layer", json_type_boolean));
	for (; have < layers; have++)
		json_object_array_add(history, json_object_new_object());
}

/* Everything that the configuration below says stays, but for what was true of that image only. */
static int make_config(struct work *w, struct err *e)
{
	static const char *const stale[] = { "container", "container_config", "docker_version",
					     "id",	  "parent",	      "comment" };
	struct json_object *runtime = make(w->config, "config", json_type_object);

	for (size_t i = 0; i < ARRAY_LEN(stale); i++)
		json_object_object_del(w->config, stale[i]);
	for (size_t i = 0; i < w->c->changes.n; i++)
		if (image_change(runtime, w->c->changes.v[i], w->c->docker, e) < 0)
			return -1;
	document_add_text(w->config, "author", w->c->author);
	if (w->c->docker)
		document_add_text(w->config, "comment", w->c->message);
	return 0;
}

static void add_layer(struct work *w)
{
	struct json_object *rootfs = make(w->config, "rootfs", json_type_object);
	struct json_object *history = make(w->config, "history", json_type_array);
	struct json_object *step = json_object_new_object();
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_now(), now);
	json_object_object_add(w->config, "created", json_object_new_string(now));
	json_object_array_add(make(rootfs, "diff_ids", json_type_array),
			      json_object_new_string(w->layer->diff_id));
	fill_history(history, w->image.layers.n);
	document_add_text(step, "created", now);
	document_add_text(step, "created_by", w->c->created_by);
	document_add_text(step, "author", w->c->author);
	document_add_text(step, "comment", w->c->message);
	json_object_array_add(history, step);
}

static int store_all(void *ctx, struct err *e)
{
	struct work *w = ctx;
	const struct new_image image = {
		.name = w->name,
		.config = w->config,
		.below = w->manifest.entries,
		.n = w->manifest.n,
		.below_ids = &w->image.layers,
		.docker = w->c->docker,
	};

	if (w->c->layer(w->c->ctx, new_layer_take, w->layer, e) < 0 ||
	    new_layer_finish(w->layer, e) < 0 || new_layer_publish(w->layer, e) < 0)
		return -1;
	add_layer(w);
	return new_image_commit(w->layer, &image, w->id, e);
}

static int check_name(struct work *w, struct err *e)
{
	own(ref) struct ref ref = { 0 };

	if (!w->c->name)
		return 0;
	if (ref_parse(w->c->name, &ref, e) < 0)
		return -1;
	if (ref.digest)
		return err_set(e, ERR_USAGE, "%s: a name for an image has no digest", w->c->name);
	w->name = ref_format(&ref);
	return 0;
}

static int load_base(struct store *s, struct work *w, struct err *e)
{
	struct layout *l = &w->layer->layout;
	own(buf) struct buf text = { 0 };

	if (image_find(s, w->c->base, &w->image, e) < 0 ||
	    local_manifest(l, w->image.digest, w->image.media_type, &w->manifest, e) < 0 ||
	    layout_blob_load(l, w->image.id, &text, e) < 0)
		return -1;
	w->config = json_parse("configuration", text.s, text.len, e);
	if (!w->config)
		return -1;
	for (size_t i = 0; i < w->manifest.n && w->c->docker; i++)
		if (w->manifest.entries[i].compression == LAYER_ZSTD)
			return err_set(e, ERR_USAGE,
				       "Docker's format has no layers with zstd, as its image has");
	return make_config(w, e);
}

int image_commit(struct store *s, const struct image_commit *c, char id[DIGEST_SIZE], struct err *e)
{
	own(new_layer) struct new_layer layer = NEW_LAYER_NONE;
	own(work) struct work w = { .c = c, .layer = &layer, .id = id };

	if (check_name(&w, e) < 0 || new_layer_begin(s, NULL, &layer, e) < 0 ||
	    load_base(s, &w, e) < 0 || gc_guard(s, &layer.layout, store_all, &w, NULL, e) < 0)
		return -1;
	image_event(s, "committed", id, w.name);
	return 0;
}
