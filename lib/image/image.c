/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/local.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "image/config.h"
#include "image/ref.h"
#include "image/settle.h"
#include "store/journal.h"

#define PREFIX_MIN 4
#define CANDIDATES_MAX 5

int (*image_layers_in_use)(struct store *s, struct strmap *layer_to_user, struct err *e);
int (*image_layers_running)(struct store *s, struct strmap *layer_to_user, struct err *e);

int local_manifest(struct layout *l, const char *digest, const char *media_type,
		   struct manifest *out, struct err *e)
{
	own(buf) struct buf text = { 0 };

	*out = (struct manifest){ 0 };
	if (layout_blob_load(l, digest, &text, e) < 0)
		return -1;
	if (manifest_parse(text.s ? text.s : "", text.len, media_type, out, e) == 0)
		return 0;
	e->kind = ERR_CORRUPT;
	return err_in(e, "blob %s", digest);
}

int local_image(struct layout *l, const struct layout_index *x, const struct layout_entry *en,
		struct image *out, struct err *e)
{
	own(manifest) struct manifest m = { 0 };
	own(buf) struct buf text = { 0 };

	*out = (struct image){ 0 };
	if (local_manifest(l, en->digest, en->media_type, &m, e) < 0)
		return -1;
	if (m.index)
		return err_set(e, ERR_CORRUPT, "%s is an index, not an image", en->digest);
	if (layout_blob_load(l, m.config.digest, &text, e) < 0)
		return -1;
	if (config_parse_for(&m, text.s ? text.s : "", text.len, out, e) < 0) {
		e->kind = ERR_CORRUPT;
		return err_in(e, "blob %s", m.config.digest);
	}
	out->digest = xstrdup(en->digest);
	out->media_type = xstrdup(en->media_type);
	out->size += en->size;
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].name && str_eq(x->v[i].digest, en->digest))
			strv_add(&out->names, x->v[i].name);
	return 0;
}

static struct layout_entry *find_by_name(const struct layout_index *x, const struct ref *ref)
{
	own(str) char *name = ref_format(ref);
	own(str) char *repo = str_fmt("%s/%s", ref->domain, ref->path);
	struct layout_entry *en = layout_index_find(x, name);
	size_t n = strlen(repo);

	if (en || !ref->digest)
		return en;
	/* NAME@DIGEST of something that was pulled by tag: the manifest's digest, or its index's.
	 */
	for (size_t i = 0; i < x->n; i++) {
		en = &x->v[i];
		if (en->name && strncmp(en->name, repo, n) == 0 && strchr(":@", en->name[n]) &&
		    (str_eq(en->digest, ref->digest) || str_eq(en->source, ref->digest)))
			return en;
	}
	return NULL;
}

struct matches {
	struct layout_entry *entry;
	struct strv ids;
};

/* Entries whose image ID begins with hex. An entry that cannot be read matches nothing. */
static void find_by_id(struct layout *l, const struct layout_index *x, const char *hex,
		       struct matches *out)
{
	for (size_t i = 0; i < x->n; i++) {
		own(manifest) struct manifest m = { 0 };
		struct err ignored;

		if (!x->v[i].digest[0] ||
		    local_manifest(l, x->v[i].digest, x->v[i].media_type, &m, &ignored) < 0 ||
		    m.index || !str_starts(digest_hex(m.config.digest), hex))
			continue;
		out->entry = out->entry ? out->entry : &x->v[i];
		if (!strv_has(&out->ids, m.config.digest))
			strv_add(&out->ids, m.config.digest);
	}
}

static int ambiguous(const char *key, const struct strv *ids, struct err *e)
{
	own(buf) struct buf list = { 0 };

	for (size_t i = 0; i < ids->n && i < CANDIDATES_MAX; i++)
		buf_addf(&list, "%s%.19s", i ? ", " : "", ids->v[i]);
	return err_set(e, ERR_USAGE, "image %s: ambiguous, it may be %s%s", key, list.s,
		       ids->n > CANDIDATES_MAX ? ", …" : "");
}

/* The hex digits that key may be the beginning of an ID with; NULL. */
static const char *id_prefix(const char *key)
{
	const char *hex = str_starts(key, "sha256:") ? key + 7 : key;
	size_t n = strlen(hex);

	return n >= PREFIX_MIN && n <= 64 && strspn(hex, "0123456789abcdef") == n ? hex : NULL;
}

struct layout_entry *local_find(struct layout *l, const struct layout_index *x, const char *key,
				bool *by_name, struct err *e)
{
	const char *hex = id_prefix(key);
	bool only_id = hex && (hex != key || strlen(hex) == 64);
	own(ref) struct ref ref = { 0 };
	struct matches found = { 0 };
	own(strv) struct strv ids = { 0 };

	*by_name = false;
	if (!only_id && ref_parse(key, &ref, e) < 0)
		return NULL;
	if (!only_id) {
		found.entry = find_by_name(x, &ref);
		*by_name = found.entry != NULL;
	}
	if (!found.entry && hex) {
		find_by_id(l, x, hex, &found);
		ids = found.ids;
		if (ids.n > 1) {
			ambiguous(key, &ids, e);
			return NULL;
		}
	}
	if (found.entry)
		return found.entry;
	err_set(e, ERR_NOT_FOUND, "image %.200s: no such image here", key);
	if (!only_id)
		err_hint(e, "pull it with 'caddis image pull %.100s'", key);
	return NULL;
}

