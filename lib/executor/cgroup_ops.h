/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup_ops.h - what cgroup.c knows of the hierarchies, for the files that write limits.
 */
#ifndef CADDIS_EXECUTOR_CGROUP_OPS_H
#define CADDIS_EXECUTOR_CGROUP_OPS_H

#include "base/own.h"
#include "executor/cgroup.h"

enum cgroup_controller {
	CGROUP_MEMORY,
	CGROUP_CPU,
	CGROUP_CPUACCT,
	CGROUP_PIDS,
	CGROUP_DEVICES,
	CGROUP_FREEZER,
	CGROUP_CPUSET,
	CGROUP_HUGETLB,
	CGROUP_BLKIO, /* "io" on v2 */
	CGROUP_RDMA,
	CGROUP_NET_CLS,
	CGROUP_NET_PRIO,
	CGROUP_CONTROLLERS,
};
OWNED(pids, pid_t *, NULL, free)

const char *cgroup_controller_name(enum cgroup_controller c, bool v2);
#define CGROUP_BIT(c) (1U << (c))

struct cgroup_hierarchy {
	char *mount; /* where it is mounted */
	int fd;	     /* O_PATH of that */
	bool v2;
	unsigned controllers; /* CGROUP_BIT()s */
};
struct cgroup_system {
	struct cgroup_hierarchy h[CGROUP_HIERARCHIES];
	size_t n;
	const struct cgroup_hierarchy *v2; /* NULL: none */
	bool pure_v2;
};
/* Looked for at the first call: at the usual places, else in /proc/self/mountinfo. */
const struct cgroup_system *cgroup_system(struct err *e);
const struct cgroup_hierarchy *cgroup_of(const struct cgroup_system *s, enum cgroup_controller c);
/* The controllers, as bits, of the limits in r. */
unsigned cgroup_limited(const struct oci_resources *r);
/* Those, with the ones that every group of ours has. */
unsigned cgroup_needed(const struct cgroup_system *s, const struct oci_resources *r);

int cgroup_open(const struct cgroup_hierarchy *h, const char *path); /* O_PATH; -1 with errno */
/* The same, or its nearest parent that this hierarchy has; ENOENT: none of ours. */
int cgroup_open_nearest(const struct cgroup_hierarchy *h, const char *path);
/* One file of the group dir; "WHAT to VALUE" goes into the error. */
int cgroup_write(int dir, const char *file, const char *value, struct err *e);
int cgroup_write_i64(int dir, const char *file, int64_t value, struct err *e);
int cgroup_write_u64(int dir, const char *file, uint64_t value, struct err *e);
int cgroup_read_i64(int dir, const char *file, int64_t *out); /* "max" is -1; -1 with errno */
/* The number after key in a flat keyed file. */
int cgroup_read_key(int dir, const char *file, const char *key, int64_t *out);

/* Writes the limits of r that belong to controller c into the group dir. */
int cgroup_v1_apply(int dir, enum cgroup_controller c, const struct oci_resources *r,
		    struct err *e);
int cgroup_v2_apply(int dir, enum cgroup_controller c, const struct oci_resources *r,
		    struct err *e);
/* blockIO, rdma: as the hierarchy's version has them. */
int cgroup_io_v1(int dir, const struct oci_resources *r, struct err *e);
int cgroup_io_v2(int dir, const struct oci_resources *r, struct err *e);
int cgroup_rdma(int dir, const struct oci_resources *r, struct err *e);
/* Files "hugetlb.2MB.SUFFIX". */
int cgroup_hugetlb(int dir, const struct oci_resources *r, const char *suffix, struct err *e);
/* checkBeforeUpdate: file tells how much is in use. */
int cgroup_check_usage(int dir, const char *file, const struct oci_memory *m, struct err *e);
int cgroup_v2_unified(int dir, const struct strmap *unified, struct err *e);
/* The device rules as a BPF program on a v2 group. */
int cgroup_dev_attach(int dir, const struct objlist *rules, struct err *e);

/* v1's cpu.shares (2..262144) as v2's cpu.weight (1..10000). */
uint64_t cgroup_shares_to_weight(uint64_t shares);
/* v1's blkio.weight (10..1000) as v2's io.weight (1..10000). */
uint64_t cgroup_blkio_to_weight(uint64_t weight);
/* v2 counts swap alone, v1 and OCI count memory and swap. -1: no limit. -2: refused. */
int64_t cgroup_swap_alone(int64_t limit, int64_t memory_and_swap);

#endif
