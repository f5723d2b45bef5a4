/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy.h - files into and out of containers, by the rules of docker cp and podman cp.
 *
 * Of a running container all that it sees is seen, mounts included. Whatever it does meanwhile:
 * paths of its side are resolved inside of it, and what is written on the other side is below the
 * one directory that was named.
 */
#ifndef CADDIS_POD_COPY_H
#define CADDIS_POD_COPY_H

#include "image/pack.h"
#include "store/store.h"

struct copy_end {
	const char *container; /* ID; NULL: this host */
	const char *path;      /* in it, from its root; "-" on the host: a tar stream */
	const char *shown;     /* as the user wrote it, for errors */
};
struct copy_options {
	bool owners;	/* kept, by number; else all is root's of where it goes */
	bool follow;	/* a source that is a symlink stands for what it points at */
	bool overwrite; /* directories and other things may replace each other */
	/* What is left out on purpose, and why. */
	void (*left_out)(void *ctx, const char *path, const char *why);
	pack_sink *sink; /* takes the stream if dst is one */
	void *ctx;
};
/*
 * One of both is in a container. A stream from the host is read from standard input; it may be
 * compressed as layers are. bytes: of the tar that went from one to the other; may be NULL.
 */
int container_copy(struct store *s, const struct copy_end *src, const struct copy_end *dst,
		   const struct copy_options *o, int64_t *bytes, struct err *e);

#endif
