/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json_path.c - one value inside another, by a path such as .network.ips[0]. */
#include <ctype.h>
#include <stdlib.h>

#include "base/json.h"

#define NAMES_MAX 300 /* bytes of names that an error lists */

struct path {
	const char *text, *p;
	struct err *e;
};

static int bad(const struct path *s, const char *expected)
{
	return err_set(s->e, ERR_USAGE, "field '%.120s': expected %s at column %zu", s->text,
		       expected, (size_t)(s->p - s->text) + 1);
}

/* What there is instead. */
static void add_names(struct json_object *o, struct buf *b)
{
	json_object_object_foreach(o, key, value)
	{
		own(str) char *shown = str_printable(key, strlen(key));

		(void)value;
		if (b->len > NAMES_MAX) {
			buf_add(b, ", ...");
			return;
		}
		buf_addf(b, "%s%s", b->len ? ", " : "", shown);
	}
}

static const char *type_of(struct json_object *j)
{
	switch (json_object_get_type(j)) {
	case json_type_object:
		return "an object";
	case json_type_array:
		return "a list";
	case json_type_string:
		return "a text";
	case json_type_boolean:
		return "a truth value";
	case json_type_null:
		return "null";
	default:
		return "a number";
	}
}

static int missing(const struct path *s, struct json_object *in, const char *name)
{
	own(buf) struct buf names = { 0 };

	if (!json_object_is_type(in, json_type_object))
		return err_set(s->e, ERR_NOT_FOUND, "field '%.120s': no '%.60s' in %s", s->text,
			       name, type_of(in));
	add_names(in, &names);
	return err_set(s->e, ERR_NOT_FOUND, "field '%.120s': no '%.60s' there; there %s %s",
		       s->text, name, json_object_object_length(in) == 1 ? "is" : "are",
		       names.s ? names.s : "no members");
}

static int member(const struct path *s, struct json_object **j, const char *name)
{
	struct json_object *next;

	if (!json_object_is_type(*j, json_type_object) ||
	    !json_object_object_get_ex(*j, name, &next))
		return missing(s, *j, name);
	*j = next;
	return 0;
}

static int element(struct path *s, struct json_object **j)
{
	size_t digits = strspn(s->p, "0123456789");
	own(str) char *text = xstrndup(s->p, digits);
	int64_t i;

	if (str_to_i64(text, 0, INT32_MAX, &i) < 0)
		return bad(s, "a number, or a name in quotes,");
	if (!json_object_is_type(*j, json_type_array))
		return err_set(s->e, ERR_NOT_FOUND, "field '%.120s': no [%s] in %s", s->text, text,
			       type_of(*j));
	if ((size_t)i >= json_object_array_length(*j))
		return err_set(s->e, ERR_NOT_FOUND, "field '%.120s': no [%s], the list has %zu",
			       s->text, text, json_object_array_length(*j));
	*j = json_object_array_get_idx(*j, (size_t)i);
	s->p += digits;
	return 0;
}

/* [0] or ["name"] */
static int bracket(struct path *s, struct json_object **j)
{
	s->p++;
	if (*s->p == '"') {
		const char *end = strchr(s->p + 1, '"');
		own(str) char *name = NULL;

		if (!end)
			return bad(s, "a closing quote after the one");
		name = xstrndup(s->p + 1, (size_t)(end - s->p) - 1);
		if (member(s, j, name) < 0)
			return -1;
		s->p = end + 1;
	} else if (element(s, j) < 0) {
		return -1;
	}
	if (*s->p != ']')
		return bad(s, "']'");
	s->p++;
	return 0;
}

static int word(struct path *s, struct json_object **j)
{
	size_t n = strcspn(s->p, ".[]\"");
	own(str) char *name = xstrndup(s->p, n);

	if (!n)
		return bad(s, "a name");
	if (member(s, j, name) < 0)
		return -1;
	s->p += n;
	return 0;
}

int json_path_find(struct json_object *j, const char *path, struct json_object **out, struct err *e)
{
	struct path s = { .text = path, .p = path, .e = e };

	/* "." alone is everything; the first point may be left out. */
	if (str_eq(path, ".")) {
		*out = j;
		return 0;
	}
	if (*s.p != '.' && *s.p != '[' && word(&s, &j) < 0)
		return -1;
	while (*s.p) {
		if (*s.p == '[') {
			if (bracket(&s, &j) < 0)
				return -1;
		} else if (*s.p == '.') {
			s.p++;
			if (*s.p == '[' && s.p == path + 1) /* .["a.b"] */
				continue;
			if (word(&s, &j) < 0)
				return -1;
		} else {
			return bad(&s, "'.' or '['");
		}
	}
	*out = j;
	return 0;
}
