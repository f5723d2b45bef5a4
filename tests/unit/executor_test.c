/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that behave: what a program finds, and what is left of it. */
#include "executor/cgroup.h"
#include "executor_help.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

TEST(the_exit_status_is_the_programs_own)
{
	own(box) struct box b;

	box_open(&b);
	same_int(box_run(&b, "exit 42"), 42);
	same_int(box_run(&b, "true"), 0);
	same_int(box_run(&b, "kill -TERM $$"), 0); /* pid 1 of its namespace is deaf to it */
}

TEST(output_arrives_from_an_overlay_and_from_a_plain_directory)
{
	own(box) struct box b;

	box_open(&b);
	same_int(box_run(&b, "echo hello; echo err >&2"), 0);
	same_str(b.text, "hello\nerr\n");
	box_plain(&b);
	same_int(box_run(&b, "echo plain"), 0);
	same_str(b.text, "plain\n");
}

TEST(a_throwaway_container_can_be_started_again)
{
	own(box) struct box b;

	box_open(&b);
	b.a.rootfs.throwaway = true;
	same_int(box_run(&b, "echo 1 > /file"), 0);
	same_int(box_run(&b, "cat /file; grep -c volatile /proc/mounts"), 0);
	same_str(b.text, "1\n1\n");
}

TEST(a_missing_program_is_no_command_and_an_unfit_one_is_not_executable)
{
	own(box) struct box b;

	box_open(&b);
	box_put(b.lower, "plain", "text", 0644);
	box_put(b.lower, "script", "#!/no/such/interpreter\n", 0755);
	box_put(b.lower, "garbage", "garbage", 0755);
	same_int(box_run(&b, "!nosuch"), -1);
	same_int(b.e.kind, ERR_NOCOMMAND);
	same_str(b.e.msg, "exec: \"nosuch\": executable file not found in $PATH");
	same_int(box_run(&b, "!/nosuch"), -1);
	same_int(b.e.kind, ERR_NOCOMMAND);
	same_int(box_run(&b, "!/script"), -1);
	same_int(b.e.kind, ERR_NOCOMMAND);
	same_int(box_run(&b, "!/plain"), -1);
	same_int(b.e.kind, ERR_NOEXEC);
	same_int(box_run(&b, "!/bin"), -1);
	same_int(b.e.kind, ERR_NOEXEC);
	same_int(box_run(&b, "!/garbage"), -1);
	same_int(b.e.kind, ERR_NOEXEC);
}

TEST(the_path_of_the_container_is_searched_not_ours)
{
	own(box) struct box b;

	box_open(&b);
	strv_free(&b.spec.process.env);
	strv_add(&b.spec.process.env, "PATH=/nowhere:/else");
	same_int(box_run(&b, "!sh"), -1);
	same_int(b.e.kind, ERR_NOCOMMAND);
}

TEST(root_has_the_default_capabilities_and_nothing_inheritable)
{
	own(box) struct box b;

	box_open(&b);
	same_int(box_run(&b, "cat /proc/self/status"), 0);
	said(&b, "CapInh:\t0000000000000000\n");
	/* chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw
	 * sys_chroot mknod audit_write setfcap */
	said(&b, "CapEff:\t00000000a80425fb\n");
	said(&b, "CapPrm:\t00000000a80425fb\n");
	said(&b, "CapBnd:\t00000000a80425fb\n");
	said(&b, "CapAmb:\t0000000000000000\n");
	said(&b, "NoNewPrivs:\t1\n");
	said(&b, "Seccomp:\t2\n");
}

TEST(another_user_has_no_capabilities_and_its_own_group_in_the_list)
{
	own(box) struct box b;

	box_open(&b);
	b.spec.process.user.uid = 1000;
	b.spec.process.user.gid = 1001;
	intlist_add(&b.spec.process.user.additional_gids, 7);
	same_int(box_run(&b, "cat /proc/self/status"), 0);
	said(&b, "Uid:\t1000\t1000\t1000\t1000\n");
	said(&b, "Gid:\t1001\t1001\t1001\t1001\n");
	said(&b, "Groups:\t7 1001 \n");
	said(&b, "CapInh:\t0000000000000000\n");
	said(&b, "CapPrm:\t0000000000000000\n");
	said(&b, "CapEff:\t0000000000000000\n");
	said(&b, "CapAmb:\t0000000000000000\n");
}

