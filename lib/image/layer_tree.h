/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer_tree.h - the tree that a layer is unpacked into: finding and making parent directories by
 * fd, and remembering the times that directories shall have once nothing changes in them any more.
 *
 * Memory is bounded: times are set early when there are too many, for a directory's time is noted
 * again before the next change in it.
 */
#ifndef CADDIS_IMAGE_LAYER_TREE_H
#define CADDIS_IMAGE_LAYER_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/str.h"

struct tree_dir {
	uint64_t ino; /* 0: a free slot */
	char *path;
	struct timespec mtime, atime;
	bool implicit; /* the layer has no entry of its own for it */
	void *acl;     /* its default ACL, set last: entries made in it would inherit it */
	size_t acl_size;
};

struct tree {
	int root; /* borrowed */
	/* The directory that the last entry was in or was. */
	int parent;
	bool parent_valid, parent_setgid;
	struct buf parent_path;
	/* A hash table by inode. */
	struct tree_dir *dirs;
	size_t used, size;
	size_t kept; /* bytes of what cannot be set early: implicit directories, default ACLs */
	size_t kept_n;
};

/* Makes the root plain (root:root 0755, no ACL) until the layer says otherwise. */
int tree_open(struct tree *t, int root, struct err *e);
void tree_close(struct tree *t);
OWNED_STRUCT(tree, struct tree, tree_close)

/*
 * A name from a tar as a path below the root: no slash in front or at the end, no "", "." or "..".
 * ".." never leads above the root. "" is the root itself.
 */
int tree_clean(const char *name, size_t max, size_t depth, struct buf *out, struct err *e);

/*
 * Makes t->parent the directory path, noting its time; it may lead through symlinks inside the
 * root. Missing directories are made. For every entry, before anything else.
 */
int tree_enter(struct tree *t, const char *path, struct err *e);
/* An O_PATH fd of a directory that must exist; nothing is made. -1 with errno. */
int tree_find(const struct tree *t, const char *path);
/* fd is the directory path that an entry describes; the tree keeps fd and enters it. */
int tree_describe(struct tree *t, int fd, const char *path, const struct timespec *mtime,
		  const struct timespec *atime, struct err *e);
/* Keeps the default ACL of the directory entered until all its entries are there. */
int tree_default_acl(struct tree *t, const void *acl, size_t n, struct err *e);
/* Something that may have been on the way to the directory entered is gone. */
void tree_forget(struct tree *t);
int tree_set_opaque(int dir, struct err *e);
/* 0:0, overlayfs' whiteout. */
static inline bool tree_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}
/* Sets what was noted, and lists the implicit directories. */
int tree_finish(struct tree *t, struct strv *implicit, struct err *e);

#endif
