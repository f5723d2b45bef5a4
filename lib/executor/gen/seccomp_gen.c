/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seccomp_gen.c - compiles the default profile to a BPF program, run when caddis is built.
 *
 * Numbers come from libseccomp, the program from here: for each ABI the numbers are merged to
 * ranges of one verdict and searched by bisection, which is several times smaller and faster to
 * load than a test for each call. The tests come first, then each verdict once.
 */
#include "seccomp_profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NUMBERS_MAX 1024 /* ARM's private calls lie far above: see below */
#define PROGRAM_MAX 4096

struct verdict {
	unsigned ret;
	unsigned long long caps;   /* patched to ALLOW with any of these */
	const struct check *check; /* else: what is tested before ALLOW */
};

static struct sock_filter program[PROGRAM_MAX];
static size_t program_len;
static struct {
	size_t insn;
	unsigned long long caps;
} patches[PROGRAM_MAX];
static size_t patches_len;

static size_t emit(unsigned code, unsigned jt, unsigned jf, unsigned k)
{
	if (program_len == PROGRAM_MAX || jt > 255 || jf > 255) {
		fprintf(stderr, "seccomp_gen: the program grows too large\n");
		exit(1);
	}
	program[program_len] = (struct sock_filter){ (unsigned short)code, (unsigned char)jt,
						     (unsigned char)jf, k };
	return program_len++;
}

static void emit_ret(unsigned ret, unsigned long long caps)
{
	size_t at = emit(BPF_RET | BPF_K, 0, 0, ret);

	if (caps) {
		patches[patches_len].insn = at;
		patches[patches_len++].caps = caps;
	}
}

