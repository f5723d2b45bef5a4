/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor_fake.h"

#include <errno.h>
#include <sys/socket.h>

TEST(every_byte_arrives_for_sizes_around_the_buffers)
{
	static const int sizes[] = { 1,	    4095,   4096,   4097,   16384,  65535,  65536,
				     65537, 262143, 262144, 262145, 700000, 1048577 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (int logged = 0; logged < 2; logged++) {
			own(buf) struct buf out = { 0 };
			own(str) char *sh = str_fmt("head -c %d /dev/zero; exit 7", sizes[i]);
			struct command c = { .sh = sh, .log = logged ? "sizes" : NULL };

			same_int(capture(&c, &out), 7);
			same_int(out.len, sizes[i]);
		}
}

TEST(twenty_megabytes_arrive_whole_ten_times)
{
	for (int i = 0; i < 10; i++) {
		own(buf) struct buf out = { 0 };
		struct command c = { .sh = "exec head -c 20000000 /dev/zero" };

		same_int(capture(&c, &out), 0);
		same_int(out.len, 20000000);
	}
}

TEST(exit_codes_and_signals_are_those_of_the_process)
{
	static const struct {
		const char *sh;
		int status;
	} cases[] = { { "exit 0", 0 },	     { "exit 1", 1 },	       { "exit 255", 255 },
		      { "exit 256", 0 },     { "kill -9 $$", 137 },    { "kill -15 $$", 143 },
		      { "kill -6 $$", 134 }, { "exec /no/such", 127 }, { "exit 128", 128 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		own(buf) struct buf out = { 0 };
		own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		struct command c = { .sh = cases[i].sh, .err = null };
		int status = capture(&c, &out);

		ok(status == cases[i].status, "%s: %d, want %d", cases[i].sh, status,
		   cases[i].status);
	}
}

TEST(a_failure_to_start_is_reported_and_the_terminal_and_streams_are_left)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "echo no", .fail_start = true };

	same_int(capture(&c, &out), 127);
}

TEST(a_surviving_child_that_holds_stdout_does_not_hold_the_command)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "sleep 3 & echo hi; exit 4" };

	same_int(capture(&c, &out), 4);
	ok(taken_ms(&c) < 1000, "it took %lld ms", (long long)taken_ms(&c));
	same_str(out.s, "hi\n");
}

TEST(a_surviving_child_that_goes_on_writing_does_not_hold_the_command)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "yes & sleep 0.1; exit 4" };

	same_int(capture(&c, &out), 4);
	ok(taken_ms(&c) < 1500, "it took %lld ms", (long long)taken_ms(&c));
}

TEST(output_of_a_process_that_has_ended_waits_for_a_slow_reader)
{
	own(buf) struct buf out = { 0 };
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct command c = { .sh = "head -c 300000 /dev/zero; exit 3", .in = null, .err = 2 };
	struct err e;
	int p[2];

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	c.out = p[1];
	begin(&c);
	close(p[1]);
	usleep(500000);
	read_end(p[0], &out);
	close(p[0]);
	same_int(end_within(&c, 5000), 3);
	same_int(out.len, 300000);
}

TEST(a_blocked_stdout_does_not_hold_stderr_or_the_log_of_it)
{
	own(buf) struct buf err = { 0 };
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct command c = { .sh = "yes & while :; do echo e >&2; sleep 0.01; done",
			     .in = null,
			     .log = "blocked" };
	struct err e;
	int out[2], p[2];
	char chunk[512];

	ok(fd_pipe(out, &e) == 0 && fd_pipe(p, &e) == 0, "%s", e.msg);
	c.out = out[1];
	c.err = p[1];
	begin(&c);
	close(p[1]);
	usleep(300000); /* by then stdout is full in every buffer */
	while (err.len < 200) {
		struct pollfd ready = { .fd = p[0], .events = POLLIN };
		ssize_t n = poll(&ready, 1, 2000) == 1 ? read(p[0], chunk, sizeof(chunk)) : 0;

		ok(n > 0, "stderr stopped after %zu bytes", err.len);
		if (n <= 0)
			break;
		buf_addn(&err, chunk, (size_t)n);
	}
	close(p[0]);
	close(out[0]);
	close(out[1]);
	kill(c.pid, SIGTERM);
	ok(end_within(&c, 10000) >= 0, "it hangs");
}

TEST(when_nobody_reads_stdout_the_process_meets_sigpipe)
{
	for (int logged = 0; logged < 2; logged++) {
		own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		struct command c = {
			.sh = "exec yes", .in = null, .err = 2, .log = logged ? "epipe" : NULL
		};
		struct err e;
		char line[2];
		int p[2];

		ok(fd_pipe(p, &e) == 0, "%s", e.msg);
		c.out = p[1];
		begin(&c);
		close(p[1]);
		ok(read(p[0], line, 2) == 2, "no output");
		close(p[0]);
		same_int(end_within(&c, 10000), 128 + SIGPIPE);
	}
}

