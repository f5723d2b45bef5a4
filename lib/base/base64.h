/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64.h - RFC 4648 section 4, with padding. */
#ifndef CADDIS_BASE_BASE64_H
#define CADDIS_BASE_BASE64_H

#include "base/str.h"

void base64_encode(struct buf *out, const void *p, size_t n);
/* The whole of s, padding optional at the end; anything else is -1, without an error value. */
int base64_decode(struct buf *out, const char *s) MUST_CHECK;

#endif
