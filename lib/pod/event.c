/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/event.h"

static void add_name(struct buf *b, const char *name, const char *id)
{
	own(str) char *short_id = xstrndup(id, 12);

	event_str(b, "name", str_some(name) ? name : short_id);
}

char *container_event_about(const struct container_record *r)
{
	struct buf b = { 0 };

	event_str(&b, "sandbox_id", r->sandbox_id);
	event_str(&b, "image", r->config.image.image);
	event_labels(&b, &r->config.labels);
	return buf_steal(&b);
}

void container_event_begin(struct buf *b, const char *event, const char *id,
			   const struct container_record *r)
{
	own(str) char *about = container_event_about(r);

	event_begin(b, EVENT_CONTAINER, event, id);
	add_name(b, r->config.metadata.name, id);
	buf_add(b, about);
}

void container_event(struct store *s, const char *event, const char *id,
		     const struct container_record *r)
{
	own(buf) struct buf b = { 0 };

	container_event_begin(&b, event, id, r);
	event_end(s, &b);
}

void container_event_died(struct store *s, const char *id, const char *name, const char *about,
			  const struct container_status *status)
{
	own(buf) struct buf b = { 0 };

	if (status->oom_killed) {
		event_begin(&b, EVENT_CONTAINER, "oom", id);
		add_name(&b, name, id);
		buf_add(&b, about);
		event_end(s, &b);
	}
	event_begin(&b, EVENT_CONTAINER, "died", id);
	add_name(&b, name, id);
	buf_add(&b, about);
	event_int(&b, "exit_code", status->exit_code);
	event_str(&b, "reason", status->reason);
	event_str(&b, "message", status->message);
	event_end(s, &b);
}

void sandbox_event(struct store *s, const char *event, const char *id,
		   const struct sandbox_record *r)
{
	own(buf) struct buf b = { 0 };

	event_begin(&b, EVENT_SANDBOX, event, id);
	add_name(&b, r->config.metadata.name, id);
	event_labels(&b, &r->config.labels);
	event_end(s, &b);
}
