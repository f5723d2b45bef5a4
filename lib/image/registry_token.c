/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registry_token.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "image/registry_error.h"
#include "image/url.h"

#define REPLY_MAX (1 << 20)
#define TOKEN_MAX (64 << 10)
#define SCOPE_MAX 2048
#define LIFETIME_MIN 60 /* seconds; also where the server does not say */
#define LIFETIME_MAX (24 * 60 * 60)
#define CLIENT "caddis"

/* "host" of "https://host:port/path". */
static size_t host_of(const char *url, const char **host)
{
	const char *p = strstr(url, "://");

	*host = p ? p + 3 : url;
	return **host == '[' ? strcspn(*host, "]") : strcspn(*host, ":/?#");
}

static bool same_host(const char *a, const char *b)
{
	const char *ha, *hb;
	size_t n = host_of(a, &ha);

	return n == host_of(b, &hb) && strncasecmp(ha, hb, n) == 0;
}

/* "b.io" of "a.b.io": who runs the one may run the other. */
static const char *site(const char *host, size_t n)
{
	const char *s = host + n;
	int dots = 0;

	while (s > host && (s[-1] != '.' || ++dots < 2))
		s--;
	return s;
}

static bool same_site(const char *a, const char *b)
{
	const char *ha, *hb;
	size_t na = host_of(a, &ha), nb = host_of(b, &hb);
	const char *sa = site(ha, na), *sb = site(hb, nb);
	size_t la = (size_t)(ha + na - sa), lb = (size_t)(hb + nb - sb);

	return same_host(a, b) || (la == lb && strncasecmp(sa, sb, la) == 0);
}

static int check_realm(struct registry_conn *c, const struct endpoint *p, const char *realm,
		       struct err *e)
{
	own(str) char *home = endpoint_url(p, "/v2/");
	own(str) char *shown = str_printable(realm, MIN(strcspn(realm, "?#"), (size_t)200));
	bool secret = p->login.auth.password || p->login.auth.identity_token;

	if (!url_is_https(realm) && strncasecmp(realm, "http://", 7) != 0)
		return err_set(e, ERR_REMOTE, "its token server \"%s\" is neither http nor https",
			       shown);
	if (url_is_https(home) && !url_is_https(realm))
		return err_set(e, ERR_REMOTE,
			       "its token server %s speaks no TLS, although the registry does",
			       shown);
	if (!secret)
		return 0;
	if (!url_is_https(realm) && !same_host(home, realm))
		return err_set(e, ERR_REMOTE,
			       "its token server %s is on another host and speaks no TLS: it is "
			       "told no password",
			       shown);
	if (!same_site(home, realm))
		note(&c->r->o.auth.notes, "the credentials for %s are told to its token server, %s",
		     p->domain, shown);
	return 0;
}

static void add_parameter(struct buf *b, const char *key, const char *value)
{
	if (!str_some(value))
		return;
	if (b->len)
		buf_addc(b, '&');
	buf_addf(b, "%s=", key);
	url_escape(b, value);
}

/* What we need the token for: what was asked for by the registry, and what we know we will need. */
static void scopes(const struct registry *r, const struct endpoint *p, const struct challenge *ch,
		   struct strv *out)
{
	if (str_some(ch->scope))
		strv_split(out, ch->scope, ' ');
	if (r->o.push)
		strv_take(out, str_fmt("repository:%s:pull,push", p->path));
	if (r->o.push && r->o.mount_from)
		strv_take(out, str_fmt("repository:%s:pull", r->o.mount_from));
}

static int build_query(const struct registry *r, const struct endpoint *p,
		       const struct challenge *ch, struct buf *out, struct err *e)
{
	own(strv) struct strv list = { 0 };
	own(buf) struct buf joined = { 0 };
	bool post = p->login.auth.identity_token != NULL;

	if (ch->scope && strlen(ch->scope) > SCOPE_MAX)
		return err_set(e, ERR_REMOTE, "the scope that it asks for is too long");
	scopes(r, p, ch, &list);
	add_parameter(out, "service", ch->service);
	for (size_t i = 0; i < list.n; i++) {
		if (!post)
			add_parameter(out, "scope", list.v[i]);
		else
			buf_addf(&joined, "%s%s", i ? " " : "", list.v[i]);
	}
	add_parameter(out, "scope", joined.s);
	if (post) {
		add_parameter(out, "grant_type", "refresh_token");
		add_parameter(out, "client_id", CLIENT);
		add_parameter(out, "refresh_token", p->login.auth.identity_token);
	} else {
		add_parameter(out, "account", p->login.auth.username);
	}
	return 0;
}

static int sink_reply(void *ctx, const void *p, size_t n, struct err *e)
{
	struct buf *b = ctx;

	if (b->len + n > REPLY_MAX)
		return err_set(e, ERR_REMOTE, "the token server's reply is larger than 1 MiB");
	buf_addn(b, p, n);
	return 0;
}

struct form {
	const struct buf *text;
	size_t sent;
};

static ssize_t source_form(void *ctx, void *p, size_t n, struct err *e)
{
	struct form *f = ctx;

	(void)e;
	n = MIN(n, f->text->len - f->sent);
	memcpy(p, f->text->s + f->sent, n);
	f->sent += n;
	return (ssize_t)n;
}

