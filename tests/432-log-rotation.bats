#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The log's own rotation, and reading across its files.

load helpers

setup() {
	caddis_setup
	test_image
	mkdir "$TEST_DIR/logs"
	run_ok sandbox create --network none --log-directory "$TEST_DIR/logs" web
}

# whole FILE...: nothing but whole records.
whole() {
	run ! grep -Evq '^20[0-9-]+T[0-9:.]+Z std(out|err) [FP] ' "$@"
}

@test "a log rotates by size at a record's end, keeps so many files, and loses nothing" {
	run_ok ctr run -d -s web --name a --log-max-size 64k --log-max-files 100 busybox sh -c 'seq 1 20000; echo end >&2'
	run_ok ctr wait a
	[ "$(find "$TEST_DIR/logs" -name 'a.log*' | wc -l)" -gt 10 ]
	[ "$(find "$TEST_DIR/logs" -name 'a.log*' -size +65536c)" = "" ]
	whole "$TEST_DIR"/logs/a.log*
	for n in $(seq 99 -1 1); do
		[ ! -e "$TEST_DIR/logs/a.log.$n" ] || cat "$TEST_DIR/logs/a.log.$n"
	done | cat - "$TEST_DIR/logs/a.log" | sed -n 's/.* stdout F //p' | cmp - <(seq 1 20000)
	"$CADDIS" ctr logs a 2> /dev/null | cmp - <(seq 1 20000)
	[ "$("$CADDIS" ctr logs --stream stderr a 2>&1)" = end ]
	"$CADDIS" ctr logs --stream stdout --tail 5000 a | cmp - <(seq 15001 20000)
	"$CADDIS" ctr logs --stream stdout --tail 30000 a | cmp - <(seq 1 20000)
	"$CADDIS" ctr logs --limit-bytes 10001 a | cmp - <(seq 1 20000 | head -c 10001)
}

@test "logs --since begins with the file that the time lies in, and does not open older ones" {
	mkdir "$TEST_DIR/go"
	run_ok ctr run -d -s web --name a --log-max-size 4k --log-max-files 100 -v "$TEST_DIR/go:/go" busybox sh -c 'seq 1 1000; while [ ! -e /go/on ]; do sleep 0.05; done; seq 1001 2000'
	old() { [ "$("$CADDIS" ctr logs a | tail -n 1)" = 1000 ]; }
	wait_until 10 old
	files=$(find "$TEST_DIR/logs" -name 'a.log.*' | wc -l)
	touch "$TEST_DIR/go/on"
	run_ok ctr wait a
	since=$("$CADDIS" ctr logs -t a | sed -n 's/ 1001$//p')
	strace -f -qq -e trace=openat,openat2 -o "$TEST_DIR/trace" "$CADDIS" ctr logs --since "$since" a | cmp - <(seq 1001 2000)
	# Of the first thousand's files one at most: the one that the second goes on in.
	grep -q '"a.log.1"' "$TEST_DIR/trace"
	new=$(($(find "$TEST_DIR/logs" -name 'a.log.*' | wc -l) - files))
	[ "$files" -gt 5 ] && [ "$new" -gt 5 ]
	run ! grep "\"a.log.$((new + 2))\"" "$TEST_DIR/trace"
}

@test "the oldest files go; the number that stays is what was asked for, 5 without" {
	run_ok ctr run -s web --name a --log-max-size 4k --log-max-files 3 busybox seq 1 5000
	[ "$(cd "$TEST_DIR/logs" && echo a.log*)" = "a.log a.log.1 a.log.2" ]
	"$CADDIS" ctr logs a | tail -n 1 | grep -qx 5000
	"$CADDIS" ctr logs a > "$TEST_DIR/kept"
	cmp "$TEST_DIR/kept" <(seq "$(head -n 1 "$TEST_DIR/kept")" 5000)
	run_ok ctr run -s web --name b --log-max-size 4k busybox seq 1 5000
	[ "$(find "$TEST_DIR/logs" -name 'b.log*' | wc -l)" -eq 5 ]
	run_ok ctr run -s web --name c --log-max-size 4k --log-max-files 1 busybox seq 1 5000
	[ "$(find "$TEST_DIR/logs" -name 'c.log*' | wc -l)" -eq 1 ]
	"$CADDIS" ctr logs --tail 1 c | grep -qx 5000
}

