/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user's profile (linux.seccomp of the OCI spec) to a BPF program, by libseccomp. */
#include "executor/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dl.h"
#include "base/fd.h"
#include "base/json.h"

#define FILTER_MAX 4096 /* BPF_MAXINSNS */

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
};
// clang-format on

static int action_of(struct json_object *o, const char *key, const char *errno_key, uint32_t *out,
		     struct err *e)
{
	const char *name = json_get_str(o, key);
	struct json_object *ret = json_get(o, errno_key, json_type_int);
	int64_t no = ret ? json_object_get_int64(ret) : EPERM;

	if (no < 0 || no > 4095)
		return err_set(e, ERR_USAGE, "linux.seccomp: %s is out of range", errno_key);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (!str_eq(actions[i].name, name))
			continue;
		*out = actions[i].action | (actions[i].takes_errno ? (uint32_t)no : 0);
		return 0;
	}
	return err_set(e, ERR_USAGE, "linux.seccomp: unknown action \"%.64s\"", name ? name : "");
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
		return err_set(e, ERR_USAGE, "linux.seccomp: more than 6 arguments");
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
			return err_set(e, ERR_USAGE, "linux.seccomp: bad argument rule");
	}
	*n = (unsigned)len;
	return 0;
}

static int rule_add(const struct seccomp_api *api, scmp_filter_ctx ctx, struct json_object *rule,
		    uint32_t def, struct err *e)
{
	struct json_object *names = json_get(rule, "names", json_type_array);
	struct scmp_arg_cmp cmp[6];
	unsigned n;
	uint32_t action;

	if (action_of(rule, "action", "errnoRet", &action, e) < 0 ||
	    args_read(json_get(rule, "args", json_type_array), cmp, &n, e) < 0)
		return -1;
	if (action == def) /* libseccomp takes no rule that says what is done anyway */
		return 0;
	for (size_t i = 0; names && i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		int nr = name ? api->seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
		int ret;

		if (nr == __NR_SCMP_ERROR) /* newer than the library: the default action holds */
			continue;
		ret = api->seccomp_rule_add_array(ctx, action, nr, n, cmp);
		if (ret < 0) {
			errno = -ret;
			return err_sys(e, "linux.seccomp: rule for %.64s", name);
		}
	}
	return 0;
}

static int archs_add(const struct seccomp_api *api, scmp_filter_ctx ctx, struct json_object *list,
		     struct err *e)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));

		for (size_t k = 0; k < ARRAY_LEN(archs); k++) {
			int ret = str_eq(archs[k].name, name)
					  ? api->seccomp_arch_add(ctx, archs[k].arch)
					  : 0;

			if (ret < 0 && ret != -EEXIST) {
				errno = -ret;
				return err_sys(e, "linux.seccomp: architecture %s", name);
			}
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
			return err_set(e, ERR_USAGE,
				       "linux.seccomp: flag \"%.64s\" is not supported",
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
		return err_sys(e, "linux.seccomp: compile");
	}
	if (st.st_size == 0 || (size_t)st.st_size > FILTER_MAX * sizeof(struct sock_filter))
		return err_set(e, ERR_USAGE, "linux.seccomp: the filter is too large");
	out->insns = xmalloc((size_t)st.st_size);
	out->n = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	if (lseek(mem, 0, SEEK_SET) < 0 ||
	    read_full(mem, out->insns, (size_t)st.st_size) != st.st_size) {
		seccomp_free(out);
		return err_sys(e, "linux.seccomp: read the filter");
	}
	return 0;
}

static int compile(const struct seccomp_api *api, scmp_filter_ctx ctx, struct json_object *profile,
		   uint32_t def, struct seccomp *out, struct err *e)
{
	struct json_object *rules = json_get(profile, "syscalls", json_type_array);

	/* no_new_privs is the process's own matter; a binary tree is quicker than a list. */
	api->seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	api->seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (archs_add(api, ctx, json_get(profile, "architectures", json_type_array), e) < 0)
		return -1;
	for (size_t i = 0; rules && i < json_object_array_length(rules); i++)
		if (rule_add(api, ctx, json_object_array_get_idx(rules, i), def, e) < 0)
			return -1;
	return export_filter(api, ctx, out, e);
}

int seccomp_compile(struct json_object *profile, struct seccomp *out, struct err *e)
{
	static struct seccomp_api api;
	scmp_filter_ctx ctx;
	uint32_t def;
	int ret;

	*out = (struct seccomp){ 0 };
	if (json_get_str(profile, "listenerPath"))
		return err_set(e, ERR_USAGE, "linux.seccomp: listenerPath is not supported");
	if (action_of(profile, "defaultAction", "defaultErrnoRet", &def, e) < 0 ||
	    flags_read(json_get(profile, "flags", json_type_array), &out->flags, e) < 0)
		return -1;
	if (dl_load("libseccomp.so.2", "libseccomp2", symbols, ARRAY_LEN(symbols), &api, e) < 0)
		return -1;
	ctx = api.seccomp_init(def);
	if (!ctx)
		return err_set(e, ERR_FAIL, "linux.seccomp: libseccomp cannot start a filter");
	ret = compile(&api, ctx, profile, def, out, e);
	api.seccomp_release(ctx);
	return ret;
}
