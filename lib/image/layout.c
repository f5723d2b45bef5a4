/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/proc.h"
#include "image/image.h"
#include "image/settle.h"

#define MARK "complete"
#define MARK_DURABLE "durable"
#define OCI_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}\n"

static int open_dir(int parent, const char *name, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
			return err_sys(e, "make directory %s", name);
		fd = openat(parent, name, flags);
	}
	return fd >= 0 ? fd : err_sys(e, "open directory %s", name);
}

static void give(struct layout *from, struct layout *to)
{
	*to = *from;
	*from = (struct layout)LAYOUT_NONE;
}

int layout_open(struct store *s, struct layout *out, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(fd) int blobs = -1;

	*out = (struct layout)LAYOUT_NONE;
	l.images = open_dir(s->root, "images", e);
	blobs = l.images < 0 ? -1 : open_dir(l.images, "blobs", e);
	l.blobs = blobs < 0 ? -1 : open_dir(blobs, "sha256", e);
	l.layers = l.blobs < 0 ? -1 : open_dir(s->root, "layers", e);
	if (l.layers < 0)
		return err_in(e, "image store");
	/* Somebody else may make it at the same time. */
	if (faccessat(l.images, "oci-layout", F_OK, 0) < 0 &&
	    file_replace(l.images, "oci-layout", OCI_LAYOUT, strlen(OCI_LAYOUT), FILE_NOSYNC, e) <
		    0 &&
	    faccessat(l.images, "oci-layout", F_OK, 0) < 0)
		return err_in(e, "image store");
	give(&l, out);
	return 0;
}

int layout_open_writer(struct store *s, struct layout *out, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;

	if (layout_open(s, &l, e) < 0)
		return -1;
	l.writer = lock_file(s, l.images, "writers", LOCK_SHARED, "image store", e);
	if (l.writer < 0)
		return -1;
	give(&l, out);
	return 0;
}

void layout_close(struct layout *l)
{
	fd_drop(&l->images);
	fd_drop(&l->blobs);
	fd_drop(&l->layers);
	fd_drop(&l->writer);
	*l = (struct layout)LAYOUT_NONE;
}

int layout_blob_take(struct layout *l, int dir, const char *name, const char *digest, struct err *e)
{
	if (renameat(dir, name, l->blobs, digest_hex(digest)) < 0)
		return err_sys(e, "store blob %s", digest);
	return 0;
}

int layout_blob_add(struct layout *l, const void *p, size_t n, char digest[DIGEST_SIZE],
		    struct err *e)
{
	char name[ID_SIZE + 4] = "new."; /* no digest: garbage, if we die here */
	own(fd) int fd = -1;

	if (digest_of(p, n, digest, e) < 0)
		return -1;
	if (layout_blob_exists(l, digest, (int64_t)n))
		return 0;
	id_new(name + strlen(name));
	fd = openat(l->blobs, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, p, n) < 0) {
		err_sys(e, "store blob %s", digest);
		unlinkat(l->blobs, name, 0);
		return -1;
	}
	if (layout_blob_take(l, l->blobs, name, digest, e) < 0) {
		unlinkat(l->blobs, name, 0);
		return -1;
	}
	return 0;
}

