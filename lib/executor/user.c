/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/user.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "executor/executor.h"

#define ID_MAX                                                                                     \
	INT64_C(2147483647) /* what every tool understands; -1 means "no change" to the kernel */
#define USER_SPEC_MAX 256
#define FIELDS_MAX 8

struct slice {
	const char *s;
	size_t len;
};

static bool slice_is(struct slice a, struct slice b)
{
	return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

/* Digits only, no sign, no blanks, no leading zero, at most ID_MAX. */
static bool slice_to_id(struct slice s, int64_t *out)
{
	int64_t v = 0;

	if (s.len == 0 || s.len > 10 || (s.len > 1 && s.s[0] == '0'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.s[i] < '0' || s.s[i] > '9')
			return false;
		v = v * 10 + (s.s[i] - '0');
	}
	*out = v;
	return v <= ID_MAX;
}

static bool slice_starts_like_number(struct slice s)
{
	return s.len > 0 && ((s.s[0] >= '0' && s.s[0] <= '9') || s.s[0] == '+' || s.s[0] == '-');
}

/* Splits a line at ':' into at most FIELDS_MAX fields; the last one keeps the rest. */
static size_t line_split(struct slice line, struct slice f[FIELDS_MAX])
{
	size_t n = 0;

	while (n < FIELDS_MAX) {
		const char *colon = n + 1 < FIELDS_MAX ? memchr(line.s, ':', line.len) : NULL;
		size_t len = colon ? (size_t)(colon - line.s) : line.len;

		f[n++] = (struct slice){ line.s, len };
		if (!colon)
			break;
		line = (struct slice){ colon + 1, line.len - len - 1 };
	}
	return n;
}

static bool line_next(struct slice *rest, struct slice *line)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->s, '\n', rest->len);
	line->s = rest->s;
	line->len = end ? (size_t)(end - rest->s) : rest->len;
	rest->s += line->len + (end != NULL);
	rest->len -= line->len + (end != NULL);
	return true;
}

struct passwd_entry {
	struct slice name, home;
	int64_t uid, gid;
};

/* By name, or with name.s NULL by uid. The first line that fits wins; malformed lines are passed
 * over. */
static bool passwd_find(const struct user_files *f, struct slice name, int64_t uid,
			struct passwd_entry *out)
{
	struct slice rest = { f->passwd, f->passwd_len }, line, v[FIELDS_MAX];

	while (line_next(&rest, &line)) {
		struct passwd_entry p;

		if (line_split(line, v) < 6 || !slice_to_id(v[2], &p.uid) ||
		    !slice_to_id(v[3], &p.gid) || v[0].len == 0)
			continue;
		if (name.s ? !slice_is(v[0], name) : p.uid != uid)
			continue;
		p.name = v[0];
		p.home = v[5];
		*out = p;
		return true;
	}
	return false;
}

static bool group_find(const struct user_files *f, struct slice name, int64_t *gid)
{
	struct slice rest = { f->group, f->group_len }, line, v[FIELDS_MAX];

	while (line_next(&rest, &line))
		if (line_split(line, v) >= 3 && slice_is(v[0], name) && slice_to_id(v[2], gid))
			return true;
	return false;
}

static bool list_has(struct slice list, struct slice name)
{
	while (list.len > 0) {
		const char *comma = memchr(list.s, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.s) : list.len;

		if (slice_is((struct slice){ list.s, len }, name))
			return true;
		list.s += len + (comma != NULL);
		list.len -= len + (comma != NULL);
	}
	return false;
}

static bool gids_have(const struct intlist *l, int64_t gid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == gid)
			return true;
	return false;
}

static int groups_of(const struct user_files *f, struct slice name, struct intlist *out,
		     struct err *e)
{
	struct slice rest = { f->group, f->group_len }, line, v[FIELDS_MAX];
	int64_t gid;

	while (line_next(&rest, &line)) {
		if (line_split(line, v) < 4 || !slice_to_id(v[2], &gid) || !list_has(v[3], name))
			continue;
		if (gids_have(out, gid))
			continue;
		if (out->n >= 1024) /* quadratic above; far more than anybody has */
			return err_set(e, ERR_USAGE, "user \"%.*s\" is in too many groups",
				       (int)MIN(name.len, 64), name.s);
		intlist_add(out, gid);
	}
	return 0;
}

/* NULL: a home that is safe to hand on as $HOME. */
static char *home_of(const struct passwd_entry *p)
{
	if (!p || p->home.len == 0 || p->home.len >= 4096 || p->home.s[0] != '/')
		return xstrdup("/");
	for (size_t i = 0; i < p->home.len; i++)
		if ((unsigned char)p->home.s[i] < 0x20)
			return xstrdup("/");
	return xstrndup(p->home.s, p->home.len);
}

