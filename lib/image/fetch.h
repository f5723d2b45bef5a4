/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fetch.h - the layers of one image, in parallel: each in one pass from the socket through SHA-256
 * into a blob file and, decompressed, through SHA-256 again into a tree.
 *
 * A layer and its blob are published as soon as size, digest and diff ID are right; what is here
 * already is not asked for. Two processes that want the same blob download it once: a lock per
 * blob.
 */
#ifndef CADDIS_IMAGE_FETCH_H
#define CADDIS_IMAGE_FETCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "image/image.h"
#include "image/layout.h"
#include "image/manifest.h"
#include "image/registry.h"

/* What all threads share. The caller fills in the first five; r NULL: all blobs are here. */
struct fetch {
	struct store *s;
	struct layout *l;
	struct registry *r;
	const struct layer_limits *limits; /* NULL: the defaults */
	atomic_bool *cancel;   /* r was opened with it; becomes true when a layer fails */
	pthread_mutex_t mutex; /* around calls of lib/store */
	int locks;	       /* directory of the locks of blobs */
};
/* diff_ids: one for each of m's layers. */
int fetch_layers(struct fetch *f, const struct manifest *m, const struct strv *diff_ids,
		 const struct image_pull_options *o, struct err *e);

/* Adds the names of all that fetch_layers() may have left of m when it failed. */
void fetch_keep(const struct manifest *m, const struct strv *diff_ids, struct strv *names);

#endif
