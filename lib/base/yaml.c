/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yaml.c - libyaml's events to JSON values, with bounds. */
#include "base/yaml.h"

#include <stdint.h>
#include <yaml.h>

#include "base/dl.h"
#include "base/yaml_scalar.h"

#define DEPTH_MAX 64
#define NODES_MAX 100000
#define ANCHORS_MAX 1000
#define SHOWN_MAX 60

// clang-format off
#define YAML_FUNCTIONS(X)                                                                          \
	X(yaml_parser_initialize) X(yaml_parser_delete) X(yaml_parser_set_input_string)            \
	X(yaml_parser_set_encoding) X(yaml_parser_parse) X(yaml_event_delete)
struct yaml_api {
	YAML_FUNCTIONS(DL_MEMBER)
};
#define SYMBOL(fn) { #fn, offsetof(struct yaml_api, fn) },
static const struct dl_symbol symbols[] = { YAML_FUNCTIONS(SYMBOL) };
// clang-format on
static struct yaml_api api;

static void event_free(yaml_event_t *ev)
{
	api.yaml_event_delete(ev);
}
OWNED_STRUCT(event, yaml_event_t, event_free)

struct anchor {
	char *name;
	struct json_object *value;
	size_t nodes; /* in it, with all aliases followed */
};

struct reader {
	yaml_parser_t parser;
	const char *what;
	struct anchor *anchors;
	size_t nanchors;
	size_t depth, nodes;
	struct err *e;
};

static int read_node(struct reader *r, const yaml_event_t *ev, struct json_object **out);

static int refuse(struct reader *r, const yaml_mark_t *at, const char *why)
{
	return err_set(r->e, ERR_USAGE, "%s:%zu: %s", r->what, at->line + 1, why);
}

static int next(struct reader *r, yaml_event_t *ev)
{
	const yaml_parser_t *p = &r->parser;

	if (api.yaml_parser_parse(&r->parser, ev))
		return 0;
	/* A reader's error (bad UTF-8, a control character) knows the offset only. */
	return err_set(r->e, ERR_USAGE, "%s:%zu: %s%s%s", r->what,
		       MAX(p->problem_mark.line, p->mark.line) + 1,
		       p->problem ? p->problem : "out of memory", p->context ? " " : "",
		       p->context ? p->context : "");
}

/* Every value counts, and again for each alias that leads to it. */
static int count(struct reader *r, const yaml_mark_t *at, size_t n)
{
	r->nodes += n;
	if (r->nodes > NODES_MAX)
		return refuse(r, at, "too many values, with all aliases followed");
	return 0;
}

static int keep_anchor(struct reader *r, const yaml_event_t *ev, const yaml_char_t *name,
		       struct json_object *value, size_t nodes)
{
	struct anchor *a;

	if (!name)
		return 0;
	if (r->nanchors >= ANCHORS_MAX)
		return refuse(r, &ev->start_mark, "too many anchors");
	r->anchors = xgrow(r->anchors, r->nanchors, sizeof(*r->anchors));
	a = &r->anchors[r->nanchors++];
	*a = (struct anchor){ xstrdup((const char *)name), json_object_get(value), nodes };
	return 0;
}

/* An anchor is known once its value is whole, so nothing can hold itself. */
static int read_alias(struct reader *r, const yaml_event_t *ev, struct json_object **out)
{
	const char *name = (const char *)ev->data.alias.anchor;

	for (size_t i = r->nanchors; i-- > 0;) {
		if (!str_eq(r->anchors[i].name, name))
			continue;
		*out = json_object_get(r->anchors[i].value);
		return count(r, &ev->start_mark, r->anchors[i].nodes);
	}
	own(str) char *why = str_fmt("no anchor &%.40s before this alias", name);

	return refuse(r, &ev->start_mark, why);
}

static const char *scalar_text(struct reader *r, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;

	if (strlen(text) == ev->data.scalar.length)
		return text;
	refuse(r, &ev->start_mark, "a NUL character in a string");
	return NULL;
}

/* What a tag asks for. */
static int tag_kind(const char *tag, enum yaml_kind *kind)
{
	static const struct {
		const char *tag;
		enum yaml_kind kind;
	} tags[] = {
		{ YAML_NULL_TAG, YAML_NULL }, { YAML_BOOL_TAG, YAML_BOOL },
		{ YAML_INT_TAG, YAML_INT },   { YAML_FLOAT_TAG, YAML_REAL },
		{ YAML_STR_TAG, YAML_TEXT },  { "!", YAML_TEXT },
	};

	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (str_eq(tag, tags[i].tag)) {
			*kind = tags[i].kind;
			return 0;
		}
	}
	return -1;
}

