#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The image store: what ls, inspect, history, tree, cat, export, df, prune and untag say and do.

load helpers
load registry

# a has three layers (files one, two, a link), b is a with one layer more.
setup_file() {
	export TEST_DIR=$BATS_FILE_TMPDIR LAYOUT=$BATS_FILE_TMPDIR/oci

	oci_image "$LAYOUT:a"
	umoci config --image "$LAYOUT:a" --config.label kind=first --created 2020-01-02T03:04:05Z
	umoci tag --image "$LAYOUT:a" b
	umoci unpack --image "$LAYOUT:b" "$TEST_DIR/b"
	mkdir "$TEST_DIR/b/rootfs/etc/more"
	echo deep > "$TEST_DIR/b/rootfs/etc/more/deep"
	umoci repack --image "$LAYOUT:b" "$TEST_DIR/b"
	umoci config --image "$LAYOUT:b" --config.label kind=second --config.label extra= --created 2021-01-02T03:04:05Z
	rm -rf "$TEST_DIR/b"
}

setup() {
	caddis_setup
	LAYOUT=$BATS_FILE_TMPDIR/oci
}

# Both images in the store, as a and b.
both() {
	start_registry
	push "$LAYOUT:a" a
	push "$LAYOUT:b" b
	"$CADDIS" image pull -q "$REGISTRY/a" > "$TEST_DIR/a.id"
	"$CADDIS" image pull -q "$REGISTRY/b" > "$TEST_DIR/b.id"
	"$CADDIS" image tag "$REGISTRY/a" a
	"$CADDIS" image tag "$REGISTRY/b" b
	"$CADDIS" image untag "$REGISTRY/a" "$REGISTRY/b" > /dev/null
	A=$(cat "$TEST_DIR/a.id") B=$(cat "$TEST_DIR/b.id")
}

# umoci gives directories without an entry of their own the time of the unpacking.
tree() {
	python3 "$BATS_TEST_DIRNAME/tree.py" "$1" | awk '$1 == "d" { $8 = "-" } 1'
}

names() {
	run_ok image ls -o name "$@"
	assert_output "$(printf '%s\n' "${want[@]}")"
}

@test "ls filters by name, label, age and lack of a name" {
	local want

	both
	want=(docker.io/library/b:latest docker.io/library/a:latest) && names
	want=(docker.io/library/a:latest) && names --filter label=kind=first
	want=(docker.io/library/b:latest) && names --filter label=extra
	want=(docker.io/library/b:latest docker.io/library/a:latest) && names --filter label=kind
	want=() && names --filter label=kind=first --filter label=extra
	want=(docker.io/library/b:latest) && names --filter since=a
	want=(docker.io/library/a:latest) && names --filter before=b
	want=() && names -f since=b
	want=(docker.io/library/b:latest docker.io/library/a:latest) && names -f reference=a -f reference=b
	run_ok image ls -q -f dangling=true
	assert_output ""
	run_ok image tag a b
	run_ok image ls -q -f dangling=true
	assert_output "$B"
	run_ok image ls -q -f dangling=false
	assert_output "$A"$'\n'"$A"
}

@test "ls sorts by name, size and ID" {
	local want

	both
	want=(docker.io/library/a:latest docker.io/library/b:latest) && names --sort name
	want=(docker.io/library/b:latest docker.io/library/a:latest) && names --sort size
	run_ok image ls -q --sort id
	assert_output "$(sort "$TEST_DIR/a.id" "$TEST_DIR/b.id")"
}

@test "filters and orders that do not exist are usage errors" {
	run_fails 2 image ls --filter colour=red
	assert_error '--filter: "colour" is not known; reference, dangling, label, since and before are'
	run_fails 2 image ls --filter dangling=perhaps
	assert_error "expected true or false"
	run_fails 2 image ls --filter reference
	assert_error "expected KEY=VALUE"
	run_fails 2 image ls --sort colour
	assert_error "--sort: expected created, name, size or id"
	run_fails 1 image ls --filter since=nothing
	assert_error "no such image here"
}

