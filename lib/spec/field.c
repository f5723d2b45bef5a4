/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/field.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"

static struct json_object *write_struct(const struct field_table *t, const char *in);

void intlist_add(struct intlist *l, int64_t v)
{
	l->v = xgrow(l->v, l->n, sizeof(*l->v));
	l->v[l->n++] = v;
}

void *objlist_add(struct objlist *l, const struct field_table *t)
{
	l->v = xgrow(l->v, l->n, t->size);
	return memset((char *)l->v + l->n++ * t->size, 0, t->size);
}

static struct json_object *write_map(const struct strmap *m)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < m->n; i++)
		json_object_object_add(o, m->v[i].key, json_object_new_string(m->v[i].value));
	return o;
}

static struct json_object *write_strings(const struct strv *l)
{
	struct json_object *a = json_object_new_array_ext((int)l->n);

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(a, json_object_new_string(l->v[i]));
	return a;
}

static struct json_object *write_ints(const struct intlist *l)
{
	struct json_object *a = json_object_new_array_ext((int)l->n);

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(a, json_object_new_int64(l->v[i]));
	return a;
}

static struct json_object *write_objects(const struct objlist *l, const struct field_table *t)
{
	struct json_object *a = json_object_new_array_ext((int)l->n);

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(a, write_struct(t, (const char *)l->v + i * t->size));
	return a;
}

static struct json_object *write_keyed(const struct objlist *l, const struct field_table *t)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < l->n; i++) {
		const char *p = (const char *)l->v + i * t->size;

		json_object_object_add(o, *(char *const *)(p + t->fields[0].offset),
				       write_struct(t, p));
	}
	return o;
}

/* A struct by value: NULL when it holds nothing. */
static struct json_object *write_value(const struct field_table *t, const void *p)
{
	struct json_object *o = write_struct(t, p);

	if (json_object_object_length(o) > 0)
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *write_optint(const struct optint *o)
{
	return o->set ? json_object_new_int64(o->v) : NULL;
}

/* A field that is one number in the struct; NULL when it is 0 and zeros are left out. */
static struct json_object *write_scalar(const struct field *f, bool zero, const void *p)
{
	int64_t v = f->type == FIELD_BOOL   ? *(const bool *)p
		    : f->type == FIELD_ENUM ? *(const int *)p
					    : *(const int64_t *)p;

	if (v == 0 && !zero && !f->always)
		return NULL;
	switch (f->type) {
	case FIELD_BOOL:
		return json_object_new_boolean(v != 0);
	case FIELD_ENUM:
		return json_object_new_string(f->names[v]);
	case FIELD_U64:
		return json_object_new_uint64((uint64_t)v);
	default:
		return json_object_new_int64(v);
	}
}

/* A field that is a list or map in the struct; NULL when it is empty. */
static struct json_object *write_list(const struct field *f, const void *p)
{
	switch (f->type) {
	case FIELD_STRLIST:
		return ((const struct strv *)p)->n ? write_strings(p) : NULL;
	case FIELD_INTLIST:
		return ((const struct intlist *)p)->n ? write_ints(p) : NULL;
	case FIELD_STRMAP:
		return ((const struct strmap *)p)->n ? write_map(p) : NULL;
	case FIELD_OBJMAP:
		return ((const struct objlist *)p)->n ? write_keyed(p, f->sub) : NULL;
	default:
		return ((const struct objlist *)p)->n ? write_objects(p, f->sub) : NULL;
	}
}

/* The JSON of one field; NULL when it is to be left out. */
static struct json_object *write_field(const struct field *f, bool zero, const void *p)
{
	switch (f->type) {
	case FIELD_STR:
		return *(char *const *)p ? json_object_new_string(*(char *const *)p) : NULL;
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_U64:
	case FIELD_ENUM:
		return write_scalar(f, zero, p);
	case FIELD_OPTINT:
		return write_optint(p);
	case FIELD_STRLIST:
	case FIELD_INTLIST:
	case FIELD_STRMAP:
	case FIELD_OBJLIST:
	case FIELD_OBJMAP:
		return write_list(f, p);
	case FIELD_OBJ:
		return write_value(f->sub, p);
	case FIELD_OBJPTR:
		return *(void *const *)p ? write_struct(f->sub, *(void *const *)p) : NULL;
	case FIELD_JSON:
		return json_object_get(*(struct json_object *const *)p);
	}
	return NULL;
}

static struct json_object *write_struct(const struct field_table *t, const char *in)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];
		struct json_object *v =
			f->name ? write_field(f, t->flags & FIELDS_WRITE_ZERO, in + f->offset)
				: NULL;

		/* The names live as long as the program does: no copy, and no search for an older
		 * one. */
		if (v)
			json_object_object_add_ex(o, f->name, v,
						  JSON_C_OBJECT_ADD_KEY_IS_NEW |
							  JSON_C_OBJECT_ADD_CONSTANT_KEY);
	}
	return o;
}

struct json_object *fields_write(const struct field_table *t, const void *in)
{
	return write_struct(t, in);
}

void objlist_free(struct objlist *l, const struct field_table *t)
{
	for (size_t i = 0; i < l->n; i++)
		fields_free(t, (char *)l->v + i * t->size);
	free(l->v);
	*l = (struct objlist){ 0 };
}

