#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks under load, under a flushed firewall, and when the command that makes them fails or dies.

load helpers
load network

teardown() {
	remove_lan
	caddis_teardown
}

@test "200 sandboxes made by 32 commands at once have 200 addresses, all reachable, and leave nothing" {
	seq 200 | xargs -P 32 -I '{}' "$CADDIS" sandbox create 's{}' > /dev/null
	run_ok sandbox ls -o json
	jq -r '.[].ips[]' <<< "$output" > "$TEST_DIR/addresses"
	[ "$(wc -l < "$TEST_DIR/addresses")" -eq 400 ]
	[ "$(sort -u "$TEST_DIR/addresses" | wc -l)" -eq 400 ]
	python3 "$SERVE" --reach 9 < "$TEST_DIR/addresses" > "$TEST_DIR/reached"
	diff "$TEST_DIR/addresses" "$TEST_DIR/reached"
	seq 200 | xargs -P 32 -I '{}' "$CADDIS" sandbox rm 's{}' > /dev/null
	run_ok sandbox ls -q
	assert_output ""
	[ -z "$(find "$CADDIS_STATE/network/caddis" -type l)" ]
}

@test "at once with the same port, one sandbox gets it and the others are told" {
	seq 16 | xargs -P 16 -I '{}' sh -c '"$CADDIS" sandbox create -p 8080:80 "s$1" 2>&1 || true' sh '{}' > "$TEST_DIR/said"
	[ "$(grep -cE '^[0-9a-f]{64}$' "$TEST_DIR/said")" -eq 1 ]
	[ "$(grep -c 'already used by sandbox' "$TEST_DIR/said")" -eq 15 ]
}

@test "networks are pruned and used at once without an error" {
	background sh -c 'while "$CADDIS" network prune; do :; done > /dev/null'
	pruner=$!
	for k in {1..20}; do # bats' run has an i of its own
		run_ok sandbox create "s$k"
		run_ok sandbox rm "s$k"
	done
	kill -0 "$pruner"
}

# The firewall, sorted: elements of a set come in no order.
table() {
	nft -s list table inet caddis | tr -d '{},' | tr ' ' '\n' | sort
}

@test "after a flushed firewall, reload puts all of it back" {
	make_lan
	run_ok network create other
	run_ok sandbox create -p 8080:80 -p 127.0.0.1:8081:80/udp web
	run_ok sandbox create --network other -p 192.0.2.1:8082:80 far
	serve web 80
	table > "$TEST_DIR/before"
	nft flush ruleset
	sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv4.conf.caddis0.route_localnet=0 \
		net.ipv6.conf.caddis0.accept_ra=1
	silent lan_ask tcp 192.0.2.1 8080
	run_ok network reload
	assert_output ""
	table | diff "$TEST_DIR/before" -
	[ "$(sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.caddis0.route_localnet \
		net.ipv6.conf.caddis0.accept_ra | xargs)" = "1 1 1 0" ]
	answers "web 192.0.2.2" lan_ask tcp 192.0.2.1 8080
	answers "web 2001:db8::2" lan_ask tcp 2001:db8::1 8080
	# A second one changes nothing.
	run_ok network reload
	table | diff "$TEST_DIR/before" -
}

@test "rules and elements that somebody removed one by one come back, those of others stay" {
	run_ok sandbox create -p 8080:80 web
	table > "$TEST_DIR/before"
	nft flush chain inet caddis forward
	nft delete element inet caddis any4 '{ tcp . 8080 }'
	nft delete element inet caddis bridges '{ caddis0 }'
	run_ok network reload
	table | diff "$TEST_DIR/before" -
	nft add element inet caddis any4 '{ tcp . 7777 : 10.1.1.1 . 7 }'
	run_ok network reload
	nft get element inet caddis any4 '{ tcp . 7777 }' > /dev/null
}

@test "the next sandbox heals a flushed firewall for all" {
	run_ok sandbox create -p 8080:80 web
	serve web 80
	nft flush ruleset
	silent ask tcp 127.0.0.1 8080
	run_ok sandbox create next
	ask tcp 127.0.0.1 8080 | grep -q '^web '
}

@test "a deleted bridge comes back by reload with its sandboxes on it" {
	run_ok sandbox create -p 8080:80 web
	run_ok sandbox create near
	serve web 80
	ip link del caddis0
	silent ask tcp "$(address web)" 80
	run_ok network reload
	ask tcp "$(address web)" 80 | grep -q '^web '
	ask tcp "$(address web 1)" 80 | grep -q '^web '
	ask tcp 127.0.0.1 8080 | grep -q '^web '
	answers "web $(address near)" inside_ask near tcp "$(address web)" 80
}

