/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.h - small files: read whole, replace whole. */
#ifndef CADDIS_BASE_FILE_H
#define CADDIS_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Reads the regular file name below the directory fd dir (AT_FDCWD: a path) into *out. More than
 * max bytes, or anything but a regular file, is an error; nothing else is ever opened for reading
 * (a FIFO does not block). name is not followed if it is a symlink.
 */
int file_load(int dir, const char *name, size_t max, struct buf *out, struct err *e);
/* The same for the kernel's files in /proc, /sys: any type, symlinks followed, a newline at the end
 * cut. */
int file_load_kernel(int dir, const char *name, struct buf *out, struct err *e);

enum file_sync {
	FILE_NOSYNC, /* atomic for readers; empty or gone after a power cut */
	FILE_SYNC,   /* file and directory reach the disk before this returns */
};
/* Creates or replaces name (mode 0600 less nothing: the umask does not count) in one rename. The
 * caller holds the object's lock. */
int file_replace(int dir, const char *name, const char *data, size_t len, enum file_sync sync,
		 struct err *e);
/* Creates name (mode 0600) where nobody looks yet: what a death leaves half-written is nobody's. */
int file_create(int dir, const char *name, const char *data, size_t len, struct err *e);
/* Writes text to an existing file of the kernel in one write(2). */
int file_write_kernel(int dir, const char *name, const char *text, struct err *e);

#endif
