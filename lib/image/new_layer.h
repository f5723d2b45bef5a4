/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * new_layer.h - an image whose uppermost layer is made here: one tar stream becomes its blob, as it
 * is, and its tree, in one pass. Inside lib/image only.
 */
#ifndef CADDIS_IMAGE_NEW_LAYER_H
#define CADDIS_IMAGE_NEW_LAYER_H

#include <json-c/json.h>

#include "image/layer.h"
#include "image/layout.h"
#include "image/manifest.h"

struct new_layer {
	struct store *store;
	struct layout layout; /* of layout_open_writer() */
	struct staging staging;
	int blob, tree;
	struct digest *digest;
	struct layer_writer *writer;
	char blob_digest[DIGEST_SIZE], diff_id[DIGEST_SIZE];
	int64_t blob_size;
	enum layer_compression form; /* the caller's to say, of what it gives */
};
// clang-format off
#define NEW_LAYER_NONE { .layout = LAYOUT_NONE, .staging = STAGING_NONE, .blob = -1, .tree = -1 }
// clang-format on
/* limits: NULL for the defaults. */
int new_layer_begin(struct store *s, const struct layer_limits *limits, struct new_layer *out,
		    struct err *e);
/* pack_sink; ctx is a struct new_layer. */
int new_layer_take(void *ctx, const void *p, size_t n, struct err *e);
/* The stream is complete: blob_digest and diff_id are known. */
int new_layer_finish(struct new_layer *l, struct err *e);
/* Blob and tree go to their places. Inside of gc_guard(). */
int new_layer_publish(struct new_layer *l, struct err *e);
void new_layer_release(struct new_layer *l);
OWNED_STRUCT(new_layer, struct new_layer, new_layer_release)

/* An image of the published layer on top of others. */
struct new_image {
	const char *name;		/* full; NULL: none */
	struct json_object *config;
	const struct descriptor *below; /* lowest first */
	size_t n;
	const struct strv *below_ids;	/* their diff IDs */
	bool docker;			/* Docker's media types instead of OCI's */
};
/* Stores the documents and lists the image. id: of its configuration. */
int new_image_commit(struct new_layer *l, const struct new_image *i, char id[DIGEST_SIZE],
		     struct err *e);

#endif
