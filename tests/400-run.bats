#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

@test "run prints what the command prints, on the same streams, and ends with its status" {
	run_fails 7 ctr run --rm -s web busybox sh -c 'echo out; echo err >&2; exit 7'
	assert_output out
	[ "$stderr" = err ]
}

@test "a command that was ended by a signal gives 128 and the signal" {
	# Not by itself: the first process of a PID namespace is safe from its own signals.
	run_fails 143 ctr run --rm -s web busybox sh -c 'sh -c "kill -TERM \$\$"; exit $?'
	"$CADDIS" ctr run --rm -s web --name a busybox sleep 1000 3>&- &
	pid=$!
	wait_until 5 container_runs a
	run_ok ctr kill a
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 137 ]
}

@test "a missing command is 127, one that is not executable 126, trouble of ours 125, bad usage 2 or 125" {
	run_fails 127 ctr run --rm -s web busybox nosuch
	assert_error nosuch
	run_fails 127 ctr run --rm -s web busybox /no/such
	run_fails 126 ctr run --rm -s web busybox /etc/passwd
	run_fails 126 ctr run --rm -s web busybox /etc
	run_fails 125 ctr run --rm -s nosuch busybox true
	assert_error "no sandbox nosuch"
	run_fails 125 ctr run --rm --pull never -s web nosuch true
	assert_error nosuch
	run_fails 125 ctr run --nosuch -s web busybox true
	run_ok ctr ls -aq
	assert_output ""
}

@test "standard input reaches the command with -i, and is empty without" {
	[ "$(printf x | "$CADDIS" ctr run --rm -i -s web busybox cat)" = x ]
	[ "$(printf x | "$CADDIS" ctr run --rm -s web busybox cat)" = "" ]
	head -c 3000000 /dev/urandom > "$TEST_DIR/in"
	"$CADDIS" ctr run --rm -i -s web busybox cat < "$TEST_DIR/in" | cmp - "$TEST_DIR/in"
}

@test "no byte of output is lost" {
	for n in 1 4095 4096 4097 65535 65536 65537 700000 20000000; do
		for _ in 1 2 3; do
			got=$("$CADDIS" ctr run --rm -s web busybox head -c "$n" /dev/zero | wc -c)
			[ "$got" -eq "$n" ] || fail "$got of $n bytes"
		done
	done
}

@test "a child that keeps the output open does not delay the end" {
	run_ok sandbox create --network host other
	start=$(date +%s%N)
	run_fails 4 ctr run --rm -s web busybox sh -c 'sleep 300 & echo hi; exit 4'
	assert_output hi
	[ $((($(date +%s%N) - start) / 1000000)) -lt 3000 ]
}

@test "a reader that goes away ends the container" {
	run --separate-stderr timeout 20 sh -c '"$CADDIS" ctr run --rm -s web busybox yes | head -n 1'
	[ "$status" -eq 0 ]
	[ "$output" = y ]
	wait_until 5 no_containers
}

no_containers() {
	[ -z "$("$CADDIS" ctr ls -aq)" ]
}

@test "run without a sandbox makes one of its own and removes it with the container" {
	run_ok ctr run --rm --name mine busybox hostname
	assert_output mine
	run_ok sandbox ls -o name
	assert_output web
	run_ok ctr run --name kept busybox true
	run_ok sandbox ls -o name
	assert_output_has kept
	run_ok ctr rm kept
	run_ok sandbox ls -o name
	assert_output web
}

@test "a container's name is taken once in a sandbox; another sandbox may have it too" {
	run_ok sandbox create other
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_fails 125 ctr run -d -s web --name a busybox sleep 1000
	assert_error "the name a is in use by container"
	run_ok ctr run -d -s other --name a busybox sleep 1000
	run_fails 2 ctr inspect a
	assert_error ambiguous
	run_ok ctr inspect web/a
	run_ok ctr ls -q
	[ "${#lines[@]}" -eq 2 ]
}

@test "environment: the image's, then ours; K alone comes from the caller; entries of the image without = give nothing" {
	run_ok ctr run --rm -s web -e A=1 -e B= busybox env
	assert_output_has "A=1"
	assert_output_has "B="
	assert_output_has "PATH=/"
	assert_output_has "HOME=/root"
	SECRET=s MINE=m run_ok ctr run --rm -s web -e MINE -e NOTHERE busybox env
	assert_output_has "MINE=m"
	assert_output_lacks NOTHERE
	assert_output_lacks SECRET
	run_fails 125 ctr run --rm -s web -e =x busybox env
}

@test "working directory, user and group are as asked, by number and by name" {
	run_ok ctr run --rm -s web -w /made/here busybox pwd
	assert_output /made/here
	run_ok ctr run --rm -s web -u user busybox sh -c 'id -u; id -g; id -G; echo $HOME'
	assert_output "1000
1000
1000 50
/tmp"
	run_ok ctr run --rm -s web -u 1234:567 busybox sh -c 'id -u; id -g'
	assert_output "1234
567"
	for bad in nosuch 4294967295 4294967296 -1 1x 0x1 user:nosuch a:b:c 1e3; do
		run_fails 125 ctr run --rm -s web -u "$bad" busybox id
	done
}

