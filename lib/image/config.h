/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h - an image's configuration: hostile JSON to struct image. */
#ifndef CADDIS_IMAGE_CONFIG_H
#define CADDIS_IMAGE_CONFIG_H

#include "image/image.h"
#include "image/manifest.h"

/* Fills created, platform, configuration and layers (the diff IDs, checked). ERR_REMOTE. */
int config_parse(const char *text, size_t len, struct image *out, struct err *e);
/* The same, held against its manifest: as many diff IDs as layers. Fills size too. */
int config_parse_for(const struct manifest *m, const char *text, size_t len, struct image *out,
		     struct err *e);

#endif
