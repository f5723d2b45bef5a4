/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manifest.h - manifests and indexes, OCI's and Docker's (schema 2), and the choice of a platform.
 *
 * Hostile text: a document that could be read as two things, or whose media type is in doubt, is
 * refused.
 */
#ifndef CADDIS_IMAGE_MANIFEST_H
#define CADDIS_IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "image/digest.h"
#include "image/layer.h"

#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"

struct platform {
	char os[32], arch[32], variant[32]; /* "" where not given */
};
/* "linux/arm64/v8", "linux/amd64", "arm64"; NULL: this machine. ERR_USAGE. */
int platform_parse(const char *s, struct platform *out, struct err *e);
/* "linux/arm/v7" */
void platform_format(const struct platform *p, char *dst, size_t size);
/* How well an image for have runs where want is asked for: 0 not at all, higher is better. */
int platform_match(const struct platform *want, const struct platform *have);

struct descriptor {
	char *media_type;
	char digest[DIGEST_SIZE];
	int64_t size;
	enum layer_compression compression; /* of a layer */
	struct platform platform;	    /* in an index */
	bool has_platform, attestation;
};

struct manifest {
	bool index;	  /* an index or list: entries are manifests; else config and layers */
	char *media_type; /* what it is, as found out */
	struct descriptor config;
	struct descriptor *entries;
	size_t n;
};
/* content_type: the HTTP header or the descriptor's media type; NULL: unknown. ERR_REMOTE. */
int manifest_parse(const char *text, size_t len, const char *content_type, struct manifest *out,
		   struct err *e);
void manifest_free(struct manifest *m);
OWNED_STRUCT(manifest, struct manifest, manifest_free)
/* The best entry of an index for the platform; NULL with an error that lists what is available. */
const struct descriptor *manifest_choose(const struct manifest *m, const struct platform *want,
					 struct err *e);

#endif
