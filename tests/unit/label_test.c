/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/label.h"
#include "unit.h"

TEST(label_keys_follow_kubernetes_rules)
{
	static const char *const good[] = { "a",       "app", "App_1.x-y", "0", "example.com/app",
					    "a-b.c/D", "1/2" };
	static const char *const bad[] = { "",	    "/a",	"a/",	"a/b/c",   "-a",
					   "a-",    "a b",	"_a",	"A.com/x", "a..b/x",
					   ".a/x",  "a./x",	"-a/x", "a-.b/x",  "a.-b/x",
					   "a_b/x", "\xc3\xa4", "a\n" };
	char name[66], prefix[260];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ok(!label_key_check(good[i]), "%s: %s", good[i], label_key_check(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(label_key_check(bad[i]), "%s was accepted", bad[i]);
	memset(name, 'a', 64);
	name[63] = '\0';
	ok(!label_key_check(name), "63 characters");
	name[63] = 'a';
	name[64] = '\0';
	ok(label_key_check(name), "64 characters");
	memset(prefix, 'a', 253);
	strcpy(prefix + 253, "/x");
	ok(!label_key_check(prefix), "253 before the slash");
	memset(prefix, 'a', 254);
	strcpy(prefix + 254, "/x");
	ok(label_key_check(prefix), "254 before the slash");
}

TEST(label_values_follow_kubernetes_rules)
{
	ok(!label_value_check(""), "empty");
	ok(!label_value_check("1.2-3_x"), "plain");
	ok(label_value_check("a/b"), "slash");
	ok(label_value_check("a "), "blank");
	ok(label_value_check("-"), "dash");
}

static void selects(const char *text, const char *matching, const char *others)
{
	own(strv) struct strv all = { 0 };
	struct err e = { 0 };
	own(selector) struct selector s = { 0 };
	struct strmap labels = { 0 };

	/* "a=1,b=2 c=3": sets of labels, blank-separated; "-" is none at all. */
	ok(selector_parse(text, &s, &e) == 0, "%s: %s", text, e.msg);
	for (int want = 0; want < 2; want++) {
		strv_free(&all);
		strv_split(&all, want ? matching : others, ' ');
		for (size_t i = 0; i < all.n; i++) {
			own(strv) struct strv pairs = { 0 };

			if (!*all.v[i])
				continue;
			strv_split(&pairs, all.v[i], ',');
			for (size_t k = 0; k < pairs.n; k++) {
				char *eq = strchr(pairs.v[k], '=');

				if (!eq)
					continue;
				*eq = '\0';
				strmap_set(&labels, pairs.v[k], eq + 1);
			}
			ok(selector_matches(&s, &labels) == want, "'%s' on %s", text, all.v[i]);
			strmap_free(&labels);
		}
	}
}

TEST(every_operator_selects_what_it_says)
{
	selects("", "- a=1", "");
	selects("a=1", "a=1 b=2,a=1", "- a=2 b=1");
	selects("a==1", "a=1", "a=2");
	selects("a!=1", "- a=2 b=1", "a=1");
	selects("a", "a=1 a=", "- b=1");
	selects("!a", "- b=1", "a=1 a=");
	selects("a in (1,2)", "a=1 a=2", "- a=3");
	selects("a notin (1, 2)", "- a=3", "a=1 a=2");
	selects("a in ( 1 , 2 ),b", "a=1,b=x", "a=1 b=x");
	selects("a in ()", "a=", "a=1 -");
	selects("a in (,1)", "a= a=1", "a=2 -");
	selects("a=", "a=", "a=1 -");
	selects("a=,b=2", "a=,b=2", "a=1,b=2");
	selects(" a = 1 , ! b ", "a=1", "a=1,b=2");
	selects("in in (in)", "in=in", "in=1");
	selects("notin", "notin=1", "in=1");
	selects("x.io/a=1", "x.io/a=1", "a=1");
	selects("a\tnotin\t(b)", "-", "a=b");
}

static void refused(const char *text, const char *message)
{
	struct selector s;
	struct err e = { 0 };

	ok(selector_parse(text, &s, &e) < 0, "%s was accepted", text);
	same_str(e.msg, message);
	same_int(e.kind, ERR_USAGE);
	same_int(s.n, 0);
}

TEST(an_error_points_at_the_place)
{
	refused("a=1,", "selector 'a=1,': expected a label's key at column 5, found the end");
	refused(",a", "selector ',a': expected a label's key at column 1, found ','");
	refused("a b",
		"selector 'a b': expected =, ==, !=, in, notin or ',' at column 3, found 'b'");
	refused("a in", "selector 'a in': expected '(' at column 5, found the end");
	refused("a in 1", "selector 'a in 1': expected '(' at column 6, found '1'");
	refused("a in (1", "selector 'a in (1': expected ',' or ')' at column 8, found the end");
	refused("a in (1 2)", "selector 'a in (1 2)': expected ',' or ')' at column 9, found '2'");
	refused("a in (1) b", "selector 'a in (1) b': expected ',' at column 10, found 'b'");
	refused("a!1", "selector 'a!1': expected '=' after '!' at column 3, found '1'");
	refused("!", "selector '!': expected a label's key at column 2, found the end");
	refused("!a=1", "selector '!a=1': expected ',' at column 3, found '='");
	refused("a=b=c", "selector 'a=b=c': expected ',' at column 4, found '='");
	refused("a===1", "selector 'a===1': expected ',' at column 4, found '='");
	refused("a>1",
		"selector 'a>1': expected =, ==, !=, in, notin or ',' at column 2, found '>1'");
	refused("-a=1",
		"selector '-a=1': key '-a' at column 1: expected at most 63 letters, digits, "
		"'-', '_' and '.', with a letter or digit at both ends");
	refused("a=b/c", "selector 'a=b/c': value 'b/c' at column 3: expected at most 63 letters, "
			 "digits, '-', '_' and '.', with a letter or digit at both ends");
}

int main(void)
{
	return unit_run();
}
