/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -v, --mount and --tmpfs as CRI's mounts. */
#include <stdlib.h>

#include "base/path.h"
#include "common.h"
#include "ctr.h"
#include "spec/oci.h"

/* The one that is on the same path is replaced. */
static void put_mount(struct objlist *mounts, struct cri_mount *m)
{
	struct cri_mount *at = NULL;

	for (size_t i = 0; i < mounts->n && !at; i++)
		if (str_eq(((struct cri_mount *)mounts->v)[i].container_path, m->container_path))
			at = &((struct cri_mount *)mounts->v)[i];
	if (at)
		fields_free(&cri_mount_table, at);
	else
		at = objlist_add(mounts, &cri_mount_table);
	*at = *m;
	*m = (struct cri_mount){ 0 };
}

/* Words that are the same everywhere; false: not one of them. */
static bool common_option(const char *w, struct cri_mount *m)
{
	// clang-format off
	static const struct {
		const char *word;
		int propagation;
	} ways[] = {
		{ "private",  CRI_PROPAGATION_PRIVATE },
		{ "rprivate", CRI_PROPAGATION_PRIVATE },
		{ "slave",    CRI_PROPAGATION_HOST_TO_CONTAINER },
		{ "rslave",   CRI_PROPAGATION_HOST_TO_CONTAINER },
		{ "shared",   CRI_PROPAGATION_BIDIRECTIONAL },
		{ "rshared",  CRI_PROPAGATION_BIDIRECTIONAL },
	};
	// clang-format on

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (str_eq(w, ways[i].word)) {
			m->propagation = ways[i].propagation;
			return true;
		}
	if (str_eq(w, "ro") || str_eq(w, "readonly"))
		m->readonly = true;
	else if (str_eq(w, "rro") || str_eq(w, "ro=recursive"))
		m->readonly = m->recursive_read_only = true;
	else if (str_eq(w, "idmap"))
		m->idmap = true;
	else if (str_eq(w, "z") || str_eq(w, "Z"))
		m->selinux_relabel = true;
	else
		return str_eq(w, "rw");
	return true;
}

/* "size=64m", "mode=1777"; 1: it was one. */
static int tmpfs_option(const char *w, struct cri_mount *m, struct err *e)
{
	const char *size = NULL, *mode = NULL;
	char *end;

	if (str_starts(w, "size=") || str_starts(w, "tmpfs-size="))
		size = strchr(w, '=') + 1;
	else if (str_starts(w, "mode=") || str_starts(w, "tmpfs-mode="))
		mode = strchr(w, '=') + 1;
	else
		return 0;
	if (!m->tmpfs)
		return err_set(e, ERR_USAGE, "only a tmpfs has a size and a mode");
	if (!mode)
		return size_option("tmpfs size", size, &m->tmpfs->size, e) < 0 ? -1 : 1;
	m->tmpfs->mode = OPTINT(strtol(mode, &end, 8));
	if (*mode < '0' || *mode > '7' || *end || m->tmpfs->mode.v > 07777)
		return err_set(e, ERR_USAGE, "'%.40s' are no permissions", mode);
	return 1;
}

/* "0-1000-10#10-2000-1": from the file system's ids to the host's, so many. */
static int parse_ranges(const char *text, struct objlist *out, struct err *e)
{
	own(strv) struct strv ranges = { 0 };

	strv_split(&ranges, text, '#');
	for (size_t i = 0; i < ranges.n; i++) {
		own(strv) struct strv n = { 0 };
		struct oci_id_mapping *m = objlist_add(out, &cri_id_mapping_table);

		strv_split(&n, ranges.v[i], '-');
		if (n.n != 3 || str_to_i64(n.v[0], 0, UINT32_MAX, &m->container_id) < 0 ||
		    str_to_i64(n.v[1], 0, UINT32_MAX, &m->host_id) < 0 ||
		    str_to_i64(n.v[2], 1, UINT32_MAX, &m->size) < 0)
			return err_set(e, ERR_USAGE, "idmap: '%.60s' is not FILE-HOST-SIZE",
				       ranges.v[i]);
	}
	return 0;
}

