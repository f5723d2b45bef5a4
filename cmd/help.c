/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "opt.h"

#include <ctype.h>
#include <string.h>

enum { WIDTH = 80, LEFT_MAX = 30 };

/* "Create a sandbox." from "create a sandbox". */
static void sentence(FILE *f, const char *summary)
{
	fprintf(f, "%c%s.\n", toupper((unsigned char)summary[0]), summary + 1);
}

/* One row: left column, then text wrapped to the right of it. left counts from column 2. */
static void row(FILE *f, const char *left, int column, const char *text)
{
	int at = fprintf(f, "  %s", left);
	bool first = true;

	if (at > column - 2) {
		fprintf(f, "\n");
		at = 0;
	}
	at += fprintf(f, "%*s", column - at, "");
	for (const char *p = text; *p;) {
		int n = (int)strcspn(p, " ");

		if (!first && at + 1 + n > WIDTH - 1) {
			fprintf(f, "\n%*s", column, "");
			at = column;
			first = true;
		}
		at += fprintf(f, "%s%.*s", first ? "" : " ", n, p);
		first = false;
		p += n;
		p += strspn(p, " ");
	}
	fprintf(f, "\n");
}

/* "-e, --env KEY=VALUE" */
static char *opt_left(const struct opt *o)
{
	struct buf b = { 0 };

	if (o->short_name)
		buf_addf(&b, "-%c, ", o->short_name);
	else
		buf_add(&b, "    ");
	buf_addf(&b, "--%s", o->name);
	if (o->arg)
		buf_addf(&b, " %s", o->arg);
	return buf_steal(&b);
}

static void help_opts(FILE *f, const char *title, const struct opt *opts)
{
	int column = 0;

	fprintf(f, "\n%s:\n", title);
	for (const struct opt *o = opts; o->name; o++) {
		own(str) char *left = opt_left(o);
		int len = (int)strlen(left);

		if (len <= LEFT_MAX)
			column = MAX(column, len);
	}
	for (const struct opt *o = opts; o->name; o++) {
		own(str) char *left = opt_left(o);

		row(f, left, column + 4, o->help);
	}
}

static void help_commands(FILE *f, const struct command *commands)
{
	int column = 0;

	for (const struct command *c = commands; c->name; c++)
		column = MAX(column, (int)strlen(c->name));
	for (const struct command *c = commands; c->name; c++)
		if (!(c->flags & HIDDEN))
			row(f, c->name, column + 4, c->summary);
}

void help_top(FILE *f)
{
	int column = 0;

	fprintf(f, "Usage: caddis [OPTION...] GROUP VERB [OPTION...] [ARGUMENT...]\n\n");
	fprintf(f, "Pods and containers from a shell, without a daemon.\n\nGroups:\n");
	for (const struct command_group *const *g = command_groups; *g; g++)
		column = MAX(column, (int)strlen((*g)->name));
	for (const struct command_group *const *g = command_groups; *g; g++)
		row(f, (*g)->name, column + 4, (*g)->summary);
	fprintf(f, "\nOther commands:\n");
	help_commands(f, top_commands);
	help_opts(f, "Global options", global_opts);
	fprintf(f,
		"\n'caddis GROUP --help' lists a group's verbs, 'caddis GROUP VERB --help' tells\n"
		"about one of them; see also caddis(1).\n");
}

void help_group(FILE *f, const struct command_group *g)
{
	fprintf(f, "Usage: caddis %s VERB [OPTION...] [ARGUMENT...]\n\n", g->name);
	sentence(f, g->summary);
	fprintf(f, "\nVerbs:\n");
	help_commands(f, g->commands);
	if (g->own)
		help_opts(f, "Global options", g->own->opts);
	fprintf(f, "\n'caddis %s VERB --help' tells about one of them.\n", g->name);
}

void help_command(FILE *f, const struct command_group *g, const struct command *c)
{
	bool says = c->args && strstr(c->args, "[OPTION...]");

	fprintf(f, "Usage: caddis %s%s%s%s%s%s\n\n", g ? g->name : "", g ? " " : "", c->name,
		c->opts && !says ? " [OPTION...]" : "", str_some(c->args) ? " " : "",
		c->args ? c->args : "");
	sentence(f, c->summary);
	if (c->opts && c->opts->name)
		help_opts(f, "Options", c->opts);
	help_opts(f, "Global options", globals_of(g));
}

static void list_opts(FILE *f, const char *group, const char *verb, const struct opt *opts)
{
	for (const struct opt *o = opts; o && o->name; o++) {
		fprintf(f, "%s %s --%s\n", group, verb, o->name);
		if (o->short_name)
			fprintf(f, "%s %s -%c\n", group, verb, o->short_name);
	}
}

void list_options(FILE *f)
{
	for (const struct command *c = top_commands; c->name; c++) {
		fprintf(f, "caddis %s\n", c->name);
		list_opts(f, "caddis", c->name, c->opts);
	}
	for (const struct opt *o = global_opts; o->name; o++)
		fprintf(f, "caddis --%s\n", o->name);
	for (const struct command_group *const *g = command_groups; *g; g++) {
		for (const struct command *c = (*g)->commands; c->name; c++) {
			if (c->flags & HIDDEN)
				continue;
			fprintf(f, "%s %s\n", (*g)->name, c->name);
			list_opts(f, (*g)->name, c->name, c->opts);
		}
	}
}
