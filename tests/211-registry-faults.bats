#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# RELIABILITY: REG-1 to REG-34, each against tests/fake: a table of repositories and what becomes of them.

load helpers
load registry

setup() {
	caddis_setup
	start_fake_registry
}

# each < TABLE: lines REPOSITORY|TEXT. With a TEXT the pull fails with one line that has it, and changes nothing;
# without one the image is here afterwards. $OPTIONS go to the pull.
each() {
	local repo text n=0

	while IFS='|' read -r repo text; do
		[ -n "$repo" ] || continue
		n=$((n + 1))
		# shellcheck disable=SC2086
		run --separate-stderr timeout 60 "$CADDIS" image pull -q --retry-delay 10ms ${OPTIONS-} "$FAKE/$repo:1"
		if [ -z "$text" ]; then
			[ "$status" -eq 0 ] || fail "$repo: status $status: $stderr"
			"$CADDIS" image rm "$FAKE/$repo:1" > /dev/null || fail "$repo: is not here"
			continue
		fi
		[ "$status" -eq 1 ] || fail "$repo: status $status, expected 1: $stderr"
		assert_error "$text" || fail "in $repo"
		# What came before the network broke is kept for the next try.
		if [[ $repo == @(truncated|frame.http10cut) ]]; then
			[ -z "$("$CADDIS" image ls -q)" ] || fail "in $repo: it is listed"
			[ -n "$(find "$CADDIS_ROOT/images/blobs/sha256" -name 'part.*')" ] || fail "in $repo: nothing is kept"
			"$CADDIS" image prune 2> /dev/null
		fi
		assert_no_image || fail "in $repo"
	done
	[ "$n" -gt 0 ]
}

# requests_of METHOD TEXT
requests_of() {
	grep -c -E "^$1 .*$2" "$TEST_DIR/requests"
}

@test "REG-1: 429 is waited for as Retry-After says, within reason" {
	local start

	each <<-TABLE
		busy.past
		busy.garbage
		busy.none
	TABLE
	start=$(date +%s%N)
	each <<< "busy.date"
	[ $(($(date +%s%N) - start)) -ge 1000000000 ]
	start=$SECONDS
	OPTIONS="--timeout 5s" each <<< "busy.long|too many requests"
	[ $((SECONDS - start)) -lt 20 ]
	# 99999 s are not waited for, but a minute, and up to a quarter more.
	run_fails 1 image pull --timeout 3s "$FAKE/busy.long:1"
	[[ $stderr =~ "status 429, waiting for "(6|7)[0-9]" s" ]] || fail "$stderr"
}

@test "REG-1: a wait for the registry is told" {
	run_ok image pull "$FAKE/busy:1"
	[[ $stderr == *"note: registry 127.0.0.1:"*": status 429, waiting for 2 s"* ]] || fail "$stderr"
}

@test "REG-2: passing trouble is tried again, an answer that stays is not" {
	local code

	each <<-TABLE
		once.500
		once.502
		once.503
		once.504
		once.408
		once.reset
	TABLE
	each <<-TABLE
		always.501|unexpected status 501
		always.505|unexpected status 505
		always.400|unexpected status 400
		always.403|access denied
		always.404|not found
	TABLE
	for code in 501 505 400 403 404; do
		[ "$(requests_of GET "/always.$code/")" -eq 1 ] || fail "$code: $(requests_of GET "/always.$code/")"
	done
	each <<< "always.503|not available"
	[ "$(requests_of GET /always.503/manifests)" -eq 6 ]
	[ "$(requests_of GET /always.503/blobs)" -eq 0 ]
	OPTIONS="--retry 1" each <<< "always.502|bad gateway"
	[ "$(requests_of GET /always.502/)" -eq 2 ]
}

@test "REG-2: a name that does not resolve is told as one, soon" {
	local start=$SECONDS

	run_fails 1 image pull -q --retry-delay 10ms registry.invalid/a
	assert_error "registry registry.invalid: "
	assert_error "resolve"
	[ $((SECONDS - start)) -lt 20 ]
}

