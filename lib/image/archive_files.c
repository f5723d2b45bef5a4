/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/archive_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "image/layer_tar.h"
#include "image/layer_tree.h"

#define CHUNK (256 << 10)
#define FILES_MAX 100000
#define LINKS_MAX 8

/* --- copies --- */

static struct archive_file *file_new(struct archive *a, const char *name)
{
	struct archive_file *f;

	a->v = xgrow(a->v, a->n, sizeof(*a->v));
	f = &a->v[a->n];
	*f = (struct archive_file){ .name = xstrdup(name) };
	snprintf(f->copy, sizeof(f->copy), "f%zu", a->n++);
	return f;
}

struct copy {
	struct archive *archive;
	struct digest *digest;
	int fd;
	int64_t size;
};

static void copy_release(struct copy *c)
{
	digest_free(c->digest);
	fd_drop(&c->fd);
}
OWNED_STRUCT(copy, struct copy, copy_release)

static int copy_begin(struct copy *c, const struct archive_file *f, struct err *e)
{
	c->fd = openat(c->archive->staging.dir, f->copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		       0600);
	if (c->fd < 0)
		return err_sys(e, "make a file in staging");
	return digest_new(&c->digest, e);
}

static int copy_add(struct copy *c, const void *p, size_t n, struct err *e)
{
	c->size += (int64_t)n;
	c->archive->bytes += (int64_t)n;
	if (c->archive->bytes > c->archive->limits->bytes)
		return err_set(e, ERR_CORRUPT, "the archive is larger than %lld bytes",
			       (long long)c->archive->limits->bytes);
	digest_update(c->digest, p, n);
	return write_all(c->fd, p, n) < 0 ? err_sys(e, "write to staging") : 0;
}

static void copy_end(struct copy *c, struct archive_file *f)
{
	digest_final(c->digest, f->digest);
	f->size = c->size;
}

/* --- from a tar --- */

struct stream {
	int fd;
	uint8_t *chunk;
};

static int stream_next(void *ctx, const uint8_t **p, size_t *n, struct err *e)
{
	struct stream *s = ctx;
	ssize_t got = read_full(s->fd, s->chunk, CHUNK);

	if (got < 0)
		return err_sys(e, "read");
	*p = s->chunk;
	*n = (size_t)got;
	return 0;
}

static int add_file(struct archive *a, struct tar *tar, const char *name, int64_t size,
		    struct err *e)
{
	static const uint8_t zeros[4096];
	own(copy) struct copy c = { .archive = a, .fd = -1 };
	struct archive_file *f = file_new(a, name);
	int64_t offset;
	const void *p;
	size_t n;
	int r;

	if (copy_begin(&c, f, e) < 0)
		return -1;
	while ((r = tar_next_data(tar, &p, &n, &offset, e)) > 0) {
		if (offset < c.size || offset + (int64_t)n > size)
			return err_set(e, ERR_CORRUPT, "data beyond the end of the file");
		while (c.size < offset)
			if (copy_add(&c, zeros, MIN((size_t)(offset - c.size), sizeof(zeros)), e) <
			    0)
				return -1;
		if (copy_add(&c, p, n, e) < 0)
			return -1;
	}
	if (r < 0)
		return -1;
	copy_end(&c, f);
	return 0;
}

/* A symlink's target is relative to where it is, a hard link's to the root. */
static int add_link(struct archive *a, const struct tar_entry *entry, const char *name,
		    struct err *e)
{
	own(buf) struct buf whole = { 0 }, target = { 0 };
	const char *slash = strrchr(name, '/');

	if (!entry->hardlink && slash && entry->link[0] != '/')
		buf_addn(&whole, name, (size_t)(slash + 1 - name));
	buf_add(&whole, entry->link);
	if (tree_clean(whole.s, a->limits->path, a->limits->depth, &target, e) < 0)
		return -1;
	file_new(a, name)->link = xstrdup(target.s);
	return 0;
}

static struct archive_file *find(struct archive *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].name, name) == 0)
			return &a->v[i];
	return NULL;
}

static int add_entry(struct archive *a, struct tar *tar, const struct tar_entry *entry,
		     struct err *e)
{
	own(buf) struct buf name = { 0 };
	own(str) char *shown = NULL;
	bool link = entry->hardlink || S_ISLNK(entry->mode);

