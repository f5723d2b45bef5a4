/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices.h - the host's devices that a container gets. */
#ifndef CADDIS_POD_DEVICES_H
#define CADDIS_POD_DEVICES_H

#include "spec/cri.h"
#include "spec/oci.h"

/* Adds every character and block device below /dev, but for what a container has of its own (pts,
 * shm, console, ...). */
void devices_of_host(struct oci_spec *spec);
/* Adds the devices of a container's configuration, and the rules that allow them. In a user
 * namespace, where nobody makes nodes, the host's own are mounted. */
int devices_of_cri(const struct cri_container_config *c, struct oci_spec *spec, struct err *e);

#endif
