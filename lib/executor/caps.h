/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caps.h - capability sets of the process to be, by the raw system calls: nothing is linked or
 * loaded for it. */
#ifndef CADDIS_EXECUTOR_CAPS_H
#define CADDIS_EXECUTOR_CAPS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "spec/cap_name.h"
#include "spec/oci.h"

struct caps {
	uint64_t bounding, effective, permitted, inheritable, ambient; /* bit N: capability N */
};
/* NULL gives empty sets. An unknown name is an error; one that this kernel lacks is left out. */
int caps_read(const struct oci_caps *in, struct caps *out, struct err *e);
/* Before the change of user: drops the bounding set; keeps the rest over the change. */
int caps_bound(const struct caps *c, struct err *e);
/*
 * After the change of user: permitted and effective as asked for root; others get none but what
 * they are to hold as ambient. Inheritable is what is asked for, with the ambient ones (the kernel
 * demands that).
 */
int caps_apply(const struct caps *c, uid_t uid, struct err *e);

#endif
