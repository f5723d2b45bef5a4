/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filter with SCMP_ACT_NOTIFY: its listener goes to the agent at linux.seccomp.listenerPath, with
 * the container process state as the specification has it (config-linux.md#containerprocessstate).
 * The parent connects, for the path is the host's; the process that gets the filter sends, for
 * nobody else is there by then. The filter must let it: by sendmsg and close.
 */
#include "executor/init.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "executor/hooks.h"

/* In seconds: an agent whose queue is full. */
#define CONNECT_MAX 10

int notify_connect(struct init *in, struct err *e)
{
	const struct timeval patience = { .tv_sec = CONNECT_MAX };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *path;
	own(fd) int fd = -1;

	if (!(in->filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return 0;
	path = json_get_str(in->spec->linux_.seccomp, "listenerPath");
	if (!str_some(path) || strlen(path) >= sizeof(a.sun_path))
		return err_set(
			e, ERR_USAGE,
			"linux.seccomp.listenerPath: SCMP_ACT_NOTIFY needs a socket, by a path "
			"of less than %zu bytes",
			sizeof(a.sun_path));
	memcpy(a.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "linux.seccomp.listenerPath: connect to %s", path);
	in->notify = fd_steal(&fd);
	return 0;
}

/* By the host's /proc, before the root changes. */
int notify_prepare(struct init *in, struct err *e)
{
	char text[16] = "";

	if (in->notify < 0)
		return 0;
	if (readlink("/proc/self", text, sizeof(text) - 1) < 0)
		return err_sys(e, "read own process ID from /proc");
	in->host_pid = (pid_t)strtol(text, NULL, 10);
	return in->host_pid > 0 ? 0 : err_set(e, ERR_FAIL, "/proc/self is no process");
}

static char *process_state(const struct init *in)
{
	bool exec = in->join_pidfd >= 0;
	own(str) char *state =
		hooks_state(in->spec, in->id ? in->id : "", in->bundle ? in->bundle : "/",
			    exec ? "running" : "creating", exec ? in->first_pid : in->host_pid);
	own(json) struct json_object *j = json_object_new_object(), *fds = json_object_new_array();
	const char *metadata = json_get_str(in->spec->linux_.seccomp, "listenerMetadata");
	own(buf) struct buf text = { 0 };

	json_object_array_add(fds, json_object_new_string("seccompFd"));
	json_object_object_add(j, "ociVersion", json_object_new_string(in->spec->oci_version));
	json_object_object_add(j, "fds", ptr_steal(fds));
	json_object_object_add(j, "pid", json_object_new_int(in->host_pid));
	if (metadata)
		json_object_object_add(j, "metadata", json_object_new_string(metadata));
	json_object_object_add(j, "state", json_tokener_parse(state));
	json_print(j, &text);
	return buf_steal(&text);
}

int notify_install(struct init *in, struct err *e)
{
	own(str) char *text = in->notify >= 0 ? process_state(in) : NULL;
	own(fd) int listener = -1;
	int fd = seccomp_install(&in->filter, e);

	if (fd < 0 || in->notify < 0)
		return fd;
	listener = fd;
	if (fd_send(in->notify, text, strlen(text), &listener, 1, e) < 0)
		return err_in(e, "linux.seccomp.listenerPath");
	close(fd_steal(&in->notify));
	return 0;
}
