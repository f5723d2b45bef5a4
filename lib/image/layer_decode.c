/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer_decode.h"

#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <zlib.h>
#include <zstd.h>

#include "base/dl.h"
#include "base/macros.h"
#include "base/str.h"

// clang-format off
#define ISAL_FUNCTIONS(X) X(isal_inflate_init) X(isal_inflate_reset) X(isal_inflate)
#define ZLIB_FUNCTIONS(X) X(inflateInit2_) X(inflateReset) X(inflate) X(inflateEnd)
#define ZSTD_FUNCTIONS(X) X(ZSTD_createDCtx) X(ZSTD_freeDCtx) X(ZSTD_DCtx_setParameter) \
	X(ZSTD_decompressStream) X(ZSTD_isError) X(ZSTD_getErrorName)

static struct isal_api { ISAL_FUNCTIONS(DL_MEMBER) } isal;
static struct zlib_api { ZLIB_FUNCTIONS(DL_MEMBER) } zlib;
static struct zstd_api { ZSTD_FUNCTIONS(DL_MEMBER) } zstd;

#define ISAL_SYMBOL(fn) { #fn, offsetof(struct isal_api, fn) },
#define ZLIB_SYMBOL(fn) { #fn, offsetof(struct zlib_api, fn) },
#define ZSTD_SYMBOL(fn) { #fn, offsetof(struct zstd_api, fn) },
static const struct dl_symbol isal_symbols[] = { ISAL_FUNCTIONS(ISAL_SYMBOL) };
static const struct dl_symbol zlib_symbols[] = { ZLIB_FUNCTIONS(ZLIB_SYMBOL) };
static const struct dl_symbol zstd_symbols[] = { ZSTD_FUNCTIONS(ZSTD_SYMBOL) };
// clang-format on

/* Several layers are opened at a time. */
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static enum { NOT_LOADED, WITH_ISAL, WITH_ZLIB } loaded;

struct decoder {
	enum layer_compression form;
	decode_source *source;
	void *ctx;
	const uint8_t *in; /* what the source gave and we did not use yet */
	size_t avail;
	int64_t taken;
	bool begun, at_end;
	bool between; /* members or frames: the blob may end here */
	bool padding; /* only NULs may follow */
	bool use_isal;
	int window_log;
	struct inflate_state *inflate;
	z_stream *z;
	ZSTD_DCtx *zstd;
};

static int load_libraries(struct err *e)
{
	struct err missing;

	if (loaded != NOT_LOADED)
		return 0;
	if (dl_load("libzstd.so.1", "libzstd1", zstd_symbols, ARRAY_LEN(zstd_symbols), &zstd, e) <
	    0)
		return -1;
	if (dl_load("libisal.so.2", "libisal2", isal_symbols, ARRAY_LEN(isal_symbols), &isal,
		    &missing) == 0)
		return loaded = WITH_ISAL, 0;
	if (dl_load("libz.so.1", "zlib1g", zlib_symbols, ARRAY_LEN(zlib_symbols), &zlib, e) < 0)
		return -1;
	return loaded = WITH_ZLIB, 0;
}

static int gzip_begin(struct decoder *d, struct err *e)
{
	if (d->use_isal) {
		if (!d->inflate) {
			d->inflate = xmalloc(sizeof(*d->inflate));
			isal.isal_inflate_init(d->inflate);
		}
		isal.isal_inflate_reset(d->inflate);
		d->inflate->crc_flag = ISAL_GZIP;
		return 0;
	}
	if (d->z)
		return zlib.inflateReset(d->z) == Z_OK ? 0
						       : err_set(e, ERR_FAIL, "zlib: cannot reset");
	d->z = xcalloc(1, sizeof(*d->z));
	if (zlib.inflateInit2_(d->z, 15 + 16, ZLIB_VERSION, sizeof(*d->z)) != Z_OK)
		return err_set(e, ERR_FAIL, "zlib: cannot start");
	return 0;
}

