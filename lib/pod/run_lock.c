/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "monitor/control.h"
#include "store/record.h"

int run_lock_take(struct store *s, int run_dir, const char *id, struct err *e)
{
	own(fd) int fd = openat(run_dir, "run", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	(void)s;
	if (fd < 0)
		return err_sys(e, "container %.12s: run lock", id);
	/* Shared with run_lock_held(), which tries it for a moment: hence the few tries. */
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EINTR && (errno != EWOULDBLOCK || i > 50))
			return errno == EWOULDBLOCK
				       ? err_set(e, ERR_STATE, "container %.12s is running", id)
				       : err_sys(e, "container %.12s: run lock", id);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return fd_steal(&fd);
}

static int open_run_lock(struct store *s, const char *id)
{
	char path[ID_SIZE + 32];

	snprintf(path, sizeof(path), "containers/%s/run", id);
	return openat(s->state, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
}

bool run_lock_held(struct store *s, const char *id)
{
	own(fd) int fd = open_run_lock(s, id);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int run_lock_wait(struct store *s, const char *id, int64_t timeout_ns, struct err *e)
{
	own(fd) int fd = open_run_lock(s, id);
	int64_t deadline = clock_monotonic() + timeout_ns;
	struct timespec nap = { .tv_nsec = 200000 };

	if (fd < 0)
		return 0;
	if (timeout_ns < 0) {
		while (flock(fd, LOCK_SH) < 0)
			if (errno != EINTR)
				return err_sys(e, "container %.12s: run lock", id);
		return 0;
	}
	while (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		if (errno != EINTR && errno != EWOULDBLOCK)
			return err_sys(e, "container %.12s: run lock", id);
		if (clock_monotonic() > deadline)
			return err_set(e, ERR_BUSY, "container %.12s: its monitor does not end",
				       id);
		nanosleep(&nap, NULL);
		nap.tv_nsec = MIN(nap.tv_nsec * 2, 20000000);
	}
	return 0;
}

void run_stop_ask(struct store *s, const char *id)
{
	struct err ignored;
	own(fd) int dir = record_run_dir(s, RECORD_CONTAINER, id, false, &ignored);
	int mark, knock;

	if (dir < 0)
		return;
	mark = openat(dir, "stop", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (mark >= 0)
		close(mark);
	knock = control_connect(dir, &ignored);
	if (knock >= 0)
		close(knock);
}

bool run_stop_asked(int run_dir)
{
	return faccessat(run_dir, "stop", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void run_stop_clear(int run_dir)
{
	(void)unlinkat(run_dir, "stop", 0);
}
