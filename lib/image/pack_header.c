/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/pack_header.h"

#include <stdio.h>

/* POSIX.1-1988; text fields need no NUL at their end. */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a tar header is one block");

void pack_record(struct buf *b, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3; /* blank, '=', newline */
	size_t len = rest, before;
	char digits[24];

	do { /* the length counts its own digits */
		before = len;
		len = rest + (size_t)snprintf(digits, sizeof(digits), "%zu", len);
	} while (len != before);
	buf_addf(b, "%zu %s=", len, key);
	buf_addn(b, value, n);
	buf_addc(b, '\n');
}

static void record_text(struct buf *b, const char *key, const char *value)
{
	pack_record(b, key, value, strlen(value));
}

static void record_number(struct buf *b, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	record_text(b, key, text);
}

static void octal(char *field, size_t size, uint64_t value)
{
	for (size_t i = size - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

static void text(char *field, size_t size, const char *s)
{
	memcpy(field, s, strnlen(s, size));
}

/* Octal where it fits (size less its NUL), else a record, and the field says 0. */
static void number(char *field, size_t size, int64_t value, const char *key, struct buf *records)
{
	bool fits = value >= 0 && value < INT64_C(1) << (3 * (size - 1));

	octal(field, size, fits ? (uint64_t)value : 0);
	if (!fits)
		record_number(records, key, value);
}

static void text_or_record(char *field, size_t size, const char *s, const char *key,
			   struct buf *records)
{
	text(field, size, s);
	if (strlen(s) > size)
		record_text(records, key, s);
}

static void time_record(const struct pack_entry *entry, struct buf *records)
{
	int64_t s = entry->mtime;
	uint32_t ns = entry->mtime_ns;
	char t[48];

	if (s < 0 && ns) { /* the text has one sign, for both parts */
		s += 1;
		ns = 1000000000 - ns;
	}
	snprintf(t, sizeof(t), "%s%lld.%09u", entry->mtime < 0 ? "-" : "",
		 (long long)(s < 0 ? -s : s), ns);
	record_text(records, "mtime", t);
}

/* The name in the header is what a reader shows that does not know of sparse files. */
static int64_t sparse_records(const struct pack_entry *entry, struct buf *records)
{
	record_number(records, "GNU.sparse.major", 1);
	record_number(records, "GNU.sparse.minor", 0);
	record_text(records, "GNU.sparse.name", entry->name);
	record_number(records, "GNU.sparse.realsize", entry->size);
	return (int64_t)entry->sparse->text.len + entry->sparse->data;
}

static void seal(struct ustar *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	octal(h->checksum, 7, sum);
	h->checksum[6] = '\0';
}

static void fill(struct ustar *h, char type, mode_t mode)
{
	memset(h, 0, sizeof(*h));
	octal(h->mode, sizeof(h->mode), mode & 07777);
	h->type = type;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
}

void pack_padding(struct buf *out, int64_t n)
{
	static const char zeros[TAR_BLOCK];

	buf_addn(out, zeros, (size_t)(-n & (TAR_BLOCK - 1)));
}

void pack_header(struct buf *out, const struct pack_entry *entry, struct buf *records)
{
	int64_t size = entry->sparse ? sparse_records(entry, records) : entry->size;
	struct ustar h, pax;

	fill(&h, entry->type, entry->mode);
	if (entry->sparse)
		text(h.name, sizeof(h.name), "GNUSparseFile.0/entry");
	else
		text_or_record(h.name, sizeof(h.name), entry->name, "path", records);
	if (entry->link)
		text_or_record(h.link, sizeof(h.link), entry->link, "linkpath", records);
	number(h.uid, sizeof(h.uid), entry->uid, "uid", records);
	number(h.gid, sizeof(h.gid), entry->gid, "gid", records);
	number(h.size, sizeof(h.size), size, "size", records);
	octal(h.major, sizeof(h.major), entry->major);
	octal(h.minor, sizeof(h.minor), entry->minor);
	if (entry->mtime_ns || entry->mtime < 0 || entry->mtime >= INT64_C(1) << 33)
		time_record(entry, records);
	octal(h.mtime, sizeof(h.mtime),
	      entry->mtime >= 0 && entry->mtime < INT64_C(1) << 33 ? (uint64_t)entry->mtime : 0);
	seal(&h);
	if (records->len) {
		fill(&pax, 'x', 0644);
		text(pax.name, sizeof(pax.name), "PaxHeaders/entry");
		octal(pax.uid, sizeof(pax.uid), 0);
		octal(pax.gid, sizeof(pax.gid), 0);
		octal(pax.mtime, sizeof(pax.mtime), 0);
		octal(pax.size, sizeof(pax.size), records->len);
		seal(&pax);
		buf_addn(out, &pax, sizeof(pax));
		buf_addn(out, records->s, records->len);
		pack_padding(out, (int64_t)records->len);
	}
	buf_addn(out, &h, sizeof(h));
}
