/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a bundle to a process that waits, or runs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "executor/cgroup.h"
#include "executor/executor.h"
#include "executor/rdt.h"
#include "monitor/client.h"
#include "oci/bundle.h"
#include "oci/late_hooks.h"
#include "oci/life.h"
#include "oci/notify.h"
#include "oci/socket.h"

struct creation {
	struct oci_home *h;
	const struct oci_create_args *a;
	bool detached; /* it lives on without us */
	struct oci_bundle bundle;
	struct oci_entry entry;
	struct executor x;
	struct oci_listeners to;
};

static void creation_free(struct creation *c)
{
	oci_bundle_close(&c->bundle);
	oci_entry_close(&c->entry);
	executor_close(&c->x);
	oci_listeners_close(&c->to);
}
OWNED_STRUCT(creation, struct creation, creation_free)

static struct creation creation_new(struct oci_home *h, const struct oci_create_args *a,
				    bool detached)
{
	return (struct creation){ .h = h,
				  .a = a,
				  .detached = detached,
				  .bundle = OCI_BUNDLE_NONE,
				  .entry = OCI_ENTRY_NONE,
				  .x = EXECUTOR_NONE,
				  .to = OCI_LISTENERS_NONE };
}

/* The record, before anything that it owns. */
static int record(struct creation *c, struct err *e)
{
	struct oci_record *r = &c->entry.rec;
	const struct oci_spec *s = &c->bundle.spec;

	r->bundle = xstrdup(c->bundle.path);
	r->rootfs = xstrdup(s->root.path);
	r->oci_version = xstrdup(s->oci_version);
	strmap_copy(&r->annotations, &s->annotations);
	r->created = clock_now();
	r->owner = geteuid();
	r->late_hooks = s->hooks.poststart.n + s->hooks.poststop.n > 0;
	if (s->linux_.intel_rdt)
		r->rdt = rdt_made(s->linux_.intel_rdt, r->id);
	r->boot_id = xstrdup(proc_boot_id(e));
	if (!r->boot_id)
		return -1;
	if (!c->a->no_cgroup) {
		r->cgroup = oci_cgroup_path(s, r->id, e);
		if (!r->cgroup)
			return -1;
		r->cgroup_top = cgroup_first_missing(r->cgroup);
	}
	if (oci_bundle_copy(&c->bundle, c->entry.dir, e) < 0)
		return -1;
	return oci_entry_save(&c->entry, e);
}

/* One with processes in it is somebody else's, and must not go with our record. */
static int make_cgroup(struct creation *c, struct err *e)
{
	struct oci_record *r = &c->entry.rec;

	if (!r->cgroup || cgroup_create(r->cgroup, &c->bundle.spec.linux_.resources, e) == 0)
		return 0;
	if (e->kind == ERR_EXISTS)
		str_set(&r->cgroup, NULL);
	if (e->sys == EACCES || e->sys == EPERM)
		return err_hint(e, "where none may be made, --cgroup-manager disabled makes none");
	return -1;
}

static int make_process(struct creation *c, struct err *e)
{
	const struct oci_process *p = &c->bundle.spec.process;
	own(str) char *user = NULL;
	struct executor_args x = {
		.spec = &c->bundle.spec,
		.id = c->a->id,
		.bundle = c->bundle.path,
		.stdio = { 0, 1, 2 },
		.seccomp_cache = -1,
		.strict_groups = true,
		.die_with_parent = !c->detached,
		.no_pivot = c->a->no_pivot,
		.no_keyring = c->a->no_keyring,
		.preserve = c->a->preserve,
		.cgroup = c->entry.rec.cgroup,
	};

	/* So that it gets a HOME, which the specification leaves to us. */
	user = oci_user_for_home(p);
	x.user = user;
	if (make_cgroup(c, e) < 0)
		return -1;
	if (executor_create(&x, &c->x, e) < 0)
		return -1;
	c->entry.rec.pid = c->x.id.pid;
	c->entry.rec.start = (int64_t)c->x.id.start;
	return 0;
}

static int tell(struct creation *c, struct err *e)
{
	if (c->a->pid_file && oci_pid_file(c->a->pid_file, c->x.id.pid, e) < 0)
		return -1;
	return oci_listeners_tell(&c->to, &c->x, e);
}

/* sd_listen_fds(3): the numbers are as here, the pid is the container's first. */
static void add_listen_fds(struct creation *c)
{
	struct strv *env = &c->bundle.spec.process.env;
	own(str) char *count = str_fmt("LISTEN_FDS=%u", c->a->listen);

	if (c->a->listen == 0)
		return;
	strv_set_assignment(env, count);
	strv_set_assignment(env, "LISTEN_PID=1");
}

