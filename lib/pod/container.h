/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container.h - the life of a container: Created -> Running -> Exited.
 *
 * Who may write status.json: the holder of the run lock (STATE/containers/<id>/run) while it is
 * held, i.e. the monitor or the foreground command; else the holder of the record's lock. What the
 * state is, is derived: Running while status.json says so and init lives; the rest of a dead
 * monitor is Unknown. One that lives without its monitor is given a new one by whoever loads it.
 */
#ifndef CADDIS_POD_CONTAINER_H
#define CADDIS_POD_CONTAINER_H

#include "base/proc.h"
#include "monitor/monitor.h"
#include "pod/sandbox.h"
#include "spec/cri.h"
#include "spec/oci.h"
#include "store/record.h"

enum container_restart {
	CONTAINER_RESTART_NO,
	CONTAINER_RESTART_ON_FAILURE,
	CONTAINER_RESTART_ALWAYS,
	CONTAINER_RESTART_UNLESS_STOPPED
};
extern const char *const container_restart_name[]; /* "no", "on-failure", ... */
#define STOP_TIMEOUT_DEFAULT 10			   /* s; podman's */

/* What an image mount of the configuration shows. */
struct container_image_mount {
	char *image_id;
	struct strv layers; /* as those of the container */
};

/* config.json of a container's record: replaced whole by rename and update, under the record's lock. */
struct container_record {
	char *sandbox_id;
	char *image_id, *image_ref;
	struct strv layers; /* diff IDs, lowest first: what gc must keep */
	struct objlist image_mounts; /* struct container_image_mount, in the order of config's */
	bool auto_remove;	     /* --rm */
	bool own_sandbox;   /* the sandbox was made for it and goes with it */
	char *log_dir, *log_name;
	char *cgroup;
	struct strv argv; /* of config and image together */
	char *user;	  /* resolved in the container's own files */
	int64_t stop_signal;
	struct optint stop_timeout; /* s; not set: STOP_TIMEOUT_DEFAULT */
	int restart;		    /* enum container_restart */
	int64_t restart_max;	    /* on-failure: so many times; 0: no bound */
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
	int64_t restart_count; /* by its policy, since a user started it */
	bool stop_asked;       /* a user had it stopped */
};

struct container {
	char id[ID_SIZE];
	struct container_record record;
	struct container_status status; /* state, reason and exit code derived: what is true now */
};
extern const struct field_table container_record_table, container_status_table,
	container_image_mount_table;
void container_free(struct container *c);
OWNED_STRUCT(container, struct container, container_free)

/* Loads and derives. */
int container_load(struct store *s, const char *id, struct container *out, struct err *e);
const char *
container_name(const struct container *c); /* its name, else the short ID (static buffer) */

/* One that was just made: its record, locked, and what is in it. c.id "": that is to be read. */
struct container_made {
	struct record r;
	struct container c;
	struct oci_spec spec;
};
#define CONTAINER_MADE_NONE                                                                        \
	{                                                                                          \
		.r = RECORD_NONE                                                                   \
	}
void container_made_free(struct container_made *m);
OWNED_STRUCT(container_made, struct container_made, container_made_free)

struct container_create_args {
	const char *sandbox; /* ID of an existing one; NULL: its own, from sandbox_config */
	const struct cri_sandbox_config *sandbox_config;
	const struct cri_container_config *config; /* config->image.image: a local image */
	bool auto_remove;
	struct optint stop_timeout;
	int restart;
	int64_t restart_max;
	const struct strv *cdi_dirs; /* of cdi_apply() */
	bool need_log_dir; /* a log path without a log directory of the sandbox is an error */
};
/* ERR_USAGE for what no container can be: names, labels. Creates nothing. */
int container_check(const struct cri_container_config *c, struct err *e);
/*
 * A new container in state Created. On error nothing is left. hold: may be NULL; else its record,
 * still locked, for container_start() or container_run(), so that nobody comes between and a maker
 * that dies is told from one that is slow.
 */
int container_create(struct store *s, const struct container_create_args *a,
		     struct container_made *hold, char id[ID_SIZE], struct err *e);

/* Starts a created container with a monitor of its own; returns when its command runs (or failed
 * to: ERR_NOCOMMAND...). held: from container_create(), taken over; or NULL. again: one that has
 * ended is started once more. */
int container_start(struct store *s, const char *id, struct container_made *held, bool again,
		    struct err *e);
