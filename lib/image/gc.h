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
/* lock: of lock_images(LOCK_EXCLUSIVE); given back before the trees are removed. */
int gc_locked(struct store *s, struct layout *l, int *lock, struct err *e);

#endif
