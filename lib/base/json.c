/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"

#define DEPTH_MAX 64
#define FILE_MAX_BYTES ((size_t)16 << 20)
#define PRINT_FLAGS (JSON_C_TO_STRING_NOSLASHESCAPE)

/* The text between two tokens, seen from outside: what json-c lets pass or does not tell. */
struct scan {
	size_t members; /* colons outside of strings: one for each member */
	size_t line;
	const char *problem; /* NULL: none */
};

/* The end of the string that begins at text[i]; notes its problems. */
static size_t scan_string(const char *text, size_t len, size_t i, struct scan *s)
{
	for (i++; i < len && text[i] != '"'; i++) {
		if ((unsigned char)text[i] < 0x20)
			s->problem = "a control character in a string";
		if (text[i] != '\\')
			continue;
		/* C strings end there: what is compared would not be what is used. */
		if (len - i > 5 && memcmp(text + i, "\\u0000", 6) == 0)
			s->problem = "a NUL character in a string";
		i++;
	}
	return i;
}

static size_t skip_digits(const char *text, size_t len, size_t i)
{
	while (i < len && text[i] >= '0' && text[i] <= '9')
		i++;
	return i;
}

/*
 * The last byte of the number at text[i]. json-c takes "-01" and "1.", and turns an integer beyond
 * 64 bits into the nearest one that fits, so that nobody could tell it from a right one.
 */
static size_t scan_number(const char *text, size_t len, size_t i, struct scan *s)
{
	size_t begin = i, digits = i + (text[i] == '-'), end = skip_digits(text, len, digits);
	own(str) char *number = NULL;
	bool real = false;

	if (end == digits || (text[digits] == '0' && end > digits + 1))
		s->problem = "a malformed number";
	if (end < len && text[end] == '.') {
		real = true;
		digits = end + 1;
		end = skip_digits(text, len, digits);
		if (end == digits)
			s->problem = "a malformed number";
	}
	if (end < len && (text[end] | 0x20) == 'e') {
		real = true;
		digits = end + 1;
		if (digits < len && (text[digits] == '+' || text[digits] == '-'))
			digits++;
		end = skip_digits(text, len, digits);
		if (end == digits)
			s->problem = "a malformed number";
	}
	if (s->problem)
		return end;
	number = xstrndup(text + begin, end - begin);
	errno = 0;
	if (real		 ? !isfinite(strtod(number, NULL))
	    : text[begin] == '-' ? strtoll(number, NULL, 10) == INT64_MIN && errno
				 : strtoull(number, NULL, 10) == UINT64_MAX && errno)
		s->problem = "a number that is too large";
	return end - 1;
}

static struct scan scan_text(const char *text, size_t len)
{
	struct scan s = { .line = 1 };
	int depth = 0;

	for (size_t i = 0; i < len && !s.problem; i++) {
		switch (text[i]) {
		case '"':
			i = scan_string(text, len, i, &s);
			break;
		case ':':
			s.members++;
			break;
		case '{':
		case '[':
			if (++depth > DEPTH_MAX)
				s.problem = "nested too deeply";
			break;
		case '}':
		case ']':
			depth--;
			break;
		case '\n':
			s.line++;
			break;
		case '\0':
		case '\'':
		case '/':
		case 'N': /* NaN */
		case 'I': /* Infinity */
			s.problem = "an unexpected character";
			break;
		default:
			if (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'))
				i = scan_number(text, len, i, &s);
			break;
		}
	}
	return s;
}

static size_t count_members(struct json_object *j)
{
	size_t n = 0;

	if (json_object_is_type(j, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(j); i++)
			n += count_members(json_object_array_get_idx(j, i));
	} else if (json_object_is_type(j, json_type_object)) {
		json_object_object_foreach(j, key, value)
		{
			(void)key;
			n += 1 + count_members(value);
		}
	}
	return n;
}

/*
 * The name of a member that its object has twice, in text that parses; "" where only the spelling
 * of the two differs. Only called when there is one.
 */
static char *find_duplicate(const char *text, size_t len)
{
	struct json_object *seen[DEPTH_MAX + 1] = { 0 };
	struct scan unused = { 0 };
	char *found = NULL;
	int depth = 0;

	for (size_t i = 0; i < len && !found; i++) {
		size_t begin = i + 1, next;

		if (text[i] == '{' || text[i] == '[') {
			seen[++depth] = json_object_new_object();
		} else if (text[i] == '}' || text[i] == ']') {
			json_object_put(seen[depth]);
			seen[depth--] = NULL;
		} else if (text[i] == '"') {
			own(str) char *key = NULL;

			i = scan_string(text, len, i, &unused);
			next = i + 1 + strspn(text + i + 1, " \t\r\n");
			if (text[next] != ':')
				continue;
			key = xstrndup(text + begin, i - begin);
			if (json_object_object_get_ex(seen[depth], key, NULL))
				found = ptr_steal(key);
			else
				json_object_object_add(seen[depth], key, NULL);
		}
	}
	for (; depth > 0; depth--)
		json_object_put(seen[depth]);
	return found;
}

static size_t line_of(const char *text, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

/* json-c's tokener on a NUL-terminated copy; the whole text must be one value. */
static struct json_object *tokenize(const char *what, const char *text, size_t len, struct err *e)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX + 1);
	struct json_object *j;
	enum json_tokener_error why;

