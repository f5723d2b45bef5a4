/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "executor/idmap.h"

// clang-format off
static const struct {
	const char *name;
	int resource;
} rlimits[] = {
	{ "RLIMIT_AS",         RLIMIT_AS },
	{ "RLIMIT_CORE",       RLIMIT_CORE },
	{ "RLIMIT_CPU",        RLIMIT_CPU },
	{ "RLIMIT_DATA",       RLIMIT_DATA },
	{ "RLIMIT_FSIZE",      RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS",      RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK",    RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE",   RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE",       RLIMIT_NICE },
	{ "RLIMIT_NOFILE",     RLIMIT_NOFILE },
	{ "RLIMIT_NPROC",      RLIMIT_NPROC },
	{ "RLIMIT_RSS",        RLIMIT_RSS },
	{ "RLIMIT_RTPRIO",     RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME",     RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK",      RLIMIT_STACK },
};
// clang-format on

/*
 * The host's own /proc, before anything of the container is entered: the root of a proc file
 * system, and nothing mounted inside it, nor a link that leads out.
 */
static int host_proc_write(const char *file, const char *text, struct err *e)
{
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };
	own(fd) int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own(fd) int fd = -1;
	struct statfs fs;
	struct stat st;

	if (proc < 0)
		return err_sys(e, "open /proc");
	if (fstatfs(proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC || fstat(proc, &st) < 0 ||
	    st.st_ino != 1)
		return err_set(e, ERR_FAIL, "/proc is not a proc file system");
	fd = (int)syscall(SYS_openat2, proc, file, &how, sizeof(how));
	if (fd < 0)
		return err_sys(e, "open /proc/%s", file);
	return write(fd, text, strlen(text)) < 0 ? err_sys(e, "write /proc/%s", file) : 0;
}

static int label_write(const struct oci_process *p, struct err *e)
{
	own(str) char *text = NULL;

	if (str_some(p->apparmor_profile) && !str_eq(p->apparmor_profile, "unconfined")) {
		text = str_fmt("exec %s", p->apparmor_profile);
		if (host_proc_write("self/attr/apparmor/exec", text, e) < 0 &&
		    host_proc_write("self/attr/exec", text, e) < 0)
			return err_in(e, "apply AppArmor profile \"%s\"", p->apparmor_profile);
	}
	if (str_some(p->selinux_label) &&
	    host_proc_write("self/attr/exec", p->selinux_label, e) < 0)
		return err_in(e, "apply SELinux label \"%s\"", p->selinux_label);
	return 0;
}

int cred_host_proc(struct init *in, struct err *e)
{
	const struct oci_process *p = in->process;
	char text[24];

	if (p->oom_score_adj.set) {
		snprintf(text, sizeof(text), "%lld", (long long)p->oom_score_adj.v);
		if (host_proc_write("self/oom_score_adj", text, e) < 0) {
			err_in(e, "set oom_score_adj to %s", text);
			return e->sys == EACCES || e->sys == EPERM
				       ? err_hint(e, "lowering it needs CAP_SYS_RESOURCE")
				       : -1;
		}
	}
	return label_write(p, e);
}

static int rlimit_set(const struct oci_rlimit *r, struct err *e)
{
	struct rlimit v = { .rlim_cur = r->soft < 0 ? RLIM_INFINITY : (rlim_t)r->soft,
			    .rlim_max = r->hard < 0 ? RLIM_INFINITY : (rlim_t)r->hard };

	for (size_t i = 0; i < ARRAY_LEN(rlimits); i++) {
		if (!str_eq(rlimits[i].name, r->type))
			continue;
		if (syscall(SYS_prlimit64, 0, rlimits[i].resource, &v, NULL) == 0)
			return 0;
		err_sys(e, "set %s to %lld:%lld", r->type, (long long)r->soft, (long long)r->hard);
		return e->sys == EPERM ? err_hint(e, "raising a hard limit needs CAP_SYS_RESOURCE")
				       : -1;
	}
	return err_set(e, ERR_USAGE, "there is no limit \"%.32s\"", r->type ? r->type : "");
}

static int rlimits_set(const struct init *in, struct err *e)
{
	const struct oci_rlimit *r = in->process->rlimits.v;

	for (size_t i = 0; i < in->process->rlimits.n; i++)
		if (rlimit_set(&r[i], e) < 0)
			return -1;
	return 0;
}

int cred_rlimits(struct init *in, struct err *e)
{
	return in->ns.all & CLONE_NEWUSER ? 0 : rlimits_set(in, e);
}

/* Raising limits, and giving our pipes to the container's root, who may then give them to its user.
 */
int cred_userns(struct init *in, struct err *e)
{
	const struct oci_linux *l = &in->spec->linux_;
	int64_t uid = idmap_to_host(&l->uid_mappings, 0), gid = idmap_to_host(&l->gid_mappings, 0);
	struct stat st;

	if (!(in->ns.all & CLONE_NEWUSER))
		return 0;
	for (int i = 0; i < 3 && !in->process->terminal && uid >= 0 && gid >= 0; i++)
		if (fstat(in->stdio[i], &st) == 0 && S_ISFIFO(st.st_mode) && st.st_uid == 0 &&
		    fchown(in->stdio[i], (uid_t)uid, (gid_t)gid) < 0 && errno != EPERM)
			return err_sys(e, "give a standard stream to the container's root");
	return rlimits_set(in, e);
}

