/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registry_impl.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "image/registry_error.h"
#include "image/url.h"

#define REDIRECTS_MAX 10
#define LOGINS_MAX 2	/* for one request */
#define TRIES_MAX 6	/* without progress in between */
#define TRIES_MIRROR 2	/* where there is another one to ask */
#define TRIES_CONNECT 3 /* where nobody listens */
#define TRIES_TOTAL 50	/* for one blob, however much progress there was */
#define PAUSE_FIRST (250 * INT64_C(1000000))
#define PAUSE_MAX (60 * NSEC_PER_SEC)
#define WARNING_MAX 400

char *endpoint_url(const struct endpoint *p, const char *path)
{
	const char *scheme = p->scheme == SCHEME_HTTP ? "http" : "https";

	if (*path == '/')
		return str_fmt("%s://%s%s", scheme, p->host, path);
	return str_fmt("%s://%s/v2/%s/%s", scheme, p->host, p->path, path);
}

static enum http_fault check_redirect(const char *from, const char *to, struct err *e)
{
	bool secure = url_is_https(to);

	if (!secure && strncasecmp(to, "http://", 7) != 0)
		err_set(e, ERR_REMOTE, "redirected to something that is neither http nor https");
	else if (!secure && url_is_https(from))
		err_set(e, ERR_REMOTE, "redirected from https to http");
	else
		return HTTP_OK;
	return HTTP_FATAL;
}

/* RFC 7234, 5.5 as the distribution specification uses it: 299 - "text". */
static void note_warnings(struct registry *r, const struct endpoint *p, const struct strv *warnings)
{
	for (size_t i = 0; i < warnings->n; i++) {
		const char *w = warnings->v[i];
		const char *start = str_starts(w, "299 ") ? strchr(w, '"') : NULL;
		own(str) char *text = NULL;
		bool fresh;

		if (!start)
			continue;
		start++;
		text = str_printable(start, MIN(strcspn(start, "\""), (size_t)WARNING_MAX));
		pthread_mutex_lock(&r->mutex);
		fresh = !strv_has(&r->warned, text) && r->warned.n < 16;
		if (fresh)
			strv_add(&r->warned, text);
		pthread_mutex_unlock(&r->mutex);
		if (fresh)
			note(&r->o.auth.notes, "registry %s warns: %s", p->domain, text);
	}
}

/* One request to one URL. What was set for the registry (no verification, a client certificate, a
 * login) counts at its origin only. */
static enum http_fault request_url(struct registry_conn *c, struct endpoint *p, const char *url,
				   bool ours, struct http_request *q, struct http_reply *reply,
				   struct err *e)
{
	own(str) char *header = NULL;
	enum http_fault f = HTTP_FATAL;

	for (struct login_try t = { 0 }; t.n <= LOGINS_MAX; t.n++) {
		int renewed;

		free(header);
		header = NULL;
		if (ours && login_header(c, p, &t, &header, e) < 0)
			return HTTP_FATAL;
		q->url = url;
		q->authorization = header;
		q->tls = (struct http_tls){ .verify = !p->lax || !ours, .ca = p->certs.ca };
		if (ours) {
			q->tls.cert = p->certs.cert;
			q->tls.key = p->certs.key;
		}
		http_reply_free(reply);
		f = http_perform(c->http, q, reply, e);
		q->authorization = NULL;
		if (f != HTTP_OK || reply->status != 401 || !ours || t.n == LOGINS_MAX)
			return f;
		renewed = login_renew(c, p, &t, &reply->challenges, e);
		if (renewed <= 0)
			return renewed < 0 ? HTTP_FATAL : HTTP_OK;
	}
	return f;
}

static bool is_redirect(const struct http_request *q, const struct http_reply *reply)
{
	return reply->location && reply->status >= 300 && reply->status < 400 &&
	       (q->method == HTTP_GET || q->method == HTTP_HEAD);
}

/* Redirects followed; always from the registry's own URL: where that pointed a minute ago may have
 * expired. */
static enum http_fault request_once(struct registry_conn *c, struct endpoint *p, const char *where,
				    struct http_request *q, struct http_reply *reply, struct err *e)
{
	own(str) char *home = endpoint_url(p, "/v2/");
	own(str) char *url = strstr(where, "://") ? xstrdup(where) : endpoint_url(p, where);

	for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
		enum http_fault f = check_redirect(home, url, e);

		if (f == HTTP_OK)
			f = request_url(c, p, url, url_same_origin(home, url), q, reply, e);
		if (f != HTTP_OK || !is_redirect(q, reply))
			return f;
		f = check_redirect(url, reply->location, e);
		if (f != HTTP_OK)
			return f;
		free(url);
		url = ptr_steal(reply->location);
	}
	err_set(e, ERR_REMOTE, "redirected more than %d times", REDIRECTS_MAX);
	return HTTP_FATAL;
}

/* The first request tells whether the registry speaks TLS, where it need not. */
static enum http_fault request_scheme(struct registry_conn *c, struct endpoint *p,
				      const char *where, struct http_request *q,
				      struct http_reply *reply, struct err *e)
{
	enum scheme before = p->scheme; /* another thread may find out meanwhile */
	enum http_fault f = request_once(c, p, where, q, reply, e);

