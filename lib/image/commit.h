/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit.h - an image and what a container changed in it become a new image. */
#ifndef CADDIS_IMAGE_COMMIT_H
#define CADDIS_IMAGE_COMMIT_H

#include "image/image.h"
#include "image/pack.h"

struct image_commit {
	const char *base;	     /* ID of the image below */
	const char *name;	     /* of the new one; NULL: none */
	const char *author, *message; /* NULL: none, and the author stays */
	const char *created_by;	     /* the command, for the history */
	struct strv changes;	     /* see change.h */
	bool docker;		     /* Docker's format instead of OCI's */
	/* Gives the layer as a tar stream; called once. */
	int (*layer)(void *ctx, pack_sink *sink, void *sink_ctx, struct err *e);
	void *ctx;
};
/* Nothing is stored unless all of it could be read. id: of the new image. */
int image_commit(struct store *s, const struct image_commit *c, char id[DIGEST_SIZE],
		 struct err *e);

#endif
