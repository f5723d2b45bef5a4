/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR 30
#define ROWS_KEPT 2 /* of the terminal, for what else is on it */

void progress_init(struct progress *p)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ 0 };
	p->terminal = isatty(STDERR_FILENO) && term && !str_eq(term, "dumb");
}

void progress_free(struct progress *p)
{
	free(p->lines);
	*p = (struct progress){ 0 };
}

static void size_text(int64_t n, char *dst, size_t size)
{
	str_size_format(n < 0 ? 0 : n, dst, size);
}

static void draw_line(const struct progress_line *l)
{
	char bar[BAR + 1], done[16], total[16];
	int64_t filled = l->total > 0 ? l->done * BAR / l->total : 0;

	for (int i = 0; i < BAR; i++)
		bar[i] = i < filled ? '=' : ' ';
	bar[BAR] = '\0';
	size_text(l->done, done, sizeof(done));
	size_text(l->total, total, sizeof(total));
	if (str_eq(l->state, "downloading"))
		fprintf(stderr, "\r\033[K%s [%s] %s of %s\n", l->digest, bar, done, total);
	else
		fprintf(stderr, "\r\033[K%s %s, %s\n", l->digest, l->state, total);
}

/* As many of the lines as the terminal has room for: the last ones, which are still on their way.
 */
static void redraw(struct progress *p)
{
	struct winsize w = { .ws_row = 24 };
	size_t first, room;

	ioctl(STDERR_FILENO, TIOCGWINSZ, &w);
	room = w.ws_row > ROWS_KEPT ? w.ws_row - ROWS_KEPT : 1;
	first = p->n > room ? p->n - room : 0;
	if (p->drawn)
		fprintf(stderr, "\033[%zuA", MIN(p->drawn, room));
	for (size_t i = first; i < p->n; i++)
		draw_line(&p->lines[i]);
	p->drawn = p->n - first;
	fflush(stderr);
}

static bool is_end(const char *state)
{
	return str_eq(state, "done") || str_eq(state, "exists");
}

void progress_update(void *ctx, const struct image_progress *i)
{
	struct progress *p = ctx;
	struct progress_line *l;
	char total[16];
	bool ended;

	if (p->n != i->layers) {
		p->lines = xcalloc(i->layers, sizeof(*p->lines));
		p->n = i->layers;
		for (size_t k = 0; k < p->n; k++)
			p->lines[k].state = "waiting";
	}
	l = &p->lines[i->layer];
	ended = !is_end(l->state) && is_end(i->state);
	snprintf(l->digest, sizeof(l->digest), "%.12s", i->digest + strlen("sha256:"));
	l->state = i->state;
	l->done = i->done;
	l->total = i->total;
	if (p->terminal) {
		redraw(p);
	} else if (ended) {
		size_text(l->total, total, sizeof(total));
		fprintf(stderr, "layer %zu of %zu, %s, %s: %s\n", i->layer + 1, i->layers,
			l->digest, total, i->state);
	}
}
