/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/resource.h>

#include "base/json.h"
#include "spec/cri.h"
#include "spec/oci.h"
#include "tests/unit/field_fill.h"
#include "tests/unit/tmpdir.h"
#include "unit.h"

/* Through text, as a file would. */
static int read_text(const struct field_table *t, const char *what, const char *text, void *out,
		     struct err *e)
{
	own(json) struct json_object *j = json_parse(what, text, strlen(text), e);

	return j ? fields_read(t, what, j, out, e) : -1;
}

static void round_trip(const struct field_table *t)
{
	void *a = xcalloc(1, t->size), *b = xcalloc(1, t->size), *zero = xcalloc(1, t->size);
	own(json) struct json_object *j = NULL;
	own(buf) struct buf text = { 0 };
	struct err e = { 0 };
	int n = 0;

	fill(t, a, &n);
	ok(n > 0, "%s has no fields", t->name);
	j = fields_write(t, a);
	json_print(j, &text);
	ok(read_text(t, "x", text.s, b, &e) == 0, "%s", e.msg);
	ok(!differ(t, a, b), "%s: what is read is not what was written", t->name);
	fields_free(t, b);
	ok(memcmp(b, zero, t->size) == 0, "%s: not zero after fields_free", t->name);
	fields_copy(t, b, a);
	ok(!differ(t, a, b), "%s: the copy is not the same", t->name);
	fields_free(t, a);
	ok(memcmp(a, zero, t->size) == 0, "%s: not zero after fields_free", t->name);
	fields_free(t, a); /* of a zeroed struct */
	fields_free(t, b);
	free(a);
	free(b);
	free(zero);
}

TEST(every_field_of_every_struct_is_read_as_it_was_written_and_copied_deep)
{
	round_trip(&oci_spec_table);
	round_trip(&cri_sandbox_config_table);
	round_trip(&cri_container_config_table);
	round_trip(&cri_env_table);
	round_trip(&cri_port_mapping_table);
}

TEST(a_struct_that_holds_nothing_is_written_as_an_empty_object)
{
	struct cri_container_config c = { 0 };
	own(json) struct json_object *j = fields_write(&cri_container_config_table, &c);
	own(buf) struct buf text = { 0 };

	json_print(j, &text);
	same_str(text.s, "{}");
}

TEST(an_absent_number_is_told_from_zero)
{
	own(cri_container_config) struct cri_container_config c = { 0 };
	struct err e = { 0 };

	ok(read_text(&cri_container_config_table, "x",
		     "{\"linux\":{\"resources\":{\"cpu_shares\":0},\"security_context\":{\"run_as_"
		     "user\":{}}}}",
		     &c, &e) == 0,
	   "%s", e.msg);
	ok(c.linux_.resources && c.linux_.resources->cpu_shares.set, "absent");
	ok(c.linux_.resources && !c.linux_.resources->cpu_quota.set, "present");
	ok(c.linux_.security_context.run_as_user != NULL, "absent");
	ok(c.linux_.security_context.run_as_group == NULL, "present");
}

TEST(null_counts_as_absent)
{
	own(cri_container_config) struct cri_container_config c = { 0 };
	struct err e = { 0 };

	ok(read_text(&cri_container_config_table, "x",
		     "{\"args\":null,\"tty\":null,\"linux\":{\"resources\":null},\"image\":null,"
		     "\"log_path\":null}",
		     &c, &e) == 0,
	   "%s", e.msg);
	ok(c.linux_.resources == NULL && c.args.n == 0 && c.log_path == NULL, "present");
}

