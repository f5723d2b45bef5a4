/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/gc.h"
#include "image/local.h"
#include "image/settle.h"
#include "image/usage.h"

static bool spared(const struct image_prune_options *o, const struct strmap *users,
		   const struct image *i)
{
	return strmap_get(users, i->id) || (!o->all && i->names.n > 0) ||
	       (o->keep && o->keep(o->ctx, i));
}

static void remove_image(struct layout_index *x, const struct image *i)
{
	for (size_t k = x->n; k-- > 0;)
		if (str_eq(x->v[k].digest, i->digest))
			layout_index_remove(x, k);
}

/* Takes what is to go out of the index, or only lists it. */
static void choose(struct layout *l, struct layout_index *x, const struct strmap *users,
		   const struct image_prune_options *o, struct strv *removed)
{
	for (size_t k = 0; k < x->n; k++) {
		own(image) struct image i = { 0 };
		struct err ignored; /* what cannot be read is not known to be unused */

		if (!x->v[k].digest[0] || local_image(l, x, &x->v[k], &i, &ignored) < 0 ||
		    spared(o, users, &i))
			continue;
		if (!strv_has(removed, i.id))
			strv_add(removed, i.id);
		if (o->dry)
			continue;
		remove_image(x, &i);
		k = (size_t)-1; /* the list has moved */
	}
}

static int measure(struct store *s, int64_t *bytes, struct err *e)
{
	own(usage) struct usage u = { 0 };

	if (usage_measure(s, &u, e) < 0)
		return -1;
	*bytes = u.total.bytes;
	return 0;
}

int image_prune(struct store *s, const struct image_prune_options *o, struct strv *removed,
		int64_t *bytes, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(layout_index) struct layout_index x = { 0 };
	own(strmap) struct strmap users = { 0 };
	own(fd) int lock = -1;
	int64_t before = 0, after = 0;

	*bytes = 0;
	if (layout_open(s, &l, e) < 0 || (!o->dry && measure(s, &before, e) < 0))
		return -1;
	lock = o->dry ? lock_images(s, LOCK_SHARED, e) : settle_and_lock(s, &l, &x, e);
	if (lock < 0 || (o->dry && layout_index_load(&l, &x, e) < 0) ||
	    (image_layers_in_use && image_layers_in_use(s, &users, e) < 0))
		return -1;
	choose(&l, &x, &users, o, removed);
	if (o->dry)
		return 0;
	if (removed->n && layout_index_save(&l, &x, e) < 0)
		return -1;
	for (size_t i = 0; i < removed->n; i++)
		image_event(s, "removed", removed->v[i], NULL);
	if (gc_locked(s, &l, &lock, e) < 0 || measure(s, &after, e) < 0)
		return -1;
	*bytes = before > after ? before - after : 0;
	return 0;
}
