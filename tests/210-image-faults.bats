#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Pulling from registries that lie, break off, or never end.

load helpers
load registry

setup() {
	caddis_setup
	start_fake_registry
}

# refused REPOSITORY TEXT: the pull fails with one line that has TEXT in it, and changes nothing.
refused() {
	run_fails 1 image pull -q "$FAKE/$1:1"
	assert_error "$2"
	assert_error "image $FAKE/$1:1: "
	assert_output ""
	assert_no_image
}

# pulled REPOSITORY: the pull works in spite of everything, and the tree is the right one.
pulled() {
	run_ok image pull -q --sync "$FAKE/$1:1"
	run_ok image ls -o name
	assert_output "$FAKE/$1:1"
	[ "$(cat "$CADDIS_ROOT"/layers/*/tree/second)" = 2 ]
	[ "$(cat "$CADDIS_ROOT"/layers/*/tree/first | wc -c)" -eq 640000 ]
}

# The digests of the layers' blobs of the one image that is here.
blobs_of_layers() {
	"$CADDIS" image inspect --raw "$("$CADDIS" image ls -q)" | jq -r '.layers[].digest'
}

@test "a well-behaved registry serves the image that the others are measured by" {
	pulled good
}

@test "an image that is here and unchanged costs one HEAD request" {
	pulled good
	: > "$TEST_DIR/requests"
	run_ok image pull "$FAKE/good:1"
	[ "$(cat "$TEST_DIR/requests")" = "HEAD /v2/good/manifests/1 " ] || fail "$(cat "$TEST_DIR/requests")"
	assert_no_error
}

@test "an image that is here is not asked for again when it is named by digest" {
	local digest

	pulled good
	digest=$("$CADDIS" image inspect "$FAKE/good:1" | jq -r '.[0].digest')
	run_ok image pull -q "$FAKE/good@$digest"
	: > "$TEST_DIR/requests"
	run_ok image pull -q "$FAKE/good@$digest"
	[ ! -s "$TEST_DIR/requests" ]
}

@test "a blob of wrong bytes and the right length is refused" {
	refused wrong-bytes "digest mismatch"
}

@test "a blob that is no gzip at all is told as what it is, a digest that does not match" {
	refused not-gzip "digest mismatch"
}

@test "a blob that was wrong once is asked for a second time" {
	pulled wrong-bytes-once
}

@test "a blob that always breaks off is refused, and what came of it kept until something is collected" {
	run_fails 1 image pull -q "$FAKE/truncated:1"
	assert_error "image $FAKE/truncated:1: blob sha256:"
	run_ok image ls -q
	assert_output ""
	[ -n "$(find "$CADDIS_ROOT/images/blobs/sha256" -name 'part.*' -size +200k)" ]
	run_ok image prune
	assert_no_image
}

@test "a blob that breaks off is resumed where it was cut" {
	pulled cut-twice
	[ "$(requests_for 'bytes=')" -eq 2 ] || fail "$(cat "$TEST_DIR/requests")"
}

@test "a blob that breaks off at a server without ranges is read again from the start" {
	pulled cut-no-range
}

@test "another part of the blob than was asked for is refused" {
	refused wrong-range "another part"
}

@test "a blob that is longer than its manifest says is refused" {
	refused too-long "longer than"
}

@test "a blob of announced length that does not fit the manifest is refused" {
	refused smaller-size "bytes, not"
}

@test "a blob that never ends is given up at its size" {
	refused endless-blob "longer than"
}

@test "a blob without a Content-Length is taken when size and digest are right" {
	pulled no-length
}

@test "a manifest that never ends is given up at 4 MiB" {
	refused endless-manifest "larger than 4 MiB"
}

@test "an error message that never ends is given up" {
	refused endless-error "does not end"
}

@test "headers that never end are given up" {
	run_fails 1 image pull -q "$FAKE/endless-headers:1"
	assert_error "header"
	assert_no_image
}

@test "a manifest that is served as text and does not say what it is, is refused" {
	refused wrong-type "no media type of images"
}

@test "a manifest without any type is refused" {
	refused no-type "no media type of images"
}

@test "a document that is index and manifest at once is refused" {
	refused both "at once"
}

@test "a manifest that says it is an index is refused" {
	refused body-says-index "served as"
}

@test "a manifest of schema 1 is refused by its name" {
	refused schema1 "schema 1"
}