TEST(a_user_by_name_is_looked_up_in_the_image_and_gets_its_home)
{
	own(box) struct box b;

	box_open(&b);
	box_put(b.lower, "etc/passwd", "u:x:1234:55::/home/u:/bin/sh\n", 0644);
	b.a.user = "u";
	same_int(box_run(&b, "id -u; id -g; echo $HOME"), 0);
	same_str(b.text, "1234\n55\n/home/u\n");
	b.a.user = "nobody-there";
	same_int(box_run(&b, "id"), -1);
	same_int(b.e.kind, ERR_USAGE);
}

TEST(without_no_new_privs_the_filter_is_there_all_the_same)
{
	own(box) struct box b;

	box_open(&b);
	b.spec.process.no_new_privileges = false;
	b.spec.process.user.uid = 1000;
	same_int(box_run(&b, "cat /proc/self/status"), 0);
	said(&b, "NoNewPrivs:\t0\n");
	said(&b, "Seccomp:\t2\n");
}

TEST(no_descriptor_but_the_standard_ones_reaches_the_program)
{
	own(box) struct box b;
	int extra[50];

	box_open(&b);
	for (int i = 0; i < 50; i++)
		extra[i] = open("/", O_RDONLY | O_DIRECTORY); /* without O_CLOEXEC on purpose */
	/* 3 is the directory that ls itself reads. */
	same_int(box_run(&b, "ls /proc/self/fd"), 0);
	same_str(b.text, "0\n1\n2\n3\n");
	for (int i = 0; i < 50; i++)
		close(extra[i]);
}

TEST(masked_files_are_the_null_device_and_masked_directories_empty)
{
	own(box) struct box b;

	box_open(&b);
	same_int(box_run(&b, "stat -c '%t:%T %F' /proc/keys /proc/timer_list; ls -A /sys/firmware "
			     "| wc -l;"
			     "echo x 2>/dev/null >/proc/sys/kernel/domainname || echo refused"),
		 0);
	same_str(b.text, "1:3 character special file\n1:3 character special file\n0\nrefused\n");
}

TEST(a_terminal_is_the_containers_own_and_has_the_size_asked_for)
{
	own(box) struct box b;

	box_open(&b);
	b.spec.process.terminal = true;
	b.spec.process.console_size = (struct oci_box){ .height = 33, .width = 77 };
	same_int(box_run(&b,
			 "tty; stty size; stat -c %t /dev/console; echo x > /dev/tty && echo good"),
		 0);
	said(&b, "/dev/pts/0");
	said(&b, "33 77");
	said(&b, "88"); /* major 136: a pty */
	said(&b, "good");
}

TEST(what_a_read_only_root_refuses_a_tmpfs_takes)
{
	own(box) struct box b;

	box_open(&b);
	b.spec.root.readonly = true;
	oci_add_mount(&b.spec, "/tmp", "tmpfs", "tmpfs", "nosuid,nodev,size=64k,mode=1777");
	same_int(box_run(&b, "touch /x 2>/dev/null || echo ro; touch /tmp/x && echo rw; stat -c %a "
			     "/tmp"),
		 0);
	same_str(b.text, "ro\nrw\n1777\n");
}

TEST(bind_mounts_of_files_and_directories_arrive_with_their_options)
{
	own(box) struct box b;
	own(str) char *dir = NULL, *file = NULL;

	box_open(&b);
	dir = str_fmt("%s/work", b.dir);
	file = str_fmt("%s/file", b.dir);
	box_put(b.top, "file", "content", 0644);
	oci_add_mount(&b.spec, "/new/deep/file", "bind", file, "bind,ro");
	oci_add_mount(&b.spec, "/mnt/dir", "bind", dir, "rbind,rro,rprivate");
	same_int(box_run(&b,
			 "cat /new/deep/file; echo; echo x 2>/dev/null >/new/deep/file || echo ro1;"
			 "touch /mnt/dir/x 2>/dev/null || echo ro2"),
		 0);
	same_str(b.text, "content\nro1\nro2\n");
}

TEST(a_missing_working_directory_is_made_and_relative_programs_run_from_it)
{
	own(box) struct box b;

	box_open(&b);
	str_set(&b.spec.process.cwd, "/work/deep");
	same_int(box_run(&b, "pwd"), 0);
	same_str(b.text, "/work/deep\n");
	same_int(box_run(&b, "!../../bin/busybox pwd"), 0);
}

