/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/path.h"

#define DIRECTORY "notify"
#define SOCKET "notify.sock"
#define INSIDE "/run/notify"
#define MESSAGE_MAX 4096

int oci_notify_prepare(struct oci_home *h, struct oci_entry *x, struct oci_spec *s,
		       const char *host, struct err *e)
{
	own(str) char *source = str_fmt("%s/%s/" DIRECTORY, h->path, x->rec.id);

	if (!str_some(host))
		return 0;
	if (mkdirat(x->dir, DIRECTORY, 0755) < 0)
		return err_sys(e, "make %s", source);
	oci_add_mount(s, INSIDE, "bind", source, "bind,nosuid,nodev,noexec,ro");
	strv_set_assignment(&s->process.env, "NOTIFY_SOCKET=" INSIDE "/" SOCKET);
	return 0;
}

int oci_notify_listen(const struct oci_entry *x, const char *host, int *sock, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	own(fd) int dir = openat(x->dir, DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(fd) int fd = -1;

	*sock = -1;
	if (!str_some(host) || (dir < 0 && errno == ENOENT))
		return 0;
	if (dir < 0)
		return err_sys(e, "open " DIRECTORY);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "make a socket");
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/" SOCKET, fd_path(dir).s);
	(void)unlinkat(dir, SOCKET, 0); /* of a start that was killed */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    fchmodat(dir, SOCKET, 0777, 0) < 0) /* its user may be anybody */
		return err_sys(e, "make " SOCKET);
	*sock = fd_steal(&fd);
	return 0;
}

/* "READY=1" as a line of its own. */
static bool says_ready(const char *message)
{
	own(strv) struct strv lines = { 0 };

	strv_split(&lines, message, '\n');
	return strv_has(&lines, "READY=1");
}

static int tell_host(const char *host, long long pid, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	own(fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = strlen(host);
	char text[64];

	if (fd < 0)
		return err_sys(e, "make a socket");
	if (n >= sizeof(a.sun_path))
		return err_set(e, ERR_USAGE, "$NOTIFY_SOCKET is too long");
	memcpy(a.sun_path, host, n);
	if (host[0] == '@') /* an abstract one: unix(7) */
		a.sun_path[0] = '\0';
	n += offsetof(struct sockaddr_un, sun_path) + (host[0] != '@');
	snprintf(text, sizeof(text), "READY=1\nMAINPID=%lld\n", pid);
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&a, (socklen_t)n) < 0)
		return err_sys(e, "$NOTIFY_SOCKET %s", host);
	return 0;
}

int oci_notify_wait(const struct oci_entry *x, int sock, const char *host, struct err *e)
{
	own(fd) int pidfd = oci_entry_process(x);
	struct pollfd p[] = { { .fd = sock, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	char message[MESSAGE_MAX + 1];

	while (pidfd >= 0) {
		ssize_t n;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, "wait until it is ready");
		if (!(p[0].revents & POLLIN)) {
			if (p[1].revents)
				return 0;
			continue;
		}
		n = recv(sock, message, MESSAGE_MAX, MSG_DONTWAIT);
		message[n < 0 ? 0 : n] = '\0';
		if (says_ready(message))
			return tell_host(host, (long long)x->rec.pid, e);
	}
	return 0;
}
