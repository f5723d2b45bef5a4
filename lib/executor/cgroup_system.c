/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/cgroup_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/statfs.h>

#include "base/file.h"
#include "base/path.h"
#include "base/str.h"

#define CGROUP_MOUNT "/sys/fs/cgroup"

static const char *const names[CGROUP_CONTROLLERS] = {
	[CGROUP_MEMORY] = "memory", [CGROUP_CPU] = "cpu",	  [CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_PIDS] = "pids",	    [CGROUP_DEVICES] = "devices", [CGROUP_FREEZER] = "freezer",
	[CGROUP_CPUSET] = "cpuset", [CGROUP_HUGETLB] = "hugetlb", [CGROUP_BLKIO] = "blkio",
	[CGROUP_RDMA] = "rdma",	    [CGROUP_NET_CLS] = "net_cls", [CGROUP_NET_PRIO] = "net_prio",
};

const char *cgroup_controller_name(enum cgroup_controller c, bool v2)
{
	return v2 && c == CGROUP_BLKIO ? "io" : names[c];
}

/* v1 separates them by commas, v2 by blanks. */
static unsigned controllers_in(const char *list, char sep)
{
	own(strv) struct strv found = { 0 };
	unsigned bits = 0;

	strv_split(&found, list, sep);
	for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++)
		if (strv_has(&found, cgroup_controller_name(c, sep == ' ')))
			bits |= CGROUP_BIT(c);
	return bits;
}

/* What a host without cgroup v2 has in v1's hierarchies. */
#define CGROUP_USUAL_V1                                                                            \
	(CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_CPUACCT) |         \
	 CGROUP_BIT(CGROUP_PIDS) | CGROUP_BIT(CGROUP_DEVICES) | CGROUP_BIT(CGROUP_FREEZER) |       \
	 CGROUP_BIT(CGROUP_CPUSET))

/* The controllers of v1's hierarchies that are known so far. */
static unsigned found_in(const struct cgroup_system *s)
{
	unsigned bits = 0;

	for (size_t i = 0; i < s->n; i++)
		bits |= s->h[i].v2 ? 0 : s->h[i].controllers;
	return bits;
}

/* Takes fd, an O_PATH one of mount. */
static void hierarchy_take(struct cgroup_system *s, int fd, const char *mount, bool v2,
			   const char *super_options)
{
	own(fd) int dir = fd;
	struct cgroup_hierarchy h = { .v2 = v2 };
	own(buf) struct buf list = { 0 };
	struct err ignored;

	if (s->n == CGROUP_HIERARCHIES || (v2 && s->v2))
		return;
	if (!v2)
		h.controllers = controllers_in(super_options, ',');
	else if (file_load_kernel(dir, "cgroup.controllers", &list, &ignored) == 0)
		h.controllers = controllers_in(list.s ? list.s : "", ' ');
	/* A named hierarchy, systemd's; or one that is mounted twice, in somebody's chroot. */
	if (!v2 && !(h.controllers & ~found_in(s)))
		return;
	h.fd = fd_steal(&dir);
	h.mount = xstrdup(mount);
	s->h[s->n] = h;
	if (v2)
		s->v2 = &s->h[s->n];
	s->n++;
}

static int hierarchy_add(struct cgroup_system *s, const char *mount, const char *type,
			 const char *super_options, struct err *e)
{
	int fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* Of another root directory, or hidden. Anything else may pass, and groups would be left.
	 */
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : err_sys(e, "%s", mount);
	hierarchy_take(s, fd, mount, str_eq(type, "cgroup2"), super_options);
	return 0;
}

/* "36 26 0:31 / /sys/fs/cgroup/memory rw,… - cgroup cgroup rw,memory": only whole hierarchies. */
static int mountinfo_line(struct cgroup_system *s, char *line, struct err *e)
{
	char *tail = strstr(line, " - cgroup"), *save = NULL, *field, *type, *options;
	char *mount = NULL;

	if (!tail)
		return 0;
	*tail = '\0';
	field = strtok_r(line, " ", &save);
	for (int i = 0; field && i < 5; i++, field = strtok_r(NULL, " ", &save)) {
		if (i == 3 && strcmp(field, "/") != 0)
			return 0;
		if (i == 4)
			mount = field;
	}
	type = strtok_r(tail + 3, " ", &save);
	strtok_r(NULL, " ", &save); /* the source */
	options = strtok_r(NULL, " ", &save);
	return mount && type && options ? hierarchy_add(s, mount, type, options, e) : 0;
}

