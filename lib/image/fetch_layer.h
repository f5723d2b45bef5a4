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
	_Atomic int64_t done;
	/* what progress() was told last; the main thread's */
	bool shown;
	enum fetch_state shown_state;
	int64_t shown_done;
};
/* conn: the thread's, made at first need. */
int fetch_layer(struct fetch *f, struct fetch_layer *job, struct registry_conn **conn,
		struct err *e);

#endif
