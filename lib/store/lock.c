/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/fd.h"
#include "store/store.h"

/* A lock file is a regular file of root's: a FIFO or device here would hang or surprise us. */
static int open_lock(int dir, const char *name, int flags)
{
	own(fd) int fd =
		openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		errno = EBADF;
		return -1;
	}
	return fd_steal(&fd);
}

/* Who holds the flock on fd, by /proc/locks; "" when the kernel does not tell. */
static void holder_of(int fd, char *dst, size_t size)
{
	own(file) FILE *f = fopen("/proc/locks", "re");
	char line[256], want[64];
	struct stat st;

	dst[0] = '\0';
	if (!f || fstat(fd, &st) < 0)
		return;
	snprintf(want, sizeof(want), "%02x:%02x:%ju ", major(st.st_dev), minor(st.st_dev),
		 (uintmax_t)st.st_ino);
	while (fgets(line, sizeof(line), f)) {
		char type[16], pid[16], path[64];
		own(buf) struct buf comm = { 0 };
		struct err ignored;

		if (!strstr(line, want) ||
		    sscanf(line, "%*s %15s %*s %*s %15[0-9]", type, pid) != 2 ||
		    !str_eq(type, "FLOCK"))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", pid);
		if (file_load_kernel(AT_FDCWD, path, &comm, &ignored) < 0)
			snprintf(dst, size, " by pid %s", pid);
		else
			snprintf(dst, size, " by %s (pid %s)", comm.s, pid);
		return;
	}
}

int lock_file(const struct store *s, int dir, const char *name, enum lock_mode mode,
	      const char *what, struct err *e)
{
	own(fd) int fd = open_lock(dir, name, O_CREAT);
	int64_t deadline = clock_monotonic() + s->lock_timeout * NSEC_PER_SEC;
	struct timespec nap = { .tv_nsec = 200000 };
	char holder[128];

	if (fd < 0)
		return err_sys(e, "%s: cannot open its lock file", what);
	while (flock(fd, (mode == LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_sys(e, "%s: cannot lock", what);
		if (s->lock_timeout >= 0 && clock_monotonic() >= deadline) {
			holder_of(fd, holder, sizeof(holder));
			return err_set(e, ERR_BUSY, "%s: locked%s, waited %d s", what, holder,
				       s->lock_timeout);
		}
		/* flock(2) knows no time-out; a signal handler for one would not suit threads. */
		nanosleep(&nap, NULL);
		nap.tv_nsec = MIN(nap.tv_nsec * 2, 10000000);
	}
	return fd_steal(&fd);
}

int lock_try(int dir, const char *name, enum lock_mode mode)
{
	own(fd) int fd = open_lock(dir, name, 0);

	if (fd < 0 || flock(fd, (mode == LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0)
		return -1;
	return fd_steal(&fd);
}

int lock_images(const struct store *s, enum lock_mode mode, struct err *e)
{
	return lock_file(s, s->root, "images/lock", mode, "image store", e);
}
