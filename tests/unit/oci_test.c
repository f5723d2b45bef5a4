/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json: what is read, what is refused and how it is named. */
#include <fcntl.h>
#include <unistd.h>

#include "spec/oci.h"
#include "tests/unit/tmpdir.h"
#include "unit.h"

static int load(const char *text, struct oci_spec *out, struct strv *warnings, struct err *e)
{
	int p[2], rc;

	if (pipe(p) < 0 || write(p[1], text, strlen(text)) != (ssize_t)strlen(text))
		return -1;
	close(p[1]);
	rc = oci_spec_load(p[0], "config.json", "/bundle", out, warnings, e);
	close(p[0]);
	return rc;
}

#define VERSION "\"ociVersion\":\"1.3.0\""
#define ROOT "\"root\":{\"path\":\"rootfs\"}"
#define PROCESS "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]}"
#define NS(types) "\"linux\":{\"namespaces\":[" types "]}"
#define WITH(more) "{" VERSION "," ROOT "," PROCESS "," more "}"
#define LINUX(more) WITH("\"linux\":{" more "}")
#define PROC(more) "{" VERSION "," ROOT ",\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]," more "}}"
#define RES(more) LINUX("\"resources\":{" more "}")

TEST(the_least_configuration_is_one_and_its_paths_become_absolute)
{
	own(oci_spec) struct oci_spec s = { 0 };
	own(strv) struct strv warnings = { 0 };
	struct err e = { 0 };
	const struct oci_mount *m;

	ok(load(WITH("\"mounts\":[{\"destination\":\"/"
		     "a\",\"source\":\"data\",\"options\":[\"rbind\"]},"
		     "{\"destination\":\"b\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}],"
		     "\"windows\":{\"layerFolders\":3},\"unknown\":[1]"),
		&s, &warnings, &e) == 0,
	   "%s", e.msg);
	m = s.mounts.v;
	same_str(s.root.path, "/bundle/rootfs");
	if (s.mounts.n == 2) {
		same_str(m[0].source, "/bundle/data");
		same_str(m[1].source, "tmpfs");
	}
	same_int(s.mounts.n, 2);
	same_int(warnings.n, 0);
}

/* Every member that a file of version 1.3 may have, spelt as the specification does. */
static const char whole[] =
	"{" VERSION "," ROOT
	",\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{\"uid\":0,\"gid\":0},"
	"\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"flags\":[\"SCHED_FLAG_RECLAIM\"],"
	"\"runtime\":1,\"deadline\":2,\"period\":3},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":0},"
	"\"execCPUAffinity\":{\"initial\":\"0-3,7\",\"final\":\"1\"},"
	"\"capabilities\":{\"inheritable\":[\"CAP_KILL\"],\"bounding\":[\"CAP_NEXT\",\"CAP_KILL\"]}"
	"},"
	"\"hooks\":{\"prestart\":[{\"path\":\"/"
	"p\",\"args\":[\"p\"],\"env\":[\"a=b\"],\"timeout\":2}],"
	"\"createRuntime\":[{\"path\":\"/r\"}],\"createContainer\":[{\"path\":\"/c\"}],"
	"\"startContainer\":[{\"path\":\"/s\"}],\"poststart\":[{\"path\":\"/t\"}],"
	"\"poststop\":[{\"path\":\"/u\"}]},"
	"\"linux\":{\"namespaces\":[{\"type\":\"time\"},{\"type\":\"network\"}],"
	"\"timeOffsets\":{\"boottime\":{\"secs\":-3,\"nanosecs\":4}},"
	"\"netDevices\":{\"eth0\":{\"name\":\"net0\"},\"eth1\":{}},"
	"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_STATIC_"
	"NODES\"]},"
	"\"intelRdt\":{\"closID\":\"c\",\"schemata\":[\"L3:0=f\"],\"l3CacheSchema\":\"L3\","
	"\"memBwSchema\":\"MB\",\"enableMonitoring\":true},"
	"\"personality\":{\"domain\":\"LINUX32\",\"flags\":[]},"
	"\"resources\":{\"blockIO\":{\"weight\":10,\"leafWeight\":11,\"weightDevice\":[{\"major\":"
	"8,"
	"\"minor\":0,\"weight\":500,\"leafWeight\":300}],\"throttleReadBpsDevice\":[{\"major\":8,"
	"\"minor\":1,\"rate\":600}],\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":2,\"rate\":"
	"601}],"
	"\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":3,\"rate\":602}],"
	"\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":4,\"rate\":603}]},"
	"\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]},"
	"\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000}}}}}";

