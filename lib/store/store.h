/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - the state directory: every path in it, the locks, and what is half made.
 *
 * Two roots: root (/var/lib/caddis, outlives a reboot) and state (/run/caddis, does not). Both
 * 0700, lock files 0600. Layout: see caddis(1), FILES.
 *
 * Lock order: sandbox -> container -> images -> names; asserted when built with -DCADDIS_DEBUG.
 */
#ifndef CADDIS_STORE_STORE_H
#define CADDIS_STORE_STORE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"
#include "base/str.h"

#define STORE_ROOT_DEFAULT "/var/lib/caddis"
#define STORE_STATE_DEFAULT "/run/caddis"
#define STORE_VERSION 1
#define ID_SIZE 65 /* 64 hex digits and NUL */

struct store {
	int root, state;	      /* O_DIRECTORY fds of the two roots */
	char *root_path, *state_path; /* absolute */
	int lock_timeout;	      /* seconds that a lock is waited for; -1: for ever */
	/* Set by lib/pod: frees what a record owns in the kernel (cgroup, pins, leases), by its ID
	 * alone, for records whose maker or remover died. dir is the record's directory.
	 * Idempotent. */
	int (*release)(struct store *s, int kind, const char *id, int dir, struct err *e);
};

/*
 * Opens (and, where missing, makes) both roots. NULL: $CADDIS_ROOT, $CADDIS_STATE, else the
 * default. Refuses a newer layout version and leaves it untouched. A state directory of another
 * boot is emptied first. Needs root (ERR_DENIED). Opens nothing else and reads no object.
 */
int store_open(const char *root, const char *state, int lock_timeout, struct store *out,
	       struct err *e);
void store_close(struct store *s);
OWNED_STRUCT(store, struct store, store_close)

void id_new(char id[ID_SIZE]); /* 256 random bits, hex */
bool id_valid(const char *s);  /* 64 lower-case hex digits */
/* [a-zA-Z0-9_-]+, at most 63 characters, and not 64 hex digits: NULL, or the reason why it is not a
 * name. */
const char *name_check(const char *s);

/*
 * Locks: flock(2) on O_CLOEXEC fds. lock_file creates name (0600) below dir if missing, refuses
 * anything but a regular file of root's, and waits at most s->lock_timeout; what names the object
 * for the error, which also names the holder: "sandbox web: locked by caddis (pid 4711) for 10 s".
 * Returns the fd that holds the lock; close() frees it.
 */
enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };
int lock_file(const struct store *s, int dir, const char *name, enum lock_mode mode,
	      const char *what, struct err *e);
/* The same without waiting: -1 with errno EWOULDBLOCK when held, ENOENT when there is no such file
 * (it is not created). */
int lock_try(int dir, const char *name, enum lock_mode mode);
int lock_images(const struct store *s, enum lock_mode mode, struct err *e); /* ROOT/images/lock */

/*
 * Staging: ROOT/staging/<random>/, a directory in the making whose lock its maker holds. Whoever
 * finds one with a free lock removes it.
 */
struct staging {
	char name[ID_SIZE + 8];
	int dir;  /* the directory */
	int lock; /* its file "lock", held exclusively */
};
int staging_new(struct store *s, struct staging *out, struct err *e);
/* The same with a name of the caller's, which is not in use: records carry kind and ID in it. */
int staging_new_named(struct store *s, const char *name, struct staging *out, struct err *e);
/* Renames the directory to name below the directory fd parent, never onto something that exists
 * (ERR_EXISTS). The fds stay open. */
int staging_publish(struct store *s, struct staging *st, int parent, const char *name,
		    struct err *e);
/*
 * Moves the directory parent/name to staging: from here on it is gone for everyone else. lock is
 * its lock, held; it and the directory are then out's, for staging_drop().
 */
int staging_take(struct store *s, int parent, const char *name, int lock, struct staging *out,
		 struct err *e);
/* The same by name only, for a record: its remover keeps its fds. */
int staging_take_as(struct store *s, int parent, const char *name, const char *as, struct err *e);
void staging_drop(struct store *s,
		  struct staging *st); /* removes it; nothing when published or empty */
/* Removes what dead makers left. Cheap when there is nothing. */
int staging_sweep(struct store *s, struct err *e);
void staging_close(struct staging *st); /* closes the fds only */
OWNED_STRUCT(staging_fds, struct staging, staging_close)
#define STAGING_NONE                                                                               \
	{                                                                                          \
		.dir = -1, .lock = -1                                                              \
	}

#endif
