/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rdt.h - linux.intelRdt: a process in a class of service of the resctrl file system. */
#ifndef CADDIS_EXECUTOR_RDT_H
#define CADDIS_EXECUTOR_RDT_H

#include <sys/types.h>

#include "base/err.h"
#include "spec/oci.h"

/* /sys/fs/resctrl; an error that says so where it is not mounted. */
int rdt_open(struct err *e);
/* Into class closID, or one of the container's own that is named by id. */
int rdt_join(int resctrl, const struct oci_intel_rdt *r, const char *id, pid_t pid, struct err *e);
/* What rdt_join() makes for id: its class, or its monitoring group in another one. Newly allocated;
 * NULL: nothing. */
char *rdt_made(const struct oci_intel_rdt *r, const char *id);
/* Once nobody is in it; one that is not there is a success. */
int rdt_remove(int resctrl, const char *made, struct err *e);

#endif