@test "REG-3: a blob that ends early is told with how much of it came" {
	each <<< "truncated|got "
}

@test "REG-6: lengths that cannot be are refused" {
	each <<-TABLE
		length.negative|Content-Length
		length.two|Content-Length
		length.text|Content-Length
		length.short|bytes, not
		length.long|bytes, not
	TABLE
}

@test "REG-7: a stalled connection is given up, and the blob goes on where it was" {
	local start=$SECONDS

	OPTIONS="--stall-timeout 1s" each <<< slow.half
	[ "$(requests_for "bytes=")" -eq 1 ]
	OPTIONS="--stall-timeout 1s --retry 1" each <<< "slow.headers|too slow"
	[ $((SECONDS - start)) -lt 30 ]
}

@test "REG-8: ten redirects of any kind are followed, eleven are not" {
	each <<-TABLE
		moved.301
		moved.302
		moved.303
		moved.307
		moved.308
		hop.10
		hop.11|redirected more than 10 times
	TABLE
}

@test "REG-10: of a range only what was asked for counts" {
	each <<-TABLE
		range.416
		range.total|another part
		range.missing|another part
		range.two|another part
		range.malformed|another part
		range.unit|another part
	TABLE
}

@test "REG-11: a token that expires is renewed once for all, in the middle of a blob too" {
	each <<-TABLE
		token.expires
		token.midblob
	TABLE
	[ "$(requests_of GET /token/token.expires)" -le 3 ] || fail "$(cat "$TEST_DIR/requests")"
	[ "$(requests_for "bytes=")" -ge 1 ]
}

@test "REG-12: tokens in every form; the scope that the registry asks for the second time is asked for once" {
	each <<-TABLE
		token.ok
		token.access
		token.zero
		token.minus
		token.huge
		token.text
		token.future
		token.scope
		token.notoken|no valid token
		token.never|login required
	TABLE
	[ "$(requests_of GET /token/token.scope)" -eq 2 ]
	[ "$(requests_of GET /token/token.never)" -eq 1 ]
	[ "$(requests_of GET /token/token.zero)" -eq 1 ]
}

@test "REG-17: framing of every kind is read or tried again" {
	each <<-TABLE
		frame.chunked
		frame.trailer
		frame.badchunk
		frame.http10
		frame.closed
		frame.http10cut|got 
	TABLE
}

@test "REG-18: an encoded layer is refused" {
	each <<< "encoded.gzip|encoded although we asked for it plain"
}

@test "REG-19: a HEAD that says nothing, or lies, only costs a GET" {
	local variant

	for variant in 404 405 501 said404 none wrong garbage; do
		run_ok image pull -q "$FAKE/head.$variant:1"
		run_ok image pull -q "$FAKE/head.$variant:1"
		[ "$(requests_of GET "/head.$variant/manifests")" -eq 2 ] || fail "$variant"
	done
	[ "$(requests_of GET /blobs/)" -eq 3 ]
}

@test "REG-20: the type is the header's or the body's; what is in doubt is refused" {
	each <<-TABLE
		type.charset
		type.inbody
		type.upper|no media type of images
		type.index|at once
	TABLE
}

@test "REG-21: indexes: the best platform, no attestation, bounded in size and depth" {
	each <<-TABLE
		index.attested
		index.attestedfirst
		index.unmarked
		index.nested
		index.many
		index.empty|available: none
		index.only-attested|available: none
		index.unknown-os|available: plan9/amd64
		index.nested9|indexes within indexes
		index.toomany|entries are too many
		index.wrongsize|its index says 7
	TABLE
	OPTIONS="--platform linux/amd64" each <<< index.variants
}

@test "REG-22: unknown fields are passed over, artifacts and other schemas refused" {
	each <<-TABLE
		schema.unknown
		schema.subject
		schema.three|schemaVersion is not 2
		schema.none|schemaVersion is not 2
		schema.artifacttype|an artifact of type "application/x.thing"
	TABLE
}

