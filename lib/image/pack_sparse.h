/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pack_sparse.h - where the data of a file with holes is, as a tar tells it: GNU.sparse 1.0 in PAX
 * records (tar.info, "PAX Format, Version 1.0"). GNU tar, libarchive and Go's archive/tar read it.
 */
#ifndef CADDIS_IMAGE_PACK_SPARSE_H
#define CADDIS_IMAGE_PACK_SPARSE_H

#include <stdint.h>

#include "base/str.h"

struct sparse {
	struct sparse_part {
		int64_t offset, size;
	} * v;
	size_t n;
	int64_t data;	 /* bytes of all parts */
	struct buf text; /* what goes in front of the data, whole blocks */
};
/*
 * fd: of a file of that size. True: it has holes, and out holds its map (of at most 16384 parts;
 * the last one goes to the end then). False: it is as well written whole, or its file system cannot
 * tell.
 */
bool sparse_find(int fd, int64_t size, struct sparse *out);
void sparse_free(struct sparse *s);
OWNED_STRUCT(sparse, struct sparse, sparse_free)

#endif
