/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/archive.h"

#include <fcntl.h>

#include "base/fd.h"
#include "image/archive_files.h"
#include "image/config.h"
#include "image/documents.h"
#include "image/fetch.h"
#include "image/gc.h"
#include "image/local.h"
#include "image/manifest.h"
#include "image/ref.h"

#define INDEX_DEPTH 3
#define IMAGES_MAX 1000
#define LAYERS_MAX 5000 /* as manifest_parse() has it */

struct load {
	struct store *store;
	struct layout layout;
	struct archive archive;
	const struct image_load_options *o;
	struct platform want;
	struct strv *loaded;
	atomic_bool cancel;
};
static void load_release(struct load *l)
{
	archive_close(&l->archive);
	layout_close(&l->layout);
}
OWNED_STRUCT(load, struct load, load_release)

/* One image: its documents. */
struct one {
	struct manifest manifest;
	struct image image;
	struct buf text, config;
	char digest[DIGEST_SIZE];
};
static void one_release(struct one *x)
{
	manifest_free(&x->manifest);
	image_free(&x->image);
	buf_free(&x->text);
	buf_free(&x->config);
}
OWNED_STRUCT(one, struct one, one_release)

/* --- blobs --- */

/* The verified copy goes to its place among the blobs, over one of ours that may have gone bad. */
static int take_file(struct load *l, struct archive_file *f, const char *digest, int64_t size,
		     struct err *e)
{
	if (strcmp(f->digest, digest) != 0)
		return err_set(e, ERR_CORRUPT, "digest mismatch: blob %s has the digest %s", digest,
			       f->digest);
	if (f->size != size)
		return err_set(e, ERR_CORRUPT, "blob %s has %lld bytes, not %lld", digest,
			       (long long)f->size, (long long)size);
	if (f->taken && layout_blob_exists(&l->layout, digest, size))
		return 0;
	if (f->taken)
		return err_set(e, ERR_CORRUPT, "blob %s has disappeared", digest);
	if (layout_blob_take(&l->layout, l->archive.staging.dir, f->copy, digest, e) < 0)
		return -1;
	f->taken = true;
	return 0;
}

static struct archive_file *find_blob(struct load *l, const char *digest, struct err *e)
{
	own(str) char *path = str_fmt("blobs/sha256/%s", digest_hex(digest));

	return archive_find(&l->archive, path, e);
}

/* A document by its digest: from the archive, or from the layout if it was taken there already. */
static int load_document(struct load *l, const char *digest, int64_t size, struct buf *out,
			 struct err *e)
{
	struct archive_file *f = find_blob(l, digest, e);

	if (!f)
		return -1;
	if (size > LAYOUT_DOCUMENT_MAX)
		return err_set(e, ERR_CORRUPT, "blob %s: larger than 4 MiB", digest);
	if (take_file(l, f, digest, size, e) < 0)
		return -1;
	return layout_blob_load(&l->layout, digest, out, e);
}

/* --- an image whose blobs are all in the layout --- */

static int name_of(const struct load *l, const char *given, char **out, struct err *e)
{
	own(ref) struct ref ref = { 0 };

	if (l->o->name)
		given = l->o->name;
	if (!given)
		return 0;
	if (ref_parse(given, &ref, e) < 0)
		return -1;
	if (ref.digest)
		return err_set(e, ERR_USAGE, "%.200s: a name for an image has no digest", given);
	*out = ref_format(&ref);
	return 0;
}

static int commit(struct load *l, struct one *x, const struct strv *names, struct err *e)
{
	struct layout_naming want = {
		.media_type = x->manifest.media_type,
		.digest = x->digest,
		.size = (int64_t)x->text.len,
	};
	struct fetch f = {
		.s = l->store, .l = &l->layout, .limits = l->o->limits, .cancel = &l->cancel
	};
	struct image_pull_options quiet = { .quiet = true };
	size_t n = l->o->name || !names->n ? 1 : names->n;

	if (fetch_layers(&f, &x->manifest, &x->image.layers, &quiet, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		own(str) char *name = NULL;

		if (name_of(l, names->n ? names->v[i] : NULL, &name, e) < 0)
			return -1;
		want.name = name;
		if (layout_commit(l->store, &l->layout, &want, &x->image.layers, e) < 0)
			return -1;
		strv_add(l->loaded, name ? name : x->image.id);
		image_event(l->store, "loaded", x->image.id, name);
	}
	return 0;
}

/* --- OCI --- */

static int take_layers(struct load *l, const struct manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct descriptor *d = &m->entries[i];
		struct archive_file *f = find_blob(l, d->digest, e);

		if (!f || take_file(l, f, d->digest, d->size, e) < 0)
			return err_in(e, "layer %zu", i + 1);
	}
	return 0;
}

