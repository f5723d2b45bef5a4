/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/ref.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "image/digest.h"

#define DEFAULT_DOMAIN "docker.io"
#define DEFAULT_DOMAIN_OLD "index.docker.io"
#define NAME_MAX_LEN 255 /* domain and path together */
#define TAG_MAX_LEN 128
#define REF_MAX_LEN (NAME_MAX_LEN + 1 + TAG_MAX_LEN + 1 + DIGEST_SIZE)

/* Not isalnum(): that follows the locale. */
static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* The separators between runs of letters in a path component: ".", "_", "__" or any number of "-".
 */
static size_t separator_len(const char *s)
{
	if (*s == '-')
		return strspn(s, "-");
	if (*s == '_')
		return s[1] == '_' ? 2 : 1;
	return *s == '.' ? 1 : 0;
}

static const char *check_component(const char **s)
{
	const char *p = *s;

	for (;;) {
		size_t sep;

		if (*p >= 'A' && *p <= 'Z')
			return "repository names are lower case";
		if (!is_lower(*p))
			return "each part of the path starts and ends with a letter or digit";
		while (is_lower(*p))
			p++;
		sep = separator_len(p);
		if (sep == 0)
			break;
		p += sep;
	}
	if (*p >= 'A' && *p <= 'Z')
		return "repository names are lower case";
	*s = p;
	return NULL;
}

static const char *check_path(const char *s)
{
	for (;; s++) {
		const char *bad = check_component(&s);

		if (bad)
			return bad;
		if (*s == '\0')
			return NULL;
		if (*s != '/')
			return "a character that repository names do not have";
	}
}

static const char *check_port(const char *s)
{
	int64_t port;

	return str_to_i64(s, 1, 65535, &port) == 0 ? NULL
						   : "the port is not a number from 1 to 65535";
}

static const char *check_ipv6(const char *s)
{
	const char *end = strchr(s, ']');
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	size_t len;

	if (!end)
		return "the IPv6 address has no closing ]";
	len = (size_t)(end - s) - 1;
	if (len >= sizeof(text))
		return "not an IPv6 address";
	memcpy(text, s + 1, len);
	text[len] = '\0';
	if (inet_pton(AF_INET6, text, &a) != 1) /* zone IDs are refused, too */
		return "not an IPv6 address";
	if (end[1] == '\0')
		return NULL;
	return end[1] == ':' ? check_port(end + 2) : "unexpected text after the IPv6 address";
}

static const char *check_domain(const char *s)
{
	if (*s == '[')
		return check_ipv6(s);
	for (;; s++) {
		const char *start = s;

		while (is_alnum(*s) || *s == '-')
			s++;
		if (s == start || *start == '-' || s[-1] == '-')
			return "not a valid host name";
		if (*s == '\0')
			return NULL;
		if (*s == ':')
			return check_port(s + 1);
		if (*s != '.')
			return "not a valid host name";
	}
}

static const char *check_tag(const char *s)
{
	size_t n = strlen(s);

	if (n == 0)
		return "the tag is empty";
	if (n > TAG_MAX_LEN)
		return "the tag is longer than 128 characters";
	if (!is_alnum(*s) && *s != '_')
		return "the tag does not start with a letter, digit or _";
	for (; *s; s++)
		if (!is_alnum(*s) && !strchr("_.-", *s))
			return "a character that tags do not have";
	return NULL;
}

/* The first part is a host if it looks like one: a dot, a colon, "localhost", or upper case. */
static bool looks_like_host(const char *s, size_t n)
{
	if (n == strlen("localhost") && memcmp(s, "localhost", n) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z'))
			return true;
	return false;
}

static void split_domain(const char *name, struct ref *out)
{
	const char *slash = strchr(name, '/');

	if (slash && looks_like_host(name, (size_t)(slash - name))) {
		out->domain = xstrndup(name, (size_t)(slash - name));
		name = slash + 1;
	} else {
		out->domain = xstrdup(DEFAULT_DOMAIN);
	}
	if (str_eq(out->domain, DEFAULT_DOMAIN_OLD))
		str_set(&out->domain, DEFAULT_DOMAIN);
	if (str_eq(out->domain, DEFAULT_DOMAIN) && !strchr(name, '/'))
		out->path = str_fmt("library/%s", name);
	else
		out->path = xstrdup(name);
}

/* Cuts "@digest" and ":tag" off the end of name. */
static const char *split_version(char *name, struct ref *out, struct err *e)
{
	char *at = strchr(name, '@'), *colon, *slash;

	if (at) {
		*at = '\0';
		if (digest_check(at + 1, e) < 0)
			return e->msg;
		out->digest = xstrdup(at + 1);
	}
	slash = strrchr(name, '/');
	colon = strrchr(slash ? slash : name, ':');
	if (colon) {
		const char *bad = check_tag(colon + 1);

		if (bad)
			return bad;
		*colon = '\0';
		if (!out->digest)
			out->tag = xstrdup(colon + 1);
	} else if (!out->digest) {
		out->tag = xstrdup("latest");
	}
	return NULL;
}

static bool all_hex64(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static const char *parse(const char *s, struct ref *out, struct err *e)
{
	own(str) char *name = NULL;
	const char *bad;

	if (!*s)
		return "it is empty";
	if (strlen(s) > REF_MAX_LEN)
		return "it is too long";
	name = xstrdup(s);
	bad = split_version(name, out, e);
	if (bad)
		return bad;
	if (all_hex64(name))
		return "64 hex digits are an ID, not a name";
	split_domain(name, out);
	if (strlen(out->domain) + 1 + strlen(out->path) > NAME_MAX_LEN)
		return "the name is longer than 255 characters";
	bad = check_domain(out->domain);
	return bad ? bad : check_path(out->path);
}

int ref_parse(const char *s, struct ref *out, struct err *e)
{
	struct err inner = { 0 };
	const char *bad;

	*out = (struct ref){ 0 };
	bad = parse(s, out, &inner);
	if (!bad)
		return 0;
	ref_free(out);
	return err_set(e, ERR_USAGE, "invalid image name \"%.120s%s\": %.160s", s,
		       strlen(s) > 120 ? "…" : "", bad);
}

void ref_free(struct ref *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	free(r->digest);
	*r = (struct ref){ 0 };
}

char *ref_format(const struct ref *r)
{
	return str_fmt("%s/%s%c%s", r->domain, r->path, r->digest ? '@' : ':', ref_version(r));
}

const char *ref_version(const struct ref *r)
{
	return r->digest ? r->digest : r->tag;
}

const char *ref_host(const struct ref *r)
{
	return str_eq(r->domain, DEFAULT_DOMAIN) ? "registry-1.docker.io" : r->domain;
}
