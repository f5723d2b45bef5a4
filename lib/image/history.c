/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/history.h"

#include "base/json.h"
#include "image/local.h"

#define STEPS_MAX 10000

static char *text(struct json_object *o, const char *key)
{
	const char *s = json_get_str(o, key);

	return xstrdup(s ? s : "");
}

static void add_step(struct history *h, struct json_object *o, size_t *layer)
{
	struct history_step *step;
	struct json_object *empty = json_get(o, "empty_layer", json_type_boolean);

	h->v = xgrow(h->v, h->n, sizeof(*h->v));
	step = &h->v[h->n++];
	*step = (struct history_step){ text(o, "created"), text(o, "created_by"),
				       text(o, "comment"), NULL, 0 };
	if (json_object_get_boolean(empty) || *layer >= h->image.layers.n)
		return;
	step->diff_id = h->image.layers.v[*layer];
	step->size = h->sizes[*layer];
	++*layer;
}

static int read_steps(struct history *h, const char *config, size_t len, struct err *e)
{
	own(json) struct json_object *j = json_parse("configuration", config, len, e);
	struct json_object *list = j ? json_get(j, "history", json_type_array) : NULL;
	size_t layer = 0;

	if (!j)
		return -1;
	for (size_t i = 0; list && i < json_object_array_length(list) && i < STEPS_MAX; i++)
		add_step(h, json_object_array_get_idx(list, i), &layer);
	while (layer < h->image.layers.n)
		add_step(h, NULL, &layer);
	return 0;
}

int history_load(struct store *s, const char *ref, struct history *out, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(manifest) struct manifest m = { 0 };
	own(buf) struct buf config = { 0 };
	own(history) struct history h = { 0 };

	*out = (struct history){ 0 };
	if (image_find(s, ref, &h.image, e) < 0 || layout_open(s, &l, e) < 0 ||
	    local_manifest(&l, h.image.digest, h.image.media_type, &m, e) < 0 ||
	    layout_blob_load(&l, h.image.id, &config, e) < 0)
		return -1;
	h.sizes = xcalloc(m.n + 1, sizeof(*h.sizes));
	for (size_t i = 0; i < m.n; i++) {
		strv_add(&h.blobs, m.entries[i].digest);
		h.sizes[i] = m.entries[i].size;
	}
	if (read_steps(&h, config.s, config.len, e) < 0)
		return err_in(e, "image %.200s", ref);
	*out = h;
	h = (struct history){ 0 };
	return 0;
}

void history_free(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->v[i].created);
		free(h->v[i].created_by);
		free(h->v[i].comment);
	}
	free(h->v);
	free(h->sizes);
	strv_free(&h->blobs);
	image_free(&h->image);
	*h = (struct history){ 0 };
}
