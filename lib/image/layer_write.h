/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layer_write.h - writes the entries of a tar below a tree, each by fd: nothing outside of it is
 * touched. */
#ifndef CADDIS_IMAGE_LAYER_WRITE_H
#define CADDIS_IMAGE_LAYER_WRITE_H

#include "image/layer_tar.h"
#include "image/layer_tree.h"

/* Writes the entry that tar_next() gave. The caller's umask is 0. The error names the entry. */
int layer_write_entry(struct tree *t, struct tar *tar, const struct tar_entry *entry,
		      const struct layer_limits *limits, struct err *e);

#endif
