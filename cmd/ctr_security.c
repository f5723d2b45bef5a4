/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of create and run about rights, limits and devices. */
#include <stdlib.h>
#include <strings.h>

#include "common.h"
#include "ctr.h"
#include "security.h"
#include "spec/cdi.h"
#include "spec/oci.h"

#define NO_NEW_PRIVS "no-new-privileges"

static int set_security_opts(const struct strv *opts, struct cri_container_security *sec,
			     struct err *e)
{
	struct security_options to = { &sec->seccomp, &sec->apparmor, &sec->selinux_options };
	own(strv) struct strv rest = { 0 };

	for (size_t i = 0; i < opts->n; i++) {
		if (str_eq(opts->v[i], NO_NEW_PRIVS) || str_eq(opts->v[i], NO_NEW_PRIVS ":true") ||
		    str_eq(opts->v[i], NO_NEW_PRIVS "=true"))
			sec->no_new_privs = true;
		else
			strv_add(&rest, opts->v[i]);
	}
	return security_options_parse(&rest, &to, e);
}

static int set_groups(const struct ctr_security_args *a, struct cri_container_security *sec,
		      struct err *e)
{
	if (a->groups.n && security_groups_option(&a->groups, &sec->supplemental_groups, e) < 0)
		return -1;
	if (!a->groups_policy)
		return 0;
	if (!str_eq(a->groups_policy, "merge") && !str_eq(a->groups_policy, "strict"))
		return err_set(e, ERR_USAGE, "--groups-policy %.40s: expected merge or strict",
			       a->groups_policy);
	sec->supplemental_groups_policy = str_eq(a->groups_policy, "strict");
	return 0;
}

/* "nofile=1024:4096" */
static int add_ulimit(const char *text, struct objlist *limits, struct err *e)
{
	own(strv) struct strv halves = { 0 };
	const char *eq = strchr(text, '=');
	struct oci_rlimit *l;
	int64_t soft, hard;

	strv_split(&halves, eq ? eq + 1 : "", ':');
	if (!eq || eq == text || halves.n > 2 ||
	    str_to_i64(halves.v[0], -1, INT64_MAX, &soft) < 0 ||
	    str_to_i64(halves.v[halves.n - 1], -1, INT64_MAX, &hard) < 0)
		return err_set(e, ERR_USAGE,
			       "--ulimit '%.80s': expected NAME=SOFT[:HARD], e.g. nofile=1024",
			       text);
	if (hard >= 0 && (soft < 0 || soft > hard))
		return err_set(e, ERR_USAGE,
			       "--ulimit '%.80s': the soft limit is above the hard one", text);
	l = objlist_add(limits, &cri_rlimit_table);
	l->type = str_fmt("RLIMIT_%.*s", (int)(eq - text), text);
	for (char *p = l->type; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	l->soft = soft;
	l->hard = hard;
	return 0;
}

/* HOST[:CONTAINER][:rwm], or a name of CDI's */
static int add_device(const char *text, struct cri_container_config *c, struct err *e)
{
	own(strv) struct strv parts = { 0 };
	struct cri_device *d;
	const char *last;

	if (cdi_name_split(text)) {
		struct cri_cdi_device *cdi = objlist_add(&c->cdi_devices, &cri_cdi_device_table);

		cdi->name = xstrdup(text);
		return 0;
	}
	strv_split(&parts, text, ':');
	last = parts.v[parts.n - 1];
	if (parts.n > 3 || parts.v[0][0] != '/' || (parts.n == 3 && parts.v[1][0] != '/') || !*last)
		return err_set(e, ERR_USAGE,
			       "--device '%.200s': expected HOST[:CONTAINER][:rwm] with absolute "
			       "paths, or "
			       "VENDOR/CLASS=NAME",
			       text);
	d = objlist_add(&c->devices, &cri_device_table);
	d->host_path = xstrdup(parts.v[0]);
	d->container_path = xstrdup(parts.n > 1 && parts.v[1][0] == '/' ? parts.v[1] : parts.v[0]);
	d->permissions = xstrdup(parts.n > 1 && last[0] != '/' ? last : "rwm");
	return 0;
}

int ctr_config_security(const struct ctr_security_args *a, struct cri_container_config *c,
			struct err *e)
{
	struct cri_container_security *sec = &c->linux_.security_context;

	if (set_security_opts(&a->security_opts, sec, e) < 0 || set_groups(a, sec, e) < 0)
		return -1;
	for (size_t i = 0; i < a->ulimits.n; i++)
		if (add_ulimit(a->ulimits.v[i], &c->linux_.rlimits, e) < 0)
			return -1;
	for (size_t i = 0; i < a->devices.n; i++)
		if (add_device(a->devices.v[i], c, e) < 0)
			return -1;
	option_win_bool(&c->linux_.init, &a->init);
	if (!a->ambient.n)
		return 0;
	if (!sec->capabilities)
		sec->capabilities = xcalloc(1, sizeof(*sec->capabilities));
	option_win_list(&sec->capabilities->add_ambient_capabilities, &a->ambient);
	return 0;
}
