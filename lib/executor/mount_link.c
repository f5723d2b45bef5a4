/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts of, on and instead of symbolic links: src-nofollow, dest-nofollow, copy-symlink. */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/path.h"

int mount_link_read(const struct oci_mount *m, struct init_mount *im, struct err *e)
{
	char text[PATH_MAX];
	ssize_t n;

	if (!im->opts.copy_symlink)
		return 0;
	n = readlink(m->source, text, sizeof(text) - 1);
	if (n < 0)
		return errno == EINVAL ? 0 : err_sys(e, "bind source %s", m->source);
	im->link = xstrndup(text, (size_t)n);
	return 0;
}

/* The directory that holds path, made where it is missing. */
static int parent_open(int root, char *path, const char **last, struct err *e)
{
	own(str) char *above = xstrdup(path);
	char *slash;
	own(fd) int made = -1;

	for (size_t n = strlen(above); n > 1 && above[n - 1] == '/';)
		above[--n] = '\0';
	slash = strrchr(above, '/');
	if (slash && slash != above) {
		*slash = '\0';
		made = path_mkdirs_in(root, above, 0755, e);
		if (made < 0)
			return -1;
	}
	return path_open_parent_in(root, path, last, e);
}

int mount_link_make(int root, const struct oci_mount *m, const struct init_mount *im, struct err *e)
{
	own(str) char *path = xstrdup(m->destination);
	char there[PATH_MAX];
	const char *last;
	own(fd) int parent = parent_open(root, path, &last, e);
	ssize_t n;

	if (parent < 0)
		return -1;
	if (symlinkat(im->link, parent, last) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "link");
	n = readlinkat(parent, last, there, sizeof(there));
	if (n == (ssize_t)strlen(im->link) && memcmp(there, im->link, (size_t)n) == 0)
		return 0;
	return err_set(e, ERR_EXISTS, "there is something else already");
}

int mount_target_nofollow(int root, const char *destination, struct err *e)
{
	own(str) char *path = xstrdup(destination);
	const char *last;
	own(fd) int parent = parent_open(root, path, &last, e);
	int fd;

	if (parent < 0)
		return -1;
	fd = openat(parent, last, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open") : fd;
}
