/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/documents.h"

/* NULL: Docker has no words for zstd. */
static const char *layer_media_type(enum layer_compression c, bool docker)
{
	static const char *const media[][2] = {
		[LAYER_TAR] = { MEDIA_OCI_LAYER, MEDIA_DOCKER_LAYER },
		[LAYER_GZIP] = { MEDIA_OCI_LAYER "+gzip", MEDIA_DOCKER_LAYER ".gzip" },
		[LAYER_ZSTD] = { MEDIA_OCI_LAYER "+zstd", NULL },
	};

	return media[c][docker];
}

void document_add_text(struct json_object *to, const char *key, const char *value)
{
	if (str_some(value))
		json_object_object_add(to, key, json_object_new_string(value));
}

struct json_object *document_descriptor(const char *media_type, const char *digest, int64_t size)
{
	struct json_object *d = json_object_new_object();

	document_add_text(d, "mediaType", media_type);
	document_add_text(d, "digest", digest);
	json_object_object_add(d, "size", json_object_new_int64(size));
	return d;
}

struct json_object *document_manifest(const char *config, int64_t config_size,
				      const struct descriptor *layers, size_t n, bool docker)
{
	struct json_object *m = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(m, "schemaVersion", json_object_new_int(2));
	document_add_text(m, "mediaType", docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST);
	json_object_object_add(m, "config",
			       document_descriptor(docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG,
						   config, config_size));
	for (size_t i = 0; i < n; i++)
		json_object_array_add(
			list, document_descriptor(layer_media_type(layers[i].compression, docker),
						  layers[i].digest, layers[i].size));
	json_object_object_add(m, "layers", list);
	return m;
}
