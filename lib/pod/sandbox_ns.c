/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/sandbox_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/proc.h"
#include "executor/cgroup.h"
#include "executor/executor.h"
#include "executor/idmap.h"
#include "executor/sysctl.h"
#include "pod/userns.h"

#define INIT_FILE "init"
#define INIT_USER 65535 /* of no other use on a host */
#define DEATH_MS 10000	/* what SIGKILL may take before we say so */

/* STATE/sandboxes/<id>/init */
struct init_record {
	int64_t pid, start;
	char *boot_id;
};
static const struct field init_fields[] = {
	FIELD(struct init_record, pid, FIELD_INT),
	FIELD(struct init_record, start, FIELD_INT),
	FIELD(struct init_record, boot_id, FIELD_STR),
};
static FIELD_TABLE(init_table, "sandbox init", struct init_record, FIELDS_STRICT, init_fields);

static const struct cri_namespace_options *options_of(const struct cri_sandbox_config *c)
{
	return &c->linux_.security_context.namespace_options;
}

unsigned sandbox_ns_flags(const struct cri_sandbox_config *c)
{
	const struct cri_namespace_options *ns = options_of(c);
	unsigned flags = 0;

	if (ns->network != CRI_NS_NODE)
		flags |= CLONE_NEWNET |
			 CLONE_NEWUTS; /* the host's network goes with the host's name */
	if (ns->ipc != CRI_NS_NODE)
		flags |= CLONE_NEWIPC;
	if (ns->pid == CRI_NS_POD)
		flags |= CLONE_NEWPID;
	if (userns_wanted(ns))
		flags |= CLONE_NEWUSER;
	return flags;
}

int sandbox_ns_check(const struct cri_sandbox_config *c, struct err *e)
{
	const struct cri_namespace_options *ns = options_of(c);
	const struct strmap *sysctls = &c->linux_.sysctls;

	for (size_t i = 0; i < sysctls->n; i++)
		if (sysctl_check(sysctls->v[i].key, sysctls->v[i].value ? sysctls->v[i].value : "",
				 sandbox_ns_flags(c), e) < 0)
			return -1;
	if (ns->pid == CRI_NS_TARGET)
		return err_set(e, ERR_USAGE,
			       "pid namespace TARGET: only a container can join another's");
	if ((ns->ipc != CRI_NS_POD && ns->ipc != CRI_NS_NODE) ||
	    (ns->network != CRI_NS_POD && ns->network != CRI_NS_NODE))
		return err_set(e, ERR_USAGE,
			       "namespaces: network and ipc of a sandbox are POD or NODE");
	return userns_check(ns, e);
}

