/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - one binary, several names: caddis, and an applet per command group.
 */
#include "events.h"
#include "opt.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "executor/executor.h"
#include "image/image.h"
#include "pod/sandbox.h"
#include "spec/field.h"

enum { LOCK_TIMEOUT_DEFAULT = 60 };

struct globals {
	const char *root, *state, *cni_conf_dir, *cni_bin_dir;
	struct optint lock_timeout, cni_timeout;
	bool version;
};

// clang-format off
const struct opt global_opts[] = {
	OPT(0, "root", "DIR", OPT_STR, struct globals, root, "keep images, sandboxes and containers in DIR [$CADDIS_ROOT, /var/lib/caddis]", "dir"),
	OPT(0, "state", "DIR", OPT_STR, struct globals, state, "keep what ends with a reboot in DIR [$CADDIS_STATE, /run/caddis]", "dir"),
	OPT(0, "lock-timeout", "SECONDS", OPT_INT, struct globals, lock_timeout, "wait at most so long for another caddis; -1: for ever [60]"),
	OPT(0, "cni-conf-dir", "DIR", OPT_STR, struct globals, cni_conf_dir, "where CNI networks are configured [$NETCONFPATH, /etc/cni/net.d]", "dir"),
	OPT(0, "cni-bin-dir", "DIR[:DIR...]", OPT_STR, struct globals, cni_bin_dir, "where CNI plugins are [$CNI_PATH, /opt/cni/bin and others]", "dir"),
	OPT(0, "cni-timeout", "SECONDS", OPT_INT, struct globals, cni_timeout, "give a CNI plugin so long [$CADDIS_CNI_TIMEOUT, 60]"),
	OPT_END,
};
static const struct opt version_opts[] = {
	OPT(0, "version", NULL, OPT_BOOL, struct globals, version, "print the version"),
	OPT_END,
};

static int version_main(struct cli *cli, const void *args, char **operands, size_t n);
static int help_main(struct cli *cli, const void *args, char **operands, size_t n);

const struct command top_commands[] = {
	{ .name = "version", .args = "", .summary = "print the version", .run = version_main },
	{ .name = "events",
	  .args = "[OPTION...]",
	  .summary = "show what happens to containers, sandboxes and images, as it happens",
	  .run = events_main,
	  .opts = events_opts,
	  .args_size = sizeof(struct events_args),
	  .flags = NEED_STORE },
	{ .name = "help",
	  .args = "[GROUP [VERB]]",
	  .summary = "explain a group or a verb",
	  .run = help_main,
	  .complete = "group,verb" },
	{ .name = NULL },
};
// clang-format on

const struct command_group *const command_groups[] = {
	&sandbox_group, &ctr_group, &image_group, &network_group, &system_group, &oci_group, NULL
};

/* argv[0] of a link to the binary, and the group that it stands for. */
static const struct applet {
	const char *name, *group;
} applets[] = {
	{ "caddis-sandbox", "sandbox" },
	{ "caddis-ctr", "ctr" },
	{ "caddis-image", "image" },
	{ "caddis-oci", "oci" },
};

/* What people type who come from other tools. */
static const struct synonym {
	const char *word, *meant;
} synonyms[] = {
	{ "pod", "sandbox" },	 { "pods", "sandbox" },	  { "container", "ctr" },
	{ "containers", "ctr" }, { "images", "image" },	  { "ps", "ls" },
	{ "list", "ls" },	 { "delete", "rm" },	  { "remove", "rm" },
	{ "rmi", "rm" },	 { "status", "inspect" }, { "info", "inspect" },
};

/* What people's fingers know from podman, docker and crictl. */
// clang-format off
static const struct {
	const char *word, *meant;
} habits[] = {
	{ "ps",       "ctr ls" },
	{ "pods",     "sandbox ls" },
	{ "images",   "image ls" },
	{ "rmi",      "image rm" },
	{ "runp",     "sandbox create" },
	{ "stopp",    "sandbox stop" },
	{ "rmp",      "sandbox rm" },
	{ "inspectp", "sandbox inspect" },
	{ "inspecti", "image inspect" },
};
// clang-format on

