/* SPDX-License-Identifier: GPL-2.0-or-later */
/* field_read.c - fields_read(): JSON to a struct, with errors that name the place. */
#include "spec/field.h"

#include <stdlib.h>
#include <strings.h>

#include "base/json.h"
#include "spec/field_name.h"

/* Elements of one list or map: more is no configuration but an attack on our memory. */
#define ELEMENTS_MAX 65536
#define FOUND_MAX 60 /* bytes of a wrong value that the message shows */

/* Where we are: a chain on the stack, spelled out only for an error. */
struct place {
	const struct place *up;
	const char *name; /* NULL: the element index of the list above */
	size_t index;
	bool key;    /* name is the key of a map */
	size_t line; /* 0: not known */
};

struct reading {
	const char *what;
	struct err *e;
};

static int read_struct(struct reading *r, const struct place *at, const struct field_table *t,
		       struct json_object *j, char *out);

static void place_format(const struct place *at, struct buf *b)
{
	own(str) char *shown = NULL;

	if (!at)
		return;
	place_format(at->up, b);
	if (!at->name) {
		buf_addf(b, "[%zu]", at->index);
		return;
	}
	shown = str_printable(at->name, strlen(at->name));
	if (at->key)
		buf_addf(b, "[\"%s\"]", shown);
	else
		buf_addf(b, "%s%s", b->len ? "." : "", shown);
}

static int refuse(struct reading *r, const struct place *at, const char *why)
{
	own(buf) struct buf b = { 0 };

	place_format(at, &b);
	if (at && at->line)
		return err_set(r->e, ERR_USAGE, "%s:%zu: %s: %s", r->what, at->line, b.s ? b.s : "",
			       why);
	return err_set(r->e, ERR_USAGE, "%s: %s%s%s", r->what, b.s ? b.s : "", b.len ? ": " : "",
		       why);
}

/* "expected an integer, found \"fast\"" */
static int unexpected(struct reading *r, const struct place *at, struct json_object *j,
		      const char *expected)
{
	own(str) char *shown = NULL, *why = NULL;
	const char *text, *quote = "";
	size_t len;

	switch (json_object_get_type(j)) {
	case json_type_object:
		text = "an object";
		break;
	case json_type_array:
		text = "a list";
		break;
	case json_type_string:
		text = json_object_get_string(j);
		quote = "\"";
		break;
	default:
		text = json_spelling(j);
		if (!text)
			text = j ? json_object_to_json_string(j) : "null";
		break;
	}
	len = strlen(text);
	shown = str_printable(text, MIN(len, (size_t)FOUND_MAX));
	why = str_fmt("%s, found %s%s%s%s", expected, quote, shown, len > FOUND_MAX ? "..." : "",
		      quote);
	return refuse(r, at, why);
}

/* A real number that says nothing but itself: 1.5, but not 1.50, 1e3 or 01.5. */
static bool is_short_decimal(const char *s)
{
	size_t whole, part;

	s += *s == '-';
	whole = strspn(s, "0123456789");
	if (s[whole] != '.' || whole < 1 || whole > 6 || (s[0] == '0' && whole > 1))
		return false;
	s += whole + 1;
	part = strspn(s, "0123456789");
	return !s[part] && part > 0 && part <= 4 && s[part - 1] != '0';
}

/*
 * Kubernetes' tools make a text of a number or truth value that stands unquoted where a text is
 * due. So do we where that text is what was written; "1.10", which they read as 1.1, is refused.
 */
static const char *text_of_scalar(struct reading *r, const struct place *at, struct json_object *j)
{
	const char *spelling = json_spelling(j);
	own(str) char *why = NULL, *shown = NULL;

	if (!spelling)
		return json_object_to_json_string(j);
	if (json_object_is_type(j, json_type_double) && is_short_decimal(spelling))
		return spelling;
	shown = str_printable(spelling, strnlen(spelling, FOUND_MAX));
	why = str_fmt("expected a string, found the %s %s; write it as \"%s\"",
		      json_object_is_type(j, json_type_boolean) ? "truth value" : "number", shown,
		      shown);
	refuse(r, at, why);
	return NULL;
}

