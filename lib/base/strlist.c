/* SPDX-License-Identifier: GPL-2.0-or-later */
/* strlist.c - lists and maps of strings. */
#include "base/str.h"

#include <stdlib.h>

void strv_take(struct strv *l, char *s)
{
	/* The closing NULL counts as an element, so that v always has room for it. */
	l->v = xgrow(l->v, l->v ? l->n + 1 : 0, sizeof(*l->v));
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strv_add(struct strv *l, const char *s)
{
	strv_take(l, xstrdup(s));
}

void strv_copy(struct strv *dst, const struct strv *src)
{
	struct strv copy = { 0 };

	for (size_t i = 0; i < src->n; i++)
		strv_add(&copy, src->v[i]);
	strv_free(dst);
	*dst = copy;
}

bool strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++) {
		if (str_eq(l->v[i], s))
			return true;
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}

void strv_free(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strv){ 0 };
}

void strv_set_assignment(struct strv *l, const char *assignment)
{
	size_t key = strcspn(assignment, "=") + 1;

	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->v[i], assignment, key) == 0) {
			str_set(&l->v[i], assignment);
			return;
		}
	strv_add(l, assignment);
}

void strv_split(struct strv *l, const char *s, char sep)
{
	for (;;) {
		const char *end = strchr(s, sep);

		if (!end || !sep) {
			strv_add(l, s);
			return;
		}
		strv_take(l, xstrndup(s, (size_t)(end - s)));
		s = end + 1;
	}
}

void strmap_append(struct strmap *m, const char *key, const char *value)
{
	m->v = xgrow(m->v, m->n, sizeof(*m->v));
	m->v[m->n++] = (struct strpair){ .key = xstrdup(key), .value = xstrdup(value) };
}

void strmap_set(struct strmap *m, const char *key, const char *value)
{
	for (size_t i = 0; i < m->n; i++) {
		if (str_eq(m->v[i].key, key)) {
			str_set(&m->v[i].value, value);
			return;
		}
	}
	strmap_append(m, key, value);
}

const char *strmap_get(const struct strmap *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++) {
		if (str_eq(m->v[i].key, key))
			return m->v[i].value;
	}
	return NULL;
}

void strmap_copy(struct strmap *dst, const struct strmap *src)
{
	struct strmap copy = { 0 };

	for (size_t i = 0; i < src->n; i++)
		strmap_append(&copy, src->v[i].key, src->v[i].value);
	strmap_free(dst);
	*dst = copy;
}

void strmap_free(struct strmap *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].key);
		free(m->v[i].value);
	}
	free(m->v);
	*m = (struct strmap){ 0 };
}
