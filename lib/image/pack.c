/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/layer_xattr.h"
#include "image/pack_header.h"

#define CHUNK (256 * 1024)
#define NOBODY 65534	/* as the kernel shows an id without a mapping */
#define XATTR_MAX 65536 /* of a value, and of the list of names */

/* The first name of each file that has several. */
struct seen {
	uint64_t ino, dev;
	char *name;
};

struct pack {
	int root;
	const struct pack_options *o;
	uint64_t mount;
	struct statx skip;
	pack_sink *sink;
	void *ctx;
	struct buf out;	   /* not yet given to the sink */
	struct strv todo;  /* directories, the next one last */
	struct seen *seen; /* a hash table */
	size_t seen_n, seen_size;
	struct buf value, names;
};

static void pack_release(struct pack *p)
{
	buf_free(&p->out);
	buf_free(&p->value);
	buf_free(&p->names);
	strv_free(&p->todo);
	for (size_t i = 0; i < p->seen_size; i++)
		free(p->seen[i].name);
	free(p->seen);
}
OWNED_STRUCT(pack, struct pack, pack_release)

static int flush(struct pack *p, size_t keep, struct err *e)
{
	if (p->out.len <= keep)
		return 0;
	if (p->sink(p->ctx, p->out.s, p->out.len, e) < 0)
		return -1;
	p->out.len = 0;
	return 0;
}

/* --- hard links --- */

static struct seen *seen_slot(struct pack *p, uint64_t ino, uint64_t dev)
{
	size_t i = (size_t)((ino * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (p->seen_size - 1);

	while (p->seen[i].name && (p->seen[i].ino != ino || p->seen[i].dev != dev))
		i = (i + 1) & (p->seen_size - 1);
	return &p->seen[i];
}

static void seen_grow(struct pack *p)
{
	struct seen *old = p->seen;
	size_t n = p->seen_size;

	p->seen_size = n ? 2 * n : 256;
	p->seen = xcalloc(p->seen_size, sizeof(*p->seen));
	for (size_t i = 0; i < n; i++) {
		if (old[i].name)
			*seen_slot(p, old[i].ino, old[i].dev) = old[i];
	}
	free(old);
}

/* The name under which the file is in the tar already, or NULL: then it is noted under this one. */
static const char *first_name(struct pack *p, const struct statx *st, const char *name)
{
	uint64_t dev = ((uint64_t)st->stx_dev_major << 32) | st->stx_dev_minor;
	struct seen *slot;

	if (st->stx_nlink < 2)
		return NULL;
	if (2 * (p->seen_n + 1) > p->seen_size)
		seen_grow(p);
	slot = seen_slot(p, st->stx_ino, dev);
	if (slot->name)
		return slot->name;
	*slot = (struct seen){ st->stx_ino, dev, xstrdup(name) };
	p->seen_n++;
	return NULL;
}

/* --- one entry --- */

static int add_xattr(struct pack *p, const char *path, const char *name, struct buf *records,
		     struct err *e)
{
	own(str) char *key = NULL;
	ssize_t n;

	if (xattr_fate(name) == XATTR_DROP)
		return 0;
	p->value.len = 0;
	buf_reserve(&p->value, XATTR_MAX);
	n = getxattr(path, name, p->value.s, XATTR_MAX);
	if (n < 0)
		return err_sys(e, "read its xattr %.100s", name);
	key = str_fmt("SCHILY.xattr.%s", name);
	pack_record(records, key, p->value.s, (size_t)n);
	return 0;
}

/* fd may be O_PATH: the link in /proc leads to the file itself, even to a symlink. */
static int add_xattrs(struct pack *p, int fd, struct buf *records, struct err *e)
{
	struct fdpath path = fd_path(fd);
	own(strv) struct strv sorted = { 0 };
	ssize_t n;

	p->names.len = 0;
	buf_reserve(&p->names, XATTR_MAX);
	n = listxattr(path.s, p->names.s, XATTR_MAX);
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : err_sys(e, "list its xattrs");
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(p->names.s + i) + 1)
		strv_add(&sorted, p->names.s + i);
	strv_sort(&sorted);
	for (size_t i = 0; i < sorted.n; i++) {
		if (add_xattr(p, path.s, sorted.v[i], records, e) < 0)
			return -1;
	}
	return 0;
}

static int copy_data(struct pack *p, int fd, int64_t size, struct err *e)
{
	int64_t left = size;

	while (left > 0) {
		size_t want = (size_t)MIN(left, (int64_t)CHUNK);
		ssize_t n;

		buf_reserve(&p->out, want);
		n = read_full(fd, p->out.s + p->out.len, want);
		if (n < 0)
			return err_sys(e, "read");
		if ((size_t)n < want && !p->o->live)
			return err_set(e, ERR_FAIL, "it became shorter while it was read");
		memset(p->out.s + p->out.len + n, 0, want - (size_t)n);
		p->out.len += want;
		left -= (int64_t)want;
		if (flush(p, CHUNK, e) < 0)
			return -1;
	}
	pack_padding(&p->out, size);
	return 0;
}

static int stat_fd(int fd, struct statx *st, struct err *e)
{
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, st) < 0)
		return err_sys(e, "look at it");
	return 0;
}

static const struct {
	mode_t type;
	char tar;
} types[] = {
	{ S_IFREG, '0' }, { S_IFLNK, '2' }, { S_IFCHR, '3' },
	{ S_IFBLK, '4' }, { S_IFDIR, '5' }, { S_IFIFO, '6' },
};

static char type_of(mode_t mode)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].type == (mode & S_IFMT))
			return types[i].tar;
	}
	return 0;
}

