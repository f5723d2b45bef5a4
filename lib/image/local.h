/* SPDX-License-Identifier: GPL-2.0-or-later */
/* local.h - from entries of index.json to images; inside lib/image only. */
#ifndef CADDIS_IMAGE_LOCAL_H
#define CADDIS_IMAGE_LOCAL_H

#include "image/image.h"
#include "image/layout.h"
#include "image/manifest.h"

/* The manifest behind an entry. */
int local_manifest(struct layout *l, const char *digest, const char *media_type,
		   struct manifest *out, struct err *e);
/* The whole image: manifest, configuration, and all names that x has for it. */
int local_image(struct layout *l, const struct layout_index *x, const struct layout_entry *en,
		struct image *out, struct err *e);
/*
 * The entry that a user means, by the rules of image_find(). *by_name tells whether it was found by
 * a name.
 */
struct layout_entry *local_find(struct layout *l, const struct layout_index *x, const char *key,
				bool *by_name, struct err *e);

/*
 * What the journal says of images: "pulled", "imported", "loaded", "committed", "tagged",
 * "untagged", "removed". id, name: NULL when there is none.
 */
void image_event(struct store *s, const char *event, const char *id, const char *name);

#endif
