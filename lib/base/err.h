/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err.h - one error value: filled where the thing failed, given context on the way up, printed once
 * by cmd/.
 *
 * Functions of lib/ return -1 (or NULL) with *e filled, and never print or exit. The value is plain
 * memory of 512 bytes: it crosses a fork through a pipe or socket in one atomic write.
 */
#ifndef CADDIS_BASE_ERR_H
#define CADDIS_BASE_ERR_H

#include <stdbool.h>

#include "base/macros.h"

enum err_kind {
	ERR_FAIL,      /* anything without a better name */
	ERR_USAGE,     /* the caller asked for something malformed */
	ERR_NOT_FOUND, /* the named object does not exist */
	ERR_EXISTS,    /* the name is taken */
	ERR_STATE,     /* the object is not in a state that allows this */
	ERR_DENIED,    /* permission, or not root */
	ERR_REMOTE,    /* a registry or another peer answered wrongly */
	ERR_CORRUPT,   /* a file of ours does not parse or verify */
	ERR_BUSY,      /* a lock was not to be had in time */
	ERR_NOEXEC,    /* the container's command cannot be executed: exit status 126 */
	ERR_NOCOMMAND, /* the container's command was not found: exit status 127 */
};

struct err {
	enum err_kind kind;
	int sys; /* errno, or 0 */
	char msg[504];
};

/* All return -1. The message has no trailing newline and no "caddis:" in front. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
/* Appends ": " and the text of errno; the kind follows errno (ENOENT, EEXIST, EACCES...). */
int err_sys(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/* Puts "context: " in front; keeps kind and sys. The end of a message too long is cut. */
int err_in(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/* Appends a hint after "; ": the way out, where we know it. */
int err_hint(struct err *e, const char *fmt, ...) PRINTF(2, 3);
#if defined(__clang_analyzer__) && !defined(CADDIS_ERR_C) /* it does not look into err.c: these fail, always */
static inline int err_failed_(int minus_one)
{
	(void)minus_one;
	return -1;
}
#define err_set(...) err_failed_(err_set(__VA_ARGS__))
#define err_sys(...) err_failed_(err_sys(__VA_ARGS__))
#define err_in(...) err_failed_(err_in(__VA_ARGS__))
#define err_hint(...) err_failed_(err_hint(__VA_ARGS__))
#endif
/* 2 for ERR_USAGE, else 1. */
int err_exit_code(const struct err *e);
/* The same for run and exec: 126 and 127 for the command's own trouble, else 125, never 2. */
int err_exit_code_run(const struct err *e);

#endif
