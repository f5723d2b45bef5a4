/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * system.c - caddis system: about this installation and this machine.
 */
#include "cli.h"

#include <dlfcn.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/json.h"
#include "network/cni.h"

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

static const struct command commands[] = {
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
