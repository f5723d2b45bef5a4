/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/layer_xattr.h"
#include "image/pack_header.h"
#include "image/pack_sparse.h"
#include "spec/id_mapping.h"

#define CHUNK (256 * 1024)
#define MADE_UP_MAX ((size_t)64 << 20)
#define NOBODY 65534		/* as the kernel shows an id without a mapping */
#define MQUEUE_MAGIC 0x19800202 /* fs: ipc/mqueue.c; in no header */
#define XATTR_MAX 65536		/* of a value, and of the list of names */

/* The first name of each file that has several. */
struct seen {
	uint64_t ino, dev;
	char *name;
};

struct pack {
	int root;
	const struct pack_options *o;
	const char *prefix; /* of all names: "", or the top's with a slash */
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

	/* Its content is another file's below, by the kernel's default options. */
	if (p->o->upper &&
	    (str_eq(name, "trusted.overlay.redirect") || str_eq(name, "trusted.overlay.metacopy")))
		return err_set(e, ERR_STATE, "overlayfs keeps it in a way that no layer has (%s)",
			       name);
	if (xattr_fate(name) == XATTR_DROP)
		return 0;
	p->value.len = 0;
	buf_reserve(&p->value, XATTR_MAX);
	n = getxattr(path, name, p->value.s, XATTR_MAX);
	if (n < 0)
		return err_sys(e, "read its xattr %.100s", name);
	key = str_fmt("SCHILY.xattr.%s", name);
	p->value.len = (size_t)n;
	if (xattr_ids_inside(&p->o->ids, name, &p->value))
		pack_record(records, key, p->value.s, p->value.len);
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

static int copy_part(struct pack *p, int fd, int64_t left, struct err *e)
{
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
	return 0;
}

/* map: where its data is; NULL: it has no holes to tell of. */
static int copy_data(struct pack *p, int fd, int64_t size, const struct sparse *map, struct err *e)
{
	if (!map && copy_part(p, fd, size, e) < 0)
		return -1;
	if (map)
		buf_addn(&p->out, map->text.s, map->text.len);
	for (size_t i = 0; map && i < map->n; i++) {
		if (lseek(fd, map->v[i].offset, SEEK_SET) < 0)
			return err_sys(e, "read");
		if (copy_part(p, fd, map->v[i].size, e) < 0)
			return -1;
	}
	pack_padding(&p->out, map ? map->data : size);
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
	int64_t inside = map ? idmap_inside(map, id) : id;

	return inside < 0 ? NOBODY : (uint32_t)inside;
}

/* What the kernel makes up: there is no end of it, and nothing to keep. */
static bool is_made_up(int fd)
{
	static const long types_[] = {
		PROC_SUPER_MAGIC,   SYSFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
		DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,      SECURITYFS_MAGIC,
		BINFMTFS_MAGIC,	    BPF_FS_MAGIC,  SELINUX_MAGIC,      MQUEUE_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(types_); i++)
		if (fs.f_type == types_[i])
			return true;
	return false;
}

/* Its size is known when it has been read. */
static int load_made_up(int fd, struct buf *out, struct err *e)
{
	for (;;) {
		ssize_t n;

		buf_reserve(out, CHUNK);
		n = read_full(fd, out->s + out->len, CHUNK);
		if (n < 0)
			return err_sys(e, "read");
		out->len += (size_t)n;
		if ((size_t)n < CHUNK)
			return 0;
		if (out->len > MADE_UP_MAX)
			return err_set(e, ERR_FAIL,
				       "it is of the kernel, and has more than 64 MiB");
	}
}

/* header: but for what is in xattrs and in the file itself. */
static int add_content(struct pack *p, int fd, const struct pack_entry *header, struct err *e)
{
	struct pack_entry entry = *header;
	own(buf) struct buf records = { 0 };
	own(sparse) struct sparse map = { 0 };
	own(buf) struct buf text = { 0 };
	char target[PATH_MAX] = "";
	bool file = S_ISREG(entry.mode), made_up = file && is_made_up(fd);

	if (S_ISLNK(entry.mode)) {
		if (readlinkat(fd, "", target, sizeof(target) - 1) < 0)
			return err_sys(e, "read the symlink");
		entry.link = target;
	}
	if (add_xattrs(p, fd, &records, e) < 0)
		return -1;
	if (made_up) {
		if (load_made_up(fd, &text, e) < 0)
			return -1;
		entry.size = (int64_t)text.len;
	}
	if (file && !made_up && p->o->sparse && sparse_find(fd, entry.size, &map))
		entry.sparse = &map;
	pack_header(&p->out, &entry, &records);
	if (made_up) {
		buf_addn(&p->out, text.s, text.len);
		pack_padding(&p->out, entry.size);
	} else if (file && copy_data(p, fd, entry.size, entry.sparse, e) < 0) {
		return -1;
	}
	return flush(p, CHUNK, e);
}

/* fd: for reading where that is possible, else O_PATH. */
static int add_entry(struct pack *p, int fd, const struct statx *st, const char *path,
		     struct err *e)
{
	own(str) char *name = str_fmt("%s%s", p->prefix, path);
	struct pack_entry entry = {
		.name = *name ? name : "./",
		.type = type_of(st->stx_mode),
		.mode = st->stx_mode,
		.uid = id_inside(p->o->ids.uids, st->stx_uid),
		.gid = id_inside(p->o->ids.gids, st->stx_gid),
		.major = st->stx_rdev_major,
		.minor = st->stx_rdev_minor,
		.mtime = st->stx_mtime.tv_sec,
		.mtime_ns = st->stx_mtime.tv_nsec,
	};
	own(buf) struct buf none = { 0 };

