#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# caddis-oci on a machine with cgroup v2 alone; tests/vm/run makes one. Every value is the kernel's.

load ../helpers
load ../oci

setup() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || fail "this is for a machine with cgroup v2 alone: tests/vm/run"
	oci_setup
}

teardown() {
	oci_teardown
}

@test "a bundle on cgroup v2 has its limits, devices and freezer, tells when memory runs out, and leaves nothing" {
	local c=$OCI dir=/sys/fs/cgroup/$OCI/x pid disk
	oci_started "$c" ".linux.cgroupsPath = \"/$OCI/x\" | .linux.resources = {
		memory: {limit: 33554432, swap: 33554432, reservation: 16777216}, pids: {limit: 20},
		cpu: {shares: 512, quota: 50000, period: 100000}, unified: {\"memory.high\": \"30000000\", \"cpu.weight\": \"77\"}} |
		.process.capabilities = {bounding: [\"CAP_MKNOD\"], effective: [\"CAP_MKNOD\"], permitted: [\"CAP_MKNOD\"]}"
	pid=$(oci state "$c" | jq .pid)
	grep -qx "$pid" "$dir/cgroup.procs"
	[ "$(cat "$dir/memory.max" "$dir/memory.swap.max" "$dir/memory.low" "$dir/pids.max" "$dir/cpu.max" "$dir/cpu.weight")" = \
		$'33554432\n0\n16777216\n20\n50000 100000\n77' ]
	[ "$(cat "$dir/memory.high")" = 29999104 ] # whole pages
	disk=$(stat -c '%Hr %Lr' /dev/vda)
	oci_fails 1 exec "$c" sh -c "mknod /dev/disk b $disk && head -c 1 /dev/disk"
	[[ $stderr == *"Operation not permitted"* ]] || fail "$stderr"
	oci_ok exec "$c" sh -c 'echo x > /dev/null && head -c 4 /dev/zero | wc -c'
	assert_output 4
	oci_ok update --memory 67108864 --memory-swap 67108864 --pids-limit 30 "$c"
	[ "$(cat "$dir/memory.max" "$dir/pids.max")" = $'67108864\n30' ]
	oci_ok pause "$c"
	oci_is "$c" paused
	grep -qx "frozen 1" "$dir/cgroup.events"
	oci_fails 125 exec "$c" true
	oci_ok resume "$c"
	grep -qx "frozen 0" "$dir/cgroup.events"
	echo max > "$dir/memory.high"
	background "$RUNTIME" --root "$OCI_ROOT" events --interval 200ms "$c" > "$TEST_DIR/events"
	wait_until 20 test -s "$TEST_DIR/events"
	oci_fails 137 exec "$c" sh -c 'exec tail -c 200000000 < /dev/zero'
	wait_until 20 grep -q '"type":"oom"' "$TEST_DIR/events"
	oci_is "$c" running
	oci_ok pause "$c"
	oci_ok delete -f "$c"
	[ ! -e "/sys/fs/cgroup/$OCI" ]
}
