/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "base/proc.h"

#define OUT_MAX ((size_t)1 << 20)
#define STDERR_KEPT ((size_t)4096)
#define CHUNKS 8		     /* a pipe holds 64 KiB */
#define KILL_WAIT (5 * NSEC_PER_SEC) /* what SIGKILL may take */
/* iptables and others live in sbin, which a cron job's PATH lacks. */
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct run {
	pid_t pid;
	int pidfd, out, err, exec; /* exec: says why it could not be executed, if so */
	struct buf said;	   /* the end of its standard error */
	int status;		   /* as waitpid() has it */
};

static void run_close(struct run *r)
{
	fd_drop(&r->pidfd);
	fd_drop(&r->out);
	fd_drop(&r->err);
	fd_drop(&r->exec);
	buf_free(&r->said);
}
OWNED_STRUCT(run, struct run, run_close)

char *cni_exec_find(const char *type, const struct strv *dirs, struct err *e)
{
	own(buf) struct buf where = { 0 };

	for (size_t i = 0; i < dirs->n; i++) {
		own(str) char *path = str_fmt("%s/%s", dirs->v[i], type);
		struct stat st;

		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return ptr_steal(path);
		buf_addf(&where, "%s%s", i ? ":" : "", dirs->v[i]);
	}
	err_set(e, ERR_NOT_FOUND, "plugin %s: not in %.250s", type, where.s ? where.s : "''");
	err_hint(e, "install it there, or name its directory with --cni-bin-dir or $CNI_PATH");
	return NULL;
}

static void add_env(struct strv *env, const char *name, const char *value)
{
	if (value)
		strv_take(env, str_fmt("%s=%s", name, value));
}

static void make_env(const struct cni_call *c, struct strv *env)
{
	const char *path = getenv("PATH");
	own(buf) struct buf dirs = { 0 };

	for (size_t i = 0; i < c->dirs->n; i++)
		buf_addf(&dirs, "%s%s", i ? ":" : "", c->dirs->v[i]);
	add_env(env, "CNI_COMMAND", c->command);
	add_env(env, "CNI_CONTAINERID", c->container);
	add_env(env, "CNI_NETNS", c->netns);
	add_env(env, "CNI_IFNAME", c->ifname);
	add_env(env, "CNI_ARGS", c->args);
	add_env(env, "CNI_PATH", dirs.s ? dirs.s : "");
	strv_take(env, str_some(path) ? str_fmt("PATH=%s:" SYSTEM_PATH, path)
				      : xstrdup("PATH=" SYSTEM_PATH));
}

