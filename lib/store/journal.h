/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - what has happened: ROOT/events, one line of JSON an event, written by whoever changes
 * something, read by following the file. It outlives a reboot.
 *
 * A line is written by one write(2) with O_APPEND, so that no two mix. It begins with a newline of
 * its own: half a line, of a full disk or a crash, ends there and harms no other. A full file
 * becomes ROOT/events.1, whose earlier content goes.
 */
#ifndef CADDIS_STORE_JOURNAL_H
#define CADDIS_STORE_JOURNAL_H

#include <json-c/json.h>

#include "store/store.h"

#define EVENT_MAX 4096		      /* bytes of a line, the newlines included */
#define JOURNAL_MAX (2 * 1024 * 1024) /* of a file; there are two of them */

extern const char *const event_type_name[]; /* "container", "sandbox", "image" */
enum event_type { EVENT_CONTAINER, EVENT_SANDBOX, EVENT_IMAGE };

/*
 * An event in the making: event_begin(), members, event_end(). Texts may hold anything; what is not
 * printable is made so. NULL and empty ones are left out.
 */
void event_begin(struct buf *b, enum event_type type, const char *event, const char *id);
void event_str(struct buf *b, const char *key, const char *value);
void event_int(struct buf *b, const char *key, int64_t value);
/* As far as there is room in a line; else "labels_omitted" is true. */
void event_labels(struct buf *b, const struct strmap *labels);
/*
 * Writes it down and empties b. Never fails and never waits: what cannot be written is lost, and
 * what was done is done.
 */
void event_end(struct store *s, struct buf *b);

/* --- reading --- */

struct journal;
/*
 * At the beginning of what there is, or (from_end) at the end. With follow, journal_fd() becomes
 * readable when there may be more.
 */
int journal_open(struct store *s, bool from_end, bool follow, struct journal **out, struct err *e);
int journal_fd(const struct journal *j);
/*
 * The next event, the caller's; 1, or 0 when there is none at present. Lines that are none are
 * skipped. Goes on over rotations; a reader that falls behind by more than the two files misses
 * events.
 */
int journal_next(struct journal *j, struct json_object **event, struct err *e);
void journal_close(struct journal *j); /* NULL is fine */

#endif
