/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of create and run as CRI's ContainerConfig. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/path.h"
#include "common.h"
#include "ctr.h"
#include "image/image.h"
#include "pod/mounts.h"
#include "registry_args.h"

#define ENV_FILE_MAX (1024 * 1024)

static struct cri_env *env_of(struct objlist *envs, const char *key)
{
	struct cri_env *v = envs->v;

	for (size_t i = 0; i < envs->n; i++)
		if (str_eq(v[i].key, key))
			return &v[i];
	v = objlist_add(envs, &cri_env_table);
	v->key = xstrdup(key);
	return v;
}

static int env_list(const struct strv *given, struct objlist *out, struct err *e)
{
	for (size_t i = 0; i < given->n; i++) {
		const char *eq = strchr(given->v[i], '=');
		const char *value = eq ? eq + 1 : getenv(given->v[i]);
		struct cri_env *env;

		if (eq == given->v[i] || !given->v[i][0])
			return err_set(e, ERR_USAGE, "--env '%.80s': a variable needs a name",
				       given->v[i]);
		if (!value)
			continue;
		own(str) char *key = eq ? xstrndup(given->v[i], (size_t)(eq - given->v[i]))
					: xstrdup(given->v[i]);

		env = env_of(out, key);
		str_set(&env->value, value);
	}
	return 0;
}

static int env_file(const char *path, struct objlist *out, struct err *e)
{
	own(buf) struct buf text = { 0 };
	own(strv) struct strv lines = { 0 };
	own(strv) struct strv given = { 0 };

	if (file_load(AT_FDCWD, path, ENV_FILE_MAX, &text, e) < 0)
		return err_in(e, "--env-file %.200s", path);
	if (memchr(text.s ? text.s : "", '\0', text.len))
		return err_set(e, ERR_USAGE, "--env-file %.200s: it has a NUL in it", path);
	strv_split(&lines, text.s ? text.s : "", '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");

		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#')
			strv_add(&given, line);
	}
	return env_list(&given, out, e) < 0 ? err_in(e, "--env-file %.200s", path) : 0;
}

int ctr_envs(const struct strv *files, const struct strv *given, struct objlist *out, struct err *e)
{
	for (size_t i = 0; i < files->n; i++)
		if (env_file(files->v[i], out, e) < 0)
			return -1;
	return env_list(given, out, e);
}

static int set_resources(const struct ctr_config_args *a, struct cri_container_config *c,
			 struct err *e)
{
	struct cri_resources *r = c->linux_.resources;

	if (!r)
		r = c->linux_.resources = xcalloc(1, sizeof(*r));
	if (ctr_resources(&a->resources, r, e) < 0)
		return -1;
	if (a->resources.memory_swap && r->memory_swap_limit_in_bytes.v >= 0 &&
	    !r->memory_limit_in_bytes.set)
		return err_set(e, ERR_USAGE,
			       "--memory-swap %.40s: it includes memory, so --memory is needed too",
			       a->resources.memory_swap);
	if (a->oom_score_adj.set && (a->oom_score_adj.v < -1000 || a->oom_score_adj.v > 1000))
		return err_set(e, ERR_USAGE, "--oom-score-adj %lld: expected -1000 to 1000",
			       (long long)a->oom_score_adj.v);
	if (a->oom_score_adj.set)
		r->oom_score_adj = a->oom_score_adj;
	return 0;
}

/* --pid: NULL leaves it to the sandbox. */
static int set_pid(const char *mode, struct cri_container_security *sec, struct err *e)
{
	struct cri_namespace_options *ns;

	if (!mode)
		return 0;
	if (!sec->namespace_options)
		sec->namespace_options = xcalloc(1, sizeof(*ns));
	ns = sec->namespace_options;
	if (str_eq(mode, "container")) {
		ns->pid = CRI_NS_CONTAINER;
	} else if (str_eq(mode, "sandbox")) {
		ns->pid = CRI_NS_POD;
	} else if (str_eq(mode, "host")) {
		ns->pid = CRI_NS_NODE;
	} else if (str_starts(mode, "container:") && mode[strlen("container:")]) {
		ns->pid = CRI_NS_TARGET;
		str_set(&ns->target_id, mode + strlen("container:"));
	} else {
		return err_set(e, ERR_USAGE,
			       "--pid %.80s: expected container, sandbox, host or container:NAME",
			       mode);
	}
	return 0;
}

static void set_security(const struct ctr_config_args *a, struct cri_container_config *c)
{
	struct cri_container_security *sec = &c->linux_.security_context;

	/* A file's numbers would win over the name. */
	if (a->user) {
		free(sec->run_as_user);
		free(sec->run_as_group);
		sec->run_as_user = sec->run_as_group = NULL;
	}
	option_win(&sec->run_as_username, a->user);
	option_win_bool(&sec->readonly_rootfs, &a->read_only);
	option_win_bool(&sec->privileged, &a->privileged);
	option_win_bool(&sec->no_new_privs, &a->no_new_privs);
	if (!a->cap_add.n && !a->cap_drop.n)
		return;
	if (!sec->capabilities)
		sec->capabilities = xcalloc(1, sizeof(*sec->capabilities));
	option_win_list(&sec->capabilities->add_capabilities, &a->cap_add);
	option_win_list(&sec->capabilities->drop_capabilities, &a->cap_drop);
}

