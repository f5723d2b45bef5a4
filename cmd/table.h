/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.h - lists: one row per column gives heading, JSON key and type, and the name for --columns.
 * Text by libsmartcols (opened at first use), JSON, names only. Values from outside are made
 * printable.
 */
#ifndef CADDIS_CMD_TABLE_H
#define CADDIS_CMD_TABLE_H

#include <json-c/json.h>

#include "cli.h"

enum column_type {
	COL_STR,
	COL_ID, /* 64 hex digits: 12 in a table, whole with --no-trunc and in JSON */
	COL_INT,
	COL_TIME, /* ns: "5 minutes ago" in a table, RFC 3339 in JSON */
	COL_PERCENT, /* hundredths: "12.34" in a table, a number in JSON */
	COL_SIZE, /* bytes: "1.2MiB" in a table, a number in JSON */
	COL_MAP,  /* struct json_object: "k=v,k=v" in a table, itself in JSON */
	COL_LIST, /* an array of strings: "a,b" in a table, itself in JSON */
};
struct column {
	const char *heading; /* "CONTAINER ID" */
	const char *key;     /* "id": in JSON and for --columns */
	enum column_type type;
	bool extra; /* only with --columns and in JSON */
};
/* The options that every list has; a row of it goes into the list's own struct as member "list". */
struct list_args {
	const char *output;  /* table (default), json, yaml, name */
	const char *columns; /* "id,name" */
	bool quiet, no_headings, no_trunc;
	bool lines; /* no option: JSON is one object per line, for output that goes on */
};
#define LIST_OPTS(struct_)                                                                         \
	OPT('o', "output", "FORMAT", OPT_STR, struct_, list.output,                                \
	    "output format: table, json, yaml or name", "table|json|yaml|name"),                   \
		OPT(0, "columns", "LIST", OPT_STR, struct_, list.columns,                          \
		    "show these columns, comma-separated"),                                        \
		OPT('q', "quiet", NULL, OPT_BOOL, struct_, list.quiet, "print IDs only"),          \
		OPT(0, "no-headings", NULL, OPT_BOOL, struct_, list.no_headings,                   \
		    "no heading line"),                                                            \
		OPT(0, "no-trunc", NULL, OPT_BOOL, struct_, list.no_trunc,                         \
		    "print IDs and texts whole")

struct table;
/* columns ends with .key NULL. -1 with *e on a bad --output or --columns. */
int table_new(const struct column *columns, const struct list_args *a, struct table **out,
	      struct err *e);
void table_row(struct table *t); /* starts a row */
void table_str(struct table *t, const char *key,
	       const char *value); /* COL_STR, COL_ID; NULL is empty */
void table_int(struct table *t, const char *key, int64_t value); /* COL_INT, COL_TIME, COL_SIZE */
void table_json(struct table *t, const char *key,
		struct json_object *value); /* COL_MAP, COL_LIST; takes it */
/* Prints and frees. -o name prints the "name" column (else "id"), -q the "id" column. */
int table_print(struct table *t, struct err *e);
void table_free(struct table *t); /* NULL is fine */

#endif
