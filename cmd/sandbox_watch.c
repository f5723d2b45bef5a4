/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 'caddis sandbox ls --watch': what is there, then what changes, by inotify on the records. A
 * record appears and goes by a rename in ROOT/sandboxes, and its files are replaced by renames, so
 * every change has an event; each one is answered by a look at that record.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>

#include "base/fd.h"
#include "common.h"
#include "sandbox.h"

#define CHANGES (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

// clang-format off
static const struct column columns[] = { { "EVENT", "event", COL_STR, false }, SANDBOX_COLUMNS, { 0 } };
// clang-format on

/* A record that is watched. */
struct seen {
	char id[ID_SIZE];
	int wd;
	char *shown; /* what was printed of it last; NULL: nothing */
	char *name;
};

struct watch {
	struct cli *cli;
	const struct sandbox_list_args *args;
	const struct selector *labels;
	struct list_args list;
	int fd, root_wd;
	struct seen *v;
	size_t n;
};

static void watch_free(struct watch *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].shown);
		free(w->v[i].name);
	}
	free(w->v);
	fd_drop(&w->fd);
}
OWNED_STRUCT(watch, struct watch, watch_free)

static int open_watch(struct watch *w, struct err *e)
{
	own(str) char *path = str_fmt("%s/sandboxes", w->cli->store.root_path);

	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0)
		return err_sys(e, "inotify");
	w->root_wd = inotify_add_watch(w->fd, path, CHANGES | IN_ONLYDIR);
	return w->root_wd < 0 ? err_sys(e, "watch %s", path) : 0;
}

static struct seen *find(struct watch *w, const char *id, int wd)
{
	for (size_t i = 0; i < w->n; i++)
		if (id ? str_eq(w->v[i].id, id) : w->v[i].wd == wd)
			return &w->v[i];
	return NULL;
}

/* The one of this ID, watched from now on. NULL without an error: it is gone. */
static struct seen *follow(struct watch *w, const char *id, struct err *e)
{
	own(str) char *path = str_fmt("%s/sandboxes/%s", w->cli->store.root_path, id);
	struct seen *s = find(w, id, 0);
	int wd;

	e->msg[0] = '\0';
	if (s)
		return s;
	wd = inotify_add_watch(w->fd, path, CHANGES | IN_ONLYDIR);
	if (wd < 0 && errno != ENOENT)
		err_sys(e, "watch %s", path);
	if (wd < 0)
		return NULL;
	w->v = xgrow(w->v, w->n, sizeof(*w->v));
	s = &w->v[w->n++];
	*s = (struct seen){ .wd = wd };
	snprintf(s->id, sizeof(s->id), "%s", id);
	return s;
}

/* What would make a line different. */
static char *signature(const struct sandbox *sb)
{
	const struct network_ip *rows = sb->network.ips.v;
	own(buf) struct buf b = { 0 };

	buf_addf(&b, "%d", sb->ready);
	for (size_t i = 0; i < sb->network.ips.n; i++)
		buf_addf(&b, " %s", rows[i].address);
	return buf_steal(&b);
}

static int print(struct watch *w, const char *event, const struct seen *s, const struct sandbox *sb,
		 struct err *e)
{
	struct table *t = NULL;

	if (table_new(columns, &w->list, &t, e) < 0)
		return -1;
	if (sb) {
		sandbox_row(t, sb);
	} else {
		table_row(t);
		table_str(t, "id", s->id);
		table_str(t, "name", s->name);
	}
	table_str(t, "event", event);
	w->list.no_headings = true;
	return table_print(t, e);
}

/* Looks at one record and prints what is new about it. */
static int look(struct watch *w, const char *id, struct err *e)
{
	own(sandbox) struct sandbox sb = { 0 };
	struct seen *s = follow(w, id, e);
	own(str) char *now = NULL;
	const char *event;

	if (!s)
		return e->msg[0] ? -1 : 0;
	/* Half made, or gone: no status yet, or none any more. */
	if (sandbox_load(&w->cli->store, id, &sb, e) == 0 &&
	    sandbox_wanted(w->args, w->labels, &sb))
		now = signature(&sb);
	if (str_eq(now, s->shown))
		return 0;
	event = !s->shown ? "added" : now ? "changed" : "removed";
	free(s->shown);
	s->shown = ptr_steal(now);
	if (s->shown)
		str_set(&s->name, sb.record.config.metadata.name);
	return print(w, event, s, s->shown ? &sb : NULL, e);
}

static void forget(struct watch *w, int wd)
{
	struct seen *s = find(w, NULL, wd);

	if (!s)
		return;
	free(s->shown);
	free(s->name);
	*s = w->v[--w->n];
}

static int look_at_all(struct watch *w, struct err *e)
{
	own(fd) int fd =
		openat(w->cli->store.root, "sandboxes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	own(strv) struct strv ids = { 0 };

	if (!d)
		return err_sys(e, "sandboxes");
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d));)
		if (id_valid(de->d_name))
			strv_add(&ids, de->d_name);
	for (size_t i = 0; i < w->n; i++)
		if (!strv_has(&ids, w->v[i].id))
			strv_add(&ids, w->v[i].id);
	strv_sort(&ids);
	for (size_t i = 0; i < ids.n; i++)
		if (look(w, ids.v[i], e) < 0)
			return -1;
	return 0;
}

static int on_event(struct watch *w, const struct inotify_event *ev, struct err *e)
{
	char id[ID_SIZE] = "";
	struct seen *s = find(w, NULL, ev->wd);

	if (ev->mask & IN_Q_OVERFLOW) /* some were lost */
		return look_at_all(w, e);
	if (ev->mask & IN_IGNORED) {
		forget(w, ev->wd);
		return 0;
	}
	if (ev->wd == w->root_wd && ev->len && id_valid(ev->name))
		snprintf(id, sizeof(id), "%s", ev->name);
	else if (s)
		snprintf(id, sizeof(id), "%s", s->id);
	return id[0] ? look(w, id, e) : 0;
}

static int read_events(struct watch *w, struct err *e)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(w->fd, buffer, sizeof(buffer));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : err_sys(e, "inotify");
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *ev = (const void *)(buffer + at);

		if (on_event(w, ev, e) < 0)
			return -1;
		at += (ssize_t)(sizeof(*ev) + ev->len);
	}
	return 0;
}

static bool reader_is_gone(const struct pollfd *out)
{
	return out->revents & (POLLERR | POLLHUP | POLLNVAL);
}

int sandbox_watch(struct cli *cli, const struct sandbox_list_args *a, const struct selector *labels)
{
	own(watch) struct watch w = {
		.cli = cli, .args = a, .labels = labels, .list = a->list, .fd = -1
	};
	struct pollfd p[] = { { .events = POLLIN }, { .fd = STDOUT_FILENO } };
	struct err e;
	int status = 0;

	w.list.lines = true;
	if (open_watch(&w, &e) < 0 || look_at_all(&w, &e) < 0)
		return cli_error(cli, &e);
	p[0].fd = w.fd;
	while (status == 0 && !reader_is_gone(&p[1])) {
		status = cli_done(cli, 0);
		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			return cli_error(cli, (err_sys(&e, "poll"), &e));
		if (p[0].revents & POLLIN && read_events(&w, &e) < 0)
			return cli_error(cli, &e);
	}
	return status;
}