@test "volumes: bound, read-only when asked, an absent source is refused before anything is made" {
	mkdir "$TEST_DIR/data"
	echo hi > "$TEST_DIR/data/f"
	run_ok ctr run --rm -s web -v "$TEST_DIR/data:/mnt/deep/er" busybox sh -c 'cat /mnt/deep/er/f; echo new > /mnt/deep/er/g'
	assert_output hi
	[ "$(cat "$TEST_DIR/data/g")" = new ]
	run_fails 1 ctr run --rm -s web -v "$TEST_DIR/data:/mnt:ro" busybox sh -c 'echo x > /mnt/h'
	[ ! -e "$TEST_DIR/data/h" ]
	run_ok ctr run --rm -s web -v "$TEST_DIR/data/f:/etc/one" busybox cat /etc/one
	assert_output hi
	for bad in "$TEST_DIR/nosuch:/x" "$TEST_DIR/data" "$TEST_DIR/data:rel" "$TEST_DIR/data:/x:bogus"; do
		run_fails 125 ctr run --rm -s web -v "$bad" busybox true
	done
	run_ok ctr ls -aq
	assert_output ""
}

@test "a read-only root file system cannot be written, /dev and /tmp mounts can" {
	run_fails 1 ctr run --rm -s web --read-only busybox touch /x
	run_ok ctr run --rm -s web --read-only busybox sh -c 'echo x > /dev/shm/x && cat /dev/shm/x'
	assert_output x
}

@test "what a container writes stays in it" {
	run_ok ctr run -s web --name a busybox sh -c 'echo x > /new; rm /etc/group; mkdir /bin/d'
	run_ok ctr run --rm -s web busybox sh -c 'ls /new 2>&1; ls /etc/group; ls -d /bin/d 2>&1; true'
	assert_output_has "/new: No such file"
	assert_output_has "/etc/group"
}

@test "-d prints the ID and goes on in the background" {
	run_ok ctr run -d -s web --name a busybox sh -c 'sleep 0.3; echo done; exit 3'
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	run_ok ctr wait a
	assert_output 3
	run_ok ctr logs a
	assert_output "done"
	run_ok ctr inspect a
	[ "$(jq -r '.[0] | "\(.state) \(.exit_code) \(.reason)"' <<< "$output")" = "Exited 3 Error" ]
}

@test "-d with a missing command says so and leaves nothing running" {
	run_fails 127 ctr run -d -s web --name a busybox nosuch
	assert_error nosuch
	run_ok ctr inspect a
	[ "$(jq -r '.[0] | "\(.state) \(.exit_code) \(.reason)"' <<< "$output")" = "Exited 127 StartError" ]
	run_ok ctr rm a
	run_fails 127 ctr run -d --rm -s web busybox nosuch
	run_ok ctr ls -aq
	assert_output ""
}

@test "signals that caddis gets reach the container" {
	"$CADDIS" ctr run --rm -s web busybox sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.05; done' > "$TEST_DIR/out" 3>&- &
	pid=$!
	wait_until 5 grep -q ready "$TEST_DIR/out"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 9 ]
	grep -q got "$TEST_DIR/out"
}

@test "a foreground container ends with a killed command, and --rm is made up for by the next command" {
	"$CADDIS" ctr run --rm -s web --name a busybox sleep 1000 3>&- &
	pid=$!
	wait_until 5 container_runs a
	inner=$("$CADDIS" ctr inspect a | jq '.[0].pid')
	kill -9 "$pid"
	wait "$pid" || true
	wait_until 3 test ! -e "/proc/$inner"
	run_ok ctr ls -aq
	assert_output ""
	run_ok ctr run --rm -s web --name a busybox true
}

container_runs() {
	[ "$("$CADDIS" ctr inspect "$1" 2>/dev/null | jq -r '.[0].state')" = Running ]
}

@test "50 at once all succeed and leave nothing" {
	for i in {1..50}; do
		"$CADDIS" ctr run --rm -s web busybox echo "$i" > "$TEST_DIR/out.$i" 2> "$TEST_DIR/err.$i" 3>&- &
		pids[i]=$!
	done
	for i in {1..50}; do
		wait "${pids[i]}" || fail "run $i: $(cat "$TEST_DIR/err.$i")"
		[ "$(cat "$TEST_DIR/out.$i")" = "$i" ] || fail "run $i printed: $(cat "$TEST_DIR/out.$i")"
	done
	run_ok ctr ls -aq
	assert_output ""
}

@test "a user that is not root can open its standard streams again, attached and detached" {
	run_ok ctr run --rm -s web -u user busybox sh -c 'echo out > /dev/stdout; echo err > /dev/stderr'
	assert_output out
	[ "$stderr" = err ]
	[ "$(echo in | "$CADDIS" ctr run --rm -i -s web -u user busybox cat /dev/stdin)" = in ]
	run_ok ctr run -d -s web -u user --name a busybox sh -c 'echo out > /dev/stdout; exec sleep 100'
	wait_until 5 log_says a out
	run_ok ctr exec -u 1234 a sh -c 'echo again > /dev/stdout'
	assert_output again
}

log_says() {
	[ "$("$CADDIS" ctr logs "$1")" = "$2" ]
}
