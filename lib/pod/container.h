/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container.h - the life of a container: Created -> Running -> Exited.
 *
 * Who may write status.json: the holder of the run lock (STATE/containers/<id>/run) while it is
 * held, i.e. the monitor or the foreground command; else the holder of the record's lock. What the
 * state is, is derived: Running while status.json says so and init lives; the rest of a dead
 * monitor is Unknown.
 */
#ifndef CADDIS_POD_CONTAINER_H
#define CADDIS_POD_CONTAINER_H

#include "base/proc.h"
#include "monitor/monitor.h"
#include "pod/sandbox.h"
#include "spec/cri.h"
#include "spec/oci.h"
#include "store/record.h"

/* config.json of a container's record: never changes. */
struct container_record {
	char *sandbox_id;
	char *image_id, *image_ref;
	struct strv layers; /* diff IDs, lowest first: what gc must keep */
	bool auto_remove;   /* --rm */
	bool own_sandbox;   /* the sandbox was made for it and goes with it */
	char *log_dir, *log_name;
	char *cgroup;
	struct strv argv; /* of config and image together */
	char *user;	  /* resolved in the container's own files */
	int64_t stop_signal;
	struct cri_container_config config;
};

enum container_state { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED, CONTAINER_UNKNOWN };
extern const char *const container_state_name[]; /* "Created", … */

/* status.json */
struct container_status {
	int state; /* enum container_state, as far as its writer knew */
	int64_t created_at, started_at, finished_at; /* ns since 1970; 0: not yet */
	int64_t exit_code;
	char *reason, *message; /* "Completed", "Error", "OOMKilled", "StartError", "HostRebooted",
				   "Unknown" */
	bool oom_killed;
	int64_t pid, start; /* init, as struct proc_id */
	char *boot_id;
	bool foreground;
};

struct container {
	char id[ID_SIZE];
	struct container_record record;
	struct container_status status; /* state, reason and exit code derived: what is true now */
};
extern const struct field_table container_record_table, container_status_table;
void container_free(struct container *c);
OWNED_STRUCT(container, struct container, container_free)

/* Loads and derives. */
int container_load(struct store *s, const char *id, struct container *out, struct err *e);
const char *
container_name(const struct container *c); /* its name, else the short ID (static buffer) */

struct container_create_args {
	const char *sandbox; /* ID of an existing one; NULL: its own, from sandbox_config */
	const struct cri_sandbox_config *sandbox_config;
	const struct cri_container_config *config; /* config->image.image: a local image */
	bool auto_remove;
};
/* ERR_USAGE for what no container can be: names, labels. Creates nothing. */
int container_check(const struct cri_container_config *c, struct err *e);
/*
 * A new container in state Created. On error nothing is left. hold: may be NULL; else its record,
 * still locked, for container_start() or container_run(), so that nobody comes between and a maker
 * that dies is told from one that is slow.
 */
int container_create(struct store *s, const struct container_create_args *a, struct record *hold,
		     char id[ID_SIZE], struct err *e);

/* Starts a created container with a monitor of its own; returns when its command runs (or failed
 * to: ERR_NOCOMMAND...). held: from container_create(), taken over; or NULL. */
int container_start(struct store *s, const char *id, struct record *held, struct err *e);
struct container_attach {
	bool stdin_,
		tty; /* forward our standard input; it is a terminal, and the container has one */
};
/* Starts it and stays: relays streams until it ended; removes it when it is auto_remove. */
int container_run(struct store *s, const char *id, struct record *held,
		  const struct container_attach *a, struct exit_status *out, struct err *e);

struct container_exec_args {
	struct strv cmd, env;
	const char *user, *workdir; /* NULL: the container's */
	bool tty, stdin_, client_tty, privileged, detach;
};
int container_exec(struct store *s, const char *id, const struct container_exec_args *a,
		   struct exit_status *out, struct err *e);

/* The stop signal, then SIGKILL after timeout_ns (0: at once). Not running: a success. Returns when
 * its status is final. */
int container_stop(struct store *s, const char *id, int64_t timeout_ns, struct err *e);
int container_kill(struct store *s, const char *id, int sig,
		   struct err *e); /* ERR_STATE when not running */
/* Waits until it is not running any more (and not just Created). */
int container_wait(struct store *s, const char *id, struct container *out, struct err *e);
/* A running one needs force. Its own sandbox goes with it. */
int container_remove(struct store *s, const char *id, bool force, struct err *e);
/* What commands that were killed left behind: --rm containers that do not run any more, or that
 * nobody will start. */
void container_sweep(struct store *s);

/* The OCI spec from everything that is known. */
int container_spec(const struct store *s, const struct sandbox *sb,
		   const struct container_record *r, const struct strv *image_env,
		   struct oci_spec *out, struct err *e);

#endif
