/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "base/base64.h"
#include "image/auth.h"
#include "image/auth_challenge.h"
#include "image/registries_toml.h"

/* REG-13: what a server may say, and what is made of it. */
static void chooses(const char *header, const char *second, const char *want)
{
	struct strv l = { 0 };
	struct challenge c;
	own(str) char *got = NULL;
	static const char *const names[] = { "none", "basic", "bearer" };

	strv_add(&l, header);
	if (second)
		strv_add(&l, second);
	challenge_choose(&l, &c);
	got = str_fmt("%s %s %s %s", names[c.scheme], c.realm ? c.realm : "-",
		      c.service ? c.service : "-", c.scope ? c.scope : "-");
	ok(strcmp(got, want) == 0, "%s: got \"%s\", want \"%s\"", header, got, want);
	challenge_free(&c);
	strv_free(&l);
}

TEST(REG_13_challenges_are_parsed_and_bearer_comes_before_basic)
{
	chooses("Basic realm=\"a\"", NULL, "basic a - -");
	chooses("basic realm=a", NULL, "basic a - -");
	chooses("Basic", NULL, "basic - - -");
	chooses("Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a:pull\"", NULL,
		"bearer https://a/t s repository:a:pull");
	chooses("Bearer realm=\"r\" , scope=\"repository:a:pull,push repository:b:pull\"", NULL,
		"bearer r - repository:a:pull,push repository:b:pull");
	chooses("Basic realm=\"a\", Bearer realm=\"b\"", NULL, "bearer b - -");
	chooses("Basic realm=\"a\"", "Bearer realm=\"b\"", "bearer b - -");
	chooses("Bearer realm=\"b\"", "Basic realm=\"a\"", "bearer b - -");
	chooses("Negotiate, Basic realm=\"a\"", NULL, "basic a - -");
	chooses("Negotiate YII+/x==, Basic realm=\"a\"", NULL, "basic a - -");
	chooses("Digest realm=\"d\", qop=\"auth,auth-int\", nonce=\"x\", Basic realm=\"a\"", NULL,
		"basic a - -");
	chooses("Bearer realm=\"a \\\"quoted\\\", word\"", NULL, "bearer a \"quoted\", word - -");
	chooses("Bearer REALM=\"r\",unknown=x", NULL, "bearer r - -");
}

TEST(REG_13_malformed_challenges_are_not_used)
{
	chooses("", NULL, "none - - -");
	chooses("Bearer", NULL, "none - - -");
	chooses("Bearer service=\"s\"", NULL, "none - - -");
	chooses("Bearer realm=\"open", NULL, "none - - -");
	chooses("Bearer realm=\"a\\", NULL, "none - - -");
	chooses("Bearer realm=\"a\x01z\"", NULL, "none - - -");
	chooses("Bearer realm=\"a\nX: y\"", NULL, "none - - -");
	chooses("Bearer realm=\"a\",realm=\"b\"", NULL, "none - - -");
	chooses("Bearer realm=\"a\" junk", NULL, "none - - -");
	chooses("Bearer realm=", NULL, "none - - -");
	chooses("Digest realm=\"d\"", NULL, "none - - -");
	chooses("Basic realm=\"a\", Bearer realm=\"open", NULL, "basic a - -");
	chooses("@,Basic realm=\"a\"", "Basic realm=\"b\"", "basic b - -");
}

static void splits(const char *text, const char *user, const char *password)
{
	own(auth) struct auth a = { 0 };
	own(buf) struct buf coded = { 0 };

	base64_encode(&coded, text, strlen(text));
	same_int(auth_split(coded.s ? coded.s : "", &a), user ? 0 : -1);
	same_str(a.username ? a.username : "-", user ? user : "-");
	same_str(a.password ? a.password : "-", password ? password : "-");
}

TEST(an_auth_string_is_split_at_the_first_colon)
{
	splits("user:pass", "user", "pass");
	splits("user:pa:ss", "user", "pa:ss");
	splits("user:", "user", "");
	splits("user", NULL, NULL);
	splits(":pass", NULL, NULL);
	splits("", NULL, NULL);
}

