/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces of a sandbox: options to configuration, and what inspect shows of them. */
#include <sched.h>

#include "common.h"
#include "pod/sandbox_ns.h"
#include "sandbox.h"
#include "spec/oci.h"

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

/* "CONTAINER:HOST:SIZE[,…]" */
static int parse_map(const char *text, struct objlist *out, struct err *e)
{
	own(strv) struct strv lines = { 0 };

	strv_split(&lines, text, ',');
	for (size_t i = 0; i < lines.n; i++) {
		own(strv) struct strv n = { 0 };
		struct oci_id_mapping *m = objlist_add(out, &cri_id_mapping_table);

		strv_split(&n, lines.v[i], ':');
		if (n.n != 3 || str_to_i64(n.v[0], 0, UINT32_MAX, &m->container_id) < 0 ||
		    str_to_i64(n.v[1], 0, UINT32_MAX, &m->host_id) < 0 ||
		    str_to_i64(n.v[2], 1, UINT32_MAX, &m->size) < 0)
			return err_set(e, ERR_USAGE,
				       "--userns %.80s: expected auto, host or "
				       "CONTAINER:HOST:SIZE[,...], e.g. 0:100000:65536",
				       lines.v[i]);
	}
	return 0;
}

static int set_userns(const char *mode, struct cri_namespace_options *ns, struct err *e)
{
	struct cri_userns *u;

	if (!mode)
		return 0;
	if (!ns->userns_options)
		ns->userns_options = xcalloc(1, sizeof(*u));
	u = ns->userns_options;
	fields_free(&cri_userns_table, u);
	if (str_eq(mode, "auto"))
		return 0;
	if (str_eq(mode, "host")) {
		u->mode = CRI_NS_NODE;
		return 0;
	}
	return parse_map(mode, &u->uids, e) < 0 || parse_map(mode, &u->gids, e) < 0 ? -1 : 0;
}

int sandbox_config_ns(const struct sandbox_ns_args *a, struct cri_sandbox_config *c, struct err *e)
{
	option_win_map(&c->linux_.sysctls, &a->sysctls);
	if (set_userns(a->userns, &c->linux_.security_context.namespace_options, e) < 0)
		return -1;
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
