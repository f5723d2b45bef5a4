/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr run and exec: the hot paths. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctr.h"
#include "monitor/client.h"
#include "pod/container.h"

#define EXIT_TIMED_OUT 124 /* as timeout(1) */

/* Its own sandbox has its name, so that a name taken twice is an error here too. */
static int own_sandbox(const struct run_args *a, const struct cri_container_config *c,
		       struct cri_sandbox_config *out, struct err *e)
{
	struct cri_sandbox_security *sec = &out->linux_.security_context;

	str_set(&out->metadata.name, c->metadata.name);
	sec->namespace_options.pid = CRI_NS_CONTAINER;
	sec->privileged = c->linux_.security_context.privileged;
	return net_config(&a->net, out, e);
}

/* What is made for a run before it runs. */
struct made {
	char id[ID_SIZE];
	struct container_made held;
	struct container_attach attach;
};

static int create(struct cli *cli, const struct run_args *a, char **operands, size_t n,
		  struct made *m, struct err *e)
{
	own(cri_container_config) struct cri_container_config config = { 0 };
	own(cri_sandbox_config) struct cri_sandbox_config sandbox_config = { 0 };
	struct container_create_args create_args = {
		.config = &config,
		.sandbox_config = &sandbox_config,
		.auto_remove = a->remove,
	};
	char sandbox[ID_SIZE];
	int rc;

	if (ctr_create_options(&a->config, &create_args, e) < 0)
		return -1;
	if (create_args.restart && a->remove)
		return err_set(e, ERR_USAGE, "--restart and --rm exclude each other");
	if (ctr_config(&a->config, operands, n, &config, e) < 0)
		return -1;
	m->attach.stdin_ = config.stdin_;
	m->attach.tty = config.tty && isatty(STDIN_FILENO);
	if (a->sandbox && net_args_given(&a->net))
		return err_set(e, ERR_USAGE,
			       "--network, --publish, --ip and --mac are for a sandbox of its own, "
			       "not for --sandbox");
	if (own_sandbox(a, &config, &sandbox_config, e) < 0)
		return -1;
	if (a->sandbox) {
		if (record_find(&cli->store, RECORD_SANDBOX, a->sandbox, sandbox, e) < 0)
			return -1;
		create_args.sandbox = sandbox;
	}
	/* Mostly it is there, and is found once. */
	if (a->config.pull && ctr_images(cli, &a->config, &config, e) < 0)
		return -1;
	rc = container_create(&cli->store, &create_args, &m->held, m->id, e);
	if (rc < 0 && e->kind == ERR_NOT_FOUND && !a->config.pull) {
		if (ctr_images(cli, &a->config, &config, e) < 0)
			return -1;
		rc = container_create(&cli->store, &create_args, &m->held, m->id, e);
	}
	if (rc < 0 && e->kind == ERR_EXISTS) {
		/* The name may be a killed command's. */
		container_sweep(&cli->store);
		rc = container_create(&cli->store, &create_args, &m->held, m->id, e);
	}
	return rc;
}

int ctr_report_end(struct cli *cli, const struct exit_status *ended)
{
	struct err e;

	if (ended->timed_out) {
		err_set(&e, ERR_FAIL, "the command was killed: its time was over");
		(void)cli_error(cli, &e);
		return EXIT_TIMED_OUT;
	}
	if (ended->detached && ended->signal)
		return 128 + ended->signal;
	if (!ended->output_errno)
		return ended->detached ? 0 : ended->code;
	errno = ended->output_errno;
	err_sys(&e, "write standard output");
	return cli_error(cli, &e);
}

void ctr_attach_options(const struct attach_opts *o, struct container_attach *out)
{
	out->detach_keys = o->detach_keys ? o->detach_keys : DETACH_KEYS_DEFAULT;
	out->no_sig_proxy = o->no_sig_proxy;
}

/* In the background: its ID is the result. */
static int run_detached(struct cli *cli, const struct run_args *a, struct made *m)
{
	struct err e, second;

	if (container_start(&cli->store, m->id, &m->held, false, &e) < 0) {
		if (a->remove)
			container_remove(&cli->store, m->id, true, &second);
		return cli_error(cli, &e);
	}
	printf("%s\n", m->id);
	return cli_done(cli, 0);
}

