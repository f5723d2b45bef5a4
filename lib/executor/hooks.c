/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/proc.h"
#include "executor/init.h"
#include "executor/sync.h"
#include "executor/syscalls.h"

#define WORDS_MAX ((off_t)65536) /* what a hook may say on its standard error */
#define WORDS_SHOWN 200		 /* of it: the end */

char *hooks_state(const struct oci_spec *spec, const char *id, const char *bundle,
		  const char *status, pid_t pid)
{
	own(json) struct json_object *j = json_object_new_object(), *notes = NULL;
	own(buf) struct buf text = { 0 };

	json_object_object_add(j, "ociVersion", json_object_new_string(spec->oci_version));
	json_object_object_add(j, "id", json_object_new_string(id));
	json_object_object_add(j, "status", json_object_new_string(status));
	if (pid > 0)
		json_object_object_add(j, "pid", json_object_new_int(pid));
	json_object_object_add(j, "bundle", json_object_new_string(bundle));
	if (spec->annotations.n) {
		notes = json_object_new_object();
		for (size_t i = 0; i < spec->annotations.n; i++)
			json_object_object_add(
				notes, spec->annotations.v[i].key,
				json_object_new_string(spec->annotations.v[i].value));
		json_object_object_add(j, "annotations", ptr_steal(notes));
	}
	json_print(j, &text);
	return buf_steal(&text);
}

/* A file in memory, read from its start: nobody waits for who does not read. */
static int stdin_open(const char *state, struct err *e)
{
	own(fd) int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0 || write_all(fd, state, strlen(state)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "make its standard input");
	return fd_steal(&fd);
}

/* One that does not grow: whoever says more gets an error, and not our memory. */
static int stderr_open(struct err *e)
{
	own(fd) int fd = memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, WORDS_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return err_sys(e, "make its standard error");
	return fd_steal(&fd);
}

_Noreturn static void child_exec(const struct oci_hook *h, int in, int words)
{
	static char *const no_env[] = { NULL };
	char *name[] = { h->path, NULL };
	struct init nobody = INIT_NONE;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err ignored;

	setpgid(0, 0);
	if (dup2(in, 0) < 0 || dup2(null >= 0 ? null : words, 1) < 0 || dup2(words, 2) < 0 ||
	    fd_cloexec_from(3) < 0 || init_signals(&nobody, &ignored) < 0)
		_exit(127);
	execve(h->path, h->args.n ? h->args.v : name, h->env.n ? h->env.v : no_env);
	dprintf(2, "it cannot be executed: %s", strerror(errno));
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1: it has ended; 0: its time is up. */
static int wait_end(int pidfd, const struct optint *timeout)
{
	int64_t end = timeout->set ? now_ms() + timeout->v * 1000 : 0;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int64_t left = timeout->set ? MAX(end - now_ms(), 0) : 60000;
		int n = poll(&p, 1, (int)MIN(left, INT64_C(3600000)));

		if (n > 0)
			return 1;
		if (n == 0 && timeout->set && now_ms() >= end)
			return 0;
	}
}

/* Its end, fit for a terminal, without the newline. */
static char *last_words(int fd)
{
	own(buf) struct buf b = { 0 };
	const char *from;
	ssize_t n;

	buf_reserve(&b, (size_t)WORDS_MAX);
	n = pread(fd, b.s, (size_t)WORDS_MAX, 0);
	b.s[MAX(n, 0)] = '\0';
	b.len = strlen(b.s);
	while (b.len && (b.s[b.len - 1] == '\n' || b.s[b.len - 1] == ' '))
		b.s[--b.len] = '\0';
	from = b.len > WORDS_SHOWN ? b.s + b.len - WORDS_SHOWN : b.s;
	return str_printable(from, strlen(from));
}

static int run_one(const struct oci_hook *h, const char *state, struct err *e)
{
	own(fd) int in = stdin_open(state, e);
	own(fd) int words = in < 0 ? -1 : stderr_open(e);
	own(fd) int pidfd = -1;
	own(str) char *said = NULL;
	pid_t pid;
	int code;

	if (words < 0)
		return -1;
	pid = sys_clone(0, -1, &pidfd);
	if (pid == 0)
		child_exec(h, in, words);
	if (pid < 0)
		return err_sys(e, "start a process");
	if (!wait_end(pidfd, &h->timeout)) {
		kill(-pid, SIGKILL);
		proc_pidfd_signal(pidfd, SIGKILL);
		proc_wait(pid);
		return err_set(e, ERR_FAIL, "did not end within %lld s, and was killed",
			       (long long)h->timeout.v);
	}
	code = proc_wait(pid);
	if (code == 0)
		return 0;
	said = last_words(words);
	return err_set(e, ERR_FAIL, "ended with status %d%s%s", code, *said ? ": " : "", said);
}

int hooks_run(const char *kind, const struct objlist *hooks, const char *state, struct err *e)
{
	const struct oci_hook *h = hooks->v;

	for (size_t i = 0; i < hooks->n; i++)
		if (run_one(&h[i], state, e) < 0)
			return err_in(e, "hook %s[%zu] %.100s", kind, i, h[i].path);
	return 0;
}

/* ---- at the points of a start ---- */

static const char *bundle_of(const struct init *in)
{
	return in->bundle ? in->bundle : "/";
}

bool hooks_before_pivot(const struct init *in)
{
	const struct oci_hooks *h = &in->spec->hooks;

	return h->prestart.n || h->create_runtime.n || h->create_container.n;
}

int hooks_create_runtime(const struct init *in, pid_t pid, struct err *e)
{
	const struct oci_hooks *h = &in->spec->hooks;
	own(str) char *state = hooks_state(in->spec, in->id, bundle_of(in), "creating", pid);

	if (hooks_run("prestart", &h->prestart, state, e) < 0)
		return -1;
	return hooks_run("createRuntime", &h->create_runtime, state, e);
}

int hooks_create(struct init *in, struct err *e)
{
	const struct oci_hooks *h = &in->spec->hooks;
	own(str) char *state = NULL;

	if (!hooks_before_pivot(in))
		return 0;
	if (sync_send(in->sock, SYNC_HOOKS, -1, e) < 0 || sync_expect(in->sock, SYNC_DONE, e) < 0)
		return -1;
	state = hooks_state(in->spec, in->id, bundle_of(in), "creating", getpid());
	return hooks_run("createContainer", &h->create_container, state, e);
}

int hooks_start(struct init *in, struct err *e)
{
	const struct objlist *h = &in->spec->hooks.start_container;
	own(str) char *state = NULL;

	if (h->n == 0)
		return 0;
	state = hooks_state(in->spec, in->id, bundle_of(in), "created", getpid());
	return hooks_run("startContainer", h, state, e);
}
