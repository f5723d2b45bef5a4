/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/registries.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/registries_toml.h"

#define FILE_MAX (1 << 20)
#define CONF_VARIABLE "CONTAINERS_REGISTRIES_CONF"

static const char *const places[] = { "/etc/caddis/registries.conf",
				      "/etc/containers/registries.conf" };

enum from_mirror { FROM_ALL, FROM_DIGEST, FROM_TAG };
struct mirror {
	char *location;
	bool insecure;
	enum from_mirror from;
};
struct entry {
	char *prefix, *location; /* NULL: the other one */
	bool insecure, blocked, by_digest_only;
	struct mirror *mirrors;
	size_t n;
};
struct conf {
	struct entry *v;
	size_t n;
	/* while a file is read */
	enum { IN_OTHER, IN_REGISTRY, IN_MIRROR } in;
};

static void conf_free(struct conf *c)
{
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->v[i].n; k++)
			free(c->v[i].mirrors[k].location);
		free(c->v[i].mirrors);
		free(c->v[i].prefix);
		free(c->v[i].location);
	}
	free(c->v);
}
OWNED_STRUCT(conf, struct conf, conf_free)

void registry_places_free(struct registry_places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].domain);
		free(p->v[i].path);
	}
	free(p->v);
	*p = (struct registry_places){ 0 };
}

static int on_table(void *ctx, const char *name, bool array, struct err *e)
{
	struct conf *c = ctx;

	c->in = IN_OTHER;
	if (array && str_eq(name, "registry")) {
		c->v = xgrow(c->v, c->n, sizeof(*c->v));
		c->v[c->n++] = (struct entry){ 0 };
		c->in = IN_REGISTRY;
	} else if (array && str_eq(name, "registry.mirror")) {
		struct entry *en;

		if (c->n == 0)
			return err_set(e, ERR_USAGE, "[[registry.mirror]] before any [[registry]]");
		en = &c->v[c->n - 1];
		en->mirrors = xgrow(en->mirrors, en->n, sizeof(*en->mirrors));
		en->mirrors[en->n++] = (struct mirror){ 0 };
		c->in = IN_MIRROR;
	} else if (str_starts(name, "registries.")) {
		return err_set(e, ERR_USAGE,
			       "[%s] is the format of before 2019; write [[registry]] tables",
			       name);
	}
	return 0;
}

/* 1: that was the key. */
static int take_string(const char *key, const char *want, const struct toml_value *v, char **to,
		       struct err *e)
{
	if (!str_eq(key, want))
		return 0;
	if (v->type != TOML_STRING)
		return err_set(e, ERR_USAGE, "%s: expected a string", key);
	str_set(to, v->s);
	return 1;
}

static int take_bool(const char *key, const char *want, const struct toml_value *v, bool *to,
		     struct err *e)
{
	if (!str_eq(key, want))
		return 0;
	if (v->type != TOML_BOOL)
		return err_set(e, ERR_USAGE, "%s: expected true or false", key);
	*to = v->b;
	return 1;
}

static int take_from(const char *key, const struct toml_value *v, enum from_mirror *to,
		     struct err *e)
{
	static const char *const names[] = {
		[FROM_ALL] = "all", [FROM_DIGEST] = "digest-only", [FROM_TAG] = "tag-only"
	};

	if (!str_eq(key, "pull-from-mirror"))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (v->type == TOML_STRING && str_eq(v->s, names[i])) {
			*to = (enum from_mirror)i;
			return 1;
		}
	return err_set(e, ERR_USAGE, "%s: expected all, digest-only or tag-only", key);
}

static int on_key(void *ctx, const char *key, const struct toml_value *v, struct err *e)
{
	struct conf *c = ctx;
	struct entry *en = c->n ? &c->v[c->n - 1] : NULL;
	struct mirror *m = en && en->n ? &en->mirrors[en->n - 1] : NULL;
	int ret = 0;

	if (c->in == IN_REGISTRY && en) {
		ret = take_string(key, "prefix", v, &en->prefix, e);
		ret = ret ? ret : take_string(key, "location", v, &en->location, e);
		ret = ret ? ret : take_bool(key, "insecure", v, &en->insecure, e);
		ret = ret ? ret : take_bool(key, "blocked", v, &en->blocked, e);
		ret = ret ? ret
			  : take_bool(key, "mirror-by-digest-only", v, &en->by_digest_only, e);
	} else if (c->in == IN_MIRROR && m) {
		ret = take_string(key, "location", v, &m->location, e);
		ret = ret ? ret : take_bool(key, "insecure", v, &m->insecure, e);
		ret = ret ? ret : take_from(key, v, &m->from, e);
	} else if (str_eq(key, "registry") && v->type == TOML_OTHER) {
		return err_set(e, ERR_USAGE, "registry: write it as [[registry]] tables");
	}
	return ret < 0 ? -1 : 0; /* what else there is, is not for us */
}

