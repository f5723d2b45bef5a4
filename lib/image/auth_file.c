/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/auth_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "image/auth_helper.h"

#define FILE_MAX (1 << 20)
#define HOME_DEFAULT "/root" /* caddis needs root */

static const char *env(const char *name)
{
	const char *s = getenv(name);

	return str_some(s) ? s : NULL;
}

static char *home_path(const char *variable, const char *below_home, const char *rest)
{
	const char *dir = env(variable), *home = env("HOME");

	if (dir)
		return str_fmt("%s%s", dir, rest);
	return str_fmt("%s%s%s", home ? home : HOME_DEFAULT, below_home, rest);
}

static char *containers_file(void)
{
	return home_path("XDG_CONFIG_HOME", "/.config", "/containers/auth.json");
}

static char *docker_file(void)
{
	return home_path("DOCKER_CONFIG", "/.docker", "/config.json");
}

/* The files to look into, in order. named: the only one, and it was asked for. */
static bool list_files(const char *file, struct strv *out)
{
	const char *named = file ? file : env("REGISTRY_AUTH_FILE");
	const char *run = env("XDG_RUNTIME_DIR");

	if (named) {
		strv_add(out, named);
		return true;
	}
	strv_take(out, run ? str_fmt("%s/containers/auth.json", run)
			   : xstrdup("/run/containers/0/auth.json"));
	strv_take(out, containers_file());
	strv_take(out, docker_file());
	return false;
}

struct auth_file {
	const char *path;
	struct json_object *json;
	mode_t mode;
};
static void auth_file_free(struct auth_file *f)
{
	json_drop(&f->json);
}
OWNED_STRUCT(auth_file, struct auth_file, auth_file_free)

/* Symlinks are followed: the file is the user's own. ERR_NOT_FOUND when there is none. */
static int load(const char *path, struct auth_file *out, struct err *e)
{
	own(fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	own(buf) struct buf text = { 0 };
	struct stat st;
	ssize_t n;

	*out = (struct auth_file){ .path = path };
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "auth file %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return err_set(e, ERR_FAIL, "auth file %s: not a regular file of at most 1 MiB",
			       path);
	buf_reserve(&text, (size_t)st.st_size + 1);
	n = read_full(fd, text.s, (size_t)st.st_size);
	if (n < 0)
		return err_sys(e, "read auth file %s", path);
	out->mode = st.st_mode;
	out->json = n == 0 ? json_object_new_object() : json_parse(path, text.s, (size_t)n, e);
	explicit_bzero(text.s, (size_t)n);
	if (!out->json)
		return err_in(e, "auth file");
	if (!json_object_is_type(out->json, json_type_object))
		return err_set(e, ERR_FAIL, "auth file %s: not a JSON object", path);
	return 0;
}

/* The key of the table of that name that means exactly this server; NULL: none. Borrowed. */
static const char *find_key(struct auth_file *f, const char *table, const char *server)
{
	struct json_object *o = json_get(f->json, table, json_type_object);

	if (!o)
		return NULL;
	json_object_object_foreach(o, key, value)
	{
		own(str) char *meant = auth_server(key);

		(void)value;
		if (strcasecmp(meant, server) == 0)
			return key;
	}
	return NULL;
}

static int read_entry(struct auth_file *f, const char *key, struct auth *out, struct err *e)
{
	struct json_object *o =
		json_get(json_get(f->json, "auths", json_type_object), key, json_type_object);
	const char *text;

	if (!o)
		return 0;
	if (str_some(json_get_str(o, "identitytoken"))) {
		str_set(&out->identity_token, json_get_str(o, "identitytoken"));
	} else if (str_some(json_get_str(o, "registrytoken"))) {
		str_set(&out->registry_token, json_get_str(o, "registrytoken"));
	} else if (str_some(json_get_str(o, "username"))) {
		text = json_get_str(o, "password");
		str_set(&out->username, json_get_str(o, "username"));
		str_set(&out->password, text ? text : "");
	} else {
		text = json_get_str(o, "auth");
		if (str_some(text) && auth_split(text, out) < 0)
			return err_set(e, ERR_FAIL,
				       "auth file %s: the entry for %s is not base64 of "
				       "USERNAME:PASSWORD",
				       f->path, key);
	}
	return 0;
}

