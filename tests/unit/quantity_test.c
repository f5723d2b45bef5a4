/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values are those of the documented grammar and its examples. */
#include "base/quantity.h"
#include "unit.h"

static void prints(const char *text, const char *canonical)
{
	struct quantity q;
	char out[QUANTITY_TEXT_SIZE];

	ok(quantity_parse(text, &q) == 0, "%s was refused", text);
	quantity_print(&q, out);
	ok(strcmp(out, canonical) == 0, "%s: got %s, want %s", text, out, canonical);
}

static void same(const char *a, const char *b)
{
	struct quantity x, y;

	ok(quantity_parse(a, &x) == 0, "%s was refused", a);
	ok(quantity_parse(b, &y) == 0, "%s was refused", b);
	ok(x.nanos == y.nanos && x.negative == y.negative, "%s is not %s", a, b);
}

TEST(the_documented_examples_hold)
{
	prints("1.5", "1500m");
	prints("1.5Gi", "1536Mi");
	same("0.1", "100m");
	/* "the following represent roughly the same value": 129M and its spellings */
	same("128974848", "123Mi");
	same("129e6", "129M");
	same("128974848000m", "123Mi");
	same("1e3", "1k");
	same("1000", "1k");
	same("1024", "1Ki");
}

TEST(every_suffix_has_its_power)
{
	static const char *const decimal[] = { "n", "u", "m", "", "k", "M", "G", "T", "P", "E" };
	static const char *const binary[] = { "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	struct quantity q;
	char text[32];
	unsigned __int128 v = 1;

	for (int i = 0; i < 10; i++, v *= 1000) {
		snprintf(text, sizeof(text), "3%s", decimal[i]);
		ok(quantity_parse(text, &q) == 0 && q.nanos == 3 * v, "%s", text);
		prints(text, text);
		snprintf(text, sizeof(text), "3e%d", 3 * i - 9);
		ok(quantity_parse(text, &q) == 0 && q.nanos == 3 * v, "%s", text);
		prints(text, 3 * i == 9 ? "3" : text);
	}
	v = 1000000000;
	for (int i = 0; i < 6; i++) {
		v *= 1024;
		snprintf(text, sizeof(text), "3%s", binary[i]);
		ok(quantity_parse(text, &q) == 0 && q.nanos == 3 * v, "%s", text);
		prints(text, text);
	}
	same("3E", "3e18");
	same("3E3", "3e3");
	same("3E+3", "3000");
	same("3e-3", "3m");
}

TEST(numbers_have_every_documented_form)
{
	same("1.", "1");
	same(".5", "500m");
	same("+1", "1");
	same("007", "7");
	same("0.50", ".5");
	prints("-1.5", "-1500m");
	prints("-0", "0");
	prints("0Ki", "0");
	prints("0e5", "0");
	same("+.5e+1", "5");
}

TEST(the_canonical_form_has_no_fraction_and_the_largest_suffix)
{
	prints("1000", "1k");
	prints("1500", "1500");
	prints("0.001", "1m");
	prints("1000000", "1M");
	prints("1e6", "1e6");
	prints("10e5", "1e6");
	prints("100e3", "100e3");
	prints("12345", "12345");
	prints("1024Ki", "1Mi");
	prints("1000Ki", "1000Ki");
	prints("1025Mi", "1025Mi");
	prints("0.5Ki", "512");
	prints("1.5Ki", "1536");
	prints("0.1Ki", "102400m");
	prints("1000000000000000000", "1E");
	prints("100", "100");
	prints("1e1", "10");
	prints("1000m", "1");
	prints("-2048Ki", "-2Mi");
}

TEST(what_is_too_fine_is_rounded_up)
{
	prints("0.1n", "1n");
	prints("1.0000000001", "1000000001n");
	prints("0.0000000000000000000000000000000000000000000000001", "1n");
	prints("-0.1n", "-1n");
	prints("1e-100", "1e-9"); /* the form is remembered */
	prints("0e-100", "0");
	prints("1.0000000000000000000000000000000000000000", "1");
}

TEST(what_is_too_large_is_capped)
{
	static const char *const large[] = { "9223372036854775808",
					     "10E",
					     "8Ei",
					     "1e19",
					     "1e1000000",
					     "99999999999999999999999999999999999999999",
					     "1000000000000000000000000000000000000000000000000E" };
	struct quantity q;

	for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++) {
		ok(quantity_parse(large[i], &q) == 0 && q.capped, "%s", large[i]);
		ok(quantity_scaled(&q, 0) == INT64_MAX, "%s", large[i]);
	}
	ok(quantity_parse("9223372036854775807", &q) == 0 && !q.capped, "2^63-1");
	prints("9223372036854775807", "9223372036854775807");
	prints("-9223372036854775809", "-9223372036854775807");
	prints("7Ei", "7Ei");
	ok(quantity_parse("0000000000000000000000000000000000000000001", &q) == 0 && !q.capped &&
		   quantity_scaled(&q, 0) == 1,
	   "zeros in front");
}

TEST(what_is_no_quantity_is_refused)
{
	static const char *const bad[] = { "",	  ".",	 "-",	 "+",	  "m",	  "1.1.1", "1 ",
					   " 1",  "1e",	 "1ee3", "1e1.5", "1Kb",  "1K",	   "1ki",
					   "1mi", "1MB", "1g",	 "--1",	  "0x10", "1_0",   "1,5",
					   "Ki",  "1e+", "1em",	 "inf",	  "1\n" };
	struct quantity q;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(quantity_parse(bad[i], &q) < 0, "'%s' was accepted", bad[i]);
}

TEST(scaling_rounds_up)
{
	struct quantity q;

	ok(quantity_parse("1.5", &q) == 0, "refused");
	same_int(quantity_scaled(&q, 0), 2);
	same_int(quantity_scaled(&q, -3), 1500);
	ok(quantity_parse("100u", &q) == 0, "refused");
	same_int(quantity_scaled(&q, -3), 1);
	ok(quantity_parse("-1.5", &q) == 0, "refused");
	same_int(quantity_scaled(&q, 0), -2);
	q = quantity_of(1500, -3, QUANTITY_DECIMAL);
	same_int(quantity_scaled(&q, -3), 1500);
	q = quantity_of(134217728, 0, QUANTITY_BINARY);
	char text[QUANTITY_TEXT_SIZE];

	quantity_print(&q, text);
	same_str(text, "128Mi");
}

int main(void)
{
	return unit_run();
}
