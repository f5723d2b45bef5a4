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
#include "monitor/ctr_record.h"

#define IN_SIZE (128 * 1024) /* several records; a foreign one that is longer comes in pieces */
#define OUT_SIZE (64 * 1024)
#define CHECK_MS 200 /* does it still run, is the file still the same? */

struct reader {
	const struct ctr_log_read_options *o;
	struct ctr_bound since, until;
	int dir;
	const char *name;
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
	if (fd < 0)
		return 0;
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
	while (limit < 0 || r->pos < limit) {
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

static int open_log(struct reader *r, struct err *e)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	own(fd) int fd = openat(r->dir, r->name, flags);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open log %s", r->name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_STATE, "log %s is not a regular file", r->name);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd_steal(&fd);
	r->st = st;
	r->pos = 0;
	r->len = 0;
	r->mid = false;
	r->skip[0] = r->skip[1] = 0;
	return 0;
}

/* 1: the name is another file now, which is open; 0: no change. */
static int follow_rename(struct reader *r, struct err *e)
{
	struct stat now;

	if (fstat(r->fd, &now) == 0 && now.st_size < r->pos) { /* cut: what comes is new */
		r->pos = 0;
		r->len = 0;
		r->mid = false;
		r->skip[0] = r->skip[1] = 0;
		return 1;
	}
	if (fstatat(r->dir, r->name, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (now.st_dev == r->st.st_dev && now.st_ino == r->st.st_ino))
		return 0;
	/* The writer had opened the new one before we saw it, so the old one is complete. */
	if (read_to(r, -1, e) < 0)
		return -1;
	return open_log(r, e) < 0 ? -1 : 1;
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

int ctr_log_read(int dir, const char *name, const struct ctr_log_read_options *o, struct err *e)
{
	own(reader) struct reader *r = xcalloc(1, sizeof(*r));
	off_t limit;

	r->o = o;
	r->dir = dir;
	r->name = name;
	r->fd = r->to = -1;
	ctr_bound_set(&r->since, o->since);
	ctr_bound_set(&r->until, o->until);
	if (open_log(r, e) < 0)
		return -1;
	limit = r->st.st_size;
	if (o->tail >= 0) {
		if (ctr_record_tail(r->fd, limit, o, r->skip, e) < 0)
			return -1;
		r->pos = MIN(r->skip[0], r->skip[1]);
	}
	/* Without follow a container that never stops writing does not keep us for ever. */
	if (o->follow ? follow(r, e) < 0 : read_to(r, limit, e) < 0)
		return -1;
	return read_torn(r, e);
}