/* "idmap=uids=…;gids=…", one alone for both; 1: it was one. */
static int idmap_option(const char *w, struct cri_mount *m, struct err *e)
{
	own(strv) struct strv halves = { 0 };

	if (!str_starts(w, "idmap="))
		return 0;
	objlist_free(&m->uid_mappings, &cri_id_mapping_table);
	objlist_free(&m->gid_mappings, &cri_id_mapping_table);
	strv_split(&halves, w + strlen("idmap="), ';');
	for (size_t i = 0; i < halves.n; i++) {
		bool uids = str_starts(halves.v[i], "uids=");
		struct objlist *map = uids ? &m->uid_mappings : &m->gid_mappings;

		if ((!uids && !str_starts(halves.v[i], "gids=")) || map->n)
			return err_set(e, ERR_USAGE,
				       "expected idmap=uids=FILE-HOST-SIZE[#...];gids=...");
		if (parse_ranges(halves.v[i] + strlen("uids="), map, e) < 0)
			return -1;
	}
	if (!m->uid_mappings.n || !m->gid_mappings.n)
		oci_id_mappings_add(m->uid_mappings.n ? &m->gid_mappings : &m->uid_mappings,
				    m->uid_mappings.n ? &m->uid_mappings : &m->gid_mappings);
	return 1;
}

static int plain_options(const char *text, struct cri_mount *m, struct err *e)
{
	own(strv) struct strv words = { 0 };

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++) {
		int rc = tmpfs_option(words.v[i], m, e);

		if (rc == 0)
			rc = idmap_option(words.v[i], m, e);
		if (rc < 0)
			return -1;
		if (rc == 0 && !common_option(words.v[i], m))
			return err_set(e, ERR_USAGE, "unknown option '%.40s'", words.v[i]);
	}
	return 0;
}

/* SRC:DST[:OPTIONS] */
static int parse_volume(const char *text, struct cri_mount *m, struct err *e)
{
	own(strv) struct strv parts = { 0 };

	strv_split(&parts, text, ':');
	if (parts.n < 2 || parts.n > 3 || !*parts.v[0] || parts.v[1][0] != '/')
		return err_set(e, ERR_USAGE, "expected SRC:DST[:OPTIONS] with an absolute DST");
	m->host_path = path_absolute(parts.v[0], e);
	if (!m->host_path)
		return -1;
	m->container_path = xstrdup(parts.v[1]);
	return parts.n == 3 ? plain_options(parts.v[2], m, e) : 0;
}

/* DST[:OPTIONS] */
static int parse_tmpfs(const char *text, struct cri_mount *m, struct err *e)
{
	size_t n = strcspn(text, ":");

	if (text[0] != '/')
		return err_set(e, ERR_USAGE, "expected DST[:OPTIONS] with an absolute DST");
	m->tmpfs = xcalloc(1, sizeof(*m->tmpfs));
	m->container_path = xstrndup(text, n);
	return text[n] ? plain_options(text + n + 1, m, e) : 0;
}

/* The value of "KEY=" at word, for any of the two spellings; NULL. */
static const char *value_of(const char *word, const char *key, const char *other)
{
	const char *eq = strchr(word, '=');
	size_t n = eq ? (size_t)(eq - word) : 0;

	if (eq && ((strlen(key) == n && strncmp(word, key, n) == 0) ||
		   (strlen(other) == n && strncmp(word, other, n) == 0)))
		return eq + 1;
	return NULL;
}