/* What the server says, in one line of ours; its own errors are {"errors"} or OAuth2's {"error"}.
 */
static int refused(const struct http_reply *reply, struct err *e)
{
	registry_error(reply->status, reply->body.s, reply->body.len, e);
	if (reply->status == 400 || reply->status == 401 || reply->status == 403)
		e->kind = ERR_DENIED;
	return -1;
}

static int ask(struct registry_conn *c, struct endpoint *p, struct http_request *q,
	       struct form *form, struct buf *reply_text, struct err *e)
{
	struct retry t = { 0 };

	for (;;) {
		own(http_reply) struct http_reply reply = { 0 };
		enum http_fault f;

		form->sent = 0;
		buf_free(reply_text);
		f = http_perform(c->http, q, &reply, e);
		if (f == HTTP_OK && reply.status == 200)
			return 0;
		if (f == HTTP_OK && !status_retry(reply.status))
			return refused(&reply, e);
		if (retry_again(c, p, &t, f, &reply, 0, e))
			continue;
		return f == HTTP_OK ? refused(&reply, e) : -1;
	}
}

static void set_tls(const struct endpoint *p, const char *realm, struct http_request *q)
{
	own(str) char *home = endpoint_url(p, "/v2/");
	bool ours = url_same_origin(home, realm);

	q->tls = (struct http_tls){
		.verify = !p->lax || !ours,
		.ca = p->certs.ca,
		.cert = ours ? p->certs.cert : NULL,
		.key = ours ? p->certs.key : NULL,
	};
}

static void basic_header(const struct auth *a, struct buf *out)
{
	own(str) char *plain = str_fmt("%s:%s", a->username, a->password);

	buf_add(out, "Basic ");
	base64_encode(out, plain, strlen(plain));
	explicit_bzero(plain, strlen(plain));
}

/* A token that could break a header, or is absurd, is none. */
static bool token_valid(const char *s)
{
	size_t n = 0;

	while (s[n] > ' ' && s[n] < 127)
		n++;
	return n > 0 && s[n] == '\0' && n <= TOKEN_MAX;
}

static int read_reply(const struct buf *text, char **token, int64_t *lifetime, struct err *e)
{
	own(json) struct json_object *j =
		json_parse("the token server's reply", text->s ? text->s : "", text->len, e);
	struct json_object *expires;
	int64_t seconds = 0;
	const char *s;

	if (!j)
		return -1;
	s = json_get_str(j, "token");
	s = str_some(s) ? s : json_get_str(j, "access_token");
	if (!s || !token_valid(s))
		return err_set(e, ERR_REMOTE, "the token server's reply has no valid token");
	expires = json_get(j, "expires_in", json_type_int);
	if (expires)
		seconds = json_object_get_int64(expires);
	*lifetime = MIN(MAX(seconds, LIFETIME_MIN), LIFETIME_MAX) * NSEC_PER_SEC;
	*token = xstrdup(s);
	return 0;
}

static int exchange(struct registry_conn *c, struct endpoint *p, const struct challenge *ch,
		    struct buf *reply, struct err *e)
{
	own(buf) struct buf query = { 0 };
	own(buf) struct buf basic = { 0 };
	own(str) char *url = NULL;
	struct form form = { .text = &query };
	struct http_request q = {
		.sink = sink_reply,
		.ctx = reply,
		.stall = c->r->o.stall,
		.deadline = c->r->o.deadline,
		.cancel = c->r->o.cancel,
	};
	int ret;

	if (build_query(c->r, p, ch, &query, e) < 0)
		return -1;
	if (p->login.auth.identity_token) {
		q.method = HTTP_POST;
		q.content_type = "application/x-www-form-urlencoded";
		q.source = source_form;
		q.source_ctx = &form;
		q.send_size = (int64_t)query.len;
		url = xstrdup(ch->realm);
	} else {
		url = str_fmt("%s%s%s", ch->realm,
			      !query.len	       ? ""
			      : strchr(ch->realm, '?') ? "&"
						       : "?",
			      query.len ? query.s : "");
	}
	if (p->login.auth.username) {
		basic_header(&p->login.auth, &basic);
		q.authorization = basic.s;
	}
	q.url = url;
	set_tls(p, ch->realm, &q);
	ret = ask(c, p, &q, &form, reply, e);
	if (basic.s)
		explicit_bzero(basic.s, basic.len);
	if (query.s)
		explicit_bzero(query.s, query.len);
	return ret;
}

int token_fetch(struct registry_conn *c, struct endpoint *p, const struct challenge *ch,
		char **token, int64_t *lifetime, struct err *e)
{
	own(buf) struct buf reply = { 0 };
	const char *host;
	size_t n = host_of(ch->realm, &host);
	int ret;

	if (check_realm(c, p, ch->realm, e) < 0)
		return -1;
	ret = exchange(c, p, ch, &reply, e);
	if (ret == 0)
		ret = read_reply(&reply, token, lifetime, e);
	if (reply.s)
		explicit_bzero(reply.s, reply.len);
	if (ret == 0)
		return 0;
	auth_redact(&p->login.auth, e->msg);
	err_in(e, "token server %.*s", (int)MIN(n, (size_t)100), host);
	if (e->kind == ERR_DENIED && auth_empty(&p->login.auth))
		err_hint(e, "log in with 'caddis image login %s'", p->domain);
	return -1;
}
