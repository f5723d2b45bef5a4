/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "monitor/monitor.h"
#include "monitor/page.h"

#define NAME "control"
#define ANSWER_MS 10000

struct control_client {
	struct control_client *next;
	struct control *c;
	struct handler h;
	uint64_t lost; /* bytes, since it was last told */
	bool owner, left;
	bool gave_input;
};

/* By its directory's fd: a state directory may lie deeper than a socket's address has room for. */
static void address(int run_dir, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path, sizeof(a->sun_path), "%s/" NAME, fd_path(run_dir).s);
}

static int new_socket(struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 ? fd : err_sys(e, "make a socket");
}

int control_connect(int run_dir, struct err *e)
{
	own(fd) int fd = new_socket(e);
	struct sockaddr_un a;

	if (fd < 0)
		return -1;
	address(run_dir, &a);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd_steal(&fd);
	err_sys(e, "connect to its monitor");
	if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
		e->kind = ERR_STATE;
	return -1;
}

int control_reopen(int sock, struct err *e)
{
	char answer[1 + CONTROL_PACKET];
	struct pollfd p = { .fd = sock, .events = POLLIN };
	ssize_t n;

	if (send(sock, (char[]){ CONTROL_REOPEN }, 1, MSG_NOSIGNAL) != 1)
		return err_sys(e, "ask its monitor");
	do { /* output comes here too */
		if (poll(&p, 1, ANSWER_MS) != 1)
			return err_set(e, ERR_BUSY, "its monitor does not answer");
		n = recv(sock, answer, sizeof(answer), MSG_DONTWAIT);
	} while (n > 0 && answer[0] != CONTROL_REOPEN);
	if (n <= 0)
		return err_set(e, ERR_STATE, "its monitor has ended");
	if (n != 1 + (ssize_t)sizeof(*e))
		return 0;
	memcpy(e, answer + 1, sizeof(*e));
	e->msg[sizeof(e->msg) - 1] = '\0';
	return -1;
}

/* --- a client's packets --- */

static bool send_packet(int fd, char tag, const void *p, size_t n)
{
	struct iovec v[] = { { &tag, 1 }, { (void *)(uintptr_t)p, n } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	ssize_t r;

	do
		r = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r >= 0 || errno == EPIPE || errno == ECONNRESET;
}

static void end_input(struct control *c)
{
	if (c->to.kind != ENDPOINT_NONE && c->hooks.end_input)
		c->hooks.end_input(c->ctx);
}

/* What the process's side still has to take; false: it takes no more for now. */
static bool flush_input(struct control *c)
{
	while (c->len > 0) {
		ssize_t n = c->to.kind == ENDPOINT_NONE
				    ? (ssize_t)c->len
				    : endpoint_write(&c->to, c->buf + c->off, c->len);

		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0) { /* the process has closed it: no concern of ours */
			control_no_input(c);
			continue;
		}
		c->mid_line = c->buf[c->off + (size_t)n - 1] != '\n';
		c->off += (size_t)n;
		c->len -= (size_t)n;
	}
	return true;
}

/* While input waits, clients are not read: theirs is the back-pressure, and nobody else's. */
static void watch_clients(struct control *c)
{
	uint32_t want = c->len > 0 ? EPOLLRDHUP : EPOLLIN;

	for (struct control_client *k = c->clients; k && c->loop; k = k->next)
		if (k->h.fd >= 0 && !(k->left && c->len > 0))
			(void)loop_watch(c->loop, &k->h, want);
	if (c->loop && c->to_ready.fd >= 0)
		(void)loop_watch(c->loop, &c->to_ready, c->len > 0 ? EPOLLOUT : 0);
}

static void drop(struct control_client *k)
{
	struct control *c = k->c;
	struct control_client **at = &c->clients;

	if (c->loop)
		(void)loop_watch(c->loop, &k->h, 0);
	close(k->h.fd);
	k->h.fd = -1;
	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->next = c->gone;
	c->gone = k;
	c->nclients--;
	if (k->gave_input && c->once) {
		c->once = false;
		end_input(c);
	}
}

