/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/ctr_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/own.h"
#include "base/path.h"
#include "base/str.h"
#include "monitor/ctr_log_files.h"
#include "monitor/ctr_record.h"

#define IN_SIZE (128 * 1024) /* several records; a foreign one that is longer comes in pieces */
#define OUT_SIZE (64 * 1024)
#define STEP_TRIES 100
#define CHECK_MS 200 /* does it still run, is the file still the same? */

/* Where the last lines begin in one of the files. */
struct tail_start {
	struct stat st;
	off_t skip[2];
};

struct reader {
	const struct ctr_log_read_options *o;
	struct ctr_bound since, until;
	int dir, files;
	const char *name;
	struct tail_start *starts;
	size_t nstarts;
	int64_t left; /* of o->limit */
	bool full;    /* it is used up */
	int fd;
	struct stat st;		  /* of fd, as opened */
	off_t pos;		  /* of the next byte to read */
	off_t skip[2];		  /* a stream's records before that are not wanted */
	size_t len;		  /* read and not yet parsed */
	bool open[2];		  /* in the middle of a line */
	bool hide[2];		  /* which is not wanted */
	bool mid;		  /* in the middle of a record longer than the buffer */
	struct ctr_record record; /* that one */
	int to;			  /* where out belongs */
	size_t out_len;
	char in[IN_SIZE];
	char out[OUT_SIZE];
};

static void reader_free(struct reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->starts);
	free(r);
}
OWNED(reader, struct reader *, NULL, reader_free)

