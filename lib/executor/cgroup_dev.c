/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device rules on v2: a BPF program. The kernel hands it the type and access (one word), major
 * and minor; it answers 1 (allowed) or 0. As in v1 the last rule that fits decides, so they are
 * tested from the last to the first.
 */
#include "executor/cgroup_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RULES_MAX 400
#define INSNS_PER_RULE 9
#define REG_TYPE 2
#define REG_ACCESS 3
#define REG_MAJOR 4
#define REG_MINOR 5

struct dev_prog {
	struct bpf_insn v[RULES_MAX * INSNS_PER_RULE + 16];
	size_t n;
};

static void emit(struct dev_prog *p, int code, int dst, int src, int off, int imm)
{
	p->v[p->n++] = (struct bpf_insn){ .code = (unsigned char)code,
					  .dst_reg = (unsigned char)dst & 15,
					  .src_reg = (unsigned char)src & 15,
					  .off = (short)off,
					  .imm = imm };
}

static void emit_start(struct dev_prog *p)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, REG_TYPE, 1, 0, 0);
	emit(p, BPF_ALU | BPF_AND | BPF_K, REG_TYPE, 0, 0, 0xffff);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, REG_ACCESS, 1, 0, 0);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, REG_ACCESS, 0, 0, 16);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, REG_MAJOR, 1, 4, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, REG_MINOR, 1, 8, 0);
}

static int access_bits(const char *s)
{
	int bits = 0;

	for (; s && *s; s++) {
		bits |= *s == 'r' ? BPF_DEVCG_ACC_READ : 0;
		bits |= *s == 'w' ? BPF_DEVCG_ACC_WRITE : 0;
		bits |= *s == 'm' ? BPF_DEVCG_ACC_MKNOD : 0;
	}
	return bits;
}

/* True when the rule fits everything: what comes before it in the list never counts. */
static bool emit_rule(struct dev_prog *p, const struct oci_device_rule *r)
{
	const int all = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
	bool any_type = !r->type || r->type[0] == 'a';
	int access = r->access ? access_bits(r->access) : all;
	size_t jumps[4] = { 0 }, n = 0, start = p->n;

	if (!any_type) {
		jumps[n++] = p->n;
		emit(p, BPF_JMP | BPF_JNE | BPF_K, REG_TYPE, 0, 0,
		     r->type[0] == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	}
	if (access != all && !any_type) {
		/* Allowing needs all that is wanted to be in the rule; denying, any of it. */
		emit(p, BPF_ALU | BPF_MOV | BPF_X, 1, REG_ACCESS, 0, 0);
		emit(p, BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, r->allow ? all & ~access : access);
		jumps[n++] = p->n;
		emit(p, BPF_JMP | (r->allow ? BPF_JNE : BPF_JEQ) | BPF_K, 1, 0, 0, 0);
	}
	if (r->major.set && r->major.v >= 0 && !any_type) {
		jumps[n++] = p->n;
		emit(p, BPF_JMP | BPF_JNE | BPF_K, REG_MAJOR, 0, 0, (int)r->major.v);
	}
	if (r->minor.set && r->minor.v >= 0 && !any_type) {
		jumps[n++] = p->n;
		emit(p, BPF_JMP | BPF_JNE | BPF_K, REG_MINOR, 0, 0, (int)r->minor.v);
	}
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, r->allow);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < n; i++)
		p->v[jumps[i]].off = (short)(p->n - jumps[i] - 1);
	return n == 0 && p->n > start;
}

static int dev_load(const struct dev_prog *p)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)p->v,
		.insn_cnt = (unsigned)p->n,
		.license = (uint64_t)(uintptr_t) "GPL",
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

int cgroup_dev_attach(int dir, const struct objlist *rules, struct err *e)
{
	const struct oci_device_rule *r = rules->v;
	struct dev_prog *p;
	union bpf_attr attr = { .attach_type = BPF_CGROUP_DEVICE,
				.attach_flags = BPF_F_ALLOW_MULTI };
	own(fd) int prog = -1;
	own(fd) int target = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool decided = false;

	if (target < 0)
		return err_sys(e, "open the cgroup");
	if (rules->n > RULES_MAX)
		return err_set(e, ERR_USAGE, "more than %d device rules", RULES_MAX);
	p = xcalloc(1, sizeof(*p));
	emit_start(p);
	for (size_t i = rules->n; i > 0 && !decided; i--)
		decided = emit_rule(p, &r[i - 1]);
	if (!decided) {
		emit(p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
		emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
	prog = dev_load(p);
	free(p);
	if (prog < 0)
		return err_sys(e, "load the device rules");
	attr.target_fd = (unsigned)target;
	attr.attach_bpf_fd = (unsigned)prog;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0)
		return err_sys(e, "attach the device rules");
	return 0;
}