static int mount_word(const char *w, struct cri_mount *m, struct err *e)
{
	const char *v;
	int rc;

	if ((v = value_of(w, "source", "src"))) {
		free(m->host_path);
		m->host_path = *v ? path_absolute(v, e) : NULL;
		return *v && !m->host_path ? -1 : 0;
	}
	if ((v = value_of(w, "target", "dst")) || (v = value_of(w, "destination", "dest"))) {
		str_set(&m->container_path, v);
		return 0;
	}
	if ((v = value_of(w, "subpath", "sub-path"))) {
		str_set(&m->sub_path, v);
		return 0;
	}
	if ((v = value_of(w, "bind-propagation", "propagation"))) {
		struct cri_mount probe = { .propagation = -1 };

		if (!common_option(v, &probe) || probe.propagation < 0)
			return err_set(e, ERR_USAGE, "propagation '%.40s': there is none such", v);
		m->propagation = probe.propagation;
		return 0;
	}
	rc = tmpfs_option(w, m, e);
	if (rc == 0)
		rc = idmap_option(w, m, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return common_option(w, m) ? 0 : err_set(e, ERR_USAGE, "unknown option '%.40s'", w);
}

/* Words of type=image. */
static int image_word(const char *w, struct cri_mount *m, struct err *e)
{
	const char *v;

	if ((v = value_of(w, "source", "src"))) {
		str_set(&m->image->image, v);
		return 0;
	}
	if ((v = value_of(w, "subpath", "sub-path"))) {
		str_set(&m->image_sub_path, v);
		return 0;
	}
	if (str_eq(w, "rw") || str_eq(w, "rw=true"))
		return err_set(e, ERR_USAGE, "an image is mounted read-only");
	if (str_eq(w, "rw=false"))
		return 0;
	return mount_word(w, m, e);
}

static int set_type(const char *type, struct cri_mount *m, struct err *e)
{
	if (str_eq(type, "tmpfs"))
		m->tmpfs = xcalloc(1, sizeof(*m->tmpfs));
	else if (str_eq(type, "image"))
		m->image = xcalloc(1, sizeof(*m->image));
	else if (!str_eq(type, "bind"))
		return err_set(e, ERR_USAGE, "expected type=bind, type=tmpfs or type=image");
	m->readonly = m->image;
	return 0;
}

static int parse_mount(const char *text, struct cri_mount *m, struct err *e)
{
	own(strv) struct strv words = { 0 };
	const char *type = NULL;

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++)
		if (str_starts(words.v[i], "type="))
			type = words.v[i] + strlen("type=");
	if (set_type(type, m, e) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++)
		if (!str_starts(words.v[i], "type=") &&
		    (m->image ? image_word : mount_word)(words.v[i], m, e) < 0)
			return -1;
	if (!str_some(m->container_path) || m->container_path[0] != '/')
		return err_set(e, ERR_USAGE, "expected target= with an absolute path");
	if (m->image && !str_some(m->image->image))
		return err_set(e, ERR_USAGE, "expected source=IMAGE");
	if (!m->image && !m->tmpfs == !m->host_path)
		return err_set(e, ERR_USAGE,
			       m->tmpfs ? "a tmpfs has no source" : "expected source=");
	return 0;
}

int ctr_config_mounts(const struct ctr_mount_args *a, struct objlist *mounts, struct err *e)
{
	const struct {
		const char *name;
		const struct strv *given;
		int (*parse)(const char *text, struct cri_mount *m, struct err *e);
	} kinds[] = {
		{ "volume", &a->volumes, parse_volume },
		{ "mount", &a->mounts, parse_mount },
		{ "tmpfs", &a->tmpfs, parse_tmpfs },
	};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; i < kinds[k].given->n; i++) {
			struct cri_mount m = { 0 };

			if (kinds[k].parse(kinds[k].given->v[i], &m, e) < 0) {
				fields_free(&cri_mount_table, &m);
				return err_in(e, "--%s %.200s", kinds[k].name,
					      kinds[k].given->v[i]);
			}
			put_mount(mounts, &m);
		}
	return 0;
}