TEST(a_full_disk_behind_stdout_is_told_and_ends_the_process)
{
	own(fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct command c = { .sh = "exec yes", .in = null, .out = full, .err = 2 };

	begin(&c);
	same_int(end_within(&c, 10000), ENOSPC);
}

/* A child that writes n bytes into fd and closes it. */
static pid_t feeder(int fd, size_t n, int other)
{
	pid_t pid = fork();

	if (pid == 0) {
		char chunk[5000];

		close(other);
		memset(chunk, 'q', sizeof(chunk));
		for (size_t at = 0; at < n; at += MIN(n - at, sizeof(chunk)))
			if (write_all(fd, chunk, MIN(n - at, sizeof(chunk))) < 0)
				_exit(1);
		_exit(0);
	}
	close(fd);
	return pid;
}

TEST(ten_megabytes_go_in_while_as_much_comes_out)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "exec cat", .with_stdin = true };
	struct err e;
	int p[2];
	pid_t pid;

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	c.in = p[0];
	pid = feeder(p[1], 10000000, p[0]);
	same_int(capture(&c, &out), 0);
	same_int(out.len, 10000000);
	close(p[0]);
	same_int(proc_wait(pid), 0);
}

TEST(output_flows_while_the_process_does_not_read_its_stdin)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "head -c 3000000 /dev/zero; sleep 0.2; wc -c",
			     .with_stdin = true };
	struct err e;
	int p[2];
	pid_t pid;

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	c.in = p[0];
	pid = feeder(p[1], 10000000, p[0]);
	same_int(capture(&c, &out), 0);
	same_int(out.len, 3000000 + 9);
	ok(out.len > 9 && strcmp(out.s + out.len - 9, "10000000\n") == 0, "the count is wrong");
	close(p[0]);
	same_int(proc_wait(pid), 0);
}

TEST(the_end_of_stdin_closes_it_while_output_goes_on)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "cat; echo after; sleep 0.1; echo later", .with_stdin = true };
	struct err e;
	int p[2];
	pid_t pid;

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	c.in = p[0];
	pid = feeder(p[1], 3, p[0]);
	same_int(capture(&c, &out), 0);
	same_str(out.s, "qqqafter\nlater\n");
	close(p[0]);
	same_int(proc_wait(pid), 0);
}

TEST(a_process_that_reads_no_stdin_ends_at_once)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "exec <&-; sleep 0.2; echo done", .with_stdin = true };
	struct err e;
	int p[2];
	pid_t pid;

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	c.in = p[0];
	pid = feeder(p[1], 10000000, p[0]);
	same_int(capture(&c, &out), 0);
	same_str(out.s, "done\n");
	close(p[0]);
	ok(proc_wait(pid) != 0, "somebody read all of it");
	ok(taken_ms(&c) < 1500, "it took %lld ms", (long long)taken_ms(&c));
}

TEST(stdin_may_be_a_file_or_dev_null_or_closed)
{
	own(buf) struct buf out = { 0 };
	own(fd) int file = openat(dir, "in", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	own(fd) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct command c = { .sh = "wc -c", .with_stdin = true };

	ok(ftruncate(file, 3000000) == 0, "truncate");
	c.in = file;
	same_int(capture(&c, &out), 0);
	same_str(out.s, "3000000\n");
	out.len = 0;
	c.in = null;
	same_int(capture(&c, &out), 0);
	same_str(out.s, "0\n");
	out.len = 0;
	c.in = -1;
	same_int(capture(&c, &out), 0);
	same_str(out.s, "0\n");
}

TEST(stdout_may_be_a_file_that_is_appended_to_or_closed)
{
	own(buf) struct buf got = { 0 };
	own(fd) int file =
		openat(dir, "out", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct command c = { .sh = "echo a; echo b >&2", .in = null, .out = file, .err = file };

	ok(write(file, "first\n", 6) == 6, "write");
	begin(&c);
	same_int(end_within(&c, 10000), 0);
	load("out", &got);
	ok(strcmp(got.s, "first\na\nb\n") == 0 || strcmp(got.s, "first\nb\na\n") == 0, "got %s",
	   got.s);
	c.sh = "head -c 1000000 /dev/zero; exit 5";
	c.in = c.out = c.err = -1;
	begin(&c);
	same_int(end_within(&c, 10000), 5);
}

TEST(the_flags_of_shared_pipes_stay_as_they_are)
{
	struct command c = { .sh = "yes", .with_stdin = true };
	struct err e;
	int in[2], out[2];

	ok(fd_pipe(in, &e) == 0 && fd_pipe(out, &e) == 0, "%s", e.msg);
	c.in = in[0];
	c.out = c.err = out[1];
	begin(&c);
	usleep(200000);
	ok(!(fcntl(in[0], F_GETFL) & O_NONBLOCK), "stdin became non-blocking");
	ok(!(fcntl(out[1], F_GETFL) & O_NONBLOCK), "stdout became non-blocking");
	close(out[1]);
	close(out[0]);
	same_int(end_within(&c, 10000), 128 + SIGPIPE);
	close(in[0]);
	close(in[1]);
}

TEST(sockets_serve_as_standard_streams)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "cat; head -c 2000000 /dev/zero", .with_stdin = true, .err = 2 };
	int s[2];

	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0, "socketpair");
	c.in = c.out = s[1];
	begin(&c);
	close(s[1]);
	ok(write(s[0], "hello\n", 6) == 6, "write");
	shutdown(s[0], SHUT_WR);
	read_end(s[0], &out);
	close(s[0]);
	same_int(end_within(&c, 10000), 0);
	same_int(out.len, 2000006);
}

