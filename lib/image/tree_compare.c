/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/tree_compare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "image/layer_tree.h"

#define CHUNK (256 << 10)
#define XATTR_MAX (64 << 10) /* the kernel's own limit, of a list and of a value */

struct compare {
	int want, have; /* the two roots */
	void (*tell)(void *ctx, const char *path, const char *how);
	void *ctx;
	struct strv todo; /* directories of both */
	char *a, *b;	  /* CHUNK each */
};
static void compare_release(struct compare *c)
{
	strv_free(&c->todo);
	free(c->a);
	free(c->b);
}
OWNED_STRUCT(compare, struct compare, compare_release)

/* One thing that both have: O_PATH fds. */
struct both {
	const char *path;
	int want, have;
	struct stat w, h;
};

static int same_bytes(struct compare *c, const struct both *t, bool *same, struct err *e)
{
	own(fd) int want = open(fd_path(t->want).s, O_RDONLY | O_CLOEXEC);
	own(fd) int have = open(fd_path(t->have).s, O_RDONLY | O_CLOEXEC);

	if (want < 0 || have < 0)
		return err_sys(e, "open %.200s", t->path);
	for (*same = true; *same;) {
		ssize_t n = read_full(want, c->a, CHUNK), m = read_full(have, c->b, CHUNK);

		if (n < 0)
			return err_sys(e, "read %.200s", t->path);
		/* A bad sector is what we look for. */
		*same = m == n && memcmp(c->a, c->b, (size_t)n) == 0;
		if (n < CHUNK)
			break;
	}
	return 0;
}

static bool same_target(struct compare *c, const struct both *t)
{
	ssize_t n = readlinkat(t->want, "", c->a, CHUNK), m = readlinkat(t->have, "", c->b, CHUNK);

	return n >= 0 && n == m && memcmp(c->a, c->b, (size_t)n) == 0;
}

static bool counts(const char *name)
{
	return !str_starts(name, "security.") || str_eq(name, "security.capability");
}

static int list_xattrs(int fd, struct strv *out, struct err *e)
{
	own(str) char *names = xmalloc(XATTR_MAX);
	ssize_t n = listxattr(fd_path(fd).s, names, XATTR_MAX);

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : err_sys(e, "list xattrs");
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
		if (counts(names + i))
			strv_add(out, names + i);
	strv_sort(out);
	return 0;
}

static int same_xattrs(struct compare *c, const struct both *t, bool *same, struct err *e)
{
	own(strv) struct strv want = { 0 }, have = { 0 };

	if (list_xattrs(t->want, &want, e) < 0 || list_xattrs(t->have, &have, e) < 0)
		return err_in(e, "%.200s", t->path);
	*same = want.n == have.n;
	for (size_t i = 0; *same && i < want.n; i++) {
		ssize_t n, m;

		n = getxattr(fd_path(t->want).s, want.v[i], c->a, XATTR_MAX);
		m = getxattr(fd_path(t->have).s, have.v[i], c->b, XATTR_MAX);
		*same = str_eq(want.v[i], have.v[i]) && n >= 0 && n == m &&
			memcmp(c->a, c->b, (size_t)n) == 0;
	}
	return 0;
}

static int compare_content(struct compare *c, const struct both *t, struct err *e)
{
	bool same = true;

	if (S_ISREG(t->w.st_mode) && t->w.st_size != t->h.st_size)
		same = false;
	else if (S_ISREG(t->w.st_mode) && same_bytes(c, t, &same, e) < 0)
		return -1;
	if (S_ISLNK(t->w.st_mode))
		same = same_target(c, t);
	if (S_ISCHR(t->w.st_mode) || S_ISBLK(t->w.st_mode))
		same = t->w.st_rdev == t->h.st_rdev;
	if (!same)
		c->tell(c->ctx, t->path, "its content is another");
	return 0;
}

static int compare_both(struct compare *c, const struct both *t, struct err *e)
{
	bool same = true;

	if ((t->w.st_mode & S_IFMT) != (t->h.st_mode & S_IFMT)) {
		c->tell(c->ctx, t->path, "it is another kind of file");
		return 0;
	}
	if (compare_content(c, t, e) < 0 || same_xattrs(c, t, &same, e) < 0)
		return -1;
	if (!same)
		c->tell(c->ctx, t->path, "its xattrs are others");
	if ((t->w.st_mode & 07777) != (t->h.st_mode & 07777))
		c->tell(c->ctx, t->path, "its mode is another");
	if (t->w.st_uid != t->h.st_uid || t->w.st_gid != t->h.st_gid)
		c->tell(c->ctx, t->path, "its owner is another");
	/* A whiteout's is that of its making. */
	if (!tree_is_whiteout(&t->w) && (t->w.st_mtim.tv_sec != t->h.st_mtim.tv_sec ||
					 t->w.st_mtim.tv_nsec != t->h.st_mtim.tv_nsec))
		c->tell(c->ctx, t->path, "its time is another");
	if (!S_ISDIR(t->w.st_mode) && t->w.st_nlink != t->h.st_nlink)
		c->tell(c->ctx, t->path, "its hard links are others");
	return 0;
}

static int compare_name(struct compare *c, int want, int have, const char *name, const char *path,
			struct err *e)
{
	own(fd) int w = openat(want, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	own(fd) int h = openat(have, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct both t = { .path = path, .want = w, .have = h };

	if (w < 0 || h < 0 || fstat(w, &t.w) < 0 || fstat(h, &t.h) < 0)
		return err_sys(e, "open %.200s", path);
	if (compare_both(c, &t, e) < 0)
		return -1;
	if (S_ISDIR(t.w.st_mode) && S_ISDIR(t.h.st_mode))
		strv_add(&c->todo, path);
	return 0;
}

static int compare_dir(struct compare *c, const char *dir, struct err *e)
{
	own(fd) int want = path_try_open_plain(c->want, dir, O_RDONLY | O_DIRECTORY);
	own(fd) int have = path_try_open_plain(c->have, dir, O_RDONLY | O_DIRECTORY);
	own(strv) struct strv w = { 0 }, h = { 0 };

	if (want < 0 || have < 0)
		return err_sys(e, "open %.200s", dir);
	if (path_list(want, &w, e) < 0 || path_list(have, &h, e) < 0)
		return err_in(e, "%.200s", dir);
	for (size_t i = 0, k = 0; i < w.n || k < h.n;) {
		int order = i == w.n ? 1 : k == h.n ? -1 : strcmp(w.v[i], h.v[k]);
		const char *name = order > 0 ? h.v[k] : w.v[i];
		own(str) char *path =
			str_eq(dir, ".") ? xstrdup(name) : str_fmt("%s/%s", dir, name);

		if (order < 0)
			c->tell(c->ctx, path, "it is missing");
		else if (order > 0)
			c->tell(c->ctx, path, "it is not in the layer");
		else if (compare_name(c, want, have, name, path, e) < 0)
			return -1;
		i += order <= 0;
		k += order >= 0;
	}
	return 0;
}

int tree_compare(int want, int have, void (*tell)(void *ctx, const char *path, const char *how),
		 void *ctx, struct err *e)
{
	own(compare) struct compare c = { .want = want, .have = have, .tell = tell, .ctx = ctx };

	c.a = xmalloc(CHUNK);
	c.b = xmalloc(CHUNK);
	if (compare_name(&c, want, have, ".", ".", e) < 0)
		return -1;
	while (c.todo.n) {
		own(str) char *dir = c.todo.v[--c.todo.n];

		c.todo.v[c.todo.n] = NULL;
		if (compare_dir(&c, dir, e) < 0)
			return -1;
	}
	return 0;
}
