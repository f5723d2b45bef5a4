/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/mount.h>
#include <sched.h>

#include "executor/caps.h"
#include "executor/idmap.h"
#include "executor/cgroup_ops.h"
#include "executor/mount_opt.h"
#include "executor/sysctl.h"
#include "unit.h"

static struct mount_opts parsed(const char *text)
{
	struct strv l = { 0 };
	struct mount_opts o;

	strv_split(&l, text, ',');
	mount_opts_parse(&l, &o);
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

TEST(an_id_mapped_mount_is_told_from_one_with_all_below_it)
{
	struct strv one = { 0 }, all = { 0 };
	struct mount_opts a, b;

	strv_split(&one, "bind,idmap", ',');
	strv_split(&all, "rbind,ridmap", ',');
	mount_opts_parse(&one, &a);
	mount_opts_parse(&all, &b);
	ok(a.idmap && !a.ridmap, "idmap");
	ok(b.idmap && b.ridmap, "ridmap");
	strv_free(&one);
	strv_free(&all);
	mount_opts_free(&a);
	mount_opts_free(&b);
}

/* "0:5:1 1:9:2" */
static void map_parse(const char *text, struct objlist *map)
{
	own(strv) struct strv lines = { 0 };

	*map = (struct objlist){ 0 };
	strv_split(&lines, text, ' ');
	for (size_t i = 0; i < lines.n && *text; i++) {
		struct oci_id_mapping *m = objlist_add(map, &oci_id_mapping_table);
		long long c = 0, h = 0, n = 0;

		ok(sscanf(lines.v[i], "%lld:%lld:%lld", &c, &h, &n) == 3, "%s", lines.v[i]);
		*m = (struct oci_id_mapping){ .container_id = c, .host_id = h, .size = n };
	}
}

TEST(id_maps_that_the_kernel_would_refuse_are_refused_before)
{
	// clang-format off
	static const struct {
		const char *map;
		bool good;
	} maps[] = {
		{ "0:100000:65536", true },
		{ "0:5:1 1:100000:65535", true },
		{ "0:0:4294967295", true },
		{ "0:4294967294:1", true },
		{ "", false },
		{ "1:100000:65536", false },          /* no root */
		{ "0:100000:0", false },
		{ "0:100000:-1", false },
		{ "0:-1:5", false },
		{ "0:4294967295:1", false },
		{ "0:0:4294967296", false },
		{ "0:1:4294967295", false },
		{ "0:9223372036854775807:2", false }, /* the sum overflows */
		{ "0:100:10 9:200:10", false },       /* overlap in the container */
		{ "0:100:10 10:109:10", false },      /* overlap on the host */
		{ "10:100:10 0:200:11", false },
	};
	// clang-format on
	struct objlist map;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		map_parse(maps[i].map, &map);
		ok((idmap_check("uids", &map, &e) == 0) == maps[i].good, "%s", maps[i].map);
		free(map.v);
	}
}

TEST(ids_are_looked_up_in_every_line_of_a_map)
{
	struct objlist map;

	map_parse("0:500:1 1:1000:10 20:7:3", &map);
	same_int(idmap_to_host(&map, 0), 500);
	same_int(idmap_to_host(&map, 10), 1009);
	same_int(idmap_to_host(&map, 22), 9);
	same_int(idmap_to_host(&map, 11), -1);
	same_int(idmap_to_host(&map, 23), -1);
	free(map.v);
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
