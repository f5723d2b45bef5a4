/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blockIO, rdma and huge pages, and what else both versions of cgroups share. */
#include "executor/cgroup_ops.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

uint64_t cgroup_blkio_to_weight(uint64_t weight)
{
	weight = MIN(MAX(weight, 10), 1000);
	return 1 + (weight - 10) * 9999 / 990;
}

int cgroup_check_usage(int dir, const char *file, const struct oci_memory *m, struct err *e)
{
	int64_t usage;

	if (!m->check_before_update || !m->limit.set || m->limit.v < 0 ||
	    cgroup_read_i64(dir, file, &usage) < 0 || usage <= m->limit.v)
		return 0;
	return err_set(e, ERR_FAIL, "memory.limit: %lld bytes are less than the %lld in use",
		       (long long)m->limit.v, (long long)usage);
}

/* "8:0 500" */
static int write_device(int dir, const char *file, int64_t major, int64_t minor, const char *before,
			uint64_t value, struct err *e)
{
	own(str) char *text = str_fmt("%lld:%lld %s%llu", (long long)major, (long long)minor,
				      before, (unsigned long long)value);

	return cgroup_write(dir, file, text, e);
}

static int throttle_all(int dir, const char *file, const char *before, const struct objlist *l,
			struct err *e)
{
	const struct oci_throttle_device *d = l->v;

	for (size_t i = 0; i < l->n; i++)
		if (write_device(dir, file, d[i].major, d[i].minor, before, (uint64_t)d[i].rate,
				 e) < 0)
			return -1;
	return 0;
}

/* CFQ's files (until Linux 4.20), or those of its heir BFQ. */
static const char *weight_file(int dir, const char *cfq, const char *bfq)
{
	return faccessat(dir, cfq, F_OK, 0) < 0 && faccessat(dir, bfq, F_OK, 0) == 0 ? bfq : cfq;
}

static int weights_v1(int dir, const struct oci_block_io *b, struct err *e)
{
	const struct oci_weight_device *d = b->weight_device.v;
	const char *weight = weight_file(dir, "blkio.weight", "blkio.bfq.weight");
	const char *device = weight_file(dir, "blkio.weight_device", "blkio.bfq.weight_device");

	if (b->weight.set && b->weight.v && cgroup_write_i64(dir, weight, b->weight.v, e) < 0)
		return -1;
	if (b->leaf_weight.set && b->leaf_weight.v &&
	    cgroup_write_i64(dir, "blkio.leaf_weight", b->leaf_weight.v, e) < 0)
		return -1;
	for (size_t i = 0; i < b->weight_device.n; i++) {
		if (d[i].weight.set && write_device(dir, device, d[i].major, d[i].minor, "",
						    (uint64_t)d[i].weight.v, e) < 0)
			return -1;
		if (d[i].leaf_weight.set &&
		    write_device(dir, "blkio.leaf_weight_device", d[i].major, d[i].minor, "",
				 (uint64_t)d[i].leaf_weight.v, e) < 0)
			return -1;
	}
	return 0;
}

int cgroup_io_v1(int dir, const struct oci_resources *r, struct err *e)
{
	const struct oci_block_io *b = &r->block_io;

	if (weights_v1(dir, b, e) < 0 ||
	    throttle_all(dir, "blkio.throttle.read_bps_device", "", &b->read_bps, e) < 0 ||
	    throttle_all(dir, "blkio.throttle.write_bps_device", "", &b->write_bps, e) < 0 ||
	    throttle_all(dir, "blkio.throttle.read_iops_device", "", &b->read_iops, e) < 0)
		return -1;
	return throttle_all(dir, "blkio.throttle.write_iops_device", "", &b->write_iops, e);
}

/* BFQ's weights are as v1's; those of io.weight have another range. */
static int weights_v2(int dir, const struct oci_block_io *b, struct err *e)
{
	const struct oci_weight_device *d = b->weight_device.v;
	bool bfq = faccessat(dir, "io.bfq.weight", F_OK, 0) == 0;
	const char *file = bfq ? "io.bfq.weight" : "io.weight";

	if (b->leaf_weight.set && b->leaf_weight.v)
		return err_set(e, ERR_FAIL, "blockIO.leafWeight: cgroup v2 has no such setting");
	if (b->weight.set && b->weight.v) {
		uint64_t w = (uint64_t)b->weight.v;

		if (cgroup_write_u64(dir, file, bfq ? w : cgroup_blkio_to_weight(w), e) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->weight_device.n; i++) {
		uint64_t w = (uint64_t)d[i].weight.v;

		if (d[i].leaf_weight.set)
			return err_set(
				e, ERR_FAIL,
				"blockIO.weightDevice[%zu].leafWeight: cgroup v2 has no such "
				"setting",
				i);
		if (write_device(dir, file, d[i].major, d[i].minor, "",
				 bfq ? w : cgroup_blkio_to_weight(w), e) < 0)
			return -1;
	}
	return 0;
}

int cgroup_io_v2(int dir, const struct oci_resources *r, struct err *e)
{
	const struct oci_block_io *b = &r->block_io;

	if (weights_v2(dir, b, e) < 0 ||
	    throttle_all(dir, "io.max", "rbps=", &b->read_bps, e) < 0 ||
	    throttle_all(dir, "io.max", "wbps=", &b->write_bps, e) < 0 ||
	    throttle_all(dir, "io.max", "riops=", &b->read_iops, e) < 0)
		return -1;
	return throttle_all(dir, "io.max", "wiops=", &b->write_iops, e);
}

int cgroup_rdma(int dir, const struct oci_resources *r, struct err *e)
{
	const struct oci_rdma *d = r->rdma.v;

	for (size_t i = 0; i < r->rdma.n; i++) {
		own(buf) struct buf text = { 0 };

		buf_add(&text, d[i].device);
		if (d[i].hca_handles.set)
			buf_addf(&text, " hca_handle=%lld", (long long)d[i].hca_handles.v);
		if (d[i].hca_objects.set)
			buf_addf(&text, " hca_object=%lld", (long long)d[i].hca_objects.v);
		if (cgroup_write(dir, "rdma.max", text.s, e) < 0)
			return -1;
	}
	return 0;
}

int cgroup_hugetlb(int dir, const struct oci_resources *r, const char *suffix, struct err *e)
{
	const struct oci_hugepage_limit *l = r->hugepage_limits.v;

	for (size_t i = 0; i < r->hugepage_limits.n; i++) {
		char file[64];

		snprintf(file, sizeof(file), "hugetlb.%.20s.%s", l[i].page_size, suffix);
		if (strchr(file, '/'))
			return err_set(e, ERR_USAGE, "bad huge page size \"%.20s\"",
				       l[i].page_size);
		if (cgroup_write_u64(dir, file, (uint64_t)l[i].limit, e) < 0)
			return -1;
		/* What is reserved is counted for itself, Linux 5.7. */
		snprintf(file, sizeof(file), "hugetlb.%.20s.rsvd.%s", l[i].page_size, suffix);
		if (faccessat(dir, file, F_OK, 0) == 0 &&
		    cgroup_write_u64(dir, file, (uint64_t)l[i].limit, e) < 0)
			return -1;
	}
	return 0;
}