	if (before != SCHEME_UNKNOWN)
		return f;
	if (f == HTTP_OK)
		p->scheme = SCHEME_HTTPS;
	if (!p->may_be_plain || (f != HTTP_NO_TLS && f != HTTP_CONNECT && f != HTTP_RETRY))
		return f;
	p->scheme = SCHEME_HTTP;
	f = request_once(c, p, where, q, reply, e);
	if (f != HTTP_OK)
		p->scheme = SCHEME_UNKNOWN;
	return f;
}

enum http_fault endpoint_request(struct registry_conn *c, struct endpoint *p, const char *where,
				 struct http_request *q, struct http_reply *reply, struct err *e)
{
	const struct registry_options *o = &c->r->o;
	enum http_fault f;

	c->last = p;
	q->cancel = o->cancel;
	q->deadline = o->deadline;
	q->stall = o->stall;
	f = request_scheme(c, p, where, q, reply, e);
	if (f == HTTP_OK)
		note_warnings(c->r, p, &reply->warnings);
	return f;
}

bool status_retry(long status)
{
	return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* False when time is up. */
static bool sleep_until_retry(const struct registry_options *o, int64_t ns)
{
	int64_t end = clock_monotonic() + ns;
	bool late = o->deadline && end > o->deadline;

	for (int64_t left; !late && (left = end - clock_monotonic()) > 0;) {
		struct timespec t = { .tv_nsec = MIN(left, INT64_C(50000000)) };

		if (o->cancel && atomic_load(o->cancel))
			return false;
		nanosleep(&t, NULL);
	}
	return !late;
}

/* As the server told or by doubling, with jitter. */
static int64_t pause_for(const struct registry_options *o, int n, int64_t retry_after)
{
	int64_t first = o->pause ? o->pause : PAUSE_FIRST, ns;
	unsigned char jitter = 0;

	ns = retry_after > 0 ? MIN(retry_after, PAUSE_MAX / NSEC_PER_SEC) * NSEC_PER_SEC
			     : MIN(first << MIN(n - 1, 7), PAUSE_MAX);
	if (getrandom(&jitter, 1, GRND_NONBLOCK) != 1)
		jitter = 128;
	return ns + ns / 1024 * jitter;
}

static int tries_max(const struct registry_conn *c, const struct endpoint *p, enum http_fault f)
{
	int max = c->r->o.tries ? c->r->o.tries : TRIES_MAX;

	if (p->mirror)
		max = MIN(max, TRIES_MIRROR);
	return f == HTTP_CONNECT ? MIN(max, TRIES_CONNECT) : max;
}

static bool interrupted(struct registry *r)
{
	atomic_store(&r->interrupted, true);
	return false;
}

bool retry_again(struct registry_conn *c, const struct endpoint *p, struct retry *t,
		 enum http_fault f, const struct http_reply *reply, int64_t moved, struct err *e)
{
	const struct registry_options *o = &c->r->o;
	int64_t after = f == HTTP_OK ? reply->retry_after : 0, ns;

	if (moved > t->moved_before)
		t->tries = 0;
	t->moved_before = moved;
	t->tries++;
	t->total++;
	if (o->deadline && clock_monotonic() > o->deadline)
		return interrupted(c->r);
	if (f == HTTP_FATAL || f == HTTP_NO_TLS || f == HTTP_UNTRUSTED ||
	    (f == HTTP_OK && !status_retry(reply->status)))
		return false;
	if (t->total >= TRIES_TOTAL || t->tries >= tries_max(c, p, f))
		return interrupted(c->r);
	ns = pause_for(o, t->tries, after);
	if (ns >= NSEC_PER_SEC && f == HTTP_OK)
		note(&o->auth.notes, "registry %s: status %ld, waiting for %lld s", p->domain,
		     reply->status, (long long)(ns / NSEC_PER_SEC));
	else if (ns >= NSEC_PER_SEC)
		note(&o->auth.notes, "registry %s: %s; waiting for %lld s", p->domain, e->msg,
		     (long long)(ns / NSEC_PER_SEC));
	return sleep_until_retry(o, ns) || interrupted(c->r);
}

static void redact(struct endpoint *p, struct err *e)
{
	pthread_mutex_lock(&p->login.mutex);
	auth_redact(&p->login.auth, e->msg);
	pthread_mutex_unlock(&p->login.mutex);
}

void endpoint_explain(const struct registry *r, struct endpoint *p, enum http_fault f,
		      struct err *e)
{
	(void)r;
	redact(p, e);
	err_in(e, "registry %s", p->host);
	if (f == HTTP_NO_TLS && !p->lax)
		err_hint(e, "if it speaks plain HTTP, use --tls-verify=false");
	if (f == HTTP_UNTRUSTED)
		err_hint(e,
			 "put its CA into /etc/caddis/certs.d/%s/ca.crt or use --tls-verify=false",
			 p->domain);
}

int endpoint_status(struct registry_conn *c, struct endpoint *p, const struct http_reply *reply,
		    struct err *e)
{
	bool anonymous;

	(void)c;
	registry_error(reply->status, reply->body.s, reply->body.len, e);
	pthread_mutex_lock(&p->login.mutex);
	anonymous = auth_empty(&p->login.auth);
	pthread_mutex_unlock(&p->login.mutex);
	redact(p, e);
	err_in(e, "registry %s", p->host);
	if (reply->status == 401 || (reply->status == 403 && anonymous))
		err_hint(e,
			 anonymous ? "log in with 'caddis image login %s'"
				   : "the credentials for %s are not accepted",
			 p->domain);
	return -1;
}