static void on_left(struct control_client *k)
{
	struct control *c = k->c;

	if (k->owner && c->hooks.owner_left)
		c->hooks.owner_left(c->ctx);
	k->owner = false;
}

static void reopen_log(struct control_client *k)
{
	struct err e = { .kind = ERR_STATE, .msg = "it has no log" };
	const struct control *c = k->c;
	bool done = c->hooks.reopen_log && c->hooks.reopen_log(c->ctx, &e) == 0;

	(void)send_packet(k->h.fd, CONTROL_REOPEN, &e, done ? 0 : sizeof(e));
}

static void take_packet(struct control_client *k, size_t n)
{
	struct control *c = k->c;
	struct control_size size;

	switch (c->buf[0]) {
	case CONTROL_INPUT:
		k->gave_input = true;
		c->off = 1;
		c->len = n - 1;
		break;
	case CONTROL_EOF:
		k->gave_input = false;
		if (c->once)
			end_input(c);
		break;
	case CONTROL_SIZE:
		if (n == 1 + sizeof(size) && c->hooks.resize) {
			memcpy(&size, c->buf + 1, sizeof(size));
			c->hooks.resize(c->ctx, &size);
		}
		break;
	case CONTROL_HANGUP:
		if (c->hooks.hang_up)
			c->hooks.hang_up(c->ctx);
		break;
	case CONTROL_REOPEN:
		reopen_log(k);
		break;
	case CONTROL_LEAVE:
		k->owner = k->gave_input = false; /* it may come back */
		break;
	default:
		break; /* of a later caddis */
	}
}

/* The owner is gone while its input waits: did it leave in good order? What it typed last is
 * dropped. */
