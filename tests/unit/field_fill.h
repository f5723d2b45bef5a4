/* SPDX-License-Identifier: GPL-2.0-or-later */
/* field_fill.h - fills and compares structs by their tables, so that no field can be forgotten. */
#ifndef CADDIS_UNIT_FIELD_FILL_H
#define CADDIS_UNIT_FIELD_FILL_H

#include <stdio.h>
#include <string.h>

#include "spec/field.h"

#define FILL_ELEMENTS 5 /* of each list: more than one capacity */

/* Another value each time, within the row's range. */
static inline int64_t fill_int(const struct field *f, int *n)
{
	int64_t min = f->min, max = f->max;

	if (f->type == FIELD_U64)
		return -1 - (*n)++ % 3;
	if (min == 0 && max == 0)
		min = INT64_MIN, max = INT64_MAX;
	switch ((*n)++ % 3) {
	case 0:
		return max;
	case 1:
		return min ? min : 1;
	default:
		return max < 100000 ? max - 1 : (min > 0 ? min : 0) + 700 + *n;
	}
}

static inline char *fill_text(const struct field *f, int *n)
{
	own(str) char *s = str_fmt("/%s \"\\\xc3\xa4\n%d", f->name ? f->name : "key", (*n)++);

	/* A profile's name is another text than a path. */
	return f->check && f->check(s) ? str_fmt("localhost%s", s) : ptr_steal(s);
}

static inline void fill(const struct field_table *t, char *p, int *n);

static inline void fill_list(const struct field *f, void *p, int *n)
{
	for (int i = 0; i < FILL_ELEMENTS; i++) {
		own(str) char *s = f->check_key ? str_fmt("k%d", (*n)++) : fill_text(f, n);

		if (f->type == FIELD_STRLIST)
			strv_add(p, s);
		else if (f->type == FIELD_INTLIST)
			intlist_add(p, fill_int(f, n));
		else if (f->type == FIELD_STRMAP)
			strmap_set(p, s, f->name);
		else
			fill(f->sub, objlist_add(p, f->sub), n);
	}
}

static inline void fill_field(const struct field *f, void *p, int *n)
{
	int names = 0;

	switch (f->type) {
	case FIELD_STR:
		*(char **)p = fill_text(f, n);
		break;
	case FIELD_BOOL:
		*(bool *)p = true;
		break;
	case FIELD_INT:
	case FIELD_U64:
		*(int64_t *)p = fill_int(f, n);
		break;
	case FIELD_OPTINT:
		*(struct optint *)p = OPTINT((*n)++ % 2 ? f->min : fill_int(f, n));
		break;
	case FIELD_ENUM:
		while (f->names[names])
			names++;
		*(int *)p = 1 + (*n)++ % (names - 1);
		break;
	case FIELD_STRLIST:
	case FIELD_INTLIST:
	case FIELD_STRMAP:
	case FIELD_OBJLIST:
	case FIELD_OBJMAP:
		fill_list(f, p, n);
		break;
	case FIELD_OBJ:
		fill(f->sub, p, n);
		break;
	case FIELD_OBJPTR:
		*(void **)p = xcalloc(1, f->sub->size);
		fill(f->sub, *(void **)p, n);
		break;
	case FIELD_JSON:
		*(struct json_object **)p = json_tokener_parse("{\"a\":[1,{\"b\":null}]}");
		break;
	}
}

static inline void fill(const struct field_table *t, char *p, int *n)
{
	for (size_t i = 0; i < t->n; i++)
		fill_field(&t->fields[i], p + t->fields[i].offset, n);
}

static inline bool differ(const struct field_table *t, const char *a, const char *b);

static inline bool same_list(const struct field *f, const void *a, const void *b)
{
	const struct strv *sa = a, *sb = b;
	const struct strmap *ma = a, *mb = b;
	const struct intlist *ia = a, *ib = b;
	const struct objlist *oa = a, *ob = b;

	if (sa->n != sb->n) /* all four hold n at the same place */
		return false;
	for (size_t i = 0; i < sa->n; i++) {
		bool same;

		if (f->type == FIELD_STRLIST)
			same = str_eq(sa->v[i], sb->v[i]);
		else if (f->type == FIELD_INTLIST)
			same = ia->v[i] == ib->v[i];
		else if (f->type == FIELD_STRMAP)
			same = str_eq(ma->v[i].key, mb->v[i].key) &&
			       str_eq(ma->v[i].value, mb->v[i].value);
		else
			same = !differ(f->sub, (const char *)oa->v + i * f->sub->size,
				       (const char *)ob->v + i * f->sub->size);
		if (!same)
			return false;
	}
	return true;
}

static inline bool same_field(const struct field *f, const void *a, const void *b)
{
	const struct optint *oa = a, *ob = b;
	void *pa, *pb;

	switch (f->type) {
	case FIELD_STR:
		return str_eq(*(char *const *)a, *(char *const *)b);
	case FIELD_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case FIELD_INT:
	case FIELD_U64:
		return *(const int64_t *)a == *(const int64_t *)b;
	case FIELD_OPTINT:
		return oa->set == ob->set && oa->v == ob->v;
	case FIELD_ENUM:
		return *(const int *)a == *(const int *)b;
	case FIELD_OBJ:
		return !differ(f->sub, a, b);
	case FIELD_OBJPTR:
		pa = *(void *const *)a, pb = *(void *const *)b;
		return pa && pb ? !differ(f->sub, pa, pb) : pa == pb;
	case FIELD_JSON:
		return json_object_equal(*(struct json_object *const *)a,
					 *(struct json_object *const *)b);
	default:
		return same_list(f, a, b);
	}
}

/* Whether two structs of one table differ; says where. */
static inline bool differ(const struct field_table *t, const char *a, const char *b)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];

		if (!same_field(f, a + f->offset, b + f->offset)) {
			printf("# %s.%s differs\n", t->name, f->name ? f->name : "key");
			return true;
		}
	}
	return false;
}

#endif
