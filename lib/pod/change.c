/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a container can change while it exists: its name, its limits, its restart policy. */
#include <stdio.h>

#include "executor/cgroup.h"
#include "pod/container.h"
#include "pod/event.h"
#include "pod/resources.h"

static int save_config(struct record *r, const struct container_record *rec, struct err *e)
{
	return fields_save(&container_record_table, r->dir, "config.json", rec, false, e);
}

int container_rename(struct store *s, const char *id, const char *name, struct err *e)
{
	own(record) struct record r = RECORD_NONE;
	own(container) struct container c = { 0 };
	own(buf) struct buf b = { 0 };
	own(str) char *old = NULL;
	struct err ignored;

	if (record_open(s, RECORD_CONTAINER, id, true, &r, e) < 0 ||
	    container_load(s, id, &c, e) < 0)
		return -1;
	if (str_eq(c.record.config.metadata.name, name))
		return err_set(e, ERR_USAGE, "container %s has that name already", name);
	if (record_rename_begin(s, &r, c.record.sandbox_id, c.record.config.metadata.name, name,
				e) < 0)
		return err_in(e, "container %s", container_name(&c));
	old = xstrdup(container_name(&c));
	str_set(&c.record.config.metadata.name, name);
	if (save_config(&r, &c.record, e) < 0) {
		(void)record_rename_end(s, &r, false, &ignored);
		return -1;
	}
	container_event_begin(&b, "renamed", id, &c.record);
	event_str(&b, "old_name", old);
	event_end(s, &b);
	return record_rename_end(s, &r, true, e);
}

/* --- update --- */

static void set_int(struct optint *dst, const struct optint *src)
{
	if (src->set)
		*dst = *src;
}

static void set_text(char **dst, const char *src)
{
	if (src)
		str_set(dst, src);
}

static void set_map(struct strmap *dst, const struct strmap *src)
{
	for (size_t i = 0; i < src->n; i++)
		strmap_set(dst, src->v[i].key, src->v[i].value);
}

/* By the size of the pages. */
static void set_hugepages(struct objlist *dst, const struct objlist *src)
{
	const struct oci_hugepage_limit *from = src->v;

	for (size_t i = 0; i < src->n; i++) {
		struct oci_hugepage_limit *to = dst->v, *found = NULL;

		for (size_t k = 0; k < dst->n && !found; k++)
			found = str_eq(to[k].page_size, from[i].page_size) ? &to[k] : NULL;
		if (!found)
			found = objlist_add(dst, &cri_hugepage_limit_table);
		str_set(&found->page_size, from[i].page_size);
		found->limit = from[i].limit;
	}
}

static void merge_cri(struct cri_container_config *c, const struct cri_resources *r)
{
	struct cri_resources *have = c->linux_.resources;

	if (!have)
		have = c->linux_.resources = xcalloc(1, sizeof(*have));
	set_int(&have->cpu_period, &r->cpu_period);
	set_int(&have->cpu_quota, &r->cpu_quota);
	set_int(&have->cpu_shares, &r->cpu_shares);
	set_int(&have->memory_limit_in_bytes, &r->memory_limit_in_bytes);
	set_int(&have->memory_swap_limit_in_bytes, &r->memory_swap_limit_in_bytes);
	set_int(&have->pids_limit, &r->pids_limit);
	set_text(&have->cpuset_cpus, r->cpuset_cpus);
	set_text(&have->cpuset_mems, r->cpuset_mems);
	set_map(&have->unified, &r->unified);
	set_hugepages(&have->hugepage_limits, &r->hugepage_limits);
}

static void merge_oci(struct oci_resources *have, const struct oci_resources *r)
{
	set_int(&have->cpu.period, &r->cpu.period);
	set_int(&have->cpu.quota, &r->cpu.quota);
	set_int(&have->cpu.shares, &r->cpu.shares);
	set_int(&have->memory.limit, &r->memory.limit);
	set_int(&have->memory.swap, &r->memory.swap);
	set_int(&have->pids.limit, &r->pids.limit);
	set_text(&have->cpu.cpus, r->cpu.cpus);
	set_text(&have->cpu.mems, r->cpu.mems);
	set_map(&have->unified, &r->unified);
	set_hugepages(&have->hugepage_limits, &r->hugepage_limits);
}

struct change {
	struct record r;
	struct container c;
	struct oci_spec spec;
	struct oci_resources res;
};

static void change_free(struct change *ch)
{
	record_close(&ch->r);
	container_free(&ch->c);
	oci_spec_free(&ch->spec);
	fields_free(&oci_resources_table, &ch->res);
}
OWNED_STRUCT(change, struct change, change_free)

/* v2 limits swap alone, which is the difference: one of the two changes it. */
static void add_memory(struct oci_memory *change, const struct oci_memory *have)
{
	if (change->swap.set && !change->limit.set)
		change->limit = have->limit;
	else if (change->limit.set && !change->swap.set)
		change->swap = have->swap;
}

/* In the kernel: all of it, or what was before. */
static int apply(const struct change *ch, struct err *e)
{
	struct err ignored;

	if (ch->c.status.state != CONTAINER_RUNNING ||
	    cgroup_update(ch->c.record.cgroup, &ch->res, e) == 0)
		return 0;
	(void)cgroup_update(ch->c.record.cgroup, &ch->spec.linux_.resources, &ignored);
	return err_in(e, "container %s", container_name(&ch->c));
}

int container_update(struct store *s, const char *id, const struct container_update_args *a,
		     struct err *e)
{
	own(change) struct change ch = { .r = RECORD_NONE };

	if (record_open(s, RECORD_CONTAINER, id, true, &ch.r, e) < 0 ||
	    container_load(s, id, &ch.c, e) < 0 ||
	    fields_load(&oci_spec_table, ch.r.dir, "spec.json", &ch.spec, e) < 0)
		return -1;
	if (a->set_restart && a->restart != CONTAINER_RESTART_NO && ch.c.record.auto_remove)
		return err_set(e, ERR_USAGE, "container %s is removed when it ends: --rm",
			       container_name(&ch.c));
	resources_of_cri(a->resources, &ch.res);
	add_memory(&ch.res.memory, &ch.spec.linux_.resources.memory);
	if (apply(&ch, e) < 0)
		return -1;
	merge_cri(&ch.c.record.config, a->resources);
	merge_oci(&ch.spec.linux_.resources, &ch.res);
	if (a->set_restart) {
		ch.c.record.restart = a->restart;
		ch.c.record.restart_max = a->restart_max;
	}
	if (save_config(&ch.r, &ch.c.record, e) < 0)
		return -1;
	if (fields_save(&oci_spec_table, ch.r.dir, "spec.json", &ch.spec, false, e) < 0)
		return -1;
	container_event(s, "updated", id, &ch.c.record);
	return 0;
}