	if (!tok) {
		err_set(e, ERR_FAIL, "%s: out of memory", what);
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With the NUL: a number at the end is only finished by what follows it. */
	j = json_tokener_parse_ex(tok, text, (int)len + 1);
	why = json_tokener_get_error(tok);
	if (why != json_tokener_success) {
		err_set(e, ERR_CORRUPT, "%s:%zu: %s", what,
			line_of(text, MIN(json_tokener_get_parse_end(tok), len)),
			why == json_tokener_continue ? "the text ends too early"
						     : json_tokener_error_desc(why));
		json_object_put(j);
		j = NULL;
	}
	json_tokener_free(tok);
	return why == json_tokener_success ? j : NULL;
}

struct json_object *json_parse(const char *what, const char *text, size_t len, struct err *e)
{
	struct scan s;
	own(json) struct json_object *j = NULL;
	own(str) char *copy = NULL;

	if (len > INT32_MAX - 1) {
		err_set(e, ERR_CORRUPT, "%s: the text is too long", what);
		return NULL;
	}
	s = scan_text(text, len);
	if (!s.problem && !utf8_valid(text, len))
		s.problem = "not valid UTF-8";
	if (s.problem) {
		err_set(e, ERR_CORRUPT, "%s:%zu: %s", what, s.line, s.problem);
		return NULL;
	}
	copy = xstrndup(text, len);
	e->msg[0] = '\0';
	j = tokenize(what, copy, len, e);
	if (!j) {
		if (!e->msg[0])
			err_set(e, ERR_CORRUPT, "%s: the value is null", what);
		return NULL;
	}
	/* json-c lets a later member silently replace an earlier one of the same name. */
	if (count_members(j) != s.members) {
		own(str) char *key = find_duplicate(copy, len);
		own(str) char *shown = key ? str_printable(key, strlen(key)) : NULL;

		err_set(e, ERR_CORRUPT, "%s: the member %s%s%s is there twice", what,
			key ? "\"" : "", key ? shown : "of an object", key ? "\"" : "");
		return NULL;
	}
	return ptr_steal(j);
}

struct json_object *json_load(int dir, const char *name, struct err *e)
{
	own(buf) struct buf text = { 0 };

	if (file_load(dir, name, FILE_MAX_BYTES, &text, e) < 0)
		return NULL;
	return json_parse(name, text.s ? text.s : "", text.len, e);
}

struct json_object *json_get(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v))
		return NULL;
	return json_object_is_type(v, type) ? v : NULL;
}

const char *json_get_str(struct json_object *o, const char *key)
{
	struct json_object *v = json_get(o, key, json_type_string);

	return v ? json_object_get_string(v) : NULL;
}

static void print(struct json_object *j, int flags, struct buf *out)
{
	size_t len;
	const char *s = json_object_to_json_string_length(j, flags, &len);

	if (s)
		buf_addn(out, s, len);
	else
		buf_add(out, "null");
}

void json_print(struct json_object *j, struct buf *out)
{
	print(j, JSON_C_TO_STRING_PLAIN | PRINT_FLAGS, out);
}

void json_print_pretty(struct json_object *j, struct buf *out)
{
	print(j, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | PRINT_FLAGS, out);
}
