/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

#define LABELS_MAX (EVENT_MAX / 2)

const char *const event_type_name[] = { "container", "sandbox", "image", NULL };

/* A string of JSON: quotes, backslashes and control characters escaped. */
static void add_text(struct buf *b, const char *s)
{
	own(str) char *shown = str_printable(s, strlen(s));

	buf_addc(b, '"');
	for (const char *p = shown; *p;) {
		size_t n = strcspn(p, "\"\\");

		buf_addn(b, p, n);
		p += n;
		if (*p) {
			buf_addc(b, '\\');
			buf_addc(b, *p++);
		}
	}
	buf_addc(b, '"');
}

void event_begin(struct buf *b, enum event_type type, const char *event, const char *id)
{
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_now(), now);
	buf_addf(b, "\n{\"time\":\"%s\",\"type\":\"%s\",\"event\":\"%s\"", now,
		 event_type_name[type], event);
	event_str(b, "id", id);
}

void event_str(struct buf *b, const char *key, const char *value)
{
	if (!str_some(value))
		return;
	buf_addf(b, ",\"%s\":", key);
	add_text(b, value);
}

void event_int(struct buf *b, const char *key, int64_t value)
{
	buf_addf(b, ",\"%s\":%lld", key, (long long)value);
}

void event_labels(struct buf *b, const struct strmap *labels)
{
	own(buf) struct buf l = { 0 };

	for (size_t i = 0; i < labels->n && l.len <= LABELS_MAX; i++) {
		buf_addc(&l, i ? ',' : '{');
		add_text(&l, labels->v[i].key);
		buf_addc(&l, ':');
		add_text(&l, labels->v[i].value);
	}
	if (l.len > LABELS_MAX)
		buf_add(b, ",\"labels_omitted\":true");
	else if (l.len)
		buf_addf(b, ",\"labels\":%s}", l.s);
}

/* Of a regular file only: whatever else lies there, nobody is to wait for it. */
static int open_journal(const struct store *s, struct stat *st)
{
	own(fd) int fd =
		openat(s->root, "events",
		       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
		return -1;
	return fd_steal(&fd);
}

/* The file is full. By one of us; the others write on meanwhile. */
static void rotate(const struct store *s, int fd, const struct stat *full)
{
	struct stat now;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    fstatat(s->root, "events", &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_ino == full->st_ino && now.st_dev == full->st_dev)
		(void)renameat(s->root, "events", s->root, "events.1");
}

/* One that cannot be rotated does not grow for ever; and the signal of ulimit -f would end us. */
static bool has_room(const struct stat *st, size_t n)
{
	struct rlimit max;
	uint64_t end = (uint64_t)st->st_size + n;

	return end <= 2 * JOURNAL_MAX && getrlimit(RLIMIT_FSIZE, &max) == 0 &&
	       (max.rlim_cur == RLIM_INFINITY || end <= max.rlim_cur);
}

void event_end(struct store *s, struct buf *b)
{
	struct stat st;
	own(fd) int fd = open_journal(s, &st);

	if (fd >= 0 && st.st_size >= JOURNAL_MAX) {
		rotate(s, fd, &st);
		close(fd);
		fd = open_journal(s, &st);
	}
	buf_add(b, "}\n");
	if (fd >= 0 && b->len <= EVENT_MAX && has_room(&st, b->len))
		(void)!write(fd, b->s, b->len);
	buf_free(b);
}
