/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that waits for its start without its maker: at a datagram socket that has a name. Who
 * starts it sends SYNC_GO with one end of a pair of sockets: it gets the error of execve(), or the
 * end of file that says that there was none. The child needs recvmsg(2) for it and nothing else,
 * whatever its seccomp filter forbids. Whether it still waits is asked of the kernel: a socket
 * whose last descriptor is closed refuses the connection.
 */
#include "executor/executor.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/path.h"
#include "executor/sync.h"

static int name_address(int dir, const char *name, struct sockaddr_un *a, struct err *e)
{
	int n;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(a->sun_path, sizeof(a->sun_path), "%s/%s", fd_path(dir).s, name);
	if (n < 0 || (size_t)n >= sizeof(a->sun_path))
		return err_set(e, ERR_FAIL, "%s: too long for a socket's name", name);
	return 0;
}

static int new_socket(struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_sys(e, "make a socket") : fd;
}

int executor_leave(struct executor *x, int dir, const char *name, struct err *e)
{
	struct sockaddr_un a;
	own(fd) int fd = new_socket(e);

	if (fd < 0 || name_address(dir, name, &a, e) < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "bind the socket for the start");
	if (sync_send(x->sync, SYNC_WAIT, fd, e) < 0)
		return -1;
	close(fd_steal(&x->sync));
	return 0;
}

static int connect_to(int dir, const char *name, struct err *e)
{
	struct sockaddr_un a;
	own(fd) int fd = new_socket(e);

	if (fd < 0 || name_address(dir, name, &a, e) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		if (errno == ECONNREFUSED || errno == ENOENT)
			return err_set(e, ERR_STATE, "it does not wait for its start");
		return err_sys(e, "connect to the socket for the start");
	}
	return fd_steal(&fd);
}

bool executor_waiting(int dir, const char *name)
{
	struct err ignored;
	own(fd) int fd = connect_to(dir, name, &ignored);

	return fd >= 0;
}

int executor_start_at(int dir, const char *name, struct err *e)
{
	own(fd) int fd = connect_to(dir, name, e);
	own(fd) int ours = -1, got = -1;
	enum sync_step step;
	int p[2], n;

	if (fd < 0 || fd_socketpair(p, e) < 0)
		return -1;
	ours = p[0];
	/* A child that was killed meanwhile has started, and ended: its status says so. */
	n = sync_send(fd, SYNC_GO, p[1], e);
	close(p[1]);
	if (n < 0)
		return e->sys == ECONNREFUSED ? 0 : -1;
	n = sync_recv(ours, &step, &got, e);
	return n > 0 ? err_set(e, ERR_FAIL, "unexpected step %d", (int)step) : n;
}
