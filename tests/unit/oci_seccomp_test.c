/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.seccomp: what each action, argument and flag does to a program, and the agent's part. */
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/json.h"
#include "tests/unit/executor_help.h"

#define MKDIR "\"names\":[\"mkdir\",\"mkdirat\",\"no_such_call\"]"

static void profile(struct box *b, const char *rule, const char *more)
{
	own(str) char *text =
		str_fmt("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":"
			"[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_AARCH64\"]%s,\"syscalls\":[{%s}]}",
			more, rule);
	struct err e = { 0 };

	json_object_put(b->spec.linux_.seccomp);
	b->spec.linux_.seccomp = json_parse("profile", text, strlen(text), &e);
	ok(b->spec.linux_.seccomp != NULL, "%s", e.msg);
}

static const struct {
	const char *rule, *script;
	int code;
	const char *says; /* NULL: nothing is looked for */
} cases[] = {
	{ MKDIR ",\"action\":\"SCMP_ACT_ERRNO\"", "busybox mkdir /tmp/a", 1,
	  "Operation not permitted" },
	{ MKDIR ",\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28", "busybox mkdir /tmp/a", 1,
	  "No space left on device" },
	{ MKDIR ",\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":1", "busybox mkdir /tmp/a", 1,
	  "Function not implemented" },
	{ MKDIR ",\"action\":\"SCMP_ACT_KILL_PROCESS\"", "busybox mkdir /tmp/a; echo $?", 0,
	  "159" },
	{ MKDIR ",\"action\":\"SCMP_ACT_KILL_THREAD\"", "busybox mkdir /tmp/a; echo $?", 0, "159" },
	{ MKDIR ",\"action\":\"SCMP_ACT_KILL\"", "busybox mkdir /tmp/a; echo $?", 0, "159" },
	{ MKDIR ",\"action\":\"SCMP_ACT_TRAP\"", "busybox mkdir /tmp/a; echo $?", 0, "159" },
	{ MKDIR ",\"action\":\"SCMP_ACT_LOG\"", "busybox mkdir /tmp/a && echo made", 0, "made" },
	{ MKDIR ",\"action\":\"SCMP_ACT_ALLOW\"", "busybox mkdir /tmp/a && echo made", 0, "made" },
	/* By arguments: kill(pid, 0) is refused, and no other signal. */
	{ "\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,\"args\":[{\"index\":"
	  "1,"
	  "\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]",
	  "kill -0 $$; kill -CONT $$ && echo other", 0, "Input/output error\nother" },
	{ "\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,\"args\":[{\"index\":"
	  "1,"
	  "\"value\":16,\"valueTwo\":16,\"op\":\"SCMP_CMP_MASKED_EQ\"}]",
	  "kill -0 $$ && echo zero; kill -CONT $$", 1, "zero\n" },
	{ "\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,\"args\":[{\"index\":"
	  "1,"
	  "\"value\":17,\"op\":\"SCMP_CMP_GT\"}]",
	  "kill -0 $$ && echo zero; kill -CONT $$", 1, "zero\n" },
};

TEST(every_action_and_comparison_does_what_it_says)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		own(box) struct box b;

		box_open(&b);
		b.spec.process.no_new_privileges = i % 2; /* both ways of installing */
		profile(&b, cases[i].rule, "");
		same_int(box_run(&b, cases[i].script), cases[i].code);
		ok(!cases[i].says || box_said(&b, cases[i].says), "%s: %s%s", cases[i].rule, b.text,
		   b.e.msg);
	}
}

static const struct {
	const char *rule, *more, *error;
} refused[] = {
	{ MKDIR ",\"action\":\"SCMP_ACT_X\"", "",
	  "linux.seccomp: syscalls[0]: action: unknown action \"SCMP_ACT_X\"" },
	{ MKDIR ",\"action\":\"SCMP_ACT_ERRNO\"", ",\"flags\":[\"X\"]",
	  "linux.seccomp: flags: flag \"X\" is not supported" },
	{ MKDIR ",\"action\":\"SCMP_ACT_ERRNO\"",
	  ",\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]",
	  "linux.seccomp: flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV goes with "
	  "SCMP_ACT_NOTIFY" },
	{ MKDIR ",\"action\":\"SCMP_ACT_NOTIFY\"", "",
	  "linux.seccomp.listenerPath: SCMP_ACT_NOTIFY needs a socket" },
	{ MKDIR ",\"action\":\"SCMP_ACT_NOTIFY\"", ",\"listenerPath\":\"/nonexistent\"",
	  "linux.seccomp.listenerPath: connect to /nonexistent: No such file or directory" },
};

