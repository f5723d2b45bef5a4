/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/proc.h"
#include "monitor/monitor.h"
#include "unit.h"

struct box {
	char text[64];
	pid_t pid, sid;
	int fds;
	long dirty;
	struct streams s;
};

static int report[2];

static int count_fds(void)
{
	own(dir) DIR *d = opendir("/proc/self/fd");
	int n = -3; /* ".", ".." and d */

	while (d && readdir(d))
		n++;
	return n;
}

static long private_dirty(void)
{
	own(file) FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Dirty: %ld", &kb) == 1)
			break;
	return kb;
}

static int good_monitor(int sock, void *arg)
{
	struct box b = { .pid = getpid(), .sid = getsid(0) };
	int keep[] = { sock, report[1] };

	(void)arg;
	fd_close_but(keep, 2);
	b.fds = count_fds();
	if (!getcwd(b.text, sizeof(b.text)))
		b.text[0] = '\0';
	monitor_ready(sock);
	b.dirty = private_dirty();
	return write(report[1], &b, sizeof(b)) == (ssize_t)sizeof(b) ? 0 : 1;
}

TEST(a_forked_monitor_is_alone_in_a_session_with_only_its_fds)
{
	struct err e = { 0 };
	struct box b = { 0 };

	ok(pipe2(report, O_CLOEXEC) == 0, "pipe");
	ok(monitor_fork(good_monitor, NULL, &e) == 0, "%s", e.msg);
	ok(read_full(report[0], &b, sizeof(b)) == (ssize_t)sizeof(b), "no report");
	printf("# private memory: %ld KiB\n", b.dirty);
	ok(b.dirty > 0 && b.dirty <= 300, "%ld KiB of private memory", b.dirty);
	ok(b.pid > 0 && b.pid == b.sid && b.pid != getpid(), "pid %d, session %d", b.pid, b.sid);
	same_str(b.text, "/");
	same_int(b.fds, 5); /* 0, 1, 2, the socket, the pipe */
	same_int(proc_wait(b.pid), 0);
	close(report[0]);
	close(report[1]);
}

static int slow_monitor(int sock, void *arg)
{
	(void)arg;
	monitor_ready(sock);
	usleep(500000);
	return 0;
}

static int bad_monitor(int sock, void *arg)
{
	struct err e = { 0 };

	(void)arg;
	err_set(&e, ERR_NOCOMMAND, "the command is missing");
	monitor_failed(sock, &e);
	return 1;
}

static int dead_monitor(int sock, void *arg)
{
	(void)sock;
	(void)arg;
	raise(SIGKILL);
	return 0;
}

TEST(a_forked_monitor_closes_what_the_caller_inherited)
{
	struct err e = { 0 };
	int p[2], fd;
	char c;

	ok(pipe(p) == 0, "pipe"); /* without O_CLOEXEC, like a shell's fd 3 */
	fd = fcntl(p[0], F_DUPFD_CLOEXEC, 3);
	close(p[0]);
	ok(monitor_fork(slow_monitor, NULL, &e) == 0, "%s", e.msg);
	close(p[1]);
	same_int(read(fd, &c, 1), 0);
	ok(waitpid(-1, NULL, WNOHANG) == 0, "the monitor had ended");
	close(fd);
	waitpid(-1, NULL, 0);
}

TEST(the_error_of_a_monitor_arrives_whole_and_its_death_is_an_error_too)
{
	struct err e = { 0 };

	ok(monitor_fork(bad_monitor, NULL, &e) < 0, "it succeeded");
	same_int(e.kind, ERR_NOCOMMAND);
	same_str(e.msg, "the command is missing");
	ok(monitor_fork(dead_monitor, NULL, &e) < 0, "it succeeded");
	ok(strstr(e.msg, "signal 9") != NULL, "%s", e.msg);
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
}

int main(void)
{
	return unit_run();
}
