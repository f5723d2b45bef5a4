/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/home.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "executor/cgroup.h"
#include "executor/rdt.h"
#include "executor/executor.h"
#include "spec/oci.h"
#include "store/store.h"

#define LOCK_SECONDS 60
#define DEATH_MS 10000 /* what SIGKILL may take before we say so */
#define ID_MAX 255
#define REMOVE_TRIES 10

// clang-format off
static const struct field record_fields[] = {
	FIELD(struct oci_record, id, FIELD_STR),
	FIELD(struct oci_record, bundle, FIELD_STR),
	FIELD(struct oci_record, rootfs, FIELD_STR),
	FIELD(struct oci_record, oci_version, FIELD_STR),
	FIELD(struct oci_record, annotations, FIELD_STRMAP),
	FIELD(struct oci_record, created, FIELD_INT),
	FIELD(struct oci_record, owner, FIELD_INT),
	FIELD(struct oci_record, made, FIELD_BOOL),
	FIELD_AS(struct oci_record, late_hooks, "late_hooks", FIELD_BOOL),
	FIELD(struct oci_record, pid, FIELD_INT),
	FIELD(struct oci_record, start, FIELD_INT),
	FIELD(struct oci_record, boot_id, FIELD_STR),
	FIELD(struct oci_record, cgroup, FIELD_STR),
	FIELD(struct oci_record, cgroup_top, FIELD_STR),
	FIELD(struct oci_record, rdt, FIELD_STR),
};
static FIELD_TABLE(record_table, "state.json", struct oci_record, 0, record_fields);
// clang-format on

const char *const oci_status_name[] = { "creating", "created", "running", "stopped", "paused" };

int oci_home_open(const char *path, struct oci_home *out, struct err *e)
{
	own(str) char *absolute = path_absolute(path, e);
	own(fd) int dir = -1;
	struct stat st;

	*out = (struct oci_home){ .dir = -1 };
	if (!absolute)
		return -1;
	dir = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT) {
		if (path_mkdirs(absolute, 0700, e) < 0)
			return -1;
		dir = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (dir < 0 || fstat(dir, &st) < 0)
		return err_sys(e, "%s", absolute);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_DENIED, "%s belongs to user %u, not to root", absolute,
			       st.st_uid);
	out->dir = fd_steal(&dir);
	out->path = ptr_steal(absolute);
	return 0;
}

void oci_home_close(struct oci_home *h)
{
	if (h->path)
		fd_drop(&h->dir);
	free(h->path);
	strv_free(&h->warnings);
	*h = (struct oci_home){ .dir = -1 };
}

void oci_entry_close(struct oci_entry *x)
{
	fields_free(&record_table, &x->rec);
	fd_drop(&x->dir);
	fd_drop(&x->lock);
	x->dir = x->lock = -1;
}

const char *oci_id_check(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";

	if (!*id)
		return "it is empty";
	if (strlen(id) > ID_MAX)
		return "it has more than 255 characters";
	if (strspn(id, allowed) != strlen(id))
		return "only letters, digits and \"_+-.\" are allowed";
	if (id[0] == '.' || id[0] == '-')
		return "it begins with a point or a dash";
	return NULL;
}

static int id_valid_or(const char *id, struct err *e)
{
	const char *why = oci_id_check(id);

	return why ? err_set(e, ERR_USAGE, "container ID \"%.64s\": %s", id, why) : 0;
}

static int not_found(const char *id, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "container \"%s\" does not exist", id);
}

static int lock_entry(int dir, const char *id, struct err *e)
{
	const struct store waits = { .lock_timeout = LOCK_SECONDS };
	own(str) char *what = str_fmt("container %s", id);

	return lock_file(&waits, dir, "lock", LOCK_EXCLUSIVE, what, e);
}

struct proc_id oci_entry_init(const struct oci_entry *x)
{
	struct err ignored;

	if (!str_eq(x->rec.boot_id, proc_boot_id(&ignored)))
		return (struct proc_id){ 0 };
	return (struct proc_id){ .pid = (pid_t)x->rec.pid, .start = (uint64_t)x->rec.start };
}

int oci_entry_process(const struct oci_entry *x)
{
	struct proc_id init = oci_entry_init(x);

	return proc_open(&init);
}

