#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# caddis-oci by hand: the life cycle of the runtime specification, and what can go wrong in it.

load helpers
load oci

setup() {
	oci_setup
}

teardown() {
	oci_teardown
}

@test "a container goes from created over running to stopped, and each operation is refused at the wrong time" {
	local c=$OCI pid
	oci_config '.process.args = ["sh", "-c", "echo up > /tmp/up; exec sleep 1000"]' > "$BUNDLE/config.json"
	oci create -b "$BUNDLE" --pid-file "$TEST_DIR/pid" "$c" < /dev/null > "$TEST_DIR/out" 2>&1
	pid=$(cat "$TEST_DIR/pid")
	[ "$(oci state "$c" | jq -c '[.ociVersion, .id, .status, .pid, .bundle, .annotations]')" = \
		"[\"1.0.2\",\"$c\",\"created\",$pid,\"$(realpath "$BUNDLE")\",{\"org.example.one\":\"1\"}]" ]
	oci_fails 1 create -b "$BUNDLE" "$c"
	oci_error "container \"$c\" already exists"
	oci_fails 1 delete "$c"
	oci_error "it is created, not stopped"
	oci_is "$c" created
	[ "$(readlink "/proc/$pid/exe")" != "$(readlink -f "$ROOTFS/bin/busybox")" ]
	echo '{"process":{"args":["false"]}}' > "$BUNDLE/config.json" # too late to count
	oci_ok start "$c"
	oci_is "$c" running
	tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qE '^(sh|sleep) '
	oci_fails 1 start "$c"
	oci_error "it is running, not created"
	oci_fails 1 delete "$c"
	oci_fails 1 resume "$c"
	oci_error "it is running"
	oci_ok pause "$c"
	oci_is "$c" paused
	oci_fails 1 pause "$c"
	oci_ok resume "$c"
	oci_is "$c" running
	[ "$(oci list -q)" = "$c" ]
	[ "$(oci list -f json | jq -r '.[0].status')" = running ]
	oci list | grep -qE "^$c +$pid +running"
	oci_ok kill "$c" USR1
	oci_is "$c" running # the first process of a pid namespace: no handler, no effect
	oci_ok kill "$c" 9
	wait_until 5 oci_is "$c" stopped
	[ "$(oci state "$c" | jq .pid)" = 0 ]
	oci_fails 1 kill "$c" 9
	oci_error "container not running"
	oci_fails 1 start "$c"
	oci_fails 1 pause "$c"
	oci_ok delete "$c"
	oci_fails 1 state "$c"
	oci_error "container \"$c\" does not exist"
	oci_fails 1 delete "$c"
	oci_ok delete -f "$c"
	[ -z "$(oci list -q)" ]
}

@test "run passes streams and status on, deletes the container, and with --keep does not" {
	oci_config '.process.args = ["sh", "-c", "cat; echo err >&2; exit 7"]' > "$BUNDLE/config.json"
	run --separate-stderr oci run -b "$BUNDLE" "$OCI" <<< in
	[ "$status" -eq 7 ]
	assert_output in
	[ "$stderr" = err ]
	[ -z "$(oci list -q)" ]
	oci_fails 7 run --keep -b "$BUNDLE" "$OCI" < /dev/null
	oci_is "$OCI" stopped
	oci_ok delete "$OCI"
	oci_config . > "$BUNDLE/config.json"
	oci run -d -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1
	oci_is "$OCI" running
	oci_ok delete -f "$OCI"
	background "$RUNTIME" --root "$OCI_ROOT" run -b "$BUNDLE" "$OCI" < /dev/null
	wait_until 5 oci_is "$OCI" running 2> /dev/null
	kill -USR2 $!
	kill -9 $! # a foreground container does not outlive its command
	wait_until 5 oci_is "$OCI" stopped
}

