/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * system.c - caddis system: about this installation and this machine.
 */
#include "cli.h"

#include <dlfcn.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/json.h"
#include "network/cni.h"
#include "pod/container.h"

struct info_args {
	const char *output;
};

// clang-format off
static const struct opt info_opts[] = {
	OPT('o', "output", "FORMAT", OPT_STR, struct info_args, output, "output format: text or json", "text|json"),
	OPT_END,
};

/* Opened at first use; what for is told so that a missing one explains itself. */
static const struct library {
	const char *soname, *purpose;
} libraries[] = {
	{ "libcurl.so.4", "pulling images" },
	{ "libarchive.so.13", "unpacking and importing images" },
	{ "libcrypto.so.3", "checking digests" },
	{ "libisal.so.2", "decompressing gzip layers fast" },
	{ "libz.so.1", "decompressing gzip layers where libisal is missing" },
	{ "libzstd.so.1", "decompressing zstd layers" },
	{ "libseccomp.so.2", "system call filters of one's own" },
	{ "libsmartcols.so.1", "tables" },
	{ "libmnl.so.0", "networks" },
	{ "libnftnl.so.11", "the firewall's rules" },
};
// clang-format on

static const char *cgroup_mode(void)
{
	struct statfs top, unified;

	if (statfs("/sys/fs/cgroup", &top) < 0)
		return "none";
	if (top.f_type == CGROUP2_SUPER_MAGIC)
		return "v2";
	if (statfs("/sys/fs/cgroup/unified", &unified) == 0 &&
	    unified.f_type == CGROUP2_SUPER_MAGIC)
		return "hybrid";
	return "v1";
}

static const char *chosen(const char *option, const char *variable, const char *otherwise)
{
	const char *env = getenv(variable);

	return option ? option : str_some(env) ? env : otherwise;
}

static void add(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

/* Of sandboxes that name none; the file is what makes it one of CNI. */
static void add_network(struct json_object *o)
{
	own(cni_conf) struct cni_conf c = { 0 };
	struct err e;
	int found = cni_conf_find(cni_conf_dir(), NULL, &c, &e);

	add(o, "network", found > 0 ? c.name : found == 0 ? NETWORK_DEFAULT : "");
	add(o, "network_file", found > 0 ? c.file : "");
	if (found < 0)
		add(o, "network_error", e.msg);
}

static struct json_object *gather(const struct cli *cli)
{
	struct json_object *o = json_object_new_object(), *libs = json_object_new_object();
	struct utsname u = { 0 };

	uname(&u);
	add(o, "version", CADDIS_VERSION);
	add(o, "root", chosen(cli->root, "CADDIS_ROOT", STORE_ROOT_DEFAULT));
	add(o, "state", chosen(cli->state, "CADDIS_STATE", STORE_STATE_DEFAULT));
	add(o, "kernel", u.release);
	add(o, "architecture", u.machine);
	add(o, "cgroups", cgroup_mode());
	add_network(o);
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++) {
		void *lib = dlopen(libraries[i].soname, RTLD_LAZY | RTLD_LOCAL);

		json_object_object_add(libs, libraries[i].soname,
				       json_object_new_boolean(lib != NULL));
		if (lib)
			dlclose(lib);
	}
	json_object_object_add(o, "libraries", libs);
	return o;
}

static void print_text(struct json_object *o)
{
	json_object_object_foreach(o, key, value)
	{
		if (!json_object_is_type(value, json_type_object))
			printf("%-14s%s\n", key, json_object_get_string(value));
	}
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++) {
		struct json_object *libs = json_object_object_get(o, "libraries");
		struct json_object *found = json_object_object_get(libs, libraries[i].soname);

		printf("%-14s%s: %s (%s)\n", i ? "" : "libraries", libraries[i].soname,
		       json_object_get_boolean(found) ? "found" : "missing", libraries[i].purpose);
	}
}

static int info_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct info_args *a = args;
	own(json) struct json_object *o = NULL;

	(void)operands;
	(void)n;
	if (a->output && !str_eq(a->output, "text") && !str_eq(a->output, "json"))
		return cli_usage(cli, "--output: expected text or json, found \"%s\"", a->output);
	o = gather(cli);
	if (str_eq(a->output, "json")) {
		own(buf) struct buf text = { 0 };

		json_print_pretty(o, &text);
		printf("%s\n", text.s);
	} else {
		print_text(o);
	}
	return cli_done(cli, 0);
}

/* --- boot --- */

struct booting {
	struct container *v;
	size_t n;
};

static int by_age(const void *a, const void *b)
{
	const struct container *x = a, *y = b;

	return x->status.created_at < y->status.created_at
		       ? -1
		       : x->status.created_at > y->status.created_at;
}

/* Oldest first: what was made later may need it. */
static int find_wanted(struct cli *cli, struct booting *b, struct err *e)
{
	own(strv) struct strv ids = { 0 };

	if (record_list(&cli->store, RECORD_CONTAINER, &ids, e) < 0)
		return -1;
	b->v = xcalloc(ids.n + 1, sizeof(*b->v));
	for (size_t i = 0; i < ids.n; i++) {
		struct container *c = &b->v[b->n];
		struct err damaged = { 0 };

		if (container_load(&cli->store, ids.v[i], c, &damaged) < 0) {
			if (damaged.kind != ERR_NOT_FOUND)
				cli_error(cli, &damaged);
			continue;
		}
		if (container_wanted_at_boot(&cli->store, c))
			b->n++;
		else
			container_free(c);
	}
	qsort(b->v, b->n, sizeof(*b->v), by_age);
	return 0;
}

static int boot_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	own(container) struct container c = { 0 };

	(void)args;
	if (container_load(&cli->store, operand, &c, e) < 0)
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	if (!container_wanted_at_boot(&cli->store, &c)) /* somebody was faster */
		return 0;
	if (sandbox_start(&cli->store, c.record.sandbox_id, e) < 0 ||
	    container_start(&cli->store, c.id, NULL, true, e) < 0)
		return err_in(e, "container %s", container_name(&c));
	printf("%s\n", container_name(&c));
	return 0;
}

static int boot_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	struct booting b = { 0 };
	own(strv) struct strv ids = { 0 };
	struct err e;

	(void)operands;
	(void)n;
	if (find_wanted(cli, &b, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < b.n; i++) {
		strv_add(&ids, b.v[i].id);
		container_free(&b.v[i]);
	}
	free(b.v);
	return cli_each(cli, ids.v, ids.n, boot_one, args);
}

static const struct command commands[] = {
	{ .name = "boot",
	  .args = "",
	  .summary = "start containers whose restart policy says so, after a reboot",
	  .run = boot_main,
	  .flags = NEED_STORE | ENTERS_CONTAINER },
	{ .name = "info",
	  .args = "[OPTION...]",
	  .summary = "show version, paths, kernel and libraries",
	  .run = info_main,
	  .opts = info_opts,
	  .args_size = sizeof(struct info_args),
	  .max = 0 },
	{ .name = NULL },
};

const struct command_group system_group = {
	.name = "system",
	.summary = "about this installation and this machine",
	.commands = commands,
};
