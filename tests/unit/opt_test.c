/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "opt.h"

#include "spec/field.h"
#include "unit.h"

struct args {
	bool tty, interactive;
	const char *name;
	struct optint number;
	struct strv env;
	struct strmap label;
};
struct late {
	const char *root;
};

// clang-format off
static const struct opt opts[] = {
	OPT('t', "tty", NULL, OPT_BOOL, struct args, tty, "terminal"),
	OPT('i', "interactive", NULL, OPT_BOOL, struct args, interactive, "standard input"),
	OPT('n', "name", "NAME", OPT_STR, struct args, name, "name"),
	OPT('c', "count", "N", OPT_INT, struct args, number, "number"),
	OPT('e', "env", "K=V", OPT_LIST, struct args, env, "environment"),
	OPT('l', "label", "K=V", OPT_MAP, struct args, label, "labels"),
	OPT_END,
};
static const struct opt late_opts[] = {
	OPT(0, "root", "DIR", OPT_STR, struct late, root, "root"),
	OPT_END,
};
// clang-format on

static struct args a;
static struct late l;
static struct opt_result r;
static struct err e;

/* Parses the words of one line, which blanks separate. */
static int parse(const char *line, bool stop)
{
	static struct strv words;
	struct opt_set sets[] = { { opts, &a }, { late_opts, &l } };

	opt_release(&sets[0]);
	opt_result_free(&r);
	strv_free(&words);
	a = (struct args){ 0 };
	l = (struct late){ 0 };
	e = (struct err){ 0 };
	strv_split(&words, line, ' ');
	return opt_parse(sets, ARRAY_LEN(sets), stop, words.v, words.n, &r, &e);
}

TEST(short_options_come_in_bundles_and_the_last_takes_a_value)
{
	same_int(parse("-tin web", false), 0);
	ok(a.tty && a.interactive, "tty %d, interactive %d", a.tty, a.interactive);
	same_str(a.name, "web");
	same_int(r.n, 0);
}

TEST(a_value_may_be_glued_to_its_option)
{
	same_int(parse("-nweb --count=5 --name=db=1", false), 0);
	same_str(a.name, "db=1");
	ok(a.number.set, "not set");
	same_int(a.number.v, 5);
}

TEST(a_value_may_look_like_an_option)
{
	same_int(parse("--name --tty -c -7", false), 0);
	same_str(a.name, "--tty");
	same_int(a.number.v, -7);
	ok(!a.tty, "the value was taken for an option");
}

TEST(options_are_found_behind_operands)
{
	same_int(parse("one -t two --root /x", false), 0);
	ok(a.tty, "-t was not seen");
	same_int(r.n, 2);
	same_str(r.operands[1], "two");
	same_str(l.root, "/x");
}

TEST(two_dashes_end_the_options)
{
	same_int(parse("-t -- -i --name", false), 0);
	ok(!a.interactive, "-i was taken for an option");
	same_int(r.n, 2);
	same_str(r.operands[0], "-i");
}

TEST(with_stop_all_words_from_the_first_operand_on_are_operands)
{
	same_int(parse("-t image ls -i -- x", true), 0);
	ok(!a.interactive, "-i was taken for an option");
	same_int(r.n, 5);
	same_str(r.operands[2], "-i");
	same_str(r.operands[3], "--");
}

TEST(with_stop_two_dashes_before_the_first_operand_vanish)
{
	same_int(parse("-- -x y", true), 0);
	same_int(r.n, 2);
	same_str(r.operands[0], "-x");
}

TEST(a_lone_dash_is_an_operand)
{
	same_int(parse("- -t", false), 0);
	same_int(r.n, 1);
	same_str(r.operands[0], "-");
	ok(a.tty, "-t was not seen");
}

TEST(of_a_repeated_scalar_the_last_counts)
{
	same_int(parse("--name a --name b -c 1 -c 2 -t --tty=false", false), 0);
	same_str(a.name, "b");
	same_int(a.number.v, 2);
	ok(!a.tty, "--tty=false was not seen");
}

TEST(lists_keep_all_and_maps_the_last_of_a_key)
{
	same_int(parse("-e A=1 -eB=2 -l k=1 -l k=2 -l empty=", false), 0);
	same_int(a.env.n, 2);
	same_str(a.env.v[1], "B=2");
	same_str(strmap_get(&a.label, "k"), "2");
	same_str(strmap_get(&a.label, "empty"), "");
}

TEST(what_is_wrong_is_named)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "--nmae x", "unknown option --nmae (did you mean --name?)" },
		{ "--zzzzzz", "unknown option --zzzzzz" },
		{ "-x", "unknown option -x" },
		{ "-tx", "unknown option -x" },
		{ "--name", "--name needs a value: --name NAME" },
		{ "-tn", "--name needs a value: --name NAME" },
		{ "--count 1x", "--count: expected an integer, found \"1x\"" },
		{ "--count=", "--count: expected an integer, found \"\"" },
		{ "--count=99999999999999999999",
		  "--count: expected an integer, found \"99999999999999999999\"" },
		{ "--tty=maybe", "--tty: expected true or false, found \"maybe\"" },
		{ "-l k", "--label: expected KEY=VALUE, found \"k\"" },
		{ "-l =v", "--label: expected KEY=VALUE, found \"=v\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		same_int(parse(cases[i].line, false), -1);
		same_int(e.kind, ERR_USAGE);
		same_str(e.msg, cases[i].message);
	}
}

TEST(help_ends_parsing_unless_it_is_a_value)
{
	same_int(parse("-t --help --nonsense", false), 0);
	ok(r.help, "no help");
	same_int(parse("--name --help", false), 0);
	ok(!r.help, "a value was taken for --help");
	same_int(parse("image --help", true), 0);
	ok(!r.help, "an operand was taken for --help");
}

TEST(a_suggestion_is_close_or_it_is_none)
{
	const char *const words[] = { "sandbox", "ctr", "image", NULL };

	same_str(suggest("sandbx", words), "sandbox");
	same_str(suggest("imgae", words), "image");
	same_str(suggest("crt", words), NULL);
	same_str(suggest("im", words), "image");
	same_str(suggest("", words), NULL);
	same_str(suggest("completely-different-and-longer-than-any-word", words), NULL);
}

int main(void)
{
	return unit_run();
}
