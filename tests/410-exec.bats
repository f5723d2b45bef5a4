#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

running() {
	run_ok ctr run -d -s web --name a "$@"
}

@test "exec runs in the container: its files, processes, user, environment, cgroup" {
	running -e A=1 -w /tmp -u user busybox sleep 1000
	run_ok ctr exec a sh -c 'echo $A; pwd; id -u; cat /proc/1/comm; cat /proc/self/cgroup | grep pids'
	[ "${lines[0]} ${lines[1]} ${lines[2]} ${lines[3]}" = "1 /tmp 1000 sleep" ] || fail "$output"
	init=$("$CADDIS" ctr inspect a | jq '.[0].pid')
	for ns in pid mnt net ipc uts cgroup; do
		run_ok ctr exec -u 0 a readlink "/proc/self/ns/$ns"
		assert_output "$(readlink "/proc/$init/ns/$ns")"
	done
}

@test "exec gives the status of its command, 126, 127 or 125" {
	running busybox sleep 1000
	run_fails 3 ctr exec a sh -c 'exit 3'
	run_fails 137 ctr exec a sh -c 'kill -9 $$'
	run_fails 127 ctr exec a nosuch
	assert_error nosuch
	run_fails 126 ctr exec a /etc/passwd
	run_fails 125 ctr exec nosuch true
	assert_error "no container nosuch"
	run_fails 125 ctr exec a
	run_ok ctr stop -t 0 a
	run_fails 125 ctr exec a true
	assert_error "not running"
}

@test "exec takes user, directory, variables and standard input" {
	running busybox sleep 1000
	run_ok ctr exec -u user -w /usr -e X=y a sh -c 'id -u; pwd; echo $X; echo $HOME'
	assert_output "1000
/usr
y
/tmp"
	[ "$(printf abc | "$CADDIS" ctr exec -i a cat)" = abc ]
	run_fails 125 ctr exec -u nosuch a true
}

@test "exec loses no output and leaves no process" {
	running busybox sleep 1000
	for n in 1 65537 5000000; do
		got=$("$CADDIS" ctr exec a head -c "$n" /dev/zero | wc -c)
		[ "$got" -eq "$n" ] || fail "$got of $n bytes"
	done
	run_ok ctr exec a ps -o comm
	[ "$(grep -c sleep <<< "$output")" -eq 1 ]
	[ "$(grep -cv -e sleep -e ps -e COMMAND <<< "$output")" -eq 0 ] || fail "$output"
}

@test "exec returns when its command ends, whatever its children keep open" {
	running busybox sleep 1000
	start=$(date +%s%N)
	run_ok ctr exec a sh -c 'sleep 300 & echo hi'
	assert_output hi
	[ $((($(date +%s%N) - start) / 1000000)) -lt 3000 ]
}

@test "exec -d does not wait" {
	running busybox sleep 1000
	run_ok ctr exec -d a sh -c 'sleep 0.2; echo x > /tmp/done; sleep 1000'
	wait_until 5 "$CADDIS" ctr exec a test -e /tmp/done
}

@test "an exec that is killed takes its command along" {
	running busybox sleep 1000
	"$CADDIS" ctr exec a sleep 777 3>&- &
	pid=$!
	wait_until 5 in_container a "sleep 777"
	kill -9 "$pid"
	wait "$pid" || true
	wait_until 3 not_in_container a "sleep 777"
}

in_container() {
	"$CADDIS" ctr exec "$1" ps -o args | grep -q "^$2"
}

not_in_container() {
	! in_container "$@"
}

@test "100 execs one after another and 20 at once all succeed" {
	running busybox sleep 1000
	for i in {1..100}; do
		[ "$("$CADDIS" ctr exec a echo "$i")" = "$i" ]
	done
	for i in {1..20}; do
		"$CADDIS" ctr exec a echo "$i" > "$TEST_DIR/out.$i" 3>&- &
		pids[i]=$!
	done
	for i in {1..20}; do
		wait "${pids[i]}" || fail "exec $i"
		[ "$(cat "$TEST_DIR/out.$i")" = "$i" ]
	done
}

