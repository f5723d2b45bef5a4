/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/http.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "image/curl_dl.h"
#include "image/http_reply.h"

#define USER_AGENT "caddis/" CADDIS_VERSION
#define CONNECT_TIMEOUT 30L /* seconds */
#define LOW_SPEED_BYTES 1000L
#define STALL_SECONDS 60
#define RECEIVE_BUFFER (256L << 10)
#define HEADERS_MAX (256 << 10)
#define ERROR_MAX (1 << 20) /* read at most; also of a body that nobody wants */
#define ERROR_KEEP (64 << 10)

struct http {
	CURL *curl;
	char reason[CURL_ERROR_SIZE];
	/* of the request that is under way */
	const struct http_request *req;
	struct http_reply *reply;
	struct err *e;
	bool aborted; /* *e says why */
	size_t header_bytes, error_bytes;
};

static size_t give_up(struct http *h, const char *why)
{
	h->aborted = true;
	err_set(h->e, ERR_REMOTE, "%s", why);
	return 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	const char *bad;

	n *= size;
	h->header_bytes += n;
	if (h->header_bytes > HEADERS_MAX)
		return give_up(h, "the reply's headers are too long");
	if (n > 5 && strncmp(line, "HTTP/", 5) == 0)
		http_reply_reset(h->reply); /* the head of the next reply: the one before was 1xx */
	bad = http_reply_header(h->reply, h->req->url, line, n);
	return bad ? give_up(h, bad) : n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	long status = 0;

	n *= size;
	curl.curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	h->reply->status = status;
	if (status >= 200 && status < 300 && h->req->sink) {
		if (h->req->sink(h->req->ctx, p, n, h->e) == 0)
			return n;
		h->aborted = true;
		return 0;
	}
	h->error_bytes += n;
	if (h->error_bytes > ERROR_MAX)
		return give_up(h, "the registry's reply does not end");
	if (h->reply->body.len < ERROR_KEEP)
		buf_addn(&h->reply->body, p, MIN(n, ERROR_KEEP - h->reply->body.len));
	return n;
}

static size_t on_send(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	ssize_t got = h->req->source(h->req->source_ctx, p, size * n, h->e);

	if (got >= 0)
		return (size_t)got;
	h->aborted = true;
	return CURL_READFUNC_ABORT;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct http *h = ctx;

	(void)a, (void)b, (void)c, (void)d;
	if (h->req->cancel && atomic_load(h->req->cancel))
		give_up(h, "given up");
	else if (h->req->deadline && clock_monotonic() > h->req->deadline)
		give_up(h, "it took longer than --timeout allows");
	else
		return 0;
	return 1;
}

int http_open(struct http **out, struct err *e)
{
	own(http) struct http *h = NULL;

	if (curl_load(e) < 0)
		return -1;
	h = xcalloc(1, sizeof(*h));
	h->curl = curl.curl_easy_init();
	if (!h->curl)
		return err_set(e, ERR_FAIL, "libcurl cannot be initialised");
	*out = ptr_steal(h);
	return 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	if (h->curl)
		curl.curl_easy_cleanup(h->curl);
	free(h);
}

struct setting {
	CURLcode code;	    /* of the first option that libcurl refused */
	const char *option; /* its name */
};

static void note(struct setting *s, CURLcode code, const char *option)
{
	if (s->code != CURLE_OK || code == CURLE_OK)
		return;
	s->code = code;
	s->option = option;
}

#define SET(option, value) note(s, curl.curl_easy_setopt(h->curl, option, value), #option)

/* What never changes. No .netrc, no other protocol, nothing that libcurl decides on its own. */
static void set_always(struct http *h, struct setting *s)
{
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_USERAGENT, USER_AGENT);
	SET(CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_ERRORBUFFER, h->reason);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, h);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, h);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, h);
}

static const struct method {
	const char *name; /* where libcurl would say another */
	bool sends;
} methods[] = {
	[HTTP_GET] = { NULL, false },	  [HTTP_HEAD] = { NULL, false },
	[HTTP_POST] = { "POST", true },	  [HTTP_PUT] = { "PUT", true },
	[HTTP_PATCH] = { "PATCH", true }, [HTTP_DELETE] = { "DELETE", false },
};

static void set_request(struct http *h, const struct http_request *req, struct setting *s)
{
	const struct method *m = &methods[req->method];
	long stall = req->stall ? req->stall : STALL_SECONDS;

	SET(CURLOPT_URL, req->url);
	SET(CURLOPT_NOBODY, req->method == HTTP_HEAD ? 1L : 0L);
	if (m->sends) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_READFUNCTION, on_send);
		SET(CURLOPT_READDATA, h);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)(req->source ? req->send_size : 0));
	} else if (req->method != HTTP_HEAD) {
		SET(CURLOPT_HTTPGET, 1L);
	}
	if (m->name)
		SET(CURLOPT_CUSTOMREQUEST, m->name);
	SET(CURLOPT_LOW_SPEED_TIME, stall);
	SET(CURLOPT_CONNECTTIMEOUT, MIN(stall, CONNECT_TIMEOUT));
	SET(CURLOPT_SSL_VERIFYPEER, req->tls.verify ? 1L : 0L);
	SET(CURLOPT_SSL_VERIFYHOST, req->tls.verify ? 2L : 0L);
	if (req->tls.ca)
		SET(CURLOPT_CAINFO, req->tls.ca);
	SET(CURLOPT_SSLCERT, req->tls.cert);
	SET(CURLOPT_SSLKEY, req->tls.key);
}

