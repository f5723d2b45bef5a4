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

#include <stddef.h>

#include "base/err.h"

typedef int pack_sink(void *ctx, const void *p, size_t n, struct err *e);

/* skip: a directory whose content is left out (the store, which the stream is written to); -1:
 * none. */
int pack_directory(int dir, int skip, pack_sink *sink, void *ctx, struct err *e);

#endif
