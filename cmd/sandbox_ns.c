/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces of a sandbox: options to configuration, and what inspect shows of them. */
#include <sched.h>

#include "common.h"
#include "pod/sandbox_ns.h"
#include "sandbox.h"

static int set_pid(const char *mode, struct cri_namespace_options *ns, struct err *e)
{
	if (!mode)
		return 0;
	if (str_eq(mode, "container"))
		ns->pid = CRI_NS_CONTAINER;
	else if (str_eq(mode, "sandbox"))
		ns->pid = CRI_NS_POD;
	else if (str_eq(mode, "host"))
		ns->pid = CRI_NS_NODE;
	else
		return err_set(e, ERR_USAGE, "--pid %.40s: expected container, sandbox or host",
			       mode);
	return 0;
}

int sandbox_config_ns(const struct sandbox_ns_args *a, struct cri_sandbox_config *c, struct err *e)
{
	option_win_map(&c->linux_.sysctls, &a->sysctls);
	return set_pid(a->pid, &c->linux_.security_context.namespace_options, e);
}

struct json_object *sandbox_ns_json(const struct store *s, const struct sandbox *sb)
{
	// clang-format off
	static const struct {
		const char *key, *file, *host; /* host: NULL: then there is nothing to show */
		unsigned flag;
	} types[] = {
		{ "network", "net",  "/proc/1/ns/net", CLONE_NEWNET },
		{ "ipc",     "ipc",  "/proc/1/ns/ipc", CLONE_NEWIPC },
		{ "uts",     "uts",  "/proc/1/ns/uts", CLONE_NEWUTS },
		{ "pid",     "pid",  NULL,             CLONE_NEWPID },
		{ "user",    "user", NULL,             CLONE_NEWUSER },
	};
	// clang-format on
	unsigned flags = sandbox_ns_flags(&sb->record.config);
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		own(str) char *path = sandbox_ns_path(s, sb->id, types[i].file);

		if (flags & types[i].flag)
			json_add_str(o, types[i].key, sb->ready ? path : "");
		else if (types[i].host)
			json_add_str(o, types[i].key, types[i].host);
	}
	return o;
}
