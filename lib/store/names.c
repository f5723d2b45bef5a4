/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names: symbolic links whose target is an ID; symlink(2) is the atomic reservation.
 *
 *     names/sandboxes/NAME            -> ID
 *     names/containers/NAME/SANDBOX   -> ID     a container's name is unique in its sandbox
 *
 * The record itself keeps a link "name" -> "SCOPE/NAME", made first: whatever dies in between, the
 * record knows what to give back. Changes are made under names/lock, which is held for moments
 * only.
 */
#include "store/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"

/* "names/sandboxes/NAME" or "names/containers/NAME/SCOPE"; both parts were checked before. */
static void link_path(enum record_kind kind, const char *scope, const char *name, char *dst,
		      size_t n)
{
	if (kind == RECORD_SANDBOX)
		snprintf(dst, n, "names/sandboxes/%s", name);
	else
		snprintf(dst, n, "names/containers/%s/%s", name, scope);
}

/* 1: it leads to an ID; 0: there is none, or it is damaged; -1 with errno: nobody can tell. */
static int read_id(int dir, const char *path, char id[ID_SIZE])
{
	ssize_t n = readlinkat(dir, path, id, ID_SIZE);

	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EINVAL ? 0 : -1;
	if (n != ID_SIZE - 1)
		return 0;
	id[n] = '\0';
	return id_valid(id);
}

int name_reserve(struct store *s, enum record_kind kind, const char *scope, const char *name,
		 const char *id, char holder[ID_SIZE], struct err *e)
{
	own(fd) int lock = lock_file(s, s->root, "names/lock", LOCK_EXCLUSIVE, "names", e);
	char path[256];

	if (lock < 0)
		return -1;
	if (kind == RECORD_CONTAINER) {
		snprintf(path, sizeof(path), "names/containers/%s", name);
		if (mkdirat(s->root, path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, "name %s", name);
	}
	link_path(kind, scope, name, path, sizeof(path));
	if (symlinkat(id, s->root, path) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "name %s", name);
	if (read_id(s->root, path, holder) <= 0)
		holder[0] = '\0';
	return err_set(e, ERR_EXISTS, "the name %s is in use by %s %.12s", name,
		       record_kind_name[kind], holder[0] ? holder : "(unknown)");
}

int name_release(struct store *s, enum record_kind kind, const char *scope, const char *name,
		 const char *id, struct err *e)
{
	own(fd) int lock = lock_file(s, s->root, "names/lock", LOCK_EXCLUSIVE, "names", e);
	char path[256], holder[ID_SIZE];

	if (lock < 0)
		return -1;
	link_path(kind, scope, name, path, sizeof(path));
	if (read_id(s->root, path, holder) > 0 && !str_eq(holder, id))
		return 0; /* somebody else's by now */
	if (unlinkat(s->root, path, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, "name %s", name);
	if (kind == RECORD_CONTAINER) {
		snprintf(path, sizeof(path), "names/containers/%s", name);
		/* When it was the last of that name. */
		if (unlinkat(s->root, path, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY &&
		    errno != ENOENT)
			return err_sys(e, "name %s", name);
	}
	return 0;
}

static int find_one(struct store *s, enum record_kind kind, const char *scope, const char *name,
		    struct strv *ids, struct err *e)
{
	char path[256], id[ID_SIZE];
	int found;

	link_path(kind, scope, name, path, sizeof(path));
	found = read_id(s->root, path, id);
	if (found > 0)
		strv_add(ids, id);
	return found < 0 ? err_sys(e, "name %s", name) : 0;
}

int name_find_sandbox(struct store *s, const char *name, struct strv *ids, struct err *e)
{
	return name_check(name) ? 0 : find_one(s, RECORD_SANDBOX, "", name, ids, e);
}

int name_find_container(struct store *s, const char *scope, const char *name, struct strv *ids,
			struct err *e)
{
	char path[256], id[ID_SIZE];

	if (name_check(name))
		return 0;
	if (scope)
		return find_one(s, RECORD_CONTAINER, scope, name, ids, e);
	snprintf(path, sizeof(path), "names/containers/%s", name);
	own(fd) int fd = openat(s->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "name %s", name);
	fd_steal(&fd);
	for (;;) {
		errno = 0;
		struct dirent *de = readdir(d);

		if (!de)
			return errno ? err_sys(e, "name %s", name) : 0;
		int found = de->d_name[0] == '.' ? 0 : read_id(dirfd(d), de->d_name, id);

		if (found < 0)
			return err_sys(e, "name %s", name);
		if (found)
			strv_add(ids, id);
	}
}
