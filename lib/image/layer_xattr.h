/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layer_xattr.h - which xattrs of a tar a file gets. */
#ifndef CADDIS_IMAGE_LAYER_XATTR_H
#define CADDIS_IMAGE_LAYER_XATTR_H

#include <sys/stat.h>

#include "base/str.h"

enum xattr_fate {
	XATTR_SET,
	XATTR_LATER, /* a directory's default ACL: after its entries */
	XATTR_DROP,
};
enum xattr_fate xattr_fate(const char *name);
/* fd is open for a file or directory (mode), O_PATH for anything else. */
int xattr_write(int fd, mode_t mode, const char *name, const void *value, size_t n, struct err *e);

#endif
