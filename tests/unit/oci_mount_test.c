/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts as config.json's options have them, seen from inside; and what a machine may lack. */
#include <sys/mount.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "executor/rdt.h"
#include "tests/unit/executor_help.h"

/* Mounts of these tests are seen by nobody else. */
static void private_mounts(void)
{
	static bool done;

	ok(done || (unshare(CLONE_NEWNS) == 0 &&
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0),
	   "%s", strerror(errno));
	done = true;
}

static void box_tree(struct box *b)
{
	int dir;

	mkdirat(b->lower, "var", 0751);
	ok(fchmodat(b->lower, "var", 0751, 0) == 0, "chmod");
	mkdirat(b->lower, "var/d", 0700);
	dir = openat(b->lower, "var", O_PATH | O_DIRECTORY | O_CLOEXEC);
	box_put(dir, "set", "x\n", 04755);
	box_put(dir, "d/deep", "deep\n", 0640);
	ok(fchownat(dir, "d/deep", 7, 8, 0) == 0, "chown");
	ok(symlinkat("/etc/passwd", dir, "link") == 0, "symlink");
	mkfifoat(dir, "fifo", 0600);
	close(dir);
}

TEST(tmpcopyup_fills_the_new_file_system_with_what_is_below_it)
{
	own(box) struct box b;
	static const char look[] = "cd /var && stat -c '%n %A %u:%g' . d d/deep set link fifo && "
				   "readlink link && cat d/deep && { echo x > d/new || true; }";

	box_open(&b);
	box_tree(&b);
	oci_add_mount(&b.spec, "/var", "tmpfs", "tmpfs", "nosuid,tmpcopyup");
	same_int(box_run(&b, look), 0);
	same_str(b.text,
		 ". drwxr-x--x 0:0\nd drwx------ 0:0\nd/deep -rw-r----- 7:8\n"
		 "set -rwsr-xr-x 0:0\nlink lrwxrwxrwx 0:0\nfifo prw------- 0:0\n/etc/passwd\n"
		 "deep\n");
	ok(faccessat(b.upper, "var/d/new", F_OK, 0) < 0, "it was written to the image");
}

TEST(tmpcopyup_of_a_read_only_mount_is_read_only_and_one_too_small_is_an_error)
{
	own(box) struct box b, small;

	box_open(&b);
	box_tree(&b);
	oci_add_mount(&b.spec, "/var", "tmpfs", "tmpfs", "ro,mode=0711,tmpcopyup");
	same_int(box_run(&b, "cat /var/d/deep; stat -c %a /var; touch /var/x"), 1);
	said(&b, "deep\n711\n");
	said(&b, "Read-only file system");
	box_open(&small);
	oci_add_mount(&small.spec, "/bin", "tmpfs", "tmpfs", "size=64k,tmpcopyup");
	same_int(box_run(&small, "true"), -1);
	ok(strstr(small.e.msg,
		  "mount tmpfs on /bin: tmpcopyup: copy busybox: No space left on device") != NULL,
	   "%s", small.e.msg);
	objlist_free(&small.spec.mounts, &oci_mount_table);
	oci_add_mount(&small.spec, "/proc", "proc", "proc", "tmpcopyup");
	same_int(box_run(&small, "true"), -1);
	ok(strstr(small.e.msg, "tmpcopyup: goes with a tmpfs only") != NULL, "%s", small.e.msg);
}