/* The manifest for the platform wanted, of what an entry of index.json names. */
static int resolve(struct load *l, const struct descriptor *entry, struct one *x, struct err *e)
{
	own(str) char *type = xstrdup(entry->media_type);
	int64_t size = entry->size;

	memcpy(x->digest, entry->digest, DIGEST_SIZE);
	for (int depth = 0; depth <= INDEX_DEPTH; depth++) {
		const struct descriptor *d;

		buf_free(&x->text);
		manifest_free(&x->manifest);
		if (load_document(l, x->digest, size, &x->text, e) < 0 ||
		    manifest_parse(x->text.s ? x->text.s : "", x->text.len, type, &x->manifest, e) <
			    0)
			return -1;
		if (!x->manifest.index)
			return 0;
		d = manifest_choose(&x->manifest, &l->want, e);
		if (!d)
			return -1;
		memcpy(x->digest, d->digest, DIGEST_SIZE);
		str_set(&type, d->media_type);
		size = d->size;
	}
	return err_set(e, ERR_CORRUPT, "indexes within indexes, more than %d deep", INDEX_DEPTH);
}

static int load_oci_image(struct load *l, const struct descriptor *entry, const char *name,
			  struct err *e)
{
	own(one) struct one x = { 0 };
	own(strv) struct strv names = { 0 };
	const struct descriptor *config = &x.manifest.config;

	if (name)
		strv_add(&names, name);
	if (resolve(l, entry, &x, e) < 0 ||
	    load_document(l, config->digest, config->size, &x.config, e) < 0 ||
	    config_parse_for(&x.manifest, x.config.s ? x.config.s : "", x.config.len, &x.image, e) <
		    0 ||
	    take_layers(l, &x.manifest, e) < 0)
		return -1;
	return commit(l, &x, &names, e);
}

/*
 * The whole name stands in containerd's annotation; OCI's own may be a whole name, or only a tag of
 * nobody knows which repository: then there is none.
 */
static const char *entry_name(struct json_object *entry)
{
	struct json_object *notes = json_get(entry, "annotations", json_type_object);
	const char *name = json_get_str(notes, "io.containerd.image.name");

	if (str_some(name))
		return name;
	name = json_get_str(notes, "org.opencontainers.image.ref.name");
	return name && strpbrk(name, ":/") ? name : NULL;
}

/* Of several entries, those for other platforms are left out. */
static bool wanted(const struct load *l, const struct manifest *index, size_t i)
{
	const struct descriptor *d = &index->entries[i];

	if (d->attestation)
		return false;
	return index->n == 1 || !d->has_platform || platform_match(&l->want, &d->platform) > 0;
}

static int load_oci(struct load *l, struct err *e)
{
	own(manifest) struct manifest index = { 0 };
	own(json) struct json_object *j = NULL;
	own(buf) struct buf text = { 0 };
	struct json_object *list;
	size_t n = 0;

	if (archive_load(&l->archive, "index.json", LAYOUT_DOCUMENT_MAX, &text, e) < 0 ||
	    manifest_parse(text.s ? text.s : "", text.len, MEDIA_OCI_INDEX, &index, e) < 0)
		return err_in(e, "index.json");
	j = json_parse("index.json", text.s, text.len, e);
	list = json_get(j, "manifests", json_type_array);
	if (!list || !index.index)
		return err_set(e, ERR_CORRUPT, "index.json is not an index");
	if (index.n > IMAGES_MAX)
		return err_set(e, ERR_CORRUPT, "more than %d images", IMAGES_MAX);
	for (size_t i = 0; i < index.n; i++)
		n += wanted(l, &index, i);
	if (n == 0)
		return err_set(e, ERR_NOT_FOUND, "no image for this platform is in it");
	if (n > 1 && l->o->name)
		return err_set(e, ERR_USAGE, "it has %zu images, and --name is for one", n);
	for (size_t i = 0; i < index.n; i++) {
		const char *name = entry_name(json_object_array_get_idx(list, i));

		if (wanted(l, &index, i) && load_oci_image(l, &index.entries[i], name, e) < 0)
			return err_in(e, "image %.200s", name ? name : index.entries[i].digest);
	}
	return 0;
}

/* --- docker save --- */

static int form_of(struct load *l, const struct archive_file *f, enum layer_compression *out,
		   struct err *e)
{
	own(fd) int fd = f->taken ? layout_blob_open(&l->layout, f->digest, e)
				  : openat(l->archive.staging.dir, f->copy, O_RDONLY | O_CLOEXEC);
	unsigned char magic[4] = { 0 };

	if (fd < 0 || read_full(fd, magic, sizeof(magic)) < 0)
		return err_sys(e, "%s", f->name);
	*out = memcmp(magic, "\x1f\x8b", 2) == 0	   ? LAYER_GZIP
	       : memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0 ? LAYER_ZSTD
							   : LAYER_TAR;
	return 0;
}

/* The layers become blobs as they are; what they must be is in the configuration, by diff ID. */
static int docker_layers(struct load *l, struct json_object *list, struct descriptor **out,
			 size_t *n, struct err *e)
{
	*n = json_object_array_length(list);
	if (*n > LAYERS_MAX)
		return err_set(e, ERR_CORRUPT, "%zu layers are too many", *n);
	*out = xcalloc(*n + 1, sizeof(**out));
	for (size_t i = 0; i < *n; i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		struct archive_file *f;
		struct descriptor *d = &(*out)[i];

		if (!json_object_is_type(v, json_type_string))
			return err_set(e, ERR_CORRUPT, "Layers: expected file names");
		f = archive_find(&l->archive, json_object_get_string(v), e);
		if (!f || form_of(l, f, &d->compression, e) < 0)
			return -1;
		memcpy(d->digest, f->digest, DIGEST_SIZE);
		d->size = f->size;
		if (take_file(l, f, f->digest, f->size, e) < 0)
			return -1;
	}
	return 0;
}

