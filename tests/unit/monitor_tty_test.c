/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor_fake.h"

#include <errno.h>

TEST(signals_reach_the_process_as_often_as_they_are_sent)
{
	own(buf) struct buf got = { 0 };
	struct command c = { .sh = "n=0; trap 'n=$((n+1)); echo $n' TERM; trap 'exit 42' USR1; "
				   "echo up; while :; do sleep 0.02; done" };
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err e;
	char b[16];
	int p[2];

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	c.in = null;
	c.out = p[1];
	c.err = 2;
	begin(&c);
	close(p[1]);
	ok(read(p[0], b, sizeof(b)) == 3, "it does not start");
	for (int i = 0; i < 3; i++) {
		ssize_t n;

		kill(c.pid, SIGTERM);
		n = read(p[0], b, sizeof(b));
		ok(n == 2 && b[0] == '1' + i, "signal %d was lost", i + 1);
	}
	kill(c.pid, SIGUSR1);
	same_int(end_within(&c, 3000), 42);
	close(p[0]);
}

TEST(a_signal_that_is_ignored_by_the_caller_stays_so)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "trap 'exit 9' HUP; sleep 0.5; exit 8" };
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	signal(SIGHUP, SIG_IGN); /* as nohup does */
	c.in = c.out = null;
	c.err = 2;
	begin(&c);
	signal(SIGHUP, SIG_DFL);
	usleep(200000);
	kill(c.pid, SIGHUP);
	same_int(end_within(&c, 3000), 8);
}

TEST(a_terminal_gives_all_of_its_output_also_the_end)
{
	for (int i = 0; i < 20; i++) {
		own(buf) struct buf out = { 0 };
		struct command c = { .sh = "stty -opost; head -c 300000 /dev/zero; exit 6",
				     .tty = true };

		same_int(capture(&c, &out), 6);
		same_int(out.len, 300000);
	}
}

TEST(the_end_of_a_piped_stdin_is_typed_at_the_terminal)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "stty -echo; cat; echo end; exit 2", .tty = true };
	struct err e;
	int p[2];
	pid_t pid;

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	c.in = p[0];
	pid = fork();
	if (pid == 0) {
		usleep(300000); /* when echo is off */
		_exit(write(p[1], "text", 4) == 4 ? 0 : 1);
	}
	close(p[1]);
	same_int(capture(&c, &out), 2);
	same_str(out.s, "textend\r\n");
	same_int(proc_wait(pid), 0);
	close(p[0]);
}

struct terminal {
	int master, slave;
	struct termios before;
};

static void terminal_open(struct terminal *t)
{
	struct winsize size = { .ws_row = 17, .ws_col = 93 };

	t->master = open_console(&t->slave);
	ok(t->master >= 0, "no terminal: %s", strerror(errno));
	ioctl(t->master, TIOCSWINSZ, &size);
	tcgetattr(t->slave, &t->before);
}

static void terminal_command(struct terminal *t, struct command *c)
{
	terminal_open(t);
	c->in = c->out = c->err = t->slave;
	c->tty = c->client_tty = true;
	begin(c);
}

/* Reads from the terminal until text was seen. */
static bool await(struct terminal *t, struct buf *b, const char *text)
{
	int64_t deadline = clock_monotonic() + 3 * NSEC_PER_SEC;
	char chunk[4096];

	while (!b->s || !strstr(b->s, text)) {
		struct pollfd p = { .fd = t->master, .events = POLLIN };
		ssize_t n;

		if (clock_monotonic() > deadline || poll(&p, 1, 3000) != 1)
			return false;
		n = read(t->master, chunk, sizeof(chunk));
		if (n <= 0)
			return false;
		buf_addn(b, chunk, (size_t)n);
	}
	return true;
}

static void terminal_close(struct terminal *t)
{
	struct termios now;

	tcgetattr(t->slave, &now);
	ok(now.c_lflag == t->before.c_lflag && now.c_iflag == t->before.c_iflag &&
		   now.c_oflag == t->before.c_oflag,
	   "the terminal was not restored");
	close(t->slave);
	close(t->master);
}

