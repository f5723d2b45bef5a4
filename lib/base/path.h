/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * path.h - paths inside a root: (directory fd, relative path), resolved by openat2 (Linux 5.6).
 *
 * This is the one door to every path that an image, a container or a user names inside a root file
 * system: symlinks, absolute ones too, resolve inside the root; ".." stops at it. Act on the fd
 * that comes back (/proc/self/fd/N, *at() with AT_EMPTY_PATH), never on a joined string.
 */
#ifndef CADDIS_BASE_PATH_H
#define CADDIS_BASE_PATH_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/own.h"

/* O_CLOEXEC is added; magic links are refused. Retries while renames race the walk (EAGAIN). fd or
 * -1. */
int path_open_in(int root, const char *rel, int flags, mode_t mode, struct err *e);
/* The same, but -1 with only errno set, for callers that try. */
int path_try_open_in(int root, const char *rel, int flags, mode_t mode);
/* The same, of a path in which nothing is a symlink (ELOOP). */
int path_try_open_plain(int root, const char *rel, int flags);
/*
 * Opens the parent directory of rel inside root (O_PATH) and points *last at its final component,
 * which is never "", "." or ".."; then use openat(parent, *last, ...|O_NOFOLLOW). *last points into
 * rel_buf, a caller's copy of rel that is modified (slashes at the end are cut).
 */
int path_open_parent_in(int root, char *rel_buf, const char **last, struct err *e);
/* Makes rel and its missing parents (mode for each, whatever the umask); returns an O_PATH fd of
 * it. Dangling symlinks on the way are an error. */
int path_mkdirs_in(int root, const char *rel, mode_t mode, struct err *e);
/*
 * Removes name and everything below it, not crossing mounts, not following symlinks, by fd. A
 * missing one is a success. Depth does not use stack without bound.
 */
int path_remove_tree(int dir, const char *name, struct err *e);
/* The names in a directory (any fd of it), sorted, added to names. */
struct strv;
int path_list(int dir, struct strv *names, struct err *e);
/* mkdir -p of a host path, each missing part with mode (the umask does not count). */
int path_mkdirs(const char *path, mode_t mode, struct err *e);
/* An absolute path: path itself, or the current directory put in front. Newly allocated; NULL with
 * *e when the current directory is gone. */
char *path_absolute(const char *path, struct err *e);
/* The path for fd: "/proc/self/fd/N". */
struct fdpath {
	char s[32];
};
struct fdpath fd_path(int fd);

#endif
