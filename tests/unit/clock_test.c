/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include "unit.h"

static void time_is(const char *text, int64_t sec, int64_t part)
{
	int64_t ns = -7;

	ok(clock_parse(text, &ns) == 0, "%s was refused", text);
	same_int(ns, sec * NSEC_PER_SEC + part);
}

TEST(times_of_every_offset_and_precision_are_read)
{
	time_is("1970-01-01T00:00:00Z", 0, 0);
	time_is("2026-11-23T10:11:12.123456789Z", 1795428672, 123456789);
	time_is("2026-11-23t10:11:12z", 1795428672, 0);
	time_is("2026-11-23 11:11:12.5+01:00", 1795428672, 500000000);
	time_is("2026-11-23T04:41:12.1234567891234-05:30", 1795428672, 123456789);
	time_is("2024-02-29T12:00:00Z", 1709208000, 0);
	time_is("2000-02-29T00:00:00Z", 951782400, 0);
	time_is("1969-12-31T23:59:59.5Z", -1, 500000000);
	time_is("2016-12-31T23:59:60Z", 1483228800, 0); /* a leap second is the next second */
	time_is("1795428672", 1795428672, 0);
	time_is("1795428672.25", 1795428672, 250000000);
}

TEST(a_time_that_does_not_exist_or_does_not_fit_is_refused)
{
	static const char *const bad[] = {
		"",
		"now",
		"-1",
		"2026-11-23",
		"2026-11-23T10:11Z",
		"2026-11-23T10:11:12",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z",
		"2026-01-01T00:00:61Z",
		"2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00+1:00",
		"2026-01-01T00:00:00+24:00",
		"2026-01-01T00:00:00Zx",
		"0001-01-01T00:00:00Z",
		"9999-01-01T00:00:00Z",
		"99999999999999999999",
		"1.",
		"1.5x",
		"26-01-01T00:00:00Z",
	};
	int64_t ns;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(clock_parse(bad[i], &ns) < 0, "\"%s\" was read", bad[i]);
}

TEST(a_time_is_written_so_that_it_reads_back)
{
	static const int64_t times[] = {
		0, 1, -1, -NSEC_PER_SEC, INT64_C(1795428672123456789), INT64_MAX, INT64_MIN
	};
	char text[CLOCK_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		int64_t back = 0;

		clock_format(times[i], text);
		ok(clock_parse(text, &back) == 0, "%s was refused", text);
		same_int(back, times[i]);
	}
	clock_format(INT64_C(1795428672) * NSEC_PER_SEC + 7, text);
	same_str(text, "2026-11-23T10:11:12.000000007Z");
}

static void lasts(const char *text, int64_t want)
{
	int64_t ns = -7;

	ok(clock_parse_duration(text, &ns) == 0, "%s was refused", text);
	same_int(ns, want);
}

TEST(durations_are_gos_or_plain_seconds)
{
	lasts("0", 0);
	lasts("10", 10 * NSEC_PER_SEC);
	lasts("1.5", 1500000000);
	lasts("10s", 10 * NSEC_PER_SEC);
	lasts("1h30m", 5400 * NSEC_PER_SEC);
	lasts("1.5m", 90 * NSEC_PER_SEC);
	lasts("0.1h", 360 * NSEC_PER_SEC);
	lasts("300ms", 300000000);
	lasts("5us", 5000);
	lasts("5\xc2\xb5s", 5000);
	lasts("7ns", 7);
	lasts("1h2m3s4ms5us6ns", INT64_C(3723004005006));
}

TEST(a_duration_that_is_negative_or_malformed_or_too_long_is_refused)
{
	static const char *const bad[] = { "",	  "-1s", "s",	"1x",  "1h30",	     "1.s",
					   ".5s", "1 s", "1sh", "+1s", "9223372037", "2562048h" };
	int64_t ns;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(clock_parse_duration(bad[i], &ns) < 0, "\"%s\" was read", bad[i]);
}

static void ago_is(int64_t seconds, const char *want)
{
	char text[40];

	/* Half a second more: the clock goes on between here and there. */
	clock_format_ago(clock_now() - seconds * NSEC_PER_SEC -
				 (seconds < 0 ? -1 : 1) * NSEC_PER_SEC / 2,
			 text, sizeof(text));
	same_str(text, want);
}

TEST(an_age_is_told_in_the_unit_that_suits_it)
{
	ago_is(0, "just now");
	ago_is(1, "1 second ago");
	ago_is(59, "59 seconds ago");
	ago_is(60, "1 minute ago");
	ago_is(300, "5 minutes ago");
	ago_is(3600, "1 hour ago");
	ago_is(3 * 86400, "3 days ago");
	ago_is(15 * 86400, "2 weeks ago");
	ago_is(90 * 86400, "3 months ago");
	ago_is(INT64_C(800) * 86400, "2 years ago");
	ago_is(-300, "in 5 minutes");
}

TEST(the_monotonic_clock_does_not_go_back)
{
	int64_t a = clock_monotonic(), b = clock_monotonic();

	ok(a > 0 && b >= a, "%lld then %lld", (long long)a, (long long)b);
}

int main(void)
{
	return unit_run();
}
