/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <errno.h>

#include "tests/unit/tmpdir.h"
#include "unit.h"

static void not_loaded(int dir, const char *name, size_t max, const char *reason)
{
	own(buf) struct buf b = { 0 };
	struct err e = { 0 };

	ok(file_load(dir, name, max, &b, &e) < 0, "%s was loaded", name);
	ok(strstr(e.msg, name) && strstr(e.msg, reason), "got \"%s\", want \"%s\" in it", e.msg,
	   reason);
	same_int(b.len, 0);
}

TEST(only_a_regular_file_is_loaded_and_nothing_blocks)
{
	own(tmpdir) int dir = tmpdir_open();
	struct err e;
	own(buf) struct buf b = { 0 };

	put_file(dir, "file", "text");
	ok(symlinkat("file", dir, "link") == 0 && mkfifoat(dir, "fifo", 0600) == 0 &&
		   mkdirat(dir, "dir", 0700) == 0,
	   "errno %d", errno);
	alarm(10); /* a FIFO without a writer would hold us for ever */
	not_loaded(dir, "link", 100, "symbolic link");
	not_loaded(dir, "fifo", 100, "FIFO");
	not_loaded(dir, "dir", 100, "directory");
	not_loaded(AT_FDCWD, "/dev/zero", 100, "device");
	not_loaded(dir, "none", 100, "No such file");
	alarm(0);
	ok(file_load(dir, "file", 100, &b, &e) == 0, "%s", e.msg);
	same_str(b.s, "text");
}

TEST(a_file_of_exactly_the_bound_is_loaded_and_one_byte_more_is_not)
{
	own(tmpdir) int dir = tmpdir_open();
	own(buf) struct buf b = { 0 };
	struct err e;

	put_file(dir, "f", "12345");
	ok(file_load(dir, "f", 5, &b, &e) == 0, "%s", e.msg);
	same_int(b.len, 5);
	not_loaded(dir, "f", 4, "larger than 4 bytes");
	put_file(dir, "empty", "");
	ok(file_load(dir, "empty", 0, &b, &e) == 0, "%s", e.msg);
	same_int(b.len, 5);
}

TEST(a_large_file_is_loaded_whole)
{
	own(tmpdir) int dir = tmpdir_open();
	own(buf) struct buf text = { 0 }, b = { 0 };
	struct err e;

	for (int i = 0; i < 100000; i++)
		buf_addf(&text, "%d\n", i);
	put_file(dir, "f", text.s);
	ok(file_load(dir, "f", 1 << 20, &b, &e) == 0, "%s", e.msg);
	same_int(b.len, text.len);
	ok(memcmp(b.s, text.s, text.len) == 0, "other bytes");
}

TEST(a_file_of_the_kernel_is_loaded_without_its_newline)
{
	own(buf) struct buf b = { 0 };
	struct err e;

	ok(file_load_kernel(AT_FDCWD, "/proc/self/comm", &b, &e) == 0, "%s", e.msg);
	same_str(b.s, "file_test");
	b.len = 0;
	ok(file_load_kernel(AT_FDCWD, "/proc/self/mounts", &b, &e) == 0, "%s", e.msg);
	ok(b.len > 0 && b.s[b.len - 1] != '\n', "%s", b.s);
	ok(file_load_kernel(AT_FDCWD, "/proc/self/none", &b, &e) < 0, "loaded");
	same_int(e.kind, ERR_NOT_FOUND);
}

static void replaced(enum file_sync sync, const char *name)
{
	own(tmpdir) int dir = tmpdir_open();
	own(buf) struct buf b = { 0 };
	struct stat st;
	struct err e;
	mode_t old;

	ok(mkdirat(dir, "sub", 0700) == 0, "errno %d", errno);
	old = umask(0777);
	ok(file_replace(dir, name, "first", 5, sync, &e) == 0, "%s", e.msg);
	ok(file_replace(dir, name, "2nd", 3, sync, &e) == 0, "%s", e.msg);
	umask(old);
	ok(file_load(dir, name, 100, &b, &e) == 0, "%s", e.msg);
	same_str(b.s, "2nd");
	ok(fstatat(dir, name, &st, 0) == 0, "errno %d", errno);
	same_int(st.st_mode & 07777, 0600);
}

