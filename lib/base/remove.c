/* SPDX-License-Identifier: GPL-2.0-or-later */
/* remove.c - path_remove_tree(): rm -r for trees that somebody hostile has built. */
#include "base/path.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

/*
 * A directory at this depth is not entered but renamed into the top of the tree, where its turn
 * comes later: stack and fds are bounded, however deep somebody nests.
 */
#define DEPTH_MAX 32
/* Passes over a directory into which somebody keeps writing. */
#define PASSES_MAX 1000
#define RENAME_TRIES 10000

/* A directory on the way down; the first one is the tree itself. */
struct level {
	const struct level *up;
	const char *name;
	DIR *dir;
	int depth;
};

struct removal {
	int top; /* fd of the tree's own directory, -1 before it is open */
	unsigned moved;
	struct err *e;
};

static int remove_entry(struct removal *r, const struct level *up, int parent, const char *name,
			bool is_dir);

static int failed(struct removal *r, const struct level *up, const char *name)
{
	int sys = errno;
	own(str) char *path = xstrdup(name);
	own(str) char *shown = NULL;

	for (const struct level *l = up; l; l = l->up) {
		char *joined = str_fmt("%s/%s", l->name, path);

		free(path);
		path = joined;
	}
	shown = str_printable(path, strlen(path));
	errno = sys;
	return err_sys(r->e, "remove %s", shown);
}

/* Says EXDEV for a mount point, bind mounts of the same file system included. */
static int open_dir_here(int parent, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV,
	};
	own(fd) int path = -1;
	int fd = (int)syscall(SYS_openat2, parent, name, &how, sizeof(how));

	if (fd >= 0 || errno != EACCES)
		return fd;
	/* Not root: a directory of ours may lack the permissions. By fd, never through a symlink.
	 */
	path = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (path < 0 || chmod(fd_path(path).s, 0700) < 0) {
		errno = EACCES;
		return -1;
	}
	return (int)syscall(SYS_openat2, parent, name, &how, sizeof(how));
}

/* Moves parent/name to the top of the tree, under a name that nothing there has. */
static int move_up(struct removal *r, const struct level *up, int parent, const char *name)
{
	for (int i = 0; i < RENAME_TRIES; i++) {
		char to[32];

		snprintf(to, sizeof(to), ".deep-%u", r->moved++);
		if (syscall(SYS_renameat2, parent, name, r->top, to, 1U /* RENAME_NOREPLACE */) ==
		    0)
			return 0;
		if (errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return failed(r, up, name);
}

/* Removes what the directory holds now; 1 when there was something. */
static int remove_pass(struct removal *r, const struct level *l)
{
	int any = 0;

	rewinddir(l->dir);
	for (;;) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(l->dir);
		if (!entry)
			return errno ? failed(r, l->up, l->name) : any;
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		any = 1;
		if (remove_entry(r, l, dirfd(l->dir), entry->d_name, entry->d_type == DT_DIR) < 0)
			return -1;
	}
}

/* Empties the directory fd, which it closes, and removes it as parent/name. */
static int remove_dir(struct removal *r, const struct level *up, int parent, const char *name,
		      int fd)
{
	own(dir) DIR *dir = fdopendir(fd);
	struct level here = { .up = up, .name = name, .dir = dir, .depth = up ? up->depth + 1 : 0 };

	if (!dir) {
		close(fd);
		return failed(r, up, name);
	}
	if (!up)
		r->top = fd;
	for (int i = 0; i < PASSES_MAX; i++) {
		unsigned moved = r->moved;
		int any = remove_pass(r, &here);

		if (r->moved != moved)
			i = 0; /* the tree got flatter: no end of passes yet */
		if (any < 0)
			return -1;
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			break;
	}
	return failed(r, up, name);
}

static int remove_entry(struct removal *r, const struct level *up, int parent, const char *name,
			bool is_dir)
{
	int fd;

	if (!is_dir) {
		if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return failed(r, up, name);
	}
	if (up && up->depth + 1 >= DEPTH_MAX)
		return move_up(r, up, parent, name);
	fd = open_dir_here(parent, name);
	if (fd >= 0)
		return remove_dir(r, up, parent, name, fd);
	if (errno == ENOENT)
		return 0;
	/* Replaced by a file since the directory was read. */
	if ((errno == ENOTDIR || errno == ELOOP) && unlinkat(parent, name, 0) == 0)
		return 0;
	if (errno == EXDEV)
		errno = EBUSY;
	return failed(r, up, name);
}

int path_remove_tree(int dir, const char *name, struct err *e)
{
	struct removal r = { .top = -1, .e = e };
	const char *slash = strrchr(name, '/');
	const char *last = slash ? slash + 1 : name;
	own(fd) int parent = -1;

	if (!*last || str_eq(last, ".") || str_eq(last, ".."))
		return err_set(e, ERR_USAGE, "cannot remove \"%s\"", name);
	if (slash) {
		own(str) char *up = xstrndup(name, (size_t)(slash + 1 - name));

		parent = openat(dir, up, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0)
			return errno == ENOENT ? 0 : err_sys(e, "open %s", up);
		dir = parent;
	}
	return remove_entry(&r, NULL, dir, last, false);
}
