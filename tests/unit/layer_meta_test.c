/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an entry says about its file arrives, and nothing that would act outside of the layer. */
#include <endian.h>

#include "tar.h"

static void xattr(struct buf *pax, const char *name, const void *value, size_t n)
{
	char key[300];

	snprintf(key, sizeof(key), "SCHILY.xattr.%s", name);
	pax_record(pax, key, value, n);
}

TEST(owner_mode_and_time_are_those_of_the_entry)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 }, pax = { 0 };
	struct stat st;

	world_open(&w);
	pax_record(&pax, "mtime", "1000000000.123456789", 20);
	add(&b, .name = "f", .data = "x", .mode = 0604, .uid = 12, .gid = 34, .pax = &pax);
	add(&b, .name = "d", .type = '5', .mode = 01770, .uid = 5, .gid = 6, .mtime = 77);
	add(&b, .name = "l", .type = '2', .link = "f", .mode = 0777, .uid = 7, .gid = 8,
	    .mtime = 99);
	add(&b, .name = "d/late", .data = "x");
	tar_end(&b);
	same_int(unpack(&w, &b), 0);
	st = tree_stat(&w, "f");
	ok(st.st_mode == (S_IFREG | 0604) && st.st_uid == 12 && st.st_gid == 34, "%o %u:%u",
	   st.st_mode, st.st_uid, st.st_gid);
	same_int(st.st_mtim.tv_sec, 1000000000);
	same_int(st.st_mtim.tv_nsec, 123456789);
	st = tree_stat(&w, "d");
	ok(st.st_mode == (S_IFDIR | 01770) && st.st_uid == 5 && st.st_gid == 6, "%o %u:%u",
	   st.st_mode, st.st_uid, st.st_gid);
	same_int(st.st_mtim.tv_sec, 77);
	st = tree_stat(&w, "l");
	ok(S_ISLNK(st.st_mode) && st.st_uid == 7 && st.st_gid == 8, "%o %u:%u", st.st_mode,
	   st.st_uid, st.st_gid);
	same_int(st.st_mtim.tv_sec, 99);
}

TEST(modes_do_not_depend_on_the_umask_and_leave_it_alone)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 };
	mode_t old = umask(077);

	world_open(&w);
	add(&b, .name = "f", .mode = 0666);
	add(&b, .name = "d", .type = '5', .mode = 0777);
	add(&b, .name = "p", .type = '6', .mode = 0622);
	tar_end(&b);
	same_int(unpack(&w, &b), 0);
	same_int(umask(old), 077);
	same_int(tree_stat(&w, "f").st_mode, S_IFREG | 0666);
	same_int(tree_stat(&w, "d").st_mode, S_IFDIR | 0777);
	same_int(tree_stat(&w, "p").st_mode, S_IFIFO | 0622);
}

TEST(special_bits_survive_the_owner_and_the_data)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 };

	world_open(&w);
	add(&b, .name = "su", .data = "x", .mode = 04755, .uid = 3);
	add(&b, .name = "sg", .type = '5', .mode = 02775, .gid = 9);
	add(&b, .name = "sg/f", .data = "x");
	add(&b, .name = "sg/d", .type = '5');
	add(&b, .name = "sg/implicit/f", .data = "x");
	tar_end(&b);
	same_int(unpack(&w, &b), 0);
	same_int(tree_stat(&w, "su").st_mode, S_IFREG | 04755);
	same_int(tree_stat(&w, "sg").st_mode, S_IFDIR | 02775);
	same_int(tree_stat(&w, "sg/f").st_gid, 0);
	same_int(tree_stat(&w, "sg/d").st_gid, 0);
	same_int(tree_stat(&w, "sg/d").st_mode, S_IFDIR | 0755);
	same_int(tree_stat(&w, "sg/implicit").st_gid, 0);
	same_int(tree_stat(&w, "sg/implicit").st_mode, S_IFDIR | 0755);
}

