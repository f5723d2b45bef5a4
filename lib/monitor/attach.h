/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach.h - the client's side of control.h: our own 0, 1, 2 and terminal at a process that a monitor watches. */
#ifndef CADDIS_MONITOR_ATTACH_H
#define CADDIS_MONITOR_ATTACH_H

#include "monitor/monitor.h"

struct attach_args {
	int sock;
	bool stdin_;		 /* forward fd 0 */
	bool tty;		 /* fd 0 is a terminal, and the process has one: raw, window size */
	const char *detach_keys; /* with tty; NULL or "": none */
	bool sig_proxy;		 /* signals go to the process; else SIGINT and its kin end us alone */
	bool foreground;	 /* it is ours: a hang-up of our terminal is one for it */
};
enum attach_end {
	ATTACH_EXITED,	 /* *out says how */
	ATTACH_DETACHED, /* by the keys, or by a signal: out->signal */
	ATTACH_LOST,	 /* the monitor is gone; the process may live */
};
/* Restores everything on every way out. Output that was dropped because we were too slow is told on stderr. */
int attach_run(const struct attach_args *a, struct exit_status *out, enum attach_end *how,
	       struct err *e);

#endif
