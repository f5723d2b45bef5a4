/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tar.h - tar streams built in memory, right ones and wrong ones, and a place to unpack them: a
 * tree beside a canary directory that must not change.
 */
#ifndef CADDIS_UNIT_TAR_H
#define CADDIS_UNIT_TAR_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "image/layer.h"
#include "unit.h"

struct ent {
	const char *name, *link, *data;
	char type;
	mode_t mode;
	unsigned uid, gid, major, minor;
	long long mtime;
	size_t size;		/* of data; 0: strlen(data) */
	const char *size_field; /* raw: 12 bytes instead of the octal size */
	const char *uid_field;	/* raw: 8 bytes */
	struct buf *pax;	/* records */
};

static inline void tar_octal(char *p, size_t n, unsigned long long v)
{
	for (p[--n] = '\0'; n-- > 0; v >>= 3)
		p[n] = (char)('0' + (v & 7));
}

static inline void tar_pad(struct buf *b)
{
	while (b->len % 512)
		buf_addc(b, '\0');
}

static inline void tar_header(struct buf *b, const struct ent *x, const char *name, char type,
			      size_t size)
{
	unsigned char h[512] = { 0 };
	char *s = (char *)h;
	unsigned sum = 0;

	memcpy(s, name, strnlen(name, 100));
	tar_octal(s + 100, 8, x->mode);
	tar_octal(s + 108, 8, x->uid);
	tar_octal(s + 116, 8, x->gid);
	tar_octal(s + 124, 12, size);
	tar_octal(s + 136, 12, (unsigned long long)x->mtime);
	if (x->size_field)
		memcpy(s + 124, x->size_field, 12);
	if (x->uid_field)
		memcpy(s + 108, x->uid_field, 8);
	s[156] = type;
	if (x->link)
		memcpy(s + 157, x->link, strnlen(x->link, 100));
	memcpy(s + 257,
	       "ustar\0"
	       "00",
	       8);
	tar_octal(s + 329, 8, x->major);
	tar_octal(s + 337, 8, x->minor);
	memset(s + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	snprintf(s + 148, 8, "%06o", sum);
	buf_addn(b, h, 512);
}

static inline void pax_record(struct buf *b, const char *key, const void *value, size_t n)
{
	size_t len = strlen(key) + n + 4;

	for (size_t digits = 1; digits < 12; digits++) {
		char t[32];

		if ((size_t)snprintf(t, sizeof(t), "%zu", len + digits - 1) == digits) {
			len += digits - 1;
			break;
		}
	}
	buf_addf(b, "%zu %s=", len, key);
	buf_addn(b, value, n);
	buf_addc(b, '\n');
}

static inline void tar_ent(struct buf *b, struct ent x)
{
	size_t size = x.size ? x.size : x.data ? strlen(x.data) : 0;
	struct ent plain = { .mode = 0644 };

	if (!x.type)
		x.type = '0';
	if (!x.mode)
		x.mode = x.type == '5' ? 0755 : 0644;
	if (x.pax) {
		tar_header(b, &plain, "pax", 'x', x.pax->len);
		buf_addn(b, x.pax->s, x.pax->len);
		tar_pad(b);
	}
	tar_header(b, &x, x.name, x.type, size);
	if (x.data)
		buf_addn(b, x.data, size);
	tar_pad(b);
}
#define add(b, ...) tar_ent(b, (struct ent){ __VA_ARGS__ })

static inline void tar_end(struct buf *b)
{
	static const char zeros[1024];

	buf_addn(b, zeros, sizeof(zeros));
}

/* --- the place --- */

struct world {
	char path[PATH_MAX];
	int dir, tree;
	struct stat canary, secret;
	char diff_id[72];
	struct err e;
};

static inline void world_open(struct world *w)
{
	const char *tmp = getenv("TMPDIR");
	int fd, canary;

	*w = (struct world){ 0 };
	snprintf(w->path, sizeof(w->path), "%s/caddis-layer-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(w->path))
		abort();
	w->dir = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(w->dir, "tree", 0700);
	mkdirat(w->dir, "canary", 0711);
	w->tree = openat(w->dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	canary = openat(w->dir, "canary", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(canary, "secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, "secret", 6) != 6)
		abort();
	fstat(fd, &w->secret);
	fstat(canary, &w->canary);
	close(fd);
	close(canary);
}

static inline bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_gid == b->st_gid && a->st_nlink == b->st_nlink && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static inline int count_entries(int dir, const char *name)
{
	int n = 0, fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* Not even a changed ctime: chmod, chown, link, xattr, write, rename would all show. */
static inline void canary_is_untouched(struct world *w, const char *what)
{
	struct stat dir, file;

	fstatat(w->dir, "canary", &dir, AT_SYMLINK_NOFOLLOW);
	fstatat(w->dir, "canary/secret", &file, AT_SYMLINK_NOFOLLOW);
	ok(same_stat(&dir, &w->canary), "%s changed the directory outside", what);
	ok(same_stat(&file, &w->secret), "%s changed the file outside", what);
	ok(count_entries(w->dir, "canary") == 1 && count_entries(w->dir, ".") == 2,
	   "%s made something outside", what);
}

static inline void world_close(struct world *w)
{
	struct err ignored;

	path_remove_tree(w->dir, "tree", &ignored);
	path_remove_tree(w->dir, "canary", &ignored);
	close(w->tree);
	close(w->dir);
	rmdir(w->path);
}
OWNED_STRUCT(world, struct world, world_close)

/* Pushes the blob in pieces; 0 or -1 with w->e. */
static inline int unpack_with(struct world *w, const void *blob, size_t n, size_t piece,
			      const struct layer_limits *limits)
{
	own(layer_writer) struct layer_writer *writer = NULL;
	const char *p = blob;

	if (layer_writer_open_limits(w->tree, LAYER_TAR, limits, &writer, &w->e) < 0)
		return -1;
	for (size_t at = 0; at < n; at += MIN(piece, n - at)) {
		if (layer_writer_push(writer, p + at, MIN(piece, n - at), &w->e) < 0)
			return -1;
	}
	if (layer_writer_finish(writer, w->diff_id, NULL, &w->e) < 0)
		return -1;
	return 0;
}

static inline int unpack(struct world *w, const struct buf *b)
{
	return unpack_with(w, b->s, b->len, 1 << 20, NULL);
}

static inline struct stat tree_stat(struct world *w, const char *path)
{
	struct stat st = { 0 };

	fstatat(w->tree, path, &st, AT_SYMLINK_NOFOLLOW);
	return st;
}

/* The value as text, "(none)" when it is not there. */
static inline const char *tree_xattr(struct world *w, const char *path, const char *name)
{
	static char value[65537];
	char whole[PATH_MAX + 64];
	ssize_t n;

	snprintf(whole, sizeof(whole), "/proc/self/fd/%d/%s", w->tree, path);
	n = lgetxattr(whole, name, value, sizeof(value) - 1);
	if (n < 0)
		return "(none)";
	value[n] = '\0';
	return value;
}

#endif