static int load_file(const char *path, struct conf *c, struct err *e)
{
	own(fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	own(buf) struct buf text = { 0 };
	struct toml_handler h = { .table = on_table, .key = on_key, .ctx = c };
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return err_set(e, ERR_FAIL, "%s: not a regular file of at most 1 MiB", path);
	buf_reserve(&text, (size_t)st.st_size + 1);
	n = read_full(fd, text.s, (size_t)st.st_size);
	if (n < 0)
		return err_sys(e, "read %s", path);
	text.s[n] = '\0';
	c->in = IN_OTHER;
	return toml_parse(text.s, &h, e) < 0 ? err_in(e, "%s", path) : 0;
}

static int load_directory(const char *path, struct conf *c, struct err *e)
{
	own(str) char *name = str_fmt("%s.d", path);
	own(dir) DIR *dir = opendir(name);
	own(strv) struct strv files = { 0 };
	struct dirent *en;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "%s", name);
	while ((en = readdir(dir)))
		if (str_ends(en->d_name, ".conf") && en->d_name[0] != '.')
			strv_take(&files, str_fmt("%s/%s", name, en->d_name));
	strv_sort(&files);
	for (size_t i = 0; i < files.n; i++)
		if (load_file(files.v[i], c, e) < 0)
			return -1;
	return 0;
}

static int load(struct conf *c, struct err *e)
{
	const char *named = getenv(CONF_VARIABLE), *path = str_some(named) ? named : NULL;

	for (size_t i = 0; !path && i < ARRAY_LEN(places); i++) {
		own(str) char *directory = str_fmt("%s.d", places[i]);

		if (access(places[i], F_OK) == 0 || access(directory, F_OK) == 0)
			path = places[i];
	}
	if (!path)
		return 0;
	if (load_file(path, c, e) < 0 && (named || e->kind != ERR_NOT_FOUND))
		return -1;
	return load_directory(path, c, e);
}

/* How much of name the prefix covers; 0: none of it. "*.reg.io" is any host below reg.io. */
static size_t match_len(const char *prefix, const char *name)
{
	size_t n = strlen(prefix), host = strcspn(name, ":/");

	if (str_starts(prefix, "*.")) {
		size_t tail = n - 1;

		if (tail < host && strncmp(name + host - tail, prefix + 1, tail) == 0)
			return host;
		return 0;
	}
	if (n == 0 || strncmp(name, prefix, n) != 0)
		return 0;
	return name[n] == '\0' || name[n] == '/' || name[n] == ':' ? n : 0;
}

static const char *prefix_of(const struct entry *en)
{
	return en->prefix ? en->prefix : en->location;
}

/* The longest prefix counts, of two the same the one that was read later. */
static const struct entry *find_entry(const struct conf *c, const char *name, size_t *covered)
{
	const struct entry *best = NULL;
	size_t longest = 0;

	*covered = 0;
	for (size_t i = 0; i < c->n; i++) {
		const char *prefix = prefix_of(&c->v[i]);
		size_t n = prefix ? match_len(prefix, name) : 0;

		if (n > 0 && strlen(prefix) >= longest) {
			longest = strlen(prefix);
			best = &c->v[i];
			*covered = n;
		}
	}
	return best;
}

/* location in the place of what the prefix covered. */
static int add_place(struct registry_places *out, const char *location, const char *rest,
		     bool insecure, bool mirror, struct err *e)
{
	own(str) char *name = str_fmt("%s%s", location, rest);
	own(str) char *tagged = str_fmt("%s:latest", name);
	own(ref) struct ref r = { 0 };
	size_t host = strcspn(name, "/");

	if (ref_parse(tagged, &r, e) < 0 || strlen(r.domain) != host ||
	    strncmp(r.domain, name, host) != 0)
		return err_set(e, ERR_USAGE, "registries.conf: location \"%s\": not a registry",
			       location);
	out->v = xgrow(out->v, out->n, sizeof(*out->v));
	out->v[out->n++] = (struct registry_place){
		.domain = ptr_steal(r.domain),
		.path = ptr_steal(r.path),
		.insecure = insecure,
		.mirror = mirror,
	};
	return 0;
}

static bool mirror_counts(const struct entry *en, const struct mirror *m, const struct ref *ref)
{
	if (en->by_digest_only)
		return ref->digest != NULL;
	return m->from == FROM_ALL || (m->from == FROM_DIGEST) == (ref->digest != NULL);
}

int registries_find(const struct ref *ref, struct registry_places *out, struct err *e)
{
	own(conf) struct conf c = { 0 };
	own(registry_places) struct registry_places p = { 0 };
	own(str) char *name = str_fmt("%s/%s", ref->domain, ref->path);
	const struct entry *en;
	size_t covered;
	bool rewrite;

	*out = (struct registry_places){ 0 };
	if (load(&c, e) < 0)
		return -1;
	en = find_entry(&c, name, &covered);
	if (en && en->blocked)
		return err_set(e, ERR_DENIED, "registry %s is blocked by registries.conf",
			       ref->domain);
	for (size_t i = 0; en && i < en->n; i++) {
		const struct mirror *m = &en->mirrors[i];

		if (m->location && mirror_counts(en, m, ref) &&
		    add_place(&p, m->location, name + covered, m->insecure, true, e) < 0)
			return -1;
	}
	rewrite = en && en->location;
	if (add_place(&p, rewrite ? en->location : "", rewrite ? name + covered : name,
		      en && en->insecure, false, e) < 0)
		return -1;
	*out = p;
	p = (struct registry_places){ 0 };
	return 0;
}
