/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer_decode.h - gzip, zstd or plain bytes in, plain bytes out. Nothing else is known here, so no
 * other format, and no helper program, can be reached from a layer.
 *
 * gzip by ISA-L where it is installed, else by zlib; members may be concatenated and the last
 * padded with NULs. zstd with skippable frames and a window that the limits bound.
 */
#ifndef CADDIS_IMAGE_LAYER_DECODE_H
#define CADDIS_IMAGE_LAYER_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "image/layer.h"

/*
 * Gives the next bytes of the blob, valid until the next call; *n 0 at its end. 0 or -1. The first
 * call gives at least 8 bytes, unless the blob is shorter: the magic is looked for there.
 */
typedef int decode_source(void *ctx, const uint8_t **p, size_t *n, struct err *e);

struct decoder;
/* Loads the libraries of both forms, as the magic is known later than that: no library is loaded
 * later. */
int decoder_open(decode_source *source, void *ctx, const struct layer_limits *limits,
		 struct decoder **out, struct err *e);
/* Fills up to cap bytes; *got 0 at the end. */
int decoder_read(struct decoder *d, uint8_t *out, size_t cap, size_t *got, struct err *e);
int64_t decoder_consumed(const struct decoder *d); /* bytes of the blob */
/* What the magic says; known after the first read. */
enum layer_compression decoder_form(const struct decoder *d);
void decoder_close(struct decoder *d);
OWNED(decoder, struct decoder *, NULL, decoder_close)

#endif
