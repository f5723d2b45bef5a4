/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cdi.h - a file of the Container Device Interface, 0.3.0 to 1.0.0: what a container that is to have
 * a vendor's device needs. https://github.com/cncf-tags/container-device-interface/blob/v1.0.0/SPEC.md
 *
 * Read with fields_read_file(&cdi_spec_table, ...), then cdi_spec_check(). An unknown member is an
 * error: what is left out would be missed in the container.
 */
#ifndef CADDIS_SPEC_CDI_H
#define CADDIS_SPEC_CDI_H

#include "spec/field.h"

struct cdi_device_node {
	char *path, *host_path; /* in the container; NULL: the same */
	char *type;		/* b, c, u; NULL: as the host's */
	int64_t major, minor;
	struct optint file_mode, uid, gid;
	char *permissions; /* of "rwm"; NULL: all */
};

struct cdi_mount {
	char *host_path, *container_path, *type;
	struct strv options;
};

struct cdi_hook {
	char *hook_name, *path;
	struct strv args, env;
	struct optint timeout; /* seconds */
};

struct cdi_rdt {
	char *clos_id, *l3_cache_schema, *mem_bw_schema;
	bool enable_cmt, enable_mbm;
};

struct cdi_edits {
	struct strv env;
	struct objlist device_nodes, mounts, hooks;
	struct cdi_rdt *intel_rdt;
	struct intlist additional_gids;
};

struct cdi_device {
	char *name;
	struct strmap annotations;
	struct cdi_edits edits;
};

struct cdi_spec {
	char *version, *kind; /* "vendor.com/class" */
	struct strmap annotations;
	struct objlist devices; /* struct cdi_device */
	struct cdi_edits edits; /* for whoever has one of them, once */
};
extern const struct field_table cdi_spec_table;

/* "vendor.com/class=name": where the '=' is; NULL: it is no such name. */
const char *cdi_name_split(const char *name);
/* Version, kind, names, no name twice; what names the file in errors. */
int cdi_spec_check(const char *what, const struct cdi_spec *s, struct err *e);
void cdi_spec_free(struct cdi_spec *s);

#endif
