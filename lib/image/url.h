/* SPDX-License-Identifier: GPL-2.0-or-later */
/* url.h - what we must know of a URL; the rest is libcurl's. */
#ifndef CADDIS_IMAGE_URL_H
#define CADDIS_IMAGE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* "https://host:port" of a URL: its length. Two URLs with the same one go to the same server. */
size_t url_origin_len(const char *url);
bool url_same_origin(const char *a, const char *b);
bool url_is_https(const char *url);
/* s with everything but letters, digits and -._~ as %XX: a value in a query. */
void url_escape(struct buf *out, const char *s);

#endif