TEST(links_are_copied_mounted_and_mounted_on_where_that_is_asked_for)
{
	own(box) struct box b;
	own(str) char *link = NULL, *file = NULL;

	box_open(&b);
	link = str_fmt("%s/link", b.dir);
	file = str_fmt("%s/file", b.dir);
	ok(symlinkat("file", b.top, "link") == 0, "symlink");
	box_put(b.top, "file", "of the host\n", 0644);
	ok(symlinkat("/etc/target", b.lower, "onto") == 0, "symlink");
	box_put(b.lower, "etc/target", "of the image\n", 0644);
	oci_add_mount(&b.spec, "/made/here", "bind", link, "bind,copy-symlink");
	oci_add_mount(&b.spec, "/followed", "bind", link, "bind");
	oci_add_mount(&b.spec, "/itself", "bind", link, "bind,src-nofollow");
	oci_add_mount(&b.spec, "/onto", "bind", file, "bind,dest-nofollow");
	oci_add_mount(&b.spec, "/plain", "bind", file, "bind,copy-symlink");
	same_int(box_run(&b, "readlink /made/here; cat /followed; readlink /itself; cat /onto "
			     "/etc/target /plain"),
		 0);
	same_str(b.text, "file\nof the host\nfile\nof the host\nof the image\nof the host\n");
	/* Something else is in the place of the link. */
	oci_add_mount(&b.spec, "/bin/sh", "bind", link, "bind,copy-symlink");
	same_int(box_run(&b, "true"), -1);
	ok(strstr(b.e.msg, "mount bind on /bin/sh: there is something else already") != NULL, "%s",
	   b.e.msg);
}

TEST(what_is_said_of_a_whole_tree_holds_below_and_what_is_not_does_not)
{
	own(box) struct box b;
	own(str) char *tree = NULL, *below = NULL;

	private_mounts();
	box_open(&b);
	mkdirat(b.top, "tree", 0755);
	mkdirat(b.top, "tree/below", 0755);
	tree = str_fmt("%s/tree", b.dir);
	below = str_fmt("%s/tree/below", b.dir);
	ok(mount("tmpfs", below, "tmpfs", 0, NULL) == 0, "%s", strerror(errno));
	oci_add_mount(&b.spec, "/a", "bind", tree, "rbind,ro");
	oci_add_mount(&b.spec, "/b", "bind", tree, "rbind,rro,rnoexec");
	oci_add_mount(&b.spec, "/c", "bind", tree, "bind");
	same_int(box_run(&b,
			 "touch /a/x || echo 1; touch /a/below/x && echo 2; touch /b/x || echo 3; "
			 "touch /b/below/y || echo 4; test -e /c/below/x || echo 5; "
			 "grep -c ' /b/below .*noexec' /proc/self/mountinfo"),
		 0);
	said(&b, "1\n");
	said(&b, "2\n");
	said(&b, "3\n");
	said(&b, "4\n5\n1\n");
	umount2(below, MNT_DETACH);
}

/* The optional fields of the root's line in mountinfo. */
static void root_is(const char *propagation, const char *want)
{
	own(box) struct box b;
	own(str) char *lower = NULL;

	private_mounts();
	box_open(&b);
	box_plain(&b);
	lower = str_fmt("%s/lower", b.dir);
	ok(mount(lower, lower, NULL, MS_BIND, NULL) == 0 &&
		   mount(NULL, lower, NULL, MS_SHARED, NULL) == 0,
	   "%s", strerror(errno));
	b.spec.linux_.rootfs_propagation = xstrdup(propagation);
	same_int(box_run(&b, "grep ' / / \\| /lower / ' /proc/self/mountinfo || cat "
			     "/proc/self/mountinfo"),
		 0);
	ok(strstr(b.text, want) != NULL, "%s: no \"%s\" in %s", propagation, want, b.text);
	ok(str_eq(propagation, "shared") || !strstr(b.text, "shared:"), "%s: %s", propagation,
	   b.text);
	ok(str_eq(propagation, "slave") || !strstr(b.text, "master:"), "%s: %s", propagation,
	   b.text);
	umount2(lower, MNT_DETACH);
}

TEST(the_root_is_propagated_as_asked_for)
{
	root_is("shared", " shared:");
	root_is("slave", " master:");
	root_is("private", " - ");
	root_is("unbindable", " unbindable - ");
}