@test "two state directories of one machine do not take each other's network away" {
	run_ok sandbox create -p 8080:80 web
	serve web 80
	other() { CADDIS_ROOT=$TEST_DIR/root2 CADDIS_STATE=$TEST_DIR/state2 "$CADDIS" "$@"; }
	other sandbox create twin
	[ "$(other network ls -o json | jq -r '.[0].bridge')" = caddis1 ]
	[ "$(other network ls -o json | jq -r '.[0].subnets[0]')" != \
		"$("$CADDIS" network ls -o json | jq -r '.[0].subnets[0]')" ]
	! other sandbox create -p 8080:80 thief 2> "$TEST_DIR/said" || fail "took the port"
	grep -q "published already" "$TEST_DIR/said"
	ask tcp 127.0.0.1 8080 | grep -q '^web '
	other sandbox rm twin
	other network prune
	ask tcp 127.0.0.1 8080 | grep -q '^web '
}

# Of all sandboxes, ports and addresses only those of "warm" are there.
only_warm() {
	run_ok sandbox ls -o name
	assert_output warm
	[ "$(find "$CADDIS_STATE/network" -type l | wc -l)" -eq 2 ] ||
		fail "leases after $1:" "$(find "$CADDIS_STATE/network" -type l)"
	[ "$(nft -j list map inet caddis any4 | jq '.nftables[1].map.elem // [] | length')" -eq 0 ] ||
		fail "a port is mapped after $1"
}

@test "a create that is killed anywhere on the way to its network is undone by the next commands" {
	run_ok sandbox create warm
	killed=0
	for call in sendto setns symlinkat renameat unlinkat bind; do
		for n in {1..12}; do
			if ! at "$call" "$n" signal=KILL sandbox create -p 8080:80 -p 8081:81/udp web; then
				run_ok sandbox rm web
				break
			fi
			killed=$((killed + 1))
			# The same name and the same ports, at once.
			run_ok sandbox create -p 8080:80 -p 8081:81/udp web
			run_ok sandbox rm web
			only_warm "a kill at $call $n"
		done
	done
	[ "$killed" -ge 20 ] || fail "only $killed kills"
}

@test "a create that fails anywhere on the way to its network leaves nothing" {
	run_ok sandbox create warm
	failed=0
	for call in sendto setns symlinkat bind; do
		for n in {1..12}; do
			if ! at "$call" "$n" error=ENOMEM sandbox create -p 8080:80 web; then
				run_ok sandbox rm web
				break
			fi
			failed=$((failed + 1))
			[ "$(wc -l < "$TEST_DIR/out")" -eq 1 ]
			grep -q '^caddis: ' "$TEST_DIR/out"
			only_warm "$call $n"
		done
	done
	[ "$failed" -ge 10 ] || fail "only $failed failures"
}

@test "an rm that is killed anywhere is finished by the next command" {
	run_ok sandbox create warm
	killed=0
	for call in sendto unlinkat umount2; do
		for n in {1..8}; do
			run_ok sandbox create -p 8080:80 web
			at "$call" "$n" signal=KILL sandbox rm web || break
			killed=$((killed + 1))
			"$CADDIS" sandbox rm --ignore web > /dev/null
			run_ok sandbox create -p 8080:80 web
			run_ok sandbox rm web
			only_warm "$call $n"
		done
	done
	[ "$killed" -ge 5 ] || fail "only $killed kills"
}

@test "a first use that is killed while it makes the network is finished by the next" {
	killed=0
	for n in {1..12}; do
		at sendto "$n" signal=KILL sandbox create web || break
		killed=$((killed + 1))
		run_ok sandbox create web
		serve web 80
		ask tcp "$(address web)" 80 | grep -q '^web '
		run_ok sandbox rm web
		run_ok network prune
	done
	[ "$killed" -ge 5 ] || fail "only $killed kills"
}

@test "a damaged network.json does not keep a sandbox from being removed" {
	run_ok sandbox create -p 8080:80 web
	id=$output
	for text in '' '{' '{"network": "../../x", "kind": "bridge"}' '{"kind": "nonsense"}'; do
		printf '%s' "$text" > "$CADDIS_ROOT/sandboxes/$id/network.json"
		run_ok sandbox rm "$id"
		run_ok sandbox create -p 8080:80 web
		id=$output
		serve web 80
		ask tcp 127.0.0.1 8080 | grep -q '^web '
	done
}