struct container_attach {
	bool stdin_, tty;	 /* forward our standard input; it is a terminal, and the container has one */
	const char *detach_keys; /* with tty: leave by these; NULL or "": none */
	bool no_sig_proxy;	 /* our signals are not for it */
	bool owner;		 /* it dies with us, unless we leave by the keys */
	bool restarts;		 /* it has a restart policy: a monitor must stay */
	bool again;		 /* one that has ended is started once more */
	struct oci_box size;	 /* of our terminal, by client_terminal_size() */
};
/* Starts it and stays: relays streams until it ended; removes it when it is auto_remove. It dies
 * with this process. */
int container_run(struct store *s, const char *id, struct container_made *held,
		  const struct container_attach *a, struct exit_status *out, struct err *e);
/* The same with a monitor, so that we can leave it; no byte of output is missed. */
int container_start_attached(struct store *s, const char *id, struct container_made *held,
			     const struct container_attach *a, struct exit_status *out,
			     struct err *e);
/* Of a running one: its output from now on. Ends with it; out->detached when we left it. */
int container_attach(struct store *s, const char *id, const struct container_attach *a,
		     struct exit_status *out, struct err *e);
int container_stay_attached(struct store *s, const char *id, int sock,
			    const struct container_attach *a, struct exit_status *out,
			    struct err *e);
/* How many files its log is at most, by its rotation; 1: there is none. */
int container_log_files(const struct cri_container_config *c);
/* Its log was moved away: it goes on in a new one of the old name. On an error it stays with the old one. */
int container_reopen_log(struct store *s, const char *id, struct err *e);
/* A monitor for a running container that has lost its own; container_load() asks for one. */
void container_want_monitor(struct store *s, const char *id);
/* By a process that executor_protect() has been called in. ERR_STATE: it needs none. */
int container_adopt(struct store *s, const char *id, struct err *e);

struct container_exec_args {
	struct strv cmd, env, cap_add;
	const char *user, *workdir; /* NULL: the container's */
	bool tty, stdin_, client_tty, privileged, detach;
	const char *detach_keys; /* with client_tty: leave by these, the command lives on */
	int64_t timeout;	 /* ns until it and all that it started is killed; 0: none */
};
int container_exec(struct store *s, const char *id, const struct container_exec_args *a,
		   struct exit_status *out, struct err *e);

/* Its processes stand still, by the cgroup freezer. ERR_STATE when that is so already. */
int container_pause(struct store *s, const char *id, struct err *e);
int container_resume(struct store *s, const char *id, struct err *e);
bool container_paused(const struct container *c); /* a running one; asks the kernel */

/* The stop signal, then SIGKILL after timeout_ns (0: at once; -1: its own stop timeout). A paused one goes
 * on for it. Not running: a success. It is not started again by its policy. Returns when its status is
 * final. */
int container_stop(struct store *s, const char *id, int64_t timeout_ns, struct err *e);
/* All at once, so that their grace periods pass together. each: ids->n of them, how it went; msg is
 * "" where it has stopped. How many have not. */
size_t container_stop_all(struct store *s, const struct strv *ids, int64_t timeout_ns,
			  struct err *each);
int container_kill(struct store *s, const char *id, int sig,
		   struct err *e); /* ERR_STATE when not running */
int container_restart(struct store *s, const char *id, int64_t timeout_ns, struct err *e);
enum container_condition { CONTAINER_WAIT_EXITED, CONTAINER_WAIT_RUNNING, CONTAINER_WAIT_REMOVED };
extern const char *const container_condition_name[];
/* Waits until it has ended (and is not just Created), runs, or is gone. *code: its exit code as far as
 * it was seen, else -1. */
int container_wait(struct store *s, const char *id, enum container_condition until, int *code,
		   struct err *e);
/* Names it anew, in its sandbox. */
int container_rename(struct store *s, const char *id, const char *name, struct err *e);
/* What is set replaces what was set: in the kernel when it runs, and in its record. */
struct container_update_args {
	const struct cri_resources *resources;
	bool set_restart;
	int restart;
	int64_t restart_max;
};
int container_update(struct store *s, const char *id, const struct container_update_args *a,
		     struct err *e);
/* After a reboot: its policy says that it runs, and so far it does not. */
bool container_wanted_at_boot(struct store *s, const struct container *c);
/* A running one needs force. Its own sandbox goes with it. */
int container_remove(struct store *s, const char *id, bool force, struct err *e);
/* What commands that were killed left behind: --rm containers that do not run any more, or that
 * nobody will start. */
void container_sweep(struct store *s);

/* Adds names (NULL: everything that we have ourselves) to what a process may do. */
int container_grant_caps(struct oci_caps *caps, const struct strv *names, struct err *e);
/* The OCI spec from everything that is known. */
int container_spec(struct store *s, const struct sandbox *sb,
		   const struct container_record *r, const struct strv *image_env,
		   struct oci_spec *out, struct err *e);

#endif