TEST(a_directory_keeps_its_time_whatever_is_made_in_it_and_however_many_there_are)
{
	enum { MANY = 9000 };
	own(world) struct world w;
	own(buf) struct buf b = { 0 };
	char name[32];
	int wrong = 0;

	world_open(&w);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		add(&b, .name = name, .type = '5', .mtime = 1000 + i);
	}
	for (int i = 0; i < MANY; i += 1000) {
		snprintf(name, sizeof(name), "d%d/f", i);
		add(&b, .name = name, .data = "x");
	}
	tar_end(&b);
	same_int(unpack(&w, &b), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		wrong += tree_stat(&w, name).st_mtim.tv_sec != 1000 + i;
	}
	same_int(wrong, 0);
}

TEST(directories_without_an_entry_are_plain)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 };

	world_open(&w);
	add(&b, .name = "a/b/f", .data = "x");
	add(&b, .name = "a/b", .type = '5', .mode = 0700, .mtime = 5);
	add(&b, .name = "z/f", .data = "x");
	tar_end(&b);
	same_int(unpack(&w, &b), 0);
	same_int(tree_stat(&w, "a").st_mode, S_IFDIR | 0755);
	same_int(tree_stat(&w, "a").st_mtim.tv_sec, 0);
	same_int(tree_stat(&w, "a/b").st_mode, S_IFDIR | 0700);
	same_int(tree_stat(&w, "a/b").st_mtim.tv_sec, 5);
}

TEST(the_root_gets_the_mode_and_time_of_its_entry)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 };
	struct stat st;

	world_open(&w);
	add(&b, .name = "./", .type = '5', .mode = 0711, .uid = 4, .mtime = 42);
	add(&b, .name = "./f", .data = "x");
	tar_end(&b);
	same_int(unpack(&w, &b), 0);
	st = tree_stat(&w, ".");
	same_int(st.st_mode, S_IFDIR | 0711);
	same_int(st.st_uid, 4);
	same_int(st.st_mtim.tv_sec, 42);
}

TEST(capabilities_and_plain_xattrs_are_kept)
{
	static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 0x20 }; /* v2, effective, net_raw */
	own(world) struct world w;
	own(buf) struct buf b = { 0 }, pax = { 0 };
	char value[64];
	ssize_t n;
	char path[64];

	world_open(&w);
	xattr(&pax, "security.capability", cap, sizeof(cap));
	xattr(&pax, "user.a", "one", 3);
	xattr(&pax, "trusted.b", "two", 3);
	add(&b, .name = "f", .data = "x", .uid = 5, .pax = &pax);
	tar_end(&b);
	ok(unpack(&w, &b) == 0, "%s", w.e.msg);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/f", w.tree);
	n = getxattr(path, "security.capability", value, sizeof(value));
	ok(n == sizeof(cap) && memcmp(value, cap, sizeof(cap)) == 0, "%zd bytes", n);
	same_str(tree_xattr(&w, "f", "user.a"), "one");
	same_str(tree_xattr(&w, "f", "trusted.b"), "two");
}

TEST(what_overlayfs_or_the_host_would_obey_is_dropped)
{
	static const char *const names[] = {
		"trusted.overlay.opaque",
		"trusted.overlay.redirect",
		"trusted.overlay.metacopy",
		"trusted.overlay.overlay.opaque",
		"trusted.overlay.whiteout",
		"user.overlay.opaque",
		"user.overlay.redirect",
		"security.selinux",
		"security.ima",
		"security.evm",
		"security.SMACK64",
	};
	own(world) struct world w;
	own(buf) struct buf b = { 0 }, pax = { 0 };

	world_open(&w);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		xattr(&pax, names[i], "y", 1);
	add(&b, .name = "d", .type = '5', .pax = &pax);
	add(&b, .name = "f", .pax = &pax);
	add(&b, .name = ".", .type = '5', .pax = &pax);
	tar_end(&b);
	ok(unpack(&w, &b) == 0, "%s", w.e.msg);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		same_str(tree_xattr(&w, "d", names[i]), "(none)");
		same_str(tree_xattr(&w, "f", names[i]), "(none)");
		same_str(tree_xattr(&w, ".", names[i]), "(none)");
	}
}

