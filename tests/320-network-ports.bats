#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Published ports: from everywhere they are to be reached, and who else has them.

load helpers
load network

teardown() {
	remove_lan
	caddis_teardown
}

@test "a published port is reached from another host, with that host's own address" {
	make_lan
	run_ok sandbox create -p 8080:80 -p 8053:53/udp web
	serve web 80 53
	answers "web 192.0.2.2" lan_ask tcp 192.0.2.1 8080
	answers "web 192.0.2.2" lan_ask udp 192.0.2.1 8053
	answers "web 2001:db8::2" lan_ask tcp 2001:db8::1 8080
	answers "web 2001:db8::2" lan_ask udp 2001:db8::1 8053
	silent lan_ask udp 192.0.2.1 8080
	silent lan_ask tcp 192.0.2.1 8053
}

@test "a published port is reached from the host, by its addresses and by 127.0.0.1" {
	make_lan
	run_ok sandbox create -p 8080:80 -p 8053:53/udp web
	serve web 80 53
	gateway=$("$CADDIS" network inspect caddis | jq -r '.[0].subnets[0].gateway')
	answers "web 192.0.2.1" ask tcp 192.0.2.1 8080
	answers "web 192.0.2.1" ask udp 192.0.2.1 8053
	answers "web 2001:db8::1" ask tcp 2001:db8::1 8080
	answers "web $gateway" ask tcp 127.0.0.1 8080
	answers "web $gateway" ask udp 127.0.0.1 8053
	answers "web $gateway" ask tcp 127.7.7.7 8080
}

@test "a published port is reached from sandboxes of its network and of others, and from itself" {
	make_lan
	run_ok network create other
	run_ok sandbox create -p 8080:80 -p 8053:53/udp web
	run_ok sandbox create near
	run_ok sandbox create --network other far
	serve web 80 53
	for from in near far web; do
		for host in 192.0.2.1 2001:db8::1; do
			inside_ask "$from" tcp "$host" 8080 | grep -q '^web '
			inside_ask "$from" udp "$host" 8053 | grep -q '^web '
		done
	done
}

