/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "base/yaml.h"

#define CPU_PERIOD 100000 /* us; the kernel's and everyone's default */

void option_win(char **field, const char *given)
{
	if (given)
		str_set(field, given);
}

void option_win_bool(bool *field, const struct optint *given)
{
	if (given->set)
		*field = given->v;
}

void option_win_list(struct strv *field, const struct strv *given)
{
	if (!given->n)
		return;
	strv_free(field);
	strv_copy(field, given);
}

void option_win_map(struct strmap *field, const struct strmap *given)
{
	for (size_t i = 0; i < given->n; i++)
		strmap_set(field, given->v[i].key, given->v[i].value);
}

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

int output_option(const char *output, bool *yaml, struct err *e)
{
	*yaml = str_eq(output, "yaml");
	if (output && !*yaml && !str_eq(output, "json"))
		return err_set(e, ERR_USAGE, "--output: expected json or yaml, found \"%.40s\"",
			       output);
	return 0;
}

void value_put(struct json_object *j, bool yaml)
{
	own(buf) struct buf b = { 0 };

	if (!yaml) {
		json_put(j);
		return;
	}
	yaml_print(j, &b);
	fputs(b.s, stdout);
}

int config_print(const struct field_table *t, const void *config, const char *output, struct err *e)
{
	own(json) struct json_object *j = fields_write(t, config);
	bool yaml;

	if (output_option(output, &yaml, e) < 0)
		return -1;
	value_put(j, yaml);
	return 0;
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
	*period = OPTINT(CPU_PERIOD);
	*quota = OPTINT((int64_t)(cpus * CPU_PERIOD + 0.5));
	return 0;
}

static int quantity_option(const char *name, const char *value, struct quantity *q, struct err *e)
{
	int64_t bytes;

	if (quantity_parse(value, q) < 0) {
		err_set(e, ERR_USAGE, "--%s %.40s: not a quantity; e.g. 500m, 1.5, 128Mi, 1e9",
			name, value);
		/* podman's spelling of a size */
		return str_to_size(value, &bytes) == 0
			       ? err_hint(e, "1k is 1000, 1Ki is 1024; the suffixes are k M G T, "
					     "Ki Mi Gi Ti")
			       : -1;
	}
	if (q->negative || q->capped || !q->nanos)
		return err_set(e, ERR_USAGE, "--%s %.40s: expected more than 0%s", name, value,
			       q->capped ? " and less than 8Ei" : "");
	return 0;
}

int memory_quantity_option(const char *name, const char *value, struct optint *out, struct err *e)
{
	struct quantity q;

	if (!value)
		return 0;
	if (str_eq(value, "max")) {
		*out = OPTINT(-1);
		return 0;
	}
	if (quantity_option(name, value, &q, e) < 0)
		return -1;
	if (q.nanos < 1000000000) {
		err_set(e, ERR_USAGE, "--%s %.40s: less than a byte", name, value);
		return str_ends(value, "m") ? err_hint(e, "m is milli; write %.*sMi or %.*sM",
						       (int)strlen(value) - 1, value,
						       (int)strlen(value) - 1, value)
					    : -1;
	}
	*out = OPTINT(quantity_scaled(&q, 0));
	return 0;
}

int cpu_quantity_option(const char *name, const char *value, struct optint *quota,
			struct optint *period, struct err *e)
{
	struct quantity q;
	int64_t milli;

	if (!value)
		return 0;
	*period = OPTINT(CPU_PERIOD);
	if (str_eq(value, "max")) {
		*quota = OPTINT(-1);
		return 0;
	}
	if (quantity_option(name, value, &q, e) < 0)
		return -1;
	milli = quantity_scaled(&q, -3);
	if (milli < 10 || milli > 65536000)
		return err_set(e, ERR_USAGE, "--%s %.40s: expected 10m to 65536", name, value);
	*quota = OPTINT(milli * (CPU_PERIOD / 1000));
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

int time_option(const char *name, const char *text, int64_t *ns, struct err *e)
{
	int64_t ago;

	if (!text)
		return 0;
	/* A short plain number is a duration, as everywhere; RFC 3339 and long ones are points in
	 * time. */
	if ((!strchr(text, 'T') && strlen(text) < 9 && clock_parse_duration(text, &ago) == 0) ||
	    (clock_parse(text, ns) < 0 && clock_parse_duration(text, &ago) == 0)) {
		*ns = clock_now() - ago;
		return 0;
	}
	if (clock_parse(text, ns) == 0)
		return 0;
	return err_set(e, ERR_USAGE,
		       "--%s %.60s: expected a time (2026-11-23T10:00:00Z) or a duration (10m)",
		       name, text);
}
