/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.h - the user's side of a foreground process: signals to pass on, the terminal, the keys to leave.
 */
#ifndef CADDIS_MONITOR_CLIENT_H
#define CADDIS_MONITOR_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/err.h"
#include "spec/oci.h"

/*
 * Ignores what would end us while writing (SIGPIPE, SIGXFSZ), and does not ignore SIGCHLD: a caller that did would lose the
 * exit code of the process. What was set before comes back at close.
 */
struct quiet_signals {
	struct sigaction pipe, xfsz, chld;
};
void quiet_signals_open(struct quiet_signals *q);
void quiet_signals_close(const struct quiet_signals *q);

struct client {
	bool open, tty;
	int sigfd;   /* signals to handle; readable */
	int console; /* the process's terminal, or -1 */
	sigset_t old_mask;
	struct termios saved;
	/* Where there is no console: set before client_open(), told each size. */
	void (*on_size)(void *ctx, const struct winsize *size);
	void *ctx;
};
#define CLIENT_INIT { .sigfd = -1, .console = -1 }
/*
 * Blocks the signals that the process shall have and offers them at sigfd; one that is ignored (nohup) stays so.
 * With tty: fd 0 becomes raw, and console gets its size.
 */
int client_open(struct client *c, bool tty, int console, struct err *e);
/* The size of our own terminal; nothing is changed where there is none. */
void client_terminal_size(struct oci_box *size);
/* Everything as it was; signals that still wait in sigfd are dropped. A zeroed or unopened one is fine. */
void client_close(struct client *c);
/* The next signal to pass on, 0: no more for now. Deals with SIGWINCH and SIGCONT itself. */
int client_signal(struct client *c);

/* The keys that leave the process running, wherever reads cut them. */
#define DETACH_MAX 8
struct detach {
	unsigned char keys[DETACH_MAX];
	size_t n, matched;
};
/* "ctrl-p,ctrl-q", "a,ctrl-]"; NULL and "" are none. */
int detach_keys_check(const char *s, struct err *e);
int detach_parse(const char *s, struct detach *d, struct err *e);
/*
 * Copies n bytes from in to out, holding back what may be the keys' beginning; out may be up to DETACH_MAX bytes
 * before in. n 0: the end, what was held is given out. Returns true at the keys; *len is what was copied.
 */
bool detach_filter(struct detach *d, const char *in, size_t n, char *out, size_t *len);

#endif
