/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage.h - what the image store takes up on disk, and who is to blame for it. */
#ifndef CADDIS_IMAGE_USAGE_H
#define CADDIS_IMAGE_USAGE_H

#include "image/image.h"

/* Space as the file system counts it (whole blocks), and inodes; a hard link counts once. */
struct usage_sum {
	int64_t bytes, inodes;
};
struct usage_image {
	char *id;
	struct strv names;
	char *user;		    /* "container a"; NULL: nobody */
	struct usage_sum blobs;	    /* manifest, configuration, compressed layers */
	struct usage_sum layers;    /* unpacked */
	struct usage_sum shared;    /* of both: what other images have too */
	struct usage_sum unique;    /* what would go with this image */
	struct usage_sum reclaimable; /* unique, or nothing when a container uses it */
};
struct usage {
	struct usage_image *images; /* in the order of image_list() */
	size_t n;
	struct usage_sum unused;      /* blobs and layers that belong to no image and no container */
	struct usage_sum total;	      /* each piece once */
	struct usage_sum reclaimable; /* what goes when all images without a container go */
};
/* Takes no lock: what changes meanwhile is counted or not. */
int usage_measure(struct store *s, struct usage *out, struct err *e);
void usage_free(struct usage *u);
OWNED_STRUCT(usage, struct usage, usage_free)

#endif
