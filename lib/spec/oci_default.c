/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci_default.c - what every container starts from. */
#include "spec/oci.h"

const char *const oci_default_caps[] = {
	"CAP_CHOWN",	  "CAP_DAC_OVERRIDE",	  "CAP_FSETID", "CAP_FOWNER",	   "CAP_MKNOD",
	"CAP_NET_RAW",	  "CAP_SETGID",		  "CAP_SETUID", "CAP_SETFCAP",	   "CAP_SETPCAP",
	"CAP_SYS_CHROOT", "CAP_NET_BIND_SERVICE", "CAP_KILL",	"CAP_AUDIT_WRITE", NULL,
};

// clang-format off
static const struct {
	const char *destination, *type, *source, *options;
} mounts[] = {
	{ "/proc", "proc", "proc", "nosuid,noexec,nodev" },
	{ "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
	{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
	{ "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k" },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
	{ "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro" },
};

/* They tell about the host or steer it, and belong to no namespace. */
static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
	"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
};
static const char *const readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/*
 * Nothing, but for: making any node (using it is another matter), and the ones that every container
 * has: null, zero, full, random, urandom, tty, ptmx, pts.
 */
#define ANY (-1)
static const struct {
	bool allow;
	const char *type;
	int major, minor;
	const char *access;
} rules[] = {
	{ false, "a", ANY, ANY, "rwm" },
	{ true, "c", ANY, ANY, "m" },
	{ true, "b", ANY, ANY, "m" },
	{ true, "c", 1, 3, "rwm" },
	{ true, "c", 1, 5, "rwm" },
	{ true, "c", 1, 7, "rwm" },
	{ true, "c", 1, 8, "rwm" },
	{ true, "c", 1, 9, "rwm" },
	{ true, "c", 5, 0, "rwm" },
	{ true, "c", 5, 2, "rwm" },
	{ true, "c", 136, ANY, "rwm" },
};
// clang-format on

void oci_add_device_rules(struct objlist *l, bool only_allow)
{
	for (size_t i = only_allow ? 1 : 0; i < ARRAY_LEN(rules); i++) {
		struct oci_device_rule *r = objlist_add(l, &oci_device_rule_table);

		r->allow = rules[i].allow;
		r->type = xstrdup(rules[i].type);
		if (rules[i].major != ANY)
			r->major = OPTINT(rules[i].major);
		if (rules[i].minor != ANY)
			r->minor = OPTINT(rules[i].minor);
		r->access = xstrdup(rules[i].access);
	}
}

/* The inheritable set stays empty: it would give a program with file capabilities what the caller
 * dropped. */
static struct oci_caps *default_caps(void)
{
	struct oci_caps *caps = xcalloc(1, sizeof(*caps));

	for (size_t i = 0; oci_default_caps[i]; i++) {
		strv_add(&caps->bounding, oci_default_caps[i]);
		strv_add(&caps->effective, oci_default_caps[i]);
		strv_add(&caps->permitted, oci_default_caps[i]);
	}
	return caps;
}

void oci_spec_default(struct oci_spec *s)
{
	oci_spec_free(s);
	s->oci_version = xstrdup("1.3.0");
	s->process.cwd = xstrdup("/");
	s->process.capabilities = default_caps();
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++)
		oci_add_mount(s, mounts[i].destination, mounts[i].type, mounts[i].source,
			      mounts[i].options);
	for (size_t i = 0; i < ARRAY_LEN(masked); i++)
		strv_add(&s->linux_.masked_paths, masked[i]);
	for (size_t i = 0; i < ARRAY_LEN(readonly); i++)
		strv_add(&s->linux_.readonly_paths, readonly[i]);
	oci_add_device_rules(&s->linux_.resources.devices, false);
}