static bool is_scalar(struct json_object *j)
{
	return json_object_is_type(j, json_type_boolean) || json_object_is_type(j, json_type_int) ||
	       json_object_is_type(j, json_type_double);
}

/* s of the JSON string j; NULL (with an error) when it is none. */
static const char *read_text(struct reading *r, const struct place *at, struct json_object *j)
{
	const char *s;

	/* A line is known: a person wrote it. */
	if (at && at->line && is_scalar(j))
		return text_of_scalar(r, at, j);
	if (!json_object_is_type(j, json_type_string)) {
		unexpected(r, at, j, "expected a string");
		return NULL;
	}
	s = json_object_get_string(j);
	if (strlen(s) != (size_t)json_object_get_string_len(j)) {
		refuse(r, at, "the string holds a NUL character");
		return NULL;
	}
	return s;
}

static int out_of_range(struct reading *r, const struct place *at, const struct field *f,
			struct json_object *j)
{
	own(str) char *range = NULL;

	if (f->type == FIELD_U64)
		range = xstrdup("expected an integer from 0 to 18446744073709551615");
	else if (f->max == INT64_MAX)
		range = str_fmt("expected an integer of at least %lld", (long long)f->min);
	else if (f->min == 0 && f->max == 0)
		range = xstrdup("expected an integer of 64 bits");
	else
		range = str_fmt("expected an integer from %lld to %lld", (long long)f->min,
				(long long)f->max);
	return unexpected(r, at, j, range);
}

/* An unsigned number as text, whole; protobuf writes 64 bits so. */
static int text_to_u64(const char *s, uint64_t *v)
{
	if (!*s || (*s == '0' && s[1]))
		return -1;
	for (*v = 0; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(*v, UINT64_C(10), v) ||
		    __builtin_add_overflow(*v, (uint64_t)(*s - '0'), v))
			return -1;
	}
	return 0;
}

/* 1e9 and 2.0 are integers too. */
static int whole_number(struct json_object *j, int64_t *v)
{
	double d = json_object_is_type(j, json_type_double) ? json_object_get_double(j) : 0.5;

	/* Up to 2^53 a double is exact; NaN is in no range. */
	if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != (double)(int64_t)d)
		return -1;
	*v = (int64_t)d;
	return 0;
}

static int read_int(struct reading *r, const struct place *at, const struct field *f, bool texts,
		    struct json_object *j, int64_t *out)
{
	int64_t min = f->min, max = f->max, v;
	uint64_t u;

	if (min == 0 && max == 0)
		min = INT64_MIN, max = INT64_MAX;
	if (texts && json_object_is_type(j, json_type_string)) {
		const char *s = json_object_get_string(j);

		if (str_to_i64(s, INT64_MIN, INT64_MAX, &v) < 0) {
			if (f->type != FIELD_U64 || text_to_u64(s, &u) < 0)
				return unexpected(r, at, j, "expected an integer");
			*out = (int64_t)u;
			return 0;
		}
	} else if (json_object_is_type(j, json_type_int)) {
		/* json-c answers with the nearest number that fits; only a larger one differs here.
		 */
		v = json_object_get_int64(j);
		u = json_object_get_uint64(j);
		if (v == INT64_MAX && u > (uint64_t)INT64_MAX) {
			if (f->type != FIELD_U64)
				return out_of_range(r, at, f, j);
			*out = (int64_t)u;
			return 0;
		}
	} else if (!texts || whole_number(j, &v) < 0) {
		return unexpected(r, at, j, "expected an integer");
	}
	if (f->type == FIELD_U64 ? v < 0 : v < min || v > max)
		return out_of_range(r, at, f, j);
	*out = v;
	return 0;
}

