/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process, linux.resources and linux.seccomp, of which there are files of their own, too. */
#include "spec/oci.h"

#include <stdlib.h>

#include "base/json.h"
#include "spec/cap_name.h"
#include "spec/oci_check.h"

// clang-format off
static const char *const rlimit_types[] = {
	"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS",
	"RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",
	"RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK", NULL,
};
static const char *const policies[] = {
	"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE",
	"SCHED_DEADLINE", NULL,
};
static const char *const sched_flags[] = {
	"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN",
	"SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
	"SCHED_FLAG_UTIL_CLAMP_MAX", NULL,
};
static const char *const io_classes[] = {
	"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", NULL,
};
static const char *const rule_types[] = { "a", "b", "c", NULL };
// clang-format on

int oci_list_parse(const char *s, uint64_t *mask, unsigned bits)
{
	while (*s) {
		char *end;
		unsigned long from, to;

		if (*s < '0' || *s > '9')
			return -1;
		from = to = strtoul(s, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return -1;
			to = strtoul(end + 1, &end, 10);
		}
		if (from > to || to >= bits || (*end && (*end != ',' || !end[1])))
			return -1;
		for (unsigned long i = from; i <= to; i++)
			mask[i / 64] |= UINT64_C(1) << i % 64;
		s = *end ? end + 1 : end;
	}
	return 0;
}

/* ---- process ---- */

static int check_rlimits(const struct objlist *l, struct err *e)
{
	const struct oci_rlimit *r = l->v;

	for (size_t i = 0; i < l->n; i++) {
		if (oci_check_name(rlimit_types, r[i].type, e) < 0)
			return err_in(e, "rlimits[%zu].type", i);
		for (size_t k = 0; k < i; k++)
			if (str_eq(r[k].type, r[i].type))
				return err_set(e, ERR_USAGE, "rlimits[%zu].type: %s is there twice",
					       i, r[i].type);
		if ((uint64_t)r[i].soft > (uint64_t)r[i].hard)
			return err_set(e, ERR_USAGE, "rlimits[%zu].soft: is above hard", i);
	}
	return 0;
}

static int check_scheduler(const struct oci_scheduler *s, struct err *e)
{
	bool real_time;

	if (!s)
		return 0;
	real_time = str_eq(s->policy, "SCHED_FIFO") || str_eq(s->policy, "SCHED_RR");
	if (oci_check_name(policies, s->policy, e) < 0)
		return err_in(e, "scheduler.policy");
	if (oci_check_names(sched_flags, &s->flags, e) < 0)
		return err_in(e, "scheduler.flags");
	if (s->priority && !real_time)
		return err_set(e, ERR_USAGE, "scheduler.priority: %s takes none", s->policy);
	if ((s->runtime || s->deadline || s->period) && !str_eq(s->policy, "SCHED_DEADLINE"))
		return err_set(e, ERR_USAGE,
			       "scheduler.%s: goes with SCHED_DEADLINE, and the policy is %s",
			       s->runtime    ? "runtime"
			       : s->deadline ? "deadline"
					     : "period",
			       s->policy);
	return 0;
}

static int check_affinity(const char *name, const char *list, struct err *e)
{
	uint64_t mask[128] = { 0 };

	if (!list || oci_list_parse(list, mask, 128 * 64) == 0)
		return 0;
	return err_set(e, ERR_USAGE,
		       "execCPUAffinity.%s: expected a list of CPUs like 0-3,7, found \"%.60s\"",
		       name, list);
}

/* One of the kernel's next version is no reason to refuse a container. */
static void drop_unknown_caps(const char *set, struct strv *l, struct strv *warnings)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (str_starts(l->v[i], "CAP_") && cap_number(l->v[i]) >= 0) {
			l->v[kept++] = l->v[i];
			continue;
		}
		strv_take(warnings, str_fmt("process.capabilities.%s[%zu]: there is no capability "
					    "\"%.60s\": left out",
					    set, i, l->v[i]));
		free(l->v[i]);
	}
	for (size_t i = kept; i < l->n; i++)
		l->v[i] = NULL;
	l->n = kept;
}

