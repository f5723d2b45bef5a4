/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/gc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "image/config.h"
#include "image/image.h"
#include "image/local.h"

#define NOTE "garbage" /* ROOT/images/garbage: something may be left behind */
#define DEPTH_MAX 4
#define TAKEN_MAX 64 /* layers that are removed after the lock is given back */

struct gc {
	struct store *s;
	struct layout *l;
	struct strmap in_use;
	struct strv blobs, layers; /* marked: hex digits */
	const struct strv *keep;   /* the same of both, for a next try; NULL: none */
	struct staging taken[TAKEN_MAX];
	size_t n_taken;
};

bool gc_noted(struct layout *l)
{
	return faccessat(l->images, NOTE, F_OK, 0) == 0;
}

void gc_note(struct layout *l)
{
	int fd = openat(l->images, NOTE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

void gc_unnote(struct layout *l)
{
	unlinkat(l->images, NOTE, 0);
}

static void mark(struct strv *set, const char *digest)
{
	if (!strv_has(set, digest_hex(digest)))
		strv_add(set, digest_hex(digest));
}

static int mark_config(struct gc *g, const char *digest, struct err *e)
{
	own(image) struct image i = { 0 };
	own(buf) struct buf text = { 0 };

	mark(&g->blobs, digest);
	if (layout_blob_load(g->l, digest, &text, e) < 0 ||
	    config_parse(text.s ? text.s : "", text.len, &i, e) < 0)
		return -1;
	for (size_t k = 0; k < i.layers.n; k++)
		mark(&g->layers, i.layers.v[k]);
	return 0;
}

/* Others may put indexes into the layout: all of their images that are here are kept. */
static int mark_manifest(struct gc *g, const char *digest, const char *media_type, int depth,
			 struct err *e)
{
	own(manifest) struct manifest m = { 0 };

	mark(&g->blobs, digest);
	if (local_manifest(g->l, digest, media_type, &m, e) < 0)
		return -1;
	for (size_t i = 0; i < m.n; i++) {
		struct descriptor *d = &m.entries[i];

		mark(&g->blobs, d->digest);
		if (m.index && depth < DEPTH_MAX && layout_blob_exists(g->l, d->digest, d->size) &&
		    mark_manifest(g, d->digest, d->media_type, depth + 1, e) < 0)
			return -1;
	}
	return m.index ? 0 : mark_config(g, m.config.digest, e);
}

static int mark_index(struct gc *g,
		      int (*load)(struct layout *, struct layout_index *, struct err *),
		      struct err *e)
{
	own(layout_index) struct layout_index x = { 0 };

	if (load(g->l, &x, e) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++) {
		if (!x.v[i].digest[0])
			continue;
		/* Nothing is thrown away on the word of a store that is broken. */
		if (mark_manifest(g, x.v[i].digest, x.v[i].media_type, 0, e) < 0)
			return err_in(e, "image %s", x.v[i].name ? x.v[i].name : x.v[i].digest);
	}
	return 0;
}

static int mark_all(struct gc *g, struct err *e)
{
	/* What a power cut would bring back counts, too. */
	if (mark_index(g, layout_index_load, e) < 0 ||
	    mark_index(g, layout_index_load_synced, e) < 0)
		return -1;
	if (image_layers_in_use && image_layers_in_use(g->s, &g->in_use, e) < 0)
		return -1;
	for (size_t i = 0; i < g->in_use.n; i++)
		if (digest_valid(g->in_use.v[i].key))
			mark(&g->layers, g->in_use.v[i].key);
	return 0;
}

static bool is_kept(const struct gc *g, const char *name)
{
	return g->keep && strv_has(g->keep, name);
}

static void sweep_blob(struct gc *g, const char *name)
{
	if (!strv_has(&g->blobs, name) && !is_kept(g, name))
		unlinkat(g->l->blobs, name, 0);
}

/* Gone for everyone by one rename; the many unlinks come later. */
static void sweep_layer(struct gc *g, const char *name)
{
	struct err ignored; /* what does not go now goes next time */
	own(fd) int dir = -1;
	int lock;

	if (!id_valid(name) || strv_has(&g->layers, name) || is_kept(g, name))
		return;
	dir = openat(g->l->layers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return;
	lock = lock_try(dir, "lock", LOCK_EXCLUSIVE);
	if (lock < 0 && errno == ENOENT)
		lock = lock_file(g->s, dir, "lock", LOCK_EXCLUSIVE, "layer", &ignored);
	if (lock < 0)
		return;
	if (g->n_taken == TAKEN_MAX)
		staging_drop(g->s, &g->taken[--g->n_taken]);
	if (staging_take(g->s, g->l->layers, name, lock, &g->taken[g->n_taken], &ignored) == 0)
		g->n_taken++;
}

static int sweep(struct gc *g, int dir, void (*fn)(struct gc *, const char *), struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d)
		return err_sys(e, "read the image store");
	while ((entry = readdir(d)))
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			fn(g, entry->d_name);
	return 0;
}

/* Lists that another boot did not get to the disk (settle.h). */
static void sweep_list(struct gc *g, const char *name)
{
	char ours[LAYOUT_UNSYNCED_SIZE];
	struct err ignored;

	if (str_starts(name, "index.") && !str_eq(name, "index.json") &&
	    layout_unsynced_name(ours, &ignored) && strcmp(name, ours) != 0)
		unlinkat(g->l->images, name, 0);
}

static int collect(struct gc *g, struct err *e)
{
	if (mark_all(g, e) < 0)
		return -1;
	if (sweep(g, g->l->images, sweep_list, e) < 0 || sweep(g, g->l->blobs, sweep_blob, e) < 0 ||
	    sweep(g, g->l->layers, sweep_layer, e) < 0)
		return -1;
	if (!g->keep || g->keep->n == 0)
		gc_unnote(g->l);
	return 0;
}

/* The store is locked; writers are kept out for the time of the sweep, never waited for. */
static int collect_alone(struct gc *g, struct err *e)
{
	own(fd) int writers = lock_try(g->l->images, "writers", LOCK_EXCLUSIVE);

	if (writers < 0 && errno == ENOENT)
		writers =
			lock_file(g->s, g->l->images, "writers", LOCK_EXCLUSIVE, "image store", e);
	if (writers >= 0)
		return collect(g, e);
	gc_note(g->l);
	return 0;
}

static int collect_locked(struct store *s, struct layout *l, const struct strv *keep, int *lock,
			  struct err *e)
{
	struct gc g = { .s = s, .l = l, .keep = keep };
	int ret = collect_alone(&g, e);

	fd_drop(lock);
	*lock = -1;
	for (size_t i = 0; i < g.n_taken; i++)
		staging_drop(s, &g.taken[i]);
	strmap_free(&g.in_use);
	strv_free(&g.blobs);
	strv_free(&g.layers);
	return ret < 0 ? err_in(e, "remove what no image needs") : 0;
}

int gc_locked(struct store *s, struct layout *l, int *lock, struct err *e)
{
	return collect_locked(s, l, NULL, lock, e);
}

static int collect_but(struct store *s, const struct strv *keep, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(fd) int lock = -1;

	if (layout_open(s, &l, e) < 0)
		return -1;
	lock = lock_images(s, LOCK_EXCLUSIVE, e);
	return lock < 0 ? -1 : collect_locked(s, &l, keep, &lock, e);
}

int image_gc(struct store *s, struct err *e)
{
	return collect_but(s, NULL, e);
}

int gc_guard(struct store *s, struct layout *l, int (*store)(void *ctx, struct err *e), void *ctx,
	     const struct strv *keep, struct err *e)
{
	bool noted = gc_noted(l);
	struct err ignored;
	int ret;

	gc_note(l);
	ret = store(ctx, e);
	if (ret == 0 && !noted) {
		gc_unnote(l);
		return 0;
	}
	layout_close(l);
	collect_but(s, ret < 0 ? keep : NULL, &ignored);
	return ret;
}