# Execs into the container "seer", held for two seconds at the system call $1; what a look around in there finds: of
# each process that is not the container's own, its capabilities, what its program is, its descriptors.
seen_from_inside() {
	local tracer sight host
	host=$(stat -Lc %d:%i "$CADDIS")
	strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:delay_enter=2000000:when=1" "$CADDIS" ctr exec seer true 3>&- &
	tracer=$!
	# shellcheck disable=SC2016
	sight=$("$CADDIS" ctr exec seer sh -c '
		for try in $(seq 80); do
			for p in /proc/[0-9]*; do
				case $(readlink $p/exe) in
				*caddis*)
					grep CapPrm $p/status
					[ "$(stat -Lc %d:%i $p/exe)" != "$1" ] || echo "$p/exe -> the program of the host"
					ls -l $p/fd
					exit
					;;
				esac
			done
			usleep 20000
		done' sh "$host")
	wait "$tracer"
	printf '%s\n' "$sight"
}

@test "a process on its way into a container shows nobody there a file or a right of the host (SEC-R2)" {
	local seen theirs
	run_ok ctr run -d -s web --name seer --cap-add SYS_PTRACE busybox sleep 1000
	theirs=$("$CADDIS" ctr exec seer grep CapPrm /proc/1/status)
	# While it has all its capabilities it is not there; if it is seen afterwards, it has the container's.
	seen=$(seen_from_inside capset)
	[[ -z $seen || $seen == "$theirs"* ]] || fail "$seen"
	# It is there, and about to execute its command.
	seen=$(seen_from_inside poll)
	[[ $seen == "$theirs"* && $seen == *socket:* ]] || fail "theirs $theirs, seen: $seen"
	seen=$(sed -n 's/.* -> //p' <<< "$seen" | grep -vE '^((socket|pipe|anon_inode):.*|/dev/null|/)$' || true)
	[ -z "$seen" ] || fail "$seen"
}

@test "an exec where others may look on has its session, its terminal, its status and its parent's death" {
	run_ok ctr run -d -s web --name a --cap-add SYS_PTRACE busybox sleep 1000
	run_fails 7 ctr exec a sh -c 'exit 7'
	run_fails 127 ctr exec a nosuch
	run_fails 125 ctr exec -u nosuch a true
	assert_error nosuch
	# shellcheck disable=SC2016
	run -0 "$CADDIS" ctr exec -t a sh -c 'tty; [ $(cut -d" " -f6 /proc/self/stat) = $$ ] && echo leads; echo x > /dev/tty'
	assert_output_has /dev/pts/
	assert_output_has leads
	assert_output_has x
	"$CADDIS" ctr exec a sleep 777 3>&- &
	pid=$!
	wait_until 5 in_container a "sleep 777"
	kill -9 "$pid"
	wait "$pid" || true
	wait_until 3 not_in_container a "sleep 777"
}

@test "no way of executing /proc/self/exe runs or reaches the program of the host (SEC-R1)" {
	local sum how
	sum=$(sha256sum < "$CADDIS")
	mkdir "$TEST_DIR/bin"
	ln -s /proc/self/exe "$TEST_DIR/bin/link"
	printf '#!/proc/self/exe\n' > "$TEST_DIR/bin/script"
	printf '#!/b/script\n' > "$TEST_DIR/bin/nested"
	chmod +x "$TEST_DIR/bin/script" "$TEST_DIR/bin/nested"
	run_ok sandbox create --privileged able
	run_ok ctr run -d -s able --name a --privileged -v "$TEST_DIR/bin:/b" busybox sleep 1000
	for how in /proc/self/exe /b/link /b/script /b/nested; do
		run_fails 126 ctr exec a "$how" version
		run_fails 126 ctr run --rm -s able --privileged -v "$TEST_DIR/bin:/b" busybox "$how" version
	done
	[ "$(sha256sum < "$CADDIS")" = "$sum" ]
}
