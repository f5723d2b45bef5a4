/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ref.h - image references, normalised as Docker and containerd do:
 *
 *     alpine                  docker.io/library/alpine:latest
 *     reg.io:5000/a/b@sha256: reg.io:5000/a/b@sha256:…
 *
 * There is one rule and no search list. With both a tag and a digest, the digest alone counts.
 */
#ifndef CADDIS_IMAGE_REF_H
#define CADDIS_IMAGE_REF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"

struct ref {
	char *domain; /* "docker.io", "localhost:5000", "[::1]:5000" */
	char *path;   /* "library/alpine" */
	char *tag;    /* "latest"; NULL with a digest */
	char *digest; /* "sha256:…", or NULL */
};
/* ERR_USAGE with the reason. *out is all NULL after a failure. */
int ref_parse(const char *s, struct ref *out, struct err *e);
void ref_free(struct ref *r);
OWNED_STRUCT(ref, struct ref, ref_free)

/* The whole normalised name, newly allocated: "docker.io/library/alpine:latest". */
char *ref_format(const struct ref *r);
/* What is asked of the registry: the digest or the tag. Borrowed. */
const char *ref_version(const struct ref *r);
/* Host and port of the registry's API: docker.io's is registry-1.docker.io. Borrowed. */
const char *ref_host(const struct ref *r);

#endif
