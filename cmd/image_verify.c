/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis image verify: is all of it still what it was? */
#include "image_pull.h"

#include <stdio.h>

#include "base/json.h"
#include "common.h"
#include "image/verify.h"
#include "image_limits.h"

// clang-format off
const struct opt image_verify_opts[] = {
	OPT(0, "repair", NULL, OPT_BOOL, struct image_verify_args, repair, "unpack damaged layers again, and get damaged blobs again from the registry"),
	OPT('o', "output", "FORMAT", OPT_STR, struct image_verify_args, output, "output format: text, json or yaml", "text|json|yaml"),
	LIMIT_OPT(struct image_verify_args),
	REGISTRY_OPTS(struct image_verify_args),
	OPT_END,
};
// clang-format on

static struct json_object *report_json(const struct verify_report *r)
{
	struct json_object *j = json_object_new_object(), *list = json_object_new_array();

	json_add_str(j, "name", r->name);
	json_add_str(j, "digest", r->digest);
	json_object_object_add(j, "whole", json_object_new_boolean(r->whole));
	json_object_object_add(j, "problems", list);
	for (size_t i = 0; i < r->n; i++) {
		struct json_object *p = json_object_new_object();

		json_add_str(p, "kind", r->v[i].kind);
		json_add_str(p, "digest", r->v[i].digest);
		json_add_str(p, "path", r->v[i].path);
		json_add_str(p, "problem", r->v[i].text);
		json_object_object_add(p, "repaired", json_object_new_boolean(r->v[i].repaired));
		json_object_array_add(list, p);
	}
	json_object_object_add(j, "more", json_object_new_int64((int64_t)r->more));
	return j;
}

static void report_text(const struct verify_report *r)
{
	const char *name = r->name ? r->name : r->digest;

	if (r->n == 0)
		printf("%s: whole\n", name);
	for (size_t i = 0; i < r->n; i++) {
		const struct verify_problem *p = &r->v[i];
		own(str) char *path = p->path ? str_printable(p->path, strlen(p->path)) : NULL;
		own(str) char *text = str_printable(p->text, strlen(p->text));

		printf("%s: %s %s: %s%s%s%s\n", name, p->kind, p->digest, path ? path : "",
		       path ? ": " : "", text, p->repaired ? " (repaired)" : "");
	}
	if (r->more)
		printf("%s: and %zu more\n", name, r->more);
}

static int verify_one(struct cli *cli, const char *key, const struct verify_options *o,
		      struct json_object *list)
{
	own(verify_report) struct verify_report r = { 0 };
	struct err e;

	if (image_verify(&cli->store, key, o, &r, &e) < 0)
		return cli_error(cli, &e);
	if (list)
		json_object_array_add(list, report_json(&r));
	else
		report_text(&r);
	if (r.unrepaired) {
		err_set(&e, ERR_FAIL, "image %.200s: cannot be repaired: %s",
			r.name ? r.name : r.digest, r.unrepaired);
		cli_error(cli, &e);
	}
	return r.whole ? 0 : 1;
}

int image_verify_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_verify_args *a = args;
	bool text = !a->output || str_eq(a->output, "text");
	own(json) struct json_object *list = json_object_new_array();
	own(strv) struct strv keys = { 0 }, known = { 0 };
	own(auth) struct auth given = { 0 };
	struct verify_options o = { .repair = a->repair, .known = &known };
	struct layer_limits limits;
	int status = 0;
	struct err e;

	o.limits = &limits;
	if (!text && !str_eq(a->output, "json") && !str_eq(a->output, "yaml"))
		return cli_usage(cli, "--output: expected text, json or yaml, found \"%.40s\"",
				 a->output);
	if (image_limits(&a->limits, &limits, &e) < 0 ||
	    registry_args(&a->registry, &given, &o.registry, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < n; i++)
		strv_add(&keys, operands[i]);
	if (n == 0 && image_verify_keys(&cli->store, &keys, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < keys.n; i++) {
		int one = verify_one(cli, keys.v[i], &o, text ? NULL : list);

		status = MAX(status, one);
	}
	if (!text)
		value_put(list, str_eq(a->output, "yaml"));
	return cli_done(cli, status);
}
