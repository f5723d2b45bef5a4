/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.resources: what ends up in the files of the controllers, of either version. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/proc.h"
#include "base/str.h"
#include "executor/cgroup_ops.h"
#include "unit.h"

/* One file of the group, up to the end of its first line that begins with key (NULL: the first). */
static char *group_file(const char *path, enum cgroup_controller c, const char *file,
			const char *key)
{
	struct err e;
	const struct cgroup_system *s = cgroup_system(&e);
	const struct cgroup_hierarchy *h = s ? cgroup_of(s, c) : NULL;
	own(str) char *full = h ? str_fmt("%s%s/%s", h->mount, path, file) : NULL;
	own(file) FILE *f = full ? fopen(full, "re") : NULL;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!key || str_starts(line, key))
			return xstrdup(line);
	}
	return xstrdup(full ? full : "no such controller");
}

static bool v2(enum cgroup_controller c)
{
	struct err e;
	const struct cgroup_hierarchy *h = cgroup_of(cgroup_system(&e), c);

	return h && h->v2;
}

static void same_file(const char *path, enum cgroup_controller c, const char *v1_file,
		      const char *v1_want, const char *v2_file, const char *v2_want)
{
	own(str) char *got = group_file(path, c, v2(c) ? v2_file : v1_file, NULL);

	same_str(got, v2(c) ? v2_want : v1_want);
}

static char *new_path(void)
{
	static int n;

	return str_fmt("/caddis-unit-%d-%d", (int)getpid(), n++);
}

TEST(cpu_limits_are_written_as_the_version_has_them)
{
	own(str) char *path = new_path();
	struct oci_resources r = { 0 };
	struct err e = { 0 };

	r.cpu = (struct oci_cpu){ .quota = OPTINT(50000),
				  .period = OPTINT(100000),
				  .burst = OPTINT(20000),
				  .shares = OPTINT(1024) };
	ok(cgroup_create(path, &r, &e) == 0, "%s", e.msg);
	same_file(path, CGROUP_CPU, "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000");
	same_file(path, CGROUP_CPU, "cpu.cfs_burst_us", "20000", "cpu.max.burst", "20000");
	same_file(path, CGROUP_CPU, "cpu.shares", "1024", "cpu.weight", "39");
	/* A group that is idle has no shares: the kernel would refuse them. */
	r = (struct oci_resources){ .cpu = { .idle = OPTINT(1), .shares = OPTINT(99) } };
	ok(cgroup_update(path, &r, &e) == 0, "%s", e.msg);
	same_file(path, CGROUP_CPU, "cpu.idle", "1", "cpu.idle", "1");
	r = (struct oci_resources){ .cpu = { .idle = OPTINT(0), .shares = OPTINT(2048) } };
	ok(cgroup_update(path, &r, &e) == 0, "%s", e.msg);
	same_file(path, CGROUP_CPU, "cpu.idle", "0", "cpu.idle", "0");
	same_file(path, CGROUP_CPU, "cpu.shares", "2048", "cpu.weight", "79");
	same_int(cgroup_delete(path, &e), 0);
}

TEST(memory_limits_are_written_and_what_one_version_lacks_is_refused)
{
	own(str) char *path = new_path();
	struct oci_resources r = { .memory = { .limit = OPTINT(64 << 20),
					       .swap = OPTINT(96 << 20),
					       .reservation = OPTINT(32 << 20) } };
	struct err e = { 0 };

	ok(cgroup_create(path, &r, &e) == 0, "%s", e.msg);
	same_file(path, CGROUP_MEMORY, "memory.limit_in_bytes", "67108864", "memory.max",
		  "67108864");
	same_file(path, CGROUP_MEMORY, "memory.memsw.limit_in_bytes", "100663296",
		  "memory.swap.max", "33554432");
	same_file(path, CGROUP_MEMORY, "memory.soft_limit_in_bytes", "33554432", "memory.low",
		  "33554432");
	r = (struct oci_resources){ .memory = { .swappiness = OPTINT(7),
						.kernel_tcp = OPTINT(1 << 20) } };
	if (v2(CGROUP_MEMORY)) {
		ok(cgroup_update(path, &r, &e) < 0, "taken");
		same_str(e.msg, "memory.swappiness: cgroup v2 has no such setting");
	} else {
		ok(cgroup_update(path, &r, &e) == 0, "%s", e.msg);
		same_file(path, CGROUP_MEMORY, "memory.swappiness", "7", "", "");
		same_file(path, CGROUP_MEMORY, "memory.kmem.tcp.limit_in_bytes", "1048576", "", "");
	}
	same_int(cgroup_delete(path, &e), 0);
}

