/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/image.h"

#include <stdatomic.h>
#include <string.h>

#include "image/config.h"
#include "image/fetch.h"
#include "image/gc.h"
#include "image/local.h"
#include "image/ref.h"
#include "image/registry.h"
#include "image/settle.h"

#define INDEX_DEPTH 3

struct pull {
	struct store *s;
	const struct image_pull_options *o;
	struct ref ref;
	char *name; /* the whole normalised one */
	struct platform want;
	struct layout layout;
	struct registry *registry;
	struct registry_conn *conn;
	atomic_bool cancel;
	/* what the registry has */
	char source[DIGEST_SIZE], digest[DIGEST_SIZE];
	struct manifest manifest;
	struct buf manifest_text, config_text;
	struct image image, *out;
	struct strv keep; /* of a pull that was interrupted: see gc_guard() */
};

static void pull_free(struct pull *p)
{
	registry_disconnect(p->conn);
	registry_close(p->registry);
	layout_close(&p->layout);
	ref_free(&p->ref);
	free(p->name);
	manifest_free(&p->manifest);
	buf_free(&p->manifest_text);
	buf_free(&p->config_text);
	image_free(&p->image);
	strv_free(&p->keep);
}
OWNED_STRUCT(pull, struct pull, pull_free)

static struct platform platform_of(const struct image *i)
{
	struct platform p = { 0 };

	snprintf(p.os, sizeof(p.os), "%s", i->os);
	snprintf(p.arch, sizeof(p.arch), "%s", i->architecture);
	snprintf(p.variant, sizeof(p.variant), "%s", i->variant ? i->variant : "");
	return p;
}

static bool is_whole(struct layout *l, const struct manifest *m, const struct image *i)
{
	for (size_t k = 0; k < m->n; k++)
		if (!layout_layer_exists(l, i->layers.v[k]) ||
		    !layout_blob_exists(l, m->entries[k].digest, m->entries[k].size))
			return false;
	return true;
}

/* True when the name is here with all that belongs to it, for the platform wanted. */
static bool load_local(struct pull *p, char source[DIGEST_SIZE], struct image *out)
{
	own(layout_index) struct layout_index x = { 0 };
	own(manifest) struct manifest m = { 0 };
	struct layout_entry *en;
	struct platform have;
	struct err ignored; /* whatever is wrong with it, pulling mends it */

	if (layout_index_load(&p->layout, &x, &ignored) < 0)
		return false;
	en = layout_index_find(&x, p->name);
	if (!en || local_manifest(&p->layout, en->digest, en->media_type, &m, &ignored) < 0 ||
	    local_image(&p->layout, &x, en, out, &ignored) < 0)
		return false;
	memcpy(source, en->source, DIGEST_SIZE);
	have = platform_of(out);
	return is_whole(&p->layout, &m, out) && platform_match(&p->want, &have);
}

/* Not before it is needed: this loads libcurl. */
static int connect_once(struct pull *p, struct err *e)
{
	return p->conn ? 0 : registry_connect(p->registry, &p->conn, e);
}

/* 1: it is here and up to date, and *out is it; 0: to be pulled. */
static int up_to_date(struct pull *p, struct image *out, struct err *e)
{
	own(image) struct image i = { 0 };
	char here[DIGEST_SIZE] = "", there[DIGEST_SIZE];

	if (!load_local(p, here, &i))
		return 0;
	/* What a digest names does not change. */
	if (p->o->always && !p->ref.digest) {
		if (connect_once(p, e) < 0 || registry_head(p->conn, p->ref.tag, there, e) < 0)
			return -1;
		if (strcmp(here, there) != 0)
			return 0;
	}
	*out = i;
	i = (struct image){ 0 };
	return 1;
}

/* From name to manifest, through indexes. */
static int resolve(struct pull *p, struct err *e)
{
	own(str) char *version = xstrdup(ref_version(&p->ref));
	int64_t size = -1;

	for (int depth = 0; depth <= INDEX_DEPTH; depth++) {
		own(str) char *type = NULL;
		const struct descriptor *d;

		buf_free(&p->manifest_text);
		manifest_free(&p->manifest);
		if (registry_manifest(p->conn, version, &p->manifest_text, p->digest, &type, e) < 0)
			return -1;
		if (size >= 0 && (int64_t)p->manifest_text.len != size)
			return err_set(e, ERR_REMOTE,
				       "manifest %s has %zu bytes, its index says %lld", version,
				       p->manifest_text.len, (long long)size);
		if (!p->source[0])
			memcpy(p->source, p->digest, DIGEST_SIZE);
		if (manifest_parse(p->manifest_text.s ? p->manifest_text.s : "",
				   p->manifest_text.len, type, &p->manifest, e) < 0)
			return -1;
		if (!p->manifest.index)
			return 0;
		d = manifest_choose(&p->manifest, &p->want, e);
		if (!d)
			return -1;
		str_set(&version, d->digest);
		size = d->size;
	}
	return err_set(e, ERR_REMOTE, "indexes within indexes, more than %d deep", INDEX_DEPTH);
}

