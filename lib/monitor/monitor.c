/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/macros.h"
#include "base/str.h"
#include "executor/cgroup.h"
#include "monitor/client.h"
#include "monitor/control.h"
#include "monitor/exit.h"
#include "monitor/loop.h"
#include "monitor/page.h"
#include "monitor/relay.h"

#define HUNG_UP_RETRY (NSEC_PER_SEC / 10)
/* Then buffers are given back: most containers are silent most of the time. */
#define IDLE_MS 2000

enum { IN, OUT, ERR, NSTREAMS };

struct monitor {
	const struct monitor_args *a;
	struct loop loop;
	struct client client;
	struct quiet_signals quiet;
	struct relay relay[NSTREAMS];
	struct handler process, signals;
	struct exit_status status;
	bool exited, give_up;
	bool idle;	  /* buffers were given back since the last event */
	int64_t deadline; /* of monitor_args.timeout; 0: none */
	bool timed_out;
	int64_t retry; /* when to read a terminal again that nobody had open; 0: never */
	int output_errno;
	char *shared; /* the buffer of streams that go to the log alone */
};

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The process meets SIGHUP and end of file, as on a terminal that was switched off. */
static void hang_up(struct monitor *m)
{
	for (int i = 0; i < NSTREAMS; i++) {
		relay_stop(&m->relay[i]);
		endpoint_close(&m->relay[i].from);
		endpoint_close(&m->relay[i].to);
	}
	if (m->a->control)
		control_no_input(m->a->control);
	m->client.console = -1;
	drop(&m->a->x->console);
}

static void on_output_broken(struct relay *r, int err)
{
	struct monitor *m = r->ctx;
	bool is_out = r == &m->relay[OUT];

	if (err != EPIPE && !m->output_errno)
		m->output_errno = err;
	if (m->a->x->console >= 0) {
		hang_up(m);
		return;
	}
	relay_stop(r);
	drop(is_out ? &m->a->streams->out : &m->a->streams->err);
}

static void close_stdin(struct monitor *m)
{
	relay_stop(&m->relay[IN]);
	if (m->a->x->console < 0 && m->a->streams) {
		if (m->a->control)
			control_no_input(m->a->control);
		drop(&m->a->streams->in);
	}
}

static void on_input_broken(struct relay *r, int err)
{
	(void)err; /* the process has closed it: no concern of ours */
	close_stdin(r->ctx);
}

/* End of file typed at a terminal: the character counts as such at the beginning of a line only. */
static size_t eof_keys(int console, bool mid_line, char keys[2])
{
	struct termios t;

	if (tcgetattr(console, &t) < 0 || t.c_cc[VEOF] == _POSIX_VDISABLE)
		return 0;
	keys[0] = keys[1] = (char)t.c_cc[VEOF];
	return mid_line ? 2 : 1;
}

static void type_eof(struct relay *r)
{
	r->off = RELAY_HEAD;
	r->len = eof_keys(r->to.fd, r->mid_line, r->buf + RELAY_HEAD);
}

static void on_input_end(struct relay *r)
{
	struct monitor *m = r->ctx;

	if (m->a->x->console < 0)
		close_stdin(m);
	else if (m->client.tty)
		hang_up(m);
	else
		type_eof(r);
}

/* --- what those who attached ask for --- */

static void on_control_eof(void *ctx)
{
	struct monitor *m = ctx;
	char keys[2];
	int console = m->a->x->console;

	if (console < 0)
		close_stdin(m);
	else
		(void)!write(console, keys, eof_keys(console, m->a->control->mid_line, keys));
}

static void on_control_size(void *ctx, const struct control_size *size)
{
	struct monitor *m = ctx;
	struct winsize w = { .ws_row = size->rows, .ws_col = size->columns };

	if (m->a->x->console >= 0)
		(void)ioctl(m->a->x->console, TIOCSWINSZ, &w);
}

static void on_control_hangup(void *ctx)
{
	struct monitor *m = ctx;

	if (m->a->x->console >= 0)
		hang_up(m);
}

static void on_owner_left(void *ctx)
{
	struct monitor *m = ctx;

	if (m->a->die_with_owner && !m->exited)
		(void)proc_pidfd_signal(m->a->x->pidfd, SIGKILL);
}

static int on_reopen_log(void *ctx, struct err *e)
{
	struct monitor *m = ctx;

	if (!m->a->reopen_log)
		return err_set(e, ERR_STATE, "it has no log");
	return m->a->reopen_log(m->a->ctx, e);
}

static void on_tap(struct relay *r, const char *p, size_t n)
{
	struct monitor *m = r->ctx;

	control_output(m->a->control, r->stream, p, n);
}

