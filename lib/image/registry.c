/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registry.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "image/certs.h"
#include "image/http.h"
#include "image/layout.h"
#include "image/manifest.h"
#include "image/registry_error.h"

#define REDIRECTS_MAX 10
#define TRIES_MAX 6	/* without progress in between */
#define TRIES_CONNECT 3 /* where nobody listens */
#define TRIES_TOTAL 50	/* for one blob, however much progress there was */
#define PAUSE_FIRST_MS 250
#define PAUSE_MAX_S 60
#define ACCEPT_MANIFEST                                                                            \
	MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER_MANIFEST

enum scheme { SCHEME_UNKNOWN, SCHEME_HTTPS, SCHEME_HTTP };

struct registry {
	char *host, *path; /* "localhost:5000", "a/b" */
	bool tls_verify, may_be_plain;
	enum scheme scheme;
	struct certs certs;
	const atomic_bool *cancel;
};

struct registry_conn {
	struct registry *r;
	struct http *http;
};

/* Only a registry on this machine is spoken to in clear unasked. */
static bool is_loopback(const char *host)
{
	size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == n && strncmp(host, names[i], n) == 0)
			return true;
	return false;
}

int registry_open(const struct ref *ref, const struct registry_options *o, struct registry **out,
		  struct err *e)
{
	own(registry) struct registry *r = xcalloc(1, sizeof(*r));

	if (certs_find(o->cert_dir, ref->domain, &r->certs, e) < 0)
		return -1;
	r->host = xstrdup(ref_host(ref));
	r->path = xstrdup(ref->path);
	r->tls_verify = o->tls_verify;
	r->may_be_plain = !o->tls_verify || is_loopback(r->host);
	r->cancel = o->cancel;
	*out = ptr_steal(r);
	return 0;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	free(r->host);
	free(r->path);
	certs_free(&r->certs);
	free(r);
}

int registry_connect(struct registry *r, struct registry_conn **out, struct err *e)
{
	own(http) struct http *h = NULL;

	if (http_open(&h, e) < 0)
		return -1;
	*out = xcalloc(1, sizeof(**out));
	(*out)->r = r;
	(*out)->http = ptr_steal(h);
	return 0;
}

void registry_disconnect(struct registry_conn *c)
{
	if (!c)
		return;
	http_close(c->http);
	free(c);
}

/* "https://host:port": two URLs with the same one go to the same server. */
static size_t origin_len(const char *url)
{
	const char *p = strstr(url, "://");

	return p ? (size_t)(p + 3 - url) + strcspn(p + 3, "/?#") : strlen(url);
}

static bool same_origin(const char *a, const char *b)
{
	size_t n = origin_len(a);

	return n == origin_len(b) && strncasecmp(a, b, n) == 0;
}

static enum http_fault check_redirect(const char *from, const char *to, struct err *e)
{
	bool secure = strncasecmp(to, "https://", 8) == 0;

	if (!secure && strncasecmp(to, "http://", 7) != 0)
		err_set(e, ERR_REMOTE, "redirected to something that is neither http nor https");
	else if (!secure && strncasecmp(from, "https://", 8) == 0)
		err_set(e, ERR_REMOTE, "redirected from https to http");
	else
		return HTTP_OK;
	return HTTP_FATAL;
}

/*
 * One try, redirects followed. Always from the registry's own URL: where that pointed a minute ago
 * may have expired. What was set for the registry's host (no verification, a client certificate)
 * counts there only.
 */
static enum http_fault request_once(struct registry_conn *c, const char *path,
				    struct http_request *q, struct http_reply *reply, struct err *e)
{
	struct registry *r = c->r;
	own(str) char *home =
		str_fmt("%s://%s/v2/%s/%s", r->scheme == SCHEME_HTTP ? "http" : "https", r->host,
			r->path, path);
	own(str) char *url = xstrdup(home);

	for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
		bool ours = same_origin(home, url);
		enum http_fault f;

		q->url = url;
		q->tls = (struct http_tls){ .verify = r->tls_verify || !ours, .ca = r->certs.ca };
		if (ours) {
			q->tls.cert = r->certs.cert;
			q->tls.key = r->certs.key;
		}
		http_reply_free(reply);
		f = http_perform(c->http, q, reply, e);
		if (f != HTTP_OK || !reply->redirect)
			return f;
		f = check_redirect(url, reply->redirect, e);
		if (f != HTTP_OK)
			return f;
		free(url);
		url = ptr_steal(reply->redirect);
	}
	err_set(e, ERR_REMOTE, "redirected more than %d times", REDIRECTS_MAX);
	return HTTP_FATAL;
}

