/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer.h - one layer: a blob's bytes are pushed in, a directory tree in overlayfs' form comes out.
 *
 * Push model: the caller hands over what arrives from a socket or a file; a thread of the writer's
 * own decompresses, hashes and unpacks behind a bounded buffer. Nothing outside tree_dir is
 * touched.
 *
 * The tree is one lower directory of overlayfs and depends on nothing but the layer's bytes,
 * because layers are shared between images by their diff ID:
 *  - a whiteout is a character device 0:0, an opaque directory has trusted.overlay.opaque=y; both
 * act on layers below only, wherever they stand in the tar, and an entry of the same name wins over
 * its whiteout;
 *  - a hard link must name a file of the same layer; one to a file below is an error naming the
 * entry (what it would get depends on the image that is pulled first);
 *  - a parent directory that the layer does not describe is made as root:root 0755, of 1970;
 *    overlayfs shows the uppermost directory's mode and owner, so this one hides those below.
 */
#ifndef CADDIS_IMAGE_LAYER_H
#define CADDIS_IMAGE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "base/str.h"

/* What the media type says. The magic decides among these three; anything else is refused. */
enum layer_compression { LAYER_TAR, LAYER_GZIP, LAYER_ZSTD };

struct layer_limits {
	int64_t bytes;	      /* of the tar stream, trailing bytes too: 64 GiB */
	int64_t entries;      /* 4,000,000 */
	int64_t ratio;	      /* tar bytes per blob byte, asked beyond the first 64 MiB: 1,100 for
			       * gzip (its format's own bound is 1,032); zstd has none but `bytes` */
	int64_t ratio_zstd;   /* 4,096 */
	int64_t file_size;    /* apparent size of one file, holes too: 1 TiB - 1 */
	int64_t sparse_bytes; /* holes of all files together: 4 TiB */
	int64_t window;	      /* of zstd: 128 MiB, what `zstd -d` takes without --long */
	size_t header; /* bytes of all headers of one entry (PAX, long names, sparse map): 1 MiB */
	size_t path;   /* bytes of a name or a link's target: 4,095 */
	size_t depth;  /* components of a name: 1,024 */
	bool need_end; /* the end-of-archive blocks must be there (an import of a file that may be
			  cut) */
};
extern const struct layer_limits layer_limits_default;

struct layer_writer;
/*
 * tree_dir is an empty directory (0700 above it), any fd of it but O_PATH; it stays the caller's
 * and open until close. Loads the libraries that c needs, and starts the thread. limits: NULL for
 * the defaults.
 */
int layer_writer_open(int tree_dir, enum layer_compression c, struct layer_writer **out,
		      struct err *e);
int layer_writer_open_limits(int tree_dir, enum layer_compression c,
			     const struct layer_limits *limits, struct layer_writer **out,
			     struct err *e);
/*
 * Not a layer but a copy, by rules (layer_tree.h; the caller's, until close): root is in use, by
 * others too, and nothing outside of it is touched whatever they do. The limits are those of the
 * file systems. A stream that may be compressed is
 * told by its magic: one of ours begins with "./".
 */
struct copy_rules;
int layer_writer_open_copy(int root, const struct copy_rules *rules, struct layer_writer **out,
			   struct err *e);
/* From another thread: what is being written is taken back, nothing more is written; returns when
 * that is so. */
void layer_writer_stop(struct layer_writer *w);
/* Takes all n bytes; blocks while the buffer is full. -1 as soon as the unpacking failed, with its
 * error. */
int layer_writer_push(struct layer_writer *w, const void *p, size_t n, struct err *e);
/*
 * The blob is complete: waits for the unpacking. diff_id: "sha256:…" of the whole tar stream,
 * including what follows its end mark; tar_size its length (may be NULL). The tree is whole, and
 * not yet synced.
 */
int layer_writer_finish(struct layer_writer *w, char diff_id[72], int64_t *tar_size, struct err *e);
/* Stops the thread wherever it is. The half-made tree is the caller's to remove. NULL is fine. */
void layer_writer_close(struct layer_writer *w);
OWNED(layer_writer, struct layer_writer *, NULL, layer_writer_close)

#endif