@test "logs -f goes on across rotations and misses nothing" {
	run_ok ctr run -d -s web --name a --log-max-size 32k --log-max-files 1000 busybox sh -c 'while [ ! -e /go ]; do sleep 0.05; done; for i in 1 2 3 4 5; do seq 1 3000; sleep 0.1; done'
	"$CADDIS" ctr logs -f a > "$TEST_DIR/followed" 3>&- &
	follower=$!
	TEST_PIDS+=("$follower")
	run_ok ctr exec a touch /go
	run_ok ctr wait a
	wait "$follower"
	cmp "$TEST_DIR/followed" <(for _ in 1 2 3 4 5; do seq 1 3000; done)
}

@test "a long line whose pieces lie in several files is one line" {
	run_ok ctr run -s web --name a --log-max-size 20k --log-max-files 50 busybox sh -c 'echo first; head -c 100000 /dev/zero | tr "\0" x; echo; echo last'
	[ "$(find "$TEST_DIR/logs" -name 'a.log*' | wc -l)" -gt 3 ]
	whole "$TEST_DIR"/logs/a.log*
	[ "$("$CADDIS" ctr logs --tail 2 a | wc -c)" -eq 100006 ]
	[ "$("$CADDIS" ctr logs --tail 2 a | wc -l)" -eq 2 ]
}

@test "a rotation that fails keeps the old file, and the container" {
	mkdir -p "$TEST_DIR/logs/a.log.1/full" "$TEST_DIR/logs/a.log.new"
	run_ok ctr run -s web --name a --log-max-size 4k --log-max-files 2 busybox seq 1 2000
	sed -n 's/.* stdout F //p' "$TEST_DIR/logs/a.log" | cmp - <(seq 1 2000)
	rm -r "$TEST_DIR/logs/a.log.new"
	run_ok ctr run -s web --name b --log-path a.log --log-max-size 4k --log-max-files 2 busybox seq 1 2000
	sed -n 's/.* stdout F //p' "$TEST_DIR/logs/a.log" | cmp - <(seq 1 2000; seq 1 2000)
	ln -s "$TEST_DIR/canary" "$TEST_DIR/logs/c.log.new"
	run_ok ctr run -s web --name c --log-max-size 4k --log-max-files 2 busybox seq 1 2000
	[ ! -e "$TEST_DIR/canary" ]
}

@test "a file says it too; what is no size or number is refused and nothing is made" {
	cat > "$TEST_DIR/c.json" <<-'EOF'
		{"metadata": {"name": "a"}, "image": {"image": "busybox"}, "command": ["seq", "1", "2000"],
		 "log_max_size": 4096, "log_max_files": 2}
	EOF
	run_ok ctr run -s web -f "$TEST_DIR/c.json"
	[ "$(find "$TEST_DIR/logs" -name 'a.log*' | wc -l)" -eq 2 ]
	run_fails 125 ctr run -s web --name refused --log-max-size 1k busybox true
	assert_error "--log-max-size 1k"
	run_fails 125 ctr run -s web --name refused --log-max-size x busybox true
	assert_error "not a size"
	run_fails 125 ctr run -s web --name refused --log-max-size 4k --log-max-files 0 busybox true
	assert_error "expected 1 to 1000"
	run_fails 125 ctr run -s web --name refused --log-max-files 3 busybox true
	assert_error "--log-max-size"
	run_fails 2 ctr logs --stream stdin a
	assert_error "expected stdout or stderr"
	run_fails 2 ctr logs --limit-bytes 0 a
	run_fails 1 ctr inspect refused
}

@test "the last ten lines of a long log are found from its end" {
	run_ok ctr run -s web --name a busybox seq 1 10
	truncate -s 5G "$TEST_DIR/logs/a.log"
	for i in 1 2 3 4 5 6 7 8 9 10 11; do
		printf '\n2026-11-23T10:11:12.123456789Z stdout F line %d' "$i"
	done >> "$TEST_DIR/logs/a.log"
	echo >> "$TEST_DIR/logs/a.log"
	strace -f -e trace=pread64 -o "$TEST_DIR/trace" "$CADDIS" ctr logs --tail 10 a > "$TEST_DIR/out"
	cmp "$TEST_DIR/out" <(for i in 2 3 4 5 6 7 8 9 10 11; do echo "line $i"; done)
	read=$(awk -F'= ' '/pread64/ { n += $NF } END { print n }' "$TEST_DIR/trace")
	[ "$read" -gt 0 ]
	[ "$read" -lt 2000000 ] || fail "$read bytes"
}
