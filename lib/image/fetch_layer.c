/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/fetch_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "image/layer.h"

#define READ_SIZE (256 << 10)

/* The one pass: where each byte of the blob goes. */
struct pass {
	struct fetch_layer *job;
	struct digest *digest;
	struct layer_writer *writer; /* NULL: the layer is here, only the blob is wanted */
	int blob;		     /* file; -1: the blob is here, only the layer is wanted */
	bool unpack_failed;
	struct err unpack_err;
};

static int pass_bytes(void *ctx, const void *p, size_t n, struct err *e)
{
	struct pass *ps = ctx;

	digest_update(ps->digest, p, n);
	if (ps->blob >= 0 && write_all(ps->blob, p, n) < 0)
		return err_sys(e, "write blob %s", ps->job->d->digest);
	if (ps->writer && !ps->unpack_failed && layer_writer_push(ps->writer, p, n, e) < 0) {
		/*
		 * Goes on to the end where that is of use: if the bytes are wrong, then this is
		 * what is to be told, and not what unpacking made of them.
		 */
		if (e->sys)
			return -1;
		ps->unpack_failed = true;
		ps->unpack_err = *e;
	}
	atomic_fetch_add(&ps->job->done, (int64_t)n);
	return 0;
}

static int pass_file(struct pass *ps, int fd, struct err *e)
{
	own(str) char *buf = xmalloc(READ_SIZE);
	ssize_t n;

	while ((n = read_full(fd, buf, READ_SIZE)) > 0)
		if (pass_bytes(ps, buf, (size_t)n, e) < 0)
			return -1;
	return n < 0 ? err_sys(e, "read blob %s", ps->job->d->digest) : 0;
}

static int pass_local(struct fetch *f, struct pass *ps, struct err *e)
{
	own(fd) int fd = layout_blob_open(f->l, ps->job->d->digest, e);

	return fd < 0 ? -1 : pass_file(ps, fd, e);
}

void fetch_part_name(const char *digest, char name[FETCH_PART_SIZE])
{
	snprintf(name, FETCH_PART_SIZE, "part.%s", digest_hex(digest));
}

/*
 * Opens what an interrupted pull had left of the blob, to go on there. It passes as if it came just
 * now: the digest's state and the tree are made of it anew, so that it need not be trusted.
 */
static int pass_kept(struct fetch *f, struct pass *ps, struct err *e)
{
	struct fetch_layer *job = ps->job;
	char name[FETCH_PART_SIZE];
	struct stat st;
	own(fd) int fd = -1;

	if (!f->r)
		return err_set(e, ERR_CORRUPT, "blob %s is not here", job->d->digest);
	fetch_part_name(job->d->digest, name);
	fd = openat(f->l->blobs, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "make blob %s", job->d->digest);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CORRUPT, "blob %s: what there is of it is not a file",
			       job->d->digest);
	if (st.st_size > job->d->size && ftruncate(fd, 0) < 0)
		return err_sys(e, "empty blob %s", job->d->digest);
	if (pass_file(ps, fd, e) < 0)
		return -1;
	atomic_store(&job->kept, atomic_load(&job->done));
	return fd_steal(&fd);
}

static int pass_remote(struct fetch *f, struct pass *ps, struct registry_conn **conn, struct err *e)
{
	const struct descriptor *d = ps->job->d;
	struct registry_sink sink = { .put = pass_bytes, .ctx = ps };

	if (!*conn && registry_connect(f->r, conn, e) < 0)
		return -1;
	return registry_blob(*conn, d->digest, d->size, atomic_load(&ps->job->kept), &sink, e);
}

static int pass_finish(struct pass *ps, struct err *e)
{
	const struct descriptor *d = ps->job->d;
	char diff_id[DIGEST_SIZE];

	if (!ps->writer)
		return 0;
	if (ps->unpack_failed)
		*e = ps->unpack_err;
	if (ps->unpack_failed || layer_writer_finish(ps->writer, diff_id, NULL, e) < 0)
		return err_in(e, "layer %s", d->digest);
	if (strcmp(diff_id, ps->job->diff_id) != 0)
		return err_set(
			e, ERR_REMOTE,
			"diff ID mismatch: layer %.19s… unpacks to %.19s…, its configuration "
			"says %.19s…",
			d->digest, diff_id, ps->job->diff_id);
	return 0;
}

