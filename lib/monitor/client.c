/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/client.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/own.h"

/*
 * Not here: SIGTSTP, SIGTTIN, SIGTTOU stop the command, as the user's shell expects; what crashes
 * is ours; SIGWINCH and SIGCONT are added for a terminal.
 */
static const int passed_on[] = { SIGHUP,    SIGINT,  SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
				 SIGVTALRM, SIGPROF, SIGALRM, SIGIO,   SIGPWR };
/* These end us where no code of ours runs any more but a handler. */
static const int fatal[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGXCPU };

/* For that handler, which has no argument. */
static struct {
	struct termios saved;
	struct sigaction old[ARRAY_LEN(fatal)];
} emergency;

void quiet_signals_open(struct quiet_signals *q)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(SIGCHLD, &dfl, &q->chld);
	sigaction(SIGPIPE, &ignore, &q->pipe);
	sigaction(SIGXFSZ, &ignore, &q->xfsz);
}

void quiet_signals_close(const struct quiet_signals *q)
{
	sigaction(SIGPIPE, &q->pipe, NULL);
	sigaction(SIGXFSZ, &q->xfsz, NULL);
	sigaction(SIGCHLD, &q->chld, NULL);
}

static void restore_and_die(int sig)
{
	tcsetattr(0, TCSANOW, &emergency.saved);
	raise(sig); /* SA_RESETHAND: now it kills */
}

static void emergency_on(const struct termios *saved)
{
	struct sigaction act = { .sa_handler = restore_and_die,
				 .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

	emergency.saved = *saved;
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		sigaction(fatal[i], &act, &emergency.old[i]);
}

static void emergency_off(void)
{
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		sigaction(fatal[i], &emergency.old[i], NULL);
}

static void go_raw(const struct client *c)
{
	struct termios raw = c->saved;

	cfmakeraw(&raw);
	tcsetattr(0, TCSANOW, &raw);
}

static void pass_size(const struct client *c)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size) < 0)
		return;
	if (c->console >= 0)
		(void)ioctl(c->console, TIOCSWINSZ, &size);
	if (c->on_size)
		c->on_size(c->ctx, &size);
}

static bool is_ignored(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
	       now.sa_handler == SIG_IGN;
}

static void signals_wanted(sigset_t *set, bool tty)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_LEN(passed_on); i++)
		if (!is_ignored(passed_on[i]))
			sigaddset(set, passed_on[i]);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		sigaddset(set, sig);
	if (tty) {
		sigaddset(set, SIGWINCH);
		sigaddset(set, SIGCONT);
	}
}

void client_terminal_size(struct oci_box *size)
{
	struct winsize ws;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		*size = (struct oci_box){ .height = ws.ws_row, .width = ws.ws_col };
}

int client_open(struct client *c, bool tty, int console, struct err *e)
{
	sigset_t set;

	c->open = c->tty = false;
	c->sigfd = c->console = -1;
	if (tty && tcgetattr(0, &c->saved) < 0)
		return err_sys(e, "standard input is no terminal");
	signals_wanted(&set, tty);
	c->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->sigfd < 0)
		return err_sys(e, "create a signalfd");
	sigprocmask(SIG_BLOCK, &set, &c->old_mask);
	c->open = true;
	c->console = console;
	if (tty) {
		c->tty = true;
		emergency_on(&c->saved);
		go_raw(c);
		pass_size(c);
	}
	return 0;
}

void client_close(struct client *c)
{
	struct signalfd_siginfo si;

	if (!c->open)
		return;
	if (c->tty) {
		sigset_t ttou;

		/* Where we are in the background by now, this would stop us; blocked, it is let
		 * through. */
		sigemptyset(&ttou);
		sigaddset(&ttou, SIGTTOU);
		sigprocmask(SIG_BLOCK, &ttou, NULL);
		tcsetattr(0, TCSANOW, &c->saved);
		emergency_off();
	}
	while (read(c->sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		; /* they were meant for the process, which is gone */
	close(c->sigfd);
	sigprocmask(SIG_SETMASK, &c->old_mask, NULL);
	*c = (struct client)CLIENT_INIT;
}

int client_signal(struct client *c)
{
	struct signalfd_siginfo si;

	while (read(c->sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (c->tty && si.ssi_signo == SIGCONT)
			go_raw(c); /* the shell had the terminal in between */
		if (c->tty && (si.ssi_signo == SIGCONT || si.ssi_signo == SIGWINCH))
			pass_size(c);
		else
			return (int)si.ssi_signo;
	}
	return 0;
}

/* "ctrl-p" or "p"; its length, or 0. */
static size_t parse_key(const char *s, unsigned char *key)
{
	if (strncmp(s, "ctrl-", 5) == 0 && s[5]) {
		unsigned char c = (unsigned char)s[5];

		if (c >= 'a' && c <= 'z')
			c = (unsigned char)(c - 'a' + 'A');
		if (c < '@' || c > '_')
			return 0;
		*key = c - '@';
		return 6;
	}
	*key = (unsigned char)*s;
	return *s && *s != ',' ? 1 : 0;
}

int detach_parse(const char *s, struct detach *d, struct err *e)
{
	*d = (struct detach){ 0 };
	if (!s || !*s)
		return 0;
	for (const char *p = s;;) {
		size_t n = d->n < DETACH_MAX ? parse_key(p, &d->keys[d->n]) : 0;

		if (n == 0 || (p[n] && p[n] != ','))
			return err_set(e, ERR_USAGE,
				       "--detach-keys: invalid keys \"%s\": want up to %d of a "
				       "character or "
				       "ctrl- and a letter or one of @[\\]^_, separated by commas",
				       s, DETACH_MAX);
		d->n++;
		p += n;
		if (!*p)
			return 0;
		p++;
	}
}

int detach_keys_check(const char *s, struct err *e)
{
	struct detach ignored;

	return detach_parse(s, &ignored, e);
}

bool detach_filter(struct detach *d, const char *in, size_t n, char *out, size_t *len)
{
	char *o = out;

	for (size_t i = 0; i < n; i++) {
		/* Keys that can no longer be: give out from the front until the rest may be the
		 * beginning again. */
		while (d->matched > 0 && (unsigned char)in[i] != d->keys[d->matched]) {
			size_t rest = d->matched - 1;

			while (memcmp(d->keys, d->keys + d->matched - rest, rest) != 0)
				rest--;
			o = mempcpy(o, d->keys, d->matched - rest);
			d->matched = rest;
		}
		if (d->n == 0 || (unsigned char)in[i] != d->keys[d->matched])
			*o++ = in[i];
		else if (++d->matched == d->n) {
			*len = (size_t)(o - out);
			d->matched = 0;
			return true;
		}
	}
	if (n == 0) {
		o = mempcpy(o, d->keys, d->matched);
		d->matched = 0;
	}
	*len = (size_t)(o - out);
	return false;
}
