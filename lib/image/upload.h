/* SPDX-License-Identifier: GPL-2.0-or-later */
/* upload.h - blobs and manifests to a registry; inside lib/image only. */
#ifndef CADDIS_IMAGE_UPLOAD_H
#define CADDIS_IMAGE_UPLOAD_H

#include "image/registry.h"

enum upload_how { UPLOAD_EXISTS, UPLOAD_MOUNTED, UPLOAD_SENT };
struct upload {
	const char *digest;
	int64_t size;
	int fd;			/* of the bytes, verified; read from its start */
	const char *mount_from; /* a repository of the same registry that may have it; or NULL */
	int64_t chunk;		/* bytes of a request; 0: all in one */
};
/* True when the repository has the blob. */
int upload_exists(struct registry_conn *c, const char *digest, bool *exists, struct err *e);
/* The mount only; *mounted false: the registry would not, or has it not. */
int upload_mount(struct registry_conn *c, const char *digest, const char *from, bool *mounted,
		 struct err *e);
/* Sends the blob unless it is there or can be mounted. */
int upload_blob(struct registry_conn *c, const struct upload *u, enum upload_how *how,
		struct err *e);
/* version: a tag, or the digest of text. */
int upload_manifest(struct registry_conn *c, const char *version, const char *media_type,
		    const char *text, size_t n, const char *digest, struct err *e);

#endif