@test "inspect --raw gives the bytes that the digests are of" {
	both
	"$CADDIS" image inspect --raw --config a > "$TEST_DIR/config"
	[ "sha256:$(sha256sum < "$TEST_DIR/config" | cut -d' ' -f1)" = "$A" ]
	"$CADDIS" image inspect --raw a > "$TEST_DIR/manifest"
	[ "sha256:$(sha256sum < "$TEST_DIR/manifest" | cut -d' ' -f1)" = "$("$CADDIS" image inspect a | jq -r '.[0].digest')" ]
	run_ok image inspect --config a
	[ "$(jq -r '.config.Labels.kind' <<< "$output")" = first ]
	run_ok image inspect --manifest b
	[ "$(jq '.layers | length' <<< "$output")" -eq 4 ]
	run_fails 2 image inspect --config --manifest a
	assert_error "only one of them"
	run_fails 2 image inspect --raw a b
	assert_error "one image only"
	run_fails 1 image inspect --config none
	assert_error "no such image"
}

@test "history tells each step and the layer that it made" {
	both
	run_ok image history -o json b
	[ "$(jq -c '[.[] | select(.id != "") | .id] | reverse' <<< "$output")" = "$("$CADDIS" image inspect b | jq -c '.[0].layers')" ] || fail "$output"
	[ "$(jq '[.[] | select(.id != "") | .size] | add' <<< "$output")" -eq "$(skopeo inspect --raw "oci:$LAYOUT:b" | jq '[.layers[].size] | add')" ]
	[ "$(jq -r '[.[].created_by] | reverse | join("|")' <<< "$output")" = "$(skopeo inspect --raw --config "oci:$LAYOUT:b" | jq -r '[.history[].created_by // ""] | join("|")')" ]
	run_fails 1 image history none
	assert_error "no such image"
}

@test "tree shows which image ends at which layer" {
	both
	run_ok image tree -o json b
	[ "$(jq -c '.[0].layers | map(.images)' <<< "$output")" = '[[],[],["docker.io/library/a:latest"],["docker.io/library/b:latest"]]' ] || fail "$output"
	run_ok image tree
	[ "${#lines[@]}" -eq 9 ] || fail "$output"
	[[ ${lines[0]} == "${B:7:12}  "*"  docker.io/library/b:latest" ]]
	run_fails 1 image tree none
	assert_error "no such image"
	run_fails 2 image tree -o xml
}

@test "cat prints a file as a container would see it, and never one of the host" {
	both
	run_ok image cat b /etc/more/deep etc/one ../../etc/two
	assert_output "deep"$'\n'one$'\n'two
	run_fails 1 image cat b /etc/gone
	assert_error "image b: open /etc/gone"
	run_fails 1 image cat b /etc
	assert_error "is a directory"
	run_fails 1 image cat none /etc/one
	assert_error "no such image"
	mkdir "$TEST_DIR/rootfs"
	ln -s /etc/passwd "$TEST_DIR/rootfs/link"
	ln -s / "$TEST_DIR/rootfs/up"
	mkfifo "$TEST_DIR/rootfs/fifo"
	"$CADDIS" image import "$TEST_DIR/rootfs" links > /dev/null
	run_fails 1 image cat links /link
	assert_error "No such file"
	run_fails 1 image cat links /up/etc/passwd
	assert_error "No such file"
	run_fails 1 image cat links /fifo
	assert_error "not a regular file"
}

@test "export gives the tree that umoci unpacks, whiteouts applied, and always the same bytes" {
	both
	umoci unpack --image "$LAYOUT:b" "$TEST_DIR/want"
	"$CADDIS" image export b > "$TEST_DIR/b.tar"
	"$CADDIS" image export -o "$TEST_DIR/again.tar" b
	cmp "$TEST_DIR/b.tar" "$TEST_DIR/again.tar"
	mkdir "$TEST_DIR/got"
	tar -xpf "$TEST_DIR/b.tar" -C "$TEST_DIR/got"
	diff <(tree "$TEST_DIR/want/rootfs") <(tree "$TEST_DIR/got")
	[ ! -e "$TEST_DIR/got/etc/gone" ] && [ -e "$TEST_DIR/got/etc/more/deep" ]
	[ "$(mounts_left)" = "" ]
}

