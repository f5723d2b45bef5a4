/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/loop.h"

#include <errno.h>
#include <unistd.h>

#include "base/macros.h"

int loop_open(struct loop *l, struct err *e)
{
	*l = (struct loop){ .epfd = epoll_create1(EPOLL_CLOEXEC) };
	return l->epfd >= 0 ? 0 : err_sys(e, "create an epoll set");
}

void loop_close(struct loop *l)
{
	if (l->epfd >= 0)
		close(l->epfd);
	l->epfd = -1;
}

static int watch_always(struct loop *l, struct handler *h, uint32_t want)
{
	struct handler **free_slot = NULL;

	h->want = want;
	for (size_t i = 0; i < ARRAY_LEN(l->always); i++) {
		if (l->always[i] == h) {
			if (!want)
				l->always[i] = NULL;
			return 0;
		}
		if (!l->always[i] && !free_slot)
			free_slot = &l->always[i];
	}
	if (!want)
		return 0;
	if (!free_slot) {
		errno = ENOSPC;
		return -1;
	}
	*free_slot = h;
	return 0;
}

int loop_watch(struct loop *l, struct handler *h, uint32_t want)
{
	struct epoll_event ev = { .events = want, .data.ptr = h };
	int op = !want ? EPOLL_CTL_DEL : h->want ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (want == h->want)
		return 0;
	if (h->unpollable)
		return watch_always(l, h, want);
	if (epoll_ctl(l->epfd, op, h->fd, &ev) < 0) {
		if (errno != EPERM)
			return -1;
		h->unpollable = true;
		return watch_always(l, h, want);
	}
	h->want = want;
	return 0;
}

int loop_once(struct loop *l, int timeout_ms, struct err *e)
{
	struct epoll_event ev[8];
	int n;

	for (size_t i = 0; i < ARRAY_LEN(l->always); i++)
		if (l->always[i])
			timeout_ms = 0;
	n = epoll_wait(l->epfd, ev, ARRAY_LEN(ev), timeout_ms);
	if (n < 0 && errno != EINTR)
		return err_sys(e, "wait for events");
	for (int i = 0; i < n; i++) {
		struct handler *h = ev[i].data.ptr;

		if (h->want) /* else a handler before it has lost interest for it */
			h->fn(h, ev[i].events);
	}
	for (size_t i = 0; i < ARRAY_LEN(l->always); i++)
		if (l->always[i])
			l->always[i]->fn(l->always[i], l->always[i]->want);
	return MAX(n, 0);
}