int oci_process_check(struct oci_process *p, struct strv *warnings, struct err *e)
{
	if (p->args.n == 0)
		return err_set(e, ERR_USAGE, "args: is missing or empty, and must be there");
	if (!str_some(p->cwd))
		return err_set(e, ERR_USAGE, "cwd: is missing, and must be there");
	if (p->cwd[0] != '/')
		return err_set(e, ERR_USAGE, "cwd: expected an absolute path, found \"%.60s\"",
			       p->cwd);
	for (size_t i = 0; p->capabilities && i < oci_caps_table.n; i++) {
		const struct field *f = &oci_caps_table.fields[i];

		drop_unknown_caps(f->name, (void *)((char *)p->capabilities + f->offset), warnings);
	}
	if (p->io_priority && oci_check_name(io_classes, p->io_priority->class_, e) < 0)
		return err_in(e, "ioPriority.class");
	if (check_rlimits(&p->rlimits, e) < 0 || check_scheduler(p->scheduler, e) < 0 ||
	    check_affinity("initial", p->exec_affinity.initial, e) < 0)
		return -1;
	return check_affinity("final", p->exec_affinity.final, e);
}

/* ---- resources ---- */

static int check_rules(const struct objlist *l, struct err *e)
{
	const struct oci_device_rule *r = l->v;

	for (size_t i = 0; i < l->n; i++) {
		const char *access = r[i].access;

		if (r[i].type && oci_check_name(rule_types, r[i].type, e) < 0)
			return err_in(e, "devices[%zu].type", i);
		if (access && (!*access || strspn(access, "rwm") != strlen(access)))
			return err_set(e, ERR_USAGE,
				       "devices[%zu].access: expected letters of \"rwm\", found "
				       "\"%.20s\"",
				       i, access);
	}
	return 0;
}

static int check_weight(const char *field, const struct optint *w, struct err *e)
{
	return w->set && w->v && w->v < 10
		       ? err_set(e, ERR_USAGE,
				 "%s: expected an integer from 10 to 1000, found %lld", field,
				 (long long)w->v)
		       : 0;
}

static int check_block_io(const struct oci_block_io *b, struct err *e)
{
	const struct oci_weight_device *d = b->weight_device.v;

	if (check_weight("blockIO.weight", &b->weight, e) < 0 ||
	    check_weight("blockIO.leafWeight", &b->leaf_weight, e) < 0)
		return -1;
	for (size_t i = 0; i < b->weight_device.n; i++) {
		if (!d[i].weight.set && !d[i].leaf_weight.set)
			return err_set(
				e, ERR_USAGE,
				"blockIO.weightDevice[%zu]: has neither weight nor leafWeight", i);
		if (check_weight("weight", &d[i].weight, e) < 0 ||
		    check_weight("leafWeight", &d[i].leaf_weight, e) < 0)
			return err_in(e, "blockIO.weightDevice[%zu]", i);
	}
	return 0;
}

/* "2MB", as the kernel's files have it. */
static bool is_page_size(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && n < 8 && s[0] != '0' && (s[n] == 'K' || s[n] == 'M' || s[n] == 'G') &&
	       str_eq(s + n + 1, "B");
}

static int check_memory(const struct oci_memory *m, struct err *e)
{
	if (m->limit.set && m->swap.set && m->swap.v > 0 && m->limit.v > m->swap.v)
		return err_set(e, ERR_USAGE,
			       "memory.swap: %lld, memory and swap, is below memory.limit %lld",
			       (long long)m->swap.v, (long long)m->limit.v);
	return 0;
}

int oci_resources_check(const struct oci_resources *r, struct err *e)
{
	const struct oci_hugepage_limit *h = r->hugepage_limits.v;
	const struct oci_rdma *d = r->rdma.v;
	const struct oci_if_priority *p = r->network.priorities.v;

	if (check_rules(&r->devices, e) < 0 || check_block_io(&r->block_io, e) < 0 ||
	    check_memory(&r->memory, e) < 0)
		return -1;
	for (size_t i = 0; i < r->hugepage_limits.n; i++)
		if (!is_page_size(h[i].page_size))
			return err_set(e, ERR_USAGE,
				       "hugepageLimits[%zu].pageSize: expected a size like 2MB, "
				       "found \"%.20s\"",
				       i, h[i].page_size);
	for (size_t i = 0; i < r->rdma.n; i++)
		if (!str_is_word(d[i].device) || (!d[i].hca_handles.set && !d[i].hca_objects.set))
			return err_set(
				e, ERR_USAGE,
				"rdma[\"%.60s\"]: expected a device's name, and hcaHandles or "
				"hcaObjects",
				d[i].device);
	for (size_t i = 0; i < r->network.priorities.n; i++)
		if (!str_is_word(p[i].name))
			return err_set(e, ERR_USAGE,
				       "network.priorities[%zu].name: \"%.20s\" is no name", i,
				       p[i].name);
	return 0;
}

