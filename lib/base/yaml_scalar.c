/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yaml_scalar.c - plain scalars of YAML 1.1 as go-yaml v2, and with it Kubernetes, reads them. */
#include "base/yaml_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

// clang-format off
static const struct {
	const char *word;
	enum yaml_kind kind;
	bool value;
} words[] = {
	{ "", YAML_NULL, false }, { "~", YAML_NULL, false }, { "null", YAML_NULL, false },
	{ "Null", YAML_NULL, false }, { "NULL", YAML_NULL, false },
	{ "true", YAML_BOOL, true }, { "True", YAML_BOOL, true }, { "TRUE", YAML_BOOL, true },
	{ "yes", YAML_BOOL, true }, { "Yes", YAML_BOOL, true }, { "YES", YAML_BOOL, true },
	{ "on", YAML_BOOL, true }, { "On", YAML_BOOL, true }, { "ON", YAML_BOOL, true },
	{ "y", YAML_BOOL, true }, { "Y", YAML_BOOL, true },
	{ "false", YAML_BOOL, false }, { "False", YAML_BOOL, false }, { "FALSE", YAML_BOOL, false },
	{ "no", YAML_BOOL, false }, { "No", YAML_BOOL, false }, { "NO", YAML_BOOL, false },
	{ "off", YAML_BOOL, false }, { "Off", YAML_BOOL, false }, { "OFF", YAML_BOOL, false },
	{ "n", YAML_BOOL, false }, { "N", YAML_BOOL, false },
};
// clang-format on

/* [-+]? then 0b, 0o, 0x, 0 (octal) or decimal digits; the whole of s. */
static bool to_int(const char *s, struct json_object **out)
{
	static const struct {
		const char *prefix;
		int base;
	} prefixes[] = { { "0x", 16 }, { "0X", 16 }, { "0b", 2 }, { "0B", 2 },
			 { "0o", 8 },  { "0O", 8 },  { "0", 8 },  { "", 10 } };
	bool negative = *s == '-';
	const char *digits = s + (*s == '-' || *s == '+');
	size_t i = 0;
	uint64_t v;
	char *end;

	if (str_eq(digits, "0")) {
		*out = json_object_new_int64(0);
		return true;
	}
	while (!str_starts(digits, prefixes[i].prefix))
		i++;
	digits += strlen(prefixes[i].prefix);
	if (!isxdigit((unsigned char)*digits))
		return false;
	/* strtoull() takes a prefix of its own after ours. */
	if (prefixes[i].base == 16 && (digits[1] | 0x20) == 'x')
		return false;
	errno = 0;
	v = strtoull(digits, &end, prefixes[i].base);
	if (*end || errno || (negative && v > (uint64_t)INT64_MAX + 1))
		return false;
	*out = negative			 ? json_object_new_int64((int64_t)(0 - v))
	       : v > (uint64_t)INT64_MAX ? json_object_new_uint64(v)
					 : json_object_new_int64((int64_t)v);
	return true;
}

/* [-+]? ( .digits | digits [. digits?] ) ( [eE] [-+]? digits )? */
static bool is_real(const char *s)
{
	size_t whole, part = 0;

	s += *s == '-' || *s == '+';
	whole = strspn(s, "0123456789");
	s += whole;
	if (*s == '.') {
		part = strspn(++s, "0123456789");
		s += part;
	}
	if (!whole && !part)
		return false;
	if ((*s | 0x20) == 'e') {
		s++;
		s += *s == '-' || *s == '+';
		if (!strspn(s, "0123456789"))
			return false;
		s += strspn(s, "0123456789");
	}
	return !*s;
}

static char *without_underscores(const char *s)
{
	own(buf) struct buf b = { 0 };

	for (; *s; s++)
		if (*s != '_')
			buf_addc(&b, *s);
	return buf_steal(&b);
}

/* The first character decides whether it may be a number at all. */
static enum yaml_kind resolve_number(const char *text, struct json_object **out)
{
	own(str) char *plain = NULL;
	double v;

	if (!isdigit((unsigned char)*text) && !strchr("+-.", *text))
		return YAML_TEXT;
	plain = without_underscores(text);
	if (*text != '.' && to_int(plain, out)) {
		if (!str_eq(json_object_to_json_string(*out), text))
			json_set_spelling(*out, text);
		return YAML_INT;
	}
	if (!is_real(plain))
		return YAML_TEXT;
	v = strtod(plain, NULL);
	if (!isfinite(v))
		return YAML_TEXT;
	*out = json_object_new_double(v);
	json_set_spelling(*out, text);
	return YAML_REAL;
}

enum yaml_kind yaml_resolve(const char *text, struct json_object **out)
{
	*out = NULL;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_eq(text, words[i].word))
			continue;
		if (words[i].kind == YAML_NULL)
			return YAML_NULL;
		*out = json_object_new_boolean(words[i].value);
		if (!str_eq(text, words[i].value ? "true" : "false"))
			json_set_spelling(*out, text);
		return YAML_BOOL;
	}
	return resolve_number(text, out);
}
