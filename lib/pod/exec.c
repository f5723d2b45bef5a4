/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A further process in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "executor/cgroup.h"
#include "executor/executor.h"
#include "monitor/attach.h"
#include "monitor/control.h"
#include "monitor/monitor.h"
#include "pod/container.h"
#include "pod/security.h"
#include "monitor/client.h"

/* The last word is the user's, then the image's. */
static void add_term(struct strv *env)
{
	for (size_t i = 0; i < env->n; i++)
		if (str_starts(env->v[i], "TERM="))
			return;
	strv_add(env, "TERM=xterm");
}

static int fill_process(const struct container_exec_args *a, const struct oci_spec *spec,
			struct oci_process *p, struct err *e)
{
	struct oci_box size = { 0 };

	fields_copy(&oci_process_table, p, &spec->process);
	strv_free(&p->args);
	strv_copy(&p->args, &a->cmd);
	if (a->workdir)
		str_set(&p->cwd, a->workdir);
	for (size_t i = 0; i < a->env.n; i++)
		strv_set_assignment(&p->env, a->env.v[i]);
	p->terminal = a->tty;
	if (a->tty)
		add_term(&p->env);
	if (a->client_tty)
		client_terminal_size(&size);
	p->console_size = size;
	if (a->privileged)
		p->no_new_privileges = false;
	if (!a->privileged && !a->cap_add.n)
		return 0;
	return container_grant_caps(p->capabilities, a->privileged ? NULL : &a->cap_add, e);
}

static int load_running(struct store *s, const char *id, struct container *c, struct oci_spec *spec,
			struct err *e)
{
	own(record) struct record r = RECORD_NONE;

	if (container_load(s, id, c, e) < 0)
		return -1;
	if (c->status.state != CONTAINER_RUNNING)
		return err_set(e, ERR_STATE, "container %s is not running (%s)", container_name(c),
			       container_state_name[c->status.state]);
	if (container_paused(c)) {
		err_set(e, ERR_STATE, "container %s is paused", container_name(c));
		return err_hint(e, "'caddis ctr resume' lets it go on");
	}
	if (record_open(s, RECORD_CONTAINER, id, false, &r, e) < 0 ||
	    fields_load(&oci_spec_table, r.dir, "spec.json", spec, e) < 0)
		return err_in(e, "container %s", container_name(c));
	return 0;
}

