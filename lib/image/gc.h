/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gc.h - blobs and layers that nobody needs any more. Marks from index.json and the containers'
 * records, sweeps the rest. Never runs while somebody writes (layout_open_writer()): a note in the
 * store says then that there may be garbage, and whoever finds it on finishing collects.
 */
#ifndef CADDIS_IMAGE_GC_H
#define CADDIS_IMAGE_GC_H

#include "image/layout.h"

bool gc_noted(struct layout *l);
void gc_note(struct layout *l);
void gc_unnote(struct layout *l);
/*
 * Runs store(ctx), which stores blobs and layers and names them last of all. What no image got, of
 * it or of an earlier one that was killed, is collected: now, or by the next command if this one is
 * killed. keep: names of blobs and layers, as store() leaves them, that the next try may have; the
 * note stays then. l is of layout_open_writer(), and may be closed afterwards.
 */
int gc_guard(struct store *s, struct layout *l, int (*store)(void *ctx, struct err *e), void *ctx,
	     const struct strv *keep, struct err *e);
/* lock: of lock_images(LOCK_EXCLUSIVE); given back before the trees are removed. */
int gc_locked(struct store *s, struct layout *l, int *lock, struct err *e);

#endif
