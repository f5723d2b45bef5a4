/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * archive_files.h - the files of an archive that is loaded, by name, whether it is a tar or a
 * directory: copies in staging, each with its digest. Inside lib/image only.
 */
#ifndef CADDIS_IMAGE_ARCHIVE_FILES_H
#define CADDIS_IMAGE_ARCHIVE_FILES_H

#include "image/digest.h"
#include "image/layer.h"
#include "store/store.h"

struct archive_file {
	char *name, *link; /* clean; link: the name of the file that it stands for, or NULL */
	char copy[24];	   /* its name in staging */
	char digest[DIGEST_SIZE];
	int64_t size;
	bool taken; /* moved away: see archive_take() */
};
struct archive {
	struct store *store;
	struct staging staging;
	int dir; /* a directory, read as its files are asked for; -1: a tar, read whole */
	const struct layer_limits *limits;
	struct archive_file *v;
	size_t n;
	int64_t bytes; /* of all copies */
};
/* limits: bytes and entries count here; borrowed. fd stays the caller's, and open. */
int archive_open(struct store *s, int fd, const struct layer_limits *limits, struct archive *out,
		 struct err *e);
void archive_close(struct archive *a);
OWNED_STRUCT(archive, struct archive, archive_close)
/* ERR_NOT_FOUND when it is not there. Valid until the next call. */
struct archive_file *archive_find(struct archive *a, const char *name, struct err *e);
/* The content of a small file. */
int archive_load(struct archive *a, const char *name, size_t max, struct buf *out, struct err *e);

#endif
