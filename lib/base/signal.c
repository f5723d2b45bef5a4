/* SPDX-License-Identifier: GPL-2.0-or-later */
/* signal.c - the names of signals. */
#include "base/proc.h"

#include <signal.h>
#include <strings.h>

#include "base/str.h"

/* Linux' last one. SIGRTMIN is 34 as in glibc and Docker; musl's 35 would shift every name. */
#define SIGNAL_MAX 64
#define RT_MIN 34

// clang-format off
static const char *const names[SIGNAL_MAX + 1] = {
	[SIGHUP] = "SIGHUP", [SIGINT] = "SIGINT", [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
	[SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE",
	[SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
	[SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT",
	[SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP", [SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU",
	[SIGURG] = "SIGURG", [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ",
	[SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
	[SIGIO] = "SIGIO", [SIGPWR] = "SIGPWR", [SIGSYS] = "SIGSYS",
	[RT_MIN] = "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4",
	"SIGRTMIN+5", "SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10",
	"SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14",
	"SIGRTMAX-13", "SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8",
	"SIGRTMAX-7", "SIGRTMAX-6", "SIGRTMAX-5", "SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2",
	"SIGRTMAX-1", "SIGRTMAX",
};
static const struct {
	const char *name;
	int sig;
} aliases[] = { { "IOT", SIGABRT }, { "CLD", SIGCHLD }, { "POLL", SIGIO } };
// clang-format on

_Static_assert(ARRAY_LEN(names) == SIGNAL_MAX + 1, "the real-time signals fill the table's end");

/* "RTMIN+3", "RTMAX-20": any distance that stays among the real-time signals. */
static int parse_real_time(const char *s)
{
	bool from_min = strncasecmp(s, "RTMIN+", 6) == 0;
	int64_t n;

	if (!from_min && strncasecmp(s, "RTMAX-", 6) != 0)
		return -1;
	if (str_to_i64(s + 6, 0, SIGNAL_MAX - RT_MIN, &n) < 0)
		return -1;
	return from_min ? RT_MIN + (int)n : SIGNAL_MAX - (int)n;
}

int signal_parse(const char *s)
{
	int64_t n;

	if (str_to_i64(s, 1, SIGNAL_MAX, &n) == 0)
		return (int)n;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (int sig = 1; sig <= SIGNAL_MAX; sig++) {
		if (names[sig] && strcasecmp(s, names[sig] + 3) == 0)
			return sig;
	}
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (strcasecmp(s, aliases[i].name) == 0)
			return aliases[i].sig;
	}
	return parse_real_time(s);
}

const char *signal_name(int sig)
{
	return sig > 0 && sig <= SIGNAL_MAX ? names[sig] : NULL;
}
