/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_reply.h - a reply's head, line by line; http.c's. */
#ifndef CADDIS_IMAGE_HTTP_REPLY_H
#define CADDIS_IMAGE_HTTP_REPLY_H

#include "image/http.h"

/* Empties it, and says of each number that it is not known. */
void http_reply_reset(struct http_reply *r);
/* One line of the head, of a reply from the URL base; NULL, or what is wrong with it. */
const char *http_reply_header(struct http_reply *r, const char *base, const char *line, size_t n);

#endif
