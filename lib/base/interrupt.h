/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupt.h - signals that end a program wait until what is half made was taken back; then they
 * end it. For work that staging (store/store.h) cannot hold, because it is outside of the store.
 */
#ifndef CADDIS_BASE_INTERRUPT_H
#define CADDIS_BASE_INTERRUPT_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"

struct interrupt {
	sigset_t caught, old;
	pthread_t thread;
	bool running;
	volatile bool ended; /* the work is done, in time */
	void (*undo)(void *ctx); /* called in a thread of its own; the work may be anywhere */
	void *ctx;
};
/* SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR2. In this thread, and those that it starts from now on,
 * they are blocked. */
int interrupt_begin(struct interrupt *i, void (*undo)(void *ctx), void *ctx, struct err *e);
/* The work is done: they end the program at once again. A zeroed one is fine. */
void interrupt_end(struct interrupt *i);
OWNED_STRUCT(interrupt, struct interrupt, interrupt_end)

#endif
