/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "opt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "spec/field.h"

void opt_result_free(struct opt_result *r)
{
	free(r->operands);
	*r = (struct opt_result){ 0 };
}

enum { WORD_MAX = 32 };

/* Letters to insert, remove or change (Levenshtein); both words are shorter than WORD_MAX. */
static size_t distance(const char *from, const char *to)
{
	size_t row[WORD_MAX + 1], n = strlen(from), m = strlen(to);

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t change = diagonal + (from[i - 1] != to[j - 1]);

			diagonal = row[j];
			row[j] = MIN(MIN(row[j], row[j - 1]) + 1, change);
		}
	}
	return row[m];
}

const char *suggest(const char *word, const char *const *candidates)
{
	size_t n = strlen(word), best = n < 4 ? 2 : 3; /* a distance below this counts as meant */
	const char *found = NULL;

	if (n == 0 || n >= WORD_MAX)
		return NULL;
	for (const char *c = *candidates; c; c = *++candidates) {
		size_t d = strlen(c) < WORD_MAX ? distance(word, c) : WORD_MAX;

		if (n > 1 && !found && str_starts(c, word))
			found = c;
		if (d < best && d < strlen(c)) {
			best = d;
			found = c;
		}
	}
	return found;
}

static const struct opt *find(const struct opt_set *sets, size_t nsets, const char *name,
			      size_t len, char short_name, size_t *which)
{
	for (size_t i = 0; i < nsets; i++) {
		for (const struct opt *o = sets[i].opts; o && o->name; o++) {
			bool hit = name ? strncmp(o->name, name, len) == 0 && !o->name[len]
					: o->short_name == short_name;

			if (hit) {
				*which = i;
				return o;
			}
		}
	}
	return NULL;
}

const struct opt *opt_find(const struct opt_set *sets, size_t nsets, const char *word)
{
	size_t which;

	if (str_starts(word, "--"))
		return find(sets, nsets, word + 2, strcspn(word + 2, "="), 0, &which);
	if (word[0] == '-' && word[1])
		return find(sets, nsets, NULL, 0, word[strlen(word) - 1], &which);
	return NULL;
}

/* How an option is called in messages: "--name", or "-n" for one without a long name. */
static int unknown_option(const struct opt_set *sets, size_t nsets, const char *word, size_t len,
			  struct err *e)
{
	const char *names[256];
	size_t n = 0;
	own(str) char *name = xstrndup(word, len);
	const char *meant;

	for (size_t i = 0; i < nsets; i++)
		for (const struct opt *o = sets[i].opts; o && o->name && n < ARRAY_LEN(names) - 2;
		     o++)
			names[n++] = o->name;
	names[n++] = "help";
	names[n] = NULL;
	meant = suggest(name, names);
	if (meant)
		return err_set(e, ERR_USAGE, "unknown option --%s (did you mean --%s?)", name,
			       meant);
	return err_set(e, ERR_USAGE, "unknown option --%s", name);
}

bool opt_is_flag(const struct opt *o)
{
	return o->type == OPT_BOOL || o->type == OPT_ON || o->type == OPT_SWITCH;
}

static int store_bool(const struct opt *o, bool *dst, const char *value, struct err *e)
{
	if (!value || str_eq(value, "true"))
		*dst = true;
	else if (str_eq(value, "false"))
		*dst = false;
	else
		return err_set(e, ERR_USAGE, "--%s: expected true or false, found \"%s\"", o->name,
			       value);
	return 0;
}

static int store_switch(const struct opt *o, struct optint *dst, const char *value, struct err *e)
{
	bool on;

	if (store_bool(o, &on, value, e) < 0)
		return -1;
	*dst = OPTINT(on);
	return 0;
}

static int store_int(const struct opt *o, struct optint *dst, const char *value, struct err *e)
{
	int64_t v;

	if (str_to_i64(value, INT64_MIN, INT64_MAX, &v) < 0)
		return err_set(e, ERR_USAGE, "--%s: expected an integer, found \"%s\"", o->name,
			       value);
	*dst = OPTINT(v);
	return 0;
}

