/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container in the foreground: by this process itself, or, where one can leave it by keys, by a
 * monitor. */
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "pod/start.h"

/* *c: what it was, as long as that is known. */
static int run_here(struct store *s, const char *id, struct container_made *held,
		    const struct container_attach *attach, struct exit_status *out,
		    struct container *c, struct err *e)
{
	struct control control = CONTROL_NONE;
	own(starting) struct starting st = STARTING_NONE;
	int rc;

	st.s = s;
	st.held = held;
	st.attach = attach;
	st.control = &control;
	st.size = attach->size;
	rc = starting_begin(&st, id, e);
	if (rc == 0) {
		starting_unlock_record(&st);
		/* monitor_run() lets the process go: its output must find the loop ready. */
		rc = starting_stay(&st, out, e);
	}
	if (rc < 0)
		starting_failed(&st, e);
	control_close(&control, st.run_dir, rc < 0 ? NULL : out);
	if (rc == 0) {
		*c = st.c;
		st.c = (struct container){ 0 };
	}
	return rc;
}

static int remove_it(struct store *s, const char *id, struct container *c, struct err *e)
{
	if (c->id[0]) /* it has ended, by our own word */
		return c->record.auto_remove ? container_discard(s, c, e) : 0;
	if (container_load(s, id, c, e) < 0)
		return 0;
	return c->record.auto_remove ? container_remove(s, id, true, e) : 0;
}

int container_run(struct store *s, const char *id, struct container_made *held,
		  const struct container_attach *a, struct exit_status *out, struct err *e)
{
	own(container) struct container c = { 0 };
	struct err second;
	int rc;

	if ((a->tty && a->stdin_ && str_some(a->detach_keys)) || a->restarts || a->no_sig_proxy)
		rc = container_start_attached(s, id, held, a, out, e);
	else
		rc = run_here(s, id, held, a, out, &c, e);
	if (rc == 0 && out->detached)
		return 0;
	if (remove_it(s, id, &c, &second) < 0 && second.kind != ERR_NOT_FOUND && rc == 0) {
		*e = second;
		return -1;
	}
	return rc;
}
