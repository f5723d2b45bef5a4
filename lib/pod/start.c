/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a container, by whoever stays beside it: the command itself, or a monitor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "executor/cgroup.h"
#include "executor/executor.h"
#include "image/image.h"
#include "pod/apparmor.h"
#include "pod/container_ns.h"
#include "pod/event.h"
#include "pod/run_lock.h"
#include "pod/security.h"
#include "pod/start.h"

void starting_reset(struct starting *st)
{
	record_close(&st->r);
	container_free(&st->c);
	oci_spec_free(&st->spec);
	streams_close(&st->streams);
	executor_close(&st->x);
	ctr_log_close(st->log);
	st->r = (struct record)RECORD_NONE;
	st->c = (struct container){ 0 };
	st->spec = (struct oci_spec){ 0 };
	st->streams = (struct streams)STREAMS_NONE;
	st->x = (struct executor)EXECUTOR_NONE;
	st->log = NULL;
	st->cgroup_made = false;
}

void starting_free(struct starting *st)
{
	starting_reset(st);
	free(st->about);
	fd_drop(&st->run_dir);
	fd_drop(&st->run_lock); /* last: whoever waits for it finds all the rest done */
}

void starting_know(struct starting *st)
{
	st->terminal = st->spec.process.terminal;
	st->has_stdin = st->c.record.config.stdin_;
	st->stdin_once = st->stdin_once || st->c.record.config.stdin_once;
	free(st->about);
	st->about = container_event_about(&st->c.record);
}

void starting_forget(struct starting *st)
{
	char *cgroup = ptr_steal(st->c.record.cgroup);

	fields_free(&container_record_table, &st->c.record);
	oci_spec_free(&st->spec);
	st->c.record.cgroup = cgroup;
}

static void died(struct starting *st)
{
	own(str) char *name = record_label_now(&st->r);

	container_event_died(st->s, st->c.id, name, st->about, &st->c.status);
}

void starting_started(struct starting *st)
{
	own(str) char *name = record_label_now(&st->r);
	own(buf) struct buf b = { 0 };

	event_begin(&b, EVENT_CONTAINER, "started", st->c.id);
	event_str(&b, "name", name);
	buf_add(&b, st->about);
	event_end(st->s, &b);
}

static int load(struct starting *st, const char *id, struct err *e)
{
	own(sandbox) struct sandbox sb = { 0 };

	bool known = st->held && st->held->c.id[0];

	if (st->held) {
		st->r = st->held->r;
		st->c = st->held->c;
		st->spec = st->held->spec;
		*st->held = (struct container_made)CONTAINER_MADE_NONE;
		st->held = NULL;
	} else if (record_open(st->s, RECORD_CONTAINER, id, true, &st->r, e) < 0) {
		return -1;
	}
	if (!known && container_load(st->s, id, &st->c, e) < 0)
		return -1;
	if (st->c.status.state != CONTAINER_CREATED &&
	    !(st->again && st->c.status.state == CONTAINER_EXITED))
		return err_set(e, ERR_STATE, "container %s was started before (it is %s)",
			       container_name(&st->c), container_state_name[st->c.status.state]);
	if (sandbox_load(st->s, st->c.record.sandbox_id, &sb, e) < 0)
		return -1;
	if (!sb.ready)
		return err_set(e, ERR_STATE, "container %s: its sandbox %.12s is not ready",
			       container_name(&st->c), sb.id);
	if (!known && fields_load(&oci_spec_table, st->r.dir, "spec.json", &st->spec, e) < 0)
		return err_in(e, "container %s", container_name(&st->c));
	starting_know(st);
	/* One that ended when nobody was there to see it. */
	if (st->c.status.state == CONTAINER_EXITED && st->c.status.pid)
		died(st);
	return 0;
}

