/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user's profile (linux.seccomp of the OCI spec) to a BPF program, by libseccomp. */
#include "executor/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/dl.h"
#include "base/fd.h"
#include "base/json.h"
#include "executor/caps.h"

#define FILTER_MAX 4096 /* BPF_MAXINSNS */

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

#define SECCOMP_FUNCTIONS(X)                                                                       \
	X(seccomp_init)                                                                            \
	X(seccomp_release)                                                                         \
	X(seccomp_arch_add)                                                                        \
	X(seccomp_attr_set)                                                                        \
	X(seccomp_syscall_resolve_name)                                                            \
	X(seccomp_rule_add_array)                                                                  \
	X(seccomp_export_bpf)
struct seccomp_api {
	SECCOMP_FUNCTIONS(DL_MEMBER)
};
#define SYMBOL(fn) DL_SYMBOL(struct seccomp_api, fn)
static const struct dl_symbol symbols[] = { SECCOMP_FUNCTIONS(SYMBOL) };

// clang-format off
static const struct {
	const char *name;
	uint32_t action;
	bool takes_errno;
} actions[] = {
	{ "SCMP_ACT_KILL",         SCMP_ACT_KILL_THREAD,  false },
	{ "SCMP_ACT_KILL_THREAD",  SCMP_ACT_KILL_THREAD,  false },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
	{ "SCMP_ACT_TRAP",         SCMP_ACT_TRAP,         false },
	{ "SCMP_ACT_ERRNO",        SCMP_ACT_ERRNO(0),     true },
	{ "SCMP_ACT_TRACE",        SCMP_ACT_TRACE(0),     true },
	{ "SCMP_ACT_ALLOW",        SCMP_ACT_ALLOW,        false },
	{ "SCMP_ACT_LOG",          SCMP_ACT_LOG,          false },
	{ "SCMP_ACT_NOTIFY",       SCMP_ACT_NOTIFY,       false },
};
static const struct {
	const char *name;
	uint32_t arch;
} archs[] = {
	{ "SCMP_ARCH_X86",     SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X86_64",  SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X32",     SCMP_ARCH_X32 },
	{ "SCMP_ARCH_ARM",     SCMP_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
	{ "SCMP_ARCH_MIPS",        SCMP_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64",      SCMP_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32",   SCMP_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL",      SCMP_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64",    SCMP_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC",         SCMP_ARCH_PPC },
	{ "SCMP_ARCH_PPC64",       SCMP_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE",     SCMP_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390",        SCMP_ARCH_S390 },
	{ "SCMP_ARCH_S390X",       SCMP_ARCH_S390X },
	{ "SCMP_ARCH_PARISC",      SCMP_ARCH_PARISC },
	{ "SCMP_ARCH_PARISC64",    SCMP_ARCH_PARISC64 },
	{ "SCMP_ARCH_RISCV64",     SCMP_ARCH_RISCV64 },
#ifdef SCMP_ARCH_LOONGARCH64
	{ "SCMP_ARCH_LOONGARCH64", SCMP_ARCH_LOONGARCH64 },
#endif
#ifdef SCMP_ARCH_M68K
	{ "SCMP_ARCH_M68K",        SCMP_ARCH_M68K },
	{ "SCMP_ARCH_SH",          SCMP_ARCH_SH },
	{ "SCMP_ARCH_SHEB",        SCMP_ARCH_SHEB },
#endif
};
static const struct {
	const char *name;
	enum scmp_compare op;
} compares[] = {
	{ "SCMP_CMP_NE",        SCMP_CMP_NE },
	{ "SCMP_CMP_LT",        SCMP_CMP_LT },
	{ "SCMP_CMP_LE",        SCMP_CMP_LE },
	{ "SCMP_CMP_EQ",        SCMP_CMP_EQ },
	{ "SCMP_CMP_GE",        SCMP_CMP_GE },
	{ "SCMP_CMP_GT",        SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};
static const struct {
	const char *name;
	unsigned flag;
} flag_names[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC",      0 }, /* one thread: nothing to do */
	{ "SECCOMP_FILTER_FLAG_LOG",        SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};
// clang-format on

#define ADD_NAMES(to, table)                                                                       \
	for (size_t i = 0; i < ARRAY_LEN(table); i++)                                              \
	strv_add(to, (table)[i].name)

void seccomp_names(struct strv *actions_out, struct strv *operators, struct strv *archs_out,
		   struct strv *flags)
{
	ADD_NAMES(actions_out, actions);
	ADD_NAMES(operators, compares);
	ADD_NAMES(archs_out, archs);
	ADD_NAMES(flags, flag_names);
}

#if defined(__x86_64__)
#define NATIVE "amd64"
#define NATIVE_SCMP "SCMP_ARCH_X86_64"
#else
#define NATIVE "arm64"
#define NATIVE_SCMP "SCMP_ARCH_AARCH64"
#endif

struct compile_for {
	uint64_t caps; /* bit N: capability N */
	uint32_t def;  /* the default action */
};

/* ---- Docker's conditions of a rule ---- */

static bool has_cap(struct json_object *name, const struct compile_for *w)
{
	int n = cap_number(json_object_get_string(name));

	return n >= 0 && w->caps >> n & 1;
}

static bool kernel_is(const char *min)
{
	struct utsname u;
	char *a, *b;
	long major, minor, want_major, want_minor;

	if (uname(&u) < 0)
		return false;
	major = strtol(u.release, &a, 10);
	minor = *a == '.' ? strtol(a + 1, NULL, 10) : 0;
	want_major = strtol(min, &b, 10);
	want_minor = *b == '.' ? strtol(b + 1, NULL, 10) : 0;
	return major > want_major || (major == want_major && minor >= want_minor);
}

static bool lists_arch(struct json_object *l)
{
	for (size_t i = 0; l && i < json_object_array_length(l); i++)
		if (str_eq(json_object_get_string(json_object_array_get_idx(l, i)), NATIVE))
			return true;
	return false;
}

/* All capabilities of includes, and none of excludes. */
static bool rule_is_for(struct json_object *rule, const struct compile_for *w)
{
	struct json_object *in = json_get(rule, "includes", json_type_object);
	struct json_object *ex = json_get(rule, "excludes", json_type_object);
	struct json_object *caps = in ? json_get(in, "caps", json_type_array) : NULL;
	struct json_object *arches = in ? json_get(in, "arches", json_type_array) : NULL;
	const char *kernel = in ? json_get_str(in, "minKernel") : NULL;

	for (size_t i = 0; caps && i < json_object_array_length(caps); i++)
		if (!has_cap(json_object_array_get_idx(caps, i), w))
			return false;
	if ((arches && json_object_array_length(arches) && !lists_arch(arches)) ||
	    (kernel && !kernel_is(kernel)))
		return false;
	caps = ex ? json_get(ex, "caps", json_type_array) : NULL;
	for (size_t i = 0; caps && i < json_object_array_length(caps); i++)
		if (has_cap(json_object_array_get_idx(caps, i), w))
			return false;
	kernel = ex ? json_get_str(ex, "minKernel") : NULL;
	return !(ex && lists_arch(json_get(ex, "arches", json_type_array))) &&
	       !(kernel && kernel_is(kernel));
}

static int action_of(struct json_object *o, const char *key, const char *errno_key, uint32_t *out,
		     struct err *e)
{
	const char *name = json_get_str(o, key);
	struct json_object *ret = json_get(o, errno_key, json_type_int);
	int64_t no = ret ? json_object_get_int64(ret) : EPERM;

	if (no < 0 || no > 4095)
		return err_set(e, ERR_USAGE, "%s is out of range", errno_key);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (!str_eq(actions[i].name, name))
			continue;
		if (ret && !actions[i].takes_errno)
			return err_set(e, ERR_USAGE, "%s: %s takes none", errno_key, name);
		*out = actions[i].action | (actions[i].takes_errno ? (uint32_t)no : 0);
		return 0;
	}
	return err_set(e, ERR_USAGE, "%s: unknown action \"%.64s\"", key, name ? name : "");
}

static uint64_t arg_value(struct json_object *arg, const char *key)
{
	struct json_object *v = json_get(arg, key, json_type_int);

	return v ? json_object_get_uint64(v) : 0;
}

static int args_read(struct json_object *list, struct scmp_arg_cmp cmp[6], unsigned *n,
		     struct err *e)
{
	size_t len = list ? json_object_array_length(list) : 0;

	*n = 0;
	if (len > 6)
		return err_set(e, ERR_USAGE, "args: more than 6");
	for (size_t i = 0; i < len; i++) {
		struct json_object *a = json_object_array_get_idx(list, i);
		const char *op = json_get_str(a, "op");
		bool found = false;

		for (size_t k = 0; k < ARRAY_LEN(compares); k++) {
			if (!str_eq(compares[k].name, op))
				continue;
			found = true;
			cmp[i] = (struct scmp_arg_cmp){ .arg = (unsigned)arg_value(a, "index"),
							.op = compares[k].op,
							.datum_a = arg_value(a, "value"),
							.datum_b = arg_value(a, "valueTwo") };
		}
		if (!found || cmp[i].arg > 5)
			return err_set(e, ERR_USAGE,
				       "args[%zu]: expected an index from 0 to 5 and an op like "
				       "SCMP_CMP_EQ",
				       i);
	}
	*n = (unsigned)len;
	return 0;
}

/* A list of strings, or none; *out is borrowed. */
static int string_list(struct json_object *o, const char *key, struct json_object **out,
		       struct err *e)
{
	struct json_object *l = NULL;

	*out = NULL;
	if (!json_object_object_get_ex(o, key, &l) || !l)
		return 0;
	if (!json_object_is_type(l, json_type_array))
		return err_set(e, ERR_USAGE, "%s: expected a list", key);
	for (size_t i = 0; i < json_object_array_length(l); i++)
		if (!json_object_is_type(json_object_array_get_idx(l, i), json_type_string))
			return err_set(e, ERR_USAGE, "%s[%zu]: expected a string", key, i);
	*out = l;
	return 0;
}

static int name_add(const struct seccomp_api *api, scmp_filter_ctx ctx, const char *name,
		    uint32_t action, const struct scmp_arg_cmp *cmp, unsigned n, struct err *e)
{
	int nr = api->seccomp_syscall_resolve_name(name), ret;

	if (nr == __NR_SCMP_ERROR) /* newer than the library: the default action holds */
		return 0;
	ret = api->seccomp_rule_add_array(ctx, action, nr, n, cmp);
	if (ret < 0) {
		errno = -ret;
		return err_sys(e, "names: rule for %.64s", name);
	}
	return 0;
}

static int rule_add(const struct seccomp_api *api, scmp_filter_ctx ctx, struct json_object *rule,
		    uint32_t def, unsigned *flags, struct err *e)
{
	const char *single = json_get_str(rule, "name"); /* Docker's older form */
	struct json_object *names;
	struct scmp_arg_cmp cmp[6];
	unsigned n;
	uint32_t action;

	if (!json_object_is_type(rule, json_type_object))
		return err_set(e, ERR_USAGE, "expected an object");
	if (string_list(rule, "names", &names, e) < 0)
		return -1;
	if (!names && !single)
		return err_set(e, ERR_USAGE, "names: there are none");
	if (action_of(rule, "action", "errnoRet", &action, e) < 0 ||
	    args_read(json_get(rule, "args", json_type_array), cmp, &n, e) < 0)
		return -1;
	if (action == SCMP_ACT_NOTIFY)
		*flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (action == def) /* libseccomp takes no rule that says what is done anyway */
		return 0;
	if (single && name_add(api, ctx, single, action, cmp, n, e) < 0)
		return -1;
	for (size_t i = 0; names && i < json_object_array_length(names); i++)
		if (name_add(api, ctx, json_object_get_string(json_object_array_get_idx(names, i)),
			     action, cmp, n, e) < 0)
			return -1;
	return 0;
}

static int archs_add(const struct seccomp_api *api, scmp_filter_ctx ctx, struct json_object *list,
		     struct err *e)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));

		size_t k = 0;
		int ret;

		while (k < ARRAY_LEN(archs) && !str_eq(archs[k].name, name))
			k++;
		if (k == ARRAY_LEN(archs))
			return err_set(e, ERR_USAGE, "architectures[%zu]: unknown: \"%.64s\"", i,
				       name);
		ret = api->seccomp_arch_add(ctx, archs[k].arch);
		if (ret < 0 && ret != -EEXIST) {
			errno = -ret;
			return err_sys(e, "architectures[%zu]: %s", i, name);
		}
	}
	return 0;
}

