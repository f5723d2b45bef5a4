/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox_ns.h - the namespaces of a sandbox: which it has, making, looking at and dropping them. */
#ifndef CADDIS_POD_SANDBOX_NS_H
#define CADDIS_POD_SANDBOX_NS_H

#include "base/proc.h"
#include "pod/sandbox.h"

/* CLONE_NEW* that a sandbox of this configuration has of its own. */
unsigned sandbox_ns_flags(const struct cri_sandbox_config *c);
/* What cannot be, before anything is made: sysctls of namespaces that it has not, bad id maps. */
int sandbox_ns_check(const struct cri_sandbox_config *c, struct err *e);
/*
 * Pins them below STATE/sandboxes/<id>/ns. A shared pid namespace costs the one process that a
 * sandbox can have: STATE/sandboxes/<id>/init says who it is, and it is in the cgroup
 * <sandbox>/init.
 */
int sandbox_ns_create(struct store *s, const char *id, const struct sandbox_record *rec,
		      struct err *e);
/* Ends that process and unpins them. Twice is a success. */
int sandbox_ns_drop(struct store *s, const char *id, struct err *e);
/* Are they all there, and does that process live? */
bool sandbox_ns_ready(const struct store *s, const char *id, const struct cri_sandbox_config *c);
/* The shared pid namespace's first process; ERR_NOT_FOUND when there is none. */
int sandbox_ns_init(const struct store *s, const char *id, struct proc_id *out, struct err *e);

#endif
