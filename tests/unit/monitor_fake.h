/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor_fake.h - a command process as caddis is one: it has standard streams, makes streams for a
 * shell that stands for the container, and runs the monitor. The executor is a fork.
 */
#ifndef CADDIS_MONITOR_FAKE_H
#define CADDIS_MONITOR_FAKE_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "monitor/attach.h"
#include "monitor/control.h"
#include "monitor/ctr_log.h"
#include "monitor/monitor.h"
#include "unit.h"

#define FAILED 199 /* the command: monitor_run() failed */
#define DETACHED 198
#define UNKNOWN 197

static char root[] = "/tmp/monitor_test.XXXXXX";
static int dir = -1;

struct command {
	const char *sh;
	int in, out, err; /* of the command; -1: closed */
	bool with_stdin;
	bool tty;	 /* the process gets a terminal */
	bool client_tty; /* and we are on one */
	const char *log;
	const char *detach_keys;
	bool no_client;
	bool fail_start;
	pid_t pid;
	int64_t began;
};

static bool start_fails;

int executor_start(struct executor *x, struct err *e)
{
	(void)!write(x->sync, "g", 1);
	close(x->sync);
	x->sync = -1;
	if (start_fails)
		return err_set(e, ERR_NOCOMMAND, "no such command");
	return 0;
}

static inline int open_console(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return -1;
	*slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *slave < 0 ? -1 : master;
}

_Noreturn static inline void process(const char *sh, const int fds[3], int sync, bool tty)
{
	char c;

	setsid();
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(126);
	if (tty)
		ioctl(0, TIOCSCTTY, 0);
	if (read(sync, &c, 1) != 1)
		_exit(125);
	execl("/bin/sh", "sh", "-c", sh, (char *)NULL);
	_exit(127);
}

/* What the executor would do. */
static inline void create(const struct command *c, struct streams *s, struct executor *x)
{
	int p[2], slave = -1, fds[3];
	pid_t pid;
	struct err e;

	if (c->tty)
		x->console = open_console(&slave);
	else if (streams_pipes(c->with_stdin, s, &e) < 0)
		_exit(FAILED);
	for (int i = 0; i < 3; i++)
		fds[i] = c->tty ? slave : s->child[i];
	if (fd_socketpair(p, &e) < 0 || (pid = fork()) < 0)
		_exit(FAILED);
	if (pid == 0) {
		close(p[0]);
		process(c->sh, fds, p[1], c->tty);
	}
	close(p[1]);
	if (slave >= 0)
		close(slave);
	x->sync = p[0];
	x->id.pid = pid;
	x->pidfd = proc_pidfd_open(pid);
	streams_close_child(s);
}

/* By a monitor of its own, which one can leave. */
_Noreturn static inline void run_attached(const struct command *c, struct monitor_args *a)
{
	struct control control = CONTROL_NONE;
	struct exit_status st;
	enum attach_end how = ATTACH_LOST;
	struct err e = { 0 };
	int p[2];

	if (fd_socketpair(p, &e) < 0)
		_exit(FAILED);
	if (fork() == 0) {
		close(p[0]);
		a->client = a->client_stdin = a->client_tty = false;
		a->control = &control;
		a->control_stdin = true;
		control_adopt(&control, p[1], true);
		if (monitor_run(a, &st, &e) == 0)
			control_close(&control, -1, &st);
		_exit(0);
	}
	close(p[1]);
	struct attach_args at = { .sock = p[0],
				  .stdin_ = true,
				  .tty = c->client_tty,
				  .detach_keys = c->detach_keys,
				  .sig_proxy = true,
				  .foreground = true };

	if (attach_run(&at, &st, &how, &e) < 0)
		_exit(FAILED);
	_exit(how == ATTACH_DETACHED ? DETACHED : how == ATTACH_LOST ? UNKNOWN : st.code);
}

_Noreturn static inline void run_command(const struct command *c)
{
	struct streams s = STREAMS_NONE;
	struct executor x = EXECUTOR_NONE;
	struct monitor_args a = { .x = &x,
				  .streams = &s,
				  .client = !c->no_client,
				  .client_stdin = c->with_stdin || c->tty,
				  .client_tty = c->client_tty };
	struct exit_status st;
	struct err e = { 0 };

	start_fails = c->fail_start;
	if (c->log && ctr_log_open(dir, c->log, &a.log, &e) < 0)
		_exit(FAILED);
	create(c, &s, &x);
	if (c->detach_keys)
		run_attached(c, &a);
	if (monitor_run(&a, &st, &e) < 0)
		_exit(c->fail_start && e.kind == ERR_NOCOMMAND ? 127 : FAILED);
	ctr_log_close(a.log);
	if (st.output_errno)
		_exit(st.output_errno);
	_exit(st.known ? st.code : UNKNOWN);
}

static inline void begin(struct command *c)
{
	c->began = clock_monotonic();
	c->pid = fork();
	if (c->pid == 0) {
		const int fds[3] = { c->in, c->out, c->err };

		if (c->client_tty) {
			setsid();
			ioctl(c->in, TIOCSCTTY, 0);
		}
		for (int i = 0; i < 3; i++) {
			if (fds[i] < 0)
				close(i);
			else
				dup2(fds[i], i);
		}
		fd_close_but(&dir, 1); /* the test's ends of pipes above all */
		fd_open_std();		    /* as every command does first */
		run_command(c);
	}
}

static inline int64_t taken_ms(const struct command *c)
{
	return (clock_monotonic() - c->began) / 1000000;
}

/* Its exit status; a command that hangs is killed and gives -1. */
static inline int end_within(struct command *c, int ms)
{
	int fd = proc_pidfd_open(c->pid);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r = poll(&p, 1, ms), status;

	close(fd);
	if (r == 1)
		return proc_wait(c->pid);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, &status, 0);
	return -1;
}

/* Reads to the end of file; also says how much there was when the command was slow. */
static inline void read_end(int fd, struct buf *b)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_addn(b, chunk, (size_t)n);
}

/* Runs sh with its output on a pipe; the status. */
static inline int capture(struct command *c, struct buf *out)
{
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err e;
	int p[2];

	if (fd_pipe(p, &e) < 0)
		return -1;
	if (!c->in)
		c->in = null;
	c->out = p[1];
	if (!c->err)
		c->err = 2;
	begin(c);
	close(p[1]);
	read_end(p[0], out);
	close(p[0]);
	return end_within(c, 10000);
}

static inline void load(const char *name, struct buf *b)
{
	own(fd) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	b->len = 0;
	read_end(fd, b);
}

/* The tests, in a directory of their own. */
static inline int fake_main(void)
{
	int r;

	alarm(240); /* a test that hangs is a failure, not a wait */
	if (!mkdtemp(root))
		return 1;
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = unit_run();
	close(dir);
	path_remove_tree(AT_FDCWD, root, &(struct err){ 0 });
	return r;
}

#endif
