/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/path.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/str.h"
#include "tests/unit/tmpdir.h"
#include "unit.h"

static bool same_file(int fd, int dir, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void make_dirs(int dir, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ok(mkdirat(dir, names[i], 0755) == 0, "%s: errno %d", names[i], errno);
}
#define MAKE_DIRS(dir, ...)                                                                        \
	do {                                                                                       \
		const char *const names_[] = { __VA_ARGS__ };                                      \
		make_dirs(dir, names_, sizeof(names_) / sizeof(*names_));                          \
	} while (0)

static void link_to(int dir, const char *name, const char *target)
{
	ok(symlinkat(target, dir, name) == 0, "%s: errno %d", name, errno);
}

TEST(no_symlink_and_no_dots_lead_out_of_the_root)
{
	static const char *const ways[] = { "etc/passwd",      "/etc/passwd",	 "../../etc/passwd",
					    "a/../etc/passwd", "abs/passwd",	 "up/passwd",
					    "a/abs2",	       "../abs/./passwd" };
	own(tmpdir) int root = tmpdir_open();
	struct err e;

	MAKE_DIRS(root, "etc", "a");
	put_file(root, "etc/passwd", "inside");
	link_to(root, "abs", "/etc");
	link_to(root, "up", "../../../../../../etc");
	link_to(root, "a/abs2", "/etc/passwd");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		own(fd) int fd = path_open_in(root, ways[i], O_RDONLY, 0, &e);

		ok(fd >= 0, "%s", e.msg);
		ok(same_file(fd, root, "etc/passwd"), "%s leads elsewhere", ways[i]);
		ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "it would be inherited");
	}
}

TEST(a_magic_link_in_the_root_is_refused)
{
	own(tmpdir) int root = tmpdir_open();
	own(fd) int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err e;

	ok(path_open_in(proc, "exe", O_RDONLY, 0, &e) < 0, "opened");
	ok(path_try_open_in(proc, "cwd/etc", O_PATH, 0) < 0 && errno == ELOOP, "errno %d", errno);
}

TEST(a_file_that_is_missing_is_made_with_its_mode_or_named)
{
	own(tmpdir) int root = tmpdir_open();
	own(fd) int fd = -1;
	struct stat st;
	struct err e;

	ok(path_open_in(root, "none/f", O_RDONLY, 0, &e) < 0, "opened");
	same_int(e.kind, ERR_NOT_FOUND);
	ok(strstr(e.msg, "none/f"), "%s", e.msg);
	/* A mode without O_CREAT is the caller's convenience, not an error. */
	fd = path_open_in(root, ".", O_RDONLY | O_DIRECTORY, 0644, &e);
	ok(fd >= 0, "%s", e.msg);
	close(fd);
	fd = path_open_in(root, "f", O_WRONLY | O_CREAT | O_EXCL, 0600, &e);
	ok(fd >= 0 && fstat(fd, &st) == 0, "%s", e.msg);
	same_int(st.st_mode & 0777, 0600);
}

static void parent_is(int root, const char *rel, const char *parent, const char *last)
{
	own(str) char *buf = xstrdup(rel);
	const char *got = NULL;
	struct err e;
	own(fd) int fd = path_open_parent_in(root, buf, &got, &e);

	ok(fd >= 0, "%s: %s", rel, e.msg);
	ok(same_file(fd, root, parent), "%s: another parent", rel);
	same_str(got, last);
}

TEST(the_parent_of_a_path_is_opened_inside_the_root)
{
	own(tmpdir) int root = tmpdir_open();
	static const char *const bad[] = { "", "/", ".", "..", "a/..", "a/.", "a/../", "///" };

	MAKE_DIRS(root, "a", "a/b");
	link_to(root, "abs", "/a");
	parent_is(root, "x", ".", "x");
	parent_is(root, "/x", ".", "x");
	parent_is(root, "a/b", "a", "b");
	parent_is(root, "/a/b///", "a", "b");
	parent_is(root, "abs/b/c", "a/b", "c");
	parent_is(root, "../../abs", ".", "abs"); /* the last one is not followed */
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		own(str) char *buf = xstrdup(bad[i]);
		const char *last;
		struct err e;

		ok(path_open_parent_in(root, buf, &last, &e) < 0, "\"%s\" has a parent", bad[i]);
		same_int(e.kind, ERR_USAGE);
	}
}

