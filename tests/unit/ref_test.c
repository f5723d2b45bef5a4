/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "base/str.h"
#include "image/digest.h"
#include "image/ref.h"

#define D "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void normalises(const char *in, const char *want)
{
	struct ref r;
	struct err e = { 0 };
	own(str) char *got = NULL;

	if (ref_parse(in, &r, &e) < 0) {
		ok(false, "%s is refused: %s", in, e.msg);
		return;
	}
	got = ref_format(&r);
	same_str(got, want);
	ref_free(&r);
}

static void normalises_in(const char *in, const char *before, const char *after)
{
	own(str) char *want = str_fmt("%s%s%s", before, in, after);

	normalises(in, want);
}

static void refuses(const char *in, const char *reason)
{
	struct ref r;
	struct err e = { 0 };
	int ret = ref_parse(in, &r, &e);

	ok(ret < 0, "%.100s is accepted", in);
	if (ret == 0) {
		ref_free(&r);
		return;
	}
	same_int(e.kind, ERR_USAGE);
	ok(strstr(e.msg, reason) != NULL, "%.100s: the reason is \"%s\", not \"%s\"", in, e.msg,
	   reason);
	ok(!r.domain && !r.path && !r.tag && !r.digest, "%.100s leaves something", in);
}

TEST(names_are_normalised_as_docker_and_containerd_do)
{
	normalises("alpine", "docker.io/library/alpine:latest");
	normalises("alpine:3.18", "docker.io/library/alpine:3.18");
	normalises("a/b", "docker.io/a/b:latest");
	normalises("docker.io/alpine", "docker.io/library/alpine:latest");
	normalises("index.docker.io/alpine", "docker.io/library/alpine:latest");
	normalises("docker.io/a/b/c:x", "docker.io/a/b/c:x");
	normalises("reg.io/alpine", "reg.io/alpine:latest");
	normalises("localhost/alpine", "localhost/alpine:latest");
	normalises("localhost:5000/a/b:1", "localhost:5000/a/b:1");
	normalises("reg:5000/a", "reg:5000/a:latest");
	normalises("REG/a", "REG/a:latest");
	normalises("reg-1.x-y.io:65535/a", "reg-1.x-y.io:65535/a:latest");
	normalises("reg:5000", "docker.io/library/reg:5000");
	normalises("127.0.0.1:5000/a@" D, "127.0.0.1:5000/a@" D);
}

TEST(a_digest_wins_over_the_tag_beside_it)
{
	normalises("alpine:3@" D, "docker.io/library/alpine@" D);
	normalises("reg:5000/a:v1@" D, "reg:5000/a@" D);
}

TEST(ipv6_hosts_stand_in_brackets)
{
	normalises("[::1]:5000/a", "[::1]:5000/a:latest");
	normalises("[2001:db8::1]/a:t", "[2001:db8::1]/a:t");
	refuses("[::1/a", "closing ]");
	refuses("[::1%eth0]:5000/a", "not an IPv6 address");
	refuses("[::g]/a", "not an IPv6 address");
	refuses("[::1]x/a", "unexpected text");
	refuses("[::1]:0/a", "port");
}

TEST(separators_stand_only_between_letters)
{
	normalises("a.b_c__d-e--f", "docker.io/library/a.b_c__d-e--f:latest");
	refuses("a..b", "letter or digit");
	refuses("a___b", "letter or digit");
	refuses("a._b", "letter or digit");
	refuses("-a", "letter or digit");
	refuses("a-", "letter or digit");
	refuses("a/", "letter or digit");
	refuses("/a", "letter or digit");
	refuses("a//b", "letter or digit");
	refuses("../a", "not a valid host name");
	refuses("a/../b", "letter or digit");
	refuses("reg.io/", "letter or digit");
}

TEST(upper_case_is_refused_in_paths)
{
	refuses("Alpine", "lower case");
	refuses("reg.io/a/bC", "lower case");
}

TEST(hosts_and_ports_are_checked)
{
	refuses("reg.io:0/a", "port");
	refuses("reg.io:65536/a", "port");
	refuses("reg.io:5x/a", "port");
	refuses("reg.io:/a", "port");
	refuses("-reg.io/a", "host name");
	refuses("reg-.io/a", "host name");
	refuses("reg..io/a", "host name");
	refuses(".io/a", "host name");
	refuses("a b.io/c", "host name");
}

TEST(characters_of_other_scripts_and_of_terminals_are_refused)
{
	refuses("\xd0\xb0lpine", "letter or digit"); /* Cyrillic */
	refuses("alp\x1b[31mine", "repository names do not have");
	refuses("alpine\n", "repository names do not have");
	refuses("alpine:\x1b", "tag");
	refuses("alpine ", "repository names do not have");
	refuses("al%2fpine", "repository names do not have");
}

TEST(tags_are_checked)
{
	char longest[140] = "a:";

	normalises("a:_x.Y-9", "docker.io/library/a:_x.Y-9");
	refuses("a:", "tag is empty");
	refuses("a:.x", "tag does not start");
	refuses("a:-x", "tag does not start");
	refuses("a:b:c", "repository names do not have");
	memset(longest + 2, 'x', 128);
	normalises_in(longest, "docker.io/library/", "");
	longest[130] = 'x';
	refuses(longest, "longer than 128");
}

TEST(only_whole_lower_case_sha256_digests_are_taken)
{
	refuses("a@", "digest is missing");
	refuses("a@:", "invalid digest");
	refuses("a@sha256:", "invalid digest");
	refuses("a@sha256:../../x", "invalid digest");
	refuses("a@sha256:E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"invalid digest");
	refuses("a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
		"invalid digest");
	refuses("a@" D "5", "invalid digest");
	refuses("a@md5:d41d8cd98f00b204e9800998ecf8427e", "invalid digest");
	refuses("a@sha512:cf83e1357eefb8bd", "not supported");
	refuses("a@" D "@" D, "invalid digest");
}

TEST(lengths_are_bounded)
{
	char name[20000];

	memset(name, 'a', sizeof(name));
	name[237] = '\0'; /* with docker.io/library/ 255 in all */
	normalises_in(name, "docker.io/library/", ":latest");
	name[237] = 'a';
	name[238] = '\0';
	refuses(name, "longer than 255");
	name[238] = 'a';
	name[sizeof(name) - 1] = '\0';
	refuses(name, "too long");
	refuses("", "empty");
}

TEST(an_id_is_no_name)
{
	refuses("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "ID");
}

TEST(dockers_hub_is_reached_by_its_own_host)
{
	struct ref r;
	struct err e;

	ok(ref_parse("alpine", &r, &e) == 0, "refused");
	same_str(ref_host(&r), "registry-1.docker.io");
	ref_free(&r);
	ok(ref_parse("reg.io:5000/a", &r, &e) == 0, "refused");
	same_str(ref_host(&r), "reg.io:5000");
	ref_free(&r);
}

TEST(sha256_is_sha256)
{
	struct err e = { 0 };
	char got[DIGEST_SIZE];
	own(digest) struct digest *d = NULL;

	/* The test vectors of FIPS 180-2. */
	ok(digest_of("", 0, got, &e) == 0, "%s", e.msg);
	same_str(got, D);
	ok(digest_of("abc", 3, got, &e) == 0, "%s", e.msg);
	same_str(got, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ok(digest_new(&d, &e) == 0, "%s", e.msg);
	for (int i = 0; i < 1000000; i++)
		digest_update(d, "a", 1);
	digest_final(d, got);
	same_str(got, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
	return unit_run();
}
