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

/* As Docker does when its daemon starts: always, whatever was before; unless-stopped, unless a user
 * stopped it. One that waits for its next start has its monitor still. */
bool container_wanted_at_boot(struct store *s, const struct container *c)
{
	if (c->status.state != CONTAINER_EXITED || run_lock_held(s, c->id))
		return false;
	return c->record.restart == CONTAINER_RESTART_ALWAYS ||
	       (c->record.restart == CONTAINER_RESTART_UNLESS_STOPPED && !c->status.stop_asked);
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