bool layout_blob_exists(struct layout *l, const char *digest, int64_t size)
{
	struct stat st;

	return fstatat(l->blobs, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == size;
}

int layout_blob_open(struct layout *l, const char *digest, struct err *e)
{
	int fd = openat(l->blobs, digest_hex(digest),
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 ? fd : err_sys(e, "open blob %s", digest);
}

int layout_blob_load(struct layout *l, const char *digest, struct buf *out, struct err *e)
{
	if (file_load(l->blobs, digest_hex(digest), LAYOUT_DOCUMENT_MAX, out, e) < 0)
		return err_in(e, "blob %s", digest);
	return 0;
}

/* The mark says until when the tree is to be trusted: always, or until the next boot. */
static bool mark_trusted(int layers, const char *diff_id, bool durable_only)
{
	char path[DIGEST_SIZE + sizeof("/" MARK)];
	own(buf) struct buf mark = { 0 };
	struct err ignored;
	const char *boot;

	snprintf(path, sizeof(path), "%s/" MARK, digest_hex(diff_id));
	if (file_load(layers, path, 64, &mark, &ignored) < 0)
		return false;
	if (str_eq(mark.s, MARK_DURABLE))
		return true;
	boot = durable_only ? NULL : proc_boot_id(&ignored);
	return boot && str_eq(mark.s, boot);
}

bool layout_layer_exists(struct layout *l, const char *diff_id)
{
	return mark_trusted(l->layers, diff_id, false);
}

int image_layer_open(struct store *s, const char *diff_id, struct err *e)
{
	own(fd) int layers = -1;
	char path[DIGEST_SIZE + sizeof("/tree")];
	int fd;

	if (!digest_valid(diff_id))
		return err_set(e, ERR_CORRUPT, "layer %s: not a digest", diff_id);
	layers = openat(s->root, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layers < 0 || !mark_trusted(layers, diff_id, false)) {
		err_set(e, ERR_CORRUPT, "layer %s is missing or incomplete", diff_id);
		return err_hint(e, "pull the image again");
	}
	snprintf(path, sizeof(path), "%s/tree", digest_hex(diff_id));
	fd = openat(layers, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	err_sys(e, "layer %s", diff_id);
	e->kind = ERR_CORRUPT;
	return -1;
}

/* Removes a layer that lost its trust (the power failed while it was written). */
static int remove_untrusted(struct store *s, struct layout *l, const char *diff_id, struct err *e)
{
	struct staging old = { .dir = -1, .lock = -1 };
	own(fd) int dir = openat(l->layers, digest_hex(diff_id),
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int lock;

	if (dir < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open layer %s", diff_id);
	lock = lock_file(s, dir, "lock", LOCK_EXCLUSIVE, "layer", e);
	if (lock < 0)
		return -1;
	if (staging_take(s, l->layers, digest_hex(diff_id), lock, &old, e) < 0)
		return -1;
	staging_drop(s, &old);
	return 0;
}

int layout_layer_publish(struct store *s, struct layout *l, struct staging *st, const char *diff_id,
			 struct err *e)
{
	const char *boot = proc_boot_id(e);

	if (!boot || file_replace(st->dir, MARK, boot, strlen(boot), FILE_NOSYNC, e) < 0)
		return err_in(e, "layer %s", diff_id);
	if (staging_publish(s, st, l->layers, digest_hex(diff_id), e) == 0)
		return 0;
	if (e->kind != ERR_EXISTS)
		return err_in(e, "layer %s", diff_id);
	if (layout_layer_exists(l, diff_id))
		return 0;
	if (remove_untrusted(s, l, diff_id, e) < 0)
		return -1;
	return staging_publish(s, st, l->layers, digest_hex(diff_id), e);
}

int layout_layer_distrust(struct layout *l, const char *diff_id, struct err *e)
{
	char path[DIGEST_SIZE + sizeof("/" MARK)];
	struct stat st;

	if (fstatat(l->layers, digest_hex(diff_id), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "layer %s", diff_id);
	snprintf(path, sizeof(path), "%s%s", digest_hex(diff_id),
		 S_ISDIR(st.st_mode) ? "/" MARK : "");
	if (unlinkat(l->layers, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, "layer %s", diff_id);
	return 0;
}

static int sync_all(struct layout *l, struct err *e)
{
	struct stat images, layers;

	if (fstat(l->images, &images) < 0 || fstat(l->layers, &layers) < 0 || syncfs(l->images) < 0)
		return err_sys(e, "sync the image store");
	if (images.st_dev != layers.st_dev && syncfs(l->layers) < 0)
		return err_sys(e, "sync the layers");
	return 0;
}

int layout_sync(struct layout *l, const struct strv *diff_ids, struct err *e)
{
	bool marked = false;

	if (sync_all(l, e) < 0)
		return -1;
	for (size_t i = 0; i < diff_ids->n; i++) {
		own(fd) int dir = -1;

		if (mark_trusted(l->layers, diff_ids->v[i], true))
			continue;
		if (!layout_layer_exists(l, diff_ids->v[i]))
			return err_set(e, ERR_CORRUPT, "layer %s has disappeared", diff_ids->v[i]);
		dir = openat(l->layers, digest_hex(diff_ids->v[i]),
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir < 0)
			return err_sys(e, "open layer %s", diff_ids->v[i]);
		/* Two pulls may have the same layer. */
		if (flock(dir, LOCK_EX) < 0)
			return err_sys(e, "lock layer %s", diff_ids->v[i]);
		if (file_replace(dir, MARK, MARK_DURABLE, strlen(MARK_DURABLE), FILE_NOSYNC, e) < 0)
			return -1;
		marked = true;
	}
	return marked ? sync_all(l, e) : 0;
}

int layout_commit(struct store *s, struct layout *l, const struct layout_naming *want,
		  const struct strv *diff_ids, struct err *e)
{
	own(layout_index) struct layout_index x = { 0 };
	own(fd) int lock = -1;

	if (layout_sync(l, diff_ids, e) < 0)
		return -1;
	lock = settle_and_lock(s, l, &x, e);
	if (lock < 0)
		return -1;
	layout_index_set(&x, want);
	return layout_index_save(l, &x, e);
}
