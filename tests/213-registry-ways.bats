#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The ways to a registry: mirrors, blocked and insecure ones, proxies, IPv6, HTTP/2.

load helpers
load registry

setup() {
	caddis_setup
	export CONTAINERS_REGISTRIES_CONF=$TEST_DIR/registries.conf
	: > "$CONTAINERS_REGISTRIES_CONF"
}

# conf < TEXT: the registries.conf of this test.
conf() {
	cat > "$CONTAINERS_REGISTRIES_CONF"
}

# mirrored REPOSITORY [MIRROR-LINE]: pulls reg.invalid/good by way of $FAKE/REPOSITORY, then $OTHER/good.
mirrored() {
	conf <<-TOML
		unqualified-search-registries = ["docker.io"]

		[[registry]]
		prefix = "reg.invalid/good"
		[[registry.mirror]]
		location = "$FAKE/$1"
		${2-}
		[[registry.mirror]]
		location = "$OTHER/good"
	TOML
	run_ok image pull --retry-delay 10ms --stall-timeout 1s reg.invalid/good:1
	[ -n "$(find "$CADDIS_ROOT/layers" -name second)" ]
}

@test "REG-31: a mirror serves, under the image's own name, and is told" {
	start_other
	start_fake_registry
	mirrored good
	[[ $stderr == *"note: served by mirror $FAKE"* ]] || fail "$stderr"
	[ ! -s "$TEST_DIR/other" ]
	run_ok image ls -o name
	assert_output reg.invalid/good:1
}

@test "REG-31: a mirror that has it not, stalls, breaks off or lies is followed by the next" {
	local repo

	start_other
	start_fake_registry
	for repo in always.404 always.500 slow.headers wrong-bytes truncated encoded.gzip; do
		: > "$TEST_DIR/other"
		mirrored "$repo"
		[ -s "$TEST_DIR/other" ] || fail "$repo: the second mirror was not asked"
		[[ $stderr == *"note: "* ]] || fail "$stderr"
		run_ok image rm reg.invalid/good:1
	done
}

@test "REG-31: the registry itself comes last, and mirrors can be for digests only" {
	start_other
	start_fake_registry
	conf <<-TOML
		[[registry]]
		location = "$OTHER"
		[[registry.mirror]]
		location = "$FAKE/always.404"
		[[registry.mirror]]
		location = "$FAKE"
		pull-from-mirror = "digest-only"
	TOML
	run_ok image pull --retry 0 "$OTHER/good:1"
	[[ $stderr == *"note: mirror $FAKE: "*"the next one is asked"*"served by registry $OTHER"* ]] || fail "$stderr"
	[ "$(requests_for /good/)" -eq 1 ] || fail "$(cat "$TEST_DIR/requests")"
}

@test "SEC-I8: given credentials are for the image's registry, not for its mirrors" {
	start_other
	start_fake_registry
	conf <<-TOML
		[[registry]]
		location = "$OTHER"
		[[registry.mirror]]
		location = "$FAKE"
	TOML
	run_ok image pull --creds user:secret-pw:1 --retry 0 "$OTHER/away.home:1"
	[ ! -s "$TEST_DIR/requests.auth" ] || fail "$(cat "$TEST_DIR/requests.auth")"
	grep -q 'Basic' "$TEST_DIR/other.auth"
}

@test "registries.conf: blocked registries, the longest prefix, another location, drop-in files" {
	start_fake_registry
	conf <<-TOML
		[[registry]]
		prefix = "reg.invalid"
		blocked = true
		[[registry]]
		prefix = "reg.invalid/team"
		location = "$FAKE"
	TOML
	run_fails 1 image pull -q reg.invalid/other:1
	assert_error "registry reg.invalid is blocked by registries.conf"
	run_ok image pull -q reg.invalid/team/good:1
	mkdir "$CONTAINERS_REGISTRIES_CONF.d"
	printf '[[registry]]\nprefix = "*.blocked.invalid"\nblocked = true\n' > "$CONTAINERS_REGISTRIES_CONF.d/1.conf"
	run_fails 1 image pull -q a.b.blocked.invalid/other:1
	assert_error "registry a.b.blocked.invalid is blocked"
}

