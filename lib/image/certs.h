/* SPDX-License-Identifier: GPL-2.0-or-later */
/* certs.h - the certificates that the administrator has put down for one registry. */
#ifndef CADDIS_IMAGE_CERTS_H
#define CADDIS_IMAGE_CERTS_H

#include "base/err.h"
#include "base/own.h"

struct certs {
	char *ca, *cert, *key; /* paths of PEM files; NULL where there is none */
};
/*
 * dir given: DIR/HOST, else DIR itself. NULL: the first of /etc/caddis/certs.d,
 * /etc/containers/certs.d and /etc/docker/certs.d that has a directory HOST. Files: ca.crt,
 * client.cert, client.key.
 */
int certs_find(const char *dir, const char *host, struct certs *out, struct err *e);
void certs_free(struct certs *c);
OWNED_STRUCT(certs, struct certs, certs_free)

#endif
