/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/stats.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"

static int usage_of_group(const char *cgroup, struct usage *out, struct err *e)
{
	*out = (struct usage){ .at = clock_monotonic(), .rx = -1, .tx = -1 };
	if (cgroup_stats(cgroup, &out->own, e) == 0 || e->kind == ERR_NOT_FOUND)
		return 0;
	return -1;
}

/* "  eth0: RX-BYTES ... TX-BYTES ...": the first number and the ninth. */
static void add_interface(const char *line, struct usage *out)
{
	const char *p = strchr(line, ':');
	long long v[9] = { 0 };
	char *end;

	if (!p || str_starts(line + strspn(line, " "), "lo:"))
		return;
	p++;
	for (size_t i = 0; i < ARRAY_LEN(v); i++, p = end) {
		v[i] = strtoll(p, &end, 10);
		if (end == p)
			return;
	}
	out->rx = MAX(out->rx, 0) + v[0];
	out->tx = MAX(out->tx, 0) + v[8];
}

static int read_interfaces(struct usage *out, struct err *e)
{
	own(buf) struct buf text = { 0 };
	own(strv) struct strv lines = { 0 };

	if (file_load_kernel(AT_FDCWD, "/proc/thread-self/net/dev", &text, e) < 0)
		return -1;
	strv_split(&lines, text.s ? text.s : "", '\n');
	for (size_t i = 0; i < lines.n; i++)
		add_interface(lines.v[i], out);
	return 0;
}

/* A look from inside: the counters are there whatever made the interface. */
static int read_network(struct store *s, const struct sandbox *sb, struct usage *out, struct err *e)
{
	own(str) char *path = sandbox_ns_path(s, sb->id, "net");
	own(fd) int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	own(fd) int ns = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (ns < 0) /* it has just been stopped */
		return 0;
	if (home < 0 || setns(ns, CLONE_NEWNET) < 0)
		return err_sys(e, "network namespace of sandbox %.12s", sb->id);
	rc = read_interfaces(out, e);
	if (setns(home, CLONE_NEWNET) < 0)
		abort(); /* nothing may go on in a network that is not ours */
	return rc;
}

int usage_of_sandbox(struct store *s, const struct sandbox *sb, struct usage *out, struct err *e)
{
	const struct cri_sandbox_config *c = &sb->record.config;
	own(str) char *cgroup = sandbox_cgroup(&sb->record, sb->id);

	if (usage_of_group(cgroup, out, e) < 0)
		return -1;
	if (!sb->ready || c->linux_.security_context.namespace_options.network == CRI_NS_NODE)
		return 0;
	return read_network(s, sb, out, e);
}

int usage_of_container(struct store *s, const struct container *c, struct usage *out, struct err *e)
{
	(void)s;
	return usage_of_group(c->record.cgroup, out, e);
}

int64_t usage_cpu_percent(const struct usage *before, const struct usage *now)
{
	int64_t cpu = now->own.cpu_usage - before->own.cpu_usage, time = now->at - before->at;

	if (now->own.cpu_usage < 0 || before->own.cpu_usage < 0 || time <= 0)
		return -1;
	return (int64_t)((double)MAX(cpu, 0) / (double)time * 10000 + 0.5);
}
