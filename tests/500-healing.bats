#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# Makers that die half-way: kill -9 at every system call that changes the file system or makes a
# namespace or cgroup, by strace's fault injection, then the next command must find it undone.

load helpers

setup() {
	caddis_setup
	test_image
}

# killed_at CALL N COMMAND...: caddis COMMAND is killed before its N-th CALL. 0: it was; 1: it made fewer.
killed_at() {
	local call=$1 n=$2 status=0

	shift 2
	strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=SIGKILL:when=$n" \
		"$CADDIS" "$@" > /dev/null 2>&1 3>&- || status=$?
	[ "$status" -eq 137 ]
}

# After every kill: the name is free, lists are empty, nothing is left.
undone() {
	run_ok sandbox ls -q
	assert_output "${1-}"
	run_ok ctr ls -aq
	assert_output ""
}

@test "a sandbox create that is killed anywhere leaves nothing, and the name is free at once" {
	killed=0
	for call in mkdirat renameat2 renameat symlinkat unshare mount setns fchmodat; do
		for n in 1 2 3 4 5 6; do
			if ! killed_at "$call" "$n" sandbox create web; then
				run_ok sandbox rm web
				break
			fi
			killed=$((killed + 1))
			run_ok sandbox create web
			run_ok sandbox rm web
			undone
			nothing_left || fail "killed before $call number $n"
		done
	done
	[ "$killed" -ge 10 ] || fail "only $killed kills"
}

@test "a sandbox rm that is killed anywhere is finished by the next command" {
	killed=0
	for call in renameat2 umount2 unlinkat; do
		for n in 1 2 3 4 5 6; do
			run_ok sandbox create web
			killed_at "$call" "$n" sandbox rm web || break
			killed=$((killed + 1))
			"$CADDIS" sandbox rm --ignore web > /dev/null
			run_ok sandbox create web
			run_ok sandbox rm web
			undone
			nothing_left || fail "killed before $call number $n"
		done
		"$CADDIS" sandbox rm --ignore web > /dev/null
	done
	[ "$killed" -ge 5 ] || fail "only $killed kills"
}

@test "a container create that is killed anywhere leaves nothing" {
	run_ok sandbox create web
	web=$output
	killed=0
	for call in mkdirat renameat2 renameat symlinkat openat; do
		for n in 1 2 3 4 5 30 40 50 60; do
			if ! killed_at "$call" "$n" ctr create web --name a busybox true; then
				run_ok ctr rm a
				continue
			fi
			killed=$((killed + 1))
			undone "$web"
			run_ok ctr create web --name a busybox true
			run_ok ctr rm a
		done
	done
	[ "$killed" -ge 8 ] || fail "only $killed kills"
	[ -z "$(ls "$CADDIS_ROOT/sandboxes/$web/containers")" ]
	[ -z "$(ls "$CADDIS_ROOT/staging")" ]
}

@test "a run --rm that is killed anywhere leaves nothing" {
	killed=0
	for call in mkdirat renameat2 symlinkat clone3 pivot_root execve unlinkat; do
		for n in 1 2 3 4 8; do
			killed_at "$call" "$n" ctr run --rm --name a busybox true || continue
			killed=$((killed + 1))
			run_ok ctr ls -aq
			run_ok ctr run --rm --name a busybox true
			undone
			nothing_left || fail "killed before $call number $n"
		done
	done
	[ "$killed" -ge 8 ] || fail "only $killed kills"
}