TEST(a_replaced_file_has_the_new_text_and_mode_0600_whatever_the_umask)
{
	replaced(FILE_NOSYNC, "f");
	replaced(FILE_SYNC, "f");
	replaced(FILE_SYNC, "sub/f");
}

static int entries(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	own(dir) DIR *d = fdopendir(copy);

	while (readdir(d))
		n++;
	return n - 2;
}

TEST(a_created_file_has_its_text_and_mode_0600_and_follows_no_link)
{
	own(tmpdir) int dir = tmpdir_open();
	own(buf) struct buf made = { 0 };
	own(buf) struct buf victim = { 0 };
	struct stat st;
	struct err e;
	mode_t old = umask(0277);
	int rc;

	put_file(dir, "victim", "untouched");
	ok(symlinkat("victim", dir, "f") == 0, "errno %d", errno);
	rc = file_create(dir, "f", "text", 4, &e);
	umask(old);
	ok(rc == 0, "%s", e.msg);
	ok(fstatat(dir, "f", &st, AT_SYMLINK_NOFOLLOW) == 0, "errno %d", errno);
	same_int(st.st_mode, S_IFREG | 0600);
	ok(file_load(dir, "f", 100, &made, &e) == 0, "%s", e.msg);
	same_str(made.s, "text");
	ok(file_load(dir, "victim", 100, &victim, &e) == 0, "%s", e.msg);
	same_str(victim.s, "untouched");
	same_int(entries(dir), 2);
}

TEST(what_a_crash_left_of_an_earlier_replacement_does_not_matter)
{
	own(tmpdir) int dir = tmpdir_open();
	own(buf) struct buf b = { 0 };
	struct err e;

	put_file(dir, "victim", "untouched");
	ok(symlinkat("victim", dir, ".f.new") == 0, "errno %d", errno);
	ok(file_replace(dir, "f", "new", 3, FILE_NOSYNC, &e) == 0, "%s", e.msg);
	ok(file_load(dir, "victim", 100, &b, &e) == 0, "%s", e.msg);
	same_str(b.s, "untouched");
	same_int(entries(dir), 2);
}

TEST(a_replacement_that_fails_leaves_the_old_file_and_nothing_else)
{
	own(tmpdir) int dir = tmpdir_open();
	struct err e;

	ok(mkdirat(dir, "f", 0700) == 0, "errno %d", errno);
	ok(file_replace(dir, "f", "new", 3, FILE_NOSYNC, &e) < 0, "a directory was replaced");
	ok(strstr(e.msg, "replace f: "), "%s", e.msg);
	same_int(entries(dir), 1);
}

TEST(a_file_of_the_kernel_is_written_but_never_created)
{
	own(tmpdir) int dir = tmpdir_open();
	struct err e;

	ok(file_write_kernel(dir, "none", "1", &e) < 0, "written");
	same_int(e.kind, ERR_NOT_FOUND);
	ok(!exists(dir, "none"), "created");
	ok(file_write_kernel(AT_FDCWD, "/proc/self/comm", "renamed", &e) == 0, "%s", e.msg);
	ok(file_write_kernel(AT_FDCWD, "/proc/self/comm", "file_test", &e) == 0, "%s", e.msg);
	ok(file_write_kernel(AT_FDCWD, "/proc/self/oom_score_adj", "many", &e) < 0, "written");
	ok(strstr(e.msg, "write \"many\" to /proc/self/oom_score_adj: Invalid argument"), "%s",
	   e.msg);
}

int main(void)
{
	return unit_run();
}
