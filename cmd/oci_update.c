/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis-oci update. */
#include <fcntl.h>

#include "common.h"
#include "oci.h"

// clang-format off
const struct opt oci_update_opts[] = {
	OPT('r', "resources", "FILE", OPT_STR, struct oci_update_args, resources, "limits as in linux.resources of config.json; -: from standard input", "file"),
	OPT(0, "blkio-weight", "N", OPT_INT, struct oci_update_args, blkio_weight, "weight of its block I/O, 10 to 1000"),
	OPT(0, "cpu-period", "MICROSECONDS", OPT_INT, struct oci_update_args, cpu_period, "period of --cpu-quota"),
	OPT(0, "cpu-quota", "MICROSECONDS", OPT_INT, struct oci_update_args, cpu_quota, "CPU time in each period; -1: no limit"),
	OPT(0, "cpu-burst", "MICROSECONDS", OPT_INT, struct oci_update_args, cpu_burst, "CPU time that may be saved up"),
	OPT(0, "cpu-share", "N", OPT_INT, struct oci_update_args, cpu_shares, "weight among its siblings, 2 to 262144"),
	OPT(0, "cpu-rt-period", "MICROSECONDS", OPT_INT, struct oci_update_args, rt_period, "period of --cpu-rt-runtime"),
	OPT(0, "cpu-rt-runtime", "MICROSECONDS", OPT_INT, struct oci_update_args, rt_runtime, "real-time CPU time in each period"),
	OPT(0, "cpu-idle", "0|1", OPT_INT, struct oci_update_args, cpu_idle, "1: runs when nobody else wants to"),
	OPT(0, "cpuset-cpus", "LIST", OPT_STR, struct oci_update_args, cpus, "only these CPUs, e.g. 0-1,3"),
	OPT(0, "cpuset-mems", "LIST", OPT_STR, struct oci_update_args, mems, "only memory of these nodes"),
	OPT(0, "memory", "SIZE", OPT_STR, struct oci_update_args, memory, "memory limit; -1: none"),
	OPT(0, "memory-reservation", "SIZE", OPT_STR, struct oci_update_args, reservation, "memory that it keeps when memory is short"),
	OPT(0, "memory-swap", "SIZE", OPT_STR, struct oci_update_args, swap, "limit of memory and swap together; -1: none"),
	OPT(0, "kernel-memory", "SIZE", OPT_STR, struct oci_update_args, kernel, "understood, without effect: the kernel has no such limit any more"),
	OPT(0, "kernel-memory-tcp", "SIZE", OPT_STR, struct oci_update_args, kernel_tcp, "limit of memory of TCP buffers (cgroup v1)"),
	OPT(0, "pids-limit", "N", OPT_INT, struct oci_update_args, pids, "number of processes; -1: no limit"),
	OPT(0, "l3-cache-schema", "TEXT", OPT_STR, struct oci_update_args, l3_cache, "refused: Intel RDT is set by config.json alone"),
	OPT(0, "mem-bw-schema", "TEXT", OPT_STR, struct oci_update_args, mem_bw, "refused: Intel RDT is set by config.json alone"),
	OPT_END,
};
// clang-format on

static void set_if(struct optint *to, const struct optint *given)
{
	if (given->set)
		*to = *given;
}

static int set_size(const char *name, const char *given, struct optint *to, struct err *e)
{
	if (!given)
		return 0;
	if (str_eq(given, "-1")) {
		*to = OPTINT(-1);
		return 0;
	}
	return size_option(name, given, to, e);
}

static int read_resources(const char *path, struct oci_resources *r, struct err *e)
{
	own(fd) int file = -1;

	if (!path)
		return 0;
	if (str_eq(path, "-"))
		return oci_resources_load(0, "standard input", r, e);
	file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file < 0)
		return err_sys(e, "--resources %s", path);
	return oci_resources_load(file, path, r, e);
}

static int fill(const struct oci_update_args *a, struct oci_resources *r, struct err *e)
{
	if (a->l3_cache || a->mem_bw)
		return err_set(e, ERR_USAGE, "--%s: Intel RDT is set by config.json alone",
			       a->l3_cache ? "l3-cache-schema" : "mem-bw-schema");
	if (read_resources(a->resources, r, e) < 0 ||
	    set_size("memory", a->memory, &r->memory.limit, e) < 0 ||
	    set_size("memory-reservation", a->reservation, &r->memory.reservation, e) < 0 ||
	    set_size("memory-swap", a->swap, &r->memory.swap, e) < 0 ||
	    set_size("kernel-memory-tcp", a->kernel_tcp, &r->memory.kernel_tcp, e) < 0)
		return -1;
	set_if(&r->block_io.weight, &a->blkio_weight);
	set_if(&r->cpu.period, &a->cpu_period);
	set_if(&r->cpu.quota, &a->cpu_quota);
	set_if(&r->cpu.burst, &a->cpu_burst);
	set_if(&r->cpu.shares, &a->cpu_shares);
	set_if(&r->cpu.realtime_period, &a->rt_period);
	set_if(&r->cpu.realtime_runtime, &a->rt_runtime);
	set_if(&r->cpu.idle, &a->cpu_idle);
	set_if(&r->pids.limit, &a->pids);
	if (a->cpus)
		str_set(&r->cpu.cpus, a->cpus);
	if (a->mems)
		str_set(&r->cpu.mems, a->mems);
	return oci_resources_check(r, e);
}

int oci_update_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(oci_home) struct oci_home home = { .dir = -1 };
	struct oci_resources r = { 0 };
	struct err e;
	int rc = 0;

	(void)n;
	if (fill(args, &r, &e) < 0 || oci_open_home(cli, &home, &e) < 0 ||
	    oci_update(&home, operands[0], &r, &e) < 0)
		rc = -1;
	fields_free(&oci_resources_table, &r);
	return rc < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}
