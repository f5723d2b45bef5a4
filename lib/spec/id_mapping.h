/* SPDX-License-Identifier: GPL-2.0-or-later */
/* id_mapping.h - ids through the map of a user namespace, a list of struct oci_id_mapping. */
#ifndef CADDIS_SPEC_ID_MAPPING_H
#define CADDIS_SPEC_ID_MAPPING_H

#include "spec/oci.h"

int64_t idmap_to_host(const struct objlist *map, int64_t id); /* the id on the host; -1: none */
int64_t idmap_inside(const struct objlist *map, int64_t id);  /* the other way; -1: none */

#endif
