/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's reader: both files, oldest first, and what is written while it reads. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "store/journal.h"

#define BLOCK (64 * 1024)
#define TRIES 100 /* a rotation takes 2 MiB of events */

/* One of the files, and what was read of it and not yet returned. */
struct source {
	int fd;
	dev_t dev;
	ino_t ino;
	off_t off;
	struct buf text;
	size_t at;
	bool skip; /* inside of a line that is too long to be one */
};

struct journal {
	struct store *s;
	int notify; /* -1: not followed */
	struct source old, now;
};

static void source_close(struct source *f)
{
	fd_drop(&f->fd);
	buf_free(&f->text);
	*f = (struct source){ .fd = -1 };
}

static int source_open(struct store *s, const char *name, struct source *out, struct err *e)
{
	struct stat st;
	own(fd) int fd = openat(s->root, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	*out = (struct source){ .fd = -1 };
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%s/%s", s->root_path, name);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "%s/%s", s->root_path, name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CORRUPT, "%s/%s is no file", s->root_path, name);
	*out = (struct source){ .fd = fd_steal(&fd), .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

static bool same(const struct source *a, const struct source *b)
{
	return a->fd >= 0 && b->fd >= 0 && a->dev == b->dev && a->ino == b->ino;
}

/* fresh is a file that we may know already: then it goes on where we are in it. */
static struct source resume(struct source *fresh, struct source *known)
{
	struct source taken = *fresh;

	if (!same(fresh, known))
		return taken;
	source_close(fresh);
	taken = *known;
	*known = (struct source){ .fd = -1 };
	return taken;
}

/* Is the file that is written to still this one? */
static bool in_place(struct journal *j, struct source *f)
{
	struct stat st;

	if (fstatat(j->s->root, "events", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return f->fd < 0;
	if (f->fd < 0 || st.st_ino != f->ino || st.st_dev != f->dev)
		return false;
	if (st.st_size < f->off) /* emptied by somebody */
		f->off = 0;
	return true;
}

static int open_sources(struct journal *j, struct err *e)
{
	struct source now, old;

	for (int i = 0;; i++) {
		if (source_open(j->s, "events", &now, e) < 0)
			return -1;
		if (source_open(j->s, "events.1", &old, e) < 0) {
			source_close(&now);
			return -1;
		}
		/* Else it was renamed in between, and the one before it missed. */
		if (in_place(j, &now) || i == TRIES)
			break;
		source_close(&now);
		source_close(&old);
	}
	old = resume(&old, same(&old, &j->now) ? &j->now : &j->old);
	now = resume(&now, &j->now);
	source_close(&j->old);
	source_close(&j->now);
	j->old = old;
	j->now = now;
	return 0;
}

static void to_end(struct source *f)
{
	struct stat st;

	if (f->fd >= 0 && fstat(f->fd, &st) == 0)
		f->off = st.st_size;
}

static int watch(struct journal *j, struct err *e)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", j->s->root);
	j->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (j->notify < 0 ||
	    inotify_add_watch(j->notify, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_sys(e, "watch %s", j->s->root_path);
	return 0;
}

int journal_open(struct store *s, bool from_end, bool follow, struct journal **out, struct err *e)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	*j = (struct journal){ .s = s, .notify = -1, .old = { .fd = -1 }, .now = { .fd = -1 } };
	/* Watched first: what comes while we look is not missed. */
	if ((follow && watch(j, e) < 0) || open_sources(j, e) < 0) {
		journal_close(j);
		return -1;
	}
	if (from_end) {
		to_end(&j->old);
		to_end(&j->now);
	}
	*out = j;
	return 0;
}

int journal_fd(const struct journal *j)
{
	return j->notify;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	source_close(&j->old);
	source_close(&j->now);
	fd_drop(&j->notify);
	free(j);
}

/* More text; 1, or 0 when there is none at present. */
static int fill(struct source *f, struct err *e)
{
	ssize_t n;

	if (f->fd < 0)
		return 0;
	if (f->at) {
		f->text.len -= f->at;
		memmove(f->text.s, f->text.s + f->at, f->text.len);
		f->at = 0;
	}
	buf_reserve(&f->text, BLOCK);
	do
		n = pread(f->fd, f->text.s + f->text.len, BLOCK, f->off);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "read the journal");
	f->text.len += (size_t)n;
	f->off += n;
	return n > 0;
}

/* The next whole line that was read already: its beginning and length, else NULL. */
static const char *take_line(struct source *f, size_t *n)
{
	while (f->at < f->text.len) {
		const char *p = f->text.s + f->at;
		const char *nl = memchr(p, '\n', f->text.len - f->at);
		bool skip = f->skip;

		if (!nl && f->text.len - f->at <= EVENT_MAX)
			return NULL;
		*n = nl ? (size_t)(nl - p) : f->text.len - f->at;
		f->at += *n + (nl != NULL);
		f->skip = !nl;
		if (!skip && nl && *n > 0 && *n <= EVENT_MAX)
			return p;
	}
	return NULL;
}

static struct json_object *parse(const char *line, size_t n)
{
	struct err ignored;
	own(json) struct json_object *o = json_parse("event", line, n, &ignored);

	if (!o || !json_get_str(o, "time") || !json_get_str(o, "type") || !json_get_str(o, "event"))
		return NULL;
	return ptr_steal(o);
}

/* 1, or 0 at its end. */
static int next_of(struct source *f, struct json_object **event, struct err *e)
{
	for (;;) {
		const char *line;
		size_t n;
		int rc;

		while ((line = take_line(f, &n))) {
			*event = parse(line, n);
			if (*event)
				return 1;
		}
		rc = fill(f, e);
		if (rc <= 0)
			return rc;
	}
}

int journal_next(struct journal *j, struct json_object **event, struct err *e)
{
	char seen[4096];

	/* What is reported after this is looked at after this. */
	while (j->notify >= 0 && read(j->notify, seen, sizeof(seen)) > 0)
		;
	for (;;) {
		int rc = next_of(&j->old, event, e);

		if (rc == 0)
			rc = next_of(&j->now, event, e);
		if (rc != 0 || j->notify < 0)
			return rc;
		if (in_place(j, &j->now))
			return 0;
		if (open_sources(j, e) < 0)
			return -1;
	}
}
