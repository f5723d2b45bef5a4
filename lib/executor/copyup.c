/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tmpcopyup: what lies below a mount's target is copied into it first. Everything is opened by its
 * directory's fd and never through a link, for the image made it: files, directories, links, nodes,
 * with their modes, owners and times. How much it is, the new file system's size bounds.
 */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

#define DEPTH_MAX 100 /* directories in each other; each has three descriptors open */
#define CHUNK ((size_t)1 << 20)

static int copy_below(int from, int to, int depth, struct err *e);

static int copy_meta(int to, const char *name, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the owner of %.100s", name);
	/* After the owner, whose change takes the set-user-ID bit away. */
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return err_sys(e, "set the mode of %.100s", name);
	if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the times of %.100s", name);
	return 0;
}

static int copy_file(int from, int to, const char *name, struct err *e)
{
	own(fd) int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	own(fd) int out = -1;
	struct stat st;
	ssize_t n;

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(e, "open %.100s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAIL, "%.100s has changed meanwhile", name);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, "create %.100s", name);
	while ((n = sendfile(out, in, NULL, CHUNK)) > 0)
		;
	return n < 0 ? err_sys(e, "copy %.100s", name) : 0;
}

static int copy_dir(int from, int to, const char *name, int depth, struct err *e)
{
	own(fd) int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	own(fd) int out = -1;

	if (in < 0)
		return err_sys(e, "open %.100s", name);
	if (mkdirat(to, name, 0700) < 0)
		return err_sys(e, "make %.100s", name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_sys(e, "open %.100s", name);
	return copy_below(in, out, depth + 1, e);
}

static int copy_link(int from, int to, const char *name, struct err *e)
{
	char target[4096];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "read link %.100s", name);
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? err_sys(e, "link %.100s", name) : 0;
}

static int copy_one(int from, int to, const char *name, int depth, struct err *e)
{
	struct stat st;
	int rc;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at %.100s", name);
	if (S_ISDIR(st.st_mode))
		rc = copy_dir(from, to, name, depth, e);
	else if (S_ISREG(st.st_mode))
		rc = copy_file(from, to, name, e);
	else if (S_ISLNK(st.st_mode))
		rc = copy_link(from, to, name, e);
	else
		rc = mknodat(to, name, st.st_mode & (S_IFMT | 0600), st.st_rdev) < 0
			     ? err_sys(e, "make node %.100s", name)
			     : 0;
	return rc < 0 ? -1 : copy_meta(to, name, &st, e);
}

static int copy_below(int from, int to, int depth, struct err *e)
{
	own(strv) struct strv names = { 0 };

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_FAIL, "directories lie deeper than %d", DEPTH_MAX);
	if (path_list(from, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (copy_one(from, to, names.v[i], depth, e) < 0)
			return -1;
	return 0;
}

int copyup(int target, int mount, bool keep_mode, struct err *e)
{
	own(fd) int from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(fd) int to = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return err_sys(e, "tmpcopyup: open the directory");
	if (copy_below(from, to, 0, e) < 0 || (!keep_mode && copy_meta(to, ".", &st, e) < 0))
		return err_in(e, "tmpcopyup");
	return 0;
}
