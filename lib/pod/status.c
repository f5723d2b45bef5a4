/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Container records: their tables, loading, and what is true now. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "pod/container.h"
#include "pod/run_lock.h"

const char *const container_state_name[] = { "Created", "Running", "Exited", "Unknown", NULL };

static const struct field image_mount_fields[] = {
	FIELD(struct container_image_mount, image_id, FIELD_STR),
	FIELD(struct container_image_mount, layers, FIELD_STRLIST),
};
FIELD_TABLE(container_image_mount_table, "image mount", struct container_image_mount, FIELDS_STRICT,
	    image_mount_fields);

static const struct field container_record_fields[] = {
	FIELD(struct container_record, sandbox_id, FIELD_STR),
	FIELD(struct container_record, image_id, FIELD_STR),
	FIELD(struct container_record, image_ref, FIELD_STR),
	FIELD(struct container_record, layers, FIELD_STRLIST),
	FIELD(struct container_record, image_mounts, FIELD_OBJLIST,
	      .sub = &container_image_mount_table),
	FIELD(struct container_record, auto_remove, FIELD_BOOL),
	FIELD(struct container_record, own_sandbox, FIELD_BOOL),
	FIELD(struct container_record, log_dir, FIELD_STR),
	FIELD(struct container_record, log_name, FIELD_STR),
	FIELD(struct container_record, cgroup, FIELD_STR),
	FIELD(struct container_record, argv, FIELD_STRLIST),
	FIELD(struct container_record, user, FIELD_STR),
	FIELD(struct container_record, stop_signal, FIELD_INT, .min = 0, .max = 64),
	FIELD(struct container_record, stop_timeout, FIELD_OPTINT, .min = 0, .max = INT32_MAX),
	FIELD(struct container_record, restart, FIELD_ENUM, .names = container_restart_name),
	FIELD(struct container_record, restart_max, FIELD_INT, .min = 0, .max = INT32_MAX),
	FIELD(struct container_record, config, FIELD_OBJ, .sub = &cri_container_config_table),
};
FIELD_TABLE(container_record_table, "container", struct container_record, FIELDS_STRICT,
	    container_record_fields);

static const struct field container_status_fields[] = {
	FIELD(struct container_status, state, FIELD_ENUM, .names = container_state_name),
	FIELD(struct container_status, created_at, FIELD_INT),
	FIELD(struct container_status, started_at, FIELD_INT),
	FIELD(struct container_status, finished_at, FIELD_INT),
	FIELD(struct container_status, exit_code, FIELD_INT, .min = 0, .max = 255),
	FIELD(struct container_status, reason, FIELD_STR),
	FIELD(struct container_status, message, FIELD_STR),
	FIELD(struct container_status, oom_killed, FIELD_BOOL),
	FIELD(struct container_status, pid, FIELD_INT),
	FIELD(struct container_status, start, FIELD_INT),
	FIELD(struct container_status, boot_id, FIELD_STR),
	FIELD(struct container_status, foreground, FIELD_BOOL),
	FIELD(struct container_status, restart_count, FIELD_INT),
	FIELD(struct container_status, stop_asked, FIELD_BOOL),
};
FIELD_TABLE(container_status_table, "container status", struct container_status, FIELDS_STRICT,
	    container_status_fields);

void container_free(struct container *c)
{
	fields_free(&container_record_table, &c->record);
	fields_free(&container_status_table, &c->status);
}

int container_log_files(const struct cri_container_config *c)
{
	if (!c->log_max_size.set)
		return 1;
	return c->log_max_files.set ? (int)c->log_max_files.v : CRI_LOG_FILES_DEFAULT;
}

const char *container_name(const struct container *c)
{
	static char short_id[13];

	if (str_some(c->record.config.metadata.name))
		return c->record.config.metadata.name;
	snprintf(short_id, sizeof(short_id), "%.12s", c->id);
	return short_id;
}

static void set_unknown(struct container_status *st, const char *reason, const char *message)
{
	st->state = CONTAINER_EXITED;
	st->exit_code = 255; /* unknown is never 0 */
	str_set(&st->reason, reason);
	str_set(&st->message, message);
}

/* Whoever wrote "Running" may be dead, and the machine may have been started again since. */
static int derive(struct store *s, struct container *c, struct err *e)
{
	const char *boot = proc_boot_id(e);
	struct proc_id init = { .pid = (pid_t)c->status.pid, .start = (uint64_t)c->status.start };

	if (!boot)
		return -1;
	if (!str_eq(c->status.boot_id, boot)) {
		set_unknown(&c->status, "HostRebooted",
			    "the machine was started again while it ran");
		return 0;
	}
	if (run_lock_held(s, c->id))
		return 0;
	if (proc_alive(&init)) {
		if (!c->status.foreground)
			container_want_monitor(s, c->id);
		return 0;
	}
	set_unknown(&c->status, "Unknown", "its monitor ended before it could record how it ended");
	return 0;
}

static int load_status(int dir, const char *id, struct container_status *out, struct err *e)
{
	if (fields_load(&container_status_table, dir, "status.json", out, e) < 0)
		return err_in(e, "container %.12s", id);
	return 0;
}

/*
 * A sandbox that is not yet there takes its container with it when its maker dies, and one that is
 * being removed has taken its containers away already, whoever finishes that: none is listed that
 * the next command would not find. One whose sandbox is nowhere is an orphan, to be seen and
 * removed.
 */
static int check_sandbox(struct store *s, const struct container *c, struct err *e)
{
	own(record) struct record r = RECORD_NONE;
	struct err ignored;
	char status[ID_SIZE + 32];

	if (!c->record.sandbox_id || !id_valid(c->record.sandbox_id))
		return 0;
	snprintf(status, sizeof(status), "sandboxes/%s/status.json", c->record.sandbox_id);
	if (faccessat(s->root, status, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    record_open(s, RECORD_SANDBOX, c->record.sandbox_id, false, &r, &ignored) == 0)
		return 0;
	if (record_exists(s, RECORD_SANDBOX, c->record.sandbox_id) ||
	    !record_exists(s, RECORD_CONTAINER, c->id))
		return err_set(e, ERR_NOT_FOUND, "no container %.12s", c->id);
	return 0;
}

int container_load(struct store *s, const char *id, struct container *out, struct err *e)
{
	own(record) struct record r = RECORD_NONE;

	*out = (struct container){ 0 };
	if (record_open(s, RECORD_CONTAINER, id, false, &r, e) < 0)
		return -1;
	snprintf(out->id, sizeof(out->id), "%s", id);
	if (fields_load(&container_record_table, r.dir, "config.json", &out->record, e) < 0) {
		container_free(out);
		return err_in(e, "container %.12s", id);
	}
	if (check_sandbox(s, out, e) < 0 || load_status(r.dir, id, &out->status, e) < 0 ||
	    (out->status.state == CONTAINER_RUNNING && derive(s, out, e) < 0)) {
		container_free(out);
		return -1;
	}
	/* It may have ended, in good order, between our two looks: the record has the last word. */
	if (str_eq(out->status.reason, "Unknown")) {
		struct container_status again = { 0 };

		if (load_status(r.dir, id, &again, e) < 0) {
			container_free(out);
			return -1;
		}
		if (again.state != CONTAINER_RUNNING) {
			fields_free(&container_status_table, &out->status);
			out->status = again;
		} else {
			fields_free(&container_status_table, &again);
		}
	}
	return 0;
}