static int unknown_tag(struct reader *r, const yaml_event_t *ev, const yaml_char_t *tag)
{
	own(str) char *why = str_fmt("the tag %.60s is not understood", (const char *)tag);

	return refuse(r, &ev->start_mark, why);
}

static int read_scalar(struct reader *r, const yaml_event_t *ev, struct json_object **out)
{
	const char *text = scalar_text(r, ev), *tag = (const char *)ev->data.scalar.tag;
	enum yaml_kind want = YAML_TEXT, kind;

	if (!text)
		return -1;
	if (tag && tag_kind(tag, &want) < 0)
		return unknown_tag(r, ev, ev->data.scalar.tag);
	if (tag ? want == YAML_TEXT : !ev->data.scalar.plain_implicit) {
		*out = json_object_new_string(text);
		return 0;
	}
	kind = yaml_resolve(text, out);
	if (tag && kind != want && !(want == YAML_REAL && kind == YAML_INT)) {
		own(str) char *shown = str_printable(text, strnlen(text, SHOWN_MAX));
		own(str) char *why = str_fmt("\"%s\" does not fit its tag", shown);

		return refuse(r, &ev->start_mark, why);
	}
	if (kind == YAML_TEXT)
		*out = json_object_new_string(text);
	return 0;
}

/* One key: its text, newly allocated. What YAML would spell otherwise is refused, not guessed. */
static char *read_key(struct reader *r, const yaml_event_t *ev, bool *merge)
{
	own(json) struct json_object *v = NULL;
	const char *text;

	if (ev->type != YAML_SCALAR_EVENT) {
		refuse(r, &ev->start_mark, "a key must be a text");
		return NULL;
	}
	text = scalar_text(r, ev);
	if (!text || count(r, &ev->start_mark, 1) < 0)
		return NULL;
	*merge = ev->data.scalar.plain_implicit && str_eq(text, "<<");
	if (*merge)
		return xstrdup(text);
	if (read_scalar(r, ev, &v) < 0)
		return NULL;
	if (!v || json_spelling(v)) {
		own(str) char *shown = str_printable(text, strnlen(text, SHOWN_MAX));
		own(str) char *why = str_fmt("the key %s is no text to YAML; write \"%s\"",
					     *shown ? shown : "\"\"", shown);

		refuse(r, &ev->start_mark, why);
		return NULL;
	}
	return xstrdup(text);
}

struct members {
	struct json_object *o;
	size_t *lines, n;
	struct json_object *merged; /* an array of what "<<" names, the first wins */
};

static void members_free(struct members *m)
{
	json_object_put(m->o);
	json_object_put(m->merged);
	free(m->lines);
}
OWNED_STRUCT(members, struct members, members_free)

static void add_member(struct members *m, const char *key, struct json_object *value, size_t line)
{
	m->lines = xgrow(m->lines, m->n, sizeof(*m->lines));
	m->lines[m->n++] = line;
	json_object_object_add(m->o, key, value);
}

static int note_merge(struct reader *r, const yaml_event_t *ev, struct members *m,
		      struct json_object *value)
{
	own(json) struct json_object *v = value;
	size_t n = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 1;

	if (!m->merged)
		m->merged = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_is_type(v, json_type_array)
						  ? json_object_array_get_idx(v, i)
						  : v;

		if (!json_object_is_type(one, json_type_object))
			return refuse(r, &ev->start_mark,
				      "<<: expected a mapping, or a list of them");
		json_object_array_add(m->merged, json_object_get(one));
	}
	return 0;
}

static void merge(struct members *m)
{
	for (size_t i = 0; m->merged && i < json_object_array_length(m->merged); i++) {
		struct json_object *from = json_object_array_get_idx(m->merged, i);
		size_t k = 0;

		json_object_object_foreach(from, key, value)
		{
			size_t line = json_line(from, k++);

			if (!json_object_object_get_ex(m->o, key, NULL))
				add_member(m, key, json_object_get(value), line);
		}
	}
}

static int read_member(struct reader *r, const yaml_event_t *key_event, struct members *m)
{
	own(event) yaml_event_t ev = { 0 };
	bool is_merge = false;
	own(str) char *key = read_key(r, key_event, &is_merge);
	struct json_object *value = NULL;

	if (!key)
		return -1;
	if (json_object_object_get_ex(m->o, key, NULL)) {
		own(str) char *shown = str_printable(key, strnlen(key, SHOWN_MAX));
		own(str) char *why = str_fmt("the key \"%s\" is there twice", shown);

		return refuse(r, &key_event->start_mark, why);
	}
	if (next(r, &ev) < 0)
		return -1;
	if (read_node(r, &ev, &value) < 0) {
		json_object_put(value);
		return -1;
	}
	if (is_merge)
		return note_merge(r, key_event, m, value);
	add_member(m, key, value, key_event->start_mark.line + 1);
	return 0;
}

