/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/path.h"

#define MEMORY_MAJOR 1 /* /dev/null, /dev/zero and kin */

static bool open_for(int fd, bool writing)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_PATH))
		return false;
	flags &= O_ACCMODE;
	return flags == O_RDWR || flags == (writing ? O_WRONLY : O_RDONLY);
}

/* /dev/ptmx would give another terminal when it is opened again. */
static bool can_reopen(int fd, const struct stat *st)
{
	return S_ISFIFO(st->st_mode) ||
	       (S_ISCHR(st->st_mode) && st->st_rdev != makedev(5, 2) && isatty(fd));
}

static bool reopen(struct endpoint *ep, int fd, bool writing)
{
	int flags = (writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int own = open(fd_path(fd).s, flags);

	if (own < 0) /* no /proc, or a terminal of another user: then by poll */
		return false;
	*ep = (struct endpoint){ .fd = own, .kind = ENDPOINT_NONBLOCK, .ours = true };
	return true;
}

static enum endpoint_kind kind_of(const struct stat *st)
{
	if (S_ISSOCK(st->st_mode))
		return ENDPOINT_SOCKET;
	if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode) || S_ISDIR(st->st_mode))
		return ENDPOINT_DIRECT;
	if (S_ISCHR(st->st_mode) && major(st->st_rdev) == MEMORY_MAJOR)
		return ENDPOINT_DIRECT;
	return ENDPOINT_POLLED;
}

void endpoint_shared(struct endpoint *ep, int fd, bool writing)
{
	struct stat st;

	*ep = (struct endpoint)ENDPOINT_INIT;
	if (fd < 0 || !open_for(fd, writing) || fstat(fd, &st) < 0)
		return;
	if (!can_reopen(fd, &st) || !reopen(ep, fd, writing)) {
		ep->fd = fd;
		ep->kind = kind_of(&st);
	}
	ep->splice = ep->kind == ENDPOINT_DIRECT ||
		     (ep->kind == ENDPOINT_NONBLOCK && S_ISFIFO(st.st_mode));
}

void endpoint_own(struct endpoint *ep, int fd)
{
	*ep = (struct endpoint){ .fd = fd, .kind = fd < 0 ? ENDPOINT_NONE : ENDPOINT_NONBLOCK };
}

void endpoint_close(struct endpoint *ep)
{
	if (ep->ours && ep->fd >= 0)
		close(ep->fd);
	*ep = (struct endpoint)ENDPOINT_INIT;
}

static bool ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, 0) > 0)
		return true;
	errno = EAGAIN;
	return false;
}

ssize_t endpoint_read(const struct endpoint *ep, void *p, size_t n)
{
	ssize_t got;

	if (ep->kind == ENDPOINT_POLLED && !ready(ep->fd, POLLIN))
		return -1;
	do
		got = ep->kind == ENDPOINT_SOCKET ? recv(ep->fd, p, n, MSG_DONTWAIT)
						  : read(ep->fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

ssize_t endpoint_write(const struct endpoint *ep, const void *p, size_t n)
{
	ssize_t put;

	if (ep->kind == ENDPOINT_POLLED) {
		if (!ready(ep->fd, POLLOUT))
			return -1;
		n = MIN(n, (size_t)PIPE_BUF); /* that much has room when poll says so */
	}
	do
		put = ep->kind == ENDPOINT_SOCKET ? send(ep->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL)
						  : write(ep->fd, p, n);
	while (put < 0 && errno == EINTR);
	return put;
}
