/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a configuration must satisfy beyond its fields' types, before anything is made. */
#include "executor/cgroup.h"
#include "network/addr.h"
#include "pod/sandbox_ns.h"
#include "pod/security.h"
#include "spec/label.h"

#define ANNOTATIONS_MAX (256 * 1024) /* bytes of keys and values together, as Kubernetes has it */
#define CGROUP_PARENT_MAX 512

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

/* Also once the IDs of sandbox, container and exec are below it: cgroup_check_path() goes further.
 */
static int check_cgroup_parent(const char *parent, struct err *e)
{
	own(str) char *below = str_fmt("%s%sx", parent, str_ends(parent, "/") ? "" : "/");

	if (strlen(parent) > CGROUP_PARENT_MAX)
		return err_set(e, ERR_USAGE, "cgroup parent '%.80s...': longer than %d bytes",
			       parent, CGROUP_PARENT_MAX);
	if (cgroup_check_path(below, e) < 0)
		return err_set(e, ERR_USAGE,
			       "cgroup parent '%.80s': must be absolute and without '.' and '..'",
			       parent);
	return 0;
}

static const char *name_server_check(const char *s)
{
	own(str) char *address = xstrndup(s, strcspn(s, "%"));
	struct ip a;

	if (ip_parse(address, &a) < 0)
		return "expected an IP address";
	if (s[strlen(address)] && (a.family != AF_INET6 || !str_is_word(s)))
		return "expected an IP address, or one of IPv6 with %INTERFACE";
	return NULL;
}

static const char *word_check(const char *s)
{
	return str_is_word(s) ? NULL : "expected one word";
}

/* They become lines of resolv.conf: none may begin another line or pass for something else. */
static int check_dns_list(const char *what, const struct strv *l,
			  const char *(*check)(const char *), struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *why = check(l->v[i]);

		if (why) {
			own(str) char *shown = str_printable(l->v[i], strlen(l->v[i]));

			return err_set(e, ERR_USAGE, "dns_config.%s[%zu]: '%.80s': %s", what, i,
				       shown, why);
		}
	}
	return 0;
}

static int check_dns(const struct cri_dns *dns, struct err *e)
{
	if (check_dns_list("servers", &dns->servers, name_server_check, e) < 0 ||
	    check_dns_list("searches", &dns->searches, word_check, e) < 0)
		return -1;
	return check_dns_list("options", &dns->options, word_check, e);
}

int sandbox_check(const struct cri_sandbox_config *c, struct err *e)
{
	const struct cri_sandbox_security *sec = &c->linux_.security_context;
	const char *name = c->metadata.name;

	if (c->windows)
		return err_set(e, ERR_USAGE, "windows: this is Linux, which runs no such sandbox");
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
	if (str_some(c->linux_.cgroup_parent) &&
	    check_cgroup_parent(c->linux_.cgroup_parent, e) < 0)
		return -1;
	if (str_some(c->log_directory) && c->log_directory[0] != '/')
		return err_set(e, ERR_USAGE, "log directory '%.200s': must be an absolute path",
			       c->log_directory);
	/* As the CRI has it; a group that nobody gets would be no error otherwise. */
	if (sec->run_as_group && !sec->run_as_user)
		return err_set(e, ERR_USAGE, "run_as_group %lld without run_as_user",
			       (long long)sec->run_as_group->value);
	if (security_check_seccomp(sec->seccomp, e) < 0)
		return -1;
	if (check_dns(&c->dns_config, e) < 0 || check_labels(&c->labels, e) < 0 ||
	    check_annotations(&c->annotations, e) < 0)
		return -1;
	return sandbox_ns_check(c, e);
}
