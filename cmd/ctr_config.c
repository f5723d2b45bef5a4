/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of create and run as CRI's ContainerConfig. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "common.h"
#include "ctr.h"
#include "image/image.h"

int ctr_env(const struct strv *given, struct objlist *out, struct err *e)
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
		env = objlist_add(out, &cri_env_table);
		env->key = eq ? xstrndup(given->v[i], (size_t)(eq - given->v[i]))
			      : xstrdup(given->v[i]);
		env->value = xstrdup(value);
	}
	return 0;
}

static int volume_options(const char *text, struct cri_mount *m, struct err *e)
{
	own(strv) struct strv words = { 0 };

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++) {
		const char *w = words.v[i];

		if (str_eq(w, "ro"))
			m->readonly = true;
		else if (str_eq(w, "rro"))
			m->readonly = m->recursive_read_only = true;
		else if (str_eq(w, "rprivate") || str_eq(w, "private"))
			m->propagation = CRI_PROPAGATION_PRIVATE;
		else if (str_eq(w, "rslave") || str_eq(w, "slave"))
			m->propagation = CRI_PROPAGATION_HOST_TO_CONTAINER;
		else if (str_eq(w, "rshared") || str_eq(w, "shared"))
			m->propagation = CRI_PROPAGATION_BIDIRECTIONAL;
		else if (!str_eq(w, "rw"))
			return err_set(e, ERR_USAGE, "--volume: unknown option '%.40s'", w);
	}
	return 0;
}

/* SRC:DST[:OPTIONS] */
static int add_volume(const char *text, struct objlist *mounts, struct err *e)
{
	own(strv) struct strv parts = { 0 };
	struct cri_mount *m;

	strv_split(&parts, text, ':');
	if (parts.n < 2 || parts.n > 3 || !*parts.v[0] || parts.v[1][0] != '/')
		return err_set(e, ERR_USAGE,
			       "--volume '%.200s': expected SRC:DST[:OPTIONS] with an absolute DST",
			       text);
	own(str) char *host = path_absolute(parts.v[0], e);

	if (!host)
		return err_in(e, "--volume %.200s", text);
	m = objlist_add(mounts, &cri_mount_table);
	m->host_path = ptr_steal(host);
	m->container_path = xstrdup(parts.v[1]);
	return parts.n == 3 ? volume_options(parts.v[2], m, e) : 0;
}

static int set_resources(const struct ctr_config_args *a, struct cri_container_config *c,
			 struct err *e)
{
	struct cri_resources *r = xcalloc(1, sizeof(*r));

	c->linux_.resources = r;
	if (size_option("memory", a->memory, &r->memory_limit_in_bytes, e) < 0 ||
	    cpus_option("cpus", a->cpus, &r->cpu_quota, &r->cpu_period, e) < 0)
		return -1;
	if (a->pids_limit.set && a->pids_limit.v < 1 && a->pids_limit.v != -1)
		return err_set(e, ERR_USAGE,
			       "--pids-limit %lld: expected at least 1, or -1 for none",
			       (long long)a->pids_limit.v);
	if (a->cpu_shares.set && (a->cpu_shares.v < 2 || a->cpu_shares.v > 262144))
		return err_set(e, ERR_USAGE, "--cpu-shares %lld: expected 2 to 262144",
			       (long long)a->cpu_shares.v);
	if (a->oom_score_adj.set && (a->oom_score_adj.v < -1000 || a->oom_score_adj.v > 1000))
		return err_set(e, ERR_USAGE, "--oom-score-adj %lld: expected -1000 to 1000",
			       (long long)a->oom_score_adj.v);
	r->pids_limit = a->pids_limit;
	r->cpu_shares = a->cpu_shares;
	r->oom_score_adj = a->oom_score_adj;
	return 0;
}

/* --pid: NULL leaves it to the sandbox. */
static int set_pid(const char *mode, struct cri_container_security *sec, struct err *e)
{
	struct cri_namespace_options *ns;

	if (!mode)
		return 0;
	ns = sec->namespace_options = xcalloc(1, sizeof(*ns));
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

	str_set(&sec->run_as_username, a->user);
	sec->readonly_rootfs = a->read_only;
	sec->privileged = a->privileged;
	sec->no_new_privs = a->no_new_privs;
	if (a->cap_add.n || a->cap_drop.n) {
		sec->capabilities = xcalloc(1, sizeof(*sec->capabilities));
		strv_copy(&sec->capabilities->add_capabilities, &a->cap_add);
		strv_copy(&sec->capabilities->drop_capabilities, &a->cap_drop);
	}
}

int ctr_config(const struct ctr_config_args *a, const char *image, char **command, size_t n,
	       struct cri_container_config *out, struct err *e)
{
	if (a->name && !*a->name)
		return err_set(e, ERR_USAGE, "container name '': a name cannot be empty");
	str_set(&out->metadata.name, a->name);
	str_set(&out->image.image, image);
	str_set(&out->working_dir, a->workdir);
	str_set(&out->log_path, a->log_path);
	str_set(&out->stop_signal, a->stop_signal);
	if (str_some(a->entrypoint))
		strv_add(&out->command, a->entrypoint);
	for (size_t i = 0; i < n; i++)
		strv_add(&out->args, command[i]);
	strmap_copy(&out->labels, &a->labels);
	strmap_copy(&out->annotations, &a->annotations);
	out->stdin_ = a->stdin_;
	out->tty = a->tty;
	for (size_t i = 0; i < a->volumes.n; i++)
		if (add_volume(a->volumes.v[i], &out->mounts, e) < 0)
			return -1;
	set_security(a, out);
	if (set_pid(a->pid, &out->linux_.security_context, e) < 0)
		return -1;
	if (ctr_env(&a->env, &out->envs, e) < 0)
		return -1;
	return set_resources(a, out, e);
}

int ctr_image(struct cli *cli, const struct ctr_config_args *a, const char *image, struct err *e)
{
	own(image) struct image img = { 0 };
	bool always = str_eq(a->pull, "always");
	struct image_pull_options o = { .tls_verify = true, .always = always };

	if (a->pull && !always && !str_eq(a->pull, "missing") && !str_eq(a->pull, "never"))
		return err_set(e, ERR_USAGE, "--pull %.40s: expected missing, always or never",
			       a->pull);
	if (!always) {
		if (image_find(&cli->store, image, &img, e) == 0)
			return 0;
		if (e->kind != ERR_NOT_FOUND || str_eq(a->pull, "never"))
			return -1;
	}
	return image_pull(&cli->store, image, &o, &img, e);
}