@test "an export that cannot be written leaves no file" {
	both
	echo old > "$TEST_DIR/x"
	ulimit -S -f 10
	run_fails 153 image export -o "$TEST_DIR/x" b # SIGXFSZ
	ulimit -S -f unlimited
	[ "$(cat "$TEST_DIR/x")" = old ]
	rm "$TEST_DIR"/x*
	run_fails 1 image export -o /dev/full b
	assert_error "No space left"
	[ -c /dev/full ]
	run_fails 1 image export -o "$TEST_DIR/none/x" b
	assert_error "No such file"
	run_fails 1 image export -o "$TEST_DIR/x" none
	[ ! -e "$TEST_DIR/x" ]
}

@test "df counts what images share once, and what is each one's own" {
	local blobs layers

	both
	run_ok image df -o json
	blobs=$(du -s --block-size=1 "$CADDIS_ROOT/images/blobs/sha256" | cut -f1)
	layers=$(du -s --block-size=1 "$CADDIS_ROOT/layers" | cut -f1)
	# Without the two directories themselves.
	blobs=$((blobs - $(stat -c %b "$CADDIS_ROOT/images/blobs/sha256") * 512))
	layers=$((layers - $(stat -c %b "$CADDIS_ROOT/layers") * 512))
	jq -e --argjson all $((blobs + layers)) '
		(map({(.kind + .name): .}) | add) as $r | $r["imagedocker.io/library/a:latest"] as $a |
		$r["imagedocker.io/library/b:latest"] as $b | $r["total(total)"] as $t |
		$t.unique == $all and $t.reclaimable == $all and $a.shared == $b.shared and $a.shared > 0 and
		$a.unique + $b.unique + $a.shared == $all and $a.unique < $b.unique and
		$a.blobs + $a.layers == $a.shared + $a.unique and
		$t.inodes == $a.unique_inodes + $b.unique_inodes + $a.shared_inodes' <<< "$output" || fail "$output" "$blobs $layers"
	[ "$(jq '.[-1].inodes' <<< "$output")" -eq "$(find "$CADDIS_ROOT/layers" "$CADDIS_ROOT/images/blobs/sha256" -mindepth 1 -printf '%i\n' | sort -u | wc -l)" ]
}

@test "what a container uses is not reclaimable, and garbage is" {
	test_image
	run_ok ctr run -d busybox sleep 1000
	run_ok image df -o json
	[ "$(jq -c '[.[] | [.kind, .reclaimable]]' <<< "$output")" = '[["image",0],["unused",0],["total",0]]' ] || fail "$output"
	[[ $(jq -r '.[0].used_by' <<< "$output") == container\ * ]]
	head -c 100000 /dev/zero > "$CADDIS_ROOT/images/blobs/sha256/$(printf 'a%.0s' {1..64})"
	run_ok image df -o json
	[ "$(jq '.[1].reclaimable' <<< "$output")" -ge 100000 ]
	run_ok image prune
	assert_output ""
	[[ $stderr == *"KiB given back" ]] || fail "$stderr"
	[ ! -e "$CADDIS_ROOT/images/blobs/sha256/$(printf 'a%.0s' {1..64})" ]
}

@test "prune removes what has no name; with -a what no container uses; with a filter what fits" {
	both
	test_image
	run_ok ctr run -d busybox sleep 1000
	run_ok image prune
	assert_output ""
	run_ok image untag a
	assert_output "untagged: a"
	run_ok image prune --dry-run
	assert_output "would be deleted: $A"
	run_ok image ls -q
	assert_output_has "$A"
	run_ok image prune
	assert_output "deleted: $A"
	run_ok image prune -a --filter label=kind=first
	assert_output ""
	run_ok image prune -a --filter label=kind=second
	assert_output "deleted: $B"
	run_ok image prune -a
	assert_output ""
	run_ok image ls -o name
	assert_output docker.io/library/busybox:latest
	[ "$(find "$CADDIS_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	run_fails 2 image prune --filter colour=red
}

@test "untag of what is no name of an image is an error and changes nothing" {
	both
	run_fails 1 image untag none
	assert_error "image name none: no image here has it"
	run_fails 1 image untag "${A:7:12}"
	assert_error "no image here has it"
	run_fails 2 image untag A:A:A
	run_ok image ls -o name
	assert_output docker.io/library/b:latest$'\n'docker.io/library/a:latest
}