static bool named(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static struct verdict verdict_of(uint32_t arch, int nr)
{
	const unsigned eperm = SECCOMP_RET_ERRNO | EPERM, enosys = SECCOMP_RET_ERRNO | ENOSYS;
	char *name = seccomp_syscall_resolve_num_arch(arch, nr);
	struct verdict v = { .ret = eperm };

	if (!name)
		return (struct verdict){ .ret = enosys };
	if (named(allowed, LEN(allowed), name))
		v.ret = SECCOMP_RET_ALLOW;
	for (size_t i = 0; i < LEN(gated); i++)
		if (strcmp(gated[i].name, name) == 0)
			v.caps = gated[i].caps;
	for (size_t i = 0; i < LEN(checked); i++)
		if (strcmp(checked[i].name, name) == 0)
			v.check = &checked[i];
	if (named(pretended_missing, LEN(pretended_missing), name))
		v = (struct verdict){ .ret = enosys, .caps = PRETENDED_MISSING_CAPS };
	free(name);
	return v;
}

static bool same(const struct verdict *a, const struct verdict *b)
{
	return a->ret == b->ret && a->caps == b->caps && a->check == b->check;
}

static void emit_check(const struct check *c)
{
	const unsigned eperm = SECCOMP_RET_ERRNO | EPERM;
	bool allow_listed = c->kind == ALLOW_VALUES;

	/* Little endian: the low word comes first. */
	emit(BPF_LD | BPF_W | BPF_ABS, 0, 0,
	     (unsigned)(offsetof(struct seccomp_data, args) + 8 * (size_t)c->arg));
	for (int i = 0; i < c->n; i++) {
		unsigned op = c->kind == REFUSE_BITS ? BPF_JSET : BPF_JEQ;

		/* To the second RET below. */
		emit(BPF_JMP | op | BPF_K, (unsigned)(c->n - i), 0, c->values[i]);
	}
	emit_ret(allow_listed ? eperm : SECCOMP_RET_ALLOW, allow_listed ? c->caps : 0);
	emit_ret(allow_listed ? SECCOMP_RET_ALLOW : eperm, allow_listed ? 0 : c->caps);
}

struct range {
	unsigned first;
	struct verdict v;
};

/* Where a jump goes that was emitted before its target: to the block of a verdict. */
static struct {
	size_t insn;
	bool if_true;
	const struct verdict *v;
} jumps[2 * NUMBERS_MAX];
static size_t jumps_len;

static unsigned char distance(size_t from, size_t to)
{
	if (to - from - 1 > 255) {
		fprintf(stderr, "seccomp_gen: a jump grows too far\n");
		exit(1);
	}
	return (unsigned char)(to - from - 1);
}

/* A test for each boundary between ranges lo..hi-1, the number in the accumulator. */
static void emit_search(const struct range *r, size_t lo, size_t hi)
{
	size_t mid = lo + (hi - lo) / 2;
	size_t at = emit(BPF_JMP | BPF_JGE | BPF_K, 0, 0, r[mid].first);

	if (mid - lo > 1) /* to the next instruction */
		emit_search(r, lo, mid);
	else
		jumps[jumps_len++] = (typeof(jumps[0])){ at, false, &r[lo].v };
	if (hi - mid > 1) {
		program[at].jt = distance(at, program_len);
		emit_search(r, mid, hi);
	} else {
		jumps[jumps_len++] = (typeof(jumps[0])){ at, true, &r[mid].v };
	}
}

/* One block for each verdict, however many ranges have it. */
static void emit_verdicts(void)
{
	for (size_t i = 0; i < jumps_len; i++) {
		const struct verdict *v = jumps[i].v;
		size_t block = program_len;

		if (!v)
			continue;
		if (v->check)
			emit_check(v->check);
		else
			emit_ret(v->ret, v->caps);
		for (size_t j = i; j < jumps_len; j++) {
			struct sock_filter *f = &program[jumps[j].insn];

			if (!jumps[j].v || !same(jumps[j].v, v))
				continue;
			*(jumps[j].if_true ? &f->jt : &f->jf) = distance(jumps[j].insn, block);
			if (j > i)
				jumps[j].v = NULL;
		}
	}
	jumps_len = 0;
}

static void emit_abi(uint32_t scmp_arch)
{
	static struct range r[NUMBERS_MAX + 1];
	size_t n = 0;

	for (int nr = 0; nr < NUMBERS_MAX; nr++) {
		struct verdict v = verdict_of(scmp_arch, nr);

		if (n > 0 && same(&r[n - 1].v, &v))
			continue;
		r[n++] = (struct range){ (unsigned)nr, v };
	}
	if (scmp_arch == SCMP_ARCH_ARM) {
		/* Private calls: breakpoint, cacheflush, usr26, usr32, set_tls, get_tls. */
		r[n++] = (struct range){ 0x0f0001, { .ret = SECCOMP_RET_ALLOW } };
		r[n++] = (struct range){ 0x0f0007, { .ret = SECCOMP_RET_ERRNO | ENOSYS } };
	}
	emit_search(r, 0, n);
	emit_verdicts();
}

#if defined(__x86_64__)
static const struct abi {
	uint32_t audit, scmp;
	unsigned refuse_from; /* numbers with this bit: another ABI behind the same arch; 0: none */
} abis[] = {
	/* x32 shares the architecture of x86-64; nobody uses it, and it doubles the surface. */
	{ AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, 0x40000000 },
	{ AUDIT_ARCH_I386, SCMP_ARCH_X86, 0 },
};
#elif defined(__aarch64__)
static const struct abi {
	uint32_t audit, scmp;
	unsigned refuse_from;
} abis[] = {
	{ AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64, 0 },
	{ AUDIT_ARCH_ARM, SCMP_ARCH_ARM, 0 },
};
#else
#error "the default seccomp profile knows x86-64 and arm64"
#endif

static void emit_all(void)
{
	emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < LEN(abis); i++) {
		size_t skip;

		emit(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, abis[i].audit);
		skip = emit(BPF_JMP | BPF_JA, 0, 0, 0);
		emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
		if (abis[i].refuse_from) {
			emit(BPF_JMP | BPF_JGE | BPF_K, 0, 1, abis[i].refuse_from);
			emit_ret(SECCOMP_RET_ERRNO | EPERM, 0);
		}
		emit_abi(abis[i].scmp);
		program[skip].k = (unsigned)(program_len - skip - 1);
	}
	emit_ret(SECCOMP_RET_KILL_PROCESS, 0);
}

int main(void)
{
	emit_all();
	printf("/* Generated by lib/executor/gen/seccomp_gen.c. */\n");
	printf("static const struct sock_filter seccomp_default_insns[] = {\n");
	for (size_t i = 0; i < program_len; i++)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", program[i].code, program[i].jt,
		       program[i].jf, program[i].k);
	printf("};\nstatic const struct seccomp_patch seccomp_default_patches[] = {\n");
	for (size_t i = 0; i < patches_len; i++)
		printf("\t{ %zu, 0x%llx },\n", patches[i].insn, patches[i].caps);
	printf("};\n");
	return 0;
}
