/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.h - json-c with bounds: parsing of hostile text, and owned values. */
#ifndef CADDIS_BASE_JSON_H
#define CADDIS_BASE_JSON_H

#include <json-c/json.h>
#include <stddef.h>

#include "base/err.h"
#include "base/own.h"
#include "base/str.h"

static inline void json_release(struct json_object *j)
{
	json_object_put(j);
}
OWNED(json, struct json_object *, NULL, json_release)

/*
 * Parses exactly one JSON value that fills text (blanks may follow). Refused: invalid UTF-8, NUL
 * bytes, duplicate keys in an object, nesting deeper than 64, comments and other looseness. what
 * names the source in the error ("sandbox.json"). NULL with *e.
 */
struct json_object *json_parse(const char *what, const char *text, size_t len, struct err *e);
/* Reads a file of ours (at most 16 MiB) and parses it. */
struct json_object *json_load(int dir, const char *name, struct err *e);
/*
 * The same for a file that a person wrote: errors are ERR_USAGE and say "WHAT:LINE: ...", and the
 * containers know where their members are.
 */
struct json_object *json_parse_source(const char *what, const char *text, size_t len,
				      struct err *e);
/* The line of member (or element) i of a container that was read with lines; 0: not known. */
size_t json_line(struct json_object *container, size_t i);
/* For readers: lines of its n members, in their order; taken over (malloc()ed). */
void json_set_lines(struct json_object *container, size_t *lines, size_t n);
/* How a number or truth value was written in its source, where that is kept; else NULL. */
const char *json_spelling(struct json_object *scalar);
void json_set_spelling(struct json_object *scalar, const char *text);
/* Member of an object, NULL when missing or of another type. Borrowed. */
struct json_object *json_get(struct json_object *o, const char *key, enum json_type type);
/* NULL when missing or no string. Borrowed. */
const char *json_get_str(struct json_object *o, const char *key);
/*
 * The value at a path inside j: ".network.ips[0]", ".labels[\"a.b/c\"]", "."; the first point may
 * be left out. Borrowed; may be NULL, for null. ERR_NOT_FOUND says what is there instead.
 */
int json_path_find(struct json_object *j, const char *path, struct json_object **out,
		   struct err *e);
/* Compact and pretty text. */
void json_print(struct json_object *j, struct buf *out);
void json_print_pretty(struct json_object *j, struct buf *out);

#endif
