/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode.h - compresses a stream: gzip by zlib, zstd by libzstd, both opened at first use. */
#ifndef CADDIS_IMAGE_ENCODE_H
#define CADDIS_IMAGE_ENCODE_H

#include "image/layer.h"
#include "image/pack.h"

struct encoder;
/* What is pushed into encoder_push() (a pack_sink with the encoder as ctx) comes out at sink. */
int encoder_open(enum layer_compression form, pack_sink *sink, void *ctx, struct encoder **out,
		 struct err *e);
int encoder_push(void *encoder, const void *p, size_t n, struct err *e);
int encoder_finish(struct encoder *x, struct err *e);
void encoder_close(struct encoder *x);
OWNED(encoder, struct encoder *, NULL, encoder_close)

#endif