TEST(every_member_of_version_1_3_is_read_by_its_name)
{
	own(oci_spec) struct oci_spec s = { 0 };
	own(strv) struct strv warnings = { 0 };
	struct err e = { 0 };
	const struct oci_hook *h;
	const struct oci_block_io *b = &s.linux_.resources.block_io;
	const struct oci_rdma *rdma;
	const struct oci_net_device *d;
	const struct oci_time_offset *t;

	ok(load(whole, &s, &warnings, &e) == 0, "%s", e.msg);
	if (!s.oci_version)
		return;
	same_str(s.process.scheduler->policy, "SCHED_DEADLINE");
	same_int(s.process.scheduler->period, 3);
	same_str(s.process.io_priority->class_, "IOPRIO_CLASS_BE");
	same_str(s.process.exec_affinity.initial, "0-3,7");
	same_str(s.process.exec_affinity.final, "1");
	ok(strv_has(&s.process.capabilities->inheritable, "CAP_KILL"), "lost");
	same_int(s.process.capabilities->bounding.n, 1);
	same_str(s.process.capabilities->bounding.v[0], "CAP_KILL");
	same_int(warnings.n, 1);
	h = s.hooks.prestart.v;
	same_str(h->path, "/p");
	same_str(h->args.v[0], "p");
	same_str(h->env.v[0], "a=b");
	same_int(h->timeout.v, 2);
	same_int(s.hooks.create_runtime.n, 1);
	same_int(s.hooks.create_container.n, 1);
	same_int(s.hooks.start_container.n, 1);
	same_int(s.hooks.poststart.n, 1);
	same_int(s.hooks.poststop.n, 1);
	t = s.linux_.time_offsets.v;
	same_str(t->clock, "boottime");
	same_int(t->secs, -3);
	same_int(t->nanosecs, 4);
	d = s.linux_.net_devices.v;
	same_int(s.linux_.net_devices.n, 2);
	same_str(d[0].host_name, "eth0");
	same_str(d[0].name, "net0");
	ok(!d[1].name, "a name");
	same_str(s.linux_.memory_policy->nodes, "0");
	same_str(s.linux_.intel_rdt->schemata.v[0], "L3:0=f");
	ok(s.linux_.intel_rdt->enable_monitoring, "lost");
	same_str(s.linux_.personality->domain, "LINUX32");
	same_int(((struct oci_weight_device *)b->weight_device.v)->leaf_weight.v, 300);
	same_int(((struct oci_throttle_device *)b->read_bps.v)->rate, 600);
	same_int(((struct oci_throttle_device *)b->write_bps.v)->rate, 601);
	same_int(((struct oci_throttle_device *)b->read_iops.v)->rate, 602);
	same_int(((struct oci_throttle_device *)b->write_iops.v)->rate, 603);
	same_int(s.linux_.resources.network.class_id.v, 1048577);
	rdma = s.linux_.resources.rdma.v;
	same_str(rdma->device, "mlx5_1");
	same_int(rdma->hca_objects.v, 10000);
}

