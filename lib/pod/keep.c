/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor of a container in the background: starts it, stays, starts it again where its policy
 * says so; and takes over one whose monitor was killed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "pod/restart.h"
#include "pod/run_lock.h"
#include "pod/start.h"

struct detached {
	struct store *s;
	const char *id;
	struct container_made *held;
	const struct container_attach
		*attach;  /* of the command that starts it; NULL: nobody watches */
	int sock, theirs; /* both ends of its connection, or -1 */
	bool again;
};

/* One more run in the same monitor; -1 with why it could not be. */
static int run_again(struct starting *st, const char *id, struct err *e)
{
	int64_t count = st->c.status.restart_count + 1;

	starting_reset(st);
	st->again = true;
	st->stdin_once = false;
	st->restart_count = count;
	if (starting_begin(st, id, e) < 0)
		return -1;
	if (executor_start(&st->x, e) < 0)
		return -1;
	starting_started(st);
	starting_unlock_record(st);
	starting_forget(st);
	/* Who asked to stop it just now saw none to signal. */
	if (run_stop_asked(st->run_dir))
		(void)proc_pidfd_signal(st->x.pidfd, SIGKILL);
	return 0;
}

/* Until the container is not to be started any more. */
static int keep(struct starting *st, const char *id, struct exit_status *ended, struct err *e)
{
	int64_t delay = 0;

	for (;;) {
		if (starting_stay(st, ended, e) < 0)
			return -1;
		/* As it is now: an update may have changed it. */
		fields_free(&container_record_table, &st->c.record);
		if (fields_load(&container_record_table, st->r.dir, "config.json", &st->c.record,
				e) < 0)
			return -1;
		if (!restart_wanted(&st->c, ended->code) || !restart_pause(st, &delay))
			return 0;
		if (run_again(st, id, e) < 0)
			return starting_failed(st, e);
	}
}

static void end(struct starting *st, const char *id, const struct exit_status *ended)
{
	bool auto_remove = st->c.record.auto_remove;
	struct store *s = st->s;
	struct control *control = st->control;
	int run_dir = st->run_dir;
	struct err ignored;

	if (auto_remove) {
		fd_drop(&st->run_lock);
		st->run_lock = -1;
		container_remove(s, id, true, &ignored);
	}
	/* Who is attached hears of it when nothing is left to do. */
	control_close(control, run_dir, ended);
}

/* In the monitor, once the container runs. */
static int stay(struct starting *st, const char *id, int ready_sock)
{
	struct exit_status ended = { .code = 255 };
	struct err e;
	int rc;

	monitor_ready(ready_sock);
	rc = keep(st, id, &ended, &e);
	end(st, id, &ended);
	return rc < 0;
}

static int monitor_main(int ready_sock, void *arg)
{
	struct control control = CONTROL_NONE;
	own(starting) struct starting st = STARTING_NONE;
	struct detached *d = arg;
	struct err e;

	st.s = d->s;
	st.held = d->held;
	st.control = &control;
	st.again = d->again;
	if (d->attach) {
		close(d->theirs); /* so that its end is an end of file here */
		control_adopt(&control, d->sock, true);
		st.size = d->attach->size;
		st.die_with_owner = d->attach->owner;
		st.stdin_once = d->attach->stdin_;
	}
	if (starting_begin(&st, d->id, &e) < 0 || executor_start(&st.x, &e) < 0) {
		starting_failed(&st, &e);
		control_close(&control, st.run_dir, NULL);
		monitor_failed(ready_sock, &e);
		return 1;
	}
	starting_started(&st);
	starting_unlock_record(&st);
	starting_forget(&st);
	return stay(&st, d->id, ready_sock);
}

/* Without what is in it: a monitor that read that itself can forget it, a copy of ours it cannot.
 */
static void keep_record(struct container_made *held)
{
	struct record r;

	if (!held)
		return;
	r = held->r;
	held->r = (struct record)RECORD_NONE;
	container_made_free(held);
	held->r = r;
}