static int version_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	(void)args;
	(void)operands;
	(void)n;
	puts("caddis " CADDIS_VERSION);
	return cli_done(cli, 0);
}

const struct command_group *group_find(const char *name)
{
	for (const struct command_group *const *g = command_groups; *g; g++)
		if (str_eq((*g)->name, name))
			return *g;
	return NULL;
}

const struct opt *globals_of(const struct command_group *g)
{
	return g && g->own ? g->own->opts : global_opts;
}

const struct command *command_find(const struct command *commands, const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (str_eq(c->name, name))
			return c;
	return NULL;
}

static const char *synonym_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(synonyms); i++)
		if (str_eq(synonyms[i].word, word))
			return synonyms[i].meant;
	return NULL;
}

static int unknown_verb(struct cli *cli, const char *word)
{
	const char *names[64], *meant = synonym_of(word);
	size_t n = 0;

	for (const struct command *c = cli->group->commands; c->name && n < ARRAY_LEN(names) - 1;
	     c++)
		if (!(c->flags & HIDDEN))
			names[n++] = c->name;
	names[n] = NULL;
	if (!meant || !command_find(cli->group->commands, meant))
		meant = suggest(word, names);
	if (meant)
		return cli_usage(cli, "%s has no verb '%s' (did you mean '%s'?)", cli->group->name,
				 word, meant);
	return cli_usage(cli, "%s has no verb '%s'", cli->group->name, word);
}

static int unknown_group(struct cli *cli, const char *word)
{
	const char *names[64], *meant = synonym_of(word);
	own(buf) struct buf verbs = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(habits); i++)
		if (str_eq(habits[i].word, word))
			return cli_usage(cli, "unknown command '%s' (did you mean '%s'?)", word,
					 habits[i].meant);
	/* "caddis run": a verb without its group. */
	for (const struct command_group *const *g = command_groups; *g; g++) {
		if (command_find((*g)->commands, word))
			buf_addf(&verbs, "%s'%s %s'", verbs.len ? " or " : "", (*g)->name, word);
		names[n++] = (*g)->name;
	}
	if (verbs.len)
		return cli_usage(cli, "there is no '%s' by itself (did you mean %s?)", word,
				 verbs.s);
	for (const struct command *c = top_commands; c->name; c++)
		names[n++] = c->name;
	names[n] = NULL;
	if (!meant || !group_find(meant))
		meant = suggest(word, names);
	if (meant)
		return cli_usage(cli, "unknown command '%s' (did you mean '%s'?)", word, meant);
	return cli_usage(cli, "unknown command '%s'", word);
}

static int help_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct command *c;

	(void)args;
	if (n == 0) {
		help_top(stdout);
		return cli_done(cli, 0);
	}
	c = n == 1 ? command_find(top_commands, operands[0]) : NULL;
	cli->command = NULL;
	cli->group = c ? NULL : group_find(operands[0]);
	if (!c && !cli->group)
		return unknown_group(cli, operands[0]);
	if (n == 1 && cli->group) {
		help_group(stdout, cli->group);
		return cli_done(cli, 0);
	}
	if (cli->group)
		c = command_find(cli->group->commands, operands[1]);
	if (!c)
		return unknown_verb(cli, operands[1]);
	help_command(stdout, cli->group, c);
	return cli_done(cli, 0);
}

/* Operands against the command's row: 0, or the status of the complaint. */
static int check_operands(struct cli *cli, const struct opt_result *r)
{
	const struct command *c = cli->command;
	bool none = c->max == 0 && c->min == 0 &&
		    (!str_some(c->args) || str_eq(c->args, "[OPTION...]"));

	if (r->n < c->min)
		return cli_usage(cli, "too few arguments: expected %s", c->args);
	if (none && r->n)
		return cli_usage(cli, "unexpected argument '%s'", r->operands[0]);
	if (c->max && r->n > c->max)
		return cli_usage(cli, "unexpected argument '%s'", r->operands[c->max]);
	return 0;
}

