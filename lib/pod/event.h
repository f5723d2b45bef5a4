/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.h - what the journal (store/journal.h) says of containers and sandboxes. Inside lib/pod
 * only. */
#ifndef CADDIS_POD_EVENT_H
#define CADDIS_POD_EVENT_H

#include "pod/container.h"
#include "store/journal.h"

/* "created", "started", "died", "oom", "paused", "resumed", "renamed", "updated", "removed" */
void container_event(struct store *s, const char *event, const char *id,
		     const struct container_record *r);
/* The same in two steps, for more members. */
void container_event_begin(struct buf *b, const char *event, const char *id,
			   const struct container_record *r);
/* Its end: "oom" if that was it, then "died". about: the rest of its configuration, see below. */
void container_event_died(struct store *s, const char *id, const char *name, const char *about,
			  const struct container_status *status);
/*
 * Members of every event of the container, ready to be added: what a monitor keeps of the
 * configuration that it forgets. All but its name, which may change. Newly allocated.
 */
char *container_event_about(const struct container_record *r);

/* "created", "started" (it is ready then), "stopped", "updated", "removed" */
void sandbox_event(struct store *s, const char *event, const char *id,
		   const struct sandbox_record *r);

#endif