static int null_streams(struct streams *st, struct err *e)
{
	for (int i = 0; i < 3; i++) {
		st->child[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (st->child[i] < 0)
			return err_sys(e, "/dev/null");
	}
	return 0;
}

struct execution {
	struct store *s;
	const struct container_exec_args *a;
	struct container c;
	struct oci_spec spec;
	struct oci_process process;
	struct proc_id init;
	struct streams streams;
	struct executor x;
	char *cgroup;	  /* of its own, below the container's; with a time limit only */
	int sock, theirs; /* both ends to the client, for one that stays behind; -1: none */
	struct exit_status *out;
};

static void execution_free(struct execution *ex)
{
	container_free(&ex->c);
	oci_spec_free(&ex->spec);
	fields_free(&oci_process_table, &ex->process);
	streams_close(&ex->streams);
	executor_close(&ex->x);
	free(ex->cgroup);
}
OWNED_STRUCT(execution, struct execution, execution_free)

/* Everything that is started in this time must be found again at its end, whatever it did since. */
static int own_cgroup(struct execution *ex, struct err *e)
{
	char id[ID_SIZE];

	if (!ex->a->timeout)
		return 0;
	id_new(id);
	ex->cgroup = str_fmt("%s/exec-%.12s", ex->c.record.cgroup, id);
	return cgroup_create_bare(ex->cgroup, e);
}

static int start(struct execution *ex, struct err *e)
{
	const struct cri_container_security *sec = &ex->c.record.config.linux_.security_context;
	const struct container_exec_args *a = ex->a;
	struct executor_exec_args x_args = {
		.init = &ex->init,
		.spec = &ex->spec,
		.process = &ex->process,
		.user = a->user ? a->user : ex->c.record.user,
		.strict_groups = sec->supplemental_groups_policy == 1,
		.default_seccomp = !a->privileged && security_default_seccomp(sec),
		/* of whoever stays beside it, be it this command or one that it leaves behind */
		.die_with_parent = !a->detach || a->timeout || a->tty,
		.cgroup = ex->cgroup ? ex->cgroup : ex->c.record.cgroup,
	};
	own(fd) int cache = -1;
	int rc = 0;

	if (a->privileged) { /* no profile either */
		json_object_put(ex->spec.linux_.seccomp);
		ex->spec.linux_.seccomp = NULL;
	}
	cache = security_seccomp_cache(ex->s, &ex->spec);
	x_args.seccomp_cache = cache;
	if (a->detach && !a->tty)
		rc = null_streams(&ex->streams, e);
	else if (!a->tty)
		rc = streams_pipes(a->stdin_, &ex->streams, e);
	if (rc < 0 || own_cgroup(ex, e) < 0)
		return -1;
	x_args.cgroup = ex->cgroup ? ex->cgroup : ex->c.record.cgroup;
	memcpy(x_args.stdio, ex->streams.child, sizeof(x_args.stdio));
	rc = executor_exec(&x_args, &ex->x, e);
	streams_close_child(&ex->streams);
	if (rc < 0 && ex->cgroup)
		cgroup_remove_empty(ex->cgroup);
	return rc;
}

static int stay(struct execution *ex, struct control *control, struct err *e)
{
	const struct container_exec_args *a = ex->a;
	struct monitor_args m = {
		.x = &ex->x,
		.streams = a->tty ? NULL : &ex->streams,
		.client = !control && !a->detach,
		.client_stdin = a->stdin_,
		.client_tty = a->client_tty,
		.control = control,
		.control_stdin = a->stdin_,
		.die_with_owner = true,
		.timeout = a->timeout,
		.timeout_cgroup = ex->cgroup,
	};
	struct err ignored;
	int rc = monitor_run(&m, ex->out, e);

	if (ex->cgroup && ex->out->timed_out)
		(void)cgroup_delete(ex->cgroup, &ignored);
	else if (ex->cgroup) /* what it has left behind in good order stays, and goes with the
				container */
		cgroup_remove_empty(ex->cgroup);
	return rc;
}

/* In a process that stays beside the command when its caller goes. */
static int stay_behind(int ready_sock, void *arg)
{
	struct execution *ex = arg;
	struct control control = CONTROL_NONE;
	struct exit_status ended = { .code = 255 };
	struct err e;
	int rc;

	ex->out = &ended;
	if (ex->sock >= 0) {
		close(ex->theirs); /* so that its end is an end of file here */
		control_adopt(&control, ex->sock, true);
	}
	if (start(ex, &e) < 0) {
		control_close(&control, -1, NULL);
		monitor_failed(ready_sock, &e);
		return 1;
	}
	monitor_ready(ready_sock);
	rc = stay(ex, ex->sock >= 0 ? &control : NULL, &e);
	control_close(&control, -1, rc < 0 ? NULL : &ended);
	return rc < 0;
}

/* By a process of its own that we are attached to, and can leave. */
static int exec_attached(struct execution *ex, struct err *e)
{
	struct attach_args args = {
		.stdin_ = ex->a->stdin_,
		.tty = ex->a->client_tty,
		.detach_keys = ex->a->detach_keys,
		.sig_proxy = true,
		.foreground = true,
	};
	enum attach_end how;
	int p[2], rc;

	if (fd_socketpair(p, e) < 0)
		return -1;
	own(fd) int ours = p[0];

	ex->sock = p[1];
	ex->theirs = ours;
	rc = monitor_fork(stay_behind, ex, e);
	close(p[1]);
	if (rc < 0)
		return -1;
	args.sock = ours;
	return attach_run(&args, ex->out, &how, e);
}

static int exec_detached(struct execution *ex, struct err *e)
{
	*ex->out = (struct exit_status){ .known = true, .detached = true };
	if (ex->a->timeout || ex->a->tty)
		return monitor_fork(stay_behind, ex, e);
	return start(ex, e);
}

int container_exec(struct store *s, const char *id, const struct container_exec_args *a,
		   struct exit_status *out, struct err *e)
{
	own(execution) struct execution ex = {
		.s = s, .a = a, .streams = STREAMS_NONE, .x = EXECUTOR_NONE, .sock = -1, .out = out
	};

	if (load_running(s, id, &ex.c, &ex.spec, e) < 0)
		return -1;
	ex.init = (struct proc_id){ .pid = (pid_t)ex.c.status.pid,
				    .start = (uint64_t)ex.c.status.start };
	if (fill_process(a, &ex.spec, &ex.process, e) < 0)
		return -1;
	if (a->privileged && ex.spec.linux_.seccomp) {
		json_object_put(ex.spec.linux_.seccomp);
		ex.spec.linux_.seccomp = NULL;
	}
	if (a->detach)
		return exec_detached(&ex, e);
	if (a->client_tty && a->stdin_ && str_some(a->detach_keys))
		return exec_attached(&ex, e);
	return start(&ex, e) < 0 ? -1 : stay(&ex, NULL, e);
}
