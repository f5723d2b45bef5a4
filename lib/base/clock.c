/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECONDS_PER_DAY INT64_C(86400)

static int64_t read_clock(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

void clock_format(int64_t ns, char dst[CLOCK_TEXT_SIZE])
{
	int64_t sec = ns / NSEC_PER_SEC, rest = ns % NSEC_PER_SEC;
	time_t t;
	struct tm tm;

	if (rest < 0) {
		rest += NSEC_PER_SEC;
		sec--;
	}
	t = (time_t)sec;
	gmtime_r(&t, &tm); /* 64 bits of nanoseconds end in 2262: four digits always do */
	snprintf(dst, CLOCK_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		 (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_mon + 1,
		 (unsigned)tm.tm_mday, (unsigned)tm.tm_hour, (unsigned)tm.tm_min,
		 (unsigned)tm.tm_sec, (unsigned)rest);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly n digits, moving *s on; -1 when they are not there. */
static int digits(const char **s, int n)
{
	int v = 0;

	for (; n > 0; n--, (*s)++) {
		if (!is_digit(**s))
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

static bool skip(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* ".123" of a unit that is so many ns; digits beyond a nanosecond are dropped. -1: a point without
 * digits. */
static int64_t fraction(const char **s, int64_t unit)
{
	int64_t v = 0, scale = 1;

	if (!skip(s, '.'))
		return 0;
	if (!is_digit(**s))
		return -1;
	for (; is_digit(**s); (*s)++) {
		if (scale < INT64_C(1000000000)) {
			v = v * 10 + (**s - '0');
			scale *= 10;
		}
	}
	/* v and scale below 2^30, unit below 2^42: split so that the product fits. */
	return unit / scale * v + unit % scale * v / scale;
}

/* Days from 1970-01-01 in the Gregorian calendar, by whole eras of 400 years that begin in March.
 */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t in_era = y - era * 400;
	int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static int month_length(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static int to_ns(int64_t sec, int64_t part, int64_t *ns)
{
	int64_t v;

	/* Before 1970 the fraction still counts upwards, so the seconds' product may lie below the
	 * range. */
	if (sec < 0 && part > 0) {
		sec++;
		part -= NSEC_PER_SEC;
	}
	if (__builtin_mul_overflow(sec, NSEC_PER_SEC, &v) || __builtin_add_overflow(v, part, &v))
		return -1;
	*ns = v;
	return 0;
}

/* "Z" or "+hh:mm", in seconds east of Greenwich. */
static int parse_offset(const char **s, int64_t *offset)
{
	int sign, hour, minute;

	*offset = 0;
	if (skip(s, 'Z') || skip(s, 'z'))
		return 0;
	sign = **s == '-' ? -1 : 1;
	if (!skip(s, '+') && !skip(s, '-'))
		return -1;
	hour = digits(s, 2);
	if (hour < 0 || hour > 23 || !skip(s, ':'))
		return -1;
	minute = digits(s, 2);
	if (minute < 0 || minute > 59)
		return -1;
	*offset = sign * (hour * 3600 + minute * 60);
	return 0;
}

static int parse_date(const char **s, int64_t *days)
{
	int year = digits(s, 4), month, day;

	if (year < 0 || !skip(s, '-'))
		return -1;
	month = digits(s, 2);
	if (month < 1 || month > 12 || !skip(s, '-'))
		return -1;
	day = digits(s, 2);
	if (day < 1 || day > month_length(year, month))
		return -1;
	*days = days_of(year, month, day);
	return 0;
}

static int parse_rfc3339(const char *s, int64_t *ns)
{
	int64_t days, part, offset;
	int hour, minute, second;

	if (parse_date(&s, &days) < 0 || (!skip(&s, 'T') && !skip(&s, 't') && !skip(&s, ' ')))
		return -1;
	hour = digits(&s, 2);
	if (hour < 0 || hour > 23 || !skip(&s, ':'))
		return -1;
	minute = digits(&s, 2);
	if (minute < 0 || minute > 59 || !skip(&s, ':'))
		return -1;
	second = digits(&s, 2); /* 60: a leap second, which UTC in Unix time does not have */
	if (second < 0 || second > 60)
		return -1;
	part = fraction(&s, NSEC_PER_SEC);
	if (part < 0 || parse_offset(&s, &offset) < 0 || *s)
		return -1;
	return to_ns(days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset, part,
		     ns);
}

static int whole(const char **s, int64_t *v)
{
	if (!is_digit(**s))
		return -1;
	for (*v = 0; is_digit(**s); (*s)++) {
		if (__builtin_mul_overflow(*v, INT64_C(10), v) ||
		    __builtin_add_overflow(*v, **s - '0', v))
			return -1;
	}
	return 0;
}

static int parse_seconds(const char *s, int64_t *ns)
{
	int64_t sec, part;

	if (whole(&s, &sec) < 0)
		return -1;
	part = fraction(&s, NSEC_PER_SEC);
	return part < 0 || *s ? -1 : to_ns(sec, part, ns);
}

int clock_parse(const char *s, int64_t *ns)
{
	return s[strspn(s, "0123456789")] == '-' ? parse_rfc3339(s, ns) : parse_seconds(s, ns);
}

/* The unit at *s, moving on; 0 when there is none. */
static int64_t duration_unit(const char **s)
{
	/* "ms" before "m"; the micro sign and the Greek letter both are Go's. */
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = { { "ns", 1 },
		      { "us", 1000 },
		      { "\xc2\xb5s", 1000 },
		      { "\xce\xbcs", 1000 },
		      { "ms", 1000000 },
		      { "s", NSEC_PER_SEC },
		      { "m", 60 * NSEC_PER_SEC },
		      { "h", 3600 * NSEC_PER_SEC } };

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strncmp(*s, units[i].name, strlen(units[i].name)) == 0) {
			*s += strlen(units[i].name);
			return units[i].ns;
		}
	}
	return 0;
}

int clock_parse_duration(const char *s, int64_t *ns)
{
	int64_t total = 0;

	if (parse_seconds(s, ns) == 0)
		return 0;
	do {
		const char *point;
		int64_t v, part, unit;

		if (whole(&s, &v) < 0)
			return -1;
		point = s;
		if (fraction(&s, 1) < 0)
			return -1;
		unit = duration_unit(&s);
		part = unit ? fraction(&point, unit) : -1;
		if (part < 0 || __builtin_mul_overflow(v, unit, &v) ||
		    __builtin_add_overflow(v, part, &v) || __builtin_add_overflow(total, v, &total))
			return -1;
	} while (*s);
	*ns = total;
	return 0;
}

void clock_format_ago(int64_t ns, char *dst, size_t size)
{
	static const struct {
		const char *name;
		int64_t sec;
	} units[] = { { "year", 365 * SECONDS_PER_DAY },
		      { "month", 30 * SECONDS_PER_DAY },
		      { "week", 7 * SECONDS_PER_DAY },
		      { "day", SECONDS_PER_DAY },
		      { "hour", 3600 },
		      { "minute", 60 },
		      { "second", 1 } };
	int64_t now = clock_now(), sec;
	bool future = ns > now;

	/* Unsigned: the difference of two times may not fit otherwise. */
	sec = (int64_t)((future ? (uint64_t)ns - (uint64_t)now : (uint64_t)now - (uint64_t)ns) /
			NSEC_PER_SEC);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		int64_t n = sec / units[i].sec;

		/* "8 weeks" up to two months, "23 months" up to two years: one of the larger says
		 * too little. */
		if (n < (i < 3 ? 2 : 1))
			continue;
		snprintf(dst, size, "%s%lld %s%s%s", future ? "in " : "", (long long)n,
			 units[i].name, n == 1 ? "" : "s", future ? "" : " ago");
		return;
	}
	snprintf(dst, size, "just now");
}
