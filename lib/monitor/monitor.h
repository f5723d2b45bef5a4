/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor.h - what stays beside a running process: relays its streams or its terminal, writes its log,
 * forwards signals, and learns how it ended. One epoll loop with one handler per fd.
 *
 * A foreground run or exec calls monitor_run() in the command itself; a detached container's monitor is
 * a process of its own (monitor_fork) that calls the same function without client.
 */
#ifndef CADDIS_MONITOR_MONITOR_H
#define CADDIS_MONITOR_MONITOR_H

#include <stdbool.h>

#include "base/err.h"
#include "executor/executor.h"

/* The ends of the process's standard streams: child's side for executor_args.stdio, our side for the loop. */
struct streams {
	int child[3]; /* given to the process; close after executor_create() */
	int in, out, err; /* ours: write end of stdin (-1: not forwarded), read ends of stdout and stderr */
};
#define STREAMS_NONE { .child = { -1, -1, -1 }, .in = -1, .out = -1, .err = -1 }
/* Pipes for a foreground process; with_stdin false: the child reads /dev/null. */
int streams_pipes(bool with_stdin, struct streams *out, struct err *e);
/*
 * FIFOs "stdout", "stderr" (and "stdin" with with_stdin) in the run directory, for a detached container: opened
 * read-write on our side too, so that the container gets no SIGPIPE or EOF if the monitor dies, and a
 * later monitor can open them again.
 */
enum streams_stdin {
	STREAMS_NO_STDIN,
	STREAMS_STDIN,	    /* stays open, whoever gives it */
	STREAMS_STDIN_ONCE, /* the container's side only reads it: it ends when we close ours, or die */
};
int streams_fifos(int run_dir, enum streams_stdin in, struct streams *out, struct err *e);
void streams_close_child(struct streams *s);
void streams_close(struct streams *s);
OWNED_STRUCT(streams, struct streams, streams_close)

/* The CRI log: "2026-11-23T10:11:12.123456789Z stdout F line". See ctr_log.h. */
struct ctr_log;

struct monitor_args {
	struct executor *x;      /* started, or created: then start is called inside, streams already flowing */
	struct streams *streams; /* ours side used; NULL with a terminal (x->console) */
	struct ctr_log *log;     /* NULL: no log */
	bool client;             /* relay to and from our own 0, 1, 2 */
	bool client_stdin;       /* forward fd 0 */
	bool client_tty;         /* fd 0 is a terminal: raw mode, window size, restored on every way out */
	struct control *control; /* NULL: none; who attaches sees the output, and may give input */
	int (*reopen_log)(void *ctx, struct err *e); /* somebody who attached asks for it */
	void (*started)(void *ctx); /* start was called inside, and the process runs; may be NULL */
	void *ctx;               /* of both */
	bool control_stdin;      /* it may: the process's stdin is open */
	bool die_with_owner;     /* SIGKILL when control's owner goes without a word */
	int64_t timeout;         /* ns until all of cgroup is killed; 0: none */
	const char *timeout_cgroup;
};

struct exit_status {
	int code;        /* 0-255; 128 + signal */
	int signal;      /* 0, or what ended it */
	bool known;      /* false: the kernel could not tell; code is then 255 */
	int64_t finished; /* clock_now() */
	int output_errno; /* 0, or why our 1 or 2 took no more bytes (EPIPE is no error): say it, and fail */
	bool detached;   /* the client left by detach keys; the process lives on */
	bool timed_out;  /* monitor_args.timeout: killed for that */
};

/*
 * Runs until the process has ended and all its output that was written before was relayed (output by surviving children delays it at most 100 ms).
 *
 * What the client's streams do:
 *   - 0, 1, 2 keep their flags; they may be files, pipes, sockets or terminals. They are open (fd_open_std()).
 *   - A slow reader of 1 or 2 slows that stream, nothing else. What it has not read when the process ends is waited for, until
 *     it has, or SIGINT, SIGTERM, SIGHUP or SIGQUIT says to give up.
 *   - When nobody reads 1 or 2 any more (EPIPE), the process's stream is closed too, so that it meets SIGPIPE or EPIPE (with a
 *     terminal: a hang-up) as it would without us: "run IMAGE yes | head -n 1" ends. Another write error (a full disk) does the
 *     same and is told in out->output_errno, because bytes were lost.
 *   - End of file on 0 closes the process's stdin, once, while output goes on. With a terminal for the process but not for us
 *     (a pipe into -t) the terminal's end-of-file character is typed instead, twice after an unfinished line.
 *   - When our own terminal is gone (client_tty), the process's terminal is hung up.
 * SIGHUP, INT, QUIT, TERM, USR1, USR2, VTALRM, PROF, ALRM, IO, PWR and the real-time signals are passed on, but those that are
 * ignored at the call (nohup). The ends of *streams or x->console that are closed on the way become -1. On an error before
 * the process was started it is not started.
 */
int monitor_run(const struct monitor_args *m, struct exit_status *out, struct err *e);

/*
 * Forks a monitor: a session of its own, standard streams on /dev/null, cwd /, umask 077, small memory, nothing of the environment but
 * CADDIS_ROOT and CADDIS_STATE. fn runs in it
 * with a socket and without the fds that somebody else than caddis left open (all of ours are O_CLOEXEC); it reports readiness once by monitor_ready() or failure by monitor_failed(); then the
 * caller, in whom monitor_fork() returned only then, goes on. fn's return value is its exit status.
 */
int monitor_fork(int (*fn)(int ready_sock, void *arg), void *arg, struct err *e);
void monitor_ready(int ready_sock); /* closes it; gives back memory that only setting up needed */
void monitor_failed(int ready_sock, const struct err *e); /* closes it */

/*
 * Keeps the OOM killer away from this process, as far as it may (-999 with CAP_SYS_RESOURCE, else not above 0). What it starts
 * meanwhile inherits that. before: for monitor_unprotect(), which restores what was.
 */
#define OOM_SCORE_SIZE 8
void monitor_protect(char before[OOM_SCORE_SIZE]);
void monitor_unprotect(const char before[OOM_SCORE_SIZE]);

#endif