static double cpu_of(const struct command *c)
{
	own(str) char *path = str_fmt("/proc/%d/stat", c->pid);
	own(file) FILE *f = fopen(path, "re");
	unsigned long user = 0, sys = 0;

	if (!f || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			 &user, &sys) != 2)
		return -1;
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

TEST(a_process_that_closes_its_streams_causes_no_busy_loop)
{
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct command c = { .sh = "exec 1>&- 2>&- 0<&-; sleep 1; exit 3",
			     .in = null,
			     .out = null,
			     .err = null,
			     .with_stdin = true };

	for (int tty = 0; tty < 2; tty++) {
		c.tty = tty;
		c.sh = tty ? "trap '' HUP; exec 1>&- 2>&- 0<&-; sleep 1; exit 3" : c.sh;
		begin(&c);
		usleep(800000);
		ok(cpu_of(&c) >= 0 && cpu_of(&c) < 0.03, "%.2f s of CPU", cpu_of(&c));
		same_int(end_within(&c, 10000), 3);
	}
}

TEST(the_exit_code_of_a_process_of_another_parent_is_known_or_said_to_be_unknown)
{
	int p[2], status;
	struct err e;
	pid_t pid, mon;

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	pid = fork();
	if (pid == 0) {
		char b;

		close(p[1]);
		_exit((int)read(p[0], &b, 1) == 0 ? 9 : 1);
	}
	mon = fork();
	if (mon == 0) {
		struct executor x = EXECUTOR_NONE;
		struct monitor_args a = { .x = &x };
		struct exit_status st;

		close(p[1]);
		x.pidfd = proc_pidfd_open(pid);
		if (monitor_run(&a, &st, &e) < 0)
			_exit(FAILED);
		_exit(st.known || st.code != 255 ? st.code : UNKNOWN);
	}
	close(p[0]);
	usleep(100000);
	close(p[1]);
	waitpid(pid, &status, 0);
	status = proc_wait(mon);
	ok(status == 9 || status == UNKNOWN, "got %d", status);
}

/* The container's side of a detached one: counts to 2000 slowly, ends with 21. */
static pid_t fifo_process(struct streams *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		for (int i = 0; i < 3; i++)
			dup2(s->child[i], i);
		execl("/bin/sh", "sh", "-c",
		      "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done; sleep 0.5; exit "
		      "21",
		      (char *)NULL);
		_exit(127);
	}
	return pid;
}

TEST(a_process_whose_monitor_was_killed_goes_on_and_is_adopted)
{
	own(buf) struct buf out = { 0 };
	struct streams s = STREAMS_NONE, again = STREAMS_NONE;
	struct executor x = EXECUTOR_NONE;
	struct monitor_args a = { .x = &x, .streams = &again };
	struct exit_status st;
	struct err e = { 0 };
	pid_t pid;

	ok(streams_fifos(dir, STREAMS_STDIN, &s, &e) == 0, "%s", e.msg);
	pid = fifo_process(&s);
	streams_close(&s); /* all that a killed monitor had */
	usleep(200000);
	ok(kill(pid, 0) == 0 && waitpid(pid, NULL, WNOHANG) == 0, "it died with its monitor");
	ok(streams_fifos(dir, STREAMS_STDIN, &again, &e) == 0, "%s", e.msg);
	streams_close_child(&again);
	x.pidfd = proc_pidfd_open(pid);
	ok(ctr_log_open(dir, "adopted", &a.log, &e) == 0, "%s", e.msg);
	ok(monitor_run(&a, &st, &e) == 0, "%s", e.msg);
	same_int(st.code, 21);
	ctr_log_close(a.log);
	streams_close(&again);
	close(x.pidfd);
	load("adopted", &out);
	ok(out.len > 6 && strstr(out.s, " 1\n") && strcmp(out.s + out.len - 6, " 2000\n") == 0,
	   "the log has %zu bytes", out.len);
}

int main(void)
{
	return fake_main();
}
