/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own.h - the declaration says who cleans up.
 *
 *     own(fd) int fd = openat(...);     closed on every return
 *     return fd_steal(&fd);             the one way to give it away
 *
 * An owned variable is always initialised. A clean-up accepts the null value.
 * Each type's own header adds its OWNED() line; the ones here are of libc.
 */
#ifndef CADDIS_BASE_OWN_H
#define CADDIS_BASE_OWN_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OWNED(name, type, none, release)                                                           \
	static inline void name##_drop(type *p)                                                    \
	{                                                                                          \
		if (*p != (none))                                                                  \
			release(*p);                                                               \
	}
/* A struct held by value; release(&v) must accept a zeroed one. */
#define OWNED_STRUCT(name, type, release)                                                          \
	static inline void name##_drop(type *p)                                                    \
	{                                                                                          \
		release(p);                                                                        \
	}
#define own(name) __attribute__((cleanup(name##_drop)))

OWNED(fd, int, -1, close)
OWNED(str, char *, NULL, free)
OWNED(dir, DIR *, NULL, closedir)
OWNED(file, FILE *, NULL, fclose)

static inline int fd_steal(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void *ptr_steal_(void **p)
{
	void *taken = *p;

	*p = NULL;
	return taken;
}
/* Gives away an owned pointer: return ptr_steal(s); */
#define ptr_steal(p) ((__typeof__(p))ptr_steal_((void **)&(p)))

#endif
