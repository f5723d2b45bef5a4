#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# Which namespaces a sandbox has, which its containers share, and what they cost.

load helpers

setup() {
	caddis_setup
	test_image
}

# ns_path SANDBOX TYPE: where it is pinned.
ns_path() {
	"$CADDIS" sandbox inspect "$1" | jq -r ".[0].linux.namespaces.$2"
}

# init_of SANDBOX: the pid of the first process of its pid namespace.
init_of() {
	jq .pid "$CADDIS_STATE/sandboxes/$("$CADDIS" sandbox inspect "$1" | jq -r '.[0].id')/init"
}

state_of() {
	"$CADDIS" "$1" inspect "$2" | jq -r '.[0].state'
}

in_state() {
	[ "$(state_of "$1" "$2")" = "$3" ]
}

status_of() {
	awk -v key="$2:" '$1 == key { $1 = ""; print substr($0, 2) }' "/proc/$1/status"
}

gone() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

@test "the pins of a sandbox outlive the command, are private mounts, and nsenter takes them" {
	run_ok sandbox create --hostname box web
	for type in network:net ipc:ipc uts:uts; do
		path=$(ns_path web "${type%:*}")
		[ "$(stat -fc %T "$path")" = nsfs ] || fail "$path is no namespace"
		awk -v p="$path" '$5 == p { found = 1; if ($0 ~ / (shared|master):/) bad = 1 } END { exit !found || bad }' \
			/proc/self/mountinfo || fail "$path is no private mount"
		[ "$(nsenter "--${type#*:}=$path" readlink "/proc/self/ns/${type#*:}")" = "${type#*:}:[$(stat -Lc %i "$path")]" ]
	done
	[ "$(nsenter "--net=$(ns_path web network)" ip -o link | wc -l)" -ge 1 ]
	[ "$(ns_path web pid)" = null ]
	[ "$(ns_path web user)" = null ]
	run_ok sandbox stop web
	[ "$(ns_path web network)" = "" ]
}

@test "what a sandbox shares with the host is shown as the host's" {
	run_ok sandbox create --network host --ipc host web
	for type in network:net uts:uts ipc:ipc; do
		[ "$(ns_path web "${type%:*}")" = "/proc/1/ns/${type#*:}" ]
	done
}

@test "containers of a sandbox share /dev/shm as they share its IPC namespace, and others do not" {
	run_ok sandbox create web
	run_ok sandbox create other
	run_ok ctr run --rm -s web -u 7 busybox sh -c 'echo first > /dev/shm/x'
	run_ok ctr run --rm -s web -u 7 busybox sh -c 'cat /dev/shm/x; stat -c "%a %u" /dev/shm; rm /dev/shm/x'
	assert_output "first
1777 0"
	run_ok ctr run --rm -s web busybox sh -c 'echo second > /dev/shm/y; grep " /dev/shm " /proc/mounts | cut -d " " -f 3-4; df -k /dev/shm | tail -n 1'
	[[ ${lines[0]} == tmpfs\ *nosuid*nodev*noexec* ]] && [[ ${lines[1]} =~ ^(tmpfs|none)\ +65536\  ]] || fail "$output"
	# Nothing but that can be reached by it: no pin of a namespace, no other sandbox.
	run_ok ctr run --rm -s web busybox ls -A /dev/shm
	assert_output y
	run_ok ctr run --rm -s other busybox ls -A /dev/shm
	assert_output ""
	run_ok ctr run --rm -s web --tmpfs /dev/shm busybox ls -A /dev/shm
	assert_output ""
	# Of a sandbox with the host's IPC namespace it is the host's.
	run_ok sandbox create --ipc host host
	run_ok ctr run --rm -s host busybox stat -c %d:%i /dev/shm
	assert_output "$(stat -c %d:%i /dev/shm)"
	# With a user namespace it is the container's root's.
	run_ok sandbox create --userns auto mapped
	run_ok ctr run --rm -s mapped busybox sh -c 'stat -c "%a %u %g" /dev/shm; echo x > /dev/shm/z && cat /dev/shm/z'
	assert_output "1777 0 0
x"
}

@test "with --pid container, the default, each container sees its own processes only" {
	run_ok sandbox create web
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_ok ctr run --rm -s web busybox ps -o comm
	assert_output "COMMAND
ps"
	run_ok ctr run --rm -s web --pid container busybox sh -c 'echo $$'
	assert_output 1
}

@test "with --pid sandbox containers see each other, and one process is all that it costs" {
	run_ok sandbox create --pid sandbox web
	init=$(init_of web)
	[ "$(state_of sandbox web)" = Ready ]
	[ "$(stat -Lc %i "$(ns_path web pid)")" = "$(stat -Lc %i "/proc/$init/ns/pid")" ]
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_ok ctr run --rm -s web busybox ps -o args
	assert_output_has "sleep 1000"
	run_ok ctr run --rm -s web busybox sh -c 'echo $$'
	[ "$output" -gt 1 ]
	# One may also keep to itself.
	run_ok ctr run --rm -s web --pid container busybox sh -c 'echo $$'
	assert_output 1
	[ "$(awk '/^Private/ { sum += $2 } END { print sum }' "/proc/$init/smaps_rollup")" -le 32 ] ||
		fail "$(cat "/proc/$init/smaps_rollup")"
}

@test "that process has no rights, nothing of the host, and its sandbox's cgroup" {
	run_ok sandbox create --pid sandbox web
	init=$(init_of web)
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		[ "$(status_of "$init" $set)" = 0000000000000000 ] || fail "$set: $(status_of "$init" $set)"
	done
	[ "$(status_of "$init" Uid)" = "65535 65535 65535 65535" ]
	[ "$(status_of "$init" NoNewPrivs)" = 1 ]
	[ "$(status_of "$init" Seccomp)" = 2 ]
	[ -z "$(ls -A "/proc/$init/root/")" ]
	[ "$(find "/proc/$init/fd" -mindepth 1 -printf '%f\n' | sort | xargs)" = "0 1 2" ]
	grep -q "$("$CADDIS" sandbox inspect web | jq -r '.[0].linux.cgroup')/init$" "/proc/$init/cgroup"
	[ "$(stat -Lc %d:%i "/proc/$init/exe")" != "$(stat -Lc %d:%i "$CADDIS")" ]
	# What a container with the right to look at others finds behind it: nothing, read-only.
	run_ok ctr run --rm -s web --cap-add SYS_PTRACE busybox sh -c 'ls -A /proc/1/root/; touch /proc/1/root/x 2>&1'\;true
	assert_output_has "Read-only file system"
	run_ok ctr run --rm -s web --cap-add ALL busybox sh -c 'echo x 2>&1 > /proc/1/exe'\;true
	run_ok ctr run --rm -s web busybox sh -c 'ls /proc/1/root 2>&1'\;true
	assert_output_has "Permission denied"
}

@test "that process ignores signals and reaps what its containers leave" {
	run_ok sandbox create --pid sandbox web
	init=$(init_of web)
	run_ok ctr run --rm -s web busybox sh -c 'kill -TERM 1; kill -INT 1; kill -CHLD 1; kill -9 1'\;true
	kill -TERM "$init"
	kill -HUP "$init"
	run_ok ctr run -d -s web --name a busybox sh -c '(sh -c "sleep 0.1 & exit") & sleep 1000'
	adopted_and_gone() {
		[ -z "$("$CADDIS" ctr exec a ps -o ppid,stat,comm | awk '$1 == 1 && $3 == "sleep" && $2 !~ /^S/')" ] &&
			[ "$("$CADDIS" ctr exec a ps -o args | grep -c '^sleep 0.1')" = 0 ]
	}
	wait_until 5 adopted_and_gone
	read -ra children < "/proc/$init/task/$init/children" || true # no newline there
	for child in "${children[@]}"; do
		! grep -q '^State:.Z' "/proc/$child/status" || fail "a zombie: $child"
	done
	[ "$(state_of sandbox web)" = Ready ]
}

@test "when that process dies its sandbox is NotReady and its containers end" {
	run_ok sandbox create --pid sandbox web
	run_ok ctr run -d -s web --name a busybox sleep 1000
	kill -9 "$(init_of web)"
	wait_until 5 in_state sandbox web NotReady
	wait_until 5 in_state ctr a Exited
	[ "$("$CADDIS" ctr inspect a | jq -r '.[0].exit_code')" = 137 ]
	run_fails 125 ctr run --rm -s web busybox true
	assert_error "is not ready"
	run_ok sandbox rm web
}

@test "a pid that is another process's by now does not make a sandbox Ready, and is not killed" {
	run_ok sandbox create --pid sandbox web
	init=$(init_of web)
	background sleep 1000
	other=$!
	file=$CADDIS_STATE/sandboxes/$("$CADDIS" sandbox inspect web | jq -r '.[0].id')/init
	jq -c ".pid = $other" "$file" > "$TEST_DIR/init"
	cat "$TEST_DIR/init" > "$file"
	[ "$(state_of sandbox web)" = NotReady ]
	run_ok sandbox rm web
	kill -0 "$other"
	wait_until 5 gone "$init"
}

@test "stop and rm end that process" {
	run_ok sandbox create --pid sandbox web
	init=$(init_of web)
	run_ok sandbox stop web
	wait_until 5 gone "$init"
	run_ok sandbox stop web
	run_ok sandbox rm web
	run_ok sandbox create --pid sandbox web
	init=$(init_of web)
	run_ok sandbox rm web
	wait_until 5 gone "$init"
}

@test "a create that is killed leaves no such process" {
	for call in renameat renameat2 move_mount; do
		for nth in 1 2 3 4; do
			strace -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$nth \
				"$CADDIS" sandbox create --pid sandbox web 2> /dev/null || true
			"$CADDIS" sandbox ls > /dev/null
			run_ok sandbox rm --ignore web
		done
	done
	! processes_left || fail "a process"
	nothing_left
}

@test "with --pid host a container sees the host's processes" {
	run_ok sandbox create --pid host web
	run_ok ctr run --rm -s web busybox readlink /proc/self/ns/pid
	assert_output "$(readlink /proc/self/ns/pid)"
	run_ok sandbox create other
	run_ok ctr run --rm -s other --pid host busybox readlink /proc/self/ns/pid
	assert_output "$(readlink /proc/self/ns/pid)"
	[ ! -e "$CADDIS_STATE/sandboxes/$("$CADDIS" sandbox inspect web | jq -r '.[0].id')/init" ]
}

@test "with --pid container:NAME it joins another container of its sandbox" {
	run_ok sandbox create web
	run_ok ctr run -d -s web --name a busybox sleep 1000
	pid=$("$CADDIS" ctr inspect a | jq .[0].pid)
	run_ok ctr run --rm -s web --pid container:a busybox ps -o args
	assert_output_has "sleep 1000"
	run_ok ctr run -d -s web --name b --pid container:a busybox sleep 2000
	[ "$(readlink "/proc/$("$CADDIS" ctr inspect b | jq .[0].pid)/ns/pid")" = "$(readlink "/proc/$pid/ns/pid")" ]
	run_ok ctr exec b ps -o args
	assert_output_has "sleep 1000"
	# It ends with the one that it joined.
	run_ok ctr kill a
	wait_until 5 in_state ctr b Exited
}

@test "a pid namespace that cannot be joined is an error that names the container" {
	run_ok sandbox create web
	run_ok sandbox create other
	run_ok ctr run -d -s other --name far busybox sleep 1000
	run_fails 125 ctr run --rm -s web --pid container:nosuch busybox true
	assert_error "nosuch"
	run_fails 125 ctr run --rm -s web --pid container:far busybox true
	assert_error "container far is in another sandbox"
	run_ok ctr create web --name a busybox sleep 1000
	run_fails 125 ctr run --rm -s web --pid container:a busybox true
	assert_error "container a is not running"
	run_fails 125 ctr run --rm -s web --pid sandbox busybox true
	assert_error "create it with --pid sandbox"
	for mode in bogus "" container: pod; do
		run_fails 125 ctr run --rm -s web "--pid=$mode" busybox true
		assert_error "--pid"
	done
	run_fails 2 sandbox create --pid bogus x
	assert_error "--pid bogus: expected container, sandbox or host"
	run_ok ctr ls -aq
	[ "${#lines[@]}" -eq 2 ]
}
