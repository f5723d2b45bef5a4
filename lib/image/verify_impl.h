/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify_impl.h - what verify*.c share; nobody else includes it. */
#ifndef CADDIS_IMAGE_VERIFY_IMPL_H
#define CADDIS_IMAGE_VERIFY_IMPL_H

#include <stdatomic.h>

#include "image/config.h"
#include "image/fetch_layer.h"
#include "image/local.h"
#include "image/verify.h"

struct verify {
	struct store *s;
	const struct verify_options *o;
	struct layout layout;
	struct layout_index index;
	const struct layout_entry *entry; /* in index: the image */
	const char *name;		  /* in index: one of its names, or NULL */
	/* what verify_once() could read of it */
	struct manifest manifest;
	struct image image;
	struct fetch fetch; /* without a registry */
	atomic_bool cancel;
};
/* Adds all that is wrong now to r. */
int verify_once(struct verify *v, struct verify_report *r, struct err *e);
/* Makes anew what r says is wrong, and looks again: r says then what is repaired. */
int verify_repair(struct verify *v, struct verify_report *r, struct err *e);
/* True when r has a problem of that blob or layer. */
bool verify_found(const struct verify_report *r, const char *kind, const char *digest);

#endif
