/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctr_log_files.h - a log that is several files: "ctr.log" is written to, "ctr.log.1" was before it, "ctr.log.2" before that.
 *
 * A rotation moves the oldest first, so that a reader who finds a file under a number knows that the next lower one is the next newer one.
 * One that was interrupted leaves at most one number empty; the next rotation fills it.
 */
#ifndef CADDIS_MONITOR_CTR_LOG_FILES_H
#define CADDIS_MONITOR_CTR_LOG_FILES_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"

/* The name of the index-th (0: the one that is written to), newly allocated. */
char *log_file_name(const char *name, int index);
/* Which of `files` it is, or -1: none (any more). */
int log_file_index(int dir, const char *name, int files, const struct stat *st);
/* The oldest; 0 when there is but one. */
int log_file_oldest(int dir, const char *name, int files);
/* Opens a regular file for reading; never waits, follows no link. */
int log_file_open(int dir, const char *name, struct stat *st, struct err *e);
/*
 * Makes a new, empty `name` and numbers the others anew; what would be beyond `files` is gone. Returns the new one's fd. On an error
 * *current is still where it was, or numbered 1; it can be written to in any case.
 */
int log_files_rotate(int dir, const char *name, int files, const struct stat *current,
		     struct err *e);

#endif
