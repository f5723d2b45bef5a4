#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Images from a real registry: pull, ls, inspect, tag, rm.

load helpers
load registry

# One layout for all tests of this file: a:1 with three layers, b:1 with one more on top.
setup_file() {
	export TEST_DIR=$BATS_FILE_TMPDIR LAYOUT=$BATS_FILE_TMPDIR/oci

	oci_image "$LAYOUT:a"
	umoci tag --image "$LAYOUT:a" b
	umoci unpack --image "$LAYOUT:b" "$TEST_DIR/b"
	mkdir "$TEST_DIR/b/rootfs/etc/more"
	umoci repack --image "$LAYOUT:b" "$TEST_DIR/b"
	rm -rf "$TEST_DIR/b"
}

setup() {
	caddis_setup
	LAYOUT=$BATS_FILE_TMPDIR/oci
}

blob_count() {
	find "$CADDIS_ROOT/images/blobs/sha256" -type f | wc -l
}

layer_count() {
	find "$CADDIS_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l
}

# tree_of DIR: every entry's name, type, mode, owner, size, link target, and the sums of its files.
tree_of() {
	(cd "$1" && find . -mindepth 1 \( -type d -printf '%P d %m %U:%G\n' \) -o -printf '%P %y %m %U:%G %s %T@ %n %l\n' | sort &&
		find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

# assembled IMAGE: tree_of all its layers together.
assembled() {
	local lower

	lower=$("$CADDIS" image inspect "$1" | jq -r --arg root "$CADDIS_ROOT" \
		'[.[0].layers | reverse[] | $root + "/layers/" + ltrimstr("sha256:") + "/tree"] | join(":")')
	mkdir -p "$TEST_DIR/merged"
	export -f tree_of
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m bash -c 'mount -t overlay overlay -o "lowerdir=$1" "$2" && tree_of "$2"' bash "$lower" "$TEST_DIR/merged"
}

# pulls_whole NAME: pulls it, and compares the tree with umoci's.
pulls_whole() {
	run_ok image pull -q "$1"
	umoci unpack --image "$LAYOUT:a" "$TEST_DIR/want"
	tree_of "$TEST_DIR/want/rootfs" > "$TEST_DIR/want.txt"
	assembled "$1" > "$TEST_DIR/got.txt"
	grep -q '^bin/busybox f 755 0:0 ' "$TEST_DIR/want.txt"
	diff "$TEST_DIR/want.txt" "$TEST_DIR/got.txt" || fail "the trees differ"
}

@test "pull prints the image's ID and ls shows its whole name" {
	local id

	start_registry
	push "$LAYOUT:a" x/a:1
	run_ok image pull "$REGISTRY/x/a:1"
	id=$output
	[[ $id =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$id" = "$(skopeo inspect --config --raw --tls-verify=false "docker://$REGISTRY/x/a:1" | sha256sum | sed 's/^/sha256:/; s/ .*//')" ]
	run_ok image ls -q
	assert_output "$id"
	run_ok image ls --no-headings
	assert_output_has "$REGISTRY/x/a:1  ${id:7:12}"
}

@test "progress goes to standard error, a line for each layer, and -q silences it" {
	start_registry
	push "$LAYOUT:a" x/a:1
	run_ok image pull "$REGISTRY/x/a:1"
	[ "${#lines[@]}" -eq 1 ]
	# shellcheck disable=SC2154 # bats sets it
	[ "$(grep -c '^layer [123] of 3, .*: done$' <<< "$stderr")" -eq 3 ] || fail "$stderr"
	run_ok image rm "$REGISTRY/x/a:1"
	run_ok image pull -q "$REGISTRY/x/a:1"
	assert_no_error
}

@test "an OCI image of gzip layers unpacks to the tree that umoci makes of it" {
	start_registry
	push "$LAYOUT:a" a
	pulls_whole "$REGISTRY/a"
}

@test "an OCI image of zstd layers unpacks to the same tree" {
	start_registry
	skopeo copy --quiet --dest-decompress "oci:$LAYOUT:a" "dir:$TEST_DIR/plain"
	skopeo copy --quiet --format oci --dest-compress-format zstd --dest-tls-verify=false "dir:$TEST_DIR/plain" "docker://$REGISTRY/a"
	[[ $(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a") == *tar+zstd* ]]
	pulls_whole "$REGISTRY/a"
}

@test "an image of uncompressed layers unpacks to the same tree" {
	start_registry
	skopeo copy --quiet --dest-decompress "oci:$LAYOUT:a" "dir:$TEST_DIR/plain"
	skopeo copy --quiet --preserve-digests --dest-tls-verify=false "dir:$TEST_DIR/plain" "docker://$REGISTRY/a"
	[[ $(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a") == *'layer.v1.tar"'* ]]
	pulls_whole "$REGISTRY/a"
}

@test "a Docker schema 2 image unpacks to the same tree" {
	start_registry
	push "$LAYOUT:a" a --format v2s2
	[[ $(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a") == *docker.distribution.manifest.v2+json* ]]
	pulls_whole "$REGISTRY/a"
}

@test "a layer that two images share is stored once, and stays until the second is removed" {
	start_registry
	push "$LAYOUT:a" a
	push "$LAYOUT:b" b
	run_ok image pull -q "$REGISTRY/a"
	[ "$(layer_count) $(blob_count)" = "3 5" ]
	run_ok image pull "$REGISTRY/b"
	[ "$(grep -c ': exists$' <<< "$stderr")" -eq 3 ] || fail "$stderr"
	[ "$(layer_count) $(blob_count)" = "4 8" ]
	run_ok image rm "$REGISTRY/a"
	[ "$(layer_count) $(blob_count)" = "4 6" ]
	run_ok image rm "$REGISTRY/b"
	[ "$(layer_count) $(blob_count)" = "0 0" ]
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
}

@test "skopeo reads the store as an OCI layout" {
	start_registry
	push "$LAYOUT:a" x/a:1
	run_ok image pull -q --sync "$REGISTRY/x/a:1"
	[ "$(skopeo inspect --format '{{.Digest}}' "oci:$CADDIS_ROOT/images:$REGISTRY/x/a:1")" = \
		"$("$CADDIS" image inspect "$REGISTRY/x/a:1" | jq -r '.[0].digest')" ]
	skopeo copy --quiet "oci:$CADDIS_ROOT/images:$REGISTRY/x/a:1" "dir:$TEST_DIR/copy"
	umoci ls --layout "$CADDIS_ROOT/images" | grep -F "$REGISTRY/x/a:1"
}

@test "inspect shows configuration, layers, size and names" {
	start_registry
	push "$LAYOUT:a" x/a:1
	run_ok image pull -q "$REGISTRY/x/a:1"
	run_ok image inspect "$REGISTRY/x/a:1"
	[ "$(jq -c '.[0] | [.os, .config.cmd, .config.env, .config.user, (.layers | length), .names]' <<< "$output")" = \
		"[\"linux\",[\"/bin/sh\"],[\"A=b\"],\"1000:1000\",3,[\"$REGISTRY/x/a:1\"]]" ] || fail "$output"
	[ "$(jq '.[0].size' <<< "$output")" -eq "$(cat "$CADDIS_ROOT"/images/blobs/sha256/* | wc -c)" ]
}

@test "an image is found by name, tag, digest, ID and unique prefix" {
	local id digest key

	start_registry
	push "$LAYOUT:a" x/a:1
	run_ok image pull -q "$REGISTRY/x/a:1"
	id=$output
	digest=$("$CADDIS" image inspect "$id" | jq -r '.[0].digest')
	for key in "$REGISTRY/x/a:1" "$REGISTRY/x/a@$digest" "$REGISTRY/x/a:9@$digest" "$id" "${id#sha256:}" "${id:7:4}" "${id:0:20}"; do
		run_ok image inspect "$key"
		[ "$(jq -r '.[0].id' <<< "$output")" = "$id" ]
	done
	for key in "$REGISTRY/x/a" "$REGISTRY/x/a:2" "$REGISTRY/x/b@$digest" x/a:1 "${id:7:3}"; do
		run_fails 1 image inspect "$key"
		assert_error "image $key: no such image here; pull it with 'caddis image pull $key'"
	done
}

@test "tag gives more names, rm takes them one by one and the image with the last" {
	start_registry
	push "$LAYOUT:a" a
	run_ok image pull -q "$REGISTRY/a"
	id=$output
	run_ok image tag "$REGISTRY/a" one two:2
	run_ok image ls -o name
	assert_output "$REGISTRY/a:latest"$'\n'docker.io/library/one:latest$'\n'docker.io/library/two:2
	run_fails 1 image rm "$id"
	assert_error "it has 3 names"
	run_ok image rm one "$REGISTRY/a"
	assert_output "untagged: docker.io/library/one:latest"$'\n'"untagged: $REGISTRY/a:latest"
	[ "$(layer_count)" -eq 3 ]
	run_ok image rm two:2
	assert_output "untagged: docker.io/library/two:2"$'\n'"deleted: $id"
	[ "$(layer_count) $(blob_count)" = "0 0" ]
	run_fails 1 image rm two:2
	assert_error "image two:2: no such image here"
	run_ok image rm --ignore two:2
}

@test "rm -f by ID removes an image with all its names" {
	start_registry
	push "$LAYOUT:a" a
	run_ok image pull -q "$REGISTRY/a"
	run_ok image tag "$output" one
	run_ok image rm -f "$("$CADDIS" image ls -q | head -n 1)"
	run_ok image ls -q
	assert_output ""
	[ "$(layer_count)" -eq 0 ]
}

@test "a name that moves on leaves its old image without a name" {
	local old new

	start_registry
	push "$LAYOUT:a" a
	run_ok image pull -q "$REGISTRY/a"
	old=$output
	push "$LAYOUT:b" a
	run_ok image pull -q "$REGISTRY/a"
	new=$output
	[ "$old" != "$new" ]
	run_ok image inspect "$REGISTRY/a" "$old"
	[ "$(jq -c '[.[] | [.id, .names]]' <<< "$output")" = "[[\"$new\",[\"$REGISTRY/a:latest\"]],[\"$old\",[]]]" ]
	run_ok image rm "$old"
	assert_output "deleted: $old"
	[ "$(layer_count)" -eq 4 ]
}

@test "ls filters by pattern and shows digests when asked to" {
	start_registry
	push "$LAYOUT:a" x/a:1
	run_ok image pull -q "$REGISTRY/x/a:1"
	run_ok image tag "$output" alpine
	run_ok image ls -o name --filter 'reference=alp*'
	assert_output docker.io/library/alpine:latest
	run_ok image ls -o name --filter 'reference=*/x/a:?'
	assert_output "$REGISTRY/x/a:1"
	run_ok image ls --digests
	assert_output_has "$("$CADDIS" image inspect alpine | jq -r '.[0].digest')"
}

@test "bad names, platforms and options are usage errors and touch nothing" {
	run_fails 2 image pull Alpine
	assert_error "lower case"
	run_fails 2 image pull ''
	run_fails 2 image pull "alpine@sha256:../../x"
	assert_error "invalid digest"
	run_fails 2 image pull --platform a/b/c/d alpine
	assert_error "OS/ARCH"
	run_fails 2 image pull --tls-verify=no alpine
	run_fails 2 image pull --cert-dir "$TEST_DIR/none" 127.0.0.1:1/a
	run_fails 2 image tag
	run_ok image ls -q
	assert_output ""
}

@test "no other program is executed by a pull, and listing loads no library for it" {
	start_registry
	push "$LAYOUT:a" a
	strace -f -qq -e trace=execve -o "$TEST_DIR/trace" "$CADDIS" image pull -q "$REGISTRY/a"
	[ "$(grep -c execve "$TEST_DIR/trace")" -eq 1 ] || fail "$(cat "$TEST_DIR/trace")"
	strace -f -qq -e trace=openat -o "$TEST_DIR/trace" "$CADDIS" image ls -q
	[ "$(grep -c -e libcurl -e libarchive -e libcrypto "$TEST_DIR/trace")" -eq 0 ] || fail "$(grep lib "$TEST_DIR/trace")"
	strace -f -qq -e trace=openat -o "$TEST_DIR/trace" "$CADDIS" image inspect "$REGISTRY/a"
	[ "$(grep -c -e libcurl -e libarchive -e libcrypto "$TEST_DIR/trace")" -eq 0 ] || fail "$(grep lib "$TEST_DIR/trace")"
}

# --- TLS ---

# start_tls_registry NAMES: with a certificate for NAMES (subjectAltName) of the CA in $TEST_DIR/certs.
start_tls_registry() {
	make_certs "$TEST_DIR/certs" test "$1"
	start_registry "  tls:
    certificate: $TEST_DIR/certs/cert.pem
    key: $TEST_DIR/certs/key.pem"
}

@test "a registry with TLS is trusted by the CA in the certificate directory, and only then" {
	start_tls_registry IP:127.0.0.1
	push "$LAYOUT:a" a
	run_fails 1 image pull -q "$REGISTRY/a"
	assert_error "put its CA into /etc/caddis/certs.d/$REGISTRY/ca.crt"
	run_ok image ls -q
	assert_output ""
	run_ok image pull -q --cert-dir "$TEST_DIR/certs" "$REGISTRY/a"
	run_ok image rm "$REGISTRY/a"
	mkdir -p "$TEST_DIR/certs.d/$REGISTRY"
	cp "$TEST_DIR/certs/ca.crt" "$TEST_DIR/certs.d/$REGISTRY/"
	run_ok image pull -q --cert-dir "$TEST_DIR/certs.d" "$REGISTRY/a"
}

@test "a certificate of another CA is refused" {
	start_tls_registry IP:127.0.0.1
	push "$LAYOUT:a" a
	make_certs "$TEST_DIR/other" test IP:127.0.0.1
	run_fails 1 image pull -q --cert-dir "$TEST_DIR/other" "$REGISTRY/a"
	assert_error "certificate"
	run_ok image ls -q
	assert_output ""
}

@test "a certificate for another host is refused" {
	start_tls_registry DNS:other.example
	push "$LAYOUT:a" a
	run_fails 1 image pull -q --cert-dir "$TEST_DIR/certs" "$REGISTRY/a"
	assert_error "127.0.0.1"
	run_ok image ls -q
	assert_output ""
}

@test "with --tls-verify=false any certificate will do" {
	start_tls_registry DNS:other.example
	push "$LAYOUT:a" a
	run_ok image pull -q --tls-verify=false "$REGISTRY/a"
	run_ok image ls -o name
	assert_output "$REGISTRY/a:latest"
}

@test "a client certificate without its key is an error that names the directory" {
	mkdir "$TEST_DIR/half"
	touch "$TEST_DIR/half/client.cert"
	run_fails 1 image pull -q --cert-dir "$TEST_DIR/half" 127.0.0.1:1/a
	assert_error "$TEST_DIR/half has client.cert but no client.key"
}

@test "a redirect from https down to http is refused" {
	make_certs "$TEST_DIR/certs" test IP:127.0.0.1
	start_fake_registry "$TEST_DIR/certs/cert.pem" "$TEST_DIR/certs/key.pem"
	run_ok image pull -q --cert-dir "$TEST_DIR/certs" "$FAKE/good:1"
	run_fails 1 image pull -q --cert-dir "$TEST_DIR/certs" "$FAKE/downgrade:1"
	assert_error "redirected from https to http"
}
