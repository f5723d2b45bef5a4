/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * executor_help.h - a container of busybox in a temporary directory, started by the executor
 * itself. As root; without it everything here fails.
 */
#ifndef CADDIS_EXECUTOR_HELP_H
#define CADDIS_EXECUTOR_HELP_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "executor/cgroup.h"
#include "executor/executor.h"
#include "unit.h"

#define BUSYBOX "/bin/busybox"

struct box {
	char dir[64];
	int top, lower, upper, work; /* directories */
	struct oci_spec spec;
	struct executor_args a;
	struct executor x;
	int out; /* read end of its stdout and stderr */
	char text[65536];
	int code; /* its exit status; -1: it could not be started, see e */
	struct err e;
};

static int box_dir(struct box *b, const char *name)
{
	mkdirat(b->top, name, 0755);
	return openat(b->top, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void box_copy(int dir, const char *name)
{
	int in = open(BUSYBOX, O_RDONLY | O_CLOEXEC);
	int out = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	char buf[65536];
	ssize_t n;

	ok(in >= 0, BUSYBOX " is missing: apt-get install busybox-static");
	while ((n = read(in, buf, sizeof(buf))) > 0)
		ok(write(out, buf, (size_t)n) == n, "write");
	close(in);
	close(out);
}

static inline void box_put(int dir, const char *name, const char *text, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	ok(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write %s", name);
	fchmod(fd, mode);
	close(fd);
}

static const char *const box_applets[] = { "sh",   "cat",   "true",	"id",	 "ps",	     "ls",
					   "stat", "grep",  "echo",	"sleep", "readlink", "pwd",
					   "env",  "wc",    "tty",	"stty",	 "mknod",    "kill",
					   "dd",   "touch", "hostname", "mount", "test",     NULL };

static inline void box_open(struct box *b)
{
	static const char *const namespaces[] = {
		"pid", "mount", "ipc", "uts", "network", "cgroup"
	};
	int bin;

	*b = (struct box){ .x = EXECUTOR_NONE, .out = -1 };
	strcpy(b->dir, "/tmp/executor_test.XXXXXX");
	ok(geteuid() == 0, "these tests need root");
	ok(mkdtemp(b->dir) != NULL, "mkdtemp");
	b->top = open(b->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	b->lower = box_dir(b, "lower");
	b->upper = box_dir(b, "upper");
	b->work = box_dir(b, "work");
	mkdirat(b->lower, "bin", 0755);
	mkdirat(b->lower, "etc", 0755);
	mkdirat(b->lower, "tmp", 01777);
	bin = openat(b->lower, "bin", O_PATH | O_DIRECTORY | O_CLOEXEC);
	box_copy(bin, "busybox");
	for (int i = 0; box_applets[i]; i++)
		ok(symlinkat("busybox", bin, box_applets[i]) == 0, "symlink");
	close(bin);
	oci_spec_default(&b->spec);
	/* ours below, whatever the default is */
	objlist_free(&b->spec.linux_.namespaces, &oci_namespace_table);
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(*namespaces); i++)
		oci_add_namespace(&b->spec, namespaces[i], NULL);
	strv_add(&b->spec.process.env, "PATH=/bin");
	str_set(&b->spec.process.cwd, "/");
	b->spec.process.no_new_privileges = true;
	b->a = (struct executor_args){ .spec = &b->spec,
				       .id = "test",
				       .rootfs = { &b->lower, 1, b->upper, b->work },
				       .stdio = { -1, -1, -1 },
				       .default_seccomp = true,
				       .seccomp_cache = -1 };
}

static inline void box_args(struct strv *args, const char *script)
{
	strv_free(args);
	if (script[0] == '!') { /* "!/bin/x a b": the program itself */
		strv_split(args, script + 1, ' ');
		return;
	}
	strv_add(args, "sh");
	strv_add(args, "-c");
	strv_add(args, script);
}

/* Creates, not started; output goes to a pipe. */
static inline int box_create(struct box *b, const char *script)
{
	int p[2] = { -1, -1 }, null = open("/dev/null", O_RDWR | O_CLOEXEC), ret;

	box_args(&b->spec.process.args, script);
	ok(pipe2(p, O_CLOEXEC) == 0, "pipe");
	if (b->out >= 0)
		close(b->out);
	b->out = p[0];
	b->a.stdio[0] = null;
	b->a.stdio[1] = b->a.stdio[2] = p[1];
	ret = executor_create(&b->a, &b->x, &b->e);
	close(p[1]);
	close(null);
	return ret;
}

static inline void box_read(struct box *b, int fd)
{
	size_t len = 0;
	ssize_t n;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (len < sizeof(b->text) - 1 && poll(&p, 1, 10000) > 0 &&
	       (n = read(fd, b->text + len, sizeof(b->text) - 1 - len)) > 0)
		len += (size_t)n;
	b->text[len] = '\0';
}

/* Runs script to its end; its exit status, or -1. Output in b->text. */
static inline int box_run(struct box *b, const char *script)
{
	b->text[0] = '\0';
	b->code = -1;
	b->e = (struct err){ 0 };
	if (box_create(b, script) < 0)
		return -1;
	if (executor_start(&b->x, &b->e) < 0) {
		executor_close(&b->x);
		return -1;
	}
	box_read(b, b->x.console >= 0 ? b->x.console : b->out);
	b->code = proc_wait(b->x.id.pid);
	executor_close(&b->x);
	return b->code;
}

/* A process beside the running one of b; output in b->text. */
static inline int box_exec(struct box *b, struct oci_process *p, const char *script)
{
	struct executor_exec_args a = { .init = &b->x.id,
					.spec = &b->spec,
					.process = p,
					.default_seccomp = true,
					.cgroup = b->a.cgroup,
					.user = b->a.user };
	struct executor x;
	int out[2], code, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	box_args(&p->args, script);
	ok(pipe2(out, O_CLOEXEC) == 0, "pipe");
	a.stdio[0] = null;
	a.stdio[1] = a.stdio[2] = out[1];
	code = executor_exec(&a, &x, &b->e);
	close(null);
	close(out[1]);
	b->text[0] = '\0';
	if (code == 0) {
		box_read(b, x.console >= 0 ? x.console : out[0]);
		code = proc_wait(x.id.pid);
		executor_close(&x);
	}
	close(out[0]);
	return code;
}

static inline bool box_said(const struct box *b, const char *what)
{
	return strstr(b->text, what) != NULL;
}
#define said(b, what) ok(box_said(b, what), "no \"%s\" in: %s (%s)", what, (b)->text, (b)->e.msg)
#define not_said(b, what) ok(!box_said(b, what), "\"%s\" in: %s", what, (b)->text)

static inline void box_kill(struct box *b)
{
	if (b->x.pidfd >= 0) {
		kill(b->x.id.pid, SIGKILL);
		proc_wait(b->x.id.pid);
		executor_close(&b->x);
	}
}

static inline void box_close(struct box *b)
{
	struct err e;

	box_kill(b);
	oci_spec_free(&b->spec);
	close(b->out);
	close(b->lower);
	close(b->upper);
	close(b->work);
	close(b->top);
	ok(path_remove_tree(AT_FDCWD, b->dir, &e) == 0, "%s", e.msg);
}
OWNED_STRUCT(box, struct box, box_close)

/* The path of a rootfs on the host instead of an overlay. */
static inline void box_plain(struct box *b)
{
	b->a.rootfs.nlower = 0;
	b->spec.root.path = str_fmt("%s/lower", b->dir);
}

#endif
