/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

#define BAR_MAX 30
#define BAR_MIN 5
#define TEXT_WIDTH 62 /* of a line without its bar, at most */
#define ROWS_KEPT 2   /* of the terminal, for what else is on it */
#define RATE_EVERY (NSEC_PER_SEC / 2)

void progress_init(struct progress *p)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ 0 };
	pthread_mutex_init(&p->mutex, NULL);
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

/* Half of it is what the last half second brought. */
static void measure(struct progress_line *l)
{
	int64_t now = clock_monotonic(), span = now - l->rate_at;

	l->rate_done = MAX(l->rate_done, l->kept); /* that took no time */
	if (l->rate_at == 0) {
		l->rate_at = now;
		l->rate_done = l->done;
	} else if (span >= RATE_EVERY) {
		int64_t fresh =
			(int64_t)((double)(l->done - l->rate_done) * NSEC_PER_SEC / (double)span);

		l->rate = l->rate ? (l->rate + fresh) / 2 : fresh;
		l->rate_at = now;
		l->rate_done = l->done;
	}
}

static void time_text(int64_t seconds, char *dst, size_t size)
{
	if (seconds < 60)
		snprintf(dst, size, "%llds", (long long)seconds);
	else if (seconds < 3600)
		snprintf(dst, size, "%lldm%02llds", (long long)seconds / 60,
			 (long long)seconds % 60);
	else
		snprintf(dst, size, "%lldh%02lldm", (long long)seconds / 3600,
			 (long long)seconds / 60 % 60);
}

static void draw_bar(const struct progress_line *l, int width)
{
	char bar[BAR_MAX + 1], done[16], total[16], rate[16], left[24], kept[16];
	int64_t filled = l->total > 0 ? l->done * width / l->total : 0;

	for (int i = 0; i < width; i++)
		bar[i] = i < filled ? '=' : ' ';
	bar[width] = '\0';
	size_text(l->done, done, sizeof(done));
	size_text(l->total, total, sizeof(total));
	fprintf(stderr, "\r\033[K%s [%s] %s of %s", l->digest, bar, done, total);
	if (l->rate > 0) {
		size_text(l->rate, rate, sizeof(rate));
		time_text((l->total - l->done) / l->rate, left, sizeof(left));
		fprintf(stderr, ", %s/s, %s left", rate, left);
	}
	if (l->kept > 0) {
		size_text(l->kept, kept, sizeof(kept));
		fprintf(stderr, ", kept %s", kept);
	}
	fputc('\n', stderr);
}

static void draw_line(struct progress_line *l, int width)
{
	char total[16], kept[16];

	if (str_eq(l->state, "downloading")) {
		measure(l);
		draw_bar(l, width);
		return;
	}
	size_text(l->total, total, sizeof(total));
	size_text(l->kept, kept, sizeof(kept));
	if (l->kept > 0)
		fprintf(stderr, "\r\033[K%s %s, %s (kept %s)\n", l->digest, l->state, total, kept);
	else
		fprintf(stderr, "\r\033[K%s %s, %s\n", l->digest, l->state, total);
}

/* As many of the lines as the terminal has room for: the last ones, which are still on their way.
 */
static void redraw(struct progress *p)
{
	struct winsize w = { .ws_row = 24, .ws_col = 80 };
	size_t first, room;
	int width;

	if (!p->lines[p->n - 1].digest[0])
		return; /* the first round of updates is not over */
	ioctl(STDERR_FILENO, TIOCGWINSZ, &w);
	if (w.ws_row == 0 || w.ws_col == 0) /* a terminal that does not know its size */
		w = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	room = w.ws_row > ROWS_KEPT ? w.ws_row - ROWS_KEPT : 1;
	width = MAX(BAR_MIN, MIN(BAR_MAX, (int)w.ws_col - TEXT_WIDTH));
	first = p->n > room ? p->n - room : 0;
	if (p->drawn)
		fprintf(stderr, "\033[%zuA", MIN(p->drawn, room));
	for (size_t i = first; i < p->n; i++)
		draw_line(&p->lines[i], width);
	p->drawn = p->n - first;
	fflush(stderr);
}

static bool is_end(const char *state)
{
	return str_eq(state, "done") || str_eq(state, "exists");
}

static void print_end(const struct progress *p, const struct image_progress *i,
		      const struct progress_line *l)
{
	char total[16], kept[16];

	(void)p;
	size_text(l->total, total, sizeof(total));
	size_text(l->kept, kept, sizeof(kept));
	fprintf(stderr, "layer %zu of %zu, %s, %s: %s%s%s%s\n", i->layer + 1, i->layers, l->digest,
		total, l->state, l->kept > 0 ? " (kept " : "", l->kept > 0 ? kept : "",
		l->kept > 0 ? ")" : "");
}

void progress_update(void *ctx, const struct image_progress *i)
{
	struct progress *p = ctx;
	struct progress_line *l;
	bool ended;

	pthread_mutex_lock(&p->mutex);
	if (p->n != i->layers) {
		free(p->lines);
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
	l->kept = i->kept;
	if (p->terminal)
		redraw(p);
	else if (ended)
		print_end(p, i, l);
	pthread_mutex_unlock(&p->mutex);
}

void progress_note(void *ctx, const char *text)
{
	struct progress *p = ctx;
	own(str) char *safe = str_printable(text, strlen(text));

	pthread_mutex_lock(&p->mutex);
	if (p->terminal && p->drawn) {
		fprintf(stderr, "\033[%zuA\033[J", p->drawn);
		p->drawn = 0;
	}
	fprintf(stderr, "caddis: note: %s\n", safe);
	pthread_mutex_unlock(&p->mutex);
}
