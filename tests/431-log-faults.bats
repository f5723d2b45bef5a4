#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# LOG-2 to LOG-6, LOG-10 to LOG-14, LOG-18 of the reliability tables, on the built binary; attach (LOG-1, LOG-15) and adoption
# (LOG-9) have their own files.

load helpers

setup() {
	caddis_setup
	test_image
	mkdir "$TEST_DIR/logs"
	run_ok sandbox create --network none --log-directory "$TEST_DIR/logs" web
}

field() {
	"$CADDIS" ctr inspect "$1" | jq -r ".[0].$2"
}

monitor_of() {
	awk '/^PPid:/ { print $2 }' "/proc/$(field "$1" pid)/status"
}

log_has() {
	grep -q "$1" "$TEST_DIR/logs/a.log"
}

@test "LOG-2: a full disk loses counted records, never the container or its exit code" {
	mount -t tmpfs -o size=1m tmpfs "$TEST_DIR/logs"
	run_ok ctr run -d -s web --name a busybox sh -c 'seq 1 200000; while [ ! -e /go ]; do sleep 0.05; done; echo after; exit 5'
	wait_until 20 full
	rm "$TEST_DIR/logs/filler" 2> /dev/null || true
	mount -o remount,size=64m "$TEST_DIR/logs"
	run_ok ctr exec a touch /go
	run_ok ctr wait a
	assert_output 5
	log_has "caddis: [0-9]* log records\? lost here: No space left on device"
	log_has " stdout F after$"
	run_ok ctr rm a
	umount "$TEST_DIR/logs"
}

full() {
	[ "$(df --output=avail "$TEST_DIR/logs" | tail -n 1)" -lt 40 ] && "$CADDIS" ctr exec a sh -c '! pidof seq' > /dev/null
}

@test "LOG-3, LOG-4: a rotation loses and splits nothing; one that fails keeps the old log" {
	run_ok ctr run -d -s web --name a busybox sh -c 'i=0; while [ ! -e /stop ]; do echo "line $i"; i=$((i+1)); done; echo end $i'
	"$CADDIS" ctr attach a > "$TEST_DIR/attached" 2>&1 3>&- < /dev/null &
	for n in 1 2 3 4 5 6 7 8; do
		wait_until 5 test -s "$TEST_DIR/logs/a.log"
		mv "$TEST_DIR/logs/a.log" "$TEST_DIR/logs/a.log.$n"
		run_ok ctr reopen-log a
		assert_output a
	done
	# A directory, a symbolic link, and a directory that is not there in its place.
	mv "$TEST_DIR/logs/a.log" "$TEST_DIR/logs/a.log.9"
	mkdir "$TEST_DIR/logs/a.log"
	run_fails 1 ctr reopen-log a
	assert_error "a.log"
	rmdir "$TEST_DIR/logs/a.log"
	ln -s "$TEST_DIR/canary" "$TEST_DIR/logs/a.log"
	run_fails 1 ctr reopen-log a
	[ ! -e "$TEST_DIR/canary" ]
	rm "$TEST_DIR/logs/a.log"
	mv "$TEST_DIR/logs" "$TEST_DIR/moved"
	run_fails 1 ctr reopen-log a
	mv "$TEST_DIR/moved" "$TEST_DIR/logs"
	run_ok ctr reopen-log a
	run_ok ctr exec a touch /stop
	run_ok ctr wait a
	for n in 1 2 3 4 5 6 7 8 9; do
		cat "$TEST_DIR/logs/a.log.$n"
	done > "$TEST_DIR/all"
	cat "$TEST_DIR/logs/a.log" >> "$TEST_DIR/all"
	count=$(sed -n 's/.* stdout F end //p' "$TEST_DIR/all")
	[ "$count" -gt 100 ]
	run ! grep -Evq '^20[0-9-]+T[0-9:.]+Z stdout F (line|end) [0-9]+$' "$TEST_DIR/all"
	sed -n 's/.* stdout F line //p' "$TEST_DIR/all" | cmp - <(seq 0 $((count - 1)))
	run_fails 1 ctr reopen-log a
	assert_error "not running"
	run_fails 1 ctr reopen-log nosuch
}