/* The log's directory is the host's; the log's own path below it is the user's and stays inside. */
static int with_log(struct starting *st, const struct container_record *rec,
		    int (*fn)(struct starting *st, int dir, const char *name, struct err *e),
		    struct err *e)
{
	own(str) char *name = xstrdup(rec->log_name);
	own(fd) int dir = open(rec->log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(fd) int parent = -1;
	char *slash = strrchr(name, '/');
	int rc;

	if (dir < 0)
		return err_sys(e, "log directory %s", rec->log_dir);
	if (slash) {
		*slash = '\0';
		parent = path_mkdirs_in(dir, name, 0755, e);
		if (parent < 0)
			return err_in(e, "log path %s", rec->log_name);
	}
	rc = fn(st, parent < 0 ? dir : parent, slash ? slash + 1 : name, e);
	return rc < 0 ? err_in(e, "log %s/%s", rec->log_dir, rec->log_name) : 0;
}

static int open_it(struct starting *st, int dir, const char *name, struct err *e)
{
	const struct cri_container_config *c = &st->c.record.config;

	if (ctr_log_open(dir, name, &st->log, e) < 0)
		return -1;
	if (!c->log_max_size.set)
		return 0;
	return ctr_log_limit(st->log, dir, name, c->log_max_size.v, container_log_files(c), e);
}

int starting_open_log(struct starting *st, struct err *e)
{
	return with_log(st, &st->c.record, open_it, e);
}

static int reopen_it(struct starting *st, int dir, const char *name, struct err *e)
{
	return ctr_log_reopen(st->log, dir, name, e);
}

/* The monitor has forgotten where it is. */
static int reopen_log(void *ctx, struct err *e)
{
	struct starting *st = ctx;
	struct container_record rec = { 0 };
	int rc = fields_load(&container_record_table, st->r.dir, "config.json", &rec, e);

	if (rc == 0)
		rc = with_log(st, &rec, reopen_it, e);
	fields_free(&container_record_table, &rec);
	return rc;
}

int starting_open_streams(struct starting *st, struct err *e)
{
	if (st->spec.process.terminal) {
		st->spec.process.console_size = st->size;
		return 0;
	}
	if (st->attach)
		return streams_pipes(st->attach->stdin_, &st->streams, e);
	return streams_fifos(st->run_dir,
			     !st->c.record.config.stdin_ ? STREAMS_NO_STDIN
			     : st->stdin_once		 ? STREAMS_STDIN_ONCE
							 : STREAMS_STDIN,
			     &st->streams, e);
}

/* For an image mount: *r has fds of its own, closed by close_images(). */
static int open_image(struct store *s, const struct container_image_mount *m,
		      struct executor_rootfs *r, struct err *e)
{
	int *lower = xcalloc(m->layers.n + 1, sizeof(*lower));

	*r = (struct executor_rootfs){ .lower = lower, .upper = -1, .work = -1, .top = -1 };
	while (r->nlower < m->layers.n) {
		lower[r->nlower] = image_layer_open(s, m->layers.v[r->nlower], e);
		if (lower[r->nlower] < 0)
			return -1;
		r->nlower++;
	}
	return r->nlower ? 0 : err_set(e, ERR_STATE, "image %s has no layers", m->image_id);
}

static void close_images(struct executor_rootfs *images, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < images[i].nlower; k++)
			close(images[i].lower[k]);
		free((void *)(uintptr_t)images[i].lower);
	}
	free(images);
}

/* With the layers of its image mounts. */
static int create_with_images(struct starting *st, struct executor_args *a, struct err *e)
{
	const struct container_image_mount *m = st->c.record.image_mounts.v;
	size_t n = st->c.record.image_mounts.n;
	struct executor_rootfs *images = n ? xcalloc(n, sizeof(*images)) : NULL;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = open_image(st->s, &m[i], &images[i], e);
	a->images = images;
	a->nimages = n;
	if (rc == 0)
		rc = executor_create(a, &st->x, e);
	close_images(images, n);
	return rc;
}

