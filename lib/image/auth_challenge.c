/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/auth_challenge.h"

#include <string.h>
#include <strings.h>

#define PARAMETERS_MAX 16

void challenge_free(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	*c = (struct challenge){ 0 };
}

static void skip_blanks(const char **s)
{
	*s += strspn(*s, " \t");
}

/* RFC 9110, 5.6.2. */
static size_t token_len(const char *s)
{
	size_t n = 0;

	while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') ||
	       (s[n] >= '0' && s[n] <= '9') || (s[n] && strchr("!#$%&'*+-.^_`|~", s[n])))
		n++;
	return n;
}

/* The text between quotes, or a token; NULL: neither. */
static char *read_value(const char **s)
{
	own(buf) struct buf b = { 0 };
	size_t n = token_len(*s);

	if (**s != '"') {
		*s += n;
		return n ? xstrndup(*s - n, n) : NULL;
	}
	for ((*s)++; **s != '"'; (*s)++) {
		if (**s == '\\')
			(*s)++;
		if ((unsigned char)**s < ' ' || **s == 127)
			return NULL; /* its end, too */
		buf_addc(&b, **s);
	}
	(*s)++;
	return buf_steal(&b);
}

static bool keep(struct challenge *c, const char *name, size_t n, char **value)
{
	const struct {
		const char *name;
		char **to;
	} known[] = {
		{ "realm", &c->realm },
		{ "service", &c->service },
		{ "scope", &c->scope },
		{ "error", &c->error },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strlen(known[i].name) != n || strncasecmp(known[i].name, name, n) != 0)
			continue;
		if (*known[i].to)
			return false; /* twice: which one is meant? */
		*known[i].to = *value;
		*value = NULL;
	}
	return true;
}

/* "NAME = VALUE" at *s? Moves on and keeps it; 0: something else is there, -1: malformed. */
static int read_parameter(const char **s, struct challenge *c)
{
	const char *p = *s, *name = p;
	size_t n = token_len(p);
	own(str) char *value = NULL;

	p += n;
	skip_blanks(&p);
	if (n == 0 || *p != '=')
		return 0;
	p++;
	skip_blanks(&p);
	value = read_value(&p);
	if (!value || !keep(c, name, n, &value))
		return -1;
	skip_blanks(&p);
	*s = p;
	return *p == ',' || *p == '\0' ? 1 : -1;
}

static void skip_commas(const char **s)
{
	*s += strspn(*s, ", \t");
}

/* "Negotiate BASE64==": a word instead of parameters, of schemes that we do not speak. */
static void skip_token68(const char **s)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
	const char *p = *s + strspn(*s, letters);

	if (p == *s)
		return;
	p += strspn(p, "=");
	skip_blanks(&p);
	if (*p == ',' || *p == '\0')
		*s = p;
}

/* One challenge: its scheme and parameters. False: malformed, or the end. */
static bool read_challenge(const char **s, struct challenge *c)
{
	size_t n, count = 0;
	int ret;

	skip_commas(s);
	n = token_len(*s);
	if (n == 0)
		return false;
	if (n == strlen("Bearer") && strncasecmp(*s, "Bearer", n) == 0)
		c->scheme = CHALLENGE_BEARER;
	else if (n == strlen("Basic") && strncasecmp(*s, "Basic", n) == 0)
		c->scheme = CHALLENGE_BASIC;
	*s += n;
	if (**s && !strchr(" \t,", **s))
		return false;
	skip_blanks(s);
	skip_token68(s);
	while ((ret = read_parameter(s, c)) > 0) {
		skip_commas(s);
		if (++count > PARAMETERS_MAX)
			return false;
	}
	return ret == 0;
}

/* The next one that is better than out; false when there is no other one. */
static bool choose_next(const char **s, struct challenge *out)
{
	own(challenge) struct challenge c = { 0 };
	bool more = read_challenge(s, &c);

	/* A realm that nobody names cannot be asked. */
	if (more && c.scheme > out->scheme && (c.scheme != CHALLENGE_BEARER || c.realm)) {
		struct challenge worse = *out;

		*out = c;
		c = worse;
	}
	return more;
}

void challenge_choose(const struct strv *headers, struct challenge *out)
{
	*out = (struct challenge){ 0 };
	for (size_t i = 0; i < headers->n; i++) {
		const char *s = headers->v[i];

		while (choose_next(&s, out))
			;
	}
}
