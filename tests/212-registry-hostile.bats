#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# RELIABILITY: SEC-I1 to SEC-I9: registries that want our credentials, our files or our memory.

load helpers
load registry

LOGIN="--creds user:secret-pw:1"

setup() {
	caddis_setup
}

# refused < TABLE: lines REPOSITORY|TEXT: the pull fails with one line that has TEXT, and changes nothing.
refused() {
	local repo text n=0

	while IFS='|' read -r repo text; do
		n=$((n + 1))
		# shellcheck disable=SC2086
		run --separate-stderr timeout 60 "$CADDIS" image pull -q --retry-delay 10ms ${OPTIONS-} "$FAKE/$repo:1"
		[ "$status" -eq 1 ] || fail "$repo: status $status, expected 1: $stderr"
		assert_error "$text" || fail "in $repo"
		assert_no_image || fail "in $repo"
	done
	[ "$n" -gt 0 ]
}

# No credentials in the log of the second server.
other_was_told_nothing() {
	[ ! -s "$TEST_DIR/other.auth" ] || fail "$(cat "$TEST_DIR/other.auth")"
}

@test "SEC-I1: what is no sha256 digest is neither asked for nor a file" {
	start_fake_registry
	refused <<-TABLE
		digest.dots|invalid digest
		digest.upper|invalid digest
		digest.short|invalid digest
		digest.long|invalid digest
		digest.md5|digest
		digest.empty|invalid digest
		digest.colon|digest
		digest.plus|digest
		digest.big|digest
		digest.slash|invalid digest
		digest.query|invalid digest
		digest.number|digest
	TABLE
	[ "$(requests_for /blobs/)" -eq 0 ] || fail "$(cat "$TEST_DIR/requests")"
	[ ! -e /tmp/x ]
}

@test "SEC-I2: a document that can be read in two ways is refused, every time" {
	local variant

	start_fake_registry
	for variant in duplicate trailing bom nul deep huge fraction string empty comment single utf16 duplicate deep; do
		refused <<< "json.$variant|invalid manifest"
	done
}

