/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree_compare.h - two trees on disk, down to the last byte: names, kinds, contents, owners, modes,
 * times of change, hard links, device numbers, targets, xattrs. Nothing is followed or executed,
 * no device or FIFO is opened. Labels and signatures of the host's own do not count.
 */
#ifndef CADDIS_IMAGE_TREE_COMPARE_H
#define CADDIS_IMAGE_TREE_COMPARE_H

#include "base/err.h"

/* want, have: directory fds. tell: for each thing of have that is not as in want; path "." is the
 * tree itself. -1 only when something cannot be read. */
int tree_compare(int want, int have, void (*tell)(void *ctx, const char *path, const char *how),
		 void *ctx, struct err *e);

#endif
