/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/url.h"

#include <string.h>
#include <strings.h>

size_t url_origin_len(const char *url)
{
	const char *p = strstr(url, "://");

	return p ? (size_t)(p + 3 - url) + strcspn(p + 3, "/?#") : strlen(url);
}

bool url_same_origin(const char *a, const char *b)
{
	size_t n = url_origin_len(a);

	return n == url_origin_len(b) && strncasecmp(a, b, n) == 0;
}

bool url_is_https(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0;
}

void url_escape(struct buf *out, const char *s)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *s; s++) {
		if (strchr(plain, *s))
			buf_addc(out, *s);
		else
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)*s);
	}
}
