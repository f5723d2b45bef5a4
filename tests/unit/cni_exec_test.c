/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>

#include "base/clock.h"
#include "tests/unit/tmpdir.h"
#include "unit.h"

struct bin {
	int fd;
	struct strv dirs;
};

static struct bin bin_open(void)
{
	struct bin b = { .fd = tmpdir_open() };
	char path[PATH_MAX], link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", b.fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	strv_add(&b.dirs, "/nonexistent");
	strv_add(&b.dirs, path);
	return b;
}

static void bin_close(struct bin *b)
{
	tmpdir_close(b->fd);
	strv_free(&b->dirs);
}
OWNED_STRUCT(bin, struct bin, bin_close)

static void plugin(const struct bin *b, const char *script)
{
	own(str) char *text = str_fmt("#!/bin/sh\ncd %s\n%s\n", b->dirs.v[1], script);

	put_file(b->fd, "p", text);
	ok(fchmodat(b->fd, "p", 0755, 0) == 0, "errno %d", errno);
}

/* Of this run alone: what one run ends by its ID is no other's. */
static const char *container(void)
{
	static char id[24];

	snprintf(id, sizeof(id), "0123abcd%d", getpid());
	return id;
}

static int call(const struct bin *b, int64_t seconds, struct buf *out, int *code, struct err *e)
{
	struct cni_call c = { .command = "ADD",
			      .container = container(),
			      .ifname = "eth0",
			      .netns = "/run/x",
			      .args = "A=1;B=2",
			      .dirs = &b->dirs,
			      .timeout = seconds * NSEC_PER_SEC };

	return cni_exec("p", &c, "{\"name\":\"net\"}", out, code, e);
}

static void fails(const struct bin *b, int64_t seconds, const char *reason)
{
	own(buf) struct buf out = { 0 };
	struct err e = { 0 };
	int code;

	ok(call(b, seconds, &out, &code, &e) < 0, "it did not fail");
	ok(strstr(e.msg, "plugin p") && strstr(e.msg, reason), "got \"%s\", want \"%s\" in it",
	   e.msg, reason);
}

TEST(a_plugin_gets_its_variables_and_PATH_and_nothing_else)
{
	own(bin) struct bin b = bin_open();
	own(buf) struct buf out = { 0 };
	own(strv) struct strv lines = { 0 };
	own(str) char *path = str_fmt("CNI_PATH=/nonexistent:%s", b.dirs.v[1]);
	own(str) char *id = str_fmt("CNI_CONTAINERID=%s", container());
	const char *want[] = { "CNI_COMMAND=ADD",  id,	"CNI_IFNAME=eth0", "CNI_NETNS=/run/x",
			       "CNI_ARGS=A=1;B=2", path };
	size_t found = 0;
	struct err e;

	setenv("CADDIS_SECRET", "x", 1);
	plugin(&b, "exec cat /proc/self/environ");
	ok(call(&b, 20, &out, NULL, &e) == 0, "%s", e.msg);
	for (size_t i = 0; i < out.len; i += strlen(out.s + i) + 1)
		strv_add(&lines, out.s + i);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		ok(strv_has(&lines, want[i]), "no %s", want[i]);
	for (size_t i = 0; i < lines.n; i++) {
		/* PWD and others are the shell's own */
		ok(!strstr(lines.v[i], "CADDIS") && !str_starts(lines.v[i], "HOME="), "%s",
		   lines.v[i]);
		if (str_starts(lines.v[i], "PATH="))
			found += str_ends(lines.v[i], ":/usr/sbin:/usr/bin:/sbin:/bin");
	}
	same_int(found, 1);
}

TEST(it_reads_the_configuration_and_inherits_no_other_file)
{
	own(bin) struct bin b = bin_open();
	own(buf) struct buf out = { 0 };
	own(fd) int leak = open("/dev/null", O_RDONLY); /* not O_CLOEXEC */
	struct err e;

	ok(leak > 2, "fd %d", leak);
	plugin(&b, "cat; for f in /proc/$$/fd/*; do case ${f##*/} in 0|1|2) ;; *) readlink $f;; "
		   "esac; done; exit 0");
	ok(call(&b, 20, &out, NULL, &e) == 0, "%s", e.msg);
	ok(str_starts(out.s, "{\"name\":\"net\"}"), "%s", out.s);
	/* the shell has its script open */
	ok(!strstr(out.s, "/dev/null"), "%s", out.s);
}

TEST(a_configuration_larger_than_a_pipe_reaches_a_plugin_that_does_not_read)
{
	own(bin) struct bin b = bin_open();
	own(buf) struct buf out = { 0 };
	own(str) char *text = xcalloc(1, 300001);
	struct cni_call c = { .command = "ADD", .dirs = &b.dirs, .timeout = 20 * NSEC_PER_SEC };
	struct err e;

	memset(text, ' ', 300000);
	plugin(&b, "exit 0");
	ok(cni_exec("p", &c, text, &out, NULL, &e) == 0, "%s", e.msg);
	plugin(&b, "wc -c");
	ok(cni_exec("p", &c, text, &out, NULL, &e) == 0, "%s", e.msg);
	ok(str_starts(out.s, "300000"), "%s", out.s);
}

