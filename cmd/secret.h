/* SPDX-License-Identifier: GPL-2.0-or-later */
/* secret.h - passwords from standard input or a terminal. */
#ifndef CADDIS_CMD_SECRET_H
#define CADDIS_CMD_SECRET_H

#include "base/err.h"

/* All of standard input, less one newline at its end; at most 64 KiB. Newly allocated; NULL with
 * *e. option: what asked for it, for the error. */
char *secret_stdin(const char *option, struct err *e);
/* Asks on the terminal, without an echo. ERR_USAGE when standard input is none. */
char *secret_prompt(const char *prompt, struct err *e);

#endif