TEST(an_xattr_that_cannot_be_kept_is_an_error_that_names_it)
{
	static char big[70000];
	own(world) struct world w;
	own(buf) struct buf b = { 0 }, pax = { 0 };

	world_open(&w);
	xattr(&pax, "user.big", big, sizeof(big));
	add(&b, .name = "f", .pax = &pax);
	tar_end(&b);
	ok(unpack(&w, &b) < 0 && strstr(w.e.msg, "\"f\"") && strstr(w.e.msg, "user.big"), "%s",
	   w.e.msg);
}

/* The kernel's form: version 2, then tag, permissions and number of each entry. */
static bool acl_has(struct world *w, const char *path, const char *name, unsigned tag,
		    unsigned perm, unsigned id)
{
	const char *value = tree_xattr(w, path, name);

	for (size_t at = 4; at + 8 <= 100; at += 8) {
		uint16_t t, p;
		uint32_t i;

		memcpy(&t, value + at, 2);
		memcpy(&p, value + at + 2, 2);
		memcpy(&i, value + at + 4, 4);
		if (le16toh(t) == tag && le16toh(p) == perm && le32toh(i) == id)
			return true;
	}
	return false;
}

TEST(acls_are_kept_by_number_and_a_default_one_does_not_reach_the_entries)
{
	static const char access[] =
		"user::rw-\nuser:joe:rwx:1234\ngroup::r--\nmask::rwx\nother::r--\n";
	static const char dflt[] = "user::rwx,user:joe:r-x:77,group::r-x,mask::r-x,other::---";
	own(world) struct world w;
	own(buf) struct buf b = { 0 }, pax = { 0 }, pax_dir = { 0 };

	world_open(&w);
	pax_record(&pax, "SCHILY.acl.access", access, strlen(access));
	pax_record(&pax_dir, "SCHILY.acl.default", dflt, strlen(dflt));
	add(&b, .name = "f", .mode = 0674, .pax = &pax);
	add(&b, .name = "d", .type = '5', .pax = &pax_dir);
	add(&b, .name = "d/f", .mode = 0666);
	tar_end(&b);
	ok(unpack(&w, &b) == 0, "%s", w.e.msg);
	ok(acl_has(&w, "f", "system.posix_acl_access", 2, 7, 1234), "the user is missing");
	ok(acl_has(&w, "d", "system.posix_acl_default", 2, 5, 77), "the user is missing");
	same_str(tree_xattr(&w, "d/f", "system.posix_acl_access"), "(none)");
	same_int(tree_stat(&w, "d/f").st_mode, S_IFREG | 0666);
}

TEST(an_acl_by_name_only_is_an_error)
{
	static const char text[] = "user::rw-\nuser:joe:rwx\ngroup::r--\nmask::rwx\nother::r--\n";
	own(world) struct world w;
	own(buf) struct buf b = { 0 }, pax = { 0 };

	world_open(&w);
	pax_record(&pax, "SCHILY.acl.access", text, strlen(text));
	add(&b, .name = "f", .pax = &pax);
	tar_end(&b);
	ok(unpack(&w, &b) < 0 && strstr(w.e.msg, "joe"), "%s", w.e.msg);
}

TEST(metadata_of_a_symlink_stays_on_the_symlink)
{
	static const char acl[] =
		"user::rw-\nuser:joe:rwx:1234\ngroup::r--\nmask::rwx\nother::r--\n";
	own(world) struct world w;
	own(buf) struct buf b = { 0 }, pax = { 0 };
	char target[PATH_MAX + 16];

	world_open(&w);
	snprintf(target, sizeof(target), "%s/canary/secret", w.path);
	xattr(&pax, "user.x", "1", 1);
	xattr(&pax, "trusted.x", "1", 1);
	add(&b, .name = "l", .type = '2', .link = target, .mode = 07777, .uid = 66, .gid = 66,
	    .mtime = 1, .pax = &pax);
	add(&b, .name = "h", .type = '1', .link = "l", .mode = 0777, .uid = 67, .mtime = 2);
	tar_end(&b);
	ok(unpack(&w, &b) == 0, "%s", w.e.msg);
	canary_is_untouched(&w, "metadata of a symlink");
	same_int(tree_stat(&w, "l").st_uid, 66);
	same_str(tree_xattr(&w, "l", "trusted.x"), "1");
	buf_free(&pax);
	pax_record(&pax, "SCHILY.acl.access", acl, strlen(acl));
	add(&b, .name = "m", .type = '2', .link = target, .pax = &pax);
	unpack(&w, &b);
	canary_is_untouched(&w, "an ACL of a symlink");
}

