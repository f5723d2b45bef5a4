/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fd.h - reading, writing and passing file descriptors. Every fd that caddis opens is O_CLOEXEC. */
#ifndef CADDIS_BASE_FD_H
#define CADDIS_BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/own.h"

/* Writes all of it, across EINTR and short writes. 0, or -1 with errno. */
int write_all(int fd, const void *p, size_t n);
/* Reads up to n bytes until EOF; the count, or -1 with errno. */
ssize_t read_full(int fd, void *p, size_t n);
/* Opens fds 0, 1, 2 on /dev/null where they are closed, so that nothing of ours lands there. */
void fd_open_std(void);
/* Marks every fd from first up close-on-exec (close_range, Linux 5.11; by /proc/self/fd before). */
int fd_cloexec_from(int first);
/* Closes every fd but 0, 1, 2 and those in keep (-1 is none); locks are held on by other copies. */
void fd_close_but(const int *keep, size_t n);
int fd_nonblock(int fd); /* 0, or -1 with errno */
/* A pipe, both ends O_CLOEXEC: p[0] reads, p[1] writes. */
int fd_pipe(int p[2], struct err *e);
/* A connected pair of SOCK_SEQPACKET sockets, O_CLOEXEC: a packet is whole or not at all. */
int fd_socketpair(int p[2], struct err *e);
/*
 * One packet, with up to 4 fds attached (SCM_RIGHTS). recv: the packet's length, 0 at EOF, -1 on
 * error; *nfds is the room on entry and the number received on return; received fds are O_CLOEXEC
 * and the caller's to close. A packet longer than n is an error.
 */
int fd_send(int sock, const void *p, size_t n, const int *fds, size_t nfds, struct err *e);
ssize_t fd_recv(int sock, void *p, size_t n, int *fds, size_t *nfds, struct err *e);

#endif
