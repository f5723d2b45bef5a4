/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yaml_print.c - JSON values as YAML in block style. */
#include <ctype.h>
#include <strings.h>

#include "base/yaml.h"

static void print_value(struct json_object *j, size_t indent, bool in_list, struct buf *out);

/* A word that every YAML reads as a text although it is not quoted. */
static bool is_plain(const char *s)
{
	static const char *const reserved[] = { "true", "false", "yes", "no", "on",
						"off",	"null",	 "y",	"n",  NULL };

	for (const char *const *w = reserved; *w; w++)
		if (strcasecmp(*w, s) == 0)
			return false;
	if (!isalpha((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_./-", *s))
			return false;
	return true;
}

/* Characters that YAML does not take as they are: DEL, C1 controls, separators, BOM, U+FFFE. */
static bool needs_escape(const unsigned char *s, size_t len)
{
	if (len == 1)
		return *s < 0x20 || *s == 0x7f;
	if (len == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	if (len != 3)
		return false;
	return (s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9)) ||
	       (s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf) ||
	       (s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe);
}

static unsigned code_point(const unsigned char *s, size_t len)
{
	if (len == 1)
		return s[0];
	if (len == 2)
		return (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU);
	return (s[0] & 0x0fU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
}

static void print_text(const char *s, struct buf *out)
{
	size_t left = strlen(s);

	if (is_plain(s)) {
		buf_add(out, s);
		return;
	}
	buf_addc(out, '"');
	while (left) {
		size_t n = MAX(utf8_len(s, left), (size_t)1);

		if (needs_escape((const unsigned char *)s, n))
			buf_addf(out, "\\u%04x", code_point((const unsigned char *)s, n));
		else if (*s == '"' || *s == '\\')
			buf_addf(out, "\\%c", *s);
		else
			buf_addn(out, s, n);
		s += n;
		left -= n;
	}
	buf_addc(out, '"');
}

static void print_indent(size_t indent, struct buf *out)
{
	for (size_t i = 0; i < indent; i++)
		buf_add(out, "  ");
}

static void print_object(struct json_object *j, size_t indent, bool in_list, struct buf *out)
{
	bool first = true;

	json_object_object_foreach(j, key, value)
	{
		if (!first || !in_list)
			print_indent(indent, out);
		first = false;
		print_text(key, out);
		buf_addc(out, ':');
		print_value(value, indent + 1, false, out);
	}
}

static void print_array(struct json_object *j, size_t indent, struct buf *out)
{
	for (size_t i = 0; i < json_object_array_length(j); i++) {
		print_indent(indent, out);
		buf_addc(out, '-');
		print_value(json_object_array_get_idx(j, i), indent + 1, true, out);
	}
}

/* After "key:" or "-": on the same line where it fits, with the newline. */
static void print_value(struct json_object *j, size_t indent, bool in_list, struct buf *out)
{
	switch (json_object_get_type(j)) {
	case json_type_object:
		if (json_object_object_length(j) == 0) {
			buf_add(out, " {}\n");
			return;
		}
		buf_addc(out, in_list ? ' ' : '\n');
		print_object(j, indent, in_list, out);
		return;
	case json_type_array:
		if (json_object_array_length(j) == 0) {
			buf_add(out, " []\n");
			return;
		}
		buf_addc(out, '\n');
		print_array(j, in_list ? indent : indent - 1, out);
		return;
	case json_type_string:
		buf_addc(out, ' ');
		print_text(json_object_get_string(j), out);
		buf_addc(out, '\n');
		return;
	default:
		buf_addc(out, ' ');
		json_print(j, out);
		buf_addc(out, '\n');
		return;
	}
}

void yaml_print(struct json_object *j, struct buf *out)
{
	if (json_object_is_type(j, json_type_object) && json_object_object_length(j) > 0) {
		print_object(j, 0, false, out);
	} else if (json_object_is_type(j, json_type_array) && json_object_array_length(j) > 0) {
		print_array(j, 0, out);
	} else {
		own(buf) struct buf one = { 0 };

		print_value(j, 1, true, &one);
		buf_add(out, one.s + 1);
	}
}