int container_start(struct store *s, const char *id, struct container_made *held, bool again,
		    struct err *e)
{
	struct detached d = { .s = s, .id = id, .held = held, .sock = -1, .again = again };
	int rc;

	keep_record(held);
	rc = monitor_fork(monitor_main, &d, e);
	/* The monitor has the same lock by its own copies of the file descriptors. */
	if (held)
		container_made_free(held);
	return rc;
}

int container_start_attached(struct store *s, const char *id, struct container_made *held,
			     const struct container_attach *a, struct exit_status *out,
			     struct err *e)
{
	struct detached d = { .s = s, .id = id, .held = held, .attach = a, .again = a->again };
	int p[2], rc;

	if (fd_socketpair(p, e) < 0)
		return -1;
	own(fd) int ours = p[0];

	d.sock = p[1];
	d.theirs = ours;
	keep_record(held);
	rc = monitor_fork(monitor_main, &d, e);
	close(p[1]);
	if (held)
		container_made_free(held);
	return rc < 0 ? -1 : container_stay_attached(s, id, fd_steal(&ours), a, out, e);
}

/* --- a container whose monitor was killed --- */

struct adoption {
	struct store *s;
	const char *id;
};

static int take_over(struct starting *st, const char *id, struct err *e)
{
	struct proc_id init;

	if (starting_lock(st, id, e) < 0 ||
	    record_open(st->s, RECORD_CONTAINER, id, false, &st->r, e) < 0 ||
	    container_load(st->s, id, &st->c, e) < 0)
		return -1;
	init = (struct proc_id){ .pid = (pid_t)st->c.status.pid,
				 .start = (uint64_t)st->c.status.start };
	if (st->c.status.state != CONTAINER_RUNNING || st->c.status.foreground)
		return err_set(e, ERR_STATE, "container %s needs no monitor",
			       container_name(&st->c));
	st->x.id = init;
	st->x.pidfd = proc_open(&init);
	if (st->x.pidfd < 0)
		return err_sys(e, "container %s: its process", container_name(&st->c));
	if (fields_load(&oci_spec_table, st->r.dir, "spec.json", &st->spec, e) < 0)
		return err_in(e, "container %s", container_name(&st->c));
	starting_know(st);
	st->cgroup_made = true;
	if (starting_open_log(st, e) < 0)
		return -1;
	/* A terminal is gone with the monitor that had its master; what reads from it has met a
	 * hang-up. */
	if (!st->terminal && starting_open_streams(st, e) < 0)
		return -1;
	streams_close_child(&st->streams);
	st->restart_count = st->c.status.restart_count;
	starting_forget(st);
	return 0;
}

static int adopt_main(int ready_sock, void *arg)
{
	struct control control = CONTROL_NONE;
	own(starting) struct starting st = STARTING_NONE;
	struct adoption *a = arg;
	struct err e;

	st.s = a->s;
	st.control = &control;
	if (take_over(&st, a->id, &e) < 0) {
		control_close(&control, st.run_lock < 0 ? -1 : st.run_dir, NULL);
		monitor_failed(ready_sock, &e);
		return 1;
	}
	return stay(&st, a->id, ready_sock);
}

int container_adopt(struct store *s, const char *id, struct err *e)
{
	struct adoption a = { .s = s, .id = id };

	return monitor_fork(adopt_main, &a, e);
}

/*
 * By a process of its own: the caller may be any command, with memory that a monitor shall not
 * keep, and has not gone where a container cannot reach it (executor_protect()), as whoever may
 * start it again must.
 */
void container_want_monitor(struct store *s, const char *id)
{
	const char *const words[] = { "caddis",	     "--root", s->root_path, "--state",
				      s->state_path, "ctr",    "adopt",	     id };
	own(strv) struct strv argv = { 0 };
	posix_spawn_file_actions_t files;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		strv_add(&argv, words[i]);
	posix_spawn_file_actions_init(&files);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
	if (posix_spawn(&pid, executor_program(), &files, NULL, argv.v, environ) == 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	posix_spawn_file_actions_destroy(&files);
}
