/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resources.h - CRI's resources as the OCI runtime spec says them. */
#ifndef CADDIS_POD_RESOURCES_H
#define CADDIS_POD_RESOURCES_H

#include "spec/cri.h"
#include "spec/oci.h"

/* r may be NULL. Only what is set is set in out (which is the caller's, fields_free()d by it). */
void resources_of_cri(const struct cri_resources *r, struct oci_resources *out);
/* A sandbox's, with its overhead added to what is limited; both may be NULL. */
void resources_of_sandbox(const struct cri_resources *r, const struct cri_resources *overhead,
			  struct oci_resources *out);

#endif