static int store_map(const struct opt *o, struct strmap *dst, const char *value, struct err *e)
{
	const char *eq = strchr(value, '=');
	own(str) char *key = NULL;

	if (!eq || eq == value)
		return err_set(e, ERR_USAGE, "--%s: expected KEY=VALUE, found \"%s\"", o->name,
			       value);
	key = xstrndup(value, (size_t)(eq - value));
	strmap_set(dst, key, eq + 1);
	return 0;
}

static int store_value(const struct opt *o, const struct opt_set *set, const char *value,
		       struct err *e)
{
	void *dst = (char *)set->base + o->offset;

	assert(value || opt_is_flag(o));
	switch (o->type) {
	case OPT_BOOL:
		return store_bool(o, dst, value, e);
	case OPT_ON:
		if (store_bool(o, dst, value, e) < 0)
			return -1;
		*(bool *)dst = !*(bool *)dst;
		return 0;
	case OPT_SWITCH:
		return store_switch(o, dst, value, e);
	case OPT_STR:
		*(const char **)dst = value;
		return 0;
	case OPT_INT:
		return store_int(o, dst, value, e);
	case OPT_LIST:
		strv_add(dst, value);
		return 0;
	case OPT_MAP:
		return store_map(o, dst, value, e);
	}
	return 0;
}

struct parser {
	const struct opt_set *sets;
	size_t nsets;
	char **argv;
	size_t argc, i; /* i: the word after the one in work */
	struct opt_result *out;
};

static int value_from_next(struct parser *p, const struct opt *o, const char **value, struct err *e)
{
	if (p->i >= p->argc)
		return err_set(e, ERR_USAGE, "--%s needs a value: --%s %s", o->name, o->name,
			       o->arg ? o->arg : "VALUE");
	*value = p->argv[p->i++];
	return 0;
}

static int parse_long(struct parser *p, const char *word, struct err *e)
{
	size_t len = strcspn(word, "="), which = 0;
	const char *value = word[len] ? word + len + 1 : NULL;
	const struct opt *o = find(p->sets, p->nsets, word, len, 0, &which);

	if (!o && len == 4 && strncmp(word, "help", len) == 0) {
		p->out->help = true;
		return 0;
	}
	if (!o)
		return unknown_option(p->sets, p->nsets, word, len, e);
	if (!value && !opt_is_flag(o) && value_from_next(p, o, &value, e) < 0)
		return -1;
	return store_value(o, &p->sets[which], value, e);
}

static int parse_short(struct parser *p, const char *word, struct err *e)
{
	for (; *word; word++) {
		size_t which = 0;
		const struct opt *o = find(p->sets, p->nsets, NULL, 0, *word, &which);
		const char *value = NULL;

		if (!o && *word == 'h') {
			p->out->help = true;
			return 0;
		}
		if (!o)
			return err_set(e, ERR_USAGE, "unknown option -%c", *word);
		if (opt_is_flag(o)) {
			if (store_value(o, &p->sets[which], NULL, e) < 0)
				return -1;
			continue;
		}
		if (word[1])
			value = word + 1;
		else if (value_from_next(p, o, &value, e) < 0)
			return -1;
		return store_value(o, &p->sets[which], value, e);
	}
	return 0;
}

int opt_parse(const struct opt_set *sets, size_t nsets, size_t stop, char **argv, size_t argc,
	      struct opt_result *out, struct err *e)
{
	struct parser p = { .sets = sets, .nsets = nsets, .argv = argv, .argc = argc, .out = out };
	bool ended = false;

	out->operands = xcalloc(argc + 1, sizeof(*out->operands));
	while (p.i < argc) {
		char *word = argv[p.i++];
		bool option = !ended && word[0] == '-' && word[1];
		int r = 0;

		if (!option) {
			out->operands[out->n++] = word;
			ended = ended || (stop && out->n >= stop);
		} else if (str_eq(word, "--")) {
			ended = true;
		} else if (word[1] == '-') {
			r = parse_long(&p, word + 2, e);
		} else {
			r = parse_short(&p, word + 1, e);
		}
		if (r < 0)
			return -1;
		if (out->help)
			return 0;
	}
	return 0;
}

void opt_release(const struct opt_set *set)
{
	for (const struct opt *o = set->opts; o && o->name; o++) {
		void *p = (char *)set->base + o->offset;

		if (o->type == OPT_LIST)
			strv_free(p);
		else if (o->type == OPT_MAP)
			strmap_free(p);
	}
}
