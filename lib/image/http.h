/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http.h - one HTTP connection, one request at a time, by libcurl. No redirect is followed and
 * nothing is tried twice here: that is registry_request.c's, which knows which host may be told
 * what. Proxies are taken from the environment, as curl(1) does.
 */
#ifndef CADDIS_IMAGE_HTTP_H
#define CADDIS_IMAGE_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "base/str.h"

struct http_tls {
	bool verify;
	const char *ca, *cert,
		*key; /* PEM files; NULL: only the system's CAs, no client certificate */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };

struct http_request {
	enum http_method method;
	const char *url;
	const char *accept;	   /* NULL: anything */
	const char *authorization; /* value of that header, or NULL */
	const char *content_type;  /* of what is sent, or NULL */
	const char *content_range; /* the same: "0-9" of a chunk of an upload */
	int64_t offset;		   /* > 0: asks for the rest only ("Range: bytes=OFFSET-") */
	struct http_tls tls;
	int stall;	  /* seconds without 1000 bytes a second that are borne; 0: 60 */
	int64_t deadline; /* by clock_monotonic(); 0: none */
	/* Takes the body of a 2xx reply, in pieces; the reply's head is complete then. -1 with *e
	 * aborts. NULL: the body is thrown away, 1 MiB of it at most. */
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e);
	void *ctx;
	/* What is sent with POST, PUT, PATCH: send_size bytes that source gives in order, n at most
	 * at a time, each time from the start; -1 with *e aborts. NULL: no body. */
	ssize_t (*source)(void *ctx, void *p, size_t n, struct err *e);
	void *source_ctx;
	int64_t send_size;
	const atomic_bool *cancel; /* NULL, or: becomes true when the request is to be given up */
};

struct http_reply {
	long status;
	char content_type[128],
		digest[128];		  /* Content-Type, Docker-Content-Digest; "" if missing */
	int64_t length;			  /* Content-Length; -1 */
	int64_t range_start, range_total; /* of Content-Range; -1 */
	int64_t retry_after;		  /* seconds; 0 */
	char *location;			  /* absolute URL of the Location header, or NULL */
	struct strv challenges;		  /* WWW-Authenticate, each header's value */
	struct strv warnings;		  /* Warning, each header's value; a few */
	struct buf body;		  /* of a reply that is not 2xx, cut at 64 KiB */
};
void http_reply_free(struct http_reply *r);
OWNED_STRUCT(http_reply, struct http_reply, http_reply_free)

enum http_fault {
	HTTP_OK,	/* there is a reply, whatever its status */
	HTTP_FATAL,	/* trying again is of no use */
	HTTP_RETRY,	/* the network's trouble */
	HTTP_CONNECT,	/* nobody listens there */
	HTTP_NO_TLS,	/* it speaks no TLS at all */
	HTTP_UNTRUSTED, /* the certificate does not verify */
};

struct http;
int http_open(struct http **out, struct err *e);
void http_close(struct http *h); /* NULL is fine */
OWNED(http, struct http *, NULL, http_close)
/* *e is filled unless HTTP_OK. *out is fresh each time and the caller's to free. */
enum http_fault http_perform(struct http *h, const struct http_request *req, struct http_reply *out,
			     struct err *e);

#endif
