/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "monitor/relay.h"

#define FDS_EACH 4 /* of a connection: epoll knows an fd once, and two relays share each socket */
#define FDS_OTHER 64
#define LISTEN_MAX 64

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct listener {
	struct handler h;
	const struct forward_port *port;
	struct forwarder *f;
};

struct connection {
	struct connection *next;
	struct forwarder *f;
	const struct forward_port *port;
	struct handler connecting; /* until it is made inside; then fd -1 */
	bool tried_v6, over;
	int client;
	struct relay up, down;
};

struct forwarder {
	struct forward *args;
	struct loop loop;
	struct handler signals;
	struct listener listeners[LISTEN_MAX];
	size_t nlisteners, nconnections, max;
	struct connection *connections;
	int home; /* our own network namespace */
	bool full, changed, stop;
};

static socklen_t set_address(union address *a, bool v6, uint16_t port)
{
	*a = (union address){ 0 };
	if (v6) {
		a->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					       .sin6_port = htons(port),
					       .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		return sizeof(a->v6);
	}
	a->v4 = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return sizeof(a->v4);
}

/* --- listening --- */

static void watch_listeners(struct forwarder *f)
{
	for (size_t i = 0; i < f->nlisteners; i++)
		(void)loop_watch(&f->loop, &f->listeners[i].h, f->full ? 0 : EPOLLIN);
}

static void on_accept(struct handler *h, uint32_t events);

static int listen_at(struct forwarder *f, struct forward_port *p, union address *a, socklen_t len,
		     struct err *e)
{
	own(fd) int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct listener *l = &f->listeners[f->nlisteners];
	int on = 1;

