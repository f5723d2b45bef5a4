/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/auth.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "image/auth_file.h"

#define SECRET_MAX (64 << 10)
#define REDACT_MIN 4 /* shorter secrets would blank half of a message */

static void wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void auth_free(struct auth *a)
{
	wipe(&a->username);
	wipe(&a->password);
	wipe(&a->auth);
	wipe(&a->server_address);
	wipe(&a->identity_token);
	wipe(&a->registry_token);
}

void auth_copy(struct auth *dst, const struct auth *src)
{
	*dst = (struct auth){
		.username = xstrdup(src->username),
		.password = xstrdup(src->password),
		.auth = xstrdup(src->auth),
		.server_address = xstrdup(src->server_address),
		.identity_token = xstrdup(src->identity_token),
		.registry_token = xstrdup(src->registry_token),
	};
}

bool auth_empty(const struct auth *a)
{
	return !a->username && !a->password && !a->auth && !a->identity_token && !a->registry_token;
}

int auth_split(const char *base64, struct auth *out)
{
	own(buf) struct buf b = { 0 };
	char *colon;
	int ret = -1;

	if (base64_decode(&b, base64) == 0 && b.s && strlen(b.s) == b.len) {
		colon = strchr(b.s, ':');
		if (colon && colon > b.s) {
			*colon = '\0';
			str_set(&out->username, b.s);
			str_set(&out->password, colon + 1);
			ret = 0;
		}
	}
	if (b.s)
		explicit_bzero(b.s, b.len);
	return ret;
}

/* What cannot go into a header, or would start another one. */
static bool bad_text(const char *s)
{
	if (!s)
		return false;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			return true;
	return strlen(s) > SECRET_MAX;
}

static int check_texts(const struct auth *a, struct err *e)
{
	const struct {
		const char *name, *value;
	} all[] = {
		{ "username", a->username },
		{ "password", a->password },
		{ "server address", a->server_address },
		{ "identity token", a->identity_token },
		{ "registry token", a->registry_token },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (bad_text(all[i].value))
			return err_set(e, ERR_USAGE, "credentials: the %s has control characters",
				       all[i].name);
	if (a->username && strchr(a->username, ':'))
		return err_set(e, ERR_USAGE, "credentials: the username has a colon");
	return 0;
}

int auth_check(struct auth *a, struct err *e)
{
	int ways = (a->username || a->password) + (a->auth != NULL) + (a->identity_token != NULL) +
		   (a->registry_token != NULL);

	if (a->auth && (a->username || a->password))
		return err_set(e, ERR_USAGE,
			       "credentials: both an auth string and a username are given");
	if (ways > 1)
		return err_set(
			e, ERR_USAGE,
			"credentials: more than one of username, auth string, identity token "
			"and registry token is given");
	if (a->auth) {
		if (auth_split(a->auth, a) < 0)
			return err_set(e, ERR_USAGE,
				       "credentials: the auth string is not base64 of "
				       "USERNAME:PASSWORD");
		wipe(&a->auth);
	}
	if (a->username && !*a->username)
		return err_set(e, ERR_USAGE, "credentials: the username is empty");
	if (a->username && !a->password)
		return err_set(e, ERR_USAGE, "credentials: a username without a password");
	if (a->password && !a->username)
		return err_set(e, ERR_USAGE, "credentials: a password without a username");
	return check_texts(a, e);
}

/* Docker's own names for its registry. */
static const char *const hub_names[] = { "index.docker.io", "registry-1.docker.io" };

char *auth_server(const char *address)
{
	const char *scheme = strstr(address, "://");
	const char *s = scheme ? scheme + 3 : address;
	size_t n = strlen(s), host;
	static const char *const ends[] = { "/v1", "/v2" };
	own(str) char *out = NULL;

	while (n > 0 && s[n - 1] == '/')
		n--;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (n > 3 && strncmp(s + n - 3, ends[i], 3) == 0) {
			n -= 3;
			break;
		}
	out = xstrndup(s, n);
	host = strcspn(out, "/");
	for (size_t i = 0; i < ARRAY_LEN(hub_names); i++)
		if (strlen(hub_names[i]) == host && strncmp(out, hub_names[i], host) == 0)
			return str_fmt("docker.io%s", out + host);
	return ptr_steal(out);
}

int auth_find(const struct auth_source *from, const char *domain, const char *path, bool own_domain,
	      struct auth *out, struct err *e)
{
	const struct auth *given = from->given;

	*out = (struct auth){ 0 };
	if (given && !auth_empty(given)) {
		own(str) char *server =
			given->server_address ? auth_server(given->server_address) : NULL;

		if (server ? strcasecmp(server, domain) == 0 : own_domain) {
			auth_copy(out, given);
			return 0;
		}
	}
	return auth_file_find(from, domain, path, out, e);
}

static void blank(char *text, const char *secret)
{
	size_t n = secret ? strlen(secret) : 0;
	char *at = text;

	if (n < REDACT_MIN)
		return;
	while ((at = strstr(at, secret)))
		for (size_t i = 0; i < n; i++)
			*at++ = '*';
}

void auth_redact(const struct auth *a, char *text)
{
	blank(text, a->password);
	blank(text, a->auth);
	blank(text, a->identity_token);
	blank(text, a->registry_token);
}
