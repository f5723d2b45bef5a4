/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/template.h"

#include <unistd.h>

#include "oci/life.h"

// clang-format off
static const char *const caps[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" };
static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
	"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};
static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount" };
// clang-format on

static void fill_process(struct oci_process *p)
{
	struct strv *sets[] = { &p->capabilities->bounding, &p->capabilities->effective,
				&p->capabilities->permitted, &p->capabilities->ambient };
	struct oci_rlimit *files = objlist_add(&p->rlimits, &oci_rlimit_table);

	p->terminal = true;
	p->no_new_privileges = true;
	strv_add(&p->args, "sh");
	strv_add(&p->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(&p->env, "TERM=xterm");
	for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
		strv_free(sets[s]);
		for (size_t i = 0; i < ARRAY_LEN(caps); i++)
			strv_add(sets[s], caps[i]);
	}
	files->type = xstrdup("RLIMIT_NOFILE");
	files->soft = files->hard = 1024;
}

static void change_mounts(struct oci_spec *s, bool rootless)
{
	struct oci_mount *m = s->mounts.v;

	for (size_t i = 0; i < s->mounts.n; i++) {
		if (str_eq(m[i].destination, "/proc"))
			strv_free(&m[i].options);
		if (!rootless)
			continue;
		if (str_eq(m[i].destination, "/dev/pts")) { /* no group 5 in there */
			strv_free(&m[i].options);
			strv_split(&m[i].options,
				   "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620", ',');
		}
		if (str_eq(m[i].destination, "/sys")) { /* nor a network namespace of its own */
			str_set(&m[i].type, "none");
			str_set(&m[i].source, "/sys");
			strv_free(&m[i].options);
			strv_split(&m[i].options, "rbind,nosuid,noexec,nodev,ro", ',');
		}
	}
}

static void map_own_id(struct objlist *l, int64_t id)
{
	struct oci_id_mapping *m = objlist_add(l, &oci_id_mapping_table);

	m->host_id = id;
	m->size = 1;
}

void oci_template(bool rootless, struct oci_spec *out)
{
	struct oci_linux *l = &out->linux_;
	struct oci_device_rule *deny;

	oci_spec_default(out);
	str_set(&out->oci_version, OCI_VERSION_MAX);
	out->root.path = xstrdup("rootfs");
	out->root.readonly = true;
	out->hostname = xstrdup("runc");
	fill_process(&out->process);
	change_mounts(out, rootless);
	strv_free(&l->masked_paths);
	for (size_t i = 0; i < ARRAY_LEN(masked); i++)
		strv_add(&l->masked_paths, masked[i]);
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		if (!rootless || !str_eq(namespaces[i], "network"))
			oci_add_namespace(out, namespaces[i], NULL);
	objlist_free(&l->resources.devices, &oci_device_rule_table);
	if (rootless) {
		oci_add_namespace(out, "user", NULL);
		map_own_id(&l->uid_mappings, geteuid());
		map_own_id(&l->gid_mappings, getegid());
		return;
	}
	deny = objlist_add(&l->resources.devices, &oci_device_rule_table);
	deny->access = xstrdup("rwm");
}
