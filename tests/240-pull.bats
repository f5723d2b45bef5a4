#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Pulls under stress: killed at any moment, many at once, large layers, on a sandbox's account.

load helpers
load registry

setup() {
	caddis_setup
}

# The layers' blobs of the fake registry's image, in the store.
finished_blobs() {
	find "$CADDIS_ROOT/images/blobs/sha256" -type f -name '????????????????????????????????????????????????????????????????' 2>/dev/null
}

@test "a pull killed fifty times at random moments is completed by the next, and no finished blob is fetched twice" {
	local i blob done=

	start_fake_registry
	for i in $(seq 50); do
		timeout -s KILL "0.0$((RANDOM % 6))$((RANDOM % 10))" "$CADDIS" image pull -q "$FAKE/layers.40:1" > /dev/null 2>&1 || true
		[ "$("$CADDIS" image ls -q | wc -l)" -le 1 ]
		if [ -n "$done" ]; then
			while read -r blob; do
				! grep -q "blobs/sha256:${blob##*/}" "$TEST_DIR/requests" || fail "fetched again: $blob"
			done <<< "$done"
		fi
		done=$(finished_blobs)
		: > "$TEST_DIR/requests"
	done
	run_ok image pull -q "$FAKE/layers.40:1"
	[ "$(find "$CADDIS_ROOT/layers" -name 'file*' | wc -l)" -eq 40 ]
	[ "$(cat "$CADDIS_ROOT"/layers/*/tree/file39)" = 39 ]
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ] || fail "left in staging: $(ls -A "$CADDIS_ROOT/staging")"
}

part() {
	find "$CADDIS_ROOT/images/blobs/sha256" -name 'part.*' -size +0 -printf '%s\n' 2>/dev/null
}

largest_part() {
	part | sort -n | tail -n 1 | grep . || echo 0
}

@test "a pull killed in the middle of a blob, again and again, goes on where it was each time" {
	local i had=0 starts

	start_fake_registry
	for i in {1..50}; do
		"$CADDIS" image pull -q "$FAKE/drip.1:1" > /dev/null 3>&- &
		while kill -0 $! 2>/dev/null && [ "$(largest_part)" -le "$had" ]; do sleep 0.01; done
		sleep "0.0$((RANDOM % 9))"
		kill -9 $! 2>/dev/null || true
		! wait $! 2>/dev/null || break # it was done before
		had=$(largest_part)
	done
	run_ok image pull -q "$FAKE/drip.1:1"
	[ "$(wc -c < "$(find "$CADDIS_ROOT/layers" -name first)")" -eq 640000 ]
	[ -z "$(part)" ]
	mapfile -t starts < <(grep -o 'bytes=[0-9]*' "$TEST_DIR/requests" | cut -d= -f2)
	[ "${#starts[@]}" -gt 0 ] || fail "$(cat "$TEST_DIR/requests")"
	[ "$(printf '%s\n' "${starts[@]}")" = "$(printf '%s\n' "${starts[@]}" | sort -n)" ] || fail "${starts[*]}"
}

@test "a pull that failed for the network's trouble is gone on with: layers that are whole, the half of another, and it is shown" {
	local half first

	start_fake_registry
	run_fails 1 image pull -q --retry-delay 10ms "$FAKE/breaks.1:1"
	assert_error "status 503"
	run_ok image ls -q
	assert_output ""
	half=$(part)
	[ "$half" -ge 300000 ]
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
	first=$(grep -o 'sha256:[0-9a-f]* bytes=' "$TEST_DIR/requests" | head -n 1 | cut -d' ' -f1)
	: > "$TEST_DIR/requests"
	run_ok image pull "$FAKE/breaks.1:1"
	[[ $stderr == *", ${first:7:12}, "*": done (kept "*KiB\)* ]] || fail "$stderr"
	[ "$(grep /blobs/ "$TEST_DIR/requests" | grep -v "$(jq -r .config.digest <(caddis image inspect --raw "$FAKE/breaks.1:1"))")" = "GET /v2/breaks.1/blobs/$first bytes=$half-" ] ||
		fail "$(cat "$TEST_DIR/requests")"
	[ "$(cat "$CADDIS_ROOT"/layers/*/tree/second)" = 2 ]
	[ -z "$(part)" ]
}

@test "what a failed pull has left is one image's at most, and goes with the next that is pulled, or with prune" {
	start_fake_registry
	run_fails 1 image pull -q --retry-delay 10ms "$FAKE/breaks.1:1"
	[ -n "$(part)" ]
	run_ok image pull -q "$FAKE/layers.2:1"
	[ -z "$(part)" ]
	[ "$(find "$CADDIS_ROOT/layers" -name tree | wc -l)" -eq 2 ]
	run_fails 1 image pull -q --retry-delay 10ms "$FAKE/breaks.2:1"
	[ -n "$(part)" ]
	# A registry that lies is no reason to keep anything.
	run_fails 1 image pull -q "$FAKE/wrong-bytes:1"
	[ -z "$(part)" ]
	[ "$(find "$CADDIS_ROOT/layers" -name tree | wc -l)" -eq 2 ]
}

large_blob() {
	find "$CADDIS_ROOT/images/blobs/sha256" -size +300k -printf 'sha256:%f'
}

