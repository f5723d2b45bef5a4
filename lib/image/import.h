/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import.h - a root file system from a directory, a tar file or a stream becomes an image of one
 * layer. */
#ifndef CADDIS_IMAGE_IMPORT_H
#define CADDIS_IMAGE_IMPORT_H

#include "base/str.h"
#include "image/image.h"
#include "image/layer.h"
#include "store/store.h"

struct image_import_options {
	struct strv cmd, env, entrypoint; /* env: "KEY=VALUE" */
	struct strmap labels;
	const char *user, *working_dir, *stop_signal; /* NULL: none */
	const struct layer_limits *limits;	      /* NULL: the defaults */
	const char *platform;			      /* "linux/arm64/v8"; NULL: this machine's */
};
/*
 * source: a directory (one file system, sockets left out), a tar file (plain, gzip or zstd), or "-"
 * (a tar on stdin). Nothing is stored unless all of it could be read. *out is the image.
 */
int image_import(struct store *s, const char *source, const char *name,
		 const struct image_import_options *o, struct image *out, struct err *e);

#endif