static int run_with_store(struct cli *cli, const void *args, const struct opt_result *r)
{
	struct err e = { 0 };
	int status;

	if (!(cli->command->flags & NEED_STORE))
		return cli->command->run(cli, args, r->operands, r->n);
	if (store_open(cli->root, cli->state, cli->lock_timeout, &cli->store, &e) < 0)
		return cli_error(cli, &e);
	cli->store.release = pod_release;
	image_layers_in_use = pod_layers_in_use;
	image_layers_running = pod_layers_running;
	status = cli->command->run(cli, args, r->operands, r->n);
	store_close(&cli->store);
	return status;
}

/* lib/network reads these from the environment, as other programs that run CNI plugins do. */
static int set_cni(struct cli *cli, const struct globals *g)
{
	char seconds[24];

	if (g->cni_conf_dir && g->cni_conf_dir[0] != '/')
		return cli_usage(cli, "--cni-conf-dir %.200s: must be an absolute path",
				 g->cni_conf_dir);
	if (g->cni_bin_dir && g->cni_bin_dir[0] != '/')
		return cli_usage(cli, "--cni-bin-dir %.200s: must be an absolute path",
				 g->cni_bin_dir);
	if (g->cni_timeout.set && (g->cni_timeout.v < 1 || g->cni_timeout.v > 3600))
		return cli_usage(cli, "--cni-timeout %lld: expected 1 to 3600 seconds",
				 (long long)g->cni_timeout.v);
	snprintf(seconds, sizeof(seconds), "%lld", (long long)g->cni_timeout.v);
	if ((g->cni_conf_dir && setenv("NETCONFPATH", g->cni_conf_dir, 1) < 0) ||
	    (g->cni_bin_dir && setenv("CNI_PATH", g->cni_bin_dir, 1) < 0) ||
	    (g->cni_timeout.set && setenv("CADDIS_CNI_TIMEOUT", seconds, 1) < 0))
		abort(); /* out of memory */
	return 0;
}

static int set_globals(struct cli *cli, const struct globals *g)
{
	if (g->lock_timeout.set && (g->lock_timeout.v < -1 || g->lock_timeout.v > INT32_MAX))
		return cli_usage(cli, "--lock-timeout: expected seconds or -1, found \"%lld\"",
				 (long long)g->lock_timeout.v);
	/* Of a variable that is not set, in a script; not to be taken for the default. */
	if ((g->root && !*g->root) || (g->state && !*g->state))
		return cli_usage(cli, "--%s is empty: expected a directory",
				 g->root && !*g->root ? "root" : "state");
	cli->root = g->root;
	cli->state = g->state;
	cli->lock_timeout = g->lock_timeout.set ? (int)g->lock_timeout.v : LOCK_TIMEOUT_DEFAULT;
	return set_cni(cli, g);
}

/* The operand at which options end; 0: none. */
static size_t stop_at(const struct command *c)
{
	return c->flags & STOP_AT_OPERAND ? 1 : c->flags & STOP_AT_SECOND ? 2 : 0;
}

static int protect(const struct command *c, const void *args, char **argv, struct err *e)
{
	if (!(c->flags & ENTERS_CONTAINER))
		return 0;
	return c->transient && c->transient(args) ? executor_protect_here(argv, e)
						  : executor_protect(argv, e);
}

static struct opt_set globals_set(const struct cli *cli, struct globals *g)
{
	bool own_ones = cli->group && cli->group->own;

	return (struct opt_set){ globals_of(cli->group), own_ones ? cli->own : g };
}

static int begin_command(struct cli *cli, struct globals *g, const void *args, char **argv)
{
	const struct own_line *own_line = cli->group ? cli->group->own : NULL;
	struct err e = { 0 };
	int status = own_line ? 0 : set_globals(cli, g);

	if (status)
		return status;
	if (protect(cli->command, args, argv, &e) < 0)
		return cli_error(cli, &e);
	return own_line && own_line->open && own_line->open(cli, &e) < 0 ? cli_error(cli, &e) : 0;
}

