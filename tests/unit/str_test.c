/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"

#include "unit.h"

TEST(a_decimal_integer_is_read_only_when_it_is_the_whole_text)
{
	static const char *const bad[] = { "",
					   "-",
					   "+1",
					   "-0",
					   "00",
					   "01",
					   " 1",
					   "1 ",
					   "0x1",
					   "1.0",
					   "1k",
					   "--1",
					   "9223372036854775808",
					   "-9223372036854775809" };
	int64_t v = 77;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(str_to_i64(bad[i], INT64_MIN, INT64_MAX, &v) < 0, "\"%s\" was read", bad[i]);
	same_int(v, 77);
	ok(str_to_i64("9223372036854775807", INT64_MIN, INT64_MAX, &v) == 0, "refused");
	ok(v == INT64_MAX, "got %lld", (long long)v);
	ok(str_to_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v) == 0, "refused");
	ok(v == INT64_MIN, "got %lld", (long long)v);
	ok(str_to_i64("0", 0, 0, &v) == 0, "refused");
	same_int(v, 0);
}

TEST(a_word_has_no_blanks_and_no_control_characters)
{
	ok(str_is_word("a.b:c%1"), "refused");
	ok(!str_is_word("") && !str_is_word("a b") && !str_is_word("a\n") && !str_is_word("\x7f"),
	   "taken");
}

TEST(an_integer_outside_the_callers_range_is_refused)
{
	int64_t v;

	ok(str_to_i64("65535", 0, 65535, &v) == 0, "the end of the range was refused");
	ok(str_to_i64("65536", 0, 65535, &v) < 0, "one too many was read");
	ok(str_to_i64("-1", 0, 65535, &v) < 0, "one too few was read");
}

static void size_is(const char *s, int64_t want)
{
	int64_t v = -1;

	ok(str_to_size(s, &v) == 0, "%s was refused", s);
	same_int(v, want);
}

TEST(sizes_count_in_powers_of_1024_with_every_spelling_of_the_unit)
{
	size_is("0", 0);
	size_is("17", 17);
	size_is("17b", 17);
	size_is("2k", 2048);
	size_is("64m", 64 * 1024 * 1024);
	size_is("64MB", 64 * 1024 * 1024);
	size_is("1Gi", 1024 * 1024 * 1024);
	size_is("1giB", 1024 * 1024 * 1024);
	size_is("3T", INT64_C(3) << 40);
	size_is("8388607t", INT64_C(8388607) << 40);
}

TEST(a_size_that_is_negative_or_too_large_or_has_an_unknown_unit_is_refused)
{
	static const char *const bad[] = { "",	   "-1",   "m",	       "1x",
					   "1kk",  "1 k",  "1bb",      "1ib",
					   "1.5m", "1mi1", "8388608t", "9223372036854775808" };
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(str_to_size(bad[i], &v) < 0, "\"%s\" was read", bad[i]);
}

TEST(a_size_is_shown_with_one_decimal_in_the_largest_unit)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = { { 0, "0B" },	   { 1023, "1023B" },	    { 1024, "1.0KiB" },
		     { 1536, "1.5KiB" },   { 12897485, "12.3MiB" }, { INT64_MAX, "7.9EiB" },
		     { -2048, "-2.0KiB" }, { INT64_MIN, "-8.0EiB" } };
	char text[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		str_size_format(rows[i].bytes, text, sizeof(text));
		same_str(text, rows[i].text);
	}
}

static void printed_as(const char *s, size_t len, const char *want)
{
	own(str) char *got = str_printable(s, len);

	same_str(got, want);
}

TEST(what_could_steer_a_terminal_is_printed_as_hexadecimal)
{
	printed_as("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x9b", 17,
		   "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x9b");
	printed_as("\033[31m", 5, "\\x1b[31m");
	printed_as("a\nb\tc\x7f", 6, "a\\x0ab\\x09c\\x7f");
	printed_as("a\0b", 3, "a\\x00b");
	printed_as("\xc2\x9b", 2, "\\xc2\\x9b");	  /* CSI in one character */
	printed_as("\xe2\x80\xae", 3, "\\xe2\\x80\\xae"); /* right-to-left override */
	printed_as("", 0, "");
}

