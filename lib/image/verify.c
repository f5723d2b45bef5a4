/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "image/tree_compare.h"
#include "image/verify_impl.h"

#define PROBLEMS_MAX 1000

void verify_report_free(struct verify_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].path);
		free(r->v[i].text);
	}
	free(r->v);
	free(r->name);
	free(r->digest);
	free(r->unrepaired);
	*r = (struct verify_report){ 0 };
}

static void verify_free(struct verify *v)
{
	layout_close(&v->layout);
	layout_index_free(&v->index);
	manifest_free(&v->manifest);
	image_free(&v->image);
}
OWNED_STRUCT(verify, struct verify, verify_free)

bool verify_found(const struct verify_report *r, const char *kind, const char *digest)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->v[i].kind, kind) && str_eq(r->v[i].digest, digest))
			return true;
	return false;
}

static void problem(struct verify_report *r, const char *kind, const char *digest, const char *path,
		    const char *text)
{
	struct verify_problem *p;

	if (r->n == PROBLEMS_MAX) {
		r->more++;
		return;
	}
	r->v = xgrow(r->v, r->n, sizeof(*r->v));
	p = &r->v[r->n++];
	*p = (struct verify_problem){ .kind = kind, .path = xstrdup(path), .text = xstrdup(text) };
	snprintf(p->digest, sizeof(p->digest), "%s", digest);
}

