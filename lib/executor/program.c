/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the program starts, what it is found as, and its execve(). */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "executor/syscalls.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const char *env_get(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* Magic links are refused on the way; and getcwd() of a directory outside the root is not absolute.
 */
int program_cwd(struct init *in, struct err *e)
{
	const char *cwd = str_some(in->process->cwd) ? in->process->cwd : "/";
	own(fd) int root = -1, dir = -1;
	char buf[PATH_MAX];

	if (cwd[0] != '/')
		return err_set(e, ERR_USAGE, "working directory \"%.100s\" is not absolute", cwd);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open the root");
	dir = path_try_open_in(root, cwd, O_PATH | O_DIRECTORY, 0);
	if (dir < 0 && errno == ENOENT)
		dir = path_mkdirs_in(root, cwd, 0755, e);
	else if (dir < 0)
		err_sys(e, "open");
	if (dir < 0)
		return err_in(e, "working directory %s", cwd);
	if (fchdir(dir) < 0)
		return err_sys(e, "enter working directory %s", cwd);
	if (syscall(SYS_getcwd, buf, sizeof(buf)) < 0 || buf[0] != '/')
		return err_set(e, ERR_DENIED, "working directory %s is outside the container", cwd);
	return 0;
}

/* 0: executable; else errno. */
static int try_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? EISDIR : EACCES;
	/* The ids are set already: effective ones are what execve() goes by. */
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

static int exec_error(const char *name, int sys, struct err *e)
{
	bool missing = sys == ENOENT || sys == ENOTDIR || sys == ELOOP || sys == ENAMETOOLONG;

	errno = sys;
	err_sys(e, "exec: \"%.200s\"", name);
	e->kind = missing ? ERR_NOCOMMAND : ERR_NOEXEC;
	return -1;
}

static int search_path(struct init *in, const char *name, struct err *e)
{
	const char *path = env_get(in->env, "PATH");
	int worst = 0;

	for (const char *p = path ? path : DEFAULT_PATH; p;) {
		size_t n = strcspn(p, ":");
		char full[PATH_MAX];
		int sys = ENAMETOOLONG;

		if (n + strlen(name) + 2 <= sizeof(full)) {
			snprintf(full, sizeof(full), "%.*s%s%s", (int)n, p, n ? "/" : "", name);
			sys = try_program(full);
		}
		if (sys == 0) {
			in->program = xstrdup(full);
			return 0;
		}
		if (sys == EACCES || sys == EPERM)
			worst = sys;
		p = p[n] ? p + n + 1 : NULL;
	}
	if (worst)
		return exec_error(name, worst, e);
	return err_set(e, ERR_NOCOMMAND, "exec: \"%.200s\": executable file not found in $PATH",
		       name);
}

int program_find(struct init *in, struct err *e)
{
	const struct strv *args = &in->process->args;
	int sys;

	if (args->n == 0)
		return err_set(e, ERR_USAGE, "no command given");
	if (!*args->v[0])
		return err_set(e, ERR_NOCOMMAND, "exec: \"\": executable file not found in $PATH");
	if (!strchr(args->v[0], '/'))
		return search_path(in, args->v[0], e);
	sys = try_program(args->v[0]);
	if (sys)
		return exec_error(args->v[0], sys, e);
	in->program = xstrdup(args->v[0]);
	return 0;
}

/* pid 1 finds the program by the same path, for it is looked up already. */
static void exec_by_pid1(const struct init *in)
{
	const struct strv *args = &in->process->args;
	char **argv = xcalloc(args->n + 3, sizeof(*argv));

	argv[0] = xstrdup("init");
	argv[1] = in->program;
	for (size_t i = 0; i < args->n; i++)
		argv[i + 2] = args->v[i];
	sys_execveat(in->pid1, "", argv, in->env, AT_EMPTY_PATH);
}

void program_exec(struct init *in, struct err *e)
{
	if (in->pid1 >= 0) {
		exec_by_pid1(in);
		err_sys(e, "execute pid 1");
		return;
	}
	execve(in->program, in->process->args.v, in->env);
	if (errno == ENOENT) {
		/* It was there: what is missing is what it names in its first line or as its
		 * loader. */
		err_set(e, ERR_NOCOMMAND,
			"exec: \"%.200s\": its interpreter or loader was not found (no such file "
			"or directory)",
			in->program);
		e->sys = ENOENT;
		return;
	}
	exec_error(in->program, errno, e);
}