/* A file in memory: written whole before the plugin starts, so neither waits for the other. */
static int make_stdin(const char *json, struct err *e)
{
	own(fd) int fd = memfd_create("cni", MFD_CLOEXEC);

	if (fd < 0 || write_all(fd, json, strlen(json)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "its standard input");
	return fd_steal(&fd);
}

static void reset_signals(void)
{
	static const uint64_t dfl[8]; /* the kernel's struct: SIG_DFL, no flags */
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		syscall(SYS_rt_sigaction, s, dfl, NULL, _NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child. Returns only on failure, with errno. */
static void become_plugin(const char *path, const struct strv *env, const int stdio[3],
			  pid_t parent)
{
	const char *const argv[] = { path, NULL };

	reset_signals();
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return;
	if (getppid() != parent)
		_exit(1);
	for (int i = 0; i < 3; i++)
		if (dup2(stdio[i], i) < 0)
			return;
	umask(022);
	if (fd_cloexec_from(3) < 0 || chdir("/") < 0)
		return;
	execve(path, (char *const *)(uintptr_t)argv, env->v);
}

/* Below 3 a pipe end would be in the way of dup2(): main() has opened these (fd_open_std). */
static int run_start(const char *path, const struct strv *env, int in, struct run *r, struct err *e)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, exec[2] = { -1, -1 };
	pid_t parent = getpid();
	int rc = -1;

	if (fd_pipe(out, e) == 0 && fd_pipe(err, e) == 0 && fd_pipe(exec, e) == 0) {
		r->pid = fork();
		if (r->pid == 0) {
			const int stdio[3] = { in, out[1], err[1] };

			become_plugin(path, env, stdio, parent);
			(void)!write(exec[1], &errno, sizeof(errno));
			_exit(127);
		}
		rc = r->pid < 0 ? err_sys(e, "start a process") : 0;
	}
	fd_drop(&out[1]);
	fd_drop(&err[1]);
	fd_drop(&exec[1]);
	r->out = out[0];
	r->err = err[0];
	r->exec = exec[0];
	if (rc < 0)
		return -1;
	r->pidfd = proc_pidfd_open(r->pid);
	if (r->pidfd < 0 || fd_nonblock(r->out) < 0 || fd_nonblock(r->err) < 0) {
		err_sys(e, "start a process");
		kill(r->pid, SIGKILL);
		proc_wait(r->pid);
		return -1;
	}
	return 0;
}

/* Adds to said, of which only the end is kept. */
static void keep_end(struct buf *said, const char *text, size_t n)
{
	buf_addn(said, text, n);
	if (said->len <= 2 * STDERR_KEPT)
		return;
	memmove(said->s, said->s + said->len - STDERR_KEPT, STDERR_KEPT + 1);
	said->len = STDERR_KEPT;
}

/* What there is to read; a closed stream is dropped. False: more than OUT_MAX. */
static bool take_output(struct run *r, struct buf *out)
{
	char chunk[16384];
	ssize_t n;

	while (r->out >= 0 && (n = read(r->out, chunk, sizeof(chunk))) != -1) {
		if (n == 0) {
			fd_drop(&r->out);
			r->out = -1;
			break;
		}
		if (out->len + (size_t)n > OUT_MAX)
			return false;
		buf_addn(out, chunk, (size_t)n);
	}
	/* Not for ever: a flood there must not keep us from looking at the clock. */
	for (int i = 0; i < CHUNKS && r->err >= 0; i++) {
		n = read(r->err, chunk, sizeof(chunk));
		if (n < 0)
			break;
		if (n == 0) {
			fd_drop(&r->err);
			r->err = -1;
			break;
		}
		keep_end(&r->said, chunk, (size_t)n);
	}
	return true;
}

/* Ends the plugin and all of its session that did not leave it; it is not reaped yet, so that the
 * number of the group is still its own. */
static void run_kill(struct run *r)
{
	struct pollfd p = { .fd = r->pidfd, .events = POLLIN };

	kill(-r->pid, SIGKILL);
	kill(r->pid, SIGKILL);
	(void)poll(&p, 1, (int)(KILL_WAIT / 1000000));
}

/*
 * Until the plugin has ended: not until its output is closed, which what it left behind may hold.
 * All that it wrote itself is in the pipes by then.
 */
static int run_wait(struct run *r, int64_t timeout, struct buf *out, struct err *e)
{
	int64_t end = clock_monotonic() + timeout;

	for (;;) {
		struct pollfd p[] = { { .fd = r->pidfd, .events = POLLIN },
				      { .fd = r->out, .events = POLLIN },
				      { .fd = r->err, .events = POLLIN } };
		int64_t left = end - clock_monotonic();
		bool over;

		if (left <= 0) {
			run_kill(r);
			return err_set(e, ERR_BUSY, "no answer within %lld s; it was ended",
				       (long long)(timeout / NSEC_PER_SEC));
		}
		if (poll(p, ARRAY_LEN(p), (int)MIN(left / 1000000 + 1, 3600000)) < 0 &&
		    errno != EINTR)
			return err_sys(e, "wait for it");
		over = p[0].revents & POLLIN;
		if (!take_output(r, out)) {
			run_kill(r);
			return err_set(e, ERR_REMOTE, "it printed more than 1 MiB; it was ended");
		}
		if (over)
			return 0;
	}
}

/* The last line that has something in it. */
static char *last_line(const struct buf *said)
{
	size_t end = said->len, begin;

	while (end && strchr(" \t\r\n", said->s[end - 1]))
		end--;
	for (begin = end; begin && said->s[begin - 1] != '\n';)
		begin--;
	return end ? str_printable(said->s + begin, MIN(end - begin, (size_t)200)) : NULL;
}

/* {"code": 7, "msg": "...", "details": "..."} */
static bool plugin_error(const struct buf *out, int *code, struct err *e)
{
	struct err ignored;
	own(json) struct json_object *j = json_parse("", out->s ? out->s : "", out->len, &ignored);
	struct json_object *number = j ? json_get(j, "code", json_type_int) : NULL;
	const char *msg = json_get_str(j, "msg"), *details = json_get_str(j, "details");

	if (!j || (!msg && !details))
		return false;
	own(str) char *text = str_printable(msg ? msg : "", msg ? strlen(msg) : 0);
	own(str) char *more = str_printable(details ? details : "", details ? strlen(details) : 0);

	*code = number ? json_object_get_int(number) : 0;
	err_set(e, ERR_REMOTE, "%.220s%s%.120s", text, *text && *more ? ": " : "", more);
	return true;
}

/* How it ended, if not well. */
static int judge(struct run *r, const struct buf *out, int *code, struct err *e)
{
	own(str) char *said = last_line(&r->said);
	int sys = 0;

	if (read_full(r->exec, &sys, sizeof(sys)) == sizeof(sys)) {
		errno = sys;
		return err_sys(e, "cannot be executed");
	}
	if (WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0)
		return 0;
	if (WIFSIGNALED(r->status))
		err_set(e, ERR_REMOTE, "killed by %s",
			signal_name(WTERMSIG(r->status)) ? signal_name(WTERMSIG(r->status))
							 : "a signal");
	else if (!plugin_error(out, code, e))
		err_set(e, ERR_REMOTE, "failed with status %d and no message of its own",
			WEXITSTATUS(r->status));
	else
		return -1;
	if (said)
		err_hint(e, "it said: %s", said);
	return -1;
}

int cni_exec(const char *type, const struct cni_call *c, const char *json, struct buf *out,
	     int *code, struct err *e)
{
	own(run) struct run r = { .pidfd = -1, .out = -1, .err = -1, .exec = -1 };
	own(str) char *path = cni_exec_find(type, c->dirs, e);
	own(fd) int in = path ? make_stdin(json, e) : -1;
	own(strv) struct strv env = { 0 };
	int unused = 0, rc;

	code = code ? code : &unused;
	*code = 0;
	if (!path)
		return -1;
	make_env(c, &env);
	if (in < 0 || run_start(path, &env, in, &r, e) < 0)
		return err_in(e, "plugin %s", type);
	rc = run_wait(&r, c->timeout, out, e);
	if (rc == 0 && waitpid(r.pid, &r.status, 0) < 0)
		rc = err_sys(e, "wait for it");
	else if (rc < 0)
		(void)waitpid(r.pid, &r.status, WNOHANG);
	if (rc < 0 || judge(&r, out, code, e) < 0)
		return err_in(e, "plugin %s %s", type, c->command);
	return 0;
}

/* Does the process have this entry in the environment that it began with? */
static bool has_env(const char *pid, const char *entry)
{
	own(str) char *path = str_fmt("/proc/%s/environ", pid);
	own(buf) struct buf env = { 0 };
	struct err ignored;

	if (file_load_kernel(AT_FDCWD, path, &env, &ignored) < 0)
		return false;
	for (size_t i = 0; i < env.len; i += strlen(env.s + i) + 1)
		if (str_eq(env.s + i, entry))
			return true;
	return false;
}

void cni_exec_kill_left(const char *container)
{
	own(str) char *entry = str_fmt("CNI_CONTAINERID=%s", container);
	own(dir) DIR *d = opendir("/proc");

	for (struct dirent *de; d && (de = readdir(d));) {
		int64_t pid;
		own(fd) int pidfd = -1;
		struct pollfd p = { .events = POLLIN };

		if (str_to_i64(de->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		/* The pidfd before the look: what was looked at is what is killed. */
		pidfd = proc_pidfd_open((pid_t)pid);
		if (pidfd < 0 || !has_env(de->d_name, entry))
			continue;
		p.fd = pidfd;
		if (proc_pidfd_signal(pidfd, SIGKILL) == 0)
			(void)poll(&p, 1, (int)(KILL_WAIT / 1000000));
	}
}