TEST(limits_of_the_cgroup_are_in_place_before_the_program_starts)
{
	own(box) struct box b;
	struct cgroup_stats st;
	own(str) char *path = str_fmt("/executor-test-%d/c", (int)getpid());

	box_open(&b);
	b.spec.linux_.resources.memory.limit = OPTINT(64 << 20);
	b.spec.linux_.resources.pids.limit = OPTINT(33);
	b.spec.linux_.resources.cpu.shares = OPTINT(512);
	ok(cgroup_create(path, &b.spec.linux_.resources, &b.e) == 0, "%s", b.e.msg);
	b.a.cgroup = path;
	same_int(box_create(&b, "cat /proc/self/cgroup; echo $$; sleep 100"), 0);
	same_int(executor_start(&b.x, &b.e), 0);
	ok(cgroup_stats(path, &st, &b.e) == 0, "%s", b.e.msg);
	same_int(st.memory_limit, 64 << 20);
	same_int(st.pids_limit, 33);
	ok(st.pids >= 1, "%lld processes", (long long)st.pids);
	ok(cgroup_create(path, &b.spec.linux_.resources, &b.e) < 0, "an occupied group was taken");
	same_int(b.e.kind, ERR_EXISTS);
	ok(cgroup_delete(path, &b.e) == 0, "%s", b.e.msg); /* kills it */
	same_int(proc_wait(b.x.id.pid), 128 + SIGKILL);
	executor_close(&b.x);
	same_int(cgroup_prune_parents(path, &b.e), 0);
	ok(cgroup_stats(path, &st, &b.e) < 0, "the group is still there");
	same_int(cgroup_delete(path, &b.e), 0);
}

TEST(a_frozen_group_stands_still_and_is_deleted_all_the_same)
{
	own(box) struct box b;
	own(str) char *path = str_fmt("/executor-test-%d-f", (int)getpid());

	box_open(&b);
	ok(cgroup_create(path, &b.spec.linux_.resources, &b.e) == 0, "%s", b.e.msg);
	b.a.cgroup = path;
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(executor_start(&b.x, &b.e), 0);
	ok(cgroup_freeze(path, true, &b.e) == 0, "%s", b.e.msg);
	ok(cgroup_delete(path, &b.e) == 0, "%s", b.e.msg);
	same_int(proc_wait(b.x.id.pid), 128 + SIGKILL);
	executor_close(&b.x);
}

TEST(exec_enters_all_namespaces_with_the_containers_rights)
{
	own(box) struct box b;
	struct oci_process p = { 0 };

	box_open(&b);
	str_set(&b.spec.hostname, "inside");
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(executor_start(&b.x, &b.e), 0);
	fields_copy(&oci_process_table, &p, &b.spec.process);
	same_int(box_exec(&b, &p, "hostname; ps | grep -c sleep; cat /proc/self/status; exit 3"),
		 3);
	said(&b, "inside\n");
	said(&b, "CapEff:\t00000000a80425fb\n");
	said(&b, "CapInh:\t0000000000000000\n");
	said(&b, "Seccomp:\t2\n");
	p.user.uid = 1;
	same_int(box_exec(&b, &p, "id -u; id -g; grep Cap /proc/self/status; ls /proc/self/fd"), 0);
	said(&b, "1\n0\n");
	said(&b, "CapPrm:\t0000000000000000\n");
	said(&b, "0\n1\n2\n3\n");
	p.terminal = true;
	same_int(box_exec(&b, &p, "tty"), 0);
	said(&b, "/dev/pts/0");
	p.terminal = false;
	same_int(box_exec(&b, &p, "!nosuch"), -1);
	same_int(b.e.kind, ERR_NOCOMMAND);
	box_kill(&b);
	b.x.id.pid = 1;
	b.x.id.start = 12345;
	same_int(box_exec(&b, &p, "true"), -1);
	same_int(b.e.kind, ERR_STATE);
	fields_free(&oci_process_table, &p);
}

static ino_t own_ns(const char *path)
{
	struct stat st = { 0 };

	stat(path, &st);
	return st.st_ino;
}