TEST(an_error_is_the_plugins_own_words_and_code)
{
	own(bin) struct bin b = bin_open();
	own(buf) struct buf out = { 0 };
	struct err e;
	int code = -1;

	plugin(&b, "echo '{\"cniVersion\":\"1.0.0\",\"code\":11,\"msg\":\"no \\u001b[31maddress\","
		   "\"details\":\"pool is full\"}'; echo ignored >&2; exit 1");
	ok(call(&b, 20, &out, &code, &e) < 0, "it did not fail");
	same_int(code, 11);
	same_str(e.msg, "plugin p ADD: no \\x1b[31maddress: pool is full");
}

TEST(a_failure_without_words_shows_the_end_of_standard_error)
{
	own(bin) struct bin b = bin_open();

	plugin(&b, "i=0; while [ $i -lt 5000 ]; do echo 'a line of noise'; i=$((i+1)); done >&2; "
		   "printf 'the reason\\n\\n' >&2; exit 3");
	fails(&b, 20, "status 3");
	fails(&b, 20, "it said: the reason");
	plugin(&b, "kill -SEGV $$");
	fails(&b, 20, "killed by SIGSEGV");
	plugin(&b, "echo garbage; exit 1");
	fails(&b, 20, "status 1");
}

TEST(one_that_is_not_there_or_no_program_is_an_error_that_says_so)
{
	own(bin) struct bin b = bin_open();

	fails(&b, 20, "not in /nonexistent:/tmp/");
	put_file(b.fd, "p", "no program");
	fails(&b, 20, "cannot be executed: Permission denied");
	ok(fchmodat(b.fd, "p", 0755, 0) == 0, "errno %d", errno);
	fails(&b, 20, "cannot be executed: Exec format error");
	ok(unlinkat(b.fd, "p", 0) == 0 && mkdirat(b.fd, "p", 0755) == 0, "errno %d", errno);
	fails(&b, 20, "not in /nonexistent:/tmp/");
}

/* Reads a pid that the plugin wrote; is it (not) alive? */
static bool gone(const struct bin *b, const char *file)
{
	own(fd) int fd = openat(b->fd, file, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	for (int i = 0; i < 100; i++) {
		if (kill(atoi(text), 0) < 0)
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return false;
}

TEST(one_that_hangs_is_ended_with_all_that_it_started)
{
	own(bin) struct bin b = bin_open();
	int64_t begin = clock_monotonic();

	plugin(&b, "sleep 100 & echo $! > child; wait");
	fails(&b, 3, "no answer within 3 s");
	ok(clock_monotonic() - begin < 20 * NSEC_PER_SEC, "it took long");
	ok(gone(&b, "child"), "its child lives");
}

TEST(one_that_prints_for_ever_is_ended_at_1_MiB)
{
	own(bin) struct bin b = bin_open();

	plugin(&b, "echo $$ > self; exec cat /dev/zero");
	fails(&b, 100, "more than 1 MiB");
	ok(gone(&b, "self"), "it lives");
	plugin(&b, "echo $$ > self; exec cat /dev/zero >&2");
	fails(&b, 1, "no answer within 1 s");
}

TEST(a_child_that_keeps_standard_output_open_holds_nobody_up)
{
	own(bin) struct bin b = bin_open();
	own(buf) struct buf out = { 0 };
	struct err e;
	int64_t begin = clock_monotonic();

	plugin(&b, "sleep 60 & echo $! > child; echo '{}'");
	ok(call(&b, 50, &out, NULL, &e) == 0, "%s", e.msg);
	same_str(out.s, "{}\n");
	ok(clock_monotonic() - begin < 30 * NSEC_PER_SEC, "it waited for the child");
	cni_exec_kill_left("another");
	ok(!exists(b.fd, "nosuch") && exists(b.fd, "child"), "no child");
	cni_exec_kill_left(container());
	ok(gone(&b, "child"), "what was left is still there");
}

TEST(it_dies_with_caddis)
{
	own(bin) struct bin b = bin_open();
	pid_t pid;

	plugin(&b, "echo $$ > new; mv new self; exec sleep 100");
	pid = fork();
	if (pid == 0) {
		own(buf) struct buf out = { 0 };
		struct err e;

		call(&b, 100, &out, NULL, &e);
		_exit(0);
	}
	for (int i = 0; i < 500 && !exists(b.fd, "self"); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(gone(&b, "self"), "it lives on");
}

int main(void)
{
	return unit_run();
}
