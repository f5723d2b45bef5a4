/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"

#define CHUNK 4096

struct child {
	pid_t pid;
	int pidfd, in, out;
};
static void child_end(struct child *c)
{
	fd_drop(&c->in);
	fd_drop(&c->out);
	fd_drop(&c->pidfd);
	if (c->pid <= 0)
		return;
	kill(-c->pid, SIGKILL);
	(void)proc_wait(c->pid);
}
OWNED_STRUCT(child, struct child, child_end)

static int set_attributes(posix_spawnattr_t *a)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(a, &none);
	posix_spawnattr_setsigdefault(a, &all);
	posix_spawnattr_setpgroup(a, 0);
	return posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						   POSIX_SPAWN_SETPGROUP);
}

static int spawn(struct child *c, const struct run *r, int in, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int error;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	set_attributes(&attributes);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	error = posix_spawnp(&c->pid, r->argv[0], &files, &attributes, r->argv, r->envp);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	if (error)
		c->pid = 0;
	return error;
}

static int start(struct child *c, const struct run *r, struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	own(fd) int their_in = -1;
	own(fd) int their_out = -1;
	int error;

	if (fd_pipe(in, e) < 0)
		return -1;
	their_in = in[0];
	c->in = in[1];
	if (fd_pipe(out, e) < 0)
		return -1;
	c->out = out[0];
	their_out = out[1];
	if (fd_nonblock(c->in) < 0 || fd_nonblock(c->out) < 0)
		return err_sys(e, "run %s", r->argv[0]);
	error = spawn(c, r, their_in, their_out);
	errno = error;
	if (error)
		return err_sys(e, "run %s", r->argv[0]);
	c->pidfd = proc_pidfd_open(c->pid);
	return c->pidfd < 0 ? err_sys(e, "run %s", r->argv[0]) : 0;
}

/* A child that does not read its input is no failure. */
static void feed(struct child *c, const struct run *r, size_t *fed)
{
	while (*fed < r->input_len) {
		ssize_t n = write(c->in, r->input + *fed, r->input_len - *fed);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			break;
		*fed += (size_t)n;
	}
	fd_drop(&c->in);
	c->in = -1;
}

static int collect(struct child *c, struct run *r, struct err *e)
{
	for (;;) {
		char chunk[CHUNK];
		ssize_t n = read(c->out, chunk, sizeof(chunk));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0)
			return err_sys(e, "read from %s", r->argv[0]);
		if (n == 0) {
			fd_drop(&c->out);
			c->out = -1;
			return 0;
		}
		if (r->output.len + (size_t)n > r->output_max)
			return err_set(e, ERR_FAIL, "%s says more than %zu bytes", r->argv[0],
				       r->output_max);
		buf_addn(&r->output, chunk, (size_t)n);
	}
}

/* Until it has ended; what it left running does not hold us up. */
static int converse(struct child *c, struct run *r, struct err *e)
{
	int64_t end = clock_monotonic() + r->timeout;
	size_t fed = 0;

	for (;;) {
		struct pollfd p[3] = {
			{ .fd = c->pidfd, .events = POLLIN },
			{ .fd = c->out, .events = POLLIN },
			{ .fd = c->in, .events = POLLOUT },
		};
		int64_t left = end - clock_monotonic();
		int n = left > 0 ? poll(p, 3, (int)MIN(left / 1000000 + 1, INT64_C(60000))) : 0;

		if (n < 0 && errno != EINTR)
			return err_sys(e, "wait for %s", r->argv[0]);
		if (left <= 0)
			return err_set(e, ERR_FAIL, "%s took longer than %lld s", r->argv[0],
				       (long long)(r->timeout / NSEC_PER_SEC));
		if (n > 0 && p[2].revents)
			feed(c, r, &fed);
		if (n > 0 && c->out >= 0 && collect(c, r, e) < 0)
			return -1;
		if (n > 0 && p[0].revents)
			return 0;
	}
}

int run_program(struct run *r, struct err *e)
{
	own(child) struct child c = { .pidfd = -1, .in = -1, .out = -1 };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	int ret;

	fd_cloexec_from(STDERR_FILENO + 1); /* what our caller left open is nothing for it */
	if (start(&c, r, e) < 0)
		return -1;
	sigaction(SIGPIPE, &ignore, &old); /* it may close its standard input unread */
	ret = converse(&c, r, e);
	sigaction(SIGPIPE, &old, NULL);
	if (ret < 0)
		return -1;
	r->status = proc_wait(c.pid);
	c.pid = 0;
	return r->status < 0 ? err_sys(e, "wait for %s", r->argv[0]) : 0;
}
