/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"

#define CONF_MAX ((size_t)1 << 20)
#define PLUGINS_MAX 32
#define FILES_MAX 1024

const char *const cni_version_name[] = { "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0" };

static const struct field conf_fields[] = {
	FIELD(struct cni_conf, file, FIELD_STR),
	FIELD(struct cni_conf, name, FIELD_STR),
	FIELD(struct cni_conf, version, FIELD_INT, .min = 0, .max = CNI_VERSIONS - 1),
	FIELD(struct cni_conf, versions, FIELD_INT),
	FIELD(struct cni_conf, disable_check, FIELD_BOOL),
	FIELD(struct cni_conf, disable_gc, FIELD_BOOL),
	FIELD(struct cni_conf, plugins, FIELD_JSON),
};
FIELD_TABLE(cni_conf_table, "CNI network", struct cni_conf, FIELDS_STRICT, conf_fields);

/* A file as it is written: a list of plugins, or one plugin. Other members are the plugin's. */
struct conf_text {
	char *version, *name, *type;
	struct strv versions;
	struct json_object *disable_check, *disable_gc, *only_inlined, *plugins;
};
static const struct field text_fields[] = {
	FIELD_AS(struct conf_text, version, "cniVersion", FIELD_STR),
	FIELD_AS(struct conf_text, versions, "cniVersions", FIELD_STRLIST),
	FIELD(struct conf_text, name, FIELD_STR),
	FIELD(struct conf_text, type, FIELD_STR),
	FIELD_AS(struct conf_text, disable_check, "disableCheck", FIELD_JSON),
	FIELD_AS(struct conf_text, disable_gc, "disableGC", FIELD_JSON),
	FIELD_AS(struct conf_text, only_inlined, "loadOnlyInlinedPlugins", FIELD_JSON),
	FIELD(struct conf_text, plugins, FIELD_JSON),
};
static FIELD_TABLE(conf_text_table, "CNI configuration", struct conf_text, 0, text_fields);

static void conf_text_free(struct conf_text *t)
{
	fields_free(&conf_text_table, t);
}
OWNED_STRUCT(conf_text, struct conf_text, conf_text_free)

void cni_conf_free(struct cni_conf *c)
{
	fields_free(&cni_conf_table, c);
}

int cni_version_parse(const char *s)
{
	for (int i = 0; i < CNI_VERSIONS; i++)
		if (str_eq(s, cni_version_name[i]))
			return i;
	return -1;
}

bool cni_name_valid(const char *s)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char rest[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return str_some(s) && strchr(first, s[0]) && strlen(s) < 256 &&
	       strspn(s, rest) == strlen(s);
}

const char *cni_conf_type(const struct cni_conf *c, size_t i)
{
	return json_get_str(json_object_array_get_idx(c->plugins, i), "type");
}

/* A boolean; before 1.0 the specification wrote "true" as a string. */
static int read_flag(const char *path, const char *name, struct json_object *j, bool *out,
		     struct err *e)
{
	const char *s = json_object_is_type(j, json_type_string) ? json_object_get_string(j) : NULL;

	if (json_object_is_type(j, json_type_boolean))
		*out = json_object_get_boolean(j);
	else if (j && (str_eq(s, "true") || str_eq(s, "false")))
		*out = str_eq(s, "true");
	else if (j)
		return err_set(e, ERR_CORRUPT, "%s: %s: expected true or false", path, name);
	return 0;
}

/* The highest version that is allowed and that caddis speaks. */
static int read_versions(const char *path, const struct conf_text *t, struct cni_conf *out,
			 struct err *e)
{
	int v = t->version ? cni_version_parse(t->version) : -1;

