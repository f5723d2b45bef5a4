/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a container: in the foreground by the command itself, or by a monitor that stays. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "executor/cgroup.h"
#include "executor/executor.h"
#include "image/image.h"
#include "monitor/ctr_log.h"
#include "monitor/monitor.h"
#include "pod/container.h"
#include "pod/container_ns.h"
#include "pod/run_lock.h"

struct starting {
	struct store *s;
	struct record r; /* lock held until it runs */
	struct container c;
	struct oci_spec spec;
	struct streams streams;
	struct executor x;
	struct ctr_log *log;
	int run_dir, run_lock;
	struct record *held;		       /* whose lock the caller has already, or NULL */
	const struct container_attach *attach; /* NULL: detached */
	bool cgroup_made, terminal;
};

static void starting_free(struct starting *st)
{
	record_close(&st->r);
	container_free(&st->c);
	oci_spec_free(&st->spec);
	streams_close(&st->streams);
	executor_close(&st->x);
	ctr_log_close(st->log);
	fd_drop(&st->run_dir);
	fd_drop(&st->run_lock); /* last: whoever waits for it finds all the rest done */
}
OWNED_STRUCT(starting, struct starting, starting_free)

#define STARTING_NONE                                                                              \
	{                                                                                          \
		.r = RECORD_NONE, .streams = STREAMS_NONE, .x = EXECUTOR_NONE, .run_dir = -1,      \
		.run_lock = -1                                                                     \
	}

static int load(struct starting *st, const char *id, struct err *e)
{
	own(sandbox) struct sandbox sb = { 0 };

	if (st->held) {
		st->r = *st->held;
		*st->held = (struct record)RECORD_NONE;
	} else if (record_open(st->s, RECORD_CONTAINER, id, true, &st->r, e) < 0) {
		return -1;
	}
	if (container_load(st->s, id, &st->c, e) < 0)
		return -1;
	if (st->c.status.state != CONTAINER_CREATED)
		return err_set(e, ERR_STATE, "container %s was started before (it is %s)",
			       container_name(&st->c), container_state_name[st->c.status.state]);
	if (sandbox_load(st->s, st->c.record.sandbox_id, &sb, e) < 0)
		return -1;
	if (!sb.ready)
		return err_set(e, ERR_STATE, "container %s: its sandbox %.12s is not ready",
			       container_name(&st->c), sb.id);
	if (fields_load(&oci_spec_table, st->r.dir, "spec.json", &st->spec, e) < 0)
		return err_in(e, "container %s", container_name(&st->c));
	st->terminal = st->spec.process.terminal;
	return 0;
}

/* The log's directory is the host's; the log's own path below it is the user's and stays inside. */
static int open_log(struct starting *st, struct err *e)
{
	own(str) char *name = xstrdup(st->c.record.log_name);
	own(fd) int dir = open(st->c.record.log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(fd) int parent = -1;
	char *slash = strrchr(name, '/');
	int rc;

	if (dir < 0)
		return err_sys(e, "log directory %s", st->c.record.log_dir);
	if (slash) {
		*slash = '\0';
		parent = path_mkdirs_in(dir, name, 0755, e);
		if (parent < 0)
			return err_in(e, "log path %s", st->c.record.log_name);
	}
	rc = ctr_log_open(parent < 0 ? dir : parent, slash ? slash + 1 : name, &st->log, e);
	return rc < 0 ? err_in(e, "log %s/%s", st->c.record.log_dir, st->c.record.log_name) : 0;
}

static void set_console_size(struct starting *st)
{
	struct winsize ws;

	if (!st->attach || !st->attach->tty || ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) < 0)
		return;
	st->spec.process.console_size.height = ws.ws_row;
	st->spec.process.console_size.width = ws.ws_col;
}

static int open_streams(struct starting *st, struct err *e)
{
	if (st->spec.process.terminal) {
		set_console_size(st);
		return 0;
	}
	if (st->attach)
		return streams_pipes(st->attach->stdin_, &st->streams, e);
	return streams_fifos(st->run_dir, st->c.record.config.stdin_, &st->streams, e);
}

/* Opens layers, upper and work; the executor mounts them in the container's own mount namespace. */
static int create_process(struct starting *st, struct executor_args *a, int *lower, size_t n,
			  int *upper, int *work, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		lower[i] = image_layer_open(st->s, st->c.record.layers.v[i], e);
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
	return executor_create(a, &st->x, e);
}

static int create(struct starting *st, struct err *e)
{
	const struct cri_container_security *sec = &st->c.record.config.linux_.security_context;
	size_t n = st->c.record.layers.n;
	own(fd) int upper = -1;
	own(fd) int work = -1;
	own(fd) int target = -1;
	int *lower = NULL;
	struct executor_args a = {
		.spec = &st->spec,
		.id = st->c.id,
		.user = st->c.record.user,
		.default_seccomp =
			!sec->privileged && !(sec->seccomp && sec->seccomp->profile_type == 1),
		.die_with_parent = st->attach != NULL,
		.cgroup = st->c.record.cgroup,
	};
	int rc;

	if (container_ns_target(st->s, &st->c, &st->spec, &target, e) < 0)
		return -1;
	lower = xcalloc(n + 1, sizeof(*lower));
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
	return record_set_status(&st->r, &container_status_table, status, e);
}

