/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/apparmor.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/run.h"

#define NAME "caddis-default"
#define PROFILES "/sys/kernel/security/apparmor/profiles"
#define PARSER "apparmor_parser"
#define PARSER_TIMEOUT INT64_C(30000000000) /* ns */

enum { PROFILE_DEFAULT, PROFILE_UNCONFINED, PROFILE_LOCALHOST };

/*
 * What a container has the capabilities for, but for mounts, and for files of the kernel through
 * which the host is reached. Signals and ptrace stay among containers; what is outside may look and
 * signal.
 */
static const char profile[] =
	"profile " NAME " flags=(attach_disconnected, mediate_deleted) {\n"
	"  capability,\n"
	"  network,\n"
	"  file,\n"
	"  umount,\n"
	"  signal receive,\n"
	"  signal send peer=" NAME ",\n"
	"  ptrace (tracedby, readby),\n"
	"  ptrace (trace, read) peer=" NAME ",\n"
	"  deny /proc/{sysrq-trigger,kcore,kmem,mem} rwklx,\n"
	"  deny /proc/sys/kernel/{core_pattern,core_pipe_limit,hotplug,modprobe} w,\n"
	"  deny /proc/sys/kernel/usermodehelper/** w,\n"
	"  deny /proc/sys/fs/binfmt_misc/** w,\n"
	"  deny /sys/firmware/** rwklx,\n"
	"  deny /sys/kernel/{debug,security,tracing}/** rwklx,\n"
	"}\n";

bool apparmor_on(void)
{
	own(buf) struct buf b = { 0 };
	struct err ignored;

	return file_load_kernel(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", &b,
				&ignored) == 0 &&
	       b.s && b.s[0] == 'Y';
}

/* "NAME (enforce)", one a line; 1: it is there. */
static int is_loaded(const char *name, struct err *e)
{
	own(buf) struct buf b = { 0 };
	own(strv) struct strv lines = { 0 };
	own(str) char *start = str_fmt("%s (", name);

	if (file_load_kernel(AT_FDCWD, PROFILES, &b, e) < 0)
		return -1;
	strv_split(&lines, b.s ? b.s : "", '\n');
	for (size_t i = 0; i < lines.n; i++)
		if (str_starts(lines.v[i], start))
			return 1;
	return 0;
}

/* cron's $PATH has no sbin. */
static int run_parser(struct err *e)
{
	char usr[] = "/usr/sbin/" PARSER, sbin[] = "/sbin/" PARSER, path[] = PARSER,
	     flags[] = "-Kr";
	char env[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";
	char *const programs[] = { usr, sbin, path }, *const envp[] = { env, NULL };
	int rc = -1;

	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		char *const argv[] = { programs[i], flags, NULL };
		struct run r = { .argv = argv,
				 .envp = envp,
				 .input = profile,
				 .input_len = sizeof(profile) - 1,
				 .output_max = 65536,
				 .timeout = PARSER_TIMEOUT };

		rc = run_program(&r, e);
		buf_free(&r.output);
		if (rc == 0 && r.status != 0)
			return err_set(e, ERR_FAIL, "%s ended with status %d", programs[i],
				       r.status);
		if (rc == 0 || e->kind != ERR_NOT_FOUND)
			break;
	}
	return rc;
}

static int load_default(struct err *e)
{
	int rc = is_loaded(NAME, e);

	if (rc > 0)
		return 0;
	return rc < 0 || run_parser(e) < 0 ? err_in(e, "load AppArmor profile %s", NAME) : 0;
}

static int use_default(bool asked, struct oci_spec *spec, struct err *e)
{
	if (load_default(e) < 0) {
		if (e->kind == ERR_NOT_FOUND && !asked)
			return 0;
		return e->kind == ERR_NOT_FOUND ? err_hint(e, "install the package apparmor") : -1;
	}
	str_set(&spec->process.apparmor_profile, NAME);
	return 0;
}

static int use_local(const char *name, struct oci_spec *spec, struct err *e)
{
	static const char prefix[] = "localhost/";
	int rc;

	if (!str_some(name))
		return err_set(e, ERR_USAGE, "apparmor: Localhost needs the name of a profile");
	if (str_starts(name, prefix))
		name += strlen(prefix);
	if (!apparmor_on())
		return err_set(e, ERR_USAGE,
			       "AppArmor profile '%.80s': AppArmor is not enabled on this host",
			       name);
	rc = is_loaded(name, e);
	if (rc == 0) {
		err_set(e, ERR_NOT_FOUND, "AppArmor profile '%.80s' is not loaded", name);
		return err_hint(e, "load it with " PARSER);
	}
	if (rc > 0)
		str_set(&spec->process.apparmor_profile, name);
	return rc < 0 ? -1 : 0;
}

int apparmor_choose(const struct cri_profile *p, struct oci_spec *spec, struct err *e)
{
	if (p && p->profile_type == PROFILE_LOCALHOST)
		return use_local(p->localhost_ref, spec, e);
	if ((p && p->profile_type == PROFILE_UNCONFINED) || !apparmor_on())
		return 0;
	return use_default(p, spec, e);
}

int apparmor_load(const struct oci_spec *spec, struct err *e)
{
	return str_eq(spec->process.apparmor_profile, NAME) ? load_default(e) : 0;
}
