#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# image verify: what has gone wrong in the store is found, told and repaired.

load helpers
load registry

setup() {
	caddis_setup
}

# An imported image "busybox" of one layer, with one thing of each kind in it. $LAYER is its directory, $ID its diff ID.
one_layer() {
	test_rootfs "$TEST_DIR/rootfs"
	ln "$TEST_DIR/rootfs/etc/passwd" "$TEST_DIR/rootfs/etc/again"
	mkfifo "$TEST_DIR/rootfs/fifo"
	mkdir "$TEST_DIR/rootfs/empty"
	setfattr -n user.a -v b "$TEST_DIR/rootfs/etc/group"
	"$CADDIS" image import --cmd sh "$TEST_DIR/rootfs" busybox > /dev/null
	LAYER=$(echo "$CADDIS_ROOT"/layers/*)
	ID=sha256:${LAYER##*/}
}

# verify_says TEXT...: it ends with 1 and prints exactly these, about busybox.
verify_says() {
	run_fails 1 image verify busybox
	assert_output "$(printf 'docker.io/library/busybox:latest: %s\n' "$@")"
	assert_no_error
}

repairs() {
	run_ok image verify --repair busybox
	[[ $output == *"(repaired)"* && $output != *": whole"* ]] || fail "$output"
	run_ok image verify busybox
	assert_output "docker.io/library/busybox:latest: whole"
	[ "$(cat "$LAYER/complete")" = durable ]
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
}

@test "an image that is whole is told so, as text and as JSON, and nothing in the store changes" {
	local before

	one_layer
	before=$(find "$CADDIS_ROOT/images" "$CADDIS_ROOT/layers" ! -name writers -printf '%p %i %s %T@\n' | sort | grep -v 'images [0-9]')
	run_ok image verify
	assert_output "docker.io/library/busybox:latest: whole"
	run_ok image verify -o json busybox
	[ "$(jq -c '.[0] | [.name, .whole, .problems, .more]' <<< "$output")" = '["docker.io/library/busybox:latest",true,[],0]' ] || fail "$output"
	run_ok image verify -o yaml "$("$CADDIS" image ls -q)"
	assert_output_has "whole: true"
	[ "$(find "$CADDIS_ROOT/images" "$CADDIS_ROOT/layers" ! -name writers -printf '%p %i %s %T@\n' | sort | grep -v 'images [0-9]')" = "$before" ]
	python3 "$BATS_TEST_DIRNAME/hostile.py" whiteouts | "$CADDIS" image import - whiteouts > /dev/null
	run_ok image verify whiteouts
	assert_output "docker.io/library/whiteouts:latest: whole"
	run_fails 2 image verify -o xml
	assert_error "expected text, json or yaml"
	run_fails 1 image verify nothing
	assert_error "no such image"
}

@test "what differs from the tar in a layer is named, thing by thing, and repaired" {
	local t

	one_layer
	t=$LAYER/tree
	touch -r "$t/etc" "$TEST_DIR/etc"
	touch -r "$t/etc/group" "$TEST_DIR/group"
	sed -i 's/^root:x:0/root:y:0/' "$t/etc/group" # a new file: the xattr is lost, too
	touch -r "$TEST_DIR/group" "$t/etc/group"
	touch -r "$TEST_DIR/etc" "$t/etc"
	chmod 4711 "$t/bin/busybox"
	chown 12:34 "$t/tmp"
	rm "$t/etc/again"
	touch "$TEST_DIR/cat"
	touch -h -r "$t/bin/cat" "$TEST_DIR/cat"
	ln -sfn elsewhere "$t/bin/cat"
	touch -h -r "$TEST_DIR/cat" "$t/bin/cat"
	touch -d 2001-01-01 "$t/var"
	rmdir "$t/empty"
	ln -s /etc "$t/empty"
	rm "$t/fifo"
	mkdir "$t/fifo"
	setfattr -n trusted.overlay.opaque -v y "$t/usr"
	touch "$t/root/extra"
	run_fails 1 image verify busybox
	[ "$(sort <<< "$output" | sed "s|^docker.io/library/busybox:latest: layer $ID: ||")" = "$(sort <<- 'END'
		.: its time is another
		bin: its time is another
		bin/busybox: its mode is another
		bin/cat: its content is another
		empty: it is another kind of file
		etc: its time is another
		etc/again: it is missing
		etc/group: its content is another
		etc/group: its xattrs are others
		etc/passwd: its hard links are others
		fifo: it is another kind of file
		root: its time is another
		root/extra: it is not in the layer
		tmp: its owner is another
		usr: its xattrs are others
		var: its time is another
	END
	)" ] || fail "$output"
	run_fails 1 image verify -o json busybox
	[ "$(jq -r '.[0].problems[] | select(.path == "root/extra") | "\(.kind) \(.digest) \(.problem) \(.repaired)"' <<< "$output")" = "layer $ID it is not in the layer false" ]
	repairs
	run_ok ctr run --rm busybox cat /etc/group
	assert_output_has root:x:0
}