TEST(what_this_machine_lacks_is_named_before_anything_is_made)
{
	own(box) struct box b;
	struct stat st;

	box_open(&b);
	if (stat("/sys/fs/selinux/enforce", &st) < 0) {
		b.spec.linux_.mount_label = xstrdup("system_u:object_r:container_file_t:s0");
		same_int(box_run(&b, "true"), -1);
		same_str(b.e.msg, "linux.mountLabel: SELinux is not on");
		str_set(&b.spec.linux_.mount_label, NULL);
		b.spec.process.selinux_label = xstrdup("system_u:system_r:container_t:s0");
		same_int(box_run(&b, "true"), -1);
		same_str(b.e.msg, "process.selinuxLabel: SELinux is not on");
		str_set(&b.spec.process.selinux_label, NULL);
	}
	if (stat("/sys/module/apparmor", &st) < 0) {
		b.spec.process.apparmor_profile = xstrdup("some-profile");
		same_int(box_run(&b, "true"), -1);
		same_str(b.e.msg, "process.apparmorProfile: AppArmor is not on");
		str_set(&b.spec.process.apparmor_profile, "unconfined");
	}
	if (stat("/sys/fs/resctrl/tasks", &st) < 0) {
		b.spec.linux_.intel_rdt = xcalloc(1, sizeof(*b.spec.linux_.intel_rdt));
		same_int(box_run(&b, "true"), -1);
		same_str(b.e.msg,
			 "linux.intelRdt: no resctrl file system is mounted on /sys/fs/resctrl");
		free(b.spec.linux_.intel_rdt);
		b.spec.linux_.intel_rdt = NULL;
	}
	same_int(box_run(&b, "true"), 0);
}

/* No machine of ours has the hardware: a directory with the files that the kernel makes. */
TEST(a_class_of_service_gets_its_schemata_and_the_process)
{
	char dir[] = "/tmp/rdt_test.XXXXXX";
	struct oci_intel_rdt r = { .clos_id = (char[]){ "gold" }, .enable_monitoring = true };
	struct err e = { 0 };
	own(buf) struct buf text = { 0 };
	own(fd) int top = -1, gold = -1;
	own(str) char *made = NULL;

	ok(mkdtemp(dir) != NULL, "mkdtemp");
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(rdt_join(top, &r, "c1", 123, &e) < 0, "a class that is not there was joined");
	same_str(e.msg, "linux.intelRdt.closID: class gold: No such file or directory");
	mkdirat(top, "gold", 0755);
	mkdirat(top, "gold/mon_groups", 0755);
	mkdirat(top, "gold/mon_groups/c1", 0755);
	gold = openat(top, "gold", O_PATH | O_DIRECTORY | O_CLOEXEC);
	box_put(gold, "schemata", "", 0644);
	box_put(gold, "tasks", "", 0644);
	box_put(gold, "mon_groups/c1/tasks", "", 0644);
	strv_add(&r.schemata, "MB:0=20");
	r.l3_cache_schema = (char[]){ "L3:0=f" };
	ok(rdt_join(top, &r, "c1", 123, &e) == 0, "%s", e.msg);
	ok(file_load(gold, "schemata", 99, &text, &e) == 0, "%s", e.msg);
	same_str(text.s, "L3:0=f\nMB:0=20\n");
	buf_free(&text);
	ok(file_load(gold, "mon_groups/c1/tasks", 99, &text, &e) == 0, "%s", e.msg);
	same_str(text.s, "123");
	buf_free(&text);
	ok(file_load(gold, "tasks", 99, &text, &e) == 0, "%s", e.msg);
	same_str(text.s, "123");
	unlinkat(gold, "mon_groups/c1/tasks", 0);
	made = rdt_made(&r, "c1");
	same_str(made, "gold/mon_groups/c1");
	ok(rdt_remove(top, made, &e) == 0 && rdt_remove(top, made, &e) == 0, "%s", e.msg);
	ok(faccessat(gold, "mon_groups/c1", F_OK, 0) < 0, "the group is left");
	strv_free(&r.schemata);
	ok(path_remove_tree(AT_FDCWD, dir, &e) == 0, "%s", e.msg);
}

int main(void)
{
	return unit_run();
}
