/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registry.h"

#include <string.h>

#include "image/layout.h"
#include "image/manifest.h"
#include "image/registries.h"
#include "image/registry_impl.h"

#define ACCEPT_MANIFEST                                                                            \
	MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER_MANIFEST

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

static int endpoint_open(struct endpoint *p, const struct registry_place *place,
			 const struct registry_options *o, struct err *e)
{
	struct ref named = { .domain = place->domain };

	p->domain = xstrdup(place->domain);
	p->path = xstrdup(place->path);
	p->host = xstrdup(ref_host(&named));
	p->mirror = place->mirror;
	p->lax = o->tls == TLS_LAX || (o->tls == TLS_DEFAULT && place->insecure);
	p->may_be_plain = p->lax || is_loopback(p->host);
	pthread_mutex_init(&p->login.mutex, NULL);
	return certs_find(o->cert_dir, p->domain, &p->certs, e);
}

static void endpoint_close(struct endpoint *p)
{
	free(p->domain);
	free(p->path);
	free(p->host);
	certs_free(&p->certs);
	login_free(&p->login);
}

int registry_open(const struct ref *ref, const struct registry_options *o, struct registry **out,
		  struct err *e)
{
	own(registry) struct registry *r = xcalloc(1, sizeof(*r));
	own(registry_places) struct registry_places places = { 0 };

	pthread_mutex_init(&r->mutex, NULL);
	r->o = *o;
	if (registries_find(ref, &places, e) < 0)
		return -1;
	r->v = xcalloc(places.n, sizeof(*r->v));
	for (size_t i = 0; i < places.n; i++) {
		if (o->push && places.v[i].mirror)
			continue;
		if (endpoint_open(&r->v[r->n++], &places.v[i], o, e) < 0)
			return -1;
		r->v[r->n - 1].named = str_eq(places.v[i].domain, ref->domain);
	}
	*out = ptr_steal(r);
	return 0;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		endpoint_close(&r->v[i]);
	free(r->v);
	strv_free(&r->warned);
	pthread_mutex_destroy(&r->mutex);
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

struct endpoint *registry_next(struct registry *r, size_t i)
{
	size_t first = atomic_load(&r->serving), good = 0;

	for (size_t k = 0; k < r->n; k++)
		good += !atomic_load(&r->v[k].blamed);
	/* Those that lied come last: if all have, they are asked again. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t k = 0; k < r->n; k++) {
			struct endpoint *p = &r->v[(first + k) % r->n];

			if (atomic_load(&p->blamed) == (pass == 1) && i-- == 0)
				return p;
		}
	return NULL;
}

bool registry_go_on(struct registry *r, size_t i, const struct endpoint *p, const struct err *e)
{
	if (i + 1 >= r->n || e->sys || (r->o.cancel && atomic_load(r->o.cancel)))
		return false;
	note(&r->o.auth.notes, "%s %s: %s; the next one is asked",
	     p->mirror ? "mirror" : "registry", p->domain, e->msg);
	return true;
}

static void served(struct registry *r, const struct endpoint *p)
{
	size_t now = (size_t)(p - r->v);

	if (atomic_exchange(&r->serving, now) != now || (p->mirror && r->n > 1))
		note(&r->o.auth.notes, "served by %s %s", p->mirror ? "mirror" : "registry",
		     p->domain);
}

/* A request that the same endpoint is to answer: repeated there until there is an answer. */
static int request_at(struct registry_conn *c, struct endpoint *p, const char *where,
		      struct http_request *q, void (*rewind)(void *source_ctx, void *ctx),
		      struct http_reply *reply, struct err *e)
{
	bool again = q->method != HTTP_POST && q->method != HTTP_PATCH;
	struct retry t = { 0 };

