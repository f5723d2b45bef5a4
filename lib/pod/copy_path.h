/* SPDX-License-Identifier: GPL-2.0-or-later */
/* copy_path.h - what the two paths of a copy mean. Inside lib/pod only. */
#ifndef CADDIS_POD_COPY_PATH_H
#define CADDIS_POD_COPY_PATH_H

#include <sys/stat.h>

#include "image/xattr_ids.h"
#include "pod/view.h"

/* Where a path is looked up: the host's root, or a container's. */
struct copy_root {
	int fd; /* -1: a stream, nothing is looked up */
	bool in_container;
	bool live; /* others may change what is in it meanwhile */
	struct ids ids;
	char *path;  /* to look up, absolute */
	char *given; /* the same as it was given: its last word is the name */
};
// clang-format off
#define COPY_ROOT_NONE { .fd = -1 }
// clang-format on
/*
 * v NULL: the host; "-" is a stream there. In a container that does not run, a directory of the host
 * that would be mounted is looked up there, and of all else that would be, ERR_STATE says so.
 * to_write: ERR_DENIED for what is read-only.
 */
int copy_root_open(const struct view *v, const char *path, bool to_write, struct copy_root *out,
		   struct err *e);
void copy_root_close(struct copy_root *r);

struct copy_source {
	int fd; /* O_PATH */
	struct stat st;
	char *name; /* the last word of its path; NULL: what is in the directory is meant, not itself */
};
// clang-format off
#define COPY_SOURCE_NONE { .fd = -1 }
// clang-format on
int copy_source_open(const struct copy_root *r, bool follow, struct copy_source *out,
		     struct err *e);
void copy_source_close(struct copy_source *s);

struct copy_target {
	int dir;     /* what "below" starts from: no write leads out of it */
	char *below; /* the directory to write into, from dir */
	char *path;  /* the same, from the copy_root */
	char *name;  /* that the source gets there; NULL: its content goes there */
};
// clang-format off
#define COPY_TARGET_NONE { .dir = -1 }
// clang-format on
/* from NULL: the content of a tar stream. */
int copy_target_open(const struct copy_root *r, const struct copy_source *from, bool overwrite,
		     struct copy_target *out, struct err *e);
void copy_target_close(struct copy_target *t);

#endif
