/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/manifest.h"

#include <string.h>

#include "base/json.h"

#define ENTRIES_MAX 100000 /* of an index */
#define LAYERS_MAX 5000
#define BLOB_SIZE_MAX (INT64_C(1) << 44)

enum kind { KIND_MANIFEST = 1, KIND_INDEX, KIND_SCHEMA1 };
static const struct {
	const char *media_type;
	enum kind kind;
} kinds[] = {
	{ MEDIA_OCI_MANIFEST, KIND_MANIFEST },
	{ MEDIA_DOCKER_MANIFEST, KIND_MANIFEST },
	{ MEDIA_OCI_INDEX, KIND_INDEX },
	{ MEDIA_DOCKER_LIST, KIND_INDEX },
	{ "application/vnd.docker.distribution.manifest.v1+json", KIND_SCHEMA1 },
	{ "application/vnd.docker.distribution.manifest.v1+prettyjws", KIND_SCHEMA1 },
};

static const struct {
	const char *media_type;
	enum layer_compression compression;
} layer_types[] = {
	{ MEDIA_OCI_LAYER, LAYER_TAR },
	{ MEDIA_OCI_LAYER "+gzip", LAYER_GZIP },
	{ MEDIA_OCI_LAYER "+zstd", LAYER_ZSTD },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", LAYER_TAR },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", LAYER_GZIP },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", LAYER_ZSTD },
	{ "application/vnd.docker.image.rootfs.diff.tar", LAYER_TAR },
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip", LAYER_GZIP },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", LAYER_ZSTD },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar", LAYER_TAR },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", LAYER_GZIP },
};

static void descriptor_free(struct descriptor *d)
{
	free(d->media_type);
}

void manifest_free(struct manifest *m)
{
	free(m->media_type);
	descriptor_free(&m->config);
	for (size_t i = 0; i < m->n; i++)
		descriptor_free(&m->entries[i]);
	free(m->entries);
	*m = (struct manifest){ 0 };
}

static enum kind kind_of(const char *media_type)
{
	for (size_t i = 0; media_type && i < ARRAY_LEN(kinds); i++)
		if (strcmp(media_type, kinds[i].media_type) == 0)
			return kinds[i].kind;
	return 0;
}

static int read_descriptor(struct json_object *j, struct descriptor *d, struct err *e)
{
	const char *digest = json_get_str(j, "digest");
	struct json_object *size = json_get(j, "size", json_type_int);

	if (!json_object_is_type(j, json_type_object))
		return err_set(e, ERR_REMOTE, "a descriptor is no object");
	if (digest_check(digest, e) < 0)
		return -1;
	memcpy(d->digest, digest, DIGEST_SIZE);
	if (!size)
		return err_set(e, ERR_REMOTE, "%s has no size", digest);
	d->size = json_object_get_int64(size);
	if (d->size < 0 || d->size > BLOB_SIZE_MAX)
		return err_set(e, ERR_REMOTE, "%s has an impossible size", digest);
	d->media_type = xstrdup(json_get_str(j, "mediaType"));
	if (!d->media_type)
		return err_set(e, ERR_REMOTE, "%s has no media type", digest);
	return 0;
}

