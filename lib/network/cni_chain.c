/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_chain.h"

#include <errno.h>
#include <unistd.h>

#include "network/cni_exec.h"
#include "network/cni_result.h"

#define CODE_UNKNOWN_CONTAINER 3 /* "the runtime does not need to perform any cleanup" */

static const struct field attachment_fields[] = {
	FIELD(struct cni_attachment, conf, FIELD_OBJ, .sub = &cni_conf_table),
	FIELD(struct cni_attachment, dirs, FIELD_STRLIST),
	FIELD(struct cni_attachment, ifname, FIELD_STR),
	FIELD(struct cni_attachment, args, FIELD_STR),
	FIELD(struct cni_attachment, runtime, FIELD_JSON),
	FIELD(struct cni_attachment, result, FIELD_JSON),
	FIELD(struct cni_attachment, busy, FIELD_BOOL),
	FIELD(struct cni_attachment, timeout, FIELD_INT),
	FIELD(struct cni_attachment, tried_at, FIELD_INT),
	FIELD(struct cni_attachment, retry_after, FIELD_INT),
};
FIELD_TABLE(cni_attachment_table, "CNI attachment", struct cni_attachment, FIELDS_STRICT,
	    attachment_fields);

void cni_attachment_free(struct cni_attachment *a)
{
	fields_free(&cni_attachment_table, a);
}

int cni_attachment_load(int dir, struct cni_attachment *out, struct err *e)
{
	*out = (struct cni_attachment){ 0 };
	if (fields_load(&cni_attachment_table, dir, CNI_FILE, out, e) < 0)
		return e->sys == ENOENT ? 0 : -1;
	return 1;
}

int cni_attachment_save(int dir, const struct cni_attachment *a, struct err *e)
{
	return fields_save(&cni_attachment_table, dir, CNI_FILE, a, false, e);
}

static size_t plugins(const struct cni_conf *c)
{
	return json_object_array_length(c->plugins);
}

static bool declares(struct json_object *plugin, const char *capability)
{
	struct json_object *capabilities = json_get(plugin, "capabilities", json_type_object);
	struct json_object *on = json_get(capabilities, capability, json_type_boolean);

	return on && json_object_get_boolean(on);
}

bool cni_chain_can(const struct cni_conf *c, const char *capability)
{
	for (size_t i = 0; i < plugins(c); i++)
		if (declares(json_object_array_get_idx(c->plugins, i), capability))
			return true;
	return false;
}

/* Of what there is to say, what the plugin declares that it understands; NULL: nothing. */
static struct json_object *runtime_config(struct json_object *plugin, struct json_object *runtime)
{
	struct json_object *out = NULL;

	if (!runtime)
		return NULL;
	json_object_object_foreach(runtime, capability, value)
	{
		if (!declares(plugin, capability))
			continue;
		out = out ? out : json_object_new_object();
		json_object_object_add(out, capability, json_object_get(value));
	}
	return out;
}

/* What plugin i reads: its part of the configuration, with the list's name and version. */
static struct json_object *plugin_config(const struct cni_attachment *a, size_t i,
					 struct json_object *prev)
{
	struct json_object *plugin = json_object_array_get_idx(a->conf.plugins, i);
	struct json_object *out = json_object_new_object();
	struct json_object *runtime = runtime_config(plugin, a->runtime);

	json_object_object_foreach(plugin, key, value)
	{
		json_object_object_add(out, key, json_object_get(value));
	}
	json_object_object_add(out, "name", json_object_new_string(a->conf.name));
	json_object_object_add(out, "cniVersion",
			       json_object_new_string(cni_version_name[a->conf.version]));
	json_object_object_del(out, "prevResult");
	json_object_object_del(out, "runtimeConfig");
	if (runtime)
		json_object_object_add(out, "runtimeConfig", runtime);
	if (prev)
		json_object_object_add(out, "prevResult", json_object_get(prev));
	return out;
}

/* Runs plugin i with config, which is taken over. */
static int run(const struct cni_attachment *a, size_t i, const struct cni_call *call,
	       struct json_object *config, struct buf *out, int *code, struct err *e)
{
	own(json) struct json_object *owned = config;
	own(buf) struct buf text = { 0 };

	json_print(config, &text);
	return cni_exec(cni_conf_type(&a->conf, i), call, text.s, out, code, e);
}

static struct cni_call call_of(const struct cni_attachment *a, const char *command, const char *id,
			       const char *netns)
{
	return (struct cni_call){
		.command = command,
		.container = id,
		.ifname = a->ifname,
		.netns = netns,
		.args = a->args,
		.dirs = &a->dirs,
		.timeout = a->timeout,
	};
}

/* GC, STATUS, VERSION: of no sandbox in particular. */
static struct cni_call call_of_none(const struct cni_attachment *a, const char *command)
{
	return (struct cni_call){ .command = command, .dirs = &a->dirs, .timeout = a->timeout };
}

