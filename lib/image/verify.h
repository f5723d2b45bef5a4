/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify.h - is what the store has of an image still what was put there? Blobs are hashed again, and
 * each layer is unpacked again beside the one that is there and compared with it (tree_compare.h).
 */
#ifndef CADDIS_IMAGE_VERIFY_H
#define CADDIS_IMAGE_VERIFY_H

#include "image/image.h"

struct verify_problem {
	const char *kind; /* "blob", "layer" */
	char digest[DIGEST_SIZE];
	char *path; /* in the layer; NULL: all of it */
	char *text; /* "it is missing" */
	bool repaired;
};
struct verify_report {
	char *name, *digest; /* of the image; of its manifest. name NULL: it has none */
	struct verify_problem *v;
	size_t n;
	size_t more;	 /* problems that were not noted, being too many */
	bool whole;	 /* nothing was wrong, or all of it is repaired */
	char *unrepaired; /* why something could not be repaired, or NULL */
};
void verify_report_free(struct verify_report *r);
OWNED_STRUCT(verify_report, struct verify_report, verify_report_free)

struct verify_options {
	/*
	 * What is wrong is made anew: layers from their blobs, blobs by the registry that the
	 * image's name says. A layer that a running container has stays as it is.
	 */
	bool repair;
	struct registry_options registry;
	const struct layer_limits *limits; /* NULL: the defaults */
	struct strv *known; /* layers found whole before, which are not looked at again */
};
/* key: as for image_find(), or a manifest's digest. -1 when it could not be found out. */
int image_verify(struct store *s, const char *key, const struct verify_options *o,
		 struct verify_report *out, struct err *e);
/* A key for each image that there is, damaged ones too. */
int image_verify_keys(struct store *s, struct strv *keys, struct err *e);

#endif
