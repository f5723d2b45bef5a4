/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What config.json's newer fields make of a process, as the process and the kernel see it. */
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/executor_help.h"

TEST(the_scheduler_is_the_one_asked_for)
{
	own(box) struct box b;
	struct oci_scheduler *s = xcalloc(1, sizeof(*s));

	box_open(&b);
	b.spec.process.scheduler = s;
	s->policy = xstrdup("SCHED_BATCH");
	s->nice = 7;
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(sched_getscheduler(b.x.id.pid), SCHED_BATCH);
	same_int(executor_start(&b.x, &b.e), 0);
	same_int(sched_getscheduler(b.x.id.pid), SCHED_BATCH);
	same_int(syscall(SYS_getpriority, 0 /* a process */, b.x.id.pid), 20 - 7);
	box_kill(&b);

	str_set(&s->policy, "SCHED_IDLE");
	s->nice = 0;
	strv_add(&s->flags, "SCHED_FLAG_RESET_ON_FORK");
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(sched_getscheduler(b.x.id.pid), SCHED_IDLE | SCHED_RESET_ON_FORK);
	box_kill(&b);

	/* The kernel's word on what cannot be comes as an error, and nothing is left. */
	str_set(&s->policy, "SCHED_DEADLINE");
	s->runtime = 9;
	s->deadline = 3;
	same_int(box_create(&b, "sleep 100"), -1);
	ok(strstr(b.e.msg, "process.scheduler: set SCHED_DEADLINE: Invalid argument") != NULL, "%s",
	   b.e.msg);
}

TEST(the_io_priority_is_the_one_asked_for_and_inherited)
{
	own(box) struct box b;
	struct oci_io_priority *p = xcalloc(1, sizeof(*p));

	box_open(&b);
	b.spec.process.io_priority = p;
	p->class_ = xstrdup("IOPRIO_CLASS_BE");
	p->priority = 6;
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, b.x.id.pid),
		 IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6));
	box_kill(&b);
	str_set(&p->class_, "IOPRIO_CLASS_IDLE");
	p->priority = 0;
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, b.x.id.pid),
		 IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

/* "0-3" of ours, or the last one of them. */
static char *cpus(bool last)
{
	own(file) FILE *f = fopen("/proc/self/status", "re");
	char line[256] = "", list[128] = "";

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Cpus_allowed_list: %127s", list) == 1)
			break;
	ok(*list, "no list of CPUs");
	for (const char *p = list; last && (p = strpbrk(p, "-,"));)
		memmove(list, p + 1, strlen(p)), p = list;
	return xstrdup(list);
}

TEST(exec_runs_on_the_cpus_of_its_final_affinity_and_else_on_all)
{
	own(box) struct box b;
	struct oci_process p;
	own(str) char *all = cpus(false), *last = cpus(true);
	own(str) char *on_all = str_fmt("Cpus_allowed_list:\t%s\n", all);
	own(str) char *on_last = str_fmt("Cpus_allowed_list:\t%s\n", last);

	box_open(&b);
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(executor_start(&b.x, &b.e), 0);
	fields_copy(&oci_process_table, &p, &b.spec.process);
	p.exec_affinity.initial = xstrdup("0");
	p.exec_affinity.final = xstrdup(last);
	same_int(box_exec(&b, &p, "grep Cpus_allowed_list: /proc/self/status"), 0);
	said(&b, on_last);
	str_set(&p.exec_affinity.final, NULL);
	same_int(box_exec(&b, &p, "grep Cpus_allowed_list: /proc/self/status"), 0);
	said(&b, on_all);
	str_set(&p.exec_affinity.initial, "8000");
	same_int(box_exec(&b, &p, "true"), -1);
	ok(strstr(b.e.msg, "process.execCPUAffinity.initial: run on CPUs 8000: Invalid argument") !=
		   NULL,
	   "%s", b.e.msg);
	fields_free(&oci_process_table, &p);
}

TEST(the_affinity_of_exec_is_none_of_the_first_process)
{
	own(box) struct box b;
	own(str) char *all = cpus(false);
	own(str) char *on_all = str_fmt("Cpus_allowed_list:\t%s\n", all);

	box_open(&b);
	b.spec.process.exec_affinity.initial = xstrdup("0");
	b.spec.process.exec_affinity.final = xstrdup("0");
	same_int(box_run(&b, "grep Cpus_allowed_list: /proc/self/status"), 0);
	said(&b, on_all);
}

