/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "spec/label.h"

#define BLANKS " \t\r\n"

struct parser {
	const char *text, *p;
	struct err *e;
};

/* What stands at p, for an error: a word or a character. */
static int expected(const struct parser *s, const char *at, const char *what)
{
	size_t n = strcspn(at, BLANKS "(),=!");
	own(str) char *found = NULL;

	n = n || !*at ? n : 1;
	found = str_printable(at, MIN(n, (size_t)40));
	return err_set(s->e, ERR_USAGE,
		       "selector '%.120s': expected %s at column %zu, found %s%s%s", s->text, what,
		       (size_t)(at - s->text) + 1, *at ? "'" : "", *at ? found : "the end",
		       *at ? "'" : "");
}

static void skip_blanks(struct parser *s)
{
	s->p += strspn(s->p, BLANKS);
}

/* A run of characters that stand for themselves; may be empty. Newly allocated. */
static char *word(struct parser *s)
{
	size_t n = strcspn(s->p, BLANKS "(),=!<>");
	char *w = xstrndup(s->p, n);

	s->p += n;
	return w;
}

static int parse_key(struct parser *s, struct requirement *r)
{
	const char *at = s->p;

	r->key = word(s);
	if (!*r->key)
		return expected(s, at, "a label's key");
	if (label_key_check(r->key))
		return err_set(s->e, ERR_USAGE, "selector '%.120s': key '%.80s' at column %zu: %s",
			       s->text, r->key, (size_t)(at - s->text) + 1,
			       label_key_check(r->key));
	return 0;
}

static int parse_value(struct parser *s, struct requirement *r)
{
	const char *at = s->p;
	own(str) char *v = word(s);

	if (label_value_check(v))
		return err_set(s->e, ERR_USAGE,
			       "selector '%.120s': value '%.80s' at column %zu: %s", s->text, v,
			       (size_t)(at - s->text) + 1, label_value_check(v));
	strv_take(&r->values, ptr_steal(v));
	return 0;
}

/* (A, B); an empty one is the empty value. */
static int parse_set(struct parser *s, struct requirement *r)
{
	skip_blanks(s);
	if (*s->p != '(')
		return expected(s, s->p, "'('");
	do {
		s->p++;
		skip_blanks(s);
		if (parse_value(s, r) < 0)
			return -1;
		skip_blanks(s);
	} while (*s->p == ',');
	if (*s->p != ')')
		return expected(s, s->p, "',' or ')'");
	s->p++;
	return 0;
}

static int parse_equality(struct parser *s, struct requirement *r)
{
	r->op = *s->p == '!' ? SELECT_NOT_IN : SELECT_IN;
	s->p++;
	if (r->op == SELECT_NOT_IN && *s->p != '=')
		return expected(s, s->p, "'=' after '!'");
	s->p += *s->p == '=';
	skip_blanks(s);
	return parse_value(s, r);
}

/* "in" and "notin" are operators after a key, and keys elsewhere. */
static int parse_operator(struct parser *s, struct requirement *r)
{
	const char *at = s->p;
	own(str) char *op = NULL;

	r->op = SELECT_EXISTS;
	if (*s->p == '=' || *s->p == '!')
		return parse_equality(s, r);
	if (!*s->p || *s->p == ',')
		return 0;
	op = word(s);
	if (!str_eq(op, "in") && !str_eq(op, "notin"))
		return expected(s, at, "=, ==, !=, in, notin or ','");
	r->op = *op == 'i' ? SELECT_IN : SELECT_NOT_IN;
	return parse_set(s, r);
}

static int parse_requirement(struct parser *s, struct requirement *r)
{
	if (*s->p == '!') {
		s->p++;
		skip_blanks(s);
		r->op = SELECT_NOT_EXISTS;
		return parse_key(s, r);
	}
	if (parse_key(s, r) < 0)
		return -1;
	skip_blanks(s);
	return parse_operator(s, r);
}

int selector_parse(const char *text, struct selector *out, struct err *e)
{
	struct parser s = { .text = text, .p = text, .e = e };

	*out = (struct selector){ 0 };
	skip_blanks(&s);
	while (*s.p) {
		out->v = xgrow(out->v, out->n, sizeof(*out->v));
		out->v[out->n] = (struct requirement){ 0 };
		if (parse_requirement(&s, &out->v[out->n++]) < 0) {
			selector_free(out);
			return -1;
		}
		skip_blanks(&s);
		if (!*s.p)
			break;
		if (*s.p != ',') {
			expected(&s, s.p, "','");
			selector_free(out);
			return -1;
		}
		s.p++;
		skip_blanks(&s);
		if (!*s.p) {
			expected(&s, s.p, "a label's key");
			selector_free(out);
			return -1;
		}
	}
	return 0;
}

static bool holds(const struct requirement *r, const struct strmap *labels)
{
	const char *have = strmap_get(labels, r->key);

	switch (r->op) {
	case SELECT_IN:
		return have && strv_has(&r->values, have);
	case SELECT_NOT_IN:
		return !have || !strv_has(&r->values, have);
	case SELECT_EXISTS:
		return have;
	case SELECT_NOT_EXISTS:
		break;
	}
	return !have;
}

bool selector_matches(const struct selector *s, const struct strmap *labels)
{
	for (size_t i = 0; i < s->n; i++)
		if (!holds(&s->v[i], labels))
			return false;
	return true;
}

void selector_free(struct selector *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].key);
		strv_free(&s->v[i].values);
	}
	free(s->v);
	*s = (struct selector){ 0 };
}
