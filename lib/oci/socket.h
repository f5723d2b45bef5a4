/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socket.h - what an engine is told about a process: by sockets it listens at, and pid files. */
#ifndef CADDIS_OCI_SOCKET_H
#define CADDIS_OCI_SOCKET_H

#include "base/own.h"
#include "executor/executor.h"

/* Stream sockets, connected; -1: none. */
struct oci_listeners {
	int console, pidfd;
};
#define OCI_LISTENERS_NONE                                                                         \
	{                                                                                          \
		.console = -1, .pidfd = -1                                                         \
	}
/*
 * Connects to those that are given (NULL: none). What does not go together is ERR_USAGE: a terminal
 * in the background that nobody gets, a socket for a terminal that there is not.
 */
int oci_listeners_open(struct oci_listeners *l, const char *console, const char *pidfd,
		       bool terminal, bool background, struct err *e);
/* Sends the terminal, which then is x's no more, and the pidfd: by SCM_RIGHTS, with a text that says
 * what it is. */
int oci_listeners_tell(struct oci_listeners *l, struct executor *x, struct err *e);
void oci_listeners_close(struct oci_listeners *l);
OWNED_STRUCT(oci_listeners, struct oci_listeners, oci_listeners_close)

/* The number, without a newline, in a file that appears whole. */
int oci_pid_file(const char *path, pid_t pid, struct err *e);
/* What executor_args.user has to be so that HOME is looked up in the container; NULL where it has
 * one. Newly allocated. */
char *oci_user_for_home(const struct oci_process *p);

#endif
