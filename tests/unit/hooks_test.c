/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks: where, when and with what they run, and what becomes of one that fails. */
#include <sys/mount.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "executor/hooks.h"
#include "tests/unit/executor_help.h"

static struct oci_hook *hook_add(struct objlist *l, const char *path, const char *name,
				 const char *script)
{
	struct oci_hook *h = objlist_add(l, &oci_hook_table);

	h->path = xstrdup(path);
	strv_add(&h->args, name);
	strv_add(&h->args, "-c");
	strv_add(&h->args, script);
	strv_add(&h->env, "PATH=/bin:/usr/bin");
	strv_add(&h->env, "ONLY=this");
	return h;
}

/* A script in which %s is the box's directory; all of them write to its file "log". */
static struct oci_hook *log_hook(struct box *b, struct objlist *l, const char *script)
{
	own(str) char *text = str_fmt("cd %s && { %s; } >> log", b->dir, script);

	return hook_add(l, "/bin/sh", "name-of-its-own", text);
}

static void box_log(struct box *b, const char *name, struct buf *out)
{
	struct err e = { 0 };

	ok(file_load(b->top, name, 65536, out, &e) == 0, "%s", e.msg);
}

static char *ns_here(const char *type)
{
	char text[64] = "";
	own(str) char *path = str_fmt("/proc/self/ns/%s", type);

	ok(readlink(path, text, sizeof(text) - 1) > 0, "readlink");
	return xstrdup(text);
}

TEST(hooks_run_in_their_order_each_in_its_namespaces_before_the_root_changes)
{
	own(box) struct box b;
	own(buf) struct buf log = { 0 };
	own(str) char *ours = ns_here("mnt"), *want = NULL;
	struct oci_hooks *h;

	box_open(&b);
	box_plain(&b);
	h = &b.spec.hooks;
	log_hook(&b, &h->prestart, "echo prestart $(readlink /proc/self/ns/mnt)");
	log_hook(&b, &h->create_runtime, "echo runtime $(readlink /proc/self/ns/mnt)");
	/* The root file system is where the bundle has it, and what is mounted on it is there. */
	log_hook(&b, &h->create_container,
		 "test $(readlink /proc/self/ns/mnt) != \"$(cat ours)\" && test -d lower/proc/1 && "
		 "echo container && mkdir -p lower/tmp/hooked && "
		 "mount -t tmpfs hooked lower/tmp/hooked && echo seen > lower/tmp/hooked/x");
	hook_add(&h->start_container, "/bin/sh", "sh",
		 "test -x /bin/busybox && cat /tmp/hooked/x > /tmp/started");
	box_put(b.top, "ours", ours, 0644);
	same_int(box_run(&b, "cat /tmp/started; echo program"), 0);
	said(&b, "seen\nprogram\n");
	box_log(&b, "log", &log);
	want = str_fmt("prestart %s\nruntime %s\ncontainer\n", ours, ours);
	same_str(log.s, want);
}

TEST(a_hook_has_the_state_on_its_input_its_own_arguments_and_nothing_else_in_its_environment)
{
	own(box) struct box b;
	own(buf) struct buf log = { 0 }, env = { 0 };
	own(json) struct json_object *j = NULL;
	struct json_object *pid, *notes;
	struct err e = { 0 };

	box_open(&b);
	b.a.bundle = "/some/bundle";
	strmap_set(&b.spec.annotations, "a.b/c", "d \"e\"");
	log_hook(&b, &b.spec.hooks.create_runtime,
		 "cat; tr '\\0' '\\n' < /proc/self/environ > env; "
		 "echo $0 >> env; ls /proc/self/fd > fds");
	hook_add(&b.spec.hooks.start_container, "/bin/sh", "sh", "cat > /tmp/state");
	same_int(box_run(&b, "cat /tmp/state"), 0);
	said(&b, "\"status\":\"created\",\"pid\":1,");
	box_log(&b, "log", &log);
	j = json_parse("state", log.s, log.len, &e);
	ok(j != NULL, "%s: %s", e.msg, log.s);
	if (!j)
		return;
	same_str(json_get_str(j, "ociVersion"), "1.3.0");
	same_str(json_get_str(j, "id"), "test");
	same_str(json_get_str(j, "status"), "creating");
	same_str(json_get_str(j, "bundle"), "/some/bundle");
	pid = json_get(j, "pid", json_type_int);
	ok(pid && json_object_get_int(pid) > 1, "no pid of the host's");
	notes = json_get(j, "annotations", json_type_object);
	same_str(notes ? json_get_str(notes, "a.b/c") : NULL, "d \"e\"");
	box_log(&b, "env", &env);
	same_str(env.s, "PATH=/bin:/usr/bin\nONLY=this\nname-of-its-own\n");
	buf_free(&env);
	box_log(&b, "fds", &env); /* ls has one of its own, on the directory */
	same_str(env.s, "0\n1\n2\n3\n");
}

