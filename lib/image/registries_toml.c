/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registries_toml.h"

#include <string.h>

struct toml {
	const char *p;
	int line;
	const struct toml_handler *h;
	struct buf key, text;
};

static int bad(const struct toml *t, const char *why, struct err *e)
{
	return err_set(e, ERR_USAGE, "line %d: %s", t->line, why);
}

static void skip_blanks(struct toml *t)
{
	t->p += strspn(t->p, " \t\r");
}

/* Blanks, comments and ends of lines. */
static void skip_space(struct toml *t)
{
	for (;;) {
		skip_blanks(t);
		if (*t->p == '#')
			t->p += strcspn(t->p, "\n");
		if (*t->p != '\n')
			return;
		t->line++;
		t->p++;
	}
}

static int end_of_line(struct toml *t, struct err *e)
{
	skip_blanks(t);
	if (*t->p == '#')
		t->p += strcspn(t->p, "\n");
	return *t->p == '\n' || *t->p == '\0' ? 0 : bad(t, "unexpected text at its end", e);
}

/* At a quote: the text up to the next one goes to out. */
static int read_string(struct toml *t, struct buf *out, struct err *e)
{
	static const char escapes[] = "\"\\", plain[] = "nt", meant[] = "\n\t";
	char quote = *t->p++;

	buf_free(out);
	buf_addn(out, "", 0);
	for (; *t->p != quote; t->p++) {
		const char *at;
		char c = *t->p;

		if (c == '\0' || c == '\n')
			return bad(t, "a string without an end", e);
		if (quote == '"' && c == '\\') {
			c = *++t->p;
			at = c ? strchr(plain, c) : NULL;
			if (!at && (!c || !strchr(escapes, c)))
				return bad(t, "an escape that is not understood here", e);
			c = at ? meant[at - plain] : c;
		}
		buf_addc(out, c);
	}
	t->p++;
	return 0;
}

static int read_key(struct toml *t, struct err *e)
{
	size_t n;

	if (*t->p == '"' || *t->p == '\'')
		return read_string(t, &t->key, e);
	n = strspn(t->p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	if (n == 0)
		return bad(t, "expected a key or a [table]", e);
	buf_free(&t->key);
	buf_addn(&t->key, t->p, n);
	t->p += n;
	return 0;
}

/* Over a list or an inline table, to its end. */
static int skip_nested(struct toml *t, struct err *e)
{
	int depth = 0;

	do {
		skip_space(t);
		if (*t->p == '\0')
			return bad(t, "a list without an end", e);
		if (*t->p == '"' || *t->p == '\'') {
			if (read_string(t, &t->text, e) < 0)
				return -1;
			continue;
		}
		if (*t->p == '[' || *t->p == '{')
			depth++;
		if (*t->p == ']' || *t->p == '}')
			depth--;
		t->p++;
	} while (depth > 0);
	return 0;
}

static int read_value(struct toml *t, struct toml_value *v, struct err *e)
{
	size_t n = strcspn(t->p, " \t\r\n#");

	*v = (struct toml_value){ .type = TOML_OTHER };
	if (*t->p == '"' || *t->p == '\'') {
		if (strncmp(t->p, "\"\"\"", 3) == 0 || strncmp(t->p, "'''", 3) == 0)
			return bad(t, "strings of several lines are not read here", e);
		v->type = TOML_STRING;
		if (read_string(t, &t->text, e) < 0)
			return -1;
		v->s = t->text.s ? t->text.s : "";
		return 0;
	}
	if (*t->p == '[' || *t->p == '{')
		return skip_nested(t, e);
	if (n == 0)
		return bad(t, "a key without a value", e);
	if ((n == 4 && strncmp(t->p, "true", 4) == 0) ||
	    (n == 5 && strncmp(t->p, "false", 5) == 0)) {
		v->type = TOML_BOOL;
		v->b = n == 4;
	} else if (!strchr("+-0123456789", *t->p)) {
		return bad(t, "a value that is no string, number, list, true or false", e);
	}
	t->p += n;
	return 0;
}

static int read_table(struct toml *t, struct err *e)
{
	bool array = t->p[1] == '[';

	t->p += array ? 2 : 1;
	skip_blanks(t);
	if (read_key(t, e) < 0)
		return -1;
	skip_blanks(t);
	if (*t->p != ']' || (array && t->p[1] != ']'))
		return bad(t, "a table's name without its end", e);
	t->p += array ? 2 : 1;
	if (end_of_line(t, e) < 0)
		return -1;
	return t->h->table(t->h->ctx, t->key.s, array, e);
}

static int read_pair(struct toml *t, struct err *e)
{
	struct toml_value v;
	int line = t->line;

	if (read_key(t, e) < 0)
		return -1;
	skip_blanks(t);
	if (*t->p != '=')
		return bad(t, "expected KEY = VALUE", e);
	t->p++;
	skip_blanks(t);
	if (read_value(t, &v, e) < 0 || end_of_line(t, e) < 0)
		return -1;
	if (t->h->key(t->h->ctx, t->key.s ? t->key.s : "", &v, e) < 0)
		return err_in(e, "line %d", line);
	return 0;
}

int toml_parse(const char *text, const struct toml_handler *h, struct err *e)
{
	struct toml t = { .p = text, .line = 1, .h = h };
	int ret = 0;

	for (skip_space(&t); ret == 0 && *t.p; skip_space(&t))
		ret = *t.p == '[' ? read_table(&t, e) : read_pair(&t, e);
	buf_free(&t.key);
	buf_free(&t.text);
	return ret;
}
