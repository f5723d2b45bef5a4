/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blobs: compressed in every legal way, cut, lying about themselves, or made to explode. */
#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

#include "base/dl.h"
#include "image/digest.h"
#include "tar.h"

// clang-format off
#define PACK_Z(X) X(deflateInit2_) X(deflate) X(deflateEnd)
#define PACK_ZSTD(X) X(ZSTD_compress) X(ZSTD_isError)
static struct pack_z { PACK_Z(DL_MEMBER) } z;
static struct pack_zstd { PACK_ZSTD(DL_MEMBER) } zs;
#define Z_SYMBOL(fn) { #fn, offsetof(struct pack_z, fn) },
#define ZSTD_SYMBOL(fn) { #fn, offsetof(struct pack_zstd, fn) },
static const struct dl_symbol z_symbols[] = { PACK_Z(Z_SYMBOL) };
static const struct dl_symbol zstd_symbols[] = { PACK_ZSTD(ZSTD_SYMBOL) };
// clang-format on

static void gz(struct buf *out, const void *p, size_t n)
{
	z_stream s = { 0 };
	size_t room = n + n / 100 + 1024;

	z.deflateInit2_(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, sizeof(s));
	buf_reserve(out, room);
	s.next_in = (Bytef *)(uintptr_t)p;
	s.avail_in = (unsigned)n;
	s.next_out = (Bytef *)out->s + out->len;
	s.avail_out = (unsigned)room;
	if (z.deflate(&s, Z_FINISH) != Z_STREAM_END)
		abort();
	out->len += s.total_out;
	z.deflateEnd(&s);
}

static void zst(struct buf *out, const void *p, size_t n)
{
	size_t room = n + n / 100 + 1024, r;

	buf_reserve(out, room);
	r = zs.ZSTD_compress(out->s + out->len, room, p, n, 3);
	if (zs.ZSTD_isError(r))
		abort();
	out->len += r;
}

/* Three entries, some of it not compressible. */
static void sample(struct buf *b)
{
	static char data[70000];
	unsigned x = 12345;

	for (size_t i = 0; i < sizeof(data); i++) {
		x = x * 1103515245 + 12345;
		data[i] = i < 30000 ? (char)(x >> 16) : (char)i;
	}
	add(b, .name = "d", .type = '5');
	add(b, .name = "d/f", .data = data, .size = sizeof(data));
	add(b, .name = "l", .type = '2', .link = "d/f");
	tar_end(b);
}

static void expect_sample(const char *what, const struct buf *blob, size_t piece,
			  const struct buf *tar)
{
	own(world) struct world w;
	char want[DIGEST_SIZE];
	struct err e;
	int r;

	world_open(&w);
	digest_of(tar->s, tar->len, want, &e);
	r = unpack_with(&w, blob->s, blob->len, piece, NULL);
	ok(r == 0, "%s, pieces of %zu: %s", what, piece, w.e.msg);
	if (r == 0) {
		same_str(w.diff_id, want);
		same_int(tree_stat(&w, "d/f").st_size, 70000);
		ok(S_ISLNK(tree_stat(&w, "l").st_mode), "%s: the last entry is missing", what);
	}
}

static void expect_error(const char *what, const struct buf *blob, const char *want)
{
	own(world) struct world w;
	int r;

	world_open(&w);
	r = unpack(&w, blob);
	ok(r < 0 && strstr(w.e.msg, want), "%s: %s", what, r < 0 ? w.e.msg : "was taken");
	canary_is_untouched(&w, what);
}

TEST(all_three_forms_unpack_to_the_same_diff_id_in_pieces_of_any_size)
{
	static const size_t pieces[] = { 1, 7, 511, 4096, 1 << 20 };
	own(buf) struct buf tar = { 0 }, g = { 0 }, s = { 0 };

	sample(&tar);
	gz(&g, tar.s, tar.len);
	zst(&s, tar.s, tar.len);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		expect_sample("tar", &tar, pieces[i], &tar);
		expect_sample("gzip", &g, pieces[i], &tar);
		expect_sample("zstd", &s, pieces[i], &tar);
	}
}