/* Opens layers, upper and work; the executor mounts them in the container's own mount namespace. */
static int create_process(struct starting *st, struct executor_args *a, int *lower, size_t n,
			  int *upper, int *work, struct err *e)
{
	lower[0] = targets_open(st->s, e);
	if (lower[0] < 0)
		return -1;
	for (size_t i = 1; i < n; i++) {
		lower[i] = image_layer_open(st->s, st->c.record.layers.v[i - 1], e);
		if (lower[i] < 0)
			return -1;
	}
	*upper = openat(st->r.dir, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	*work = openat(st->r.dir, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (*upper < 0 || *work < 0)
		return err_sys(e, "its writable layer");
	a->rootfs = (struct executor_rootfs){
		.lower = lower,
		.nlower = n,
		.upper = *upper,
		.work = *work,
		.top = st->r.dir,
		.throwaway = st->c.record.auto_remove,
	};
	return create_with_images(st, a, e);
}

static int create(struct starting *st, struct err *e)
{
	const struct cri_container_security *sec = &st->c.record.config.linux_.security_context;
	size_t n = st->c.record.layers.n + 1;
	own(fd) int upper = -1;
	own(fd) int work = -1;
	own(fd) int target = -1;
	own(fd) int cache = security_seccomp_cache(st->s, &st->spec);
	int *lower = NULL;
	struct executor_args a = {
		.spec = &st->spec,
		.id = st->c.id,
		.user = st->c.record.user,
		.init = st->c.record.config.linux_.init,
		.strict_groups = sec->supplemental_groups_policy == 1,
		.default_seccomp = security_default_seccomp(sec),
		.seccomp_cache = cache,
		.die_with_parent = st->attach != NULL,
		.cgroup = st->c.record.cgroup,
	};
	int rc;

	if (container_ns_target(st->s, &st->c, &st->spec, &target, e) < 0 ||
	    apparmor_load(&st->spec, e) < 0)
		return -1;
	lower = xcalloc(n, sizeof(*lower));
	for (size_t i = 0; i < n; i++)
		lower[i] = -1;
	memcpy(a.stdio, st->streams.child, sizeof(a.stdio));
	rc = create_process(st, &a, lower, n, &upper, &work, e);
	for (size_t i = 0; i < n; i++)
		fd_drop(&lower[i]);
	free(lower);
	streams_close_child(&st->streams);
	return rc;
}

static int set_running(struct starting *st, struct err *e)
{
	struct container_status *status = &st->c.status;
	const char *boot = proc_boot_id(e);

	if (!boot)
		return -1;
	status->state = CONTAINER_RUNNING;
	status->started_at = clock_now();
	status->pid = st->x.id.pid;
	status->start = (int64_t)st->x.id.start;
	str_set(&status->boot_id, boot);
	status->foreground = st->attach != NULL;
	status->restart_count = st->restart_count;
	status->finished_at = status->exit_code = 0;
	status->oom_killed = status->stop_asked = false;
	str_set(&status->reason, NULL);
	str_set(&status->message, NULL);
	return record_set_status(&st->r, &container_status_table, status, e);
}

int starting_lock(struct starting *st, const char *id, struct err *e)
{
	st->run_dir = record_run_dir(st->s, RECORD_CONTAINER, id, true, e);
	if (st->run_dir < 0)
		return -1;
	st->run_lock = run_lock_take(st->s, st->run_dir, id, e);
	if (st->run_lock < 0)
		return -1;
	run_stop_clear(st->run_dir);
	return control_open(st->control, st->run_dir, e);
}

int starting_begin(struct starting *st, const char *id, struct err *e)
{
	if (load(st, id, e) < 0)
		return -1;
	if (st->run_lock < 0 && starting_lock(st, id, e) < 0)
		return -1;
	if (starting_open_log(st, e) < 0 || starting_open_streams(st, e) < 0)
		return -1;
	if (cgroup_create(st->c.record.cgroup, &st->spec.linux_.resources, e) < 0)
		return -1;
	st->cgroup_made = true; /* what was there before is not ours to end */
	if (create(st, e) < 0)
		return -1;
	return set_running(st, e);
}

static bool was_oom_killed(const struct starting *st)
{
	return st->cgroup_made && cgroup_oom_kills(st->c.record.cgroup) > 0;
}

/* Writes down how it ended; we hold the run lock. */
static int finish(struct starting *st, const struct exit_status *ended, const struct err *failed,
		  struct err *e)
{
	struct container_status *status = &st->c.status;
	const char *why = failed ? failed->msg : "";
	struct err ignored;
	int rc;

	status->state = CONTAINER_EXITED;
	status->pid = status->start = 0;
	status->stop_asked = run_stop_asked(st->run_dir);
	status->oom_killed = was_oom_killed(st);
	if (!ended) {
		status->finished_at = clock_now();
		status->exit_code = err_exit_code_run(failed);
		str_set(&status->reason, "StartError");
		free(status->message);
		status->message = str_printable(why, strlen(why));
	} else {
		status->finished_at = ended->finished;
		status->exit_code = ended->code;
		str_set(&status->reason, !ended->known	      ? "Unknown"
					 : status->oom_killed ? "OOMKilled"
					 : ended->code	      ? "Error"
							      : "Completed");
	}
	if (st->cgroup_made)
		cgroup_delete(st->c.record.cgroup, &ignored);
	rc = record_set_status(&st->r, &container_status_table, status, e);
	if (rc == 0 && st->about)
		died(st);
	return rc;
}

int starting_failed(struct starting *st, struct err *why)
{
	struct err second;

	if (was_oom_killed(st))
		(void)err_hint(why,
			       "the kernel killed it for want of memory: raise --memory, of it "
			       "or its sandbox");
	if (st->run_lock >= 0 && st->r.dir >= 0 && finish(st, NULL, why, &second) < 0)
		return -1;
	return -1;
}

void starting_unlock_record(struct starting *st)
{
	fd_drop(&st->r.lock);
	st->r.lock = -1;
}

static void started(void *ctx)
{
	starting_started(ctx);
}

int starting_stay(struct starting *st, struct exit_status *out, struct err *e)
{
	struct monitor_args m = {
		.x = &st->x,
		.streams = st->terminal ? NULL : &st->streams,
		.log = st->log,
		.client = st->attach != NULL,
		.client_stdin = st->attach && st->attach->stdin_,
		.client_tty = st->attach && st->attach->tty,
		.control = st->control,
		.reopen_log = reopen_log,
		.started = started,
		.ctx = st,
		.control_stdin = st->has_stdin,
		.die_with_owner = st->die_with_owner,
	};
	char oom_before[OOM_SCORE_SIZE] = "";
	int rc;

	st->control->once = st->stdin_once;
	if (!st->attach) /* a monitor; its container was started before, and is not protected */
		monitor_protect(oom_before);
	rc = monitor_run(&m, out, e);
	monitor_unprotect(oom_before);
	if (rc < 0)
		return -1;
	ctr_log_close(st->log);
	st->log = NULL;
	return finish(st, out, NULL, e);
}