static int zstd_begin(struct decoder *d, struct err *e)
{
	d->zstd = zstd.ZSTD_createDCtx();
	if (!d->zstd || zstd.ZSTD_isError(zstd.ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax,
								      d->window_log)))
		return err_set(e, ERR_FAIL, "zstd: cannot start");
	return 0;
}

static int refill(struct decoder *d, struct err *e)
{
	if (d->avail || d->at_end)
		return 0;
	if (d->source(d->ctx, &d->in, &d->avail, e) < 0)
		return -1;
	d->taken += (int64_t)d->avail;
	d->at_end = d->avail == 0;
	return 0;
}

static int corrupt(struct err *e, const char *form, const char *why)
{
	return err_set(e, ERR_CORRUPT, "damaged %s data: %s", form, why);
}

/* One step: uses input, makes output; *done when a member ended. */
static int isal_step(struct decoder *d, uint8_t *out, size_t cap, size_t *got, bool *done,
		     struct err *e)
{
	struct inflate_state *s = d->inflate;
	int r;

	s->next_in = (uint8_t *)(uintptr_t)d->in; /* read only: the field lacks its const */
	s->avail_in = (uint32_t)MIN(d->avail, (size_t)1 << 30);
	s->next_out = out;
	s->avail_out = (uint32_t)MIN(cap, (size_t)1 << 30);
	r = isal.isal_inflate(s);
	d->avail -= (size_t)(s->next_in - d->in);
	d->in = s->next_in;
	*got = (size_t)(s->next_out - out);
	*done = s->block_state == ISAL_BLOCK_FINISH;
	if (r == ISAL_INCORRECT_CHECKSUM)
		return corrupt(e, "gzip", "the checksum is wrong");
	return r < 0 ? corrupt(e, "gzip", "not a valid stream") : 0;
}

static int zlib_step(struct decoder *d, uint8_t *out, size_t cap, size_t *got, bool *done,
		     struct err *e)
{
	size_t n = MIN(d->avail, (size_t)1 << 30);
	int r;

	d->z->next_in = (uint8_t *)(uintptr_t)d->in;
	d->z->avail_in = (unsigned)n;
	d->z->next_out = out;
	d->z->avail_out = (unsigned)MIN(cap, (size_t)1 << 30);
	r = zlib.inflate(d->z, Z_NO_FLUSH);
	n -= d->z->avail_in;
	d->in += n;
	d->avail -= n;
	*got = (size_t)(d->z->next_out - out);
	*done = r == Z_STREAM_END;
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return corrupt(e, "gzip", d->z->msg ? d->z->msg : "not a valid stream");
	return 0;
}

static int zstd_step(struct decoder *d, uint8_t *out, size_t cap, size_t *got, bool *done,
		     struct err *e)
{
	ZSTD_inBuffer in = { .src = d->in, .size = d->avail };
	ZSTD_outBuffer to = { .dst = out, .size = cap };
	size_t r = zstd.ZSTD_decompressStream(d->zstd, &to, &in);

	if (zstd.ZSTD_isError(r))
		return corrupt(e, "zstd", zstd.ZSTD_getErrorName(r));
	d->in += in.pos;
	d->avail -= in.pos;
	*got = to.pos;
	*done = r == 0;
	return 0;
}

/* What follows a gzip member: another one, NULs (some builders pad), or the end. */
static int next_member(struct decoder *d, struct err *e)
{
	if (!d->padding && d->in[0] != 0) {
		d->between = false;
		return gzip_begin(d, e);
	}
	d->padding = true;
	for (; d->avail; d->in++, d->avail--) {
		if (*d->in != 0)
			return corrupt(e, "gzip", "something else follows its end");
	}
	return 0;
}

static int step(struct decoder *d, uint8_t *out, size_t cap, size_t *got, bool *done, struct err *e)
{
	if (d->form == LAYER_ZSTD)
		return zstd_step(d, out, cap, got, done, e);
	return d->use_isal ? isal_step(d, out, cap, got, done, e)
			   : zlib_step(d, out, cap, got, done, e);
}