TEST(missing_directories_are_made_inside_the_root_with_the_mode_whatever_the_umask)
{
	own(tmpdir) int root = tmpdir_open();
	mode_t old = umask(0077);
	own(fd) int fd = -1;
	struct stat st;
	struct err e;

	MAKE_DIRS(root, "real");
	link_to(root, "abs", "/real");
	fd = path_mkdirs_in(root, "/abs/x/../y//z/", 0755, &e);
	umask(old);
	ok(fd >= 0, "%s", e.msg);
	ok(same_file(fd, root, "real/y/z"), "elsewhere");
	ok(fstatat(root, "real/y", &st, 0) == 0, "errno %d", errno);
	same_int(st.st_mode & 07777, 0755);
	ok(fstatat(root, "real", &st, 0) == 0, "errno %d", errno);
	same_int(st.st_mode & 07777, 0700); /* it was there: nobody's business */
	close(fd);
	fd = path_mkdirs_in(root, "", 0755, &e);
	ok(fd >= 0 && same_file(fd, root, "."), "%s", e.msg);
}

TEST(no_directory_is_made_through_a_dangling_symlink_or_a_file)
{
	own(tmpdir) int root = tmpdir_open();
	struct err e;

	link_to(root, "dangling", "/nowhere");
	link_to(root, "loop", "loop");
	put_file(root, "file", "");
	ok(path_mkdirs_in(root, "dangling/x", 0755, &e) < 0, "made");
	ok(strstr(e.msg, "dangling"), "%s", e.msg);
	ok(!exists(root, "nowhere"), "the target was made");
	ok(path_mkdirs_in(root, "loop/x", 0755, &e) < 0, "made");
	ok(path_mkdirs_in(root, "file/x", 0755, &e) < 0, "made");
	same_int(e.sys, ENOTDIR);
}

TEST(missing_directories_of_the_host_are_made_with_the_mode)
{
	own(tmpdir) int dir = tmpdir_open();
	own(str) char *path = str_fmt("%s/a/b//c/", fd_path(dir).s);
	mode_t old = umask(0777);
	struct stat st;
	struct err e;
	int rc = path_mkdirs(path, 0711, &e);

	umask(old);
	ok(rc == 0, "%s", e.msg);
	ok(fstatat(dir, "a/b/c", &st, 0) == 0, "errno %d", errno);
	same_int(st.st_mode & 07777, 0711);
	ok(path_mkdirs(path, 0711, &e) == 0, "a second time: %s", e.msg);
	ok(path_mkdirs("", 0711, &e) < 0, "the empty path was made");
	put_file(dir, "file", "");
	free(path);
	path = str_fmt("%s/file/x", fd_path(dir).s);
	ok(path_mkdirs(path, 0711, &e) < 0, "made");
}

TEST(a_relative_path_is_made_absolute)
{
	own(str) char *cwd = getcwd(NULL, 0), *got = NULL, *want = NULL;
	struct err e;

	got = path_absolute("/a/../b", &e);
	same_str(got, "/a/../b");
	free(got);
	got = path_absolute("x/y", &e);
	want = str_fmt("%s/x/y", strcmp(cwd, "/") == 0 ? "" : cwd);
	same_str(got, want);
	ok(path_absolute("", &e) == NULL && e.kind == ERR_USAGE, "the empty path");
}

TEST(a_current_directory_that_is_gone_is_an_error)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		char name[] = "/tmp/caddis-unit.XXXXXX";
		struct err e;

		if (!mkdtemp(name) || chdir(name) < 0 || rmdir(name) < 0)
			_exit(2);
		_exit(path_absolute("x", &e) == NULL && e.kind == ERR_NOT_FOUND ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	same_int(status, 0);
}

TEST(a_tree_is_removed_but_nothing_that_its_symlinks_name)
{
	own(tmpdir) int dir = tmpdir_open();
	struct err e = { 0 };

	MAKE_DIRS(dir, "keep", "tree", "tree/a", "tree/a/b");
	put_file(dir, "keep/file", "x");
	link_to(dir, "tree/a/link", "../../keep");
	link_to(dir, "tree/dangling", "/nowhere");
	put_file(dir, "tree/a/b/file", "x");
	ok(mkfifoat(dir, "tree/a/fifo", 0600) == 0, "errno %d", errno);
	for (int i = 0; i < 2000; i++) {
		own(str) char *name = str_fmt("tree/a/file-%d", i);

		put_file(dir, name, "");
	}
	ok(path_remove_tree(dir, "tree", &e) == 0, "%s", e.msg);
	ok(!exists(dir, "tree"), "it is still there");
	ok(exists(dir, "keep/file"), "the target of a symlink was removed");
	ok(path_remove_tree(dir, "tree", &e) == 0, "a missing one: %s", e.msg);
	ok(path_remove_tree(dir, "none/tree", &e) == 0, "a missing parent: %s", e.msg);
	link_to(dir, "link", "keep");
	ok(path_remove_tree(dir, "link", &e) == 0, "%s", e.msg);
	ok(!exists(dir, "link") && exists(dir, "keep/file"), "the symlink was followed");
	ok(path_remove_tree(dir, "keep/file", &e) == 0 && !exists(dir, "keep/file"), "%s", e.msg);
}