static void env_add_home(struct init *in, const char *home)
{
	const struct strv *env = &in->process->env;

	in->env = xcalloc(env->n + 2, sizeof(char *));
	for (size_t i = 0; i < env->n; i++)
		in->env[i] = env->v[i];
	if (home && !env_get(in->env, "HOME"))
		in->env[env->n] = str_fmt("HOME=%s", home);
}

int cred_user(struct init *in, struct err *e)
{
	const struct oci_user *u = &in->process->user;
	const struct oci_linux *l = &in->spec->linux_;
	own(str) char *home = NULL;

	in->ids = *u; /* the lists are only read, and the process is replaced or ends soon */
	if (in->user) {
		own(fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (root < 0)
			return err_sys(e, "open the root");
		in->ids.additional_gids = (struct intlist){ 0 };
		for (size_t i = 0; i < u->additional_gids.n; i++)
			intlist_add(&in->ids.additional_gids, u->additional_gids.v[i]);
		if (user_lookup(root, in->user, &in->ids, &home, e) < 0)
			return -1;
		if (in->strict_groups)
			in->ids.additional_gids = u->additional_gids;
	}
	if (in->ids.uid < 0 || in->ids.uid >= UINT32_MAX || in->ids.gid < 0 ||
	    in->ids.gid >= UINT32_MAX)
		return err_set(e, ERR_USAGE, "user %lld:%lld is out of range",
			       (long long)in->ids.uid, (long long)in->ids.gid);
	if (l->uid_mappings.n && (idmap_to_host(&l->uid_mappings, in->ids.uid) < 0 ||
				  idmap_to_host(&l->gid_mappings, in->ids.gid) < 0))
		return err_set(e, ERR_USAGE, "%lld:%lld is not in the map of its user namespace",
			       (long long)in->ids.uid, (long long)in->ids.gid);
	env_add_home(in, home);
	return 0;
}

/*
 * Whether the user namespace takes no groups from anybody (user_namespaces(7)), as one that
 * somebody without rights made: he could get rid of a group that is kept out of something. Nothing
 * is to be had there from a file that only pretends: the kernel has refused already.
 */
static bool groups_denied(void)
{
	own(fd) int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char text[5] = "";
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
	       read(fd, text, 4) == 4 && str_eq(text, "deny");
}

/* The primary group too: without it a program could shed it and with it what its group must not do.
 */
static int groups_set(const struct oci_user *u, struct err *e)
{
	size_t n = u->additional_gids.n;
	gid_t *list = xcalloc(n + 1, sizeof(*list));
	size_t used = 0;

	list[used++] = (gid_t)u->gid;
	for (size_t i = 0; i < n; i++) {
		int64_t g = u->additional_gids.v[i];

		if (g < 0 || g >= UINT32_MAX)
			return err_set(e, ERR_USAGE, "group %lld is out of range", (long long)g);
		if (g != u->gid)
			list[used++] = (gid_t)g;
	}
	if (syscall(SYS_setgroups, used, list) < 0) {
		err_sys(e, "set %zu groups", used);
		if (e->sys != EPERM || !groups_denied())
			return -1;
		if (used > 1)
			return err_hint(
				e, "this user namespace takes none: process.user.additionalGids "
				   "must be empty");
	}
	free(list);
	return 0;
}

/* So that the user can open /dev/stdout and the like again. */
static int stdio_give(struct init *in, struct err *e)
{
	struct stat st;

	if (in->slave >= 0)
		return fchown(in->slave, (uid_t)in->ids.uid, (gid_t)-1) < 0 && errno != EROFS
			       ? err_sys(e, "give the terminal to the user")
			       : 0;
	for (int i = 0; i < 3; i++) {
		if (in->ids.uid == 0 || fstat(in->stdio[i], &st) < 0 || !S_ISFIFO(st.st_mode))
			continue;
		if (fchown(in->stdio[i], (uid_t)in->ids.uid, (gid_t)-1) < 0 && errno != EPERM)
			return err_sys(e, "give a standard stream to the user");
	}
	return 0;
}

static int keyring_new(struct init *in, struct err *e)
{
	char name[64];

	if (in->no_keyring)
		return 0;
	snprintf(name, sizeof(name), "caddis.%.40s", in->join_pidfd < 0 ? in->id : "exec");
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) < 0 && errno != ENOSYS &&
	    errno != EPERM)
		return err_sys(e, "make a session keyring");
	return 0;
}

int cred_apply(struct init *in, struct err *e)
{
	const struct oci_user *u = &in->ids;
	bool no_new_privs = in->process->no_new_privileges;

	if (keyring_new(in, e) < 0 || stdio_give(in, e) < 0)
		return -1;
	if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	if (caps_bound(&in->caps, e) < 0 || groups_set(u, e) < 0)
		return -1;
	/* Without no_new_privs installing a filter needs CAP_SYS_ADMIN, which is about to go. */
	if (!no_new_privs && notify_install(in, e) < 0)
		return -1;
	if (syscall(SYS_setresgid, u->gid, u->gid, u->gid) < 0)
		return err_sys(e, "become group %lld", (long long)u->gid);
	if (syscall(SYS_setresuid, u->uid, u->uid, u->uid) < 0)
		return err_sys(e, "become user %lld", (long long)u->uid);
	umask(u->umask.set ? (mode_t)u->umask.v & 0777 : 0022);
	return caps_apply(&in->caps, (uid_t)u->uid, e);
}