	if (!link && !S_ISREG(entry->mode))
		return 0; /* directories; the rest means nothing here */
	shown = str_printable(entry->name, strnlen(entry->name, 200));
	if (tree_clean(entry->name, a->limits->path, a->limits->depth, &name, e) < 0)
		return err_in(e, "\"%s\"", shown);
	if (find(a, name.s))
		return err_set(e, ERR_CORRUPT, "\"%s\" is in the archive twice", shown);
	if (a->n >= FILES_MAX)
		return err_set(e, ERR_CORRUPT, "more than %d files", FILES_MAX);
	if (link && !str_some(entry->link))
		return err_set(e, ERR_CORRUPT, "\"%s\": a link to nothing", shown);
	if ((link ? add_link(a, entry, name.s, e) : add_file(a, tar, name.s, entry->size, e)) < 0)
		return err_in(e, "\"%s\"", shown);
	return 0;
}

static int read_tar(struct archive *a, int fd, struct err *e)
{
	own(str) char *chunk = xmalloc(CHUNK);
	struct stream s = { fd, (uint8_t *)chunk };
	own(tar) struct tar *tar = NULL;
	struct layer_limits limits = *a->limits;
	struct tar_entry entry;
	char digest[DIGEST_SIZE];
	int64_t size;
	int r;

	limits.need_end = true; /* no digest tells an archive that was cut */
	if (tar_open(stream_next, &s, &limits, &tar, e) < 0)
		return -1;
	while ((r = tar_next(tar, &entry, e)) > 0)
		if (add_entry(a, tar, &entry, e) < 0)
			return -1;
	/* To the end, also of what whoever writes to us still has to say. */
	return r < 0 ? -1 : tar_finish(tar, digest, &size, e);
}

/* --- from a directory --- */

static struct archive_file *fetch_file(struct archive *a, const char *name, struct err *e)
{
	own(fd) int at = path_try_open_in(a->dir, name, O_PATH, 0);
	own(fd) int fd = -1;
	own(str) char *chunk = xmalloc(CHUNK);
	own(copy) struct copy c = { .archive = a, .fd = -1 };
	struct archive_file *f;
	struct stat st;
	ssize_t n;

	if (at < 0 || fstat(at, &st) < 0) {
		err_sys(e, "%s", name);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(e, ERR_CORRUPT, "%s is not a regular file", name);
		return NULL;
	}
	fd = open(fd_path(at).s, O_RDONLY | O_CLOEXEC);
	f = file_new(a, name);
	if (fd < 0) {
		err_sys(e, "%s", name);
		return NULL;
	}
	if (copy_begin(&c, f, e) < 0)
		return NULL;
	while ((n = read_full(fd, chunk, CHUNK)) > 0)
		if (copy_add(&c, chunk, (size_t)n, e) < 0)
			return NULL;
	if (n < 0) {
		err_sys(e, "read %s", name);
		return NULL;
	}
	copy_end(&c, f);
	return f;
}

/* --- both --- */

int archive_open(struct store *s, int fd, const struct layer_limits *limits, struct archive *out,
		 struct err *e)
{
	own(archive) struct archive a = { .store = s, .staging = STAGING_NONE, .dir = -1 };
	struct stat st;

	*out = a;
	a.limits = limits;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "archive");
	if (staging_new(s, &a.staging, e) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		a.dir = fd;
	else if (read_tar(&a, fd, e) < 0)
		return -1;
	*out = a;
	a = (struct archive){ .staging = STAGING_NONE, .dir = -1 };
	return 0;
}

void archive_close(struct archive *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].name);
		free(a->v[i].link);
	}
	free(a->v);
	if (a->staging.dir >= 0)
		staging_drop(a->store, &a->staging);
	*a = (struct archive){ .staging = STAGING_NONE, .dir = -1 };
}

struct archive_file *archive_find(struct archive *a, const char *name, struct err *e)
{
	own(buf) struct buf clean = { 0 };
	struct archive_file *f;

	if (tree_clean(name, a->limits->path, a->limits->depth, &clean, e) < 0)
		return NULL;
	f = find(a, clean.s);
	for (int i = 0; f && f->link && i < LINKS_MAX; i++)
		f = find(a, f->link);
	if (!f && a->dir >= 0)
		return fetch_file(a, clean.s, e);
	if (f && !f->link && f->digest[0])
		return f;
	err_set(e, ERR_NOT_FOUND, "%.200s is missing", name);
	return NULL;
}

int archive_load(struct archive *a, const char *name, size_t max, struct buf *out, struct err *e)
{
	struct archive_file *f = archive_find(a, name, e);

	if (!f)
		return -1;
	if (f->taken)
		return err_set(e, ERR_CORRUPT, "%.200s is used in two ways", name);
	return file_load(a->staging.dir, f->copy, max, out, e) < 0 ? err_in(e, "%.200s", name) : 0;
}
