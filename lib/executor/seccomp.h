/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seccomp.h - system call filters as BPF programs, ready to be installed.
 *
 * The default filter is compiled when caddis is built (gen/seccomp_gen.c). Calls that go with a
 * capability are refused in it by single RET instructions, listed with the capabilities that open
 * them: giving a container a capability patches these to ALLOW. So there is one program, not one
 * for each set.
 */
#ifndef CADDIS_EXECUTOR_SECCOMP_H
#define CADDIS_EXECUTOR_SECCOMP_H

#include <linux/filter.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct json_object;

struct seccomp {
	struct sock_filter *insns; /* NULL: no filter */
	unsigned short n;
	unsigned flags; /* SECCOMP_FILTER_FLAG_* */
};
/* caps: the bounding set, bit N for capability N. */
int seccomp_default(uint64_t caps, struct seccomp *out, struct err *e);
/*
 * linux.seccomp of an OCI spec, or a profile of Docker's format: that one's archMap, and its rules'
 * includes and excludes (caps, arches, minKernel) are decided here. By libseccomp; in the parent,
 * for it opens a library. Errors name the place ("syscalls[3].action").
 */
int seccomp_compile(struct json_object *profile, uint64_t caps, struct seccomp *out, struct err *e);
/* The same through files in the directory dir (-1: none), one for each profile and set of
 * capabilities; only root may write there. */
int seccomp_compile_cached(int dir, struct json_object *profile, uint64_t caps, struct seccomp *out,
			   struct err *e);
/* The names that a profile may use. */
struct strv;
void seccomp_names(struct strv *actions, struct strv *operators, struct strv *archs,
		   struct strv *flags);
/* 0; with SECCOMP_FILTER_FLAG_NEW_LISTENER (which goes with SCMP_ACT_NOTIFY) its listener's fd. */
int seccomp_install(const struct seccomp *f, struct err *e);
void seccomp_free(struct seccomp *f);
OWNED_STRUCT(seccomp, struct seccomp, seccomp_free)

#endif