static int set_log(const struct ctr_config_args *a, struct cri_container_config *c, struct err *e)
{
	const struct optint *files = &a->log_max_files;

	option_win(&c->log_path, a->log_path);
	if (size_option("log-max-size", a->log_max_size, &c->log_max_size, e) < 0)
		return -1;
	if (a->log_max_size && c->log_max_size.v < CRI_LOG_SIZE_MIN)
		return err_set(e, ERR_USAGE, "--log-max-size %.40s: expected %d bytes at least",
			       a->log_max_size, CRI_LOG_SIZE_MIN);
	if (files->set && (files->v < 1 || files->v > CRI_LOG_FILES_MAX))
		return err_set(e, ERR_USAGE, "--log-max-files %lld: expected 1 to %d",
			       (long long)files->v, CRI_LOG_FILES_MAX);
	if (files->set)
		c->log_max_files = *files;
	return 0;
}

/* IMAGE [COMMAND [ARG...]], all of which a file may have said. */
static int set_operands(const struct ctr_config_args *a, char **operands, size_t n,
			struct cri_container_config *c, struct err *e)
{
	own(strv) struct strv command = { 0 };
	own(strv) struct strv args = { 0 };

	if (n)
		str_set(&c->image.image, operands[0]);
	if (!str_some(c->image.image))
		return err_set(e, ERR_USAGE, "no image: expected IMAGE%s",
			       a->file ? ", or image.image in the file" : "");
	if (str_some(a->entrypoint))
		strv_add(&command, a->entrypoint);
	for (size_t i = 1; i < n; i++)
		strv_add(&args, operands[i]);
	option_win_list(&c->command, &command);
	option_win_list(&c->args, &args);
	return 0;
}

int ctr_config(const struct ctr_config_args *a, char **operands, size_t n,
	       struct cri_container_config *out, struct err *e)
{
	if (a->file && fields_read_file(&cri_container_config_table, a->file, out, e) < 0)
		return -1;
	if (a->name && !*a->name)
		return err_set(e, ERR_USAGE, "container name '': a name cannot be empty");
	if (a->output && !a->print_config)
		return err_set(e, ERR_USAGE, "--output goes with --print-config");
	if (set_operands(a, operands, n, out, e) < 0)
		return -1;
	option_win(&out->metadata.name, a->name);
	option_win(&out->working_dir, a->workdir);
	option_win(&out->stop_signal, a->stop_signal);
	option_win_map(&out->labels, &a->labels);
	option_win_map(&out->annotations, &a->annotations);
	option_win_bool(&out->stdin_, &a->stdin_);
	out->stdin_ = out->stdin_ || a->stdin_once;
	out->stdin_once = out->stdin_once || a->stdin_once;
	option_win_bool(&out->tty, &a->tty);
	if (ctr_config_mounts(&a->mounts, &out->mounts, e) < 0 || set_log(a, out, e) < 0)
		return -1;
	set_security(a, out);
	if (set_pid(a->pid, &out->linux_.security_context, e) < 0 ||
	    ctr_config_security(&a->rights, out, e) < 0)
		return -1;
	if (ctr_envs(&a->env_files, &a->env, &out->envs, e) < 0)
		return -1;
	return set_resources(a, out, e);
}

int ctr_config_print(struct cli *cli, const struct ctr_config_args *a, char **operands, size_t n)
{
	own(cri_container_config) struct cri_container_config config = { 0 };
	struct err e;

	if (ctr_config(a, operands, n, &config, &e) < 0 || container_check(&config, &e) < 0 ||
	    config_print(&cri_container_config_table, &config, a->output, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}

static int get_image(struct cli *cli, const struct ctr_config_args *a, const char *image,
		     struct err *e)
{
	own(image) struct image img = { 0 };
	own(auth) struct auth given = { 0 };
	const struct registry_args environment = { 0 }; /* $CADDIS_USERNAME and its like */
	bool always = str_eq(a->pull, "always");
	struct image_pull_options o = { .always = always };

	if (a->pull && !always && !str_eq(a->pull, "missing") && !str_eq(a->pull, "never"))
		return err_set(e, ERR_USAGE, "--pull %.40s: expected missing, always or never",
			       a->pull);
	if (!always) {
		if (image_find(&cli->store, image, &img, e) == 0)
			return 0;
		if (e->kind != ERR_NOT_FOUND || str_eq(a->pull, "never"))
			return -1;
	}
	if (registry_args(&environment, &given, &o.registry, e) < 0)
		return -1;
	return image_pull(&cli->store, image, &o, &img, e);
}

int ctr_images(struct cli *cli, const struct ctr_config_args *a,
	       const struct cri_container_config *c, struct err *e)
{
	const struct cri_mount *m = c->mounts.v;

	if (get_image(cli, a, c->image.image, e) < 0)
		return -1;
	for (size_t i = 0; i < c->mounts.n; i++)
		if (mount_is_image(&m[i]) && get_image(cli, a, m[i].image->image, e) < 0)
			return err_in(e, "mount on %.200s", m[i].container_path);
	return 0;
}
