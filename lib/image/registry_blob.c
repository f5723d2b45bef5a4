/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registry_impl.h"

#include <string.h>

/* A blob on its way: what the next bytes of the body are is known only when the reply's head is
 * there. */
struct blob {
	int64_t size, offset; /* offset: bytes that reached the sink */
	int64_t skip;	      /* of this body: the registry did not start where it was asked to */
	bool started, no_range;
	const struct http_reply *reply;
	const struct registry_sink *sink;
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
	if (n > 0 && b->sink->put(b->sink->ctx, (const char *)p + cut, n, e) < 0)
		return -1;
	b->offset += (int64_t)n;
	return 0;
}

/* What came of a try: 0 whole, 1 to be tried again, -1 failed. */
static int blob_try(struct registry_conn *c, struct endpoint *p, const char *path, struct blob *b,
		    struct retry *t, struct err *e)
{
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = {
		.offset = b->no_range ? 0 : b->offset,
		.sink = blob_bytes,
		.ctx = b,
	};
	enum http_fault f;

	b->started = false;
	b->reply = &reply;
	f = endpoint_request(c, p, path, &q, &reply, e);
	if (f == HTTP_OK && (reply.status == 200 || reply.status == 206)) {
		if (b->offset == b->size)
			return 0;
		f = HTTP_RETRY; /* a body without a length that ended early */
		err_set(e, ERR_REMOTE, "got %lld of %lld bytes", (long long)b->offset,
			(long long)b->size);
		err_in(e, "registry %s", p->host);
	} else if (f == HTTP_OK && reply.status == 416 && !b->no_range) {
		b->no_range = true; /* it cannot, or what it has is shorter: from the start */
		return 1;
	} else if (f == HTTP_OK) {
		endpoint_status(c, p, &reply, e);
	} else {
		if (f == HTTP_RETRY)
			err_in(e, "got %lld of %lld bytes", (long long)b->offset,
			       (long long)b->size);
		endpoint_explain(c->r, p, f, e);
	}
	return retry_again(c, p, t, f, &reply, b->offset, e) ? 1 : -1;
}

static int blob_at(struct registry_conn *c, struct endpoint *p, const char *path, struct blob *b,
		   struct err *e)
{
	struct retry t = { .moved_before = b->offset };
	int ret;

	do
		ret = blob_try(c, p, path, b, &t, e);
	while (ret > 0);
	return ret;
}

int registry_blob(struct registry_conn *c, const char *digest, int64_t size, int64_t offset,
		  const struct registry_sink *sink, struct err *e)
{
	struct blob b = { .size = size, .offset = offset, .sink = sink };
	own(str) char *path = str_fmt("blobs/%s", digest);
	struct endpoint *p;

	if (offset == size && size > 0)
		return 0;
	for (size_t i = 0; (p = registry_next(c->r, i)); i++) {
		b.no_range = false;
		if (blob_at(c, p, path, &b, e) == 0)
			return 0;
		if (!registry_go_on(c->r, i, p, e))
			break;
	}
	return err_in(e, "blob %s", digest);
}
