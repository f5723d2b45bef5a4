/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "secret.h"

#include <stdio.h>
#include <termios.h>

#include "base/fd.h"
#include "base/str.h"

#define SECRET_MAX (64 << 10)

static void finish(char *text, size_t n)
{
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 0 && text[n - 1] == '\r')
		n--;
	text[n] = '\0';
}

char *secret_stdin(const char *option, struct err *e)
{
	own(str) char *text = xmalloc(SECRET_MAX + 2);
	ssize_t n = read_full(STDIN_FILENO, text, SECRET_MAX + 1);

	if (n < 0) {
		err_sys(e, "%s: read standard input", option);
		return NULL;
	}
	if (n > SECRET_MAX || memchr(text, '\0', (size_t)n)) {
		err_set(e, ERR_USAGE, "%s: standard input is no text of at most 64 KiB", option);
		return NULL;
	}
	finish(text, (size_t)n);
	if (!*text) {
		err_set(e, ERR_USAGE, "%s: standard input is empty", option);
		return NULL;
	}
	return ptr_steal(text);
}

char *secret_prompt(const char *prompt, struct err *e)
{
	own(str) char *text = xmalloc(SECRET_MAX + 1);
	struct termios before, silent;
	ssize_t n;

	if (tcgetattr(STDIN_FILENO, &before) < 0) {
		err_set(e, ERR_USAGE, "%s: standard input is no terminal", prompt);
		err_hint(e, "use --password-stdin");
		return NULL;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fprintf(stderr, "%s: ", prompt);
	fflush(stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	n = read(STDIN_FILENO, text, SECRET_MAX);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	if (n < 0) {
		err_sys(e, "read the password");
		return NULL;
	}
	finish(text, (size_t)n);
	return ptr_steal(text);
}
