/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpdir.h - a directory for one test, removed with it: own(tmpdir) int dir = tmpdir_open(); */
#ifndef CADDIS_UNIT_TMPDIR_H
#define CADDIS_UNIT_TMPDIR_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"

static inline int tmpdir_open(void)
{
	char name[] = "/tmp/caddis-unit.XXXXXX";

	if (!mkdtemp(name))
		abort();
	return open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* By rm, not by the code that is under test. */
static inline void tmpdir_close(int fd)
{
	char path[64], link[32];
	ssize_t n;
	pid_t pid;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	close(fd);
	if (n <= 0)
		return;
	path[n] = '\0';
	pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--one-file-system", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}
OWNED(tmpdir, int, -1, tmpdir_close)

/* A file with that content. */
static inline void put_file(int dir, const char *name, const char *text)
{
	own(fd) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || dprintf(fd, "%s", text) < 0)
		abort();
}

static inline int exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif
