/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * complete.c - "caddis --complete WORD...": what may stand where the last word is. The shells'
 * files in completions/ only pass words in and lines out. Never complains: a shell is in the middle
 * of a line.
 *
 * A line is a candidate, or candidate, tab, description; the line ":file" or ":dir" asks the shell
 * to add files of its own.
 */
#include "opt.h"

#include <string.h>

struct completion {
	const char *prefix; /* the beginning of the word that is being typed */
	const char *root, *state;
};

static void offer(const struct completion *c, const char *lead, const char *word, const char *about)
{
	if (!str_starts(word, c->prefix))
		return;
	if (about)
		printf("%s%s\t%s\n", lead, word, about);
	else
		printf("%s%s\n", lead, word);
}

static void offer_opts(const struct completion *c, const struct opt *opts)
{
	own(str) char *name = NULL;

	for (const struct opt *o = opts; o && o->name; o++) {
		free(name);
		name = str_fmt("--%s", o->name);
		offer(c, "", name, o->help);
	}
}

static void offer_verbs(const struct completion *c, const struct command *commands)
{
	for (; commands && commands->name; commands++)
		if (!(commands->flags & HIDDEN))
			offer(c, "", commands->name, commands->summary);
}

static void offer_groups(const struct completion *c)
{
	for (const struct command_group *const *g = command_groups; *g; g++)
		offer(c, "", (*g)->name, (*g)->summary);
}

/* what: one of a table's complete words. lead: "--name=" when the value is glued to its option. */
static void offer_kind(const struct completion *c, const char *lead, const char *what)
{
	own(strv) struct strv words = { 0 };

	if (!what)
		return;
	if (str_eq(what, "file") || str_eq(what, "dir")) {
		printf(":%s\n", what);
		return;
	}
	if (str_eq(what, "container-path"))
		printf(":file\n"); /* of the host; in a container nothing is looked at */
	if (str_eq(what, "group")) {
		offer_groups(c);
		return;
	}
	if (strchr(what, '|'))
		strv_split(&words, what, '|');
	else
		complete_names(what, c->prefix, c->root, c->state, &words);
	for (size_t i = 0; i < words.n; i++)
		offer(c, lead, words.v[i], NULL);
}

/* The completion of operand number at, from "sandbox,image": the last kind repeats. */
static void offer_operand(const struct completion *c, const struct command *cmd, size_t at)
{
	own(strv) struct strv kinds = { 0 };

	if (!cmd->complete)
		return;
	strv_split(&kinds, cmd->complete, ',');
	if (cmd->max && at >= cmd->max)
		return;
	if (at >= kinds.n && cmd->flags & (STOP_AT_OPERAND | STOP_AT_SECOND))
		return;
	offer_kind(c, "", kinds.v[MIN(at, kinds.n - 1)]);
}

/* What the words before the last one have said. */
struct context {
	const struct command_group *group;
	const struct command *command;
	const struct opt *pending; /* the option whose value comes next */
	size_t operands;	   /* after the verb */
	bool ended;		   /* only operands from here on */
	const char *first;	   /* operand of "help" */
};

static void context_option(struct context *x, struct completion *c, const char *word,
			   const char *next)
{
	struct opt_set sets[] = { { x->command ? x->command->opts : NULL, NULL },
				  { globals_of(x->group), NULL } };
	const struct opt *o = opt_find(sets, ARRAY_LEN(sets), word);
	const char *eq = strchr(word, '='), *value = eq ? eq + 1 : next;

	if (!o || opt_is_flag(o))
		return;
	if (str_eq(o->name, "root"))
		c->root = value;
	else if (str_eq(o->name, "state"))
		c->state = value;
	if (!eq)
		x->pending = o;
}

static void context_word(struct context *x, struct completion *c, const char *word,
			 const char *next)
{
	if (x->pending) {
		x->pending = NULL;
	} else if (!x->ended && str_eq(word, "--")) {
		x->ended = true;
	} else if (!x->ended && word[0] == '-' && word[1]) {
		context_option(x, c, word, next);
	} else if (!x->group && !x->command) {
		x->group = group_find(word);
		x->command = x->group ? NULL : command_find(top_commands, word);
		x->ended = !x->group && !x->command;
	} else if (!x->command) {
		x->command = command_find(x->group->commands, word);
		x->ended = !x->command;
	} else {
		if (x->operands++ == 0)
			x->first = word;
		x->ended = x->ended || x->command->flags & STOP_AT_OPERAND ||
			   (x->operands > 1 && x->command->flags & STOP_AT_SECOND);
	}
}

static void offer_value(const struct completion *c, const struct context *x, const char *word)
{
	struct opt_set sets[] = { { x->command ? x->command->opts : NULL, NULL },
				  { globals_of(x->group), NULL } };
	const struct opt *o = opt_find(sets, ARRAY_LEN(sets), word);
	const char *eq = strchr(word, '=');
	own(str) char *lead = xstrndup(word, (size_t)(eq + 1 - word));
	struct completion value = *c;

	if (!o)
		return;
	value.prefix = eq + 1;
	offer_kind(&value, lead, o->complete ? o->complete : opt_is_flag(o) ? "true|false" : NULL);
}

static void offer_next(const struct completion *c, const struct context *x)
{
	const struct command_group *g;

	if (x->command && str_eq(x->command->complete, "group,verb")) {
		g = x->operands == 1 ? group_find(x->first) : NULL;
		if (x->operands == 0)
			offer_groups(c);
		offer_verbs(c, g ? g->commands : NULL);
	} else if (x->command) {
		offer_operand(c, x->command, x->operands);
	} else if (x->group && !x->ended) {
		offer_verbs(c, x->group->commands);
	} else if (!x->ended) {
		offer_groups(c);
		offer_verbs(c, top_commands);
	}
}

void complete_words(char **words, size_t n)
{
	struct context x = { 0 };
	struct completion c = { .prefix = n ? words[n - 1] : "" };

	for (size_t i = 0; i + 1 < n; i++)
		context_word(&x, &c, words[i], words[i + 1]);
	if (x.pending) {
		offer_kind(&c, "", x.pending->complete);
	} else if (!x.ended && str_starts(c.prefix, "--") && strchr(c.prefix, '=')) {
		offer_value(&c, &x, c.prefix);
	} else if (!x.ended && c.prefix[0] == '-') {
		if (x.command)
			offer_opts(&c, x.command->opts);
		offer_opts(&c, globals_of(x.group));
		offer(&c, "", "--help", "explain");
		if (!x.group && !x.command)
			offer(&c, "", "--version", "print the version");
	} else {
		offer_next(&c, &x);
	}
	fflush(stdout);
}
