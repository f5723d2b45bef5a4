/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top.h - the processes of a cgroup as a table (ctr_top.c). */
#ifndef CADDIS_CMD_TOP_H
#define CADDIS_CMD_TOP_H

#include "table.h"

int top_print(const struct list_args *a, const char *cgroup, struct err *e);

#endif
