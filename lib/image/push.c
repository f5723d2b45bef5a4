/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/push.h"

#include "base/fd.h"
#include "image/gc.h"
#include "image/local.h"
#include "image/upload.h"

#define CHUNK (256 << 10)

struct push {
	struct layout layout;
	struct layout_index index;
	struct ref ref;
	struct registry *registry;
	struct registry_conn *conn;
	struct manifest manifest;
	struct buf text;
	char *mount_from;
	const struct push_options *o;
};
static void push_release(struct push *p)
{
	registry_disconnect(p->conn);
	registry_close(p->registry);
	layout_close(&p->layout);
	layout_index_free(&p->index);
	ref_free(&p->ref);
	manifest_free(&p->manifest);
	buf_free(&p->text);
	free(p->mount_from);
}
OWNED_STRUCT(push, struct push, push_release)

static const char *const how_names[] = {
	[UPLOAD_EXISTS] = "exists",
	[UPLOAD_MOUNTED] = "mounted",
	[UPLOAD_SENT] = "sent",
};

/* True when the image behind the entry has a layer of ours. */
static bool shares(struct push *p, const struct layout_entry *en)
{
	own(manifest) struct manifest m = { 0 };
	struct err ignored;

	if (local_manifest(&p->layout, en->digest, en->media_type, &m, &ignored) < 0 || m.index)
		return false;
	for (size_t i = 0; i < m.n; i++)
		for (size_t k = 0; k < p->manifest.n; k++)
			if (str_eq(m.entries[i].digest, p->manifest.entries[k].digest))
				return true;
	return false;
}

/* Another repository of the same registry that an image here with a layer of ours is named after.
 */
static char *mount_source(struct push *p)
{
	for (size_t i = 0; i < p->index.n; i++) {
		const struct layout_entry *en = &p->index.v[i];
		own(ref) struct ref ref = { 0 };
		struct err ignored;

		if (!en->name || ref_parse(en->name, &ref, &ignored) < 0 ||
		    !str_eq(ref.domain, p->ref.domain) || str_eq(ref.path, p->ref.path) ||
		    !shares(p, en))
			continue;
		return xstrdup(ref.path);
	}
	return NULL;
}

/* What goes out must be what its digest says: whoever pulls it would only be told of a mismatch. */
static int check_blob(int fd, const char *digest, struct err *e)
{
	own(str) char *chunk = xmalloc(CHUNK);
	own(digest) struct digest *sum = NULL;
	char got[DIGEST_SIZE];
	ssize_t n;

	if (digest_new(&sum, e) < 0)
		return -1;
	while ((n = read_full(fd, chunk, CHUNK)) > 0)
		digest_update(sum, chunk, (size_t)n);
	if (n < 0)
		return err_sys(e, "read blob %s", digest);
	digest_final(sum, got);
	if (strcmp(got, digest) == 0)
		return 0;
	err_set(e, ERR_CORRUPT, "blob %s is damaged on disk", digest);
	return err_hint(e, "pull the image again");
}

static int push_blob(struct push *p, const struct descriptor *d, struct err *e)
{
	struct upload u = { d->digest, d->size, -1, p->mount_from, p->o->chunk };
	own(fd) int fd = layout_blob_open(&p->layout, d->digest, e);
	enum upload_how how;

	if (fd < 0 || check_blob(fd, d->digest, e) < 0)
		return -1;
	u.fd = fd;
	if (upload_blob(p->conn, &u, &how, e) < 0)
		return -1;
	if (p->o->progress)
		p->o->progress(p->o->ctx, d->digest, d->size, how_names[how]);
	return 0;
}

static int find(struct push *p, struct store *s, const char *key, const char *dest,
		char digest[DIGEST_SIZE], struct err *e)
{
	struct layout_entry *en;
	bool by_name;

	if (layout_open_writer(s, &p->layout, e) < 0 ||
	    layout_index_load(&p->layout, &p->index, e) < 0)
		return -1;
	en = local_find(&p->layout, &p->index, key, &by_name, e);
	if (!en)
		return -1;
	if (!dest && !by_name)
		return err_set(e, ERR_USAGE, "image %.200s: name where it is to go", key);
	if (ref_parse(dest ? dest : en->name, &p->ref, e) < 0)
		return -1;
	memcpy(digest, en->digest, DIGEST_SIZE);
	if (p->ref.digest && strcmp(p->ref.digest, digest) != 0)
		return err_set(e, ERR_USAGE, "%.200s: the digest of the image is %s",
			       dest ? dest : en->name, digest);
	if (layout_blob_load(&p->layout, digest, &p->text, e) < 0)
		return -1;
	return manifest_parse(p->text.s, p->text.len, en->media_type, &p->manifest, e);
}

static int send_all(struct push *p, const char *digest, struct err *e)
{
	struct registry_options o = p->o->to;

	p->mount_from = p->o->mount_from ? xstrdup(p->o->mount_from) : mount_source(p);
	o.push = true;
	o.mount_from = p->mount_from;
	if (registry_open(&p->ref, &o, &p->registry, e) < 0 ||
	    registry_connect(p->registry, &p->conn, e) < 0)
		return -1;
	for (size_t i = 0; i < p->manifest.n; i++)
		if (push_blob(p, &p->manifest.entries[i], e) < 0)
			return -1;
	if (push_blob(p, &p->manifest.config, e) < 0)
		return -1;
	return upload_manifest(p->conn, ref_version(&p->ref), p->manifest.media_type, p->text.s,
			       p->text.len, digest, e);
}

int image_push(struct store *s, const char *key, const char *dest, const struct push_options *o,
	       char digest[DIGEST_SIZE], struct err *e)
{
	own(push) struct push p = { .layout = LAYOUT_NONE, .o = o };
	struct err ignored;
	int ret;

	if (find(&p, s, key, dest, digest, e) < 0)
		return -1;
	ret = send_all(&p, digest, e);
	if (gc_noted(&p.layout)) { /* nothing was collected meanwhile */
		layout_close(&p.layout);
		image_gc(s, &ignored);
	}
	return ret < 0 ? err_in(e, "image %.200s", dest ? dest : key) : 0;
}
