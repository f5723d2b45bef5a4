/* SPDX-License-Identifier: GPL-2.0-or-later */
#define CADDIS_ERR_C
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum err_kind kind_of_errno(int sys)
{
	switch (sys) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	default:
		return ERR_FAIL;
	}
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	e->kind = kind;
	e->sys = 0;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	size_t len;
	va_list ap;

	e->kind = kind_of_errno(sys);
	e->sys = sys;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	/* strerrordesc_np: not localised, safe after fork (glibc 2.32). */
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s",
		 strerrordesc_np(sys) ? strerrordesc_np(sys) : "unknown error");
	return -1;
}

int err_in(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->msg)];
	va_list ap;
	size_t len;

	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", old);
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	size_t len = strlen(e->msg);
	va_list ap;

	if (len + 3 >= sizeof(e->msg))
		return -1;
	memcpy(e->msg + len, "; ", 3);
	len += 2;
	va_start(ap, fmt);
	vsnprintf(e->msg + len, sizeof(e->msg) - len, fmt, ap);
	va_end(ap);
	return -1;
}

int err_exit_code(const struct err *e)
{
	return e->kind == ERR_USAGE ? 2 : 1;
}

int err_exit_code_run(const struct err *e)
{
	switch (e->kind) {
	case ERR_NOEXEC:
		return 126;
	case ERR_NOCOMMAND:
		return 127;
	default:
		return 125;
	}
}
