/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_limits.h"

/* Bounds of what can be asked for: sums of two must not overflow, and a window has its format's. */
#define BYTES_MAX (INT64_C(1) << 60)

static const struct {
	const char *key;
	size_t offset;
	enum { LIMIT_I64, LIMIT_SIZE } type;
	int64_t max;
} limits[] = {
	{ "bytes", offsetof(struct layer_limits, bytes), LIMIT_I64, BYTES_MAX },
	{ "entries", offsetof(struct layer_limits, entries), LIMIT_I64, BYTES_MAX },
	{ "ratio", offsetof(struct layer_limits, ratio), LIMIT_I64, BYTES_MAX },
	{ "ratio-zstd", offsetof(struct layer_limits, ratio_zstd), LIMIT_I64, BYTES_MAX },
	{ "file-size", offsetof(struct layer_limits, file_size), LIMIT_I64, BYTES_MAX },
	{ "sparse", offsetof(struct layer_limits, sparse_bytes), LIMIT_I64, BYTES_MAX },
	{ "header", offsetof(struct layer_limits, header), LIMIT_SIZE, INT64_C(1) << 30 },
	{ "path", offsetof(struct layer_limits, path), LIMIT_SIZE, 1 << 20 },
	{ "depth", offsetof(struct layer_limits, depth), LIMIT_SIZE, 1 << 20 },
	{ "window", offsetof(struct layer_limits, window), LIMIT_I64, INT64_C(1) << 31 },
};

static int set(struct layer_limits *out, const char *key, const char *value, struct err *e)
{
	own(buf) struct buf known = { 0 };
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		char *at = (char *)out + limits[i].offset;

		buf_addf(&known, "%s%s", i ? ", " : "", limits[i].key);
		if (!str_eq(key, limits[i].key))
			continue;
		if (str_to_size(value, &v) < 0 || v < 1 || v > limits[i].max)
			return err_set(
				e, ERR_USAGE,
				"--limit %s: expected a number from 1 to %lld, maybe with K, "
				"M, G or T after it, found \"%.40s\"",
				key, (long long)limits[i].max, value);
		if (limits[i].type == LIMIT_SIZE)
			*(size_t *)(void *)at = (size_t)v;
		else
			*(int64_t *)(void *)at = v;
		return 0;
	}
	return err_set(e, ERR_USAGE, "--limit: there is no limit \"%.40s\"; there are %s", key,
		       known.s);
}

int image_limits(const struct strmap *given, struct layer_limits *out, struct err *e)
{
	*out = layer_limits_default;
	for (size_t i = 0; i < given->n; i++)
		if (set(out, given->v[i].key, given->v[i].value, e) < 0)
			return -1;
	return 0;
}
