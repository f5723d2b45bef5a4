/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/verify_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "image/ref.h"
#include "image/registry.h"

/* Only the first reason is kept: the others mostly follow from it. */
static void cannot(struct verify_report *r, const char *reason)
{
	if (!r->unrepaired)
		r->unrepaired = xstrdup(reason);
}

static int forget_blob(struct verify *v, const char *digest, struct err *e)
{
	if (unlinkat(v->layout.blobs, digest_hex(digest), 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove blob %s", digest);
	return 0;
}

/* --- documents --- */

static int sink_buf(void *ctx, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_addn(ctx, p, n);
	return 0;
}

static int fetch_document(struct verify *v, struct registry_conn *conn, const char *digest,
			  int64_t size, bool manifest, struct err *e)
{
	own(buf) struct buf text = { 0 };
	struct registry_sink sink = { .put = sink_buf, .ctx = &text };
	own(str) char *type = NULL;
	char got[DIGEST_SIZE];

	if (size > LAYOUT_DOCUMENT_MAX)
		return err_set(e, ERR_REMOTE, "blob %s is larger than 4 MiB", digest);
	if ((manifest ? registry_manifest(conn, digest, &text, got, &type, e)
		      : registry_blob(conn, digest, size, 0, &sink, e)) < 0 ||
	    digest_of(text.s ? text.s : "", text.len, got, e) < 0)
		return -1;
	if (strcmp(got, digest) != 0)
		return err_set(e, ERR_REMOTE, "digest mismatch: blob %s has the digest %s", digest,
			       got);
	if (forget_blob(v, digest, e) < 0)
		return -1;
	return layout_blob_add(&v->layout, text.s ? text.s : "", text.len, got, e);
}

/* The manifest says which the configuration is, and both together which the layers are. */
static int repair_documents(struct verify *v, struct verify_report *now, struct registry *registry,
			    struct err *e)
{
	own(registry_conn) struct registry_conn *conn = NULL;
	const struct descriptor *config = &v->manifest.config;

	if (!verify_found(now, "blob", v->entry->digest) &&
	    !verify_found(now, "blob", config->digest))
		return 0;
	if (registry_connect(registry, &conn, e) < 0)
		return -1;
	if (verify_found(now, "blob", v->entry->digest))
		return fetch_document(v, conn, v->entry->digest, v->entry->size, true, e);
	return fetch_document(v, conn, config->digest, config->size, false, e);
}

/* --- layers and their blobs --- */

/* Makes those anew that were removed: fetch_layers() leaves alone what is here. */
static int fetch_missing(struct verify *v, struct registry *registry, const struct manifest *some,
			 const struct strv *diff_ids, struct err *e)
{
	struct fetch f = v->fetch;
	struct image_pull_options quiet = { .quiet = true };

	f.r = registry;
	atomic_store(&v->cancel, false);
	return fetch_layers(&f, some, diff_ids, &quiet, e);
}

static int repair_blobs(struct verify *v, struct verify_report *now, struct registry *registry,
			struct err *e)
{
	struct manifest some = { .entries = xcalloc(v->manifest.n + 1, sizeof(*some.entries)) };
	own(strv) struct strv diff_ids = { 0 };
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < v->image.layers.n; i++) {
		if (!verify_found(now, "blob", v->manifest.entries[i].digest))
			continue;
		some.entries[some.n++] = v->manifest.entries[i];
		strv_add(&diff_ids, v->image.layers.v[i]);
		ret = forget_blob(v, v->manifest.entries[i].digest, e);
	}
	if (ret == 0)
		ret = fetch_missing(v, registry, &some, &diff_ids, e);
	free(some.entries); /* they point into v->manifest */
	return ret;
}

static int repair_layers(struct verify *v, struct verify_report *now, struct verify_report *r,
			 struct err *e)
{
	struct manifest some = { .entries = xcalloc(v->manifest.n + 1, sizeof(*some.entries)) };
	own(strv) struct strv diff_ids = { 0 };
	own(strmap) struct strmap running = { 0 };
	int ret = image_layers_running ? image_layers_running(v->s, &running, e) : 0;

	for (size_t i = 0; ret == 0 && i < v->image.layers.n; i++) {
		const char *id = v->image.layers.v[i], *user = strmap_get(&running, id);

		if (!verify_found(now, "layer", id))
			continue;
		if (user) {
			own(str) char *why =
				str_fmt("layer %s: %s runs with it; stop it first", id, user);

			cannot(r, why);
			continue;
		}
		some.entries[some.n++] = v->manifest.entries[i];
		strv_add(&diff_ids, id);
		ret = layout_layer_distrust(&v->layout, id, e);
	}
	if (ret == 0)
		ret = fetch_missing(v, NULL, &some, &diff_ids, e);
	if (ret == 0)
		ret = layout_sync(&v->layout, &diff_ids, e);
	free(some.entries);
	return ret;
}

/* --- rounds --- */

static bool has(const struct verify_report *r, const struct verify_problem *p)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->v[i].kind, p->kind) && str_eq(r->v[i].digest, p->digest) &&
		    str_eq(r->v[i].path, p->path))
			return true;
	return false;
}

/* What now knows comes to what r knew; what now does not know any more is repaired. */
static void merge(struct verify_report *r, struct verify_report *now)
{
	for (size_t i = 0; i < r->n; i++)
		r->v[i].repaired = !has(now, &r->v[i]);
	for (size_t i = 0; i < now->n; i++) {
		if (has(r, &now->v[i]))
			continue;
		r->v = xgrow(r->v, r->n, sizeof(*r->v));
		r->v[r->n++] = now->v[i];
		now->v[i].path = now->v[i].text = NULL; /* r's now */
	}
	r->more += now->more;
}

/* One after the other, as each shows more: the manifest, the configuration, blobs, layers. */
static int repair_round(struct verify *v, struct verify_report *now, struct verify_report *r,
			struct registry *registry, struct err *e)
{
	bool blobs = false;

	for (size_t i = 0; i < now->n; i++)
		blobs = blobs || str_eq(now->v[i].kind, "blob");
	if (!blobs)
		return repair_layers(v, now, r, e);
	if (!v->name)
		return err_set(e, ERR_STATE,
			       "it has no name that says which registry has its blobs; load or "
			       "pull it again");
	if (v->image.layers.n == 0)
		return repair_documents(v, now, registry, e);
	return repair_blobs(v, now, registry, e);
}

int verify_repair(struct verify *v, struct verify_report *r, struct err *e)
{
	struct registry_options o = v->o->registry;
	own(registry) struct registry *registry = NULL;
	own(ref) struct ref ref = { 0 };
	struct err why;
	int ret = 0;

	o.cancel = &v->cancel;
	if (v->name &&
	    (ref_parse(v->name, &ref, e) < 0 || registry_open(&ref, &o, &registry, e) < 0))
		return -1;
	for (int round = 0; ret == 0 && round < 4 && !r->unrepaired; round++) {
		own(verify_report) struct verify_report now = { 0 };

		if (verify_once(v, &now, e) < 0)
			return -1;
		merge(r, &now);
		if (now.n == 0)
			return 0;
		if (repair_round(v, &now, r, registry, &why) < 0)
			cannot(r, why.msg);
	}
	own(verify_report) struct verify_report last = { 0 };

	if (verify_once(v, &last, e) < 0)
		return -1;
	merge(r, &last);
	return 0;
}