@test "HTTP from a container reaches a server in another sandbox through a published port" {
	make_lan
	test_image
	run_ok sandbox create -p 8080:80 web
	run_ok sandbox create client
	run_ok ctr run -d -s web busybox sh -c 'echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp'
	fetch() { "$@" busybox wget -q -O - http://192.0.2.1:8080/; }
	wait_until 10 fetch lan > /dev/null 2>&1
	answers served fetch lan
	answers served fetch "$CADDIS" ctr run --rm -s client
}

@test "ranges map port by port" {
	run_ok sandbox create -p 8000-8002:80-82 web
	serve web 80 81 82
	for i in 0 1 2; do
		ask tcp 127.0.0.1 "800$i" | grep -q '^web '
	done
	silent ask tcp 127.0.0.1 8003
	[ "$("$CADDIS" sandbox inspect web | jq '.[0].config.port_mappings | length')" -eq 3 ]
	nft get element inet caddis any4 '{ tcp . 8002 }' | grep -qF "tcp . 8002 : $(address web) . 82"
}

@test "sctp is mapped too" {
	run_ok sandbox create -p 9000:90/sctp web
	nft get element inet caddis any4 '{ sctp . 9000 }' | grep -qF "sctp . 9000 : $(address web) . 90"
	nft get element inet caddis any6 '{ sctp . 9000 }' | grep -qF "sctp . 9000 : $(address web 1) . 90"
	run_ok sandbox rm web
	! nft get element inet caddis any4 '{ sctp . 9000 }' 2> /dev/null || fail "still mapped"
}

@test "a port of one address of the host is reached there and nowhere else" {
	make_lan
	ip addr add 192.0.2.9/24 dev lan0
	run_ok sandbox create -p 192.0.2.9:8080:80 -p '[2001:db8::1]:8086:80' -p 127.0.0.1:8082:80 web
	serve web 80
	answers "web 192.0.2.2" lan_ask tcp 192.0.2.9 8080
	silent lan_ask tcp 192.0.2.1 8080
	silent ask tcp 127.0.0.1 8080
	answers "web 2001:db8::2" lan_ask tcp 2001:db8::1 8086
	silent lan_ask tcp 192.0.2.1 8086
	ask tcp 127.0.0.1 8082 | grep -q '^web '
	silent lan_ask tcp 192.0.2.1 8082
	run_fails 2 sandbox create -p 192.0.2.77:8083:80 bad
	assert_error "the host has no such address"
}

@test "a port that another sandbox has is refused, naming it, and free again when that goes" {
	run_ok sandbox create -p 8080:80 first
	nft list table inet caddis > "$TEST_DIR/before"
	for map in 8080:81 127.0.0.1:8080:80 8079-8081:1-3; do
		run_fails 1 sandbox create -p "$map" second
		assert_error "already used by sandbox first"
		assert_error "8080/tcp"
	done
	nft list table inet caddis | diff "$TEST_DIR/before" -
	run_ok sandbox ls -o name
	assert_output first
	run_ok sandbox create -p 8080:80/udp -p 8081:80 other
	run_ok sandbox rm first
	run_ok sandbox create -p 127.0.0.1:8080:80 second
	run_ok sandbox create -p 127.0.0.2:8080:80 third
	run_fails 1 sandbox create -p 8080:80 fourth
	assert_error "already used by sandbox"
}

@test "a port that a process of the host has is refused, naming the process" {
	background python3 "$SERVE" host 8080
	wait_until 10 ask tcp 127.0.0.1 8080 > /dev/null 2>&1
	for map in 8080:80 8080:80/udp 127.0.0.1:8080:80 '[::1]:8080:80' 8079-8080:80-81; do
		run_fails 1 sandbox create -p "$map" web
		assert_error "already used by process ${TEST_PIDS[-1]} (python3)"
	done
	run_ok sandbox ls -q
	assert_output ""
	run_ok sandbox create -p 8081:80 web
}

@test "what is no port mapping is refused" {
	for map in 80 x:80 80:x 0:80 65536:80 80:65536 1:2/icmp 80-81:80 81-80:81-80 :80:80 '[::1:80:80' 1.2.3:80:80 \
		80:80:80:80 '' -1:80 '80 :80'; do
		run_fails 2 sandbox create -p "$map" web
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$map: $stderr"
	done
	run_fails 2 sandbox create -p 80:80 -p 80:81 web
	assert_error "published twice"
	run_fails 2 sandbox create -p 1-5000:1-5000 web
	assert_error "more than 4096"
	run_ok sandbox ls -q
	assert_output ""
}

@test "a port is not published on ::1, where nobody would reach it" {
	run_fails 2 sandbox create -p '[::1]:8080:80' web
	assert_error "cannot publish port [::1]:8080/tcp: nothing goes from ::1 to a sandbox; publish it on 127.0.0.1"
	run_ok sandbox ls -q
	assert_output ""
}

@test "a thousand ports are published and taken back at once" {
	run_ok sandbox create -p 10000-10999:10000-10999 web
	serve web 10999
	ask tcp 127.0.0.1 10999 | grep -q '^web '
	run_ok sandbox rm web
	[ "$(nft -j list map inet caddis any4 | jq '.nftables[1].map.elem // [] | length')" -eq 0 ]
	[ -z "$(find "$CADDIS_STATE/network/.ports" -name 'tcp-*')" ]
}

@test "ports of the configuration come back from inspect" {
	run_ok sandbox create -p 127.0.0.1:8080:80/udp web
	"$CADDIS" sandbox inspect web | jq -e '.[0].config.port_mappings
		== [{"protocol": "UDP", "container_port": 80, "host_port": 8080, "host_ip": "127.0.0.1"}]'
}
