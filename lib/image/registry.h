/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registry.h - one repository of one registry (distribution API v2), and connections to it.
 *
 * A struct registry is shared by threads; each thread has a connection of its own. It logs in when
 * it is asked to, once for all threads. Trouble of the network and the answers 408, 429, 500, 502
 * to 504 are tried again with growing pauses, or after the time that the registry asks for.
 * Reading goes to the repository's mirrors first (registries.h), then to the registry itself;
 * writing only to the registry. No secret leaves the origin (scheme, host, port) that it is for,
 * and none is in an error.
 */
#ifndef CADDIS_IMAGE_REGISTRY_H
#define CADDIS_IMAGE_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "image/auth.h"
#include "image/digest.h"
#include "image/http.h"
#include "image/ref.h"

enum tls_policy {
	TLS_DEFAULT, /* verify, unless registries.conf calls the registry insecure */
	TLS_VERIFY,
	TLS_LAX, /* any certificate, and plain HTTP */
};
/* How a registry is spoken to; {0} is the default of everything. Borrowed until registry_close(). */
struct registry_options {
	enum tls_policy tls;
	const char *cert_dir;	 /* see certs.h */
	struct auth_source auth; /* its notes are for everything that is to be told */
	bool push;		 /* asks for the right to write, too; no mirrors */
	const char *mount_from;	 /* with push: the right to read this repository, too; or NULL */
	int tries;		 /* without progress in between; 0: 6 */
	int64_t pause;		 /* ns before the first repetition, doubled each time; 0: 250 ms */
	int stall;		 /* seconds without a sign of life; 0: 60 */
	int64_t deadline;	 /* of all of it, by clock_monotonic(); 0: none */
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

/* Asks for /v2/, logging in: do the credentials count? ERR_DENIED when not. */
int registry_ping(struct registry_conn *c, struct err *e);
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
 * Pushes the blob's bytes from offset on into sink, in order and each once, however often the
 * connection has to be made anew. Never more than size bytes in all; fewer are an error. The digest
 * is the sink's to check: if it is wrong, registry_blame() before the next try.
 */
struct registry_sink {
	int (*put)(void *ctx, const void *p, size_t n, struct err *e);
	void *ctx;
};
int registry_blob(struct registry_conn *c, const char *digest, int64_t size, int64_t offset,
		  const struct registry_sink *sink, struct err *e);
/*
 * True when a request was given up for what passes: the network's or the server's trouble, or the
 * time; then what has arrived is worth keeping.
 */
bool registry_interrupted(const struct registry *r);
/* What gave the last blob lied: others, if there are any, are asked from now on. */
void registry_blame(struct registry_conn *c);

/*
 * Any other request, for pushing. where: below /v2/REPOSITORY/ ("blobs/uploads/"), or an
 * absolute URL that the registry gave (a Location): on another origin it gets no
 * credentials. q's url, authorization, tls, stall, deadline and cancel are filled in. Tried again
 * only with GET, HEAD, PUT and DELETE; rewind (or NULL), with q's source_ctx and ctx, comes before
 * each try. Redirects are followed but for POST, PATCH and PUT. 0 when there is an answer, whatever
 * its status; registry_status() words one that is no success.
 */
int registry_call(struct registry_conn *c, const char *where, struct http_request *q,
		  void (*rewind)(void *source_ctx, void *ctx), struct http_reply *reply,
		  struct err *e);
int registry_status(struct registry_conn *c, const struct http_reply *reply, struct err *e);

#endif
