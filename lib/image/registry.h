/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registry.h - one repository of one registry (distribution API v2), and connections to it.
 *
 * A struct registry is shared by threads once its first request has succeeded (that one finds out
 * whether the registry speaks TLS); each thread has a connection of its own. Trouble of the network
 * and the answers 408, 429 and 5xx are tried again, with growing pauses.
 */
#ifndef CADDIS_IMAGE_REGISTRY_H
#define CADDIS_IMAGE_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "image/digest.h"
#include "image/ref.h"

struct registry_options {
	bool tls_verify;
	const char *cert_dir;	   /* see image_pull_options */
	const atomic_bool *cancel; /* becomes true when all requests are to be given up; or NULL */
};
struct registry;
int registry_open(const struct ref *ref, const struct registry_options *o, struct registry **out,
		  struct err *e);
void registry_close(struct registry *r); /* after its connections; NULL is fine */
OWNED(registry, struct registry *, NULL, registry_close)

struct registry_conn;
int registry_connect(struct registry *r, struct registry_conn **out, struct err *e);
void registry_disconnect(struct registry_conn *c); /* NULL is fine */
OWNED(registry_conn, struct registry_conn *, NULL, registry_disconnect)

/*
 * What the registry has under a tag or digest, by HEAD: its digest as the server claims it. "" when
 * the server does not say or does not know HEAD.
 */
int registry_head(struct registry_conn *c, const char *version, char digest[DIGEST_SIZE],
		  struct err *e);
/*
 * Gets the manifest or index of a tag or digest. digest is that of the bytes received; asked for by
 * digest, it is the one asked for. content_type is the caller's to free, "" when the server sends
 * none.
 */
int registry_manifest(struct registry_conn *c, const char *version, struct buf *out,
		      char digest[DIGEST_SIZE], char **content_type, struct err *e);
/*
 * Pushes the blob's bytes into sink, in order and each once, however often the connection has to be
 * made anew. Never more than size bytes; fewer are an error. The digest is the sink's to check.
 */
int registry_blob(struct registry_conn *c, const char *digest, int64_t size,
		  int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx,
		  struct err *e);

#endif