@test "registries.conf: what is wrong in it is told with its line" {
	local text want

	while IFS='|' read -r text want; do
		printf '%b' "$text" | conf
		run_fails 2 image pull -q localhost:1/a
		assert_error "$CONTAINERS_REGISTRIES_CONF: $want"
	done <<-'TABLE'
		[[registry]]\nlocation = x\n|line 2: a value that is no string
		[[registry]]\nblocked = "yes"\n|line 2: blocked: expected true or false
		[[registry.mirror]]\n|[[registry.mirror]] before any [[registry]]
		[registries.insecure]\n|[registries.insecure] is the format of before 2019
	TABLE
	conf <<-TOML
		[[registry]]
		prefix = "localhost:1"
		location = "not a registry"
	TOML
	run_fails 2 image pull -q localhost:1/a
	assert_error 'location "not a registry": not a registry'
}

@test "an insecure registry needs no certificate that counts, unless --tls-verify=true" {
	make_certs "$TEST_DIR/certs" other DNS:other
	start_fake_registry "$TEST_DIR/certs/cert.pem" "$TEST_DIR/certs/key.pem"
	run_fails 1 image pull -q "$FAKE/good:1"
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$FAKE" | conf
	run_ok image pull -q "$FAKE/good:1"
	run_ok image rm "$FAKE/good:1"
	run_fails 1 image pull -q --tls-verify=true "$FAKE/good:1"
	assert_error "certificate"
}

# start_proxy [USER:PASSWORD]: sets $PROXY.
start_proxy() {
	background python3 "$BATS_TEST_DIRNAME/fake/proxy.py" "$TEST_DIR/proxy.port" "$TEST_DIR/proxy" "$@" \
		> "$TEST_DIR/proxy.log" 2>&1
	wait_until 10 test -s "$TEST_DIR/proxy.port" || fail "$(cat "$TEST_DIR/proxy.log")"
	PROXY=127.0.0.1:$(cat "$TEST_DIR/proxy.port")
}

@test "REG-16: proxies as with curl: http_proxy, https_proxy, no_proxy; their credentials stay with them" {
	start_fake_registry
	start_proxy p:proxy-pw
	http_proxy=http://p:proxy-pw@$PROXY run_ok image pull -q --creds user:secret-pw:1 "$FAKE/away.home:1"
	grep -q "^GET http://$FAKE/v2/away.home/" "$TEST_DIR/proxy"
	[ "$(grep -c -i proxy-auth "$TEST_DIR/requests.auth")" -eq 0 ]
	run_ok image rm "$FAKE/away.home:1"
	: > "$TEST_DIR/proxy"
	http_proxy=http://p:proxy-pw@$PROXY no_proxy=127.0.0.0/8 run_ok image pull -q "$FAKE/good:1"
	[ ! -s "$TEST_DIR/proxy" ]
	run_ok image rm "$FAKE/good:1"
	http_proxy=http://p:wrong-pw@$PROXY run_fails 1 image pull -q "$FAKE/good:1"
	assert_error "407"
	[[ $stderr != *wrong-pw* ]]
	http_proxy=http://127.0.0.1:1 run_fails 1 image pull -q --retry-delay 10ms "$FAKE/good:1"
	assert_error "registry $FAKE: "
}

@test "REG-16: through a proxy TLS is the registry's own, and CONNECT has no login" {
	make_certs "$TEST_DIR/certs" 127.0.0.1 IP:127.0.0.1
	start_fake_registry "$TEST_DIR/certs/cert.pem" "$TEST_DIR/certs/key.pem"
	start_proxy
	https_proxy=http://$PROXY run_ok image pull -q --cert-dir "$TEST_DIR/certs" --creds user:secret-pw:1 "$FAKE/away.home:1"
	grep -q "^CONNECT $FAKE" "$TEST_DIR/proxy"
	[ "$(grep -c -i authorization "$TEST_DIR/proxy")" -eq 0 ] || fail "$(cat "$TEST_DIR/proxy")"
}

@test "REG-15: a registry at an IPv6 address" {
	FAKE_HOST=::1 start_fake_registry
	FAKE="[::1]:${FAKE##*:}"
	run_ok image pull -q "$FAKE/good:1"
	run_ok image ls -o name
	assert_output "$FAKE/good:1"
}