static int read_enum(struct reading *r, const struct place *at, const struct field *f,
		     bool any_case, struct json_object *j, int *out)
{
	own(buf) struct buf expected = { 0 };
	int n = 0;

	while (f->names[n])
		n++;
	if (json_object_is_type(j, json_type_int)) {
		int64_t v = json_object_get_int64(j);

		if (v >= 0 && v < n) {
			*out = (int)v;
			return 0;
		}
	} else if (json_object_is_type(j, json_type_string)) {
		const char *s = json_object_get_string(j);

		for (int i = 0; i < n; i++) {
			if (str_eq(s, f->names[i]) ||
			    (any_case && strcasecmp(s, f->names[i]) == 0)) {
				*out = i;
				return 0;
			}
		}
	}
	buf_add(&expected, "expected one of ");
	for (int i = 0; i < n; i++)
		buf_addf(&expected, "%s%s", i ? ", " : "", f->names[i]);
	return unexpected(r, at, j, expected.s);
}

static int read_str(struct reading *r, const struct place *at, const struct field *f,
		    struct json_object *j, char **out)
{
	const char *s, *reason;
	size_t n = 0;

	/* An enum of protobuf that is a text here: its number is read too. */
	if (f->names && json_object_is_type(j, json_type_int)) {
		int64_t v = json_object_get_int64(j);

		while (f->names[n])
			n++;
		if (v < 0 || (size_t)v >= n)
			return unexpected(r, at, j, "expected a name, or its number");
		*out = xstrdup(f->names[v]);
		return 0;
	}
	s = read_text(r, at, j);
	if (!s)
		return -1;
	reason = f->check ? f->check(s) : NULL;
	if (reason)
		return unexpected(r, at, j, reason);
	*out = xstrdup(s);
	return 0;
}

static int read_bool(struct reading *r, const struct place *at, struct json_object *j, bool *out)
{
	if (!json_object_is_type(j, json_type_boolean))
		return unexpected(r, at, j, "expected true or false");
	*out = json_object_get_boolean(j);
	return 0;
}

static int read_map(struct reading *r, const struct place *at, const struct field *f,
		    struct json_object *j, struct strmap *out)
{
	size_t i = 0;

	if (!json_object_is_type(j, json_type_object))
		return unexpected(r, at, j, "expected an object of strings");
	if (json_object_object_length(j) > ELEMENTS_MAX)
		return refuse(r, at, "too many elements");
	json_object_object_foreach(j, key, value)
	{
		struct place in = { .up = at, .name = key, .key = true, .line = json_line(j, i++) };
		const char *s = read_text(r, &in, value), *why;

		if (!s)
			return -1;
		why = f->check_key ? f->check_key(key) : NULL;
		if (why)
			return refuse(r, &in, why);
		why = f->check ? f->check(s) : NULL;
		if (why)
			return unexpected(r, &in, value, why);
		strmap_append(out, key, s);
	}
	return 0;
}

static int read_element(struct reading *r, const struct place *at, const struct field *f, int flags,
			struct json_object *j, void *out)
{
	const char *s;
	int64_t v;

	switch (f->type) {
	case FIELD_STRLIST:
		s = read_text(r, at, j);
		if (!s)
			return -1;
		strv_add(out, s);
		return 0;
	case FIELD_INTLIST:
		if (read_int(r, at, f, flags & FIELDS_ANY_CASE, j, &v) < 0)
			return -1;
		intlist_add(out, v);
		return 0;
	default:
		return read_struct(r, at, f->sub, j, objlist_add(out, f->sub));
	}
}

static int read_list(struct reading *r, const struct place *at, const struct field *f, int flags,
		     struct json_object *j, void *out)
{
	size_t n;

	if (!json_object_is_type(j, json_type_array))
		return unexpected(r, at, j, "expected a list");
	n = json_object_array_length(j);
	if (n > ELEMENTS_MAX)
		return refuse(r, at, "too many elements");
	for (size_t i = 0; i < n; i++) {
		struct place in = { .up = at, .index = i, .line = json_line(j, i) };

		if (read_element(r, &in, f, flags, json_object_array_get_idx(j, i), out) < 0)
			return -1;
	}
	return 0;
}