TEST(the_first_hook_that_fails_ends_the_creation_and_says_why)
{
	static const char *const kinds[] = { "prestart", "createRuntime", "createContainer" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		own(box) struct box b;
		own(str) char *want = str_fmt("hook %s[1] /bin/sh: ended with status 3: not \\x1b "
					      "today",
					      kinds[i]);
		struct objlist *l;
		int status;

		box_open(&b);
		l = i == 0   ? &b.spec.hooks.prestart
		    : i == 1 ? &b.spec.hooks.create_runtime
			     : &b.spec.hooks.create_container;
		log_hook(&b, l, "touch first");
		log_hook(&b, l, "printf 'not \\033 today\\n' >&2; exit 3");
		log_hook(&b, l, "touch third");
		same_int(box_run(&b, "touch /tmp/ran"), -1);
		ok(strstr(b.e.msg, want) != NULL, "%s", b.e.msg);
		ok(faccessat(b.top, "first", F_OK, 0) == 0, "the first did not run");
		ok(faccessat(b.top, "third", F_OK, 0) < 0, "the third ran");
		ok(faccessat(b.upper, "tmp/ran", F_OK, 0) < 0, "the program ran");
		same_int(waitpid(-1, &status, WNOHANG), -1);
	}
}

TEST(a_start_hook_that_fails_or_is_not_there_ends_the_start)
{
	own(box) struct box b;

	box_open(&b);
	hook_add(&b.spec.hooks.start_container, "/bin/no", "no", "");
	same_int(box_create(&b, "touch /tmp/ran"), 0);
	ok(executor_start(&b.x, &b.e) < 0, "started");
	ok(strstr(b.e.msg, "hook startContainer[0] /bin/no: ended with status 127: it cannot be "
			   "executed: No such file") != NULL,
	   "%s", b.e.msg);
	executor_close(&b.x);
	ok(faccessat(b.upper, "tmp/ran", F_OK, 0) < 0, "the program ran");
}

TEST(a_hook_out_of_time_is_killed_with_all_that_it_started)
{
	struct objlist l = { 0 };
	struct oci_hook *h =
		hook_add(&l, "/bin/sh", "sh", "echo $$ > $ONLY; sleep 300 & sleep 300");
	char dir[] = "/tmp/hooks_test.XXXXXX";
	own(str) char *file = NULL, *env = NULL;
	own(buf) struct buf pid = { 0 };
	struct err e = { 0 };
	struct timespec from, to;

	ok(mkdtemp(dir) != NULL, "mkdtemp");
	file = str_fmt("%s/pid", dir);
	env = str_fmt("ONLY=%s", file);
	strv_free(&h->env);
	strv_add(&h->env, env);
	strv_add(&h->env, "PATH=/bin");
	h->timeout = OPTINT(1);
	clock_gettime(CLOCK_MONOTONIC, &from);
	ok(hooks_run("poststop", &l, "{}", &e) < 0, "a success");
	clock_gettime(CLOCK_MONOTONIC, &to);
	same_str(e.msg, "hook poststop[0] /bin/sh: did not end within 1 s, and was killed");
	ok(to.tv_sec - from.tv_sec < 100, "it was waited for");
	ok(file_load(AT_FDCWD, file, 64, &pid, &e) == 0, "%s", e.msg);
	for (int i = 0; i < 1000 && kill(-(pid_t)strtol(pid.s, NULL, 10), 0) == 0; i++)
		usleep(10000); /* the orphan goes in its own time */
	ok(kill(-(pid_t)strtol(pid.s, NULL, 10), 0) < 0, "something of it lives");
	unlink(file);
	rmdir(dir);
	objlist_free(&l, &oci_hook_table);
}

TEST(a_hook_that_says_too_much_holds_nobody_up)
{
	struct objlist l = { 0 };
	struct err e = { 0 };

	hook_add(&l, "/bin/sh", "sh",
		 "head -c 1000000 /dev/zero | tr '\\0' 'x' >&2; cat >/dev/null; exit 1");
	ok(hooks_run("poststart", &l, "{}", &e) < 0, "a success");
	ok(strstr(e.msg, "xxxxx") != NULL, "%s", e.msg);
	objlist_free(&l, &oci_hook_table);
}

int main(void)
{
	return unit_run();
}
