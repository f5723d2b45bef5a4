/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pack.h - a directory as a tar stream, for import: owners, modes, times, xattrs, ACLs,
 * capabilities, hard links, devices, names of any length. The same tree always gives the same
 * bytes.
 *
 * It stays on one mount, as tar --one-file-system does: something mounted below it is an empty
 * directory. Sockets are left out. Sparse files are written with their zeros.
 */
#ifndef CADDIS_IMAGE_PACK_H
#define CADDIS_IMAGE_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "spec/oci.h"

typedef int pack_sink(void *ctx, const void *p, size_t n, struct err *e);

struct pack_options {
	int skip;   /* a directory whose content is left out (the store, which is written to); -1: none */
	bool layer; /* it becomes a layer: names that mean a whiteout there are an error */
	bool live;  /* others change it meanwhile: what goes is left out, what shrinks gets zeros */
	const struct objlist *uids, *gids; /* struct oci_id_mapping: ids as seen inside; NULL: as they are */
};
int pack_directory(int dir, const struct pack_options *o, pack_sink *sink, void *ctx,
		   struct err *e);

#endif
