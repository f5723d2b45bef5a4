/* SPDX-License-Identifier: GPL-2.0-or-later */
/* security.h - options about users and security profiles, for sandboxes and containers. */
#ifndef CADDIS_CMD_SECURITY_H
#define CADDIS_CMD_SECURITY_H

#include "base/err.h"
#include "spec/cri.h"

/* Where each goes; a struct is made when its option is there. */
struct security_options {
	struct cri_profile **seccomp, **apparmor;
	struct cri_selinux **selinux;
};
/*
 * "--security-opt": seccomp=default|unconfined|FILE, apparmor=default|unconfined|PROFILE,
 * label=user|role|type|level:VALUE.
 */
int security_options_parse(const struct strv *opts, const struct security_options *to,
			   struct err *e);
/* A user or group ID; the name is for the error. Not given: nothing changes. */
int security_id_option(const char *name, const struct optint *v, struct cri_int64 **out,
		       struct err *e);
int security_groups_option(const struct strv *given, struct intlist *out, struct err *e);

#endif
