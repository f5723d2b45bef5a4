/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving back what records own in the kernel. Called with the record already out of everyone's
 * sight, by its remover or, when that died, by whoever found it: every step may have been done
 * before.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "executor/cgroup.h"
#include "pod/container.h"
#include "pod/event.h"
#include "pod/run_lock.h"
#include "pod/sandbox_ns.h"
#include "pod/userns.h"

#define DEATH_TIMEOUT (10 * NSEC_PER_SEC) /* what SIGKILL may take before we say so */

/* False: it does not run, by its record. */
static bool kill_init(int dir)
{
	struct container_status status = { 0 };
	struct err ignored;
	bool running =
		fields_load(&container_status_table, dir, "status.json", &status, &ignored) == 0 &&
		status.state == CONTAINER_RUNNING;

	if (running && str_eq(status.boot_id, proc_boot_id(&ignored))) {
		struct proc_id init = { .pid = (pid_t)status.pid, .start = (uint64_t)status.start };
		own(fd) int pidfd = proc_open(&init);

		if (pidfd >= 0)
			proc_pidfd_signal(pidfd, SIGKILL);
	}
	fields_free(&container_status_table, &status);
	return running;
}

/* Nobody is left who could have seen how it ended. */
static void end_unseen(struct store *s, const char *id, int dir, const struct container_record *rec)
{
	struct container_status status = { 0 };
	struct err ignored;

	if (fields_load(&container_status_table, dir, "status.json", &status, &ignored) == 0 &&
	    status.state == CONTAINER_RUNNING) {
		own(str) char *about = container_event_about(rec);
		bool rebooted = !str_eq(status.boot_id, proc_boot_id(&ignored));

		status.exit_code = 255;
		str_set(&status.reason, rebooted ? "HostRebooted" : "Unknown");
		container_event_died(s, id, rec->config.metadata.name, about, &status);
	}
	fields_free(&container_status_table, &status);
}

/* Once only: a release may be done again. And not of what was never committed. */
static bool is_first_release(int dir)
{
	return unlinkat(dir, "status.json", 0) == 0;
}

/* No config.json: it died before it owned anything. A damaged one says nothing more. But one that
 * could not be read just now will. */
static bool owns_nothing(const struct err *e)
{
	return e->sys == 0 || e->sys == ENOENT;
}

static int release_container(struct store *s, const char *id, int dir, struct err *e)
{
	struct container_record rec = { 0 };
	bool ran;
	int rc = 0;

	if (fields_load(&container_record_table, dir, "config.json", &rec, e) < 0)
		return owns_nothing(e) ? 0 : -1;
	run_stop_ask(s, id);
	ran = kill_init(dir);
	if (str_some(rec.cgroup))
		rc = cgroup_delete(rec.cgroup, e);
	if (rc == 0)
		rc = run_lock_wait(s, id, DEATH_TIMEOUT, e);
	if (rc == 0 && rec.sandbox_id && id_valid(rec.sandbox_id)) {
		own(str) char *mark = str_fmt("sandboxes/%s/containers/%s", rec.sandbox_id, id);

		if (unlinkat(s->root, mark, 0) < 0 && errno != ENOENT)
			rc = err_sys(e, "its mark in sandbox %.12s", rec.sandbox_id);
	}
	if (rc == 0 && ran)
		end_unseen(s, id, dir, &rec);
	if (rc == 0 && is_first_release(dir))
		container_event(s, "removed", id, &rec);
	/* The cgroup above is the sandbox's, with its limits: it goes with the sandbox. */
	fields_free(&container_record_table, &rec);
	return rc;
}

/* Removes one container of a sandbox that goes away. */
static int remove_member(struct store *s, const char *id, struct err *e)
{
	own(record) struct record r = RECORD_NONE;

	if (record_open(s, RECORD_CONTAINER, id, true, &r, e) < 0)
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	return record_discard(s, &r, e);
}

/* Namespaces, ranges of user IDs, cgroup. last: then it is gone. */
static int release_kernel(struct store *s, const char *id, int dir, bool last, struct err *e)
{
	struct sandbox_record rec = { 0 };
	struct err damaged;
	int rc;

	if (sandbox_ns_drop(s, id, e) < 0)
		return -1;
	if (fields_load(&sandbox_record_table, dir, "config.json", &rec, &damaged) < 0) {
		if (owns_nothing(&damaged))
			return userns_release(s, id, NULL, e);
		*e = damaged;
		return -1;
	}
	own(str) char *cgroup = sandbox_cgroup(&rec, id);
	const struct cri_namespace_options *ns =
		&rec.config.linux_.security_context.namespace_options;

	rc = cgroup_delete(cgroup, e);
	if (rc == 0 && userns_wanted(ns))
		rc = userns_release(s, id, ns->userns_options, e);
	if (rc == 0)
		rc = cgroup_prune_parents(cgroup, e);
	if (rc == 0 && last && is_first_release(dir))
		sandbox_event(s, "removed", id, &rec);
	fields_free(&sandbox_record_table, &rec);
	return rc;
}

static int release_sandbox(struct store *s, const char *id, int dir, struct err *e)
{
	own(strv) struct strv ids = { 0 };
	struct err other;
	int detached;

	if (sandbox_containers(dir, &ids, e) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (remove_member(s, ids.v[i], e) < 0)
			return -1;
	/* A plugin that fails keeps nothing but its own: all else is given back. */
	detached = sandbox_network_detach(s, id, dir, e);
	if (release_kernel(s, id, dir, detached == 0, detached < 0 ? &other : e) < 0)
		return -1;
	return detached;
}

int pod_release(struct store *s, int kind, const char *id, int dir, struct err *e)
{
	return kind == RECORD_SANDBOX ? release_sandbox(s, id, dir, e)
				      : release_container(s, id, dir, e);
}

static void add_user(struct strmap *layer_to_user, const struct strv *layers, const char *image_id,
		     const char *user)
{
	for (size_t i = 0; i < layers->n; i++)
		strmap_set(layer_to_user, layers->v[i], user);
	/* Layers are shared; this one tells whose image it is. */
	if (image_id)
		strmap_set(layer_to_user, image_id, user);
}

static int layers_of_containers(struct store *s, bool running, struct strmap *layer_to_user,
				struct err *e)
{
	own(strv) struct strv ids = { 0 };

	if (record_list(s, RECORD_CONTAINER, &ids, e) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		own(container) struct container c = { 0 };
		struct err gone;

		if (container_load(s, ids.v[i], &c, &gone) < 0) {
			if (gone.kind == ERR_NOT_FOUND)
				continue;
			*e = gone; /* not knowing what it uses, nothing may be removed */
			return -1;
		}
		if (running &&
		    (c.status.state == CONTAINER_CREATED || c.status.state == CONTAINER_EXITED))
			continue;
		own(str) char *user = str_fmt("container %s", container_name(&c));

		add_user(layer_to_user, &c.record.layers, c.record.image_id, user);
		for (size_t k = 0; k < c.record.image_mounts.n; k++) {
			const struct container_image_mount *m = c.record.image_mounts.v;

			add_user(layer_to_user, &m[k].layers, m[k].image_id, user);
		}
	}
	return 0;
}

int pod_layers_in_use(struct store *s, struct strmap *layer_to_user, struct err *e)
{
	return layers_of_containers(s, false, layer_to_user, e);
}

int pod_layers_running(struct store *s, struct strmap *layer_to_user, struct err *e)
{
	return layers_of_containers(s, true, layer_to_user, e);
}
