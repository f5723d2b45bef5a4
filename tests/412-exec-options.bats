#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
	run_ok ctr run -d -s web --name a busybox sh -c 'while :; do sleep 1000 & wait; done'
}

shows() {
	"$CADDIS" ctr exec a ps -o args | grep -q "^$1"
}

shows_not() {
	! shows "$1"
}

exec_groups() {
	find /sys/fs/cgroup -maxdepth 6 -type d -path "*$("$CADDIS" ctr inspect a | jq -r '.[0].id')*" -name 'exec-*'
}

no_exec_groups() {
	[ -z "$(exec_groups)" ]
}

@test "--timeout kills the command and all that it has started, and gives 124" {
	run_fails 124 ctr exec --timeout 1 a sh -c 'echo before; setsid sleep 771 & (sleep 772 &) & sleep 773'
	assert_output before
	assert_error "its time was over"
	for n in 771 772 773; do
		wait_until 3 shows_not "sleep $n"
	done
	wait_until 3 no_exec_groups
	[ "$("$CADDIS" ctr inspect a | jq -r '.[0].state')" = Running ]
}

@test "--timeout leaves one that ends in time, and its children, alone" {
	run_fails 7 ctr exec --timeout 60 a sh -c 'sleep 774 & echo hi; exit 7'
	assert_output hi
	shows "sleep 774"
	run_ok ctr exec --timeout 1m a true
	for bad in 0 x -1 ""; do
		run_fails 125 ctr exec --timeout "$bad" a true
		assert_error "--timeout"
	done
}

@test "--timeout of a detached one, and of one with a terminal" {
	run_ok ctr exec -d --timeout 1 a sh -c 'sleep 775 & sleep 776'
	wait_until 5 shows_not "sleep 775"
	wait_until 5 shows_not "sleep 776"
	run_fails 124 ctr exec -t --timeout 1 a sleep 777
	wait_until 5 shows_not "sleep 777"
}

@test "a command that ignores all signals does not outlive its --timeout" {
	run_fails 124 ctr exec --timeout 1 a sh -c 'trap "" TERM HUP INT QUIT; while :; do sleep 0.1; done'
}

@test "-d with -t keeps the terminal open" {
	run_ok ctr exec -d -t a sh -c 'tty > /tmp/tty; sleep 0.5; test -t 0 && echo yes >> /tmp/tty'
	wait_until 5 "$CADDIS" ctr exec a grep -q yes /tmp/tty
}

@test "--privileged has all capabilities and no seccomp filter; --cap-add adds one; others have the container's" {
	all=$(printf '%x' $(((1 << ($(cat /proc/sys/kernel/cap_last_cap) + 1)) - 1)))
	ours=$(awk '/^CapBnd:/ { print $2 }' /proc/self/status)
	run_ok ctr exec --privileged a grep -e CapEff -e Seccomp: /proc/self/status
	[ "${lines[0]##*[[:space:]]}" = "$ours" ] || [ "$((0x${lines[0]##*[[:space:]]}))" -eq "$((0x$all))" ] || fail "$output"
	[ "${lines[1]##*[[:space:]]}" = 0 ]
	run_ok ctr exec a grep -e CapEff -e Seccomp: /proc/self/status
	plain=${lines[0]##*[[:space:]]}
	[ "${lines[1]##*[[:space:]]}" = 2 ]
	run_ok ctr exec --cap-add NET_ADMIN a grep CapEff /proc/self/status
	[ "$((0x${output##*[[:space:]]}))" -eq "$((0x$plain | 1 << 12))" ]
	run_fails 125 ctr exec --cap-add NO_SUCH a true
	assert_error "NO_SUCH"
}

@test "--env-file sets variables, -e has the last word, bad files are errors" {
	printf '# comment\n\nA=1\nB=two words\r\n  C=3\nD\nE=\n' > "$TEST_DIR/env"
	D=fromhere run_ok ctr exec --env-file "$TEST_DIR/env" -e A=9 a sh -c 'echo "$A|$B|$C|$D|${E-unset}"'
	assert_output "9|two words|3|fromhere|"
	run_fails 125 ctr exec --env-file "$TEST_DIR/nosuch" a true
	assert_error nosuch
	printf '=x\n' > "$TEST_DIR/env"
	run_fails 125 ctr exec --env-file "$TEST_DIR/env" a true
	assert_error "needs a name"
	printf 'A=\0x\n' > "$TEST_DIR/env"
	run_fails 125 ctr exec --env-file "$TEST_DIR/env" a true
	assert_error NUL
	head -c 2000000 /dev/zero | tr '\0' x > "$TEST_DIR/env"
	run_fails 125 ctr exec --env-file "$TEST_DIR/env" a true
}

@test "no value of the host's environment reaches an exec, nor that of another" {
	SECRET=s3cret run_ok ctr exec a env
	assert_output_lacks s3cret
	for i in {1..30}; do
		"$CADDIS" ctr exec -e "ID=$i" a sh -c 'echo $ID' > "$TEST_DIR/id.$i" 3>&- &
		pids[i]=$!
	done
	for i in {1..30}; do
		wait "${pids[i]}"
		[ "$(cat "$TEST_DIR/id.$i")" = "$i" ]
	done
}

@test "200 in a row and 50 at once leave no process, no zombie and no fd" {
	init=$("$CADDIS" ctr inspect a | jq '.[0].pid')
	monitor=$(awk '/^PPid:/ { print $2 }' "/proc/$init/status")
	fds=$(find "/proc/$monitor/fd" | wc -l)
	for i in {1..200}; do
		"$CADDIS" ctr exec a true
	done
	for i in {1..50}; do
		"$CADDIS" ctr exec a sh -c 'exit 9' 3>&- &
		pids[i]=$!
	done
	for i in {1..50}; do
		status=0
		wait "${pids[i]}" || status=$?
		[ "$status" -eq 9 ]
	done
	run_ok ctr exec a ps -o stat,args
	assert_output_lacks Z
	[ "${#lines[@]}" -le 4 ] || fail "$output"
	[ "$(find "/proc/$monitor/fd" | wc -l)" -eq "$fds" ]
}

@test "LOG-7, LOG-8 for exec and run: a daemonised child delays nothing, with and without a terminal; no byte is lost" {
	for opts in "exec a" "exec -t a" "run --rm -s web busybox" "run --rm -t -s web busybox"; do
		start=$(date +%s%N)
		# shellcheck disable=SC2086
		run_fails 4 ctr $opts sh -c 'sleep 300 & echo hi; exit 4'
		[ "${output%$'\r'}" = hi ] || fail "$opts: $output"
		[ $((($(date +%s%N) - start) / 1000000)) -lt 5000 ] || fail "$opts"
	done
	for n in 1 4095 4096 4097 65535 65536 65537 700000; do
		for opts in "exec a" "run --rm -s web busybox"; do
			# shellcheck disable=SC2086
			[ "$("$CADDIS" ctr $opts head -c "$n" /dev/zero | wc -c)" -eq "$n" ] || fail "$opts $n"
		done
		[ "$("$CADDIS" ctr exec -t a sh -c "stty raw; exec head -c $n /dev/zero" | wc -c)" -eq "$n" ] || fail "exec -t $n"
	done
}
