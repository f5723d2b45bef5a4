#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

in_terminal() {
	python3 "$BATS_TEST_DIRNAME/terminal.py" "$@" | tr -d '\r'
}

state() {
	"$CADDIS" ctr inspect "$1" | jq -r '.[0] | "\(.state) \(.exit_code)"'
}

is_running() {
	[ "$(state "$1" 2> /dev/null)" = "Running 0" ]
}

log_has() {
	"$CADDIS" ctr logs "$1" | grep -q "$2"
}

# attached NAME FILE: is a client there, which has had output?
has() {
	grep -q "$1" "$2"
}

@test "attach shows both streams from now on, and ends with the container's status" {
	run_ok ctr run -d -i -s web --name a busybox sh -c 'echo before; read x; echo "out $x"; echo "err $x" >&2; exit 11'
	wait_until 5 log_has a before
	status=0
	echo word | "$CADDIS" ctr attach a > "$TEST_DIR/out" 2> "$TEST_DIR/err" || status=$?
	[ "$status" -eq 11 ]
	[ "$(cat "$TEST_DIR/out")" = "out word" ]
	[ "$(cat "$TEST_DIR/err")" = "err word" ]
}

@test "attach to one that does not run, or does not exist, is an error" {
	run_ok ctr create web --name new busybox true
	run_fails 125 ctr attach new
	assert_error "not running (Created); 'caddis ctr start -a' starts it"
	run_ok ctr start new
	run_ok ctr wait new
	run_fails 125 ctr attach new
	assert_error "not running (Exited)"
	run_fails 125 ctr attach nosuch
	assert_error "no container nosuch"
	run_fails 125 ctr attach
	run_fails 125 ctr attach --detach-keys ctrl-1 new
	assert_error "--detach-keys"
	run_fails 125 ctr attach --sig-proxy=perhaps new
	assert_error "expected true or false"
}

@test "several clients see the same output, and each may give input" {
	run_ok ctr run -d -i -s web --name a busybox sh -c 'while read x; do echo "got $x"; [ "$x" = end ] && exit 3; done'
	for i in 1 2 3; do
		"$CADDIS" ctr attach --no-stdin a > "$TEST_DIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	echo first | "$CADDIS" ctr attach a > "$TEST_DIR/first" 3>&- &
	first=$!
	wait_until 5 log_has a "got first"
	kill -0 "$first"
	status=0
	echo end | "$CADDIS" ctr attach a || status=$?
	[ "$status" -eq 3 ]
	for i in 1 2 3; do
		status=0
		wait "${pids[i]}" || status=$?
		[ "$status" -eq 3 ]
		has "got end" "$TEST_DIR/out.$i"
	done
	has "got end" "$TEST_DIR/first"
}

@test "the end of a client's input is none for the container, unless it has --stdin-once" {
	run_ok ctr run -d -i -s web --name open busybox cat
	for word in one two; do
		echo "$word" | timeout 20 "$CADDIS" ctr attach open > /dev/null 3>&- &
		wait_until 5 log_has open "$word"
	done
	is_running open
	run_ok ctr rm -f open
	run_ok ctr run -d --stdin-once -s web --name once busybox sh -c 'cat; exit 4'
	status=0
	echo three | "$CADDIS" ctr attach once > "$TEST_DIR/out" || status=$?
	[ "$status" -eq 4 ]
	[ "$(cat "$TEST_DIR/out")" = three ]
}

@test "with --stdin-once a client that only leaves ends the input too" {
	run_ok ctr run -d --stdin-once -s web --name once busybox sh -c 'cat > /dev/null; exit 4'
	mkfifo "$TEST_DIR/in"
	"$CADDIS" ctr attach once < "$TEST_DIR/in" > /dev/null 3>&- &
	pid=$!
	exec 9> "$TEST_DIR/in"
	echo x >&9
	sleep 0.3
	is_running once
	kill -9 "$pid"
	exec 9>&-
	run_ok ctr wait once
	assert_output 4
}

