#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Sandboxes and containers as they change, and what they use.

load helpers

has_lines() {
	[ "$(wc -l < "$2")" -ge "$1" ]
}

@test "ls --watch prints what is there, then each change as it happens" {
	run_ok sandbox create --network none one
	background env --default-signal=INT "$CADDIS" sandbox ls --watch -o json > "$TEST_DIR/events"
	pid=$!
	wait_until 10 has_lines 1 "$TEST_DIR/events"
	run_ok sandbox create --network none --label a=b two
	wait_until 10 has_lines 2 "$TEST_DIR/events"
	run_ok sandbox stop two
	wait_until 10 has_lines 3 "$TEST_DIR/events"
	run_ok sandbox rm two
	wait_until 10 has_lines 4 "$TEST_DIR/events"
	run_ok sandbox update --memory 64Mi one
	run_ok sandbox rm one
	wait_until 10 has_lines 5 "$TEST_DIR/events"
	[ "$(jq -rs '.[] | [.event, .name, .state // "-"] | join(" ")' "$TEST_DIR/events")" = "added one Ready
added two Ready
changed two NotReady
removed two -
removed one -" ] || fail "$(cat "$TEST_DIR/events")"
	[ "$(jq -s '.[1].labels.a' "$TEST_DIR/events")" = '"b"' ]
	# It waits without a turn of the processor.
	before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
	sleep 0.5
	[ "$(awk '{ print $14 + $15 }' "/proc/$pid/stat")" -le $((before + 1)) ]
	kill -INT "$pid"
	gone() { ! kill -0 "$pid" 2>/dev/null; }
	wait_until 5 gone
}

@test "ls --watch ends when nobody reads any more, and keeps to its filters" {
	run_ok sandbox create --network none --label a=b one
	run_ok sandbox create --network none two
	# head takes one line and goes; nothing happens after that.
	run --separate-stderr timeout 20 bash -c "'$CADDIS' sandbox ls --watch -l a=b -o name | head -n 1"
	[ "$status" -eq 0 ] || fail "status $status: $output"
	assert_output one
	background "$CADDIS" sandbox ls --watch --state ready -o json > "$TEST_DIR/events"
	wait_until 10 has_lines 2 "$TEST_DIR/events"
	run_ok sandbox stop one
	wait_until 10 has_lines 3 "$TEST_DIR/events"
	[ "$(jq -rs '.[2] | .event + " " + .name' "$TEST_DIR/events")" = "removed one" ]
}

@test "ls --watch misses none of many that come and go at once" {
	background "$CADDIS" sandbox ls --watch -o json > "$TEST_DIR/events"
	for i in {1..20}; do
		"$CADDIS" sandbox create --network none "s$i" > /dev/null &
		pids[i]=$!
	done
	wait "${pids[@]}"
	wait_until 20 has_lines 20 "$TEST_DIR/events"
	"$CADDIS" sandbox ls -q | xargs -n 5 -P 4 "$CADDIS" sandbox rm > /dev/null
	wait_until 20 has_lines 40 "$TEST_DIR/events"
	[ "$(jq -r 'select(.event == "added") | .id' "$TEST_DIR/events" | sort -u | wc -l)" = 20 ]
	[ "$(jq -r 'select(.event == "removed") | .id' "$TEST_DIR/events" | sort -u | wc -l)" = 20 ]
}

@test "stats shows what sandboxes and containers use, once" {
	test_image
	run_ok sandbox create --network none --memory 64Mi --pids-limit 50 web
	run_ok sandbox create --network none idle
	run_ok ctr run -d -s web --name busy busybox sh -c 'while :; do :; done'
	run_ok ctr run -d -s web --name quiet busybox sleep 1000
	busy() {
		run_ok sandbox stats -o json
		jq -e 'map(select(.name == "web"))[0] | .cpu_percent > 5 and .cpu_usage_ns > 0 and .pids == 2 and .pids_limit == 50
			and .memory_limit == 67108864 and .memory_usage > 0 and .memory_working_set > 0' <<< "$output" > /dev/null
	}
	wait_until 20 busy
	jq -e 'length == 2 and (map(select(.name == "idle"))[0].pids | . == 0 or . == null)' <<< "$output"
	run_ok ctr stats -o json quiet
	jq -e 'length == 1 and .[0].name == "quiet" and .[0].pids == 1 and .[0].cpu_percent < 5
		and (.[0].sandbox_id | length) == 64' <<< "$output"
	run_ok ctr stats
	[[ ${lines[0]} == "CONTAINER ID"*"CPU %"*MEMORY*LIMIT*PIDS* ]] || fail "$output"
	[ "${#lines[@]}" -eq 3 ]
	run_ok ctr stop -t 0 quiet
	run_ok ctr stats -o name
	assert_output busy
	run_ok ctr stats -a --columns name,pids -o json
	[ "$(jq length <<< "$output")" = 2 ]
	run_fails 1 sandbox stats nosuch
	assert_error "no sandbox nosuch"
	run_fails 2 ctr stats --interval 0
	[ "$(wc -l <<< "$stderr")" = 1 ]
}

@test "stats --watch goes on, one JSON object per look, and ends with its reader" {
	test_image
	run_ok sandbox create --network none web
	run_ok ctr run -d -s web --name app busybox sleep 1000
	run --separate-stderr timeout 30 bash -c "'$CADDIS' ctr stats --watch --interval 1 -o json app | head -n 2"
	[ "$status" -eq 0 ] || fail "status $status: $output"
	[ "$(jq -rs 'map(.name) | unique == ["app"]' <<< "$output")" = true ]
	[ "$(jq -rs 'map(.read_at) | unique | length' <<< "$output")" = 2 ]
}
