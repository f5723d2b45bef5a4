/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settle.h - a pull does not wait for the disk: its image is listed at once, but only in this boot.
 *
 * ROOT/images/index.BOOT.json, named after the boot's ID, is what index.json will be as soon as all
 * that it names is on the disk. While it is there it is the list of images; after a power cut it is
 * another boot's, which nobody looks at, and index.json counts, which has never named anything that
 * was not on the disk. Layers have the same rule: see layout_layer_exists().
 */
#ifndef CADDIS_IMAGE_SETTLE_H
#define CADDIS_IMAGE_SETTLE_H

#include "image/layout.h"

/* layout_commit() without its syncs; settle() or settle_later() comes next. */
int settle_commit(struct store *s, struct layout *l, const struct layout_naming *want,
		  struct err *e);
/* Syncs what is listed in this boot only, and moves that to index.json. Nothing to do: 0. Takes the
 * lock of the images at its end. */
int settle(struct store *s, struct layout *l, struct err *e);
/* The same by a process of its own, which nobody waits for. If it dies, the next one who changes
 * the list does it. */
void settle_later(struct store *s, struct layout *l);
/*
 * lock_images(LOCK_EXCLUSIVE) and the list, for those who change and save it, or remove something:
 * then nothing waits for its sync any more. The fd of the lock, or -1; *x is the caller's to free
 * in both cases.
 */
int settle_and_lock(struct store *s, struct layout *l, struct layout_index *x, struct err *e);

#endif
