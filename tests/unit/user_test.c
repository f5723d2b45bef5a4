/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/path.h"
#include "executor/executor.h"
#include "executor/user.h"
#include "unit.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken line\n"
			     "1000:x:0:0:a numeric name::/bin/sh\n"
			     "u:x:1000:100:U:/home/u:/bin/sh\n"
			     "wrap:x:4294967296:4294967296::/:/bin/sh\n"
			     "minus:x:-1:-1::/:/bin/sh\n"
			     "evil:x:7:7::/x\tr:/bin/sh\n";
static const char group[] = "root:x:0:\n"
			    "users:x:100:\n"
			    "g1:x:50:u\n"
			    "g2:x:51:someone,u\n"
			    "not:x:52:uu,someone\n";

struct got {
	int ret;
	struct oci_user u;
	char *home;
	struct err e;
};

static struct got resolve(const char *user)
{
	struct user_files f = { passwd, group, sizeof(passwd) - 1, sizeof(group) - 1 };
	struct got g = { 0 };

	g.ret = user_resolve(&f, user, &g.u, &g.home, &g.e);
	return g;
}

static void release(struct got *g)
{
	free(g->home);
	free(g->u.additional_gids.v);
}

// clang-format off
static const struct {
	const char *user;
	long long uid, gid; /* -1: an error */
} table[] = {
	{ "",           0,          0 },
	{ "0",          0,          0 },
	{ "1",          1,          0 },
	{ "1:2",        1,          2 },
	{ ":2",         0,          2 },
	{ "root",       0,          0 },
	{ "u",          1000,       100 },
	{ "u:g1",       1000,       50 },
	{ "u:7",        1000,       7 },
	{ "1000",       1000,       100 },
	{ "2147483647", 2147483647, 0 },
	{ "0x1",        -1, -1 },
	{ "01",         -1, -1 },
	{ "1 ",         -1, -1 },
	{ " 1",         -1, -1 },
	{ "+1",         -1, -1 },
	{ "-1",         -1, -1 },
	{ "2147483648", -1, -1 },
	{ "4294967295", -1, -1 },
	{ "4294967296", -1, -1 },
	{ "1e3",        -1, -1 },
	{ "no",         -1, -1 },
	{ "1000:no",    -1, -1 },
	{ "1000:",      -1, -1 },
	{ "a:b:c",      -1, -1 },
	{ "1:2:3",      -1, -1 },
	{ "wrap",       -1, -1 },
	{ "minus",      -1, -1 },
	{ "u\n",        -1, -1 },
	{ "99999999999999999999", -1, -1 },
};
// clang-format on

/* SEC-R7 */
TEST(a_user_means_exactly_that_number_or_is_an_error)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct got g = resolve(table[i].user);

		if (table[i].uid < 0) {
			ok(g.ret < 0, "\"%s\" was taken as %lld:%lld", table[i].user,
			   (long long)g.u.uid, (long long)g.u.gid);
			ok(g.ret == 0 || g.e.kind == ERR_USAGE, "\"%s\": kind %d", table[i].user,
			   (int)g.e.kind);
		} else {
			ok(g.ret == 0, "\"%s\": %s", table[i].user, g.e.msg);
			ok(g.u.uid == table[i].uid && g.u.gid == table[i].gid,
			   "\"%s\" is %lld:%lld", table[i].user, (long long)g.u.uid,
			   (long long)g.u.gid);
		}
		release(&g);
	}
}

TEST(a_user_of_a_million_bytes_is_refused)
{
	char *s = malloc(1 << 20);
	struct got g;

	memset(s, '1', (1 << 20) - 1);
	s[(1 << 20) - 1] = '\0';
	g = resolve(s);
	ok(g.ret < 0, "taken as %lld", (long long)g.u.uid);
	free(s);
}

TEST(a_numeric_user_is_never_a_name_of_the_image)
{
	struct got g = resolve("1000");

	same_int(g.ret, 0);
	same_int(g.u.uid, 1000);
	same_str(g.home, "/home/u");
	release(&g);
}

