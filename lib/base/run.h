/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.h - another program, run to its end: input in, output out, bounded in time and size. */
#ifndef CADDIS_BASE_RUN_H
#define CADDIS_BASE_RUN_H

#include "base/str.h"

struct run {
	char *const *argv; /* argv[0] is looked up in our $PATH unless it has a slash */
	char *const *envp;
	const char *input; /* NULL: standard input is empty */
	size_t input_len;
	size_t output_max; /* of standard output; standard error goes to /dev/null */
	int64_t timeout;   /* ns */
	struct buf output; /* the caller's to free, on failure too */
	int status;	   /* as a shell says it: 0-255, 128 + signal */
};
/*
 * 0 when it ran and ended, whatever its status. -1: it is not there (ERR_NOT_FOUND), could not be
 * started, took too long or said too much; then it and its process group are killed. It gets no fd
 * but the standard three, no blocked or ignored signals.
 */
int run_program(struct run *r, struct err *e);

#endif