@test "REG-15: a dead IPv6 address costs less than three seconds" {
	local out

	# shellcheck disable=SC2016 # for the inner shell
	printf '2001:db8::dead dual\n192.0.2.1 dual\n' > "$TEST_DIR/hosts"
	out=$(unshare -nm bash -ec '
		ip link set lo up
		ip link add dummy0 type veth peer name dummy1
		ip link set dummy0 up
		ip link set dummy1 up
		ip addr add 2001:db8::1/64 dev dummy0 nodad
		ip addr add 192.0.2.1/24 dev dummy0
		mount --bind "$1/hosts" /etc/hosts
		FAKE_HOST=192.0.2.1 python3 "$2/fake/registry.py" "$1/port" "$1/log" > /dev/null 2>&1 &
		server=$!
		trap "kill $server" EXIT
		for _ in {1..200}; do [ -s "$1/port" ] || sleep 0.05; done
		start=$(date +%s%N)
		"$3" image pull -q --tls-verify=false "dual:$(cat "$1/port")/good:1"
		echo $((($(date +%s%N) - start) / 1000000))' bash "$TEST_DIR" "$BATS_TEST_DIRNAME" "$CADDIS" 2>&1) || fail "$out"
	[ "${out##*$'\n'}" -lt 3000 ] || fail "$out"
}

# Serves the image a:1 by HTTP/2, from $TEST_DIR/h2; sets PORT.
start_h2() {
	local root=$TEST_DIR/h2 manifest

	PORT=$((30000 + (RANDOM * 7 + $$) % 10000))
	make_certs "$TEST_DIR/certs" localhost DNS:localhost
	oci_image "$TEST_DIR/oci:a"
	mkdir -p "$root/v2/a/blobs" "$root/v2/a/manifests"
	for blob in "$TEST_DIR"/oci/blobs/sha256/*; do cp "$blob" "$root/v2/a/blobs/sha256:${blob##*/}"; done
	manifest=$(jq -r '.manifests[0].digest' "$TEST_DIR/oci/index.json")
	jq -c '.mediaType = "application/vnd.oci.image.manifest.v1+json"' "$root/v2/a/blobs/$manifest" > "$root/v2/a/manifests/1"
	background nghttpd -v -d "$root" "$PORT" "$@" > "$TEST_DIR/nghttpd.log" 2>&1
	wait_until 10 listening "$PORT" || fail "$(cat "$TEST_DIR/nghttpd.log")"
}

@test "HTTP/2 is spoken where the registry does" {
	start_h2 "$TEST_DIR/certs/key.pem" "$TEST_DIR/certs/cert.pem"
	run_ok image pull -q --cert-dir "$TEST_DIR/certs" "localhost:$PORT/a:1"
	grep -q 'recv HEADERS frame' "$TEST_DIR/nghttpd.log"
	grep -q ':path: /v2/a/manifests/1' "$TEST_DIR/nghttpd.log"
}

@test "REG-17: HTTP/2 streams that are reset or refused, connections that go away, are cut or stand still, are gone on with" {
	local fault

	start_h2 --no-tls
	background python3 "$BATS_TEST_DIRNAME/fake/h2fault.py" "$TEST_DIR/port" "$PORT" "$TEST_DIR/certs/cert.pem" "$TEST_DIR/certs/key.pem"
	wait_until 10 test -s "$TEST_DIR/port"
	PORT=$(cat "$TEST_DIR/port")
	for fault in rst refused goaway drain cut "rst goaway cut" stall; do
		printf '%s\n' $fault > "$TEST_DIR/FAULTS"
		run_ok image pull -q --retry-delay 10ms --stall-timeout 1s --cert-dir "$TEST_DIR/certs" "localhost:$PORT/a:1"
		[ "$(tr '\n' ' ' < "$TEST_DIR/port.done")" = "$fault " ] || fail "$fault: $(cat "$TEST_DIR/port.done")"
		run_ok image verify
		assert_output "localhost:$PORT/a:1: whole"
		run_ok image rm "localhost:$PORT/a:1"
		rm "$TEST_DIR/port.done"
	done
	for fault in {1..40}; do echo rst; done > "$TEST_DIR/FAULTS"
	run_fails 1 image pull -q --retry-delay 10ms --retry 2 --cert-dir "$TEST_DIR/certs" "localhost:$PORT/a:1"
	assert_error "HTTP/2 stream"
	run_ok image ls -q
	assert_output ""
}
