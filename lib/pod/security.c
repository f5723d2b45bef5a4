/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/security.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "executor/caps.h"
#include "executor/seccomp.h"
#include "pod/apparmor.h"

enum { PROFILE_DEFAULT, PROFILE_UNCONFINED, PROFILE_LOCALHOST };
enum { GROUPS_MERGE, GROUPS_STRICT };

static void *copy_of(const struct field_table *t, const void *from)
{
	void *copy = xcalloc(1, t->size);

	fields_copy(t, copy, from);
	return copy;
}

static bool has_group(const struct intlist *l, int64_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == id)
			return true;
	return false;
}

/* What CRI had before SecurityProfile; that one wins. */
static void take_old(struct cri_profile **at, const char *old)
{
	static const char localhost[] = "localhost/";

	if (*at || !str_some(old))
		return;
	*at = xcalloc(1, sizeof(**at));
	(*at)->profile_type = str_eq(old, "unconfined") ? PROFILE_UNCONFINED : PROFILE_DEFAULT;
	if (str_starts(old, localhost)) {
		(*at)->profile_type = PROFILE_LOCALHOST;
		(*at)->localhost_ref = xstrdup(old + strlen(localhost));
	}
}

int security_inherit(const struct sandbox *sb, struct cri_container_config *c, struct err *e)
{
	const struct cri_sandbox_security *pod = &sb->record.config.linux_.security_context;
	struct cri_container_security *sec = &c->linux_.security_context;

	if (sec->privileged && !pod->privileged) {
		err_set(e, ERR_USAGE, "sandbox %.12s allows no privileged container", sb->id);
		return err_hint(e, "create it with --privileged");
	}
	if (!sec->run_as_user && !str_some(sec->run_as_username) && pod->run_as_user) {
		sec->run_as_user = copy_of(&cri_int64_table, pod->run_as_user);
		if (!sec->run_as_group && pod->run_as_group)
			sec->run_as_group = copy_of(&cri_int64_table, pod->run_as_group);
	}
	for (size_t i = 0; i < pod->supplemental_groups.n; i++)
		if (!has_group(&sec->supplemental_groups, pod->supplemental_groups.v[i]))
			intlist_add(&sec->supplemental_groups, pod->supplemental_groups.v[i]);
	sec->readonly_rootfs = sec->readonly_rootfs || pod->readonly_rootfs;
	take_old(&sec->seccomp, sec->seccomp_profile_path);
	take_old(&sec->apparmor, sec->apparmor_profile);
	if (!sec->seccomp && pod->seccomp)
		sec->seccomp = copy_of(&cri_profile_table, pod->seccomp);
	take_old(&sec->seccomp, pod->seccomp_profile_path);
	if (!sec->apparmor && pod->apparmor)
		sec->apparmor = copy_of(&cri_profile_table, pod->apparmor);
	if (!sec->selinux_options && pod->selinux_options)
		sec->selinux_options = copy_of(&cri_selinux_table, pod->selinux_options);
	return 0;
}

char *security_user(const struct cri_container_security *sec, const char *image_user, struct err *e)
{
	const struct cri_int64 *group = sec->run_as_group;
	own(str) char *user = NULL;

	if (sec->run_as_user)
		user = str_fmt("%lld", (long long)sec->run_as_user->value);
	else if (str_some(sec->run_as_username))
		user = xstrdup(sec->run_as_username);
	else if (group) {
		err_set(e, ERR_USAGE, "run_as_group %lld without a user", (long long)group->value);
		return NULL;
	}
	if (!user)
		return xstrdup(image_user ? image_user : "");
	if (!group)
		return ptr_steal(user);
	if (strchr(user, ':')) {
		err_set(e, ERR_USAGE, "two groups: run_as_group %lld, and user '%.80s'",
			(long long)group->value, user);
		return NULL;
	}
	return str_fmt("%s:%lld", user, (long long)group->value);
}

/* ---- seccomp ---- */

bool security_default_seccomp(const struct cri_container_security *sec)
{
	return !sec->privileged &&
	       !(sec->seccomp && sec->seccomp->profile_type == PROFILE_UNCONFINED);
}

