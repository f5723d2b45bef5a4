/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/cdi.h"

#include <ctype.h>

#define FLAGS FIELDS_STRICT
#define SUB(table) .sub = &(table)
#define ID .max = UINT32_MAX - 1

static const char *check_absolute(const char *s)
{
	return *s == '/' ? NULL : "expected an absolute path";
}

static const char *check_access(const char *s)
{
	return s[strspn(s, "rwm")] ? "expected of r, w and m" : NULL;
}

static const char *check_type(const char *s)
{
	return str_eq(s, "b") || str_eq(s, "c") || str_eq(s, "u") || str_eq(s, "")
		       ? NULL
		       : "expected b, c or u";
}

// clang-format off
static const struct field node_fields[] = {
	FIELD(struct cdi_device_node, path, FIELD_STR, .check = check_absolute, .required = true),
	FIELD_AS(struct cdi_device_node, host_path, "hostPath", FIELD_STR, .check = check_absolute),
	FIELD(struct cdi_device_node, type, FIELD_STR, .check = check_type),
	FIELD(struct cdi_device_node, major, FIELD_INT, .max = INT32_MAX),
	FIELD(struct cdi_device_node, minor, FIELD_INT, .max = INT32_MAX),
	FIELD_AS(struct cdi_device_node, file_mode, "fileMode", FIELD_OPTINT, .max = 07777),
	FIELD(struct cdi_device_node, permissions, FIELD_STR, .check = check_access),
	FIELD(struct cdi_device_node, uid, FIELD_OPTINT, ID),
	FIELD(struct cdi_device_node, gid, FIELD_OPTINT, ID),
};
static FIELD_TABLE(node_table, "deviceNode", struct cdi_device_node, FLAGS, node_fields);

static const struct field mount_fields[] = {
	FIELD_AS(struct cdi_mount, host_path, "hostPath", FIELD_STR, .required = true),
	FIELD_AS(struct cdi_mount, container_path, "containerPath", FIELD_STR, .check = check_absolute, .required = true),
	FIELD(struct cdi_mount, type, FIELD_STR),
	FIELD(struct cdi_mount, options, FIELD_STRLIST),
};
static FIELD_TABLE(mount_table, "mount", struct cdi_mount, FLAGS, mount_fields);

static const struct field hook_fields[] = {
	FIELD_AS(struct cdi_hook, hook_name, "hookName", FIELD_STR, .required = true),
	FIELD(struct cdi_hook, path, FIELD_STR, .check = check_absolute, .required = true),
	FIELD(struct cdi_hook, args, FIELD_STRLIST),
	FIELD(struct cdi_hook, env, FIELD_STRLIST),
	FIELD(struct cdi_hook, timeout, FIELD_OPTINT, .min = 1, .max = INT32_MAX),
};
static FIELD_TABLE(hook_table, "hook", struct cdi_hook, FLAGS, hook_fields);

static const struct field rdt_fields[] = {
	FIELD_AS(struct cdi_rdt, clos_id, "closID", FIELD_STR),
	FIELD_AS(struct cdi_rdt, l3_cache_schema, "l3CacheSchema", FIELD_STR),
	FIELD_AS(struct cdi_rdt, mem_bw_schema, "memBwSchema", FIELD_STR),
	FIELD_AS(struct cdi_rdt, enable_cmt, "enableCMT", FIELD_BOOL),
	FIELD_AS(struct cdi_rdt, enable_mbm, "enableMBM", FIELD_BOOL),
};
static FIELD_TABLE(rdt_table, "intelRdt", struct cdi_rdt, FLAGS, rdt_fields);

