/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr run and exec: the hot paths. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctr.h"
#include "pod/container.h"

static int create(struct cli *cli, const struct run_args *a, char **operands, size_t n,
		  struct record *hold, char id[ID_SIZE], struct container_attach *attach,
		  struct err *e)
{
	own(cri_container_config) struct cri_container_config config = { 0 };
	struct cri_sandbox_config sandbox_config = { 0 };
	struct container_create_args create_args = {
		.config = &config,
		.sandbox_config = &sandbox_config,
		.auto_remove = a->remove,
	};
	char sandbox[ID_SIZE];
	int rc;

	if (ctr_config(&a->config, operands, n, &config, e) < 0)
		return -1;
	attach->stdin_ = config.stdin_;
	attach->tty = config.tty && isatty(STDIN_FILENO);
	if (a->sandbox && net_args_given(&a->net))
		return err_set(e, ERR_USAGE,
			       "--network, --publish, --ip and --mac are for a sandbox of its own, "
			       "not for --sandbox");
	if (net_config(&a->net, &sandbox_config, e) < 0) {
		cri_sandbox_config_free(&sandbox_config);
		return -1;
	}
	if (a->sandbox) {
		if (record_find(&cli->store, RECORD_SANDBOX, a->sandbox, sandbox, e) < 0)
			return -1;
		create_args.sandbox = sandbox;
	}
	if (ctr_image(cli, &a->config, config.image.image, e) < 0)
		return -1;
	/* Its own sandbox has its name, so that a name taken twice is an error here too. */
	str_set(&sandbox_config.metadata.name, config.metadata.name);
	sandbox_config.linux_.security_context.namespace_options.pid = CRI_NS_CONTAINER;
	rc = container_create(&cli->store, &create_args, hold, id, e);
	if (rc < 0 && e->kind == ERR_EXISTS) {
		/* The name may be a killed command's. */
		container_sweep(&cli->store);
		rc = container_create(&cli->store, &create_args, hold, id, e);
	}
	cri_sandbox_config_free(&sandbox_config);
	return rc;
}

/* How it ended; output that was lost on the way (a full disk) is an error of ours. */
static int report_end(struct cli *cli, const struct exit_status *ended)
{
	struct err e;

	if (!ended->output_errno)
		return ended->code;
	errno = ended->output_errno;
	err_sys(&e, "write standard output");
	return cli_error(cli, &e);
}

int ctr_run_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct run_args *a = args;
	struct container_attach attach = { 0 };
	struct exit_status ended = { 0 };
	own(record) struct record held = RECORD_NONE;
	char id[ID_SIZE];
	struct err e, second;

	if (a->config.print_config)
		return ctr_config_print(cli, &a->config, operands, n);
	if (create(cli, a, operands, n, &held, id, &attach, &e) < 0)
		return cli_error(cli, &e);
	if (!a->detach) {
		if (container_run(&cli->store, id, &held, &attach, &ended, &e) < 0)
			return cli_error(cli, &e);
		return report_end(cli, &ended);
	}
	if (container_start(&cli->store, id, &held, &e) < 0) {
		if (a->remove)
			container_remove(&cli->store, id, true, &second);
		return cli_error(cli, &e);
	}
	printf("%s\n", id);
	return cli_done(cli, 0);
}

static int exec_args_of(const struct exec_args *a, char **command, size_t n,
			struct container_exec_args *out, struct err *e)
{
	struct objlist env = { 0 };

	if (ctr_env(&a->env, &env, e) < 0)
		return -1;
	for (size_t i = 0; i < env.n; i++) {
		struct cri_env *v = &((struct cri_env *)env.v)[i];

		strv_take(&out->env, str_fmt("%s=%s", v->key, v->value));
		fields_free(&cri_env_table, v);
	}
	free(env.v);
	for (size_t i = 0; i < n; i++)
		strv_add(&out->cmd, command[i]);
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
	return rc < 0 ? cli_error(cli, &e) : report_end(cli, &ended);
}
