/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * home.h - what caddis-oci keeps of its containers between two commands: ROOT/<id>/, with
 *
 *   lock         held by whoever changes something
 *   state.json   struct oci_record, replaced whole
 *   config.json  the bundle's, as it was when the container was created
 *   start        the socket at which the container's process waits for its start
 *
 * The record is there before what it owns. One that is not "made" and whose lock is free was being
 * created, or deleted, by somebody who died: whoever meets it removes it, with all that it owns.
 */
#ifndef CADDIS_OCI_HOME_H
#define CADDIS_OCI_HOME_H

#include "base/own.h"
#include "base/proc.h"
#include "spec/field.h"

#define OCI_HOME_DEFAULT "/run/caddis-oci"
#define OCI_START "start"

struct oci_home {
	int dir;
	char *path;
	struct strv warnings; /* of what was done with it, one line each */
};
/* Makes the directory (0700) where it is missing. */
int oci_home_open(const char *path, struct oci_home *out, struct err *e);
void oci_home_close(struct oci_home *h);
OWNED_STRUCT(oci_home, struct oci_home, oci_home_close)

struct oci_record {
	char *id, *bundle, *rootfs, *oci_version;
	struct strmap annotations;
	int64_t created; /* ns since 1970 */
	int64_t owner;	 /* user id */
	bool made;	 /* all of it exists */
	bool late_hooks; /* config.json has hooks for after the start or the end */
	int64_t pid, start; /* of its first process, as struct proc_id; 0: none yet */
	char *boot_id;	    /* pid and start are this boot's */
	char *cgroup;	    /* NULL: it has none of its own */
	char *cgroup_top;   /* the first directory of that path that was made for it; NULL: all of
			       it was there */
	char *rdt; /* what linux.intelRdt made for it in resctrl; NULL: nothing */
};

struct oci_entry {
	int dir, lock; /* lock -1: not held */
	struct oci_record rec;
};
#define OCI_ENTRY_NONE                                                                             \
	{                                                                                          \
		.dir = -1, .lock = -1                                                              \
	}
void oci_entry_close(struct oci_entry *x); /* the container stays */
OWNED_STRUCT(oci_entry, struct oci_entry, oci_entry_close)

/* Letters, digits and "_+-."; NULL, or the reason why not. */
const char *oci_id_check(const char *id);
/* A new one, locked; nothing but rec.id is set or saved. ERR_EXISTS. */
int oci_entry_begin(struct oci_home *h, const char *id, struct oci_entry *out, struct err *e);
/* ERR_NOT_FOUND: "container "x" does not exist", the words that engines look for. Without lock: one
 * that is being created counts too. */
int oci_entry_open(struct oci_home *h, const char *id, bool lock, struct oci_entry *out,
		   struct err *e);
/* Locks one that is open; ERR_NOT_FOUND: it was deleted meanwhile. */
int oci_entry_lock(struct oci_entry *x, struct err *e);
int oci_entry_save(struct oci_entry *x, struct err *e);
/* Removes what a locked record owns: its processes, cgroup, directory. */
int oci_entry_remove(struct oci_home *h, struct oci_entry *x, struct err *e);
/* All IDs, sorted. Takes no lock; removes what dead makers have left. */
int oci_home_list(struct oci_home *h, struct strv *ids, struct err *e);

/* https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#state, and "paused" */
enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_STOPPED, OCI_PAUSED };
extern const char *const oci_status_name[]; /* "creating", ... */
enum oci_status oci_entry_status(const struct oci_entry *x); /* asked of the kernel */
/* A pidfd of its first process; -1 with errno (ESRCH: it is gone). */
int oci_entry_process(const struct oci_entry *x);
struct proc_id oci_entry_init(const struct oci_entry *x); /* pid 0: it has none in this boot */
/* Its config.json, as it was when it was created. */
struct oci_spec;
int oci_entry_spec(const struct oci_entry *x, struct oci_spec *out, struct err *e);
/* Waits until its first process is gone, at most 10 s. */
int oci_entry_wait_dead(const struct oci_entry *x, struct err *e);

#endif