@test "LOG-5, LOG-10: 60 MB without a newline are logged whole; the monitor stays small and outside the limit" {
	run_ok ctr run -d -s web --name a -m 16m busybox sh -c 'head -c 60000000 /dev/zero | tr "\0" z; while [ ! -e /go ]; do sleep 0.05; done; exit 3'
	monitor=$(monitor_of a)
	wait_until 60 "$CADDIS" ctr exec a sh -c '! pidof head tr'
	rss=$(awk '/^(RssAnon):/ { print $2 }' "/proc/$monitor/status")
	[ "$rss" -lt 1024 ] || fail "$rss KiB"
	run_ok ctr exec a touch /go
	run_ok ctr wait a
	assert_output 3
	[ "$("$CADDIS" ctr logs a | tr -d '\n' | wc -c)" -eq 60000000 ]
}

@test "LOG-6: closed streams cost no CPU time" {
	run_ok ctr run -d -s web --name a busybox sh -c 'exec 1>&- 2>&-; sleep 2; exit 3'
	monitor=$(monitor_of a)
	before=$(awk '{ print $14 + $15 }' "/proc/$monitor/stat")
	sleep 1
	after=$(awk '{ print $14 + $15 }' "/proc/$monitor/stat")
	[ $((after - before)) -le 2 ] || fail "$((after - before)) ticks"
	run_ok ctr wait a
	assert_output 3
}

@test "LOG-12: the exit code is recorded on a full disk" {
	mkdir "$TEST_DIR/small"
	mount -t tmpfs -o size=16m tmpfs "$TEST_DIR/small"
	CADDIS_ROOT=$TEST_DIR/small/root
	test_image
	run_ok sandbox create --network none small
	mkdir "$TEST_DIR/go"
	run_ok ctr run -d -s small --name a -v "$TEST_DIR/go:/go" busybox sh -c 'while [ ! -e /go/go ]; do sleep 0.05; done; exit 6'
	head -c 20000000 /dev/zero > "$TEST_DIR/small/filler" 2> /dev/null || true
	run ! cp /etc/passwd "$TEST_DIR/small/more"
	touch "$TEST_DIR/go/go"
	run_ok ctr wait a
	assert_output 6
	[ "$(field a reason)" = Error ]
	run_ok ctr rm a
	run_ok sandbox rm small
	umount "$TEST_DIR/small"
	export CADDIS_ROOT=$TEST_DIR/root
}

@test "LOG-13: a storm of resizes, and packets that are none, do no harm" {
	run_ok ctr run -d -it -s web --name a busybox sh -c 'while [ ! -e /go ]; do sleep 0.05; done; i=0; while [ "$(stty size)" != "12 34" ] && [ $i -lt 400 ]; do i=$((i + 1)); sleep 0.05; done; stty size; exit 4'
	python3 - "$CADDIS_STATE/containers/$(field a id)" <<-'PY'
		import os, socket, struct, sys
		os.chdir(sys.argv[1])
		def connect():
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    s.connect("control")
		    return s
		s = connect()
		for i in range(20000):
		    s.send(b"W" + struct.pack("HH", i % 65536, (7 * i) % 65536))
		for bad in (b"W", b"W\x01", b"W" * 100, b"\x00", b"?" * 60000, b"X" + bytes(12), b"P" + bytes(16), b"1out", b"L" + bytes(8)):
		    s.send(bad)
		for i in range(400):
		    connect().close()
		held = [connect() for _ in range(300)]
		s.send(b"W" + struct.pack("HH", 12, 34))
	PY
	run_ok ctr exec a touch /go
	run_ok ctr wait a
	assert_output 4
	run_ok ctr logs a
	assert_output_has "12 34"
}