static int sink_config(void *ctx, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_addn(ctx, p, n);
	return 0;
}

static int get_config(struct pull *p, struct err *e)
{
	const struct descriptor *d = &p->manifest.config;
	struct registry_sink sink = { .put = sink_config, .ctx = &p->config_text };
	char digest[DIGEST_SIZE];
	struct platform have;
	char text[100];

	if (d->size > LAYOUT_DOCUMENT_MAX)
		return err_set(e, ERR_REMOTE, "the image configuration is larger than 4 MiB");
	/* Ours may have gone bad on disk: the digest is looked at in any case. */
	if (!layout_blob_exists(&p->layout, d->digest, d->size) ||
	    layout_blob_load(&p->layout, d->digest, &p->config_text, e) < 0 ||
	    digest_of(p->config_text.s, p->config_text.len, digest, e) < 0 ||
	    strcmp(digest, d->digest) != 0) {
		buf_free(&p->config_text);
		if (registry_blob(p->conn, d->digest, d->size, 0, &sink, e) < 0)
			return -1;
	}
	if (digest_of(p->config_text.s ? p->config_text.s : "", p->config_text.len, digest, e) < 0)
		return -1;
	if (strcmp(digest, d->digest) != 0)
		return err_set(e, ERR_REMOTE, "digest mismatch: blob %s has the digest %s",
			       d->digest, digest);
	if (config_parse_for(&p->manifest, p->config_text.s ? p->config_text.s : "",
			     p->config_text.len, &p->image, e) < 0)
		return -1;
	have = platform_of(&p->image);
	if (platform_match(&p->want, &have))
		return 0;
	platform_format(&have, text, sizeof(text));
	err_set(e, ERR_REMOTE, "the image is for %s", text);
	return err_hint(e, "to have it all the same, use --platform %s", text);
}

static int store_documents(struct pull *p, struct err *e)
{
	struct layout_naming want = {
		.name = p->name,
		.media_type = p->manifest.media_type,
		.digest = p->digest,
		.source = p->source,
		.size = (int64_t)p->manifest_text.len,
	};
	char digest[DIGEST_SIZE];

	if (layout_blob_add(&p->layout, p->config_text.s ? p->config_text.s : "",
			    p->config_text.len, digest, e) < 0 ||
	    layout_blob_add(&p->layout, p->manifest_text.s, p->manifest_text.len, digest, e) < 0)
		return -1;
	return settle_commit(p->s, &p->layout, &want, e);
}

static int download(void *ctx, struct err *e)
{
	struct pull *p = ctx;
	struct fetch f = {
		.s = p->s,
		.l = &p->layout,
		.r = p->registry,
		.limits = p->o->limits,
		.cancel = &p->cancel,
	};
	own(layout_index) struct layout_index x = { 0 };
	struct layout_entry *en;

	if (resolve(p, e) < 0 || get_config(p, e) < 0)
		return -1;
	if (fetch_layers(&f, &p->manifest, &p->image.layers, p->o, e) < 0) {
		/* What the disk could not take is given back. */
		if (!e->sys && registry_interrupted(p->registry))
			fetch_keep(&p->manifest, &p->image.layers, &p->keep);
		return -1;
	}
	if (store_documents(p, e) < 0 || layout_index_load(&p->layout, &x, e) < 0)
		return -1;
	en = layout_index_find(&x, p->name);
	if (!en) /* removed at once by somebody */
		return err_set(e, ERR_NOT_FOUND, "it has been removed");
	return local_image(&p->layout, &x, en, p->out, e);
}

/* The image is there; the disk is not waited for, unless that is asked for. */
static int finish(struct pull *p, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;

	if (layout_open(p->s, &l, e) < 0)
		return -1;
	if (p->o->sync)
		return settle(p->s, &l, e);
	settle_later(p->s, &l);
	return 0;
}

static int pull_open(struct pull *p, const char *ref, struct err *e)
{
	struct registry_options o = p->o->registry;

	o.cancel = &p->cancel;
	if (ref_parse(ref, &p->ref, e) < 0 || platform_parse(p->o->platform, &p->want, e) < 0)
		return -1;
	p->name = ref_format(&p->ref);
	if (layout_open_writer(p->s, &p->layout, e) < 0 ||
	    registry_open(&p->ref, &o, &p->registry, e) < 0)
		return -1;
	return 0;
}

int image_pull(struct store *s, const char *ref, const struct image_pull_options *o,
	       struct image *out, struct err *e)
{
	own(pull) struct pull p = { .s = s, .o = o, .layout = LAYOUT_NONE, .out = out };
	int ret;

	*out = (struct image){ 0 };
	if (pull_open(&p, ref, e) < 0)
		return -1;
	ret = up_to_date(&p, out, e);
	if (ret == 0)
		ret = connect_once(&p, e) < 0 ? -1
					      : gc_guard(s, &p.layout, download, &p, &p.keep, e);
	if (ret == 0)
		image_event(s, "pulled", out->id, p.name);
	if (ret >= 0)
		ret = finish(&p, e);
	return ret < 0 ? err_in(e, "image %.200s", ref) : 0;
}
