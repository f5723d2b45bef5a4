/* SPDX-License-Identifier: GPL-2.0-or-later */
/* documents.h - the JSON that we write into a store or an archive. Inside lib/image only. */
#ifndef CADDIS_IMAGE_DOCUMENTS_H
#define CADDIS_IMAGE_DOCUMENTS_H

#include "base/json.h"
#include "image/manifest.h"

/* Adds a text that is not NULL and not "". */
void document_add_text(struct json_object *to, const char *key, const char *value);
struct json_object *document_descriptor(const char *media_type, const char *digest, int64_t size);
/* An OCI manifest, or Docker's schema 2. Of the layers: digest, size, compression. */
struct json_object *document_manifest(const char *config, int64_t config_size,
				      const struct descriptor *layers, size_t n, bool docker);

#endif
