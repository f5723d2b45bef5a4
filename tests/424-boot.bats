#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Sandboxes that are made ready again, and what is started after a reboot.

load helpers
load network

field() {
	"$CADDIS" ctr inspect --field "$2" "$1"
}

states() {
	"$CADDIS" ctr ls -a -o json | jq -r '[.[] | "\(.name) \(.state)"] | sort | join(", ")'
}

# power_cut: all that runs is gone at once, and nobody has written anything down.
power_cut() {
	local pid monitor status

	for pid in $("$CADDIS" ctr ls -o json | jq '.[].pid'); do
		monitor=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
		[ "$(tr '\0' ' ' < "/proc/$monitor/cmdline" | grep -c "caddis")" = 1 ]
		kill -9 "$monitor" "$pid"
		wait_until 5 ended "$monitor"
		wait_until 5 ended "$pid"
	done
	for status in "$CADDIS_ROOT"/containers/*/status.json; do
		jq -c 'if .boot_id then .boot_id = "00000000-0000-4000-8000-000000000000" else . end' "$status" > "$TEST_DIR/status"
		cp "$TEST_DIR/status" "$status"
	done
	new_boot
}

new_boot() {
	reboot
	ip link del caddis0 2>/dev/null || true
	nft flush ruleset
}

# A dead one stays in /proc until somebody reaps it.
ended() {
	[ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status"
}

@test "a stopped sandbox is made ready again as it was, with its last limits, and its containers start in it" {
	test_image
	run_ok sandbox create -p 8080:80 --ip 10.128.0.50 --memory 64Mi --pid sandbox web
	run_ok ctr run -d -s web --name app --stop-signal KILL busybox sleep 1000
	run_ok ctr exec app sh -c 'echo kept > /kept'
	run_ok sandbox update --memory 96Mi web
	run_ok sandbox start web
	assert_output web
	run_ok sandbox stop web
	run_fails 1 ctr restart app
	assert_error "is not ready"
	run_ok sandbox start web
	run_ok sandbox inspect web
	jq -e '.[0] | .state == "Ready" and (.network.ips | tostring | contains("10.128.0.50"))' <<< "$output"
	[ "$(cgroup_value "$(caddis sandbox inspect --field linux.cgroup web)" memory.max memory memory.limit_in_bytes)" = $((96 << 20)) ]
	run_ok ctr restart app
	run_ok ctr exec app cat /kept
	assert_output kept
	serve web 80
	ask tcp 127.0.0.1 8080 | grep -q '^web '
	run_ok events --no-follow -f sandbox=web -f type=sandbox -o json
	[ "$(jq -r .event <<< "$output" | xargs)" = "created updated stopped started" ]
	run_fails 1 sandbox start nosuch
	assert_error "no sandbox nosuch"
}

@test "a sandbox that cannot be made ready stays as it was, and one whose start was killed is NotReady" {
	local call
	run_ok sandbox create -p 8080:80 web
	run_ok sandbox stop web
	run_ok sandbox create -p 8080:80 thief
	run_fails 1 sandbox start web
	assert_error 8080
	[ "$(caddis sandbox inspect --field state web)" = NotReady ]
	run_ok sandbox rm thief
	run_ok sandbox start web
	new_boot
	for call in renameat mount_setattr setns sendto; do
		strace -f -qq -o /dev/null -e trace="$call" -e inject="$call":signal=KILL:when=1 "$CADDIS" sandbox start web > /dev/null 2>&1 || true
		[ "$(caddis sandbox inspect --field state web)" = NotReady ] || fail "killed in $call"
	done
	run_ok sandbox start web
	serve web 80
	ask tcp 127.0.0.1 8080 | grep -q '^web '
}

@test "a sandbox with a user namespace has the same ids again" {
	test_image
	run_ok sandbox create --network none --userns auto web
	run_ok ctr run -d -s web --name app --stop-signal KILL busybox sleep 1000
	run_ok ctr exec app sh -c 'echo mine > /mine; chmod 600 /mine'
	map=$(caddis ctr exec app cat /proc/self/uid_map)
	power_cut
	run_ok sandbox start web
	run_ok ctr restart app
	run_ok ctr exec app cat /mine /proc/self/uid_map
	assert_output "mine
$map"
}

@test "after a reboot system boot starts what its policy says, once, and tells what it cannot" {
	test_image
	run_ok sandbox create -p 8080:80 web
	start() { run_ok ctr run -d --name "$1" --stop-signal KILL "${@:2}" busybox sleep 1000; }
	start always -s web --restart always
	start unless -s web --restart unless-stopped
	start failure -s web --restart on-failure
	start no -s web
	start alone --network none --restart always
	start asked-always -s web --restart always
	start asked-unless -s web --restart unless-stopped
	run_ok ctr stop asked-always asked-unless
	run_ok ctr create web --name created --restart always busybox sleep 1000
	power_cut
	run_ok sandbox create -p 8080:80 thief
	run_fails 1 system boot
	assert_output alone
	[ "${#stderr_lines[@]}" -eq 3 ] || fail "$stderr"
	[[ ${stderr_lines[0]} == "caddis: container always: "*8080* ]] || fail "$stderr"
	run_ok sandbox rm thief
	run_ok system boot
	assert_output "always
unless
asked-always"
	[ "$(states)" = "alone Running, always Running, asked-always Running, asked-unless Exited, created Created, failure Exited, no Exited, unless Running" ]
	[ "$(caddis sandbox inspect --field state web)" = Ready ]
	[ "$(field no reason)" = HostRebooted ]
	run_ok system boot
	assert_output ""
	# They are watched as before.
	pid=$(field always pid)
	kill -9 "$pid"
	again() { [ "$(field always pid)" != "$pid" ] && [ "$(field always state)" = Running ]; }
	wait_until 10 again
}