@test "a program that cannot be executed is an error of create or start, names it, and leaves nothing" {
	printf '#!/no/such/interpreter\n' > "$BUNDLE/script"
	chmod +x "$BUNDLE/script"
	oci_config '.process.args = ["nonsense"]' > "$BUNDLE/config.json"
	oci_fails 1 create -b "$BUNDLE" "$OCI"
	oci_error "exec: \"nonsense\""
	oci_fails 127 run -b "$BUNDLE" "$OCI"
	[ -z "$(ls -A "$OCI_ROOT")" ]
	oci_config '.process.args = ["/script"] | .mounts += [{"destination": "/tmp", "type": "tmpfs"},
		{"destination": "/tmp/script", "source": "script", "options": ["bind"]}] | .process.args = ["/tmp/script"]' > "$BUNDLE/config.json"
	oci create -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1 # finds the source beside config.json
	oci_fails 1 start "$OCI"
	oci_error "interpreter or loader was not found"
	wait_until 5 oci_is "$OCI" stopped
	oci_ok delete "$OCI"
}

@test "what is wrong is named, with status 1 or 2, and nothing is made" {
	local bad
	oci_fails 1 create -b "$TEST_DIR/none" "$OCI"
	oci_error "bundle $TEST_DIR/none: No such file or directory"
	oci_fails 1 create -b "$TEST_DIR" "$OCI"
	oci_error "config.json: No such file or directory"
	for bad in . .. a/b "" "a b" -x .x "$(printf 'x%.0s' {1..256})"; do
		oci_fails 2 create -b "$BUNDLE" -- "$bad"
	done
	oci_error "more than 255"
	echo '{' > "$BUNDLE/config.json"
	oci_fails 2 create -b "$BUNDLE" "$OCI"
	oci_error "config.json:2: "
	oci_config 'del(.ociVersion)' > "$BUNDLE/config.json"
	oci_fails 2 create -b "$BUNDLE" "$OCI"
	oci_error "ociVersion"
	oci_config '.ociVersion = "2.0.0"' > "$BUNDLE/config.json"
	oci_fails 2 create -b "$BUNDLE" "$OCI"
	oci_config '.root.path = "none"' > "$BUNDLE/config.json"
	oci_fails 1 create -b "$BUNDLE" "$OCI"
	oci_error "$BUNDLE/none: No such file or directory"
	oci_config '.linux.cgroupsPath = "../up"' > "$BUNDLE/config.json"
	oci_fails 2 create -b "$BUNDLE" "$OCI"
	oci_error "linux.cgroupsPath"
	oci_config '.process.terminal = true' > "$BUNDLE/config.json"
	oci_fails 2 create -b "$BUNDLE" "$OCI"
	oci_error "--console-socket"
	oci_config . > "$BUNDLE/config.json"
	oci_fails 2 create -b "$BUNDLE" --console-socket "$TEST_DIR/none" "$OCI"
	oci_fails 1 create -b "$BUNDLE" --pidfd-socket "$TEST_DIR/none" "$OCI"
	oci_error "--pidfd-socket: $TEST_DIR/none"
	oci_fails 1 create -b "$BUNDLE" --pid-file "$TEST_DIR/none/pid" "$OCI"
	oci_error "--pid-file"
	oci_fails 2 create -b "$BUNDLE" --preserve-fds 77 "$OCI"
	oci_error "descriptor"
	oci_fails 1 --systemd-cgroup create -b "$BUNDLE" "$OCI"
	oci_error "systemd"
	oci_fails 2 --log-format xml state "$OCI"
	oci_fails 2 --cgroup-manager nobody state "$OCI"
	oci_fails 2 kill "$OCI" NONSENSE
	oci_error "unknown signal"
	oci_fails 2 list -f xml
	[ -z "$(ls -A "$OCI_ROOT")" ]
}

