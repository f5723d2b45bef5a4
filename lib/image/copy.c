/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/push.h"

#include <fcntl.h>

#include "base/fd.h"
#include "base/json.h"
#include "image/layout.h"
#include "image/manifest.h"
#include "image/upload.h"

#define DEPTH_MAX 3
#define BLOBS_MAX 100000
#define BLOB_SIZE_MAX (INT64_C(1) << 44)

/* Documents are not understood here but for what they refer to: artifacts are copied too. */
struct copy {
	struct store *store;
	const struct push_options *o;
	struct ref from, to;
	struct registry *source, *target;
	struct registry_conn *in, *out;
	const char *mount_from;
	struct strv done; /* digests */
};
static void copy_release(struct copy *c)
{
	registry_disconnect(c->in);
	registry_disconnect(c->out);
	registry_close(c->source);
	registry_close(c->target);
	ref_free(&c->from);
	ref_free(&c->to);
	strv_free(&c->done);
}
OWNED_STRUCT(copy, struct copy, copy_release)

/* A blob on its way through staging. */
struct spool {
	int fd;
	struct digest *digest;
};

static int spool_put(void *ctx, const void *p, size_t n, struct err *e)
{
	struct spool *s = ctx;

	digest_update(s->digest, p, n);
	return write_all(s->fd, p, n) < 0 ? err_sys(e, "write to staging") : 0;
}

static int fetch(struct copy *c, int fd, const char *digest, int64_t size, struct err *e)
{
	own(digest) struct digest *sum = NULL;
	struct spool spool = { fd, NULL };
	struct registry_sink sink = { spool_put, &spool };
	char got[DIGEST_SIZE];

	if (digest_new(&sum, e) < 0)
		return -1;
	spool.digest = sum;
	if (registry_blob(c->in, digest, size, 0, &sink, e) < 0)
		return -1;
	digest_final(sum, got);
	if (strcmp(got, digest) != 0)
		return err_set(e, ERR_REMOTE, "digest mismatch: blob %s has the digest %s", digest,
			       got);
	return 0;
}

static int send_blob(struct copy *c, const char *digest, int64_t size, enum upload_how *how,
		     struct err *e)
{
	struct upload u = { digest, size, -1, c->mount_from, c->o->chunk };
	struct staging st = STAGING_NONE;
	bool there = false;
	int ret = -1;

	*how = UPLOAD_EXISTS;
	if (upload_exists(c->out, digest, &there, e) < 0)
		return -1;
	if (there)
		return 0;
	*how = UPLOAD_MOUNTED;
	if (c->mount_from && upload_mount(c->out, digest, c->mount_from, &there, e) < 0)
		return -1;
	if (there)
		return 0;
	u.mount_from = NULL;
	if (staging_new(c->store, &st, e) < 0)
		return -1;
	u.fd = openat(st.dir, "blob", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (u.fd < 0)
		err_sys(e, "make a file in staging");
	else if (fetch(c, u.fd, digest, size, e) == 0)
		ret = upload_blob(c->out, &u, how, e);
	fd_drop(&u.fd);
	staging_drop(c->store, &st);
	return ret;
}

static int copy_blob(struct copy *c, struct json_object *j, struct err *e)
{
	const char *digest = json_get_str(j, "digest");
	struct json_object *size = json_get(j, "size", json_type_int);
	int64_t n = json_object_get_int64(size);
	enum upload_how how;
	static const char *const names[] = { "exists", "mounted", "sent" };

	if (digest_check(digest, e) < 0)
		return -1;
	if (!size || n < 0 || n > BLOB_SIZE_MAX)
		return err_set(e, ERR_REMOTE, "%s has an impossible size", digest);
	if (strv_has(&c->done, digest))
		return 0;
	if (send_blob(c, digest, n, &how, e) < 0)
		return -1;
	strv_add(&c->done, digest);
	if (c->o->progress)
		c->o->progress(c->o->ctx, digest, n, names[how]);
	return 0;
}

static int copy_blobs(struct copy *c, struct json_object *list, struct err *e)
{
	if (!list)
		return 0;
	if (json_object_array_length(list) > BLOBS_MAX)
		return err_set(e, ERR_REMOTE, "too many layers");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (copy_blob(c, json_object_array_get_idx(list, i), e) < 0)
			return -1;
	return 0;
}

static int copy_manifest(struct copy *c, const char *version, const char *as, int depth,
			 char digest[DIGEST_SIZE], struct err *e);

static int copy_children(struct copy *c, struct json_object *list, int depth, struct err *e)
{
	if (list && json_object_array_length(list) > BLOBS_MAX)
		return err_set(e, ERR_REMOTE, "too many manifests");
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *d = json_get_str(json_object_array_get_idx(list, i), "digest");
		char digest[DIGEST_SIZE];

		if (digest_check(d, e) < 0 ||
		    (!strv_has(&c->done, d) && copy_manifest(c, d, d, depth + 1, digest, e) < 0))
			return -1;
	}
	return 0;
}