static int run_made(struct cli *cli, const struct run_args *a, struct made *m)
{
	struct exit_status ended = { 0 };
	struct err e;

	if (a->detach)
		return run_detached(cli, a, m);
	if (m->attach.tty)
		client_terminal_size(&m->attach.size);
	if (container_run(&cli->store, m->id, &m->held, &m->attach, &ended, &e) < 0)
		return cli_error(cli, &e);
	return ctr_report_end(cli, &ended);
}

bool ctr_run_transient(const void *args)
{
	const struct run_args *a = args;

	return !a->detach && !a->config.tty.set && !a->config.restart && !a->attach.no_sig_proxy;
}

bool ctr_exec_transient(const void *args)
{
	const struct exec_args *a = args;

	return !a->detach && !a->tty;
}

int ctr_run_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct run_args *a = args;
	struct made m = { .held = CONTAINER_MADE_NONE, .attach = { .owner = true } };
	own(fd) int cidfile = -1;
	struct err e, second;
	int status;

	if (a->config.print_config)
		return ctr_config_print(cli, &a->config, operands, n);
	m.attach.restarts = a->config.restart && !str_eq(a->config.restart, "no");
	ctr_attach_options(&a->attach, &m.attach);
	if (detach_keys_check(m.attach.detach_keys, &e) < 0 ||
	    ctr_cidfile_open(a->config.cidfile, &cidfile, &e) < 0)
		return cli_error(cli, &e);
	if (create(cli, a, operands, n, &m, &e) < 0) {
		ctr_cidfile_close(a->config.cidfile, &cidfile, NULL, &second);
		return cli_error(cli, &e);
	}
	if (ctr_cidfile_close(a->config.cidfile, &cidfile, m.id, &e) < 0) {
		container_made_free(&m.held);
		container_remove(&cli->store, m.id, true, &second);
		return cli_error(cli, &e);
	}
	status = run_made(cli, a, &m);
	container_made_free(&m.held);
	return status;
}

static int exec_env(const struct exec_args *a, struct strv *out, struct err *e)
{
	struct objlist env = { 0 };
	int rc = ctr_envs(&a->env_files, &a->env, &env, e);

	for (size_t i = 0; i < env.n; i++) {
		struct cri_env *v = &((struct cri_env *)env.v)[i];

		strv_take(out, str_fmt("%s=%s", v->key, v->value));
		fields_free(&cri_env_table, v);
	}
	free(env.v);
	return rc;
}

static int exec_args_of(const struct exec_args *a, char **command, size_t n,
			struct container_exec_args *out, struct err *e)
{
	out->detach_keys = a->detach_keys ? a->detach_keys : DETACH_KEYS_DEFAULT;
	if (exec_env(a, &out->env, e) < 0 || detach_keys_check(out->detach_keys, e) < 0)
		return -1;
	if (a->timeout && (clock_parse_duration(a->timeout, &out->timeout) < 0 || !out->timeout))
		return err_set(e, ERR_USAGE, "--timeout %.40s: not a time; e.g. 10, 1m30s",
			       a->timeout);
	for (size_t i = 0; i < n; i++)
		strv_add(&out->cmd, command[i]);
	strv_copy(&out->cap_add, &a->cap_add);
	out->privileged = a->privileged;
	out->user = a->user;
	out->workdir = a->workdir;
	out->tty = a->tty;
	out->stdin_ = a->stdin_;
	out->client_tty = a->tty && isatty(STDIN_FILENO);
	out->detach = a->detach;
	if (a->workdir && a->workdir[0] != '/')
		return err_set(e, ERR_USAGE, "--workdir %.200s: must be an absolute path",
			       a->workdir);
	return 0;
}

int ctr_exec_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct exec_args *a = args;
	struct container_exec_args exec = { 0 };
	struct exit_status ended = { 0 };
	char id[ID_SIZE];
	struct err e;
	int rc;

	rc = exec_args_of(a, operands + 1, n - 1, &exec, &e);
	if (rc == 0)
		rc = record_find(&cli->store, RECORD_CONTAINER, operands[0], id, &e);
	if (rc == 0)
		rc = container_exec(&cli->store, id, &exec, &ended, &e);
	strv_free(&exec.cmd);
	strv_free(&exec.env);
	strv_free(&exec.cap_add);
	return rc < 0 ? cli_error(cli, &e) : ctr_report_end(cli, &ended);
}