static int flags_read(struct json_object *list, unsigned *out, struct err *e)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		size_t k = 0;

		while (k < ARRAY_LEN(flag_names) && !str_eq(flag_names[k].name, name))
			k++;
		if (k == ARRAY_LEN(flag_names))
			return err_set(e, ERR_USAGE, "flags: flag \"%.64s\" is not supported",
				       name ? name : "");
		*out |= flag_names[k].flag;
	}
	return 0;
}

static int export_filter(const struct seccomp_api *api, scmp_filter_ctx ctx, struct seccomp *out,
			 struct err *e)
{
	own(fd) int mem = memfd_create("seccomp", MFD_CLOEXEC);
	int ret = mem < 0 ? -errno : api->seccomp_export_bpf(ctx, mem);
	struct stat st;

	if (ret < 0 || fstat(mem, &st) < 0) {
		errno = ret < 0 ? -ret : errno;
		return err_sys(e, "compile");
	}
	if (st.st_size == 0 || (size_t)st.st_size > FILTER_MAX * sizeof(struct sock_filter))
		return err_set(e, ERR_USAGE, "the filter is too large");
	out->insns = xmalloc((size_t)st.st_size);
	out->n = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	if (lseek(mem, 0, SEEK_SET) < 0 ||
	    read_full(mem, out->insns, (size_t)st.st_size) != st.st_size) {
		seccomp_free(out);
		return err_sys(e, "read the filter");
	}
	return 0;
}

