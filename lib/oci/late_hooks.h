/* SPDX-License-Identifier: GPL-2.0-or-later */
/* late_hooks.h - the hooks that are not the executor's: poststart, poststop (executor/hooks.h). */
#ifndef CADDIS_OCI_LATE_HOOKS_H
#define CADDIS_OCI_LATE_HOOKS_H

#include "oci/home.h"
#include "spec/oci.h"

/* runtime.md#lifecycle, step 9: the first that fails is an error, and the container is to end. */
int oci_poststart(const struct oci_entry *x, const struct oci_spec *s, struct err *e);
/* Step 13, once all is removed: all of them run, and those that fail are a warning. */
void oci_poststop(struct oci_home *h, const char *id, const char *bundle, const struct oci_spec *s);

#endif