@test "an artifact that is no image is refused by its type" {
	refused artifact "application/vnd.example.thing+json"
}

@test "an encoded manifest is refused" {
	refused encoded "encoded"
}

@test "digests that are no sha256 digests are refused, and never asked for" {
	refused upper-digest "invalid digest"
	refused path-digest "invalid digest"
	refused short-digest "invalid digest"
	refused config-digest "invalid digest"
	refused sha512-digest "not supported"
	[ "$(requests_for /blobs/)" -eq 0 ] || fail "$(cat "$TEST_DIR/requests")"
	[ "$(requests_for passwd)" -eq 0 ]
}

@test "a negative size is refused" {
	refused negative-size "impossible size"
}

@test "a layer that unpacks to something else than its configuration says is refused" {
	refused wrong-diff-id "diff ID mismatch"
}

@test "a configuration with fewer diff IDs than layers is refused" {
	refused few-diff-ids "2 layers but 1 diff IDs"
}

@test "pulling by digest takes no other bytes" {
	local digest=sha256:0123456789012345678901234567890123456789012345678901234567890123

	run_fails 1 image pull -q "$FAKE/wrong-manifest@$digest"
	assert_error "digest mismatch: asked for manifest $digest"
	assert_no_image
}

@test "redirects of blobs are followed" {
	pulled redirect
}

@test "redirects in a circle come to an end" {
	refused redirect-loop "redirected more than 10 times"
	[ "$(wc -l < "$TEST_DIR/requests")" -eq 11 ]
}

@test "redirects to other protocols are refused" {
	refused redirect-file "neither http nor https"
	refused redirect-ftp "neither http nor https"
}

@test "503 is tried again" {
	pulled flaky
}

@test "429 is tried again after the time that the registry asks for" {
	local start=$SECONDS

	run_ok image pull -q "$FAKE/busy:1"
	[ $((SECONDS - start)) -ge 2 ]
}

@test "a registry's words reach the terminal short and harmless" {
	run_fails 1 image pull -q "$FAKE/refused:1"
	assert_error "access denied (status 403): DENIED: not"
	# shellcheck disable=SC2154 # bats sets it
	[[ $stderr != *$'\e'* ]]
	[ "${#stderr}" -lt 1000 ]
	assert_no_image
}

@test "a name that the registry does not have is told so" {
	run_ok image pull -q "$FAKE/index:1"
	run_fails 1 image pull -q "$FAKE/index@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	assert_error "not found (status 404): MANIFEST_UNKNOWN: no such thing"
}

@test "a registry that is not there is told so within ten seconds" {
	local start=$SECONDS

	run_fails 1 image pull 127.0.0.1:1/a
	assert_error "registry 127.0.0.1:1: "
	[ $((SECONDS - start)) -lt 10 ]
	assert_no_image
}

@test "of an index, the image for this machine or for the platform asked for is pulled" {
	local here

	here=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
	run_ok image pull -q "$FAKE/index:1"
	run_ok image inspect "$FAKE/index:1"
	[ "$(jq -r '.[0].architecture, .[0].config.cmd[0]' <<< "$output")" = "$here"$'\n'"$here" ]
	run_ok image pull -q --platform linux/s390x "$FAKE/index:1"
	run_ok image inspect "$FAKE/index:1"
	[ "$(jq -r '.[0].architecture' <<< "$output")" = s390x ]
	run_fails 1 image pull -q --platform linux/riscv64 "$FAKE/index:1"
	assert_error "no image for linux/riscv64; available: linux/amd64, linux/arm64/v8, linux/s390x"
}

@test "an image for another machine is pulled only when that is asked for" {
	run_ok image pull -q --platform linux/amd64 "$FAKE/good:1"
	run_fails 1 image pull -q --platform linux/s390x "$FAKE/good:2"
	assert_error "the image is for linux/amd64"
}

@test "two pulls at once download each blob once" {
	local pids=() pid blob

	for _ in 1 2 3 4; do
		background "$CADDIS" image pull -q "$FAKE/good:1" > /dev/null
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(blobs_of_layers | wc -l)" -eq 2 ]
	for blob in $(blobs_of_layers); do
		[ "$(requests_for "/blobs/$blob")" -eq 1 ] || fail "$blob" "$(sort "$TEST_DIR/requests")"
	done
	run_ok image ls -o name
	assert_output "$FAKE/good:1"
}