static const struct {
	const char *text, *error; /* after "config.json: " */
} bad[] = {
	{ "{" ROOT "," PROCESS "}", "ociVersion: is missing, and must be there" },
	{ "{\"ociVersion\":\"1\"," ROOT "," PROCESS "}",
	  "ociVersion: expected a version like 1.3.0, found \"1\"" },
	{ "{\"ociVersion\":\"1.03.0\"," ROOT "," PROCESS "}",
	  "ociVersion: expected a version like 1.3.0, found \"1.03.0\"" },
	{ "{\"ociVersion\":\"2.0.0\"," ROOT "," PROCESS "}",
	  "ociVersion: version 2.0.0 of the specification is not supported; 1.3.0 and what is "
	  "before "
	  "it are" },
	{ "{" VERSION "," PROCESS "}", "root.path: is missing, and must be there" },
	{ "{" VERSION "," ROOT "}", "process: args: is missing or empty, and must be there" },
	{ "{" VERSION "," ROOT ",\"process\":{\"args\":[\"sh\"]}}",
	  "process: cwd: is missing, and must be there" },
	{ "{" VERSION "," ROOT ",\"process\":{\"args\":[\"sh\"],\"cwd\":\"tmp\"}}",
	  "process: cwd: expected an absolute path, found \"tmp\"" },
	{ PROC("\"terminal\":1"), "process.terminal: expected true or false, found 1" },
	{ PROC("\"user\":{\"umask\":512}"),
	  "process.user.umask: expected an integer from 0 to 511, found 512" },
	{ PROC("\"rlimits\":[{\"type\":\"RLIMIT_FOO\",\"soft\":1,\"hard\":1}]"),
	  "process: rlimits[0].type: expected one of RLIMIT_AS" },
	{ PROC("\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"hard\":1}]"),
	  "process.rlimits[0].soft: is missing, and must be there" },
	{ PROC("\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1},"
	       "{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1}]"),
	  "process: rlimits[1].type: RLIMIT_AS is there twice" },
	{ PROC("\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":2,\"hard\":1}]"),
	  "process: rlimits[0].soft: is above hard" },
	{ PROC("\"scheduler\":{\"policy\":\"FIFO\"}"),
	  "process: scheduler.policy: expected one of SCHED_OTHER" },
	{ PROC("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":[\"X\"]}"),
	  "process: scheduler.flags: [0]: expected one of SCHED_FLAG_RESET_ON_FORK" },
	{ PROC("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":5}"),
	  "process: scheduler.priority: SCHED_OTHER takes none" },
	{ PROC("\"scheduler\":{\"policy\":\"SCHED_RR\",\"deadline\":5}"),
	  "process: scheduler.deadline: goes with SCHED_DEADLINE, and the policy is SCHED_RR" },
	{ PROC("\"scheduler\":{\"nice\":20,\"policy\":\"SCHED_OTHER\"}"),
	  "process.scheduler.nice: expected an integer from -20 to 19, found 20" },
	{ PROC("\"ioPriority\":{\"class\":\"x\",\"priority\":1}"),
	  "process: ioPriority.class: expected one of IOPRIO_CLASS_RT" },
	{ PROC("\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}"),
	  "process.ioPriority.priority: expected an integer from 0 to 7, found 8" },
	{ PROC("\"execCPUAffinity\":{\"initial\":\"3-1\"}"),
	  "process: execCPUAffinity.initial: expected a list of CPUs like 0-3,7, found \"3-1\"" },
	{ WITH("\"hooks\":{\"poststop\":[{\"path\":\"a\"}]}"),
	  "hooks.poststop[0].path: expected an absolute path, found \"a\"" },
	{ WITH("\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"timeout\":0}]}"),
	  "hooks.prestart[0].timeout: expected an integer from 1 to 2147483647, found 0" },
	{ WITH("\"hooks\":{\"startContainer\":[{}]}"),
	  "hooks.startContainer[0].path: is missing, and must be there" },
	{ WITH("\"hostname\":\"x\""),
	  "hostname: needs a namespace of type uts in linux.namespaces" },
	{ WITH("\"domainname\":\"x\""),
	  "domainname: needs a namespace of type uts in linux.namespaces" },
	{ WITH("\"mounts\":[{\"type\":\"tmpfs\"}]"),
	  "mounts[0].destination: is missing, and must be there" },
	{ WITH("\"mounts\":[{\"destination\":\"/a\"}]"),
	  "mounts[0].type: is missing, and this is no bind mount" },
	{ WITH("\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\"]}]"),
	  "mounts[0].source: is missing, and a bind mount needs it" },
	{ WITH("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/"
	       "b\",\"uidMappings\":"
	       "[{\"containerID\":0,\"hostID\":1,\"size\":1}]}]"),
	  "mounts[0].gidMappings: is missing, and goes with the other one" },
	{ WITH("\"annotations\":{\"a\":1}"), "annotations[\"a\"]: expected a string, found 1" },
	{ WITH(NS("{\"type\":\"net\"}")),
	  "linux.namespaces[0].type: expected one of pid, network, mount, ipc, uts, user, cgroup, "
	  "time, found \"net\"" },
	{ WITH(NS("{\"type\":\"pid\"},{\"type\":\"pid\"}")),
	  "linux.namespaces[1].type: pid is there twice" },
	{ WITH(NS("{\"type\":\"pid\",\"path\":\"proc\"}")),
	  "linux.namespaces[0].path: expected an absolute path, found \"proc\"" },
	{ WITH(NS("{\"type\":\"user\"}")),
	  "linux.uidMappings: is missing, and a new user namespace needs it" },
	{ LINUX("\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]"),
	  "linux.uidMappings: needs a namespace of type user in linux.namespaces" },
	{ LINUX("\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,"
		"\"hostID\":"
		"4294967295,\"size\":9}],\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":"
		"1}]"),
	  "linux.uidMappings[0]: 9 ids from 0 (host: 4294967295) are no range of ids" },
	{ LINUX("\"timeOffsets\":{\"boottime\":{}}"),
	  "linux.timeOffsets: needs a namespace of type time in linux.namespaces" },
	{ LINUX("\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"realtime\":{}}"),
	  "linux.timeOffsets: expected one of monotonic, boottime, found \"realtime\"" },
	{ LINUX("\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}"),
	  "linux.timeOffsets[\"boottime\"].nanosecs: expected an integer from 0 to 999999999, "
	  "found "
	  "1000000000" },
	{ LINUX("\"netDevices\":{\"eth0\":{}}"),
	  "linux.netDevices: needs a namespace of type network in linux.namespaces" },
	{ LINUX("\"namespaces\":[{\"type\":\"network\"}],\"netDevices\":{\"eth0\":{\"name\":\"a/"
		"b\"}}"),
	  "linux.netDevices[\"eth0\"]: \"a/b\" is no name of a network device" },
	{ LINUX("\"namespaces\":[{\"type\":\"network\"}],\"netDevices\":{\"a\":{\"name\":\"b\"},"
		"\"b\":{}}"),
	  "linux.netDevices[\"b\"].name: b is there twice" },
	{ LINUX("\"devices\":[{\"type\":\"x\",\"path\":\"/dev/x\"}]"),
	  "linux.devices[0].type: expected one of c, b, u, p, found \"x\"" },
	{ LINUX("\"devices\":[{\"type\":\"c\",\"path\":\"dev/x\"}]"),
	  "linux.devices[0].path: expected an absolute path, found \"dev/x\"" },
	{ LINUX("\"devices\":[{\"type\":\"p\",\"path\":\"/x\"},{\"type\":\"c\",\"path\":\"/x\"}]"),
	  "linux.devices[1].path: /x is there twice, as another device" },
	{ LINUX("\"rootfsPropagation\":\"sharp\""),
	  "linux.rootfsPropagation: expected one of shared" },
	{ LINUX("\"maskedPaths\":[\"/a\",\"b\"]"),
	  "linux.maskedPaths[1]: expected an absolute path, found \"b\"" },
	{ LINUX("\"readonlyPaths\":[\"b\"]"),
	  "linux.readonlyPaths[0]: expected an absolute path, found \"b\"" },
	{ LINUX("\"memoryPolicy\":{\"mode\":\"BIND\"}"),
	  "linux.memoryPolicy.mode: expected one of MPOL_DEFAULT" },
	{ LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}"),
	  "linux.memoryPolicy.nodes: is missing, and MPOL_BIND needs it" },
	{ LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}"),
	  "linux.memoryPolicy.nodes: MPOL_LOCAL takes none" },
	{ LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"X\"]}"),
	  "linux.memoryPolicy.flags: [0]: expected one of MPOL_F_NUMA_BALANCING" },
	{ LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0,\"}"),
	  "linux.memoryPolicy.nodes: expected a list like 0-3,7, found \"0,\"" },
	{ LINUX("\"personality\":{\"domain\":\"BSD\"}"),
	  "linux.personality.domain: expected one of LINUX, LINUX32, found \"BSD\"" },
	{ LINUX("\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}"),
	  "linux.personality.flags: there is no flag \"X\"" },
	{ LINUX("\"intelRdt\":{\"closID\":\"a/b\"}"), "linux.intelRdt.closID: \"a/b\" is no name" },
	{ RES("\"devices\":[{\"type\":\"c\"}]"),
	  "linux.resources.devices[0].allow: is missing, and must be there" },
	{ RES("\"devices\":[{\"allow\":true,\"type\":\"p\"}]"),
	  "linux.resources: devices[0].type: expected one of a, b, c, found \"p\"" },
	{ RES("\"devices\":[{\"allow\":true,\"access\":\"rx\"}]"),
	  "linux.resources: devices[0].access: expected letters of \"rwm\", found \"rx\"" },
	{ RES("\"memory\":{\"limit\":\"1g\"}"),
	  "linux.resources.memory.limit: expected an integer, found \"1g\"" },
	{ RES("\"memory\":{\"limit\":9,\"swap\":8}"),
	  "linux.resources: memory.swap: 8, memory and swap, is below memory.limit 9" },
	{ RES("\"blockIO\":{\"weight\":9}"),
	  "linux.resources: blockIO.weight: expected an integer from 10 to 1000, found 9" },
	{ RES("\"blockIO\":{\"weightDevice\":[{\"major\":1,\"minor\":2}]}"),
	  "linux.resources: blockIO.weightDevice[0]: has neither weight nor leafWeight" },
	{ RES("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":2}]}"),
	  "linux.resources.blockIO.throttleReadBpsDevice[0].rate: is missing, and must be there" },
	{ RES("\"hugepageLimits\":[{\"pageSize\":\"2M\",\"limit\":1}]"),
	  "linux.resources: hugepageLimits[0].pageSize: expected a size like 2MB, found \"2M\"" },
	{ RES("\"network\":{\"classID\":4294967296}"),
	  "linux.resources.network.classID: expected an integer from 0 to 4294967295, found "
	  "4294967296" },
	{ RES("\"rdma\":{\"a\":{}}"),
	  "linux.resources: rdma[\"a\"]: expected a device's name, and hcaHandles or hcaObjects" },
	{ RES("\"rdma\":[]"), "linux.resources.rdma: expected an object, found a list" },
	{ LINUX("\"seccomp\":{}"), "linux.seccomp: defaultAction: is missing, and must be there" },
	{ LINUX("\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],"
		"\"action\":\"SCMP_ACT_ERRNO\"}]}"),
	  "linux.seccomp.syscalls[0].names: is empty" },
	{ LINUX("\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}"),
	  "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY would stop the runtime itself" },
	{ LINUX("\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"]"
		","
		"\"action\":\"SCMP_ACT_NOTIFY\"}]}"),
	  "linux.seccomp.listenerPath: is missing, and syscalls[0] needs it" },
	{ LINUX("\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"]"
		","
		"\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"x\"}]}]"
		"}"),
	  "linux.seccomp: syscalls[0].args[0].index: expected an integer from 0 to 5, found 6" },
	{ "[]", "expected an object, found a list" },
};

TEST(every_bad_value_is_refused_by_the_name_of_its_field)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct oci_spec s = { 0 }, zero = { 0 };
		own(strv) struct strv warnings = { 0 };
		struct err e = { 0 };
		own(str) char *want = str_fmt("config.json: %s", bad[i].error);

		ok(load(bad[i].text, &s, &warnings, &e) < 0, "accepted: %s", bad[i].text);
		ok(str_starts(e.msg, want), "%s\n# not %s", e.msg, want);
		same_int(e.kind, ERR_USAGE);
		ok(memcmp(&s, &zero, sizeof(s)) == 0, "something is left of %s", bad[i].text);
	}
}

TEST(lists_of_numbers_are_read_as_the_kernel_reads_them)
{
	static const char *const wrong[] = {
		"a", "1-", "-1", "2-1", "64", "0,", ",0", "0 1", "0-64"
	};
	uint64_t mask = 0;

	ok(oci_list_parse("0-2,5,63", &mask, 64) == 0, "refused");
	ok(mask == 0x8000000000000027, "%llx", (unsigned long long)mask);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ok(oci_list_parse(wrong[i], &mask, 64) < 0, "accepted: %s", wrong[i]);
}

int main(void)
{
	return unit_run();
}
