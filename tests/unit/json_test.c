/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include "unit.h"

static void accepted_as(const char *text, const char *want)
{
	struct err e = { 0 };
	own(json) struct json_object *j = json_parse("x", text, strlen(text), &e);
	own(buf) struct buf out = { 0 };

	ok(j != NULL, "%s: %s", text, e.msg);
	if (j) {
		json_print(j, &out);
		same_str(out.s, want);
	}
}

static void refused_for(const char *text, size_t len, const char *reason)
{
	struct err e = { 0 };
	own(json) struct json_object *j = json_parse("x.json", text, len, &e);

	ok(j == NULL, "%s was accepted", text);
	ok(str_starts(e.msg, "x.json:"), "%s: the error does not name the source: %s", text, e.msg);
	ok(!j && strstr(e.msg, reason), "%s: got \"%s\", want \"%s\" in it", text, e.msg, reason);
	same_int(e.kind, ERR_CORRUPT);
}

TEST(every_kind_of_value_is_read)
{
	accepted_as("{\"a\":[1,-2,true,false,null,\"x\\n\"],\"b\":{}}\n ",
		    "{\"a\":[1,-2,true,false,null,\"x\\n\"],\"b\":{}}");
	accepted_as("17", "17");
	accepted_as("\"\\u00e4\"", "\"\xc3\xa4\"");
	accepted_as("[1.5e3]", "[1.5e3]");
	accepted_as("[9223372036854775807,-9223372036854775808,18446744073709551615]",
		    "[9223372036854775807,-9223372036854775808,18446744073709551615]");
	accepted_as("[\"\\\\u0000\",\"a/b:c\",\"{[\"]", "[\"\\\\u0000\",\"a/b:c\",\"{[\"]");
}

TEST(a_member_that_is_there_twice_is_refused_by_name)
{
	const char *twice[] = { "{\"a\":1,\"key\":1,\"key\":1}",
				"[{},{\"x\":{\"key\":1,\"key\":{}}}]",
				"{\"key\":null,\"b\":{\"key\":1},\"key\":null}" };

	for (size_t i = 0; i < ARRAY_LEN(twice); i++)
		refused_for(twice[i], strlen(twice[i]), "\"key\" is there twice");
	refused_for("{\"a\":1,\"\\u0061\":2}", 18, "is there twice");
	refused_for("{\"\":1,\"\":2}", 11, "\"\" is there twice");
	accepted_as("{\"k\":{\"k\":1},\"l\":[{\"k\":1},{\"k\":2}]}",
		    "{\"k\":{\"k\":1},\"l\":[{\"k\":1},{\"k\":2}]}");
}

TEST(text_that_is_not_exactly_one_value_is_refused)
{
	static const char *const bad[] = {
		"",	      "  ",	    "[",	 "[1,2",       "{\"a\":",
		"\"abc",      "tru",	    "{} x",	 "1 2",	       "[1]]",
		"[1,]",	      "{\"a\":1,}", "[,1]",	 "{\"a\" 1}",  "{a:1}",
		"['a']",      "/**/1",	    "[1]//",	 "[nan]",      "[NaN]",
		"[Infinity]", "[TRUE]",	    "[\"\\x\"]", "[\"a\tb\"]", "\xef\xbb\xbf{}",
		"null"
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refused_for(bad[i], strlen(bad[i]), "");
}

TEST(a_malformed_number_is_refused)
{
	static const char *const bad[] = { "[01]",  "[-01]",   "[+1]", "[.5]", "[1.]",
					   "[1e]",  "[1e+]",   "[-]",  "-",    "[--1]",
					   "[0x1]", "[1e5.5]", "[1-2]" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refused_for(bad[i], strlen(bad[i]), "");
}

TEST(a_number_beyond_64_bits_is_refused_rather_than_bent)
{
	static const char *const bad[] = { "18446744073709551616", "[-9223372036854775809]",
					   "1e400", "99999999999999999999999999" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refused_for(bad[i], strlen(bad[i]), "too large");
}

TEST(invalid_utf8_and_nul_are_refused)
{
	refused_for("[\"\xff\"]", 5, "UTF-8");
	refused_for("[\"\xed\xa0\x80\"]", 7, "UTF-8");
	refused_for("[1]\0", 4, "unexpected character");
	refused_for("[\"a\0b\"]", 7, "control character");
	refused_for("[\"a\\u0000\"]", 11, "NUL");
	refused_for("{\"a\\u0000b\":1}", 14, "NUL");
}

TEST(values_nest_64_deep_and_no_deeper)
{
	char text[200];

	for (int depth = 64; depth <= 65; depth++) {
		struct err e = { 0 };
		own(json) struct json_object *j = NULL;

		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		j = json_parse("x", text, 2 * (size_t)depth, &e);
		ok((j != NULL) == (depth == 64), "depth %d: %s", depth, e.msg);
	}
}

TEST(an_error_names_the_line)
{
	refused_for("{\n\"a\": 1,\n\"b\" 2\n}", 17, ":3: ");
}

TEST(a_member_is_found_by_name_and_type)
{
	const char *text = "{\"s\":\"x\",\"i\":1}";
	struct err e;
	own(json) struct json_object *j = json_parse("x", text, strlen(text), &e);

	same_str(json_get_str(j, "s"), "x");
	ok(!json_get_str(j, "i") && !json_get_str(j, "none") && !json_get_str(NULL, "s"), "found");
	ok(json_get(j, "i", json_type_int) && !json_get(j, "i", json_type_string), "wrong type");
}

int main(void)
{
	return unit_run();
}
