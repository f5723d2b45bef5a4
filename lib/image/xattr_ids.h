/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xattr_ids.h - xattrs whose values name users: file capabilities (since Linux 4.14 those of a user
 * namespace name its root) and POSIX ACLs, between the host's ids and those in a user namespace.
 */
#ifndef CADDIS_IMAGE_XATTR_IDS_H
#define CADDIS_IMAGE_XATTR_IDS_H

#include <stdbool.h>

#include "base/str.h"
#include "spec/oci.h"

/* The maps of a user namespace; uids NULL: none, ids are the same everywhere. */
struct ids {
	const struct objlist *uids, *gids; /* struct oci_id_mapping */
};
/*
 * The value becomes what it is inside, or on the host. False: that cannot be said (it names
 * somebody who is not there), the file must go without the xattr. Values that do not parse, and
 * xattrs of other names, stay as they are.
 */
bool xattr_ids_inside(const struct ids *ids, const char *name, struct buf *value);
bool xattr_ids_to_host(const struct ids *ids, const char *name, struct buf *value);

#endif