static int read_keyed(struct reading *r, const struct place *at, const struct field_table *t,
		      struct json_object *j, struct objlist *out)
{
	size_t i = 0;

	if (!json_object_is_type(j, json_type_object))
		return unexpected(r, at, j, "expected an object");
	if (json_object_object_length(j) > ELEMENTS_MAX)
		return refuse(r, at, "too many elements");
	json_object_object_foreach(j, key, value)
	{
		struct place in = { .up = at, .name = key, .key = true, .line = json_line(j, i++) };
		char *p = objlist_add(out, t);

		*(char **)(p + t->fields[0].offset) = xstrdup(key);
		if (read_struct(r, &in, t, value, p) < 0)
			return -1;
	}
	return 0;
}

static int read_field(struct reading *r, const struct place *at, const struct field *f, int flags,
		      struct json_object *j, void *out)
{
	bool any_case = flags & FIELDS_ANY_CASE;

	switch (f->type) {
	case FIELD_STR:
		return read_str(r, at, f, j, out);
	case FIELD_BOOL:
		return read_bool(r, at, j, out);
	case FIELD_INT:
	case FIELD_U64:
		return read_int(r, at, f, any_case, j, out);
	case FIELD_OPTINT:
		((struct optint *)out)->set = true;
		return read_int(r, at, f, any_case, j, &((struct optint *)out)->v);
	case FIELD_ENUM:
		return read_enum(r, at, f, any_case, j, out);
	case FIELD_STRMAP:
		return read_map(r, at, f, j, out);
	case FIELD_STRLIST:
	case FIELD_INTLIST:
	case FIELD_OBJLIST:
		return read_list(r, at, f, flags, j, out);
	case FIELD_OBJMAP:
		return read_keyed(r, at, f->sub, j, out);
	case FIELD_OBJ:
		return read_struct(r, at, f->sub, j, out);
	case FIELD_OBJPTR:
		*(void **)out = xcalloc(1, f->sub->size);
		return read_struct(r, at, f->sub, j, *(void **)out);
	case FIELD_JSON:
		*(struct json_object **)out = json_object_get(j);
		return 0;
	}
	return 0;
}

static int unknown_field(struct reading *r, const struct place *at, const struct field_table *t)
{
	const char *closest = field_closest(t, at->name);

	refuse(r, at, "unknown field");
	return closest ? err_hint(r->e, "did you mean %s?", closest) : -1;
}

static int check_required(struct reading *r, const struct place *at, const struct field_table *t,
			  uint64_t given)
{
	for (size_t i = 0; i < t->n; i++) {
		struct place in = { .up = at, .name = t->fields[i].name };

		if (t->fields[i].required && !(given >> i & 1))
			return refuse(r, &in, "is missing, and must be there");
	}
	return 0;
}

static int read_struct(struct reading *r, const struct place *at, const struct field_table *t,
		       struct json_object *j, char *out)
{
	uint64_t seen = 0, given = 0;
	size_t i = 0;

	if (!json_object_is_type(j, json_type_object))
		return unexpected(r, at, j, "expected an object");
	json_object_object_foreach(j, key, value)
	{
		struct place in = { .up = at, .name = key, .line = json_line(j, i++) };
		const struct field *f = field_find(t, key);
		uint64_t bit = f ? UINT64_C(1) << (f - t->fields) : 0;

		if (!f && (t->flags & FIELDS_STRICT))
			return unknown_field(r, &in, t);
		if (!f)
			continue;
		/* Both spellings of one field: neither may win silently. */
		if (seen & bit)
			return refuse(r, &in, "the field is there twice");
		seen |= bit;
		given |= value ? bit : 0;
		if (value && read_field(r, &in, f, t->flags, value, out + f->offset) < 0)
			return -1;
	}
	return check_required(r, at, t, given);
}

int fields_read(const struct field_table *t, const char *what, struct json_object *j, void *out,
		struct err *e)
{
	struct reading r = { .what = what, .e = e };

	if (read_struct(&r, NULL, t, j, out) < 0) {
		fields_free(t, out);
		return -1;
	}
	return 0;
}
