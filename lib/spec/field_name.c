/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/field_name.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 64

/* Whether key is the camelCase of name: "host_ip" and "hostIp". */
static bool is_camel_of(const char *key, const char *name)
{
	for (; *name; name++, key++) {
		if (*name == '_' && name[1]) {
			name++;
			if (*key != toupper((unsigned char)*name))
				return false;
		} else if (*key != *name) {
			return false;
		}
	}
	return !*key;
}

const struct field *field_find(const struct field_table *t, const char *key)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!t->fields[i].name)
			continue;
		if (str_eq(t->fields[i].name, key) ||
		    ((t->flags & FIELDS_ANY_CASE) && (strcasecmp(t->fields[i].name, key) == 0 ||
						      is_camel_of(key, t->fields[i].name))))
			return &t->fields[i];
	}
	return NULL;
}

/* Small letters without '_', at most NAME_MAX_LEN of them: how close two names are is about these.
 */
static size_t fold_name(const char *s, char out[NAME_MAX_LEN])
{
	size_t n = 0;

	for (; *s && n < NAME_MAX_LEN; s++) {
		if (*s != '_')
			out[n++] = (char)tolower((unsigned char)*s);
	}
	return n;
}

/* Insertions, deletions and replacements that make b of a (Levenshtein's distance). */
static size_t distance(const char *name, const char *key)
{
	char a[NAME_MAX_LEN], b[NAME_MAX_LEN];
	size_t row[NAME_MAX_LEN + 1], n = fold_name(name, a), m = fold_name(key, b);

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t above = row[j];

			row[j] = MIN(MIN(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[m];
}

const char *field_closest(const struct field_table *t, const char *key)
{
	/* A third of the letters may be wrong. */
	size_t best = MAX((size_t)1, MIN(strlen(key), (size_t)NAME_MAX_LEN) / 3) + 1;
	const char *closest = NULL;

	for (size_t i = 0; i < t->n; i++) {
		size_t d = t->fields[i].name ? distance(t->fields[i].name, key) : best;

		if (d < best) {
			best = d;
			closest = t->fields[i].name;
		}
	}
	return closest;
}