TEST(members_and_frames_may_be_concatenated_skippable_or_padded)
{
	own(buf) struct buf tar = { 0 }, b = { 0 };
	static const char skippable[] = "\x53\x2a\x4d\x18\x05\x00\x00\x00"
					"hello";
	static const char zeros[700];

	sample(&tar);
	for (size_t at = 0; at < tar.len; at += 10000)
		gz(&b, tar.s + at, MIN(tar.len - at, (size_t)10000));
	for (size_t piece = 1; piece < 40; piece += 3)
		expect_sample("gzip members", &b, piece, &tar);
	buf_addn(&b, zeros, sizeof(zeros));
	expect_sample("gzip padded with NULs", &b, 1 << 20, &tar);
	expect_sample("gzip padded with NULs", &b, 3, &tar);
	buf_addc(&b, 'x');
	expect_error("gzip with garbage behind", &b, "something else follows");
	buf_free(&b);
	buf_addn(&b, skippable, 13);
	for (size_t at = 0; at < tar.len; at += 10000) {
		zst(&b, tar.s + at, MIN(tar.len - at, (size_t)10000));
		buf_addn(&b, skippable, 13);
	}
	expect_sample("zstd frames", &b, 1 << 20, &tar);
	expect_sample("zstd frames", &b, 5, &tar);
	buf_free(&b);
	gz(&b, tar.s, tar.len);
	gz(&b, "", 0);
	expect_sample("an empty member at the end", &b, 1 << 20, &tar);
}

TEST(what_follows_the_end_of_the_archive_counts_for_the_diff_id_and_nothing_else)
{
	own(buf) struct buf tar = { 0 }, g = { 0 };

	sample(&tar);
	for (int i = 0; i < 300000; i++)
		buf_addc(&tar, 'g');
	expect_sample("garbage after the end", &tar, 1 << 20, &tar);
	gz(&g, tar.s, tar.len);
	expect_sample("garbage after the end, gzip", &g, 4096, &tar);
}

TEST(a_stream_that_is_cut_anywhere_is_an_error_when_its_end_must_be_there)
{
	struct layer_limits limits = layer_limits_default;
	own(buf) struct buf tar = { 0 }, g = { 0 };

	limits.need_end = true;
	add(&tar, .name = "d", .type = '5');
	add(&tar, .name = "d/f", .data = "0123456789");
	add(&tar, .name = "d/empty");
	add(&tar, .name = "l", .type = '2', .link = "x");
	for (size_t n = 0; n <= tar.len; n += 256) {
		own(world) struct world w;

		world_open(&w);
		ok(unpack_with(&w, tar.s, n, 1 << 20, &limits) < 0, "cut at %zu of %zu", n,
		   tar.len);
	}
	tar_end(&tar);
	gz(&g, tar.s, tar.len);
	for (size_t n = 0; n <= g.len; n++) {
		own(world) struct world w;
		int r;

		world_open(&w);
		r = unpack_with(&w, g.s, n, 1 << 20, &limits);
		ok((r == 0) == (n == g.len), "gzip cut at %zu of %zu", n, g.len);
	}
}

TEST(a_missing_end_is_taken_where_a_digest_vouches_for_the_blob)
{
	own(world) struct world w;
	own(buf) struct buf tar = { 0 };

	world_open(&w);
	add(&tar, .name = "f", .data = "x");
	ok(unpack(&w, &tar) == 0, "%s", w.e.msg);
	same_int(tree_stat(&w, "f").st_size, 1);
}

TEST(a_damaged_blob_is_an_error)
{
	own(buf) struct buf tar = { 0 }, g = { 0 }, s = { 0 };

	sample(&tar);
	gz(&g, tar.s, tar.len);
	g.s[g.len - 6] ^= 1;
	expect_error("gzip with a wrong checksum", &g, "gzip");
	g.s[1000] ^= 0x55;
	expect_error("gzip with a flipped byte", &g, "");
	zst(&s, tar.s, tar.len);
	s.len -= 10;
	expect_error("zstd without its end", &s, "too early");
	s.s[200] ^= 0x55;
	expect_error("zstd with a flipped byte", &s, "");
	tar.s[3] ^= 1;
	expect_error("tar with a wrong checksum", &tar, "tar");
}

