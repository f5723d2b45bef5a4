#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Layers that mean harm, one test for each kind, on the built binary: SEC-L1 to SEC-L19. What is aimed
# at is $AIM beside the store; nothing outside of a layer's own tree may change.

load helpers
load registry

setup() {
	caddis_setup
	AIM=$TEST_DIR/canary
	mkdir "$AIM"
	echo untouched > "$AIM/file"
	touch -d 2001-01-01 "$AIM/file" "$AIM"
	state_of_aim > "$TEST_DIR/before"
	AIMED_AT=$AIM
}

state_of_aim() {
	stat -c '%n %f %u:%g %h %s %Y %Z' "$AIM" "$AIM/file"
	getfattr -d -m - --absolute-names "$AIM" "$AIM/file"
	cat "$AIM/file"
	ls -A "$AIM"
}

teardown() {
	local left=0

	# Only what a teardown returns counts, not what fails within.
	state_of_aim > "$TEST_DIR/after"
	diff "$TEST_DIR/before" "$TEST_DIR/after" || left=1
	caddis_teardown || left=1
	return "$left"
}

tar_of() {
	python3 "$BATS_TEST_DIRNAME/hostile.py" "$1" "$AIMED_AT"
}

# takes CASE [OPTION...]: the layer is unpacked; TREE is where.
takes() {
	local case=$1

	shift
	tar_of "$case" > "$TEST_DIR/tar"
	run_ok image import "$@" "$TEST_DIR/tar" "$case"
	TREE=$CADDIS_ROOT/layers/$("$CADDIS" image inspect "$case" | jq -r '.[0].layers[0] | ltrimstr("sha256:")')/tree
}

# refuses CASE TEXT [OPTION...]: one line with TEXT in it, and nothing is left.
refuses() {
	local case=$1 text=$2

	shift 2
	tar_of "$case" > "$TEST_DIR/tar"
	run_fails 1 image import "$@" "$TEST_DIR/tar" "$case"
	assert_error "$text"
	assert_no_image
}

# lean COMMAND...: it never has more than 128 MiB, and is done within a minute.
lean() {
	python3 -c '
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], timeout=60, stdout=subprocess.DEVNULL).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
if peak > 128 << 10: sys.exit("%d KiB" % peak)
sys.exit(code)' "$@"
}

@test "SEC-L1: a symlink never leads a write out of the tree" {
	takes symlink
	[ "$(cat "$TREE$AIM/f")" = evil ] || fail "$(find "$TREE")"
	refuses_again=$(tar_of chain | "$CADDIS" image import - chain 2>&1) && fail "a chain of 60 links was followed"
	[[ $refuses_again == *"symbolic links"* ]] || fail "$refuses_again"
	AIMED_AT=$AIM/file
	tar_of symlink > "$TEST_DIR/tar"
	run_fails 1 image import "$TEST_DIR/tar" file 2>&1 || true
}

@test "SEC-L2: names lead inside, or are refused" {
	takes names
	[ "$(find "$TREE" -type f -printf x)" = xxxxxxxx ] || fail "$(find "$TREE")"
	[ "$(cat "$TREE/up" "$TREE/abs" "$TREE/dot" "$TREE/in" "$TREE/s/t" "$TREE/"$'new\nline')" = xxxxxx ]
	takes dots
	[ "$(ls -A "$TREE")" = ok ]
	# ".." of the root is the root: what is above it keeps its mode.
	[ "$(stat -c %a "${TREE%/tree}")" = 700 ]
	takes pax-path
	[ "$(cat "$TREE$AIM/pax")" = x ]
	"$CADDIS" image prune -a > /dev/null 2>&1
	refuses long-name "File name too long"
	refuses long-path "longer than 4095 bytes"
}

@test "SEC-L3: the root of a layer is a directory" {
	refuses root-symlink "the root must be a directory"
	refuses root-file "the root must be a directory"
	refuses root-device "the root must be a directory"
}