int fetch_staging(struct fetch *f, struct staging *st, int *tree, struct err *e)
{
	int ret;

	pthread_mutex_lock(&f->mutex);
	ret = staging_new(f->s, st, e);
	pthread_mutex_unlock(&f->mutex);
	if (ret < 0)
		return -1;
	if (mkdirat(st->dir, "tree", 0755) < 0)
		return err_sys(e, "make a tree in staging");
	*tree = openat(st->dir, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* The umask counts in mkdir(2), and must not here. */
	if (*tree < 0 || fchmod(*tree, 0755) < 0)
		return err_sys(e, "open a tree in staging");
	return 0;
}

static int publish(struct fetch *f, struct pass *ps, struct staging *st, struct err *e)
{
	const struct fetch_layer *job = ps->job;
	char name[FETCH_PART_SIZE];
	int ret;

	fetch_part_name(job->d->digest, name);
	if (ps->blob >= 0 && layout_blob_take(f->l, f->l->blobs, name, job->d->digest, e) < 0)
		return -1;
	if (!ps->writer)
		return 0;
	pthread_mutex_lock(&f->mutex);
	ret = layout_layer_publish(f->s, f->l, st, job->diff_id, e);
	pthread_mutex_unlock(&f->mutex);
	return ret;
}

/* PASS_AGAIN: with *e, and there is reason to hope for more from the start. */
enum outcome { PASS_FAILED = -1, PASS_DONE, PASS_AGAIN };

static enum outcome wrong_bytes(struct fetch *f, struct pass *ps, struct registry_conn *conn,
				const char *got, struct err *e)
{
	const struct fetch_layer *job = ps->job;
	char name[FETCH_PART_SIZE];

	err_set(e, ERR_REMOTE, "digest mismatch: blob %s has the digest %s", job->d->digest, got);
	fetch_part_name(job->d->digest, name);
	/* Ours has gone bad, be it whole or a part: away with it. */
	unlinkat(f->l->blobs, ps->blob < 0 ? digest_hex(job->d->digest) : name, 0);
	if (ps->blob >= 0 && !atomic_load(&job->kept))
		registry_blame(conn);
	return PASS_AGAIN;
}

static enum outcome read_remote(struct fetch *f, struct pass *ps, struct registry_conn **conn,
				struct err *e)
{
	char name[FETCH_PART_SIZE];

	if (pass_remote(f, ps, conn, e) == 0)
		return PASS_DONE;
	if (e->sys || !atomic_load(&ps->job->kept) || registry_interrupted(f->r) ||
	    atomic_load(f->cancel))
		return PASS_FAILED;
	/* It cannot go on where it was. */
	fetch_part_name(ps->job->d->digest, name);
	unlinkat(f->l->blobs, name, 0);
	return PASS_AGAIN;
}

static enum outcome run_pass(struct fetch *f, struct fetch_layer *job, struct staging *st, int tree,
			     struct registry_conn **conn, struct err *e)
{
	bool have_blob = layout_blob_exists(f->l, job->d->digest, job->d->size);
	own(digest) struct digest *digest = NULL;
	own(layer_writer) struct layer_writer *writer = NULL;
	own(fd) int blob = -1;
	struct pass ps = { .job = job, .blob = -1 };
	enum outcome o = PASS_DONE;
	char got[DIGEST_SIZE];

	atomic_store(&job->done, 0);
	atomic_store(&job->kept, 0);
	if (digest_new(&digest, e) < 0)
		return PASS_FAILED;
	if (!layout_layer_exists(f->l, job->diff_id) &&
	    layer_writer_open_limits(tree, job->d->compression, f->limits, &writer, e) < 0)
		return PASS_FAILED;
	ps.digest = digest;
	ps.writer = writer;
	if (!have_blob && (blob = pass_kept(f, &ps, e)) < 0)
		return PASS_FAILED;
	ps.blob = blob;
	if (have_blob && pass_local(f, &ps, e) < 0)
		return PASS_FAILED;
	if (!have_blob)
		o = read_remote(f, &ps, conn, e);
	if (o != PASS_DONE)
		return o;
	digest_final(digest, got);
	if (strcmp(got, job->d->digest) != 0)
		return wrong_bytes(f, &ps, *conn, got, e);
	return pass_finish(&ps, e) < 0 || publish(f, &ps, st, e) < 0 ? PASS_FAILED : PASS_DONE;
}

int fetch_again(struct fetch *f, const struct descriptor *d, const char *diff_id, int tree,
		char got[DIGEST_SIZE], struct err *why, struct err *e)
{
	struct fetch_layer job = { .d = d, .diff_id = diff_id };
	own(digest) struct digest *digest = NULL;
	own(layer_writer) struct layer_writer *writer = NULL;
	struct pass ps = { .job = &job, .blob = -1 };

	if (digest_new(&digest, e) < 0 ||
	    layer_writer_open_limits(tree, d->compression, f->limits, &writer, e) < 0)
		return -1;
	ps.digest = digest;
	ps.writer = writer;
	if (pass_local(f, &ps, e) < 0)
		return -1;
	digest_final(digest, got);
	return pass_finish(&ps, why) == 0;
}

/* Wrong bytes are given a second chance: they may have been a disk's, a proxy's, or those of a part
 * that was kept. */
static int fetch_locked(struct fetch *f, struct fetch_layer *job, struct registry_conn **conn,
			struct err *e)
{
	enum outcome o = PASS_FAILED;

	for (int i = 0; i < 2; i++) {
		struct staging st = STAGING_NONE;
		own(fd) int tree = -1;

		if (fetch_staging(f, &st, &tree, e) == 0)
			o = run_pass(f, job, &st, tree, conn, e);
		staging_drop(f->s, &st);
		if (o != PASS_AGAIN)
			break;
	}
	return o == PASS_DONE ? 0 : -1;
}

/* True while fd is still the file of that name: its holder before us removes it at the end. */
static bool is_current(int dir, const char *name, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Waits, without a bound but the other's pace, until nobody else downloads this blob. */
static int lock_blob(struct fetch *f, const char *name, struct err *e)
{
	struct timespec t = { .tv_nsec = 50 * 1000000 };

	while (!atomic_load(f->cancel)) {
		own(fd) int fd =
			openat(f->locks, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return err_sys(e, "lock blob %s", name);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			nanosleep(&t, NULL);
			continue;
		}
		if (is_current(f->locks, name, fd))
			return fd_steal(&fd);
	}
	return err_set(e, ERR_FAIL, "given up");
}

static bool is_here(struct fetch *f, const struct fetch_layer *job)
{
	return layout_layer_exists(f->l, job->diff_id) &&
	       layout_blob_exists(f->l, job->d->digest, job->d->size);
}

int fetch_layer(struct fetch *f, struct fetch_layer *job, struct registry_conn **conn,
		struct err *e)
{
	const char *name = digest_hex(job->d->digest);
	own(fd) int lock = -1;
	int ret = 0;

	if (is_here(f, job)) {
		atomic_store(&job->state, FETCH_EXISTS);
		return 0;
	}
	lock = lock_blob(f, name, e);
	if (lock < 0)
		return -1;
	if (is_here(f, job)) {
		atomic_store(&job->state, FETCH_EXISTS);
	} else {
		atomic_store(&job->state, FETCH_RUNNING);
		ret = fetch_locked(f, job, conn, e);
		if (ret == 0)
			atomic_store(&job->state, FETCH_DONE);
	}
	unlinkat(f->locks, name, 0); /* while we hold it */
	return ret;
}