@test "--log gets each error as engines parse it, and --version says what they look for" {
	oci_fails 1 --log "$TEST_DIR/log" --log-format=json state "$OCI"
	[ "$(jq -r '.level + " " + .msg' "$TEST_DIR/log")" = "error container \"$OCI\" does not exist" ]
	date -d "$(jq -r .time "$TEST_DIR/log")" > /dev/null
	oci_fails 2 --log "$TEST_DIR/log" --log-format=json state --nonsense
	[ "$(jq -rs '.[1].msg' "$TEST_DIR/log" | cut -d';' -f1)" = "unknown option --nonsense" ]
	oci_fails 1 --log "$TEST_DIR/text" start "$OCI"
	grep -qE '^time="20[^"]+Z" level=error msg="container \\"' "$TEST_DIR/text"
	oci_fails 1 --log "$TEST_DIR/none/log" list
	oci_error "--log $TEST_DIR/none/log"
	oci_ok --version
	assert_output_has "caddis-oci version $(sed -n 's/^VERSION := //p' "$BATS_TEST_DIRNAME/../Makefile")"
	assert_output_has "spec: 1.3.0"
	[ "$output" = "$(caddis oci --version)" ]
	run_fails 2 --root "$OCI_ROOT" oci list
}

@test "every global option is in the man page, in the help and completes, and takes effect before the verb and after it" {
	local option n=0
	while read -r option; do
		grep -qE "^\.It Fl -$option( |\$)" "$BATS_TEST_DIRNAME/../man/caddis-oci.8" || fail "not in the man page: --$option"
		caddis --complete oci "--$option" | cut -f1 | grep -qx -- "--$option"
		n=$((n + 1))
	done < <(caddis oci --help | sed -n 's/^ *--\([a-z-]*\).*/\1/p')
	[ "$n" -ge 8 ]
	oci_ok list -q --root "$TEST_DIR/other"
	[ -d "$TEST_DIR/other" ]
	run_fails 2 oci --root "$OCI_ROOT"
	[[ $stderr == *"oci needs a verb"* ]]
}

# oci_in_group PATH PID: is the process there, in a hierarchy that has memory?
oci_in_group() {
	local dir

	for dir in "/sys/fs/cgroup/memory$1" "/sys/fs/cgroup$1"; do
		[ -e "$dir/cgroup.procs" ] && grep -qx "$2" "$dir/cgroup.procs" && return 0
	done
	fail "not in $1: $(cat "/proc/$2/cgroup")"
}

@test "cgroupsPath is honoured, absolute, relative or empty, and delete removes what create made of it" {
	local c=$OCI pid
	oci_started "$c" ".linux.cgroupsPath = \"/$OCI/x/y\" | .linux.resources = {memory: {limit: 33554432}, pids: {limit: 20}}"
	pid=$(oci state "$c" | jq .pid)
	oci_in_group "/$OCI/x/y" "$pid"
	[ "$(cgroup_value "/$OCI/x/y" memory.max memory memory.limit_in_bytes)" = 33554432 ]
	[ "$(cgroup_value "/$OCI/x/y" pids.max pids pids.max)" = 20 ]
	oci_started "$c-2" ".linux.cgroupsPath = \"$OCI/x/z\""
	oci_in_group "/$OCI/x/z" "$(oci state "$c-2" | jq .pid)"
	oci_config ".linux.cgroupsPath = \"/$OCI/x/z\"" > "$BUNDLE/config.json"
	oci_fails 1 create -b "$BUNDLE" "$c-3" # somebody is in it
	oci_error "exists and has processes"
	oci_is "$c-2" running
	oci_ok delete -f "$c-2"
	[ "$(oci_groups_now)" ]
	oci_ok delete -f "$c"
	[ -z "$(oci_groups_now)" ]
	oci_started "$c"
	oci_in_group "/caddis-oci-$c" "$(oci state "$c" | jq .pid)"
	oci_ok delete -f "$c"
	[ -z "$(oci_groups_now)" ]
	oci --cgroup-manager=disabled run -d -b "$BUNDLE" "$c" < /dev/null > "$TEST_DIR/out" 2>&1
	[ "$(cat "/proc/$(oci state "$c" | jq .pid)/cgroup")" = "$(cat /proc/self/cgroup)" ]
	oci_fails 1 pause "$c"
	oci_error "no cgroup of its own"
}