@test "SEC-L4: a hard link names a file of its own layer" {
	AIMED_AT=$AIM/file
	refuses hardlink "which is not in this layer"
	refuses hardlink-up "which is not in this layer"
	refuses hardlink-dir "which is a directory"
	refuses hardlink-through "which is not in this layer"
	takes hardlink-symlink
	[ -L "$TREE/s" ] && [ "$(cat "$TREE/h")" = evil ]
	tar_of hardlink-data > "$TEST_DIR/tar"
	run -0 bash -c '"$1" image import "$2" data 2>&1 || true' bash "$CADDIS" "$TEST_DIR/tar"
}

@test "SEC-L5: metadata of a symlink is its own" {
	AIMED_AT=$AIM/file
	takes metadata
	[ -L "$TREE/m" ]
	[ "$(stat -c %u:%g "$TREE/m")" = 1:1 ]
	"$CADDIS" image prune -a > /dev/null 2>&1
	refuses acl "set xattr system.posix_acl_access"
}

@test "SEC-L6: whiteouts without a valid name are refused, the others hide only what is below" {
	refuses whiteout-empty "a whiteout without a valid name"
	refuses whiteout-dot "a whiteout without a valid name"
	refuses whiteout-dots "a whiteout without a valid name"
	refuses whiteout-dir "a whiteout is not a directory"
	refuses whiteout-device "character device 0:0"
	takes whiteout-outside
	[ -c "$TREE$AIM/file" ]
	takes whiteouts
	[ "$(cat "$TREE/d/x" "$TREE/e/y")" = 12 ]
	[ "$(getfattr --absolute-names --only-values -n trusted.overlay.opaque "$TREE/d")" = y ]
	[ -z "$(find "$TREE" -name '.wh.*')" ]
}

@test "SEC-L7: overlayfs obeys no xattr of an image" {
	takes overlay
	[ "$(find "$TREE" -mindepth 1 | wc -l)" -eq 6 ]
	[ -z "$(find "$TREE" -exec getfattr --absolute-names -h -d -m - {} +)" ] || fail "$(find "$TREE" -exec getfattr --absolute-names -h -d -m - {} +)"
}

@test "SEC-L8: labels and signatures are the host's; too many xattrs are refused, not cut" {
	takes labels
	[ "$(getfattr --absolute-names -d -m - "$TREE/f" | grep -v '^#' | grep .)" = 'user.kept="yes"' ]
	"$CADDIS" image prune -a > /dev/null 2>&1
	refuses xattr-big "xattr user.big"
	refuses xattr-many ""
}

@test "SEC-L9: devices and set-user-ID files are out of reach of the host's users" {
	takes nodes
	[ "$(stat -c '%F %t:%T' "$TREE/mem")" = "character special file 1:1" ]
	[ "$(stat -c %a "$TREE/suid")" = 6755 ]
	[ "$(stat -c %a "$CADDIS_ROOT")" = 700 ]
	run ! setpriv --reuid 12345 --regid 12345 --clear-groups stat "$TREE/suid"
	[[ $output == *"Permission denied"* ]]
	run ! setpriv --reuid 12345 --regid 12345 --clear-groups cat "$TREE/mem"
	[[ $output == *"Permission denied"* ]]
}

@test "SEC-L10: what decompresses without end is given up, with little memory" {
	refuses zeros "more than 10485760 bytes" --limit bytes=10M
	tar_of zeros | zstd -q > "$TEST_DIR/zst"
	run_fails 1 image import "$TEST_DIR/zst" a
	assert_error "more than 4096 times its size"
	lean "$CADDIS" image import --limit ratio-zstd=100K "$TEST_DIR/zst" zeros
	run_ok image rm zeros
	refuses window "Frame requires too much memory"
	tar_of members > "$TEST_DIR/members"
	lean "$CADDIS" image import "$TEST_DIR/members" members
	run_ok image rm members
	tar_of plain > "$TEST_DIR/tar"
	run_fails 1 image import --limit bytes=1M - a < <(cat "$TEST_DIR/tar" /dev/zero)
	assert_error "more than 1048576 bytes"
	assert_no_image
}