TEST(both_spellings_and_protobufs_numbers_are_read)
{
	own(cri_sandbox_config) struct cri_sandbox_config c = { 0 };
	struct err e = { 0 };

	ok(read_text(&cri_sandbox_config_table, "x",
		     "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"attempt\":\"1\"},"
		     "\"logDirectory\":\"/var/log/web\",\"port_mappings\":["
		     "{\"protocol\":\"UDP\",\"containerPort\":53,\"host_port\":5353,\"hostIp\":\"::"
		     "1\"},"
		     "{\"protocol\":2,\"container_port\":\"80\"},{\"protocol\":\"tcp\"}],"
		     "\"linux\":{\"securityContext\":{\"namespaceOptions\":{\"network\":2,\"pid\":"
		     "\"CONTAINER\"},"
		     "\"runAsUser\":{\"value\":\"1000\"},\"seccomp\":{\"profileType\":"
		     "\"Unconfined\"}},"
		     "\"resources\":{\"memoryLimitInBytes\":\"9223372036854775807\"}}}",
		     &c, &e) == 0,
	   "%s", e.msg);
	same_str(c.metadata.namespace_, "default");
	same_int(c.metadata.attempt, 1);
	same_str(c.log_directory, "/var/log/web");
	same_int(c.port_mappings.n, 3);
	if (c.port_mappings.n == 3) {
		const struct cri_port_mapping *p = c.port_mappings.v;

		same_int(p[0].protocol, CRI_UDP);
		same_int(p[0].container_port, 53);
		same_str(p[0].host_ip, "::1");
		same_int(p[1].protocol, CRI_SCTP);
		same_int(p[1].container_port, 80);
		same_int(p[2].protocol, CRI_TCP);
	}
	same_int(c.linux_.security_context.namespace_options.network, CRI_NS_NODE);
	same_int(c.linux_.security_context.namespace_options.pid, CRI_NS_CONTAINER);
	ok(c.linux_.security_context.run_as_user, "absent");
	same_int(c.linux_.security_context.run_as_user->value, 1000);
	ok(c.linux_.resources, "absent");
	same_int(c.linux_.resources->memory_limit_in_bytes.v, INT64_MAX);
	same_int(c.linux_.security_context.seccomp->profile_type, 1);
}

static void refused(const struct field_table *t, const char *text, const char *message)
{
	void *p = xcalloc(1, t->size), *zero = xcalloc(1, t->size);
	struct err e = { 0 };

	ok(read_text(t, "sandbox.json", text, p, &e) < 0, "%s was accepted", text);
	same_str(e.msg, message);
	ok(memcmp(p, zero, t->size) == 0, "%s: not zero after the error", text);
	free(p);
	free(zero);
}

