/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress.h - a pull's layers on stderr: on a terminal a bar each, with rate and time left; a line
 * per finished layer elsewhere.
 */
#ifndef CADDIS_CMD_PROGRESS_H
#define CADDIS_CMD_PROGRESS_H

#include <pthread.h>

#include "image/image.h"

struct progress {
	pthread_mutex_t mutex; /* notes come from any thread */
	bool terminal;
	size_t drawn; /* lines on the terminal that are ours */
	struct progress_line {
		char digest[13];
		const char *state;
		int64_t done, total, kept;
		/* the rate: bytes per second, a moving average */
		int64_t rate, rate_at, rate_done;
	} * lines;
	size_t n;
};
void progress_init(struct progress *p);
/* image_pull_options.progress; ctx is a struct progress. */
void progress_update(void *ctx, const struct image_progress *i);
/* note_sink.say: the text as a line of its own, above the bars. */
void progress_note(void *ctx, const char *text);
void progress_free(struct progress *p);
OWNED_STRUCT(progress, struct progress, progress_free)

#endif
