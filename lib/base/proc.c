/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"

#define STAT_START 22 /* proc(5): starttime */
#define BOOT_ID_LEN 36

int proc_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int proc_pidfd_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

/*
 * State and start time of a process. The command in parentheses may hold blanks and parentheses, so
 * the fields count from the last ')'.
 */
static int read_stat(pid_t pid, char *state, uint64_t *start)
{
	char path[32], text[1024], *p, *end;
	own(fd) int fd = -1;
	ssize_t n;

	if (pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		errno = errno == ENOENT ? ESRCH : errno;
		return -1;
	}
	n = read_full(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -1;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || p[1] != ' ' || !p[2]) {
		errno = EPROTO;
		return -1;
	}
	*state = p[2];
	p += 2; /* field 3 */
	for (int field = 3; field < STAT_START && p; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	errno = 0;
	*start = p ? strtoull(p, &end, 10) : 0;
	if (!p || end == p || errno) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

int proc_start_time(pid_t pid, uint64_t *out)
{
	char state;

	return read_stat(pid, &state, out);
}

int proc_id_of(pid_t pid, struct proc_id *out)
{
	uint64_t start;

	if (proc_start_time(pid, &start) < 0)
		return -1;
	*out = (struct proc_id){ .pid = pid, .start = start };
	return 0;
}

int proc_open(const struct proc_id *id)
{
	own(fd) int fd = -1;
	uint64_t start;

	if (id->pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	/* The pidfd first: if the number still has the start time after that, the pidfd is the
	 * process. */
	fd = proc_pidfd_open(id->pid);
	if (fd < 0) {
		errno = errno == EINVAL ? ESRCH : errno; /* a thread's number by now */
		return -1;
	}
	if (proc_start_time(id->pid, &start) < 0)
		return -1;
	if (start != id->start) {
		errno = ESRCH;
		return -1;
	}
	return fd_steal(&fd);
}

bool proc_alive(const struct proc_id *id)
{
	uint64_t start;
	char state;

	return read_stat(id->pid, &state, &start) == 0 && start == id->start && state != 'Z' &&
	       state != 'X';
}

int proc_wait(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const char *proc_boot_id(struct err *e)
{
	static char cached[BOOT_ID_LEN + 1];
	own(buf) struct buf text = { 0 };

	if (cached[0])
		return cached;
	if (file_load_kernel(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &text, e) < 0)
		return NULL;
	if (text.len != BOOT_ID_LEN) {
		err_set(e, ERR_FAIL, "the boot id is not of %d characters", BOOT_ID_LEN);
		return NULL;
	}
	memcpy(cached, text.s, BOOT_ID_LEN);
	return cached;
}
