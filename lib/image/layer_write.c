/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer_write.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/layer_xattr.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* One entry on its way into the tree. */
struct item {
	struct tree *tree;
	struct tar *tar;
	const struct tar_entry *entry;
	const struct layer_limits *limits;
	const char *base; /* its name in tree->parent */
	const char *path; /* the whole of it, clean */
};

static int bad(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "%s", why);
}

static bool is_dir(const struct tar_entry *entry)
{
	return S_ISDIR(entry->mode) && !entry->hardlink;
}

/* --- metadata, always of the fd just made --- */

static int set_xattrs(struct item *it, int fd, struct err *e)
{
	const char *name;
	const void *value;
	size_t n;
	int r;

	while ((r = tar_next_xattr(it->tar, &name, &value, &n, e)) > 0) {
		switch (xattr_fate(name)) {
		case XATTR_DROP:
			break;
		case XATTR_SET:
			if (xattr_write(fd, it->entry->mode, name, value, n, e) < 0)
				return -1;
			break;
		case XATTR_LATER:
			if (is_dir(it->entry) && tree_default_acl(it->tree, value, n, e) < 0)
				return -1;
			break;
		}
	}
	return r;
}

/* A new file is root's, but in a set-group-ID directory. */
static bool needs_owner(const struct item *it)
{
	return it->entry->uid || it->entry->gid || it->tree->parent_setgid;
}

static int check_owner(const struct tar_entry *entry, struct err *e)
{
	if (entry->uid < 0 || entry->uid >= UINT32_MAX || entry->gid < 0 ||
	    entry->gid >= UINT32_MAX)
		return err_set(e, ERR_CORRUPT, "owner %lld:%lld does not exist on Linux",
			       (long long)entry->uid, (long long)entry->gid);
	return 0;
}

/* --- what is there already --- */

/* Removes whatever has the name, for something else to take its place. *opaque: a directory there
 * hides those below. */
