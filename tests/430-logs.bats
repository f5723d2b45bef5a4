#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

@test "logs keep both streams apart and byte-exact" {
	run_ok ctr run -d -s web --name a busybox sh -c 'echo one; echo two >&2; printf "no newline"'
	run_ok ctr wait a
	run_ok ctr logs a
	assert_output "one
no newline"
	[ "$stderr" = two ]
}

@test "the file is in the CRI format, under the sandbox's log directory" {
	run_ok sandbox create --log-directory "$TEST_DIR/logs" logged
	run_ok ctr run -s logged --name a busybox sh -c 'echo out; echo err >&2'
	grep -Eq '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z stdout F out$' "$TEST_DIR/logs/a.log"
	grep -Eq ' stderr F err$' "$TEST_DIR/logs/a.log"
	run_ok ctr run -s logged --name b --log-path sub/b_0.log busybox echo deep
	grep -q ' stdout F deep$' "$TEST_DIR/logs/sub/b_0.log"
	run_fails 125 ctr run -s web --log-path x.log busybox true
	assert_error "no log directory"
}

@test "the log path of a file does without a log directory, as it does for crictl" {
	cat > "$TEST_DIR/a.json" <<-'JSON'
		{"metadata": {"name": "a"}, "image": {"image": "busybox"}, "command": ["echo", "hi"], "log_path": "../a/0.log"}
	JSON
	run_ok ctr create web -f "$TEST_DIR/a.json"
	run_ok ctr start a
	run_ok ctr wait a
	run_ok ctr logs a
	assert_output hi
	run_fails 125 ctr run -s web -f "$TEST_DIR/a.json" --log-path x.log --name b
	assert_error "no log directory"
}

@test "a log path stays in the log directory" {
	run_ok sandbox create --log-directory "$TEST_DIR/logs" logged
	run ctr_with_path ../../outside.log
	[ ! -e "$TEST_DIR/../outside.log" ]
	ln -s "$TEST_DIR/canary" "$TEST_DIR/logs/link.log"
	run_fails 125 ctr run --rm -s logged --log-path link.log busybox echo x
	[ ! -e "$TEST_DIR/canary" ]
	mkfifo "$TEST_DIR/logs/fifo.log"
	run timeout 10 "$CADDIS" ctr run --rm -s logged --log-path fifo.log busybox echo x
	[ "$status" -eq 125 ]
}

ctr_with_path() {
	"$CADDIS" ctr run --rm -s logged --log-path "$1" busybox echo x
}

@test "--tail, --since, --until and -t choose and show" {
	run_ok ctr run -s web --name a busybox sh -c 'echo 1; echo 2; sleep 1.2; echo 3'
	run_ok ctr logs --tail 2 a
	assert_output "2
3"
	run_ok ctr logs --tail 0 a
	assert_output ""
	run_ok ctr logs -t --tail 1 a
	[[ $output =~ ^20.*Z\ 3$ ]] || fail "$output"
	stamp=${output%% *}
	run_ok ctr logs --since "$stamp" a
	assert_output 3
	run_ok ctr logs --until "$stamp" --tail 2 a
	assert_output_has 2
	run_ok ctr logs --since 1h a
	assert_output "1
2
3"
	run_fails 2 ctr logs --since bogus a
	run_fails 2 ctr logs --tail x a
	run_fails 1 ctr logs nosuch
}

@test "-f follows until the container ends" {
	run_ok ctr run -d -s web --name a busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.2; done'
	run timeout 20 "$CADDIS" ctr logs -f a
	[ "$status" -eq 0 ]
	assert_output "1
2
3"
}

@test "long lines are split at 16 KiB in the file and whole again in logs" {
	run_ok ctr run -s web --name a busybox sh -c 'head -c 40000 /dev/zero | tr "\0" x; echo'
	file=$("$CADDIS" ctr inspect a | jq -r '.[0].log_path')
	[ "$(grep -c ' stdout P ' "$file")" -eq 2 ]
	[ "$(grep -c ' stdout F ' "$file")" -eq 1 ]
	[ "$("$CADDIS" ctr logs a | wc -c)" -eq 40001 ]
}