@test "LOG-14: attached and left 100 times, a container goes on, and its monitor keeps no fd" {
	run_ok ctr run -d -i -s web --name a busybox sh -c 'while read x; do echo "$x"; done; exit 9'
	monitor=$(monitor_of a)
	fds=$(find "/proc/$monitor/fd" | wc -l)
	for _ in {1..100}; do
		"$CADDIS" ctr attach a < /dev/null > /dev/null 2>&1 3>&- &
		kill -9 $!
		wait $! 2> /dev/null || true
	done
	[ "$(field a state)" = Running ]
	wait_until 5 few_fds "$monitor" "$fds"
}

few_fds() {
	[ "$(find "/proc/$1/fd" | wc -l)" -le "$2" ]
}

@test "LOG-11: with a limit too small to start in, or to live with, the kernel's kill is told from other ends" {
	run_fails 125 ctr run -s web --name tiny -m 4k busybox true
	assert_error "the kernel killed it for want of memory: raise --memory"
	[ "$(field tiny state) $(field tiny reason) $(field tiny oom_killed)" = "Exited StartError true" ]
	run_ok ctr create web --name back -m 4k busybox true
	run_fails 1 ctr start back
	[ "$(field back oom_killed)" = true ]
	run_fails 126 ctr run -s web --name wrong -m 8m busybox /etc/passwd
	[ "$(field wrong reason) $(field wrong oom_killed)" = "StartError false" ]
	run "$CADDIS" ctr run -s web --name child -m 8m busybox sh -c 'tail -c 20000000 < /dev/zero; exit 3'
	[ "$(field child reason) $(field child exit_code) $(field child oom_killed)" = "OOMKilled 3 true" ]
	run "$CADDIS" ctr run -s web --name init -m 8m busybox sh -c 'exec tail -c 20000000 < /dev/zero'
	[ "$(field init reason) $(field init exit_code) $(field init oom_killed)" = "OOMKilled 137 true" ]
}

@test "LOG-18: stamps are UTC to the nanosecond, in any zone and century, and none is older than the one before it" {
	cat > "$TEST_DIR/clock.c" <<-'C'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <time.h>
		#include <unistd.h>
		int clock_gettime(clockid_t id, struct timespec *t)
		{
			int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
			int r = real(id, t);

			if (id == CLOCK_REALTIME)
				t->tv_sec += access(BACK, F_OK) == 0 ? 20 * 365 * 86400L - 3600 : 20 * 365 * 86400L;
			return r;
		}
	C
	"${CC:-cc}" -shared -fPIC -DBACK="\"$TEST_DIR/back\"" -o "$TEST_DIR/clock.so" "$TEST_DIR/clock.c" -ldl
	# Twenty years from now, then an hour less: beyond 2038, and a clock that is set back.
	TZ=America/New_York ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 LD_PRELOAD=$TEST_DIR/clock.so \
		"$CADDIS" ctr run -d -s web --name a -v "$TEST_DIR:/t" --log-path a.log busybox sh -c 'echo one; echo uno >&2; while [ ! -e /t/back ]; do sleep 0.05; done; sleep 0.1; echo two; echo due >&2; echo three'
	wait_until 10 log_has uno
	touch "$TEST_DIR/back"
	run_ok ctr wait a
	[ "$(wc -l < "$TEST_DIR/logs/a.log")" -eq 5 ] || fail "$(cat "$TEST_DIR/logs/a.log")"
	! grep -vE '^20[4-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{9}Z std(out|err) F (one|two|three|uno|due)$' "$TEST_DIR/logs/a.log" || fail "a stamp of another form"
	for stream in stdout stderr; do
		awk -v s=$stream '$2 == s { print $1 }' "$TEST_DIR/logs/a.log" | sort -c || fail "$(cat "$TEST_DIR/logs/a.log")"
	done
	# In UTC: the hour in New York is another one.
	stamp=$(date -ud "$(awk 'NR == 1 { print $1 }' "$TEST_DIR/logs/a.log")" +%s)
	off=$((stamp - 20 * 365 * 86400 - $(date +%s)))
	[ "${off#-}" -lt 600 ] || fail "$off seconds away"
	TZ=Asia/Tokyo run_ok ctr logs -t a
	assert_output_has "$(awk 'NR == 1 { print $1 }' "$TEST_DIR/logs/a.log") one"
}