group_empty() {
	[ -z "$(cat "/sys/fs/cgroup/memory$1/cgroup.procs" "/sys/fs/cgroup$1/cgroup.procs" 2>/dev/null)" ]
}

@test "kill --all and delete end what a stopped container has left, and delete -f what is paused" {
	local c=$OCI
	oci_started "$c" '.linux.namespaces |= map(select(.type != "pid")) | .process.args = ["sh", "-c", "sleep 1001 & sleep 1001 & exec sleep 1000"]'
	oci_ok kill "$c" KILL
	wait_until 5 oci_is "$c" stopped
	oci_fails 1 kill "$c" KILL
	oci_ok kill --all "$c" KILL
	wait_until 5 group_empty "/caddis-oci-$c"
	oci_ok delete "$c"
	oci_started "$c"
	oci_ok pause "$c"
	oci_ok delete -f "$c"
	oci_started "$c"
	oci_ok pause "$c"
	oci_ok kill "$c" KILL
	wait_until 5 oci_is "$c" stopped
}

@test "a terminal goes to who listens at the console socket, with its other side as the process's streams" {
	oci_config '.process.terminal = true | .process.args = ["sh", "-c", "tty; stty size; read x; echo got-$x"] |
		.process.consoleSize = {height: 33, width: 99}' > "$BUNDLE/config.json"
	python3 - "$TEST_DIR/console" > "$TEST_DIR/out" <<-'PY' 3>&- &
		import array, os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		text, control, _, _ = s.accept()[0].recvmsg(100, socket.CMSG_SPACE(4))
		fd = array.array("i", control[0][2])[0]
		os.write(fd, b"x1\n")
		try:
		    while True:
		        got = os.read(fd, 4096)
		        if not got:
		            break
		        sys.stdout.write(got.decode())
		        sys.stdout.flush()
		except OSError:
		    pass
	PY
	TEST_PIDS+=($!)
	wait_until 5 test -S "$TEST_DIR/console"
	oci_ok create -b "$BUNDLE" --console-socket "$TEST_DIR/console" "$OCI"
	oci_ok start "$OCI"
	wait_until 5 grep -q got-x1 "$TEST_DIR/out"
	grep -q "/dev/pts/0" "$TEST_DIR/out"
	grep -q "33 99" "$TEST_DIR/out"
	oci_ok delete -f "$OCI"
}

@test "--no-pivot, --no-new-keyring and --pidfd-socket do what they say" {
	python3 - "$TEST_DIR/pidfd" > "$TEST_DIR/heard" <<-'PY' 3>&- &
		import array, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		_, control, _, _ = s.accept()[0].recvmsg(100, socket.CMSG_SPACE(4))
		fd = array.array("i", control[0][2])[0]
		print(next(l.split()[1] for l in open(f"/proc/self/fdinfo/{fd}") if l.startswith("Pid:")))
	PY
	TEST_PIDS+=($!)
	wait_until 5 test -S "$TEST_DIR/pidfd"
	oci run -d --no-pivot --pidfd-socket "$TEST_DIR/pidfd" -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1
	wait "${TEST_PIDS[-1]}"
	[ "$(cat "$TEST_DIR/heard")" = "$(oci state "$OCI" | jq .pid)" ]
	oci_ok exec "$OCI" ls / # nobody who enters meets the host's root
	[ "$output" = "$(ls "$ROOTFS")" ]
	oci_config '.process.args = ["cat", "/proc/keys"]' > "$BUNDLE/config.json"
	oci run -b "$BUNDLE" "$OCI-k" < /dev/null | grep -q "caddis.$OCI-k"
	[ "$(oci run --no-new-keyring -b "$BUNDLE" "$OCI-n" < /dev/null | grep -c "caddis.$OCI-n")" = 0 ]
}