TEST(nothing_but_tar_is_read)
{
	static const struct {
		const char *what, *bytes;
		size_t n;
	} rows[] = {
		{ "zip", "PK\3\4\n\0\0\0\0\0", 10 },
		{ "7zip", "7z\xbc\xaf\x27\x1c\0\4", 8 },
		{ "cpio", "070701000000000000000000000000", 30 },
		{ "ar", "!<arch>\nfile/           0           0     0     100644  2         `\nx\n",
		  70 },
		{ "mtree", "#mtree\n/set type=file\nf mode=644 contents=/etc/passwd\n", 53 },
		{ "rpm", "\xed\xab\xee\xdb\3\0\0\0", 8 },
		{ "xar", "xar!\0\x1c\0\1", 8 },
		{ "xz", "\3757zXZ\0\0\4", 8 },
		{ "bzip2", "BZh91AY&SY", 10 },
		{ "lrzip", "LRZI\0\6", 6 },
		{ "grzip", "GRZipII\0\2\4:)", 12 },
		{ "compress", "\x1f\x9d\x90", 3 },
		{ "text", "hello\n", 6 },
		{ "shell", "#!/bin/sh\n", 10 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		own(buf) struct buf b = { 0 }, g = { 0 };

		buf_addn(&b, rows[i].bytes, rows[i].n);
		while (b.len < 4096)
			buf_addc(&b, 'x');
		expect_error(rows[i].what, &b, "");
		gz(&g, b.s, b.len);
		expect_error(rows[i].what, &g, "not a tar archive");
	}
}

TEST(gzip_in_gzip_is_not_unpacked_twice)
{
	own(buf) struct buf tar = { 0 }, g = { 0 }, gg = { 0 };

	sample(&tar);
	gz(&g, tar.s, tar.len);
	gz(&gg, g.s, g.len);
	expect_error("gzip in gzip", &gg, "not a tar archive");
}

TEST(a_size_field_that_lies_is_an_error)
{
	static const struct {
		const char *what, *field;
	} rows[] = {
		{ "negative", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
		{ "huge", "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff" },
		{ "2 TiB", "\x80\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00" },
		{ "beyond the end", "00000100000\0" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		own(buf) struct buf b = { 0 };

		add(&b, .name = "f", .data = "x", .size_field = rows[i].field);
		tar_end(&b);
		expect_error(rows[i].what, &b, "");
	}
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* The peak of the whole program only ever grows: what this blob adds to it is at least what it
 * took. */
static void bounded(const char *what, const struct buf *blob, const char *want)
{
	long before = peak_kib();

	expect_error(what, blob, want);
	ok(peak_kib() - before < 64 * 1024, "%s: took %ld KiB more", what, peak_kib() - before);
}

TEST(headers_that_would_fill_the_memory_are_refused)
{
	own(buf) struct buf b = { 0 }, pax = { 0 }, map = { 0 }, sparse = { 0 };

	for (int i = 0; i < 200000; i++)
		pax_record(&pax, "comment", "0123456789012345678901234567890123456789", 40);
	add(&b, .name = "f", .pax = &pax);
	tar_end(&b);
	bounded("PAX records of 10 MB", &b, "");
	buf_free(&b);
	for (int i = 0; i < 6000; i++) {
		own(buf) struct buf small = { 0 };

		pax_record(&small, "comment", "x", 1);
		tar_header(&b, &(struct ent){ .mode = 0644 }, "g", 'g', small.len);
		buf_addn(&b, small.s, small.len);
		tar_pad(&b);
	}
	add(&b, .name = "f");
	tar_end(&b);
	bounded("thousands of global headers", &b, "headers");
	buf_free(&b);
	buf_addf(&map, "%d\n", 1000000);
	for (int i = 0; i < 1000000; i++)
		buf_addf(&map, "%d\n1\n", i * 2);
	tar_pad(&map);
	pax_record(&sparse, "GNU.sparse.major", "1", 1);
	pax_record(&sparse, "GNU.sparse.minor", "0", 1);
	pax_record(&sparse, "GNU.sparse.name", "f", 1);
	pax_record(&sparse, "GNU.sparse.realsize", "2000001", 7);
	add(&b, .name = "f", .data = map.s, .size = map.len, .pax = &sparse);
	tar_end(&b);
	bounded("a sparse map with a million entries", &b, "headers of one entry");
}

static void sparse_file(struct buf *b, const char *name, const char *size)
{
	own(buf) struct buf pax = { 0 }, data = { 0 };

	buf_addf(&data, "1\n0\n1\n");
	while (data.len < 512)
		buf_addc(&data, '\0');
	buf_addc(&data, 'x');
	pax_record(&pax, "GNU.sparse.major", "1", 1);
	pax_record(&pax, "GNU.sparse.minor", "0", 1);
	pax_record(&pax, "GNU.sparse.name", name, strlen(name));
	pax_record(&pax, "GNU.sparse.realsize", size, strlen(size));
	add(b, .name = "placeholder", .data = data.s, .size = data.len, .pax = &pax);
}

TEST(a_sparse_file_has_holes_and_a_bounded_size)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 };
	struct layer_limits limits = layer_limits_default;

	world_open(&w);
	sparse_file(&b, "hole", "1073741824");
	tar_end(&b);
	ok(unpack(&w, &b) == 0, "%s", w.e.msg);
	same_int(tree_stat(&w, "hole").st_size, 1073741824);
	ok(tree_stat(&w, "hole").st_blocks < 100, "%lld blocks",
	   (long long)tree_stat(&w, "hole").st_blocks);
	limits.sparse_bytes = 3 * INT64_C(1073741824);
	for (int i = 0; i < 4; i++) {
		char name[] = { 'h', (char)('0' + i), '\0' };

		b.len -= i == 0 ? 1024 : 0;
		sparse_file(&b, name, "1073741824");
	}
	tar_end(&b);
	ok(unpack_with(&w, b.s, b.len, 1 << 20, &limits) < 0 && strstr(w.e.msg, "sparse"), "%s",
	   w.e.msg);
	buf_free(&b);
	sparse_file(&b, "hole", "1099511627776");
	tar_end(&b);
	expect_error("a sparse file of 1 TiB", &b, "too large");
}

TEST(bombs_stop_at_the_limits)
{
	struct layer_limits limits = layer_limits_default;
	own(world) struct world w;
	own(buf) struct buf tar = { 0 }, b = { 0 };
	size_t n = 200 << 20;
	char *zeros = xcalloc(1, n);

	world_open(&w);
	add(&tar, .name = "f", .size_field = "77777777777");
	tar.len = 512;
	zst(&b, tar.s, tar.len);
	zst(&b, zeros, n);
	bounded("zstd of zeros", &b, "times its size");
	b.len = 0;
	gz(&b, tar.s, tar.len);
	gz(&b, zeros, n);
	limits.bytes = 100 << 20;
	ok(unpack_with(&w, b.s, b.len, 1 << 20, &limits) < 0 &&
		   strstr(w.e.msg, "more than 104857600 bytes"),
	   "%s", w.e.msg);
	b.len = tar.len = 0;
	limits.entries = 10;
	for (int i = 0; i < 11; i++)
		add(&tar, .name = "f");
	tar_end(&tar);
	ok(unpack_with(&w, tar.s, tar.len, 1 << 20, &limits) < 0 &&
		   strstr(w.e.msg, "more than 10 entries"),
	   "%s", w.e.msg);
	free(zeros);
}

TEST(a_zstd_window_beyond_128_mib_is_refused)
{
	/* A frame header alone: no single segment, window descriptor 2^31. */
	static const char frame[] = "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00";
	own(buf) struct buf b = { 0 };

	buf_addn(&b, frame, sizeof(frame) - 1);
	while (b.len < 1000)
		buf_addc(&b, '\0');
	bounded("zstd with a window of 2 GiB", &b, "zstd");
}

TEST(closing_a_writer_early_stops_it)
{
	own(world) struct world w;
	own(buf) struct buf tar = { 0 };

	world_open(&w);
	sample(&tar);
	for (size_t n = 0; n < tar.len; n += 5000) {
		own(layer_writer) struct layer_writer *writer = NULL;

		same_int(layer_writer_open(w.tree, LAYER_TAR, &writer, &w.e), 0);
		same_int(layer_writer_push(writer, tar.s, n, &w.e), 0);
	}
}

int main(void)
{
	struct err e;

	if (dl_load("libz.so.1", "zlib1g", z_symbols, ARRAY_LEN(z_symbols), &z, &e) < 0 ||
	    dl_load("libzstd.so.1", "libzstd1", zstd_symbols, ARRAY_LEN(zstd_symbols), &zs, &e) <
		    0) {
		printf("Bail out! %s\n", e.msg);
		return 1;
	}
	return unit_run();
}
