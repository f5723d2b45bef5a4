/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni_exec.h - one run of one CNI plugin, bounded in every way.
 * https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md, section 2.
 *
 * The plugin gets CNI_* and PATH and nothing else of our environment, the JSON on its standard
 * input, no other open file, a session of its own. It dies with us.
 */
#ifndef CADDIS_NETWORK_CNI_EXEC_H
#define CADDIS_NETWORK_CNI_EXEC_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct cni_call {
	const char *command;		/* "ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION" */
	const char *container, *ifname; /* NULL: not part of this command */
	const char *netns;		/* "": it is gone */
	const char *args;		/* CNI_ARGS; NULL: none */
	const struct strv *dirs;	/* where plugins are: the only places that are looked at */
	int64_t timeout;		/* ns, for the whole run */
};

/*
 * Runs the plugin of that type with json on its standard input. out: what it printed, at most 1
 * MiB. The error is the plugin's own message, or how it failed: not there, not executable, killed,
 * too slow (it and what it started are then ended), too talkative. *code (may be NULL): the
 * plugin's error code, 0 when it gave none.
 */
int cni_exec(const char *type, const struct cni_call *c, const char *json, struct buf *out,
	     int *code, struct err *e);
/* The plugin's path; ERR_NOT_FOUND names the directories. Newly allocated; NULL with *e. */
char *cni_exec_find(const char *type, const struct strv *dirs, struct err *e);
/*
 * Kills what an earlier run for this container left when its caddis was killed: processes that
 * still have CNI_CONTAINERID=<container> in the environment that they began with, of the group or
 * not. Returns when they are gone (at most a few seconds).
 */
void cni_exec_kill_left(const char *container);

#endif