	if (!S_ISDIR(st->stx_mode))
		entry.link = first_name(p, st, name);
	if (S_ISREG(st->stx_mode) && !entry.link)
		entry.size = (int64_t)st->stx_size;
	if (!entry.link)
		return add_content(p, fd, &entry, e);
	entry.type = '1';
	pack_header(&p->out, &entry, &none);
	return flush(p, CHUNK, e);
}

/* An empty file whose name means that something below is hidden (OCI image-spec, layer.md). */
static int add_whiteout(struct pack *p, const char *path, const char *name, struct err *e)
{
	own(str) char *whole = str_fmt("%s%s.wh.%s", p->prefix, path, name);
	own(buf) struct buf none = { 0 };
	struct pack_entry entry = { .name = whole, .type = '0', .mode = 0600 };

	pack_header(&p->out, &entry, &none);
	return flush(p, CHUNK, e);
}

/* --- the walk --- */

/* The very file that was looked at, and no FIFO that took its place. */
static int open_file(int path, struct err *e)
{
	int fd = open(fd_path(path).s, O_RDONLY | O_NOATIME | O_CLOEXEC);

	if (fd < 0 && errno == EPERM) /* not ours, by the user namespace of its file system */
		fd = open(fd_path(path).s, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open") : fd;
}

static int open_child(int dir, const char *name, struct statx *st, struct err *e)
{
	own(fd) int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || stat_fd(fd, st, e) < 0)
		return err_sys(e, "open");
	return S_ISREG(st->stx_mode) ? open_file(fd, e) : fd_steal(&fd);
}

static bool is_whiteout(const struct statx *st)
{
	return S_ISCHR(st->stx_mode) && !st->stx_rdev_major && !st->stx_rdev_minor;
}

static int add_known_child(struct pack *p, int fd, const struct statx *st, const char *path,
			   const char *name, struct strv *below, struct err *e)
{
	own(str) char *whole = str_fmt("%s%s", path, name);

	if (p->o->want && !p->o->want(p->o->want_ctx, whole, st))
		return 0;
	if (p->o->layer && str_starts(name, ".wh."))
		return err_set(e, ERR_FAIL, "an image cannot hold a name that starts with .wh.");
	if (p->o->upper && is_whiteout(st))
		return add_whiteout(p, path, name, e);
	if (S_ISDIR(st->stx_mode)) {
		strv_take(below, str_fmt("%s/", whole));
		return 0;
	}
	if (S_ISSOCK(st->stx_mode) || (st->stx_mnt_id != p->mount && !p->o->mounts))
		return 0;
	return add_entry(p, fd, st, whole, e);
}

static int add_child(struct pack *p, int dir, const char *path, const char *name,
		     struct strv *below, struct err *e)
{
	struct statx st;
	own(fd) int fd = open_child(dir, name, &st, e);

	if (fd < 0 && p->o->live && e->sys == ENOENT)
		return 0;
	if (fd < 0 || add_known_child(p, fd, &st, path, name, below, e) < 0)
		return err_in(e, "\"%.200s%.200s\"", path, name);
	return 0;
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

static bool goes_into(const struct pack *p, int dir, const struct statx *st)
{
	if (st->stx_ino == p->skip.stx_ino && same_device(st, &p->skip))
		return false;
	return st->stx_mnt_id == p->mount || (p->o->mounts && !is_made_up(dir));
}

static int add_opaque(struct pack *p, int dir, const char *path, struct err *e)
{
	char value = 0;

	if (!p->o->upper || fgetxattr(dir, "trusted.overlay.opaque", &value, 1) != 1 ||
	    value != 'y')
		return 0;
	return add_whiteout(p, path, ".wh..opq", e);
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
	if (dir < 0 || stat_fd(dir, &st, e) < 0 || add_entry(p, dir, &st, path, e) < 0 ||
	    add_opaque(p, dir, path, e) < 0)
		return err_in(e, "\"%.200s\"", *path ? path : ".");
	if (!goes_into(p, dir, &st))
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

static int add_all(struct pack *p, struct err *e)
{
	strv_add(&p->todo, "");
	while (p->todo.n > 0) {
		own(str) char *path = p->todo.v[--p->todo.n];

		p->todo.v[p->todo.n] = NULL;
		if (add_directory(p, path, e) < 0)
			return -1;
	}
	return 0;
}

/* Not a directory. */
static int add_top(struct pack *p, const struct statx *st, struct err *e)
{
	own(fd) int file = -1;

	if (S_ISSOCK(st->stx_mode))
		return err_set(e, ERR_FAIL, "a socket cannot be copied");
	p->prefix = p->o->top;
	if (S_ISREG(st->stx_mode)) {
		file = open_file(p->root, e);
		if (file < 0)
			return -1;
	}
	return add_entry(p, file < 0 ? p->root : file, st, "", e);
}

int pack_tree(int fd, const struct pack_options *o, pack_sink *sink, void *ctx, struct err *e)
{
	static const char end[2 * TAR_BLOCK];
	own(str) char *prefix = str_fmt("%s%s", o->top ? o->top : "", o->top ? "/" : "");
	own(pack) struct pack p = {
		.root = fd, .o = o, .prefix = prefix, .sink = sink, .ctx = ctx
	};
	struct statx st;

	if (stat_fd(fd, &st, e) < 0 || (o->skip >= 0 && stat_fd(o->skip, &p.skip, e) < 0))
		return -1;
	p.mount = st.stx_mnt_id;
	if ((S_ISDIR(st.stx_mode) || !o->top ? add_all(&p, e) : add_top(&p, &st, e)) < 0)
		return -1;
	buf_addn(&p.out, end, sizeof(end));
	return flush(&p, 0, e);
}
