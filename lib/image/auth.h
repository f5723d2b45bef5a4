/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * auth.h - who a registry is told we are: credentials that were given, or else those stored in an
 * auth file (auth_file.h) or with a helper (auth_helper.h).
 *
 * Secrets are wiped when freed, and never appear in an error.
 */
#ifndef CADDIS_IMAGE_AUTH_H
#define CADDIS_IMAGE_AUTH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"
#include "base/str.h"
#include "image/note.h"

/* The six fields of CRI's AuthConfig; NULL: not given. */
struct auth {
	char *username, *password;
	char *auth;	      /* base64 of "username:password", instead of these two */
	char *server_address; /* credentials are for this registry only; NULL: for the image's own */
	char *identity_token; /* exchanged at the token endpoint (OAuth2 refresh token) */
	char *registry_token; /* sent as bearer token as it is */
};
void auth_free(struct auth *a);
OWNED_STRUCT(auth, struct auth, auth_free)
void auth_copy(struct auth *dst, const struct auth *src); /* dst is overwritten */
/* True when there is nothing to log in with. */
bool auth_empty(const struct auth *a);
/*
 * Checks what was given, and turns auth into username and password. ERR_USAGE: a username without
 * a password or the reverse, two ways at once, text that no header can carry.
 */
int auth_check(struct auth *a, struct err *e);
/* Base64 of "username:password" into out's two; -1 without an error value. */
int auth_split(const char *base64, struct auth *out) MUST_CHECK;
/*
 * The registry that an address in an option or auth file means, as references name it:
 * "https://index.docker.io/v1/" is "docker.io", "HTTPS://reg.io:5000/v2/" is "reg.io:5000",
 * "reg.io/team" stays. Newly allocated.
 */
char *auth_server(const char *address);

/* Where credentials come from. */
struct auth_source {
	const struct auth *given; /* or NULL; checked */
	const char *file;	  /* auth file instead of those in auth_file.h; NULL */
	struct note_sink notes;
};
/*
 * Credentials for repository path of the registry domain ("docker.io", "reg.io:5000"); own: the
 * image's name has this domain (a mirror's is another). *out is empty when there are none.
 */
int auth_find(const struct auth_source *from, const char *domain, const char *path, bool own_domain,
	      struct auth *out, struct err *e);
/* Replaces every secret of a in text by as many stars. */
void auth_redact(const struct auth *a, char *text);

#endif
