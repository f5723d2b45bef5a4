/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/life.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/clock.h"
#include "executor/cgroup.h"
#include "executor/executor.h"
#include "oci/late_hooks.h"
#include "oci/notify.h"

static int destroy(struct oci_home *h, struct oci_entry *x, const struct oci_spec *s, struct err *e)
{
	own(str) char *id = xstrdup(x->rec.id), *bundle = xstrdup(x->rec.bundle);

	if (oci_entry_remove(h, x, e) < 0)
		return -1;
	oci_poststop(h, id, bundle, s);
	return 0;
}

int oci_entry_finish(struct oci_home *h, struct oci_entry *x, const struct oci_spec *s,
		     struct err *e)
{
	if (oci_entry_lock(x, e) < 0)
		return e->kind == ERR_NOT_FOUND ? 0 : -1; /* somebody was faster */
	return destroy(h, x, s, e);
}

int oci_start(struct oci_home *h, const char *id, const char *notify, struct err *e)
{
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	own(oci_spec) struct oci_spec spec = { 0 };
	own(fd) int sock = -1;
	enum oci_status status;
	struct err second;

	if (oci_entry_open(h, id, true, &x, e) < 0)
		return -1;
	status = oci_entry_status(&x);
	if (status != OCI_CREATED)
		return err_set(e, ERR_STATE, "cannot start container \"%s\": it is %s, not created",
			       id, oci_status_name[status]);
	if (x.rec.late_hooks && oci_entry_spec(&x, &spec, e) < 0)
		return -1;
	if (oci_notify_listen(&x, notify, &sock, e) < 0 ||
	    executor_start_at(x.dir, OCI_START, e) < 0)
		return -1;
	if (oci_poststart(&x, &spec, e) == 0) {
		fd_drop(&x.lock); /* others may want it meanwhile */
		x.lock = -1;
		return sock < 0 ? 0 : oci_notify_wait(&x, sock, notify, e);
	}
	if (destroy(h, &x, &spec, &second) < 0)
		err_hint(e, "moreover: %s", second.msg);
	return -1;
}

static int signal_init(const struct oci_entry *x, int sig, struct err *e)
{
	own(fd) int pidfd = oci_entry_process(x);

	if ((pidfd < 0 && errno == ESRCH) ||
	    (pidfd >= 0 && proc_pidfd_signal(pidfd, sig) < 0 && errno == ESRCH))
		return err_set(e, ERR_STATE, "container not running: \"%s\" has stopped",
			       x->rec.id);
	return pidfd < 0 ? err_sys(e, "look at the container's process") : 0;
}

int oci_kill(struct oci_home *h, const char *id, int sig, bool all, struct err *e)
{
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	struct err ignored;
	enum oci_status status;

	if (oci_entry_open(h, id, false, &x, e) < 0)
		return -1;
	status = oci_entry_status(&x);
	if (all && str_some(x.rec.cgroup))
		return cgroup_signal_all(x.rec.cgroup, sig, e);
	if (status == OCI_STOPPED || status == OCI_CREATING)
		return err_set(e, ERR_STATE, "container not running: \"%s\" is %s", id,
			       oci_status_name[status]);
	if (signal_init(&x, sig, e) < 0)
		return -1;
	/* On cgroup v1 a frozen process does not even die. */
	if (sig == SIGKILL && status == OCI_PAUSED)
		(void)cgroup_freeze(x.rec.cgroup, false, &ignored);
	return 0;
}

int oci_delete(struct oci_home *h, const char *id, bool force, struct err *e)
{
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	own(oci_spec) struct oci_spec spec = { 0 };
	struct err ignored;
	enum oci_status status;

	if (oci_entry_open(h, id, true, &x, e) < 0)
		return force && e->kind == ERR_NOT_FOUND ? 0 : -1;
	status = oci_entry_status(&x);
	if (!force && status != OCI_STOPPED)
		return err_set(e, ERR_STATE,
			       "cannot delete container \"%s\": it is %s, not stopped; use --force "
			       "to kill it",
			       id, oci_status_name[status]);
	/* What nobody can read any more has no hooks, and goes all the same. */
	if (x.rec.late_hooks && oci_entry_spec(&x, &spec, &ignored) < 0)
		strv_add(&h->warnings, ignored.msg);
	return destroy(h, &x, &spec, e);
}

int oci_pause(struct oci_home *h, const char *id, bool pause, struct err *e)
{
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	enum oci_status status;

	if (oci_entry_open(h, id, true, &x, e) < 0)
		return -1;
	status = oci_entry_status(&x);
	if (status != (pause ? OCI_RUNNING : OCI_PAUSED) && !(pause && status == OCI_CREATED))
		return err_set(e, ERR_STATE, "cannot %s container \"%s\": it is %s",
			       pause ? "pause" : "resume", id, oci_status_name[status]);
	if (!str_some(x.rec.cgroup))
		return err_set(e, ERR_STATE, "container \"%s\" has no cgroup of its own", id);
	return cgroup_freeze(x.rec.cgroup, pause, e);
}

int oci_update(struct oci_home *h, const char *id, const struct oci_resources *r, struct err *e)
{
	own(oci_entry) struct oci_entry x = OCI_ENTRY_NONE;
	enum oci_status status;

	if (oci_entry_open(h, id, true, &x, e) < 0)
		return -1;
	status = oci_entry_status(&x);
	if (status == OCI_STOPPED)
		return err_set(e, ERR_STATE, "cannot update container \"%s\": it is stopped", id);
	if (!str_some(x.rec.cgroup))
		return err_set(e, ERR_STATE, "container \"%s\" has no cgroup of its own", id);
	return cgroup_update(x.rec.cgroup, r, e) < 0 ? err_in(e, "container \"%s\"", id) : 0;
}

struct json_object *oci_state(const struct oci_entry *x, enum oci_status status)
{
	const struct oci_record *r = &x->rec;
	struct json_object *j = json_object_new_object(), *annotations = json_object_new_object();
	char created[CLOCK_TEXT_SIZE];

	clock_format(r->created, created);
	for (size_t i = 0; i < r->annotations.n; i++)
		json_object_object_add(annotations, r->annotations.v[i].key,
				       json_object_new_string(r->annotations.v[i].value));
	json_object_object_add(j, "ociVersion", json_object_new_string(r->oci_version));
	json_object_object_add(j, "id", json_object_new_string(r->id));
	json_object_object_add(j, "pid", json_object_new_int64(status == OCI_STOPPED ? 0 : r->pid));
	json_object_object_add(j, "status", json_object_new_string(oci_status_name[status]));
	json_object_object_add(j, "bundle", json_object_new_string(r->bundle));
	json_object_object_add(j, "rootfs", json_object_new_string(r->rootfs));
	json_object_object_add(j, "created", json_object_new_string(created));
	json_object_object_add(j, "owner", json_object_new_string(r->owner == 0 ? "root" : ""));
	json_object_object_add(j, "annotations", annotations);
	return j;
}