static const struct field edits_fields[] = {
	FIELD(struct cdi_edits, env, FIELD_STRLIST),
	FIELD_AS(struct cdi_edits, device_nodes, "deviceNodes", FIELD_OBJLIST, SUB(node_table)),
	FIELD(struct cdi_edits, mounts, FIELD_OBJLIST, SUB(mount_table)),
	FIELD(struct cdi_edits, hooks, FIELD_OBJLIST, SUB(hook_table)),
	FIELD_AS(struct cdi_edits, intel_rdt, "intelRdt", FIELD_OBJPTR, SUB(rdt_table)),
	FIELD_AS(struct cdi_edits, additional_gids, "additionalGids", FIELD_INTLIST, ID),
};
static FIELD_TABLE(edits_table, "containerEdits", struct cdi_edits, FLAGS, edits_fields);

static const struct field device_fields[] = {
	FIELD(struct cdi_device, name, FIELD_STR, .required = true),
	FIELD(struct cdi_device, annotations, FIELD_STRMAP),
	FIELD_AS(struct cdi_device, edits, "containerEdits", FIELD_OBJ, SUB(edits_table)),
};
static FIELD_TABLE(device_table, "device", struct cdi_device, FLAGS, device_fields);

static const struct field spec_fields[] = {
	FIELD_AS(struct cdi_spec, version, "cdiVersion", FIELD_STR, .required = true),
	FIELD(struct cdi_spec, kind, FIELD_STR, .required = true),
	FIELD(struct cdi_spec, annotations, FIELD_STRMAP),
	FIELD(struct cdi_spec, devices, FIELD_OBJLIST, SUB(device_table), .required = true),
	FIELD_AS(struct cdi_spec, edits, "containerEdits", FIELD_OBJ, SUB(edits_table)),
};
FIELD_TABLE(cdi_spec_table, "CDI spec", struct cdi_spec, FLAGS, spec_fields);
// clang-format on

static bool is_letter(char c)
{
	return isalpha((unsigned char)c);
}

static bool is_alnum(char c)
{
	return isalnum((unsigned char)c);
}

/* Letters, digits and more; the first of first's, the last no sign. */
static bool is_name(const char *s, size_t n, const char *more, bool (*first)(char))
{
	if (n == 0 || !first(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !strchr(more, s[i]))
			return false;
	return true;
}

static bool is_kind(const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);
	size_t vendor = slash ? (size_t)(slash - s) : 0;

	return slash && is_name(s, vendor, "_-.", is_letter) &&
	       is_name(slash + 1, n - vendor - 1, "_-.", is_letter);
}

static bool is_device(const char *s)
{
	return is_name(s, strlen(s), "_-.:", is_alnum);
}

const char *cdi_name_split(const char *name)
{
	const char *eq = strchr(name, '=');

	return eq && is_kind(name, (size_t)(eq - name)) && is_device(eq + 1) ? eq : NULL;
}

int cdi_spec_check(const char *what, const struct cdi_spec *s, struct err *e)
{
	static const char *const versions[] = { "0.3.0", "0.4.0", "0.5.0", "0.6.0",
						"0.7.0", "0.8.0", "1.0.0" };
	const struct cdi_device *d = s->devices.v;
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		known = known || str_eq(s->version, versions[i]);
	if (!known)
		return err_set(e, ERR_USAGE,
			       "%.200s: cdiVersion: expected 0.3.0 to 1.0.0, found \"%.40s\"", what,
			       s->version);
	if (!is_kind(s->kind, strlen(s->kind)))
		return err_set(e, ERR_USAGE, "%.200s: kind: expected VENDOR/CLASS, found \"%.80s\"",
			       what, s->kind);
	for (size_t i = 0; i < s->devices.n; i++) {
		if (!is_device(d[i].name))
			return err_set(e, ERR_USAGE,
				       "%.200s: devices[%zu].name: \"%.80s\" is no name", what, i,
				       d[i].name);
		for (size_t k = 0; k < i; k++)
			if (str_eq(d[i].name, d[k].name))
				return err_set(e, ERR_USAGE,
					       "%.200s: it has device \"%.80s\" twice", what,
					       d[i].name);
	}
	return 0;
}

void cdi_spec_free(struct cdi_spec *s)
{
	fields_free(&cdi_spec_table, s);
}