@test "a half that is kept helps no registry that lies about ranges, and a bad one costs only a download" {
	local whole case digest

	start_fake_registry
	run_ok image pull -q --sync "$FAKE/good:1"
	digest=$(large_blob)
	whole=$TEST_DIR/whole
	cp "$CADDIS_ROOT/images/blobs/sha256/${digest#*:}" "$whole"
	for case in good kept.200 kept.416 kept.total kept.missing kept.two kept.malformed kept.unit flipped longer complete; do
		run_ok image prune -a
		head -c 300000 "$whole" > "$TEST_DIR/part"
		case $case in
		flipped) printf '\377\377' | dd of="$TEST_DIR/part" bs=1 seek=150000 conv=notrunc status=none ;;
		longer) cat "$whole" "$whole" > "$TEST_DIR/part" ;;
		complete) cp "$whole" "$TEST_DIR/part" ;;
		esac
		cp "$TEST_DIR/part" "$CADDIS_ROOT/images/blobs/sha256/part.${digest#*:}"
		: > "$TEST_DIR/requests"
		[[ $case == *.* ]] || case=good
		run_ok image pull -q --sync "$FAKE/$case:1"
		cmp "$whole" "$CADDIS_ROOT/images/blobs/sha256/${digest#*:}"
		[ "$(wc -c < "$(find "$CADDIS_ROOT/layers" -name first)")" -eq 640000 ]
		[ -z "$(part)" ]
	done
}

@test "ten pulls at once of images that share layers download each layer once" {
	local pids=() pid i

	start_fake_registry
	for i in 31 32 33 34 35 36 37 38 39 40; do
		background "$CADDIS" image pull -q "$FAKE/layers.$i:1" > /dev/null
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$("$CADDIS" image ls -q | wc -l)" -eq 10 ]
	# 40 layers and a configuration for each of the ten images
	[ "$(requests_for /blobs/)" -eq 50 ] || fail "$(requests_for /blobs/)"
	[ "$(grep -o 'sha256:[0-9a-f]*' "$TEST_DIR/requests" | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "a pull on a sandbox's account is charged to it: CPU and memory" {
	local id before after

	start_fake_registry
	run_ok sandbox create pays
	id=$output
	before=$(cpu_of "/caddis/$id")
	run_ok image pull -q --sandbox pays "$FAKE/good:1"
	[[ $output == sha256:* ]]
	pulled=$output
	# Told once: the second one finds nothing new.
	run_ok image pull -q "$FAKE/good:1"
	run_ok events --no-follow -f event=pulled -o json
	[ "$(jq -r '.id + " " + .name' <<< "$output")" = "$pulled $FAKE/good:1" ] || fail "$output"
	after=$(cpu_of "/caddis/$id")
	[ $((after - before)) -ge 1000000 ] || fail "$before ns before, $after after"
	[ "$(memory_peak "/caddis/$id")" -ge 640000 ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 5 -path "*$id/charged*" -print -quit)" ]
	run_fails 1 image pull -q --sandbox pays "$FAKE/always.404:1"
	assert_error "not found"
	run_fails 1 image pull -q --sandbox nobody "$FAKE/good:1"
	assert_error "nobody"
	run_ok sandbox stop pays
	run_fails 1 image pull -q --sandbox pays "$FAKE/good:1"
	assert_error "sandbox pays is not ready"
}

# ns of CPU time, whatever the cgroups' version.
cpu_of() {
	if [ -e "/sys/fs/cgroup$1/cpu.stat" ]; then
		awk '$1 == "usage_usec" { print $2 * 1000 }' "/sys/fs/cgroup$1/cpu.stat"
	else
		cat "/sys/fs/cgroup/cpuacct$1/cpuacct.usage" 2>/dev/null || echo 0 # made when it is needed
	fi
}

memory_peak() {
	cgroup_value "$1" memory.peak memory memory.max_usage_in_bytes
}

@test "memory stays below 64 MiB, whatever the layer's size" {
	local peak

	start_registry
	umoci init --layout "$TEST_DIR/oci"
	umoci new --image "$TEST_DIR/oci:a"
	umoci unpack --image "$TEST_DIR/oci:a" "$TEST_DIR/tree"
	head -c 300000000 /dev/urandom > "$TEST_DIR/tree/rootfs/large"
	umoci repack --image "$TEST_DIR/oci:a" "$TEST_DIR/tree"
	push "$TEST_DIR/oci:a" large:1
	rm -rf "$TEST_DIR/tree" "$TEST_DIR/oci"
	run python3 -c "
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)" "$CADDIS" image pull -q "$REGISTRY/large:1"
	[ "$status" -eq 0 ] || fail "$output"
	peak=${lines[-1]}
	[ "$peak" -lt $((64 * 1024)) ] || fail "$peak KiB"
}

@test "on a terminal each layer has a bar, with rate and time left; without one there is none" {
	start_fake_registry
	run script -qec "stty cols 120 rows 30; TERM=xterm $CADDIS image pull --stall-timeout 3s $FAKE/slow.drip:1" /dev/null
	[ "$status" -eq 0 ] || fail "$output"
	[[ $output =~ \[=+\ +\]\ [0-9.]+KiB\ of\ [0-9.]+KiB ]] || fail "$output"
	[[ $output =~ B/s,\ [0-9]+s\ left ]] || fail "$output"
	run_ok image rm "$FAKE/slow.drip:1"
	run_ok image pull "$FAKE/slow.drip:1"
	[[ $stderr != *$'\e'* && $stderr != *"[="* ]]
}
