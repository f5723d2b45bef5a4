/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/quantity.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define NANO 9
#define DIGITS_MAX 28	     /* 2^63-1 has 19, and nine follow the point */
#define DIGITS_MAX_BINARY 19 /* times 2^60 they still fit */
#define EXPONENT_MAX 100     /* whatever is beyond is capped or rounded all the same */
#define LIMIT ((unsigned __int128)INT64_MAX * 1000000000)

// clang-format off
static const struct suffix {
	const char *text;
	int exponent, power; /* of 10, of 1024 */
} suffixes[] = {
	{ "Ki", 0, 1 }, { "Mi", 0, 2 }, { "Gi", 0, 3 }, { "Ti", 0, 4 }, { "Pi", 0, 5 }, { "Ei", 0, 6 },
	{ "n", -9, 0 }, { "u", -6, 0 }, { "m", -3, 0 }, { "", 0, 0 }, { "k", 3, 0 }, { "M", 6, 0 },
	{ "G", 9, 0 }, { "T", 12, 0 }, { "P", 15, 0 }, { "E", 18, 0 },
};
// clang-format on

/* The number before the suffix: its first digits, and where they stand. */
struct number {
	unsigned __int128 digits;
	int count;    /* of digits, without zeros in front */
	int exponent; /* of ten, of the last digit kept */
	bool rest;    /* digits other than 0 were dropped */
};

static void add_digit(struct number *n, int digit, bool fraction, int max)
{
	if (n->count < max) {
		n->digits = n->digits * 10 + (unsigned)digit;
		n->count += n->count || digit;
		n->exponent -= fraction;
		return;
	}
	n->rest = n->rest || digit;
	n->exponent += !fraction;
}

/* What follows the number; NULL when it is none. */
static const char *read_number(const char *s, int max, struct number *out)
{
	bool point = false, any = false;

	*out = (struct number){ 0 };
	for (;; s++) {
		if (*s == '.' && !point) {
			point = true;
		} else if (*s >= '0' && *s <= '9') {
			add_digit(out, *s - '0', point, max);
			any = true;
			/* Neither digits nor zeros without end may turn the exponent over. */
			if (out->exponent > 1000000 || out->exponent < -1000000)
				return NULL;
		} else {
			return any ? s : NULL;
		}
	}
}

/* e or E and an integer. */
static int read_exponent(const char *s, int *exponent)
{
	bool negative = s[1] == '-';
	const char *digits = s + 1 + (s[1] == '-' || s[1] == '+');
	int v = 0;

	if (!*digits || strspn(digits, "0123456789") != strlen(digits))
		return -1;
	for (; *digits; digits++)
		v = MIN(v * 10 + (*digits - '0'), EXPONENT_MAX);
	*exponent = negative ? -v : v;
	return 0;
}

static const struct suffix *find_suffix(const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (str_eq(suffixes[i].text, s))
			return &suffixes[i];
	return NULL;
}

/* digits * 10^exponent, rounded up, or LIMIT and more. */
static unsigned __int128 scale(unsigned __int128 v, int exponent, bool rest)
{
	for (; exponent < 0 && v; exponent++) {
		rest = rest || v % 10;
		v /= 10;
	}
	v += rest;
	for (; exponent > 0 && v && v <= LIMIT; exponent--)
		v *= 10;
	return v;
}

int quantity_parse(const char *s, struct quantity *out)
{
	const struct suffix *suffix;
	struct number n;
	const char *end;
	int exponent;

	*out = (struct quantity){ .negative = *s == '-' };
	s += *s == '-' || *s == '+';
	end = read_number(s, DIGITS_MAX, &n);
	if (!end)
		return -1;
	suffix = find_suffix(end);
	if (suffix) {
		exponent = suffix->exponent;
		if (suffix->power) {
			out->format = QUANTITY_BINARY;
			read_number(s, DIGITS_MAX_BINARY, &n);
			n.digits <<= 10 * suffix->power;
		}
	} else if ((*end | 0x20) == 'e' && read_exponent(end, &exponent) == 0) {
		out->format = QUANTITY_EXPONENT;
	} else {
		return -1;
	}
	out->nanos = scale(n.digits, n.exponent + exponent + NANO, n.rest);
	out->capped = out->nanos > LIMIT;
	if (out->capped)
		out->nanos = LIMIT;
	return 0;
}

int64_t quantity_scaled(const struct quantity *q, int to)
{
	unsigned __int128 v = scale(q->nanos, -NANO - to, false);
	int64_t magnitude = v > (unsigned __int128)INT64_MAX ? INT64_MAX : (int64_t)v;

	return q->negative ? -magnitude : magnitude;
}

struct quantity quantity_of(int64_t v, int from, enum quantity_format f)
{
	unsigned __int128 magnitude = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
	struct quantity q = { .negative = v < 0, .format = f };

	q.nanos = scale(magnitude, NANO + from, false);
	q.capped = q.nanos > LIMIT;
	if (q.capped)
		q.nanos = LIMIT;
	return q;
}

static const char *suffix_text(int exponent, int power)
{
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (suffixes[i].exponent == exponent && suffixes[i].power == power)
			return suffixes[i].text;
	return "";
}

void quantity_print(const struct quantity *q, char dst[QUANTITY_TEXT_SIZE])
{
	const unsigned __int128 one = 1000000000;
	unsigned __int128 v = q->nanos;
	const char *sign = q->negative && v ? "-" : "";
	/* Below 1024, and with a fraction, the decimal form says it better. */
	bool binary = q->format == QUANTITY_BINARY && v % one == 0 && v >= 1024 * one;
	int exponent = -NANO, power = 0;

	if (binary) {
		for (v /= one; v % 1024 == 0 && power < 6; power++)
			v /= 1024;
		exponent = 0;
	}
	for (; !binary && v && v % 1000 == 0 && exponent < 18; exponent += 3)
		v /= 1000;
	if (!v)
		exponent = 0;
	if (q->format == QUANTITY_EXPONENT && exponent)
		snprintf(dst, QUANTITY_TEXT_SIZE, "%s%llue%d", sign, (unsigned long long)v,
			 exponent);
	else
		snprintf(dst, QUANTITY_TEXT_SIZE, "%s%llu%s", sign, (unsigned long long)v,
			 suffix_text(exponent, power));
}
