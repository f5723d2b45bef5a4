/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * digest.h - "sha256:HEX": checked before it names anything, computed by libcrypto.
 *
 * A digest that passed digest_check() is 71 harmless characters: it may be part of a path or URL.
 */
#ifndef CADDIS_IMAGE_DIGEST_H
#define CADDIS_IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/own.h"

#define DIGEST_SIZE 72 /* "sha256:", 64 lower-case hex digits, NUL */

bool digest_valid(const char *s);
/* The same with the reason in *e (ERR_REMOTE; other algorithms are named as not supported). */
int digest_check(const char *s, struct err *e);
/* The 64 hex digits of a valid digest. */
const char *digest_hex(const char *digest);

struct digest; /* a running SHA-256 */
int digest_new(struct digest **out, struct err *e);
void digest_update(struct digest *d, const void *p, size_t n);
void digest_final(struct digest *d, char out[DIGEST_SIZE]); /* once; then only digest_free() */
void digest_free(struct digest *d);                         /* NULL is fine */
OWNED(digest, struct digest *, NULL, digest_free)

int digest_of(const void *p, size_t n, char out[DIGEST_SIZE], struct err *e);

#endif