@test "SEC-L11: headers without end, and sizes that cannot be, are refused" {
	refuses sparse-map "the headers of one entry are longer than"
	refuses sparse-huge "too large"
	refuses pax-huge ""
	refuses pax-many ""
	"$CADDIS" image prune -a > /dev/null 2>&1
	refuses size-negative ""
	refuses size-huge ""
	takes sparse-map --limit header=8M
	[ "$(stat -c %s "$TREE/s")" -eq 300000 ]
	tar_of sparse-map > "$TEST_DIR/tar"
	run lean "$CADDIS" image import "$TEST_DIR/tar" a
	[ "$status" -eq 1 ] || fail "$output"
	tar_of size-garbage > "$TEST_DIR/tar"
	run bash -c '"$1" image import "$2" a' bash "$CADDIS" "$TEST_DIR/tar"
	[ "$status" -le 1 ]
}

@test "SEC-L12: quantities have limits, which can be raised and lowered" {
	refuses many "more than 100 entries" --limit entries=100
	takes many --limit entries=200
	takes same
	[ "$(cat "$TREE/same")" = 2999 ]
	"$CADDIS" image prune -a > /dev/null 2>&1
	refuses deep ""
	refuses names "longer than 2 bytes" --limit path=2
	refuses zeros "a file of 104857600 bytes is too large" --limit file-size=1M
	run_fails 2 image import --limit entries=0 "$TEST_DIR/tar" a
	assert_error "--limit entries: expected a number from 1"
}

@test "SEC-L13, SEC-L14: only tar is tar, and no other program is asked" {
	local form

	for form in zip 7zip cpio ar xar mtree lrzip grzip; do
		AIMED_AT=$AIM/file refuses "$form" ""
		strace -f -qq -e trace=execve -o "$TEST_DIR/trace" "$CADDIS" image import "$TEST_DIR/tar" a 2> /dev/null && fail "$form was taken"
		[ "$(grep -c execve "$TEST_DIR/trace")" -eq 1 ] || fail "$form: $(cat "$TEST_DIR/trace")"
	done
	# It begins as an empty tar does, and is nothing else.
	takes iso9660
	[ -z "$(ls -A "$TREE")" ]
}

