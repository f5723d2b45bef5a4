/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec.h - a further process in a container. */
#ifndef CADDIS_OCI_EXEC_H
#define CADDIS_OCI_EXEC_H

#include "monitor/monitor.h"
#include "oci/home.h"
#include "spec/oci.h"

struct oci_exec_args {
	const char *id;
	/* A file with all of the process as in config.json; else the container's own process, with
	 * what follows in its place. NULL, 0, empty: as it is there. */
	const char *process_file;
	struct strv args;
	struct strv env; /* added */
	const char *cwd;
	const char *user; /* "UID[:GID]", or names of the container's files */
	struct intlist groups;
	const struct strv *caps; /* added to all sets but the inheritable one */
	const char *apparmor, *label;
	bool no_new_privs;
	bool terminal;

	const char *cgroup;  /* below the container's own; NULL: that one */
	bool detach;	     /* returns when it runs */
	bool ignore_paused;  /* it starts when the container goes on */
	const char *pid_file, *console_socket, *pidfd_socket; /* as in struct oci_create_args */
	unsigned preserve;
};
int oci_exec(struct oci_home *h, const struct oci_exec_args *a, struct exit_status *out,
	     struct err *e);

#endif
