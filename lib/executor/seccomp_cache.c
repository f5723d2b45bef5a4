/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compiled profiles: DIR/<hash>, in which the profile's whole text is in front of the program, so
 * that a hash that two profiles share does no harm. Compiling takes longer than all else of a
 * start.
 */
#include "executor/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"

#define CACHE_MAX (8 * 1024 * 1024)
#define CACHE_FILES 64
#define CACHE_MAGIC 0x31706d6363657343 /* the layout's version */

struct cache_head {
	uint64_t magic, caps;
	uint32_t text_len, n, flags, zero;
};

static uint64_t hash_add(uint64_t h, const void *p, size_t n) /* FNV-1a */
{
	const unsigned char *c = p;

	while (n--)
		h = (h ^ *c++) * UINT64_C(1099511628211);
	return h;
}

static bool cache_load(int dir, const char *name, const struct buf *text, uint64_t caps,
		       struct seccomp *out)
{
	own(buf) struct buf b = { 0 };
	struct cache_head h;
	struct err ignored;
	size_t size;

	if (file_load(dir, name, CACHE_MAX, &b, &ignored) < 0 || b.len < sizeof(h))
		return false;
	memcpy(&h, b.s, sizeof(h));
	size = (size_t)h.n * sizeof(*out->insns);
	if (h.magic != CACHE_MAGIC || h.caps != caps || h.text_len != text->len || h.n == 0 ||
	    h.n > UINT16_MAX || b.len != sizeof(h) + text->len + size ||
	    memcmp(b.s + sizeof(h), text->s, text->len) != 0)
		return false;
	out->insns = xmalloc(size);
	memcpy(out->insns, b.s + sizeof(h) + text->len, size);
	out->n = (unsigned short)h.n;
	out->flags = h.flags;
	return true;
}

/* A cache that has grown is begun anew. */
static void cache_trim(int dir)
{
	own(fd) int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = again < 0 ? NULL : fdopendir(again);
	size_t n = 0;

	if (!d)
		return;
	fd_steal(&again);
	for (struct dirent *de; (de = readdir(d));)
		n += de->d_name[0] != '.';
	if (n < CACHE_FILES)
		return;
	rewinddir(d);
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.')
			unlinkat(dir, de->d_name, 0);
}

static void cache_save(int dir, const char *name, const struct buf *text, uint64_t caps,
		       const struct seccomp *f)
{
	struct cache_head h = { .magic = CACHE_MAGIC,
				.caps = caps,
				.text_len = (uint32_t)text->len,
				.n = f->n,
				.flags = f->flags };
	own(buf) struct buf b = { 0 };
	struct err ignored;

	cache_trim(dir);
	buf_addn(&b, &h, sizeof(h));
	buf_addn(&b, text->s, text->len);
	buf_addn(&b, f->insns, f->n * sizeof(*f->insns));
	file_replace(dir, name, b.s, b.len, FILE_NOSYNC, &ignored);
}

int seccomp_compile_cached(int dir, struct json_object *profile, uint64_t caps, struct seccomp *out,
			   struct err *e)
{
	own(buf) struct buf text = { 0 };
	char name[40];

	if (dir < 0)
		return seccomp_compile(profile, caps, out, e);
	json_print(profile, &text);
	snprintf(name, sizeof(name), "%016" PRIx64,
		 hash_add(hash_add(UINT64_C(14695981039346656037), &caps, sizeof(caps)), text.s,
			  text.len));
	if (cache_load(dir, name, &text, caps, out))
		return 0;
	if (seccomp_compile(profile, caps, out, e) < 0)
		return -1;
	cache_save(dir, name, &text, caps, out);
	return 0;
}
