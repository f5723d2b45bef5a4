/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

#define FDS_MAX 4

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

int write_all(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0) {
		ssize_t done = write(fd, s, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		s += done;
		n -= (size_t)done;
	}
	return 0;
}

ssize_t read_full(int fd, void *p, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = read(fd, (char *)p + have, n - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

void fd_open_std(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		/* open() takes the lowest free number, which is fd, as those below are open. No
		 * O_CLOEXEC: a program that we execute needs the three as much as we do. */
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", O_RDWR | O_NOCTTY) != fd) /* NOLINT(android-cloexec-open) */
			abort();
	}
}

static int cloexec_by_proc(int first)
{
	own(dir) DIR *d = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!d)
		return -1;
	while ((entry = readdir(d))) {
		int64_t fd;

		if (str_to_i64(entry->d_name, first, INT32_MAX, &fd) == 0)
			fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	}
	return 0;
}

int fd_cloexec_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
#endif
	return cloexec_by_proc(first);
}

static int close_between(int first, int last)
{
	if (first > last)
		return 0;
	if (syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0) == 0)
		return 0;
	if (errno != ENOSYS)
		return -1;
	if (last >
	    65535) /* Linux 5.10 has no close_range in some builds; no sane limit is higher */
		last = 65535;
	for (int fd = first; fd <= last; fd++)
		close(fd);
	return 0;
}

void fd_close_but(const int *keep, size_t n)
{
	int from = 3;

	for (;;) {
		int next = INT32_MAX;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= from && keep[i] < next)
				next = keep[i];
		if (next == INT32_MAX)
			break;
		close_between(from, next - 1);
		from = next + 1;
	}
	close_between(from, INT32_MAX);
}

int fd_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int fd_pipe(int p[2], struct err *e)
{
	return pipe2(p, O_CLOEXEC) < 0 ? err_sys(e, "make a pipe") : 0;
}

int fd_socketpair(int p[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return err_sys(e, "make a pair of sockets");
	return 0;
}

union fd_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
};

int fd_send(int sock, const void *p, size_t n, const int *fds, size_t nfds, struct err *e)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_control control;
	ssize_t done;

	/* An empty packet would read as the end of the stream. */
	if (n == 0 || nfds > FDS_MAX)
		return err_set(e, ERR_FAIL, "cannot send a packet of %zu bytes with %zu fds", n,
			       nfds);
	memset(&control, 0, sizeof(control));
	if (nfds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do
		done = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return err_sys(e, "send a packet");
	if ((size_t)done != n)
		return err_set(e, ERR_FAIL, "send a packet: %zd of %zu bytes went out", done, n);
	return 0;
}

/* Moves the fds of msg to fds; what has no room is closed. The number that msg held. */
static size_t take_fds(struct msghdr *msg, int *fds, size_t room)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++, n++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < room)
				fds[n] = fd;
			else
				close(fd);
		}
	}
	return n;
}

ssize_t fd_recv(int sock, void *p, size_t n, int *fds, size_t *nfds, struct err *e)
{
	struct iovec iov = { .iov_base = p, .iov_len = n };
	union fd_control control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	size_t room = nfds ? *nfds : 0, have;
	ssize_t got;

	if (nfds)
		*nfds = 0;
	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, "receive a packet");
	have = take_fds(&msg, fds, room);
	if (have > room || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (size_t i = 0; i < MIN(have, room); i++)
			close(fds[i]);
		return err_set(e, ERR_FAIL, "receive a packet: it is larger than expected");
	}
	if (nfds)
		*nfds = have;
	return got;
}
