/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bundle.h - a bundle's config.json, made ready for the executor. */
#ifndef CADDIS_OCI_BUNDLE_H
#define CADDIS_OCI_BUNDLE_H

#include "oci/home.h"
#include "spec/oci.h"

struct oci_bundle {
	char *path; /* absolute, without symbolic links */
	int config; /* config.json */
	struct oci_spec spec;
	struct strv warnings;
};
#define OCI_BUNDLE_NONE                                                                            \
	{                                                                                          \
		.config = -1                                                                       \
	}
/*
 * Makes the bundle the current directory and reads its config.json. dir NULL: the current one is
 * it. config NULL: config.json.
 */
int oci_bundle_open(const char *dir, const char *config, struct oci_bundle *out, struct err *e);
void oci_bundle_close(struct oci_bundle *b);
OWNED_STRUCT(oci_bundle, struct oci_bundle, oci_bundle_close)
/* A copy of config.json in the directory dir. */
int oci_bundle_copy(const struct oci_bundle *b, int dir, struct err *e);

/*
 * What a runtime adds to what the spec says: nothing but the devices that the spec allows, and
 * those that every container has (config-linux.md#default-devices), are to be used.
 */
void oci_add_devices(struct oci_spec *s);
/* linux.cgroupsPath: below each hierarchy's root, also where it is relative; /caddis-oci-ID where
 * there is none. Newly allocated. */
char *oci_cgroup_path(const struct oci_spec *s, const char *id, struct err *e);

#endif