@test "a symlink in place of a directory of the store is told and replaced, and never followed" {
	one_layer
	cp -a "$LAYER" "$TEST_DIR/aim"
	sed -i s/root/evil/ "$TEST_DIR/aim/tree/etc/passwd"
	tar -C "$TEST_DIR/aim" -cf "$TEST_DIR/before.tar" .
	mv "$LAYER/tree" "$TEST_DIR/moved"
	ln -s "$TEST_DIR/aim/tree" "$LAYER/tree"
	verify_says "layer $ID: .: it is not a directory"
	repairs
	mv "$LAYER" "$TEST_DIR/moved-too"
	ln -s "$TEST_DIR/aim" "$LAYER"
	verify_says "layer $ID: it is not a directory"
	repairs
	mv "$LAYER/tree/etc" "$TEST_DIR/etc"
	ln -s "$TEST_DIR/aim/tree/etc" "$LAYER/tree/etc"
	run_fails 1 image verify busybox
	assert_output_has "layer $ID: etc: it is another kind of file"
	repairs
	rm -r "$LAYER"
	verify_says "layer $ID: it is missing"
	repairs
	rm "$LAYER/complete"
	verify_says "layer $ID: it is not marked as complete"
	repairs
	tar -C "$TEST_DIR/aim" -cf - . | cmp - "$TEST_DIR/before.tar"
}

# spoil BLOB HOW
spoil() {
	case $2 in
	flipped) printf '\377' | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") / 2)) conv=notrunc status=none ;;
	truncated) truncate -s -1 "$1" ;;
	missing) rm "$1" ;;
	symlink) mv "$1" "$1.moved" && ln -s "$1.moved" "$1" ;;
	esac
}

@test "a blob with flipped bytes, one cut short, gone or replaced by a symlink is told, and fetched again where a registry has it" {
	local how digest manifest blobs=$TEST_DIR/root/images/blobs/sha256
	declare -A says=([flipped]="its bytes have another digest" [truncated]="it has another size" [missing]="it is missing" [symlink]="it is not a file")

	start_fake_registry
	run_ok image pull -q --sync "$FAKE/layers.2:1"
	manifest=$(jq -r '.manifests[0].digest' "$CADDIS_ROOT/images/index.json")
	for digest in "$manifest" "$(jq -r .config.digest "$blobs/${manifest#*:}")" "$(jq -r '.layers[1].digest' "$blobs/${manifest#*:}")"; do
		for how in flipped truncated missing symlink; do
			spoil "$blobs/${digest#*:}" "$how"
			run_fails 1 image verify
			assert_output "$FAKE/layers.2:1: blob $digest: ${says[$how]}"
			run_ok image verify --repair
			assert_output "$FAKE/layers.2:1: blob $digest: ${says[$how]} (repaired)"
			run_ok image verify
			assert_output "$FAKE/layers.2:1: whole"
			rm -f "$blobs"/*.moved
		done
	done
	# Blob and layer at once: the layer can be looked at only when its blob is back.
	spoil "$blobs/${digest#*:}" flipped
	: > "$(echo "$CADDIS_ROOT"/layers/*/tree/file1)"
	run_ok image verify --repair "$FAKE/layers.2:1"
	assert_output_has "blob $digest: its bytes have another digest (repaired)"
	assert_output_has "file1: its content is another (repaired)"
	[ "$(cat "$CADDIS_ROOT"/layers/*/tree/file1)" = 1 ]
}

@test "what no registry can give again is told, with the reason, and what is there stays in use" {
	local blob

	one_layer
	blob=$CADDIS_ROOT/images/blobs/sha256/$("$CADDIS" image inspect --raw busybox | jq -r '.layers[0].digest | ltrimstr("sha256:")')
	run_ok image untag busybox
	run_ok image tag "$("$CADDIS" image ls -q)" 127.0.0.1:1/busybox:latest
	spoil "$blob" flipped
	run_fails 1 image verify --repair --retry 0
	assert_error "image 127.0.0.1:1/busybox:latest: cannot be repaired: blob sha256:${blob##*/}"
	[[ $output != *"(repaired)"* ]]
	run_ok ctr run --rm 127.0.0.1:1/busybox true
	run_ok image untag 127.0.0.1:1/busybox:latest
	run_fails 1 image verify --repair
	assert_error "it has no name that says which registry has its blobs"
	run_ok ctr run --rm "$("$CADDIS" image ls -q)" true
}

@test "a layer is not replaced beneath a container that runs, and the error names that" {
	one_layer
	run_ok ctr run -d --name user busybox sleep 1000
	run_ok sandbox create --network none box
	run_ok ctr create box --name idle busybox true
	echo changed > "$LAYER/tree/etc/passwd"
	run_fails 1 image verify --repair busybox
	assert_error "layer $ID: container user runs with it; stop it first"
	run_ok ctr exec user cat /etc/passwd
	assert_output changed
	run_ok ctr stop -t 0 user
	repairs
	run_ok ctr start idle
}