@test "a blob that has gone bad on disk is fetched again when it is needed" {
	local blob layer

	pulled good
	blob=$(find "$CADDIS_ROOT/images/blobs/sha256" -size +100k)
	printf x | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
	layer=$(find "$CADDIS_ROOT/layers" -name first)
	rm "${layer%/tree/first}/complete"
	run_ok image pull -q "$FAKE/good:1"
	[ "sha256:$(sha256sum < "$blob" | cut -d' ' -f1)" = "sha256:${blob##*/}" ]
	[ -e "${layer%/tree/first}/complete" ]
}

half_downloaded() {
	[ -n "$(find "$CADDIS_ROOT/images/blobs/sha256" -name 'part.*' -size +50k 2>/dev/null)" ]
}

@test "a pull that is killed lists nothing, and the next one heals what it left" {
	background "$CADDIS" image pull -q "$FAKE/slow:1" > /dev/null
	wait_until 20 half_downloaded
	kill -9 "${TEST_PIDS[-1]}"
	run_ok image ls -q
	assert_output ""
	[ -n "$(ls -A "$CADDIS_ROOT/staging")" ]
	pulled slow
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ] || fail "$(ls -A "$CADDIS_ROOT/staging")"
	[ -z "$(ls -A "$CADDIS_STATE/pulls")" ]
}

# In a mount namespace of its own: a small file system in which so many KiB are left, and one image.
full_disk() {
	local root=$TEST_DIR/small/root avail before

	mount "${@:3}" "$TEST_DIR/small"
	export CADDIS_ROOT=$root
	"$CADDIS" image import "$TEST_DIR/tree" other > /dev/null
	avail=$(df -k --output=avail "$TEST_DIR/small" | tail -n 1)
	head -c $(((avail - $2) * 1024)) /dev/zero > "$TEST_DIR/small/filler"
	before=$(df -k --output=avail "$TEST_DIR/small" | tail -n 1)
	echo "$1: $("$CADDIS" image pull -q "$FAKE/good:1" 2>&1)"
	echo "$1: $("$CADDIS" image ls -o name)"
	echo "$1: staging $(find "$root/staging" -mindepth 1 | wc -l) layers $(find "$root/layers" -name tree | wc -l) parts $(find "$root/images" -name 'part.*' | wc -l)"
	avail=$(df -k --output=avail "$TEST_DIR/small" | tail -n 1)
	[ "$((before - avail))" -le 16 ] || echo "$1: $((before - avail)) KiB are gone"
	"$CADDIS" image cat other /file
	rm "$TEST_DIR/small/filler"
	"$CADDIS" image pull -q --sync "$FAKE/good:1" > /dev/null
	"$CADDIS" image ls -o name | wc -l
}

@test "a pull that runs out of space, in a blob or in a layer, says so once, gives all of it back, and hurts no other image" {
	local fs left out

	mkdir "$TEST_DIR/small" "$TEST_DIR/tree"
	echo content > "$TEST_DIR/tree/file"
	export -f full_disk
	export TEST_DIR
	for left in 300 900; do
		for fs in tmpfs ext4; do
			truncate -s 8M "$TEST_DIR/image"
			mkfs.ext4 -q -F -O ^has_journal -m 0 "$TEST_DIR/image"
			# shellcheck disable=SC2086 # several words
			case $fs in
			tmpfs) out=$(unshare -m bash -c 'full_disk "$@"' bash $fs $left -t tmpfs -o size=8M none) ;;
			ext4) out=$(unshare -m bash -c 'full_disk "$@"' bash $fs $left -o loop "$TEST_DIR/image") ;;
			esac
			[[ ${out%%$'\n'*} == "$fs: caddis: image $FAKE/good:1: "*"No space left on device" ]] || fail "$left: $out"
			[ "${out#*$'\n'}" = "$fs: docker.io/library/other:latest
$fs: staging 0 layers 1 parts 0
content
2" ] || fail "$left: $out"
		done
	done
}

@test "a registry's name that cannot be resolved is told as that" {
	run -1 unshare -n "$CADDIS" image pull -q no-such-host.invalid/x:1
	assert_output_has "image no-such-host.invalid/x:1: registry no-such-host.invalid: Could not resolve host"
	assert_no_image
}
