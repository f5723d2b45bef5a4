/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a group: its processes, signals to them, its removal. */
#include "executor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/proc.h"
#include "executor/cgroup_ops.h"

#define DEPTH_MAX 64 /* of groups that a container made below its own */
#define GROUPS_MAX 100000
#define PIDS_MAX (4 * 1024 * 1024)
#define EMPTY_WAIT_MS 5000 /* for killed processes to be gone */

struct pid_list {
	pid_t *v;
	size_t n, cap;
};

/* Calls fn on the group dir and every group below it, deepest first. fn -1 ends the walk. */
struct walk {
	int (*fn)(int parent, const char *name, int dir, void *arg, struct err *e);
	void *arg;
	size_t seen;
};

static int walk_group(struct walk *w, int parent, const char *name, int depth, struct err *e)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		if (errno == ENOENT || errno == ENODEV)
			return 0;
		return err_sys(e, "open cgroup %s", name);
	}
	if (depth > DEPTH_MAX || ++w->seen > GROUPS_MAX)
		return err_set(e, ERR_FAIL, "too many cgroups below %s", name);
	while ((entry = readdir(d))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (walk_group(w, fd, entry->d_name, depth + 1, e) < 0)
			return -1;
	}
	return w->fn(parent, name, fd, w->arg, e);
}

static void pid_add(struct pid_list *l, pid_t pid)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = pid;
}

static int read_pids(int parent, const char *name, int dir, void *arg, struct err *e)
{
	struct pid_list *l = arg;
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	own(file) FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[32];

	(void)parent;
	if (!f) {
		if (errno == ENOENT || errno == ENODEV || errno == EOPNOTSUPP)
			return 0;
		return err_sys(e, "read the processes of cgroup %s", name);
	}
	while (fgets(line, sizeof(line), f) && l->n < PIDS_MAX) {
		int64_t pid;

		line[strcspn(line, "\n")] = '\0';
		/* 0: a process outside our pid namespace. */
		if (str_to_i64(line, 1, INT32_MAX, &pid) == 0)
			pid_add(l, (pid_t)pid);
	}
	return 0;
}

/* The one hierarchy to count in: v2, else memory, which every group has. */
static const struct cgroup_hierarchy *main_hierarchy(const struct cgroup_system *s)
{
	const struct cgroup_hierarchy *h = s->v2 ? s->v2 : cgroup_of(s, CGROUP_FREEZER);

	return h ? h : &s->h[0];
}

int cgroup_pids(const char *path, pid_t **pids, size_t *n, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	struct pid_list l = { 0 };
	struct walk w = { .fn = read_pids, .arg = &l };

	*pids = NULL;
	*n = 0;
	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	if (walk_group(&w, main_hierarchy(s)->fd, path + 1, 0, e) < 0) {
		free(l.v);
		return -1;
	}
	*pids = l.v;
	*n = l.n;
	return 0;
}

int cgroup_signal_all(const char *path, int sig, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	pid_t *pids;
	size_t n;

	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	if (sig == SIGKILL && s->v2) {
		own(fd) int dir = cgroup_open(s->v2, path);
		struct err older; /* cgroup.kill: Linux 5.14 */

		if (dir < 0 && errno == ENOENT)
			return 0;
		if (dir >= 0 && cgroup_write(dir, "cgroup.kill", "1", &older) == 0)
			return 0;
	}
	if (cgroup_pids(path, &pids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		/* The pid was in the group a moment ago; it may be gone, but hardly somebody
		 * else's. */
		if (pids[i] != getpid())
			kill(pids[i], sig);
	}
	free(pids);
	return 0;
}

static void nap(int tries)
{
	struct timespec t = { .tv_nsec = tries < 10 ? 200000L : 5000000L };

	nanosleep(&t, NULL);
}

static int remove_one(int parent, const char *name, int dir, void *arg, struct err *e)
{
	int64_t left_ms = EMPTY_WAIT_MS;

	(void)dir;
	(void)arg;
	for (int i = 0; unlinkat(parent, name, AT_REMOVEDIR) < 0; i++) {
		if (errno == ENOENT || errno == ENODEV)
			return 0;
		if ((errno != EBUSY && errno != EINTR) || left_ms <= 0)
			return err_sys(e, "remove cgroup %s", name);
		nap(i);
		left_ms -= i < 10 ? 1 : 5;
	}
	return 0;
}

/* Most groups are a single empty directory in each hierarchy. */
static int delete_in(const struct cgroup_hierarchy *h, const char *path, struct err *e)
{
	struct walk w = { .fn = remove_one };

	if (unlinkat(h->fd, path + 1, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return walk_group(&w, h->fd, path + 1, 0, e);
}

/* Kills until nobody is left; a v1 system has no single blow, and a fork may run ahead of it. */
static int kill_all(const char *path, struct err *e)
{
	for (int i = 0; i < EMPTY_WAIT_MS / 5; i++) {
		own(pids) pid_t *pids = NULL;
		size_t n;

		if (cgroup_pids(path, &pids, &n, e) < 0)
			return -1;
		if (n == 0)
			return 0;
		if (cgroup_signal_all(path, SIGKILL, e) < 0)
			return -1;
		if (i == 0)
			cgroup_freeze(path, false, &(struct err){ 0 });
		nap(i);
	}
	return err_set(e, ERR_BUSY, "processes in cgroup %s do not end", path);
}

int cgroup_delete(const char *path, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	const struct cgroup_hierarchy *h;

	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	h = main_hierarchy(s);
	/* An rmdir that works says that nobody is in it. */
	if (unlinkat(h->fd, path + 1, AT_REMOVEDIR) < 0 && errno != ENOENT &&
	    (kill_all(path, e) < 0 || delete_in(h, path, e) < 0))
		return err_in(e, "cgroup %s", path);
	for (size_t i = 0; i < s->n; i++)
		if (&s->h[i] != h && delete_in(&s->h[i], path, e) < 0)
			return err_in(e, "cgroup %s", path);
	return 0;
}

char *cgroup_first_missing(const char *path)
{
	struct err ignored;
	const struct cgroup_system *s = cgroup_system(&ignored);

	for (const char *p = s ? path : ""; *p;) {
		own(str) char *part = NULL;
		bool there = false;

		p += 1 + strcspn(p + 1, "/");
		part = xstrndup(path, (size_t)(p - path));
		for (size_t i = 0; i < s->n && !there; i++)
			there = faccessat(s->h[i].fd, part + 1, F_OK, 0) == 0;
		if (!there)
			return ptr_steal(part);
	}
	return NULL;
}

int cgroup_prune_parents(const char *path, struct err *e)
{
	return cgroup_prune_to(path, "/", e);
}

int cgroup_prune_to(const char *path, const char *top, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	own(str) char *p = NULL;

	if (!s || cgroup_check_path(path, e) < 0)
		return -1;
	p = xstrdup(path);
	for (char *slash = strrchr(p, '/'); slash && slash != p; slash = strrchr(p, '/')) {
		*slash = '\0';
		if (strlen(p) < strlen(top))
			return 0;
		for (size_t i = 0; i < s->n; i++)
			if (unlinkat(s->h[i].fd, p + 1, AT_REMOVEDIR) < 0 && errno != EBUSY &&
			    errno != ENOTEMPTY && errno != ENOENT && errno != ENODEV)
				return err_sys(e, "remove cgroup %s", p);
	}
	return 0;
}
