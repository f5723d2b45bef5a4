/* SPDX-License-Identifier: GPL-2.0-or-later */
/* charge.h - work of ours that a sandbox pays for. */
#ifndef CADDIS_POD_CHARGE_H
#define CADDIS_POD_CHARGE_H

#include "store/store.h"

/*
 * Runs fn in a child process whose CPU time, memory and files in the page cache count with the
 * sandbox of that name or ID: in a cgroup of its own below the sandbox's, gone afterwards. The
 * child ends with fn's result; *status is that, as a shell says it. Before any thread is started.
 * The child dies with us.
 */
int pod_charge(struct store *s, const char *sandbox, int (*fn)(void *ctx), void *ctx, int *status,
	       struct err *e);

#endif