/* The first request tells whether the registry speaks TLS, where it need not. */
static enum http_fault request_try(struct registry_conn *c, const char *path,
				   struct http_request *q, struct http_reply *reply, struct err *e)
{
	struct registry *r = c->r;
	enum http_fault f;

	if (r->scheme != SCHEME_UNKNOWN)
		return request_once(c, path, q, reply, e);
	f = request_once(c, path, q, reply, e);
	if (f == HTTP_OK)
		r->scheme = SCHEME_HTTPS;
	if (!r->may_be_plain || (f != HTTP_NO_TLS && f != HTTP_CONNECT && f != HTTP_RETRY))
		return f;
	r->scheme = SCHEME_HTTP;
	f = request_once(c, path, q, reply, e);
	if (f != HTTP_OK)
		r->scheme = SCHEME_UNKNOWN;
	return f;
}

static bool status_retry(long status)
{
	return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* Waits before try n (from 1 on) as the server told or by doubling, with jitter. */
static void pause_before(const struct registry *r, int n, int64_t retry_after)
{
	int64_t ms = retry_after > 0 ? MIN(retry_after, PAUSE_MAX_S) * 1000
				     : PAUSE_FIRST_MS << MIN(n - 1, 7);
	unsigned char jitter = 0;

	if (getrandom(&jitter, 1, GRND_NONBLOCK) != 1)
		jitter = 128;
	ms += ms * jitter / 1024;
	for (; ms > 0 && !(r->cancel && atomic_load(r->cancel)); ms -= 50) {
		struct timespec t = { .tv_nsec = MIN(ms, 50) * 1000000 };

		nanosleep(&t, NULL);
	}
}

static void explain(const struct registry *r, enum http_fault f, struct err *e)
{
	err_in(e, "registry %s", r->host);
	if (f == HTTP_NO_TLS && r->tls_verify)
		err_hint(e, "if it speaks plain HTTP, use --tls-verify=false");
	if (f == HTTP_UNTRUSTED)
		err_hint(e,
			 "put its CA into /etc/caddis/certs.d/%s/ca.crt or use --tls-verify=false",
			 r->host);
}

/* How one request is repeated; moved tells how many bytes have reached the sink so far. */
struct retry {
	int tries, total;
	int64_t moved_before;
};

static bool retry_again(struct retry *t, enum http_fault f, int64_t moved)
{
	if (moved > t->moved_before)
		t->tries = 0;
	t->moved_before = moved;
	t->tries++;
	t->total++;
	if (f == HTTP_FATAL || f == HTTP_NO_TLS || f == HTTP_UNTRUSTED || t->total >= TRIES_TOTAL)
		return false;
	return t->tries < (f == HTTP_CONNECT ? TRIES_CONNECT : TRIES_MAX);
}

/* Repeats until there is an answer that counts. Only for requests whose sink may start anew. */
static int request(struct registry_conn *c, const char *path, struct http_request *q,
		   struct http_reply *reply, void (*restart)(void *ctx), struct err *e)
{
	struct retry t = { 0 };

	q->cancel = c->r->cancel;
	for (;;) {
		enum http_fault f;

		restart(q->ctx);
		f = request_try(c, path, q, reply, e);
		if (f == HTTP_OK && !status_retry(reply->status))
			return 0;
		if (!retry_again(&t, f, 0)) {
			if (f == HTTP_OK)
				return 0; /* the caller words the status */
			explain(c->r, f, e);
			return -1;
		}
		pause_before(c->r, t.tries, f == HTTP_OK ? reply->retry_after : 0);
	}
}

static int status_error(const struct registry *r, const struct http_reply *reply, struct err *e)
{
	registry_error(reply->status, reply->body.s, reply->body.len, e);
	return err_in(e, "registry %s", r->host);
}

static int sink_document(void *ctx, const void *p, size_t n, struct err *e)
{
	struct buf *b = ctx;

	if (b->len + n > LAYOUT_DOCUMENT_MAX)
		return err_set(e, ERR_REMOTE, "the manifest is larger than 4 MiB");
	buf_addn(b, p, n);
	return 0;
}

static void restart_document(void *ctx)
{
	struct buf *b = ctx;

	if (b)
		buf_free(b);
}

int registry_head(struct registry_conn *c, const char *version, char digest[DIGEST_SIZE],
		  struct err *e)
{
	own(http_reply) struct http_reply reply = { 0 };
	own(str) char *path = str_fmt("manifests/%s", version);
	struct http_request q = { .head = true, .accept = ACCEPT_MANIFEST };

	digest[0] = '\0';
	if (request(c, path, &q, &reply, restart_document, e) < 0)
		return -1;
	if (reply.status == 200 && digest_valid(reply.digest))
		memcpy(digest, reply.digest, DIGEST_SIZE);
	return 0;
}

int registry_manifest(struct registry_conn *c, const char *version, struct buf *out,
		      char digest[DIGEST_SIZE], char **content_type, struct err *e)
{
	own(http_reply) struct http_reply reply = { 0 };
	own(str) char *path = str_fmt("manifests/%s", version);
	struct http_request q = { .accept = ACCEPT_MANIFEST, .sink = sink_document, .ctx = out };

	if (request(c, path, &q, &reply, restart_document, e) < 0)
		return -1;
	if (reply.status != 200)
		return status_error(c->r, &reply, e);
	if (digest_of(out->s ? out->s : "", out->len, digest, e) < 0)
		return -1;
	if (digest_valid(version) && strcmp(version, digest) != 0)
		return err_set(e, ERR_REMOTE, "digest mismatch: asked for manifest %s, got %s",
			       version, digest);
	*content_type = xstrdup(reply.content_type);
	return 0;
}

/* A blob on its way: what the next bytes of the body are is known only when the reply's head is
 * there. */
struct blob {
	int64_t size, offset; /* offset: bytes that reached the sink */
	int64_t skip;	      /* of this body: the registry did not start where it was asked to */
	bool started;
	const struct http_reply *reply;
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e);
	void *ctx;
};