static int run_dir_open(const struct store *s, const char *id)
{
	own(str) char *path = str_fmt("%s/sandboxes/%s", s->state_path, id);

	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct making {
	int run; /* STATE/sandboxes/<id> */
};

static int record_init(void *arg, const struct proc_id *init, struct err *e)
{
	const struct making *m = arg;
	const char *boot = proc_boot_id(e);
	struct init_record r = { .pid = init->pid, .start = (int64_t)init->start };
	int rc;

	if (!boot)
		return -1;
	r.boot_id = xstrdup(boot);
	rc = fields_save(&init_table, m->run, INIT_FILE, &r, false, e);
	fields_free(&init_table, &r);
	return rc;
}

/* CRI: "UID to run sandbox processes as, when applicable". */
static struct oci_user init_user(const struct cri_sandbox_security *sec)
{
	struct oci_user u = { .uid = INIT_USER, .gid = INIT_USER };
	const struct cri_userns *ns = sec->namespace_options.userns_options;

	if (userns_wanted(&sec->namespace_options) &&
	    (idmap_to_host(&ns->uids, INIT_USER) < 0 || idmap_to_host(&ns->gids, INIT_USER) < 0))
		u = (struct oci_user){ 0 }; /* a small map: its root, who is nobody on the host */
	if (sec->run_as_user)
		u.uid = u.gid = sec->run_as_user->value;
	if (sec->run_as_group)
		u.gid = sec->run_as_group->value;
	return u;
}

static int pin(struct making *m, int dir, const char *path, const char *cgroup,
	       const struct cri_sandbox_config *c, struct err *e)
{
	struct oci_user user = init_user(&c->linux_.security_context);
	const struct cri_userns *userns = options_of(c)->userns_options;
	struct oci_resources none = { 0 };
	struct ns_pin_args a = {
		.dir = dir,
		.dir_path = path,
		.flags = sandbox_ns_flags(c),
		.hostname = c->hostname,
		.uid_map = userns ? &userns->uids : NULL,
		.gid_map = userns ? &userns->gids : NULL,
		.cgroup = cgroup,
		.user = &user,
		.record = record_init,
		.arg = m,
	};

	if (!a.flags)
		return 0;
	if (a.flags & CLONE_NEWPID && cgroup_create(cgroup, &none, e) < 0)
		return -1;
	return ns_pin(&a, e);
}

int sandbox_ns_create(struct store *s, const char *id, const struct sandbox_record *rec,
		      struct err *e)
{
	own(fd) int run = record_run_dir(s, RECORD_SANDBOX, id, true, e);
	own(str) char *path = sandbox_ns_path(s, id, NULL);
	own(str) char *group = sandbox_cgroup(rec, id);
	own(str) char *init_group = str_fmt("%s/init", group);
	struct making m = { .run = run };
	own(fd) int ns = -1;

	if (run < 0)
		return -1;
	if (mkdirat(run, "ns", 0700) < 0)
		return err_sys(e, "%s", path);
	ns = openat(run, "ns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ns < 0)
		return err_sys(e, "%s", path);
	if (pin(&m, ns, path, init_group, &rec->config, e) < 0)
		return err_in(e, "sandbox %.12s", id);
	close(fd_steal(&ns));
	/* The directory again: what the pins are mounted on lies over the first one. */
	ns = openat(run, "ns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ns < 0 ? err_sys(e, "%s", path)
		      : sysctl_set_pinned(ns, &rec->config.linux_.sysctls, e);
}

int sandbox_ns_init(const struct store *s, const char *id, struct proc_id *out, struct err *e)
{
	own(fd) int run = run_dir_open(s, id);
	struct init_record r = { 0 };
	const char *boot = proc_boot_id(e);
	int rc = 0;

	if (!boot)
		return -1;
	if (run < 0)
		return err_sys(e, "sandbox %.12s", id);
	if (fields_load(&init_table, run, INIT_FILE, &r, e) < 0)
		return -1;
	*out = (struct proc_id){ .pid = (pid_t)r.pid, .start = (uint64_t)r.start };
	if (!str_eq(r.boot_id, boot))
		rc = err_set(e, ERR_NOT_FOUND, "its first process was of another boot");
	fields_free(&init_table, &r);
	return rc;
}

static int end_init(struct store *s, const char *id, struct err *e)
{
	struct proc_id init;
	own(fd) int pidfd = -1;
	struct pollfd p = { .events = POLLIN };

	/* A damaged file must not keep the sandbox: its cgroup's end will be that process's too. */
	if (sandbox_ns_init(s, id, &init, e) < 0)
		return 0;
	pidfd = proc_open(&init);
	if (pidfd < 0)
		return errno == ESRCH ? 0 : err_sys(e, "look at its first process");
	proc_pidfd_signal(pidfd, SIGKILL);
	p.fd = pidfd;
	if (poll(&p, 1, DEATH_MS) == 0)
		return err_set(e, ERR_BUSY, "its first process does not end, not even by SIGKILL");
	return 0;
}

int sandbox_ns_drop(struct store *s, const char *id, struct err *e)
{
	own(str) char *path = sandbox_ns_path(s, id, NULL);

	if (end_init(s, id, e) < 0)
		return err_in(e, "sandbox %.12s", id);
	return ns_unpin(path, e);
}

bool sandbox_ns_ready(const struct store *s, const char *id, const struct cri_sandbox_config *c)
{
	/* The pins are mounted as one, and a directory of another boot is gone. */
	unsigned flags = sandbox_ns_flags(c);
	own(str) char *path = sandbox_ns_path(s, id, NULL);
	own(fd) int ns = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct proc_id init;
	struct err ignored;

	if (ns < 0)
		return false;
	if (flags & (CLONE_NEWNET | CLONE_NEWIPC) &&
	    !ns_pinned(ns, flags & CLONE_NEWNET ? "net" : "ipc"))
		return false;
	return !(flags & CLONE_NEWPID) ||
	       (sandbox_ns_init(s, id, &init, &ignored) == 0 && proc_alive(&init));
}
