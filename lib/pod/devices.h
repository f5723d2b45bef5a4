/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices.h - the host's devices, for privileged containers. */
#ifndef CADDIS_POD_DEVICES_H
#define CADDIS_POD_DEVICES_H

#include "spec/oci.h"

/* Adds every character and block device below /dev, but for what a container has of its own (pts,
 * shm, console, ...). */
void devices_of_host(struct oci_spec *spec);

#endif