static int blob_start(struct blob *b, struct err *e)
{
	const struct http_reply *r = b->reply;

	b->started = true;
	b->skip = r->status == 206 ? 0 : b->offset;
	if (r->status == 206 &&
	    (r->range_start != b->offset || (r->range_total >= 0 && r->range_total != b->size)))
		return err_set(e, ERR_REMOTE, "it sends another part than it was asked for");
	if (r->length >= 0 && r->length != b->size - (b->offset - b->skip))
		return err_set(e, ERR_REMOTE, "it has %lld bytes, not %lld",
			       (long long)(r->length + b->offset - b->skip), (long long)b->size);
	return 0;
}

static int blob_bytes(void *ctx, const void *p, size_t n, struct err *e)
{
	struct blob *b = ctx;
	size_t cut;

	if (!b->started && blob_start(b, e) < 0)
		return -1;
	cut = (size_t)MIN(b->skip, (int64_t)n);
	b->skip -= (int64_t)cut;
	n -= cut;
	if ((int64_t)n > b->size - b->offset)
		return err_set(e, ERR_REMOTE, "it is longer than its %lld bytes",
			       (long long)b->size);
	if (n > 0 && b->sink(b->ctx, (const char *)p + cut, n, e) < 0)
		return -1;
	b->offset += (int64_t)n;
	return 0;
}

/* What came of a try: 0 whole, 1 to be tried again, -1 failed. */
static int blob_try(struct registry_conn *c, const char *path, struct blob *b, struct retry *t,
		    struct err *e)
{
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = { .offset = b->offset, .sink = blob_bytes, .ctx = b };
	enum http_fault f;

	q.cancel = c->r->cancel;
	b->started = false;
	b->reply = &reply;
	f = request_try(c, path, &q, &reply, e);
	if (f == HTTP_OK && (reply.status == 200 || reply.status == 206)) {
		if (b->offset == b->size)
			return 0;
		f = HTTP_RETRY; /* a body without a length that ended early */
		err_set(e, ERR_REMOTE, "got %lld of %lld bytes", (long long)b->offset,
			(long long)b->size);
	} else if (f == HTTP_OK) {
		status_error(c->r, &reply, e);
		if (!status_retry(reply.status))
			return -1;
	} else {
		explain(c->r, f, e);
	}
	if (!retry_again(t, f, b->offset))
		return -1;
	pause_before(c->r, t->tries, reply.retry_after);
	return 1;
}

int registry_blob(struct registry_conn *c, const char *digest, int64_t size,
		  int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx,
		  struct err *e)
{
	struct blob b = { .size = size, .sink = sink, .ctx = ctx };
	own(str) char *path = str_fmt("blobs/%s", digest);
	struct retry t = { 0 };
	int ret;

	do
		ret = blob_try(c, path, &b, &t, e);
	while (ret > 0);
	return ret < 0 ? err_in(e, "blob %s", digest) : 0;
}
