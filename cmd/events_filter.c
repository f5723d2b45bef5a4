/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --filter KEY=VALUE of the events. */
#include <stdlib.h>

#include "base/json.h"
#include "events.h"
#include "image/ref.h"
#include "store/journal.h"
#include "store/record.h"

#define BEGINNING_MIN 3 /* letters of an event's name: "die" */

static const char *const event_names[] = { "created", "started", "died",     "oom",
					   "paused",  "resumed", "renamed",  "updated",
					   "removed", "stopped", "pulled",   "imported",
					   "loaded",  "tagged",	 "untagged", "committed",
					   NULL };

static const char *get(struct json_object *event, const char *key)
{
	const char *s = json_get_str(event, key);

	return s ? s : "";
}

static bool is_type(struct json_object *event, enum event_type type)
{
	return str_eq(get(event, "type"), event_type_name[type]);
}

/* An ID, or its beginning, with "sha256:" or without. */
static bool id_begins(const char *id, const char *value)
{
	static const char prefix[] = "sha256:";
	size_t n = sizeof(prefix) - 1;

	id += str_starts(id, prefix) ? n : 0;
	value += str_starts(value, prefix) ? n : 0;
	return str_some(value) && strlen(value) >= 4 && str_starts(id, value);
}

static bool match_container(struct event_filter *f, struct json_object *event)
{
	return is_type(event, EVENT_CONTAINER) &&
	       (strcmp(get(event, "name"), f->value) == 0 || id_begins(get(event, "id"), f->value));
}

/* Those in it, too. Their events have its ID; its own events tell its name. */
static bool match_sandbox(struct event_filter *f, struct json_object *event)
{
	const char *id = get(event, "sandbox_id");

	if (is_type(event, EVENT_SANDBOX)) {
		id = get(event, "id");
		if (str_eq(get(event, "name"), f->value) && !strv_has(&f->ids, id))
			strv_add(&f->ids, id);
	}
	return strv_has(&f->ids, id) || id_begins(id, f->value);
}

static char *normal(const char *ref)
{
	own(ref) struct ref r = { 0 };
	struct err ignored;

	return ref_parse(ref, &r, &ignored) < 0 ? xstrdup(ref) : ref_format(&r);
}

static bool match_image(struct event_filter *f, struct json_object *event)
{
	const char *name = get(event, is_type(event, EVENT_IMAGE) ? "name" : "image");
	own(str) char *have = normal(name);
	own(str) char *want = normal(f->value);

	return str_eq(have, want) || str_eq(name, f->value) ||
	       (is_type(event, EVENT_IMAGE) && id_begins(get(event, "id"), f->value));
}

static bool begins_event(const char *name, const char *value)
{
	return str_eq(name, value) || (strlen(value) >= BEGINNING_MIN && str_starts(name, value));
}

static bool match_event(struct event_filter *f, struct json_object *event)
{
	return begins_event(get(event, "event"), f->value);
}

static bool match_type(struct event_filter *f, struct json_object *event)
{
	return str_eq(get(event, "type"), str_eq(f->value, "pod") ? "sandbox" : f->value);
}

/* K or K=V */
static bool match_label(struct event_filter *f, struct json_object *event)
{
	struct json_object *labels = json_get(event, "labels", json_type_object);
	const char *eq = strchr(f->value, '=');
	own(str) char *key = eq ? xstrndup(f->value, (size_t)(eq - f->value)) : xstrdup(f->value);
	const char *have = labels ? json_get_str(labels, key) : NULL;

	return have && (!eq || str_eq(have, eq + 1));
}

static int check_event(const char *value, struct err *e)
{
	for (size_t i = 0; event_names[i]; i++)
		if (begins_event(event_names[i], value))
			return 0;
	err_set(e, ERR_USAGE, "--filter event=%.40s: there is none such", value);
	return err_hint(e, "caddis(1), EVENTS, lists them");
}

static int check_type(const char *value, struct err *e)
{
	for (size_t i = 0; event_type_name[i]; i++)
		if (str_eq(event_type_name[i], value) || str_eq(value, "pod"))
			return 0;
	return err_set(e, ERR_USAGE, "--filter type=%.40s: expected container, sandbox or image",
		       value);
}

static const struct filter_key {
	const char *name;
	bool (*match)(struct event_filter *f, struct json_object *event);
	int (*check)(const char *value, struct err *e);
	bool all; /* several of them: all must match */
} keys[] = {
	{ "container", match_container, NULL, false }, { "sandbox", match_sandbox, NULL, false },
	{ "pod", match_sandbox, NULL, false },	       { "image", match_image, NULL, false },
	{ "event", match_event, check_event, false },  { "type", match_type, check_type, false },
	{ "label", match_label, NULL, true },
};

void event_filters_free(struct event_filters *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].value);
		strv_free(&f->v[i].ids);
	}
	free(f->v);
	*f = (struct event_filters){ 0 };
}

int event_filters_add(struct store *s, struct event_filters *f, const char *text, struct err *e)
{
	size_t n = strcspn(text, "="), key = 0;
	const char *value = text[n] ? text + n + 1 : "";
	struct event_filter *new;
	char id[ID_SIZE];
	struct err ignored;

	while (key < ARRAY_LEN(keys) &&
	       (strlen(keys[key].name) != n || strncmp(keys[key].name, text, n) != 0))
		key++;
	if (key == ARRAY_LEN(keys)) {
		err_set(e, ERR_USAGE, "--filter %.60s: there is no such key", text);
		return err_hint(e, "container, sandbox, image, event, type, label");
	}
	if (!*value)
		return err_set(e, ERR_USAGE, "--filter %.60s: expected KEY=VALUE", text);
	if (keys[key].check && keys[key].check(value, e) < 0)
		return -1;
	f->v = xgrow(f->v, f->n, sizeof(*f->v));
	new = &f->v[f->n++];
	*new = (struct event_filter){ .key = (int)key, .value = xstrdup(value) };
	if (keys[key].match == match_sandbox &&
	    record_find(s, RECORD_SANDBOX, value, id, &ignored) == 0)
		strv_add(&new->ids, id);
	return 0;
}

bool event_filters_match(struct event_filters *f, struct json_object *event)
{
	bool wanted = true;

	for (size_t key = 0; key < ARRAY_LEN(keys); key++) {
		size_t asked = 0, matched = 0;

		for (size_t i = 0; i < f->n; i++) {
			/* "pod" is another word for "sandbox" */
			if (keys[f->v[i].key].match != keys[key].match)
				continue;
			asked++;
			matched += keys[key].match(&f->v[i], event);
		}
		if (asked && (keys[key].all ? matched < asked : matched == 0))
			wanted = false;
	}
	return wanted;
}
