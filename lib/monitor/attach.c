/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "monitor/client.h"
#include "monitor/control.h"
#include "monitor/relay.h"

struct sink {
	struct endpoint to;
	struct handler h;
};

struct attach {
	const struct attach_args *a;
	struct loop loop;
	struct client client;
	struct quiet_signals quiet;
	struct detach keys;
	struct relay input;
	struct handler sock, signals;
	struct sink sinks[2];
	struct sink *busy; /* waits for its reader; the socket is not read meanwhile */
	char *buf;	   /* one packet */
	size_t off, len;
	int pidfd;
	sigset_t early; /* signals that came before the process was known */
	struct exit_status status;
	enum attach_end how;
	bool done, leaving;
};

static void finish(struct attach *at, enum attach_end how)
{
	if (at->done)
		return;
	at->how = how;
	at->done = true;
}

static bool send_now(const struct attach *at, const void *p, size_t n)
{
	return send(at->a->sock, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

static void leave(struct attach *at)
{
	int room = CONTROL_BACKLOG;

	/* However much of that the process has not taken yet. */
	(void)setsockopt(at->a->sock, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	(void)send_now(at, (char[]){ CONTROL_LEAVE }, 1);
	finish(at, ATTACH_DETACHED);
}

/* --- output --- */

static void write_out(struct attach *at);

static void on_sink(struct handler *h, uint32_t events)
{
	(void)events;
	write_out(h->ctx);
}

static void on_broken(struct attach *at, int err)
{
	if (err != EPIPE)
		at->status.output_errno = err;
	finish(at, ATTACH_DETACHED);
}

/* What is left of the packet in buf. */
static void write_out(struct attach *at)
{
	struct sink *s = at->busy;

	while (at->len > 0 && s->to.kind != ENDPOINT_NONE) {
		ssize_t n = endpoint_write(&s->to, at->buf + at->off, at->len);

		if (n < 0 && errno == EAGAIN) {
			(void)loop_watch(&at->loop, &at->sock, 0);
			(void)loop_watch(&at->loop, &s->h, EPOLLOUT);
			return;
		}
		if (n <= 0) {
			on_broken(at, n < 0 ? errno : EIO);
			return;
		}
		at->off += (size_t)n;
		at->len -= (size_t)n;
	}
	(void)loop_watch(&at->loop, &s->h, 0);
	at->busy = NULL;
	(void)loop_watch(&at->loop, &at->sock, EPOLLIN);
}

static void output(struct attach *at, int i, size_t n)
{
	at->busy = &at->sinks[i];
	at->off = 1;
	at->len = n - 1;
	write_out(at);
}

static void tell_lost(struct attach *at, size_t n)
{
	char text[128];
	uint64_t lost;

	if (n != 1 + sizeof(lost))
		return;
	memcpy(&lost, at->buf + 1, sizeof(lost));
	snprintf(text, sizeof(text),
		 "%s[caddis: %" PRIu64 " bytes of output lost here: not read in time]%s\n",
		 at->a->tty ? "\r\n" : "\n", lost, at->a->tty ? "\r" : "");
	(void)!write(STDERR_FILENO, text, strlen(text));
}

/* --- the process --- */

static void know_process(struct attach *at, size_t n)
{
	struct proc_id id;

	if (n != 1 + sizeof(id))
		return;
	memcpy(&id, at->buf + 1, sizeof(id));
	if (at->pidfd >= 0)
		close(at->pidfd);
	at->pidfd = proc_open(&id);
	for (int sig = 1; at->pidfd >= 0 && sig <= SIGRTMAX; sig++)
		if (sigismember(&at->early, sig) == 1)
			(void)proc_pidfd_signal(at->pidfd, sig);
	sigemptyset(&at->early);
}

static void know_end(struct attach *at, size_t n)
{
	struct control_exit x;

	if (n != 1 + sizeof(x))
		return;
	memcpy(&x, at->buf + 1, sizeof(x));
	at->status.code = x.code;
	at->status.signal = x.signal;
	at->status.known = x.known;
	at->status.timed_out = x.timed_out;
	finish(at, ATTACH_EXITED);
}

static void on_packet(struct handler *h, uint32_t events)
{
	struct attach *at = h->ctx;
	ssize_t n;

	(void)events;
	do
		n = recv(h->fd, at->buf, 1 + CONTROL_PACKET, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		finish(at, ATTACH_LOST);
		return;
	}
	switch (at->buf[0]) {
	case CONTROL_STDOUT:
	case CONTROL_STDERR:
		output(at, at->buf[0] == CONTROL_STDERR, (size_t)n);
		break;
	case CONTROL_LOST:
		tell_lost(at, (size_t)n);
		break;
	case CONTROL_PROCESS:
		know_process(at, (size_t)n);
		break;
	case CONTROL_EXIT:
		know_end(at, (size_t)n);
		break;
	default:
		break;
	}
}

static bool ends_us(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

static void on_signals(struct handler *h, uint32_t events)
{
	struct attach *at = h->ctx;
	bool gone = false;
	int sig;

	(void)events;
	while ((sig = client_signal(&at->client)) > 0) {
		bool ours = !at->a->sig_proxy || (sig == SIGHUP && !at->a->foreground);

		if (ends_us(sig) && ours) {
			at->status.signal = sig;
			leave(at);
		} else if (at->a->sig_proxy && at->pidfd >= 0) {
			gone = proc_pidfd_signal(at->pidfd, sig) < 0 && errno == ESRCH;
		} else if (at->a->sig_proxy) {
			sigaddset(&at->early, sig);
		}
		/* It has ended, and its last output waits for a reader who may never come. */
		if (gone && ends_us(sig) && at->busy)
			finish(at, ATTACH_LOST);
	}
}

static void on_size(void *ctx, const struct winsize *w)
{
	struct attach *at = ctx;
	struct control_size size = { .rows = w->ws_row, .columns = w->ws_col };
	char packet[1 + sizeof(size)] = { CONTROL_SIZE };

	memcpy(packet + 1, &size, sizeof(size));
	(void)send_now(at, packet, sizeof(packet));
}

/* --- input --- */

/* Each write is a packet: in front of what was typed goes what it is. */
static void filter(struct relay *r, size_t n)
{
	struct attach *at = r->ctx;
	char *in = r->buf + RELAY_HEAD;
	size_t len = n;

	if (detach_filter(&at->keys, in, n, r->buf + 1, &len))
		at->leaving = true; /* once what was typed before is sent */
	r->buf[0] = CONTROL_INPUT;
	r->off = 0;
	r->len = len > 0 ? 1 + len : 0;
}

static void on_input_end(struct relay *r)
{
	const struct attach *at = r->ctx;

	r->buf[0] = at->a->tty ? CONTROL_HANGUP : CONTROL_EOF;
	r->off = 0;
	r->len = 1;
	if (at->a->tty && !at->a->foreground)
		leave(r->ctx);
}

static void on_input_broken(struct relay *r, int err)
{
	(void)err; /* the monitor is gone, which the socket will say too */
	relay_stop(r);
}

static int set_up_input(struct attach *at, struct err *e)
{
	struct relay *r = &at->input;
	int to;

	r->from.fd = r->to.fd = -1;
	r->loop = &at->loop;
	r->ctx = at;
	r->done = true;
	if (!at->a->stdin_)
		return 0;
	to = fcntl(at->a->sock, F_DUPFD_CLOEXEC, 3);
	if (to < 0)
		return err_sys(e, "duplicate the socket");
	r->to = (struct endpoint){ .fd = to, .kind = ENDPOINT_SOCKET, .ours = true };
	endpoint_shared(&r->from, STDIN_FILENO, false);
	r->at_end = r->from.kind == ENDPOINT_NONE;
	r->filter = filter;
	r->on_end = on_input_end;
	r->on_broken = on_input_broken;
	r->buf = xmalloc(RELAY_HEAD + RELAY_BUFFER);
	(void)send_now(at, (char[]){ CONTROL_INPUT }, 1); /* we are one who gives input */
	relay_start(r);
	return 0;
}

static int set_up(struct attach *at, struct err *e)
{
	const struct attach_args *a = at->a;

	if (detach_parse(a->tty ? a->detach_keys : NULL, &at->keys, e) < 0 ||
	    loop_open(&at->loop, e) < 0)
		return -1;
	at->client.on_size = on_size;
	at->client.ctx = at;
	if (client_open(&at->client, a->tty, -1, e) < 0)
		return -1;
	at->signals = (struct handler){ .fd = at->client.sigfd, .fn = on_signals, .ctx = at };
	at->sock = (struct handler){ .fd = a->sock, .fn = on_packet, .ctx = at };
	for (int i = 0; i < 2; i++) {
		endpoint_shared(&at->sinks[i].to, i + 1, true);
		at->sinks[i].h =
			(struct handler){ .fd = at->sinks[i].to.fd, .fn = on_sink, .ctx = at };
	}
	at->buf = xmalloc(1 + CONTROL_PACKET);
	if (set_up_input(at, e) < 0)
		return -1;
	if (loop_watch(&at->loop, &at->signals, EPOLLIN) < 0 ||
	    loop_watch(&at->loop, &at->sock, EPOLLIN) < 0)
		return err_sys(e, "watch the monitor");
	return 0;
}

static int run(struct attach *at, struct err *e)
{
	if (set_up(at, e) < 0)
		return -1;
	while (!at->done) {
		if (loop_once(&at->loop, -1, e) < 0)
			return -1;
		if (at->leaving)
			leave(at);
	}
	return 0;
}

int attach_run(const struct attach_args *a, struct exit_status *out, enum attach_end *how,
	       struct err *e)
{
	struct attach at = { .a = a,
			     .loop = { .epfd = -1 },
			     .client = CLIENT_INIT,
			     .pidfd = -1,
			     .status = { .code = 255 } };
	int rc;

	sigemptyset(&at.early);
	for (int i = 0; i < 2; i++)
		at.sinks[i].to = (struct endpoint)ENDPOINT_INIT;
	quiet_signals_open(&at.quiet);
	rc = run(&at, e);
	endpoint_close(&at.input.from);
	endpoint_close(&at.input.to);
	for (int i = 0; i < 2; i++)
		endpoint_close(&at.sinks[i].to);
	loop_close(&at.loop);
	client_close(&at.client);
	quiet_signals_close(&at.quiet);
	free(at.input.buf);
	free(at.buf);
	if (at.pidfd >= 0)
		close(at.pidfd);
	at.status.detached = at.how == ATTACH_DETACHED;
	*out = at.status;
	*how = at.how;
	return rc;
}