static const char *helper_of(struct auth_file *f, const char *server)
{
	const char *key = find_key(f, "credHelpers", server);

	return key ? json_get_str(json_get(f->json, "credHelpers", json_type_object), key) : NULL;
}

/* What the file has under exactly this key. */
static int find_exact(struct auth_file *f, const char *server, struct auth *out, struct err *e)
{
	const char *helper = helper_of(f, server), *key;

	if (helper && auth_helper_get(helper, server, out, e) < 0)
		return -1;
	if (!auth_empty(out))
		return 0;
	key = find_key(f, "auths", server);
	return key ? read_entry(f, key, out, e) : 0;
}

static int find_longest(struct auth_file *f, const char *domain, const char *path, struct auth *out,
			struct err *e)
{
	own(str) char *key = str_fmt("%s/%s", domain, path);
	const char *store = json_get_str(f->json, "credsStore");
	char *slash;

	for (;;) {
		if (find_exact(f, key, out, e) < 0)
			return -1;
		if (!auth_empty(out))
			return 0;
		slash = strrchr(key, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return str_some(store) ? auth_helper_get(store, domain, out, e) : 0;
}

int auth_file_find(const struct auth_source *from, const char *domain, const char *path,
		   struct auth *out, struct err *e)
{
	own(strv) struct strv files = { 0 };
	bool named = list_files(from->file, &files);

	for (size_t i = 0; i < files.n; i++) {
		own(auth_file) struct auth_file f = { 0 };

		if (load(files.v[i], &f, e) < 0) {
			if (e->kind == ERR_NOT_FOUND && !named)
				continue;
			return -1;
		}
		if (find_longest(&f, domain, path, out, e) < 0)
			return err_in(e, "credentials for %s", domain);
		if (auth_empty(out))
			continue;
		if (f.mode & 077)
			note(&from->notes, "auth file %s can be read by others; chmod 600 it",
			     f.path);
		return auth_check(out, e) < 0 ? err_in(e, "auth file %s", f.path) : 0;
	}
	return 0;
}

/* Replaces the file, whatever it was changed to meanwhile by somebody who does not lock. */
static int save(struct auth_file *f, int dir, const char *name, struct err *e)
{
	own(buf) struct buf text = { 0 };
	int ret;

	json_print_pretty(f->json, &text);
	buf_addc(&text, '\n');
	ret = file_replace(dir, name, text.s, text.len, FILE_SYNC, e);
	explicit_bzero(text.s, text.len);
	return ret < 0 ? err_in(e, "auth file %s", f->path) : 0;
}

/* The directory of path, locked, and the name in it; of a symlink, those of its target. */
static int open_for_change(const char *path, bool make, char **name, struct err *e)
{
	own(str) char *real = realpath(path, NULL);
	own(str) char *copy = real ? xstrdup(real) : path_absolute(path, e);
	own(fd) int dir = -1;
	char *slash = copy ? strrchr(copy, '/') : NULL;

	if (!slash)
		return -1;
	*name = xstrdup(slash + 1);
	*slash = '\0';
	if (make && path_mkdirs(copy, 0700, e) < 0)
		return err_in(e, "auth file %s", path);
	dir = open(*copy ? copy : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || flock(dir, LOCK_EX) < 0)
		return err_sys(e, "auth file %s", path);
	return fd_steal(&dir);
}

static struct json_object *table_of(struct json_object *j, const char *name)
{
	struct json_object *o = json_get(j, name, json_type_object);

	if (!o) {
		o = json_object_new_object();
		json_object_object_add(j, name, o);
	}
	return o;
}

static void write_entry(struct auth_file *f, const char *server, const struct auth *a)
{
	const char *old = find_key(f, "auths", server);
	own(str) char *key = xstrdup(old ? old : server);
	struct json_object *o = json_object_new_object();
	own(buf) struct buf plain = { 0 };
	own(buf) struct buf coded = { 0 };

	buf_addf(&plain, "%s:%s", a->username ? a->username : "", a->password ? a->password : "");
	base64_encode(&coded, plain.s, plain.len);
	if (a->username)
		json_object_object_add(o, "auth", json_object_new_string(coded.s));
	if (a->identity_token)
		json_object_object_add(o, "identitytoken",
				       json_object_new_string(a->identity_token));
	if (a->registry_token)
		json_object_object_add(o, "registrytoken",
				       json_object_new_string(a->registry_token));
	json_object_object_add(table_of(f->json, "auths"), key, o);
	explicit_bzero(plain.s, plain.len);
	explicit_bzero(coded.s, coded.len);
}

/* Where a login goes: to the file that knows the server already, else to the usual place. */
static char *login_file(const char *file, const char *server)
{
	own(strv) struct strv files = { 0 };

	if (list_files(file, &files))
		return xstrdup(files.v[0]);
	for (size_t i = 0; i < files.n; i++) {
		own(auth_file) struct auth_file f = { 0 };
		struct err ignored;

		if (load(files.v[i], &f, &ignored) == 0 &&
		    (find_key(&f, "auths", server) || find_key(&f, "credHelpers", server)))
			return xstrdup(files.v[i]);
	}
	return env("DOCKER_CONFIG") ? docker_file() : containers_file();
}

int auth_file_login(const char *file, const char *server, const struct auth *a, char **where,
		    struct err *e)
{
	own(str) char *path = login_file(file, server);
	own(auth_file) struct auth_file f = { 0 };
	own(str) char *name = NULL;
	own(fd) int dir = open_for_change(path, true, &name, e);
	const char *helper;

	if (dir < 0)
		return -1;
	if (load(path, &f, e) < 0) {
		if (e->kind != ERR_NOT_FOUND)
			return -1;
		f.json = json_object_new_object();
	}
	helper = helper_of(&f, server);
	helper = helper ? helper : json_get_str(f.json, "credsStore");
	if (str_some(helper) && !a->registry_token) {
		if (auth_helper_store(helper, server, a, e) < 0)
			return -1;
		*where = str_fmt("docker-credential-%s", helper);
		return 0;
	}
	write_entry(&f, server, a);
	if (save(&f, dir, name, e) < 0)
		return -1;
	*where = ptr_steal(path);
	return 0;
}

static int erase_from_helper(const char *helper, const char *server, struct strv *removed,
			     struct err *e)
{
	if (auth_helper_erase(helper, server, e) < 0)
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	strv_add(removed, server);
	return 0;
}

/* Takes the entries of server, or all, out of the file's table. 1: there were any. */
static int remove_entries(struct auth_file *f, const char *server, struct strv *removed)
{
	struct json_object *auths = json_get(f->json, "auths", json_type_object);
	own(strv) struct strv keys = { 0 };

	if (!auths)
		return 0;
	json_object_object_foreach(auths, key, value)
	{
		own(str) char *meant = auth_server(key);

		(void)value;
		if (!server || strcasecmp(meant, server) == 0)
			strv_add(&keys, key);
	}
	for (size_t i = 0; i < keys.n; i++) {
		own(str) char *meant = auth_server(keys.v[i]);

		json_object_object_del(auths, keys.v[i]);
		if (!strv_has(removed, meant))
			strv_add(removed, meant);
	}
	return keys.n > 0;
}

static int logout_from(const char *path, const char *server, struct strv *removed, struct err *e)
{
	own(auth_file) struct auth_file f = { 0 };
	own(str) char *name = NULL;
	own(fd) int dir = -1;
	const char *helper = NULL;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	dir = open_for_change(path, false, &name, e);
	if (dir < 0 || load(path, &f, e) < 0)
		return -1;
	if (server) {
		helper = helper_of(&f, server);
		helper = helper ? helper : json_get_str(f.json, "credsStore");
	}
	if (str_some(helper) && erase_from_helper(helper, server, removed, e) < 0)
		return -1;
	return remove_entries(&f, server, removed) ? save(&f, dir, name, e) : 0;
}

int auth_file_logout(const char *file, const char *server, struct strv *removed, struct err *e)
{
	own(strv) struct strv files = { 0 };

	list_files(file, &files);
	for (size_t i = 0; i < files.n; i++)
		if (logout_from(files.v[i], server, removed, e) < 0)
			return -1;
	if (removed->n > 0)
		return 0;
	if (!server)
		return err_set(e, ERR_NOT_FOUND, "not logged in to any registry");
	return err_set(e, ERR_NOT_FOUND, "not logged in to %s", server);
}