TEST(dots_and_the_empty_name_are_not_removed)
{
	own(tmpdir) int dir = tmpdir_open();
	static const char *const bad[] = { "", ".", "..", "a/..", "a/", "/" };
	struct err e;

	MAKE_DIRS(dir, "a");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ok(path_remove_tree(dir, bad[i], &e) < 0, "\"%s\" was removed", bad[i]);
		same_int(e.kind, ERR_USAGE);
	}
	ok(exists(dir, "a"), "removed");
}

/* A chain of n directories below name, each with a file and a sibling. */
static void nest(int dir, const char *name, int n)
{
	own(fd) int at = -1;

	MAKE_DIRS(dir, name);
	at = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < n; i++) {
		int next;

		if (mkdirat(at, "d", 0755) < 0 || mkdirat(at, "e", 0755) < 0)
			abort();
		if (i % 100 == 0)
			put_file(at, "f", "x");
		next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
}

TEST(a_tree_deeper_than_any_path_is_removed_with_few_fds)
{
	own(tmpdir) int dir = tmpdir_open();
	int status = -1;
	pid_t pid;

	nest(dir, "deep", 5000);
	pid = fork();
	if (pid == 0) {
		const struct rlimit few = { .rlim_cur = 100, .rlim_max = 100 };
		struct err e;

		setrlimit(RLIMIT_NOFILE, &few);
		if (path_remove_tree(dir, "deep", &e) == 0)
			_exit(0);
		printf("# %s\n", e.msg);
		fflush(stdout);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	same_int(status, 0);
	ok(!exists(dir, "deep"), "it is still there");
}

TEST(a_tree_into_which_somebody_writes_meanwhile_is_removed_once_that_stops)
{
	own(tmpdir) int dir = tmpdir_open();
	struct err e = { 0 };
	pid_t pid;

	MAKE_DIRS(dir, "tree", "tree/a");
	for (int i = 0; i < 300; i++) {
		own(str) char *name = str_fmt("tree/a/%d", i);

		put_file(dir, name, "");
	}
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 300; i++) {
			own(str) char *name = str_fmt("tree/a/new-%d", i);
			int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

			if (fd < 0)
				_exit(0); /* the directory is gone: they have won */
			close(fd);
		}
		_exit(0);
	}
	ok(path_remove_tree(dir, "tree", &e) == 0, "%s", e.msg);
	waitpid(pid, NULL, 0);
	ok(!exists(dir, "tree"), "it is still there");
}

/* The same directory by its path: an fd keeps the mount namespace that it was opened in. */
static int reopen(int dir)
{
	char path[64];
	ssize_t n = readlink(fd_path(dir).s, path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* In a child with a mount namespace of its own. */
static int run_unshared(int dir, int (*fn)(int dir))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(100);
		_exit(fn(reopen(dir)));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int remove_with_mount(int dir)
{
	own(fd) int at = openat(dir, "tree/a/mnt", O_PATH | O_CLOEXEC);
	own(fd) int keep = openat(dir, "keep", O_PATH | O_CLOEXEC);
	struct err e = { 0 };

	/* A bind mount of the same file system: the device number does not tell it. */
	if (mount(fd_path(keep).s, fd_path(at).s, NULL, MS_BIND, NULL) < 0)
		return 101;
	if (path_remove_tree(dir, "tree", &e) == 0)
		return 1;
	if (!strstr(e.msg, "remove tree/a/mnt: "))
		return 2;
	return exists(dir, "keep/file") ? 0 : 3;
}

TEST(a_mount_in_the_tree_is_an_error_that_names_it_and_is_left_alone)
{
	own(tmpdir) int dir = tmpdir_open();

	MAKE_DIRS(dir, "keep", "tree", "tree/a", "tree/a/mnt");
	put_file(dir, "keep/file", "x");
	same_int(run_unshared(dir, remove_with_mount), 0);
}

static int remove_as_nobody(int dir)
{
	struct err e = { 0 };

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 102;
	if (path_remove_tree(dir, "tree", &e) < 0)
		return 1;
	return exists(dir, "tree") ? 2 : 0;
}

TEST(the_owner_removes_directories_without_permissions)
{
	own(tmpdir) int dir = tmpdir_open();

	MAKE_DIRS(dir, "tree", "tree/a", "tree/a/b");
	put_file(dir, "tree/a/b/f", "x");
	ok(fchown(dir, 65534, 65534) == 0 && fchownat(dir, "tree", 65534, 65534, 0) == 0 &&
		   fchownat(dir, "tree/a", 65534, 65534, 0) == 0 &&
		   fchownat(dir, "tree/a/b", 65534, 65534, 0) == 0 &&
		   fchmodat(dir, "tree/a/b", 0, 0) == 0 && fchmodat(dir, "tree/a", 0, 0) == 0,
	   "errno %d", errno);
	same_int(run_unshared(dir, remove_as_nobody), 0);
}

int main(void)
{
	return unit_run();
}
