/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start.h - one run of a container: from its record to a process, and to the record of its end. Inside lib/pod only. */
#ifndef CADDIS_POD_START_H
#define CADDIS_POD_START_H

#include "monitor/control.h"
#include "monitor/ctr_log.h"
#include "monitor/monitor.h"
#include "pod/container.h"

struct starting {
	struct store *s;
	struct record r; /* its lock is held until it runs */
	struct container c;
	struct oci_spec spec;
	struct streams streams;
	struct executor x;
	struct ctr_log *log;
	int run_dir, run_lock;
	struct container_made *held;	       /* whose lock the caller has already, or NULL */
	const struct container_attach *attach; /* in the foreground, by this process; or NULL */
	struct control *control;	       /* the caller's; outlives a run */
	bool again;			       /* one that has run before may run again */
	bool terminal, has_stdin; /* as its configuration says, which a monitor forgets */
	bool die_with_owner, stdin_once;
	int64_t restart_count;
	struct oci_box size; /* of the terminal, as far as it is known */
	bool cgroup_made;
	char *about; /* for its events */
};
#define STARTING_NONE                                                                              \
	{                                                                                          \
		.r = RECORD_NONE, .streams = STREAMS_NONE, .x = EXECUTOR_NONE, .run_dir = -1,      \
		.run_lock = -1                                                                     \
	}
void starting_free(struct starting *st);
OWNED_STRUCT(starting, struct starting, starting_free)

/* Run directory, run lock and control socket, which stay over restarts. */
int starting_lock(struct starting *st, const char *id, struct err *e);
/* Up to a process that waits before its execve(); recorded as Running. The record's lock is held. */
int starting_begin(struct starting *st, const char *id, struct err *e);
/* It runs: others may have the record. */
void starting_unlock_record(struct starting *st);
/* What the loop needs to know of record and spec. */
void starting_know(struct starting *st);
/* Streams and log of a process that somebody else has started. */
int starting_open_streams(struct starting *st, struct err *e);
int starting_open_log(struct starting *st, struct err *e);
/* The loop, and the record of its end. */
int starting_stay(struct starting *st, struct exit_status *out, struct err *e);
/* Its command runs: says so in the journal. */
void starting_started(struct starting *st);
/* It never ran: says why in its record, unless it was not ours to start. Returns -1. */
int starting_failed(struct starting *st, struct err *why);
/* A monitor stays for as long as its container: it keeps only what it needs for the end. */
void starting_forget(struct starting *st);
/* stop.c: removes one that has ended, with a sandbox of its own. */
int container_discard(struct store *s, const struct container *c, struct err *e);
/* targets.c: the layer below all others, made at first use; an O_PATH fd. */
int targets_open(struct store *s, struct err *e);
/* After a run, before the next one: all but lock, directory and control socket. */
void starting_reset(struct starting *st);

#endif
