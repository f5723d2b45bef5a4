/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "executor/cgroup.h"
#include "executor/executor.h"
#include "monitor/client.h"
#include "oci/bundle.h"
#include "oci/socket.h"
#include "spec/cap_name.h"

struct execution {
	const struct oci_exec_args *a;
	struct oci_entry entry;
	struct oci_spec spec;
	struct oci_process process;
	char *cgroup;
	struct executor x;
	struct oci_listeners to;
};

static void execution_free(struct execution *ex)
{
	oci_entry_close(&ex->entry);
	oci_spec_free(&ex->spec);
	fields_free(&oci_process_table, &ex->process);
	free(ex->cgroup);
	executor_close(&ex->x);
	oci_listeners_close(&ex->to);
}
OWNED_STRUCT(execution, struct execution, execution_free)

static int read_process(const char *path, struct oci_process *out, struct err *e)
{
	own(strv) struct strv warnings = { 0 };
	own(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, "--process %s", path);
	return oci_process_load(fd, path, out, &warnings, e);
}

static int add_caps(struct oci_process *p, const struct strv *caps, struct err *e)
{
	for (size_t i = 0; i < caps->n; i++)
		if (cap_number(caps->v[i]) < 0)
			return err_set(e, ERR_USAGE, "there is no capability \"%.40s\"",
				       caps->v[i]);
	if (!p->capabilities)
		p->capabilities = xcalloc(1, sizeof(*p->capabilities));

	struct strv *sets[] = { &p->capabilities->bounding, &p->capabilities->effective,
				&p->capabilities->permitted, &p->capabilities->ambient };

	for (size_t i = 0; i < caps->n; i++)
		for (size_t s = 0; s < ARRAY_LEN(sets); s++)
			if (!strv_has(sets[s], caps->v[i]))
				strv_add(sets[s], caps->v[i]);
	return 0;
}

/* The container's own process, changed. */
static int change_process(const struct oci_exec_args *a, const struct oci_process *of,
			  struct oci_process *p, struct err *e)
{
	own(strv) struct strv warnings = { 0 };

	fields_copy(&oci_process_table, p, of);
	strv_free(&p->args);
	strv_copy(&p->args, &a->args);
	for (size_t i = 0; i < a->env.n; i++)
		strv_set_assignment(&p->env, a->env.v[i]);
	if (a->cwd)
		str_set(&p->cwd, a->cwd);
	if (a->apparmor)
		str_set(&p->apparmor_profile, a->apparmor);
	if (a->label)
		str_set(&p->selinux_label, a->label);
	if (a->caps->n > 0 && add_caps(p, a->caps, e) < 0)
		return -1;
	for (size_t i = 0; i < a->groups.n; i++)
		intlist_add(&p->user.additional_gids, a->groups.v[i]);
	p->no_new_privileges = p->no_new_privileges || a->no_new_privs;
	p->terminal = a->terminal;
	p->console_size = (struct oci_box){ 0 };
	return oci_process_check(p, &warnings, e);
}

static int load(struct execution *ex, struct oci_home *h, struct err *e)
{
	const struct oci_exec_args *a = ex->a;
	enum oci_status status;

	if (oci_entry_open(h, a->id, false, &ex->entry, e) < 0)
		return -1;
	status = oci_entry_status(&ex->entry);
	if (status == OCI_STOPPED || status == OCI_CREATING)
		return err_set(e, ERR_STATE, "cannot exec in container \"%s\": it is %s", a->id,
			       oci_status_name[status]);
	if (status == OCI_PAUSED && !a->ignore_paused) {
		err_set(e, ERR_STATE, "cannot exec in container \"%s\": it is paused", a->id);
		return err_hint(e, "use --ignore-paused, or resume it");
	}
	if (oci_entry_spec(&ex->entry, &ex->spec, e) < 0)
		return -1;
	if (a->process_file)
		return read_process(a->process_file, &ex->process, e);
	if (change_process(a, &ex->spec.process, &ex->process, e) < 0)
		return -1;
	if (a->terminal && !a->console_socket)
		client_terminal_size(&ex->process.console_size);
	return 0;
}

static int find_cgroup(struct execution *ex, struct err *e)
{
	const char *own_group = ex->entry.rec.cgroup, *below = ex->a->cgroup;
	own(str) char *missing = NULL;

	if (!below) {
		ex->cgroup = xstrdup(own_group);
		return 0;
	}
	if (!own_group)
		return err_set(e, ERR_USAGE, "--cgroup: the container has no cgroup of its own");
	while (*below == '/')
		below++;
	ex->cgroup = str_fmt("%s%s%s", own_group, *below ? "/" : "", below);
	if (cgroup_check_path(ex->cgroup, e) < 0)
		return err_in(e, "--cgroup");
	missing = cgroup_first_missing(ex->cgroup);
	return missing ? err_set(e, ERR_USAGE, "--cgroup %s: there is no such cgroup", below) : 0;
}

static int start(struct execution *ex, struct err *e)
{
	const struct oci_exec_args *a = ex->a;
	struct proc_id init = oci_entry_init(&ex->entry);
	own(str) char *user = a->user ? xstrdup(a->user) : oci_user_for_home(&ex->process);
	struct executor_exec_args x = {
		.init = &init,
		.spec = &ex->spec,
		.process = &ex->process,
		.id = ex->entry.rec.id,
		.bundle = ex->entry.rec.bundle,
		.user = user,
		.strict_groups = !a->user,
		.stdio = { 0, 1, 2 },
		.die_with_parent = !a->detach,
		.preserve = a->preserve,
		.seccomp_cache = -1,
		.cgroup = ex->cgroup,
	};

	return executor_exec(&x, &ex->x, e);
}

/* Its pid and terminal, to whoever asked for them. */
static int tell(struct execution *ex, struct err *e)
{
	const struct oci_exec_args *a = ex->a;

	if ((!a->pid_file || oci_pid_file(a->pid_file, ex->x.id.pid, e) == 0) &&
	    oci_listeners_tell(&ex->to, &ex->x, e) == 0)
		return 0;
	(void)proc_pidfd_signal(ex->x.pidfd, SIGKILL);
	(void)proc_wait(ex->x.id.pid); /* the container's first process may not do it */
	return -1;
}

int oci_exec(struct oci_home *h, const struct oci_exec_args *a, struct exit_status *out,
	     struct err *e)
{
	own(execution) struct execution ex = {
		.a = a, .entry = OCI_ENTRY_NONE, .x = EXECUTOR_NONE, .to = OCI_LISTENERS_NONE
	};
	struct monitor_args m = { .x = &ex.x, .client = true };

	if (load(&ex, h, e) < 0 ||
	    oci_listeners_open(&ex.to, a->console_socket, a->pidfd_socket, ex.process.terminal,
			       a->detach, e) < 0 ||
	    find_cgroup(&ex, e) < 0 || start(&ex, e) < 0 || tell(&ex, e) < 0)
		return -1;
	if (a->detach)
		return 0;
	m.client_stdin = ex.x.console >= 0;
	m.client_tty = m.client_stdin && isatty(0);
	return monitor_run(&m, out, e);
}
