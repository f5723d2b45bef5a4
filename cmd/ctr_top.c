/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr top: the processes of a container, from /proc, whose texts are the container's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ctr.h"
#include "executor/cgroup.h"
#include "top.h"

#define TEXT_MAX 4096		/* of a command line; the rest is left out */
#define FILE_SIZE (1024 * 1024) /* status has all groups: 65536, of up to 11 bytes */

// clang-format off
const struct opt ctr_top_opts[] = {
	OPT('o', "output", "FORMAT", OPT_STR, struct top_args, list.output, "output format: table, json, yaml or name", "table|json|yaml|name"),
	OPT(0, "columns", "LIST", OPT_STR, struct top_args, list.columns, "show these columns, comma-separated"),
	OPT(0, "no-headings", NULL, OPT_BOOL, struct top_args, list.no_headings, "no heading line"),
	OPT(0, "no-trunc", NULL, OPT_BOOL, struct top_args, list.no_trunc, "print texts whole"),
	OPT_END,
};
static const struct column columns[] = {
	{ "PID", "pid", COL_INT, false },
	{ "HOST PID", "host_pid", COL_INT, false },
	{ "PARENT", "host_parent", COL_INT, true },
	{ "UID", "uid", COL_INT, false },
	{ "STATE", "state", COL_STR, false },
	{ "CPU TIME", "cpu_time", COL_STR, false },
	{ "CPU MS", "cpu_ms", COL_INT, true },
	{ "NAME", "name", COL_STR, true },
	{ "COMMAND", "command", COL_STR, false },
	{ 0 },
};
// clang-format on

struct process {
	long long parent, inside, uid, cpu_ms;
	char state[2], name[64];
	char command[TEXT_MAX + 1];
};

/* The beginning of a file of /proc/PID, ended by a NUL; -1 when the process has gone. */
static ssize_t read_file(int dir, const char *name, char *buf, size_t size)
{
	own(fd) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
	return n;
}

/* proc_pid_stat(5); the name may hold anything, so it ends at the last parenthesis. */
static bool parse_stat(const char *text, struct process *p)
{
	const char *open = strchr(text, '('), *end = strrchr(text, ')');
	own(strv) struct strv words = { 0 };
	long hz = sysconf(_SC_CLK_TCK);
	int64_t parent, user, sys;

	if (!open || !end || end < open || end[1] != ' ' || hz <= 0)
		return false;
	snprintf(p->name, sizeof(p->name), "%.*s", (int)(end - open - 1), open + 1);
	strv_split(&words, end + 2, ' '); /* from field 3 on, the state */
	if (words.n < 13 || str_to_i64(words.v[1], 0, INT64_MAX, &parent) < 0 ||
	    str_to_i64(words.v[11], 0, INT64_MAX / 2000, &user) < 0 ||
	    str_to_i64(words.v[12], 0, INT64_MAX / 2000, &sys) < 0)
		return false;
	snprintf(p->state, sizeof(p->state), "%.1s", words.v[0]);
	p->parent = parent;
	p->cpu_ms = (user + sys) * 1000 / hz;
	return true;
}

/* proc_pid_status(5): "NSpid:\t812\t7" ends with the number that the process has for itself. */
static bool parse_status(const char *text, struct process *p)
{
	const char *uid = strstr(text, "\nUid:\t"), *pid = strstr(text, "\nNSpid:\t");

	if (!uid || !pid)
		return false;
	p->uid = strtoll(uid + strlen("\nUid:\t"), NULL, 10);
	for (pid += strlen("\nNSpid:"); *pid == '\t';) {
		char *next;

		p->inside = strtoll(pid + 1, &next, 10);
		pid = next;
	}
	return true;
}

static bool read_process(pid_t pid, char *text, struct process *p)
{
	char path[32];
	own(fd) int dir = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || read_file(dir, "stat", text, FILE_SIZE) <= 0 || !parse_stat(text, p) ||
	    read_file(dir, "status", text, FILE_SIZE) <= 0 || !parse_status(text, p))
		return false;
	n = read_file(dir, "cmdline", p->command, sizeof(p->command));
	while (n > 0 && p->command[n - 1] == '\0')
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (p->command[i] == '\0')
			p->command[i] = ' ';
	if (n <= 0) /* a zombie, or one that has cleared it */
		snprintf(p->command, sizeof(p->command), "[%s]", p->name);
	return true;
}

static void put(struct table *t, pid_t pid, const struct process *p)
{
	long long s = p->cpu_ms / 1000;
	char time[48];

	snprintf(time, sizeof(time), "%lld:%02lld:%02lld.%02lld", s / 3600, s / 60 % 60, s % 60,
		 p->cpu_ms % 1000 / 10);
	table_row(t);
	table_int(t, "pid", p->inside);
	table_int(t, "host_pid", pid);
	table_int(t, "host_parent", p->parent);
	table_int(t, "uid", p->uid);
	table_str(t, "state", p->state);
	table_str(t, "cpu_time", time);
	table_int(t, "cpu_ms", p->cpu_ms);
	table_str(t, "name", p->name);
	table_str(t, "command", p->command);
}

static int compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

int top_print(const struct list_args *a, const char *cgroup, struct err *e)
{
	own(str) char *text = xmalloc(FILE_SIZE);
	struct table *t = NULL;
	struct process p;
	pid_t *pids = NULL;
	size_t n = 0;

	if (table_new(columns, a, &t, e) < 0)
		return -1;
	if (cgroup_pids(cgroup, &pids, &n, e) < 0) {
		table_free(t);
		return -1;
	}
	if (n > 0)
		qsort(pids, n, sizeof(*pids), compare);
	for (size_t i = 0; i < n; i++)
		if (read_process(pids[i], text, &p))
			put(t, pids[i], &p);
	free(pids);
	return table_print(t, e);
}

int ctr_top_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct top_args *a = args;
	own(container) struct container c = { 0 };
	char id[ID_SIZE];
	struct err e;

	(void)n;
	if (record_find(&cli->store, RECORD_CONTAINER, operands[0], id, &e) < 0 ||
	    container_load(&cli->store, id, &c, &e) < 0)
		return cli_error(cli, &e);
	if (c.status.state != CONTAINER_RUNNING) {
		err_set(&e, ERR_STATE, "container %s is not running (it is %s)", container_name(&c),
			container_state_name[c.status.state]);
		return cli_error(cli, &e);
	}
	return top_print(&a->list, c.record.cgroup, &e) < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}
