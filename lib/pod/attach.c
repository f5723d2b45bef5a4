/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own standard streams at a container that a monitor watches. */
#include "monitor/attach.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "monitor/control.h"
#include "pod/container.h"
#include "pod/run_lock.h"

static int connect_to(struct store *s, const char *id, struct err *e)
{
	own(fd) int dir = record_run_dir(s, RECORD_CONTAINER, id, false, e);

	return dir < 0 ? -1 : control_connect(dir, e);
}

/* The monitor is gone; maybe the container is too. 1: attached to a new one. */
static int after_loss(struct store *s, const char *id, int *sock, struct exit_status *out,
		      struct err *e)
{
	own(container) struct container c = { 0 };

	/* A monitor that ends in good order lets go of the lock last. */
	if (run_lock_wait(s, id, INT64_C(10) * 1000000000, e) < 0 && e->kind != ERR_BUSY)
		return -1;
	if (container_load(s, id, &c, e) < 0) {
		*out = (struct exit_status){ .code = 255 };
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	}
	if (c.status.state == CONTAINER_RUNNING) {
		*sock = connect_to(s, id, e);
		return *sock < 0 ? -1 : 1;
	}
	*out = (struct exit_status){ .code = (int)c.status.exit_code,
				     .known = !str_eq(c.status.reason, "Unknown") };
	return 0;
}

int container_stay_attached(struct store *s, const char *id, int sock,
			    const struct container_attach *a, struct exit_status *out,
			    struct err *e)
{
	struct attach_args args = {
		.sock = sock,
		.stdin_ = a->stdin_,
		.tty = a->tty,
		.detach_keys = a->detach_keys,
		.sig_proxy = !a->no_sig_proxy,
		.foreground = a->owner,
	};
	enum attach_end how = ATTACH_LOST;
	int rc = 1;

	while (rc == 1) {
		rc = attach_run(&args, out, &how, e);
		close(args.sock);
		if (rc < 0 || how != ATTACH_LOST)
			break;
		rc = after_loss(s, id, &args.sock, out, e);
	}
	return rc;
}

int container_attach(struct store *s, const char *id, const struct container_attach *a,
		     struct exit_status *out, struct err *e)
{
	own(container) struct container c = { 0 };
	struct container_attach mine = *a;
	int sock;

	if (container_load(s, id, &c, e) < 0)
		return -1;
	if (c.status.state != CONTAINER_RUNNING) {
		err_set(e, ERR_STATE, "container %s is not running (%s)", container_name(&c),
			container_state_name[c.status.state]);
		return c.status.state == CONTAINER_CREATED
			       ? err_hint(e, "'caddis ctr start -a' starts it and attaches")
			       : -1;
	}
	mine.stdin_ = a->stdin_ && c.record.config.stdin_;
	mine.tty = c.record.config.tty && isatty(STDIN_FILENO) && mine.stdin_;
	sock = connect_to(s, id, e);
	if (sock < 0)
		return err_in(e, "container %s", container_name(&c));
	return container_stay_attached(s, id, sock, &mine, out, e);
}

int container_reopen_log(struct store *s, const char *id, struct err *e)
{
	own(container) struct container c = { 0 };
	own(fd) int sock = -1;

	if (container_load(s, id, &c, e) < 0)
		return -1;
	if (c.status.state != CONTAINER_RUNNING)
		return err_set(e, ERR_STATE, "container %s is not running (%s)", container_name(&c),
			       container_state_name[c.status.state]);
	sock = connect_to(s, id, e);
	if (sock < 0 || control_reopen(sock, e) < 0)
		return err_in(e, "container %s", container_name(&c));
	return 0;
}