int oci_entry_spec(const struct oci_entry *x, struct oci_spec *out, struct err *e)
{
	own(strv) struct strv warnings = { 0 };
	own(fd) int fd = openat(x->dir, "config.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(e, "container %s: config.json", x->rec.id);
	return oci_spec_load(fd, "config.json", x->rec.bundle, out, &warnings, e);
}

int oci_entry_wait_dead(const struct oci_entry *x, struct err *e)
{
	own(fd) int pidfd = oci_entry_process(x);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n;

	if (pidfd < 0)
		return errno == ESRCH ? 0 : err_sys(e, "look at the container's process");
	do
		n = poll(&p, 1, DEATH_MS);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0
		     : err_set(e, ERR_BUSY, "container %s: process %lld does not end", x->rec.id,
			       (long long)x->rec.pid);
}

/* A half-made record of a group that was there before does not tell whose it is. */
static int remove_cgroup(const struct oci_record *r, struct err *e)
{
	if (!str_some(r->cgroup) || (!r->made && !r->pid && !str_some(r->cgroup_top)))
		return 0;
	if (cgroup_delete(r->cgroup, e) < 0)
		return -1;
	return str_some(r->cgroup_top) ? cgroup_prune_to(r->cgroup, r->cgroup_top, e) : 0;
}

/* A resctrl that is mounted no longer has nothing of ours. */
static int remove_rdt(const struct oci_record *r, struct err *e)
{
	struct err ignored;
	own(fd) int resctrl = str_some(r->rdt) ? rdt_open(&ignored) : -1;

	return resctrl < 0 ? 0 : rdt_remove(resctrl, r->rdt, e);
}

/* Gone for everybody with its state.json. Who came a moment too late may make a new "lock" in it.
 */
static int remove_dir(struct oci_home *h, struct oci_entry *x, const char *id, struct err *e)
{
	static const char *const files[] = { "config.json", OCI_START, "lock" };
	int rc = -1;

	if (unlinkat(x->dir, "state.json", 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s/%s/state.json", h->path, id);
	if (flock(h->dir, LOCK_EX) < 0)
		return err_sys(e, "lock %s", h->path);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		(void)unlinkat(x->dir, files[i], 0);
	if (unlinkat(h->dir, id, AT_REMOVEDIR) == 0)
		rc = 0;
	for (int i = 0; rc < 0 && i < REMOVE_TRIES; i++) {
		rc = path_remove_tree(h->dir, id, e);
		if (rc == 0 || e->sys != ENOTEMPTY)
			break;
	}
	(void)flock(h->dir, LOCK_UN);
	return rc;
}

int oci_entry_remove(struct oci_home *h, struct oci_entry *x, struct err *e)
{
	own(fd) int pidfd = oci_entry_process(x);

	if (pidfd >= 0)
		(void)proc_pidfd_signal(pidfd, SIGKILL);
	if (remove_cgroup(&x->rec, e) < 0 || (pidfd >= 0 && oci_entry_wait_dead(x, e) < 0) ||
	    remove_rdt(&x->rec, e) < 0)
		return -1;
	return remove_dir(h, x, x->rec.id, e);
}

/* 1: it is there; 0: it is not (any more); -1. */
static int load(struct oci_entry *x, const char *id, struct err *e)
{
	fields_free(&record_table, &x->rec);
	if (fields_load(&record_table, x->dir, "state.json", &x->rec, e) < 0)
		return e->sys == ENOENT ? 0 : err_in(e, "container %s", id);
	return 1;
}

/* What somebody left who died over it. Nothing is done when he lives, or it is whole. */
static int sweep(struct oci_home *h, const char *id, struct err *e)
{
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	int there;

	if (flock(h->dir, LOCK_EX) < 0) /* nobody is between mkdir() and its lock */
		return err_sys(e, "lock %s", h->path);
	x.dir = openat(h->dir, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	x.lock = x.dir < 0 ? -1 : lock_try(x.dir, "lock", LOCK_EXCLUSIVE);
	bool ours = x.dir >= 0 && (x.lock >= 0 || errno == ENOENT);

	(void)flock(h->dir, LOCK_UN);
	if (!ours)
		return 0;
	there = load(&x, id, e);
	if (there < 0)
		return -1;
	if (there == 0)
		return remove_dir(h, &x, id, e);
	return x.rec.made ? 0 : oci_entry_remove(h, &x, e);
}

static int make_dir(struct oci_home *h, const char *id, struct oci_entry *out, struct err *e)
{
	if (flock(h->dir, LOCK_EX) < 0)
		return err_sys(e, "lock %s", h->path);
	if (mkdirat(h->dir, id, 0700) < 0) {
		err_sys(e, "make %s/%s", h->path, id);
	} else {
		out->dir = openat(h->dir, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		out->lock = out->dir < 0 ? err_sys(e, "open %s/%s", h->path, id)
					 : lock_entry(out->dir, id, e);
	}
	(void)flock(h->dir, LOCK_UN);
	return out->lock < 0 ? -1 : 0;
}

int oci_entry_begin(struct oci_home *h, const char *id, struct oci_entry *out, struct err *e)
{
	*out = (struct oci_entry)OCI_ENTRY_NONE;
	if (id_valid_or(id, e) < 0)
		return -1;
	if (make_dir(h, id, out, e) < 0) {
		if (e->sys != EEXIST)
			return -1;
		if (sweep(h, id, e) < 0)
			return -1;
		if (make_dir(h, id, out, e) < 0)
			return e->sys == EEXIST ? err_set(e, ERR_EXISTS,
							  "container \"%s\" already exists", id)
						: -1;
	}
	out->rec.id = xstrdup(id);
	return 0;
}

int oci_entry_open(struct oci_home *h, const char *id, bool lock, struct oci_entry *out,
		   struct err *e)
{
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	int there;

	*out = (struct oci_entry)OCI_ENTRY_NONE;
	if (id_valid_or(id, e) < 0)
		return -1;
	x.dir = openat(h->dir, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (x.dir < 0)
		return errno == ENOENT ? not_found(id, e) : err_sys(e, "%s/%s", h->path, id);
	if (lock) {
		x.lock = lock_entry(x.dir, id, e);
		if (x.lock < 0)
			return e->sys == ENOENT ? not_found(id, e) : -1;
	}
	there = load(&x, id, e);
	if (there < 0)
		return -1;
	if (there == 0 || !x.rec.made) {
		bool held = !lock && there > 0;

		oci_entry_close(&x);
		if (sweep(h, id, e) < 0)
			return -1;
		/* Without a lock of ours it may be in the making, and then it is still there. */
		if (!held || faccessat(h->dir, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return not_found(id, e);
		x.dir = openat(h->dir, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (x.dir < 0 || load(&x, id, e) <= 0)
			return not_found(id, e);
	}
	*out = x;
	x = (struct oci_entry)OCI_ENTRY_NONE;
	return 0;
}

int oci_entry_lock(struct oci_entry *x, struct err *e)
{
	x->lock = lock_entry(x->dir, x->rec.id, e);
	if (x->lock < 0)
		return e->sys == ENOENT ? not_found(x->rec.id, e) : -1;
	if (faccessat(x->dir, "state.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return not_found(x->rec.id, e);
	return 0;
}

int oci_entry_save(struct oci_entry *x, struct err *e)
{
	return fields_save(&record_table, x->dir, "state.json", &x->rec, false, e) < 0
		       ? err_in(e, "container %s", x->rec.id)
		       : 0;
}

int oci_home_list(struct oci_home *h, struct strv *ids, struct err *e)
{
	own(strv) struct strv names = { 0 };

	if (path_list(h->dir, &names, e) < 0)
		return err_in(e, "%s", h->path);
	for (size_t i = 0; i < names.n; i++) {
		own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
		struct err gone;

		if (!oci_id_check(names.v[i]) &&
		    oci_entry_open(h, names.v[i], false, &x, &gone) == 0)
			strv_add(ids, names.v[i]);
	}
	return 0;
}

enum oci_status oci_entry_status(const struct oci_entry *x)
{
	struct proc_id init = oci_entry_init(x);

	if (!x->rec.made)
		return OCI_CREATING;
	if (init.pid <= 0 || !proc_alive(&init))
		return OCI_STOPPED;
	if (executor_waiting(x->dir, OCI_START))
		return OCI_CREATED;
	return str_some(x->rec.cgroup) && cgroup_frozen(x->rec.cgroup) ? OCI_PAUSED : OCI_RUNNING;
}
