/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events.h - 'caddis events' and 'caddis ctr events': the journal, read and followed. */
#ifndef CADDIS_CMD_EVENTS_H
#define CADDIS_CMD_EVENTS_H

#include <json-c/json.h>

#include "cli.h"

struct events_args {
	const char *since, *until, *output;
	struct strv filters;
	bool no_follow, status;
};
extern const struct opt events_opts[];
int events_main(struct cli *cli, const void *args, char **operands, size_t n);
/* Of containers only: of those that are named, or of all. */
int ctr_events_main(struct cli *cli, const void *args, char **operands, size_t n);

/* events_filter.c: which ones are wanted. Values of one key: any of them; labels, and keys: all. */
struct event_filters {
	struct event_filter {
		int key;
		char *value;
		struct strv ids; /* of sandboxes that have, or had, that name */
	} * v;
	size_t n;
};
void event_filters_free(struct event_filters *f);
OWNED_STRUCT(event_filters, struct event_filters, event_filters_free)
/* "KEY=VALUE" */
int event_filters_add(struct store *s, struct event_filters *f, const char *text, struct err *e);
bool event_filters_match(struct event_filters *f, struct json_object *event);

#endif
