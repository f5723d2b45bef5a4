# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Registries for tests: `load registry` after `load helpers`. start_registry of helpers.bash is the real one.

# start_fake_registry [CERT KEY]: tests/fake/registry.py, which misbehaves by the repository's name; sets
# and exports $FAKE to HOST:PORT. What was asked of it is in $TEST_DIR/requests.
start_fake_registry() {
	rm -f "$TEST_DIR/fake.port"
	background python3 "$BATS_TEST_DIRNAME/fake/registry.py" "$TEST_DIR/fake.port" "$TEST_DIR/requests" "$@" \
		> "$TEST_DIR/fake.log" 2>&1
	wait_until 10 test -s "$TEST_DIR/fake.port" || fail "$(cat "$TEST_DIR/fake.log")"
	FAKE=127.0.0.1:$(cat "$TEST_DIR/fake.port")
	export FAKE
}

# start_other [CERT KEY]: a second one; sets and exports $OTHER. To be started first: the first one redirects to it.
start_other() {
	background python3 "$BATS_TEST_DIRNAME/fake/registry.py" "$TEST_DIR/other.port" "$TEST_DIR/other" "$@" \
		> "$TEST_DIR/other.log" 2>&1
	wait_until 10 test -s "$TEST_DIR/other.port" || fail "$(cat "$TEST_DIR/other.log")"
	OTHER=127.0.0.1:$(cat "$TEST_DIR/other.port")
	export OTHER
}

# requests_for TEXT: how many requests had TEXT in them.
requests_for() {
	grep -c -F -e "$1" "$TEST_DIR/requests"
}

# make_certs DIR NAME: a CA (ca.crt) and a certificate (cert.pem, key.pem) that it signed for NAME.
make_certs() {
	mkdir -p "$1"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=test CA" \
		-addext basicConstraints=critical,CA:true \
		-keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$1/key.pem" -out "$1/req.pem" 2>/dev/null
	printf 'subjectAltName=%s\n' "$3" > "$1/ext"
	openssl x509 -req -in "$1/req.pem" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 2 \
		-extfile "$1/ext" -out "$1/cert.pem" 2>/dev/null
}

# oci_image LAYOUT:TAG [COMPRESSION]: an image of three layers, made by umoci.
oci_image() {
	local layout=${1%:*} work=$TEST_DIR/bundle

	[ -d "$layout" ] || umoci init --layout "$layout"
	umoci new --image "$1"
	umoci unpack --image "$1" "$work"
	mkdir -p "$work/rootfs/etc" "$work/rootfs/bin"
	printf 'one\n' > "$work/rootfs/etc/one"
	printf 'gone\n' > "$work/rootfs/etc/gone"
	cp "$(command -v busybox)" "$work/rootfs/bin/busybox"
	umoci repack --refresh-bundle --image "$1" "$work"
	printf 'two\n' > "$work/rootfs/etc/two"
	rm "$work/rootfs/etc/gone"
	umoci repack --refresh-bundle --image "$1" "$work"
	ln -s busybox "$work/rootfs/bin/sh"
	umoci repack --refresh-bundle --image "$1" "$work"
	umoci config --image "$1" --config.cmd /bin/sh --config.env A=b --config.user 1000:1000
	rm -rf "$work"
}

# push LAYOUT:TAG NAME [SKOPEO-OPTION...]: into the registry of start_registry.
push() {
	local from=$1 name=$2

	shift 2
	skopeo copy --quiet --dest-tls-verify=false "$@" "oci:$from" "docker://$REGISTRY/$name"
}

# After a failed pull: nothing is listed, nothing half made is left.
assert_no_image() {
	run_ok image ls -q
	assert_output ""
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ] || fail "left in staging: $(ls -A "$CADDIS_ROOT/staging")"
	[ -z "$(ls -A "$CADDIS_ROOT/layers")" ] || fail "left in layers: $(ls -A "$CADDIS_ROOT/layers")"
	[ -z "$(ls -A "$CADDIS_ROOT/images/blobs/sha256")" ] || fail "left among the blobs"
	[ -z "$(ls -A "$CADDIS_STATE/pulls" 2>/dev/null)" ] || fail "left in pulls"
}