static int set_options(struct http *h, const struct http_request *req, struct err *e)
{
	struct setting s = { .code = CURLE_OK };

	/* Refused while the buffer of a request that failed early is still there, which then does.
	 */
	curl.curl_easy_setopt(h->curl, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	set_always(h, &s);
	set_request(h, req, &s);
	if (s.code == CURLE_OK)
		return 0;
	return err_set(e, ERR_FAIL, "libcurl: %s: %s", s.option, curl.curl_easy_strerror(s.code));
}

OWNED(slist, struct curl_slist *, NULL, curl.curl_slist_free_all)

static void add_header(struct curl_slist **l, const char *name, const char *value)
{
	own(str) char *line = value ? str_fmt("%s: %s", name, value) : NULL;

	if (line)
		*l = curl.curl_slist_append(*l, line);
}

static struct curl_slist *headers_for(const struct http_request *req)
{
	struct curl_slist *l = curl.curl_slist_append(NULL, "Accept-Encoding: identity");
	own(str) char *range =
		req->offset > 0 ? str_fmt("bytes=%lld-", (long long)req->offset) : NULL;

	add_header(&l, "Accept", req->accept);
	add_header(&l, "Range", range);
	add_header(&l, "Authorization", req->authorization);
	add_header(&l, "Content-Type", req->content_type);
	add_header(&l, "Content-Range", req->content_range);
	/* Not every registry answers it, and we would wait a second in vain. */
	return curl.curl_slist_append(l, "Expect:");
}

static const struct {
	CURLcode code;
	enum http_fault fault;
} faults[] = {
	// clang-format off
	{ CURLE_COULDNT_CONNECT,           HTTP_CONNECT },
	{ CURLE_COULDNT_RESOLVE_HOST,      HTTP_CONNECT },
	{ CURLE_COULDNT_RESOLVE_PROXY,     HTTP_CONNECT },
	{ CURLE_PEER_FAILED_VERIFICATION,  HTTP_UNTRUSTED },
	{ CURLE_OPERATION_TIMEDOUT,        HTTP_RETRY },
	{ CURLE_SEND_ERROR,                HTTP_RETRY },
	{ CURLE_RECV_ERROR,                HTTP_RETRY },
	{ CURLE_GOT_NOTHING,               HTTP_RETRY },
	{ CURLE_PARTIAL_FILE,              HTTP_RETRY },
	{ CURLE_HTTP2,                     HTTP_RETRY },
	{ CURLE_HTTP2_STREAM,              HTTP_RETRY },
	{ CURLE_WEIRD_SERVER_REPLY,        HTTP_RETRY },
	// clang-format on
};

/* Why there was no TLS session is told by OpenSSL's words only. */
static enum http_fault handshake_fault(const char *reason)
{
	static const char *const plain[] = { "wrong version number", "packet length too long",
					     "http request", "record layer failure" };
	static const char *const cut[] = { "SSL_ERROR_SYSCALL", "onnection reset", "unexpected eof",
					   "timed out", "SSL_ERROR_ZERO_RETURN" };

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (strstr(reason, plain[i]))
			return HTTP_NO_TLS;
	for (size_t i = 0; i < ARRAY_LEN(cut); i++)
		if (strcasestr(reason, cut[i]))
			return HTTP_RETRY;
	return HTTP_FATAL;
}

static enum http_fault fault_of(struct http *h, CURLcode code, struct err *e)
{
	if (h->aborted)
		return HTTP_FATAL;
	err_set(e, ERR_REMOTE, "%.200s", h->reason[0] ? h->reason : curl.curl_easy_strerror(code));
	if (code == CURLE_SSL_CONNECT_ERROR)
		return handshake_fault(h->reason);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (faults[i].code == code)
			return faults[i].fault;
	return HTTP_FATAL;
}

static void read_info(struct http *h, struct http_reply *out)
{
	curl_off_t wait = 0;

	curl.curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &out->status);
	curl.curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &wait);
	out->retry_after = wait;
}

/* Drops the connection. */
static int renew(struct http *h, struct err *e)
{
	CURL *fresh = curl.curl_easy_init();

	if (!fresh)
		return err_set(e, ERR_FAIL, "libcurl cannot be initialised");
	curl.curl_easy_cleanup(h->curl);
	h->curl = fresh;
	return 0;
}

enum http_fault http_perform(struct http *h, const struct http_request *req, struct http_reply *out,
			     struct err *e)
{
	own(slist) struct curl_slist *sent = headers_for(req);
	CURLcode code;

	*out = (struct http_reply){ 0 };
	http_reply_reset(out);
	h->req = req;
	h->reply = out;
	h->e = e;
	h->aborted = false;
	h->header_bytes = h->error_bytes = 0;
	h->reason[0] = '\0';
	/* Options of the request before are gone; the connection, the DNS and TLS caches stay. */
	curl.curl_easy_reset(h->curl);
	if (set_options(h, req, e) < 0)
		return HTTP_FATAL;
	curl.curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, sent);
	code = curl.curl_easy_perform(h->curl);
	curl.curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	if (code != CURLE_OK) {
		enum http_fault f = fault_of(h, code, e);

		/* An HTTP/2 connection that stands still would be taken for the next request, too.
		 */
		return f == HTTP_RETRY && renew(h, e) < 0 ? HTTP_FATAL : f;
	}
	read_info(h, out);
	return HTTP_OK;
}
