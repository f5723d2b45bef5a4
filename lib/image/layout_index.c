/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layout.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "image/manifest.h"

#define REF_NAME "org.opencontainers.image.ref.name"
#define SOURCE "io.caddis.source"

static void entry_free(struct layout_entry *en)
{
	free(en->name);
	free(en->media_type);
	json_object_put(en->json);
	*en = (struct layout_entry){ 0 };
}

void layout_index_free(struct layout_index *x)
{
	for (size_t i = 0; i < x->n; i++)
		entry_free(&x->v[i]);
	free(x->v);
	*x = (struct layout_index){ 0 };
}

static void set_digest(char dst[DIGEST_SIZE], const char *s)
{
	if (s && digest_valid(s))
		memcpy(dst, s, DIGEST_SIZE);
	else
		dst[0] = '\0';
}

static struct layout_entry *entry_new(struct layout_index *x)
{
	x->v = xreallocarray(x->v, x->n + 1, sizeof(*x->v));
	x->v[x->n] = (struct layout_entry){ 0 };
	return &x->v[x->n++];
}

/* An entry that we do not understand keeps an empty digest: nobody uses it, and it is not lost. */
static void entry_read(struct layout_index *x, struct json_object *j)
{
	struct layout_entry *en = entry_new(x);
	struct json_object *notes = json_get(j, "annotations", json_type_object);
	struct json_object *size = json_get(j, "size", json_type_int);

	en->json = json_object_get(j);
	en->name = notes ? xstrdup(json_get_str(notes, REF_NAME)) : NULL;
	en->media_type = xstrdup(json_get_str(j, "mediaType"));
	en->size = size ? json_object_get_int64(size) : 0;
	set_digest(en->digest, json_get_str(j, "digest"));
	set_digest(en->source, notes ? json_get_str(notes, SOURCE) : NULL);
	if (!en->source[0])
		memcpy(en->source, en->digest, DIGEST_SIZE);
}

/* 1: there is no such file. */
static int load(struct layout *l, const char *file, struct layout_index *out, struct err *e)
{
	own(json) struct json_object *root = json_load(l->images, file, e);
	struct json_object *list;

	*out = (struct layout_index){ 0 };
	if (!root && e->sys == ENOENT)
		return 1;
	if (!root)
		return err_in(e, "image store");
	list = json_get(root, "manifests", json_type_array);
	if (!list)
		return err_set(e, ERR_CORRUPT, "image store: %s has no list of manifests", file);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		entry_read(out, json_object_array_get_idx(list, i));
	return 0;
}

int layout_index_load_synced(struct layout *l, struct layout_index *out, struct err *e)
{
	return load(l, "index.json", out, e) < 0 ? -1 : 0;
}

int layout_index_load(struct layout *l, struct layout_index *out, struct err *e)
{
	char name[LAYOUT_UNSYNCED_SIZE];
	int r = layout_unsynced_name(name, e) ? load(l, name, out, e) : -1;

	return r > 0 ? layout_index_load_synced(l, out, e) : r;
}

const char *layout_unsynced_name(char name[LAYOUT_UNSYNCED_SIZE], struct err *e)
{
	const char *boot = proc_boot_id(e);

	if (!boot)
		return NULL;
	snprintf(name, LAYOUT_UNSYNCED_SIZE, "index.%s.json", boot);
	return name;
}

static void set_or_del(struct json_object *o, const char *key, const char *value)
{
	if (str_some(value))
		json_object_object_add(o, key, json_object_new_string(value));
	else
		json_object_object_del(o, key);
}

static struct json_object *entry_write(const struct layout_entry *en)
{
	struct json_object *j = json_object_get(en->json), *notes;

	if (!json_object_is_type(j, json_type_object))
		return j;
	notes = json_get(j, "annotations", json_type_object);
	if (!notes) {
		notes = json_object_new_object();
		json_object_object_add(j, "annotations", notes);
	}
	set_or_del(notes, REF_NAME, en->name);
	set_or_del(notes, SOURCE, str_eq(en->source, en->digest) ? NULL : en->source);
	if (json_object_object_length(notes) == 0)
		json_object_object_del(j, "annotations");
	return j;
}

static int save(struct layout *l, const struct layout_index *x, const char *file,
		enum file_sync sync, struct err *e)
{
	own(json) struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();
	own(buf) struct buf text = { 0 };

	json_object_object_add(root, "schemaVersion", json_object_new_int(2));
	json_object_object_add(root, "mediaType", json_object_new_string(MEDIA_OCI_INDEX));
	json_object_object_add(root, "manifests", list);
	for (size_t i = 0; i < x->n; i++)
		json_object_array_add(list, entry_write(&x->v[i]));
	json_print(root, &text);
	if (file_replace(l->images, file, text.s, text.len, sync, e) < 0)
		return err_in(e, "image store");
	return 0;
}

int layout_index_save(struct layout *l, const struct layout_index *x, struct err *e)
{
	return save(l, x, "index.json", FILE_SYNC, e);
}

int layout_index_save_unsynced(struct layout *l, const struct layout_index *x, struct err *e)
{
	char name[LAYOUT_UNSYNCED_SIZE];

	return layout_unsynced_name(name, e) ? save(l, x, name, FILE_NOSYNC, e) : -1;
}

struct layout_entry *layout_index_find(const struct layout_index *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].digest[0] && str_eq(x->v[i].name, name))
			return &x->v[i];
	return NULL;
}

void layout_index_remove(struct layout_index *x, size_t i)
{
	entry_free(&x->v[i]);
	x->n--;
	memmove(&x->v[i], &x->v[i + 1], (x->n - i) * sizeof(*x->v));
}

/* True when another entry stands for the same manifest. */
static bool has_other(const struct layout_index *x, const struct layout_entry *en)
{
	for (size_t i = 0; i < x->n; i++)
		if (&x->v[i] != en && str_eq(x->v[i].digest, en->digest))
			return true;
	return false;
}

void layout_index_unname(struct layout_index *x, struct layout_entry *en)
{
	if (has_other(x, en))
		layout_index_remove(x, (size_t)(en - x->v));
	else
		str_set(&en->name, NULL);
}

/* An entry for the manifest that has no name yet, or a new one. */
static struct layout_entry *entry_for(struct layout_index *x, const struct layout_naming *want)
{
	struct layout_entry *en;

	for (size_t i = 0; i < x->n; i++)
		if (!x->v[i].name && str_eq(x->v[i].digest, want->digest))
			return &x->v[i];
	en = entry_new(x);
	en->media_type = xstrdup(want->media_type);
	en->size = want->size;
	set_digest(en->digest, want->digest);
	en->json = json_object_new_object();
	json_object_object_add(en->json, "mediaType", json_object_new_string(want->media_type));
	json_object_object_add(en->json, "digest", json_object_new_string(want->digest));
	json_object_object_add(en->json, "size", json_object_new_int64(want->size));
	return en;
}

void layout_index_set(struct layout_index *x, const struct layout_naming *want)
{
	struct layout_entry *en = want->name ? layout_index_find(x, want->name) : NULL;

	for (size_t i = 0; !want->name && i < x->n; i++)
		if (str_eq(x->v[i].digest, want->digest))
			return;
	if (en && !str_eq(en->digest, want->digest)) {
		layout_index_unname(x, en);
		en = NULL;
	}
	if (!en)
		en = entry_for(x, want);
	if (want->name)
		str_set(&en->name, want->name);
	set_digest(en->source, want->source ? want->source : want->digest);
}
