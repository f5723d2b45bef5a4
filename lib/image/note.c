/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/note.h"

#include <stdarg.h>
#include <stdio.h>

void note(const struct note_sink *sink, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!sink->say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sink->say(sink->ctx, text);
}
