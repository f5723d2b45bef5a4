/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * note.h - what a person should know although nothing failed: a registry's warning, a mirror that
 * did not answer, a wait. lib/ does not print: cmd/ sets the sink. Any thread may call.
 */
#ifndef CADDIS_IMAGE_NOTE_H
#define CADDIS_IMAGE_NOTE_H

#include "base/macros.h"

struct note_sink {
	void (*say)(void *ctx, const char *text); /* NULL: nobody listens; thread-safe */
	void *ctx;
};
void note(const struct note_sink *sink, const char *fmt, ...) PRINTF(2, 3);

#endif
