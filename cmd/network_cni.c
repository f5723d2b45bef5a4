/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis network: check, gc; CNI networks in ls and inspect. */
#include "network_cni.h"

#include <stdio.h>

#include "common.h"
#include "network/cni.h"
#include "network/config.h"

static int add_row(struct cli *cli, const struct cni_conf *c, struct table *t, struct err *e)
{
	own(strv) struct strv users = { 0 };

	if (cni_users(&cli->store, c->name, &users, e) < 0)
		return -1;
	table_row(t);
	table_str(t, "name", c->name);
	table_str(t, "kind", network_cni.kind);
	table_json(t, "subnets", json_object_new_array());
	table_int(t, "sandboxes", (int64_t)users.n);
	table_json(t, "labels", json_object_new_object());
	return 0;
}

int network_cni_rows(struct cli *cli, struct table *t)
{
	own(strv) struct strv paths = { 0 };
	struct err e;
	int status = 0;

	if (cni_conf_files(cni_conf_dir(), &paths, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < paths.n; i++) {
		own(cni_conf) struct cni_conf c = { 0 };

		if (cni_conf_load(paths.v[i], &c, &e) < 0 || add_row(cli, &c, t, &e) < 0)
			status = cli_error(cli, &e); /* a broken one must not hide the others */
	}
	return status;
}

/* The CNI network of that name, which no network of our own hides. */
static int find(struct cli *cli, const char *name, struct cni_conf *out, struct err *e)
{
	int rc;

	*out = (struct cni_conf){ 0 };
	if (network_exists(&cli->store, name)) {
		err_set(e, ERR_STATE, "network %s is built in, not one of CNI", name);
		return err_hint(e, "'caddis network reload' puts it in order");
	}
	rc = cni_conf_find(cni_conf_dir(), name, out, e);
	if (rc == 0) {
		own(str) char *shown = str_printable(name, strlen(name));

		err_set(e, ERR_NOT_FOUND, "no network %.80s", shown);
		err_hint(e, "'caddis network ls' lists them");
	}
	return rc > 0 ? 0 : -1;
}

struct json_object *network_cni_json(struct cli *cli, const char *name, struct err *e)
{
	own(cni_conf) struct cni_conf c = { 0 };
	own(strv) struct strv users = { 0 };
	struct json_object *o;

	if (find(cli, name, &c, e) < 0 || cni_users(&cli->store, name, &users, e) < 0)
		return NULL;
	o = json_object_new_object();
	json_add_str(o, "name", c.name);
	json_add_str(o, "kind", network_cni.kind);
	json_add_str(o, "file", c.file);
	json_add_str(o, "cni_version", cni_version_name[c.version]);
	json_object_object_add(o, "plugins", json_object_get(c.plugins));
	json_object_object_add(o, "sandboxes", json_of_list(&users));
	return o;
}

static int check_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	own(cni_conf) struct cni_conf c = { 0 };
	own(strv) struct strv users = { 0 };

	(void)args;
	if (find(cli, operand, &c, e) < 0)
		return -1;
	if (cni_status(&c, e) < 0 || cni_users(&cli->store, operand, &users, e) < 0)
		return err_in(e, "network %s", operand);
	for (size_t i = 0; i < users.n; i++)
		if (cni_check(&cli->store, users.v[i], e) < 0)
			return err_in(e, "network %s", operand);
	printf("%s\n", operand);
	return 0;
}

int network_check_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, check_one, args);
}

static int gc_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	own(cni_conf) struct cni_conf c = { 0 };
	int rc;

	(void)args;
	if (find(cli, operand, &c, e) < 0)
		return -1;
	rc = cni_gc(&cli->store, &c, e);
	if (rc < 0)
		return err_in(e, "network %s", operand);
	if (rc > 0)
		return err_set(e, ERR_STATE, "network %s: %s", operand,
			       c.disable_gc
				       ? "its configuration has disableGC"
				       : "has no GC; version 1.1.0 of CNI is the first that does");
	printf("%s\n", operand);
	return 0;
}

int network_gc_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, gc_one, args);
}