# layout FILTER [CONFIG-FILTER]: an OCI directory $TEST_DIR/oci whose manifest and configuration were changed by jq.
layout() {
	local dir=$TEST_DIR/oci config manifest

	rm -rf "$dir"
	mkdir -p "$dir/blobs/sha256"
	tar_of plain | gzip -n > "$TEST_DIR/layer"
	cp "$TEST_DIR/layer" "$dir/blobs/sha256/$(sha256sum < "$TEST_DIR/layer" | cut -d' ' -f1)"
	config=$(jq -nc --arg d "sha256:$(tar_of plain | sha256sum | cut -d' ' -f1)" \
		"{os: \"linux\", architecture: \"amd64\", rootfs: {type: \"layers\", diff_ids: [\$d]}} | ${2:-.}")
	manifest=$(jq -nc --arg c "sha256:$(printf %s "$config" | sha256sum | cut -d' ' -f1)" --argjson cn ${#config} \
		--arg l "sha256:$(sha256sum < "$TEST_DIR/layer" | cut -d' ' -f1)" --argjson ln "$(wc -c < "$TEST_DIR/layer")" \
		"{schemaVersion: 2, mediaType: \"application/vnd.oci.image.manifest.v1+json\",
			config: {mediaType: \"application/vnd.oci.image.config.v1+json\", digest: \$c, size: \$cn},
			layers: [{mediaType: \"application/vnd.oci.image.layer.v1.tar+gzip\", digest: \$l, size: \$ln}]} | $1")
	printf %s "$config" > "$dir/blobs/sha256/$(printf %s "$config" | sha256sum | cut -d' ' -f1)"
	printf %s "$manifest" > "$dir/blobs/sha256/$(printf %s "$manifest" | sha256sum | cut -d' ' -f1)"
	echo '{"imageLayoutVersion":"1.0.0"}' > "$dir/oci-layout"
	jq -nc --arg m "sha256:$(printf %s "$manifest" | sha256sum | cut -d' ' -f1)" --argjson mn ${#manifest} \
		'{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $m, size: $mn}]}' > "$dir/index.json"
}

layout_refused() {
	local text=$1

	shift
	layout "$@"
	run_fails 1 image load -i "$TEST_DIR/oci"
	assert_error "$text"
	assert_no_image
}

@test "SEC-L15: the magic decides about a layer's form, and unknown types are refused" {
	local type

	for type in tar+zstd tar tar+gzip; do
		layout ".layers[0].mediaType = \"application/vnd.oci.image.layer.v1.$type\""
		run_ok image load -i "$TEST_DIR/oci"
		run_ok image rm "$output"
	done
	for type in tar+gzip+encrypted tar+bzip2 squashfs; do
		layout_refused "not supported" ".layers[0].mediaType = \"application/vnd.oci.image.layer.v1.$type\""
	done
}

@test "SEC-L16: a configuration that does not fit its layers is refused" {
	layout_refused "diff ID mismatch" . '.rootfs.diff_ids[0] = "sha256:" + ("0" * 64)'
	layout_refused "1 layers but 0 diff IDs" . '.rootfs.diff_ids = []'
	layout_refused "1 layers but 2 diff IDs" . '.rootfs.diff_ids += .rootfs.diff_ids'
	layout_refused "described in two ways" '.layers += .layers' '.rootfs.diff_ids += ["sha256:" + ("0" * 64)]'
	layout_refused 'rootfs.type is "chunks"' . '.rootfs.type = "chunks"'
	layout_refused "invalid digest" . '.rootfs.diff_ids[0] = "sha256:../../x"'
	layout .
	run_ok image load -i "$TEST_DIR/oci"
}

@test "SEC-L17: two that unpack the same layer at once do it by themselves, where nobody else comes" {
	local pids=() pid

	layout .
	for _ in 1 2 3 4; do
		background "$CADDIS" image load -i "$TEST_DIR/oci" > /dev/null
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	run_ok image ls -q
	[ "${#lines[@]}" -eq 1 ]
	[ "$(cat "$CADDIS_ROOT"/layers/*/tree/f)" = x ]
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
	[ "$(stat -c %a "$CADDIS_ROOT/staging")" = 700 ]
}

@test "SEC-L18: numbers decide about owners, and what is no owner is refused" {
	refuses uid-max "owner 4294967295:0 does not exist on Linux"
	takes uid-31
	[ "$(stat -c %u:%g "$TREE/f")" = 2147483648:4294967294 ]
}

@test "SEC-L19: impossible times are bent, and what follows the end is part of the digest" {
	takes times
	[ "$(find "$TREE" -type f | wc -l)" -eq 5 ]
	tar_of plain > "$TEST_DIR/tar"
	head -c 1024 "$TEST_DIR/tar" > "$TEST_DIR/cut"
	run_fails 1 image import "$TEST_DIR/cut" cut
	assert_error "it has no end"
	# More of it than is read at once.
	{ cat "$TEST_DIR/tar"; head -c 1000000 /dev/zero; echo garbage; } > "$TEST_DIR/more"
	run_ok image import "$TEST_DIR/more" more
	[ "$("$CADDIS" image inspect more | jq -r '.[0].layers[0]')" = "sha256:$(sha256sum < "$TEST_DIR/more" | cut -d' ' -f1)" ]
	{ gzip -n < "$TEST_DIR/tar"; head -c 1000 /dev/zero; } > "$TEST_DIR/padded"
	run_ok image import "$TEST_DIR/padded" padded
	[ "$("$CADDIS" image inspect padded | jq -r '.[0].layers[0]')" = "sha256:$(sha256sum < "$TEST_DIR/tar" | cut -d' ' -f1)" ]
}