TEST(a_limit_below_what_is_in_use_is_refused_when_that_is_to_be_checked)
{
	own(str) char *path = new_path();
	struct oci_resources r = { 0 };
	struct err e = { 0 };
	own(str) char *limit = NULL;
	const char *file;
	pid_t pid;
	int p[2];
	char c;

	ok(cgroup_create(path, &r, &e) == 0, "%s", e.msg);
	ok(pipe2(p, O_CLOEXEC) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		char *m = malloc(8 << 20);

		if (cgroup_add(path, getpid(), &e) < 0)
			_exit(1);
		for (size_t i = 0; i < 8 << 20; i += 4096)
			((volatile char *)m)[i] = 1;
		(void)!write(p[1], "", 1);
		pause();
	}
	ok(read(p[0], &c, 1) == 1, "the child is gone");
	r.memory.limit = OPTINT(4 << 20);
	r.memory.check_before_update = true;
	ok(cgroup_update(path, &r, &e) < 0, "taken");
	ok(str_starts(e.msg, "memory.limit: 4194304 bytes are less than the "), "%s", e.msg);
	file = v2(CGROUP_MEMORY) ? "memory.max" : "memory.limit_in_bytes";
	limit = group_file(path, CGROUP_MEMORY, file, NULL);
	ok(!str_eq(limit, "4194304"), "it was set");
	r.memory.limit = OPTINT(256 << 20);
	ok(cgroup_update(path, &r, &e) == 0, "%s", e.msg);
	same_int(cgroup_delete(path, &e), 0); /* kills it */
	same_int(proc_wait(pid), 128 + SIGKILL);
	close(p[0]);
	close(p[1]);
}

/* A disk of this machine, whose partitions take no limits. */
static bool disk(int64_t *major, int64_t *minor)
{
	own(dir) DIR *d = opendir("/sys/block");

	for (struct dirent *de; d && (de = readdir(d));) {
		own(str) char *file = str_fmt("/sys/block/%s/dev", de->d_name);
		own(file) FILE *f = fopen(file, "re");
		long long a, b;

		if (!f || fscanf(f, "%lld:%lld", &a, &b) != 2)
			continue;
		*major = a;
		*minor = b;
		return true;
	}
	return false;
}

static void throttle(struct objlist *l, struct oci_throttle_device *d, int64_t rate)
{
	d->rate = rate;
	*l = (struct objlist){ .v = d, .n = 1 };
}

TEST(block_io_limits_arrive_at_the_device)
{
	own(str) char *path = new_path(), *key = NULL, *got = NULL, *want = NULL;
	struct oci_throttle_device d[4] = { 0 };
	struct oci_resources r = { 0 };
	struct err e = { 0 };

	ok(disk(&d[0].major, &d[0].minor), "no disk");
	for (size_t i = 1; i < 4; i++)
		d[i] = d[0];
	throttle(&r.block_io.read_bps, &d[0], 1 << 20);
	throttle(&r.block_io.write_bps, &d[1], 2 << 20);
	throttle(&r.block_io.read_iops, &d[2], 30);
	throttle(&r.block_io.write_iops, &d[3], 40);
	ok(cgroup_create(path, &r, &e) == 0, "%s", e.msg);
	key = str_fmt("%lld:%lld ", (long long)d[0].major, (long long)d[0].minor);
	if (v2(CGROUP_BLKIO)) {
		want = str_fmt("%srbps=1048576 wbps=2097152 riops=30 wiops=40", key);
		got = group_file(path, CGROUP_BLKIO, "io.max", key);
		same_str(got, want);
	} else {
		static const struct {
			const char *file, *value;
		} rows[] = { { "blkio.throttle.read_bps_device", "1048576" },
			     { "blkio.throttle.write_bps_device", "2097152" },
			     { "blkio.throttle.read_iops_device", "30" },
			     { "blkio.throttle.write_iops_device", "40" } };

		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			own(str) char *line = group_file(path, CGROUP_BLKIO, rows[i].file, key);
			own(str) char *expect = str_fmt("%s%s", key, rows[i].value);

			same_str(line, expect);
		}
	}
	same_int(cgroup_delete(path, &e), 0);
}

