/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * auth_helper.h - docker-credential-NAME: programs that keep credentials (a key ring, a cloud's
 * command). They get at most 30 seconds and 64 KiB, an environment without our own variables, no
 * fd but the standard ones. Protocol: github.com/docker/docker-credential-helpers.
 */
#ifndef CADDIS_IMAGE_AUTH_HELPER_H
#define CADDIS_IMAGE_AUTH_HELPER_H

#include "image/auth.h"

/* *out stays empty when the helper knows nothing of the server. */
int auth_helper_get(const char *helper, const char *server, struct auth *out, struct err *e);
int auth_helper_store(const char *helper, const char *server, const struct auth *a, struct err *e);
/* ERR_NOT_FOUND when it has none. */
int auth_helper_erase(const char *helper, const char *server, struct err *e);

#endif
