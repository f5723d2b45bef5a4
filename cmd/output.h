/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output.h - where an archive goes: standard output, a file that appears, or is replaced, only when
 * it is whole, or a directory that appears when it is.
 */
#ifndef CADDIS_CMD_OUTPUT_H
#define CADDIS_CMD_OUTPUT_H

#include "base/err.h"
#include "base/own.h"
#include "base/str.h"

struct output {
	int fd;
	char *path, *temporary; /* NULL: standard output, a device, a FIFO: written to directly */
	bool directory;
};
#define OUTPUT_NONE                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}
/* path NULL or "-": standard output, which must not be a terminal. */
int output_open(const char *path, struct output *out, struct err *e);
/* The directory path, which must not be there, or be empty. */
int output_open_directory(const char *path, struct output *out, struct err *e);
/* All is written: the file gets its name. */
int output_commit(struct output *o, struct err *e);
/* Without output_commit(): removes what was written. */
void output_close(struct output *o);
OWNED_STRUCT(output, struct output, output_close)
/* pack_sink and its like; ctx is a struct output. */
int output_sink(void *ctx, const void *p, size_t n, struct err *e);

#endif
