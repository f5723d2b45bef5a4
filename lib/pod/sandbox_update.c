/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of a sandbox while it lives. Its config.json never changes; resources.json has them now.
 */
#include "base/clock.h"
#include "executor/cgroup.h"
#include "pod/event.h"
#include "pod/resources.h"
#include "pod/sandbox.h"

#define RESOURCES_FILE "resources.json"

int sandbox_load_resources(int dir, struct sandbox *sb, struct err *e)
{
	const struct cri_resources *first = sb->record.config.linux_.resources;

	if (fields_load(&cri_resources_table, dir, RESOURCES_FILE, &sb->resources, e) == 0)
		return 0;
	if (e->kind != ERR_NOT_FOUND)
		return -1;
	if (first)
		fields_copy(&cri_resources_table, &sb->resources, first);
	return 0;
}

static void change_int(struct optint *now, const struct optint *change)
{
	if (change->set)
		*now = *change;
}

static void change_str(char **now, const char *change)
{
	if (change)
		str_set(now, change);
}

static void merge(struct cri_resources *now, const struct cri_resources *change)
{
	change_int(&now->cpu_period, &change->cpu_period);
	change_int(&now->cpu_quota, &change->cpu_quota);
	change_int(&now->cpu_shares, &change->cpu_shares);
	change_int(&now->memory_limit_in_bytes, &change->memory_limit_in_bytes);
	change_int(&now->memory_swap_limit_in_bytes, &change->memory_swap_limit_in_bytes);
	change_int(&now->pids_limit, &change->pids_limit);
	change_str(&now->cpuset_cpus, change->cpuset_cpus);
	change_str(&now->cpuset_mems, change->cpuset_mems);
}

/* cgroup v2 would kill, v1 refuse in words of its own. */
static int check_usage(const char *cgroup, const struct oci_resources *r, struct err *e)
{
	struct cgroup_stats st;
	struct err gone;
	char used[16], limit[16];

	if (!r->memory.limit.set || r->memory.limit.v < 0 || cgroup_stats(cgroup, &st, &gone) < 0 ||
	    st.memory_working_set <= r->memory.limit.v)
		return 0;
	str_size_format(st.memory_working_set, used, sizeof(used));
	str_size_format(r->memory.limit.v, limit, sizeof(limit));
	return err_set(e, ERR_STATE, "its containers use %s, more than %s", used, limit);
}

static int apply(const char *cgroup, const struct cri_resources *r, const struct sandbox *sb,
		 struct err *e)
{
	struct oci_resources res = { 0 };
	int rc;

	resources_of_sandbox(r, sb->record.config.linux_.overhead, &res);
	rc = check_usage(cgroup, &res, e);
	if (rc == 0)
		rc = cgroup_update(cgroup, &res, e);
	fields_free(&oci_resources_table, &res);
	return rc;
}

/* What had no limit before gets none again. */
static void no_limit(struct optint *old, const struct optint *change)
{
	if (change->set && !old->set)
		*old = OPTINT(-1);
}

static void restore(const char *cgroup, struct cri_resources *old,
		    const struct cri_resources *change, const struct sandbox *sb)
{
	struct err ignored;

	no_limit(&old->cpu_quota, &change->cpu_quota);
	no_limit(&old->memory_limit_in_bytes, &change->memory_limit_in_bytes);
	no_limit(&old->pids_limit, &change->pids_limit);
	apply(cgroup, old, sb, &ignored);
}

static int update(struct record *r, struct sandbox *sb, const struct cri_resources *change,
		  struct err *e)
{
	own(str) char *cgroup = sandbox_cgroup(&sb->record, sb->id);
	struct cri_resources next = { 0 };
	int rc;

	fields_copy(&cri_resources_table, &next, &sb->resources);
	merge(&next, change);
	rc = apply(cgroup, &next, sb, e);
	if (rc == 0)
		rc = fields_save(&cri_resources_table, r->dir, RESOURCES_FILE, &next, false, e);
	if (rc < 0)
		restore(cgroup, &sb->resources, change, sb);
	fields_free(&cri_resources_table, &next);
	return rc < 0 ? err_in(e, "sandbox %.12s", sb->id) : 0;
}

int sandbox_update(struct store *s, const char *id, const struct cri_resources *change,
		   struct err *e)
{
	own(record) struct record r = RECORD_NONE;
	own(sandbox) struct sandbox sb = { 0 };

	if (record_open(s, RECORD_SANDBOX, id, true, &r, e) < 0 || sandbox_load(s, id, &sb, e) < 0)
		return -1;
	if (!sb.ready)
		return err_set(e, ERR_STATE, "sandbox %.12s is not ready", id);
	if (update(&r, &sb, change, e) < 0)
		return -1;
	sandbox_event(s, "updated", id, &sb.record);
	return 0;
}
