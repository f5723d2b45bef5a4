/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/ctr_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/macros.h"
#include "base/str.h"
#include "monitor/ctr_log_files.h"
#include "monitor/page.h"

#define HEAD_MAX 64	     /* "2026-11-23T10:11:12.123456789Z stdout F " is 40 */
#define OUT_SIZE (32 * 1024) /* records gathered for one write(2) */
_Static_assert(OUT_SIZE > HEAD_MAX + CTR_LOG_LINE + 1, "a record fits");

struct ctr_log {
	int fd;
	int64_t size, max_size; /* of the file; 0: no bound */
	int files, dir;		/* with max_size: so many at most, below this */
	char *name;
	int64_t last;	/* the newest time written: the clock may step back, the log does not */
	uint64_t lost;	/* records that the disk refused since the last marker */
	int lost_errno; /* why */
	size_t len;	/* of out */
	size_t part_len[2];
	char part[2][CTR_LOG_LINE]; /* a line that has not ended yet */
	char out[OUT_SIZE];
};

static const char *const stream_names[2] = { "stdout", "stderr" };

/* A monitor that was killed may have left half a record: what follows begins on a new line. */
static int end_last_line(int fd, const struct stat *st)
{
	char c;

	if (st->st_size == 0 || pread(fd, &c, 1, st->st_size - 1) != 1 || c == '\n')
		return 0;
	return write(fd, "\n", 1) == 1 || errno == ENOSPC || errno == EDQUOT ? 0 : -1;
}

static int open_file(int dir, const char *name, struct err *e)
{
	own(fd) int fd = openat(
		dir, name,
		O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open log %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_STATE, "log %s is not a regular file", name);
	if (end_last_line(fd, &st) < 0)
		return err_sys(e, "write log %s", name);
	return fd_steal(&fd);
}

int ctr_log_open(int dir, const char *name, struct ctr_log **out, struct err *e)
{
	int fd = open_file(dir, name, e);
	struct ctr_log *l;

	if (fd < 0)
		return -1;
	l = xmalloc(sizeof(*l)); /* not zeroed: pages of the buffers are touched only by use */
	l->fd = fd;
	l->size = l->max_size = 0;
	l->files = 1;
	l->dir = -1;
	l->name = NULL;
	l->last = 0;
	l->lost = 0;
	l->lost_errno = 0;
	l->len = l->part_len[0] = l->part_len[1] = 0;
	*out = l;
	return 0;
}

static void use_file(struct ctr_log *l, int fd)
{
	struct stat st;

	close(l->fd);
	l->fd = fd;
	l->size = fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* Where the next rotation happens. */
static int use_dir(struct ctr_log *l, int dir, const char *name, struct err *e)
{
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_sys(e, "keep the log's directory open");
	fd_drop(&l->dir);
	l->dir = fd;
	str_set(&l->name, name);
	return 0;
}

int ctr_log_limit(struct ctr_log *l, int dir, const char *name, int64_t size, int files,
		  struct err *e)
{
	struct stat st;

	if (fstat(l->fd, &st) < 0)
		return err_sys(e, "look at log %s", name);
	if (use_dir(l, dir, name, e) < 0)
		return -1;
	l->size = st.st_size;
	l->max_size = size;
	l->files = files;
	return 0;
}

int ctr_log_reopen(struct ctr_log *l, int dir, const char *name, struct err *e)
{
	own(fd) int fd = open_file(dir, name, e);

	if (fd < 0 || (l->max_size && use_dir(l, dir, name, e) < 0))
		return -1;
	use_file(l, fd_steal(&fd)); /* between two calls nothing waits to be written to it */
	return 0;
}

static uint64_t count_lines(const char *p, size_t n)
{
	uint64_t lines = 0;

	for (const char *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

/* After a short write: half a record at the end is cut off again, so that the next one can be read.
 */
static size_t cut_torn(int fd, const char *p, size_t done)
{
	const char *last = memrchr(p, '\n', done);
	size_t whole = last ? (size_t)(last - p) + 1 : 0;
	struct stat st;

	if (whole == done)
		return whole;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)(done - whole) ||
	    ftruncate(fd, st.st_size - (off_t)(done - whole)) < 0)
		(void)!write(fd, "\n", 1);
	return whole;
}

static bool rotate(struct ctr_log *l)
{
	struct err ignored; /* the old file goes on, and the next write tries again */
	struct stat st;
	int fd = -1;

	if (fstat(l->fd, &st) == 0)
		fd = log_files_rotate(l->dir, l->name, l->files, &st, &ignored);
	if (fd < 0)
		return false;
	use_file(l, fd);
	return true;
}

/* How much of the records at p this file takes, after a rotation if need be: whole ones, one at
 * least. */
static size_t share(struct ctr_log *l, const char *p, size_t n)
{
	int64_t room = l->max_size - l->size;
	const char *end;

	if (!l->max_size || (int64_t)n <= room)
		return n;
	end = room > 0 ? memrchr(p, '\n', (size_t)room) : NULL;
	if (end)
		return (size_t)(end - p) + 1;
	if (l->size > 0) {
		if (!rotate(l))
			return n;
		room = l->max_size;
		end = memrchr(p, '\n', MIN(n, (size_t)room));
	}
	if (!end)
		end = memchr(p, '\n', n);
	return end ? (size_t)(end - p) + 1 : n;
}

/* The bytes of whole records that reached the file. */
static size_t append_here(struct ctr_log *l, const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t w = write(l->fd, p + done, n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			l->lost_errno = w < 0 ? errno : ENOSPC;
			return cut_torn(l->fd, p, done);
		}
		done += (size_t)w;
	}
	return done;
}

