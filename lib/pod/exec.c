/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A further process in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "executor/executor.h"
#include "monitor/monitor.h"
#include "pod/container.h"

static void add_env(struct strv *env, const char *assignment)
{
	size_t key = strcspn(assignment, "=") + 1;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], assignment, key) == 0) {
			str_set(&env->v[i], assignment);
			return;
		}
	strv_add(env, assignment);
}

/* The last word is the user's, then the image's. */
static void add_term(struct strv *env)
{
	for (size_t i = 0; i < env->n; i++)
		if (str_starts(env->v[i], "TERM="))
			return;
	strv_add(env, "TERM=xterm");
}

static void fill_process(const struct container_exec_args *a, const struct oci_spec *spec,
			 struct oci_process *p)
{
	struct winsize ws;

	fields_copy(&oci_process_table, p, &spec->process);
	strv_free(&p->args);
	strv_copy(&p->args, &a->cmd);
	if (a->workdir)
		str_set(&p->cwd, a->workdir);
	for (size_t i = 0; i < a->env.n; i++)
		add_env(&p->env, a->env.v[i]);
	if (a->tty)
		add_term(&p->env);
	p->terminal = a->tty;
	p->console_size = (struct oci_box){ 0 };
	if (a->client_tty && ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		p->console_size = (struct oci_box){ .height = ws.ws_row, .width = ws.ws_col };
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

int container_exec(struct store *s, const char *id, const struct container_exec_args *a,
		   struct exit_status *out, struct err *e)
{
	own(container) struct container c = { 0 };
	own(oci_spec) struct oci_spec spec = { 0 };
	own(streams) struct streams streams = STREAMS_NONE;
	own(executor) struct executor x = EXECUTOR_NONE;
	struct oci_process process = { 0 };
	int rc = 0;

	if (load_running(s, id, &c, &spec, e) < 0)
		return -1;
	const struct cri_container_security *sec = &c.record.config.linux_.security_context;
	struct proc_id init = { .pid = (pid_t)c.status.pid, .start = (uint64_t)c.status.start };
	struct executor_exec_args x_args = {
		.init = &init,
		.spec = &spec,
		.process = &process,
		.user = a->user ? a->user : c.record.user,
		.default_seccomp =
			!sec->privileged && !(sec->seccomp && sec->seccomp->profile_type == 1),
		.die_with_parent = !a->detach,
		.cgroup = c.record.cgroup,
	};

	if (a->detach)
		rc = null_streams(&streams, e);
	else if (!a->tty)
		rc = streams_pipes(a->stdin_, &streams, e);
	if (rc < 0)
		return -1;
	fill_process(a, &spec, &process);
	memcpy(x_args.stdio, streams.child, sizeof(x_args.stdio));
	rc = executor_exec(&x_args, &x, e);
	fields_free(&oci_process_table, &process);
	streams_close_child(&streams);
	if (rc < 0)
		return -1;
	*out = (struct exit_status){ .known = true, .detached = a->detach };
	if (a->detach)
		return 0;
	struct monitor_args m = {
		.x = &x,
		.streams = a->tty ? NULL : &streams,
		.client = true,
		.client_stdin = a->stdin_,
		.client_tty = a->client_tty,
		.run_dir = -1,
		.oom_cgroup = -1,
	};

	return monitor_run(&m, out, e);
}
