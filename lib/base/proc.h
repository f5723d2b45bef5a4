/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proc.h - processes: pidfds, identity across pid reuse and reboots, clean forks. */
#ifndef CADDIS_BASE_PROC_H
#define CADDIS_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* A process, for ever: a pid alone may be somebody else by now. */
struct proc_id {
	pid_t pid;	/* in our pid namespace; 0: none */
	uint64_t start; /* clock ticks after boot: field 22 of /proc/PID/stat */
};

int proc_pidfd_open(pid_t pid);			/* O_CLOEXEC; -1 with errno */
int proc_pidfd_signal(int pidfd, int sig);	/* -1 with errno */
int proc_start_time(pid_t pid, uint64_t *out);	/* -1 with errno */
int proc_id_of(pid_t pid, struct proc_id *out); /* -1 with errno */
/* A pidfd for exactly that process, or -1 with errno (ESRCH: gone, or the pid is another's). */
int proc_open(const struct proc_id *id);
bool proc_alive(const struct proc_id *id); /* false for a zombie too */
/* Waits for the child; the exit code as a shell says it: 0-255, 128 + signal. -1 with errno. */
int proc_wait(pid_t pid);
/* The text of /proc/sys/kernel/random/boot_id, 36 characters, cached. NULL with *e. */
const char *proc_boot_id(struct err *e);
/* Signal by name ("TERM", "SIGTERM", "sigterm", "RTMIN+3") or number; -1 if there is none such. */
int signal_parse(const char *s);
const char *signal_name(int sig); /* "SIGTERM"; NULL for none such */

#endif