@test "REG-23: every form of compression unpacks to the same layers" {
	local variant all=

	for variant in none members zstd skippable; do
		run_ok image pull -q "$FAKE/packed.$variant:1"
		all+="$(find "$CADDIS_ROOT/layers" -name second -exec cat {} +) "
		[ "$(find "$CADDIS_ROOT/layers" -name first -size 640000c | wc -l)" -eq 1 ]
		# The next one is to be unpacked, too.
		run_ok image rm "$FAKE/packed.$variant:1"
	done
	[ "$all" = "2 2 2 2 " ]
}

@test "REG-24: images without layers, with empty ones, with a history that does not fit" {
	each <<-TABLE
		layers.zero
		layers.blocks
		layers.nothing
		layers.history
	TABLE
}

@test "REG-25: 128 and 500 layers are pulled; one layer that is there 50 times is downloaded once" {
	run_ok image pull -q "$FAKE/layers.128:1"
	[ "$(find "$CADDIS_ROOT/layers" -name 'file*' | wc -l)" -eq 128 ]
	run_ok image pull -q "$FAKE/layers.500:1"
	[ "$(find "$CADDIS_ROOT/layers" -name 'file*' | wc -l)" -eq 500 ]
	run_ok image pull -q "$FAKE/layers.50x:1"
	[ "$(requests_of GET /layers.50x/blobs)" -eq 1 ] || fail "$(requests_of GET /layers.50x/blobs)"
}

@test "REG-26: a foreign layer comes from the registry or not at all" {
	each <<-TABLE
		foreign.here
		foreign.gone|not found
	TABLE
}

@test "REG-27: a configuration that is none is refused" {
	each <<-TABLE
		conf.empty|invalid image configuration
		conf.notjson|configuration
		conf.array|configuration
		conf.nodiff|diff
		conf.noos|configuration
		conf.big|larger than 4 MiB
		conf.type|application/x.unknown
	TABLE
}

@test "REG-28: what a descriptor has inside is never believed" {
	each <<-TABLE
		data.right
		data.wrong
		data.long
	TABLE
	run_ok image pull -q "$FAKE/data.wrong:1"
	run_ok image inspect "$FAKE/data.wrong:1"
	[ "$(jq -r '.[0].config.cmd[0]' <<< "$output")" = amd64 ]
}

@test "REG-33: a registry's warnings are shown once, harmless, and not with -q" {
	run_ok image pull "$FAKE/warn.plain:1"
	[ "$(grep -c "^caddis: note: registry $FAKE warns: this image is old\$" <<< "$stderr")" -eq 1 ] || fail "$stderr"
	run_ok image rm "$FAKE/warn.plain:1"
	run_ok image pull "$FAKE/warn.escape:1"
	[[ $stderr == *"warns: red "* && $stderr != *$'\e'* ]] || fail "$stderr"
	run_ok image pull "$FAKE/warn.long:1"
	[ "${#stderr}" -lt 1000 ]
	run_ok image pull "$FAKE/warn.other:1"
	[[ $stderr != *stale* ]]
	run_ok image pull -q "$FAKE/warn.plain:1"
	assert_no_error
}

@test "REG-34: a registry's error is short, harmless and without secrets" {
	each <<-TABLE
		error.huge|access denied (status 403): X: yyy
		error.nested|access denied (status 403)
		error.html|access denied (status 403)
		error.ansi|access denied (status 403)
	TABLE
	for repo in huge nested html ansi; do
		run_fails 1 image pull -q "$FAKE/error.$repo:1"
		[ "${#stderr}" -lt 1000 ]
		[[ $stderr != *$'\e'* && $stderr != *$'\a'* && $stderr != *"secret page"* ]]
	done
	run_fails 1 image pull -q --creds user:secret-pw:1 "$FAKE/error.echo:1"
	assert_error "access denied (status 403): DENIED: GET https://s3/x?"
	[[ $stderr != *abcdef012* && $stderr != *tok12345* && $stderr != *secret-pw* ]] || fail "$stderr"
}