TEST(a_block_io_weight_is_bfqs_or_converted)
{
	own(str) char *path = new_path(), *bfq = NULL, *got = NULL;
	struct oci_resources r = { .block_io = { .weight = OPTINT(500) } };
	struct err e = { 0 };
	int rc = cgroup_create(path, &r, &e);

	same_int(cgroup_blkio_to_weight(10), 1);
	same_int(cgroup_blkio_to_weight(500), 4950);
	same_int(cgroup_blkio_to_weight(1000), 10000);
	if (rc < 0) { /* a kernel without any scheduler that weighs */
		ok(strstr(e.msg, "weight to \"") && strstr(e.msg, "this kernel has no such limit"),
		   "%s", e.msg);
		return;
	}
	bfq = group_file(path, CGROUP_BLKIO,
			 v2(CGROUP_BLKIO) ? "io.bfq.weight" : "blkio.bfq.weight", NULL);
	got = v2(CGROUP_BLKIO) ? group_file(path, CGROUP_BLKIO, "io.weight", "default") : NULL;
	ok(str_eq(bfq, "500") || str_eq(bfq, "default 500") || str_eq(got, "default 4950"),
	   "%s, %s", bfq, got ? got : "");
	r.block_io = (struct oci_block_io){ .leaf_weight = OPTINT(99) };
	ok(cgroup_update(path, &r, &e) < 0, "taken");
	ok(strstr(e.msg, v2(CGROUP_BLKIO) ? "blockIO.leafWeight: cgroup v2 has no such setting"
					  : "blkio.leaf_weight to \"99\"") != NULL,
	   "%s", e.msg);
	same_int(cgroup_delete(path, &e), 0);
}

TEST(huge_pages_are_limited_in_use_and_in_reserve)
{
	own(str) char *path = new_path();
	struct oci_hugepage_limit l = { .page_size = (char[]){ "2MB" }, .limit = 4 << 20 };
	struct oci_resources r = { .hugepage_limits = { &l, 1 } };
	struct err e = { 0 };

	ok(cgroup_create(path, &r, &e) == 0, "%s", e.msg);
	same_file(path, CGROUP_HUGETLB, "hugetlb.2MB.limit_in_bytes", "4194304", "hugetlb.2MB.max",
		  "4194304");
	same_file(path, CGROUP_HUGETLB, "hugetlb.2MB.rsvd.limit_in_bytes", "4194304",
		  "hugetlb.2MB.rsvd.max", "4194304");
	l.page_size = (char[]){ "3MB" };
	ok(cgroup_update(path, &r, &e) < 0, "taken");
	ok(strstr(e.msg, "hugetlb.3MB") && strstr(e.msg, "this kernel has no such limit"), "%s",
	   e.msg);
	same_int(cgroup_delete(path, &e), 0);
}

TEST(a_controller_that_is_not_there_is_named_and_nothing_is_made)
{
	own(str) char *path = new_path();
	struct oci_rdma d = { .device = (char[]){ "mlx5" }, .hca_handles = OPTINT(1) };
	struct oci_if_priority p = { .name = (char[]){ "lo" }, .priority = 3 };
	struct oci_resources all[] = { { .rdma = { &d, 1 } },
				       { .network = { .class_id = OPTINT(9) } },
				       { .network = { .priorities = { &p, 1 } } } };
	static const enum cgroup_controller of[] = { CGROUP_RDMA, CGROUP_NET_CLS, CGROUP_NET_PRIO };
	struct err e = { 0 };
	const struct cgroup_system *s = cgroup_system(&e);
	struct cgroup_stats st;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		own(str) char *want = str_fmt("a limit needs the cgroup controller %s, which this "
					      "system lacks",
					      cgroup_controller_name(of[i], false));

		if (cgroup_of(s, of[i])) /* and it has it: what is written is told by others */
			continue;
		ok(cgroup_create(path, &all[i], &e) < 0, "made");
		same_str(e.msg, want);
		ok(cgroup_stats(path, &st, &e) < 0, "there is a group");
	}
}

TEST(a_unified_limit_brings_its_controller)
{
	own(str) char *path = new_path();
	struct oci_resources r = { 0 };
	struct err e = { 0 };

	strmap_set(&r.unified, "hugetlb.2MB.max", "2097152");
	same_int(cgroup_limited(&r), CGROUP_BIT(CGROUP_HUGETLB));
	if (v2(CGROUP_HUGETLB)) {
		own(str) char *got = NULL;

		ok(cgroup_create(path, &r, &e) == 0, "%s", e.msg);
		got = group_file(path, CGROUP_HUGETLB, "hugetlb.2MB.max", NULL);
		same_str(got, "2097152");
		same_int(cgroup_delete(path, &e), 0);
	}
	strmap_set(&r.unified, "memory.nothing", "1");
	ok(cgroup_create(path, &r, &e) < 0, "made");
	strmap_free(&r.unified);
}

int main(void)
{
	return unit_run();
}
