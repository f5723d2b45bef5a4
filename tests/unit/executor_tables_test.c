/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/mount.h>
#include <sched.h>

#include "executor/caps.h"
#include "executor/cgroup_ops.h"
#include "executor/mount_opt.h"
#include "executor/sysctl.h"
#include "unit.h"

static struct mount_opts parsed(const char *text)
{
	struct strv l = { 0 };
	struct mount_opts o;
	struct err e;

	strv_split(&l, text, ',');
	ok(mount_opts_parse(&l, &o, &e) == 0, "%s: %s", text, e.msg);
	strv_free(&l);
	return o;
}

TEST(later_mount_options_win_over_earlier_ones)
{
	struct mount_opts o = parsed("ro,nosuid,rw,noatime,relatime");

	same_int(o.set & MOUNT_ATTR_RDONLY, 0);
	same_int(o.clear & MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY);
	same_int(o.set & MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSUID);
	same_int(o.set & MOUNT_ATTR__ATIME, MOUNT_ATTR_RELATIME);
	mount_opts_free(&o);
}

TEST(a_change_of_atime_clears_the_whole_field_as_the_kernel_demands)
{
	struct mount_opts o = parsed("noatime");

	same_int(o.set & MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME);
	same_int(o.clear & MOUNT_ATTR__ATIME, MOUNT_ATTR__ATIME);
	mount_opts_free(&o);
}

TEST(unknown_mount_options_go_to_the_file_system)
{
	struct mount_opts o = parsed("size=64k,mode=1777,nosuid");

	same_int(o.data.n, 2);
	same_str(o.data.v[0], "size=64k");
	same_str(o.data.v[1], "mode=1777");
	mount_opts_free(&o);
}

TEST(rbind_is_recursive_and_bind_is_not)
{
	struct mount_opts a = parsed("rbind,rro"), b = parsed("bind,rslave");

	ok(a.bind && a.recursive, "rbind");
	same_int(a.rset, MOUNT_ATTR_RDONLY);
	ok(b.bind && !b.recursive, "bind");
	same_int(b.propagation, MS_SLAVE);
	ok(b.propagation_below, "rslave");
	mount_opts_free(&a);
	mount_opts_free(&b);
}

TEST(an_id_mapped_mount_is_refused_and_not_made_without_the_map)
{
	struct strv l = { 0 };
	struct mount_opts o;
	struct err e;

	strv_split(&l, "bind,idmap", ',');
	ok(mount_opts_parse(&l, &o, &e) < 0, "taken");
	same_int(e.kind, ERR_USAGE);
	strv_free(&l);
}

TEST(capabilities_have_the_kernels_numbers)
{
	/* From include/uapi/linux/capability.h. */
	same_int(cap_number("CAP_CHOWN"), 0);
	same_int(cap_number("CAP_SYS_ADMIN"), 21);
	same_int(cap_number("sys_resource"), 24);
	same_int(cap_number("CAP_AUDIT_WRITE"), 29);
	same_int(cap_number("CAP_CHECKPOINT_RESTORE"), 40);
	same_int(cap_number("CAP_NO_SUCH"), -1);
	same_int(cap_number(""), -1);
	same_int(cap_number("CAP_"), -1);
}

TEST(an_unknown_capability_is_an_error_that_names_it)
{
	struct oci_caps c = { 0 };
	struct caps out;
	struct err e;

	strv_add(&c.bounding, "CAP_FLY");
	ok(caps_read(&c, &out, &e) < 0, "taken");
	ok(strstr(e.msg, "CAP_FLY") != NULL, "%s", e.msg);
	strv_free(&c.bounding);
}

TEST(no_capabilities_in_the_spec_means_none_at_all)
{
	struct caps out = { 1, 1, 1, 1 };
	struct err e;

	same_int(caps_read(NULL, &out, &e), 0);
	ok(!out.bounding && !out.effective && !out.permitted && !out.ambient, "some were left");
}

TEST(cpu_shares_become_weights_at_both_ends_of_the_scale)
{
	same_int(cgroup_shares_to_weight(0), 0);
	same_int(cgroup_shares_to_weight(1), 1);
	same_int(cgroup_shares_to_weight(2), 1);
	same_int(cgroup_shares_to_weight(1024), 39);
	same_int(cgroup_shares_to_weight(262144), 10000);
	same_int(cgroup_shares_to_weight(1000000), 10000);
}

TEST(swap_of_v2_is_memory_and_swap_less_memory)
{
	same_int(cgroup_swap_alone(100, 300), 200);
	same_int(cgroup_swap_alone(100, 100), 0);
	same_int(cgroup_swap_alone(100, -1), -1);
	same_int(cgroup_swap_alone(-1, -1), -1);
	same_int(cgroup_swap_alone(300, 100), -2);
	same_int(cgroup_swap_alone(-1, 100), -2);
}

TEST(cgroup_paths_that_lead_elsewhere_are_refused)
{
	static const char *const bad[] = { "",		 "/",	"a",	  "/a/../b",	     "/..",
					   "/a//b",	 "/a/", "/a/./b", "/a/cgroup.procs", "../a",
					   "/../../etc", NULL };
	struct err e;

	for (size_t i = 0; bad[i]; i++)
		ok(cgroup_check_path(bad[i], &e) < 0, "\"%s\" was taken", bad[i]);
	ok(cgroup_check_path(NULL, &e) < 0, "NULL was taken");
	same_int(cgroup_check_path("/caddis/web/c1", &e), 0);
	same_int(cgroup_check_path("/a..b/.c", &e), 0);
}

// clang-format off
static const struct {
	const char *key, *value;
	bool good;
} sysctls[] = {
	{ "net.ipv4.ip_forward",          "1",  true },
	{ "kernel.shm_rmid_forced",       "1",  true },
	{ "fs.mqueue.msg_max",            "10", true },
	{ "net.ipv4.ping_group_range",    "0\t1", true },
	{ "kernel.core_pattern",          "x",  false },
	{ "kernel.shm_rmid_forcedx",      "1",  false },
	{ "kernel/core_pattern",          "x",  false },
	{ "net.ipv4/../../kernel.core_pattern", "x", false },
	{ "net..ipv4",                    "1",  false },
	{ ".net.ipv4.ip_forward",         "1",  false },
	{ "net%2fipv4",                   "1",  false },
	{ "net.ipv4.ip_forward\n",        "1",  false },
	{ "net.ipv4.ip_forward",          "1\nkernel.core_pattern=x", false },
	{ "vm.overcommit_memory",         "1",  false },
	{ "",                             "1",  false },
};
// clang-format on

TEST(only_sysctls_of_the_containers_own_namespaces_are_taken)
{
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(sysctls); i++)
		ok((sysctl_check(sysctls[i].key, sysctls[i].value, CLONE_NEWNET | CLONE_NEWIPC,
				 &e) == 0) == sysctls[i].good,
		   "%s", sysctls[i].key);
	ok(sysctl_check("net.ipv4.ip_forward", "1", CLONE_NEWIPC, &e) < 0,
	   "with the host's network");
	ok(sysctl_check("kernel.sem", "1", CLONE_NEWNET, &e) < 0, "with the host's IPC");
}

int main(void)
{
	return unit_run();
}
