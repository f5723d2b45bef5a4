/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer_write.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/layer_place.h"
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
	const char *base;   /* its name in tree->parent */
	const char *path;   /* the whole of it, clean */
	struct place place; /* where it is made */
	uid_t uid;
	gid_t gid;
	mode_t mode;
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

static int set_xattr(struct item *it, int fd, const char *name, const void *value, size_t n,
		     struct err *e)
{
	const struct copy_rules *copy = it->tree->copy;
	own(buf) struct buf b = { 0 };

	if (!copy)
		return xattr_write(fd, it->mode, name, value, n, e);
	buf_addn(&b, value, n);
	if (!xattr_ids_to_host(&copy->ids, name, &b))
		return 0;
	if (xattr_write(fd, it->mode, name, b.s, b.len, e) == 0)
		return 0;
	return e->sys == EOPNOTSUPP ? 0 : -1; /* a file system without such */
}

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
			if (set_xattr(it, fd, name, value, n, e) < 0)
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
	return it->uid || it->gid || it->tree->parent_setgid;
}

/* What the file shall be: owner and mode. */
static int find_owner(struct item *it, struct err *e)
{
	const struct tar_entry *entry = it->entry;

	it->mode = entry->mode;
	if (it->tree->copy && !it->tree->copy->owners && S_ISREG(entry->mode)) {
		it->mode &= entry->uid ? ~(mode_t)S_ISUID : ~(mode_t)0;
		it->mode &= entry->gid ? ~(mode_t)S_ISGID : ~(mode_t)0;
	}
	return tree_owner(it->tree, entry->uid, entry->gid, &it->uid, &it->gid, e);
}

/* --- makers --- */