TEST(what_cannot_be_is_refused_before_anything_is_made)
{
	own(box) struct box b;

	box_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		profile(&b, refused[i].rule, refused[i].more);
		same_int(box_run(&b, "true"), -1);
		ok(str_starts(b.e.msg, refused[i].error), "%s", b.e.msg);
	}
	json_object_put(b.spec.linux_.seccomp);
	b.spec.linux_.seccomp = json_tokener_parse(
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}");
	same_int(box_run(&b, "true"), -1);
	same_str(b.e.msg, "linux.seccomp: architectures[0]: unknown: \"SCMP_ARCH_Z80\"");
}

/* Takes one listener, writes the text that came with it to the file state, and answers every
 * notification with EBUSY until the filter is gone. */
_Noreturn static void agent(const struct box *b, int server)
{
	int sock = accept(server, NULL, NULL), fd = -1;
	char text[4096];
	size_t n = 1;
	struct err e;
	ssize_t len = sock < 0 ? -1 : fd_recv(sock, text, sizeof(text) - 1, &fd, &n, &e);

	if (len <= 0 || n != 1)
		_exit(1);
	text[len] = '\0';
	box_put(b->top, "state", text, 0600);
	for (;;) {
		struct seccomp_notif req = { 0 };
		struct seccomp_notif_resp resp = { .error = -EBUSY };

		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
			_exit(errno != ENOENT);
		resp.id = req.id;
		ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	}
}

static void check_state(struct box *b, const char *status)
{
	own(buf) struct buf text = { 0 };
	own(json) struct json_object *j = NULL;
	struct json_object *state, *fds, *pid;
	struct err e = { 0 };
	int fd = openat(b->top, "state", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	buf_reserve(&text, 4096);
	n = read_full(fd, text.s, 4096);
	text.len = n > 0 ? (size_t)n : 0;
	close(fd);
	unlinkat(b->top, "state", 0);
	j = json_parse("state", text.s, text.len, &e);
	ok(j != NULL, "%s", e.msg);
	if (!j)
		return;
	same_str(json_get_str(j, "ociVersion"), "1.3.0");
	same_str(json_get_str(j, "metadata"), "words for the agent");
	fds = json_get(j, "fds", json_type_array);
	same_str(fds ? json_object_get_string(json_object_array_get_idx(fds, 0)) : NULL,
		 "seccompFd");
	pid = json_get(j, "pid", json_type_int);
	same_int(pid ? json_object_get_int(pid) : 0, b->x.id.pid);
	state = json_get(j, "state", json_type_object);
	same_str(state ? json_get_str(state, "id") : NULL, "test");
	same_str(state ? json_get_str(state, "status") : NULL, status);
	same_str(state ? json_get_str(state, "bundle") : NULL, "/some/bundle");
}

TEST(an_agent_gets_the_listener_with_the_state_and_answers_for_the_kernel)
{
	for (int nnp = 0; nnp < 2; nnp++) {
		own(box) struct box b;
		struct sockaddr_un a = { .sun_family = AF_UNIX };
		own(fd) int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		own(str) char *more = NULL;
		pid_t pid;

		box_open(&b);
		b.spec.process.no_new_privileges = nnp;
		b.a.bundle = "/some/bundle";
		snprintf(a.sun_path, sizeof(a.sun_path), "%s/sock", b.dir);
		ok(bind(server, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(server, 1) == 0,
		   "%s", strerror(errno));
		pid = fork();
		if (pid == 0)
			agent(&b, server);
		more = str_fmt(",\"listenerPath\":\"%s\",\"listenerMetadata\":\"words for the "
			       "agent\",\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]",
			       a.sun_path);
		profile(&b, MKDIR ",\"action\":\"SCMP_ACT_NOTIFY\"", more);
		same_int(box_create(&b, "busybox mkdir /tmp/a"), 0);
		same_int(executor_start(&b.x, &b.e), 0);
		box_read(&b, b.out);
		same_int(proc_wait(b.x.id.pid), 1);
		said(&b, "/tmp/a': Device or resource busy");
		same_int(proc_wait(pid), 0); /* once nobody has the filter any more */
		check_state(&b, "creating");
		executor_close(&b.x);
		b.x = (struct executor)EXECUTOR_NONE;
	}
}

int main(void)
{
	return unit_run();
}