TEST(an_error_names_the_place_what_was_expected_and_what_was_found)
{
	static const char *const rows[][2] = {
		{ "{\"linux\":{\"resources\":{\"cpu_quota\":\"fast\"}}}",
		  "sandbox.json: linux.resources.cpu_quota: expected an integer, found \"fast\"" },
		{ "{\"linux\":{\"resources\":{\"cpu_quota\":1.5}}}",
		  "sandbox.json: linux.resources.cpu_quota: expected an integer, found 1.5" },
		{ "{\"linux\":{\"resources\":{\"cpu_quota\":9223372036854775808}}}",
		  "sandbox.json: linux.resources.cpu_quota: expected an integer of 64 bits, found "
		  "9223372036854775808" },
		{ "{\"linux\":{\"resources\":{\"cpu_shares\":-1}}}",
		  "sandbox.json: linux.resources.cpu_shares: expected an integer of at least 0, "
		  "found -1" },
		{ "{\"linux\":{\"resources\":{\"oom_score_adj\":\"-1001\"}}}",
		  "sandbox.json: linux.resources.oom_score_adj: expected an integer from -1000 to "
		  "1000, found \"-1001\"" },
		{ "{\"labels\":{\"a\":\"b\"},\"mounts\":[{\"container_path\":\"/"
		  "a\"},{},{\"container_path\":true}]}",
		  "sandbox.json: mounts[2].container_path: expected a string, found true" },
		{ "{\"mounts\":[{\"container_path\":\"etc\"}]}",
		  "sandbox.json: mounts[0].container_path: expected an absolute path, found "
		  "\"etc\"" },
		{ "{\"mounts\":[{\"propagation\":\"SHARED\"}]}",
		  "sandbox.json: mounts[0].propagation: expected one of PROPAGATION_PRIVATE, "
		  "PROPAGATION_HOST_TO_CONTAINER, PROPAGATION_BIDIRECTIONAL, found \"SHARED\"" },
		{ "{\"mounts\":[{\"propagation\":3}]}",
		  "sandbox.json: mounts[0].propagation: expected one of PROPAGATION_PRIVATE, "
		  "PROPAGATION_HOST_TO_CONTAINER, PROPAGATION_BIDIRECTIONAL, found 3" },
		{ "{\"mounts\":[[]]}",
		  "sandbox.json: mounts[0]: expected an object, found a list" },
		{ "{\"mounts\":{}}", "sandbox.json: mounts: expected a list, found an object" },
		{ "{\"args\":[\"a\",1]}", "sandbox.json: args[1]: expected a string, found 1" },
		{ "{\"args\":[null]}", "sandbox.json: args[0]: expected a string, found null" },
		{ "{\"tty\":\"true\"}",
		  "sandbox.json: tty: expected true or false, found \"true\"" },
		{ "{\"linux\":{\"security_context\":{\"supplemental_groups\":[0,-1]}}}",
		  "sandbox.json: linux.security_context.supplemental_groups[1]: "
		  "expected an integer from 0 to 4294967294, found -1" },
		{ "{\"annotations\":{\"io.x/y\":{}}}",
		  "sandbox.json: annotations[\"io.x/y\"]: expected a string, found an object" },
		{ "{\"annotations\":[]}",
		  "sandbox.json: annotations: expected an object of strings, found a list" },
		{ "{\"log_path\":\"a\",\"logPath\":\"b\"}",
		  "sandbox.json: logPath: the field is there twice" },
		{ "[]", "sandbox.json: expected an object, found a list" },
		{ "{\"tty\":\"\\u001b[2J\"}",
		  "sandbox.json: tty: expected true or false, found \"\\x1b[2J\"" },
		{ "{\"tty\":"
		  "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
		  "sandbox.json: tty: expected true or false, found "
		  "\"012345678901234567890123456789012345678901234567890123456789...\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(&cri_container_config_table, rows[i][0], rows[i][1]);
}

TEST(an_unknown_field_is_refused_with_the_closest_name)
{
	static const char *const rows[][2] = {
		{ "{\"linux\":{\"foo\":1}}", "sandbox.json: linux.foo: unknown field" },
		{ "{\"linux\":{\"resorces\":{}}}",
		  "sandbox.json: linux.resorces: unknown field; did you mean resources?" },
		{ "{\"mounts\":[{\"containerpath\":\"/\"}]}",
		  "sandbox.json: mounts[0].containerpath: unknown field; did you mean "
		  "container_path?" },
		{ "{\"workingDirs\":null}",
		  "sandbox.json: workingDirs: unknown field; did you mean working_dir?" },
		{ "{\"linux_\":{}}", "sandbox.json: linux_: unknown field; did you mean linux?" },
		{ "{\"\\u001b[2J\":{}}", "sandbox.json: \\x1b[2J: unknown field" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(&cri_container_config_table, rows[i][0], rows[i][1]);
}

TEST(a_list_of_more_elements_than_any_configuration_has_is_refused)
{
	own(buf) struct buf text = { 0 };

	buf_add(&text, "{\"mounts\":[{}");
	for (int i = 0; i < 65536; i++)
		buf_add(&text, ",{}");
	buf_add(&text, "]}");
	refused(&cri_container_config_table, text.s, "sandbox.json: mounts: too many elements");
}

/* Names and values as config.md and config-linux.md of the runtime specification spell them. */
static const char oci_text[] =
	"{\"ociVersion\":\"1.2.0\",\"unknown\":{\"x\":1},\"root\":{\"path\":\"rootfs\","
	"\"readonly\":true},"
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":25,\"width\":80},\"user\":{"
	"\"uid\":1,\"gid\":2,"
	"\"umask\":63,\"additionalGids\":[5,6]},\"args\":[\"sh\"],\"env\":[\"A=b\"],\"cwd\":\"/"
	"root\","
	"\"noNewPrivileges\":true,\"apparmorProfile\":\"acme\",\"oomScoreAdj\":-100,"
	"\"selinuxLabel\":\"s0\","
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1024}]},"
	"\"mounts\":[{\"destination\":\"/"
	"tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}]}],"
	"\"linux\":{\"cgroupsPath\":\"/a/b\",\"rootfsPropagation\":\"slave\",\"mountLabel\":\"m\","
	"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/"
	"sys\"],\"sysctl\":{\"net.a\":\"1\"},"
	"\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/1/ns/pid\"}],"
	"\"devices\":[{\"path\":\"/dev/"
	"fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438}],"
	"\"resources\":{\"memory\":{\"disableOOMKiller\":true,\"kernelTCP\":1},\"cpu\":{"
	"\"realtimePeriod\":2},"
	"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":9}],\"pids\":{\"limit\":7},"
	"\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],\"unified\":{\"memory.high\":\"1\"}},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}";

