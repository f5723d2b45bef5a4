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
#include "image/xattr_ids.h"

struct tree_dir {
	uint64_t ino; /* 0: a free slot */
	char *path;
	struct timespec mtime, atime;
	void *acl;     /* its default ACL, set last: entries made in it would inherit it */
	size_t acl_size;
};

/*
 * Not a layer, but a copy into a tree that is in use: no whiteouts; what is there is replaced in one
 * rename; directories that are there keep their time, and owner and mode unless owners.
 */
struct copy_rules {
	const char *below; /* the directory of the root that names are below; it is there. "": the root */
	bool owners;	   /* as the tar says, by ids; else all is root's, and set-user-ID bits of others
			    * are not kept, as by chown(2) */
	bool overwrite;	   /* directories and other things may replace each other */
	struct ids ids;	   /* the tar has the ids of the inside, the root those of the host */
};

struct tree {
	int root; /* borrowed */
	const struct copy_rules *copy; /* borrowed; NULL: a layer */
	bool flushed;		       /* some times were set early */
	/* The directory that the last entry was in or was. */
	int parent;
	bool parent_valid, parent_setgid;
	struct buf parent_path;
	/* A hash table by inode. */
	struct tree_dir *dirs;
	size_t used, size;
	size_t kept; /* bytes of what cannot be set early: default ACLs */
	size_t kept_n;
};

/* Of a layer: makes the root plain (root:root 0755, no ACL) until the layer says otherwise. */
int tree_open(struct tree *t, int root, const struct copy_rules *copy, struct err *e);
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
/* The ids that a file gets that the tar says is uid's and gid's: ERR_CORRUPT when there are none. */
int tree_owner(const struct tree *t, int64_t uid, int64_t gid, uid_t *u, gid_t *g, struct err *e);
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
/* Sets what was noted. */
int tree_finish(struct tree *t, struct err *e);

#endif
