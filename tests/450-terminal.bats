#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

# in_terminal ROWS COLUMNS COMMAND...: caddis in a pseudo-terminal of that size; what it printed, CR removed.
in_terminal() {
	python3 "$BATS_TEST_DIRNAME/terminal.py" "$@" | tr -d '\r'
}

@test "-t gives the container a terminal of the right size before its first byte" {
	run in_terminal 33 101 "$CADDIS" ctr run --rm -it -s web busybox sh -c 'tty; stty size'
	[ "${lines[0]}" = /dev/pts/0 ] || [ "${lines[0]}" = /dev/console ] || fail "$output"
	[ "${lines[1]}" = "33 101" ] || fail "$output"
}

@test "a resize arrives" {
	run in_terminal --resize 44x55 24 80 "$CADDIS" ctr run --rm -it -s web busybox sh -c 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.1; done'
	assert_output_has "44 55"
}

@test "exec -t has a terminal too, and gives the status" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run in_terminal --status 24 80 "$CADDIS" ctr exec -it a sh -c 'test -t 0 && test -t 1 && stty size; exit 5'
	assert_output_has "24 80"
	assert_output_has "status 5"
}

@test "the terminal is restored, whatever happens" {
	for how in "true" "kill -9 \$\$" "nosuch"; do
		run in_terminal --termios 24 80 "$CADDIS" ctr run --rm -it -s web busybox sh -c "$how"
		assert_output_has "termios same"
	done
	run in_terminal --termios 24 80 "$CADDIS" ctr run --rm -it -s web busybox /no/such
	assert_output_has "termios same"
	run in_terminal --termios --signal TERM 24 80 "$CADDIS" ctr run --rm -it -s web busybox sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'
	assert_output_has "termios same"
}

@test "what is typed reaches the command, ^C too" {
	run in_terminal --type 'echo typed-$((20+3))\nexit 6\n' --status 24 80 "$CADDIS" ctr run --rm -it -s web busybox sh
	assert_output_has typed-23
	assert_output_has "status 6"
	run in_terminal --type '\x03' --status 24 80 "$CADDIS" ctr run --rm -it -s web busybox sh -c 'trap "echo int; exit 7" INT; echo ready; while :; do sleep 0.1; done'
	assert_output_has int
	assert_output_has "status 7"
}

@test "-t without a terminal of our own still gives the command one" {
	run_ok ctr run --rm -t -s web busybox sh -c 'test -t 1 && echo yes'
	[ "${output%$'\r'}" = yes ]
}

@test "TERM is xterm in a terminal, unless somebody says otherwise" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_ok ctr run -d -s web --name b -e TERM=dumb busybox sleep 1000
	for c in "exec -t a" "run --rm -t -s web busybox"; do
		run_ok ctr $c sh -c 'echo $TERM'
		[ "${output%$'\r'}" = xterm ] || fail "$c: $output"
	done
	for c in "exec -t -e TERM=dumb a" "exec -t b" "run --rm -t -e TERM=dumb -s web busybox"; do
		run_ok ctr $c sh -c 'echo $TERM'
		[ "${output%$'\r'}" = dumb ] || fail "$c: $output"
	done
}