TEST(a_runtime_specification_is_read_by_its_names)
{
	own(oci_spec) struct oci_spec s = { 0 };
	const struct oci_rlimit *rlimit;
	struct err e = { 0 };

	ok(read_text(&oci_spec_table, "config.json", oci_text, &s, &e) == 0, "%s", e.msg);
	same_int(s.process.console_size.width, 80);
	same_int(s.process.user.umask.v, 63);
	same_int(s.process.user.additional_gids.n, 2);
	ok(s.process.no_new_privileges, "lost");
	same_str(s.process.apparmor_profile, "acme");
	same_int(s.process.oom_score_adj.v, -100);
	same_int(s.process.rlimits.n, 1);
	rlimit = s.process.rlimits.v;
	ok(rlimit && (rlim_t)rlimit->hard == RLIM_INFINITY, "not unlimited");
	same_int(rlimit ? rlimit->soft : 0, 1024);
	same_int(((struct oci_id_mapping *)((struct oci_mount *)s.mounts.v)->uid_mappings.v)
			 ->host_id,
		 1000);
	same_str(s.linux_.cgroups_path, "/a/b");
	same_str(s.linux_.rootfs_propagation, "slave");
	same_str(s.linux_.mount_label, "m");
	ok(strv_has(&s.linux_.masked_paths, "/proc/kcore"), "lost");
	ok(strv_has(&s.linux_.readonly_paths, "/proc/sys"), "lost");
	same_int(((struct oci_device *)s.linux_.devices.v)->file_mode.v, 0666);
	ok(s.linux_.resources.memory.disable_oom_killer, "lost");
	same_int(s.linux_.resources.memory.kernel_tcp.v, 1);
	same_int(s.linux_.resources.cpu.realtime_period.v, 2);
	same_str(((struct oci_hugepage_limit *)s.linux_.resources.hugepage_limits.v)->page_size,
		 "2MB");
	same_str(json_get_str(s.linux_.seccomp, "defaultAction"), "SCMP_ACT_ALLOW");
}

TEST(an_unlimited_rlimit_is_written_as_the_specification_spells_it)
{
	struct oci_rlimit r = { .soft = 0, .hard = (int64_t)RLIM_INFINITY };
	own(json) struct json_object *j = fields_write(&oci_rlimit_table, &r);
	own(buf) struct buf text = { 0 };

	json_print(j, &text);
	same_str(text.s, "{\"soft\":0,\"hard\":18446744073709551615}");
	refused(&oci_rlimit_table, "{\"soft\":-1}",
		"sandbox.json: soft: expected an integer from 0 to 18446744073709551615, found -1");
}

TEST(a_user_of_id_0_is_written_because_the_specification_requires_it)
{
	struct oci_process p = { 0 };
	own(json) struct json_object *j = fields_write(&oci_process_table, &p);
	own(buf) struct buf text = { 0 };

	json_print(j, &text);
	same_str(text.s, "{\"user\":{\"uid\":0,\"gid\":0}}");
}

