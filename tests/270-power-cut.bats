#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is left of images when the power fails: simulated by marks of another boot, torn and missing files.

load helpers
load registry

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

# A pull whose data does not reach the disk: what would bring it there is killed. $UNSYNCED is its list, NEW its ID.
pull_unsynced() {
	start_fake_registry
	run_ok image tag busybox "$FAKE/good:1"
	cp "$CADDIS_ROOT/images/index.json" "$TEST_DIR/index"
	NEW=$(strace -f -qq -e trace=syncfs -e inject=syncfs:signal=KILL -o "$TEST_DIR/trace" "$CADDIS" image pull -q "$FAKE/good:1")
	grep -q 'killed by SIGKILL' "$TEST_DIR/trace"
	UNSYNCED=$CADDIS_ROOT/images/index.$(cat /proc/sys/kernel/random/boot_id).json
	[ -f "$UNSYNCED" ]
	cmp "$TEST_DIR/index" "$CADDIS_ROOT/images/index.json"
	run_ok image ls -q --no-trunc -f "reference=$FAKE/good"
	assert_output "$NEW"
}

@test "after a power cut before a pull is on the disk the list is the one of before, and its name the old image's" {
	pull_unsynced
	mv "$UNSYNCED" "$CADDIS_ROOT/images/index.$OTHER_BOOT.json"
	for mark in $(grep -L durable "$CADDIS_ROOT"/layers/*/complete); do
		printf %s "$OTHER_BOOT" > "$mark"
		find "${mark%complete}tree" -type f -exec truncate -s 0 {} +
	done
	run_ok ctr run --rm "$FAKE/good:1" cat /etc/passwd
	assert_output_has "root:x:0:0"
	run_fails 1 image inspect "$NEW"
	run_ok image pull -q --sync "$FAKE/good:1"
	assert_output "$NEW"
	[ -z "$(grep -L durable "$CADDIS_ROOT"/layers/*/complete)" ]
	run_ok image export -o "$TEST_DIR/tree.tar" "$NEW"
	[ "$(tar -xOf "$TEST_DIR/tree.tar" --wildcards "*" | wc -c)" -ge 600000 ]
	run_ok image rm "$FAKE/good:1"
	[ "$(ls "$CADDIS_ROOT/images")" = "$(printf '%s\n' blobs index.json lock oci-layout writers)" ] || fail "$(ls "$CADDIS_ROOT/images")"
}

@test "a pull's data is synced before index.json names it, by whoever changes the list next if need be" {
	pull_unsynced
	strace -f -qq -e trace=syncfs,fsync,rename,renameat,renameat2,unlinkat -o "$TEST_DIR/trace" "$CADDIS" image tag "$NEW" another
	# Of the renames of index.json the first one takes over the list, the second one has the new name.
	awk '/syncfs/ { synced = NR } /"complete"/ { marked = NR; if (!synced_first) synced_first = synced }
		/"index.json"/ && !named { named = NR; synced_last = synced }
		END { exit !(synced_first && marked > synced_first && synced_last > marked && named > synced_last) }' "$TEST_DIR/trace" ||
		fail "$(cat "$TEST_DIR/trace")"
	[ ! -e "$UNSYNCED" ]
	[ -z "$(grep -L durable "$CADDIS_ROOT"/layers/*/complete)" ]
	[ "$(jq '.manifests | length' "$CADDIS_ROOT/images/index.json")" -eq 3 ]
}

# The process in the background; the pull itself is a child of strace's.
bringer() {
	local pid

	for pid in $(processes_left | cut -d/ -f3); do
		[ "$(ps -o comm= "$pid")" != caddis ] || [ "$(ps -o ppid= "$pid")" -eq "$1" ] || echo "$pid"
	done
}

@test "a pull returns while its data is on the way to the disk, and what brings it there holds nothing of the caller's" {
	local tracer pid

	start_fake_registry
	background env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=syncfs -e inject=syncfs:delay_enter=60s -o "$TEST_DIR/trace" "$CADDIS" image pull -q "$FAKE/good:1" > "$TEST_DIR/id"
	tracer=$!
	wait_until 30 test -s "$TEST_DIR/id"
	run_ok image inspect "$(cat "$TEST_DIR/id")"
	pid=$(bringer "$tracer")
	[ -n "$pid" ]
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	[ -z "$(find "/proc/$pid/fd" -lname '*' ! -lname /dev/null ! -lname "$CADDIS_ROOT*" ! -lname "$CADDIS_STATE*" -printf '%l\n')" ]
	kill -TERM "$pid"
	[ "$(ps -o sid= "$pid")" -ne "$(ps -o sid= "$tracer")" ]
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