static void free_field(const struct field *f, void *p)
{
	switch (f->type) {
	case FIELD_STR:
		free(*(char **)p);
		break;
	case FIELD_STRLIST:
		strv_free(p);
		break;
	case FIELD_INTLIST:
		free(((struct intlist *)p)->v);
		break;
	case FIELD_STRMAP:
		strmap_free(p);
		break;
	case FIELD_OBJ:
		fields_free(f->sub, p);
		break;
	case FIELD_OBJPTR:
		if (*(void **)p)
			fields_free(f->sub, *(void **)p);
		free(*(void **)p);
		break;
	case FIELD_OBJLIST:
	case FIELD_OBJMAP:
		objlist_free(p, f->sub);
		break;
	case FIELD_JSON:
		json_object_put(*(struct json_object **)p);
		break;
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_U64:
	case FIELD_OPTINT:
	case FIELD_ENUM:
		break;
	}
}

void fields_free(const struct field_table *t, void *p)
{
	for (size_t i = 0; i < t->n; i++)
		free_field(&t->fields[i], (char *)p + t->fields[i].offset);
	memset(p, 0, t->size);
}

static void copy_objects(struct objlist *dst, const struct objlist *src,
			 const struct field_table *t)
{
	for (size_t i = 0; i < src->n; i++)
		fields_copy(t, objlist_add(dst, t), (const char *)src->v + i * t->size);
}

static void copy_ints(struct intlist *dst, const struct intlist *src)
{
	for (size_t i = 0; i < src->n; i++)
		intlist_add(dst, src->v[i]);
}

static void *copy_object(const struct field_table *t, const void *src)
{
	void *p = src ? xmalloc(t->size) : NULL;

	if (p)
		fields_copy(t, p, src);
	return p;
}

static struct json_object *copy_json(struct json_object *src)
{
	struct json_object *copy = NULL;

	if (src && json_object_deep_copy(src, &copy, NULL) < 0)
		abort(); /* it only fails for want of memory */
	return copy;
}

static void copy_field(const struct field *f, void *dst, const void *src)
{
	switch (f->type) {
	case FIELD_STR:
		*(char **)dst = xstrdup(*(char *const *)src);
		break;
	case FIELD_BOOL:
		*(bool *)dst = *(const bool *)src;
		break;
	case FIELD_INT:
	case FIELD_U64:
		*(int64_t *)dst = *(const int64_t *)src;
		break;
	case FIELD_OPTINT:
		*(struct optint *)dst = *(const struct optint *)src;
		break;
	case FIELD_ENUM:
		*(int *)dst = *(const int *)src;
		break;
	case FIELD_STRLIST:
		strv_copy(dst, src);
		break;
	case FIELD_INTLIST:
		copy_ints(dst, src);
		break;
	case FIELD_STRMAP:
		strmap_copy(dst, src);
		break;
	case FIELD_OBJ:
		fields_copy(f->sub, dst, src);
		break;
	case FIELD_OBJPTR:
		*(void **)dst = copy_object(f->sub, *(void *const *)src);
		break;
	case FIELD_OBJLIST:
	case FIELD_OBJMAP:
		copy_objects(dst, src, f->sub);
		break;
	case FIELD_JSON:
		*(struct json_object **)dst = copy_json(*(struct json_object *const *)src);
		break;
	}
}

void fields_copy(const struct field_table *t, void *dst, const void *src)
{
	memset(dst, 0, t->size);
	for (size_t i = 0; i < t->n; i++)
		copy_field(&t->fields[i], (char *)dst + t->fields[i].offset,
			   (const char *)src + t->fields[i].offset);
}

int fields_load(const struct field_table *t, int dir, const char *name, void *out, struct err *e)
{
	own(json) struct json_object *j = json_load(dir, name, e);

	if (!j)
		return -1;
	if (fields_read(t, name, j, out, e) < 0) {
		e->kind = ERR_CORRUPT;
		return -1;
	}
	return 0;
}

/* What could not be read again is not written. */
static int check_text(const struct field_table *t, const struct buf *text, struct err *e)
{
	size_t at = 0, n, from;

	while (at < text->len && (n = utf8_len(text->s + at, text->len - at)) > 0)
		at += n;
	if (at >= text->len)
		return 0;
	for (from = at; from > 0 && at - from < 40 && text->s[from - 1] != '"';)
		from--;
	own(str) char *shown = str_printable(text->s + from, MIN(text->len - from, (size_t)60));

	return err_set(e, ERR_USAGE, "%s: not valid UTF-8: '%s'", t->name, shown);
}

static int print(const struct field_table *t, const void *in, struct buf *text, struct err *e)
{
	own(json) struct json_object *j = fields_write(t, in);

	json_print(j, text);
	if (check_text(t, text, e) < 0)
		return -1;
	buf_addc(text, '\n');
	return 0;
}

int fields_create(const struct field_table *t, int dir, const char *name, const void *in,
		  struct err *e)
{
	own(buf) struct buf text = { 0 };

	return print(t, in, &text, e) < 0 ? -1 : file_create(dir, name, text.s, text.len, e);
}

int fields_save(const struct field_table *t, int dir, const char *name, const void *in, bool sync,
		struct err *e)
{
	own(buf) struct buf text = { 0 };

	if (print(t, in, &text, e) < 0)
		return -1;
	return file_replace(dir, name, text.s, text.len, sync ? FILE_SYNC : FILE_NOSYNC, e);
}