static bool is_raw(const struct terminal *t)
{
	struct termios now;

	tcgetattr(t->slave, &now);
	return !(now.c_lflag & (ICANON | ECHO | ISIG));
}

TEST(the_first_command_in_a_terminal_sees_its_size_and_later_ones_its_changes)
{
	own(buf) struct buf out = { 0 };
	struct winsize size = { .ws_row = 20, .ws_col = 40 };
	struct command c = { .sh = "stty size; read x; stty size; exit 5" };
	struct terminal t;

	terminal_command(&t, &c);
	ok(await(&t, &out, "17 93\r\n"), "got %s", out.s);
	ok(is_raw(&t), "the terminal is not raw");
	for (int i = 1; i < 200; i++) {
		size.ws_col = (unsigned short)(40 + i);
		ioctl(t.master, TIOCSWINSZ, &size);
	}
	usleep(100000);
	ok(write(t.master, "\r", 1) == 1, "write");
	ok(await(&t, &out, "20 239\r\n"), "got %s", out.s);
	same_int(end_within(&c, 3000), 5);
	terminal_close(&t);
}

TEST(ctrl_c_in_a_terminal_reaches_the_process_and_the_terminal_is_restored)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "trap 'echo caught; exit 11' INT; echo up; while :; do sleep "
				   "0.02; done" };
	struct terminal t;

	terminal_command(&t, &c);
	ok(await(&t, &out, "up"), "it does not start");
	ok(write(t.master, "\003", 1) == 1, "write");
	ok(await(&t, &out, "caught"), "got %s", out.s);
	same_int(end_within(&c, 3000), 11);
	terminal_close(&t);
}

TEST(the_terminal_is_restored_when_the_command_ends_by_a_signal_or_an_error)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGINT, SIGABRT, SIGSEGV };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		own(buf) struct buf out = { 0 };
		struct command c = { .sh = "echo up; exec sleep 5" };
		struct terminal t;

		terminal_command(&t, &c);
		ok(await(&t, &out, "up"), "it does not start");
		ok(is_raw(&t), "the terminal is not raw");
		kill(c.pid, signals[i]);
		same_int(end_within(&c, 3000), 128 + signals[i]);
		terminal_close(&t);
	}
	struct command c = { .sh = "echo no", .fail_start = true };
	struct terminal t;

	terminal_command(&t, &c);
	same_int(end_within(&c, 3000), 127);
	terminal_close(&t);
}

TEST(detach_keys_work_when_two_reads_cut_them_and_others_pass)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "stty raw -echo; echo up; od -An -tx1 -N4 -v; sleep 1",
			     .detach_keys = "ctrl-p,ctrl-q" };
	struct terminal t;

	terminal_command(&t, &c);
	ok(await(&t, &out, "up"), "it does not start");
	ok(write(t.master, "\020", 1) == 1, "write");
	usleep(100000);
	ok(write(t.master, "\020x\021", 3) == 3, "write"); /* ^P ^P x ^Q: no keys */
	ok(await(&t, &out, "10 10 78 11"), "got %s", out.s);
	ok(write(t.master, "\020", 1) == 1, "write");
	usleep(100000);
	ok(write(t.master, "\021", 1) == 1, "write");
	same_int(end_within(&c, 500), DETACHED);
	terminal_close(&t);
}

TEST(a_terminal_that_goes_away_hangs_up_the_process)
{
	own(buf) struct buf out = { 0 };
	struct command c = { .sh = "trap 'exit 12' HUP; echo up; while :; do sleep 0.02; done" };
	struct terminal t;

	terminal_command(&t, &c);
	close(t.slave);
	ok(await(&t, &out, "up"), "it does not start");
	close(t.master);
	same_int(end_within(&c, 3000), 12);
}

int main(void)
{
	return fake_main();
}
