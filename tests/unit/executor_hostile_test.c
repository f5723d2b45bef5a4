/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Root file systems and specs that mean harm. */
#include "executor_help.h"

#include <sys/syscall.h>

/* A directory of the host, in reach of "../" and by its absolute path; nothing may appear in it. */
struct victim {
	char path[80];
	int dir;
};

static struct victim victim_make(struct box *b)
{
	struct victim v;

	snprintf(v.path, sizeof(v.path), "%s/victim", b->dir);
	v.dir = box_dir(b, "victim");
	box_put(v.dir, "ptmx", "decoy", 0644);
	return v;
}

static void victim_check(struct victim *v)
{
	own(fd) int fd = openat(v->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = fdopendir(fd_steal(&fd));
	struct dirent *e;
	struct stat st;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	same_int(n, 1);
	ok(fstatat(v->dir, "ptmx", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		   st.st_size == 5,
	   "the decoy was replaced");
	close(v->dir);
}

/* SEC-R10 */
TEST(a_dev_that_is_a_symlink_puts_nothing_on_the_host)
{
	static const char *const targets[] = { NULL, "../../../../../../../../..", "../victim" };

	for (size_t i = 0; i < 3; i++) {
		for (int with_mount = 0; with_mount < 2; with_mount++) {
			own(box) struct box b;
			struct victim v;
			own(str) char *to = NULL;

			box_open(&b);
			v = victim_make(&b);
			to = i == 1 ? str_fmt("%s%s", targets[1], v.path)
				    : xstrdup(targets[i] ? targets[i] : v.path);
			ok(symlinkat(to, b.lower, "dev") == 0, "symlink");
			box_plain(&b);
			if (!with_mount) {
				objlist_free(&b.spec.mounts, &oci_mount_table);
				oci_add_mount(&b.spec, "/proc", "proc", "proc", "nosuid");
			}
			box_run(&b, "true");
			if (!with_mount)
				ok(b.code < 0, "a container without a /dev was made");
			victim_check(&v);
		}
	}
}

/* SEC-R3 */
TEST(a_proc_that_is_a_symlink_is_refused)
{
	own(box) struct box b;

	box_open(&b);
	mkdirat(b.lower, "bad-proc", 0755);
	ok(symlinkat("/bad-proc", b.lower, "proc") == 0, "symlink");
	same_int(box_run(&b, "true"), -1);
	ok(strstr(b.e.msg, "must be mounted on an ordinary directory") != NULL, "%s", b.e.msg);
}

TEST(a_sys_that_is_a_symlink_is_refused)
{
	own(box) struct box b;

	box_open(&b);
	ok(symlinkat("/tmp", b.lower, "sys") == 0, "symlink");
	same_int(box_run(&b, "true"), -1);
	ok(strstr(b.e.msg, "must be mounted on an ordinary directory") != NULL, "%s", b.e.msg);
}

TEST(nothing_but_proc_is_mounted_on_proc)
{
	static const char *const where[] = { "/proc", "/proc/", "//proc/.", "/proc/self/attr",
					     "/proc/sys" };

	for (size_t i = 0; i < sizeof(where) / sizeof(*where); i++) {
		own(box) struct box b;

		box_open(&b);
		oci_add_mount(&b.spec, where[i], "bind", b.dir, "rbind");
		ok(box_run(&b, "true") < 0, "%s was covered", where[i]);
	}
}

/* SEC-R2 */
TEST(a_working_directory_behind_a_descriptor_link_is_refused)
{
	own(box) struct box b;
	int host = open("/", O_RDONLY | O_DIRECTORY); /* inherited on purpose */

	box_open(&b);
	for (int n = 0; n < 64; n++) {
		own(str) char *cwd = str_fmt("/proc/self/fd/%d", n);

		str_set(&b.spec.process.cwd, cwd);
		ok(box_run(&b, "ls") < 0, "%s was entered: %s", cwd, b.text);
	}
	ok(symlinkat("/proc/self/fd/7", b.lower, "w") == 0, "symlink");
	str_set(&b.spec.process.cwd, "/w");
	ok(box_run(&b, "ls") < 0, "/w was entered: %s", b.text);
	close(host);
}

/* SEC-R4 */
TEST(mount_targets_stay_inside_whatever_the_image_links_to)
{
	own(box) struct box b;
	struct victim v;
	own(str) char *deep = NULL;

	box_open(&b);
	v = victim_make(&b);
	ok(symlinkat(v.path, b.lower, "abs") == 0 &&
		   symlinkat("../../../../../..", b.lower, "up") == 0,
	   "symlink");
	deep = str_fmt("/up%s/made", v.path);
	oci_add_mount(&b.spec, deep, "tmpfs", "tmpfs", "size=64k");
	oci_add_mount(&b.spec, "/up/made/here", "tmpfs", "tmpfs", "size=64k");
	box_plain(&b);
	same_int(box_run(&b, "ls -d /made/here"), 0);
	victim_check(&v);
	ok(faccessat(b.lower, "made/here", F_OK, 0) == 0, "the target is not inside");
}

TEST(a_file_bound_on_a_dangling_link_is_not_made_on_the_host)
{
	own(box) struct box b;
	struct victim v;
	own(str) char *file = NULL, *to = NULL;

	box_open(&b);
	v = victim_make(&b);
	to = str_fmt("%s/made", v.path);
	file = str_fmt("%s/file", b.dir);
	box_put(b.top, "file", "content", 0644);
	ok(symlinkat(to, b.lower, "target") == 0, "symlink");
	oci_add_mount(&b.spec, "/target", "bind", file, "bind");
	box_plain(&b);
	box_run(&b, "cat /target");
	victim_check(&v);
}

/* SEC-R5 */
TEST(a_device_of_the_image_is_not_bound_over_masked_files)
{
	own(box) struct box b;

	box_open(&b);
	mkdirat(b.lower, "dev", 0755);
	ok(symlinkat("/proc/sys/kernel/core_pattern", box_dir(&b, "lower/dev"), "null") == 0,
	   "symlink");
	objlist_free(&b.spec.mounts, &oci_mount_table);
	oci_add_mount(&b.spec, "/proc", "proc", "proc", "nosuid");
	same_int(box_run(&b, "stat -c %t:%T /proc/keys; echo x 2>/dev/null > /proc/keys;"
			     "cat /proc/sys/kernel/core_pattern"),
		 0);
	said(&b, "1:3\n");
	not_said(&b, "x\n");
}

TEST(a_masked_path_that_is_a_symlink_is_refused)
{
	own(box) struct box b;

	box_open(&b);
	ok(symlinkat("/proc/sys/kernel/core_pattern", b.lower, "masked") == 0, "symlink");
	strv_add(&b.spec.linux_.masked_paths, "/masked");
	same_int(box_run(&b, "true"), -1);
	ok(strstr(b.e.msg, "symbolic link") != NULL, "%s", b.e.msg);
}

TEST(masked_paths_may_repeat)
{
	own(box) struct box b;

	box_open(&b);
	strv_add(&b.spec.linux_.masked_paths, "/proc/keys");
	strv_add(&b.spec.linux_.masked_paths, "/proc/keys");
	strv_add(&b.spec.linux_.masked_paths, "/sys/firmware");
	same_int(box_run(&b, "cat /proc/keys"), 0);
	same_str(b.text, "");
}

/* SEC-R6 */
TEST(links_in_place_of_terminal_files_change_nothing)
{
	own(box) struct box b;
	int dev;

	box_open(&b);
	dev = box_dir(&b, "lower/dev");
	mkdirat(b.lower, "dev", 0755);
	close(dev);
	dev = box_dir(&b, "lower/dev");
	ok(symlinkat("/etc", dev, "pts") == 0 && symlinkat("/etc/shadow", dev, "console") == 0 &&
		   symlinkat("/etc/passwd", dev, "ptmx") == 0,
	   "symlink");
	close(dev);
	b.spec.process.terminal = true;
	same_int(box_run(&b, "stat -c %F:%t /dev/console; readlink /dev/ptmx; tty"), 0);
	said(&b, "character special file:88");
	said(&b, "pts/ptmx");
	said(&b, "/dev/pts/0");
}

/* SEC-R12 */
TEST(a_sysctl_of_the_host_is_refused_before_anything_starts)
{
	own(box) struct box b;

	box_open(&b);
	strmap_set(&b.spec.linux_.sysctl, "kernel.core_pattern", "|/x");
	same_int(box_run(&b, "true"), -1);
	same_int(b.e.kind, ERR_USAGE);
	strmap_set(&b.spec.linux_.sysctl, "kernel.core_pattern", "|/x");
	strmap_free(&b.spec.linux_.sysctl);
	strmap_set(&b.spec.linux_.sysctl, "kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x");
	same_int(box_run(&b, "true"), -1);
	strmap_set(&b.spec.linux_.sysctl, "kernel.shm_rmid_forced", "1");
	same_int(box_run(&b, "cat /proc/sys/kernel/shm_rmid_forced"), 0);
	same_str(b.text, "1\n");
}

TEST(devices_outside_the_rules_cannot_be_used)
{
	own(box) struct box b;
	own(str) char *path = str_fmt("/executor-test-%d-d", (int)getpid());

	box_open(&b);
	ok(b.spec.linux_.resources.devices.n > 0, "the default has no device rules");
	ok(cgroup_create(path, &b.spec.linux_.resources, &b.e) == 0, "%s", b.e.msg);
	b.a.cgroup = path;
	/* mem: 1:1; null: 1:3 */
	same_int(box_run(&b, "mknod /tmp/mem c 1 1 && dd if=/tmp/mem bs=1 count=1 2>&1; echo x > "
			     "/dev/null && echo null"),
		 0);
	said(&b, "not permitted");
	said(&b, "null\n");
	ok(cgroup_delete(path, &b.e) == 0, "%s", b.e.msg);
}

/* SEC-R13 */
TEST(the_cgroup_view_shows_nothing_above_and_cannot_be_written)
{
	own(box) struct box b;
	own(str) char *path = str_fmt("/executor-test-%d-v", (int)getpid());

	box_open(&b);
	ok(cgroup_create(path, &b.spec.linux_.resources, &b.e) == 0, "%s", b.e.msg);
	b.a.cgroup = path;
	same_int(box_run(&b, "cat /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/cgroup.procs "
			     "2>/dev/null | grep -c 1;"
			     "touch /sys/fs/cgroup/x 2>/dev/null || echo ro;"
			     "echo 1 2>/dev/null > /sys/fs/cgroup/memory/memory.limit_in_bytes || "
			     "echo ro"),
		 0);
	not_said(&b, "executor-test");
	said(&b, "ro\nro\n");
	ok(cgroup_delete(path, &b.e) == 0, "%s", b.e.msg);
}

TEST(groups_that_a_container_made_below_its_own_are_deleted_too)
{
	own(box) struct box b;
	own(str) char *path = str_fmt("/executor-test-%d-g", (int)getpid());
	own(str) char *below = str_fmt("%s/a/b", path);
	struct cgroup_stats st;

	box_open(&b);
	ok(cgroup_create(path, &b.spec.linux_.resources, &b.e) == 0, "%s", b.e.msg);
	ok(cgroup_create(below, &b.spec.linux_.resources, &b.e) == 0, "%s", b.e.msg);
	ok(cgroup_delete(path, &b.e) == 0, "%s", b.e.msg);
	ok(cgroup_stats(below, &st, &b.e) < 0, "the group below is there");
}

int main(void)
{
	return unit_run();
}