TEST(devices_and_fifos_are_made_with_their_numbers)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 };
	struct stat st;

	world_open(&w);
	add(&b, .name = "null", .type = '3', .major = 1, .minor = 3, .mode = 0666, .gid = 5,
	    .mtime = 9);
	add(&b, .name = "sda", .type = '4', .major = 8, .minor = 256, .mode = 0660);
	add(&b, .name = "fifo", .type = '6', .mode = 0600);
	tar_end(&b);
	ok(unpack(&w, &b) == 0, "%s", w.e.msg);
	st = tree_stat(&w, "null");
	ok(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) && st.st_gid == 5, "%o", st.st_mode);
	same_int(st.st_mtim.tv_sec, 9);
	st = tree_stat(&w, "sda");
	ok(S_ISBLK(st.st_mode) && st.st_rdev == makedev(8, 256), "%o", st.st_mode);
	ok(S_ISFIFO(tree_stat(&w, "fifo").st_mode), "no FIFO");
}

TEST(an_owner_that_linux_does_not_have_is_an_error_that_names_the_entry)
{
	static const struct {
		const char *uid;
		long long want;
	} rows[] = {
		{ "4294967294", 4294967294 }, { "2147483648", 2147483648 },   { "4294967295", -1 },
		{ "4294967296", -1 },	      { "99999999999999999999", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		own(world) struct world w;
		own(buf) struct buf b = { 0 }, pax = { 0 };
		int r;

		world_open(&w);
		pax_record(&pax, "uid", rows[i].uid, strlen(rows[i].uid));
		add(&b, .name = "f", .pax = &pax);
		tar_end(&b);
		r = unpack(&w, &b);
		if (rows[i].want >= 0)
			ok(r == 0 && tree_stat(&w, "f").st_uid == rows[i].want, "%s", rows[i].uid);
		else
			ok(r < 0 && strstr(w.e.msg, "\"f\": owner"), "%s: %s", rows[i].uid,
			   r < 0 ? w.e.msg : "was taken");
	}
}

TEST(extreme_times_are_clamped)
{
	static const char *const times[] = { "9223372036854775807", "-9223372036854775808",
					     "99999999999999999999999", "1.9999999999", "-1" };

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		own(world) struct world w;
		own(buf) struct buf b = { 0 }, pax = { 0 };

		world_open(&w);
		pax_record(&pax, "mtime", times[i], strlen(times[i]));
		add(&b, .name = "f", .pax = &pax);
		add(&b, .name = "d", .type = '5', .pax = &pax);
		tar_end(&b);
		ok(unpack(&w, &b) == 0, "%s: %s", times[i], w.e.msg);
	}
}

TEST(data_of_a_link_entry_is_not_written)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 }, pax = { 0 };
	char text[8] = "";
	int fd;

	world_open(&w);
	pax_record(&pax, "size", "4", 1); /* what makes readers believe in the data */
	add(&b, .name = "a", .data = "x");
	add(&b, .name = "b", .type = '1', .link = "a", .data = "evil", .pax = &pax);
	add(&b, .name = "c", .data = "y");
	tar_end(&b);
	ok(unpack(&w, &b) == 0, "%s", w.e.msg);
	fd = openat(w.tree, "a", O_RDONLY | O_CLOEXEC);
	same_int(read(fd, text, sizeof(text) - 1), 1);
	same_str(text, "x");
	close(fd);
	same_int(tree_stat(&w, "a").st_nlink, 2);
	ok(S_ISREG(tree_stat(&w, "c").st_mode), "the entry after it is lost");
}

int main(void)
{
	return unit_run();
}
