/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/path.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

/* A rename that races the walk makes openat2 say EAGAIN; somebody who renames for ever must not
 * hold us. */
#define EAGAIN_TRIES 10000
/* One more component than fit into PATH_MAX. */
#define OPEN_DIR (O_PATH | O_DIRECTORY)

static int open_how(int dir, const char *rel, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
				.resolve = resolve };

	/* The kernel refuses a mode where nothing can be created. */
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode & 07777;
	for (int i = 0;; i++) {
		int fd = (int)syscall(SYS_openat2, dir, rel, &how, sizeof(how));

		if (fd >= 0 || errno != EAGAIN || i == EAGAIN_TRIES)
			return fd;
		if (i > 10)
			sched_yield();
	}
}

int path_try_open_in(int root, const char *rel, int flags, mode_t mode)
{
	return open_how(root, rel, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_try_open_plain(int root, const char *rel, int flags)
{
	return open_how(root, rel, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int path_open_in(int root, const char *rel, int flags, mode_t mode, struct err *e)
{
	int fd = path_try_open_in(root, rel, flags, mode);

	return fd >= 0 ? fd : err_sys(e, "open %s in the root file system", rel);
}

static bool is_dots(const char *name)
{
	return str_eq(name, ".") || str_eq(name, "..");
}

int path_open_parent_in(int root, char *rel_buf, const char **last, struct err *e)
{
	size_t len = strlen(rel_buf);
	const char *parent = ".";
	char *slash;
	int fd;

	while (len > 0 && rel_buf[len - 1] == '/')
		rel_buf[--len] = '\0';
	slash = strrchr(rel_buf, '/');
	*last = slash ? slash + 1 : rel_buf;
	if (!**last || is_dots(*last))
		return err_set(e, ERR_USAGE, "the path \"%s\" names no file of a directory",
			       rel_buf);
	if (slash == rel_buf) {
		parent = "/";
	} else if (slash) {
		*slash = '\0';
		parent = rel_buf;
	}
	fd = path_try_open_in(root, parent, OPEN_DIR, 0);
	return fd >= 0 ? fd : err_sys(e, "open the directory %s in the root file system", parent);
}

/*
 * Makes one directory, with exactly these permissions. 0 also when something has that name already,
 * which keeps its mode.
 */
static int make_dir(int parent, const char *name, mode_t mode)
{
	own(fd) int fd = -1;
	struct stat st;

	if (mkdirat(parent, name, mode) < 0)
		return errno == EEXIST ? 0 : -1;
	/* By fd, as the name may be somebody's symlink by now. */
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if ((st.st_mode & 01777) == (mode & 01777))
		return 0;
	return fchmod(fd, (mode & 01777) | (st.st_mode & S_ISGID));
}

/* The end of the component at p, and past the slashes before it. NULL: none left. */
static char *next_component(char **p)
{
	char *s = *p + strspn(*p, "/");

	*p = s;
	return *s ? s + strcspn(s, "/") : NULL;
}

/* Opens buf up to its end, a prefix of the path, inside root; makes its last component where it is
 * missing. */
static int open_or_make(int root, int parent, const char *prefix, const char *name, mode_t mode)
{
	int fd = path_try_open_in(root, prefix, OPEN_DIR, 0);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (make_dir(parent, name, mode) < 0)
		return -1;
	return path_try_open_in(root, prefix, OPEN_DIR, 0);
}

int path_mkdirs_in(int root, const char *rel, mode_t mode, struct err *e)
{
	own(fd) int fd = path_try_open_in(root, *rel ? rel : ".", OPEN_DIR, 0);
	own(str) char *buf = NULL;
	char *p, *end;

	if (fd >= 0)
		return fd_steal(&fd);
	if (errno != ENOENT)
		return err_sys(e, "open %s in the root file system", rel);
	fd = path_try_open_in(root, "/", OPEN_DIR, 0);
	if (fd < 0)
		return err_sys(e, "open the root file system");
	/* Each prefix is resolved from the root anew: a symlink or ".." in it may lead anywhere
	 * inside. */
	buf = xstrdup(rel);
	for (p = buf; (end = next_component(&p)); p = end) {
		char after = *end;
		int next;

		*end = '\0';
		next = open_or_make(root, fd, buf, p, mode);
		if (next < 0)
			return err_sys(e, "make the directory %s in the root file system", buf);
		close(fd);
		fd = next;
		*end = after;
	}
	return fd_steal(&fd);
}

int path_mkdirs(const char *path, mode_t mode, struct err *e)
{
	own(fd) int fd = open(path, OPEN_DIR | O_CLOEXEC);
	own(str) char *buf = NULL;
	char *p, *end;

	if (fd >= 0)
		return 0;
	if (errno != ENOENT || !*path)
		return err_sys(e, "open the directory \"%s\"", path);
	fd = open(*path == '/' ? "/" : ".", OPEN_DIR | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open the current directory");
	buf = xstrdup(path);
	for (p = buf; (end = next_component(&p)); p = end) {
		char after = *end;
		int next;

		*end = '\0';
		next = openat(fd, p, OPEN_DIR | O_CLOEXEC);
		if (next < 0 && errno == ENOENT && make_dir(fd, p, mode) == 0)
			next = openat(fd, p, OPEN_DIR | O_CLOEXEC);
		if (next < 0)
			return err_sys(e, "make the directory %s", buf);
		close(fd);
		fd = next;
		*end = after;
	}
	return 0;
}

char *path_absolute(const char *path, struct err *e)
{
	own(str) char *cwd = NULL;

	if (!*path) {
		err_set(e, ERR_USAGE, "the path is empty");
		return NULL;
	}
	if (*path == '/')
		return xstrdup(path);
	cwd = getcwd(NULL, 0);
	/* A directory out of reach of our root has a name that begins otherwise. */
	if (!cwd || *cwd != '/') {
		errno = cwd ? ENOENT : errno;
		err_sys(e, "find the current directory");
		return NULL;
	}
	return str_fmt("%s/%s", str_eq(cwd, "/") ? "" : cwd, path);
}

struct fdpath fd_path(int fd)
{
	struct fdpath p = { "/proc/self/fd/" };
	char digits[16];
	size_t n = 0, at = strlen(p.s);
	unsigned v = (unsigned)fd;

	/* Not snprintf(): a child that enters a container would touch its pages for this alone. */
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		p.s[at++] = digits[--n];
	return p;
}

int path_list(int dir, struct strv *names, struct err *e)
{
	own(fd) int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = again < 0 ? NULL : fdopendir(again);

	if (!d)
		return err_sys(e, "read the directory");
	fd_steal(&again); /* d closes it */
	for (;;) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(d);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strv_add(names, entry->d_name);
	}
	if (errno)
		return err_sys(e, "read the directory");
	strv_sort(names);
	return 0;
}