static void read_last_words(struct control_client *k)
{
	ssize_t n;
	char tag;

	while ((n = recv(k->h.fd, &tag, 1, MSG_DONTWAIT)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && tag == CONTROL_LEAVE)
			k->owner = false;
}

static void on_client(struct handler *h, uint32_t events)
{
	struct control_client *k = h->ctx;
	struct control *c = k->c;
	ssize_t n;

	if (c->len > 0) {
		/* It is gone, but what it sent before still waits for its turn. */
		k->left = true;
		(void)loop_watch(c->loop, h, 0);
		if (k->owner)
			read_last_words(k);
		on_left(k);
		return;
	}
	(void)events;
	if (!c->buf)
		c->buf = xmalloc(1 + CONTROL_PACKET);
	do
		n = recv(h->fd, c->buf, 1 + CONTROL_PACKET, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		on_left(k);
		drop(k);
		return;
	}
	take_packet(k, (size_t)n);
	(void)flush_input(c);
	watch_clients(c);
}

static void on_input_room(struct handler *h, uint32_t events)
{
	struct control *c = h->ctx;

	(void)events;
	(void)flush_input(c);
	watch_clients(c);
}

/* --- to the clients --- */

/* Says first what was lost before. */
static void send_output(struct control_client *k, char tag, const char *p, size_t n)
{
	if (k->lost > 0 && send_packet(k->h.fd, CONTROL_LOST, &k->lost, sizeof(k->lost)))
		k->lost = 0;
	if (k->lost > 0 || !send_packet(k->h.fd, tag, p, n))
		k->lost += n;
}

void control_output(struct control *c, enum ctr_log_stream s, const char *p, size_t n)
{
	char tag = s == CTR_LOG_STDOUT ? CONTROL_STDOUT : CONTROL_STDERR;

	for (struct control_client *k = c->clients; k; k = k->next)
		send_output(k, tag, p, n);
}

void control_process(struct control *c, const struct proc_id *id)
{
	c->process = *id;
	for (struct control_client *k = c->clients; k; k = k->next)
		(void)send_packet(k->h.fd, CONTROL_PROCESS, id, sizeof(*id));
}

static void set_backlog(int fd, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static struct control_client *add_client(struct control *c, int fd, bool owner)
{
	struct control_client *k = xcalloc(1, sizeof(*k));

	set_backlog(fd, CONTROL_BACKLOG / 2); /* the kernel doubles it, for its own overhead */
	k->c = c;
	k->owner = owner;
	k->h = (struct handler){ .fd = fd, .fn = on_client, .ctx = k };
	k->next = c->clients;
	c->clients = k;
	c->nclients++;
	if (c->process.pid)
		(void)send_packet(fd, CONTROL_PROCESS, &c->process, sizeof(c->process));
	return k;
}

void control_adopt(struct control *c, int fd, bool owner)
{
	(void)add_client(c, fd, owner);
}

/* Its file is out of others' reach; a descriptor of it may get lost all the same. */
static bool is_ours(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.uid == geteuid();
}

static void on_connect(struct handler *h, uint32_t events)
{
	struct control *c = h->ctx;
	/* cppcheck-suppress nullPointer; the address says nothing */
	own(fd) int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0 || c->nclients >= CONTROL_CLIENTS || !is_ours(fd))
		return;
	(void)add_client(c, fd_steal(&fd), false);
	watch_clients(c);
}

/* --- its life --- */

int control_open(struct control *c, int run_dir, struct err *e)
{
	own(fd) int fd = new_socket(e);
	struct sockaddr_un a;

	if (fd < 0)
		return -1;
	(void)unlinkat(run_dir, NAME, 0);
	address(run_dir, &a);
	/* The file has this mode from the first moment on. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 64) < 0)
		return err_sys(e, "make its control socket");
	c->listen = (struct handler){ .fd = fd_steal(&fd), .fn = on_connect, .ctx = c };
	return 0;
}

int control_attach(struct control *c, struct loop *l, int input, struct err *e)
{
	c->loop = l;
	endpoint_own(&c->to, input < 0 ? -1 : fcntl(input, F_DUPFD_CLOEXEC, 3));
	if (input >= 0 && c->to.fd < 0)
		return err_sys(e, "duplicate standard input's fd");
	c->to.ours = true;
	c->to_ready = (struct handler){ .fd = c->to.fd, .fn = on_input_room, .ctx = c };
	if (c->listen.fd >= 0 && loop_watch(l, &c->listen, EPOLLIN) < 0)
		return err_sys(e, "watch the control socket");
	watch_clients(c);
	return 0;
}

void control_no_input(struct control *c)
{
	if (c->loop)
		(void)loop_watch(c->loop, &c->to_ready, 0);
	endpoint_close(&c->to);
	c->to_ready.fd = -1;
}

void control_detach(struct control *c)
{
	if (!c->loop)
		return;
	control_no_input(c);
	c->len = 0;
	(void)loop_watch(c->loop, &c->listen, 0);
	for (struct control_client *k = c->clients; k; k = k->next)
		(void)loop_watch(c->loop, &k->h, 0);
	c->loop = NULL;
	control_reap(c);
}

void control_idle(struct control *c)
{
	if (c->buf && c->len == 0)
		page_release(c->buf, 1 + CONTROL_PACKET);
}

void control_reap(struct control *c)
{
	while (c->gone) {
		struct control_client *k = c->gone;

		c->gone = k->next;
		free(k);
	}
}

/* A client whose backlog is full is told all the same: the last words always find room. */
static void last_words(struct control_client *k, const struct exit_status *st)
{
	struct control_exit x = { .code = st->code,
				  .signal = st->signal,
				  .known = st->known,
				  .timed_out = st->timed_out };

	set_backlog(k->h.fd, CONTROL_BACKLOG);
	if (k->lost > 0)
		(void)send_packet(k->h.fd, CONTROL_LOST, &k->lost, sizeof(k->lost));
	(void)send_packet(k->h.fd, CONTROL_EXIT, &x, sizeof(x));
}

void control_close(struct control *c, int run_dir, const struct exit_status *st)
{
	control_detach(c);
	c->once = false;
	while (c->clients) {
		if (st)
			last_words(c->clients, st);
		drop(c->clients);
	}
	control_reap(c);
	if (c->listen.fd >= 0) {
		close(c->listen.fd);
		if (run_dir >= 0)
			(void)unlinkat(run_dir, NAME, 0);
	}
	c->listen.fd = -1;
	free(c->buf);
	c->buf = NULL;
}