static uint32_t id_inside(const struct objlist *map, uint32_t id)
{
	const struct oci_id_mapping *m = map ? map->v : NULL;

	for (size_t i = 0; m && i < map->n; i++)
		if (id >= m[i].host_id && id - m[i].host_id < m[i].size)
			return (uint32_t)(id - m[i].host_id + m[i].container_id);
	return m ? NOBODY : id;
}

/* fd: for reading where that is possible, else O_PATH. */
static int add_entry(struct pack *p, int fd, const struct statx *st, const char *name,
		     struct err *e)
{
	own(buf) struct buf records = { 0 };
	char target[PATH_MAX] = "";
	bool file = S_ISREG(st->stx_mode);
	struct pack_entry entry = {
		.name = name,
		.type = type_of(st->stx_mode),
		.mode = st->stx_mode,
		.uid = id_inside(p->o->uids, st->stx_uid),
		.gid = id_inside(p->o->gids, st->stx_gid),
		.major = st->stx_rdev_major,
		.minor = st->stx_rdev_minor,
		.mtime = st->stx_mtime.tv_sec,
		.mtime_ns = st->stx_mtime.tv_nsec,
	};

	if (!S_ISDIR(st->stx_mode))
		entry.link = first_name(p, st, name);
	if (entry.link) {
		entry.type = '1';
		pack_header(&p->out, &entry, &records);
		return flush(p, CHUNK, e);
	}
	if (S_ISLNK(st->stx_mode)) {
		if (readlinkat(fd, "", target, sizeof(target) - 1) < 0)
			return err_sys(e, "read the symlink");
		entry.link = target;
	}
	if (file)
		entry.size = (int64_t)st->stx_size;
	if (add_xattrs(p, fd, &records, e) < 0)
		return -1;
	pack_header(&p->out, &entry, &records);
	if (file && copy_data(p, fd, entry.size, e) < 0)
		return -1;
	return flush(p, CHUNK, e);
}

/* --- the walk --- */

static int open_child(int dir, const char *name, struct statx *st, struct err *e)
{
	own(fd) int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int file;

	if (fd < 0 || stat_fd(fd, st, e) < 0)
		return err_sys(e, "open");
	if (!S_ISREG(st->stx_mode))
		return fd_steal(&fd);
	/* The very file that was looked at, and no FIFO that took its place. */
	file = open(fd_path(fd).s, O_RDONLY | O_NOATIME | O_CLOEXEC);
	return file < 0 ? err_sys(e, "open") : file;
}

static int add_child(struct pack *p, int dir, const char *path, const char *name,
		     struct strv *below, struct err *e)
{
	own(str) char *whole = str_fmt("%s%s", path, name);
	struct statx st;
	own(fd) int fd = open_child(dir, name, &st, e);

	if (fd < 0 && p->o->live && e->sys == ENOENT)
		return 0;
	if (fd < 0)
		return err_in(e, "\"%.200s\"", whole);
	if (p->o->layer && str_starts(name, ".wh."))
		return err_set(e, ERR_FAIL,
			       "\"%.200s\": an image cannot hold a name that starts with .wh.",
			       whole);
	if (S_ISDIR(st.stx_mode)) {
		strv_take(below, str_fmt("%s/", whole));
		return 0;
	}
	if (S_ISSOCK(st.stx_mode) || st.stx_mnt_id != p->mount)
		return 0;
	return add_entry(p, fd, &st, whole, e) < 0 ? err_in(e, "\"%.200s\"", whole) : 0;
}

static bool same_device(const struct statx *a, const struct statx *b)
{
	return a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

/* Something else may have its name by now. */
static bool is_gone(int err)
{
	return err == ENOENT || err == ENOTDIR || err == ELOOP;
}

/* path: "" or "a/b/". Its subdirectories are put on the list, to follow in their order. */
static int add_directory(struct pack *p, const char *path, struct err *e)
{
	own(fd) int dir = path_open_in(p->root, *path ? path : ".",
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	own(strv) struct strv names = { 0 }, below = { 0 };
	struct statx st;

	if (dir < 0 && p->o->live && *path && is_gone(e->sys))
		return 0;
	if (dir < 0 || stat_fd(dir, &st, e) < 0 ||
	    add_entry(p, dir, &st, *path ? path : "./", e) < 0)
		return err_in(e, "\"%.200s\"", *path ? path : ".");
	if (st.stx_mnt_id != p->mount ||
	    (st.stx_ino == p->skip.stx_ino && same_device(&st, &p->skip)))
		return 0;
	if (path_list(dir, &names, e) < 0)
		return err_in(e, "\"%.200s\"", *path ? path : ".");
	for (size_t i = 0; i < names.n; i++) {
		if (add_child(p, dir, path, names.v[i], &below, e) < 0)
			return -1;
	}
	while (below.n > 0) {
		strv_take(&p->todo, below.v[--below.n]);
		below.v[below.n] = NULL;
	}
	return 0;
}

int pack_directory(int dir, const struct pack_options *o, pack_sink *sink, void *ctx, struct err *e)
{
	static const char end[2 * TAR_BLOCK];
	own(pack) struct pack p = { .root = dir, .o = o, .sink = sink, .ctx = ctx };
	struct statx st;

	if (stat_fd(dir, &st, e) < 0 || (o->skip >= 0 && stat_fd(o->skip, &p.skip, e) < 0))
		return -1;
	p.mount = st.stx_mnt_id;
	strv_add(&p.todo, "");
	while (p.todo.n > 0) {
		own(str) char *path = p.todo.v[--p.todo.n];

		p.todo.v[p.todo.n] = NULL;
		if (add_directory(&p, path, e) < 0)
			return -1;
	}
	buf_addn(&p.out, end, sizeof(end));
	return flush(&p, 0, e);
}
