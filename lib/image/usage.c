/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/path.h"
#include "image/local.h"

#define BLOCK_UNIT 512 /* of st_blocks, whatever the file system's is */

/* A blob or an unpacked layer. */
struct piece {
	char *name; /* "b" or "l", then the hex digits */
	struct usage_sum size;
	size_t images;	/* that have it */
	bool container; /* that a container needs, directly or by its image */
};
struct pieces {
	struct piece *v;
	size_t n;
};

static void pieces_free(struct pieces *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].name);
	free(p->v);
}
OWNED_STRUCT(pieces, struct pieces, pieces_free)

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct piece *)a)->name, ((const struct piece *)b)->name);
}

static struct piece *piece_find(struct pieces *p, char kind, const char *hex)
{
	char name[80];
	struct piece key = { .name = name };

	snprintf(name, sizeof(name), "%c%.70s", kind, hex);
	return p->n ? bsearch(&key, p->v, p->n, sizeof(*p->v), by_name) : NULL;
}

static void add(struct usage_sum *to, const struct usage_sum *what)
{
	to->bytes += what->bytes;
	to->inodes += what->inodes;
}

/* --- measuring --- */

/* Inodes with several names that were counted already: a hash table of inode numbers. */
struct seen {
	uint64_t *v;
	size_t n, size;
};

static bool seen_put(struct seen *s, uint64_t ino)
{
	size_t at;

	if (2 * (s->n + 1) > s->size) {
		struct seen bigger = { .size = s->size ? 2 * s->size : 256 };

		bigger.v = xcalloc(bigger.size, sizeof(*bigger.v));
		for (size_t i = 0; i < s->size; i++)
			if (s->v[i])
				seen_put(&bigger, s->v[i]);
		free(s->v);
		*s = bigger;
	}
	at = (size_t)((ino * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (s->size - 1);
	while (s->v[at] && s->v[at] != ino)
		at = (at + 1) & (s->size - 1);
	if (s->v[at])
		return false;
	s->v[at] = ino;
	s->n++;
	return true;
}

static void count(struct seen *seen, const struct stat *st, struct usage_sum *sum)
{
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1 && !seen_put(seen, st->st_ino))
		return;
	sum->bytes += (int64_t)st->st_blocks * BLOCK_UNIT;
	sum->inodes++;
}

/* One directory of the tree; those in it are put on the list. */
static void measure_dir(int root, const char *path, struct seen *seen, struct strv *todo,
			struct usage_sum *sum)
{
	int fd = path_try_open_in(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d && fd >= 0)
		close(fd);
	while (d && (de = readdir(d))) {
		struct stat st;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		count(seen, &st, sum);
		if (S_ISDIR(st.st_mode))
			strv_take(todo, str_fmt("%s/%s", path, de->d_name));
	}
}

static void measure(int parent, const char *name, struct usage_sum *sum)
{
	struct seen seen = { 0 };
	own(strv) struct strv todo = { 0 };
	own(fd) int root = -1;
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return; /* removed just now */
	count(&seen, &st, sum);
	if (S_ISDIR(st.st_mode))
		root = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root >= 0)
		strv_add(&todo, ".");
	while (todo.n > 0) {
		own(str) char *path = todo.v[--todo.n];

		todo.v[todo.n] = NULL;
		measure_dir(root, path, &seen, &todo, sum);
	}
	free(seen.v);
}

static int measure_all(int dir, char kind, struct pieces *p, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d)
		return err_sys(e, "read the image store");
	while ((de = readdir(d))) {
		struct piece *piece;

		if (de->d_name[0] == '.')
			continue;
		p->v = xgrow(p->v, p->n, sizeof(*p->v));
		piece = &p->v[p->n++];
		*piece = (struct piece){ .name = str_fmt("%c%s", kind, de->d_name) };
		measure(dir, de->d_name, &piece->size);
	}
	return 0;
}

/* --- whose they are --- */

/* The pieces of one image, each once, as indices. */
struct owners {
	size_t *v;
	size_t n;
};

static void own_piece(const struct pieces *all, const struct piece *p, struct owners *o)
{
	size_t i = p ? (size_t)(p - all->v) : 0;

	for (size_t k = 0; p && k < o->n; k++)
		if (o->v[k] == i)
			return;
	if (p)
		o->v[o->n++] = i;
}

