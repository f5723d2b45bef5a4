/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pack.h - a file system tree as a tar stream: owners, modes, times, xattrs, ACLs, capabilities,
 * hard links, devices, names of any length. The same tree always gives the same bytes.
 *
 * It stays on one mount, as tar --one-file-system does: something mounted below it is an empty
 * directory. Sockets are left out. Sparse files are written with their zeros. Options change that.
 */
#ifndef CADDIS_IMAGE_PACK_H
#define CADDIS_IMAGE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"
#include "image/xattr_ids.h"

typedef int pack_sink(void *ctx, const void *p, size_t n, struct err *e);

struct pack_options {
	int skip;   /* a directory whose content is left out (the store, which is written to); -1: none */
	bool layer; /* it becomes a layer: names that mean a whiteout there are an error */
	bool upper; /* it is overlayfs' upper layer: what that hides is told in the words of OCI */
	bool live;  /* others change it meanwhile: what goes is left out, what shrinks gets zeros */
	bool mounts; /* what is mounted in it is part of it, but for the kernel's own file systems */
	bool sparse; /* holes are told as such (GNU.sparse 1.0 in PAX), which not every tar can read */
	struct ids ids;	 /* owners are those seen inside, also in xattrs */
	const char *top; /* its name: then it may be anything, not only a directory. NULL: it has none */
	/* Asked for each thing below it; false leaves it out, with all that is in it. NULL: all. */
	bool (*want)(void *ctx, const char *path, const struct statx *st);
	void *want_ctx;
};
/* fd: of the tree, O_PATH is enough. */
int pack_tree(int fd, const struct pack_options *o, pack_sink *sink, void *ctx, struct err *e);

#endif