static int write_data(struct item *it, int fd, struct err *e)
{
	int64_t end = 0, offset;
	const void *p;
	size_t n;
	int r;

	while ((r = tar_next_data(it->tar, &p, &n, &offset, e)) > 0) {
		if (n == 0)
			continue;
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
	own(fd) int fd = openat(it->tree->parent, it->place.name, flags, it->mode & 0777);

	if (fd < 0 && errno == EEXIST) {
		if (place_clear(&it->place, e) < 0)
			return -1;
		fd = openat(it->tree->parent, it->place.name, flags, it->mode & 0777);
	}
	if (fd < 0)
		return err_sys(e, "create");
	/* Metadata after the data: a write takes capabilities away, a chown the set-user-ID bit. */
	if (entry->size > 0 && write_data(it, fd, e) < 0)
		return -1;
	if (needs_owner(it) && fchown(fd, it->uid, it->gid) < 0)
		return err_sys(e, "set the owner");
	if (it->mode & 07000 && fchmod(fd, it->mode & 07777) < 0)
		return err_sys(e, "set the mode");
	if (set_xattrs(it, fd, e) < 0)
		return -1;
	return futimens(fd, times) < 0 ? err_sys(e, "set the time") : 0;
}

/* Something that is no directory has its name. */
static int replace_by_dir(struct item *it, struct err *e)
{
	const struct copy_rules *copy = it->tree->copy;
	int fd;

	if (copy && !copy->overwrite) {
		err_set(e, ERR_EXISTS, "what has its name is no directory");
		return err_hint(e, "replace it by --overwrite");
	}
	if (place_clear(&it->place, e) < 0)
		return -1;
	if (mkdirat(it->tree->parent, it->base, it->mode & 01777) < 0)
		return err_sys(e, "create");
	if (copy)
		return 0;
	fd = openat(it->tree->parent, it->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open");
	return tree_set_opaque(fd, e) < 0 ? close(fd), -1 : close(fd);
}

/*
 * A directory stays with what is in it. One that takes the place of something else, a whiteout too,
 * hides what layers below have there. In a copy, a symlink to a directory is as good as one.
 */
static int place_dir(struct item *it, bool *fresh, bool *described, struct err *e)
{
	struct stat st;

	*fresh = *described = true;
	it->place = (struct place){ .tree = it->tree, .base = it->base, .name = it->base };
	if (mkdirat(it->tree->parent, it->base, it->mode & 01777) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "create");
	if (fstatat(it->tree->parent, it->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at what it replaces");
	*fresh = !S_ISDIR(st.st_mode);
	*described = *fresh || !it->tree->copy || it->tree->copy->owners;
	if (!*fresh)
		return 0;
	if (S_ISLNK(st.st_mode) && it->tree->copy) {
		own(fd) int fd = tree_find(it->tree, it->path);

		*described = fd < 0;
		if (fd >= 0)
			return 0;
	}
	return replace_by_dir(it, e);
}

/* fresh: made just now with the entry's mode, and root's unless the directory above says otherwise.
 */
static int describe_dir(struct item *it, int dir, bool fresh, const char *path, struct err *e)
{
	const struct tar_entry *entry = it->entry;
	bool owner = !fresh || needs_owner(it);
	own(fd) int fd = dir;

	if (owner && fchown(fd, it->uid, it->gid) < 0)
		return err_sys(e, "set the owner");
	if ((owner || it->mode & 06000) && fchmod(fd, it->mode & 07777) < 0)
		return err_sys(e, "set the mode");
	dir = fd_steal(&fd);
	if (tree_describe(it->tree, dir, path, &entry->mtime, &entry->atime, e) < 0)
		return -1;
	return set_xattrs(it, it->tree->parent, e);
}

static int make_dir(struct item *it, struct err *e)
{
	bool fresh, described;
	int fd;

	if (place_dir(it, &fresh, &described, e) < 0)
		return -1;
	if (!described)
		return 0;
	fd = openat(it->tree->parent, it->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open") : describe_dir(it, fd, fresh, it->path, e);
}

/* What cannot be opened gets its metadata by an O_PATH fd. */
static int describe_other(struct item *it, struct err *e)
{
	const struct tar_entry *entry = it->entry;
	const struct timespec times[2] = { entry->atime, entry->mtime };
	own(fd) int fd = openat(it->tree->parent, it->place.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != (it->mode & S_IFMT))
		return err_sys(e, "open");
	if (needs_owner(it) && fchownat(fd, "", it->uid, it->gid, AT_EMPTY_PATH) < 0)
		return err_sys(e, "set the owner");
	if (it->mode & 07000 && !S_ISLNK(it->mode) && chmod(fd_path(fd).s, it->mode & 07777) < 0)
		return err_sys(e, "set the mode");
	if (set_xattrs(it, fd, e) < 0)
		return -1;
	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? err_sys(e, "set the time") : 0;
}

static int create_symlink(const struct item *it)
{
	return symlinkat(it->entry->link, it->tree->parent, it->place.name);
}

static int create_node(const struct item *it)
{
	return mknodat(it->tree->parent, it->place.name, it->mode & (S_IFMT | 0777),
		       S_ISFIFO(it->mode) ? 0 : it->entry->device);
}

static int make_other(struct item *it, int (*create)(const struct item *it), struct err *e)
{
	if (create(it) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "create");
		if (place_clear(&it->place, e) < 0)
			return -1;
		if (create(it) < 0)
			return err_sys(e, "create");
	}
	return describe_other(it, e);
}

static int make_symlink(struct item *it, struct err *e)
{
	const char *target = it->entry->link;

	if (!str_some(target) || strlen(target) > it->limits->path)
		return bad(e, "a symlink without a target, or with one too long");
	return make_other(it, create_symlink, e);
}

static int make_node(struct item *it, struct err *e)
{
	/* It would hide a file of a layer below; a layer says that with a name that starts with
	 * .wh. */
	if (S_ISCHR(it->mode) && it->entry->device == 0)
		return bad(e, "a character device 0:0 is overlayfs' own and cannot be made");
	return make_other(it, create_node, e);
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
	if (fd < 0 || fstatat(fd, *base, st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!it->tree->copy && tree_is_whiteout(st))) {
		if (fd >= 0)
			close(fd);
		return no_target(e, it->entry->link, "which is not in this layer");
	}
	return fd;
}

/* The path in the root of what has that name in the tar. "" if that is the top of it. */
static int clean(const struct item *it, const char *name, struct buf *path, struct err *e)
{
	const struct copy_rules *copy = it->tree->copy;
	own(str) char *below = NULL;

	if (tree_clean(name, it->limits->path, it->limits->depth, path, e) < 0)
		return -1;
	if (!copy || !*copy->below || !path->len)
		return 0;
	below = buf_steal(path);
	buf_addf(path, "%s/%s", copy->below, below);
	return 0;
}

/* The file that it names has its metadata already; what this entry says about it is not looked at.
 */
static int make_link(struct item *it, struct err *e)
{
	own(buf) struct buf path = { 0 };
	struct stat st, old;
	const char *base;
	own(fd) int dir = -1;

	if (clean(it, it->entry->link, &path, e) < 0)
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
		if (!it->tree->copy && place_clear(&it->place, e) < 0)
			return -1;
	}
	if (linkat(dir, base, it->tree->parent, it->place.name, 0) < 0)
		return err_sys(e, "make a hard link");
	return 0;
}

static const struct maker {
	mode_t type;
	int (*make)(struct item *it, struct err *e);
} makers[] = {
	{ S_IFREG, make_file }, { S_IFLNK, make_symlink }, { S_IFCHR, make_node },
	{ S_IFBLK, make_node }, { S_IFIFO, make_node },
};

static int make(struct item *it, struct err *e)
{
	int (*with)(struct item * it, struct err * e) = it->entry->hardlink ? make_link : NULL;

	if (is_dir(it->entry))
		return find_owner(it, e) < 0 ? -1 : make_dir(it, e);
	if (!with && find_owner(it, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(makers) && !with; i++) {
		if (makers[i].type == (it->entry->mode & S_IFMT))
			with = makers[i].make;
	}
	if (!with)
		return bad(e, "a kind of file that a layer cannot hold");
	if (place_begin(&it->place, it->tree, it->base, e) == 0 && with(it, e) == 0 &&
	    place_end(&it->place, e) == 0)
		return 0;
	place_drop(&it->place);
	return -1;
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

/* The root of the tar: of a layer it is that of the tree, in a copy it is there and stays as it is.
 */
static int write_root(struct item *it, struct err *e)
{
	int fd;

	if (!is_dir(it->entry))
		return bad(e, "the root must be a directory");
	if (it->tree->copy)
		return 0;
	fd = path_open_in(it->tree->root, ".", O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0 || find_owner(it, e) < 0)
		return fd < 0 ? -1 : (close(fd), -1);
	return describe_dir(it, fd, false, "", e);
}

static int write_entry(struct item *it, char *path, struct err *e)
{
	own(str) char *dir = NULL;
	bool skip = false;
	char *slash = strrchr(path, '/');

	if (!*path)
		return write_root(it, e);
	if (!it->tree->copy && check_reserved(path, &skip, e) < 0)
		return -1;
	if (skip)
		return 0;
	dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
	it->path = path;
	it->base = slash ? slash + 1 : path;
	if (tree_enter(it->tree, dir, e) < 0)
		return -1;
	if (it->tree->copy)
		return make(it, e);
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

	if (clean(&it, entry->name, &path, e) == 0 && write_entry(&it, path.s, e) == 0)
		return 0;
	shown = str_printable(entry->name, strnlen(entry->name, 200));
	return err_in(e, "\"%s\"", shown);
}