/* Its process waits, and ends with us. */
static int prepare(struct creation *c, struct err *e)
{
	const struct oci_create_args *a = c->a;

	if (oci_bundle_open(a->bundle, a->config, &c->bundle, e) < 0 ||
	    oci_listeners_open(&c->to, a->console_socket, a->pidfd_socket,
			       c->bundle.spec.process.terminal, c->detached, e) < 0)
		return -1;
	for (size_t i = 0; i < c->bundle.warnings.n; i++)
		strv_add(&c->h->warnings, c->bundle.warnings.v[i]);
	if (c->bundle.spec.process.terminal && !a->console_socket)
		client_terminal_size(&c->bundle.spec.process.console_size);
	oci_add_devices(&c->bundle.spec);
	if (oci_entry_begin(c->h, c->a->id, &c->entry, e) < 0)
		return -1;
	add_listen_fds(c);
	if (record(c, e) < 0 ||
	    oci_notify_prepare(c->h, &c->entry, &c->bundle.spec, a->notify, e) < 0)
		return -1;
	return make_process(c, e) < 0 ? -1 : tell(c, e);
}

/* The state is still locked, so nobody has done anything with it. */
static int undo(struct creation *c, struct err *e)
{
	struct err second;

	if (c->x.pidfd >= 0) {
		(void)proc_pidfd_signal(c->x.pidfd, SIGKILL);
		(void)proc_wait(c->x.id.pid);
	}
	if (c->entry.dir >= 0) {
		if (oci_entry_remove(c->h, &c->entry, &second) < 0)
			err_hint(e, "moreover: %s", second.msg);
		oci_poststop(c->h, c->a->id, c->bundle.path, &c->bundle.spec);
	}
	if (c->a->pid_file && c->x.pidfd >= 0)
		(void)unlink(c->a->pid_file);
	return -1;
}

static int set_made(struct creation *c, struct err *e)
{
	c->entry.rec.made = true;
	return oci_entry_save(&c->entry, e);
}

int oci_create(struct oci_home *h, const struct oci_create_args *a, struct err *e)
{
	own(creation) struct creation c = creation_new(h, a, true);

	/* Whose process it is must be known before it can outlive us. */
	if (prepare(&c, e) < 0 || oci_entry_save(&c.entry, e) < 0 ||
	    executor_leave(&c.x, c.entry.dir, OCI_START, e) < 0 || set_made(&c, e) < 0)
		return undo(&c, e);
	return 0;
}

int oci_run_detached(struct oci_home *h, const struct oci_create_args *a, struct err *e)
{
	own(creation) struct creation c = creation_new(h, a, true);
	own(fd) int sock = -1;

	if (prepare(&c, e) < 0 || set_made(&c, e) < 0 ||
	    oci_notify_listen(&c.entry, a->notify, &sock, e) < 0 || executor_start(&c.x, e) < 0 ||
	    oci_poststart(&c.entry, &c.bundle.spec, e) < 0)
		return undo(&c, e);
	fd_drop(&c.entry.lock);
	c.entry.lock = -1;
	return sock < 0 ? 0 : oci_notify_wait(&c.entry, sock, a->notify, e);
}

int oci_run(struct oci_home *h, const struct oci_create_args *a, bool keep, struct exit_status *out,
	    struct err *e)
{
	own(creation) struct creation c = creation_new(h, a, false);
	struct monitor_args m = { .x = &c.x, .client = true };
	own(fd) int sock = -1;

	if (prepare(&c, e) < 0 || set_made(&c, e) < 0)
		return undo(&c, e);
	fd_drop(&c.entry.lock); /* others may look at it, kill it, execute in it */
	c.entry.lock = -1;
	m.client_stdin = c.x.console >= 0;
	m.client_tty = m.client_stdin && isatty(0);
	if (oci_notify_listen(&c.entry, a->notify, &sock, e) < 0 || executor_start(&c.x, e) < 0 ||
	    oci_poststart(&c.entry, &c.bundle.spec, e) < 0)
		return undo(&c, e);
	if (sock >= 0 && fork() == 0) /* beside us: the signals and the terminal are ours */
		_exit(oci_notify_wait(&c.entry, sock, a->notify, e) < 0);
	if (monitor_run(&m, out, e) < 0)
		return undo(&c, e);
	return keep ? 0 : oci_entry_finish(h, &c.entry, &c.bundle.spec, e);
}
