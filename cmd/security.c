/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "security.h"

#include <stdlib.h>

#include "base/path.h"
#include "common.h"

#define ID_MAX (UINT32_MAX - 1) /* the largest number means "none" to the kernel */

enum { RUNTIME_DEFAULT, UNCONFINED, LOCALHOST };

static struct cri_profile *make_profile(struct cri_profile **at)
{
	if (!*at)
		*at = xcalloc(1, sizeof(**at));
	str_set(&(*at)->localhost_ref, NULL);
	return *at;
}

static int set_profile(struct cri_profile **at, const char *value, bool path, struct err *e)
{
	struct cri_profile *p;
	own(str) char *absolute = NULL;

	if (!*value)
		return err_set(e, ERR_USAGE, "expected default, unconfined or a profile");
	if (path && !str_eq(value, "default") && !str_eq(value, "unconfined")) {
		absolute = path_absolute(value, e);
		if (!absolute)
			return -1;
	}
	p = make_profile(at);
	p->profile_type = str_eq(value, "default")	? RUNTIME_DEFAULT
			  : str_eq(value, "unconfined") ? UNCONFINED
							: LOCALHOST;
	if (p->profile_type == LOCALHOST)
		str_set(&p->localhost_ref, absolute ? absolute : value);
	return 0;
}

static int set_label(struct cri_selinux **at, const char *value, struct err *e)
{
	static const struct {
		const char *prefix;
		size_t offset;
	} parts[] = {
		{ "user:", offsetof(struct cri_selinux, user) },
		{ "role:", offsetof(struct cri_selinux, role) },
		{ "type:", offsetof(struct cri_selinux, type) },
		{ "level:", offsetof(struct cri_selinux, level) },
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!str_starts(value, parts[i].prefix))
			continue;
		if (!*at)
			*at = xcalloc(1, sizeof(**at));
		str_set((char **)((char *)*at + parts[i].offset), value + strlen(parts[i].prefix));
		return 0;
	}
	return err_set(e, ERR_USAGE, "expected user:, role:, type: or level: and a value");
}

static int parse_one(const char *opt, const struct security_options *to, struct err *e)
{
	if (str_starts(opt, "seccomp="))
		return set_profile(to->seccomp, opt + strlen("seccomp="), true, e);
	if (str_starts(opt, "apparmor="))
		return set_profile(to->apparmor, opt + strlen("apparmor="), false, e);
	if (str_starts(opt, "label="))
		return set_label(to->selinux, opt + strlen("label="), e);
	return err_set(e, ERR_USAGE, "expected seccomp=, apparmor= or label=");
}

int security_options_parse(const struct strv *opts, const struct security_options *to,
			   struct err *e)
{
	for (size_t i = 0; i < opts->n; i++)
		if (parse_one(opts->v[i], to, e) < 0)
			return err_in(e, "--security-opt %.120s", opts->v[i]);
	return 0;
}

int security_id_option(const char *name, const struct optint *v, struct cri_int64 **out,
		       struct err *e)
{
	if (!v->set)
		return 0;
	if (v->v < 0 || v->v > ID_MAX)
		return err_set(e, ERR_USAGE, "--%s %lld: expected 0 to %u", name, (long long)v->v,
			       ID_MAX);
	if (!*out)
		*out = xcalloc(1, sizeof(**out));
	(*out)->value = v->v;
	return 0;
}

int security_groups_option(const struct strv *given, struct intlist *out, struct err *e)
{
	if (given->n) { /* they replace those of a file */
		free(out->v);
		*out = (struct intlist){ 0 };
	}
	for (size_t i = 0; i < given->n; i++) {
		int64_t id;

		if (str_to_i64(given->v[i], 0, ID_MAX, &id) < 0)
			return err_set(e, ERR_USAGE, "group %.40s: expected 0 to %u", given->v[i],
				       ID_MAX);
		intlist_add(out, id);
	}
	return 0;
}