static int docker_manifest(struct load *l, struct json_object *j, struct one *x, struct err *e)
{
	const char *config = json_get_str(j, "Config");
	struct json_object *layers = json_get(j, "Layers", json_type_array);
	own(json) struct json_object *m = NULL;
	struct descriptor *d = NULL;
	char digest[DIGEST_SIZE];
	size_t n = 0;
	int ret;

	if (!config || !layers)
		return err_set(e, ERR_CORRUPT, "manifest.json: an image without Config or Layers");
	if (archive_load(&l->archive, config, LAYOUT_DOCUMENT_MAX, &x->config, e) < 0 ||
	    layout_blob_add(&l->layout, x->config.s ? x->config.s : "", x->config.len, digest, e) <
		    0)
		return -1;
	ret = docker_layers(l, layers, &d, &n, e);
	if (ret == 0)
		m = document_manifest(digest, (int64_t)x->config.len, d, n, false);
	free(d);
	if (ret < 0)
		return -1;
	json_print(m, &x->text);
	return layout_blob_add(&l->layout, x->text.s, x->text.len, x->digest, e);
}

static int load_docker_image(struct load *l, struct json_object *j, struct err *e)
{
	own(one) struct one x = { 0 };
	own(strv) struct strv names = { 0 };
	struct json_object *tags = json_get(j, "RepoTags", json_type_array);

	for (size_t i = 0; tags && i < json_object_array_length(tags); i++) {
		struct json_object *tag = json_object_array_get_idx(tags, i);

		if (json_object_is_type(tag, json_type_string))
			strv_add(&names, json_object_get_string(tag));
	}
	if (docker_manifest(l, j, &x, e) < 0 ||
	    manifest_parse(x.text.s, x.text.len, NULL, &x.manifest, e) < 0 ||
	    config_parse_for(&x.manifest, x.config.s ? x.config.s : "", x.config.len, &x.image, e) <
		    0 ||
	    commit(l, &x, &names, e) < 0)
		return names.n ? err_in(e, "image %.200s", names.v[0]) : -1;
	return 0;
}

static int load_docker(struct load *l, struct err *e)
{
	own(buf) struct buf text = { 0 };
	own(json) struct json_object *j = NULL;
	size_t n;

	if (archive_load(&l->archive, "manifest.json", LAYOUT_DOCUMENT_MAX, &text, e) < 0)
		return -1;
	j = json_parse("manifest.json", text.s ? text.s : "", text.len, e);
	if (!j)
		return -1;
	if (!json_object_is_type(j, json_type_array))
		return err_set(e, ERR_CORRUPT, "manifest.json is not a list");
	n = json_object_array_length(j);
	if (n == 0 || n > IMAGES_MAX)
		return err_set(e, ERR_CORRUPT, "manifest.json has %zu images", n);
	if (n > 1 && l->o->name)
		return err_set(e, ERR_USAGE, "it has %zu images, and --name is for one", n);
	for (size_t i = 0; i < n; i++)
		if (load_docker_image(l, json_object_array_get_idx(j, i), e) < 0)
			return -1;
	return 0;
}

/* Docker writes both since version 25. */
static int load_all(void *ctx, struct err *e)
{
	struct load *l = ctx;

	if (archive_find(&l->archive, "index.json", e))
		return load_oci(l, e);
	if (e->kind == ERR_NOT_FOUND && archive_find(&l->archive, "manifest.json", e))
		return load_docker(l, e);
	if (e->kind != ERR_NOT_FOUND)
		return -1;
	err_set(e, ERR_CORRUPT,
		"neither an OCI image layout (index.json) nor what docker save writes "
		"(manifest.json)");
	return err_hint(e, "a root file system becomes an image by 'caddis image import'");
}

int image_load(struct store *s, int fd, const char *what, const struct image_load_options *o,
	       struct strv *loaded, struct err *e)
{
	own(load) struct load l = {
		.store = s,
		.layout = LAYOUT_NONE,
		.archive = { .staging = STAGING_NONE, .dir = -1 },
		.o = o,
		.loaded = loaded,
	};
	own(ref) struct ref ref = { 0 };

	if ((o->name && ref_parse(o->name, &ref, e) < 0) ||
	    platform_parse(o->platform, &l.want, e) < 0)
		return -1;
	if (layout_open_writer(s, &l.layout, e) < 0)
		return -1;
	if (archive_open(s, fd, o->limits ? o->limits : &layer_limits_default, &l.archive, e) < 0 ||
	    gc_guard(s, &l.layout, load_all, &l, NULL, e) < 0)
		return err_in(e, "%.200s", what);
	return 0;
}
