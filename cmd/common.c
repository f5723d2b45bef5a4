/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"

struct json_object *json_of_map(const struct strmap *m)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < m->n; i++)
		json_add_str(o, m->v[i].key, m->v[i].value);
	return o;
}

struct json_object *json_of_list(const struct strv *l)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(a, json_object_new_string(l->v[i]));
	return a;
}

void json_add_time(struct json_object *o, const char *key, int64_t ns)
{
	char text[CLOCK_TEXT_SIZE] = "";

	if (ns)
		clock_format(ns, text);
	json_add_str(o, key, text);
}

void json_add_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value ? value : ""));
}

void json_put(struct json_object *j)
{
	own(buf) struct buf b = { 0 };

	json_print_pretty(j, &b);
	printf("%s\n", b.s);
}

/* One requirement of a selector. */
static int requirement_match(char *text, const struct strmap *labels, struct err *e)
{
	bool negated = text[0] == '!';
	char *eq = strchr(text, '=');
	const char *have;
	char *key = text + negated;

	if (!eq) {
		if (!*key)
			return err_set(e, ERR_USAGE, "selector: an empty requirement");
		return (strmap_get(labels, key) != NULL) != negated;
	}
	*eq = '\0';
	if (eq > text && eq[-1] == '!') {
		eq[-1] = '\0';
		negated = true;
	}
	if (eq[1] == '=')
		eq++;
	if (!*text)
		return err_set(e, ERR_USAGE, "selector: a requirement without a key");
	have = strmap_get(labels, text);
	return (have && str_eq(have, eq + 1)) != negated;
}

int selector_match(const char *selector, const struct strmap *labels, struct err *e)
{
	own(strv) struct strv parts = { 0 };

	if (!selector)
		return 1;
	strv_split(&parts, selector, ',');
	for (size_t i = 0; i < parts.n; i++) {
		int rc = requirement_match(parts.v[i], labels, e);

		if (rc != 1)
			return rc;
	}
	return 1;
}

int size_option(const char *name, const char *value, struct optint *out, struct err *e)
{
	int64_t bytes;

	if (!value)
		return 0;
	if (str_to_size(value, &bytes) < 0 || bytes == 0)
		return err_set(e, ERR_USAGE, "--%s %.40s: not a size; e.g. 64m, 1Gi", name, value);
	*out = OPTINT(bytes);
	return 0;
}

int cpus_option(const char *name, const char *value, struct optint *quota, struct optint *period,
		struct err *e)
{
	char *end = NULL;
	double cpus;

	if (!value)
		return 0;
	cpus = strtod(value, &end);
	if (strspn(value, "0123456789.") != strlen(value) || *end || end == value || cpus < 0.01 ||
	    cpus > 65536)
		return err_set(e, ERR_USAGE, "--%s %.40s: not a number of CPUs; e.g. 0.5, 2", name,
			       value);
	*period = OPTINT(100000);
	*quota = OPTINT((int64_t)(cpus * 100000 + 0.5));
	return 0;
}

int duration_option(const char *name, const struct optint *seconds, int64_t otherwise, int64_t *ns,
		    struct err *e)
{
	*ns = otherwise;
	if (!seconds->set)
		return 0;
	if (seconds->v < 0 || seconds->v > 1000000000)
		return err_set(e, ERR_USAGE, "--%s %lld: not a number of seconds", name,
			       (long long)seconds->v);
	*ns = seconds->v * NSEC_PER_SEC;
	return 0;
}
