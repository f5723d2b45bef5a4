/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This program is started again, as a caddis that is about to enter a container would. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "executor/executor.h"
#include "unit.h"

static int changed = 1; /* neither constant nor zero when the program is started */
static const char *const relocated[] = { "a", "b" };

/* Data has moved with all that was in it, and what was read-only is still. */
static bool memory_is_as_before(void)
{
	int status;
	pid_t pid;

	if (changed != 2 || strcmp(relocated[1], "b") != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* not a sanitizer's */
		*(volatile uintptr_t *)(uintptr_t)&relocated[0] = 0;
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

/* "<exe dev>:<exe inode> <dumpable> <argv0> <errno of a write open>" on fd 1. */
static int probe(char **argv, int (*protect)(char **argv, struct err *e))
{
	struct err e;
	struct stat st;

	changed = 2;
	if (protect(argv, &e) < 0) {
		printf("failed: %s\n", e.msg);
		return 1;
	}
	if (stat("/proc/self/exe", &st) < 0)
		return 2;
	changed = 2; /* by the one that was started anew too */
	if (!memory_is_as_before())
		return 3;
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

static struct result run(const char *file, const char *how, void (*before)(void))
{
	struct result r = { .code = -1 };
	char *argv[] = { (char[]){ "another-name" }, xstrdup(how), NULL };
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
	free(argv[1]);
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

/* SEC-R1 */
TEST(a_protected_program_runs_from_elsewhere_and_cannot_be_written)
{
	static void (*const befores[])(void) = { nothing, closed_fds, deleted_cwd };
	struct stat host;

	stat("/proc/self/exe", &host);
	for (size_t i = 0; i < ARRAY_LEN(befores); i++) {
		struct result r = run("/proc/self/exe", "--probe", befores[i]);

		check(&r, &host);
		/* Seen through an overlay, not copied: a copy costs every command a fraction of a
		 * millisecond. */
		same_int(r.sys, EROFS);
	}
}

TEST(a_program_that_does_not_stay_is_protected_where_it_is)
{
	static void (*const befores[])(void) = { nothing, closed_fds, deleted_cwd };
	struct stat host;

	stat("/proc/self/exe", &host);
	for (size_t i = 0; i < ARRAY_LEN(befores); i++) {
		struct result r = run("/proc/self/exe", "--probe-here", befores[i]);

		check(&r, &host);
		ok(r.sys != EROFS, "it was started anew");
	}
}

TEST(what_leads_to_the_program_is_empty_and_what_is_mapped_of_it_cannot_be_written)
{
	struct result r = run("/proc/self/exe", "--look", nothing);

	same_int(r.code, 0);
	same_str(r.text, "0 bytes, EROFS, EROFS, same program\n");
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

/* The file that holds our code, by the one other way to it; why it cannot be written. */
static int write_mapped(void)
{
	own(dir) DIR *d = opendir("/proc/self/map_files");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		char *end;
		uintptr_t from = strtoull(de->d_name, &end, 16);
		uintptr_t to = *end == '-' ? strtoull(end + 1, NULL, 16) : 0;

		if ((uintptr_t)write_mapped < from || (uintptr_t)write_mapped >= to)
			continue;
		return faccessat(dirfd(d), de->d_name, W_OK, 0) == 0 ? 0 : errno;
	}
	return ENOENT;
}

/* What a container with every right would try. */
static int look(char **argv)
{
	struct stat before, exe, after;
	struct err e;

	if (stat("/proc/self/exe", &before) < 0 || executor_protect_here(argv, &e) < 0 ||
	    stat("/proc/self/exe", &exe) < 0 || stat(executor_program(), &after) < 0)
		return 1;
	/* access(), for an open could also end with ETXTBSY, which goes away. */
	errno = 0;
	if (access(executor_program(), W_OK) == 0)
		return 2;
	printf("%lld bytes, %s, %s, %s program\n", (long long)exe.st_size,
	       errno == EROFS ? "EROFS" : strerror(errno),
	       write_mapped() == EROFS ? "EROFS" : strerror(errno),
	       before.st_ino == after.st_ino ? "same" : "another");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--probe") == 0)
		return probe(argv, executor_protect);
	if (argc == 2 && strcmp(argv[1], "--probe-here") == 0)
		return probe(argv, executor_protect_here);
	if (argc == 2 && strcmp(argv[1], "--look") == 0)
		return look(argv);
	return unit_run();
}