static void system_close(struct cgroup_system *s)
{
	for (size_t i = 0; i < s->n; i++) {
		close(s->h[i].fd);
		free(s->h[i].mount);
	}
	*s = (struct cgroup_system){ 0 };
}

static int from_mountinfo(struct cgroup_system *s, struct err *e)
{
	own(buf) struct buf text = { 0 };
	char *save = NULL;

	if (file_load_kernel(AT_FDCWD, "/proc/self/mountinfo", &text, e) < 0)
		return -1;
	for (char *l = strtok_r(text.s, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (mountinfo_line(s, l, e) < 0)
			return -1;
	return 0;
}

/* A whole hierarchy of this type, O_PATH; -1: none. Only its root has, or lacks, that file. */
static int open_whole(const char *mount, bool v2)
{
	own(fd) int fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 ||
	    fs.f_type != (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC) ||
	    (faccessat(fd, v2 ? "cgroup.type" : "release_agent", F_OK, 0) == 0) == v2)
		return -1;
	return fd_steal(&fd);
}

/* "4:memory:/...", "0::/..."; 1: it is not where it always is. */
static int usual_line(struct cgroup_system *s, char *line)
{
	char *list = strchr(line, ':'), *end = list ? strchr(++list, ':') : NULL;
	own(str) char *mount = NULL;
	bool v2;
	int fd;

	if (!end)
		return 1;
	*end = '\0';
	v2 = !*list;
	if (!v2 && !controllers_in(list, ','))
		return 0;
	mount = str_fmt(CGROUP_MOUNT "/%s", v2 ? "unified" : list);
	fd = open_whole(mount, v2);
	if (fd >= 0) {
		hierarchy_take(s, fd, mount, v2, list);
		return 0;
	}
	/* The kernel lists it last, also when it is mounted nowhere and has nothing that counts. */
	return v2 && (found_in(s) & CGROUP_USUAL_V1) == CGROUP_USUAL_V1 ? 0 : 1;
}

/*
 * Where systemd and everybody else mount them: /sys/fs/cgroup, or what is below it. mountinfo knows
 * all other places, too, but on a host with many mounts it is the longest thing that a command
 * reads. 1: not all of them are there.
 */
static int from_usual_places(struct cgroup_system *s, struct err *e)
{
	own(buf) struct buf text = { 0 };
	int fd = open_whole(CGROUP_MOUNT, true);
	char *save = NULL;

	if (fd >= 0) {
		hierarchy_take(s, fd, CGROUP_MOUNT, true, "");
		return 0;
	}
	if (file_load_kernel(AT_FDCWD, "/proc/self/cgroup", &text, e) < 0)
		return -1;
	for (char *l = strtok_r(text.s, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		int rc = usual_line(s, l);

		if (rc)
			return rc;
	}
	return 0;
}

const struct cgroup_system *cgroup_system(struct err *e)
{
	static struct cgroup_system sys; /* the host's mounts do not change under one command */
	static bool loaded;
	int rc;

	if (loaded)
		return &sys;
	rc = from_usual_places(&sys, e);
	if (rc > 0) {
		system_close(&sys);
		rc = from_mountinfo(&sys, e);
	}
	if (rc < 0) {
		system_close(&sys);
		return NULL;
	}
	if (sys.n == 0) {
		err_set(e, ERR_FAIL, "no cgroup file system is mounted");
		return NULL;
	}
	sys.pure_v2 = sys.n == 1 && sys.v2;
	loaded = true;
	return &sys;
}

const struct cgroup_hierarchy *cgroup_of(const struct cgroup_system *s, enum cgroup_controller c)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->h[i].controllers & CGROUP_BIT(c))
			return &s->h[i];
	return NULL;
}

static bool has_cpu(const struct oci_cpu *c)
{
	return c->shares.set || c->quota.set || c->period.set || c->burst.set || c->idle.set ||
	       c->realtime_runtime.set || c->realtime_period.set;
}

static bool has_memory(const struct oci_memory *m)
{
	return m->limit.v > 0 || m->reservation.v > 0 || m->swap.v > 0 || m->kernel_tcp.set ||
	       m->swappiness.set || m->disable_oom_killer;
}

static bool has_block_io(const struct oci_block_io *b)
{
	return b->weight.set || b->leaf_weight.set || b->weight_device.n || b->read_bps.n ||
	       b->write_bps.n || b->read_iops.n || b->write_iops.n;
}

