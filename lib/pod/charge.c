/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/charge.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/proc.h"
#include "executor/cgroup.h"
#include "pod/sandbox.h"

static char *new_group(struct store *s, const char *name, struct err *e)
{
	own(sandbox) struct sandbox sb = { 0 };
	own(str) char *parent = NULL;
	char id[ID_SIZE], leaf[ID_SIZE];

	if (record_find(s, RECORD_SANDBOX, name, id, e) < 0 || sandbox_load(s, id, &sb, e) < 0)
		return NULL;
	if (!sb.ready) {
		err_set(e, ERR_STATE, "sandbox %s is not ready", name);
		err_hint(e, "what it pays for needs its cgroup");
		return NULL;
	}
	parent = sandbox_cgroup(&sb.record, id);
	id_new(leaf);
	return str_fmt("%s/charged-%.12s", parent, leaf);
}

static void run_child(const char *group, pid_t parent, int (*fn)(void *ctx), void *ctx)
{
	struct cgroup_join j = { 0 };
	struct err e;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || cgroup_join_open(group, true, &j, &e) < 0 ||
	    cgroup_join_self(&j, &e) < 0)
		_exit(1);
	cgroup_join_close(&j);
	ret = fn(ctx);
	fflush(NULL);
	_exit(ret);
}

static int run(const char *group, int (*fn)(void *ctx), void *ctx, int *status, struct err *e)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	pid_t self = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		run_child(group, self, fn, ctx);
	sigaction(SIGINT, &ignore, &old); /* the child's, and then we clean up */
	*status = proc_wait(pid);
	sigaction(SIGINT, &old, NULL);
	return *status < 0 ? err_sys(e, "wait for the child") : 0;
}

int pod_charge(struct store *s, const char *sandbox, int (*fn)(void *ctx), void *ctx, int *status,
	       struct err *e)
{
	own(str) char *group = new_group(s, sandbox, e);
	struct oci_resources none = { 0 };
	struct err ignored;
	int ret;

	if (!group || cgroup_create(group, &none, e) < 0)
		return -1;
	ret = run(group, fn, ctx, status, e);
	cgroup_delete(group, &ignored); /* what stays goes with the sandbox */
	return ret;
}
