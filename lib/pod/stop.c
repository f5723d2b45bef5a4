/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals, stopping, waiting, removing. No lock is held while a container takes its time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "executor/cgroup.h"
#include "pod/container.h"
#include "pod/event.h"
#include "pod/run_lock.h"
#include "pod/start.h"

#define DEATH_TIMEOUT (10 * NSEC_PER_SEC)

static int open_init(const struct container *c)
{
	struct proc_id init = { .pid = (pid_t)c->status.pid, .start = (uint64_t)c->status.start };

	return proc_open(&init);
}

static int not_running(const struct container *c, struct err *e)
{
	return err_set(e, ERR_STATE, "container %s is not running (%s)", container_name(c),
		       container_state_name[c->status.state]);
}

/* Frozen processes take no signal but, on v2, SIGKILL. */
static void thaw(const struct container *c)
{
	struct err ignored;

	if (container_paused(c))
		(void)cgroup_freeze(c->record.cgroup, false, &ignored);
}

int container_kill(struct store *s, const char *id, int sig, struct err *e)
{
	own(container) struct container c = { 0 };
	own(fd) int pidfd = -1;

	if (container_load(s, id, &c, e) < 0)
		return -1;
	if (c.status.state != CONTAINER_RUNNING)
		return not_running(&c, e);
	if (sig == SIGKILL || sig == c.record.stop_signal)
		run_stop_ask(s, id);
	pidfd = open_init(&c);
	if (pidfd < 0 || proc_pidfd_signal(pidfd, sig) < 0)
		return errno == ESRCH
			       ? not_running(&c, e)
			       : err_sys(e, "container %s: cannot signal it", container_name(&c));
	if (sig == SIGKILL)
		thaw(&c);
	return 0;
}

/* True when the process has ended by then. */
static bool ended_by(int pidfd, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };
		int64_t left = deadline - clock_monotonic();
		int ms = left <= 0 ? 0 : (int)MIN((left + 999999) / 1000000, 1000000);

		if (poll(&p, 1, ms) > 0)
			return true;
		if (left <= 0)
			return false;
	}
}

/* A container on its way to its end. */
struct stopping {
	struct container c;
	int pidfd;	  /* its init's; -1: there is none */
	int64_t deadline; /* when it is killed */
	struct err *result;
};

static void stopping_free(struct stopping *st)
{
	container_free(&st->c);
	fd_drop(&st->pidfd);
}
OWNED_STRUCT(stopping, struct stopping, stopping_free)

/* The signal is sent; nothing is waited for. */
static int stop_begin(struct store *s, const char *id, int64_t timeout_ns, struct stopping *st,
		      struct err *e)
{
	*st = (struct stopping){ .pidfd = -1, .result = e };
	if (container_load(s, id, &st->c, e) < 0)
		return -1;
	if (timeout_ns < 0)
		timeout_ns = (st->c.record.stop_timeout.set ? st->c.record.stop_timeout.v
							    : STOP_TIMEOUT_DEFAULT) *
			     NSEC_PER_SEC;
	/* One that does not run may be about to be started again. */
	if (st->c.status.state == CONTAINER_RUNNING || run_lock_held(s, id))
		run_stop_ask(s, id);
	if (st->c.status.state == CONTAINER_RUNNING)
		st->pidfd = open_init(&st->c);
	if (st->pidfd >= 0 && timeout_ns > 0) {
		proc_pidfd_signal(st->pidfd, (int)st->c.record.stop_signal);
		thaw(&st->c);
	}
	st->deadline = clock_monotonic() + timeout_ns;
	return 0;
}

/* Until it has ended, and its monitor has written down how. */
static int stop_end(struct store *s, struct stopping *st, struct err *e)
{
	if (st->pidfd >= 0 && !ended_by(st->pidfd, st->deadline)) {
		proc_pidfd_signal(st->pidfd, SIGKILL);
		thaw(&st->c);
		if (!ended_by(st->pidfd, clock_monotonic() + DEATH_TIMEOUT))
			return err_set(e, ERR_BUSY,
				       "container %s: it does not end, not even by SIGKILL",
				       container_name(&st->c));
	}
	return run_lock_wait(s, st->c.id, DEATH_TIMEOUT, e);
}

int container_stop(struct store *s, const char *id, int64_t timeout_ns, struct err *e)
{
	own(stopping) struct stopping st = { .pidfd = -1 };

	return stop_begin(s, id, timeout_ns, &st, e) < 0 ? -1 : stop_end(s, &st, e);
}

static int by_deadline(const void *a, const void *b)
{
	const struct stopping *x = a, *y = b;

	return x->deadline < y->deadline ? -1 : x->deadline > y->deadline;
}

size_t container_stop_all(struct store *s, const struct strv *ids, int64_t timeout_ns,
			  struct err *each)
{
	struct stopping *all = xcalloc(ids->n + 1, sizeof(*all));
	size_t n = 0, failed = 0;

	for (size_t i = 0; i < ids->n; i++) {
		each[i] = (struct err){ 0 };
		if (stop_begin(s, ids->v[i], timeout_ns, &all[n], &each[i]) == 0)
			n++;
		else
			failed++;
	}
	qsort(all, n, sizeof(*all), by_deadline);
	for (size_t i = 0; i < n; i++) {
		failed += stop_end(s, &all[i], all[i].result) < 0;
		stopping_free(&all[i]);
	}
	free(all);
	return failed;
}