static int read_packed(struct decoder *d, uint8_t *out, size_t cap, size_t *got, struct err *e)
{
	const char *form = d->form == LAYER_GZIP ? "gzip" : "zstd";

	for (*got = 0; *got == 0;) {
		bool done = false;
		size_t before;

		if (refill(d, e) < 0)
			return -1;
		if (d->between && !d->avail)
			return 0;
		if (d->between && d->form == LAYER_GZIP) {
			if (next_member(d, e) < 0)
				return -1;
			if (d->padding)
				continue;
		}
		before = d->avail;
		if (step(d, out, cap, got, &done, e) < 0)
			return -1;
		d->between = done;
		if (!done && *got == 0 && d->avail == before && d->at_end)
			return corrupt(e, form, "it ends too early");
	}
	return 0;
}

static int read_plain(struct decoder *d, uint8_t *out, size_t cap, size_t *got, struct err *e)
{
	if (refill(d, e) < 0)
		return -1;
	*got = MIN(cap, d->avail);
	memcpy(out, d->in, *got);
	d->in += *got;
	d->avail -= *got;
	return 0;
}

static bool has_magic(const struct decoder *d, const char *magic, size_t n)
{
	return d->avail >= n && memcmp(d->in, magic, n) == 0;
}

/* The magic decides: media types are wrong too often, and a wrong one is no danger. */
static int begin(struct decoder *d, struct err *e)
{
	bool skippable;

	if (refill(d, e) < 0)
		return -1;
	skippable = d->avail >= 4 && (d->in[0] & 0xf0) == 0x50 &&
		    memcmp(d->in + 1, "\x2a\x4d\x18", 3) == 0;
	d->begun = true;
	if (has_magic(d, "\x1f\x8b", 2)) {
		d->form = LAYER_GZIP;
		return gzip_begin(d, e);
	}
	if (has_magic(d, "\x28\xb5\x2f\xfd", 4) || skippable) {
		d->form = LAYER_ZSTD;
		return zstd_begin(d, e);
	}
	d->form = LAYER_TAR;
	if (has_magic(d, "\3757zXZ", 5))
		return err_set(e, ERR_CORRUPT, "xz compression is not supported");
	if (has_magic(d, "BZh", 3))
		return err_set(e, ERR_CORRUPT, "bzip2 compression is not supported");
	return 0;
}

int decoder_open(decode_source *source, void *ctx, const struct layer_limits *limits,
		 struct decoder **out, struct err *e)
{
	struct decoder *d;
	int r;

	pthread_mutex_lock(&load_lock);
	r = load_libraries(e);
	pthread_mutex_unlock(&load_lock);
	if (r < 0)
		return -1;
	d = xcalloc(1, sizeof(*d));
	d->source = source;
	d->ctx = ctx;
	/* The format has no other bounds than powers of two, from 1 KiB on. */
	for (d->window_log = 10;
	     d->window_log < 31 && INT64_C(2) << d->window_log <= limits->window;)
		d->window_log++;
	d->use_isal = loaded == WITH_ISAL; /* does not change any more */
	*out = d;
	return 0;
}

int decoder_read(struct decoder *d, uint8_t *out, size_t cap, size_t *got, struct err *e)
{
	if (!d->begun && begin(d, e) < 0)
		return -1;
	return d->form == LAYER_TAR ? read_plain(d, out, cap, got, e)
				    : read_packed(d, out, cap, got, e);
}

int64_t decoder_consumed(const struct decoder *d)
{
	return d->taken - (int64_t)d->avail;
}

enum layer_compression decoder_form(const struct decoder *d)
{
	return d->form;
}

void decoder_close(struct decoder *d)
{
	if (!d)
		return;
	if (d->z)
		zlib.inflateEnd(d->z);
	if (d->zstd)
		zstd.ZSTD_freeDCtx(d->zstd);
	free(d->z);
	free(d->inflate);
	free(d);
}