@test "input half-closes: output goes on after its end, of run, start and attach" {
	[ "$(echo x | "$CADDIS" ctr run --rm -i -s web busybox sh -c 'cat; sleep 0.3; echo after')" = "x
after" ]
	run_ok ctr create web -i --name a busybox sh -c 'cat; sleep 0.3; echo after; exit 2'
	status=0
	echo x | "$CADDIS" ctr start -i a > "$TEST_DIR/out" || status=$?
	[ "$status" -eq 2 ]
	[ "$(cat "$TEST_DIR/out")" = "x
after" ]
}

@test "start -a misses no byte and ends with the status" {
	for n in 1 65537 3000000; do
		run_ok ctr create web --name a busybox sh -c "head -c $n /dev/zero; exit 9"
		status=0
		"$CADDIS" ctr start -a a > "$TEST_DIR/out" || status=$?
		[ "$status" -eq 9 ]
		[ "$(stat -c %s "$TEST_DIR/out")" -eq "$n" ] || fail "$(stat -c %s "$TEST_DIR/out") of $n bytes"
		run_ok ctr rm a
	done
	run_ok ctr create web --name a busybox nosuch
	run_fails 1 ctr start -a a
	assert_error nosuch
	run_fails 2 ctr start -a a b
	run_fails 1 ctr start -a nosuch
}

@test "signals of an attached client go to the container, or with --sig-proxy=false end the client alone" {
	run_ok ctr run -d -s web --name a busybox sh -c 'trap "echo usr1" USR1; trap "exit 8" TERM; while :; do echo up; sleep 0.05; done'
	"$CADDIS" ctr attach --sig-proxy=false a > "$TEST_DIR/alone" 3>&- < /dev/null &
	alone=$!
	"$CADDIS" ctr attach a > "$TEST_DIR/out" 3>&- < /dev/null &
	pid=$!
	wait_until 5 has up "$TEST_DIR/out"
	wait_until 5 has up "$TEST_DIR/alone"
	kill -TERM "$alone"
	status=0
	wait "$alone" || status=$?
	[ "$status" -eq 143 ]
	is_running a
	kill -USR1 "$pid"
	wait_until 5 has usr1 "$TEST_DIR/out"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 8 ]
}

@test "a client that is killed, or whose output nobody reads, does no harm" {
	run_ok ctr run -d -i -s web --name a busybox sh -c 'while :; do echo up; sleep 0.02; done'
	"$CADDIS" ctr attach a 2>&1 3>&- < /dev/null | head -n 1 | grep -q up
	"$CADDIS" ctr attach a > "$TEST_DIR/out" 3>&- &
	pid=$!
	wait_until 5 has up "$TEST_DIR/out"
	kill -9 "$pid"
	wait "$pid" || true
	is_running a
	[ "$(timeout 1 "$CADDIS" ctr attach --sig-proxy=false a < /dev/null | sort -u)" = up ]
	is_running a
}

@test "LOG-1: a stopped client slows nothing, and is told what it lost; ten of them neither" {
	run_ok ctr run -d -i -s web --name a busybox sh -c 'echo up; read x; head -c 100000000 /dev/zero; exit 7'
	for i in {1..10}; do
		"$CADDIS" ctr attach --no-stdin a > "$TEST_DIR/out.$i" 2> "$TEST_DIR/err.$i" 3>&- &
		pids[i]=$!
	done
	for i in {1..10}; do
		wait_until 5 connected "${pids[i]}"
		kill -STOP "${pids[i]}"
	done
	start=$(date +%s)
	echo go | timeout 100 "$CADDIS" ctr attach a > /dev/null 2>&1 3>&- || true
	run_ok ctr wait a
	assert_output 7
	[ $(($(date +%s) - start)) -lt 60 ]
	"$CADDIS" ctr logs a | tail -n +2 | wc -c > "$TEST_DIR/logged"
	[ "$(cat "$TEST_DIR/logged")" -eq 100000000 ]
	for i in {1..10}; do
		kill -CONT "${pids[i]}"
		status=0
		wait "${pids[i]}" || status=$?
		[ "$status" -eq 7 ]
		kept=$(stat -c %s "$TEST_DIR/out.$i")
		lost=$(sed -n 's/.*caddis: \([0-9]*\) bytes of output lost.*/\1/p' "$TEST_DIR/err.$i" | paste -sd+ | bc)
		# Some of them may have seen "up".
		[ $((kept + lost)) -eq 100000000 ] || [ $((kept + lost)) -eq 100000003 ] || fail "$kept kept, $lost lost"
	done
}

# Its epoll set is what a client waits in once it is attached.
connected() {
	grep -q ep_poll "/proc/$1/wchan" 2> /dev/null || grep -q "ep_poll\|epoll" "/proc/$1/stack" 2> /dev/null
}

@test "input that the container does not read waits in the client, and output still flows" {
	run_ok ctr run -d -i -s web --name a busybox sh -c 'while :; do echo up; sleep 0.05; done'
	(head -c 100000000 /dev/zero | "$CADDIS" ctr attach a > "$TEST_DIR/out" 3>&-) &
	TEST_PIDS+=($!)
	wait_until 5 has up "$TEST_DIR/out"
	count=$(wc -l < "$TEST_DIR/out")
	wait_until 5 more_lines_than $((count + 10))
	# Who only listens is not held up either.
	[ "$(timeout 1 "$CADDIS" ctr attach --no-stdin --sig-proxy=false a < /dev/null | sort -u)" = up ]
	run_ok ctr kill a
	run_ok ctr wait a
	assert_output 137
}

more_lines_than() {
	[ "$(wc -l < "$TEST_DIR/out")" -gt "$1" ]
}

@test "100 MB of input arrive whole" {
	run_ok ctr run -d --stdin-once -s web --name a busybox sh -c 'wc -c'
	run bash -c "head -c 100000000 /dev/zero | '$CADDIS' ctr attach a"
	assert_output 100000000
}

@test "the keys leave a run -it, start -i, exec -it and attach: the command lives on" {
	run in_terminal --type 'echo typed-$((20+3))\n\x10\x11' --status --termios 24 80 "$CADDIS" ctr run -it -s web --name a busybox sh
	assert_output_has "status 0"
	assert_output_has "termios same"
	is_running a
	wait_until 5 log_has a typed-23
	run in_terminal --type 'echo again-$((20+4))\n\x10\x11' --status 24 80 "$CADDIS" ctr attach a
	assert_output_has "status 0"
	is_running a
	run in_terminal --type 'x=7; exit $x\n' --status --termios 33 99 "$CADDIS" ctr attach --detach-keys x,x,x a
	assert_output_has "status 7"
	assert_output_has "termios same"
	run_ok ctr rm a
	run_ok ctr create web -it --name a busybox sh
	run in_terminal --type 'yz' --status 24 80 "$CADDIS" ctr start -i --detach-keys y,z a
	assert_output_has "status 0"
	is_running a
	run in_terminal --type '\x10\x11' --status --termios 24 80 "$CADDIS" ctr exec -it a sh -c 'echo ready; sleep 777'
	assert_output_has "status 0"
	assert_output_has "termios same"
	"$CADDIS" ctr exec a ps -o args | grep -q "^sleep 777"
}

@test "the keys work while the container reads nothing of what was typed" {
	run in_terminal --type "$(printf %020000d 0)\x10\x11" --status 24 80 "$CADDIS" ctr run -it -s web --name a busybox sh -c 'stty raw -echo; echo ready; sleep 1000'
	assert_output_has "status 0"
	is_running a
}

@test "keys in other order, and none at all, pass" {
	run in_terminal --type '\x11\x10x' --status 24 80 "$CADDIS" ctr run -it --rm -s web busybox sh -c 'stty raw -echo; echo ready; head -c 3 | od -An -tx1; exit 5'
	assert_output_has "11 10 78"
	assert_output_has "status 5"
	run in_terminal --type '\x10\x11' --status 24 80 "$CADDIS" ctr run -it --rm --detach-keys '' -s web busybox sh -c 'stty raw -echo; echo ready; head -c 2 | od -An -tx1; exit 6'
	assert_output_has "10 11"
	assert_output_has "status 6"
}

@test "attach sets the size of its terminal, and a resize arrives" {
	run_ok ctr run -d -it -s web --name a busybox sh -c 'trap "stty size" WINCH; while :; do sleep 0.05; done'
	run in_terminal --resize 44x55 --type '\x10\x11' 31 97 "$CADDIS" ctr attach a
	wait_until 5 log_has a "44 55"
	wait_until 5 log_has a "31 97"
}

@test "run -it that is killed takes its container along" {
	python3 "$BATS_TEST_DIRNAME/terminal.py" --type 'echo > /up\n' 24 80 "$CADDIS" ctr run -it -s web --name a busybox sh > "$TEST_DIR/out" 3>&- &
	TEST_PIDS+=($!)
	wait_until 5 is_running a
	inner=$("$CADDIS" ctr inspect a | jq '.[0].pid')
	client=$(pgrep -P "${TEST_PIDS[-1]}")
	kill -9 "$client"
	wait_until 5 test ! -e "/proc/$inner"
	wait_until 5 not_running a
	[ "$(state a)" = "Exited 137" ]
}

not_running() {
	! is_running "$1"
}

@test "exec -it that is killed takes its command along" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	python3 "$BATS_TEST_DIRNAME/terminal.py" 24 80 "$CADDIS" ctr exec -it a sleep 777 > "$TEST_DIR/out" 3>&- &
	TEST_PIDS+=($!)
	wait_until 5 in_container a "sleep 777"
	kill -9 "$(pgrep -P "${TEST_PIDS[-1]}")"
	wait_until 5 not_in_container a "sleep 777"
}

in_container() {
	"$CADDIS" ctr exec "$1" ps -o args | grep -q "^$2"
}

not_in_container() {
	! in_container "$@"
}

@test "run --sig-proxy=false that is interrupted leaves its container running" {
	"$CADDIS" ctr run --sig-proxy=false -s web --name a busybox sh -c 'while :; do echo up; sleep 0.05; done' > "$TEST_DIR/out" 3>&- &
	pid=$!
	wait_until 5 has up "$TEST_DIR/out"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 143 ]
	is_running a
}

@test "attach to a container in the foreground of another command" {
	"$CADDIS" ctr run -s web --name a busybox sh -c 'i=0; while [ $i -lt 40 ]; do echo n$i; i=$((i+1)); sleep 0.05; done; exit 4' > "$TEST_DIR/out" 3>&- &
	pid=$!
	wait_until 5 has n1 "$TEST_DIR/out"
	run_fails 4 ctr attach a
	assert_output_has n39
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 4 ]
}
