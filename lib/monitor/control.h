/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - the socket by which other commands attach to a process that a monitor watches: many at once, each
 * at its own speed. The monitor never waits for any of them.
 *
 * SOCK_SEQPACKET, "control" in the container's run directory (0700, root's alone), or one end of a socketpair
 * for the command that started the monitor. The first byte of a packet says what it is.
 */
#ifndef CADDIS_MONITOR_CONTROL_H
#define CADDIS_MONITOR_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "base/proc.h"
#include "monitor/ctr_log.h"
#include "monitor/endpoint.h"
#include "monitor/loop.h"

struct exit_status;

/* From a client. */
#define CONTROL_INPUT 'I'  /* bytes for standard input, or typed at the terminal */
#define CONTROL_EOF 'E'	   /* no more of them */
#define CONTROL_SIZE 'W'   /* struct control_size */
#define CONTROL_HANGUP 'U' /* its terminal is gone: so is the process's */
#define CONTROL_LEAVE 'D'  /* detached; an owner that goes without it takes the process along */
#define CONTROL_REOPEN 'R' /* the log was moved: open it anew; answered by the same, and why not (nothing: done) */
/* From the monitor. */
#define CONTROL_PROCESS 'P' /* struct proc_id: whom to signal; first, and again after a restart */
#define CONTROL_STDOUT '1'  /* bytes */
#define CONTROL_STDERR '2'
#define CONTROL_LOST 'L' /* uint64_t: so many bytes of output were dropped, for this client alone */
#define CONTROL_EXIT 'X' /* struct control_exit; the last one */

#define CONTROL_PACKET (64 * 1024 + 16) /* bytes of content at most: a read, and what detach keys held back */
/* What a client may lie behind before it loses output. */
#define CONTROL_BACKLOG (4 * 1024 * 1024)
#define CONTROL_CLIENTS 256

struct control_size {
	uint16_t rows, columns;
};
struct control_exit {
	int32_t code, signal;
	uint8_t known, timed_out;
};

struct control_client;
struct control {
	struct handler listen; /* fd -1: no socket in the file system */
	struct loop *loop;     /* while somebody serves it */
	struct control_client *clients, *gone;
	size_t nclients;
	struct proc_id process;
	/* Where input goes; set by the monitor. to.kind ENDPOINT_NONE: it is thrown away. */
	struct endpoint to;
	struct handler to_ready;
	bool once; /* the first client that gives input closes it in the end */
	char *buf; /* of input, made at first use */
	size_t off, len;
	bool mid_line;
	struct control_hooks {
		void (*end_input)(void *ctx); /* close standard input, or type its end */
		void (*resize)(void *ctx, const struct control_size *size);
		void (*hang_up)(void *ctx);
		void (*owner_left)(void *ctx);
		int (*reopen_log)(void *ctx, struct err *e);
	} hooks;
	void *ctx;
};
#define CONTROL_NONE                                                                               \
	{                                                                                          \
		.listen = { .fd = -1 }, .to = ENDPOINT_INIT, .to_ready = { .fd = -1 }              \
	}

/* Makes and binds the socket in run_dir, replacing one that a dead monitor left. */
int control_open(struct control *c, int run_dir, struct err *e);
/* The first client, by one end of a socketpair (taken over). */
void control_adopt(struct control *c, int fd, bool owner);
/* Serves it in loop from here on; input goes to fd (borrowed, non-blocking; -1: nowhere). */
int control_attach(struct control *c, struct loop *l, int input, struct err *e);
/* Not any more; clients stay connected. */
void control_detach(struct control *c);
/* Nobody takes input any more. */
void control_no_input(struct control *c);
/* To every client, as far as it keeps up. */
void control_output(struct control *c, enum ctr_log_stream s, const char *p, size_t n);
/* To every client: the process is this one now. */
void control_process(struct control *c, const struct proc_id *id);
/* Nothing has happened for a while: gives memory back. */
void control_idle(struct control *c);
/* After a turn of the loop: frees clients that have gone. */
void control_reap(struct control *c);
/* Tells every client how it ended (NULL: nothing to tell) and closes all. run_dir as in control_open(), or -1. */
void control_close(struct control *c, int run_dir, const struct exit_status *st);

/* The client's side: asks for CONTROL_REOPEN at a connected socket and waits for the answer. */
int control_reopen(int sock, struct err *e);
/* A connected socket, or -1 with *e (ERR_STATE: nobody is there). */
int control_connect(int run_dir, struct err *e);

#endif
