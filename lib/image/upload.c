/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/upload.h"

#include <unistd.h>

#include "base/fd.h"
#include "image/url.h"

/* What one request sends: a part of a file, or of a text. */
struct part {
	int fd;
	int64_t start, at, end;
	const char *text;
};

static ssize_t part_read(void *ctx, void *p, size_t n, struct err *e)
{
	struct part *part = ctx;
	size_t want = (size_t)MIN((int64_t)n, part->end - part->at);
	ssize_t got;

	if (part->text) {
		memcpy(p, part->text + part->at, want);
		got = (ssize_t)want;
	} else {
		got = pread(part->fd, p, want, part->at);
	}
	if (got < 0 || (got == 0 && want))
		return got < 0 ? err_sys(e, "read the blob")
			       : err_set(e, ERR_CORRUPT, "the blob became shorter");
	part->at += got;
	return got;
}

static void part_rewind(void *source_ctx, void *ctx)
{
	struct part *part = source_ctx;

	(void)ctx;
	part->at = part->start;
}

int upload_exists(struct registry_conn *c, const char *digest, bool *exists, struct err *e)
{
	own(str) char *where = str_fmt("blobs/%s", digest);
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = { .method = HTTP_HEAD };

	if (registry_call(c, where, &q, NULL, &reply, e) < 0)
		return -1;
	*exists = reply.status == 200;
	if (*exists || reply.status == 404)
		return 0;
	return registry_status(c, &reply, e);
}

/* Begins an upload: 201 when a mount made it needless, else *location is where to send to. */
static int begin(struct registry_conn *c, const char *digest, const char *from, char **location,
		 struct err *e)
{
	own(buf) struct buf where = { 0 };
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = { .method = HTTP_POST };

	buf_add(&where, "blobs/uploads/");
	if (from) {
		buf_addf(&where, "?mount=%s&from=", digest);
		url_escape(&where, from);
	}
	if (registry_call(c, where.s, &q, NULL, &reply, e) < 0)
		return -1;
	if (reply.status == 201 && from)
		return 0;
	if (reply.status != 202)
		return registry_status(c, &reply, e) < 0
			       ? -1
			       : err_set(e, ERR_REMOTE, "the registry does not begin an upload");
	if (!reply.location)
		return err_set(e, ERR_REMOTE,
			       "the registry begins an upload and does not say where");
	*location = ptr_steal(reply.location);
	return 0;
}

/* An upload that nobody wants: the registry may forget it at once. */
static void give_up(struct registry_conn *c, const char *location)
{
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = { .method = HTTP_DELETE };
	struct err ignored;

	registry_call(c, location, &q, NULL, &reply, &ignored);
}

int upload_mount(struct registry_conn *c, const char *digest, const char *from, bool *mounted,
		 struct err *e)
{
	own(str) char *location = NULL;

	if (begin(c, digest, from, &location, e) < 0)
		return -1;
	*mounted = !location;
	if (location)
		give_up(c, location);
	return 0;
}

static int send_chunk(struct registry_conn *c, const struct upload *u, int64_t at, char **location,
		      struct err *e)
{
	struct part part = { u->fd, at, at, MIN(at + u->chunk, u->size), NULL };
	own(str) char *range = str_fmt("%lld-%lld", (long long)at, (long long)part.end - 1);
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = {
		.method = HTTP_PATCH,
		.content_type = "application/octet-stream",
		.content_range = range,
		.source = part_read,
		.source_ctx = &part,
		.send_size = part.end - at,
	};

	if (registry_call(c, *location, &q, part_rewind, &reply, e) < 0)
		return -1;
	if (reply.status != 202 && reply.status != 201 && reply.status != 204)
		return registry_status(c, &reply, e) < 0
			       ? -1
			       : err_set(e, ERR_REMOTE, "the registry does not take a chunk");
	if (reply.location)
		str_set(location, reply.location);
	return 0;
}

/* The last request: the bytes from at on, and the digest of all. */
static int finish(struct registry_conn *c, const struct upload *u, int64_t at, const char *location,
		  struct err *e)
{
	own(str) char *where =
		str_fmt("%s%cdigest=%s", location, strchr(location, '?') ? '&' : '?', u->digest);
	struct part part = { u->fd, at, at, u->size, NULL };
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = {
		.method = HTTP_PUT,
		.content_type = "application/octet-stream",
		.source = part_read,
		.source_ctx = &part,
		.send_size = u->size - at,
	};

	if (registry_call(c, where, &q, part_rewind, &reply, e) < 0)
		return -1;
	if (reply.status == 201 || reply.status == 204)
		return 0;
	return registry_status(c, &reply, e) < 0
		       ? -1
		       : err_set(e, ERR_REMOTE, "the registry does not take the blob");
}

int upload_blob(struct registry_conn *c, const struct upload *u, enum upload_how *how,
		struct err *e)
{
	own(str) char *location = NULL;
	int64_t at = 0;
	bool exists = false;

	if (upload_exists(c, u->digest, &exists, e) < 0)
		return -1;
	*how = UPLOAD_EXISTS;
	if (exists)
		return 0;
	if (begin(c, u->digest, u->mount_from, &location, e) < 0)
		return err_in(e, "blob %s", u->digest);
	*how = location ? UPLOAD_SENT : UPLOAD_MOUNTED;
	if (!location)
		return 0;
	for (; u->chunk && at < u->size; at += u->chunk)
		if (send_chunk(c, u, at, &location, e) < 0)
			return err_in(e, "blob %s", u->digest);
	return finish(c, u, MIN(at, u->size), location, e) < 0 ? err_in(e, "blob %s", u->digest)
							       : 0;
}

int upload_manifest(struct registry_conn *c, const char *version, const char *media_type,
		    const char *text, size_t n, const char *digest, struct err *e)
{
	own(str) char *where = str_fmt("manifests/%s", version);
	struct part part = { -1, 0, 0, (int64_t)n, text };
	own(http_reply) struct http_reply reply = { 0 };
	struct http_request q = {
		.method = HTTP_PUT,
		.content_type = media_type,
		.source = part_read,
		.source_ctx = &part,
		.send_size = (int64_t)n,
	};

	if (registry_call(c, where, &q, part_rewind, &reply, e) < 0)
		return -1;
	if (reply.status != 201 && reply.status != 200 && reply.status != 204)
		return registry_status(c, &reply, e) < 0
			       ? -1
			       : err_set(e, ERR_REMOTE, "the registry does not take the manifest");
	if (digest_valid(reply.digest) && strcmp(reply.digest, digest) != 0)
		return err_set(e, ERR_REMOTE, "the registry took another manifest: %s, not %s",
			       reply.digest, digest);
	return 0;
}