/* Docker's archMap: the architectures that go with ours. */
static int arch_map_add(const struct seccomp_api *api, scmp_filter_ctx ctx, struct json_object *map,
			struct err *e)
{
	for (size_t i = 0; map && i < json_object_array_length(map); i++) {
		struct json_object *m = json_object_array_get_idx(map, i), *subs;

		if (!str_eq(json_get_str(m, "architecture"), NATIVE_SCMP))
			continue;
		if (string_list(m, "subArchitectures", &subs, e) < 0 ||
		    archs_add(api, ctx, subs, e) < 0)
			return err_in(e, "archMap[%zu]", i);
	}
	return 0;
}

static int compile(const struct seccomp_api *api, scmp_filter_ctx ctx, struct json_object *profile,
		   const struct compile_for *want, struct seccomp *out, struct err *e)
{
	struct json_object *list;
	struct json_object *rules = json_get(profile, "syscalls", json_type_array);

	/* no_new_privs is the process's own matter; a binary tree is quicker than a list. */
	api->seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	api->seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (string_list(profile, "architectures", &list, e) < 0 ||
	    archs_add(api, ctx, list, e) < 0 ||
	    arch_map_add(api, ctx, json_get(profile, "archMap", json_type_array), e) < 0)
		return -1;
	for (size_t i = 0; rules && i < json_object_array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		if (rule_is_for(rule, want) &&
		    rule_add(api, ctx, rule, want->def, &out->flags, e) < 0)
			return err_in(e, "syscalls[%zu]", i);
	}
	if (out->flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV &&
	    !(out->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return err_set(e, ERR_USAGE,
			       "flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV goes with "
			       "SCMP_ACT_NOTIFY");
	return export_filter(api, ctx, out, e);
}

int seccomp_compile(struct json_object *profile, uint64_t caps, struct seccomp *out, struct err *e)
{
	static struct seccomp_api api;
	struct compile_for want = { .caps = caps };
	scmp_filter_ctx ctx;
	int ret;

	*out = (struct seccomp){ 0 };
	if (!json_object_is_type(profile, json_type_object))
		return err_set(e, ERR_USAGE, "expected an object");
	if (action_of(profile, "defaultAction", "defaultErrnoRet", &want.def, e) < 0 ||
	    flags_read(json_get(profile, "flags", json_type_array), &out->flags, e) < 0)
		return -1;
	if (dl_load("libseccomp.so.2", "libseccomp2", symbols, ARRAY_LEN(symbols), &api, e) < 0)
		return -1;
	if (want.def == SCMP_ACT_NOTIFY)
		return err_set(e, ERR_USAGE, "defaultAction: SCMP_ACT_NOTIFY would stop us");
	ctx = api.seccomp_init(want.def);
	if (!ctx)
		return err_set(e, ERR_FAIL, "libseccomp cannot start a filter");
	ret = compile(&api, ctx, profile, &want, out, e);
	api.seccomp_release(ctx);
	return ret;
}