/* Adds the versions that plugin i speaks, as bits. */
static int probe(const struct cni_attachment *a, size_t i, int64_t *versions, struct err *e)
{
	struct cni_call call = call_of_none(a, "VERSION");
	struct json_object *config = json_object_new_object();
	own(json) struct json_object *answer = NULL;
	own(buf) struct buf out = { 0 };
	struct json_object *list;

	json_object_object_add(config, "cniVersion",
			       json_object_new_string(cni_version_name[a->conf.version]));
	if (run(a, i, &call, config, &out, NULL, e) < 0)
		return -1;
	answer = json_parse("its versions", out.s ? out.s : "", out.len, e);
	if (!answer)
		return err_in(e, "plugin %s VERSION", cni_conf_type(&a->conf, i));
	list = json_get(answer, "supportedVersions", json_type_array);
	for (size_t k = 0; list && k < json_object_array_length(list); k++) {
		struct json_object *v = json_object_array_get_idx(list, k);
		int n = json_object_is_type(v, json_type_string)
				? cni_version_parse(json_object_get_string(v))
				: -1;

		if (n >= 0)
			*versions |= 1 << n;
	}
	return 0;
}

int cni_chain_prepare(struct cni_attachment *a, struct err *e)
{
	int64_t common = a->conf.versions;

	for (size_t i = 0; i < plugins(&a->conf); i++) {
		own(str) char *path = cni_exec_find(cni_conf_type(&a->conf, i), &a->dirs, e);

		if (!path)
			return -1;
	}
	if (!(common & (common - 1)))
		return 0; /* no choice, nothing to ask */
	for (size_t i = 0; i < plugins(&a->conf); i++) {
		int64_t versions = 0;

		if (probe(a, i, &versions, e) < 0)
			return -1;
		common &= versions;
	}
	if (!common)
		return err_set(e, ERR_FAIL, "its plugins speak none of the versions that %s allows",
			       a->conf.file);
	for (int v = 0; v < CNI_VERSIONS; v++)
		if (common & (1 << v))
			a->conf.version = v;
	return 0;
}

/* The answer of plugin i to ADD becomes the result so far. */
static int take_result(struct cni_attachment *a, size_t i, const struct buf *out, struct err *e)
{
	own(cni_result) struct cni_result checked = { 0 };
	own(json) struct json_object *j =
		json_parse("its result", out->s ? out->s : "", out->len, e);

	if (!j || cni_result_read(j, &checked, e) < 0)
		return err_in(e, "plugin %s ADD", cni_conf_type(&a->conf, i));
	cni_result_convert(j, (int)a->conf.version);
	json_object_put(a->result);
	a->result = ptr_steal(j);
	return 0;
}

int cni_chain_add(int dir, const char *id, const char *netns, struct cni_attachment *a,
		  struct err *e)
{
	a->busy = true;
	for (size_t i = 0; i < plugins(&a->conf); i++) {
		struct cni_call call = call_of(a, "ADD", id, netns);
		own(buf) struct buf out = { 0 };

		if (cni_attachment_save(dir, a, e) < 0 ||
		    run(a, i, &call, plugin_config(a, i, a->result), &out, NULL, e) < 0 ||
		    take_result(a, i, &out, e) < 0)
			return -1;
	}
	a->busy = false;
	return cni_attachment_save(dir, a, e);
}

int cni_chain_del(int dir, const char *id, const char *netns, struct cni_attachment *a,
		  struct err *e)
{
	/* Before 0.4 there was no prevResult for DEL. */
	struct json_object *prev = a->conf.version >= CNI_0_4_0 ? a->result : NULL;

	if (a->busy)
		cni_exec_kill_left(id);
	a->busy = true;
	if (cni_attachment_save(dir, a, e) < 0)
		return -1;
	for (size_t i = plugins(&a->conf); i > 0; i--) {
		struct cni_call call = call_of(a, "DEL", id, netns);
		own(buf) struct buf out = { 0 };
		int code;

		if (run(a, i - 1, &call, plugin_config(a, i - 1, prev), &out, &code, e) < 0 &&
		    code != CODE_UNKNOWN_CONTAINER)
			return -1;
	}
	if (unlinkat(dir, CNI_FILE, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", CNI_FILE);
	return 0;
}

int cni_chain_check(const char *id, const char *netns, const struct cni_attachment *a,
		    struct err *e)
{
	if (a->conf.version < CNI_0_4_0 || a->conf.disable_check)
		return 1;
	for (size_t i = 0; i < plugins(&a->conf); i++) {
		struct cni_call call = call_of(a, "CHECK", id, netns);
		own(buf) struct buf out = { 0 };

		if (run(a, i, &call, plugin_config(a, i, a->result), &out, NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* Runs the command on every plugin, whatever some of them say. */
static int run_all(const struct cni_attachment *a, const char *command, struct json_object *valid,
		   struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < plugins(&a->conf); i++) {
		struct cni_call call = call_of_none(a, command);
		struct json_object *config = plugin_config(a, i, NULL);
		own(buf) struct buf out = { 0 };
		struct err later;

		if (valid) {
			json_object_object_add(config, "cni.dev/valid-attachments",
					       json_object_get(valid));
			/* What 1.1 called it first, and plugins of that time read. */
			json_object_object_add(config, "cni.dev/attachments",
					       json_object_get(valid));
		}
		if (run(a, i, &call, config, &out, NULL, rc < 0 ? &later : e) < 0)
			rc = -1;
	}
	return rc;
}

int cni_chain_gc(const struct cni_attachment *a, struct json_object *valid, struct err *e)
{
	if (a->conf.version < CNI_1_1_0 || a->conf.disable_gc)
		return 1;
	return run_all(a, "GC", valid, e);
}

int cni_chain_status(const struct cni_attachment *a, struct err *e)
{
	if (a->conf.version < CNI_1_1_0)
		return 1;
	return run_all(a, "STATUS", NULL, e);
}
