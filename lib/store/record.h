/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - the records of sandboxes and containers: one directory each, with config.json (never
 * changes), status.json (replaced whole), and a lock.
 *
 * Life of a record:
 *   record_begin     staging/<id>, lock held; the caller writes config.json into r->dir
 *   record_publish   one rename to sandboxes/<id>; it owns resources from here on
 *   record_name      NAME -> ID
 *   ...the caller makes cgroup, namespaces, files...
 *   record_commit    status.json appears: the object exists for everyone
 *   record_discard   rename to staging (gone for everyone), release of all resources, remove
 * A record without status.json whose lock is free was being made by somebody who died: whoever
 * meets it discards it. The same goes for a directory in staging.
 */
#ifndef CADDIS_STORE_RECORD_H
#define CADDIS_STORE_RECORD_H

#include "spec/field.h"
#include "store/store.h"

enum record_kind { RECORD_SANDBOX, RECORD_CONTAINER, RECORD_KINDS };
extern const char *const record_kind_name[]; /* "sandbox", "container" */

struct record {
	enum record_kind kind;
	char id[ID_SIZE];
	int dir;  /* ROOT/sandboxes/<id> */
	int lock; /* held exclusively, or -1 */
	bool published;
};
#define RECORD_NONE                                                                                \
	{                                                                                          \
		.dir = -1, .lock = -1                                                              \
	}
void record_close(struct record *r); /* closes fds; the record stays. Safe on RECORD_NONE */
OWNED_STRUCT(record, struct record, record_close)

int record_begin(struct store *s, enum record_kind kind, struct record *out, struct err *e);
int record_publish(struct store *s, struct record *r, struct err *e);
/*
 * Reserves name in scope: "" for sandboxes, the sandbox's ID for containers (a container's name is
 * unique in its sandbox). ERR_EXISTS names the holder. Kept in the record's file "name" for
 * release.
 */
int record_name(struct store *s, struct record *r, const char *scope, const char *name,
		struct err *e);
/*
 * A new name for a record that has its lock held. begin: "name.new" says what is wanted, then it is
 * reserved (ERR_EXISTS names the holder; nothing is left). old: its name as its config says, or NULL. The caller writes it down for itself. end:
 * the old name is given back; done false: the new one is.
 */
int record_rename_begin(struct store *s, struct record *r, const char *scope, const char *old,
			const char *name, struct err *e);
int record_rename_end(struct store *s, struct record *r, bool done, struct err *e);
int record_commit(struct store *s, struct record *r, const struct field_table *t,
		  const void *status, struct err *e);
/* Replaces status.json; the lock is held. */
int record_set_status(struct record *r, const struct field_table *t, const void *status,
		      struct err *e);
int record_discard(struct store *s, struct record *r, struct err *e);
/* What record_discard() and the sweep call: store's release hook, run directory, name. */
int record_release(struct store *s, enum record_kind kind, const char *id, int dir, struct err *e);

/* Opens a record by full ID, without a lock or with it (waiting). ERR_NOT_FOUND when it is not
 * there (any more). */
int record_open(struct store *s, enum record_kind kind, const char *id, bool lock,
		struct record *out, struct err *e);
/*
 * Finds one object by ID, name, or unique prefix of an ID, in this order. Containers:
 * "SANDBOX/NAME" is understood too. Ambiguous: ERR_USAGE with the candidates. ERR_NOT_FOUND: "no
 * container named a".
 */
int record_find(struct store *s, enum record_kind kind, const char *key, char id[ID_SIZE],
		struct err *e);
/* IDs of all committed records, in no order. Takes no lock, never waits; discards the half-made it
 * meets. */
int record_list(struct store *s, enum record_kind kind, struct strv *ids, struct err *e);
/* Is the record there, being made or removed included? What it owns is then its own. */
bool record_exists(struct store *s, enum record_kind kind, const char *id);
/* Its name, else the beginning of its ID, for people. Newly allocated. */
char *record_label(struct store *s, enum record_kind kind, const char *id);
/* The same of an open one, which may be on its way out. */
char *record_label_now(const struct record *r);
/* STATE/sandboxes/<id>, made if missing (0700); the fd. */
int record_run_dir(struct store *s, enum record_kind kind, const char *id, bool create,
		   struct err *e);
int record_remove_run_dir(struct store *s, enum record_kind kind, const char *id, struct err *e);

#endif
