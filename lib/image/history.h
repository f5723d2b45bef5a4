/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.h - how an image came about, by its own words, and the layers that it is made of. */
#ifndef CADDIS_IMAGE_HISTORY_H
#define CADDIS_IMAGE_HISTORY_H

#include "image/image.h"

struct history_step {
	char *created, *created_by, *comment; /* "" where not told */
	const char *diff_id;		      /* NULL: the step made no layer */
	int64_t size;			      /* of the layer's blob */
};
struct history {
	struct image image;
	struct history_step *v; /* oldest first */
	size_t n;
	struct strv blobs; /* digests of the layers' blobs, as image.layers */
	int64_t *sizes;	   /* of the blobs */
};
/* Layers that no step accounts for get a step without words; a history of too many layers is cut. */
int history_load(struct store *s, const char *ref, struct history *out, struct err *e);
void history_free(struct history *h);
OWNED_STRUCT(history, struct history, history_free)

#endif
