/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/http.h"

#include <string.h>
#include <strings.h>

#include "image/curl_dl.h"

#define USER_AGENT "caddis/" CADDIS_VERSION
#define CONNECT_TIMEOUT 30L /* seconds */
#define LOW_SPEED_BYTES 1000L
#define LOW_SPEED_SECONDS 60L
#define RECEIVE_BUFFER (256L << 10)
#define HEADERS_MAX (256 << 10)
#define ERROR_MAX (1 << 20) /* read at most */
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

void http_reply_free(struct http_reply *r)
{
	free(r->redirect);
	buf_free(&r->body);
	*r = (struct http_reply){ 0 };
}

static size_t give_up(struct http *h, const char *why)
{
	h->aborted = true;
	err_set(h->e, ERR_REMOTE, "%s", why);
	return 0;
}

/* The value of the header line if its name is key; cut and without blanks around it. */
static bool header(const char *line, size_t n, const char *key, char *dst, size_t size)
{
	size_t k = strlen(key);

	if (n <= k || line[k] != ':' || strncasecmp(line, key, k) != 0)
		return false;
	line += k + 1;
	n -= k + 1;
	while (n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	while (n > 0 && strchr(" \t\r\n", line[n - 1]))
		n--;
	n = MIN(n, size - 1);
	memcpy(dst, line, n);
	dst[n] = '\0';
	return true;
}

/* "bytes 5-9/10"; whatever else leaves -1, which matches nothing. */
static void read_range(const char *s, struct http_reply *r)
{
	own(str) char *copy = xstrdup(s);
	char *dash, *slash = strchr(copy, '/');

	if (strncmp(copy, "bytes ", 6) != 0 || !slash)
		return;
	dash = strchr(copy, '-');
	if (!dash || dash > slash)
		return;
	*dash = *slash = '\0';
	if (str_to_i64(copy + 6, 0, INT64_MAX, &r->range_start) < 0)
		r->range_start = -1;
	if (str_to_i64(slash + 1, 0, INT64_MAX, &r->range_total) < 0)
		r->range_total = -1;
}

static void reply_reset(struct http_reply *r)
{
	http_reply_free(r);
	r->length = r->range_start = r->range_total = -1;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	struct http_reply *r = h->reply;
	char value[128];

	n *= size;
	h->header_bytes += n;
	if (h->header_bytes > HEADERS_MAX)
		return give_up(h, "the reply's headers are too long");
	if (n > 5 && strncmp(line, "HTTP/", 5) == 0)
		reply_reset(r); /* the head of the next reply: the one before was 1xx */
	if (header(line, n, "Content-Type", value, sizeof(value)))
		memcpy(r->content_type, value, sizeof(value));
	else if (header(line, n, "Docker-Content-Digest", value, sizeof(value)))
		memcpy(r->digest, value, sizeof(value));
	else if (header(line, n, "Content-Range", value, sizeof(value)))
		read_range(value, r);
	else if (header(line, n, "Content-Encoding", value, sizeof(value)) &&
		 strcasecmp(value, "identity") != 0)
		return give_up(h, "the reply is encoded although we asked for it plain");
	else if (header(line, n, "Content-Length", value, sizeof(value))) {
		int64_t length;

		if (str_to_i64(value, 0, INT64_MAX, &length) < 0 ||
		    (r->length >= 0 && r->length != length))
			return give_up(h, "the reply's Content-Length is invalid");
		r->length = length;
	}
	return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	long status = 0;

	n *= size;
	curl.curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	h->reply->status = status;
	if (status >= 200 && status < 300) {
		if (h->req->sink(h->req->ctx, p, n, h->e) == 0)
			return n;
		h->aborted = true;
		return 0;
	}
	h->error_bytes += n;
	if (h->error_bytes > ERROR_MAX)
		return give_up(h, "the registry's error message does not end");
	if (h->reply->body.len < ERROR_KEEP)
		buf_addn(&h->reply->body, p, MIN(n, ERROR_KEEP - h->reply->body.len));
	return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct http *h = ctx;

	(void)a, (void)b, (void)c, (void)d;
	if (!h->req->cancel || !atomic_load(h->req->cancel))
		return 0;
	give_up(h, "given up");
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
	SET(CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
	SET(CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
	SET(CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS);
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

static void set_request(struct http *h, const struct http_request *req, struct setting *s)
{
	SET(CURLOPT_URL, req->url);
	SET(CURLOPT_NOBODY, req->head ? 1L : 0L);
	if (!req->head)
		SET(CURLOPT_HTTPGET, 1L);
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

static struct curl_slist *headers_for(const struct http_request *req)
{
	own(buf) struct buf line = { 0 };
	struct curl_slist *l = curl.curl_slist_append(NULL, "Accept-Encoding: identity");

	if (req->accept) {
		buf_addf(&line, "Accept: %s", req->accept);
		l = curl.curl_slist_append(l, line.s);
	}
	if (req->offset > 0) {
		buf_free(&line);
		buf_addf(&line, "Range: bytes=%lld-", (long long)req->offset);
		l = curl.curl_slist_append(l, line.s);
	}
	return l;
}

static const struct {
	CURLcode code;
	enum http_fault fault;
} faults[] = {
	// clang-format off
	{ CURLE_COULDNT_CONNECT,           HTTP_CONNECT },
	{ CURLE_COULDNT_RESOLVE_HOST,      HTTP_CONNECT },
	{ CURLE_COULDNT_RESOLVE_PROXY,     HTTP_CONNECT },
	{ CURLE_SSL_CONNECT_ERROR,         HTTP_NO_TLS },
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

static enum http_fault fault_of(struct http *h, CURLcode code, struct err *e)
{
	if (h->aborted)
		return HTTP_FATAL;
	err_set(e, ERR_REMOTE, "%.200s", h->reason[0] ? h->reason : curl.curl_easy_strerror(code));
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (faults[i].code == code)
			return faults[i].fault;
	return HTTP_FATAL;
}

static void read_info(struct http *h, struct http_reply *out)
{
	const char *redirect = NULL;
	curl_off_t wait = 0;

	curl.curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &out->status);
	curl.curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &redirect);
	curl.curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &wait);
	out->redirect = xstrdup(redirect);
	out->retry_after = wait;
}

enum http_fault http_perform(struct http *h, const struct http_request *req, struct http_reply *out,
			     struct err *e)
{
	own(slist) struct curl_slist *headers = headers_for(req);
	CURLcode code;

	*out = (struct http_reply){ 0 };
	reply_reset(out);
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
	curl.curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	code = curl.curl_easy_perform(h->curl);
	curl.curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	if (code != CURLE_OK)
		return fault_of(h, code, e);
	read_info(h, out);
	return HTTP_OK;
}
