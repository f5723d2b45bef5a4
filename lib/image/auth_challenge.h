/* SPDX-License-Identifier: GPL-2.0-or-later */
/* auth_challenge.h - WWW-Authenticate headers (RFC 9110, 11.6.1): what a server asks for. */
#ifndef CADDIS_IMAGE_AUTH_CHALLENGE_H
#define CADDIS_IMAGE_AUTH_CHALLENGE_H

#include "base/str.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };
struct challenge {
	enum challenge_scheme scheme;
	char *realm, *service, *scope, *error; /* NULL where not given; of Basic the realm only */
};
void challenge_free(struct challenge *c);
OWNED_STRUCT(challenge, struct challenge, challenge_free)
/*
 * Chooses Bearer before Basic among all challenges of all headers; other schemes are passed over.
 * What is malformed ends its header: the challenges before it count. Values have no control
 * characters. Nothing usable: CHALLENGE_NONE.
 */
void challenge_choose(const struct strv *headers, struct challenge *out);

#endif
