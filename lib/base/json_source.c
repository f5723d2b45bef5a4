/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json_source.c - where a value stood in the text that a person wrote, and how. */
#include <stdlib.h>

#include "base/json.h"

struct lines {
	size_t n;
	size_t *at;
};

static bool is_container(struct json_object *j)
{
	return json_object_is_type(j, json_type_object) || json_object_is_type(j, json_type_array);
}

static void lines_free(struct json_object *j, void *data)
{
	struct lines *l = data;

	(void)j;
	free(l->at);
	free(l);
}

static void spelling_free(struct json_object *j, void *data)
{
	(void)j;
	free(data);
}

void json_set_lines(struct json_object *container, size_t *at, size_t n)
{
	struct lines *l = xmalloc(sizeof(*l));

	*l = (struct lines){ .n = n, .at = at };
	json_object_set_userdata(container, l, lines_free);
}

size_t json_line(struct json_object *container, size_t i)
{
	const struct lines *l =
		is_container(container) ? json_object_get_userdata(container) : NULL;

	return l && i < l->n ? l->at[i] : 0;
}

void json_set_spelling(struct json_object *scalar, const char *text)
{
	json_object_set_userdata(scalar, xstrdup(text), spelling_free);
}

/* json-c keeps the text of a real number in the same place. */
const char *json_spelling(struct json_object *scalar)
{
	switch (json_object_get_type(scalar)) {
	case json_type_boolean:
	case json_type_int:
	case json_type_double:
		return json_object_get_userdata(scalar);
	default:
		return NULL;
	}
}

/* A walk along text that is known to be right, in step with the value made of it. */
struct walk {
	const char *p;
	size_t line;
};

static void skip_blanks(struct walk *w)
{
	for (; *w->p && strchr(" \t\r\n", *w->p); w->p++)
		w->line += *w->p == '\n';
}

static void skip_string(struct walk *w)
{
	for (w->p++; *w->p && *w->p != '"'; w->p++)
		if (*w->p == '\\' && w->p[1])
			w->p++;
	w->p += *w->p == '"';
}

static void note_lines(struct walk *w, struct json_object *j);

/* Past the blanks and the character that stands between two members or after the last. */
static void skip_mark(struct walk *w)
{
	skip_blanks(w);
	w->p += *w->p != '\0';
	skip_blanks(w);
}

static void note_object(struct walk *w, struct json_object *j)
{
	size_t n = (size_t)json_object_object_length(j), i = 0;
	size_t *at = xcalloc(n + 1, sizeof(*at));

	skip_mark(w); /* { */
	json_object_object_foreach(j, key, value)
	{
		(void)key;
		at[i++] = w->line;
		skip_string(w);
		skip_mark(w); /* : */
		note_lines(w, value);
		skip_mark(w); /* , or } */
	}
	if (n == 0)
		skip_mark(w);
	json_set_lines(j, at, n);
}

static void note_array(struct walk *w, struct json_object *j)
{
	size_t n = json_object_array_length(j);
	size_t *at = xcalloc(n + 1, sizeof(*at));

	skip_mark(w); /* [ */
	for (size_t i = 0; i < n; i++) {
		at[i] = w->line;
		note_lines(w, json_object_array_get_idx(j, i));
		skip_mark(w); /* , or ] */
	}
	if (n == 0)
		skip_mark(w);
	json_set_lines(j, at, n);
}

static void note_lines(struct walk *w, struct json_object *j)
{
	if (json_object_is_type(j, json_type_object))
		note_object(w, j);
	else if (json_object_is_type(j, json_type_array))
		note_array(w, j);
	else if (json_object_is_type(j, json_type_string))
		skip_string(w);
	else
		w->p += strcspn(w->p, ",]} \t\r\n");
}

struct json_object *json_parse_source(const char *what, const char *text, size_t len, struct err *e)
{
	own(str) char *copy = xstrndup(text, len);
	struct walk w = { .p = copy, .line = 1 };
	struct json_object *j = json_parse(what, text, len, e);

	if (!j) {
		e->kind = ERR_USAGE;
		return NULL;
	}
	skip_blanks(&w);
	note_lines(&w, j);
	return j;
}
