#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is left of images when the power fails: simulated by marks of another boot, torn and missing files.

load helpers

setup() {
	caddis_setup
	test_image
	"$CADDIS" image save -o "$TEST_DIR/a.tar" busybox
	LAYER=$(echo "$CADDIS_ROOT"/layers/*)
	OTHER_BOOT=01234567-89ab-cdef-0123-456789abcdef
}

# It is not trusted, and loading the image again, from what is here, mends it.
not_trusted_but_mended() {
	run_fails 125 ctr run --rm busybox true
	assert_error "is missing or incomplete; pull the image again"
	run_ok image load -i "$TEST_DIR/a.tar"
	[ "$(cat "$LAYER/complete")" = durable ]
	run_ok ctr run --rm busybox cat /etc/passwd
	assert_output_has "root:x:0:0"
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
}

@test "an image that is listed has durable layers, and all data is synced before it is named" {
	run_ok image rm busybox
	strace -f -qq -e trace=syncfs,fsync,rename,renameat,renameat2 -o "$TEST_DIR/trace" "$CADDIS" image load -i "$TEST_DIR/a.tar" > /dev/null
	[ "$(cat "$LAYER/complete")" = durable ]
	awk '/syncfs/ { synced = NR } /"complete"/ { marked = NR; if (!synced_first) synced_first = synced }
		/"index.json"/ { named = NR; synced_last = synced }
		END { exit !(synced_first && marked && synced_last > marked && named > synced_last) }' "$TEST_DIR/trace" ||
		fail "$(grep -n -e sync -e complete -e index.json "$TEST_DIR/trace")"
}

@test "a layer that was marked by another boot, and not as durable, is unpacked again" {
	printf %s "$OTHER_BOOT" > "$LAYER/complete"
	rm "$LAYER/tree/etc/passwd"
	not_trusted_but_mended
}

@test "a layer with this boot's mark is trusted, with a torn or missing one it is not" {
	tr -d '\n' < /proc/sys/kernel/random/boot_id > "$LAYER/complete"
	run_ok ctr run --rm busybox true
	: > "$LAYER/complete"
	not_trusted_but_mended
	printf dur > "$LAYER/complete"
	not_trusted_but_mended
	rm "$LAYER/complete"
	not_trusted_but_mended
	rm -r "$LAYER"
	not_trusted_but_mended
}

@test "a blob that is torn or gone is put back by loading the image again" {
	local blob

	blob=$CADDIS_ROOT/images/blobs/sha256/$("$CADDIS" image inspect --raw busybox | jq -r '.layers[0].digest | ltrimstr("sha256:")')
	truncate -s 1000 "$blob"
	run_fails 1 image save -o "$TEST_DIR/b.tar" busybox
	run_ok image load -i "$TEST_DIR/a.tar"
	run_ok image save -o "$TEST_DIR/b.tar" busybox
	cmp "$TEST_DIR/a.tar" "$TEST_DIR/b.tar"
	rm "$blob"
	run_ok image load -i "$TEST_DIR/a.tar"
	run_ok image save -o "$TEST_DIR/b.tar" busybox
	cmp "$TEST_DIR/a.tar" "$TEST_DIR/b.tar"
}

@test "with a torn index nothing is thrown away, and the error names it" {
	local before

	before=$(ls "$CADDIS_ROOT/images/blobs/sha256" "$CADDIS_ROOT/layers")
	cp "$CADDIS_ROOT/images/index.json" "$TEST_DIR/index"
	head -c 30 "$TEST_DIR/index" > "$CADDIS_ROOT/images/index.json"
	run_fails 1 image ls
	assert_error "index.json"
	run_fails 1 image prune -a
	assert_error "index.json"
	[ "$(ls "$CADDIS_ROOT/images/blobs/sha256" "$CADDIS_ROOT/layers")" = "$before" ]
	cp "$TEST_DIR/index" "$CADDIS_ROOT/images/index.json"
	run_ok ctr run --rm busybox true
}

@test "an image whose configuration is gone hides no other, and can be removed" {
	"$CADDIS" image import --label second=yes "$BATS_FILE_TMPDIR/busybox-rootfs" other > /dev/null
	rm "$CADDIS_ROOT/images/blobs/sha256/$("$CADDIS" image ls -q -f reference=other | cut -d: -f2)"
	run_ok image ls -o name
	assert_output docker.io/library/busybox:latest
	run_ok image rm other
	run_ok ctr run --rm busybox true
}
