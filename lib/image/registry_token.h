/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registry_token.h - bearer tokens (distribution specification: token authentication, OAuth2).
 * Inside registry*.c only.
 */
#ifndef CADDIS_IMAGE_REGISTRY_TOKEN_H
#define CADDIS_IMAGE_REGISTRY_TOKEN_H

#include "image/registry_impl.h"

/*
 * Asks the token server that the challenge names, with p's credentials if there are any: by GET, or
 * with an identity token by POST. A registry that speaks TLS cannot send us to one that does not.
 * *lifetime: ns, 60 s at least.
 */
int token_fetch(struct registry_conn *c, struct endpoint *p, const struct challenge *ch,
		char **token, int64_t *lifetime, struct err *e);

#endif