static int clear_way(struct item *it, struct err *e)
{
	struct stat st;

	if (fstatat(it->tree->parent, it->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at what it replaces");
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		tree_forget(it->tree);
	if (S_ISDIR(st.st_mode))
		return path_remove_tree(it->tree->parent, it->base, e);
	if (unlinkat(it->tree->parent, it->base, 0) < 0)
		return err_sys(e, "remove what it replaces");
	return 0;
}

/* --- makers --- */

static int write_data(struct item *it, int fd, struct err *e)
{
	int64_t end = 0, offset;
	const void *p;
	size_t n;
	int r;

	while ((r = tar_next_data(it->tar, &p, &n, &offset, e)) > 0) {
		if (offset < end || (int64_t)n > it->entry->size - offset)
			return bad(e, "data beyond the end of the file");
		if (offset > end && lseek(fd, offset, SEEK_SET) < 0)
			return err_sys(e, "write");
		if (write_all(fd, p, n) < 0)
			return err_sys(e, "write");
		end = offset + (int64_t)n;
	}
	if (r == 0 && end != it->entry->size && ftruncate(fd, it->entry->size) < 0)
		return err_sys(e, "make a file of %lld bytes", (long long)it->entry->size);
	return r;
}

static int make_file(struct item *it, struct err *e)
{
	const struct tar_entry *entry = it->entry;
	const struct timespec times[2] = { entry->atime, entry->mtime };
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	own(fd) int fd = openat(it->tree->parent, it->base, flags, entry->mode & 0777);

	if (fd < 0 && errno == EEXIST) {
		if (clear_way(it, e) < 0)
			return -1;
		fd = openat(it->tree->parent, it->base, flags, entry->mode & 0777);
	}
	if (fd < 0)
		return err_sys(e, "create");
	/* Metadata after the data: a write takes capabilities away, a chown the set-user-ID bit. */
	if (entry->size > 0 && write_data(it, fd, e) < 0)
		return -1;
	if (needs_owner(it) && fchown(fd, (uid_t)entry->uid, (gid_t)entry->gid) < 0)
		return err_sys(e, "set the owner");
	if (entry->mode & 07000 && fchmod(fd, entry->mode & 07777) < 0)
		return err_sys(e, "set the mode");
	if (set_xattrs(it, fd, e) < 0)
		return -1;
	return futimens(fd, times) < 0 ? err_sys(e, "set the time") : 0;
}

/*
 * A directory stays with what is in it. One that takes the place of something else, a whiteout too,
 * hides what layers below have there.
 */
static int place_dir(struct item *it, bool *fresh, struct err *e)
{
	mode_t mode = it->entry->mode & 01777;
	struct stat st;
	int fd;

	*fresh = true;
	if (mkdirat(it->tree->parent, it->base, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "create");
	if (fstatat(it->tree->parent, it->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at what it replaces");
	*fresh = !S_ISDIR(st.st_mode);
	if (!*fresh)
		return 0;
	if (clear_way(it, e) < 0)
		return -1;
	if (mkdirat(it->tree->parent, it->base, mode) < 0)
		return err_sys(e, "create");
	fd = openat(it->tree->parent, it->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open");
	return tree_set_opaque(fd, e) < 0 ? close(fd), -1 : close(fd);
}

/* fresh: made just now with the entry's mode, and root's unless the directory above says otherwise.
 */
static int describe_dir(struct item *it, int dir, bool fresh, const char *path, struct err *e)
{
	const struct tar_entry *entry = it->entry;
	bool owner = !fresh || needs_owner(it);
	own(fd) int fd = dir;

	if (owner && fchown(fd, (uid_t)entry->uid, (gid_t)entry->gid) < 0)
		return err_sys(e, "set the owner");
	if ((owner || entry->mode & 06000) && fchmod(fd, entry->mode & 07777) < 0)
		return err_sys(e, "set the mode");
	dir = fd_steal(&fd);
	if (tree_describe(it->tree, dir, path, &entry->mtime, &entry->atime, e) < 0)
		return -1;
	return set_xattrs(it, it->tree->parent, e);
}

static int make_dir(struct item *it, struct err *e)
{
	bool fresh;
	int fd;

	if (place_dir(it, &fresh, e) < 0)
		return -1;
	fd = openat(it->tree->parent, it->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open") : describe_dir(it, fd, fresh, it->path, e);
}

/* What cannot be opened gets its metadata by an O_PATH fd. */
static int describe_other(struct item *it, struct err *e)
{
	const struct tar_entry *entry = it->entry;
	const struct timespec times[2] = { entry->atime, entry->mtime };
	own(fd) int fd = openat(it->tree->parent, it->base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != (entry->mode & S_IFMT))
		return err_sys(e, "open");
	if (needs_owner(it) &&
	    fchownat(fd, "", (uid_t)entry->uid, (gid_t)entry->gid, AT_EMPTY_PATH) < 0)
		return err_sys(e, "set the owner");
	if (entry->mode & 07000 && !S_ISLNK(entry->mode) &&
	    chmod(fd_path(fd).s, entry->mode & 07777) < 0)
		return err_sys(e, "set the mode");
	if (set_xattrs(it, fd, e) < 0)
		return -1;
	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? err_sys(e, "set the time") : 0;
}

static int make_symlink(struct item *it, struct err *e)
{
	const char *target = it->entry->link;

	if (!str_some(target) || strlen(target) > it->limits->path)
		return bad(e, "a symlink without a target, or with one too long");
	if (symlinkat(target, it->tree->parent, it->base) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "create");
		if (clear_way(it, e) < 0)
			return -1;
		if (symlinkat(target, it->tree->parent, it->base) < 0)
			return err_sys(e, "create");
	}
	return describe_other(it, e);
}

static int make_node(struct item *it, struct err *e)
{
	const struct tar_entry *entry = it->entry;
	dev_t device = S_ISFIFO(entry->mode) ? 0 : entry->device;

	/* It would hide a file of a layer below; a layer says that with a name that starts with
	 * .wh. */
	if (S_ISCHR(entry->mode) && device == 0)
		return bad(e, "a character device 0:0 is not allowed in a layer");
	if (mknodat(it->tree->parent, it->base, entry->mode & (S_IFMT | 0777), device) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "create");
		if (clear_way(it, e) < 0)
			return -1;
		if (mknodat(it->tree->parent, it->base, entry->mode & (S_IFMT | 0777), device) < 0)
			return err_sys(e, "create");
	}
	return describe_other(it, e);
}

static int no_target(struct err *e, const char *target, const char *why)
{
	own(str) char *shown = str_printable(target, strlen(target));

	return err_set(e, ERR_CORRUPT, "hard link to \"%.200s\", %s", shown, why);
}

/* The target's parent and name inside the root, as the link's own would be found. */
static int find_target(struct item *it, char *path, const char **base, struct stat *st,
		       struct err *e)
{
	char *slash = strrchr(path, '/');
	const char *dir = slash ? path : "";
	int fd;

	*base = slash ? slash + 1 : path;
	if (slash)
		*slash = '\0';
	fd = tree_find(it->tree, dir);
	if (fd < 0 || fstatat(fd, *base, st, AT_SYMLINK_NOFOLLOW) < 0 || tree_is_whiteout(st)) {
		if (fd >= 0)
			close(fd);
		return no_target(e, it->entry->link, "which is not in this layer");
	}
	return fd;
}

/* The file that it names has its metadata already; what this entry says about it is not looked at.
 */
static int make_link(struct item *it, struct err *e)
{
	own(buf) struct buf path = { 0 };
	struct stat st, old;
	const char *base;
	own(fd) int dir = -1;

	if (tree_clean(it->entry->link, it->limits->path, it->limits->depth, &path, e) < 0)
		return -1;
	if (!path.len)
		return no_target(e, it->entry->link, "which is a directory");
	dir = find_target(it, path.s, &base, &st, e);
	if (dir < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return no_target(e, it->entry->link, "which is a directory");
	if (fstatat(it->tree->parent, it->base, &old, AT_SYMLINK_NOFOLLOW) == 0) {
		if (old.st_ino == st.st_ino)
			return 0;
		if (clear_way(it, e) < 0)
			return -1;
	}
	if (linkat(dir, base, it->tree->parent, it->base, 0) < 0)
		return err_sys(e, "make a hard link");
	return 0;
}

static const struct maker {
	mode_t type;
	int (*make)(struct item *it, struct err *e);
} makers[] = {
	{ S_IFREG, make_file }, { S_IFDIR, make_dir },	{ S_IFLNK, make_symlink },
	{ S_IFCHR, make_node }, { S_IFBLK, make_node }, { S_IFIFO, make_node },
};

static int make(struct item *it, struct err *e)
{
	if (it->entry->hardlink)
		return make_link(it, e);
	if (check_owner(it->entry, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(makers); i++) {
		if (makers[i].type == (it->entry->mode & S_IFMT))
			return makers[i].make(it, e);
	}
	return bad(e, "a kind of file that a layer cannot hold");
}

/* --- whiteouts --- */

/* They act on layers below only: what this layer has under the name stays, wherever it stands in
 * the tar. */
static int whiteout(struct item *it, const char *target, struct err *e)
{
	int dir = it->tree->parent;
	struct stat st;
	own(fd) int fd = -1;

	if (!*target || strcmp(target, ".") == 0 || strcmp(target, "..") == 0)
		return bad(e, "a whiteout without a valid name");
	if (mknodat(dir, target, S_IFCHR, 0) == 0)
		return 0;
	if (errno != EEXIST || fstatat(dir, target, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "make a whiteout");
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir, target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "make a whiteout") : tree_set_opaque(fd, e);
}

/* True when the path lies in what aufs keeps for itself: such names never become visible. */
static int check_reserved(const char *path, bool *skip, struct err *e)
{
	const char *end;

	*skip = false;
	for (const char *p = path; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '/');
		if (!str_starts(p, WHITEOUT))
			continue;
		if (str_starts(p, WHITEOUT_META) && strcmp(p, WHITEOUT_OPAQUE) != 0)
			*skip = true;
		else if (*end && !*skip)
			return bad(e, "a whiteout is not a directory");
	}
	return 0;
}

static int write_entry(struct item *it, char *path, struct err *e)
{
	own(str) char *dir = NULL;
	bool skip;
	char *slash = strrchr(path, '/');

	if (!*path) {
		int fd;

		if (!is_dir(it->entry))
			return bad(e, "the root must be a directory");
		fd = path_open_in(it->tree->root, ".", O_RDONLY | O_DIRECTORY, 0, e);
		if (fd < 0 || check_owner(it->entry, e) < 0)
			return fd < 0 ? -1 : (close(fd), -1);
		return describe_dir(it, fd, false, "", e);
	}
	if (check_reserved(path, &skip, e) < 0)
		return -1;
	if (skip)
		return 0;
	dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
	it->path = path;
	it->base = slash ? slash + 1 : path;
	if (tree_enter(it->tree, dir, e) < 0)
		return -1;
	if (strcmp(it->base, WHITEOUT_OPAQUE) == 0)
		return tree_set_opaque(it->tree->parent, e);
	if (str_starts(it->base, WHITEOUT))
		return whiteout(it, it->base + strlen(WHITEOUT), e);
	return make(it, e);
}

int layer_write_entry(struct tree *t, struct tar *tar, const struct tar_entry *entry,
		      const struct layer_limits *limits, struct err *e)
{
	struct item it = { .tree = t, .tar = tar, .entry = entry, .limits = limits };
	own(buf) struct buf path = { 0 };
	own(str) char *shown = NULL;

	if (tree_clean(entry->name, limits->path, limits->depth, &path, e) == 0 &&
	    write_entry(&it, path.s, e) == 0)
		return 0;
	shown = str_printable(entry->name, strnlen(entry->name, 200));
	return err_in(e, "\"%s\"", shown);
}