TEST(the_default_specification_denies_devices_first_and_keeps_no_inheritable_capability)
{
	own(oci_spec) struct oci_spec s = { 0 };
	const struct oci_device_rule *rules;
	size_t caps = 0;

	oci_spec_default(&s);
	oci_spec_default(&s); /* again: no leak, nothing twice */
	rules = s.linux_.resources.devices.v;
	ok(s.linux_.resources.devices.n > 1 && !rules[0].allow, "allowed");
	same_str(rules[0].type, "a");
	ok(!rules[0].major.set && !rules[0].minor.set, "not for all");
	for (size_t i = 1; i < s.linux_.resources.devices.n; i++)
		ok(rules[i].allow && (rules[i].major.set || str_eq(rules[i].access, "m")),
		   "rule %zu", i);
	while (oci_default_caps[caps])
		caps++;
	same_int(caps, 14);
	same_int(s.process.capabilities->bounding.n, caps);
	same_int(s.process.capabilities->permitted.n, caps);
	same_int(s.process.capabilities->inheritable.n, 0);
	same_int(s.process.capabilities->ambient.n, 0);
	ok(!strv_has(&s.process.capabilities->effective, "CAP_SYS_ADMIN"), "CAP_SYS_ADMIN");
	ok(strv_has(&s.linux_.masked_paths, "/proc/kcore"), "kcore is readable");
	ok(strv_has(&s.linux_.readonly_paths, "/proc/sys"), "sysctls are writable");
	same_str(((struct oci_mount *)s.mounts.v)[0].destination, "/proc");
}

TEST(mounts_and_namespaces_are_appended_with_their_options_split)
{
	own(oci_spec) struct oci_spec s = { 0 };
	const struct oci_mount *m;

	for (int i = 0; i < 9; i++)
		oci_add_namespace(&s, "pid", i ? "/proc/1/ns/pid" : NULL);
	same_int(s.linux_.namespaces.n, 9);
	ok(((struct oci_namespace *)s.linux_.namespaces.v)[0].path == NULL, "a path");
	same_str(((struct oci_namespace *)s.linux_.namespaces.v)[8].path, "/proc/1/ns/pid");
	m = oci_add_mount(&s, "/a", "bind", "/b", "ro,rbind");
	same_int(m->options.n, 2);
	same_str(m->options.v[1], "rbind");
	m = oci_add_mount(&s, "/a", "bind", "/b", NULL);
	same_int(m->options.n, 0);
}

TEST(a_saved_struct_is_loaded_again_and_a_torn_file_is_called_corrupt)
{
	own(tmpdir) int dir = tmpdir_open();
	own(oci_spec) struct oci_spec a = { 0 }, b = { 0 };
	struct err e = { 0 };

	oci_spec_default(&a);
	ok(fields_save(&oci_spec_table, dir, "spec.json", &a, true, &e) == 0, "%s", e.msg);
	ok(fields_load(&oci_spec_table, dir, "spec.json", &b, &e) == 0, "%s", e.msg);
	ok(!differ(&oci_spec_table, (char *)&a, (char *)&b), "another");
	oci_spec_free(&b);
	put_file(dir, "spec.json", "{\"ociVersion\": ");
	ok(fields_load(&oci_spec_table, dir, "spec.json", &b, &e) < 0, "loaded");
	same_int(e.kind, ERR_CORRUPT);
	put_file(dir, "spec.json", "{\"ociVersion\": 1}");
	ok(fields_load(&oci_spec_table, dir, "spec.json", &b, &e) < 0, "loaded");
	same_int(e.kind, ERR_CORRUPT);
	same_str(e.msg, "spec.json: ociVersion: expected a string, found 1");
	ok(fields_load(&oci_spec_table, dir, "none.json", &b, &e) < 0, "loaded");
	same_int(e.kind, ERR_NOT_FOUND);
}

int main(void)
{
	return unit_run();
}
