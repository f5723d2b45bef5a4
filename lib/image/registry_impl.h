/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry_impl.h - what registry*.c share; nobody else includes it. */
#ifndef CADDIS_IMAGE_REGISTRY_IMPL_H
#define CADDIS_IMAGE_REGISTRY_IMPL_H

#include <pthread.h>

#include "image/auth_challenge.h"
#include "image/certs.h"
#include "image/registry.h"

enum scheme { SCHEME_UNKNOWN, SCHEME_HTTPS, SCHEME_HTTP };

/* What we are to one endpoint; all threads share it. */
struct login {
	pthread_mutex_t mutex; /* held while a token is fetched: the others wait for it */
	bool looked_up;
	struct auth auth;
	struct challenge challenge; /* the last one */
	char *header;		    /* value of Authorization; NULL: none so far */
	unsigned generation;	    /* of header */
	int64_t expires;	    /* of header, by clock_monotonic(); 0: never */
};

/* A server that has the repository: a mirror, or the registry. */
struct endpoint {
	char *domain, *path;	/* as a reference would name it there */
	char *host;		/* of its API */
	bool mirror, named;	/* named: the image's own name has this domain */
	bool lax;		/* certificates do not matter */
	bool may_be_plain;	/* HTTP is tried when there is no HTTPS */
	_Atomic enum scheme scheme;
	atomic_bool blamed;	/* it gave wrong bytes */
	struct certs certs;
	struct login login;
};

struct registry {
	struct registry_options o;
	struct endpoint *v; /* in the order of asking; the last one is the registry itself */
	size_t n;
	atomic_size_t serving; /* the one that answered last */
	atomic_bool interrupted; /* see registry_interrupted() */
	pthread_mutex_t mutex;
	struct strv warned; /* what was noted already */
};

struct registry_conn {
	struct registry *r;
	struct http *http;
	struct endpoint *last; /* the one that was asked last */
};

/* "https://host:port" of the endpoint, as far as is known. */
char *endpoint_url(const struct endpoint *p, const char *path);
/* One request with everything but retries: TLS or not, login, redirects. where: see
 * registry_call(). */
enum http_fault endpoint_request(struct registry_conn *c, struct endpoint *p, const char *where,
				 struct http_request *q, struct http_reply *reply, struct err *e);
/* How one request is repeated. */
struct retry {
	int tries, total;
	int64_t moved_before;
};
/* After a try that failed with f, or with a status when HTTP_OK: waits and says true when there is
 * to be another one. moved: bytes that arrived so far. *e: what failed; changed when time is up. */
bool retry_again(struct registry_conn *c, const struct endpoint *p, struct retry *t,
		 enum http_fault f, const struct http_reply *reply, int64_t moved, struct err *e);
bool status_retry(long status);
/* Context and hints for what a request failed with, secrets blanked. */
void endpoint_explain(const struct registry *r, struct endpoint *p, enum http_fault f,
		      struct err *e);
/* Words a status that is no success; -1. */
int endpoint_status(struct registry_conn *c, struct endpoint *p, const struct http_reply *reply,
		    struct err *e);
/* Every endpoint in the order of asking; NULL after the last. i from 0 on. */
struct endpoint *registry_next(struct registry *r, size_t i);
/* The i-th failed with *e; true: there is another one, and a note was made. */
bool registry_go_on(struct registry *r, size_t i, const struct endpoint *p, const struct err *e);

/* A request that may be sent several times, with other headers. */
struct login_try {
	int n;		     /* 401s so far */
	unsigned generation; /* of the header that was sent */
};
/* A copy of the header that is to be sent now, NULL: none. A token that is over is renewed. */
int login_header(struct registry_conn *c, struct endpoint *p, struct login_try *t, char **header,
		 struct err *e);
/*
 * The header was answered by 401 and challenges: gets another one. 1: there is one; 0: we have
 * nothing that it asks for; -1: that failed.
 */
int login_renew(struct registry_conn *c, struct endpoint *p, const struct login_try *t,
		const struct strv *challenges, struct err *e);
void login_free(struct login *l);

#endif
