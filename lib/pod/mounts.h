/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mounts.h - the mounts of a container's configuration, for its OCI spec. */
#ifndef CADDIS_POD_MOUNTS_H
#define CADDIS_POD_MOUNTS_H

#include "spec/cri.h"
#include "spec/oci.h"

bool mount_is_image(const struct cri_mount *m);
int mounts_of_cri(const struct cri_container_config *c, struct oci_spec *spec, struct err *e);

#endif
