/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/ctr_record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"

#define BLOCK (64 * 1024)
#define SEARCH_MAX (1024 * 1024)

static bool parse_stream(const char *p, enum ctr_log_stream *s)
{
	bool is_out = memcmp(p, "stdout ", 7) == 0;

	*s = is_out ? CTR_LOG_STDOUT : CTR_LOG_STDERR;
	return is_out || memcmp(p, "stderr ", 7) == 0;
}

bool ctr_record_parse(const char *p, size_t n, struct ctr_record *r)
{
	const char *end = p + MIN(n, (size_t)RECORD_HEAD_MAX);
	const char *space = memchr(p, ' ', (size_t)(end - p));

	/* Room for the shortest rest: "stdout F ". */
	if (!space || space - p < 20 || end - space < 10 || !parse_stream(space + 1, &r->stream))
		return false;
	r->stamp = p;
	r->stamp_len = (size_t)(space - p);
	/* Tags are separated by colons; the first says whether the line ends here. */
	p = space + 8;
	if (*p != 'F' && *p != 'P')
		return false;
	r->partial = *p == 'P';
	space = memchr(p, ' ', (size_t)(end - p));
	if (!space || (p[1] != ' ' && p[1] != ':'))
		return false;
	r->head = (size_t)(space - r->stamp) + 1;
	return true;
}

void ctr_bound_set(struct ctr_bound *b, int64_t ns)
{
	b->ns = ns;
	clock_format(ns, b->text);
}

int ctr_record_compare(const struct ctr_record *r, const struct ctr_bound *b)
{
	char text[RECORD_HEAD_MAX];
	int64_t ns;

	/* Our own stamps have all their digits, so their text sorts as their time does. */
	if (r->stamp_len == strlen(b->text) && r->stamp[r->stamp_len - 1] == 'Z')
		return memcmp(r->stamp, b->text, r->stamp_len);
	memcpy(text, r->stamp, r->stamp_len);
	text[r->stamp_len] = '\0';
	if (clock_parse(text, &ns) < 0)
		return 0;
	return ns < b->ns ? -1 : ns > b->ns;
}

/* The record at off; each call has a smaller one. False: enough. */
static bool visit(struct ctr_tail *f, const char *p, size_t n, off_t off)
{
	struct ctr_record r;
	bool of_line;

	if (f->lines == f->o->tail && f->newest - off > SEARCH_MAX)
		return false;
	if (!ctr_record_parse(p, n, &r) ||
	    (r.stream == CTR_LOG_STDOUT ? f->o->no_stdout : f->o->no_stderr))
		return true;
	if (f->o->since && ctr_record_compare(&r, &f->since) < 0)
		return false;
	if (f->o->until && ctr_record_compare(&r, &f->until) > 0)
		return true;
	of_line = f->seen[r.stream] && r.partial;
	f->seen[r.stream] = true;
	if (!of_line) { /* the end of another line */
		f->collecting[r.stream] = f->lines < f->o->tail;
		f->lines += f->collecting[r.stream];
	}
	if (f->collecting[r.stream])
		f->newest = f->from[r.stream] = off;
	return f->lines < f->o->tail || f->collecting[0] || f->collecting[1];
}

/* The records that begin in a block of n bytes at off, whose heads may reach into what follows it.
 */
static bool visit_block(struct ctr_tail *f, const char *buf, size_t n, size_t all, off_t off)
{
	size_t end = n;
	const char *nl;

	while ((nl = memrchr(buf, '\n', end))) {
		size_t start = (size_t)(nl - buf) + 1;

		if (start < all && !visit(f, buf + start, all - start, off + (off_t)start))
			return false;
		end = (size_t)(nl - buf);
	}
	return off > 0 || visit(f, buf, all, 0);
}

void ctr_tail_begin(struct ctr_tail *t, const struct ctr_log_read_options *o)
{
	*t = (struct ctr_tail){ .o = o };
	ctr_bound_set(&t->since, o->since);
	ctr_bound_set(&t->until, o->until);
}

int ctr_tail_file(struct ctr_tail *t, int fd, off_t size, off_t from[2], struct err *e)
{
	own(str) char *buf = NULL;

	from[0] = from[1] = t->newest = size;
	t->from = from;
	if (t->o->tail <= 0)
		return 1;
	buf = xmalloc(BLOCK + RECORD_HEAD_MAX);
	for (off_t end = size; end > 0;) {
		off_t start = end > BLOCK ? end - BLOCK : 0;
		size_t n = (size_t)(end - start);
		size_t all = (size_t)(MIN(end + RECORD_HEAD_MAX, size) - start);
		ssize_t got = pread(fd, buf, all, start);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read the log");
		if ((size_t)got <
		    n) /* truncated meanwhile: what is left is read from its beginning */
			return 1;
		if (!visit_block(t, buf, n, (size_t)got, start))
			return 1;
		end = start;
	}
	return 0;
}
