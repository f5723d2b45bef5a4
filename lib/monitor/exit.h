/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exit.h - how a process ended. */
#ifndef CADDIS_MONITOR_EXIT_H
#define CADDIS_MONITOR_EXIT_H

#include "monitor/monitor.h"

/* pidfd says that it has ended: reaps it when it is our child, else asks the kernel. */
void exit_collect(int pidfd, struct exit_status *st);

#endif