/* "memory.high" is of the controller memory. */
static unsigned unified_controllers(const struct strmap *unified)
{
	unsigned bits = 0;

	for (size_t i = 0; i < unified->n; i++) {
		size_t n = strcspn(unified->v[i].key, ".");

		for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++) {
			const char *name = cgroup_controller_name(c, true);

			if (strlen(name) == n && strncmp(name, unified->v[i].key, n) == 0)
				bits |= CGROUP_BIT(c);
		}
	}
	return bits;
}

unsigned cgroup_limited(const struct oci_resources *r)
{
	const struct {
		bool asked;
		enum cgroup_controller c;
	} rows[] = {
		{ has_cpu(&r->cpu), CGROUP_CPU },
		{ has_memory(&r->memory), CGROUP_MEMORY },
		{ has_block_io(&r->block_io), CGROUP_BLKIO },
		{ r->pids.limit.set, CGROUP_PIDS },
		{ r->devices.n > 0, CGROUP_DEVICES },
		{ str_some(r->cpu.cpus) || str_some(r->cpu.mems), CGROUP_CPUSET },
		{ r->hugepage_limits.n > 0, CGROUP_HUGETLB },
		{ r->rdma.n > 0, CGROUP_RDMA },
		{ r->network.class_id.set, CGROUP_NET_CLS },
		{ r->network.priorities.n > 0, CGROUP_NET_PRIO },
	};
	unsigned bits = unified_controllers(&r->unified);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		bits |= rows[i].asked ? CGROUP_BIT(rows[i].c) : 0;
	return bits;
}

/*
 * Each hierarchy costs a start and an end some 100 microseconds, so a group is made only where it
 * is used: memory and CPU time for statistics, the rest for limits that were asked for.
 */
unsigned cgroup_needed(const struct cgroup_system *s, const struct oci_resources *r)
{
	unsigned need = CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_CPUACCT) | cgroup_limited(r);

	if (s->pure_v2)
		need |= CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_PIDS);
	if (!s->v2)
		need |= CGROUP_BIT(CGROUP_FREEZER);
	return need;
}

int cgroup_check_path(const char *path, struct err *e)
{
	const char *p = path;

	if (!path || path[0] != '/' || !path[1] || strlen(path) > 1024)
		return err_set(e, ERR_USAGE, "cgroup path \"%.64s\" is not an absolute path",
			       path ? path : "");
	while (*p) {
		size_t n = strcspn(++p, "/");

		if (n == 0 || n > 255 || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.') || strncmp(p, "cgroup.", 7) == 0)
			return err_set(e, ERR_USAGE, "cgroup path \"%.200s\" has a bad component",
				       path);
		p += n;
	}
	return 0;
}

int cgroup_open(const struct cgroup_hierarchy *h, const char *path)
{
	return openat(h->fd, path + 1, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int cgroup_write(int dir, const char *file, const char *value, struct err *e)
{
	own(fd) int fd = openat(dir, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = strlen(value);

	if (fd >= 0 && write(fd, value, n) == (ssize_t)n)
		return 0;
	err_sys(e, "set %s to \"%s\"", file, value);
	return e->sys == ENOENT ? err_hint(e, "this kernel has no such limit") : -1;
}

int cgroup_write_i64(int dir, const char *file, int64_t value, struct err *e)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return cgroup_write(dir, file, text, e);
}

int cgroup_write_u64(int dir, const char *file, uint64_t value, struct err *e)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return cgroup_write(dir, file, text, e);
}

static ssize_t cgroup_read(int dir, const char *file, char *dst, size_t size)
{
	own(fd) int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, dst, size - 1);

	if (n >= 0)
		dst[n] = '\0';
	return n;
}

int cgroup_read_i64(int dir, const char *file, int64_t *out)
{
	char text[64];
	ssize_t n = cgroup_read(dir, file, text, sizeof(text));

	if (n < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "max") == 0)
		*out = -1;
	else if (str_to_i64(text, INT64_MIN, INT64_MAX, out) < 0)
		return -1;
	return 0;
}

int cgroup_read_key(int dir, const char *file, const char *key, int64_t *out)
{
	char text[8192], *save = NULL;
	size_t len = strlen(key);

	if (cgroup_read(dir, file, text, sizeof(text)) < 0)
		return -1;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (strncmp(l, key, len) == 0 && l[len] == ' ')
			return str_to_i64(l + len + 1, INT64_MIN, INT64_MAX, out);
	errno = ENODATA;
	return -1;
}
