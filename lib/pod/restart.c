/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/restart.h"

#include "base/clock.h"
#include "pod/run_lock.h"

#define DELAY_MIN (NSEC_PER_SEC / 10)
#define DELAY_MAX (60 * NSEC_PER_SEC)
#define GOOD_RUN (10 * NSEC_PER_SEC)

const char *const container_restart_name[] = { "no", "on-failure", "always", "unless-stopped",
					       NULL };

bool restart_wanted(const struct container *c, int code)
{
	switch (c->record.restart) {
	case CONTAINER_RESTART_ALWAYS:
	case CONTAINER_RESTART_UNLESS_STOPPED:
		return true;
	case CONTAINER_RESTART_ON_FAILURE:
		return code != 0 && (c->record.restart_max == 0 ||
				     c->status.restart_count < c->record.restart_max);
	default:
		return false;
	}
}

bool restart_pause(struct starting *st, int64_t *delay)
{
	const struct container_status *status = &st->c.status;
	struct loop loop;
	int64_t until;
	struct err ignored;
	bool go_on;

	if (*delay == 0 || status->finished_at - status->started_at >= GOOD_RUN)
		*delay = DELAY_MIN;
	until = clock_monotonic() + *delay;
	*delay = MIN(*delay * 2, DELAY_MAX);
	if (loop_open(&loop, &ignored) < 0)
		return false;
	/* Whoever asks to stop connects, which wakes us. */
	go_on = control_attach(st->control, &loop, -1, &ignored) == 0;
	while (go_on && !run_stop_asked(st->run_dir)) {
		int64_t left = until - clock_monotonic();

		if (left <= 0)
			break;
		go_on = loop_once(&loop, (int)(left / 1000000) + 1, &ignored) >= 0;
		control_reap(st->control);
	}
	control_detach(st->control);
	loop_close(&loop);
	return go_on && !run_stop_asked(st->run_dir);
}
