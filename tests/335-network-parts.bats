#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A network's bridge takes its first 128 addresses; each further 128 have a part of it, "caddis0-K".

load helpers
load network

setup() {
	caddis_setup
	"$CADDIS" network create --subnet 10.77.0.0/16 --subnet fd77::/64 net > /dev/null
	BRIDGE=$("$CADDIS" network inspect net --field .bridge)
}

teardown() {
	remove_lan
	caddis_teardown
}

# box NAME ADDRESS OPTION...
box() {
	run_ok sandbox create --network net --ip "10.77.$2" "${@:3}" "$1"
}

# The numbers of the parts that are there, be it by one of their interfaces.
parts() {
	ip -o link | sed -n "s/^[0-9]*: $BRIDGE-\([0-9]*\)[ud]\?[@:].*/\1/p" | sort -nu | xargs
}

port_of() {
	ip -j link show "$("$CADDIS" sandbox inspect "$1" | jq -r '"cad" + .[0].id[:12]')" | jq -r '.[0].master'
}

@test "sandboxes of all parts reach each other, the host, other hosts, and each published port" {
	make_lan
	lan_serve 80
	box main 0.2
	box near 0.200 -p 8080:80 -p 8053:53/udp
	box next 0.201
	box far 1.5
	[ "$(for name in main near next far; do port_of "$name"; done | xargs)" = \
		"$BRIDGE $BRIDGE-1 $BRIDGE-1 $BRIDGE-2" ]
	for name in main near far; do
		serve "$name" 80 53
	done
	# Both ways: where the kernel shows bridged packets to the firewall, and where it does not.
	for seen in 1 0; do
		sysctl -qw net.bridge.bridge-nf-call-iptables=$seen net.bridge.bridge-nf-call-ip6tables=$seen
		for pair in "next near" "near main" "far near"; do
			# shellcheck disable=SC2086 # two words
			set -- $pair
			answers "$2 $(address "$1")" inside_ask "$1" tcp "$(address "$2")" 80
			answers "$2 $(address "$1" 1)" inside_ask "$1" udp "$(address "$2" 1)" 53
		done
		for name in main near next; do
			answers "near 10.77.0.1" inside_ask "$name" tcp 192.0.2.1 8080
		done
		answers "near fd77::1" inside_ask next udp 2001:db8::1 8053
		answers "near 192.0.2.2" lan_ask tcp 192.0.2.1 8080
		answers "near 10.77.0.1" ask tcp 127.0.0.1 8080
		answers "lan 2001:db8::1" inside_ask far tcp 2001:db8::2 80
	done
	# One who has said nothing for long is not forgotten.
	ip link set "$BRIDGE-1" type bridge ageing_time 0
	answers "near 10.77.0.1" ask tcp 10.77.0.200 80
}

@test "a part is a switch and no more: it answers nobody, has no addresses, and passes nothing to the host" {
	make_lan
	lan_serve 80
	lan nft add table inet t
	lan nft add chain inet t in '{ type filter hook input priority 0; }'
	lan nft add rule inet t in udp dport 80 counter
	arrived() { lan nft -j list chain inet t in | jq '.nftables[] | .rule.expr[]? | .counter.packets? // empty'; }
	background python3 "$SERVE" host 9999
	wait_until 10 ask tcp 127.0.0.1 9999 > /dev/null 2>&1
	box near 0.200
	[ -z "$(ip addr show dev "$BRIDGE-1" | grep inet)" ]
	for end in u d; do
		[ -z "$(ip addr show dev "$BRIDGE-1$end" | grep inet)" ]
	done
	# One who has an address on several interfaces would answer from each.
	inside near busybox arping -c 2 -w 3 -I eth0 10.77.0.1 | grep -q '^Received 2 response'
	answers "lan 192.0.2.1" inside_ask near udp 192.0.2.2 80
	[ "$(arrived)" -eq 1 ]
	inside near ip neigh replace 10.77.0.1 lladdr "$(ip -j link show "$BRIDGE-1" | jq -r '.[0].address')" dev eth0 nud permanent
	for seen in 1 0; do
		sysctl -qw net.bridge.bridge-nf-call-iptables=$seen
		silent inside_ask near tcp 10.77.0.1 9999 &
		silent inside_ask near udp 192.0.2.2 80
		wait $!
	done
	[ "$(arrived)" -eq 1 ] || fail "$(arrived) packets came out of the part"
}

@test "no sandbox of a part takes the place of the host, or of another there, by sending as they do" {
	box near 0.200
	box evil 0.201
	serve near 80
	background python3 "$SERVE" host 9999
	wait_until 10 ask tcp 127.0.0.1 9999 > /dev/null 2>&1
	answers "host 10.77.0.200" inside_ask near tcp 10.77.0.1 9999
	for mac in "$("$CADDIS" network inspect net --field .bridge_mac)" "$("$CADDIS" sandbox inspect near --field .network.mac)"; do
		inside evil python3 -c 'import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
s.send(b"\xff" * 6 + bytes.fromhex(sys.argv[1].replace(":", "")) + b"\x88\xb5" + b"x" * 46)' "$mac"
	done
	answers "host 10.77.0.200" inside_ask near udp 10.77.0.1 9999
	answers "near 10.77.0.1" ask udp 10.77.0.200 80
}