@test "no space left: one clear error, nothing left, and all works again with space" {
	mount -t tmpfs -o size=64k,nr_inodes=40 tmpfs "$CADDIS_STATE"
	: > "$TEST_DIR/mounted"
	status=0
	for try in {1..40}; do
		"$CADDIS" sandbox create "s$try" > /dev/null 2> "$TEST_DIR/err" || { status=$?; break; }
	done
	[ "$status" -eq 1 ]
	[ "$(wc -l < "$TEST_DIR/err")" -eq 1 ]
	grep -q "No space left" "$TEST_DIR/err"
	run_ok sandbox ls -q
	count=${#lines[@]}
	[ "$count" -eq $((try - 1)) ]
	for ((k = 1; k < try; k++)); do
		run_ok sandbox rm "s$k"
	done
	run_ok sandbox create again
	run_ok sandbox rm again
	umount "$CADDIS_STATE"
}

@test "after a reboot sandboxes are NotReady, containers Exited with HostRebooted, and all can be removed" {
	run_ok sandbox create web
	web=$output
	run_ok ctr create web --name a busybox sleep 100
	id=$output
	now=$(date +%s%N)
	cat > "$CADDIS_ROOT/containers/$id/status.json" <<-JSON
		{"state": "Running", "created_at": $now, "started_at": $now, "pid": 1, "start": 1,
		 "boot_id": "00000000-0000-4000-8000-000000000000"}
	JSON
	umount -l "$CADDIS_STATE/sandboxes/$web/ns"
	printf '00000000-0000-4000-8000-000000000000' > "$CADDIS_STATE/boot"
	run_ok ctr inspect a
	[ "$(jq -r '.[0] | "\(.state) \(.exit_code) \(.reason)"' <<< "$output")" = "Exited 255 HostRebooted" ]
	run_ok sandbox inspect web
	[ "$(jq -r '.[0].state' <<< "$output")" = NotReady ]
	run_ok sandbox rm web
	run_ok sandbox create web
}

@test "a state directory of another boot is emptied though mounts, and files of every part, are still in it" {
	run_ok sandbox create web
	mkdir "$CADDIS_STATE/cni" "$CADDIS_STATE/pulls"
	printf '00000000-0000-4000-8000-000000000000' > "$CADDIS_STATE/boot"
	run_ok sandbox inspect web --field .state
	assert_output NotReady
	! grep "$CADDIS_STATE/" /proc/self/mountinfo || fail "mounts are left"
	run_ok sandbox rm web
	run_ok sandbox create web
	# Something else is not taken for one of ours.
	mkdir "$TEST_DIR/other"
	echo hello | tee "$TEST_DIR/other/boot" > "$TEST_DIR/other/letter"
	run_fails 1 --state "$TEST_DIR/other" sandbox ls
	assert_error "not a directory of caddis: it holds 'letter'"
	[ "$(cd "$TEST_DIR/other" && echo ./*)" = "./boot ./letter" ]
}

@test "a root of a newer layout is refused and left untouched" {
	run_ok sandbox create web
	run_ok sandbox rm web
	echo 2 > "$CADDIS_ROOT/version"
	run_fails 1 sandbox create web
	assert_error "layout version 2"
	[ "$(cat "$CADDIS_ROOT/version")" = 2 ]
	echo 1 > "$CADDIS_ROOT/version"
}

@test "a directory that is not caddis's is refused and left untouched" {
	mkdir "$TEST_DIR/home"
	echo x > "$TEST_DIR/home/letter"
	chmod 755 "$TEST_DIR/home"
	run_fails 1 --root "$TEST_DIR/home" sandbox create web
	assert_error "not a directory of caddis"
	[ "$(stat -c %a "$TEST_DIR/home")" = 755 ]
	[ "$(ls "$TEST_DIR/home")" = letter ]
}

@test "readers do not wait for a lock, writers say who holds it" {
	run_ok sandbox create web
	id=$output
	flock "$CADDIS_ROOT/sandboxes/$id/lock" sleep 30 3>&- &
	TEST_PIDS+=($!)
	wait_until 3 lock_held "$CADDIS_ROOT/sandboxes/$id/lock"
	run_ok sandbox ls
	run_ok sandbox inspect web
	run_fails 1 --lock-timeout 1 sandbox rm web
	assert_error "locked by flock"
	kill "${TEST_PIDS[-1]}"
}

lock_held() {
	! flock -n "$1" true
}
