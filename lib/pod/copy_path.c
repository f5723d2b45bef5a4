/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/copy_path.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/path.h"
#include "image/layer_tree.h"

#define LINKS_MAX 40 /* as in the kernel */

/* ---- roots ---- */

void copy_root_close(struct copy_root *r)
{
	fd_drop(&r->fd);
	free(r->path);
	free(r->given);
	*r = (struct copy_root)COPY_ROOT_NONE;
}

static bool is_below(const char *path, const char *mount)
{
	size_t n = strlen(mount);

	return strncmp(path, mount, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static int not_mounted(const char *path, struct err *e)
{
	err_set(e, ERR_STATE, "/%s is mounted only while it runs", path);
	return err_hint(e, "start it");
}

/* A directory of the host as it is: then what it holds can be looked up without the mount. */
static bool is_plain(const struct cri_mount *m)
{
	return str_some(m->host_path) && !m->tmpfs && !str_some(m->sub_path) && !m->idmap &&
	       !m->uid_mappings.n && !m->gid_mappings.n;
}

/* rest: the path from where it is mounted. */
static int open_mount(const struct cri_mount *m, const char *target, const char *rest,
		      bool to_write, struct copy_root *r, struct err *e)
{
	if (!is_plain(m))
		return not_mounted(target, e);
	r->fd = open(m->host_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return errno == ENOTDIR ? not_mounted(target, e) : err_sys(e, "%s", m->host_path);
	if (to_write && m->readonly)
		return err_set(e, ERR_DENIED, "/%s is mounted read-only", target);
	free(r->path);
	r->path = str_fmt("/%s", rest + strspn(rest, "/"));
	return 0;
}

/* What is written below a mount would be hidden as soon as it runs, and what it has there is not to
 * be seen. r->fd is set when it can be looked up elsewhere. */
static int find_mount(const struct container *c, const char *path, bool to_write,
		      struct copy_root *r, struct err *e)
{
	static const char *const ours[] = { "dev",	 "proc",	 "sys",
					    "etc/hosts", "etc/hostname", "etc/resolv.conf" };
	const struct cri_mount *m = c->record.config.mounts.v;
	own(buf) struct buf clean = { 0 }, mount = { 0 };

	if (tree_clean(path, PATH_MAX, PATH_MAX, &clean, e) < 0)
		return -1;
	/* The last one is the uppermost. */
	for (size_t i = c->record.config.mounts.n; i-- > 0;) {
		if (tree_clean(m[i].container_path, PATH_MAX, PATH_MAX, &mount, e) < 0)
			return -1;
		if (is_below(clean.s, mount.s))
			return open_mount(&m[i], mount.s, clean.s + mount.len, to_write, r, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (is_below(clean.s, ours[i]))
			return not_mounted(ours[i], e);
	return 0;
}

static int open_in_container(const struct view *v, const char *path, bool to_write,
			     struct copy_root *r, struct err *e)
{
	r->in_container = true;
	r->live = v->live;
	r->ids = (struct ids){ v->uids, v->gids };
	r->path = str_fmt("%s%s", *path == '/' ? "" : "/", path);
	r->given = xstrdup(r->path);
	if (!v->live && find_mount(&v->container, path, to_write, r, e) < 0)
		return -1;
	if (r->fd >= 0)
		return 0;
	if (!v->live && to_write &&
	    v->container.record.config.linux_.security_context.readonly_rootfs)
		return err_set(e, ERR_DENIED, "its root file system is read-only");
	r->fd = openat(v->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r->fd < 0 ? err_sys(e, "open its root") : 0;
}

int copy_root_open(const struct view *v, const char *path, bool to_write, struct copy_root *out,
		   struct err *e)
{
	*out = (struct copy_root)COPY_ROOT_NONE;
	if (!*path)
		return err_set(e, ERR_USAGE, "the path is empty");
	if (v)
		return open_in_container(v, path, to_write, out, e);
	if (str_eq(path, "-"))
		return 0;
	out->path = path_absolute(path, e);
	if (!out->path)
		return -1;
	out->given = xstrdup(out->path);
	out->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return out->fd < 0 ? err_sys(e, "open /") : 0;
}

/* ---- words ---- */

/* The last word of a path, without slashes after it; "" for the root. */
static char *last_word(const char *path)
{
	size_t n = strlen(path), end;

	while (n > 0 && path[n - 1] == '/')
		n--;
	end = n;
	while (n > 0 && path[n - 1] != '/')
		n--;
	return xstrndup(path + n, end - n);
}

static bool is_dots(const char *word)
{
	return str_eq(word, ".") || str_eq(word, "..");
}

/* ---- the source ---- */

void copy_source_close(struct copy_source *s)
{
	fd_drop(&s->fd);
	free(s->name);
	s->name = NULL;
}

int copy_source_open(const struct copy_root *r, bool follow, struct copy_source *out, struct err *e)
{
	bool slash = str_ends(r->given, "/");
	int flags = O_PATH;

	*out = (struct copy_source)COPY_SOURCE_NONE;
	out->name = last_word(r->given);
	if (!*out->name || is_dots(out->name)) {
		free(out->name);
		out->name = NULL;
	}
	if (slash || !out->name)
		flags |= O_DIRECTORY;
	else if (!follow)
		flags |= O_NOFOLLOW;
	out->fd = path_try_open_in(r->fd, r->path, flags, 0);
	if (out->fd < 0 || fstat(out->fd, &out->st) < 0)
		return err_sys(e, "find it");
	return 0;
}

/* ---- the target ---- */

void copy_target_close(struct copy_target *t)
{
	fd_drop(&t->dir);
	free(t->below);
	free(t->path);
	free(t->name);
	*t = (struct copy_target)COPY_TARGET_NONE;
}

/* Splits off the last word, which is not "", "." or "..". */
static int split(const char *path, char **parent, char **name, struct err *e)
{
	*name = last_word(path);
	if (!**name || is_dots(*name))
		return err_set(e, ERR_NOT_FOUND, "there is no such directory");
	*parent = str_fmt("%.*s", (int)(strrchr(path, '/') + 1 - path), path);
	return 0;
}

static int no_directory(const char *path, struct err *e)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return err_sys(e, "the directory %.*s", (int)MIN(n, (size_t)300), path);
}

/* One step: is path a symlink? Then *path is what it says. */
static int read_link(int root, char **path, const char *parent, const char *name, bool *is_link,
		     struct err *e)
{
	own(fd) int dir = path_try_open_in(root, parent, O_PATH | O_DIRECTORY, 0);
	char target[PATH_MAX];
	ssize_t n;

	*is_link = false;
	if (dir < 0)
		return no_directory(parent, e);
	n = readlinkat(dir, name, target, sizeof(target) - 1);
	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : err_sys(e, "look at it");
	target[n] = '\0';
	*is_link = true;
	free(*path);
	*path = str_fmt("%s%s", *target == '/' ? "" : parent, target);
	return 0;
}

/* The directory and the name that path stands for, when a symlink there is followed: it may lead to
 * nothing yet. */
static int resolve(const struct copy_root *r, const char *given, char **parent, char **name,
		   struct err *e)
{
	own(str) char *path = xstrdup(given);
	bool is_link = true;

	while (str_ends(path, "/") && path[1])
		path[strlen(path) - 1] = '\0';
	for (int links = 0; is_link; links++) {
		free(*parent);
		free(*name);
		*parent = *name = NULL;
		errno = ELOOP;
		if (links > LINKS_MAX)
			return err_sys(e, "find it");
		if (split(path, parent, name, e) < 0 ||
		    read_link(r->fd, &path, *parent, *name, &is_link, e) < 0)
			return -1;
	}
	return 0;
}

/* A container's paths are found anew at each step, from its root on; the host's directory stays
 * what it is now. */
static int set_directory(const struct copy_root *r, const char *path, struct copy_target *t,
			 struct err *e)
{
	bool host = !r->in_container;
	const char *from_root = path + strspn(path, "/");

	t->dir = path_try_open_in(r->fd, host ? path : "/", O_PATH | O_DIRECTORY, 0);
	if (t->dir < 0)
		return no_directory(path, e);
	t->path = xstrdup(path);
	t->below = xstrdup(host ? "" : from_root);
	while (str_ends(t->below, "/"))
		t->below[strlen(t->below) - 1] = '\0';
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A directory copied into itself would never end. */
static int check_loop(const struct copy_root *r, const struct copy_target *t,
		      const struct copy_source *from, struct err *e)
{
	own(str) char *path = xstrdup(t->path);
	struct stat st, above = { 0 };

	for (int i = 0; i < PATH_MAX; i++) {
		own(fd) int fd = path_try_open_in(r->fd, path, O_PATH | O_DIRECTORY, 0);
		char *up = str_fmt("%s/..", path);

		free(path);
		path = up;
		if (fd < 0 || fstat(fd, &st) < 0 || (i && same_file(&st, &above)))
			return 0;
		if (same_file(&st, &from->st))
			return err_set(e, ERR_USAGE, "a directory cannot be copied into itself");
		above = st;
	}
	return 0;
}

/* A directory that is there takes the source in; anything else is replaced, or made. */
static int choose(const struct copy_root *r, const struct copy_source *from, bool overwrite,
		  struct copy_target *t, struct err *e)
{
	bool slash = str_ends(r->given, "/") || str_ends(r->given, "/.");
	bool directory = from && S_ISDIR(from->st.st_mode);
	own(fd) int there = path_try_open_in(r->fd, r->path, O_PATH, 0);
	own(str) char *parent = NULL;
	struct stat st;

	if (there < 0 && errno != ENOENT)
		return err_sys(e, "find it");
	if (there >= 0 && fstat(there, &st) < 0)
		return err_sys(e, "look at it");
	if (there >= 0 && S_ISDIR(st.st_mode)) {
		t->name = from ? xstrdup(from->name) : NULL;
		return set_directory(r, r->path, t, e);
	}
	if (!from)
		return err_set(e, there < 0 ? ERR_NOT_FOUND : ERR_USAGE,
			       there < 0 ? "there is no such directory" : "it is not a directory");
	if (there >= 0 && directory && !overwrite)
		return err_set(e, ERR_EXISTS, "it is not a directory, and the source is one");
	if (there < 0 && slash && !directory)
		return err_set(e, ERR_NOT_FOUND, "there is no such directory");
	if (resolve(r, r->path, &parent, &t->name, e) < 0)
		return -1;
	return set_directory(r, parent, t, e);
}

int copy_target_open(const struct copy_root *r, const struct copy_source *from, bool overwrite,
		     struct copy_target *out, struct err *e)
{
	*out = (struct copy_target)COPY_TARGET_NONE;
	if (choose(r, from, overwrite, out, e) < 0)
		return -1;
	return from && S_ISDIR(from->st.st_mode) ? check_loop(r, out, from, e) : 0;
}
