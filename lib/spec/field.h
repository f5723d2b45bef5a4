/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * field.h - a struct described once, as a table: the table reads it from JSON, writes it as JSON,
 * frees it, copies it, and names the path of a bad field in the error.
 *
 * A table row says name, type and offset. An absent field leaves the zero value of its type, which
 * the writer leaves out again; null counts as absent. Optional integers tell "absent" from 0 by
 * struct optint.
 */
#ifndef CADDIS_SPEC_FIELD_H
#define CADDIS_SPEC_FIELD_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct optint {
	bool set;
	int64_t v;
};
#define OPTINT(x) ((struct optint){ .set = true, .v = (x) })

enum field_type {
	FIELD_STR,     /* char * */
	FIELD_BOOL,    /* bool; false is left out on writing */
	FIELD_INT,     /* int64_t; 0 is left out; min/max of the row are checked */
	FIELD_U64,     /* int64_t with the bits of an unsigned number: 18446744073709551615 is -1 */
	FIELD_OPTINT,  /* struct optint; min/max checked */
	FIELD_ENUM,    /* int: index into the row's names; the number itself is read too */
	FIELD_STRLIST, /* struct strv */
	FIELD_INTLIST, /* struct intlist; min/max checked */
	FIELD_STRMAP,  /* struct strmap */
	FIELD_OBJ,    /* struct of the sub-table, by value; left out when all its fields are zero */
	FIELD_OBJPTR, /* struct of the sub-table, by pointer; NULL when absent */
	FIELD_OBJLIST, /* struct objlist of the sub-table's struct */
	/* struct objlist: an object in JSON, whose keys are the structs' first rows (FIELD_KEY). */
	FIELD_OBJMAP,
	FIELD_JSON,    /* struct json_object *: kept as it is */
};

struct intlist {
	int64_t *v;
	size_t n;
};
void intlist_add(struct intlist *l, int64_t v);

/* A list of structs: v points to n of them. Access as ((struct mount *)l.v)[i]. */
struct objlist {
	void *v;
	size_t n;
};

struct field_table;

struct field {
	const char *name; /* as written out; NULL: see FIELD_KEY */
	enum field_type type;
	size_t offset;
	const struct field_table *sub; /* FIELD_OBJ* */
	int64_t min, max;	       /* FIELD_INT, FIELD_OPTINT: both 0: any */
	const char *const *names; /* FIELD_ENUM: NULL-terminated; FIELD_STR: a number stands for the
				     name at this index */
	/* FIELD_STR, and values of a FIELD_STRMAP: a further check. NULL, or what the message says:
	 * "expected an absolute path". */
	const char *(*check)(const char *s);
	const char *(*check_key)(const char *s); /* keys of a FIELD_STRMAP */
	bool required; /* absent is an error; null, too */
	bool always; /* FIELD_ENUM: written even when 0, where 0 is not the default */
	const char *help; /* one line, for the man page's reference */
};

enum field_table_flags {
	FIELDS_STRICT = 1, /* an unknown member is an error (CRI); without: ignored (OCI) */
	/* protobuf's JSON and crictl's files: snake_case (in any case of letters) and camelCase
	 * both name a field, a string may hold an integer, 1e9 is one, and names of enums are read
	 * in any case. Names in the table are in snake_case. */
	FIELDS_ANY_CASE = 2,
	/* Zeros and false are written: members that the format requires. */
	FIELDS_WRITE_ZERO = 4,
};

struct field_table {
	const char *name; /* "PodSandboxConfig" */
	size_t size;	  /* of the struct */
	int flags;
	const struct field *fields;
	size_t n;
};

/* Spelling of tables:  FIELD(struct user, username, FIELD_STR)  */
#define FIELD(type_, member, kind, ...)                                                            \
	{                                                                                          \
		.name = #member, .type = (kind), .offset = offsetof(type_, member), __VA_ARGS__    \
	}
#define FIELD_AS(type_, member, name_, kind, ...)                                                  \
	{                                                                                          \
		.name = (name_), .type = (kind), .offset = offsetof(type_, member), __VA_ARGS__    \
	}
/* The key of a FIELD_OBJMAP, a char *: its table's first row. */
#define FIELD_KEY(type_, member)                                                                   \
	{                                                                                          \
		.type = FIELD_STR, .offset = offsetof(type_, member)                               \
	}
#define FIELD_TABLE(var, name_, type_, flags_, rows)                                               \
	const struct field_table var = { .name = (name_),                                          \
					 .size = sizeof(type_),                                    \
					 .flags = (flags_),                                        \
					 .fields = (rows),                                         \
					 .n = ARRAY_LEN(rows) }

/*
 * Reads j into the zeroed struct at out. On an error *out is freed and zero again, and *e says
 * "WHAT: linux.resources.cpu_quota: expected an integer, found \"fast\"".
 */
int fields_read(const struct field_table *t, const char *what, struct json_object *j, void *out,
		struct err *e);
struct json_object *fields_write(const struct field_table *t, const void *in); /* the caller's */
void fields_free(const struct field_table *t, void *p); /* frees what it holds, zeroes it */
void fields_copy(const struct field_table *t, void *dst,
		 const void *src); /* deep; dst is zeroed first */
/* Appends a zeroed element and returns it. */
void *objlist_add(struct objlist *l, const struct field_table *t);
void objlist_free(struct objlist *l, const struct field_table *t); /* leaves an empty list */

/*
 * Reads a file that a person wrote, JSON or YAML, at most 1 MiB; path "-" is standard input. Errors
 * are ERR_USAGE and name file, line and field: "web.yaml:12: linux.resources.cpu_quota: expected an
 * integer, found \"fast\"". In strings, unquoted numbers and truth values count as what they are
 * written as; one that YAML spells otherwise (012, 1.10, yes) is refused.
 */
int fields_read_file(const struct field_table *t, const char *path, void *out, struct err *e);

/* Loads a file of ours into the zeroed struct; file_replace()s it; file_create()s it. */
int fields_load(const struct field_table *t, int dir, const char *name, void *out, struct err *e);
int fields_save(const struct field_table *t, int dir, const char *name, const void *in, bool sync,
		struct err *e);
int fields_create(const struct field_table *t, int dir, const char *name, const void *in,
		  struct err *e);

#endif
