#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What caddis-oci tells: ps, events, spec, features.

load helpers
load oci

setup() {
	oci_setup
}

teardown() {
	oci_teardown
}

@test "ps, events and their statistics are those of the container's cgroup" {
	local c=$OCI pids
	oci_started "$c" '.process.args = ["sh", "-c", "sleep 1001 & exec sleep 1000"] | .linux.resources = {memory: {limit: 33554432}, pids: {limit: 20}}'
	two_processes() { [ "$(oci ps -f json "$c" | jq length)" = 2 ]; }
	wait_until 5 two_processes
	pids=$(oci state "$c" | jq .pid)
	oci ps -f json "$c" | jq -e "index($pids) != null" > /dev/null
	oci_ok ps "$c"
	assert_output_has "sleep 1001"
	oci_ok events --stats "$c"
	[ "$(jq -c '[.type, .id, .data.pids.current, .data.pids.limit, .data.memory.usage.limit, .data.cpu.usage.total > 0]' <<< "$output")" = \
		"[\"stats\",\"$c\",2,20,33554432,true]" ]
	background "$RUNTIME" --root "$OCI_ROOT" events --interval 50ms "$c" > "$TEST_DIR/events"
	three_lines() { [ "$(wc -l < "$TEST_DIR/events")" -ge 3 ]; }
	wait_until 5 three_lines
	oci_ok kill "$c" KILL
	ended() { ! kill -0 "${TEST_PIDS[-1]}" 2> /dev/null; }
	wait_until 5 ended
	[ "$(jq -r .type "$TEST_DIR/events" | sort -u)" = stats ]
	oci_fails 1 events "$c"
	oci_error "container not running"
	oci_fails 2 events --interval soon "$c"
	oci_fails 2 ps -f xml "$c"
	oci_fails 1 ps "$c-none"
}

@test "spec writes what runc's does, runs with a root file system beside it, and overwrites nothing" {
	local option
	for option in "" --rootless; do
		mkdir "$TEST_DIR/ours$option" "$TEST_DIR/theirs$option"
		oci_ok spec -b "$TEST_DIR/ours$option" $option
		(cd "$TEST_DIR/theirs$option" && runc spec $option)
		diff <(jq -S 'del(.ociVersion)' "$TEST_DIR/theirs$option/config.json") <(jq -S 'del(.ociVersion)' "$TEST_DIR/ours$option/config.json")
		[ "$(jq -r .ociVersion "$TEST_DIR/ours$option/config.json")" = 1.3.0 ]
	done
	oci_fails 1 spec -b "$TEST_DIR/ours"
	oci_error "exists: remove it first"
	oci_fails 1 spec -b "$TEST_DIR/none"
	ln -s "$ROOTFS" "$TEST_DIR/ours/rootfs"
	jq '.process.args = ["id"] | .process.terminal = false' "$TEST_DIR/theirs/config.json" > "$TEST_DIR/ours/config.json"
	oci_ok run -b "$TEST_DIR/ours" "$OCI"
	[[ $output == "uid=0(root) gid=0(root)"* ]]
}

@test "features names what config.json may have, and every name in it is one" {
	oci_ok features
	[ "$(jq -c '[.ociVersionMin, .ociVersionMax, .linux.cgroup.v1, .linux.cgroup.v2, .linux.cgroup.systemd, .linux.seccomp.enabled, .linux.netDevices.enabled, .linux.intelRdt.schemata]' <<< "$output")" = \
		'["1.0.0","1.3.0",true,true,false,true,true,true]' ]
	[ "$(jq -c .hooks <<< "$output")" = '["prestart","createRuntime","createContainer","startContainer","poststart","poststop"]' ]
	[ "$(jq -c '.linux.namespaces | sort' <<< "$output")" = '["cgroup","ipc","mount","network","pid","time","user","uts"]' ]
	jq -e '.mountOptions | index("rro") and index("rbind") and index("tmpcopyup")' <<< "$output" > /dev/null
	jq -e '.linux.capabilities | index("CAP_CHECKPOINT_RESTORE")' <<< "$output" > /dev/null
	for version in 1.0.0 1.3.0; do
		oci_config ".ociVersion = \"$version\" | .process.args = [\"true\"] | .process.capabilities.bounding = $(jq -c .linux.capabilities <<< "$output") |
			.linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", architectures: $(jq -c "[.linux.seccomp.archs[] | select(test(\"X86|X32|AARCH64|ARM\"))]" <<< "$output"), flags: [\"SECCOMP_FILTER_FLAG_LOG\"]}" > "$BUNDLE/config.json"
		run --separate-stderr oci run -b "$BUNDLE" "$OCI"
		[ "$status" -eq 0 ] || fail "$stderr"
		oci_ok features
	done
}

@test "sockets by LISTEN_FDS arrive in the container, and NOTIFY_SOCKET hears that it is ready" {
	local pid
	oci_config '.process.args = ["sh", "-c", "echo ${LISTEN_FDS-none} $LISTEN_PID; cat <&3; cat <&4"]' > "$BUNDLE/config.json"
	run --separate-stderr bash -c 'exec 3<<< three 4<<< four; export LISTEN_FDS=1 LISTEN_PID=$BASHPID; exec "$@"' _ \
		"$RUNTIME" --root "$OCI_ROOT" run -b "$BUNDLE" --preserve-fds 1 "$OCI"
	[ "$status" -eq 0 ] || fail "$stderr"
	assert_output $'1 1\nthree\nfour'
	run --separate-stderr bash -c 'exec 3<<< three 4<&-; export LISTEN_FDS=1 LISTEN_PID=1; exec "$@"' _ "$RUNTIME" --root "$OCI_ROOT" run -b "$BUNDLE" "$OCI"
	[ "${lines[0]}" = none ] # meant for somebody else

	oci_config . > "$BUNDLE/config.json"
	python3 - "$TEST_DIR/host.sock" > "$TEST_DIR/heard" <<-'PY' 3>&- &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		print(s.recv(100).decode(), end="")
	PY
	TEST_PIDS+=($!)
	wait_until 5 test -S "$TEST_DIR/host.sock"
	export NOTIFY_SOCKET=$TEST_DIR/host.sock
	oci create -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1
	background "$RUNTIME" --root "$OCI_ROOT" start "$OCI"
	unset NOTIFY_SOCKET
	wait_until 5 oci_is "$OCI" running
	pid=$(oci state "$OCI" | jq .pid)
	tr '\0' '\n' < "/proc/$pid/environ" | grep -qx NOTIFY_SOCKET=/run/notify/notify.sock
	inside() { python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), sys.argv[1])' \
		"/proc/$pid/root/run/notify/notify.sock" "$1"; }
	inside "STATUS=not READY=1"
	sleep 0.2
	kill -0 "${TEST_PIDS[-1]}" # it waits still
	inside $'STATUS=up\nREADY=1'
	wait "${TEST_PIDS[-1]}"
	[ "$(cat "$TEST_DIR/heard")" = $'READY=1\n'"MAINPID=$pid" ]
	oci_ok delete -f "$OCI"
	# One that ends without a word does not hold its start up.
	oci_config '.process.args = ["true"]' > "$BUNDLE/config.json"
	NOTIFY_SOCKET=$TEST_DIR/none oci create -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1
	NOTIFY_SOCKET=$TEST_DIR/none oci_ok start "$OCI"
}