/* What can be said of a blob without reading it; NULL: nothing. */
static const char *blob_fault(struct layout *l, const char *digest, int64_t size)
{
	struct stat st;

	if (fstatat(l->blobs, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? "it is missing" : "it cannot be looked at";
	if (!S_ISREG(st.st_mode))
		return "it is not a file";
	return st.st_size == size ? NULL : "it has another size";
}

/* A manifest or a configuration; true when text is what it should be. */
static bool check_document(struct verify *v, struct verify_report *r, const char *digest,
			   int64_t size, struct buf *text)
{
	const char *fault = blob_fault(&v->layout, digest, size);
	char got[DIGEST_SIZE];
	struct err e;

	if (!fault && (layout_blob_load(&v->layout, digest, text, &e) < 0 ||
		       digest_of(text->s ? text->s : "", text->len, got, &e) < 0))
		fault = "it cannot be read";
	if (!fault && strcmp(got, digest) != 0)
		fault = "its bytes have another digest";
	if (fault)
		problem(r, "blob", digest, NULL, fault);
	return !fault;
}

struct tell {
	struct verify_report *r;
	const char *diff_id;
};

static void tell(void *ctx, const char *path, const char *how)
{
	struct tell *t = ctx;

	problem(t->r, "layer", t->diff_id, path, how);
}

/* The layer that is there, against a fresh one. */
static int check_tree(struct verify *v, struct verify_report *r, const char *diff_id, int fresh,
		      struct err *e)
{
	own(fd) int dir = openat(v->layout.layers, digest_hex(diff_id),
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	own(fd) int tree = -1;
	struct tell t = { r, diff_id };

	if (dir < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_sys(e, "open layer %s", diff_id);
	if (dir < 0) {
		problem(r, "layer", diff_id, NULL,
			errno == ENOENT ? "it is missing" : "it is not a directory");
		return 0;
	}
	if (!layout_layer_exists(&v->layout, diff_id)) {
		problem(r, "layer", diff_id, NULL, "it is not marked as complete");
		return 0;
	}
	tree = openat(dir, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0) {
		problem(r, "layer", diff_id, ".",
			errno == ENOENT ? "it is missing" : "it is not a directory");
		return 0;
	}
	return tree_compare(fresh, tree, tell, &t, e) < 0 ? err_in(e, "layer %s", diff_id) : 0;
}

static int check_unpacked(struct verify *v, struct verify_report *r, const struct descriptor *d,
			  const char *diff_id, int fresh, struct err *e)
{
	char got[DIGEST_SIZE] = "";
	struct err why;
	int unpacks = fetch_again(&v->fetch, d, diff_id, fresh, got, &why, e);

	if (unpacks < 0 && e->sys == EIO) {
		problem(r, "blob", d->digest, NULL, "it cannot be read");
		return 0;
	}
	if (unpacks < 0)
		return -1;
	if (strcmp(got, d->digest) != 0) {
		problem(r, "blob", d->digest, NULL, "its bytes have another digest");
		return 0;
	}
	if (!unpacks) {
		problem(r, "layer", diff_id, NULL, why.msg);
		return 0;
	}
	return check_tree(v, r, diff_id, fresh, e);
}

static int check_layer(struct verify *v, struct verify_report *r, const struct descriptor *d,
		       const char *diff_id, struct err *e)
{
	own(str) char *known = str_fmt("%s %s", d->digest, diff_id);
	const char *fault = blob_fault(&v->layout, d->digest, d->size);
	struct staging st = STAGING_NONE;
	own(fd) int fresh = -1;
	size_t before = r->n;
	int ret;

	if (strv_has(v->o->known, known))
		return 0;
	if (fault) {
		problem(r, "blob", d->digest, NULL, fault);
		return 0;
	}
	ret = fetch_staging(&v->fetch, &st, &fresh, e);
	if (ret == 0)
		ret = check_unpacked(v, r, d, diff_id, fresh, e);
	staging_drop(v->s, &st);
	if (ret == 0 && r->n == before)
		strv_add(v->o->known, known);
	return ret;
}

int verify_once(struct verify *v, struct verify_report *r, struct err *e)
{
	own(buf) struct buf manifest = { 0 }, config = { 0 };
	const struct layout_entry *en = v->entry;

	manifest_free(&v->manifest);
	image_free(&v->image);
	r->digest = xstrdup(en->digest);
	if (!check_document(v, r, en->digest, en->size, &manifest))
		return 0;
	if (manifest_parse(manifest.s ? manifest.s : "", manifest.len, en->media_type, &v->manifest,
			   e) < 0)
		return err_in(e, "manifest %s", en->digest);
	if (v->manifest.index)
		return err_set(e, ERR_CORRUPT, "%s is an index, not an image", en->digest);
	if (!check_document(v, r, v->manifest.config.digest, v->manifest.config.size, &config))
		return 0;
	if (config_parse_for(&v->manifest, config.s ? config.s : "", config.len, &v->image, e) < 0)
		return err_in(e, "configuration %s", v->manifest.config.digest);
	for (size_t i = 0; i < v->manifest.n; i++)
		if (check_layer(v, r, &v->manifest.entries[i], v->image.layers.v[i], e) < 0)
			return -1;
	return 0;
}

static const struct layout_entry *find(struct verify *v, const char *key, struct err *e)
{
	const struct layout_index *x = &v->index;
	bool by_name;

	for (size_t i = 0; i < x->n; i++)
		if (digest_valid(key) && strcmp(x->v[i].digest, key) == 0)
			return &x->v[i];
	return local_find(&v->layout, &v->index, key, &by_name, e);
}

/* The name that says where it is from: any that the manifest has. */
static const char *name_of(const struct verify *v)
{
	if (v->entry->name)
		return v->entry->name;
	for (size_t i = 0; i < v->index.n; i++)
		if (v->index.v[i].name && strcmp(v->index.v[i].digest, v->entry->digest) == 0)
			return v->index.v[i].name;
	return NULL;
}

int image_verify(struct store *s, const char *key, const struct verify_options *o,
		 struct verify_report *out, struct err *e)
{
	own(verify) struct verify v = { .s = s, .o = o, .layout = LAYOUT_NONE };
	int ret;

	*out = (struct verify_report){ 0 };
	/* As a writer: nothing is collected under our eyes. */
	if (layout_open_writer(s, &v.layout, e) < 0 ||
	    layout_index_load(&v.layout, &v.index, e) < 0)
		return -1;
	v.entry = find(&v, key, e);
	if (!v.entry)
		return -1;
	v.fetch =
		(struct fetch){ .s = s, .l = &v.layout, .limits = o->limits, .cancel = &v.cancel };
	pthread_mutex_init(&v.fetch.mutex, NULL);
	v.name = name_of(&v);
	ret = verify_once(&v, out, e);
	str_set(&out->name, v.name);
	if (ret == 0 && out->n && o->repair)
		ret = verify_repair(&v, out, e);
	pthread_mutex_destroy(&v.fetch.mutex);
	out->whole = true;
	for (size_t i = 0; i < out->n; i++)
		out->whole = out->whole && out->v[i].repaired;
	return ret < 0 ? err_in(e, "image %.200s", key) : 0;
}

int image_verify_keys(struct store *s, struct strv *keys, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	own(layout_index) struct layout_index x = { 0 };
	own(strv) struct strv seen = { 0 };

	if (layout_open(s, &l, e) < 0 || layout_index_load(&l, &x, e) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++) {
		if (!x.v[i].digest[0] || strv_has(&seen, x.v[i].digest))
			continue;
		strv_add(&seen, x.v[i].digest);
		strv_add(keys, x.v[i].digest);
	}
	return 0;
}
