/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit.h - a container's writable layer becomes the uppermost layer of a new image. */
#ifndef CADDIS_POD_COMMIT_H
#define CADDIS_POD_COMMIT_H

#include "image/commit.h"
#include "pod/container.h"

struct commit_options {
	const char *name, *author, *message; /* NULL: none */
	const struct strv *changes;	     /* image/change.h */
	bool pause;			     /* a running one stands still meanwhile */
	bool docker;			     /* Docker's format */
};
/* Running or not. What is mounted in it is not part of it. id: of the image. */
int container_commit(struct store *s, const char *container, const struct commit_options *o,
		     char id[DIGEST_SIZE], struct err *e);

#endif
