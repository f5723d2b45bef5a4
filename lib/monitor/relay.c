/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/macros.h"

#define ROUNDS 8 /* reads in a row before the other fds have a turn */
#define SPLICE_MAX (1024 * 1024)
#define DRAIN_TIME (NSEC_PER_SEC / 10)
#define PTY_HOLDS (128 * 1024) /* more than a terminal's buffers in the kernel take */

enum step { MOVED, WAIT, END, BROKEN };

static void source_ready(struct handler *h, uint32_t events)
{
	(void)events;
	relay_pump(h->ctx);
}

static void watch_one(struct loop *l, struct handler *h, uint32_t want)
{
	if (h->fd < 0 || loop_watch(l, h, want) == 0)
		return;
	h->unpollable =
		true; /* the kernel has no memory for it: trying all the time is slow, but right */
	(void)loop_watch(l, h, want);
}

/* Watches what the relay waits for, and nothing else: a hang-up is reported whether wanted or not.
 */
static void watch(struct relay *r)
{
	bool writing = r->len > 0 || r->blocked;
	bool reading = !writing && !r->ended && !r->paused;

	watch_one(r->loop, &r->src, reading ? EPOLLIN : 0);
	watch_one(r->loop, &r->dst, writing && !r->done ? EPOLLOUT : 0);
}

void relay_start(struct relay *r)
{
	r->src = (struct handler){ .fd = r->from.fd, .fn = source_ready, .ctx = r };
	r->dst = (struct handler){ .fd = r->to.fd, .fn = source_ready, .ctx = r };
	r->ended = r->from.kind == ENDPOINT_NONE;
	r->done = r->ended && !r->at_end;
	if (r->ended)
		relay_pump(r);
	watch(r);
}

void relay_stop(struct relay *r)
{
	r->len = 0;
	r->blocked = false;
	r->ended = r->done = true;
	watch(r);
}

/* Bytes have left the source. */
static void account(struct relay *r, size_t n)
{
	if (!r->draining)
		return;
	r->left -= MIN(n, r->left);
	if (r->left == 0 && clock_monotonic() > r->deadline)
		r->ended = true;
}

static enum step source_failed(struct relay *r)
{
	if (errno == EAGAIN)
		return r->draining ? END : WAIT;
	if (errno == EIO && r->pty && !r->draining) {
		r->paused = true; /* nobody has it open just now; who owns the relay tries again */
		return WAIT;
	}
	return END;
}

static enum step flush(struct relay *r)
{
	while (r->len > 0 && r->to.kind != ENDPOINT_NONE) {
		ssize_t n = endpoint_write(&r->to, r->buf + r->off, r->len);

		if (n < 0 && errno == EAGAIN)
			return WAIT;
		if (n <= 0) {
			r->on_broken(r, n < 0 ? errno : EIO);
			return BROKEN;
		}
		r->off += (size_t)n;
		r->len -= (size_t)n;
	}
	r->len = 0;
	return MOVED;
}

static enum step fill(struct relay *r)
{
	char *p = r->buf + RELAY_HEAD;
	ssize_t n = endpoint_read(&r->from, p, RELAY_BUFFER);

	if (n <= 0)
		return n < 0 ? source_failed(r) : END;
	account(r, (size_t)n);
	if (r->log)
		ctr_log_write(r->log, r->stream, p, (size_t)n);
	if (r->tap)
		r->tap(r, p, (size_t)n);
	r->mid_line = p[n - 1] != '\n' && p[n - 1] != '\r';
	r->off = RELAY_HEAD;
	r->len = (size_t)n;
	if (r->filter)
		r->filter(r, (size_t)n);
	return MOVED;
}

static enum step splice_some(struct relay *r)
{
	ssize_t n = splice(r->from.fd, NULL, r->to.fd, NULL, SPLICE_MAX,
			   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	int waiting = 0;

	r->blocked = false;
	if (n > 0) {
		account(r, (size_t)n);
		return MOVED;
	}
	if (n == 0)
		return END;
	switch (errno) {
	case EINTR:
		return MOVED;
	case EAGAIN: /* one of the two */
		if (ioctl(r->from.fd, FIONREAD, &waiting) == 0 && waiting > 0) {
			r->blocked = true;
			return WAIT;
		}
		return r->draining ? END : WAIT;
	case EINVAL: /* not between these two */
	case ENOSYS:
		r->splice = false;
		return MOVED;
	default:
		r->on_broken(r, errno);
		return BROKEN;
	}
}

static void finish(struct relay *r)
{
	r->ended = true;
	if (r->filter)
		r->filter(r, 0);
	if (flush(r) != MOVED)
		return;
	if (r->on_end) {
		void (*once)(struct relay *) = r->on_end;

		r->on_end = NULL;
		once(r);
	}
	r->done = flush(r) == MOVED && r->len == 0;
}

void relay_pump(struct relay *r)
{
	for (int i = 0; flush(r) == MOVED && !r->done; i++) {
		enum step step = END;

		if (!r->ended) {
			if (i == ROUNDS || r->paused)
				break;
			step = r->splice ? splice_some(r) : fill(r);
		}
		if (step == END)
			finish(r);
		if (step != MOVED)
			break;
	}
	watch(r);
}

void relay_drain(struct relay *r)
{
	int waiting = 0;

	if (r->done)
		return;
	r->draining = true;
	r->paused = false;
	r->deadline = clock_monotonic() + DRAIN_TIME;
	if (r->pty)
		waiting = PTY_HOLDS;
	else if (ioctl(r->from.fd, FIONREAD, &waiting) < 0)
		waiting = 0;
	r->left = (size_t)waiting;
	relay_pump(r);
}
