/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This program is started again, as a caddis that is about to enter a container would. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "executor/executor.h"
#include "unit.h"

/* "<exe dev>:<exe inode> <dumpable> <argv0> <errno of a write open>" on fd 1. */
static int probe(char **argv)
{
	struct err e;
	struct stat st;

	if (executor_protect(argv, &e) < 0) {
		printf("failed: %s\n", e.msg);
		return 1;
	}
	if (stat("/proc/self/exe", &st) < 0)
		return 2;
	errno = 0;
	if (open("/proc/self/exe", O_WRONLY | O_CLOEXEC) >= 0)
		errno = 0;
	printf("%llu:%llu %d %s %d\n", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
	       prctl(PR_GET_DUMPABLE), argv[0], errno);
	return 0;
}

struct result {
	int code;
	unsigned long long dev, ino;
	int dumpable, sys;
	char name[64];
	char text[512];
};

static void closed_fds(void)
{
	close(0);
	close(2);
}
static void deleted_cwd(void)
{
	char dir[] = "/tmp/protect_test.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0 || rmdir(dir) < 0)
		_exit(99);
}
static void nothing(void)
{
}

static struct result run(const char *file, void (*before)(void))
{
	struct result r = { .code = -1 };
	char *argv[] = { (char[]){ "another-name" }, (char[]){ "--probe" }, NULL };
	char *env[] = { NULL };
	int p[2], status;
	ssize_t n;
	pid_t pid;

	ok(pipe2(p, O_CLOEXEC) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		before();
		dup2(p[1], 1);
		execve(file, argv, env);
		_exit(98);
	}
	close(p[1]);
	n = read_full(p[0], r.text, sizeof(r.text) - 1);
	close(p[0]);
	waitpid(pid, &status, 0);
	r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (n > 0)
		sscanf(r.text, "%llu:%llu %d %63s %d", &r.dev, &r.ino, &r.dumpable, r.name, &r.sys);
	return r;
}

static void check(const struct result *r, const struct stat *host)
{
	same_int(r->code, 0);
	ok(r->dev != host->st_dev || r->ino != host->st_ino, "runs from the host's file: %s",
	   r->text);
	same_int(r->dumpable, 0);
	same_str(r->name, "another-name");
	ok(r->sys == EROFS || r->sys == EPERM || r->sys == ETXTBSY, "write open: errno %d", r->sys);
}

TEST(a_protected_program_runs_from_elsewhere_and_cannot_be_written)
{
	static void (*const befores[])(void) = { nothing, closed_fds, deleted_cwd };
	struct stat host;

	stat("/proc/self/exe", &host);
	for (size_t i = 0; i < ARRAY_LEN(befores); i++) {
		struct result r = run("/proc/self/exe", befores[i]);

		check(&r, &host);
		/* Seen through an overlay, not copied: a copy costs every command a fraction of a
		 * millisecond. */
		same_int(r.sys, EROFS);
	}
}

static void copy_self(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		ok(write(out, buf, (size_t)n) == n, "write");
	close(in);
	close(out);
}

static char deleted[64];
static void delete_it(void)
{
	int fd = open(deleted, O_RDONLY); /* survives execve() */
	char path[32];

	/* Executed by its fd after it is gone. */
	unlink(deleted);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	execve(path, (char *[]){ (char[]){ "another-name" }, (char[]){ "--probe" }, NULL },
	       (char *[]){ NULL });
	_exit(97);
}
TEST(a_program_whose_file_was_deleted_runs_from_memory)
{
	struct result r = { .code = -1 };
	struct stat host;
	int p[2], status;
	ssize_t n;
	pid_t pid;

	strcpy(deleted, "/tmp/protect_test.XXXXXX");
	ok(mkdtemp(deleted) != NULL, "mkdtemp");
	strcat(deleted, "/x");
	copy_self(deleted);
	stat(deleted, &host);
	ok(pipe2(p, O_CLOEXEC) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 1);
		delete_it();
	}
	close(p[1]);
	n = read_full(p[0], r.text, sizeof(r.text) - 1);
	waitpid(pid, &status, 0);
	r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (n > 0)
		sscanf(r.text, "%llu:%llu %d %63s %d", &r.dev, &r.ino, &r.dumpable, r.name, &r.sys);
	check(&r, &host);
	close(p[0]);
	unlink(deleted);
	*strrchr(deleted, '/') = '\0';
	rmdir(deleted);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--probe") == 0)
		return probe(argv);
	return unit_run();
}
