/* SPDX-License-Identifier: GPL-2.0-or-later */
/* restart.h - --restart: whether a container is started again, and when. */
#ifndef CADDIS_POD_RESTART_H
#define CADDIS_POD_RESTART_H

#include "pod/start.h"

/* By its policy, as its record says now, its exit code, and whether a user has stopped it. */
bool restart_wanted(const struct container *c, int code);
/*
 * Waits before the next start: 100 ms, doubled up to a minute, from the beginning again after a run of 10 s (Docker's
 * numbers). Serves who is attached meanwhile. false: somebody asked to stop.
 */
bool restart_pause(struct starting *st, int64_t *delay);

#endif