	if (v >= 0)
		out->versions |= 1 << v;
	for (size_t i = 0; i < t->versions.n; i++) {
		v = cni_version_parse(t->versions.v[i]);
		if (v >= 0)
			out->versions |= 1 << v;
	}
	if (!out->versions) {
		own(str) char *shown =
			t->version ? str_printable(t->version, strlen(t->version)) : NULL;

		return err_set(
			e, ERR_CORRUPT,
			"%s: cniVersion: %s%.40s%s; caddis speaks 0.3.0, 0.3.1, 0.4.0, 1.0.0 "
			"and 1.1.0",
			path, shown ? "\"" : "missing", shown ? shown : "", shown ? "\"" : "");
	}
	for (v = 0; v < CNI_VERSIONS; v++)
		if (out->versions & (1 << v))
			out->version = v;
	return 0;
}

/* A name of a program: found in the plugin directories only, so nothing that could lead out. */
static int check_type(const char *path, const char *field, const char *type, struct err *e)
{
	if (cni_name_valid(type))
		return 0;
	if (!type)
		return err_set(e, ERR_CORRUPT, "%s: %s: missing", path, field);
	own(str) char *shown = str_printable(type, strlen(type));

	return err_set(e, ERR_CORRUPT, "%s: %s: \"%.80s\" is not the name of a plugin", path, field,
		       shown);
}

static int check_plugin(const char *path, const char *where, struct json_object *p, struct err *e)
{
	struct json_object *ipam = json_get(p, "ipam", json_type_object);
	struct json_object *capabilities;
	own(str) char *type = str_fmt("%stype", where);
	own(str) char *ipam_type = str_fmt("%sipam.type", where);

	if (!json_object_is_type(p, json_type_object))
		return err_set(e, ERR_CORRUPT, "%s: %.*s: expected an object", path,
			       (int)(strlen(where) ? strlen(where) - 1 : 0), where);
	if (check_type(path, type, json_get_str(p, "type"), e) < 0)
		return -1;
	/* The plugin runs it by the same directories: a path must not get through (CVE-2021-20206).
	 */
	if (ipam && json_object_object_get_ex(ipam, "type", NULL) &&
	    check_type(path, ipam_type, json_get_str(ipam, "type"), e) < 0)
		return -1;
	if (json_object_object_get_ex(p, "capabilities", &capabilities) && capabilities &&
	    !json_object_is_type(capabilities, json_type_object))
		return err_set(e, ERR_CORRUPT, "%s: %scapabilities: expected an object", path,
			       where);
	return 0;
}

static int load_json(const char *path, struct json_object **out, struct err *e)
{
	/* Often a symlink into some package's directory: the target is what must be a file. */
	own(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	own(buf) struct buf text = { 0 };
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > CONF_MAX)
		return err_set(e, ERR_CORRUPT, "%s: expected a file of at most 1 MiB", path);
	buf_reserve(&text, (size_t)st.st_size);
	n = read_full(fd, text.s, (size_t)st.st_size);
	if (n < 0)
		return err_sys(e, "%s", path);
	*out = json_parse(path, text.s, (size_t)n, e);
	if (*out && !json_object_is_type(*out, json_type_object))
		return err_set(e, ERR_CORRUPT, "%s: expected an object", path);
	return *out ? 0 : -1;
}

/* Files of dir whose names end with one of the suffixes, in order. */
static int list_dir(const char *dir, const char *const *suffixes, struct strv *paths, struct err *e)
{
	own(dir) DIR *d = opendir(dir);

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "%s", dir);
	for (struct dirent *de; (de = readdir(d)) && paths->n < FILES_MAX;)
		for (const char *const *s = suffixes; *s; s++)
			if (de->d_name[0] != '.' && str_ends(de->d_name, *s))
				strv_take(paths, str_fmt("%s/%s", dir, de->d_name));
	strv_sort(paths);
	return 0;
}

int cni_conf_files(const char *dir, struct strv *paths, struct err *e)
{
	static const char *const suffixes[] = { ".conflist", ".conf", ".json", NULL };

	return list_dir(dir, suffixes, paths, e);
}

/* Further plugins of a list, each in a file of its own: DIR/<name>/ *.conf, unless the list forbids
 * it. */
