/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a configuration must satisfy beyond its fields' types, before anything is made. */
#include "pod/sandbox_ns.h"
#include "spec/label.h"

#define ANNOTATIONS_MAX (256 * 1024) /* bytes of keys and values together, as Kubernetes has it */

int check_labels(const struct strmap *labels, struct err *e)
{
	for (size_t i = 0; i < labels->n; i++) {
		const struct strpair *l = &labels->v[i];
		const char *why = label_key_check(l->key);

		if (why)
			return err_set(e, ERR_USAGE, "label '%.80s': %s", l->key, why);
		why = label_value_check(l->value);
		if (why)
			return err_set(e, ERR_USAGE, "label %s: value '%.80s': %s", l->key,
				       l->value, why);
	}
	return 0;
}

int check_annotations(const struct strmap *annotations, struct err *e)
{
	size_t bytes = 0;

	for (size_t i = 0; i < annotations->n; i++)
		bytes += strlen(annotations->v[i].key) + strlen(annotations->v[i].value);
	if (bytes > ANNOTATIONS_MAX)
		return err_set(e, ERR_USAGE, "annotations of %zu bytes: at most %d together", bytes,
			       ANNOTATIONS_MAX);
	return 0;
}

int sandbox_check(const struct cri_sandbox_config *c, struct err *e)
{
	const char *parent = c->linux_.cgroup_parent;
	const char *name = c->metadata.name;

	if (str_some(name) && name_check(name))
		return err_set(e, ERR_USAGE, "sandbox name '%.80s': %s", name, name_check(name));
	if (str_some(c->hostname) &&
	    (strlen(c->hostname) > 63 ||
	     strspn(c->hostname,
		    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") !=
		     strlen(c->hostname)))
		return err_set(e, ERR_USAGE,
			       "hostname '%.80s': at most 63 letters, digits, '.', '_' and '-'",
			       c->hostname);
	if (str_some(parent) &&
	    (parent[0] != '/' || strstr(parent, "/../") || str_ends(parent, "/..")))
		return err_set(e, ERR_USAGE,
			       "cgroup parent '%.80s': must be absolute and without '..'", parent);
	if (str_some(c->log_directory) && c->log_directory[0] != '/')
		return err_set(e, ERR_USAGE, "log directory '%.200s': must be an absolute path",
			       c->log_directory);
	if (check_labels(&c->labels, e) < 0 || check_annotations(&c->annotations, e) < 0)
		return -1;
	return sandbox_ns_check(c, e);
}
