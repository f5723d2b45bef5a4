/* SPDX-License-Identifier: GPL-2.0-or-later */
/* features.h - what is understood of config.json, whatever this host can do of it.
 * https://github.com/opencontainers/runtime-spec/blob/v1.3.0/features.md */
#ifndef CADDIS_OCI_FEATURES_H
#define CADDIS_OCI_FEATURES_H

struct json_object;
struct json_object *oci_features(void); /* the caller's */

#endif