@test "parts come with their first address, and go with another part's coming and with the network" {
	ip -o link | sed 's/^[0-9]*: //' > "$TEST_DIR/before"
	box main 0.2
	[ "$(parts)" = "" ]
	box one 0.200
	box two 1.5
	[ "$(parts)" = "1 2" ]
	run_ok sandbox rm one
	[ "$(parts)" = "1 2" ]
	box three 255.254
	[ "$(parts)" = "2 511" ]
	run_ok sandbox rm two
	run_ok network reload
	[ "$(parts)" = "511" ]
	run_ok sandbox rm main three
	run_ok network rm net
	ip -o link | sed 's/^[0-9]*: //' | diff "$TEST_DIR/before" -
}

@test "which addresses have a part follows from the network's range, of IPv6 where there is no IPv4" {
	run_ok network create --subnet 10.78.0.0/16 --ip-range 10.78.200.0/24 --mtu 1400 ranged
	run_ok network create --subnet fd79::/64 six
	sed -i 's/"caddis[0-9]*"/"caddis9999"/' "$CADDIS_ROOT/networks/six.json" # the longest name
	run_ok sandbox create --network ranged first
	run_ok sandbox create --network ranged --ip 10.78.200.129 second
	run_ok sandbox create --network six --mac 02:11:22:33:44:55 third
	run_ok sandbox create --network six --ip fd79::1:ff80 fourth
	bridge=$("$CADDIS" network inspect ranged --field .bridge)
	[ "$(port_of first) $(port_of second)" = "$bridge $bridge-1" ]
	[ "$(port_of third) $(port_of fourth)" = "caddis9999 caddis9999-511" ]
	ip -j link | jq -e --arg b "$bridge-1" 'map(select(.ifname | startswith($b))) | length == 3 and all(.mtu == 1400)'
	serve third 80
	serve second 80
	answers "third fd79::1:ff80" inside_ask fourth tcp "$(address third)" 80
	answers "second $(address first)" inside_ask first tcp 10.78.200.129 80
	run_fails 2 sandbox create --network ranged --mac "$(ip -j link show "$bridge-1" | jq -r '.[0].address')" bad
	assert_error "it is the bridge's"
}

@test "a part that somebody took to pieces is put together by the next sandbox, and by reload" {
	box near 0.200
	box main 0.2
	serve near 80
	ip link set "$BRIDGE-1u" nomaster
	silent inside_ask main udp 10.77.0.200 80
	for damage in "set $BRIDGE-1u nomaster" "set $BRIDGE-1d down" "del $BRIDGE-1" "del $BRIDGE"; do
		# shellcheck disable=SC2086 # several words
		ip link $damage
		run_ok network reload
		answers "near 10.77.0.2" inside_ask main tcp 10.77.0.200 80
	done
	for damage in "del $BRIDGE-1u" "set $BRIDGE-1d nomaster" "set $BRIDGE-1 down"; do
		# shellcheck disable=SC2086 # several words
		ip link $damage
		box new 0.201
		# It refuses, so it is there.
		echo 10.77.0.201 | python3 "$SERVE" --reach 9 | grep -q 201
		run_ok sandbox rm new
	done
}

@test "a create that is killed while it makes a part is undone, and the next makes it" {
	box main 0.2
	killed=0
	for n in {3..13..2}; do
		at sendto "$n" signal=KILL sandbox create --network net --ip 10.77.0.200 near || break
		killed=$((killed + 1))
		box near 0.200
		echo 10.77.0.200 | python3 "$SERVE" --reach 9 | grep -q 200 || fail "not reached after a kill at $n"
		run_ok sandbox rm near
		run_ok network reload
		[ "$(parts)" = "" ] || fail "after a kill at $n: $(parts)"
	done
	[ "$killed" -ge 5 ] || fail "only $killed kills"
}

@test "a sandbox from before there were parts goes on, and moves to its part with a reload" {
	box main 0.2
	box near 0.200
	port=$("$CADDIS" sandbox inspect near | jq -r '"cad" + .[0].id[:12]')
	ip link del "$BRIDGE-1"
	ip link del "$BRIDGE-1u"
	ip link set "$port" master "$BRIDGE"
	bridge link set dev "$port" hairpin on
	serve near 80
	box next 0.201
	[ "$(port_of near) $(port_of next)" = "$BRIDGE $BRIDGE-1" ]
	answers "near 10.77.0.201" inside_ask next tcp 10.77.0.200 80
	run_ok network reload
	[ "$(port_of near)" = "$BRIDGE-1" ]
	answers "near 10.77.0.201" inside_ask next tcp 10.77.0.200 80
	answers "near 10.77.0.2" inside_ask main tcp 10.77.0.200 80
}

@test "several commands at once make a part once, all their sandboxes are reached, and a full bridge is no matter" {
	seq 130 153 | xargs -P 12 -I '{}' "$CADDIS" sandbox create --network net --ip '10.77.0.{}' 's{}' > /dev/null
	seq -f '10.77.0.%g' 130 153 > "$TEST_DIR/addresses"
	python3 "$SERVE" --reach 9 < "$TEST_DIR/addresses" | diff "$TEST_DIR/addresses" -
	for i in {1..1022}; do
		echo "link add cadtest$i group 77 type veth peer name cadpeer$i group 77"
		echo "link set cadtest$i master $BRIDGE"
	done | ip -batch -
	run_fails 1 sandbox create --network net --ip 10.77.0.2 main
	assert_error "a bridge has 1023 ports"
	box more 0.154
	ip link del group 77
	serve more 80
	ask tcp 10.77.0.154 80 | grep -q '^more '
}
