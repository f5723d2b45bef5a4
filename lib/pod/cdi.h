/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cdi.h - devices by CDI's names: what their vendors' files say goes into a container's OCI spec. */
#ifndef CADDIS_POD_CDI_H
#define CADDIS_POD_CDI_H

#include "spec/cri.h"
#include "spec/oci.h"

/*
 * All devices of c->cdi_devices, each once. dirs: where the files are, .json and .yaml; none: /etc/cdi
 * and /var/run/cdi. A later directory wins; two files of one directory that have the same device are an
 * error, and so is a device that no file has. A file that cannot be read is an error when a device is
 * not found in the others.
 */
int cdi_apply(const struct strv *dirs, const struct cri_container_config *c, struct oci_spec *spec,
	      struct err *e);

#endif
