#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# caddis-oci on a machine with cgroup v2 alone; tests/vm/run makes one. Every value is the kernel's.
# https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#control-groups

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

@test "limits of config.json are in the files of cgroup v2, and devices are denied and allowed by their rules" {
	local disk dir=/sys/fs/cgroup/spec-$OCI
	disk=$(stat -c '%Hr:%Lr' /dev/vda)
	oci_started "$OCI" '.linux.cgroupsPath = "spec-'"$OCI"'" | .linux.resources = {
		memory: {limit: 67108864, swap: 100663296, reservation: 33554432},
		cpu: {shares: 1024, quota: 50000, period: 100000, burst: 20000, cpus: "0", mems: "0"}, pids: {limit: 23},
		devices: [{allow: true, type: "c", major: 1, minor: 11, access: "r"}],
		blockIO: {throttleReadBpsDevice: [{major: '"${disk%:*}"', minor: '"${disk#*:}"', rate: 1048576}],
			throttleWriteIOPSDevice: [{major: '"${disk%:*}"', minor: '"${disk#*:}"', rate: 40}]},
		unified: {"memory.high": "50331648"}}
		| .process.capabilities = {bounding: ["CAP_SYSLOG"], effective: ["CAP_SYSLOG"], permitted: ["CAP_SYSLOG"]}
		| .linux.devices = [{path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 438}]'
	(cd "$dir" && head -n 1 memory.{max,swap.max,low,high} cpu.{weight,max,max.burst} cpuset.{cpus,mems} pids.max io.max) |
		grep -v '^$' | paste -d ' ' - - > "$TEST_DIR/got"
	diff "$TEST_DIR/got" - <<-END
		==> memory.max <== 67108864
		==> memory.swap.max <== 33554432
		==> memory.low <== 33554432
		==> memory.high <== 50331648
		==> cpu.weight <== 39
		==> cpu.max <== 50000 100000
		==> cpu.max.burst <== 20000
		==> cpuset.cpus <== 0
		==> cpuset.mems <== 0
		==> pids.max <== 23
		==> io.max <== $disk rbps=1048576 wbps=max riops=max wiops=40
	END
	oci_ok exec "$OCI" sh -c '(: < /dev/kmsg) && echo read; (: > /dev/kmsg) 2>&1 || true'
	assert_output "read
sh: can't create /dev/kmsg: Operation not permitted"
	oci_ok delete -f "$OCI"
	[ ! -e "$dir" ]
}

@test "what cgroup v2 lacks is refused by its name, and no group is left" {
	local change
	for change in 'memory.swappiness=5' 'memory.disableOOMKiller=true' 'memory.kernelTCP=1000000' 'cpu.realtimeRuntime=1000' 'blockIO.leafWeight=20'; do
		oci_config ".linux.resources.${change%=*} = ${change#*=}" > "$BUNDLE/config.json"
		oci_fails 1 create -b "$BUNDLE" "$OCI" < /dev/null
		oci_error "${change%=*}: cgroup v2 has no such setting"
	done
	for change in 'network.classID = 5' 'network.priorities = [{name: "lo", priority: 3}]'; do
		oci_config ".linux.resources.$change" > "$BUNDLE/config.json"
		oci_fails 1 create -b "$BUNDLE" "$OCI" < /dev/null
		oci_error "a limit needs the cgroup controller net_"
	done
	oci_config '.linux.resources.unified = {"memory.nonsense": "1"}' > "$BUNDLE/config.json"
	oci_fails 1 create -b "$BUNDLE" "$OCI" < /dev/null
	oci_error "memory.nonsense"
}
