/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/file.h"
#include "base/path.h"
#include "store/names.h"

const char *const record_kind_name[] = { "sandbox", "container" };
static const char *const kind_dir[] = { "sandboxes", "containers" };

static void staging_name(enum record_kind kind, const char *id, char *dst, size_t n)
{
	snprintf(dst, n, "%c-%s", kind == RECORD_SANDBOX ? 's' : 'c', id);
}

static int open_kind(struct store *s, enum record_kind kind, struct err *e)
{
	int fd = openat(s->root, kind_dir[kind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "%s/%s", s->root_path, kind_dir[kind]) : fd;
}

void record_close(struct record *r)
{
	fd_drop(&r->dir);
	fd_drop(&r->lock);
	r->dir = r->lock = -1;
}

int record_begin(struct store *s, enum record_kind kind, struct record *out, struct err *e)
{
	struct staging st = STAGING_NONE;
	char name[ID_SIZE + 2];

	*out = (struct record){ .kind = kind, .dir = -1, .lock = -1 };
	if (staging_sweep(s, e) < 0)
		return -1;
	id_new(out->id);
	staging_name(kind, out->id, name, sizeof(name));
	if (staging_new_named(s, name, &st, e) < 0)
		return -1;
	out->dir = st.dir;
	out->lock = st.lock;
	return 0;
}

int record_publish(struct store *s, struct record *r, struct err *e)
{
	struct staging st = { .dir = r->dir, .lock = r->lock };
	char to[ID_SIZE + 16];

	staging_name(r->kind, r->id, st.name, sizeof(st.name));
	snprintf(to, sizeof(to), "%s/%s", kind_dir[r->kind], r->id);
	if (staging_publish(s, &st, s->root, to, e) < 0)
		return -1;
	r->published = true;
	return 0;
}

/* Gives back the name that the record's link says, if it is a name. */
static int release_link(struct store *s, enum record_kind kind, const char *id, int dir,
			const char *link, struct err *e)
{
	char full[256], *slash;
	ssize_t n = readlinkat(dir, link, full, sizeof(full) - 1);

	if (n < 0 && errno != ENOENT && errno != EINVAL)
		return err_sys(e, "its name");
	if (n <= 0)
		return 0;
	full[n] = '\0';
	slash = strchr(full, '/');
	if (!slash)
		return 0;
	*slash = '\0';
	/* Damaged links must not lead anywhere else. */
	if ((*full && !id_valid(full)) || name_check(slash + 1))
		return 0;
	return name_release(s, kind, full, slash + 1, id, e);
}

/* The record's link says it already. */
static int reserve(struct store *s, const struct record *r, const char *scope, const char *name,
		   struct err *e)
{
	char holder[ID_SIZE];
	struct record other = RECORD_NONE;
	struct err ignored;

	if (name_reserve(s, r->kind, scope, name, r->id, holder, e) == 0)
		return 0;
	if (e->kind != ERR_EXISTS)
		return -1;
	/* A holder that died half-way gives the name back: opening it heals it. */
	if (holder[0]) {
		if (record_open(s, r->kind, holder, false, &other, &ignored) == 0) {
			record_close(&other);
			return -1;
		}
		if (ignored.kind != ERR_NOT_FOUND ||
		    name_release(s, r->kind, scope, name, holder, e) < 0)
			return -1;
	}
	return name_reserve(s, r->kind, scope, name, r->id, holder, e);
}

static int write_link(const struct record *r, const char *link, const char *scope, const char *name,
		      struct err *e)
{
	const char *wrong = name_check(name);
	own(str) char *full = str_fmt("%s/%s", scope, name);

	if (wrong)
		return err_set(e, ERR_USAGE, "%s name '%s': %s", record_kind_name[r->kind], name,
			       wrong);
	if (symlinkat(full, r->dir, link) < 0)
		return err_sys(e, "%s %.12s: cannot write its name", record_kind_name[r->kind],
			       r->id);
	return 0;
}

int record_name(struct store *s, struct record *r, const char *scope, const char *name,
		struct err *e)
{
	if (write_link(r, "name", scope, name, e) < 0)
		return -1;
	return reserve(s, r, scope, name, e);
}

/* Of somebody who died at a renaming: had it happened? */
static bool was_renamed(const struct record *r, const char *scope, const char *old)
{
	own(str) char *full = str_fmt("%s/%s", scope, old ? old : "");
	char link[256];
	ssize_t n = readlinkat(r->dir, "name.new", link, sizeof(link) - 1);

	return n == (ssize_t)strlen(full) && memcmp(link, full, (size_t)n) == 0;
}

int record_rename_begin(struct store *s, struct record *r, const char *scope, const char *old,
			const char *name, struct err *e)
{
	if (record_rename_end(s, r, was_renamed(r, scope, old), e) < 0 ||
	    write_link(r, "name.new", scope, name, e) < 0)
		return -1;
	if (reserve(s, r, scope, name, e) == 0)
		return 0;
	(void)unlinkat(r->dir, "name.new", 0);
	return -1;
}

int record_rename_end(struct store *s, struct record *r, bool done, struct err *e)
{
	/* A record without a name until now has no link to exchange it with. */
	if (done && renameat2(r->dir, "name.new", r->dir, "name", RENAME_EXCHANGE) < 0 &&
	    renameat(r->dir, "name.new", r->dir, "name") < 0)
		return err_sys(e, "%s %.12s: cannot write its name", record_kind_name[r->kind],
			       r->id);
	if (release_link(s, r->kind, r->id, r->dir, "name.new", e) < 0)
		return -1;
	(void)unlinkat(r->dir, "name.new", 0);
	return 0;
}

/*
 * On a full disk: over the old one, which needs no room. How a container ended must be told even
 * then; blanks after the text do no harm.
 */
static int overwrite_status(const struct record *r, const struct field_table *t, const void *status)
{
	own(fd) int fd = openat(r->dir, "status.json", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	own(json) struct json_object *j = fields_write(t, status);
	own(buf) struct buf text = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	json_print(j, &text);
	while ((off_t)text.len + 1 < st.st_size)
		buf_addc(&text, ' ');
	buf_addc(&text, '\n');
	return pwrite(fd, text.s, text.len, 0) == (ssize_t)text.len ? 0 : -1;
}

int record_set_status(struct record *r, const struct field_table *t, const void *status,
		      struct err *e)
{
	if (fields_save(t, r->dir, "status.json", status, false, e) == 0)
		return 0;
	if ((e->sys == ENOSPC || e->sys == EDQUOT) && overwrite_status(r, t, status) == 0)
		return 0;
	return err_in(e, "%s %.12s", record_kind_name[r->kind], r->id);
}

int record_commit(struct store *s, struct record *r, const struct field_table *t,
		  const void *status, struct err *e)
{
	(void)s;
	return record_set_status(r, t, status, e);
}

/* Gives back all that the record owns outside its directory. Idempotent: any part may be gone
 * already. */
int record_release(struct store *s, enum record_kind kind, const char *id, int dir, struct err *e)
{
	if (s->release && s->release(s, (int)kind, id, dir, e) < 0)
		return -1;
	if (record_remove_run_dir(s, kind, id, e) < 0)
		return -1;
	if (release_link(s, kind, id, dir, "name.new", e) < 0)
		return -1;
	return release_link(s, kind, id, dir, "name", e);
}

int record_discard(struct store *s, struct record *r, struct err *e)
{
	own(fd) int staging = -1;
	char name[ID_SIZE + 2];

	if (r->dir < 0)
		return 0;
	staging_name(r->kind, r->id, name, sizeof(name));
	if (r->published) {
		own(fd) int parent = open_kind(s, r->kind, e);

		if (parent < 0 || staging_take_as(s, parent, r->id, name, e) < 0)
			return -1;
		r->published = false;
	}
	/* Gone for everyone from here on; what fails now is tried again by the next sweep. */
	staging = openat(s->root, "staging", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (staging < 0)
		return err_sys(e, "%s/staging", s->root_path);
	if (record_release(s, r->kind, r->id, r->dir, e) < 0 ||
	    path_remove_tree(staging, name, e) < 0)
		return err_in(e, "%s %.12s", record_kind_name[r->kind], r->id);
	record_close(r);
	return 0;
}

/*
 * Is dir still what the ID names? A remover may have moved it away while we waited for its lock:
 * ERR_NOT_FOUND.
 */
static int check_in_place(struct store *s, const struct record *r, struct err *e)
{
	char path[ID_SIZE + 16];
	struct stat a = { 0 }, b;

	snprintf(path, sizeof(path), "%s/%s", kind_dir[r->kind], r->id);
	if ((fstatat(s->root, path, &a, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT) ||
	    fstat(r->dir, &b) < 0)
		return err_sys(e, "%s %.12s", record_kind_name[r->kind], r->id);
	if (a.st_ino != b.st_ino || a.st_dev != b.st_dev)
		return err_set(e, ERR_NOT_FOUND, "no %s %.12s", record_kind_name[r->kind], r->id);
	return 0;
}

/* A record without status: still in the making, or left by a dead maker, then it is discarded. */
static int half_made(struct store *s, struct record *r, struct err *e)
{
	r->lock = lock_try(r->dir, "lock", LOCK_EXCLUSIVE);
	if (r->lock < 0 && errno == EWOULDBLOCK) {
		record_close(r);
		return err_set(e, ERR_STATE, "%s %.12s is being created", record_kind_name[r->kind],
			       r->id);
	}
	/* Committed, or removed, just before we had the lock? */
	if (check_in_place(s, r, e) < 0) {
		record_close(r);
		return -1;
	}
	if (faccessat(r->dir, "status.json", F_OK, 0) == 0) {
		fd_drop(&r->lock);
		r->lock = -1;
		return 0;
	}
	/* Not knowing, nothing may be removed. */
	if (errno != ENOENT)
		err_sys(e, "%s %.12s", record_kind_name[r->kind], r->id);
	else if (r->lock < 0 || record_discard(s, r, e) == 0)
		err_set(e, ERR_NOT_FOUND, "no %s %.12s", record_kind_name[r->kind], r->id);
	record_close(r);
	return -1;
}

int record_open(struct store *s, enum record_kind kind, const char *id, bool lock,
		struct record *out, struct err *e)
{
	struct record r = { .kind = kind, .dir = -1, .lock = -1, .published = true };
	char path[ID_SIZE + 16];

	*out = (struct record)RECORD_NONE;
	snprintf(r.id, sizeof(r.id), "%s", id);
	snprintf(path, sizeof(path), "%s/%s", kind_dir[kind], id);
	r.dir = openat(s->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r.dir < 0)
		return errno == ENOENT ? err_set(e, ERR_NOT_FOUND, "no %s %.12s",
						 record_kind_name[kind], id)
				       : err_sys(e, "%s %.12s", record_kind_name[kind], id);
	if (faccessat(r.dir, "status.json", F_OK, 0) < 0 && half_made(s, &r, e) < 0)
		return -1;
	if (lock) {
		own(str) char *what = str_fmt("%s %.12s", record_kind_name[kind], id);

		r.lock = lock_file(s, r.dir, "lock", LOCK_EXCLUSIVE, what, e);
		if (r.lock < 0 || check_in_place(s, &r, e) < 0) {
			record_close(&r);
			return -1;
		}
	}
	*out = r;
	return 0;
}

int record_list(struct store *s, enum record_kind kind, struct strv *ids, struct err *e)
{
	own(fd) int fd = open_kind(s, kind, e);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return -1;
	fd_steal(&fd);
	for (;;) {
		own(record) struct record r = RECORD_NONE;
		struct err ignored;
		struct dirent *de;
		char path[sizeof(de->d_name) + 16];

		errno = 0;
		de = readdir(d);
		if (!de)
			return errno ? err_sys(e, "%s/%s", s->root_path, kind_dir[kind]) : 0;
		if (!id_valid(de->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/status.json", de->d_name);
		if (faccessat(dirfd(d), path, F_OK, 0) == 0 ||
		    record_open(s, kind, de->d_name, false, &r, &ignored) == 0)
			strv_add(ids, de->d_name);
	}
}

static int find_by_prefix(struct store *s, enum record_kind kind, const char *key, struct strv *ids,
			  struct err *e)
{
	own(strv) struct strv all = { 0 };

	if (strspn(key, "0123456789abcdef") != strlen(key))
		return 0;
	if (record_list(s, kind, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (str_starts(all.v[i], key))
			strv_add(ids, all.v[i]);
	return 0;
}

static int find_container_by_name(struct store *s, const char *key, struct strv *ids, struct err *e)
{
	const char *slash = strchr(key, '/');
	char sandbox[ID_SIZE];

	if (!slash)
		return name_find_container(s, NULL, key, ids, e);
	own(str) char *scope = xstrndup(key, (size_t)(slash - key));

	if (record_find(s, RECORD_SANDBOX, scope, sandbox, e) < 0)
		return -1;
	return name_find_container(s, sandbox, slash + 1, ids, e);
}

static int ambiguous(enum record_kind kind, const char *key, struct strv *ids, struct err *e)
{
	own(buf) struct buf b = { 0 };

	strv_sort(ids);
	for (size_t i = 0; i < ids->n && i < 8; i++)
		buf_addf(&b, "%s%.12s", i ? ", " : "", ids->v[i]);
	return err_set(e, ERR_USAGE, "%s %s is ambiguous: %s%s", record_kind_name[kind], key, b.s,
		       ids->n > 8 ? ", …" : "");
}

int record_find(struct store *s, enum record_kind kind, const char *key, char id[ID_SIZE],
		struct err *e)
{
	own(strv) struct strv ids = { 0 };
	char path[ID_SIZE + 16];

	if (id_valid(key)) {
		snprintf(path, sizeof(path), "%s/%s", kind_dir[kind], key);
		if (faccessat(s->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			strv_add(&ids, key);
	} else if (kind == RECORD_SANDBOX) {
		if (name_find_sandbox(s, key, &ids, e) < 0)
			return -1;
	} else if (find_container_by_name(s, key, &ids, e) < 0) {
		return -1;
	}
	if (!ids.n && *key && find_by_prefix(s, kind, key, &ids, e) < 0)
		return -1;
	if (ids.n > 1)
		return ambiguous(kind, key, &ids, e);
	if (!ids.n) {
		own(str) char *shown = str_printable(key, strlen(key));

		err_set(e, ERR_NOT_FOUND, "no %s %.80s", record_kind_name[kind], shown);
		return err_hint(e, "'caddis %s ls%s' lists them",
				kind == RECORD_SANDBOX ? "sandbox" : "ctr",
				kind == RECORD_SANDBOX ? "" : " -a");
	}
	snprintf(id, ID_SIZE, "%s", ids.v[0]);
	return 0;
}

bool record_exists(struct store *s, enum record_kind kind, const char *id)
{
	char path[ID_SIZE + 16], staged[ID_SIZE + 2];

	/* In this order: a remover moves it from the first place to the second. */
	snprintf(path, sizeof(path), "%s/%s", kind_dir[kind], id);
	if (faccessat(s->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	staging_name(kind, id, staged, sizeof(staged));
	snprintf(path, sizeof(path), "staging/%s", staged);
	return faccessat(s->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static char *label_at(int dir, const char *link, const char *id)
{
	char target[256];
	const char *slash;
	ssize_t n = readlinkat(dir, link, target, sizeof(target) - 1);

	if (n <= 0)
		return xstrndup(id, 12);
	target[n] = '\0';
	slash = strrchr(target, '/');
	return xstrdup(slash ? slash + 1 : target);
}

char *record_label(struct store *s, enum record_kind kind, const char *id)
{
	char link[ID_SIZE + 24];

	snprintf(link, sizeof(link), "%s/%s/name", kind_dir[kind], id);
	return label_at(s->root, link, id);
}

char *record_label_now(const struct record *r)
{
	return label_at(r->dir, "name", r->id);
}

int record_run_dir(struct store *s, enum record_kind kind, const char *id, bool create,
		   struct err *e)
{
	char path[ID_SIZE + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", kind_dir[kind], id);
	if (create && mkdirat(s->state, path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "%s/%s", s->state_path, path);
	fd = openat(s->state, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "%s/%s", s->state_path, path) : fd;
}

int record_remove_run_dir(struct store *s, enum record_kind kind, const char *id, struct err *e)
{
	own(fd) int parent = openat(s->state, kind_dir[kind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (parent < 0)
		return err_sys(e, "%s/%s", s->state_path, kind_dir[kind]);
	return path_remove_tree(parent, id, e);
}
