/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * str.h - memory and text: allocation that cannot fail, a growable buffer, lists and maps of
 * strings.
 *
 * Out of memory ends the process (abort) after one line on stderr: no caller can do better.
 */
#ifndef CADDIS_BASE_STR_H
#define CADDIS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/macros.h"
#include "base/own.h"

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size); /* checks the product */
void *xrealloc(void *p, size_t n);
void *xreallocarray(void *p, size_t n, size_t size); /* checks the product */
/*
 * Room for one more element in v, which holds n and was only ever grown by this: the capacity
 * follows from n. The lists below use it, so an array of another origin must not become their v.
 */
void *xgrow(void *v, size_t n, size_t size);
char *xstrdup(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n);
char *str_fmt(const char *fmt, ...) PRINTF(1, 2); /* newly allocated */
/* Frees *p and stores a copy of s (which may be NULL or part of *p). */
void str_set(char **p, const char *s);

static inline bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* One word of a line: not empty, without blanks and control characters. */
bool str_is_word(const char *s);
/* True when s is not NULL and not "". */
static inline bool str_some(const char *s)
{
	return s && *s;
}

/*
 * A decimal integer, the whole of s: an optional '-', digits, nothing else (no blanks, no '+', no
 * hex, no leading zero but "0" itself). Returns 0, or -1 without an error value.
 */
int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out) MUST_CHECK;
/*
 * A size in bytes: digits with an optional suffix b, k, m, g, t, or Ki, Mi, Gi, Ti (any case; all
 * of them powers of 1024, as podman and docker read them; a B after them is allowed), e.g. "64m",
 * "1Gi". Never negative.
 */
int str_to_size(const char *s, int64_t *out) MUST_CHECK;
/* "12.3MiB"; dst of at least 16 bytes. */
void str_size_format(int64_t bytes, char *dst, size_t size);
/*
 * Makes s fit for a terminal: control characters and bytes that are not valid UTF-8 become \xNN.
 * Newly allocated. Everything that comes from an image, a registry or a container goes through here
 * before it is printed as text.
 */
char *str_printable(const char *s, size_t len);

/* The length of the well-formed UTF-8 sequence that s begins with; 0 when there is none. */
size_t utf8_len(const char *s, size_t len);
bool utf8_valid(const char *s, size_t len);

/* A growable, always NUL-terminated buffer. {0} is an empty one. */
struct buf {
	char *s; /* NULL until something was added */
	size_t len, cap;
};
void buf_add(struct buf *b, const char *s);
void buf_addn(struct buf *b, const void *s, size_t n);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_reserve(struct buf *b, size_t more); /* room for more bytes and the NUL */
char *buf_steal(struct buf *b);		      /* "" rather than NULL; b is empty afterwards */
void buf_free(struct buf *b);
OWNED_STRUCT(buf, struct buf, buf_free)

/* A list of strings that ends with NULL: v may be handed to execve(). {0} is an empty one (v NULL).
 */
struct strv {
	char **v;
	size_t n;
};
void strv_add(struct strv *l, const char *s); /* copies */
void strv_take(struct strv *l, char *s);      /* keeps s */
void strv_copy(struct strv *dst, const struct strv *src);
bool strv_has(const struct strv *l, const char *s);
void strv_sort(struct strv *l);
void strv_free(struct strv *l); /* leaves an empty list */
/* "KEY=VALUE" in place of an element of the same key, else at the end. */
void strv_set_assignment(struct strv *l, const char *assignment);
/* Splits at each sep; empty pieces are kept. */
void strv_split(struct strv *l, const char *s, char sep);
OWNED_STRUCT(strv, struct strv, strv_free)

/* Strings by key, in order of insertion; a key is there once. {0} is empty. */
struct strmap {
	struct strpair {
		char *key, *value;
	} * v;
	size_t n;
};
void strmap_set(struct strmap *m, const char *key, const char *value); /* copies; replaces */
/* The same for a key known not to be there: no search. */
void strmap_append(struct strmap *m, const char *key, const char *value);
const char *strmap_get(const struct strmap *m, const char *key); /* NULL: not there */
void strmap_copy(struct strmap *dst, const struct strmap *src);
void strmap_free(struct strmap *m);
OWNED_STRUCT(strmap, struct strmap, strmap_free)

#endif
