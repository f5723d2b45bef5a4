/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint.h - reading and writing that never waits, on fds that may be anything and that may be shared with others.
 *
 * O_NONBLOCK belongs to the open file, which our 0, 1 and 2 share with the user's shell; setting it there breaks
 * whoever comes next. So a pipe or terminal is opened a second time for us alone, a socket is asked per call,
 * a file is simply used, and the rest is polled before each small read or write.
 */
#ifndef CADDIS_MONITOR_ENDPOINT_H
#define CADDIS_MONITOR_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum endpoint_kind {
	ENDPOINT_NONE,     /* closed, or not open in this direction: fd is -1 */
	ENDPOINT_NONBLOCK, /* O_NONBLOCK is set */
	ENDPOINT_SOCKET,
	ENDPOINT_DIRECT, /* regular files, block devices, /dev/null: never waits for a peer */
	ENDPOINT_POLLED,
};

struct endpoint {
	int fd;
	enum endpoint_kind kind;
	bool ours; /* close it in the end */
	bool splice; /* splice(2) into it never waits: a pipe of ours, a file */
};
#define ENDPOINT_INIT { .fd = -1 }

/* Of a standard stream that we share; fd itself is not changed. */
void endpoint_shared(struct endpoint *ep, int fd, bool writing);
/* Of an fd that is non-blocking and belongs to the caller. */
void endpoint_own(struct endpoint *ep, int fd);
void endpoint_close(struct endpoint *ep);
/* As read(2) and write(2), never waiting: -1 with EAGAIN instead. EINTR is retried. */
ssize_t endpoint_read(const struct endpoint *ep, void *p, size_t n);
ssize_t endpoint_write(const struct endpoint *ep, const void *p, size_t n);

#endif
