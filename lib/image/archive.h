/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * archive.h - images in files: OCI archives and directories, and what docker save writes.
 *
 * An archive is hostile: its names never become paths of the host, every blob is held against its
 * digest and every layer against its diff ID, and nothing is named before all of it is there.
 */
#ifndef CADDIS_IMAGE_ARCHIVE_H
#define CADDIS_IMAGE_ARCHIVE_H

#include "image/image.h"
#include "image/layer.h"
#include "image/pack.h"

struct image_load_options {
	const char *name;     /* the only name that the image gets; NULL: those in the archive */
	const char *platform; /* which one of several; NULL: this machine's */
	const struct layer_limits *limits; /* NULL: the defaults */
};
/*
 * fd: a tar (plain, gzip or zstd), read to its end, or a directory. loaded: a name, or else the ID,
 * of each image. Images before one that fails stay. what names the archive in errors.
 */
int image_load(struct store *s, int fd, const char *what, const struct image_load_options *o,
	       struct strv *loaded, struct err *e);

enum archive_format { ARCHIVE_OCI, ARCHIVE_DOCKER };
struct image_save_options {
	enum archive_format format;
	enum layer_compression compression; /* of the archive as a whole */
};
/*
 * Images as a tar into sink; each blob once. An image given by a name has that name in the archive,
 * one given by ID none. The same images always give the same bytes.
 */
int image_save(struct store *s, char *const *refs, size_t n, const struct image_save_options *o,
	       pack_sink *sink, void *ctx, struct err *e);
/* As an OCI directory into the empty directory dir. */
int image_save_directory(struct store *s, char *const *refs, size_t n, int dir, struct err *e);

#endif