/* The one of an index that is wanted; NULL with *e. */
static char *choose(struct copy *c, const struct buf *text, const char *type, struct err *e)
{
	own(manifest) struct manifest m = { 0 };
	const struct descriptor *d;
	struct platform want;

	if (platform_parse(c->o->platform, &want, e) < 0 ||
	    manifest_parse(text->s, text->len, type, &m, e) < 0)
		return NULL;
	d = manifest_choose(&m, &want, e);
	return d ? xstrdup(d->digest) : NULL;
}

/* Children first: a registry takes no manifest whose blobs it lacks. */
static int copy_manifest(struct copy *c, const char *version, const char *as, int depth,
			 char digest[DIGEST_SIZE], struct err *e)
{
	own(buf) struct buf text = { 0 };
	own(str) char *type = NULL, *only = NULL;
	own(json) struct json_object *j = NULL;
	struct json_object *config, *manifests;
	const char *media;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_REMOTE, "indexes within indexes, more than %d deep",
			       DEPTH_MAX);
	if (registry_manifest(c->in, version, &text, digest, &type, e) < 0)
		return -1;
	j = json_parse("manifest", text.s ? text.s : "", text.len, e);
	if (!j)
		return -1;
	manifests = json_get(j, "manifests", json_type_array);
	if (manifests && c->o->platform) {
		only = choose(c, &text, type, e);
		return only ? copy_manifest(c, only, as, depth + 1, digest, e) : -1;
	}
	config = json_get(j, "config", json_type_object);
	if ((config && copy_blob(c, config, e) < 0) ||
	    copy_blobs(c, json_get(j, "layers", json_type_array), e) < 0 ||
	    copy_children(c, manifests, depth, e) < 0)
		return -1;
	media = json_get_str(j, "mediaType");
	if (upload_manifest(c->out, as, media ? media : type, text.s, text.len, digest, e) < 0)
		return -1;
	strv_add(&c->done, digest);
	return 0;
}

static int connect(struct copy *c, struct err *e)
{
	struct registry_options to = c->o->to;

	to.push = true;
	c->mount_from = c->o->mount_from;
	if (!c->mount_from && str_eq(c->from.domain, c->to.domain) &&
	    !str_eq(c->from.path, c->to.path))
		c->mount_from = c->from.path;
	to.mount_from = c->mount_from;
	if (registry_open(&c->from, &c->o->from, &c->source, e) < 0 ||
	    registry_connect(c->source, &c->in, e) < 0)
		return err_in(e, "source");
	if (registry_open(&c->to, &to, &c->target, e) < 0 ||
	    registry_connect(c->target, &c->out, e) < 0)
		return err_in(e, "destination");
	return 0;
}

int image_copy(struct store *s, const char *source, const char *dest, const struct push_options *o,
	       char digest[DIGEST_SIZE], struct err *e)
{
	own(copy) struct copy c = { .store = s, .o = o };

	if (ref_parse(source, &c.from, e) < 0 || ref_parse(dest, &c.to, e) < 0)
		return -1;
	if (connect(&c, e) < 0 ||
	    copy_manifest(&c, ref_version(&c.from), ref_version(&c.to), 0, digest, e) < 0)
		return err_in(e, "copy %.150s", source);
	return 0;
}
