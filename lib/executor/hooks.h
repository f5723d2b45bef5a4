/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hooks.h - the commands that config.json has run at points of a container's life.
 * https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#posix-platform-hooks
 *
 *   prestart, createRuntime   executor_create(): once all is mounted, before the root changes; ours
 *   createContainer           right after them, in the container's namespaces and our root
 *   startContainer            executor_start(): before the program, as and in the container
 *   poststart, poststop       the caller's, by hooks_run(); ours
 *
 * One that fails, or of which the time is up, ends the matter: those after it do not run.
 */
#ifndef CADDIS_EXECUTOR_HOOKS_H
#define CADDIS_EXECUTOR_HOOKS_H

#include <sys/types.h>

#include "base/err.h"
#include "spec/oci.h"

/* The state as the specification has it, one line of JSON; pid 0 or below: none. Newly allocated. */
char *hooks_state(const struct oci_spec *spec, const char *id, const char *bundle,
		  const char *status, pid_t pid);
/*
 * Runs one after the other (struct oci_hook), each with state on its standard input and nothing in
 * its environment but its own. kind goes into the error: "hook poststart[1] /bin/x: ended with status
 * 3: its last words". Whoever is left of one that is out of time is killed, with its process group.
 */
int hooks_run(const char *kind, const struct objlist *hooks, const char *state, struct err *e);

#endif
