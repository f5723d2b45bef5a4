/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a spec asks of the machine that it may not have: told before anything is made. */
#include "executor/init.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "executor/rdt.h"

/* As libselinux and libapparmor find out. */
static bool selinux_on(void)
{
	struct stat st;

	return stat("/sys/fs/selinux/enforce", &st) == 0;
}

static bool apparmor_on(void)
{
	own(buf) struct buf text = { 0 };
	struct err ignored;

	return file_load_kernel(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", &text,
				&ignored) == 0 &&
	       text.s[0] == 'Y';
}

int host_check(struct init *in, struct err *e)
{
	const struct oci_process *p = in->process;
	const struct oci_linux *l = &in->spec->linux_;
	bool profile = str_some(p->apparmor_profile) && !str_eq(p->apparmor_profile, "unconfined");

	if (str_some(p->selinux_label) && !selinux_on())
		return err_set(e, ERR_FAIL, "process.selinuxLabel: SELinux is not on");
	if (str_some(l->mount_label) && !selinux_on())
		return err_set(e, ERR_FAIL, "linux.mountLabel: SELinux is not on");
	if (profile && !apparmor_on())
		return err_set(e, ERR_FAIL, "process.apparmorProfile: AppArmor is not on");
	if (!l->intel_rdt)
		return 0;
	in->resctrl = rdt_open(e);
	return in->resctrl < 0 ? -1 : 0;
}

int host_join(const struct init *in, pid_t pid, struct err *e)
{
	const struct oci_intel_rdt *r = in->spec->linux_.intel_rdt;

	/* exec: the kernel has it in its parent's class. */
	if (r && rdt_join(in->resctrl, r, in->id ? in->id : "", pid, e) < 0)
		return -1;
	return sched_parent(in, pid, e);
}