TEST(bytes_that_are_not_utf8_are_printed_as_hexadecimal)
{
	printed_as("\xff", 1, "\\xff");
	printed_as("\xc0\xaf", 2, "\\xc0\\xaf");		   /* overlong '/' */
	printed_as("\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf");	   /* overlong '/' */
	printed_as("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");	   /* a surrogate */
	printed_as("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
	printed_as("\xe2\x82", 2, "\\xe2\\x82");		   /* cut off */
	printed_as("\xe2\x82"
		   "a",
		   3,
		   "\\xe2\\x82"
		   "a");
}

TEST(a_buffer_keeps_everything_and_its_nul)
{
	own(buf) struct buf b = { 0 };
	own(str) char *stolen = NULL;

	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%d,", i);
	same_int(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	same_int(b.s[b.len], 0);
	ok(str_starts(b.s, "0,1,2,") && str_ends(b.s, ",998,999,"), "%s", b.s);
	buf_addn(&b, "\0x", 2);
	same_int(b.s[b.len - 1], 'x');
	stolen = buf_steal(&b);
	ok(b.s == NULL && b.len == 0, "it still holds something");
}

TEST(an_empty_buffer_gives_an_empty_string)
{
	struct buf b = { 0 };
	own(str) char *s = buf_steal(&b);

	same_str(s, "");
}

TEST(a_list_of_strings_ends_with_null_at_every_length)
{
	own(strv) struct strv l = { 0 };

	for (size_t i = 0; i < 40; i++) {
		own(str) char *s = str_fmt("%zu", 40 - i);

		strv_add(&l, s);
		same_int(l.n, i + 1);
		ok(l.v[l.n] == NULL, "length %zu", l.n);
	}
	same_str(l.v[39], "1");
	strv_sort(&l);
	same_str(l.v[0], "1");
	same_str(l.v[1], "10");
	same_str(l.v[39], "9");
	ok(strv_has(&l, "33") && !strv_has(&l, "41"), "wrong answer");
	strv_free(&l);
	ok(l.v == NULL && l.n == 0, "not empty");
}

TEST(splitting_keeps_the_empty_pieces)
{
	own(strv) struct strv l = { 0 };

	strv_split(&l, ",a,,b,", ',');
	same_int(l.n, 5);
	same_str(l.v[0], "");
	same_str(l.v[1], "a");
	same_str(l.v[2], "");
	same_str(l.v[3], "b");
	same_str(l.v[4], "");
}

TEST(a_copied_list_does_not_change_with_its_source)
{
	own(strv) struct strv a = { 0 }, b = { 0 };

	strv_add(&a, "x");
	strv_add(&b, "old");
	strv_copy(&b, &a);
	a.v[0][0] = 'y';
	same_int(b.n, 1);
	same_str(b.v[0], "x");
	strv_copy(&b, &b);
	same_str(b.v[0], "x");
}

TEST(a_map_holds_each_key_once_in_order_of_insertion)
{
	own(strmap) struct strmap m = { 0 }, copy = { 0 };

	strmap_set(&m, "b", "1");
	strmap_set(&m, "a", "2");
	strmap_set(&m, "b", "3");
	same_int(m.n, 2);
	same_str(m.v[0].key, "b");
	same_str(strmap_get(&m, "b"), "3");
	ok(strmap_get(&m, "c") == NULL, "found");
	strmap_copy(&copy, &m);
	strmap_set(&m, "a", "9");
	same_str(strmap_get(&copy, "a"), "2");
}

TEST(a_string_may_be_set_to_a_part_of_itself)
{
	own(str) char *s = xstrdup("abcdef");

	str_set(&s, s + 3);
	same_str(s, "def");
	str_set(&s, NULL);
	ok(s == NULL, "still %s", s);
}

int main(void)
{
	return unit_run();
}
