/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of a reply's head. */
#include "image/http_reply.h"

#include <string.h>
#include <strings.h>

#include "image/curl_dl.h"

#define CHALLENGES_MAX 8
#define WARNINGS_MAX 4
#define HEADER_MAX 8192

void http_reply_free(struct http_reply *r)
{
	free(r->location);
	strv_free(&r->challenges);
	strv_free(&r->warnings);
	buf_free(&r->body);
	*r = (struct http_reply){ 0 };
}

/* The value of the header line if its name is key, without blanks around it; NULL. *n is its
 * length.
 */
static const char *header(const char *line, size_t *n, const char *key)
{
	size_t k = strlen(key), len = *n;

	if (len <= k || line[k] != ':' || strncasecmp(line, key, k) != 0)
		return NULL;
	line += k + 1;
	len -= k + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", line[len - 1]))
		len--;
	*n = len;
	return line;
}

/* "bytes 5-9/10"; whatever else, or a second one, leaves -1, which matches nothing. */
static void read_range(const char *s, struct http_reply *r)
{
	own(str) char *copy = xstrdup(s);
	char *dash, *slash = strchr(copy, '/');
	bool again = r->range_start >= 0;

	r->range_start = r->range_total = -1;
	if (again || strncmp(copy, "bytes ", 6) != 0 || !slash)
		return;
	dash = strchr(copy, '-');
	if (!dash || dash > slash)
		return;
	*dash = *slash = '\0';
	if (str_to_i64(copy + 6, 0, INT64_MAX, &r->range_start) < 0)
		r->range_start = -1;
	if (str_to_i64(slash + 1, 0, INT64_MAX, &r->range_total) < 0)
		r->range_total = -1;
}

void http_reply_reset(struct http_reply *r)
{
	http_reply_free(r);
	r->length = r->range_start = r->range_total = -1;
}

static int read_length(const char *value, struct http_reply *r)
{
	int64_t length;

	if (str_to_i64(value, 0, INT64_MAX, &length) < 0 || (r->length >= 0 && r->length != length))
		return -1;
	r->length = length;
	return 0;
}

/* Where a relative Location leads is decided by libcurl, as for everything else in URLs. */
static char *absolute(const char *base, const char *location)
{
	CURLU *u = curl.curl_url();
	char *url = NULL, *out = NULL;

	if (u && curl.curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl.curl_url_set(u, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl.curl_url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK)
		out = xstrdup(url);
	if (url)
		curl.curl_free(url);
	if (u)
		curl.curl_url_cleanup(u);
	return out;
}

static void keep(char *dst, size_t size, const char *value)
{
	snprintf(dst, size, "%s", value);
}

/* Each NULL, or what is wrong with the header. */
static const char *take_type(struct http_reply *r, const char *base, const char *value)
{
	(void)base;
	keep(r->content_type, sizeof(r->content_type), value);
	return NULL;
}

static const char *take_digest(struct http_reply *r, const char *base, const char *value)
{
	(void)base;
	keep(r->digest, sizeof(r->digest), value);
	return NULL;
}

static const char *take_content_range(struct http_reply *r, const char *base, const char *value)
{
	(void)base;
	read_range(value, r);
	return NULL;
}

static const char *take_encoding(struct http_reply *r, const char *base, const char *value)
{
	(void)r, (void)base;
	return strcasecmp(value, "identity") == 0
		       ? NULL
		       : "the reply is encoded although we asked for it plain";
}

static const char *take_length(struct http_reply *r, const char *base, const char *value)
{
	(void)base;
	return read_length(value, r) < 0 ? "the reply's Content-Length is invalid" : NULL;
}

static const char *take_challenge(struct http_reply *r, const char *base, const char *value)
{
	(void)base;
	if (r->challenges.n < CHALLENGES_MAX)
		strv_add(&r->challenges, value);
	return NULL;
}

static const char *take_warning(struct http_reply *r, const char *base, const char *value)
{
	(void)base;
	if (r->warnings.n < WARNINGS_MAX)
		strv_add(&r->warnings, value);
	return NULL;
}

static const char *take_location(struct http_reply *r, const char *base, const char *value)
{
	free(r->location);
	r->location = absolute(base, value);
	return NULL;
}

static const struct {
	const char *name;
	const char *(*take)(struct http_reply *r, const char *base, const char *value);
} headers[] = {
	// clang-format off
	{ "Content-Type",          take_type },
	{ "Docker-Content-Digest", take_digest },
	{ "Content-Range",         take_content_range },
	{ "Content-Encoding",      take_encoding },
	{ "Content-Length",        take_length },
	{ "WWW-Authenticate",      take_challenge },
	{ "Warning",               take_warning },
	{ "Location",              take_location },
	// clang-format on
};

const char *http_reply_header(struct http_reply *r, const char *base, const char *line, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		size_t len = n;
		const char *at = header(line, &len, headers[i].name), *bad;
		own(str) char *value = at ? xstrndup(at, MIN(len, (size_t)HEADER_MAX)) : NULL;

		bad = value ? headers[i].take(r, base, value) : NULL;
		if (bad)
			return bad;
	}
	return NULL;
}