TEST(the_personality_is_the_one_asked_for)
{
	own(box) struct box b;
	struct oci_personality *p = xcalloc(1, sizeof(*p));

	box_open(&b);
	b.spec.linux_.personality = p;
	p->domain = xstrdup("LINUX32");
	same_int(box_run(&b, "cat /proc/self/personality"), 0);
	said(&b, "00000008\n");
	str_set(&p->domain, "LINUX");
	same_int(box_run(&b, "cat /proc/self/personality"), 0);
	said(&b, "00000000\n");
}

TEST(the_memory_policy_is_the_one_asked_for)
{
	own(box) struct box b;
	struct oci_memory_policy *p = xcalloc(1, sizeof(*p));

	box_open(&b);
	b.spec.linux_.memory_policy = p;
	p->mode = xstrdup("MPOL_BIND");
	p->nodes = xstrdup("0");
	strv_add(&p->flags, "MPOL_F_STATIC_NODES");
	same_int(box_run(&b, "grep -m1 heap /proc/self/numa_maps || grep -m1 stack "
			     "/proc/self/numa_maps"),
		 0);
	said(&b, " bind=static:0 ");
	str_set(&p->nodes, "1023");
	same_int(box_run(&b, "true"), -1);
	ok(strstr(b.e.msg, "linux.memoryPolicy: set MPOL_BIND for nodes 1023: Invalid argument") !=
		   NULL,
	   "%s", b.e.msg);
}

static void offset_add(struct box *b, const char *clock, int64_t secs, int64_t nanosecs)
{
	struct oci_time_offset *o = xreallocarray(b->spec.linux_.time_offsets.v,
						  b->spec.linux_.time_offsets.n + 1, sizeof(*o));

	b->spec.linux_.time_offsets.v = o;
	o[b->spec.linux_.time_offsets.n++] = (struct oci_time_offset){ .clock = xstrdup(clock),
								       .secs = secs,
								       .nanosecs = nanosecs };
}

static double uptime(const char *text)
{
	return strtod(text, NULL);
}

TEST(a_time_namespace_has_the_offsets_asked_for_and_exec_is_in_it)
{
	own(box) struct box b;
	struct oci_process p;
	struct timespec host;

	box_open(&b);
	oci_add_namespace(&b.spec, "time", NULL);
	offset_add(&b, "boottime", 864000, 0);
	offset_add(&b, "monotonic", 7, 5);
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(executor_start(&b.x, &b.e), 0);
	fields_copy(&oci_process_table, &p, &b.spec.process);
	same_int(box_exec(&b, &p, "cat /proc/uptime"), 0);
	clock_gettime(CLOCK_BOOTTIME, &host);
	ok(uptime(b.text) >= 864000, "%s", b.text);
	ok(uptime(b.text) - 864000 <= (double)host.tv_sec + 1, "%s", b.text);
	same_int(box_exec(&b, &p, "cat /proc/1/timens_offsets"), 0);
	said(&b, "monotonic           7         5\nboottime       864000         0\n");
	fields_free(&oci_process_table, &p);
}

TEST(a_time_namespace_is_joined_by_path)
{
	own(box) struct box b, in;
	own(str) char *path = NULL;

	box_open(&b);
	oci_add_namespace(&b.spec, "time", NULL);
	offset_add(&b, "boottime", 864000, 0);
	same_int(box_create(&b, "sleep 100"), 0);
	same_int(executor_start(&b.x, &b.e), 0);
	path = str_fmt("/proc/%d/ns/time", (int)b.x.id.pid);
	box_open(&in);
	oci_add_namespace(&in.spec, "time", path);
	same_int(box_run(&in, "cat /proc/uptime"), 0);
	ok(uptime(in.text) >= 864000, "%s", in.text);
}

TEST(a_new_time_namespace_goes_with_a_new_user_namespace)
{
	own(box) struct box b;
	struct objlist *maps[] = { &b.spec.linux_.uid_mappings, &b.spec.linux_.gid_mappings };

	box_open(&b);
	oci_add_namespace(&b.spec, "user", NULL);
	oci_add_namespace(&b.spec, "time", NULL);
	offset_add(&b, "boottime", 864000, 0);
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		((struct oci_id_mapping *)objlist_add(maps[i], &oci_id_mapping_table))->size =
			65536;
	same_int(box_run(&b, "cat /proc/uptime"), 0);
	ok(uptime(b.text) >= 864000, "%s: %s", b.text, b.e.msg);
}

int main(void)
{
	return unit_run();
}