TEST(base64_is_RFC_4648s_and_nothing_else)
{
	static const char *const pairs[][2] = {
		{ "", "" },	   { "f", "Zg==" },	     { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" }, { "\xff\xfe", "//4=" },
	};
	static const char *const bad[] = { "Z", "Zg=", "Z===", "Zm9v=", "Zm 8=", "Zm9v\n", "-_-_" };

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		own(buf) struct buf to = { 0 };
		own(buf) struct buf from = { 0 };

		base64_encode(&to, pairs[i][0], strlen(pairs[i][0]));
		same_str(to.s ? to.s : "", pairs[i][1]);
		same_int(base64_decode(&from, pairs[i][1]), 0);
		same_str(from.s ? from.s : "", pairs[i][0]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		own(buf) struct buf from = { 0 };

		ok(base64_decode(&from, bad[i]) < 0, "%s is accepted", bad[i]);
	}
}

static void means(const char *address, const char *server)
{
	own(str) char *got = auth_server(address);

	same_str(got, server);
}

TEST(the_addresses_of_auth_files_mean_registries)
{
	means("reg.io", "reg.io");
	means("reg.io:5000/", "reg.io:5000");
	means("https://reg.io:5000/v2/", "reg.io:5000");
	means("HTTP://reg.io/v1", "reg.io");
	means("https://index.docker.io/v1/", "docker.io");
	means("registry-1.docker.io", "docker.io");
	means("index.docker.io.evil.com", "index.docker.io.evil.com");
	means("reg.io/team/a", "reg.io/team/a");
	means("[::1]:5000", "[::1]:5000");
}

static int on_table(void *ctx, const char *name, bool array, struct err *e)
{
	(void)e;
	buf_addf(ctx, array ? "[[%s]] " : "[%s] ", name);
	return 0;
}

static int on_key(void *ctx, const char *key, const struct toml_value *v, struct err *e)
{
	(void)e;
	buf_addf(ctx, "%s=%s ", key,
		 v->type == TOML_STRING ? v->s
		 : v->type == TOML_BOOL ? (v->b ? "T" : "F")
					: "?");
	return 0;
}

static void reads(const char *toml, const char *want)
{
	own(buf) struct buf got = { 0 };
	struct toml_handler h = { .table = on_table, .key = on_key, .ctx = &got };
	struct err e = { 0 };

	if (toml_parse(toml, &h, &e) < 0)
		buf_addf(&got, "%s", e.msg);
	ok(strstr(got.s ? got.s : "", want) && *want, "%s: got \"%s\", want \"%s\"", toml,
	   got.s ? got.s : "", want);
}

TEST(registries_conf_is_read_as_far_as_it_is_needed)
{
	reads("# c\n[[registry]] # x\nprefix = \"a\\\"b\" # c\nlocation='c\\d'\n",
	      "[[registry]] prefix=a\"b location=c\\d ");
	reads("[[registry.mirror]]\ninsecure=true\n\tblocked = false\r\n",
	      "[[registry.mirror]] insecure=T blocked=F ");
	reads("l = [ \"a]\", # ]\n 'b' ]\nn = 5\n[aliases]\n\"x/y\" = 'z'",
	      "l=? n=? [aliases] x/y=z ");
	reads("a = \"b", "line 1: a string without an end");
	reads("\n\na", "line 3: expected KEY = VALUE");
	reads("a = b", "line 1: a value that is no string");
	reads("a = \"b\" c", "line 1: unexpected text");
	reads("[[a]\n", "line 1: a table's name without its end");
	reads("a = [ 'x'\n", "a list without an end");
	reads("a = \"\"\"x\"\"\"", "several lines");
	reads("a = \"\\q\"", "an escape");
	reads("= 1", "expected a key");
}

int main(void)
{
	return unit_run();
}
