#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The processes of a container.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create --network none web
}

@test "top lists the processes with their numbers inside and outside, user and command" {
	run_ok ctr run -d -s web --name a -u 1234 busybox sh -c 'sleep 4321 & wait'
	two() { [ "$("$CADDIS" ctr top -o json a | jq length)" -eq 2 ]; }
	wait_until 10 two
	run_ok ctr top -o json a
	pid=$(jq '.[] | select(.command == "sleep 4321") | .host_pid' <<< "$output")
	[ "$(tr '\0' ' ' < "/proc/$pid/cmdline")" = "sleep 4321 " ]
	inside=$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")
	jq -e --argjson pid "$pid" --argjson inside "$inside" --argjson init "$("$CADDIS" ctr inspect a | jq '.[0].pid')" \
		'.[] | select(.host_pid == $pid) | .pid == $inside and .uid == 1234 and .host_parent == $init and .name == "sleep"' <<< "$output"
	run_ok ctr top a
	[[ ${lines[0]} == PID*"HOST PID"*UID*COMMAND* ]] || fail "$output"
	assert_output_has "sleep 4321"
}

@test "what a process calls itself does not reach the terminal or hide it" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_ok ctr exec -d a sh -c "$(printf 'sleep 77; : \033]0;owned\007\nline')"
	seen() { "$CADDIS" ctr top a | grep -q owned; }
	wait_until 10 seen
	run_ok ctr top a
	run ! grep -q $'[\033\007]' <<< "$output"
}

@test "top of what does not run, or is not there, says so" {
	run_ok ctr run -s web --name a busybox true
	run_fails 1 ctr top a
	assert_error "container a is not running (it is Exited)"
	run_fails 1 ctr top nosuch
	assert_error "no container nosuch"
	run_fails 2 ctr top
}
