/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socket.h - what an engine is told about a process: by sockets it listens at, and pid files. */
#ifndef CADDIS_OCI_SOCKET_H
#define CADDIS_OCI_SOCKET_H

#include "spec/oci.h"

/* Connects to a stream socket of the file system. */
int oci_socket_connect(const char *path, struct err *e);
/* A descriptor by SCM_RIGHTS, with a text that says what it is. */
int oci_socket_give(int sock, const char *text, int fd, struct err *e);
/* The number, without a newline, in a file that appears whole. */
int oci_pid_file(const char *path, pid_t pid, struct err *e);
/* What executor_args.user has to be so that HOME is looked up in the container; NULL where it has
 * one. Newly allocated. */
char *oci_user_for_home(const struct oci_process *p);

#endif
