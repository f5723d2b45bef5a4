/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opt.h - option tables put to work: parsing, usage and help texts, completion. Inside cmd/ only.
 */
#ifndef CADDIS_CMD_OPT_H
#define CADDIS_CMD_OPT_H

#include <stdio.h>

#include "cli.h"

/* A table and the struct that it fills. An earlier set wins over a later one. */
struct opt_set {
	const struct opt *opts; /* NULL: none */
	void *base;
};

struct opt_result {
	char **operands; /* borrowed strings in an array of ours */
	size_t n;
	bool help; /* --help was met: nothing after it counts */
};
void opt_result_free(struct opt_result *r);
OWNED_STRUCT(opt_result, struct opt_result, opt_result_free)

/*
 * Understands -abc, -n5, -n 5, --name v, --name=v and "--". stop: options end at the operand of
 * this number (1: the first; 0: never), and all words from there on are operands. A scalar given
 * twice: the last one wins.
 */
int opt_parse(const struct opt_set *sets, size_t nsets, size_t stop, char **argv, size_t argc,
	      struct opt_result *out, struct err *e);
/* Frees the lists and maps that parsing made. */
void opt_release(const struct opt_set *set);
/* The option that a word such as "-i", "--env" or "--env=A" names, or NULL. */
const struct opt *opt_find(const struct opt_set *sets, size_t nsets, const char *word);

/* Takes no word after it. */
bool opt_is_flag(const struct opt *o);
/* The word among candidates (NULL-terminated) that was most likely meant, or NULL. */
const char *suggest(const char *word, const char *const *candidates);

/* What main.c knows, for help and completion. */
extern const struct command_group *const command_groups[]; /* NULL-terminated */
extern const struct command top_commands[];	     /* "version", "help" */
extern const struct opt global_opts[];
/* The global options of a group's commands; NULL: of caddis. */
const struct opt *globals_of(const struct command_group *g);
/* NULL when there is none such. Hidden ones are found too. */
const struct command_group *group_find(const char *name);
const struct command *command_find(const struct command *commands, const char *name);

void help_top(FILE *f);
void help_group(FILE *f, const struct command_group *g);
void help_command(FILE *f, const struct command_group *g,
		  const struct command *c); /* g: may be NULL */
/* Candidates for the last of words, one per line, a tab and a description after it; then maybe
 * ":file". */
void complete_words(char **words, size_t n);
/* Every group, verb and option, one per line. */
void list_options(FILE *f);
/* Objects by name, for completion; in complete_names.c because it needs the store. */
void complete_names(const char *kind, const char *prefix, const char *root, const char *state,
		    struct strv *out);

#endif