	if (f->nlisteners == LISTEN_MAX)
		return err_set(e, ERR_USAGE, "more than %d ports", LISTEN_MAX / 2);
	if (fd < 0)
		return err_sys(e, "make a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &a->sa, len) < 0 || listen(fd, 128) < 0 || getsockname(fd, &a->sa, &len) < 0)
		return err_sys(e, "port %d", p->ours);
	p->ours = ntohs(a->sa.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
	l->h = (struct handler){ .fd = fd_steal(&fd), .fn = on_accept, .ctx = l };
	l->port = p;
	l->f = f;
	f->nlisteners++;
	return 0;
}

static int listen_one(struct forwarder *f, struct forward_port *p, struct err *e)
{
	union address a = { 0 };
	socklen_t len;

	if (!p->address) {
		len = set_address(&a, false, p->ours);
		if (listen_at(f, p, &a, len, e) < 0)
			return -1;
		len = set_address(&a, true, p->ours);
		if (listen_at(f, p, &a, len, e) == 0 || e->sys == EADDRNOTAVAIL ||
		    e->sys == EAFNOSUPPORT)
			return 0; /* a host without IPv6 */
		return -1;
	}
	if (inet_pton(AF_INET, p->address, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(p->ours);
		return listen_at(f, p, &a, sizeof(a.v4), e);
	}
	if (inet_pton(AF_INET6, p->address, &a.v6.sin6_addr) == 1) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(p->ours);
		return listen_at(f, p, &a, sizeof(a.v6), e);
	}
	return err_set(e, ERR_USAGE, "%.60s is no IP address", p->address);
}

/* --- connections --- */

/* A socket belongs to the namespace in which it was made, wherever its process is afterwards. */
static int socket_inside(const struct forwarder *f, int family)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, fd;

	if (f->args->netns < 0)
		return socket(family, type, 0);
	if (setns(f->args->netns, CLONE_NEWNET) < 0)
		return -1;
	fd = socket(family, type, 0);
	if (setns(f->home, CLONE_NEWNET) < 0)
		abort(); /* our own next listener would be theirs */
	return fd;
}

static void on_connected(struct handler *h, uint32_t events);

static int connect_inside(struct connection *c, bool v6)
{
	union address a;
	socklen_t len = set_address(&a, v6, c->port->theirs);
	own(fd) int fd = socket_inside(c->f, a.sa.sa_family);

	c->tried_v6 = v6;
	if (fd < 0 || (connect(fd, &a.sa, len) < 0 && errno != EINPROGRESS))
		return -1;
	c->connecting = (struct handler){ .fd = fd_steal(&fd), .fn = on_connected, .ctx = c };
	if (loop_watch(&c->f->loop, &c->connecting, EPOLLOUT) == 0)
		return 0;
	close(c->connecting.fd);
	c->connecting.fd = -1;
	return -1;
}

static void give_up(struct connection *c, int err)
{
	/* As a refused connection looks to the client, as far as that is still possible. */
	struct linger hard = { .l_onoff = 1 };

	(void)setsockopt(c->client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (c->f->args->refused)
		c->f->args->refused(c->f->args, c->port, err);
	c->over = c->f->changed = true;
}

static void on_end(struct relay *r)
{
	struct connection *c = r->ctx;

	(void)shutdown(r->to.fd, SHUT_WR);
	c->f->changed = true;
}

static void on_broken(struct relay *r, int err)
{
	struct connection *c = r->ctx;

	(void)err;
	relay_stop(&c->up);
	relay_stop(&c->down);
	c->over = c->f->changed = true;
}

static int join_sockets(struct connection *c, struct relay *r, int from, int to)
{
	r->loop = &c->f->loop;
	r->ctx = c;
	r->on_end = on_end;
	r->on_broken = on_broken;
	endpoint_own(&r->from, fcntl(from, F_DUPFD_CLOEXEC, 3));
	endpoint_own(&r->to, fcntl(to, F_DUPFD_CLOEXEC, 3));
	r->from.ours = r->to.ours = true;
	if (r->from.fd < 0 || r->to.fd < 0)
		return -1;
	r->buf = xmalloc(RELAY_HEAD + RELAY_BUFFER);
	return 0;
}

static void on_connected(struct handler *h, uint32_t events)
{
	struct connection *c = h->ctx;
	int err = 0, fd = h->fd;
	socklen_t len = sizeof(err);

	(void)events;
	(void)loop_watch(&c->f->loop, h, 0);
	h->fd = -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (!err && (join_sockets(c, &c->up, c->client, fd) < 0 ||
		     join_sockets(c, &c->down, fd, c->client) < 0))
		err = errno;
	close(fd);
	if (err && !c->tried_v6 && connect_inside(c, true) == 0)
		return;
	if (err) {
		give_up(c, err);
		return;
	}
	close(fd_steal(&c->client));
	relay_start(&c->up);
	relay_start(&c->down);
}

static void on_accept(struct handler *h, uint32_t events)
{
	const struct listener *l = h->ctx;
	struct forwarder *f = l->f;
	/* cppcheck-suppress nullPointer; who it is does not matter */
	int fd = accept4(h->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c;

	(void)events;
	if (fd < 0)
		return;
	c = xcalloc(1, sizeof(*c));
	c->f = f;
	c->port = l->port;
	c->client = fd;
	c->connecting.fd = -1;
	c->up.from.fd = c->up.to.fd = c->down.from.fd = c->down.to.fd = -1;
	c->next = f->connections;
	f->connections = c;
	f->full = ++f->nconnections >= f->max;
	if (f->full)
		watch_listeners(f);
	if (connect_inside(c, false) < 0 && connect_inside(c, true) < 0)
		give_up(c, errno);
}

static void relay_end(struct relay *r)
{
	if (r->loop)
		relay_stop(r);
	endpoint_close(&r->from);
	endpoint_close(&r->to);
	free(r->buf);
}

static void connection_free(struct connection *c)
{
	if (c->connecting.fd >= 0) {
		(void)loop_watch(&c->f->loop, &c->connecting, 0);
		close(c->connecting.fd);
	}
	relay_end(&c->up);
	relay_end(&c->down);
	if (c->client >= 0)
		close(c->client);
	free(c);
}

/* After a turn of the loop, when nobody holds one of them any more. */
static void sweep(struct forwarder *f, bool all)
{
	struct connection **at = &f->connections;

	while (*at) {
		struct connection *c = *at;
		bool ended = c->up.buf && c->up.done && c->down.done;

		if (!all && !c->over && !ended) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		connection_free(c);
		f->nconnections--;
	}
	if (f->full && f->nconnections < f->max) {
		f->full = false;
		watch_listeners(f);
	}
	f->changed = false;
}

/* --- all of it --- */

static void on_signal(struct handler *h, uint32_t events)
{
	struct forwarder *f = h->ctx;
	struct signalfd_siginfo si;

	(void)events;
	while (read(h->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		f->stop = true; /* and it does not wait for us to unblock it */
}

static void set_limits(struct forwarder *f)
{
	struct rlimit fds = { .rlim_cur = 1024, .rlim_max = 1024 };

	if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur < fds.rlim_max) {
		fds.rlim_cur = fds.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &fds);
		(void)getrlimit(RLIMIT_NOFILE, &fds);
	}
	f->max = MAX((MIN(fds.rlim_cur, 40000) - FDS_OTHER) / FDS_EACH, 1);
}

static int set_up(struct forwarder *f, const sigset_t *set, struct err *e)
{
	if (loop_open(&f->loop, e) < 0)
		return -1;
	f->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (f->home < 0)
		return err_sys(e, "our network namespace");
	for (size_t i = 0; i < f->args->n; i++)
		if (listen_one(f, &f->args->ports[i], e) < 0)
			return -1;
	f->signals = (struct handler){ .fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK),
				       .fn = on_signal,
				       .ctx = f };
	if (f->signals.fd < 0 || loop_watch(&f->loop, &f->signals, EPOLLIN) < 0)
		return err_sys(e, "watch for signals");
	watch_listeners(f);
	return 0;
}

static int serve(struct forwarder *f, struct err *e)
{
	if (f->args->ready)
		f->args->ready(f->args);
	while (!f->stop) {
		if (loop_once(&f->loop, -1, e) < 0)
			return -1;
		if (f->changed)
			sweep(f, false);
	}
	return 0;
}

int forward_run(struct forward *args, struct err *e)
{
	struct forwarder f = {
		.args = args, .loop = { .epfd = -1 }, .signals = { .fd = -1 }, .home = -1
	};
	sigset_t set, old;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old);
	set_limits(&f);
	rc = set_up(&f, &set, e);
	if (rc == 0)
		rc = serve(&f, e);
	sweep(&f, true);
	for (size_t i = 0; i < f.nlisteners; i++)
		close(f.listeners[i].h.fd);
	fd_drop(&f.signals.fd);
	fd_drop(&f.home);
	loop_close(&f.loop);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}