static int resolve_uid(const struct user_files *f, struct slice u, struct passwd_entry *p,
		       bool *found, struct err *e)
{
	p->uid = p->gid = 0;
	*found = false;
	if (u.len == 0) {
		*found = passwd_find(f, (struct slice){ 0 }, 0, p);
		return 0;
	}
	/* A number is that number, whatever names the image has. */
	if (slice_to_id(u, &p->uid)) {
		int64_t uid = p->uid;

		*found = passwd_find(f, (struct slice){ 0 }, uid, p);
		p->uid = uid;
		return 0;
	}
	if (slice_starts_like_number(u))
		return err_set(e, ERR_USAGE,
			       "user \"%.*s\" is neither a number up to %lld nor a name",
			       (int)u.len, u.s, (long long)ID_MAX);
	*found = passwd_find(f, u, 0, p);
	if (!*found)
		return err_set(e, ERR_USAGE, "there is no user \"%.*s\" in the image's /etc/passwd",
			       (int)u.len, u.s);
	return 0;
}

static int resolve_gid(const struct user_files *f, struct slice g, int64_t *gid, struct err *e)
{
	if (slice_to_id(g, gid))
		return 0;
	if (g.len == 0 || slice_starts_like_number(g))
		return err_set(e, ERR_USAGE,
			       "group \"%.*s\" is neither a number up to %lld nor a name",
			       (int)g.len, g.s, (long long)ID_MAX);
	if (!group_find(f, g, gid))
		return err_set(e, ERR_USAGE, "there is no group \"%.*s\" in the image's /etc/group",
			       (int)g.len, g.s);
	return 0;
}

int user_resolve(const struct user_files *f, const char *user, struct oci_user *out, char **home,
		 struct err *e)
{
	size_t len = user ? strnlen(user, USER_SPEC_MAX + 1) : 0;
	const char *colon = len ? memchr(user, ':', len) : NULL;
	struct slice u = { user ? user : "", colon ? (size_t)(colon - user) : len };
	struct passwd_entry p = { 0 };
	bool found;

	if (len > USER_SPEC_MAX)
		return err_set(e, ERR_USAGE, "user \"%.32s…\" is too long", user);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)user[i] <= 0x20 || user[i] == 0x7f)
			return err_set(e, ERR_USAGE, "the user holds a blank or control character");
	if (resolve_uid(f, u, &p, &found, e) < 0)
		return -1;
	out->uid = p.uid;
	out->gid = p.gid;
	if (colon) {
		struct slice g = { colon + 1, len - u.len - 1 };

		if (resolve_gid(f, g, &out->gid, e) < 0)
			return -1;
	} else if (found && groups_of(f, p.name, &out->additional_gids, e) < 0) {
		return -1;
	}
	*home = home_of(found ? &p : NULL);
	return 0;
}

/* A missing file is an empty one; anything but a regular file is refused before it is opened for
 * reading. */
static int user_file_load(int root, const char *path, struct buf *out, struct err *e)
{
	own(fd) int fd = path_try_open_in(root, path, O_PATH, 0);
	own(fd) int in = -1;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "the image's /%s is not a regular file", path);
	if (st.st_size > USER_FILE_MAX)
		return err_set(e, ERR_USAGE, "the image's /%s is larger than %d MiB", path,
			       USER_FILE_MAX >> 20);
	in = path_try_open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (in < 0)
		return err_sys(e, "open %s", path);
	/* Again: it may have been swapped between the two. */
	if (fstat(in, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > USER_FILE_MAX)
		return err_set(e, ERR_USAGE, "the image's /%s changed under us", path);
	buf_reserve(out, (size_t)st.st_size);
	n = read_full(in, out->s, (size_t)st.st_size);
	if (n < 0)
		return err_sys(e, "read %s", path);
	out->len = (size_t)n;
	out->s[n] = '\0';
	return 0;
}

int user_lookup(int root, const char *user, struct oci_user *out, char **home, struct err *e)
{
	own(buf) struct buf passwd = { 0 }, group = { 0 };
	struct user_files f;

	if (user_file_load(root, "etc/passwd", &passwd, e) < 0 ||
	    user_file_load(root, "etc/group", &group, e) < 0)
		return -1;
	f = (struct user_files){ passwd.s ? passwd.s : "", group.s ? group.s : "", passwd.len,
				 group.len };
	return user_resolve(&f, user, out, home, e);
}
