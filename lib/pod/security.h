/* SPDX-License-Identifier: GPL-2.0-or-later */
/* security.h - a container's security context: what it takes over from its sandbox, and its part of
 * the OCI spec. */
#ifndef CADDIS_POD_SECURITY_H
#define CADDIS_POD_SECURITY_H

#include "pod/container.h"

/*
 * What the container leaves open is as in its sandbox: user and group, supplemental groups (added),
 * a read-only root, seccomp, AppArmor, SELinux. A privileged one needs a sandbox that says so (CRI:
 * "if a privileged container is to be executed within it, this MUST be true").
 */
int security_inherit(const struct sandbox *sb, struct cri_container_config *c, struct err *e);
/* "UID:GID", "name:GID", …, for the executor to look up. Newly allocated; NULL with *e. */
char *security_user(const struct cri_container_security *sec, const char *image_user,
		    struct err *e);
/* Groups, paths, no_new_privs, seccomp profile, labels. */
int security_spec(struct store *s, const struct container_record *r, struct oci_spec *spec,
		  struct err *e);
/* Is a sandbox's profile, which its containers take over, there and a filter? */
int security_check_seccomp(const struct cri_profile *p, struct err *e);
/* For the executor: is the built-in filter wanted, and ROOT/seccomp (-1: none). */
bool security_default_seccomp(const struct cri_container_security *sec);
int security_seccomp_cache(const struct store *s, const struct oci_spec *spec);
bool security_selinux_on(void);

#endif
