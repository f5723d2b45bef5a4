/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "registry_args.h"

#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "secret.h"

static int read_tls(const char *text, enum tls_policy *out, struct err *e)
{
	*out = !text ? TLS_DEFAULT : str_eq(text, "true") ? TLS_VERIFY : TLS_LAX;
	if (!text || str_eq(text, "true") || str_eq(text, "false"))
		return 0;
	return err_set(e, ERR_USAGE, "--tls-verify: expected true or false, found \"%.100s\"",
		       text);
}

static int read_duration(const char *option, const char *text, int64_t *out, struct err *e)
{
	if (!text)
		return 0;
	if (clock_parse_duration(text, out) == 0 && *out > 0)
		return 0;
	return err_set(e, ERR_USAGE, "%s: expected a duration like 10s or 2m, found \"%.100s\"",
		       option, text);
}

/* The six fields as variables, for those that are not given as options. */
static bool from_environment(struct auth *a)
{
	const struct {
		const char *name;
		char **to;
	} variables[] = {
		{ "CADDIS_USERNAME", &a->username },
		{ "CADDIS_PASSWORD", &a->password },
		{ "CADDIS_AUTH", &a->auth },
		{ "CADDIS_IDENTITY_TOKEN", &a->identity_token },
		{ "CADDIS_REGISTRY_TOKEN", &a->registry_token },
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		const char *value = getenv(variables[i].name);

		if (!str_some(value) || *variables[i].to)
			continue;
		str_set(variables[i].to, value);
		any = true;
	}
	return any;
}

static int from_creds(const char *creds, struct auth *a, struct err *e)
{
	const char *colon = strchr(creds, ':');

	if (*creds == '\0' || colon == creds)
		return err_set(e, ERR_USAGE, "--creds: the username is empty");
	a->username = colon ? xstrndup(creds, (size_t)(colon - creds)) : xstrdup(creds);
	a->password = colon ? xstrdup(colon + 1) : NULL;
	return 0;
}

/* "-" stands for standard input, so that nothing secret needs to be on a command line. */
static int from_word(const char *option, const char *word, char **to, struct err *e)
{
	if (!word)
		return 0;
	*to = str_eq(word, "-") ? secret_stdin(option, e) : xstrdup(word);
	return *to ? 0 : -1;
}

static int from_options(const struct registry_args *a, struct auth *out, struct err *e)
{
	int readers = a->password_stdin + str_eq(a->auth, "-") + str_eq(a->identity_token, "-") +
		      str_eq(a->registry_token, "-");

	if (a->creds && (a->username || a->password_stdin))
		return err_set(e, ERR_USAGE, "--creds and --username: give one of them");
	if (readers > 1)
		return err_set(e, ERR_USAGE, "only one secret can come from standard input");
	if (a->creds && from_creds(a->creds, out, e) < 0)
		return -1;
	if (a->username)
		out->username = xstrdup(a->username);
	if (from_word("--auth", a->auth, &out->auth, e) < 0 ||
	    from_word("--identity-token", a->identity_token, &out->identity_token, e) < 0 ||
	    from_word("--registry-token", a->registry_token, &out->registry_token, e) < 0)
		return -1;
	if (a->password_stdin)
		out->password = secret_stdin("--password-stdin", e);
	return a->password_stdin && !out->password ? -1 : 0;
}

static int read_auth(const struct registry_args *a, struct auth *out, struct err *e)
{
	const char *server =
		a->server_address ? a->server_address : getenv("CADDIS_SERVER_ADDRESS");
	bool options, variables = false;

	if (from_options(a, out, e) < 0)
		return -1;
	options = !auth_empty(out);
	if (!options)
		variables = from_environment(out);
	else if (out->username && !out->password)
		out->password = xstrdup(getenv("CADDIS_PASSWORD"));
	if (str_some(server))
		out->server_address = xstrdup(server);
	/* A variable may have been exported for another registry than this one. */
	if (variables && !out->server_address) {
		err_set(e, ERR_USAGE, "credentials in the environment, but not for which registry");
		return err_hint(e, "set CADDIS_SERVER_ADDRESS too");
	}
	if (out->username && !out->password) {
		out->password = secret_prompt("Password", e);
		if (!out->password)
			return -1;
	}
	return auth_check(out, e);
}

int registry_args(const struct registry_args *a, struct auth *given, struct registry_options *out,
		  struct err *e)
{
	int64_t stall = 0, timeout = 0;

	if (read_tls(a->tls_verify, &out->tls, e) < 0 ||
	    read_duration("--retry-delay", a->retry_delay, &out->pause, e) < 0 ||
	    read_duration("--stall-timeout", a->stall_timeout, &stall, e) < 0 ||
	    read_duration("--timeout", a->timeout, &timeout, e) < 0)
		return -1;
	if (a->retry.set && (a->retry.v < 0 || a->retry.v > 1000))
		return err_set(e, ERR_USAGE, "--retry: expected a number from 0 to 1000");
	if (read_auth(a, given, e) < 0)
		return -1;
	out->tries = a->retry.set ? (int)a->retry.v + 1 : 0;
	out->stall = (int)MIN((stall + NSEC_PER_SEC - 1) / NSEC_PER_SEC, INT64_C(86400));
	out->deadline = timeout ? clock_monotonic() + timeout : 0;
	out->cert_dir = a->cert_dir;
	out->auth.file = a->authfile;
	out->auth.given = given;
	return 0;
}
