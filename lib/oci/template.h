/* SPDX-License-Identifier: GPL-2.0-or-later */
/* template.h - a config.json to begin with: that of runc, member for member. */
#ifndef CADDIS_OCI_TEMPLATE_H
#define CADDIS_OCI_TEMPLATE_H

#include "spec/oci.h"

/* rootless: with a user namespace in which our user is root, and nothing that needs more. */
void oci_template(bool rootless, struct oci_spec *out);

#endif
