/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registry_error.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"

#define TEXT_MAX 250

static const struct {
	long status;
	enum err_kind kind;
	const char *text, *hint;
} statuses[] = {
	// clang-format off
	{ 401, ERR_DENIED,    "login required", NULL },
	{ 403, ERR_DENIED,    "access denied", NULL },
	{ 404, ERR_NOT_FOUND, "not found", "check the name and the tag" },
	{ 429, ERR_REMOTE,    "too many requests", "try again later" },
	{ 500, ERR_REMOTE,    "internal error of the registry", NULL },
	{ 502, ERR_REMOTE,    "bad gateway", NULL },
	{ 503, ERR_REMOTE,    "the registry is not available", "try again later" },
	{ 504, ERR_REMOTE,    "gateway time-out", NULL },
	// clang-format on
};

/* The first error's code and message; NULL when the body has no such thing. */
static char *from_json(const char *body, size_t len)
{
	struct err ignored;
	own(json) struct json_object *j = json_parse("error", body, len, &ignored);
	struct json_object *list = j ? json_get(j, "errors", json_type_array) : NULL;
	struct json_object *first = list ? json_object_array_get_idx(list, 0) : NULL;
	const char *code, *message;

	if (!json_object_is_type(first, json_type_object))
		return NULL;
	code = json_get_str(first, "code");
	message = json_get_str(first, "message");
	if (!code && !message)
		return NULL;
	return str_fmt("%s%s%s", code ? code : "", code && message ? ": " : "",
		       message ? message : "");
}

/* Registries like to repeat the request: signatures and tokens of a query, and the words after
 * "Bearer" and "Basic", become stars. */
static void redact(char *s)
{
	static const char *const schemes[] = { "bearer ", "basic " };

	for (char *p = s; *p; p++) {
		size_t secret = 0;

		for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
			if (strncasecmp(p, schemes[i], strlen(schemes[i])) == 0)
				secret = strlen(schemes[i]);
		if (*p == '?' && p > s && p[1] != ' ')
			secret = 1;
		if (!secret)
			continue;
		for (p += secret; *p && !strchr(" \t\"'<>,;", *p); p++)
			*p = '*';
		if (!*p)
			return;
	}
}

int registry_error(long status, const char *body, size_t len, struct err *e)
{
	own(str) char *raw = len ? from_json(body, len) : NULL;
	own(str) char *text = NULL;
	size_t i = 0;

	/* A page of HTML or the like tells nobody anything. */
	if (raw)
		text = str_printable(raw, MIN(strlen(raw), TEXT_MAX));
	if (text)
		redact(text);
	while (i < ARRAY_LEN(statuses) && statuses[i].status != status)
		i++;
	if (i < ARRAY_LEN(statuses))
		err_set(e, statuses[i].kind, "%s (status %ld)%s%.300s", statuses[i].text, status,
			text ? ": " : "", text ? text : "");
	else
		err_set(e, ERR_REMOTE, "unexpected status %ld%s%.300s", status, text ? ": " : "",
			text ? text : "");
	if (i < ARRAY_LEN(statuses) && statuses[i].hint)
		err_hint(e, "%s", statuses[i].hint);
	return -1;
}