/* The fd may be non-blocking by somebody else's wish. */
static int write_out(int fd, const char *p, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		struct pollfd ready = { .fd = fd, .events = POLLOUT };

		if (done < 0 && errno == EAGAIN)
			(void)poll(&ready, 1, -1);
		else if (done < 0 && errno != EINTR)
			return err_sys(e, "write the log's text");
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

static int flush(struct reader *r, struct err *e)
{
	size_t n = r->out_len;

	r->out_len = 0;
	return n > 0 ? write_out(r->to, r->out, n, e) : 0;
}

static int put(struct reader *r, int fd, const char *p, size_t n, struct err *e)
{
	if (fd < 0 || r->full)
		return 0;
	if (r->o->limit) {
		n = MIN(n, (size_t)r->left);
		r->left -= (int64_t)n;
		r->full = r->left == 0;
	}
	if ((fd != r->to || r->out_len + n > OUT_SIZE) && flush(r, e) < 0)
		return -1;
	r->to = fd;
	if (n > OUT_SIZE)
		return write_out(fd, p, n, e);
	memcpy(r->out + r->out_len, p, n);
	r->out_len += n;
	return 0;
}

static int fd_for(const struct reader *r, enum ctr_log_stream s)
{
	return s == CTR_LOG_STDOUT ? r->o->out : r->o->err;
}

/* Is the line that begins with this record wanted? */
static bool wanted(const struct reader *r, const struct ctr_record *rec, off_t off)
{
	if (rec->stream == CTR_LOG_STDOUT ? r->o->no_stdout : r->o->no_stderr)
		return false;
	if (off < r->skip[rec->stream])
		return false;
	if (r->o->since && ctr_record_compare(rec, &r->since) < 0)
		return false;
	return !r->o->until || ctr_record_compare(rec, &r->until) <= 0;
}

static int begin_record(struct reader *r, const struct ctr_record *rec, off_t off, struct err *e)
{
	int fd = fd_for(r, rec->stream);

	if (r->open[rec->stream])
		return 0;
	r->open[rec->stream] = true;
	r->hide[rec->stream] = !wanted(r, rec, off);
	if (!r->o->timestamps || r->hide[rec->stream])
		return 0;
	if (put(r, fd, rec->stamp, rec->stamp_len, e) < 0)
		return -1;
	return put(r, fd, " ", 1, e);
}

static int end_record(struct reader *r, const struct ctr_record *rec, struct err *e)
{
	if (rec->partial)
		return 0;
	r->open[rec->stream] = false;
	return r->hide[rec->stream] ? 0 : put(r, fd_for(r, rec->stream), "\n", 1, e);
}

static int content(struct reader *r, const struct ctr_record *rec, const char *p, size_t n,
		   struct err *e)
{
	return r->hide[rec->stream] ? 0 : put(r, fd_for(r, rec->stream), p, n, e);
}

/* A whole record without its newline; what is none is left out. */
static int whole_record(struct reader *r, const char *p, size_t n, off_t off, struct err *e)
{
	struct ctr_record rec;

	if (!ctr_record_parse(p, n, &rec))
		return 0;
	if (begin_record(r, &rec, off, e) < 0 ||
	    content(r, &rec, p + rec.head, n - rec.head, e) < 0)
		return -1;
	return end_record(r, &rec, e);
}

/* The rest of a record that did not fit; returns the bytes used, or -1. */
static ssize_t continue_record(struct reader *r, struct err *e)
{
	const char *nl = memchr(r->in, '\n', r->len);
	size_t n = nl ? (size_t)(nl - r->in) : r->len;

	if (content(r, &r->record, r->in, n, e) < 0)
		return -1;
	if (!nl)
		return (ssize_t)n;
	r->mid = false;
	return end_record(r, &r->record, e) < 0 ? -1 : (ssize_t)n + 1;
}

static int start_long_record(struct reader *r, struct err *e)
{
	off_t off = r->pos - (off_t)r->len;

	r->mid = true;
	if (!ctr_record_parse(r->in, r->len, &r->record)) {
		r->record = (struct ctr_record){ .partial = true };
		r->hide[r->record.stream] |= !r->open[r->record.stream];
		r->len = 0;
		return 0;
	}
	if (begin_record(r, &r->record, off, e) < 0 ||
	    content(r, &r->record, r->in + r->record.head, r->len - r->record.head, e) < 0)
		return -1;
	r->len = 0;
	return 0;
}

/* What is in the buffer, up to the last newline. */
static int parse(struct reader *r, struct err *e)
{
	off_t off = r->pos - (off_t)r->len;
	size_t used = 0;
	const char *nl;

	if (r->mid) {
		ssize_t n = continue_record(r, e);

		if (n < 0)
			return -1;
		used = (size_t)n;
	}
	while ((nl = memchr(r->in + used, '\n', r->len - used))) {
		size_t n = (size_t)(nl - r->in) - used;

		if (whole_record(r, r->in + used, n, off + (off_t)used, e) < 0)
			return -1;
		used += n + 1;
	}
	r->len -= used;
	memmove(r->in, r->in + used, r->len);
	return r->len == IN_SIZE ? start_long_record(r, e) : 0;
}

/* Everything up to limit (-1: the end of the file as it is then). */
static int read_to(struct reader *r, off_t limit, struct err *e)
{
	while (!r->full && (limit < 0 || r->pos < limit)) {
		size_t room = IN_SIZE - r->len;
		ssize_t n;

		if (limit >= 0)
			room = (size_t)MIN((off_t)room, limit - r->pos);
		n = pread(r->fd, r->in + r->len, room, r->pos);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read log %s", r->name);
		if (n == 0)
			break;
		r->len += (size_t)n;
		r->pos += n;
		if (parse(r, e) < 0)
			return -1;
	}
	return flush(r, e);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* From the beginning of another file on, or of this one. */
static void rewind_to(struct reader *r, int fd, const struct stat *st)
{
	if (r->fd >= 0 && r->fd != fd)
		close(r->fd);
	r->fd = fd;
	r->st = *st;
	r->pos = 0;
	r->len = 0;
	r->mid = false;
	r->skip[0] = r->skip[1] = 0;
	for (size_t i = 0; i < r->nstarts; i++) {
		if (!same_file(&r->starts[i].st, st))
			continue;
		memcpy(r->skip, r->starts[i].skip, sizeof(r->skip));
		r->pos = MIN(r->skip[0], r->skip[1]);
	}
}

/* Which one comes after ours (at index, -1: it has none any more). */
static int next_index(const struct reader *r, int index)
{
	struct stat now;

	if (index > 0)
		return index - 1;
	/* Rotations were faster than we: what is left begins with the oldest. */
	if (r->files > 1 && fstat(r->fd, &now) == 0 && now.st_nlink == 0)
		return log_file_oldest(r->dir, r->name, r->files);
	return 0;
}

/* 1: reads the next newer file now; 0: there is none (yet). */
static int step(struct reader *r, struct err *e)
{
	for (int try = 0; try < STEP_TRIES; try++) {
		int index = log_file_index(r->dir, r->name, r->files, &r->st);
		own(fd) int fd = -1;
		struct stat st;

		if (index == 0)
			return 0;
		for (int i = next_index(r, index); fd < 0 && i >= 0; i--) {
			own(str) char *file = log_file_name(r->name, i);

			fd = log_file_open(r->dir, file, &st, e);
			if (fd < 0 && (e->kind == ERR_STATE || (e->sys && e->sys != ENOENT)))
				return -1;
		}
		if (fd < 0)
			return 0;
		/* A rotation between the two looks: it may be one that was read before. */
		if (index > 0 && log_file_index(r->dir, r->name, r->files, &r->st) != index)
			continue;
		/* The writer is done with the old one before the new one has its name. */
		if (read_to(r, -1, e) < 0)
			return -1;
		rewind_to(r, fd_steal(&fd), &st);
		return 1;
	}
	return 0;
}

/* 1: the name is another file now, which is open; 0: no change. */
static int follow_rename(struct reader *r, struct err *e)
{
	struct stat now;

	if (fstat(r->fd, &now) == 0 && now.st_size < r->pos) { /* cut: what comes is new */
		r->nstarts = 0;
		rewind_to(r, r->fd, &r->st);
		return 1;
	}
	return step(r, e);
}

/* Until something happens in the directory, a moment has passed, or nobody reads what we write. */
static bool wait_change(const struct reader *r, int watch)
{
	struct pollfd p[3] = { { .fd = watch, .events = POLLIN },
			       { .fd = r->o->out },
			       { .fd = r->o->err } };
	char events[4096];

	(void)poll(p, ARRAY_LEN(p), CHECK_MS);
	if (p[0].revents & POLLIN)
		(void)!read(watch, events, sizeof(events));
	return !((p[1].revents | p[2].revents) & POLLERR);
}

static int watch_dir(int dir)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct fdpath path = fd_path(dir);

	/* Refused (too many watches): the checks every CHECK_MS have to do. */
	if (fd >= 0 && inotify_add_watch(fd, dir == AT_FDCWD ? "." : path.s,
					 IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool still_running(const struct reader *r)
{
	return r->o->running && r->o->running(r->o->ctx);
}

static int follow(struct reader *r, struct err *e)
{
	own(fd) int watch = watch_dir(r->dir);

	for (;;) {
		bool running = still_running(r); /* asked before reading: then nothing is missed */
		int changed;

		if (read_to(r, -1, e) < 0)
			return -1;
		if (r->full)
			return 0;
		changed = follow_rename(r, e);
		if (changed < 0)
			return -1;
		if (changed)
			continue;
		if (!running || (r->o->until && clock_now() > r->until.ns))
			return 0;
		if (!wait_change(r, watch))
			return 0;
	}
}

/* A record whose writer died in the middle of it; while it lives, it is only not finished yet. */
static int read_torn(struct reader *r, struct err *e)
{
	struct ctr_record rec;

	if (r->len == 0 || still_running(r) || !ctr_record_parse(r->in, r->len, &rec))
		return 0;
	if (begin_record(r, &rec, r->pos - (off_t)r->len, e) < 0 ||
	    content(r, &rec, r->in + rec.head, r->len - rec.head, e) < 0)
		return -1;
	return flush(r, e);
}

/* Opens the file in which the last lines begin, looking from the newest to the oldest. */
static int open_tail(struct reader *r, struct err *e)
{
	struct ctr_tail tail;
	int enough = 0;

	ctr_tail_begin(&tail, r->o);
	r->starts = xcalloc((size_t)r->files, sizeof(*r->starts));
	for (int i = 0; !enough && i < r->files; i++) {
		struct tail_start *start = &r->starts[r->nstarts];
		own(str) char *file = log_file_name(r->name, i);
		own(fd) int fd = log_file_open(r->dir, file, &start->st, e);

		if (fd < 0 && i == 0)
			return -1;
		/* A number may be empty, or a rotation has just given it to the one before. */
		if (fd < 0 || (i > 0 && same_file(&start->st, &start[-1].st)))
			continue;
		enough = ctr_tail_file(&tail, fd, start->st.st_size, start->skip, e);
		if (enough < 0)
			return -1;
		r->nstarts++;
		rewind_to(r, fd_steal(&fd), &start->st);
	}
	return 0;
}

/* Does the file begin before since? Then so do all older ones, and what its first line goes on
 * with. */
static bool begins_before(const struct reader *r, int fd)
{
	char first[RECORD_HEAD_MAX];
	ssize_t n = pread(fd, first, sizeof(first), 0);
	struct ctr_record rec;

	return r->o->since && n > 0 && ctr_record_parse(first, (size_t)n, &rec) &&
	       ctr_record_compare(&rec, &r->since) < 0;
}

/* Opens the oldest file, or the one in which the time since lies. */
static int open_first(struct reader *r, struct err *e)
{
	bool found = false;

	for (int i = 0; !found && i < r->files; i++) {
		own(str) char *file = log_file_name(r->name, i);
		struct stat st;
		own(fd) int fd = log_file_open(r->dir, file, &st, e);

		if (fd < 0 && i == 0)
			return -1;
		if (fd < 0) /* a number may be empty */
			continue;
		found = begins_before(r, fd);
		rewind_to(r, fd_steal(&fd), &st);
	}
	return 0;
}

/* What there was at the call: a container that never stops writing does not keep us for ever. */
static int read_once(struct reader *r, const struct stat *newest, struct err *e)
{
	for (int i = 0; i < r->files && !same_file(&r->st, newest); i++) {
		int stepped;

		if (read_to(r, -1, e) < 0)
			return -1;
		stepped = step(r, e);
		if (stepped <= 0)
			return stepped;
	}
	return same_file(&r->st, newest) ? read_to(r, newest->st_size, e) : 0;
}

int ctr_log_read(int dir, const char *name, const struct ctr_log_read_options *o, struct err *e)
{
	own(reader) struct reader *r = xcalloc(1, sizeof(*r));
	own(fd) int newest = -1;
	struct stat st;

	r->o = o;
	r->dir = dir;
	r->name = name;
	r->files = MAX(o->files, 1);
	r->left = o->limit;
	r->fd = r->to = -1;
	ctr_bound_set(&r->since, o->since);
	ctr_bound_set(&r->until, o->until);
	newest = log_file_open(dir, name, &st, e);
	if (newest < 0)
		return -1;
	if (o->tail >= 0 ? open_tail(r, e) < 0 : open_first(r, e) < 0)
		return -1;
	if (o->follow ? follow(r, e) < 0 : read_once(r, &st, e) < 0)
		return -1;
	return r->full ? 0 : read_torn(r, e);
}