static int read_layer(struct json_object *j, struct descriptor *d, struct err *e)
{
	if (read_descriptor(j, d, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(layer_types); i++) {
		if (strcmp(d->media_type, layer_types[i].media_type) != 0)
			continue;
		d->compression = layer_types[i].compression;
		return 0;
	}
	return err_set(e, ERR_REMOTE, "layers of the type \"%.100s\" are not supported",
		       d->media_type);
}

static void read_word(struct json_object *j, const char *key, char dst[32])
{
	const char *s = json_get_str(j, key);

	/* Longer than any known name: matches nothing, and is shown cut. */
	snprintf(dst, 32, "%s", s ? s : "");
}

static int read_index_entry(struct json_object *j, struct descriptor *d, struct err *e)
{
	struct json_object *p, *notes;
	const char *type;

	if (read_descriptor(j, d, e) < 0)
		return -1;
	p = json_get(j, "platform", json_type_object);
	if (p) {
		d->has_platform = true;
		read_word(p, "os", d->platform.os);
		read_word(p, "architecture", d->platform.arch);
		read_word(p, "variant", d->platform.variant);
	}
	notes = json_get(j, "annotations", json_type_object);
	type = notes ? json_get_str(notes, "vnd.docker.reference.type") : NULL;
	d->attestation = str_eq(type, "attestation-manifest") ||
			 (str_eq(d->platform.os, "unknown") && str_eq(d->platform.arch, "unknown"));
	return 0;
}

static int read_list(struct json_object *list, size_t max,
		     int (*read)(struct json_object *, struct descriptor *, struct err *),
		     struct manifest *m, struct err *e)
{
	size_t n = json_object_array_length(list);

	if (n > max)
		return err_set(e, ERR_REMOTE, "%zu entries are too many", n);
	m->entries = xcalloc(n + 1, sizeof(*m->entries));
	for (size_t i = 0; i < n; i++) {
		m->n = i + 1;
		if (read(json_object_array_get_idx(list, i), &m->entries[i], e) < 0)
			return -1;
	}
	return 0;
}

static int read_index(struct json_object *j, struct manifest *m, struct err *e)
{
	struct json_object *list = json_get(j, "manifests", json_type_array);

	if (json_object_object_get_ex(j, "layers", NULL) ||
	    json_object_object_get_ex(j, "config", NULL))
		return err_set(e, ERR_REMOTE, "it claims to be an index and a manifest at once");
	if (!list)
		return err_set(e, ERR_REMOTE, "the index has no list of manifests");
	m->index = true;
	return read_list(list, ENTRIES_MAX, read_index_entry, m, e);
}

static int check_config_type(struct json_object *j, const struct manifest *m, struct err *e)
{
	const char *type = m->config.media_type, *artifact = json_get_str(j, "artifactType");

	if (str_eq(type, MEDIA_OCI_CONFIG) || str_eq(type, MEDIA_DOCKER_CONFIG))
		return 0;
	return err_set(e, ERR_REMOTE, "it is no container image but an artifact of type \"%.100s\"",
		       artifact ? artifact : type);
}

static int read_manifest(struct json_object *j, struct manifest *m, struct err *e)
{
	struct json_object *config = json_get(j, "config", json_type_object);
	struct json_object *layers = json_get(j, "layers", json_type_array);

	if (json_object_object_get_ex(j, "manifests", NULL))
		return err_set(e, ERR_REMOTE, "it claims to be an index and a manifest at once");
	if (!config)
		return err_set(e, ERR_REMOTE, "the manifest has no config");
	if (!layers)
		return err_set(e, ERR_REMOTE, "the manifest has no list of layers");
	if (read_descriptor(config, &m->config, e) < 0)
		return err_in(e, "config");
	if (check_config_type(j, m, e) < 0)
		return -1;
	return read_list(layers, LAYERS_MAX, read_layer, m, e);
}

/* What it is: the header and the body may each say so, and must not disagree. */
static int find_kind(struct json_object *j, const char *content_type, struct manifest *m,
		     struct err *e)
{
	const char *body = json_get_str(j, "mediaType");
	enum kind k;

	if (json_object_object_get_ex(j, "mediaType", NULL) && !body)
		return err_set(e, ERR_REMOTE, "mediaType is no text");
	if (body && content_type && kind_of(content_type) && strcmp(body, content_type) != 0)
		return err_set(e, ERR_REMOTE, "it is served as \"%.80s\" but says \"%.80s\"",
			       content_type, body);
	m->media_type = xstrdup(body ? body : content_type);
	k = kind_of(m->media_type);
	if (k == KIND_SCHEMA1 || (!body && json_object_object_get_ex(j, "fsLayers", NULL)))
		return err_set(
			e, ERR_REMOTE,
			"the image has a manifest of Docker schema 1, which nobody has written "
			"since 2016; push it again with a current tool");
	if (!k)
		return err_set(e, ERR_REMOTE, "\"%.100s\" is no media type of images",
			       m->media_type ? m->media_type : "");
	return (int)k;
}

static int parse(const char *text, size_t len, const char *content_type, struct manifest *m,
		 struct err *e)
{
	own(json) struct json_object *j = json_parse("JSON", text, len, e);
	struct json_object *version;
	int kind;

	if (!j)
		return -1;
	if (!json_object_is_type(j, json_type_object))
		return err_set(e, ERR_REMOTE, "it is no JSON object");
	kind = find_kind(j, content_type, m, e);
	if (kind < 0)
		return -1;
	version = json_get(j, "schemaVersion", json_type_int);
	if (!version || json_object_get_int64(version) != 2)
		return err_set(e, ERR_REMOTE, "schemaVersion is not 2");
	return kind == KIND_INDEX ? read_index(j, m, e) : read_manifest(j, m, e);
}

int manifest_parse(const char *text, size_t len, const char *content_type, struct manifest *out,
		   struct err *e)
{
	own(manifest) struct manifest m = { 0 };
	/* "type/subtype; charset=utf-8" */
	own(str) char *type =
		content_type ? xstrndup(content_type, strcspn(content_type, "; \t")) : NULL;

	*out = (struct manifest){ 0 };
	if (parse(text, len, type, &m, e) < 0) {
		e->kind = ERR_REMOTE;
		return err_in(e, "invalid manifest");
	}
	*out = m;
	m = (struct manifest){ 0 };
	return 0;
}

static void list_available(const struct manifest *m, struct buf *b)
{
	size_t listed = 0;

	for (size_t i = 0; i < m->n; i++) {
		char text[100];

		if (m->entries[i].attestation || !m->entries[i].has_platform)
			continue;
		platform_format(&m->entries[i].platform, text, sizeof(text));
		if (b->s && strstr(b->s, text))
			continue;
		buf_addf(b, "%s%s", b->len ? ", " : "", ++listed > 12 ? "…" : text);
		if (listed > 12)
			return;
	}
}

const struct descriptor *manifest_choose(const struct manifest *m, const struct platform *want,
					 struct err *e)
{
	const struct descriptor *best = NULL, *unmarked = NULL;
	own(buf) struct buf available = { 0 };
	char text[100];
	int rank = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct descriptor *d = &m->entries[i];
		int r;

		if (d->attestation || !kind_of(d->media_type))
			continue;
		if (!d->has_platform) {
			unmarked = unmarked ? unmarked : d;
			continue;
		}
		r = platform_match(want, &d->platform);
		if (r > rank) {
			best = d;
			rank = r;
		}
	}
	if (best || unmarked)
		return best ? best : unmarked;
	platform_format(want, text, sizeof(text));
	list_available(m, &available);
	err_set(e, ERR_REMOTE, "no image for %s; available: %s", text,
		available.len ? available.s : "none");
	return NULL;
}
