/* SPDX-License-Identifier: GPL-2.0-or-later */
/* push.h - images to a registry: from the store, or from another registry. */
#ifndef CADDIS_IMAGE_PUSH_H
#define CADDIS_IMAGE_PUSH_H

#include "image/digest.h"
#include "image/registry.h"
#include "store/store.h"

struct push_options {
	struct registry_options to, from; /* from: of image_copy() */
	const char *mount_from; /* a repository of the registry that may have the blobs; NULL: what
				   the store knows, or the source on the same registry */
	const char *platform;	/* of image_copy(): only this one of several; NULL: all */
	int64_t chunk;		/* bytes of a request; 0: a blob in one */
	/* What happened to a blob or manifest: "sent", "exists", "mounted"; or NULL. */
	void (*progress)(void *ctx, const char *digest, int64_t size, const char *how);
	void *ctx;
};
/* dest NULL: the image's name, which key must then be. digest: what the registry has now. */
int image_push(struct store *s, const char *key, const char *dest, const struct push_options *o,
	       char digest[DIGEST_SIZE], struct err *e);
/*
 * From registry to registry as it is, the index of several platforms too; each blob passes through
 * staging, where its digest is checked. Nothing is unpacked, no image appears here.
 */
int image_copy(struct store *s, const char *source, const char *dest, const struct push_options *o,
	       char digest[DIGEST_SIZE], struct err *e);

#endif