@test "SEC-I4: a login is told to the registry and not to where it redirects; signed URLs are fetched anew" {
	start_other
	start_fake_registry
	# shellcheck disable=SC2086
	run_ok image pull -q $LOGIN --retry-delay 10ms "$FAKE/away.signed:1"
	grep -q 'Basic ' "$TEST_DIR/requests.auth"
	other_was_told_nothing
	# REG-9: cut twice, asked for at the registry's own URL each time
	[ "$(grep -c /signed/ "$TEST_DIR/other")" -ge 5 ] || fail "$(cat "$TEST_DIR/other")"
	[ "$(grep -c 'bytes=' "$TEST_DIR/other")" -eq 2 ]
	[ "$(grep /signed/ "$TEST_DIR/other" | cut -d' ' -f2 | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "SEC-I4: a third host that asks for a login gets none" {
	start_other
	start_fake_registry
	# shellcheck disable=SC2086
	OPTIONS=$LOGIN refused <<< "away.asks|status 401"
	other_was_told_nothing
	[ "$(grep -c /token "$TEST_DIR/other")" -eq 0 ]
}

@test "SEC-I4: back at the registry after a third host the login counts again, and the third saw nothing" {
	start_other
	start_fake_registry
	run --separate-stderr "$CADDIS" image pull -q --creds user:secret-pw:1 --retry 0 "$FAKE/away.back:1"
	grep -q '/signed/back/' "$TEST_DIR/other"
	grep -q 'away.home/blobs' "$TEST_DIR/requests.auth"
	other_was_told_nothing
}

@test "SEC-I4: a redirect with a name and password in its URL is refused" {
	start_other
	start_fake_registry
	OPTIONS=$LOGIN refused <<< "away.user|"
	[ ! -s "$TEST_DIR/other" ]
}

@test "SEC-I5: a token server without TLS is told nothing of a registry with TLS" {
	make_certs "$TEST_DIR/certs" 127.0.0.1 IP:127.0.0.1
	start_other
	start_fake_registry "$TEST_DIR/certs/cert.pem" "$TEST_DIR/certs/key.pem"
	OPTIONS="$LOGIN --cert-dir $TEST_DIR/certs" refused <<-TABLE
		token.plain|speaks no TLS, although the registry does
		token.ftp|neither http nor https
	TABLE
	[ ! -s "$TEST_DIR/other" ] || fail "$(cat "$TEST_DIR/other")"
	OPTIONS="--cert-dir $TEST_DIR/certs" refused <<< "token.plain|speaks no TLS, although the registry does"
	[ ! -s "$TEST_DIR/other" ]
}

@test "SEC-I5: a token server without TLS on another host is told no password" {
	start_fake_registry
	OPTIONS=$LOGIN refused <<< "token.foreign|is on another host and speaks no TLS"
	[ ! -s "$TEST_DIR/requests.auth" ] || fail "$(cat "$TEST_DIR/requests.auth")"
}

@test "SEC-I5: absurd scopes, names in a realm, tokens with line ends and endless replies are refused" {
	start_fake_registry
	refused <<-TABLE
		token.scopes|the scope that it asks for is too long
		token.user|Login denied
		token.crlf|no valid token
		token.endless|larger than 1 MiB
	TABLE
	[ "$(grep -c Injected "$TEST_DIR/requests")" -eq 0 ]
}

# tls_server DIR: the fake registry with the certificate in there.
tls_server() {
	start_fake_registry "$1/cert.pem" "$1/key.pem"
}

@test "SEC-I6, REG-14: expired, self-signed and outdated TLS is refused with its reason" {
	make_certs "$TEST_DIR/certs" 127.0.0.1 IP:127.0.0.1
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -days 2 \
		-keyout "$TEST_DIR/key.pem" -out "$TEST_DIR/cert.pem" 2>/dev/null
	tls_server "$TEST_DIR"
	refused <<< "good|self-signed certificate; put its CA into /etc/caddis/certs.d/$FAKE/ca.crt"
	printf 'subjectAltName=IP:127.0.0.1\n' > "$TEST_DIR/ext"
	openssl x509 -req -in "$TEST_DIR/certs/req.pem" -CA "$TEST_DIR/certs/ca.crt" -CAkey "$TEST_DIR/certs/ca.key" \
		-days -1 -extfile "$TEST_DIR/ext" -out "$TEST_DIR/certs/cert.pem" 2>/dev/null
	tls_server "$TEST_DIR/certs"
	OPTIONS="--cert-dir $TEST_DIR/certs" refused <<< "good|certificate has expired"
	make_certs "$TEST_DIR/certs" 127.0.0.1 IP:127.0.0.1
	FAKE_TLS=1.1 tls_server "$TEST_DIR/certs"
	OPTIONS="--cert-dir $TEST_DIR/certs" refused <<< "good|protocol"
}

@test "REG-2: a TLS handshake that is cut is tried again" {
	make_certs "$TEST_DIR/certs" 127.0.0.1 IP:127.0.0.1
	FAKE_CUT=2 start_fake_registry "$TEST_DIR/certs/cert.pem" "$TEST_DIR/certs/key.pem"
	run_ok image pull -q --retry-delay 10ms --cert-dir "$TEST_DIR/certs" --tls-verify=true "$FAKE/good:1"
}

@test "REG-14: TLS 1.3 alone will do, and a client certificate is shown to those who ask" {
	make_certs "$TEST_DIR/certs" 127.0.0.1 IP:127.0.0.1
	FAKE_TLS=1.3 tls_server "$TEST_DIR/certs"
	run_ok image pull -q --cert-dir "$TEST_DIR/certs" "$FAKE/good:1"
	FAKE_TLS=client FAKE_CA=$TEST_DIR/certs/ca.crt tls_server "$TEST_DIR/certs"
	run_fails 1 image pull -q --cert-dir "$TEST_DIR/certs" --retry 0 "$FAKE/good:1"
	assert_error "registry $FAKE: "
	cp "$TEST_DIR/certs/cert.pem" "$TEST_DIR/certs/client.cert"
	cp "$TEST_DIR/certs/key.pem" "$TEST_DIR/certs/client.key"
	run_ok image pull -q --cert-dir "$TEST_DIR/certs" "$FAKE/good:1"
}

@test "SEC-I6: --tls-verify=false is about the registry, not about where it redirects" {
	make_certs "$TEST_DIR/certs" 127.0.0.1 IP:127.0.0.1
	make_certs "$TEST_DIR/certs2" 127.0.0.1 IP:127.0.0.1
	start_other "$TEST_DIR/certs2/cert.pem" "$TEST_DIR/certs2/key.pem"
	start_fake_registry "$TEST_DIR/certs/cert.pem" "$TEST_DIR/certs/key.pem"
	OPTIONS="$LOGIN --tls-verify=false" refused <<< "away.signed|certificate"
	[ ! -s "$TEST_DIR/other" ]
}

@test "SEC-I7: what never ends is given up, in little memory" {
	local peak

	start_fake_registry
	refused <<-TABLE
		endless.config|bytes
		endless-manifest|larger than 4 MiB
		endless-error|does not end
		endless-headers|header
		token.endless|larger than 1 MiB
	TABLE
	for repo in endless.config endless-manifest endless-error; do
		run bash -c 'exec 3>&-; /usr/bin/env python3 -c "
import resource, subprocess, sys
subprocess.run(sys.argv[1:], capture_output=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)" "$@"' bash "$CADDIS" image pull -q "$FAKE/$repo:1"
		peak=${lines[-1]}
		[ "$peak" -lt $((64 * 1024)) ] || fail "$repo: $peak KiB"
	done
}

@test "SEC-I9: names that look like others are refused, and there is one rule for short ones" {
	local name

	start_fake_registry
	for name in 'а/b' 'reg.io/а' $'a\e[31m' 'a b' '../a' 'reg.io//a' 'reg.io:99999/a' '[::1%eth0]:5000/a' 'https://reg.io/a'; do
		run_fails 2 image pull -q "$name"
		assert_error "invalid image name"
		[[ $stderr != *$'\e'* ]]
	done
	run_fails 1 image pull -q --retry 0 --timeout 5s localhost:1/a
	assert_error "image localhost:1/a: registry localhost:1: "
	# a tag beside a digest does not count, and the digest must be right
	run_fails 1 image pull -q "$FAKE/good:1@sha256:$(printf '0%.0s' {1..64})"
	assert_error "not found"
	assert_no_image
}