int security_seccomp_cache(const struct store *s, const struct oci_spec *spec)
{
	if (!spec->linux_.seccomp)
		return -1;
	mkdirat(s->root, "seccomp", 0700);
	return openat(s->root, "seccomp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static struct json_object *read_profile(const char *path, struct err *e)
{
	struct json_object *profile;

	if (!str_some(path) || path[0] != '/') {
		err_set(e, ERR_USAGE, "seccomp profile '%.200s': expected an absolute path",
			path ? path : "");
		return NULL;
	}
	profile = json_load(AT_FDCWD, path, e);
	if (!profile)
		err_in(e, "seccomp profile %s", path);
	return profile;
}

int security_check_seccomp(const struct cri_profile *p, struct err *e)
{
	own(seccomp) struct seccomp filter = { 0 };
	own(json) struct json_object *profile = NULL;

	if (!p || p->profile_type != PROFILE_LOCALHOST)
		return 0;
	profile = read_profile(p->localhost_ref, e);
	if (!profile)
		return -1;
	if (seccomp_compile(profile, 0, &filter, e) < 0)
		return err_in(e, "seccomp profile %s", p->localhost_ref);
	return 0;
}

/* Compiled here once, so that a bad one is told now, and the start finds it done. */
static int load_profile(const struct store *s, const char *path, struct oci_spec *spec,
			struct err *e)
{
	own(seccomp) struct seccomp filter = { 0 };
	own(fd) int cache = -1;
	struct caps caps;

	spec->linux_.seccomp = read_profile(path, e);
	if (!spec->linux_.seccomp)
		return -1;
	/* Who answers would have to be there at each start; caddis-oci leaves that to its caller.
	 */
	if (json_object_object_get_ex(spec->linux_.seccomp, "listenerPath", NULL))
		return err_set(e, ERR_USAGE, "seccomp profile %s: listenerPath is not supported",
			       path);
	cache = security_seccomp_cache(s, spec);
	if (caps_read(spec->process.capabilities, &caps, e) < 0 ||
	    seccomp_compile_cached(cache, spec->linux_.seccomp, caps.bounding, &filter, e) < 0)
		return err_in(e, "seccomp profile %s", path);
	return 0;
}

/* ---- labels ---- */

bool security_selinux_on(void)
{
	struct stat st;

	return stat("/sys/fs/selinux/enforce", &st) == 0;
}

/* Where SELinux is off the label is kept, and inspect says that it is not applied. */
static void set_selinux(const struct cri_selinux *l, struct oci_spec *spec)
{
	if (!l || !security_selinux_on())
		return;
	free(spec->process.selinux_label);
	spec->process.selinux_label = str_fmt(
		"%s:%s:%s:%s", str_some(l->user) ? l->user : "system_u",
		str_some(l->role) ? l->role : "system_r",
		str_some(l->type) ? l->type : "container_t", str_some(l->level) ? l->level : "s0");
}

/* ---- the spec ---- */

static void replace_paths(struct strv *paths, const struct strv *with)
{
	if (!with->n)
		return;
	strv_free(paths);
	strv_copy(paths, with);
}

static int check_paths(const char *field, const struct strv *paths, struct err *e)
{
	for (size_t i = 0; i < paths->n; i++)
		if (paths->v[i][0] != '/')
			return err_set(e, ERR_USAGE, "%s[%zu]: '%.200s' is not an absolute path",
				       field, i, paths->v[i]);
	return 0;
}

static int set_ambient(const struct cri_capabilities *c, struct oci_caps *caps, struct err *e)
{
	for (size_t i = 0; c && i < c->add_ambient_capabilities.n; i++) {
		const char *name = c->add_ambient_capabilities.v[i];
		own(str) char *full = str_starts(name, "CAP_") || str_starts(name, "cap_")
					      ? xstrdup(name)
					      : str_fmt("CAP_%s", name);
		int n = cap_number(full);
		bool held = false;

		if (n < 0)
			return err_set(e, ERR_USAGE, "capability '%.60s': there is none such",
				       name);
		for (size_t k = 0; k < caps->bounding.n; k++)
			held = held || cap_number(caps->bounding.v[k]) == n;
		if (!held) {
			err_set(e, ERR_USAGE, "ambient capability '%.60s': it has not that one",
				name);
			return err_hint(e, "add it with --cap-add, too");
		}
		strv_add(&caps->ambient, full);
	}
	return 0;
}

int security_spec(struct store *s, const struct container_record *r, struct oci_spec *spec,
		  struct err *e)
{
	const struct cri_container_security *sec = &r->config.linux_.security_context;

	for (size_t i = 0; i < sec->supplemental_groups.n; i++)
		intlist_add(&spec->process.user.additional_gids, sec->supplemental_groups.v[i]);
	if (check_paths("masked_paths", &sec->masked_paths, e) < 0 ||
	    check_paths("readonly_paths", &sec->readonly_paths, e) < 0 ||
	    set_ambient(sec->capabilities, spec->process.capabilities, e) < 0)
		return -1;
	replace_paths(&spec->linux_.masked_paths, &sec->masked_paths);
	replace_paths(&spec->linux_.readonly_paths, &sec->readonly_paths);
	if (sec->seccomp && sec->seccomp->profile_type == PROFILE_LOCALHOST && !sec->privileged &&
	    load_profile(s, sec->seccomp->localhost_ref, spec, e) < 0)
		return -1;
	if (!sec->privileged && apparmor_choose(sec->apparmor, spec, e) < 0)
		return -1;
	set_selinux(sec->selinux_options, spec);
	return 0;
}