TEST(a_named_user_gets_the_groups_that_list_him_and_no_others)
{
	struct got g = resolve("u");

	same_int(g.u.additional_gids.n, 2);
	if (g.u.additional_gids.n == 2) {
		same_int(g.u.additional_gids.v[0], 50);
		same_int(g.u.additional_gids.v[1], 51);
	}
	release(&g);
}

TEST(a_home_with_control_characters_is_not_handed_on)
{
	struct got g = resolve("evil");

	same_int(g.ret, 0);
	same_int(g.u.uid, 7);
	same_str(g.home, "/");
	release(&g);
}

/* ---- files ---- */

static int with_root(void (*fill)(int etc), struct err *e)
{
	char dir[] = "/tmp/user_test.XXXXXX";
	int root, etc, ret;
	struct oci_user u = { 0 };
	char *home = NULL;
	struct err ignored;
	struct timespec a, b;

	if (!mkdtemp(dir))
		return -2;
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(root, "etc", 0755);
	etc = openat(root, "etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fill(etc);
	clock_gettime(CLOCK_MONOTONIC, &a);
	ret = user_lookup(root, "u", &u, &home, e);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok(b.tv_sec - a.tv_sec < 2, "took %ld seconds", (long)(b.tv_sec - a.tv_sec));
	free(home);
	free(u.additional_gids.v);
	close(etc);
	close(root);
	path_remove_tree(AT_FDCWD, dir, &ignored);
	return ret;
}

static void put(int etc, const char *name, const char *text)
{
	int fd = openat(etc, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ok(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write %s", name);
	close(fd);
}

static void fill_fifo(int etc)
{
	mkfifoat(etc, "passwd", 0644);
}
static void fill_directory(int etc)
{
	mkdirat(etc, "passwd", 0755);
}
static void fill_device(int etc)
{
	mknodat(etc, "passwd", S_IFCHR | 0644, 0x0105);
}
static void fill_link_out(int etc)
{
	ok(symlinkat("/proc/kmsg", etc, "passwd") == 0, "symlink");
}
static void fill_sparse(int etc)
{
	int fd = openat(etc, "passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ok(ftruncate(fd, 5LL << 30) == 0, "ftruncate");
	close(fd);
}
static void fill_group_fifo(int etc)
{
	put(etc, "passwd", "u:x:5:6::/:/bin/sh\n");
	mkfifoat(etc, "group", 0644);
}
static void fill_good(int etc)
{
	put(etc, "real", "u:x:5:6::/:/bin/sh\n");
	ok(symlinkat("/etc/real", etc, "passwd") == 0, "symlink");
}
static void fill_long_line(int etc)
{
	int fd = openat(etc, "passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	static char block[1 << 20];

	memset(block, 'a', sizeof(block));
	for (int i = 0; i < 9; i++)
		ok(write(fd, block, sizeof(block)) == (ssize_t)sizeof(block), "write");
	ok(write(fd, "\nu:x:5:6::/:/\n", 14) == 14, "write");
	close(fd);
}

TEST(user_files_that_are_no_regular_files_are_refused_at_once)
{
	static void (*const fills[])(int) = { fill_fifo, fill_directory, fill_device, fill_sparse,
					      fill_group_fifo };

	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		struct err e;

		same_int(with_root(fills[i], &e), -1);
	}
}

TEST(a_passwd_that_links_to_a_file_of_the_host_is_not_found_there)
{
	struct err e = { 0 };

	same_int(with_root(fill_link_out, &e), -1);
	ok(strstr(e.msg, "no user") != NULL, "%s", e.msg);
}

TEST(links_inside_the_image_and_long_lines_are_read)
{
	struct err e;

	same_int(with_root(fill_good, &e), 0);
	same_int(with_root(fill_long_line, &e), 0);
}

int main(void)
{
	return unit_run();
}