/* The bytes of whole records that reached this file and those that had to follow it. */
static size_t append(struct ctr_log *l, const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t take = share(l, p + done, n - done);
		size_t got = append_here(l, p + done, take);

		l->size += (int64_t)got;
		done += got;
		if (got < take)
			break;
	}
	return done;
}

/* Says what was lost, before anything newer is written; false: still no room. */
static bool append_marker(struct ctr_log *l)
{
	char stamp[CLOCK_TEXT_SIZE], line[256];
	int n;

	clock_format(l->last, stamp);
	n = snprintf(line, sizeof(line),
		     "%s stderr F [caddis: %" PRIu64 " log record%s lost here: %s]\n", stamp,
		     l->lost, l->lost == 1 ? "" : "s", strerror(l->lost_errno));
	if (append(l, line, (size_t)n) == 0)
		return false;
	l->lost = 0;
	return true;
}

static void flush(struct ctr_log *l)
{
	size_t done = 0;

	if (l->len == 0)
		return;
	if (l->lost == 0 || append_marker(l))
		done = append(l, l->out, l->len);
	l->lost += count_lines(l->out + done, l->len - done);
	l->len = 0;
}

struct head {
	char s[HEAD_MAX];
	size_t n, tag; /* where the P or F is */
};

static void head_make(struct ctr_log *l, enum ctr_log_stream s, struct head *h)
{
	char stamp[CLOCK_TEXT_SIZE];
	int64_t now = clock_now();

	if (now > l->last)
		l->last = now;
	clock_format(l->last, stamp);
	h->n = (size_t)snprintf(h->s, sizeof(h->s), "%s %s F ", stamp, stream_names[s]);
	h->tag = h->n - 2;
}

/* One record: what was kept of the line, then p. */
static void put_record(struct ctr_log *l, enum ctr_log_stream s, struct head *h, char tag,
		       const char *p, size_t n)
{
	size_t kept = l->part_len[s];
	char *o;

	if (l->len + h->n + kept + n + 1 > sizeof(l->out))
		flush(l);
	o = l->out + l->len;
	h->s[h->tag] = tag;
	o = mempcpy(o, h->s, h->n);
	o = mempcpy(o, l->part[s], kept);
	o = mempcpy(o, p, n);
	*o++ = '\n';
	l->len = (size_t)(o - l->out);
	l->part_len[s] = 0;
}

void ctr_log_write(struct ctr_log *l, enum ctr_log_stream s, const char *p, size_t n)
{
	struct head h;

	if (n == 0)
		return;
	head_make(l, s, &h);
	while (n > 0) {
		size_t room = CTR_LOG_LINE - l->part_len[s];
		const char *nl = memchr(p, '\n', MIN(n, room + 1));
		size_t take = nl ? (size_t)(nl - p) : MIN(n, room);

		if (nl) {
			put_record(l, s, &h, 'F', p, take);
			take++;
		} else if (take == room && take < n) { /* full, and there is more of the line */
			put_record(l, s, &h, 'P', p, take);
		} else { /* kept until the line ends or goes on */
			memcpy(l->part[s] + l->part_len[s], p, take);
			l->part_len[s] += take;
		}
		p += take;
		n -= take;
	}
	flush(l);
}

void ctr_log_idle(struct ctr_log *l)
{
	page_release(l->out, sizeof(l->out)); /* always empty between calls */
	for (size_t s = 0; s < ARRAY_LEN(l->part); s++)
		if (l->part_len[s] == 0)
			page_release(l->part[s], sizeof(l->part[s]));
}

void ctr_log_close(struct ctr_log *l)
{
	if (!l)
		return;
	for (int s = CTR_LOG_STDOUT; s <= CTR_LOG_STDERR; s++) {
		struct head h;

		if (l->part_len[s] == 0)
			continue;
		head_make(l, (enum ctr_log_stream)s, &h);
		put_record(l, (enum ctr_log_stream)s, &h, 'P', "", 0);
	}
	flush(l);
	if (l->lost > 0)
		append_marker(l);
	close(l->fd);
	fd_drop(&l->dir);
	free(l->name);
	free(l);
}