static int add_from_folder(const char *path, struct cni_conf *c, struct err *e)
{
	static const char *const suffixes[] = { ".conf", NULL };
	own(str) char *dir = str_fmt("%.*s/%s", (int)(strrchr(path, '/') - path), path, c->name);
	own(strv) struct strv files = { 0 };

	if (list_dir(dir, suffixes, &files, e) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++) {
		own(json) struct json_object *p = NULL;

		if (load_json(files.v[i], &p, e) < 0 || check_plugin(files.v[i], "", p, e) < 0)
			return -1;
		json_object_array_add(c->plugins, ptr_steal(p));
	}
	return 0;
}

static int read_list(const char *path, const struct conf_text *t, struct cni_conf *out,
		     struct err *e)
{
	bool only_inlined = false;

	if (!json_object_is_type(t->plugins, json_type_array))
		return err_set(e, ERR_CORRUPT, "%s: plugins: expected a list", path);
	out->plugins = json_object_get(t->plugins);
	for (size_t i = 0; i < json_object_array_length(out->plugins); i++) {
		own(str) char *where = str_fmt("plugins[%zu].", i);

		if (check_plugin(path, where, json_object_array_get_idx(out->plugins, i), e) < 0)
			return -1;
	}
	if (read_flag(path, "disableCheck", t->disable_check, &out->disable_check, e) < 0 ||
	    read_flag(path, "disableGC", t->disable_gc, &out->disable_gc, e) < 0 ||
	    read_flag(path, "loadOnlyInlinedPlugins", t->only_inlined, &only_inlined, e) < 0)
		return -1;
	return only_inlined ? 0 : add_from_folder(path, out, e);
}

static int read_conf(const char *path, struct json_object *j, struct cni_conf *out, struct err *e)
{
	own(conf_text) struct conf_text t = { 0 };
	size_t n;

	if (fields_read(&conf_text_table, path, j, &t, e) < 0)
		return -1;
	if (!cni_name_valid(t.name)) {
		own(str) char *shown = t.name ? str_printable(t.name, strlen(t.name)) : NULL;

		return err_set(e, ERR_CORRUPT, "%s: name: %s%.80s%s", path,
			       shown ? "\"" : "missing", shown ? shown : "",
			       shown ? "\" is not a name of letters, digits, '_', '.' and '-'"
				     : "");
	}
	str_set(&out->file, path);
	str_set(&out->name, t.name);
	if (read_versions(path, &t, out, e) < 0)
		return -1;
	if (t.plugins) {
		if (read_list(path, &t, out, e) < 0)
			return -1;
	} else {
		if (check_plugin(path, "", j, e) < 0)
			return -1;
		out->plugins = json_object_new_array();
		json_object_array_add(out->plugins, json_object_get(j));
	}
	n = json_object_array_length(out->plugins);
	if (n < 1 || n > PLUGINS_MAX)
		return err_set(e, ERR_CORRUPT, "%s: plugins: expected 1 to %d, found %zu", path,
			       PLUGINS_MAX, n);
	return 0;
}

int cni_conf_load(const char *path, struct cni_conf *out, struct err *e)
{
	own(json) struct json_object *j = NULL;

	*out = (struct cni_conf){ 0 };
	if (load_json(path, &j, e) < 0)
		return -1;
	if (read_conf(path, j, out, e) < 0) {
		cni_conf_free(out);
		return -1;
	}
	return 0;
}

int cni_conf_find(const char *dir, const char *name, struct cni_conf *out, struct err *e)
{
	own(strv) struct strv paths = { 0 };
	struct err broken = { .msg = "" };

	*out = (struct cni_conf){ 0 };
	if (cni_conf_files(dir, &paths, e) < 0)
		return -1;
	if (!name)
		return paths.n ? (cni_conf_load(paths.v[0], out, e) < 0 ? -1 : 1) : 0;
	for (size_t i = 0; i < paths.n; i++) {
		struct err why;

		if (cni_conf_load(paths.v[i], out, &why) < 0) {
			if (!broken.msg[0])
				broken = why;
			continue;
		}
		if (str_eq(out->name, name))
			return 1;
		cni_conf_free(out);
	}
	if (!broken.msg[0])
		return 0;
	*e = broken; /* it may be the one that was meant */
	return -1;
}
