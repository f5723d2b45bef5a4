/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer.h"

#include <pthread.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "image/layer_tar.h"
#include "image/layer_write.h"

#define RING_SIZE (4 << 20)
#define RING_PIECE                                                                                 \
	(256 * 1024) /* what one call takes from the ring at most, so that its room is soon free   \
		      */
#define RING_FIRST 8 /* decode_source promises so many at first */

const struct layer_limits layer_limits_default = {
	.bytes = INT64_C(64) << 30,
	.entries = 4000000,
	.ratio = 1100,
	.ratio_zstd = 4096,
	.file_size = (INT64_C(1) << 40) - 1,
	.sparse_bytes = INT64_C(4) << 40,
	.window = INT64_C(1) << 27,
	.header = 1 << 20,
	.path = 4095,
	.depth = 1024,
};

struct layer_writer {
	struct layer_limits limits;
	struct tar *tar;
	struct tree tree;
	char digest[DIGEST_SIZE];
	int64_t size;

	pthread_t thread;
	bool started;
	pthread_mutex_t mutex; /* for all below */
	pthread_cond_t changed;
	uint8_t *ring;
	uint64_t in, out; /* bytes ever put in and taken out */
	uint64_t lent;	  /* bytes after out that the thread is reading */
	bool complete;	  /* no more to come */
	bool stopped;	  /* the caller gives up */
	bool done;	  /* the thread has ended: with success, or with err */
	bool failed;
	struct err err;
};

/* decode_source: in the thread. */
static int take(void *ctx, const uint8_t **p, size_t *n, struct err *e)
{
	struct layer_writer *w = ctx;
	bool stopped;

	pthread_mutex_lock(&w->mutex);
	w->out += w->lent;
	pthread_cond_signal(&w->changed);
	while (!w->stopped && !w->complete && w->in - w->out < (w->out ? 1 : RING_FIRST))
		pthread_cond_wait(&w->changed, &w->mutex);
	*p = w->ring + w->out % RING_SIZE;
	*n = MIN((size_t)(w->in - w->out), (size_t)(RING_SIZE - w->out % RING_SIZE));
	*n = MIN(*n, (size_t)RING_PIECE);
	w->lent = *n;
	stopped = w->stopped;
	pthread_mutex_unlock(&w->mutex);
	return stopped ? err_set(e, ERR_FAIL, "interrupted") : 0;
}

static int unpack(struct layer_writer *w, struct err *e)
{
	struct tar_entry entry;
	int r;

	/* Modes are those of the layer: this thread gets a umask of its own. */
	if (unshare(CLONE_FS) < 0)
		return err_sys(e, "unshare");
	umask(0);
	while ((r = tar_next(w->tar, &entry, e)) > 0) {
		if (layer_write_entry(&w->tree, w->tar, &entry, &w->limits, e) < 0)
			return -1;
	}
	if (r < 0 || tar_finish(w->tar, w->digest, &w->size, e) < 0)
		return -1;
	return tree_finish(&w->tree, e);
}

static void *run(void *arg)
{
	struct layer_writer *w = arg;
	struct err e = { 0 };
	int r = unpack(w, &e);

	pthread_mutex_lock(&w->mutex);
	w->done = true;
	w->failed = r < 0;
	w->err = e;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static int start(struct layer_writer *w, struct err *e)
{
	sigset_t all, old;

	/* Signals are the caller's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&w->thread, NULL, run, w);
	w->started = errno == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return w->started ? 0 : err_sys(e, "start a thread");
}

static int open_writer(int root, const struct copy_rules *copy, const struct layer_limits *limits,
		       struct layer_writer **out, struct err *e)
{
	own(layer_writer) struct layer_writer *w = xcalloc(1, sizeof(*w));

	w->limits = *limits;
	w->tree.root = w->tree.parent = -1;
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->ring = xmalloc(RING_SIZE);
	if (tar_open(take, w, &w->limits, &w->tar, e) < 0 ||
	    tree_open(&w->tree, root, copy, e) < 0 || start(w, e) < 0)
		return -1;
	*out = ptr_steal(w);
	return 0;
}

int layer_writer_open_limits(int tree_dir, enum layer_compression c,
			     const struct layer_limits *limits, struct layer_writer **out,
			     struct err *e)
{
	(void)c; /* what the media type says is only a hint: see decoder_form() */
	return open_writer(tree_dir, NULL, limits ? limits : &layer_limits_default, out, e);
}

int layer_writer_open_copy(int root, const struct copy_rules *rules, struct layer_writer **out,
			   struct err *e)
{
	struct layer_limits limits = layer_limits_default;

	limits.bytes = limits.entries = limits.file_size = limits.sparse_bytes = INT64_MAX;
	limits.depth = limits.path;
	limits.need_end = true;
	return open_writer(root, rules, &limits, out, e);
}

int layer_writer_open(int tree_dir, enum layer_compression c, struct layer_writer **out,
		      struct err *e)
{
	return layer_writer_open_limits(tree_dir, c, NULL, out, e);
}

/* The mutex is held. */
static int result(const struct layer_writer *w, struct err *e)
{
	if (!w->failed)
		return 0;
	*e = w->err;
	return -1;
}

int layer_writer_push(struct layer_writer *w, const void *p, size_t n, struct err *e)
{
	const uint8_t *from = p;
	int r = 0;

	pthread_mutex_lock(&w->mutex);
	while (n && !w->done) {
		size_t room = (size_t)(RING_SIZE - (w->in - w->out));
		size_t at = w->in % RING_SIZE;
		size_t part = MIN(MIN(n, room), RING_SIZE - at);

		if (!part) {
			pthread_cond_wait(&w->changed, &w->mutex);
			continue;
		}
		pthread_mutex_unlock(&w->mutex);
		memcpy(w->ring + at, from, part); /* nobody else touches the free part */
		pthread_mutex_lock(&w->mutex);
		from += part;
		n -= part;
		w->in += part;
		pthread_cond_signal(&w->changed);
	}
	r = result(w, e);
	pthread_mutex_unlock(&w->mutex);
	return r;
}

void layer_writer_stop(struct layer_writer *w)
{
	pthread_mutex_lock(&w->mutex);
	w->stopped = true;
	pthread_cond_broadcast(&w->changed);
	while (w->started && !w->done)
		pthread_cond_wait(&w->changed, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
}

static void join(struct layer_writer *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
}

int layer_writer_finish(struct layer_writer *w, char diff_id[72], int64_t *tar_size, struct err *e)
{
	pthread_mutex_lock(&w->mutex);
	w->complete = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->mutex);
	join(w);
	if (result(w, e) < 0)
		return -1;
	memcpy(diff_id, w->digest, DIGEST_SIZE);
	if (tar_size)
		*tar_size = w->size;
	return 0;
}

void layer_writer_close(struct layer_writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->mutex);
	w->stopped = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->mutex);
	join(w);
	tar_close(w->tar);
	tree_close(&w->tree);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->mutex);
	free(w->ring);
	free(w);
}
