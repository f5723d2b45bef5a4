/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - root file systems to look into, without a container that runs: an fd of a mount that is
 * attached nowhere and goes with the fd. Paths in it go through base/path.h, as always.
 */
#ifndef CADDIS_POD_VIEW_H
#define CADDIS_POD_VIEW_H

#include "image/image.h"

/* All layers of an image as one tree, whiteouts applied, read-only. */
int view_image(struct store *s, const struct image *i, struct err *e);

#endif
