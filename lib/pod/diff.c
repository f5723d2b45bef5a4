/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/path.h"
#include "image/layer_tree.h"
#include "pod/container.h"
#include "pod/view.h"

/* A directory of the writable layer that is still to be looked into. */
struct todo {
	char *path; /* "" or "a/b/" */
	bool below; /* the layers below have a directory there, too */
};

struct diff {
	int upper, lower;
	struct todo *todo;
	size_t n, size;
	struct changes *out;
};

static void diff_release(struct diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->todo[i].path);
	free(d->todo);
	if (d->upper >= 0)
		close(d->upper);
	if (d->lower >= 0)
		close(d->lower);
}
OWNED_STRUCT(diff, struct diff, diff_release)

void changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].path);
	free(c->v);
	*c = (struct changes){ 0 };
}

static void push(struct diff *d, const char *path, const char *name, bool below)
{
	if (d->n == d->size) {
		d->size = d->size ? 2 * d->size : 64;
		d->todo = xrealloc(d->todo, d->size * sizeof(*d->todo));
	}
	d->todo[d->n++] =
		(struct todo){ *name ? str_fmt("%s%s/", path, name) : xstrdup(""), below };
}

static void add(struct diff *d, char kind, const char *path, const char *name)
{
	struct changes *c = d->out;

	if (c->n == c->size) {
		c->size = c->size ? 2 * c->size : 64;
		c->v = xrealloc(c->v, c->size * sizeof(*c->v));
	}
	c->v[c->n++] = (struct change){ kind, str_fmt("/%s%s", path, name) };
}

/* All before the last component are directories of the lower layers: no symlink is on the way. */
static bool find_below(const struct diff *d, const char *path, const char *name, struct stat *st)
{
	own(str) char *whole = str_fmt("%s%s", path, name);
	own(fd) int fd = path_try_open_in(d->lower, whole, O_PATH | O_NOFOLLOW, 0);

	return fd >= 0 && fstat(fd, st) == 0 && !tree_is_whiteout(st);
}

bool diff_is_ours(const char *path, mode_t mode, int64_t size)
{
	static const char *const ours[] = { "dev",	 "proc",	 "sys",
					    "etc/hosts", "etc/hostname", "etc/resolv.conf",
					    "run" };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (str_eq(path, ours[i]))
			return S_ISDIR(mode) || (S_ISREG(mode) && size == 0);
	return false;
}

static bool is_ours(const char *path, const char *name, const struct stat *st)
{
	own(str) char *whole = str_fmt("%s%s", path, name);

	return diff_is_ours(whole, st->st_mode, st->st_size);
}

static int compare_entry(struct diff *d, int dir, const struct todo *t, const char *name,
			 struct err *e)
{
	struct stat st, old;
	bool was = t->below && find_below(d, t->path, name, &old);

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at /%.200s%.100s", t->path, name);
	if (tree_is_whiteout(&st)) {
		if (was)
			add(d, 'D', t->path, name);
		return 0;
	}
	if (was || !is_ours(t->path, name, &st))
		add(d, was ? 'C' : 'A', t->path, name);
	if (S_ISDIR(st.st_mode))
		push(d, t->path, name, was && S_ISDIR(old.st_mode));
	return 0;
}

/* An opaque directory hides all that was there: what it has not got itself is deleted. */
static int add_hidden(struct diff *d, const struct todo *t, const struct strv *names, struct err *e)
{
	own(fd) int dir =
		path_open_in(d->lower, t->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	own(strv) struct strv old = { 0 };
	size_t at = 0;
	struct stat st;

	if (dir < 0 || path_list(dir, &old, e) < 0)
		return -1;
	for (size_t i = 0; i < old.n; i++) {
		while (at < names->n && strcmp(names->v[at], old.v[i]) < 0)
			at++;
		if ((at == names->n || !str_eq(names->v[at], old.v[i])) &&
		    find_below(d, t->path, old.v[i], &st))
			add(d, 'D', t->path, old.v[i]);
	}
	return 0;
}

/* Only what is ours is new in there. */
static void forget_etc(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!str_eq(c->v[i].path, "/etc"))
			continue;
		free(c->v[i].path);
		c->v[i] = c->v[--c->n];
		return;
	}
}

static int compare_directory(struct diff *d, const struct todo *t, struct err *e)
{
	own(fd) int dir = path_try_open_in(d->upper, *t->path ? t->path : ".",
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	own(strv) struct strv names = { 0 };
	char opaque = 0;
	size_t before;

	if (dir < 0) /* something else has its name by now */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : err_sys(e, "open /%.200s", t->path);
	if (path_list(dir, &names, e) < 0)
		return err_in(e, "/%.200s", t->path);
	if (t->below && fgetxattr(dir, "trusted.overlay.opaque", &opaque, 1) == 1 &&
	    opaque == 'y' && add_hidden(d, t, &names, e) < 0)
		return -1;
	before = d->out->n;
	for (size_t i = 0; i < names.n; i++)
		if (compare_entry(d, dir, t, names.v[i], e) < 0)
			return -1;
	if (t->below && names.n && str_eq(t->path, "etc/") && d->out->n == before && !opaque)
		forget_etc(d->out);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

static int open_layers(struct store *s, const char *id, struct diff *d, struct err *e)
{
	own(container) struct container c = { 0 };
	own(record) struct record r = RECORD_NONE;

	if (container_load(s, id, &c, e) < 0 ||
	    record_open(s, RECORD_CONTAINER, id, false, &r, e) < 0)
		return -1;
	d->upper = openat(r.dir, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (d->upper < 0)
		return err_sys(e, "its writable layer");
	d->lower = view_layers(s, &c.record.layers, e);
	return d->lower < 0 ? -1 : 0;
}

int container_diff(struct store *s, const char *id, struct changes *out, struct err *e)
{
	own(diff) struct diff d = { .upper = -1, .lower = -1, .out = out };

	if (open_layers(s, id, &d, e) < 0)
		return err_in(e, "container %.12s", id);
	push(&d, "", "", true);
	while (d.n > 0) {
		struct todo t = d.todo[--d.n];
		int rc = compare_directory(&d, &t, e);

		free(t.path);
		if (rc < 0)
			return err_in(e, "container %.12s", id);
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_path);
	return 0;
}