int image_find(struct store *s, const char *ref, struct image *out, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(layout_index) struct layout_index x = { 0 };
	struct layout_entry *en;
	bool by_name;

	*out = (struct image){ 0 };
	if (layout_open(s, &l, e) < 0 || layout_index_load(&l, &x, e) < 0)
		return -1;
	en = local_find(&l, &x, ref, &by_name, e);
	if (!en)
		return -1;
	return local_image(&l, &x, en, out, e) < 0 ? err_in(e, "image %.200s", ref) : 0;
}

static int64_t created(const struct image *i)
{
	int64_t t = 0;

	return i->created && clock_parse(i->created, &t) == 0 ? t : 0;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = created(a), y = created(b);

	return x != y ? (x < y ? 1 : -1)
		      : strcmp(((const struct image *)a)->id, ((const struct image *)b)->id);
}

/* The first of the entries for one manifest stands for all of them. */
static bool is_first(const struct layout_index *x, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(x->v[k].digest, x->v[i].digest))
			return false;
	return x->v[i].digest[0];
}

int image_list(struct store *s, struct image **out, size_t *n, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(layout_index) struct layout_index x = { 0 };

	*out = NULL;
	*n = 0;
	if (layout_open(s, &l, e) < 0 || layout_index_load(&l, &x, e) < 0)
		return -1;
	*out = xcalloc(x.n + 1, sizeof(**out));
	for (size_t i = 0; i < x.n; i++) {
		struct err ignored; /* one that cannot be read does not hide the others */

		if (is_first(&x, i) && local_image(&l, &x, &x.v[i], &(*out)[*n], &ignored) == 0)
			++*n;
	}
	qsort(*out, *n, sizeof(**out), newest_first);
	return 0;
}

void image_event(struct store *s, const char *event, const char *id, const char *name)
{
	own(buf) struct buf b = { 0 };

	event_begin(&b, EVENT_IMAGE, event, id);
	event_str(&b, "name", name);
	event_end(s, &b);
}

int image_tag(struct store *s, const char *key, const char *name, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(layout_index) struct layout_index x = { 0 };
	own(ref) struct ref ref = { 0 };
	own(str) char *full = NULL, *media_type = NULL;
	own(image) struct image i = { 0 };
	struct layout_entry *en;
	struct layout_naming want;
	struct err ignored;
	char digest[DIGEST_SIZE];
	own(fd) int lock = -1;
	bool by_name;

	if (ref_parse(name, &ref, e) < 0)
		return -1;
	if (ref.digest)
		return err_set(e, ERR_USAGE, "image name %.200s: a digest cannot be given away",
			       name);
	if (layout_open(s, &l, e) < 0)
		return -1;
	lock = settle_and_lock(s, &l, &x, e);
	if (lock < 0)
		return -1;
	en = local_find(&l, &x, key, &by_name, e);
	if (!en)
		return -1;
	/* Copies: the list may move. */
	(void)local_image(&l, &x, en, &i, &ignored);
	full = ref_format(&ref);
	media_type = xstrdup(en->media_type);
	memcpy(digest, en->digest, sizeof(digest));
	want = (struct layout_naming){ full, media_type, digest, NULL, en->size };
	layout_index_set(&x, &want);
	if (layout_index_save(&l, &x, e) < 0)
		return -1;
	image_event(s, "tagged", i.id, full);
	return 0;
}

int image_untag(struct store *s, const char *name, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(layout_index) struct layout_index x = { 0 };
	own(ref) struct ref ref = { 0 };
	own(image) struct image i = { 0 };
	own(str) char *full = NULL;
	struct layout_entry *en;
	struct err ignored;
	own(fd) int lock = -1;

	if (ref_parse(name, &ref, e) < 0 || layout_open(s, &l, e) < 0)
		return -1;
	lock = settle_and_lock(s, &l, &x, e);
	if (lock < 0)
		return -1;
	en = find_by_name(&x, &ref);
	if (!en)
		return err_set(e, ERR_NOT_FOUND, "image name %.200s: no image here has it", name);
	(void)local_image(&l, &x, en, &i, &ignored);
	full = ref_format(&ref);
	layout_index_unname(&x, en);
	if (layout_index_save(&l, &x, e) < 0)
		return -1;
	image_event(s, "untagged", i.id, full);
	return 0;
}

int image_document(struct store *s, const char *key, enum image_document what, struct buf *out,
		   struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(layout_index) struct layout_index x = { 0 };
	own(manifest) struct manifest m = { 0 };
	struct layout_entry *en;
	bool by_name;

	if (layout_open(s, &l, e) < 0 || layout_index_load(&l, &x, e) < 0)
		return -1;
	en = local_find(&l, &x, key, &by_name, e);
	if (!en)
		return -1;
	if (what == IMAGE_MANIFEST)
		return layout_blob_load(&l, en->digest, out, e);
	if (local_manifest(&l, en->digest, en->media_type, &m, e) < 0)
		return -1;
	return layout_blob_load(&l, m.config.digest, out, e);
}
