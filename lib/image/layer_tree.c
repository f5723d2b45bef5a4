/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer_tree.h"

#include <errno.h>
#include <limits.h>
#include <sys/xattr.h>

#include "base/path.h"
#include "spec/id_mapping.h"

#define DIRS_MAX 16384	    /* noted at a time */
#define KEPT_MAX (16 << 20) /* bytes of paths and ACLs that stay to the end */
#define LINKS_MAX 40	    /* symlinks on one way, as in the kernel */

static int open_dir(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* --- the table --- */

static struct tree_dir *slot_of(const struct tree *t, uint64_t ino)
{
	size_t i = (size_t)((ino * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (t->size - 1);

	while (t->dirs[i].ino && t->dirs[i].ino != ino)
		i = (i + 1) & (t->size - 1);
	return &t->dirs[i];
}

static void rehash(struct tree *t, size_t size)
{
	struct tree_dir *old = t->dirs;
	size_t n = t->size;

	t->size = size;
	t->dirs = xcalloc(size, sizeof(*t->dirs));
	for (size_t i = 0; i < n; i++) {
		if (old[i].ino)
			*slot_of(t, old[i].ino) = old[i];
	}
	free(old);
}

static size_t weight(const struct tree_dir *d)
{
	if (!d->acl)
		return 0;
	return strlen(d->path) + d->acl_size + sizeof(*d);
}

static void release(struct tree_dir *d)
{
	free(d->path);
	free(d->acl);
	*d = (struct tree_dir){ 0 };
}

/* Replaces what was noted for d->ino; takes d's pointers. */
static int note(struct tree *t, struct tree_dir *d, struct err *e)
{
	struct tree_dir *slot;

	if (2 * (t->used + 1) > t->size)
		rehash(t, t->size ? 2 * t->size : 256);
	slot = slot_of(t, d->ino);
	t->kept += weight(d) - weight(slot);
	t->kept_n += (size_t)(weight(d) != 0) - (size_t)(weight(slot) != 0);
	t->used += slot->ino == 0;
	release(slot);
	*slot = *d;
	if (t->kept > KEPT_MAX)
		return err_set(e, ERR_CORRUPT,
			       "too many directories without an entry of their own");
	return 0;
}

/* Before the first change in a directory: the time that it has now is the one to restore. */
static int note_current(struct tree *t, const char *path, const struct stat *st, struct err *e)
{
	struct tree_dir d = { .ino = st->st_ino, .mtime = st->st_mtim, .atime = st->st_atim };

	if (t->size && slot_of(t, st->st_ino)->ino)
		return 0;
	/* In a copy, only what the tar describes has a time to keep; it may have been set early. */
	if (t->copy && !t->flushed)
		return 0;
	d.path = xstrdup(path);
	return note(t, &d, e);
}

static const char *or_dot(const char *path)
{
	return *path ? path : ".";
}

/* The directory may be gone, or its path lead elsewhere by now: then there is nothing to set. */
static int set_one(const struct tree *t, struct tree_dir *d, struct err *e)
{
	const struct timespec times[2] = { d->atime, d->mtime };
	own(fd) int fd = path_try_open_in(t->root, or_dot(d->path), O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != d->ino) {
		return 0;
	}
	if (d->acl && fsetxattr(fd, "system.posix_acl_default", d->acl, d->acl_size, 0) < 0)
		return err_sys(e, "set the default ACL of \"%.200s\"", d->path);
	if (futimens(fd, times) < 0)
		return err_sys(e, "set the time of \"%.200s\"", d->path);
	return 0;
}

/* Sets the times noted so far; what must stay, stays. */
static int flush(struct tree *t, struct err *e)
{
	tree_forget(t);
	t->flushed = true;
	for (size_t i = 0; i < t->size; i++) {
		struct tree_dir *d = &t->dirs[i];

		if (!d->ino || weight(d))
			continue;
		if (set_one(t, d, e) < 0)
			return -1;
		release(d);
	}
	t->used = t->kept_n;
	rehash(t, t->size);
	return 0;
}

int tree_finish(struct tree *t, struct err *e)
{
	for (size_t i = 0; i < t->size; i++) {
		struct tree_dir *d = &t->dirs[i];

		if (!d->ino)
			continue;
		if (set_one(t, d, e) < 0)
			return -1;
	}
	return 0;
}

/* --- names --- */

int tree_clean(const char *name, size_t max, size_t depth, struct buf *out, struct err *e)
{
	size_t parts = 0;

	out->len = 0;
	buf_add(out, "");
	if (strlen(name) > max)
		return err_set(e, ERR_CORRUPT, "a name longer than %zu bytes", max);
	while (*name) {
		size_t n = strcspn(name, "/");

		if (n == 2 && memcmp(name, "..", 2) == 0) {
			const char *cut = memrchr(out->s, '/', out->len);

			parts -= parts > 0;
			out->len = cut ? (size_t)(cut - out->s) : 0;
			out->s[out->len] = '\0';
		} else if (n > 1 || (n == 1 && *name != '.')) {
			if (++parts > depth)
				return err_set(e, ERR_CORRUPT, "more than %zu directories deep",
					       depth);
			if (out->len)
				buf_addc(out, '/');
			buf_addn(out, name, n);
		}
		name += n + (name[n] == '/');
	}
	return 0;
}

/* --- directories --- */

int tree_set_opaque(int dir, struct err *e)
{
	if (fsetxattr(dir, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return err_sys(e, "make a directory opaque");
	return 0;
}

void tree_forget(struct tree *t)
{
	t->parent_valid = false;
}

static void enter(struct tree *t, int fd, const char *path, const struct stat *st)
{
	if (t->parent >= 0)
		close(t->parent);
	t->parent = fd;
	t->parent_valid = true;
	t->parent_setgid = st->st_mode & S_ISGID;
	t->parent_path.len = 0;
	buf_add(&t->parent_path, path);
}

/* The state of a walk that makes what is missing. real has no symlink in it. */
struct walk {
	int fd;
	struct buf real, todo;
	int links;
};
static void walk_release(struct walk *w)
{
	if (w->fd >= 0)
		close(w->fd);
	buf_free(&w->real);
	buf_free(&w->todo);
}
OWNED_STRUCT(walk, struct walk, walk_release)

static void walk_to(struct walk *w, int fd)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
}

int tree_owner(const struct tree *t, int64_t uid, int64_t gid, uid_t *u, gid_t *g, struct err *e)
{
	const struct copy_rules *c = t->copy;

	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return err_set(e, ERR_CORRUPT, "owner %lld:%lld does not exist on Linux",
			       (long long)uid, (long long)gid);
	if (c && !c->owners)
		uid = gid = 0;
	if (c && c->ids.uids) {
		int64_t hu = idmap_to_host(c->ids.uids, uid), hg = idmap_to_host(c->ids.gids, gid);

		if (hu < 0 || hg < 0)
			return err_set(e, ERR_FAIL,
				       "owner %lld:%lld is not in the container's user namespace",
				       (long long)uid, (long long)gid);
		uid = hu;
		gid = hg;
	}
	*u = (uid_t)uid;
	*g = (gid_t)gid;
	return 0;
}

/* Makes the directory name and gives an fd of it. */
static int make_implicit(struct tree *t, struct walk *w, const char *name, bool opaque,
			 struct err *e)
{
	struct tree_dir d = { 0 };
	struct stat st;
	bool settle;
	own(fd) int fd = -1;
	uid_t uid;
	gid_t gid;

	if (tree_owner(t, 0, 0, &uid, &gid, e) < 0)
		return -1;
	if (fstat(w->fd, &st) < 0)
		return err_sys(e, "make directory \"%.200s\"", name);
	/* A set-group-ID bit is handed down, with the group; a layer's tree has nothing else that
	 * is. */
	settle = t->copy || (st.st_mode & S_ISGID);
	if (note_current(t, w->real.len ? w->real.s : "", &st, e) < 0)
		return -1;
	if (mkdirat(w->fd, name, 0755) < 0)
		return err_sys(e, "make directory \"%.200s\"", name);
	fd = open_dir(w->fd, name);
	if (fd < 0 || (settle && (fchown(fd, uid, gid) < 0 || fchmod(fd, 0755) < 0)) ||
	    fstat(fd, &st) < 0)
		return err_sys(e, "make directory \"%.200s\"", name);
	if (t->copy)
		return fd_steal(&fd);
	if (opaque && tree_set_opaque(fd, e) < 0)
		return -1;
	d.ino = st.st_ino;
	d.path = str_fmt("%s%s%s", w->real.len ? w->real.s : "", w->real.len ? "/" : "", name);
	return note(t, &d, e) < 0 ? -1 : fd_steal(&fd);
}

static int walk_link(struct tree *t, struct walk *w, const char *name, struct err *e)
{
	char target[PATH_MAX];
	own(buf) struct buf rest = { 0 };
	ssize_t n = readlinkat(w->fd, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "read symlink \"%.200s\"", name);
	target[n] = '\0';
	if (++w->links > LINKS_MAX || (size_t)n + w->todo.len > PATH_MAX) {
		errno = ELOOP;
		return err_sys(e, "follow symlink \"%.200s\"", name);
	}
	buf_addf(&rest, "%s/%s", target, w->todo.len ? w->todo.s : "");
	buf_free(&w->todo);
	w->todo = rest;
	rest = (struct buf){ 0 };
	if (target[0] == '/') {
		int root = path_open_in(t->root, ".", O_RDONLY | O_DIRECTORY, 0, e);

		if (root < 0)
			return -1;
		walk_to(w, root);
		w->real.len = 0;
	}
	return 0;
}

static int walk_up(struct tree *t, struct walk *w, struct err *e)
{
	const char *cut = w->real.len ? memrchr(w->real.s, '/', w->real.len) : NULL;
	int fd;

	w->real.len = cut ? (size_t)(cut - w->real.s) : 0;
	if (w->real.s)
		w->real.s[w->real.len] = '\0';
	fd = path_open_in(t->root, w->real.len ? w->real.s : ".", O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return -1;
	walk_to(w, fd);
	return 0;
}

/* What is in the way of directory name: a whiteout is replaced, and the directory's fd given; with
 * a symlink the way goes on elsewhere: -2. */
static int walk_obstacle(struct tree *t, struct walk *w, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at \"%.200s\"", name);
	if (S_ISLNK(st.st_mode))
		return walk_link(t, w, name, e) < 0 ? -1 : -2;
	if (t->copy || !tree_is_whiteout(&st)) {
		errno = ENOTDIR;
		return err_sys(e, "\"%.200s\" above it", name);
	}
	if (unlinkat(w->fd, name, 0) < 0)
		return err_sys(e, "replace the whiteout of \"%.200s\"", name);
	return make_implicit(t, w, name, true, e);
}

static int walk_step(struct tree *t, struct walk *w, const char *name, struct err *e)
{
	int fd;

	if (strcmp(name, "..") == 0)
		return walk_up(t, w, e);
	fd = open_dir(w->fd, name);
	if (fd < 0 && errno == ENOENT)
		fd = make_implicit(t, w, name, false, e);
	else if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		fd = walk_obstacle(t, w, name, e);
	else if (fd < 0)
		return err_sys(e, "open directory \"%.200s\"", name);
	if (fd < 0)
		return fd == -2 ? 0 : -1;
	walk_to(w, fd);
	if (w->real.len)
		buf_addc(&w->real, '/');
	buf_add(&w->real, name);
	return 0;
}

/* The walk begins as deep as the path is there and no symlink is in it. */
static int walk_begin(struct tree *t, struct walk *w, const char *path, struct err *e)
{
	const char *cut = path + strlen(path);

	while ((cut = memrchr(path, '/', (size_t)(cut - path)))) {
		buf_addn(&w->real, path, (size_t)(cut - path));
		w->fd = path_try_open_plain(t->root, w->real.s, O_RDONLY | O_DIRECTORY);
		if (w->fd >= 0) {
			buf_add(&w->todo, cut + 1);
			return 0;
		}
		w->real.len = 0;
		if (errno != ENOENT)
			break;
	}
	buf_add(&w->todo, path);
	w->fd = path_open_in(t->root, ".", O_RDONLY | O_DIRECTORY, 0, e);
	return w->fd < 0 ? -1 : 0;
}

/* Opens path, making what is missing: also what a symlink points at, since it may be in a layer
 * below. */
static int make_way(struct tree *t, const char *path, struct err *e)
{
	own(walk) struct walk w = { .fd = -1 };

	if (walk_begin(t, &w, path, e) < 0)
		return -1;
	while (w.todo.len) {
		size_t n = strcspn(w.todo.s, "/");
		own(str) char *name = xstrndup(w.todo.s, n);

		n += w.todo.s[n] == '/';
		memmove(w.todo.s, w.todo.s + n, w.todo.len - n + 1);
		w.todo.len -= n;
		if (*name && strcmp(name, ".") != 0 && walk_step(t, &w, name, e) < 0)
			return -1;
	}
	return fd_steal(&w.fd);
}

int tree_enter(struct tree *t, const char *path, struct err *e)
{
	struct stat st;
	own(fd) int fd = -1;

	if (t->parent_valid && strcmp(t->parent_path.s, path) == 0)
		return 0;
	if (t->used - t->kept_n > DIRS_MAX && flush(t, e) < 0)
		return -1;
	fd = path_try_open_in(t->root, or_dot(path), O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 && errno == ENAMETOOLONG)
		return err_sys(e, "open its directory");
	if (fd < 0)
		fd = make_way(t, path, e);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at its directory");
	if (note_current(t, path, &st, e) < 0)
		return -1;
	enter(t, fd_steal(&fd), path, &st);
	return 0;
}

int tree_find(const struct tree *t, const char *path)
{
	return path_try_open_in(t->root, or_dot(path), O_PATH | O_DIRECTORY, 0);
}

int tree_describe(struct tree *t, int fd, const char *path, const struct timespec *mtime,
		  const struct timespec *atime, struct err *e)
{
	struct tree_dir d = { .path = xstrdup(path), .mtime = *mtime, .atime = *atime };
	struct stat st;

	if (fstat(fd, &st) < 0) {
		free(d.path);
		close(fd);
		return err_sys(e, "look at the directory");
	}
	d.ino = st.st_ino;
	enter(t, fd, path, &st);
	return note(t, &d, e);
}

int tree_default_acl(struct tree *t, const void *acl, size_t n, struct err *e)
{
	struct stat st;
	struct tree_dir d, *old;

	if (fstat(t->parent, &st) < 0)
		return err_sys(e, "look at the directory");
	old = slot_of(t, st.st_ino);
	d = (struct tree_dir){
		.ino = st.st_ino,
		.path = xstrdup(t->parent_path.s),
		.mtime = old->mtime,
		.atime = old->atime,
		.acl = xmalloc(n),
		.acl_size = n,
	};
	memcpy(d.acl, acl, n);
	return note(t, &d, e);
}

int tree_open(struct tree *t, int root, const struct copy_rules *copy, struct err *e)
{
	struct tree_dir d = { 0 };
	struct stat st;

	*t = (struct tree){ .root = root, .copy = copy, .parent = -1 };
	if (copy)
		return 0;
	/* An ACL of the directory around the store must not reach in here. */
	if ((fremovexattr(root, "system.posix_acl_default") < 0 && errno != ENODATA &&
	     errno != EOPNOTSUPP) ||
	    (fremovexattr(root, "system.posix_acl_access") < 0 && errno != ENODATA &&
	     errno != EOPNOTSUPP) ||
	    fchown(root, 0, 0) < 0 || fchmod(root, 0755) < 0 || fstat(root, &st) < 0)
		return err_sys(e, "prepare the layer's directory");
	d.ino = st.st_ino;
	d.path = xstrdup("");
	return note(t, &d, e);
}

void tree_close(struct tree *t)
{
	for (size_t i = 0; i < t->size; i++)
		release(&t->dirs[i]);
	free(t->dirs);
	if (t->parent >= 0)
		close(t->parent);
	buf_free(&t->parent_path);
	*t = (struct tree){ .root = -1, .parent = -1 };
}
