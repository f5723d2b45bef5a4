/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/cgroup_ops.h"

#define MKDIR_TRIES 16 /* another command may remove an empty parent between two of our mkdirs */

static bool has_processes(const struct cgroup_hierarchy *h, const char *path)
{
	own(fd) int dir = cgroup_open(h, path);
	int64_t populated;
	own(fd) int procs = -1;
	char byte;

	if (dir < 0)
		return false;
	if (h->v2 && cgroup_read_key(dir, "cgroup.events", "populated", &populated) == 0)
		return populated != 0;
	procs = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	return procs >= 0 && read(procs, &byte, 1) > 0;
}

/* A new group of v1's cpuset has no CPUs until it is told; it gets its parent's. */
static int cpuset_inherit(const struct cgroup_hierarchy *h, int dir, struct err *e)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	if (h->v2 || !(h->controllers & CGROUP_BIT(CGROUP_CPUSET)))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char up[32], text[4096];
		own(fd) int from = -1;
		ssize_t n;

		snprintf(up, sizeof(up), "../%s", files[i]);
		from = openat(dir, up, O_RDONLY | O_CLOEXEC);
		n = from < 0 ? -1 : read(from, text, sizeof(text) - 1);
		if (n < 0)
			return err_sys(e, "read the parent's %s", files[i]);
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		if (cgroup_write(dir, files[i], text, e) < 0)
			return -1;
	}
	return 0;
}

/* v2: the groups below dir may have these controllers. One that is refused shows when its limit is
 * set. */
static void enable_below(int dir, unsigned controllers)
{
	struct err ignored;

	for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++) {
		char text[16];

		if (!(controllers & CGROUP_BIT(c)))
			continue;
		snprintf(text, sizeof(text), "+%s", cgroup_controller_name(c, true));
		cgroup_write(dir, "cgroup.subtree_control", text, &ignored);
	}
}

/* One pass from the mount down; -1 with errno. *fresh: the last component is new. */
static int make_path(const struct cgroup_hierarchy *h, const char *path, unsigned need, bool *fresh,
		     struct err *e)
{
	own(fd) int at = fcntl(h->fd, F_DUPFD_CLOEXEC, 3);
	const char *p = path;

	if (at < 0)
		return err_sys(e, "copy a descriptor");
	while (*p) {
		char name[256];
		size_t n = strcspn(++p, "/");
		int next, made;

		snprintf(name, sizeof(name), "%.*s", (int)n, p);
		p += n;
		if (h->v2 && h->controllers & need)
			enable_below(at, h->controllers & need);
		made = mkdirat(at, name, 0755);
		if (made < 0 && errno != EEXIST)
			return err_sys(e, "make cgroup %s%s", h->mount, path);
		next = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (next < 0)
			return err_sys(e, "open cgroup %s%s", h->mount, path);
		close(at);
		at = next;
		if (made == 0 && cpuset_inherit(h, at, e) < 0)
			return -1;
		*fresh = made == 0;
	}
	return fd_steal(&at);
}

static int make_group(const struct cgroup_hierarchy *h, const char *path, unsigned need,
		      bool *fresh, struct err *e)
{
	int dir = -1;

	/* The parents are mostly there. */
	if (!h->v2 || !(h->controllers & need)) {
		if (mkdirat(h->fd, path + 1, 0755) == 0) {
			own(fd) int made = cgroup_open(h, path);

			*fresh = true;
			if (made < 0)
				return err_sys(e, "open cgroup %s%s", h->mount, path);
			return cpuset_inherit(h, made, e) < 0 ? -1 : fd_steal(&made);
		}
	}
	for (int i = 0; i < MKDIR_TRIES && dir < 0; i++) {
		dir = make_path(h, path, need, fresh, e);
		if (dir < 0 && e->sys != ENOENT && e->sys != ENODEV)
			return -1;
	}
	return dir;
}

static int apply_all(const struct cgroup_hierarchy *h, int dir, const struct oci_resources *r,
		     unsigned need, struct err *e)
{
	for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++) {
		if (!(h->controllers & need & CGROUP_BIT(c)))
			continue;
		if ((h->v2 ? cgroup_v2_apply : cgroup_v1_apply)(dir, c, r, e) < 0)
			return -1;
	}
	return 0;
}

