/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/path.h"
#include "executor/idmap.h"
#include "network/lease.h"
#include "spec/oci.h"
#include "store/record.h"

#define SUBID_MAX (1024 * 1024)
#define DEFAULT_FIRST INT64_C(0x70000000)
#define DEFAULT_COUNT (INT64_C(4094) * USERNS_SIZE)
#define DIGITS 24

struct range {
	int64_t first, count;
};
struct ranges {
	struct range uids, gids;
	int64_t blocks; /* how many sandboxes they are enough for */
};

bool userns_wanted(const struct cri_namespace_options *o)
{
	return o->userns_options && o->userns_options->mode == CRI_NS_POD;
}

/* Overlays take id-mapped layers since Linux 5.19. */
static int check_kernel(struct err *e)
{
	struct utsname u;
	char *end;
	long major, minor;

	if (uname(&u) < 0)
		return err_sys(e, "read the kernel's version");
	major = strtol(u.release, &end, 10);
	minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
	if (major > 5 || (major == 5 && minor >= 19))
		return 0;
	return err_set(e, ERR_FAIL, "a user namespace needs Linux 5.19 or later");
}

int userns_check(const struct cri_namespace_options *o, struct err *e)
{
	const struct cri_userns *u = o->userns_options;

	if (!u)
		return 0;
	if (u->mode == CRI_NS_NODE && (u->uids.n || u->gids.n))
		return err_set(e, ERR_USAGE, "user namespace NODE: the host's takes no maps");
	if (u->mode != CRI_NS_POD)
		return u->mode == CRI_NS_NODE
			       ? 0
			       : err_set(e, ERR_USAGE, "user namespace: expected POD or NODE");
	if (o->network == CRI_NS_NODE || o->pid == CRI_NS_NODE || o->ipc == CRI_NS_NODE)
		return err_set(e, ERR_USAGE,
			       "a sandbox with a user namespace cannot share the host's network, "
			       "processes or ipc");
	if (check_kernel(e) < 0)
		return -1;
	if (!u->uids.n && !u->gids.n)
		return 0;
	return idmap_check("uids", &u->uids, e) < 0 || idmap_check("gids", &u->gids, e) < 0 ? -1
											    : 0;
}

/* ---- the range ---- */

/* "NAME:FIRST:COUNT" (subuid(5)) */
static bool parse_line(const char *line, const char *name, struct range *out)
{
	own(strv) struct strv parts = { 0 };

	strv_split(&parts, line, ':');
	return parts.n == 3 && str_eq(parts.v[0], name) &&
	       str_to_i64(parts.v[1], 1, UINT32_MAX - USERNS_SIZE, &out->first) == 0 &&
	       str_to_i64(parts.v[2], USERNS_SIZE, UINT32_MAX - out->first, &out->count) == 0;
}

static bool read_range(const char *path, struct range *out)
{
	static const char *const names[] = { "containers", "root" };
	own(buf) struct buf text = { 0 };
	own(strv) struct strv lines = { 0 };
	struct err ignored;

	if (file_load(AT_FDCWD, path, SUBID_MAX, &text, &ignored) < 0 || !text.s)
		return false;
	strv_split(&lines, text.s, '\n');
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		for (size_t i = 0; i < lines.n; i++)
			if (parse_line(lines.v[i], names[n], out))
				return true;
	return false;
}

static struct ranges find_ranges(void)
{
	struct ranges r = { 0 };

	if (!read_range("/etc/subuid", &r.uids) || !read_range("/etc/subgid", &r.gids))
		r.uids = r.gids = (struct range){ DEFAULT_FIRST, DEFAULT_COUNT };
	r.blocks = MIN(r.uids.count, r.gids.count) / USERNS_SIZE;
	return r;
}

/* ---- leases ---- */

static int open_leases(const struct store *s, struct err *e)
{
	int fd;

	if (mkdirat(s->state, "userns", 0700) < 0 && errno != EEXIST)
		return err_sys(e, "%s/userns", s->state_path);
	fd = openat(s->state, "userns", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "%s/userns", s->state_path) : fd;
}

