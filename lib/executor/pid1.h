/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pid1.h - the tiny program that is the first process of a pid namespace; see gen/pid1.c. */
#ifndef CADDIS_EXECUTOR_PID1_H
#define CADDIS_EXECUTOR_PID1_H

#include "base/err.h"

/* A sealed memory file that holds it, to be executed by its fd. */
int pid1_open(struct err *e);

#endif