/* The hierarchies that a group gets: those of the controllers that it needs, and v2's for kill and
 * freeze. */
static bool is_wanted(const struct cgroup_hierarchy *h, unsigned need)
{
	return h->v2 || h->controllers & need;
}

/* Devices have no controller on v2, and need none. */
static int check_available(const struct cgroup_system *s, const struct oci_resources *r,
			   struct err *e)
{
	unsigned asked = cgroup_limited(r) & ~CGROUP_BIT(CGROUP_DEVICES);

	if (r->unified.n > 0 && !s->v2)
		return err_set(e, ERR_FAIL,
			       "unified limit %.64s: this system has no cgroup v2 to write it to",
			       r->unified.v[0].key);
	for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++)
		if (asked & CGROUP_BIT(c) && !cgroup_of(s, c))
			return err_set(
				e, ERR_FAIL,
				"a limit needs the cgroup controller %s, which this system lacks",
				cgroup_controller_name(c, s->pure_v2));
	return 0;
}

static int create_in(const struct cgroup_system *s, const struct cgroup_hierarchy *h,
		     const char *path, const struct oci_resources *r, unsigned need, struct err *e)
{
	bool fresh = false;
	own(fd) int dir = make_group(h, path, need, &fresh, e);

	if (dir < 0)
		return -1;
	if (!fresh) {
		/* Left over by somebody: taken if it can be made anew, without processes of others.
		 */
		if (has_processes(h, path))
			return err_set(e, ERR_EXISTS, "cgroup %s exists and has processes in it",
				       path);
		if (unlinkat(h->fd, path + 1, AT_REMOVEDIR) == 0) {
			close(fd_steal(&dir));
			dir = make_group(h, path, need, &fresh, e);
			if (dir < 0)
				return -1;
		}
	}
	if (apply_all(h, dir, r, need, e) < 0)
		return -1;
	if (!h->v2)
		return 0;
	if (r->devices.n > 0 && !cgroup_of(s, CGROUP_DEVICES) &&
	    cgroup_dev_attach(dir, &r->devices, e) < 0)
		return -1;
	return cgroup_v2_unified(dir, &r->unified, e);
}

/* A process that joins a frozen group never begins, and cannot be killed in v1. */
static int check_thawed(const struct cgroup_system *s, const char *path, struct err *e)
{
	const struct cgroup_hierarchy *v1 = cgroup_of(s, CGROUP_FREEZER);
	own(fd) int dir = s->v2 ? cgroup_open(s->v2, path) : -1;
	int64_t frozen = 0;
	bool is_frozen =
		dir >= 0 && cgroup_read_key(dir, "cgroup.events", "frozen", &frozen) == 0 && frozen;

	if (v1 && !v1->v2) {
		own(fd) int nearest = cgroup_open_nearest(v1, path);
		own(fd) int fd =
			nearest < 0 ? -1 : openat(nearest, "freezer.state", O_RDONLY | O_CLOEXEC);
		char state[16] = "";

		is_frozen = is_frozen ||
			    (fd >= 0 && read(fd, state, sizeof(state) - 1) > 0 && state[0] == 'F');
	}
	if (!is_frozen)
		return 0;
	err_set(e, ERR_STATE, "cgroup %s is frozen", path);
	return err_hint(e, "somebody has frozen it, or one above it, and must thaw it");
}

