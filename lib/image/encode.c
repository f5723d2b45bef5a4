/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/encode.h"

#include <zlib.h>
#include <zstd.h>

#include "base/dl.h"

// clang-format off
#define ZLIB_FUNCTIONS(X) X(deflateInit2_) X(deflate) X(deflateEnd)
#define ZSTD_FUNCTIONS(X) X(ZSTD_createCCtx) X(ZSTD_freeCCtx) X(ZSTD_compressStream2) X(ZSTD_isError) \
	X(ZSTD_getErrorName)
static struct zlib_api { ZLIB_FUNCTIONS(DL_MEMBER) } zlib;
static struct zstd_api { ZSTD_FUNCTIONS(DL_MEMBER) } zstd;
#define ZLIB_SYMBOL(fn) { #fn, offsetof(struct zlib_api, fn) },
#define ZSTD_SYMBOL(fn) { #fn, offsetof(struct zstd_api, fn) },
static const struct dl_symbol zlib_symbols[] = { ZLIB_FUNCTIONS(ZLIB_SYMBOL) };
static const struct dl_symbol zstd_symbols[] = { ZSTD_FUNCTIONS(ZSTD_SYMBOL) };
// clang-format on

#define OUT_SIZE (256 << 10)

struct encoder {
	enum layer_compression form;
	pack_sink *sink;
	void *ctx;
	z_stream *z;
	ZSTD_CCtx *zstd;
	unsigned char *out;
};

int encoder_open(enum layer_compression form, pack_sink *sink, void *ctx, struct encoder **out,
		 struct err *e)
{
	own(encoder) struct encoder *x = xcalloc(1, sizeof(*x));

	*x = (struct encoder){ .form = form, .sink = sink, .ctx = ctx, .out = xmalloc(OUT_SIZE) };
	if (form == LAYER_GZIP) {
		if (dl_load("libz.so.1", "zlib1g", zlib_symbols, ARRAY_LEN(zlib_symbols), &zlib,
			    e) < 0)
			return -1;
		x->z = xcalloc(1, sizeof(*x->z));
		if (zlib.deflateInit2_(x->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
				       Z_DEFAULT_STRATEGY, ZLIB_VERSION, sizeof(*x->z)) != Z_OK)
			return err_set(e, ERR_FAIL, "zlib: cannot start");
	} else if (form == LAYER_ZSTD) {
		if (dl_load("libzstd.so.1", "libzstd1", zstd_symbols, ARRAY_LEN(zstd_symbols),
			    &zstd, e) < 0)
			return -1;
		x->zstd = zstd.ZSTD_createCCtx();
		if (!x->zstd)
			return err_set(e, ERR_FAIL, "zstd: cannot start");
	}
	*out = ptr_steal(x);
	return 0;
}

static int run_zlib(struct encoder *x, const void *p, size_t n, bool last, struct err *e)
{
	int r;

	x->z->next_in = (unsigned char *)(uintptr_t)p; /* read only: the field lacks its const */
	x->z->avail_in = (unsigned)n;
	do {
		x->z->next_out = x->out;
		x->z->avail_out = OUT_SIZE;
		r = zlib.deflate(x->z, last ? Z_FINISH : Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return err_set(e, ERR_FAIL, "zlib: cannot compress");
		if (x->sink(x->ctx, x->out, OUT_SIZE - x->z->avail_out, e) < 0)
			return -1;
	} while (last ? r != Z_STREAM_END : x->z->avail_out == 0);
	return 0;
}

static int run_zstd(struct encoder *x, const void *p, size_t n, bool last, struct err *e)
{
	ZSTD_inBuffer in = { p, n, 0 };
	size_t r;

	do {
		ZSTD_outBuffer out = { x->out, OUT_SIZE, 0 };

		r = zstd.ZSTD_compressStream2(x->zstd, &out, &in,
					      last ? ZSTD_e_end : ZSTD_e_continue);
		if (zstd.ZSTD_isError(r))
			return err_set(e, ERR_FAIL, "zstd: %s", zstd.ZSTD_getErrorName(r));
		if (x->sink(x->ctx, x->out, out.pos, e) < 0)
			return -1;
	} while (last ? r != 0 : in.pos < in.size);
	return 0;
}

static int run(struct encoder *x, const void *p, size_t n, bool last, struct err *e)
{
	if (x->z)
		return run_zlib(x, p, n, last, e);
	if (x->zstd)
		return run_zstd(x, p, n, last, e);
	return n ? x->sink(x->ctx, p, n, e) : 0;
}

int encoder_push(void *encoder, const void *p, size_t n, struct err *e)
{
	const char *from = p;

	for (size_t part; n; from += part, n -= part) {
		part = MIN(n, (size_t)1 << 30);
		if (run(encoder, from, part, false, e) < 0)
			return -1;
	}
	return 0;
}

int encoder_finish(struct encoder *x, struct err *e)
{
	return run(x, NULL, 0, true, e);
}

void encoder_close(struct encoder *x)
{
	if (!x)
		return;
	if (x->z)
		zlib.deflateEnd(x->z);
	if (x->zstd)
		zstd.ZSTD_freeCCtx(x->zstd);
	free(x->z);
	free(x->out);
	free(x);
}