TEST(pinned_namespaces_are_joined_and_need_no_process)
{
	own(box) struct box b;
	own(str) char *dir = NULL, *net = NULL, *uts = NULL, *ipc = NULL;
	own(fd) int fd = -1;
	ino_t net_before = own_ns("/proc/self/ns/net"), uts_before = own_ns("/proc/self/ns/uts");

	box_open(&b);
	fd = box_dir(&b, "pins");
	dir = str_fmt("%s/pins", b.dir);
	net = str_fmt("%s/net", dir);
	uts = str_fmt("%s/uts", dir);
	ipc = str_fmt("%s/ipc", dir);
	struct ns_pin_args pin = { .dir = fd,
				   .dir_path = dir,
				   .flags = CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC,
				   .hostname = "pinned" };

	ok(ns_pin(&pin, &b.e) == 0, "%s", b.e.msg);
	close(fd_steal(&fd));
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	same_int(own_ns("/proc/self/ns/net"), net_before);
	same_int(own_ns("/proc/self/ns/uts"), uts_before);
	ok(ns_pinned(fd, "net") && ns_pinned(fd, "uts") && ns_pinned(fd, "ipc"), "not pinned");
	objlist_free(&b.spec.linux_.namespaces, &oci_namespace_table);
	oci_add_namespace(&b.spec, "mount", NULL);
	oci_add_namespace(&b.spec, "pid", NULL);
	oci_add_namespace(&b.spec, "network", net);
	oci_add_namespace(&b.spec, "uts", uts);
	oci_add_namespace(&b.spec, "ipc", ipc);
	same_int(box_run(&b,
			 "hostname; cat /sys/class/net/lo/operstate; readlink /proc/self/ns/net"),
		 0);
	said(&b, "pinned\n");
	ok(strtoull(strchr(b.text, '[') ? strchr(b.text, '[') + 1 : "", NULL, 10) == own_ns(net),
	   "%s", b.text);
	same_int(ns_unpin(dir, &b.e), 0);
	ok(!ns_pinned(fd, "nosuch"), "an unknown type is pinned");
	same_int(ns_unpin(dir, &b.e), 0);
}

TEST(a_shared_pid_namespace_is_joined_and_ours_stays)
{
	own(box) struct box b;
	struct box *c = calloc(1, sizeof(*c));
	own(str) char *pid = NULL;
	ino_t before = own_ns("/proc/self/ns/pid_for_children");

	box_open(&b);
	same_int(box_create(&b, "sleep 123"), 0);
	same_int(executor_start(&b.x, &b.e), 0);
	box_open(c);
	objlist_free(&c->spec.linux_.namespaces, &oci_namespace_table);
	pid = str_fmt("/proc/%d/ns/pid", (int)b.x.id.pid);
	oci_add_namespace(&c->spec, "mount", NULL);
	oci_add_namespace(&c->spec, "pid", pid);
	same_int(box_run(c, "ps"), 0);
	said(c, "sleep 123");
	same_int(own_ns("/proc/self/ns/pid_for_children"), before);
	box_close(c);
	free(c);
}

TEST(a_foreground_container_ends_with_the_process_that_started_it)
{
	own(box) struct box b;
	int p[2], status;
	pid_t parent, init = 0;
	struct proc_id id = { 0 };

	box_open(&b);
	ok(pipe2(p, O_CLOEXEC) == 0, "pipe");
	parent = fork();
	if (parent == 0) {
		b.a.die_with_parent = true;
		if (box_create(&b, "sleep 100") == 0 && executor_start(&b.x, &b.e) == 0)
			init = b.x.id.pid;
		if (write(p[1], &init, sizeof(init)) < 0)
			_exit(1);
		_exit(0);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	ok(read(p[0], &init, sizeof(init)) == sizeof(init) && init > 0, "no container: %s",
	   b.e.msg);
	waitpid(parent, &status, 0);
	same_int(waitpid(init, &status, 0), init);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status 0x%x", status);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	close(p[0]);
	close(p[1]);
	(void)id;
}

TEST(a_start_that_fails_leaves_no_process_and_no_mount)
{
	own(box) struct box b;
	int status;
	own(str) char *line = NULL;
	own(file) FILE *f = NULL;
	size_t size = 0;

	box_open(&b);
	oci_add_mount(&b.spec, "/x", "nosuchfs", "none", "");
	same_int(box_run(&b, "true"), -1);
	ok(strstr(b.e.msg, "nosuchfs") != NULL, "%s", b.e.msg);
	same_int(waitpid(-1, &status, WNOHANG), -1);
	f = fopen("/proc/self/mountinfo", "re");
	while (f && getline(&line, &size, f) > 0)
		ok(!strstr(line, b.dir), "left: %s", line);
}

TEST(a_cgroup_that_is_removed_before_it_is_joined_is_no_error)
{
	own(str) char *path = str_fmt("/caddis-unit-%d", (int)getpid());
	struct oci_resources none = { 0 };
	struct cgroup_join j = { 0 };
	struct err e = { 0 };

	ok(cgroup_create(path, &none, &e) == 0, "%s", e.msg);
	ok(cgroup_join_open(path, true, &j, &e) == 0 && j.n > 0, "%s", e.msg);
	ok(cgroup_delete(path, &e) == 0, "%s", e.msg);
	ok(cgroup_join_self(&j, &e) == 0, "%s", e.msg);
	cgroup_join_close(&j);
}

int main(void)
{
	return unit_run();
}