int container_restart(struct store *s, const char *id, int64_t timeout_ns, struct err *e)
{
	own(container) struct container c = { 0 };

	if (container_load(s, id, &c, e) < 0)
		return -1;
	if (c.status.foreground && c.status.state == CONTAINER_RUNNING) {
		err_set(e, ERR_STATE, "container %s runs in the foreground of another command",
			container_name(&c));
		return err_hint(e, "stop it, then start it");
	}
	if (container_stop(s, id, timeout_ns, e) < 0)
		return -1;
	return container_start(s, id, NULL, true, e);
}

/* --- pause and resume --- */

bool container_paused(const struct container *c)
{
	return c->status.state == CONTAINER_RUNNING && cgroup_frozen(c->record.cgroup);
}

static int set_frozen(struct store *s, const char *id, bool frozen, struct err *e)
{
	own(container) struct container c = { 0 };
	struct err ignored;

	if (container_load(s, id, &c, e) < 0)
		return -1;
	if (c.status.state != CONTAINER_RUNNING)
		return not_running(&c, e);
	if (container_paused(&c) == frozen)
		return err_set(e, ERR_STATE, "container %s is %s", container_name(&c),
			       frozen ? "paused already" : "not paused");
	if (cgroup_freeze(c.record.cgroup, frozen, e) == 0) {
		container_event(s, frozen ? "paused" : "resumed", id, &c.record);
		return 0;
	}
	if (frozen) /* half of it is worse than none */
		(void)cgroup_freeze(c.record.cgroup, false, &ignored);
	return err_in(e, "container %s", container_name(&c));
}

int container_pause(struct store *s, const char *id, struct err *e)
{
	return set_frozen(s, id, true, e);
}

int container_resume(struct store *s, const char *id, struct err *e)
{
	return set_frozen(s, id, false, e);
}

/* --- waiting --- */

const char *const container_condition_name[] = { "exited", "running", "removed", NULL };

static bool is_met(const struct container *c, enum container_condition until)
{
	switch (until) {
	case CONTAINER_WAIT_EXITED:
		return c->status.state == CONTAINER_EXITED;
	case CONTAINER_WAIT_RUNNING:
		return c->status.state == CONTAINER_RUNNING;
	default:
		return false;
	}
}

/* Until something may have changed. */
static int wait_for_change(struct store *s, const struct container *c,
			   enum container_condition until, struct err *e)
{
	struct timespec nap = { .tv_nsec = 20000000 };

	/* The lock is freed by the end of the monitor, however it comes about. */
	if (c->status.state == CONTAINER_RUNNING && until != CONTAINER_WAIT_RUNNING &&
	    run_lock_held(s, c->id))
		return run_lock_wait(s, c->id, -1, e);
	nanosleep(&nap, NULL);
	return 0;
}

int container_wait(struct store *s, const char *id, enum container_condition until, int *code,
		   struct err *e)
{
	bool seen = false;

	*code = -1;
	for (;;) {
		own(container) struct container c = { 0 };

		if (container_load(s, id, &c, e) < 0) {
			/* Removed: nothing else to wait for, and no error if it was there. */
			return seen && e->kind == ERR_NOT_FOUND &&
					       (until == CONTAINER_WAIT_REMOVED || *code >= 0)
				       ? 0
				       : -1;
		}
		seen = true;
		if (c.status.state == CONTAINER_EXITED)
			*code = (int)c.status.exit_code;
		if (is_met(&c, until))
			return 0;
		if (wait_for_change(s, &c, until, e) < 0)
			return -1;
	}
}

int container_discard(struct store *s, const struct container *c, struct err *e)
{
	own(record) struct record r = RECORD_NONE;

	if (c->record.own_sandbox) {
		int rc = sandbox_remove(s, c->record.sandbox_id, e);

		if (rc == 0 || e->kind != ERR_NOT_FOUND)
			return rc;
	}
	if (record_open(s, RECORD_CONTAINER, c->id, true, &r, e) < 0)
		return -1;
	return record_discard(s, &r, e);
}

int container_remove(struct store *s, const char *id, bool force, struct err *e)
{
	own(container) struct container c = { 0 };

	if (container_load(s, id, &c, e) < 0)
		return -1;
	if (c.status.state == CONTAINER_RUNNING) {
		if (!force) {
			err_set(e, ERR_STATE, "container %s is running", container_name(&c));
			return err_hint(e, "stop it first, or remove it with -f");
		}
		if (container_stop(s, id, 0, e) < 0)
			return -1;
	} else if (run_lock_held(s, id)) {
		run_stop_ask(s, id); /* it waits for its next start */
	}
	return container_discard(s, &c, e);
}

static bool abandoned(struct store *s, const struct container *c)
{
	own(fd) int dir = -1;
	own(fd) int lock = -1;
	char path[ID_SIZE + 16];

	if (!c->record.auto_remove)
		return false;
	if (c->status.state == CONTAINER_EXITED)
		return !run_lock_held(s, c->id);
	if (c->status.state != CONTAINER_CREATED)
		return false;
	/* Who made it holds its lock until it runs. */
	snprintf(path, sizeof(path), "containers/%s", c->id);
	dir = openat(s->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	lock = dir < 0 ? -1 : lock_try(dir, "lock", LOCK_EXCLUSIVE);
	return lock >= 0;
}

void container_sweep(struct store *s)
{
	own(strv) struct strv ids = { 0 };
	struct err ignored;

	if (record_list(s, RECORD_CONTAINER, &ids, &ignored) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++) {
		own(container) struct container c = { 0 };

		if (container_load(s, ids.v[i], &c, &ignored) == 0 && abandoned(s, &c))
			container_remove(s, ids.v[i], false, &ignored);
	}
}