static int begin(struct starting *st, const char *id, struct err *e)
{
	if (load(st, id, e) < 0)
		return -1;
	st->run_dir = record_run_dir(st->s, RECORD_CONTAINER, id, true, e);
	if (st->run_dir < 0)
		return -1;
	st->run_lock = run_lock_take(st->s, st->run_dir, id, e);
	if (st->run_lock < 0 || open_log(st, e) < 0 || open_streams(st, e) < 0)
		return -1;
	st->cgroup_made = true;
	if (cgroup_create(st->c.record.cgroup, &st->spec.linux_.resources, e) < 0 ||
	    create(st, e) < 0)
		return -1;
	return set_running(st, e);
}

/* Writes down how it ended; we hold the run lock. */
static int finish(struct starting *st, const struct exit_status *ended, const struct err *failed,
		  struct err *e)
{
	struct container_status *status = &st->c.status;
	struct cgroup_stats stats = { .oom_kills = -1 };
	struct err ignored;

	status->state = CONTAINER_EXITED;
	status->pid = status->start = 0;
	if (failed) {
		status->finished_at = clock_now();
		status->exit_code = err_exit_code_run(failed);
		str_set(&status->reason, "StartError");
		str_set(&status->message, failed->msg);
	} else {
		cgroup_stats(st->c.record.cgroup, &stats, &ignored);
		status->finished_at = ended->finished;
		status->exit_code = ended->code;
		status->oom_killed = stats.oom_kills > 0;
		str_set(&status->reason, !ended->known	      ? "Unknown"
					 : status->oom_killed ? "OOMKilled"
					 : ended->code	      ? "Error"
							      : "Completed");
	}
	if (st->cgroup_made)
		cgroup_delete(st->c.record.cgroup, &ignored);
	return record_set_status(&st->r, &container_status_table, status, e);
}

/* It never ran: say why in its record, unless it was not ours to start. */
static int start_failed(struct starting *st, const struct err *why)
{
	struct err second;

	if (st->run_lock >= 0 && finish(st, NULL, why, &second) < 0)
		return -1;
	return -1;
}

static void unlock_record(struct starting *st)
{
	fd_drop(&st->r.lock);
	st->r.lock = -1;
}

/* The loop, and the record of its end. */
static int stay(struct starting *st, struct exit_status *out, struct err *e)
{
	struct monitor_args m = {
		.x = &st->x,
		.streams = st->terminal ? NULL : &st->streams,
		.log = st->log,
		.client = st->attach != NULL,
		.client_stdin = st->attach && st->attach->stdin_,
		.client_tty = st->attach && st->attach->tty,
		.run_dir = st->attach ? -1 : st->run_dir,
		.oom_cgroup = -1,
	};

	if (monitor_run(&m, out, e) < 0)
		return -1;
	ctr_log_close(st->log);
	st->log = NULL;
	return finish(st, out, NULL, e);
}

static int run_attached(struct store *s, const char *id, struct record *held,
			const struct container_attach *attach, struct exit_status *out,
			struct err *e)
{
	own(starting) struct starting st = STARTING_NONE;

	st.s = s;
	st.held = held;
	st.attach = attach;
	if (begin(&st, id, e) < 0)
		return start_failed(&st, e);
	unlock_record(&st);
	/* monitor_run() lets the process go: its output must find the loop ready. */
	return stay(&st, out, e) < 0 ? start_failed(&st, e) : 0;
}

int container_run(struct store *s, const char *id, struct record *held,
		  const struct container_attach *a, struct exit_status *out, struct err *e)
{
	own(container) struct container c = { 0 };
	int rc = run_attached(s, id, held, a, out, e);
	struct err second;

	if (container_load(s, id, &c, &second) == 0 && c.record.auto_remove &&
	    container_remove(s, id, true, &second) < 0 && second.kind != ERR_NOT_FOUND && rc == 0) {
		*e = second;
		return -1;
	}
	return rc;
}

struct detached {
	struct store *s;
	const char *id;
	struct record *held;
};

/* A monitor stays for as long as its container: it keeps only what it needs for the end. */
static void forget(struct starting *st)
{
	char *cgroup = ptr_steal(st->c.record.cgroup);

	fields_free(&container_record_table, &st->c.record);
	oci_spec_free(&st->spec);
	st->c.record.cgroup = cgroup;
}

/* In the monitor. */
static int monitor_main(int ready_sock, void *arg)
{
	own(starting) struct starting st = STARTING_NONE;
	struct detached *d = arg;
	struct exit_status ended;
	bool auto_remove;
	struct err e;

	st.s = d->s;
	st.held = d->held;
	if (begin(&st, d->id, &e) < 0 || executor_start(&st.x, &e) < 0) {
		start_failed(&st, &e);
		monitor_failed(ready_sock, &e);
		return 1;
	}
	unlock_record(&st);
	auto_remove = st.c.record.auto_remove;
	forget(&st);
	monitor_ready(ready_sock);
	if (stay(&st, &ended, &e) < 0)
		return 1;
	if (auto_remove) {
		fd_drop(&st.run_lock);
		st.run_lock = -1;
		container_remove(d->s, d->id, true, &e);
	}
	return 0;
}

int container_start(struct store *s, const char *id, struct record *held, struct err *e)
{
	struct detached d = { .s = s, .id = id, .held = held };
	int rc = monitor_fork(monitor_main, &d, e);

	/* The monitor has the same lock by its own copies of the file descriptors. */
	if (held)
		record_close(held);
	return rc;
}
