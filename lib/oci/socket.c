/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"

static int connect_to(const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	own(fd) int file = open(path, O_PATH | O_CLOEXEC);
	own(fd) int fd = -1;

	if (file < 0)
		return err_sys(e, "%s", path);
	/* Its path may be longer than an address has room for. */
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", fd_path(file).s);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "make a socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "connect to %s", path);
	return fd_steal(&fd);
}

int oci_listeners_open(struct oci_listeners *l, const char *console, const char *pidfd,
		       bool terminal, bool background, struct err *e)
{
	if (background && terminal && !console)
		return err_set(e, ERR_USAGE,
			       "process.terminal is set: a process in the background needs "
			       "--console-socket for it");
	if (console && !terminal)
		return err_set(e, ERR_USAGE,
			       "--console-socket is given, but process.terminal is not set");
	if (console) {
		l->console = connect_to(console, e);
		if (l->console < 0)
			return err_in(e, "--console-socket");
	}
	if (pidfd) {
		l->pidfd = connect_to(pidfd, e);
		if (l->pidfd < 0)
			return err_in(e, "--pidfd-socket");
	}
	return 0;
}

static int give(int sock, const char *text, int fd, struct err *e)
{
	return fd_send(sock, text, strlen(text), &fd, 1, e);
}

int oci_listeners_tell(struct oci_listeners *l, struct executor *x, struct err *e)
{
	if (l->pidfd >= 0 && give(l->pidfd, "pidfd", x->pidfd, e) < 0)
		return err_in(e, "--pidfd-socket");
	if (l->console < 0)
		return 0;
	if (give(l->console, "/dev/ptmx", x->console, e) < 0)
		return err_in(e, "--console-socket");
	close(x->console);
	x->console = -1;
	return 0;
}

void oci_listeners_close(struct oci_listeners *l)
{
	fd_drop(&l->console);
	fd_drop(&l->pidfd);
	*l = (struct oci_listeners)OCI_LISTENERS_NONE;
}

int oci_pid_file(const char *path, pid_t pid, struct err *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	return file_replace(AT_FDCWD, path, text, (size_t)n, FILE_NOSYNC, e) < 0
		       ? err_in(e, "--pid-file")
		       : 0;
}

char *oci_user_for_home(const struct oci_process *p)
{
	for (size_t i = 0; i < p->env.n; i++)
		if (str_starts(p->env.v[i], "HOME="))
			return NULL;
	return str_fmt("%lld:%lld", (long long)p->user.uid, (long long)p->user.gid);
}
