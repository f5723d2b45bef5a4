/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices.h - the host's devices that a container gets. */
#ifndef CADDIS_POD_DEVICES_H
#define CADDIS_POD_DEVICES_H

#include "spec/cri.h"
#include "spec/oci.h"

/* Adds every character and block device below /dev, but for what a container has of its own (pts,
 * shm, console, ...). */
void devices_of_host(struct oci_spec *spec);
/*
 * Adds a device of the host, or all below a directory, and the rules that allow them. In a user
 * namespace, where nobody makes nodes, the host's own are mounted. container: its name there, NULL:
 * the same; permissions: of "rwm", NULL: all.
 */
int devices_add(const char *host, const char *container, const char *permissions,
		struct oci_spec *spec, struct err *e);
/* A node by its type and numbers, and the rule that allows it: no user namespace has such. */
void devices_add_node(const struct oci_device *node, const char *permissions,
		      struct oci_spec *spec);
/* Those of a container's configuration. */
int devices_of_cri(const struct cri_container_config *c, struct oci_spec *spec, struct err *e);

#endif
