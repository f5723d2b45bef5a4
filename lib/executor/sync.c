/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/sync.h"

#include <unistd.h>

#include "base/fd.h"

int sync_send(int sock, enum sync_step step, int fd, struct err *e)
{
	struct sync_msg m = { .step = step };

	return fd_send(sock, &m, sizeof(m), &fd, fd >= 0 ? 1 : 0, e);
}

int sync_recv(int sock, enum sync_step *step, int *fd, struct err *e)
{
	struct sync_msg m;
	own(fd) int got = -1;
	size_t nfds = 1;
	ssize_t n = fd_recv(sock, &m, sizeof(m), &got, &nfds, e);

	*fd = -1;
	if (nfds == 0)
		got = -1;
	if (n <= 0)
		return (int)n;
	if (n != sizeof(m))
		return err_set(e, ERR_FAIL, "the child sent a packet of %zd bytes", n);
	if (m.step == SYNC_FAILED) {
		*e = m.err;
		e->msg[sizeof(e->msg) - 1] = '\0';
		return -1;
	}
	*step = m.step;
	*fd = fd_steal(&got);
	return 1;
}

int sync_expect(int sock, enum sync_step want, struct err *e)
{
	enum sync_step got;
	own(fd) int fd = -1;
	int n = sync_recv(sock, &got, &fd, e);

	if (n < 0)
		return -1;
	if (n == 0)
		return err_set(e, ERR_FAIL, "the other side ended before step %d", (int)want);
	if (got != want)
		return err_set(e, ERR_FAIL, "expected step %d, got %d", (int)want, (int)got);
	return 0;
}

void sync_die(int sock, const struct err *e)
{
	struct sync_msg m = { .step = SYNC_FAILED, .err = *e };
	struct err ignored;

	fd_send(sock, &m, sizeof(m), NULL, 0, &ignored);
	_exit(1);
}