@test "namespaces are joined by path, and preserved descriptors arrive" {
	local pid
	oci_started "$OCI"
	pid=$(oci state "$OCI" | jq .pid)
	oci_config ".linux.namespaces |= map(if .type == \"network\" or .type == \"ipc\" or .type == \"uts\" then
		.path = \"/proc/$pid/ns/\" + {network: \"net\", ipc: \"ipc\", uts: \"uts\"}[.type] else . end) | del(.hostname) |
		.process.args = [\"sh\", \"-c\", \"for i in net ipc uts; do readlink /proc/self/ns/\$i; done; cat <&4; ls /proc/self/fd\"]" > "$BUNDLE/config.json"
	run --separate-stderr bash -c 'exec 3< /dev/null 4< <(echo four) 5< /dev/null; "$@"' _ \
		"$RUNTIME" --root "$OCI_ROOT" run --preserve-fds 2 -b "$BUNDLE" "$OCI-2"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "$(readlink "/proc/$pid/ns/net")" ]
	[ "${lines[1]}" = "$(readlink "/proc/$pid/ns/ipc")" ]
	[ "${lines[2]}" = "$(readlink "/proc/$pid/ns/uts")" ]
	[ "${lines[3]}" = four ]
	[ "${lines[*]:4}" = "0 1 2 3 4 5" ] # 5: of ls itself, on /proc/self/fd
	[ "$(oci_config '.linux.namespaces[4].path = "/proc/self/ns/mnt"' | tee "$BUNDLE/config.json" | wc -l)" -gt 1 ]
	oci_fails 2 create -b "$BUNDLE" "$OCI-3"
	oci_error "is not a network namespace"
}

# killed_at EVERY ARG...: caddis-oci ARG... is killed at each EVERYth of its system calls, one run for each; then "look".
killed_at() {
	local every=$1 n=0 call nth status

	shift
	strace -qq -o "$TEST_DIR/trace" "$RUNTIME" --root "$OCI_ROOT" "$@" < /dev/null > "$TEST_DIR/out" 2>&1 3>&-
	before
	while read -r call nth; do
		status=0
		strace -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$nth" \
			"$RUNTIME" --root "$OCI_ROOT" "$@" < /dev/null > "$TEST_DIR/out" 2>&1 3>&- || status=$?
		look "$call $nth" || return 1
		[ "$status" -ne 137 ] || n=$((n + 1)) # the last ones of a kind may not come again
	done < <(awk -v every="$every" '{ call = $1; sub(/\(.*/, "", call) } call ~ /^[a-z0-9_]+$/ { if (NR % every == 2 && call !~ /^exit/) print call, ++n[call]; else n[call]++ }' "$TEST_DIR/trace")
	[ "$n" -ge 5 ]
}

@test "kill -9 of create, start and delete at any moment leaves nothing that the next command does not put right" {
	before() {
		oci delete -f "$OCI"
	}
	look() {
		oci delete -f "$OCI"
		[ -z "$(ls -A "$OCI_ROOT" 2>/dev/null)" ] || fail "after $1: $(ls -R "$OCI_ROOT")"
		[ -z "$(oci_groups_now)" ] || fail "after $1: $(oci_groups_now)"
	}
	killed_at 27 create -b "$BUNDLE" "$OCI"
	before() {
		oci_started "$OCI"
	}
	look() {
		oci list > /dev/null
		[ "$(oci list -q)" ] || oci_started "$OCI"
	}
	oci_started "$OCI"
	killed_at 15 delete -f "$OCI"
	before() {
		oci delete -f "$OCI"
		oci create -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1
	}
	look() {
		oci_is "$OCI" running || oci start "$OCI" || oci_is "$OCI" running || fail "after $1: $(oci_status "$OCI")"
		before
	}
	before
	killed_at 11 start "$OCI"
}
