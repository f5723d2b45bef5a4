/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.h - a pull's layers on stderr: bars on a terminal, a line per finished layer elsewhere.
 */
#ifndef CADDIS_CMD_PROGRESS_H
#define CADDIS_CMD_PROGRESS_H

#include "image/image.h"

struct progress {
	bool terminal;
	size_t drawn; /* lines on the terminal that are ours */
	struct progress_line {
		char digest[13];
		const char *state;
		int64_t done, total;
	} * lines;
	size_t n;
};
void progress_init(struct progress *p);
/* image_pull_options.progress; ctx is a struct progress. */
void progress_update(void *ctx, const struct image_progress *i);
void progress_free(struct progress *p);
OWNED_STRUCT(progress, struct progress, progress_free)

#endif
