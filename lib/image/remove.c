/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/image.h"

#include "image/gc.h"
#include "image/local.h"
#include "image/settle.h"

void image_removed_free(struct image_removed *r)
{
	strv_free(&r->untagged);
	free(r->deleted);
	r->deleted = NULL;
}

/* Who uses the image, for the message; NULL: nobody. */
static char *user_of(struct store *s, const struct image *i, struct err *e, int *ret)
{
	own(strmap) struct strmap users = { 0 };

	*ret = 0;
	if (image_layers_in_use && image_layers_in_use(s, &users, e) < 0) {
		*ret = -1;
		return NULL;
	}
	return xstrdup(strmap_get(&users, i->id));
}

static void remove_entries(struct layout_index *x, const struct image *i, struct image_removed *out)
{
	for (size_t k = x->n; k-- > 0;) {
		if (!str_eq(x->v[k].digest, i->digest))
			continue;
		if (x->v[k].name)
			strv_add(&out->untagged, x->v[k].name);
		layout_index_remove(x, k);
	}
	out->deleted = xstrdup(i->id);
}

/* The image stays, because a container needs it, but without its names. */
static void unname_all(struct layout_index *x, const struct image *i, struct image_removed *out)
{
	for (size_t k = x->n; k-- > 0;) {
		if (!x->v[k].name || !str_eq(x->v[k].digest, i->digest))
			continue;
		strv_add(&out->untagged, x->v[k].name);
		layout_index_unname(x, &x->v[k]);
	}
}

struct removal {
	const char *key; /* as the user named it */
	struct layout_index *x;
	struct layout_entry *en; /* in x, what key stands for */
	bool by_name, force;
	struct image image;
};

static int decide(struct store *s, struct removal *r, struct image_removed *out, struct err *e)
{
	const struct image *i = &r->image;
	own(str) char *user = NULL;
	int ret;

	if (r->by_name && i->names.n > 1) {
		strv_add(&out->untagged, r->en->name);
		layout_index_unname(r->x, r->en);
		return 0;
	}
	if (!r->by_name && i->names.n > 1 && !r->force)
		return err_set(
			e, ERR_STATE,
			"image %.80s: it has %zu names, %.100s among them; remove it by name, "
			"or with -f",
			r->key, i->names.n, i->names.v[0]);
	user = user_of(s, i, e, &ret);
	if (ret < 0)
		return -1;
	if (user && !r->force)
		return err_set(e, ERR_STATE,
			       "image %.200s: in use by %.80s; remove that first, or only the name "
			       "with -f",
			       r->key, user);
	if (user)
		unname_all(r->x, i, out);
	else
		remove_entries(r->x, i, out);
	return 0;
}

static int remove_locked(struct store *s, struct layout *l, struct removal *r,
			 struct image_removed *out, struct err *e)
{
	r->en = local_find(l, r->x, r->key, &r->by_name, e);
	if (!r->en)
		return -1;
	if (local_image(l, r->x, r->en, &r->image, e) < 0) {
		/* It cannot be used; then it can be removed by its name. */
		r->image.digest = xstrdup(r->en->digest);
		r->image.id = xstrdup(r->en->digest);
	}
	if (decide(s, r, out, e) < 0 || layout_index_save(l, r->x, e) < 0)
		return -1;
	for (size_t i = 0; i < out->untagged.n; i++)
		image_event(s, "untagged", r->image.id, out->untagged.v[i]);
	if (out->deleted)
		image_event(s, "removed", out->deleted, NULL);
	return 0;
}

int image_remove(struct store *s, const char *ref, bool force, struct image_removed *out,
		 struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(layout_index) struct layout_index x = { 0 };
	struct removal r = { .key = ref, .x = &x, .force = force };
	own(fd) int lock = -1;
	int ret;

	*out = (struct image_removed){ 0 };
	if (layout_open(s, &l, e) < 0)
		return -1;
	lock = settle_and_lock(s, &l, &x, e);
	if (lock < 0)
		return -1;
	ret = remove_locked(s, &l, &r, out, e);
	image_free(&r.image);
	if (ret < 0)
		return -1;
	return out->deleted ? gc_locked(s, &l, &lock, e) : 0;
}