/* words: what follows the verb. */
static int run_command(struct cli *cli, struct globals *g, char **argv, char **words, size_t n)
{
	const struct command *c = cli->command;
	own(str) char *args = xcalloc(1, c->args_size ? c->args_size : 1);
	struct opt_set sets[] = { { c->opts, args }, globals_set(cli, g) };
	own(opt_result) struct opt_result r = { 0 };
	struct err e = { 0 };
	int status;

	if (opt_parse(sets, ARRAY_LEN(sets), stop_at(c), words, n, &r, &e) < 0) {
		status = cli_usage(cli, "%s", e.msg);
	} else if (r.help) {
		help_command(stdout, cli->group, c);
		status = cli_done(cli, 0);
	} else {
		status = check_operands(cli, &r);
		if (!status)
			status = begin_command(cli, g, args, argv);
		if (!status)
			status = run_with_store(cli, args, &r);
	}
	opt_release(&sets[0]);
	return status;
}

/* words: what follows the group. */
static int run_group(struct cli *cli, struct globals *g, char **argv, char **words, size_t n)
{
	const struct own_line *own_line = cli->group->own;
	own(str) char *own_args = xcalloc(1, own_line ? own_line->args_size : 1);
	own(opt_result) struct opt_result r = { 0 };
	struct err e = { 0 };
	int status;

	cli->own = own_args;

	struct opt_set sets[] = { globals_set(cli, g) };

	if (opt_parse(sets, ARRAY_LEN(sets), 1, words, n, &r, &e) < 0)
		return cli_usage(cli, "%s", e.msg);
	if (r.help) {
		help_group(stdout, cli->group);
		return cli_done(cli, 0);
	}
	if (r.n == 0) {
		status = own_line && own_line->bare ? own_line->bare(cli) : -1;
		return status >= 0 ? status : cli_usage(cli, "%s needs a verb", cli->group->name);
	}
	cli->command = command_find(cli->group->commands, r.operands[0]);
	if (!cli->command)
		return unknown_verb(cli, r.operands[0]);
	return run_command(cli, g, argv, r.operands + 1, r.n - 1);
}

static int run_top(struct cli *cli, char **argv, char **words, size_t n)
{
	struct globals g = { 0 };
	struct opt_set sets[] = { { global_opts, &g }, { version_opts, &g } };
	own(opt_result) struct opt_result r = { 0 };
	struct err e = { 0 };

	if (opt_parse(sets, ARRAY_LEN(sets), 1, words, n, &r, &e) < 0)
		return cli_usage(cli, "%s", e.msg);
	if (g.version)
		return version_main(cli, NULL, NULL, 0);
	if (r.help) {
		help_top(stdout);
		return cli_done(cli, 0);
	}
	if (r.n == 0)
		return cli_usage(cli, "which group: sandbox, ctr, image or system?");
	cli->command = command_find(top_commands, r.operands[0]);
	if (!cli->command) {
		cli->group = group_find(r.operands[0]);
		if (!cli->group)
			return unknown_group(cli, r.operands[0]);
		if (cli->group->own && r.operands[0] != words[0])
			return cli_usage(cli, "%s has options of its own: name them after it",
					 cli->group->name);
		return run_group(cli, &g, argv, r.operands + 1, r.n - 1);
	}
	return run_command(cli, &g, argv, r.operands + 1, r.n - 1);
}

static const char *applet_group(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL, *name = slash ? slash + 1 : argv0;

	for (size_t i = 0; i < ARRAY_LEN(applets); i++)
		if (str_eq(applets[i].name, name))
			return applets[i].group;
	return NULL;
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	struct globals g = { 0 };
	const char *group;
	char **words = argv + (argc > 0);
	size_t n = argc > 0 ? (size_t)argc - 1 : 0;

	fd_open_std();
	/* A closed pipe is a failed write, which cli_done() notices. Containers get the default
	 * back. */
	signal(SIGPIPE, SIG_IGN);
	if (n && str_eq(words[0], "--complete")) {
		complete_words(words + 1, n - 1);
		return 0;
	}
	if (n && str_eq(words[0], "--list-options")) {
		list_options(stdout);
		return cli_done(&cli, 0);
	}
	group = applet_group(argc > 0 ? argv[0] : NULL);
	if (!group)
		return run_top(&cli, argv, words, n);
	cli.group = group_find(group);
	return run_group(&cli, &g, argv, words, n);
}
