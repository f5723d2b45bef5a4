/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/ctr_log_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"

char *log_file_name(const char *name, int index)
{
	return index == 0 ? xstrdup(name) : str_fmt("%s.%d", name, index);
}

static bool stat_file(int dir, const char *name, int index, struct stat *st)
{
	own(str) char *file = log_file_name(name, index);

	return fstatat(dir, file, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int log_file_index(int dir, const char *name, int files, const struct stat *st)
{
	struct stat now;
	int missing = 0;

	for (int i = 0; i < files && missing < 3; i++) {
		if (!stat_file(dir, name, i, &now))
			missing++;
		else if (same(&now, st))
			return i;
	}
	return -1;
}

int log_file_oldest(int dir, const char *name, int files)
{
	struct stat st;
	int oldest = 0, missing = 0;

	for (int i = 1; i < files && missing < 3; i++) {
		if (stat_file(dir, name, i, &st))
			oldest = i;
		else
			missing++;
	}
	return oldest;
}

int log_file_open(int dir, const char *name, struct stat *st, struct err *e)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	own(fd) int fd = openat(dir, name, flags);

	if (fd < 0 || fstat(fd, st) < 0)
		return err_sys(e, "open log %s", name);
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_STATE, "log %s is not a regular file", name);
	return fd_steal(&fd);
}

/* 1 becomes 2 and so on, up to the first number that is free. */
static int shift(int dir, const char *name, int files, struct err *e)
{
	struct stat st;
	int end = 1;

	while (end < files - 1 && stat_file(dir, name, end, &st))
		end++;
	for (int i = end - 1; i >= 0; i--) {
		own(str) char *from = log_file_name(name, i);
		own(str) char *to = log_file_name(name, i + 1);

		if (renameat(dir, from, dir, to) < 0)
			return err_sys(e, "rename %s to %s", from, to);
	}
	return 0;
}

int log_files_rotate(int dir, const char *name, int files, const struct stat *current,
		     struct err *e)
{
	own(str) char *fresh = str_fmt("%s.new", name);
	own(fd) int fd = -1;
	struct stat st;

	/* First what can fail for want of room. */
	(void)unlinkat(dir, fresh, 0);
	fd = openat(dir, fresh,
		    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_sys(e, "create %s", fresh);
	/* Somebody else may have moved ours away: then there is nothing of ours to number. */
	if (files > 1 && stat_file(dir, name, 0, &st) && same(&st, current) &&
	    shift(dir, name, files, e) < 0) {
		(void)unlinkat(dir, fresh, 0);
		return -1;
	}
	if (renameat(dir, fresh, dir, name) < 0) {
		err_sys(e, "rename %s to %s", fresh, name);
		(void)unlinkat(dir, fresh, 0);
		return -1;
	}
	return fd_steal(&fd);
}
