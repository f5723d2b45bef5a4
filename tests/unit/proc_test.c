/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "unit.h"

static pid_t sleeping_child(const char *name)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (name)
			prctl(PR_SET_NAME, name);
		for (;;)
			pause();
	}
	return pid;
}

/* Until the process is a zombie, at most 5 seconds. */
static void wait_dead(pid_t pid)
{
	siginfo_t info;

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

TEST(a_process_is_found_again_by_pid_and_start_time_only_together)
{
	pid_t pid = sleeping_child(NULL);
	struct proc_id id, other;
	int fd;

	ok(proc_id_of(pid, &id) == 0, "errno %d", errno);
	fd = proc_open(&id);
	ok(fd >= 0, "errno %d", errno);
	ok(proc_alive(&id), "it is not alive");
	other = id;
	other.start--;
	ok(proc_open(&other) < 0 && errno == ESRCH, "a process of another time was opened");
	ok(!proc_alive(&other), "a process of another time is alive");
	ok(proc_pidfd_signal(fd, SIGTERM) == 0, "errno %d", errno);
	wait_dead(pid);
	ok(!proc_alive(&id), "a zombie is alive");
	same_int(proc_wait(pid), 128 + SIGTERM);
	ok(proc_open(&id) < 0 && errno == ESRCH, "a process that is gone was opened");
	close(fd);
}

TEST(no_process_is_never_alive)
{
	struct proc_id none = { 0 };

	ok(!proc_alive(&none), "alive");
	ok(proc_open(&none) < 0 && errno == ESRCH, "opened");
}

TEST(a_command_name_with_blanks_and_parentheses_does_not_shift_the_start_time)
{
	uint64_t mine, hostile = 0;
	pid_t pid = sleeping_child(") R 1 2 3 (");

	ok(proc_start_time(getpid(), &mine) == 0, "errno %d", errno);
	for (int i = 0; i < 1000; i++) {
		/* Until the child has given itself the name. */
		char path[40], name[32] = { 0 };
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f) && name[0] == ')')
			i = 1000;
		if (f)
			fclose(f);
		usleep(1000);
	}
	ok(proc_start_time(pid, &hostile) == 0, "errno %d", errno);
	/* Forked by us just now: 100 ticks are a second. */
	ok(hostile >= mine && hostile - mine < 60 * 100, "we began at %llu, the child at %llu",
	   (unsigned long long)mine, (unsigned long long)hostile);
	kill(pid, SIGKILL);
	same_int(proc_wait(pid), 128 + SIGKILL);
}

TEST(the_exit_code_of_a_child_is_a_shells)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(42);
	same_int(proc_wait(pid), 42);
	same_int(proc_wait(pid), -1);
	same_int(errno, ECHILD);
}

TEST(the_boot_id_is_a_uuid)
{
	struct err e;
	const char *id = proc_boot_id(&e);

	ok(id && strlen(id) == 36 && strspn(id, "0123456789abcdef-") == 36, "got %s",
	   id ? id : e.msg);
	same_str(proc_boot_id(&e), id);
}

TEST(signals_are_read_by_name_and_number_in_any_case)
{
	static const struct {
		const char *text;
		int sig;
	} rows[] = { { "TERM", 15 },	   { "SIGTERM", 15 },	 { "sigterm", 15 },
		     { "Kill", 9 },	   { "9", 9 },		 { "64", 64 },
		     { "RTMIN", 34 },	   { "SIGRTMIN+3", 37 }, { "rtmin+20", 54 },
		     { "RTMAX", 64 },	   { "RTMAX-1", 63 },	 { "SIGRTMAX-30", 34 },
		     { "CLD", SIGCHLD },   { "IOT", SIGABRT },	 { "0", -1 },
		     { "65", -1 },	   { "-1", -1 },	 { "", -1 },
		     { "SIG", -1 },	   { "NONE", -1 },	 { "RTMIN+31", -1 },
		     { "RTMIN+", -1 },	   { "RTMIN-1", -1 },	 { "TERM ", -1 },
		     { "SIGSIGTERM", -1 }, { "015", -1 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ok(signal_parse(rows[i].text) == rows[i].sig, "\"%s\": got %d, want %d",
		   rows[i].text, signal_parse(rows[i].text), rows[i].sig);
}

TEST(every_signal_that_has_a_name_is_read_back_from_it)
{
	int named = 0;

	for (int sig = -1; sig <= 70; sig++) {
		const char *name = signal_name(sig);

		if (!name)
			continue;
		named++;
		same_int(signal_parse(name), sig);
	}
	same_int(named, 31 + 31); /* all but the two that libc keeps */
	same_str(signal_name(SIGTERM), "SIGTERM");
	same_str(signal_name(37), "SIGRTMIN+3");
	same_str(signal_name(64), "SIGRTMAX");
}

int main(void)
{
	return unit_run();
}
