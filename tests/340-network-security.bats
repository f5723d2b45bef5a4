#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What neighbours and sandboxes must not reach, and not make the host believe.

load helpers
load network

teardown() {
	remove_lan
	caddis_teardown
}

# 127.0.0.0/8 of this namespace is behind the address $1 from now on.
loopback_behind() {
	cat <<-SH
		ip addr flush dev lo && sysctl -qw net.ipv4.conf.eth0.route_localnet=1 &&
		ip route add 127.0.0.0/8 via $1
	SH
}

@test "a neighbour does not reach what is published on 127.0.0.1 (CVE-2020-8558)" {
	make_lan
	run_ok sandbox create -p 127.0.0.1:8080:80 web
	serve web 80
	ask tcp 127.0.0.1 8080 | grep -q '^web '
	lan sh -c "$(loopback_behind 192.0.2.1)"
	silent lan_ask tcp 127.0.0.1 8080
	silent lan_ask tcp 192.0.2.1 8080
}

@test "a sandbox does not reach the host's loopback, though ports are published there" {
	background python3 "$SERVE" host 9999
	wait_until 10 ask tcp 127.0.0.1 9999 > /dev/null 2>&1
	run_ok sandbox create -p 127.0.0.1:8080:80 web
	gateway=$("$CADDIS" network inspect caddis | jq -r '.[0].subnets[0].gateway')
	answers "host $(address web)" inside_ask web tcp "$gateway" 9999
	inside web sh -c "$(loopback_behind "$gateway")"
	silent inside_ask web tcp 127.0.0.1 9999
	silent inside_ask web udp 127.0.0.1 9999
}

@test "a neighbour that routes to the subnet reaches no sandbox past its published ports" {
	make_lan
	run_ok sandbox create -p 8080:80 web
	serve web 80 81
	lan ip route add 10.128.0.0/9 via 192.0.2.1
	lan ip -6 route add fd00::/8 via 2001:db8::1
	answers "web 192.0.2.2" lan_ask tcp 192.0.2.1 8080
	for address in "$(address web)" "$(address web 1)"; do
		for port in 80 81; do
			silent lan_ask tcp "$address" "$port"
			silent lan_ask udp "$address" "$port"
		done
	done
}

@test "sandboxes do not listen to router advertisements, nor does the host (CVE-2020-13401)" {
	run_ok sandbox create evil
	run_ok sandbox create victim
	routes() {
		inside victim ip -6 -o addr show eth0
		inside victim ip -6 route show
		ip -6 -o addr show caddis0
		ip -6 route show
	}
	# What the kernel itself puts there takes a moment.
	ready() { inside victim ip -6 -o addr show eth0 scope link | grep -q fe80; }
	wait_until 5 ready
	# Not a word of it reaches them? One who listens does hear it.
	run_ok sandbox create listening
	inside listening sysctl -qw net.ipv6.conf.eth0.accept_ra=1
	routes > "$TEST_DIR/routes"
	inside evil python3 "$BATS_TEST_DIRNAME/advertise.py" eth0
	heard() { inside listening ip -6 -o addr show eth0 | grep -q 2001:db8:bad:; }
	wait_until 5 heard
	routes | diff "$TEST_DIR/routes" -
	[ "$(sysctl -n net.ipv6.conf.caddis0.accept_ra)" = 0 ]
	[ "$(inside victim sysctl -n net.ipv6.conf.eth0.accept_ra)" = 0 ]
}

@test "the host goes on listening to routers where it did, when forwarding is switched on" {
	sysctl -qw net.ipv6.conf.all.forwarding=0
	make_lan
	[ "$(sysctl -n net.ipv6.conf.lan0.accept_ra)" = 1 ]
	run_ok sandbox create web
	[ "$(sysctl -n net.ipv6.conf.all.forwarding)" = 1 ]
	[ "$(sysctl -n net.ipv6.conf.lan0.accept_ra)" = 2 ]
}

@test "isolated networks do not reach each other by their gateways either" {
	run_ok network create left
	run_ok network create right
	run_ok sandbox create --network left a
	run_ok sandbox create --network right b
	serve b 80
	# By hand: the other subnet is behind the own gateway, and nothing is masqueraded.
	inside a ip route add "$("$CADDIS" network inspect right | jq -r '.[0].subnets[0].subnet')" \
		via "$("$CADDIS" network inspect left | jq -r '.[0].subnets[0].gateway')"
	silent inside_ask a tcp "$(address b)" 80
	silent inside_ask a udp "$(address b)" 80
}