static void own_all(struct layout *l, struct pieces *all, const struct image *i, struct owners *o)
{
	own(manifest) struct manifest m = { 0 };
	struct err ignored; /* it was read a moment ago */

	if (local_manifest(l, i->digest, i->media_type, &m, &ignored) < 0)
		m.n = 0;
	o->v = xcalloc(m.n + i->layers.n + 2, sizeof(*o->v));
	own_piece(all, piece_find(all, 'b', digest_hex(i->digest)), o);
	own_piece(all, piece_find(all, 'b', digest_hex(i->id)), o);
	for (size_t k = 0; k < m.n; k++)
		own_piece(all, piece_find(all, 'b', digest_hex(m.entries[k].digest)), o);
	for (size_t k = 0; k < i->layers.n; k++)
		own_piece(all, piece_find(all, 'l', digest_hex(i->layers.v[k])), o);
}

static void sum_image(struct usage_image *u, const struct pieces *all, const struct owners *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct piece *p = &all->v[o->v[i]];

		add(p->name[0] == 'b' ? &u->blobs : &u->layers, &p->size);
		add(p->images > 1 ? &u->shared : &u->unique, &p->size);
		if (p->images == 1 && !p->container)
			add(&u->reclaimable, &p->size);
	}
}

static void sum_all(struct usage *u, const struct pieces *p)
{
	for (size_t i = 0; i < p->n; i++) {
		add(&u->total, &p->v[i].size);
		if (!p->v[i].container)
			add(&u->reclaimable, &p->v[i].size);
		if (!p->v[i].container && p->v[i].images == 0)
			add(&u->unused, &p->v[i].size);
	}
}

static void count_owners(struct pieces *all, const struct owners *o, bool used)
{
	for (size_t i = 0; i < o->n; i++) {
		struct piece *p = &all->v[o->v[i]];

		p->images++;
		p->container = p->container || used;
	}
}

static void attribute(struct layout *l, struct pieces *p, const struct strmap *users,
		      struct image *images, struct usage *u)
{
	struct owners *owners = xcalloc(u->n + 1, sizeof(*owners));

	for (size_t i = 0; i < users->n; i++) {
		struct piece *layer = digest_valid(users->v[i].key)
					      ? piece_find(p, 'l', digest_hex(users->v[i].key))
					      : NULL;

		if (layer)
			layer->container = true;
	}
	for (size_t i = 0; i < u->n; i++) {
		u->images[i].id = xstrdup(images[i].id);
		u->images[i].user = xstrdup(strmap_get(users, images[i].id));
		strv_copy(&u->images[i].names, &images[i].names);
		own_all(l, p, &images[i], &owners[i]);
		count_owners(p, &owners[i], u->images[i].user != NULL);
	}
	for (size_t i = 0; i < u->n; i++) {
		sum_image(&u->images[i], p, &owners[i]);
		free(owners[i].v);
	}
	free(owners);
}

int usage_measure(struct store *s, struct usage *out, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(pieces) struct pieces p = { 0 };
	own(strmap) struct strmap users = { 0 };
	struct image *images = NULL;

	*out = (struct usage){ 0 };
	p.v = xgrow(p.v, 0, sizeof(*p.v));
	if (layout_open(s, &l, e) < 0 || measure_all(l.blobs, 'b', &p, e) < 0 ||
	    measure_all(l.layers, 'l', &p, e) < 0)
		return -1;
	if (p.n)
		qsort(p.v, p.n, sizeof(*p.v), by_name);
	if (image_layers_in_use && image_layers_in_use(s, &users, e) < 0)
		return -1;
	if (image_list(s, &images, &out->n, e) < 0)
		return -1;
	out->images = xcalloc(out->n + 1, sizeof(*out->images));
	attribute(&l, &p, &users, images, out);
	sum_all(out, &p);
	for (size_t i = 0; i < out->n; i++)
		image_free(&images[i]);
	free(images);
	return 0;
}

void usage_free(struct usage *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->images[i].id);
		free(u->images[i].user);
		strv_free(&u->images[i].names);
	}
	free(u->images);
	*u = (struct usage){ 0 };
}