/* As lease_take(): 0, 1 when holder has it, -1. */
static int take_block(struct store *s, int dir, const struct ranges *r, int64_t block,
		      const char *id, char holder[ID_SIZE], struct err *e)
{
	int64_t first = r->uids.first + block * USERNS_SIZE;
	char name[DIGITS];

	snprintf(name, sizeof(name), "%lld", (long long)first);
	return lease_take(s, dir, name, id, holder, e);
}

static void set_map(struct objlist *map, int64_t host)
{
	struct oci_id_mapping *m = objlist_add(map, &cri_id_mapping_table);

	*m = (struct oci_id_mapping){ .container_id = 0, .host_id = host, .size = USERNS_SIZE };
}

/* The search begins at a place of the ID's own: a freed block is not used again at once. */
static int lease_any(struct store *s, int dir, const struct ranges *r, const char *id,
		     struct cri_userns *u, struct err *e)
{
	char digits[9], holder[ID_SIZE];
	int64_t start;

	snprintf(digits, sizeof(digits), "%.8s", id);
	start = strtoll(digits, NULL, 16);
	for (int64_t i = 0; i < r->blocks; i++) {
		int64_t block = (start + i) % r->blocks;
		int rc = take_block(s, dir, r, block, id, holder, e);

		if (rc < 0)
			return -1;
		if (rc > 0)
			continue;
		set_map(&u->uids, r->uids.first + block * USERNS_SIZE);
		set_map(&u->gids, r->gids.first + block * USERNS_SIZE);
		return 0;
	}
	return err_set(e, ERR_FAIL, "all %lld ranges of ids for user namespaces are in use",
		       (long long)r->blocks);
}

static int lease_map(struct store *s, int dir, const struct ranges *r, const struct range *range,
		     const char *id, const struct objlist *map, struct err *e)
{
	const struct oci_id_mapping *m = map->v;
	char holder[ID_SIZE];

	for (size_t i = 0; i < map->n; i++) {
		int64_t from = MAX(m[i].host_id - range->first, 0);
		int64_t to = MIN(m[i].host_id + m[i].size - range->first, r->blocks * USERNS_SIZE);

		for (int64_t b = from / USERNS_SIZE; b * USERNS_SIZE < to; b++) {
			int rc = take_block(s, dir, r, b, id, holder, e);

			if (rc < 0)
				return -1;
			if (rc > 0) {
				own(str) char *who = record_label(s, RECORD_SANDBOX, holder);

				err_set(e, ERR_EXISTS,
					"ids %lld to %lld of the host are in use by sandbox %s",
					(long long)m[i].host_id,
					(long long)(m[i].host_id + m[i].size - 1), who);
				return err_hint(e, "choose others, or auto");
			}
		}
	}
	return 0;
}

int userns_lease(struct store *s, const char *id, struct cri_userns *u, struct err *e)
{
	struct ranges r = find_ranges();
	own(fd) int dir = open_leases(s, e);

	if (dir < 0)
		return -1;
	if (!u->uids.n && !u->gids.n)
		return lease_any(s, dir, &r, id, u, e);
	return lease_map(s, dir, &r, &r.uids, id, &u->uids, e) < 0 ||
			       lease_map(s, dir, &r, &r.gids, id, &u->gids, e) < 0
		       ? -1
		       : 0;
}

static int release_all(int dir, const char *id, struct err *e)
{
	own(dir) DIR *d = fdopendir(dir);

	if (!d)
		return err_sys(e, "leases of ids");
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.' && lease_drop(dirfd(d), de->d_name, id, e) < 0)
			return -1;
	return 0;
}

int userns_release(struct store *s, const char *id, const struct cri_userns *u, struct err *e)
{
	own(fd) int dir =
		openat(s->state, "userns", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const struct oci_id_mapping *uid = u && u->uids.n == 1 ? u->uids.v : NULL;
	const struct oci_id_mapping *gid = u && u->gids.n == 1 ? u->gids.v : NULL;
	char name[DIGITS] = "";
	struct stat st;

	if (dir < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%s/userns", s->state_path);
	/* One that was chosen is a single block; those that were asked for may be several. */
	if (uid && gid && uid->host_id == gid->host_id && uid->size == USERNS_SIZE &&
	    gid->size == USERNS_SIZE)
		snprintf(name, sizeof(name), "%lld", (long long)uid->host_id);
	if (name[0] && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return lease_drop(dir, name, id, e);
	return release_all(fd_steal(&dir), id, e);
}