	for (;;) {
		enum http_fault f;

		if (rewind)
			rewind(q->source_ctx, q->ctx);
		f = endpoint_request(c, p, where, q, reply, e);
		if (f == HTTP_OK && !status_retry(reply->status))
			return 0;
		if (again && retry_again(c, p, &t, f, reply, 0, e))
			continue;
		if (f == HTTP_OK)
			return 0; /* the caller words the status */
		endpoint_explain(c->r, p, f, e);
		return -1;
	}
}

int registry_call(struct registry_conn *c, const char *where, struct http_request *q,
		  void (*rewind)(void *source_ctx, void *ctx), struct http_reply *reply,
		  struct err *e)
{
	return request_at(c, &c->r->v[c->r->n - 1], where, q, rewind, reply, e);
}

int registry_status(struct registry_conn *c, const struct http_reply *reply, struct err *e)
{
	return endpoint_status(c, c->last, reply, e);
}

int registry_ping(struct registry_conn *c, struct err *e)
{
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = { .method = HTTP_GET };
	struct endpoint *p = &c->r->v[c->r->n - 1];

	if (request_at(c, p, "/v2/", &q, NULL, &reply, e) < 0)
		return -1;
	return reply.status == 200 ? 0 : endpoint_status(c, p, &reply, e);
}

int registry_head(struct registry_conn *c, const char *version, char digest[DIGEST_SIZE],
		  struct err *e)
{
	own(str) char *path = str_fmt("manifests/%s", version);
	struct endpoint *p;

	digest[0] = '\0';
	for (size_t i = 0; (p = registry_next(c->r, i)); i++) {
		own(http_reply) struct http_reply reply = { 0 };
		struct http_request q = { .method = HTTP_HEAD, .accept = ACCEPT_MANIFEST };

		if (request_at(c, p, path, &q, NULL, &reply, e) < 0) {
			if (registry_go_on(c->r, i, p, e))
				continue;
			return -1;
		}
		if (reply.status == 200 && digest_valid(reply.digest)) {
			memcpy(digest, reply.digest, DIGEST_SIZE);
			return 0;
		}
	}
	return 0;
}

static int sink_document(void *ctx, const void *p, size_t n, struct err *e)
{
	struct buf *b = ctx;

	if (b->len + n > LAYOUT_DOCUMENT_MAX)
		return err_set(e, ERR_REMOTE, "the manifest is larger than 4 MiB");
	buf_addn(b, p, n);
	return 0;
}

static void restart_document(void *source_ctx, void *ctx)
{
	(void)source_ctx;
	buf_free(ctx);
}

static int manifest_at(struct registry_conn *c, struct endpoint *p, const char *version,
		       struct buf *out, char digest[DIGEST_SIZE], char **content_type,
		       struct err *e)
{
	own(http_reply) struct http_reply reply = { 0 };
	own(str) char *path = str_fmt("manifests/%s", version);
	struct http_request q = { .accept = ACCEPT_MANIFEST, .sink = sink_document, .ctx = out };

	if (request_at(c, p, path, &q, restart_document, &reply, e) < 0)
		return -1;
	if (reply.status != 200)
		return endpoint_status(c, p, &reply, e);
	if (digest_of(out->s ? out->s : "", out->len, digest, e) < 0)
		return -1;
	if (digest_valid(version) && strcmp(version, digest) != 0)
		return err_set(e, ERR_REMOTE, "digest mismatch: asked for manifest %s, got %s",
			       version, digest);
	*content_type = xstrdup(reply.content_type);
	return 0;
}

int registry_manifest(struct registry_conn *c, const char *version, struct buf *out,
		      char digest[DIGEST_SIZE], char **content_type, struct err *e)
{
	struct endpoint *p;

	for (size_t i = 0; (p = registry_next(c->r, i)); i++) {
		if (manifest_at(c, p, version, out, digest, content_type, e) == 0) {
			served(c->r, p);
			return 0;
		}
		if (!registry_go_on(c->r, i, p, e))
			break;
	}
	return -1;
}

bool registry_interrupted(const struct registry *r)
{
	return atomic_load(&r->interrupted);
}

void registry_blame(struct registry_conn *c)
{
	if (c && c->last)
		atomic_store(&c->last->blamed, true);
}
