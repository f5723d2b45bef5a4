/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layer_acl.h - a POSIX ACL as libarchive tells it, in the form of the kernel's xattr. */
#ifndef CADDIS_IMAGE_LAYER_ACL_H
#define CADDIS_IMAGE_LAYER_ACL_H

#include <stdint.h>

#include "base/str.h"

#define ACL_MAX 1024 /* entries; ext4 and xfs hold fewer */
struct acl {
	struct acl_item {
		uint16_t tag, perm;
		uint32_t id;
	} v[ACL_MAX];
	size_t n;
};
/* tag, permset: ARCHIVE_ENTRY_ACL_*. An entry that has a name but no number is an error. */
int acl_add(struct acl *a, int tag, int permset, int id, const char *name, struct err *e);
void acl_print(struct acl *a, struct buf *out); /* sorted, as the kernel demands */

#endif