int cgroup_create(const char *path, const struct oci_resources *r, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	unsigned need;

	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	need = cgroup_needed(s, r);
	if (check_available(s, r, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		struct err ignored;
		int made;

		if (!is_wanted(&s->h[i], need))
			continue;
		made = create_in(s, &s->h[i], path, r, need, e);
		if (made == 0)
			continue;
		if (e->kind != ERR_EXISTS)
			cgroup_delete(path, &ignored);
		return -1;
	}
	if (check_thawed(s, path, e) == 0)
		return 0;
	cgroup_delete(path, &(struct err){ 0 });
	return -1;
}

/* A controller that was not used till now: its group takes the processes. */
static int move_all(const char *path, int dir, struct err *e)
{
	own(pids) pid_t *pids = NULL;
	size_t n;

	if (cgroup_pids(path, &pids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (cgroup_write_i64(dir, "cgroup.procs", pids[i], e) < 0 && e->sys != ESRCH)
			return -1;
	return 0;
}

int cgroup_update(const char *path, const struct oci_resources *r, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	unsigned need;

	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	need = cgroup_needed(s, r);
	if (check_available(s, r, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		bool fresh = false;
		own(fd) int dir = -1;

		if (!is_wanted(&s->h[i], need))
			continue;
		dir = make_group(&s->h[i], path, need, &fresh, e);
		if (dir < 0 || apply_all(&s->h[i], dir, r, need, e) < 0)
			return -1;
		if (s->h[i].v2 && cgroup_v2_unified(dir, &r->unified, e) < 0)
			return -1;
		if (fresh && !s->h[i].v2 && move_all(path, dir, e) < 0)
			return -1;
	}
	return 0;
}

int cgroup_add(const char *path, pid_t pid, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);

	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		own(fd) int dir = cgroup_open(&s->h[i], path);

		if (dir < 0 && errno == ENOENT)
			continue;
		if (dir < 0 || cgroup_write_i64(dir, "cgroup.procs", pid, e) < 0)
			return dir < 0 ? err_sys(e, "open cgroup %s", path)
				       : err_in(e, "cgroup %s", path);
	}
	return 0;
}

int cgroup_clone_fd(const char *path)
{
	struct err ignored;
	const struct cgroup_system *s = cgroup_system(&ignored);

	if (!s || !s->v2 || cgroup_check_path(path, &ignored) < 0)
		return -1;
	return cgroup_open(s->v2, path);
}

/* Where processes are frozen, and counted: cgroup_pids() and cgroup_signal_all() look there too. */
static const struct cgroup_hierarchy *freezing_hierarchy(const struct cgroup_system *s)
{
	return s->v2 ? s->v2 : cgroup_of(s, CGROUP_FREEZER);
}

int cgroup_freeze(const char *path, bool frozen, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	const struct cgroup_hierarchy *h;
	own(fd) int dir = -1;

	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	h = freezing_hierarchy(s);
	if (!h)
		return err_set(e, ERR_FAIL, "this system has no cgroup freezer");
	dir = cgroup_open(h, path);
	if (dir < 0)
		return err_sys(e, "open cgroup %s", path);
	if (!h->v2)
		return cgroup_write(dir, "freezer.state", frozen ? "FROZEN" : "THAWED", e);
	if (cgroup_write(dir, "cgroup.freeze", frozen ? "1" : "0", e) < 0)
		return -1;
	for (int i = 0; i < 2000; i++) {
		int64_t now;

		if (cgroup_read_key(dir, "cgroup.events", "frozen", &now) < 0 || now == frozen)
			return 0;
		usleep(1000);
	}
	return err_set(e, ERR_BUSY, "cgroup %s did not %s within 2 seconds", path,
		       frozen ? "freeze" : "thaw");
}

bool cgroup_frozen(const char *path)
{
	struct err ignored;
	const struct cgroup_system *s = cgroup_system(&ignored);
	const struct cgroup_hierarchy *h;
	own(fd) int dir = -1;
	own(fd) int fd = -1;
	char state[16] = "";

	if (!s || cgroup_check_path(path, &ignored) < 0)
		return false;
	h = freezing_hierarchy(s);
	dir = h ? cgroup_open(h, path) : -1;
	if (dir < 0)
		return false;
	fd = openat(dir, h->v2 ? "cgroup.freeze" : "freezer.state", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, state, sizeof(state) - 1) <= 0)
		return false;
	return state[0] == '1' || state[0] == 'F'; /* FREEZING, FROZEN */
}

int cgroup_create_bare(const char *path, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	const struct cgroup_hierarchy *h;

	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	h = freezing_hierarchy(s);
	if (!h)
		return err_set(e, ERR_FAIL, "this system has no cgroup freezer");
	return mkdirat(h->fd, path + 1, 0755) < 0 ? err_sys(e, "make cgroup %s%s", h->mount, path)
						  : 0;
}

void cgroup_remove_empty(const char *path)
{
	struct err ignored;
	const struct cgroup_system *s = cgroup_system(&ignored);
	const struct cgroup_hierarchy *h = s ? freezing_hierarchy(s) : NULL;

	if (h && cgroup_check_path(path, &ignored) == 0)
		(void)unlinkat(h->fd, path + 1, AT_REMOVEDIR);
}
