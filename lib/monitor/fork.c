/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/macros.h"
#include "base/str.h"
#include "monitor/page.h"

#define END_WAIT_MS 3000
#define RECV_TRIES 10

/* The shell's other fds: a pipe that the monitor kept open would never end for its reader. */
static void close_inherited(void)
{
	own(dir) DIR *d = opendir("/proc/self/fd");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		int64_t fd;
		int flags;

		if (str_to_i64(de->d_name, 3, INT32_MAX, &fd) < 0)
			continue;
		flags = fcntl((int)fd, F_GETFD);
		if (flags >= 0 && !(flags & FD_CLOEXEC))
			close((int)fd);
	}
}

/*
 * /proc/PID/environ shows what we were started with, for as long as we stay: passwords of a
 * registry among it. Where the state lies is no secret, and helps who looks.
 */
static void forget_environment(void)
{
	static const char *const kept[] = { "CADDIS_ROOT=", "CADDIS_STATE=" };
	size_t n = 0;

	for (char **v = environ; v && *v; v++) {
		bool keep = false;

		for (size_t i = 0; i < ARRAY_LEN(kept); i++)
			keep = keep || str_starts(*v, kept[i]);
		if (keep)
			environ[n++] = *v;
		else
			memset(*v, 0, strlen(*v));
	}
	if (environ)
		environ[n] = NULL;
}

static int std_to_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0)
			return -1;
	if (fd > 2)
		close(fd);
	return 0;
}

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		(void)sigaction(sig, &dfl, NULL); /* KILL, STOP and libc's own two are refused */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child, before fn. */
static int become_daemon(struct err *e)
{
	reset_signals();
	forget_environment();
	close_inherited();
	if (setsid() < 0)
		return err_sys(e, "start a session");
	if (chdir("/") < 0)
		return err_sys(e, "change to /");
	umask(077);
	if (std_to_null() < 0)
		return err_sys(e, "open /dev/null");
	return 0;
}

/* Gives back what setting up has touched and running does not need. */
static void slim_down(void)
{
	malloc_trim(0);
	page_release_stack();
}

#define OOM_FILE "self/oom_score_adj"
#define OOM_PROTECTED "-999" /* -1000 would be spared even when nothing else is left */

/* Lowering it takes CAP_SYS_RESOURCE, below the least value that it ever had (proc(5)); back to 0
 * never does. */
void monitor_protect(char before[OOM_SCORE_SIZE])
{
	own(fd) int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own(buf) struct buf now = { 0 };
	struct err ignored;

	before[0] = '\0';
	if (proc < 0 || file_load_kernel(proc, OOM_FILE, &now, &ignored) < 0 ||
	    now.len >= OOM_SCORE_SIZE)
		return;
	if (file_write_kernel(proc, OOM_FILE, OOM_PROTECTED, &ignored) < 0 &&
	    (now.s[0] == '-' || file_write_kernel(proc, OOM_FILE, "0", &ignored) < 0))
		return;
	memcpy(before, now.s, now.len + 1);
}

void monitor_unprotect(const char before[OOM_SCORE_SIZE])
{
	own(fd) int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err ignored;

	if (proc >= 0 && before[0])
		(void)file_write_kernel(proc, OOM_FILE, before, &ignored);
}

void monitor_ready(int ready_sock)
{
	(void)!send(ready_sock, "", 1, MSG_NOSIGNAL);
	close(ready_sock);
	slim_down();
}

void monitor_failed(int ready_sock, const struct err *e)
{
	(void)!send(ready_sock, e, sizeof(*e), MSG_NOSIGNAL);
	close(ready_sock);
}

_Noreturn static void child(int sock, int (*fn)(int ready_sock, void *arg), void *arg)
{
	struct err e = { 0 };
	int high = fcntl(sock, F_DUPFD_CLOEXEC, 3); /* out of the way of 0, 1, 2 */

	if (high < 0) {
		err_sys(&e, "duplicate the monitor's socket");
		monitor_failed(sock, &e);
		_exit(1);
	}
	close(sock);
	if (become_daemon(&e) < 0) {
		monitor_failed(high, &e);
		_exit(1);
	}
	_exit(fn(high, arg));
}

/* Who fails ends at once; who does not is running a container. */
static bool ended(pid_t pid, int *status)
{
	const struct timespec nap = { .tv_nsec = 5000000 };
	pid_t got = 0;

	for (int i = 0; i < END_WAIT_MS / 5 && got == 0; i++) {
		got = waitpid(pid, status, WNOHANG);
		if (got < 0 && errno == EINTR)
			got = 0;
		if (got == 0)
			nanosleep(&nap, NULL);
	}
	return got != 0;
}

static int wait_ready(int sock, pid_t pid, struct err *e)
{
	struct err theirs;
	ssize_t n;
	int status = 0, tries = 0;

	do
		n = recv(sock, &theirs, sizeof(theirs), 0);
	while (n < 0 && (errno == EINTR || tries++ < RECV_TRIES));
	if (n == 1)
		return 0;
	/* One that closed its end and lives on could not say that it is ready. */
	if (!ended(pid, &status))
		return 0;
	if (n == (ssize_t)sizeof(theirs)) {
		theirs.msg[sizeof(theirs.msg) - 1] = '\0';
		*e = theirs;
		return -1;
	}
	if (WIFSIGNALED(status))
		return err_set(e, ERR_FAIL,
			       "the monitor was killed by signal %d before it was ready",
			       WTERMSIG(status));
	return err_set(e, ERR_FAIL, "the monitor ended with status %d before it was ready",
		       WEXITSTATUS(status));
}

int monitor_fork(int (*fn)(int ready_sock, void *arg), void *arg, struct err *e)
{
	int p[2] = { -1, -1 };
	pid_t pid;

	if (fd_socketpair(p, e) < 0)
		return -1;
	own(fd) int ours = p[0];
	own(fd) int theirs = p[1];

	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork a monitor");
	if (pid == 0) {
		close(fd_steal(&ours));
		child(theirs, fn, arg);
	}
	close(fd_steal(&theirs)); /* so that the end of the monitor is an end of file here */
	return wait_ready(ours, pid, e);
}
