#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The journal of what happens, and those who read it.

load helpers

JOURNAL=events

# events FILTER...: "type event name" of each, all there are.
events() {
	run_ok events --no-follow "${@/#/--filter=}" -o json
	output=$(jq -r '[.type, .event, .name] | join(" ")' <<< "$output")
}

has_lines() {
	[ "$(wc -l < "$2")" -ge "$1" ]
}

# fill_journal: makes it as large as it may be, of whole lines.
fill_journal() {
	yes '{"time":"2020-01-01T00:00:00Z","type":"container","event":"paused","id":"00","name":"filler"}' |
		head -n 24000 | tee -a "$CADDIS_ROOT/$JOURNAL" > /dev/null
	[ "$(stat -c %s "$CADDIS_ROOT/$JOURNAL")" -ge 2097152 ]
}

@test "a container's and a sandbox's life is told in order, with code and reason, and read back by every filter" {
	test_image
	run_ok sandbox create --network none --label tier=web web
	run_ok ctr run -d -s web --name app --label x=y busybox sleep 1000
	id=$(caddis ctr ls -q)
	run_ok ctr pause app
	run_ok ctr resume app
	run_ok ctr rename app front
	run_ok ctr update --memory 64m front
	run_ok ctr restart -t 0 front
	run_fails 7 ctr run -s web --name other --rm busybox sh -c 'exit 7'
	run -127 caddis ctr run -s web --name wrong busybox nonsense
	run_ok sandbox update --memory 128Mi web
	run_ok sandbox stop -t 0 web
	run_ok sandbox stop web
	run_ok sandbox rm web
	events
	[ "$(grep -v 'container .* other\|container .* wrong\|^image ' <<< "$output")" = "sandbox created web
container created app
container started app
container paused app
container resumed app
container renamed front
container updated front
container died front
container started front
sandbox updated web
container died front
sandbox stopped web
container removed front
sandbox removed web" ] || fail "$output"
	[ "$(grep ' other' <<< "$output")" = "container created other
container started other
container died other
container removed other" ] || fail "$output"
	[ "$(grep ' wrong' <<< "$output")" = "container created wrong
container died wrong
container removed wrong" ] || fail "$output"

	run_ok ctr events --no-follow -o json -f event=die other wrong
	[ "$(jq -r '[.name, .exit_code, .reason] | join(" ")' <<< "$output")" = "other 7 Error
wrong 127 StartError" ] || fail "$output"
	jq -e 'select(.name == "wrong").message | contains("nonsense")' <<< "$output"
	run_ok ctr events --no-follow -f event=renamed
	[[ $output == *" container renamed ${id:0:12} (name=front, sandbox_id="*", image=busybox, old_name=app)" ]] || fail "$output"
	# The container's old name is its own no more, its ID is.
	run_ok ctr events --no-follow -o json "${id:0:12}"
	[ "$(jq -r .event <<< "$output" | head -n 1)" = created ]
	[ "$(jq -r '[.container_id, .created_at, .container_event_type] | join(" ")' <<< "$output" | tail -n 1)" = \
		"$id $(jq -rs 'last.time' <<< "$output") CONTAINER_DELETED_EVENT" ] || fail "$output"
	events sandbox=web event=created
	[ "$(wc -l <<< "$output")" -eq 4 ] || fail "$output"
	events label=x=y event=start event=remove
	[ "$output" = "container started app
container started front
container removed front" ] || fail "$output"
	events label=x label=tier
	[ -z "$output" ]
	events label=tier=web
	[ "$(wc -l <<< "$output")" -eq 4 ] || fail "$output"
	events image=docker.io/library/busybox:latest type=container event=created
	[ "$(wc -l <<< "$output")" -eq 3 ] || fail "$output"
	run_ok events --no-follow --until 2020-01-01T00:00:00Z
	assert_output ""
	run_ok events --no-follow --since "$(date -u +%Y-%m-%dT%H:%M:%SZ -d tomorrow)"
	assert_output ""
	# The past has an end of its own.
	run_ok events --until 0s -o json -f type=pod -f event=removed
	[ "$(jq -r .name <<< "$output")" = web ]
}

@test "images are told of: import, tag, untag, save and load, removal, prune" {
	test_image
	run_ok image tag busybox other
	run_ok image untag other
	run_ok image save -o "$TEST_DIR/saved.tar" busybox
	id=$(caddis image inspect --field id busybox)
	run_ok image rm busybox
	run_ok image load -i "$TEST_DIR/saved.tar"
	run_ok image prune -a
	full=docker.io/library/busybox:latest
	events type=image
	[ "$output" = "image imported $full
image tagged docker.io/library/other:latest
image untagged docker.io/library/other:latest
image untagged $full
image removed 
image loaded $full
image removed " ] || fail "$output"
	run_ok events --no-follow -o json -f image="${id:7:8}"
	[ "$(jq -rs 'map(.id) | unique | join(" ")' <<< "$output")" = "$id" ]
	run_ok events --no-follow -f image=busybox -f event=untagged
	[[ $output == *" image untagged ${id:7:12} (name=$full)" ]] || fail "$output"
}

@test "bad options are refused, each in one line" {
	run_fails 2 events -f nonsense=1
	assert_error "--filter nonsense=1: there is no such key; container, sandbox, image, event, type, label"
	run_fails 2 events -f container
	assert_error "--filter container: expected KEY=VALUE"
	run_fails 2 events -f event=nonsense
	assert_error "--filter event=nonsense: there is none such"
	run_fails 2 events -f type=nonsense
	assert_error "expected container, sandbox or image"
	run_fails 2 events --since yesterday
	assert_error "--since yesterday: expected a time"
	run_fails 2 events -o xml
	assert_error "--output: expected text or json"
	run_fails 2 events --status
	assert_error "--status goes with -o json"
	run_fails 2 events web
	assert_error "unexpected argument 'web'"
}

@test "followed, events come as they happen and no older ones; it ends at its time and with its reader" {
	run_ok sandbox create --network none before
	background env --default-signal=INT "$CADDIS" events -o json --status > "$TEST_DIR/all"
	pid=$!
	background "$CADDIS" events -o json -f sandbox=two > "$TEST_DIR/two"
	watching() { [ -n "$(find "/proc/$1/fd" -lname 'anon_inode:*inotify*' 2>/dev/null)" ]; }
	wait_until 10 watching "$pid"
	wait_until 10 watching "$!"
	run_ok sandbox create --network none one
	run_ok sandbox create --network none two
	wait_until 10 has_lines 2 "$TEST_DIR/all"
	wait_until 10 has_lines 1 "$TEST_DIR/two"
	jq -es '.[0].name == "one" and .[0].pod_sandbox_status.state == "Ready" and .[0].containers_statuses == []
		and .[1].name == "two"' "$TEST_DIR/all"
	[ "$(jq -r .name "$TEST_DIR/two")" = two ]
	# It waits without a turn of the processor.
	before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
	sleep 0.3
	[ "$(awk '{ print $14 + $15 }' "/proc/$pid/stat")" -le $((before + 1)) ]
	kill -INT "$pid"
	gone() { ! kill -0 "$pid" 2>/dev/null; }
	wait_until 5 gone
	# head takes one line and goes; nothing happens after that.
	run --separate-stderr timeout 20 bash -c "'$CADDIS' events --since 1h | head -n 1"
	[ "$status" -eq 0 ] || fail "status $status: $output"
	assert_output_has "sandbox created"
	run --separate-stderr timeout 20 "$CADDIS" events --until "$(($(date +%s) + 1))"
	[ "$status" -eq 0 ] || fail "status $status"
	assert_output ""
}

@test "50 writers at once tear no line, and a follower misses none across a rotation" {
	run_ok sandbox create --network none first
	background "$CADDIS" events --since 1h -f type=sandbox -o json > "$TEST_DIR/followed"
	wait_until 10 has_lines 1 "$TEST_DIR/followed"
	fill_journal
	for i in {1..50}; do
		"$CADDIS" sandbox create --network none "s$i" > /dev/null &
		pids[i]=$!
	done
	wait "${pids[@]}"
	wait_until 20 has_lines 51 "$TEST_DIR/followed"
	[ "$(jq -r .name "$TEST_DIR/followed" | sort -u | wc -l)" = 51 ]
	# What was full is events.1, with those who had opened it before it got that name.
	[ "$(stat -c %s "$CADDIS_ROOT/events.1")" -ge 2097152 ]
	new=$(grep -c . "$CADDIS_ROOT/events")
	[ "$new" -ge 1 ]
	[ $((new + $(grep -c '"event":"created","id".*"name":"s[0-9]*"' "$CADDIS_ROOT/events.1"))) = 50 ]
	grep . "$CADDIS_ROOT/events" | jq -es 'all(.event == "created" and .type == "sandbox")'
	[ "$(stat -c %a "$CADDIS_ROOT/events")" = 600 ]
	# Both are read, and a second rotation takes the first one's place.
	run_ok events --no-follow -f type=sandbox -o json
	[ "$(jq -r .name <<< "$output" | sort -u | wc -l)" = 51 ]
	fill_journal
	"$CADDIS" sandbox ls -q | xargs -n 10 -P 4 "$CADDIS" sandbox rm > /dev/null
	wait_until 20 has_lines 102 "$TEST_DIR/followed"
	[ "$(jq -r 'select(.event == "removed").name' "$TEST_DIR/followed" | sort -u | wc -l)" = 51 ]
	[ "$(cat "$CADDIS_ROOT"/events* | grep -c '"created"')" = "$new" ]
	[ "$(find "$CADDIS_ROOT" -maxdepth 1 -name 'events*' | wc -l)" = 2 ]
}

@test "half a line, and what is no event, is skipped and harms no other" {
	run_ok sandbox create --network none one
	printf '{"time":"2026-01-01T00:00:00Z","type":"sandbox","ev' >> "$CADDIS_ROOT/$JOURNAL"
	run_ok sandbox create --network none two
	head -c 3000 /dev/zero >> "$CADDIS_ROOT/$JOURNAL"
	run_ok sandbox create --network none three
	printf '%s\n' '[]' '{}' '{"time":1,"type":2,"event":3}' '{"time":"x","type":"sandbox","event":"created"}' >> "$CADDIS_ROOT/$JOURNAL"
	printf '{"time":"2026-01-01T00:00:00Z","type":"sandbox","event":"created","name":"%s"}\n' "$(head -c 300000 /dev/zero | tr '\0' x)" >> "$CADDIS_ROOT/$JOURNAL"
	run_ok sandbox create --network none four
	events
	[ "$output" = "sandbox created one
sandbox created two
sandbox created three
sandbox created four" ] || fail "$output"
}

@test "a journal that cannot be written fails and delays nothing" {
	run_ok sandbox create --network none one
	rm "$CADDIS_ROOT/$JOURNAL"
	mkfifo "$CADDIS_ROOT/$JOURNAL"
	run_ok sandbox create --network none two
	assert_no_error
	run_fails 1 events --no-follow
	assert_error "$CADDIS_ROOT/events is no file"
	rm "$CADDIS_ROOT/$JOURNAL"
	ln -s "$TEST_DIR/elsewhere" "$CADDIS_ROOT/$JOURNAL"
	run_ok sandbox create --network none three
	[ ! -e "$TEST_DIR/elsewhere" ]
	rm "$CADDIS_ROOT/$JOURNAL"
	# ulimit -f: the signal would end the command.
	fill_journal
	mkdir -p "$CADDIS_ROOT/events.1/in-the-way"
	(ulimit -f 1000; "$CADDIS" sandbox create --network none four)
	# It cannot be rotated: it ends at twice its size.
	fill_journal
	fill_journal
	size=$(stat -c %s "$CADDIS_ROOT/$JOURNAL")
	run_ok sandbox create --network none five
	[ "$(stat -c %s "$CADDIS_ROOT/$JOURNAL")" = "$size" ]
	rm -r "$CADDIS_ROOT/events.1"
	run_ok sandbox rm one two three four five
	events type=sandbox
	[ "$(grep -c removed <<< "$output")" = 5 ]
}

@test "hostile texts are one line of the journal, and none of a terminal's commands" {
	test_image
	run -127 caddis ctr run --rm --network none busybox $'no\n"such\\\e[31m'
	run_ok events --no-follow -f event=died
	[ "$(wc -l <<< "$output")" = 1 ]
	assert_output_lacks $'\e'
	assert_output_has 'no\x0a"such\\x1b[31m'
	run_ok events --no-follow -f event=died -o json
	jq -e '.message | contains("no\\x0a\"such\\\\x1b[31m")' <<< "$output"
	# More labels than a line holds.
	labels=()
	for i in {1..60}; do
		labels+=(--label "k$i=$(head -c 60 /dev/zero | tr '\0' v)")
	done
	run_ok sandbox create --network none "${labels[@]}" many
	run_ok events --no-follow -f sandbox=many -o json
	jq -e '.event == "created" and .labels_omitted and (has("labels") | not)' <<< "$output"
}

@test "an end is told once, by whoever learns of it: monitor, adopter, or who removes it" {
	test_image
	run_ok sandbox create --network none web
	# A dead one stays in /proc until somebody reaps it.
	ended() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status"; }
	monitor_of() { awk '/^PPid:/ { print $2 }' "/proc/$(caddis ctr inspect --field pid "$1")/status"; }
	for name in adopted unseen rebooted; do
		run_ok ctr run -d -s web --name "$name" busybox sleep 1000
		monitor=$(monitor_of "$name")
		[ "$(tr '\0' ' ' < "/proc/$monitor/cmdline" | grep -c 'ctr run')" = 1 ]
		pid=$(caddis ctr inspect --field pid "$name")
		kill -9 "$monitor"
		wait_until 5 ended "$monitor"
		case $name in
		adopted) # the first to look gives it a monitor
			run_ok ctr kill adopted
			run_ok ctr wait adopted
			# What the kernel can tell depends on its version.
			seen="$(caddis ctr inspect --field exit_code adopted) $(caddis ctr inspect --field reason adopted)"
			;;
		*)
			kill -9 "$pid"
			wait_until 5 ended "$pid"
			;;
		esac
	done
	status_of=$CADDIS_ROOT/containers/$(caddis ctr inspect --field id rebooted)/status.json
	jq -c '.boot_id = "00000000-0000-4000-8000-000000000000"' "$status_of" > "$TEST_DIR/status"
	cp "$TEST_DIR/status" "$status_of"
	run_ok ctr ls -a
	run_ok ctr restart unseen
	run_ok ctr rm -f adopted unseen rebooted
	run_ok ctr events --no-follow -o json -f event=died -f event=started
	[ "$(jq -r '[.name, .event, .exit_code // "", .reason // ""] | join(" ")' <<< "$output" | sed 's/ *$//')" = "adopted started
adopted died $seen
unseen started
rebooted started
unseen died 255 Unknown
unseen started
unseen died 137 Error
rebooted died 255 HostRebooted" ] || fail "$output"
}
