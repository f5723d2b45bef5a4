/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop.h - one epoll set, one handler per fd. Handlers live in their owner's struct and outlive the loop's use
 * of them; unwatch (want 0) before closing an fd.
 */
#ifndef CADDIS_MONITOR_LOOP_H
#define CADDIS_MONITOR_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

struct handler {
	int fd;
	void (*fn)(struct handler *h, uint32_t events);
	void *ctx;
	uint32_t want;   /* EPOLLIN, EPOLLOUT; 0: not watched at all, not even for a hang-up */
	bool unpollable; /* found out: a regular file or the like, which is always ready */
};

#define LOOP_ALWAYS 4
struct loop {
	int epfd;
	struct handler *always[LOOP_ALWAYS]; /* unpollable ones that are wanted */
};

int loop_open(struct loop *l, struct err *e);
void loop_close(struct loop *l);
/* -1 with errno: the kernel has no room for it. */
int loop_watch(struct loop *l, struct handler *h, uint32_t want);
/* Waits at most timeout_ms (-1: for ever) and calls the handlers of what is ready; how many there were, or -1. */
int loop_once(struct loop *l, int timeout_ms, struct err *e);

#endif
