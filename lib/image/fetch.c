/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "image/fetch_layer.h"

#define THREADS_MAX 6
#define PROGRESS_MS 100

struct pool {
	struct fetch *f;
	struct fetch_layer *jobs;
	size_t n, next, running;
	bool failed;
	pthread_mutex_t mutex;
	pthread_cond_t done;
	struct err err;
};

static const char *const state_names[] = {
	[FETCH_WAITING] = "waiting",
	[FETCH_RUNNING] = "downloading",
	[FETCH_DONE] = "done",
	[FETCH_EXISTS] = "exists",
};

static struct fetch_layer *next_job(struct pool *p)
{
	struct fetch_layer *job = NULL;

	pthread_mutex_lock(&p->mutex);
	if (!p->failed && p->next < p->n)
		job = &p->jobs[p->next++];
	pthread_mutex_unlock(&p->mutex);
	return job;
}

static void fail(struct pool *p, const struct err *e)
{
	pthread_mutex_lock(&p->mutex);
	if (!p->failed)
		p->err = *e; /* the first one; the others only follow from it */
	p->failed = true;
	pthread_mutex_unlock(&p->mutex);
	atomic_store(p->f->cancel, true);
}

static void *work(void *ctx)
{
	struct pool *p = ctx;
	own(registry_conn) struct registry_conn *conn = NULL;
	struct fetch_layer *job;
	struct err e;

	while ((job = next_job(p)))
		if (fetch_layer(p->f, job, &conn, &e) < 0)
			fail(p, &e);
	pthread_mutex_lock(&p->mutex);
	p->running--;
	pthread_cond_signal(&p->done);
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

static void report(struct pool *p, const struct image_pull_options *o)
{
	for (size_t i = 0; i < p->n; i++) {
		struct fetch_layer *job = &p->jobs[i];
		enum fetch_state state = atomic_load(&job->state);
		int64_t done = atomic_load(&job->done);
		struct image_progress progress = {
			.layer = i,
			.layers = p->n,
			.digest = job->d->digest,
			.done = done,
			.kept = atomic_load(&job->kept),
			.total = job->d->size,
			.state = state_names[state],
		};

		/* One on its way is told each time: its rate goes down when nothing comes. */
		if (job->shown && job->shown_state == state && job->shown_done == done &&
		    state != FETCH_RUNNING)
			continue;
		job->shown = true;
		job->shown_state = state;
		job->shown_done = done;
		o->progress(o->ctx, &progress);
	}
}

static void wait_all(struct pool *p, const struct image_pull_options *o)
{
	bool show = o->progress && !o->quiet;

	pthread_mutex_lock(&p->mutex);
	while (p->running > 0) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += PROGRESS_MS * 1000000L;
		t.tv_sec += t.tv_nsec / 1000000000L;
		t.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&p->done, &p->mutex, &t);
		if (!show)
			continue;
		pthread_mutex_unlock(&p->mutex);
		report(p, o);
		pthread_mutex_lock(&p->mutex);
	}
	pthread_mutex_unlock(&p->mutex);
	if (show)
		report(p, o);
}

static int run(struct pool *p, const struct image_pull_options *o, struct err *e)
{
	pthread_t threads[THREADS_MAX];
	size_t n = MIN(p->n, (size_t)THREADS_MAX), started = 0;

	for (; started < n; started++) {
		int error;

		pthread_mutex_lock(&p->mutex);
		p->running++;
		pthread_mutex_unlock(&p->mutex);
		error = pthread_create(&threads[started], NULL, work, p);
		if (error == 0)
			continue;
		pthread_mutex_lock(&p->mutex);
		p->running--;
		pthread_mutex_unlock(&p->mutex);
		errno = error;
		err_sys(e, "start a thread");
		if (started == 0)
			return -1;
		break; /* the others do the work */
	}
	wait_all(p, o);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (p->failed)
		*e = p->err;
	return p->failed ? -1 : 0;
}

/* One job per blob: an image may have the same layer many times. */
static int make_jobs(struct pool *p, const struct manifest *m, const struct strv *diff_ids,
		     struct err *e)
{
	for (size_t i = 0; i < m->n; i++) {
		size_t k = 0;

		while (k < p->n && strcmp(p->jobs[k].d->digest, m->entries[i].digest) != 0)
			k++;
		if (k == p->n) {
			p->jobs[p->n].d = &m->entries[i];
			p->jobs[p->n++].diff_id = diff_ids->v[i];
		} else if (strcmp(p->jobs[k].diff_id, diff_ids->v[i]) != 0 ||
			   p->jobs[k].d->size != m->entries[i].size) {
			return err_set(e, ERR_REMOTE, "blob %s is described in two ways",
				       m->entries[i].digest);
		}
	}
	return 0;
}

void fetch_keep(const struct manifest *m, const struct strv *diff_ids, struct strv *names)
{
	for (size_t i = 0; i < m->n; i++) {
		char part[FETCH_PART_SIZE];

		fetch_part_name(m->entries[i].digest, part);
		strv_add(names, part);
		strv_add(names, digest_hex(m->entries[i].digest));
		strv_add(names, digest_hex(diff_ids->v[i]));
	}
}

int fetch_layers(struct fetch *f, const struct manifest *m, const struct strv *diff_ids,
		 const struct image_pull_options *o, struct err *e)
{
	struct pool p = { .f = f };
	own(fd) int locks = -1;
	int ret;

	if (m->n == 0)
		return 0;
	if (mkdirat(f->s->state, "pulls", 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make the directory of pulls");
	locks = openat(f->s->state, "pulls", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (locks < 0)
		return err_sys(e, "open the directory of pulls");
	f->locks = locks;
	pthread_mutex_init(&f->mutex, NULL);
	pthread_mutex_init(&p.mutex, NULL);
	pthread_cond_init(&p.done, NULL);
	p.jobs = xcalloc(m->n, sizeof(*p.jobs));
	ret = make_jobs(&p, m, diff_ids, e);
	if (ret == 0)
		ret = run(&p, o, e);
	free(p.jobs);
	pthread_mutex_destroy(&f->mutex);
	pthread_mutex_destroy(&p.mutex);
	pthread_cond_destroy(&p.done);
	return ret;
}