/* ---- linux.seccomp ---- */

struct seccomp_arg {
	int64_t index, value, value_two;
	char *op;
};
struct seccomp_rule {
	struct strv names;
	char *action;
	struct optint errno_ret;
	struct objlist args;
};
struct seccomp_profile {
	char *default_action, *listener_path, *listener_metadata;
	struct optint default_errno_ret;
	struct strv architectures, flags;
	struct objlist syscalls;
};

#define SUB(table) .sub = &(table)
// clang-format off
static const struct field arg_fields[] = {
	FIELD(struct seccomp_arg, index, FIELD_INT, .max = 5, .required = true),
	FIELD(struct seccomp_arg, value, FIELD_U64, .required = true),
	FIELD_AS(struct seccomp_arg, value_two, "valueTwo", FIELD_U64),
	FIELD(struct seccomp_arg, op, FIELD_STR, .required = true),
};
static FIELD_TABLE(arg_table, "arg", struct seccomp_arg, 0, arg_fields);

static const struct field rule_fields[] = {
	FIELD(struct seccomp_rule, names, FIELD_STRLIST, .required = true),
	FIELD(struct seccomp_rule, action, FIELD_STR, .required = true),
	FIELD_AS(struct seccomp_rule, errno_ret, "errnoRet", FIELD_OPTINT, .max = 4095),
	FIELD(struct seccomp_rule, args, FIELD_OBJLIST, SUB(arg_table)),
};
static FIELD_TABLE(rule_table, "syscall", struct seccomp_rule, 0, rule_fields);

static const struct field profile_fields[] = {
	FIELD_AS(struct seccomp_profile, default_action, "defaultAction", FIELD_STR, .required = true),
	FIELD_AS(struct seccomp_profile, default_errno_ret, "defaultErrnoRet", FIELD_OPTINT, .max = 4095),
	FIELD(struct seccomp_profile, architectures, FIELD_STRLIST),
	FIELD(struct seccomp_profile, flags, FIELD_STRLIST),
	FIELD_AS(struct seccomp_profile, listener_path, "listenerPath", FIELD_STR),
	FIELD_AS(struct seccomp_profile, listener_metadata, "listenerMetadata", FIELD_STR),
	FIELD(struct seccomp_profile, syscalls, FIELD_OBJLIST, SUB(rule_table)),
};
static FIELD_TABLE(profile_table, "seccomp", struct seccomp_profile, 0, profile_fields);
// clang-format on

static int check_profile(const struct seccomp_profile *p, struct err *e)
{
	const struct seccomp_rule *r = p->syscalls.v;

	if (str_eq(p->default_action, "SCMP_ACT_NOTIFY"))
		return err_set(
			e, ERR_USAGE,
			"linux.seccomp.defaultAction: SCMP_ACT_NOTIFY would stop the runtime "
			"itself");
	for (size_t i = 0; i < p->syscalls.n; i++) {
		if (r[i].names.n == 0)
			return err_set(e, ERR_USAGE, "linux.seccomp.syscalls[%zu].names: is empty",
				       i);
		if (str_eq(r[i].action, "SCMP_ACT_NOTIFY") && !str_some(p->listener_path))
			return err_set(e, ERR_USAGE,
				       "linux.seccomp.listenerPath: is missing, and syscalls[%zu] "
				       "needs it",
				       i);
	}
	if (str_some(p->listener_metadata) && !str_some(p->listener_path))
		return err_set(e, ERR_USAGE,
			       "linux.seccomp.listenerMetadata: goes with listenerPath, which is "
			       "missing");
	return 0;
}

int oci_seccomp_check(struct json_object *profile, struct err *e)
{
	struct seccomp_profile p = { 0 };
	int rc = fields_read(&profile_table, "linux.seccomp", profile, &p, e);

	if (rc == 0)
		rc = check_profile(&p, e);
	fields_free(&profile_table, &p);
	return rc;
}
