/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define XGROW_FIRST 4

static _Noreturn void out_of_memory(void)
{
	static const char line[] = "caddis: out of memory\n";
	ssize_t n = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)n;
	abort();
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		out_of_memory();
	return p;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		out_of_memory();
	return xrealloc(p, bytes);
}

/* The capacity follows from the length: 4, then each power of two. */
void *xgrow(void *v, size_t n, size_t size)
{
	size_t twice;

	if (n == 0)
		return xreallocarray(v, XGROW_FIRST, size);
	if (n < XGROW_FIRST || (n & (n - 1)) != 0)
		return v;
	if (__builtin_mul_overflow(n, (size_t)2, &twice))
		out_of_memory();
	return xreallocarray(v, twice, size);
}

char *xstrdup(const char *s)
{
	return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = xmalloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

static PRINTF(2, 0) void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		out_of_memory();
	buf_reserve(b, (size_t)n);
	vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

char *str_fmt(const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	return buf_steal(&b);
}

void str_set(char **p, const char *s)
{
	char *copy = xstrdup(s);

	free(*p);
	*p = copy;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_is_word(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	return *s != '\0';
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *s == '-';
	int64_t v = 0;

	s += negative;
	if (!*s || (*s == '0' && (s[1] || negative)))
		return -1;
	for (; *s; s++) {
		int digit = *s - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, INT64_C(10), &v) ||
		    __builtin_add_overflow(v, negative ? -digit : digit, &v))
			return -1;
	}
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

int str_to_size(const char *s, int64_t *out)
{
	static const char units[] = "kmgt";
	int64_t v = 0;
	const char *unit;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(v, INT64_C(10), &v) ||
		    __builtin_add_overflow(v, *s - '0', &v))
			return -1;
	}
	unit = *s ? strchr(units, *s | 0x20) : NULL;
	if (unit) {
		if (__builtin_mul_overflow(v, INT64_C(1) << (10 * (unit - units + 1)), &v))
			return -1;
		s++;
		if ((*s | 0x20) == 'i')
			s++;
	}
	if ((*s | 0x20) == 'b')
		s++;
	if (*s)
		return -1;
	*out = v;
	return 0;
}

void str_size_format(int64_t bytes, char *dst, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t v = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes, one = 1;
	size_t unit = 0;

	while (v / one >= 1024) {
		one *= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(dst, size, "%s%uB", bytes < 0 ? "-" : "", (unsigned)v);
	else
		snprintf(dst, size, "%s%u.%u%s", bytes < 0 ? "-" : "", (unsigned)(v / one),
			 (unsigned)(v % one * 10 / one), units[unit]);
}

size_t utf8_len(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t code, least;
	size_t n;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] < 0xe0) {
		n = 2, code = p[0] & 0x1fU, least = 0x80;
	} else if (p[0] >= 0xe0 && p[0] < 0xf0) {
		n = 3, code = p[0] & 0x0fU, least = 0x800;
	} else if (p[0] >= 0xf0 && p[0] < 0xf5) {
		n = 4, code = p[0] & 0x07U, least = 0x10000;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3fU);
	}
	return code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

bool utf8_valid(const char *s, size_t len)
{
	while (len > 0) {
		size_t n = utf8_len(s, len);

		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

/* C0, DEL and C1; and the marks that turn the direction of text, which can make a name read as
 * another. */
static bool is_unprintable(const unsigned char *p, size_t n)
{
	if (n == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x80)
		return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
	return n == 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

char *str_printable(const char *s, size_t len)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < len;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t n = utf8_len(s + i, len - i);

		if (n > 0 && !is_unprintable(p, n)) {
			buf_addn(&b, p, n);
			i += n;
			continue;
		}
		i += n ? n : 1;
		for (size_t k = 0; k < (n ? n : 1); k++)
			buf_addf(&b, "\\x%02x", p[k]);
	}
	return buf_steal(&b);
}

void buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;

	if (__builtin_add_overflow(b->len, more, &need) || __builtin_add_overflow(need, 1, &need))
		out_of_memory();
	if (need <= b->cap)
		return;
	cap = MAX(b->cap, (size_t)64);
	while (cap < need) {
		if (__builtin_mul_overflow(cap, (size_t)2, &cap))
			out_of_memory();
	}
	b->s = xrealloc(b->s, cap);
	b->cap = cap;
	b->s[b->len] = '\0';
}

void buf_addn(struct buf *b, const void *s, size_t n)
{
	buf_reserve(b, n);
	if (n > 0)
		memcpy(b->s + b->len, s, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void buf_add(struct buf *b, const char *s)
{
	buf_addn(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_addn(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

char *buf_steal(struct buf *b)
{
	char *s = b->s ? b->s : xstrdup("");

	*b = (struct buf){ 0 };
	return s;
}

void buf_free(struct buf *b)
{
	free(b->s);
	*b = (struct buf){ 0 };
}