static void on_process(struct handler *h, uint32_t events)
{
	struct monitor *m = h->ctx;

	(void)events;
	(void)loop_watch(&m->loop, h, 0);
	exit_collect(h->fd, &m->status);
	m->exited = true;
	m->retry = 0;
	relay_stop(&m->relay[IN]);
	if (m->a->control)
		control_no_input(m->a->control);
	relay_drain(&m->relay[OUT]);
	relay_drain(&m->relay[ERR]);
}

static bool ends_us(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

static void on_signals(struct handler *h, uint32_t events)
{
	struct monitor *m = h->ctx;
	int sig;

	(void)events;
	while ((sig = client_signal(&m->client)) > 0) {
		if (!m->exited)
			(void)proc_pidfd_signal(m->a->x->pidfd, sig);
		else if (ends_us(sig))
			m->give_up =
				true; /* the process is gone; whoever reads its output may never */
	}
}

static char *buffer_for(struct monitor *m, bool may_wait)
{
	if (may_wait)
		return xmalloc(RELAY_HEAD + RELAY_BUFFER);
	if (!m->shared)
		m->shared = xmalloc(RELAY_HEAD + RELAY_BUFFER);
	return m->shared;
}

static void set_up_output(struct monitor *m, int i, int from)
{
	struct relay *r = &m->relay[i];

	endpoint_own(&r->from, from);
	r->pty = from >= 0 && from == m->a->x->console;
	if (m->a->client)
		endpoint_shared(&r->to, i, true);
	r->log = m->a->log;
	r->stream = i == OUT ? CTR_LOG_STDOUT : CTR_LOG_STDERR;
	r->on_broken = on_output_broken;
	r->tap = m->a->control ? on_tap : NULL;
	r->splice = !r->log && !r->tap && !r->pty && r->to.splice;
	r->buf = buffer_for(m, r->to.kind != ENDPOINT_NONE);
}

static int set_up_input(struct monitor *m, struct err *e)
{
	struct relay *r = &m->relay[IN];
	int console = m->a->x->console;

	if (!m->a->client || !m->a->client_stdin)
		return 0;
	if (console >= 0) { /* epoll knows an fd once, and the output has it */
		endpoint_own(&r->to, fcntl(console, F_DUPFD_CLOEXEC, 3));
		if (r->to.fd < 0)
			return err_sys(e, "duplicate the terminal's fd");
		r->to.ours = true;
	} else {
		endpoint_own(&r->to, m->a->streams ? m->a->streams->in : -1);
	}
	if (r->to.fd < 0)
		return 0;
	endpoint_shared(&r->from, 0, false);
	r->on_broken = on_input_broken;
	r->on_end = on_input_end;
	r->buf = buffer_for(m, true);
	if (r->from.kind == ENDPOINT_NONE) /* closed: an end of file at once */
		r->at_end = true;
	return 0;
}

static int set_up_streams(struct monitor *m, struct err *e)
{
	int console = m->a->x->console;
	const struct streams *s = m->a->streams;

	for (int i = 0; i < NSTREAMS; i++) {
		m->relay[i].loop = &m->loop;
		m->relay[i].ctx = m;
		m->relay[i].from.fd = m->relay[i].to.fd = -1;
	}
	if (console >= 0 && fd_nonblock(console) < 0)
		return err_sys(e, "make the terminal non-blocking");
	if (s && console < 0 &&
	    ((s->in >= 0 && fd_nonblock(s->in) < 0) || (s->out >= 0 && fd_nonblock(s->out) < 0) ||
	     (s->err >= 0 && fd_nonblock(s->err) < 0)))
		return err_sys(e, "make a stream non-blocking");
	set_up_output(m, OUT, console >= 0 ? console : s ? s->out : -1);
	set_up_output(m, ERR, console >= 0 || !s ? -1 : s->err);
	if (set_up_input(m, e) < 0)
		return -1;
	for (int i = 0; i < NSTREAMS; i++)
		relay_start(&m->relay[i]);
	return 0;
}

static int set_up_control(struct monitor *m, struct err *e)
{
	struct control *c = m->a->control;
	int console = m->a->x->console;
	int input = console >= 0 ? console : m->a->streams ? m->a->streams->in : -1;

	if (!c)
		return 0;
	c->ctx = m;
	c->hooks = (struct control_hooks){ .end_input = on_control_eof,
					   .resize = on_control_size,
					   .hang_up = on_control_hangup,
					   .owner_left = on_owner_left,
					   .reopen_log = on_reopen_log };
	return control_attach(c, &m->loop, m->a->control_stdin ? input : -1, e);
}

static int set_up(struct monitor *m, struct err *e)
{
	const struct monitor_args *a = m->a;

	if (loop_open(&m->loop, e) < 0)
		return -1;
	if (a->client && client_open(&m->client, a->client_tty, a->x->console, e) < 0)
		return -1;
	m->signals = (struct handler){ .fd = m->client.sigfd, .fn = on_signals, .ctx = m };
	m->process = (struct handler){ .fd = a->x->pidfd, .fn = on_process, .ctx = m };
	if (set_up_streams(m, e) < 0 || set_up_control(m, e) < 0)
		return -1;
	if ((a->client && loop_watch(&m->loop, &m->signals, EPOLLIN) < 0) ||
	    loop_watch(&m->loop, &m->process, EPOLLIN) < 0)
		return err_sys(e, "watch the process");
	return 0;
}

static bool finished(const struct monitor *m)
{
	return m->give_up || (m->exited && m->relay[OUT].done && m->relay[ERR].done);
}

static int ms_until(int64_t when)
{
	int64_t left = when - clock_monotonic();

	return left <= 0 ? 0 : (int)MIN(left / (NSEC_PER_SEC / 1000) + 1, INT_MAX / 2);
}

/* A terminal that nobody has open says so without end: it is asked now and then. */
static int retry_later(struct monitor *m)
{
	struct relay *r = &m->relay[OUT];

	if (!r->paused)
		return -1;
	if (m->retry == 0)
		m->retry = clock_monotonic() + HUNG_UP_RETRY;
	if (ms_until(m->retry) > 0)
		return ms_until(m->retry);
	m->retry = 0;
	r->paused = false;
	relay_pump(r);
	return r->paused ? (int)(HUNG_UP_RETRY / (NSEC_PER_SEC / 1000)) : -1;
}

/* The time is over: everything that it has started ends with it. Tried again while it lives. */
static int time_out(struct monitor *m)
{
	struct err ignored;

	if (!m->deadline || m->exited)
		return -1;
	if (ms_until(m->deadline) > 0)
		return ms_until(m->deadline);
	m->timed_out = true;
	m->deadline = clock_monotonic() + HUNG_UP_RETRY;
	(void)proc_pidfd_signal(m->a->x->pidfd, SIGKILL);
	if (m->a->timeout_cgroup)
		(void)cgroup_signal_all(m->a->timeout_cgroup, SIGKILL, &ignored);
	return ms_until(m->deadline);
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

/* Nothing has happened for a while. */
static void give_back(struct monitor *m)
{
	if (m->shared)
		page_release(m->shared, RELAY_HEAD + RELAY_BUFFER);
	if (m->a->log)
		ctr_log_idle(m->a->log);
	page_release_code();
	if (m->a->control)
		control_idle(m->a->control);
}

static int run(struct monitor *m, struct err *e)
{
	if (set_up(m, e) < 0)
		return -1;
	if (m->a->x->sync >= 0) {
		if (executor_start(m->a->x, e) < 0)
			return -1;
		if (m->a->started)
			m->a->started(m->a->ctx);
	}
	if (!m->a->client)
		page_release_code();
	if (m->a->control)
		control_process(m->a->control, &m->a->x->id);
	if (m->a->timeout)
		m->deadline = clock_monotonic() + m->a->timeout;
	while (!finished(m)) {
		int timeout = sooner(retry_later(m), time_out(m));
		bool trim = !m->idle && timeout < 0;
		int n = loop_once(&m->loop, trim ? IDLE_MS : timeout, e);

		if (n < 0)
			return -1;
		if (m->a->control)
			control_reap(m->a->control);
		m->idle = trim ? n == 0 : m->idle && n == 0;
		if (trim && n == 0)
			give_back(m);
	}
	return 0;
}

static void monitor_close(struct monitor *m)
{
	if (m->a->control)
		control_detach(m->a->control);
	for (int i = 0; i < NSTREAMS; i++) {
		endpoint_close(&m->relay[i].from);
		endpoint_close(&m->relay[i].to);
		if (m->relay[i].buf != m->shared)
			free(m->relay[i].buf);
	}
	free(m->shared);
	loop_close(&m->loop);
	client_close(&m->client);
	quiet_signals_close(&m->quiet);
}

int monitor_run(const struct monitor_args *args, struct exit_status *out, struct err *e)
{
	struct monitor m = { .a = args, .loop = { .epfd = -1 }, .client = CLIENT_INIT };
	int r;

	*out = (struct exit_status){ .code = 255 };
	quiet_signals_open(&m.quiet);
	r = run(&m, e);
	monitor_close(&m);
	if (r < 0)
		return -1;
	if (m.exited)
		*out = m.status;
	out->timed_out = m.timed_out;
	out->output_errno = m.output_errno;
	return 0;
}
