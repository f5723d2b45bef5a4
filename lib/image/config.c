/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/config.h"

#include <string.h>

#include "base/json.h"

#define STRINGS_MAX 10000
#define DIFF_IDS_MAX 5000

/* Go writes null for what is empty. */
static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	return o && json_object_object_get_ex(o, key, &v) ? v : NULL;
}

static int text_of(struct json_object *v, const char *key, const char **out, struct err *e)
{
	const char *s;

	if (!json_object_is_type(v, json_type_string))
		return err_set(e, ERR_REMOTE, "%s: expected a text", key);
	s = json_object_get_string(v);
	if (strlen(s) != (size_t)json_object_get_string_len(v))
		return err_set(e, ERR_REMOTE, "%s: a NUL character in a text", key);
	*out = s;
	return 0;
}

static int read_str(struct json_object *o, const char *key, char **out, struct err *e)
{
	struct json_object *v = member(o, key);
	const char *s;

	if (!v)
		return 0;
	if (text_of(v, key, &s, e) < 0)
		return -1;
	if (*s)
		str_set(out, s);
	return 0;
}

static int read_strv(struct json_object *o, const char *key, size_t max, struct strv *out,
		     struct err *e)
{
	struct json_object *list = member(o, key);

	if (!list)
		return 0;
	if (!json_object_is_type(list, json_type_array))
		return err_set(e, ERR_REMOTE, "%s: expected a list", key);
	if (json_object_array_length(list) > max)
		return err_set(e, ERR_REMOTE, "%s: too many entries", key);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *s;

		if (text_of(json_object_array_get_idx(list, i), key, &s, e) < 0)
			return -1;
		strv_add(out, s);
	}
	return 0;
}

/* {"a": "b"} into a map; {"/data": {}} (volumes) into a list of the keys. */
static int read_object(struct json_object *o, const char *key, struct strmap *map,
		       struct strv *keys, struct err *e)
{
	struct json_object *v = member(o, key);

	if (!v)
		return 0;
	if (!json_object_is_type(v, json_type_object))
		return err_set(e, ERR_REMOTE, "%s: expected an object", key);
	if (json_object_object_length(v) > STRINGS_MAX)
		return err_set(e, ERR_REMOTE, "%s: too many entries", key);
	json_object_object_foreach(v, name, value)
	{
		const char *s = "";

		if (keys)
			strv_add(keys, name);
		if (map && value && text_of(value, key, &s, e) < 0)
			return -1;
		if (map)
			strmap_set(map, name, s);
	}
	return 0;
}

static int read_config(struct json_object *c, struct image *out, struct err *e)
{
	if (!c)
		return 0;
	if (!json_object_is_type(c, json_type_object))
		return err_set(e, ERR_REMOTE, "config: expected an object");
	if (read_strv(c, "Entrypoint", STRINGS_MAX, &out->entrypoint, e) < 0 ||
	    read_strv(c, "Cmd", STRINGS_MAX, &out->cmd, e) < 0 ||
	    read_strv(c, "Env", STRINGS_MAX, &out->env, e) < 0 ||
	    read_object(c, "Volumes", NULL, &out->volumes, e) < 0 ||
	    read_object(c, "Labels", &out->labels, NULL, e) < 0 ||
	    read_str(c, "User", &out->user, e) < 0 ||
	    read_str(c, "WorkingDir", &out->working_dir, e) < 0 ||
	    read_str(c, "StopSignal", &out->stop_signal, e) < 0)
		return -1;
	return 0;
}

static int read_rootfs(struct json_object *j, struct image *out, struct err *e)
{
	struct json_object *rootfs = json_get(j, "rootfs", json_type_object);
	const char *type;

	if (!rootfs)
		return err_set(e, ERR_REMOTE, "it has no rootfs");
	type = json_get_str(rootfs, "type");
	if (!str_eq(type, "layers"))
		return err_set(e, ERR_REMOTE, "rootfs.type is \"%.40s\", not \"layers\"",
			       type ? type : "");
	if (read_strv(rootfs, "diff_ids", DIFF_IDS_MAX, &out->layers, e) < 0)
		return -1;
	for (size_t i = 0; i < out->layers.n; i++)
		if (digest_check(out->layers.v[i], e) < 0)
			return err_in(e, "diff ID");
	return 0;
}

static int parse(const char *text, size_t len, struct image *out, struct err *e)
{
	own(json) struct json_object *j = json_parse("JSON", text, len, e);

	if (!j)
		return -1;
	if (!json_object_is_type(j, json_type_object))
		return err_set(e, ERR_REMOTE, "it is no JSON object");
	if (read_str(j, "created", &out->created, e) < 0 || read_str(j, "os", &out->os, e) < 0 ||
	    read_str(j, "architecture", &out->architecture, e) < 0 ||
	    read_str(j, "variant", &out->variant, e) < 0)
		return -1;
	if (!out->os || !out->architecture)
		return err_set(e, ERR_REMOTE, "it does not name its os and architecture");
	return read_rootfs(j, out, e) < 0 ? -1 : read_config(member(j, "config"), out, e);
}

int config_parse(const char *text, size_t len, struct image *out, struct err *e)
{
	own(image) struct image i = { 0 };

	*out = (struct image){ 0 };
	if (parse(text, len, &i, e) < 0) {
		e->kind = ERR_REMOTE;
		return err_in(e, "invalid image configuration");
	}
	*out = i;
	i = (struct image){ 0 };
	return 0;
}

int config_parse_for(const struct manifest *m, const char *text, size_t len, struct image *out,
		     struct err *e)
{
	own(image) struct image i = { 0 };

	*out = (struct image){ 0 };
	if (config_parse(text, len, &i, e) < 0)
		return -1;
	if (i.layers.n != m->n)
		return err_set(e, ERR_REMOTE, "the image has %zu layers but %zu diff IDs", m->n,
			       i.layers.n);
	i.id = xstrdup(m->config.digest);
	i.size = (int64_t)len;
	for (size_t k = 0; k < m->n; k++)
		i.size += m->entries[k].size; /* 5,000 of at most 2^44: no overflow */
	*out = i;
	i = (struct image){ 0 };
	return 0;
}

void image_free(struct image *i)
{
	free(i->id);
	free(i->digest);
	free(i->media_type);
	strv_free(&i->names);
	free(i->created);
	free(i->os);
	free(i->architecture);
	free(i->variant);
	strv_free(&i->entrypoint);
	strv_free(&i->cmd);
	strv_free(&i->env);
	strv_free(&i->volumes);
	free(i->user);
	free(i->working_dir);
	free(i->stop_signal);
	strmap_free(&i->labels);
	strv_free(&i->layers);
	*i = (struct image){ 0 };
}
