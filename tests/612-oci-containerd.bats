#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# containerd with its runc shim and caddis-oci as --runc-binary.

load helpers
load oci

setup() {
	oci_setup
	cat > "$TEST_DIR/containerd.toml" <<-TOML
		version = 2
		root = "$TEST_DIR/root"
		state = "$TEST_DIR/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		address = "$TEST_DIR/sock"
	TOML
	background containerd -c "$TEST_DIR/containerd.toml" > "$TEST_DIR/log" 2>&1
	wait_until 10 test -S "$TEST_DIR/sock"
	command podman --root "$TEST_DIR/podman" --runroot "$TEST_DIR/run" --tmpdir "$TEST_DIR/tmp" import -q "$(tar -C "$ROOTFS" -cf "$TEST_DIR/box.tar" . && echo "$TEST_DIR/box.tar")" box > "$TEST_DIR/out"
	command podman --root "$TEST_DIR/podman" --runroot "$TEST_DIR/run" --tmpdir "$TEST_DIR/tmp" save -q -o "$TEST_DIR/image.tar" box
	ctr image import --snapshotter native --no-unpack "$TEST_DIR/image.tar" > "$TEST_DIR/out"
}

teardown() {
	local left=0 id

	for id in $(ctr task ls -q); do
		ctr task kill -s KILL "$id" || left=1
		ctr task rm -f "$id" > "$TEST_DIR/out" 2>&1
	done
	for id in $(ctr container ls -q); do ctr container rm "$id" || left=1; done
	rmdir "/run/containerd/runc/$OCI" /sys/fs/cgroup/*/"$OCI" /sys/fs/cgroup/"$OCI" 2> /dev/null
	oci_teardown || left=1
	return "$left"
}

ctr() {
	command ctr -a "$TEST_DIR/sock" -n "$OCI" "$@" 3>&-
}

@test "containerd runs, executes in, pauses, limits and removes containers of caddis-oci through its shim" {
	local how=(--runc-binary "$RUNTIME" --snapshotter native) pid
	run --separate-stderr ctr run --rm "${how[@]}" localhost/box:latest one sh -c 'echo out; exit 7'
	[ "$status" -eq 7 ] || fail "$stderr"
	assert_output out
	run --separate-stderr ctr run --rm "${how[@]}" localhost/box:latest none nonsense
	[ "$status" -eq 1 ]
	[[ $stderr == *'OCI runtime create failed: exec: "nonsense": executable file not found in $PATH'* ]] || fail "$stderr"
	ctr run -d --memory-limit 33554432 "${how[@]}" localhost/box:latest two sleep 1000
	pid=$(ctr task ls | awk '$1 == "two" { print $2 }')
	[ "$(ctr task ls | awk '$1 == "two" { print $3 }')" = RUNNING ]
	[ "$(cgroup_value "/$OCI/two" memory.max memory memory.limit_in_bytes)" = 33554432 ]
	run --separate-stderr ctr task exec --exec-id e1 two sh -c 'id -u; readlink /proc/1/ns/net; exit 3'
	[ "$status" -eq 3 ] || fail "$stderr"
	assert_output "0"$'\n'"$(readlink "/proc/$pid/ns/net")"
	run --separate-stderr ctr task exec --exec-id e2 two nonsense
	[ "$status" -eq 1 ]
	[[ $stderr == *'OCI runtime exec failed: exec: "nonsense"'* ]] || fail "$stderr"
	[ "$(ctr task ps two | awk 'NR == 2 { print $1 }')" = "$pid" ]
	ctr task pause two
	[ "$(ctr task ls | awk '$1 == "two" { print $3 }')" = PAUSED ]
	ctr task resume two
	ctr task metrics two | grep -q '^memory.limit_in_bytes *33554432\|^memory.*33554432'
	ctr task kill -s KILL two
	stopped() { [ "$(ctr task ls | awk '$1 == "two" { print $3 }')" = STOPPED ]; }
	wait_until 5 stopped
	run ctr task rm two
	[ ! -e "/proc/$pid" ]
	ctr container rm two
	[ -z "$(ls -A "/run/containerd/runc/$OCI" 2>/dev/null)" ]
}
