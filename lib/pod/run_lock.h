/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run_lock.h - STATE/containers/<id>/run: held by the monitor or the foreground command for as long
 * as its container runs; its holder alone writes the container's status meanwhile.
 */
#ifndef CADDIS_POD_RUN_LOCK_H
#define CADDIS_POD_RUN_LOCK_H

#include "store/store.h"

int run_lock_take(struct store *s, int run_dir, const char *id,
		  struct err *e); /* the fd; ERR_STATE when held */
bool run_lock_held(struct store *s, const char *id);
/*
 * "Do not start it again": a file "stop" beside the lock, and a knock at the control socket for a monitor
 * that waits between two runs.
 */
void run_stop_ask(struct store *s, const char *id);
bool run_stop_asked(int run_dir);
void run_stop_clear(int run_dir);
/* Waits until nobody holds it; timeout_ns -1: for ever. ERR_BUSY. */
int run_lock_wait(struct store *s, const char *id, int64_t timeout_ns, struct err *e);

#endif
