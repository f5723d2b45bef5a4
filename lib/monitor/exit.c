/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/exit.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/clock.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define UNKNOWN_CODE 255
#define REAP_TIME (2 * 1000) /* ms for the process's parent to reap it */

/* Of Linux 6.15, linux/pidfd.h; the kernel fills as much as the size in the request says. */
struct pidfd_exit_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t exit_code; /* as wait(2)'s status */
};
#define PIDFD_ASK_INFO _IOWR(0xff, 11, struct pidfd_exit_info)
#define PIDFD_HAS_EXIT (UINT64_C(1) << 3)

static void set(struct exit_status *st, int code, int signal)
{
	st->known = true;
	st->signal = signal;
	st->code = signal ? 128 + signal : code;
}

/* Somebody else's child: the kernel keeps the status for who held a pidfd, once the parent has
 * reaped it. */
static void ask_kernel(int pidfd, struct exit_status *st)
{
	struct pidfd_exit_info info = { .mask = PIDFD_HAS_EXIT };
	struct pollfd reaped = { .fd = pidfd }; /* POLLHUP then */

	if (ioctl(pidfd, PIDFD_ASK_INFO, &info) < 0 && errno != ESRCH)
		return; /* an older kernel */
	if (!(info.mask & PIDFD_HAS_EXIT)) {
		(void)poll(&reaped, 1, REAP_TIME);
		info = (struct pidfd_exit_info){ .mask = PIDFD_HAS_EXIT };
		if (ioctl(pidfd, PIDFD_ASK_INFO, &info) < 0)
			return;
	}
	if (info.mask & PIDFD_HAS_EXIT)
		set(st, WEXITSTATUS(info.exit_code),
		    WIFSIGNALED(info.exit_code) ? WTERMSIG(info.exit_code) : 0);
}

void exit_collect(int pidfd, struct exit_status *st)
{
	siginfo_t si = { 0 };
	int r;

	*st = (struct exit_status){ .code = UNKNOWN_CODE, .finished = clock_now() };
	do
		r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED | __WALL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		ask_kernel(pidfd, st);
	else
		set(st, si.si_status, si.si_code == CLD_EXITED ? 0 : si.si_status);
}
