/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fetch_layer.h - one layer of fetch.h, in one thread. */
#ifndef CADDIS_IMAGE_FETCH_LAYER_H
#define CADDIS_IMAGE_FETCH_LAYER_H

#include "image/fetch.h"

enum fetch_state { FETCH_WAITING, FETCH_RUNNING, FETCH_DONE, FETCH_EXISTS };
struct fetch_layer {
	const struct descriptor *d;
	const char *diff_id;
	_Atomic enum fetch_state state;
	_Atomic int64_t done, kept; /* kept: of done, what an interrupted pull had left */
	/* what progress() was told last; the main thread's */
	bool shown;
	enum fetch_state shown_state;
	int64_t shown_done;
};
/* Its blob while it is not whole, among the blobs. Held by the lock of the blob. */
#define FETCH_PART_SIZE (DIGEST_SIZE + 8)
void fetch_part_name(const char *digest, char name[FETCH_PART_SIZE]);
/* conn: the thread's, made at first need. */
int fetch_layer(struct fetch *f, struct fetch_layer *job, struct registry_conn **conn,
		struct err *e);

/* A directory in staging and, in it, an empty directory for a tree: *tree is the caller's. */
int fetch_staging(struct fetch *f, struct staging *st, int *tree, struct err *e);
/*
 * Unpacks the blob d that is here once more. got: the digest that its bytes have; 1 when it unpacked
 * to diff_id, 0 with *why when not; -1 when the blob could not be read to its end, or the disk is
 * full.
 */
int fetch_again(struct fetch *f, const struct descriptor *d, const char *diff_id, int tree,
		char got[DIGEST_SIZE], struct err *why, struct err *e);

#endif
