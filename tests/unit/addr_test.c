/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/addr.h"

#include "base/str.h"
#include "unit.h"

static struct prefix prefix(const char *text)
{
	struct prefix p = { 0 };

	ok(prefix_parse(text, &p) == 0, "%s was refused", text);
	return p;
}

static struct ip ip(const char *text)
{
	struct ip a = { 0 };

	ok(ip_parse(text, &a) == 0, "%s was refused", text);
	return a;
}

static void same_ip(struct ip got, const char *want)
{
	char text[IP_TEXT_SIZE];

	ip_format(&got, text);
	same_str(text, want);
}

TEST(an_address_is_read_only_when_it_is_the_whole_text)
{
	static const char *const bad[] = {
		"",	 "1.2.3",      "1.2.3.4.5", "1.2.3.256", "1.2.3.4/8", " ::1",	  "::1 ",
		"[::1]", "fe80::1%lo", ":::",	    "1::2::3",	 "12345::",   "localhost"
	};
	struct ip a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(ip_parse(bad[i], &a) < 0, "\"%s\" was read", bad[i]);
	same_ip(ip("10.0.0.1"), "10.0.0.1");
	same_ip(ip("FD00:0:0::1"), "fd00::1");
}

TEST(a_prefix_has_a_length_that_fits_its_family)
{
	static const char *const bad[] = {
		"10.0.0.0",    "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/08", "::/129",    "/8",	   "10.0.0.0/8/8"
	};
	struct prefix p;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(prefix_parse(bad[i], &p) < 0, "\"%s\" was read", bad[i]);
	same_int(prefix("0.0.0.0/0").len, 0);
	same_int(prefix("::/128").len, 128);
}

TEST(the_ends_of_a_prefix_are_its_host_bits_all_zero_and_all_one)
{
	static const struct {
		const char *prefix, *first, *last;
	} rows[] = {
		{ "10.1.2.3/16", "10.1.0.0", "10.1.255.255" },
		{ "10.1.2.3/30", "10.1.2.0", "10.1.2.3" },
		{ "10.1.2.3/32", "10.1.2.3", "10.1.2.3" },
		{ "1.2.3.4/0", "0.0.0.0", "255.255.255.255" },
		{ "fd00::1234/120", "fd00::1200", "fd00::12ff" },
		{ "fd00::1/63", "fd00::", "fd00::1:ffff:ffff:ffff:ffff" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p = prefix(rows[i].prefix);

		same_ip(prefix_first(&p), rows[i].first);
		same_ip(prefix_last(&p), rows[i].last);
	}
}

TEST(prefixes_overlap_when_one_holds_the_other)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{ "10.0.0.0/8", "10.1.0.0/16", true },	   { "10.1.0.0/16", "10.0.0.0/8", true },
		{ "10.1.0.0/16", "10.2.0.0/16", false },   { "10.1.0.0/16", "10.1.0.0/16", true },
		{ "10.1.2.0/23", "10.1.3.0/24", true },	   { "10.1.2.0/24", "10.1.3.0/24", false },
		{ "0.0.0.0/0", "10.0.0.0/8", true },	   { "fd00::/48", "fd00:0:0:5::/64", true },
		{ "fd00::/64", "fd00:0:0:1::/64", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix a = prefix(rows[i].a), b = prefix(rows[i].b);

		ok(prefix_overlaps(&a, &b) == rows[i].overlap, "%s, %s", rows[i].a, rows[i].b);
	}
}

TEST(the_nth_address_carries_over_its_bytes)
{
	struct prefix p = prefix("10.1.0.0/16"), six = prefix("fd00::/64");
	struct ip last = ip("10.1.255.255"), all = ip("255.255.255.255");

	same_ip(prefix_nth(&p, 0), "10.1.0.0");
	same_ip(prefix_nth(&p, 255), "10.1.0.255");
	same_ip(prefix_nth(&p, 256), "10.1.1.0");
	same_ip(prefix_nth(&p, 65535), "10.1.255.255");
	same_ip(prefix_nth(&six, 65536), "fd00::1:0");
	same_int(prefix_size(&p), 65536);
	same_int(prefix_size(&six), INT64_C(1) << 32);
	ok(ip_next(&last), "there is one more");
	same_ip(last, "10.2.0.0");
	ok(!ip_next(&all), "there is none after the last");
}

TEST(a_mac_address_is_six_bytes_of_one_interface)
{
	static const char *const bad[] = { "",
					   "02:00:00:00:00",
					   "02:00:00:00:00:0",
					   "02-00-00-00-00-01",
					   "02:00:00:00:00:01:02",
					   "02:00:00:00:00:0g",
					   "01:00:00:00:00:01",
					   "00:00:00:00:00:00",
					   "2:0:0:0:0:1" };
	uint8_t mac[MAC_SIZE];
	char text[MAC_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(mac_parse(bad[i], mac) != NULL, "\"%s\" was read", bad[i]);
	ok(!mac_parse("02:Ab:cD:00:ff:7F", mac), "refused");
	mac_format(mac, text);
	same_str(text, "02:ab:cd:00:ff:7f");
}

int main(void)
{
	return unit_run();
}
