/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

/* Written by the generator: seccomp_default_insns[], seccomp_default_patches[]. */
struct seccomp_patch {
	unsigned short insn; /* a RET that refuses */
	uint64_t caps;	     /* any of these opens it */
};
#include "seccomp_default.h"

int seccomp_default(uint64_t caps, struct seccomp *out, struct err *e)
{
	size_t n = ARRAY_LEN(seccomp_default_insns);

	(void)e;
	out->insns = xreallocarray(NULL, n, sizeof(*out->insns));
	memcpy(out->insns, seccomp_default_insns, sizeof(seccomp_default_insns));
	for (size_t i = 0; i < ARRAY_LEN(seccomp_default_patches); i++)
		if (seccomp_default_patches[i].caps & caps)
			out->insns[seccomp_default_patches[i].insn].k = SECCOMP_RET_ALLOW;
	out->n = (unsigned short)n;
	out->flags = 0;
	return 0;
}

int seccomp_install(const struct seccomp *f, struct err *e)
{
	struct sock_fprog prog = { .len = f->n, .filter = f->insns };
	int fd;

	if (!f->insns)
		return 0;
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags, &prog);
	return fd < 0 ? err_sys(e, "install the seccomp filter") : fd;
}

void seccomp_free(struct seccomp *f)
{
	free(f->insns);
	*f = (struct seccomp){ 0 };
}