static int read_mapping(struct reader *r, struct json_object **out)
{
	own(members) struct members m = { .o = json_object_new_object() };

	for (;;) {
		own(event) yaml_event_t ev = { 0 };

		if (next(r, &ev) < 0)
			return -1;
		if (ev.type == YAML_MAPPING_END_EVENT)
			break;
		if (read_member(r, &ev, &m) < 0)
			return -1;
	}
	merge(&m);
	json_set_lines(m.o, ptr_steal(m.lines), m.n);
	*out = ptr_steal(m.o);
	return 0;
}

static int read_sequence(struct reader *r, struct json_object **out)
{
	size_t *lines = NULL, n = 0;
	int rc = 0;

	*out = json_object_new_array();
	while (rc == 0) {
		own(event) yaml_event_t ev = { 0 };
		struct json_object *value = NULL;

		rc = next(r, &ev);
		if (rc < 0 || ev.type == YAML_SEQUENCE_END_EVENT)
			break;
		rc = read_node(r, &ev, &value);
		lines = xgrow(lines, n, sizeof(*lines));
		lines[n++] = ev.start_mark.line + 1;
		json_object_array_add(*out, value);
	}
	json_set_lines(*out, lines, n);
	return rc;
}

static int read_container(struct reader *r, const yaml_event_t *ev, struct json_object **out)
{
	bool mapping = ev->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor =
		mapping ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
	const yaml_char_t *tag = mapping ? ev->data.mapping_start.tag : ev->data.sequence_start.tag;
	size_t before = r->nodes;

	if (tag && !str_eq((const char *)tag, mapping ? YAML_MAP_TAG : YAML_SEQ_TAG))
		return unknown_tag(r, ev, tag);
	if (r->depth >= DEPTH_MAX)
		return refuse(r, &ev->start_mark, "nested too deeply");
	r->depth++;
	if (mapping ? read_mapping(r, out) < 0 : read_sequence(r, out) < 0)
		return -1;
	r->depth--;
	return keep_anchor(r, ev, anchor, *out, r->nodes - before + 1);
}

static int read_node(struct reader *r, const yaml_event_t *ev, struct json_object **out)
{
	if (ev->type == YAML_ALIAS_EVENT)
		return read_alias(r, ev, out);
	if (count(r, &ev->start_mark, 1) < 0)
		return -1;
	if (ev->type != YAML_SCALAR_EVENT)
		return read_container(r, ev, out);
	if (read_scalar(r, ev, out) < 0)
		return -1;
	return keep_anchor(r, ev, ev->data.scalar.anchor, *out, 1);
}

/* Stream start, document start, the value, document end, stream end. */
static int read_document(struct reader *r, struct json_object **out)
{
	for (;;) {
		own(event) yaml_event_t ev = { 0 };

		if (next(r, &ev) < 0)
			return -1;
		switch (ev.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (*out)
				return refuse(
					r, &ev.start_mark,
					"a second document; one file holds one configuration");
			break;
		case YAML_STREAM_END_EVENT:
			if (!*out)
				return err_set(r->e, ERR_USAGE, "%s: there is nothing in it",
					       r->what);
			return 0;
		default:
			if (read_node(r, &ev, out) < 0)
				return -1;
			break;
		}
	}
}

static struct json_object *parse(const char *what, const char *text, size_t len, struct err *e)
{
	struct reader r = { .what = what, .e = e };
	struct json_object *out = NULL;

	if (dl_load("libyaml-0.so.2", "libyaml-0-2", symbols, ARRAY_LEN(symbols), &api, e) < 0) {
		err_hint(e, "JSON works without it");
		return NULL;
	}
	if (!api.yaml_parser_initialize(&r.parser)) {
		err_set(e, ERR_FAIL, "%s: out of memory", what);
		return NULL;
	}
	api.yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	api.yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	if (read_document(&r, &out) < 0) {
		json_object_put(out);
		out = NULL;
	}
	api.yaml_parser_delete(&r.parser);
	for (size_t i = 0; i < r.nanchors; i++) {
		free(r.anchors[i].name);
		json_object_put(r.anchors[i].value);
	}
	free(r.anchors);
	return out;
}

struct json_object *yaml_parse(const char *what, const char *text, size_t len, struct err *e)
{
	size_t blanks = strspn(text, " \t\r\n");
	struct json_object *j;

	if (str_ends(what, ".json"))
		return json_parse_source(what, text, len, e);
	/* Most JSON is YAML, but not all of it: surrogate pairs, long keys, tabs. */
	if (blanks < len && text[blanks] == '{') {
		j = json_parse_source(what, text, len, e);
		if (j)
			return j;
	}
	return parse(what, text, len, e);
}
