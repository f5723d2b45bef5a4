/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sync.h - what parent and child say to each other: packets of one type, one meaning each. An error
 * in the child travels whole. EOF after SYNC_GO: execve() worked, for the socket is close-on-exec;
 * at any other step it means that the child died.
 */
#ifndef CADDIS_EXECUTOR_SYNC_H
#define CADDIS_EXECUTOR_SYNC_H

#include "base/err.h"

enum sync_step {
	SYNC_FAILED = 1, /* child: it gives up; the error is in the packet */
	SYNC_MAP_ME,	 /* child: in its user namespace, waits for the id maps */
	SYNC_MAPPED,	 /* parent: they are written */
	SYNC_BORN,	 /* child: its sibling, whose pidfd is attached, goes on in its place */
	SYNC_CONSOLE,	 /* child: the terminal's master is attached */
	SYNC_TIME,	 /* child: it waits for the offsets of its new time namespace */
	SYNC_NET,	 /* child: in its network namespace, waits for devices of the parent's */
	SYNC_HOOKS,	 /* child: all is mounted; it waits for the hooks of the parent's side */
	SYNC_DONE,	 /* parent: what it waited for is done */
	SYNC_READY,	 /* child: all is built, only execve() is left */
	SYNC_WAIT,	 /* parent: it ends; SYNC_GO will come to the socket that is attached */
	SYNC_GO,	 /* parent: do it; where a socket is attached, that one gets the error */
};
struct sync_msg {
	enum sync_step step;
	struct err err;
};

int sync_send(int sock, enum sync_step step, int fd, struct err *e); /* fd -1: none */
/*
 * Waits for a packet: 1 with *step (and *fd where one came, else -1), 0 at EOF, -1 with *e: trouble
 * of ours, or SYNC_FAILED, whose error is then *e.
 */
int sync_recv(int sock, enum sync_step *step, int *fd, struct err *e);
/* 0 when the next packet is want; EOF is an error. */
int sync_expect(int sock, enum sync_step want, struct err *e);
_Noreturn void sync_die(int sock, const struct err *e); /* child only: says so, then ends */

#endif
