/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer_tar.h - the tar stream of a blob: decompressed, counted, hashed, and read entry by entry.
 *
 * libarchive parses; it is given the tar format and no filter, and every byte it sees was counted
 * here before: what it may take for one entry's headers is bounded, so that no map or record can
 * grow in its memory.
 */
#ifndef CADDIS_IMAGE_LAYER_TAR_H
#define CADDIS_IMAGE_LAYER_TAR_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "image/digest.h"
#include "image/layer_decode.h"

struct tar_entry {
	const char *name; /* as it stands in the tar */
	const char *link; /* of a symlink or hard link */
	bool hardlink;
	mode_t mode; /* with the type */
	int64_t uid, gid, size;
	dev_t device;
	struct timespec mtime, atime;
};

struct tar;
int tar_open(decode_source *source, void *ctx, const struct layer_limits *limits, struct tar **out,
	     struct err *e);
/* The next entry, its strings valid until the next call: 1, 0 at the end, or -1. */
int tar_next(struct tar *t, struct tar_entry *out, struct err *e);
/* The next xattr of the entry: 1, or 0. Extended ACLs are among them, in the kernel's form. */
int tar_next_xattr(struct tar *t, const char **name, const void **value, size_t *n, struct err *e);
/* The next piece of the entry's data: 1, 0 at the end, or -1. What lies between two pieces is a
 * hole. */
int tar_next_data(struct tar *t, const void **p, size_t *n, int64_t *offset, struct err *e);
/* Reads what follows the end of the archive, and tells digest and length of the whole stream. */
int tar_finish(struct tar *t, char digest[DIGEST_SIZE], int64_t *size, struct err *e);
void tar_close(struct tar *t);
OWNED(tar, struct tar *, NULL, tar_close)

#endif
