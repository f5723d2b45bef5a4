#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks and what a sandbox has of one.

load helpers
load network

teardown() {
	remove_lan
	caddis_teardown
}

@test "a sandbox is on the default network, which appears with the first one" {
	run_ok network ls -q
	assert_output ""
	run_ok sandbox create web
	run_ok network ls -o json
	jq -e 'length == 1 and .[0].name == "caddis" and .[0].bridge == "caddis0" and .[0].sandboxes == 1
		and (.[0].subnets | length == 2)' <<< "$output"
	run_ok sandbox inspect web
	jq -e '.[0].network | .name == "caddis" and .kind == "bridge" and .interface == "eth0"
		and (.ips | length == 2) and (.mac | test("^02:")) and .mtu == 1500' <<< "$output"
	inside web ip -o -4 addr show eth0 | grep -q "inet $(address web)/16"
	inside web ip -o -6 addr show eth0 | grep -q "inet6 $(address web 1)/64"
	inside web ip route | grep -q '^default via .* dev eth0'
	inside web ip -6 route | grep -q '^default via .* dev eth0'
	inside web ip -o link show eth0 | grep -q 'LOWER_UP.*mtu 1500'
	run_ok sandbox ls -o json
	[ "$(jq -r '.[0].ips[0]' <<< "$output")" = "$(address web)" ]
	run_ok sandbox ls
	assert_output_has "$(address web),$(address web 1)"
}

@test "containers of two sandboxes talk HTTP, over IPv4 and IPv6" {
	test_image
	run_ok sandbox create web
	run_ok sandbox create client
	run_ok ctr run -d -s web busybox sh -c 'echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp'
	fetch() { "$CADDIS" ctr run --rm -s client busybox wget -q -O - "http://$1/"; }
	wait_until 10 fetch "$(address web)" > /dev/null 2>&1
	answers served fetch "$(address web)"
	answers served fetch "[$(address web 1)]"
}

@test "its name is in its hosts file with its addresses" {
	test_image
	run_ok sandbox create web
	run_ok ctr run --rm -s web busybox cat /etc/hosts
	assert_output "127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
$(address web)	web
$(address web 1)	web"
	run_ok sandbox create --network none alone
	run_ok ctr run --rm -s alone busybox grep alone /etc/hosts
	assert_output "127.0.1.1	alone"
}

# resolv FILE-TEXT UPSTREAM-TEXT OPTION...: what a sandbox gets where the host has these.
resolv() {
	printf '%s' "$1" > "$TEST_DIR/resolv.conf"
	printf '%s' "$2" > "$TEST_DIR/upstream.conf"
	shift 2
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare -m --propagation private sh -ec '
		mount --bind "$TEST_DIR/resolv.conf" "$(realpath /etc/resolv.conf)"
		mount -t tmpfs tmpfs /run
		mkdir -p /run/systemd/resolve
		cp "$TEST_DIR/upstream.conf" /run/systemd/resolve/resolv.conf
		id=$("$CADDIS" sandbox create "$@")
		cat "$CADDIS_ROOT/sandboxes/$id/resolv.conf"
		"$CADDIS" sandbox rm "$id" > /dev/null' sh "$@"
}

@test "a sandbox asks the host's name servers, or those that the host's own one asks" {
	export TEST_DIR
	[ "$(resolv $'search a.example\nnameserver 192.0.2.7\n' $'nameserver 192.0.2.8\n' | xargs)" = \
		"search a.example nameserver 192.0.2.7" ]
	[ "$(resolv $'nameserver 127.0.0.1\nnameserver 192.0.2.7\n' $'nameserver 192.0.2.8\n' | xargs)" = \
		"nameserver 192.0.2.7" ]
	[ "$(resolv $'nameserver 127.0.0.53\nsearch b.example\n' $'nameserver 192.0.2.8\nsearch a.example\n' | xargs)" = \
		"nameserver 192.0.2.8 search a.example" ]
	[ "$(resolv $'nameserver 127.0.0.53\nsearch b.example\n' '' | xargs)" = "search b.example" ]
	[ "$(resolv $'nameserver 127.0.0.53\n' $'nameserver 192.0.2.8\n' --network host | xargs)" = \
		"nameserver 127.0.0.53" ]
}

@test "--network none has a loopback and nothing else, and no network is made" {
	run_ok sandbox create --network none web
	inside web ip -o link > "$TEST_DIR/links"
	[ "$(wc -l < "$TEST_DIR/links")" -eq 1 ]
	run_ok network ls -q
	assert_output ""
	[ "$("$CADDIS" sandbox inspect web | jq -c '.[0].network')" = '{"ips":[]}' ]
	for option in "--ip 10.1.1.1" "--mac 02:00:00:00:00:01" "-p 81:80"; do
		for mode in none host; do
			# shellcheck disable=SC2086
			run_fails 2 sandbox create --network "$mode" $option bad
		done
	done
}

@test "a sandbox gets the addresses that it asks for" {
	run_ok network create --subnet 10.77.0.0/24 --subnet fd77::/64 net
	run_ok sandbox create --network net --ip 10.77.0.50 --ip fd77::50 --mac 02:11:22:33:44:55 web
	[ "$(address web) $(address web 1)" = "10.77.0.50 fd77::50" ]
	inside web ip -o link show eth0 | grep -q 02:11:22:33:44:55
	run_ok sandbox create --network net --ip fd77::51 half
	[[ "$(address half) $(address half 1)" == 10.77.0.*" fd77::51" ]]
}

@test "a MAC address is one sandbox's in its network, until that is gone" {
	run_ok network create --subnet 10.77.0.0/24 net
	run_ok sandbox create --network net --mac 02:11:22:33:44:55 first
	run_fails 1 sandbox create --network net --mac 02:11:22:33:44:55 second
	assert_error "address 02:11:22:33:44:55 is in use by sandbox first"
	run_ok sandbox create --mac 02:11:22:33:44:55 elsewhere
	# Its own by its address may be named.
	run_ok sandbox create --network net --ip 10.77.0.9 --mac 02:ca:0a:4d:00:09 third
	run_ok sandbox stop first
	run_ok sandbox create --network net --mac 02:11:22:33:44:55 second
	run_ok sandbox rm first second
	run_ok sandbox create --network net --mac 02:11:22:33:44:55 first
}

@test "addresses that cannot be had are refused, with the reason, and nothing is made" {
	run_ok network create --subnet 10.77.0.0/24 --subnet fd77::/64 net
	run_ok sandbox create --network net --ip 10.77.0.50 first
	"$CADDIS" network inspect net > "$TEST_DIR/before"
	refused() {
		run_fails "$1" sandbox create --network net "${@:3}" second
		assert_error "$2"
	}
	refused 1 "in use by sandbox first" --ip 10.77.0.50
	refused 2 "not in the network's subnet" --ip 10.78.0.50
	refused 2 "the gateway's" --ip 10.77.0.1
	refused 2 "the gateway's" --ip fd77::1
	refused 2 "the subnet's own" --ip 10.77.0.0
	refused 2 "the broadcast address" --ip 10.77.0.255
	refused 2 "not an IP address" --ip 10.77.0
	refused 2 "two IPv4 addresses" --ip 10.77.0.7 --ip 10.77.0.8
	refused 2 "six bytes" --mac 02:11:22:33:44
	refused 2 "six bytes" --mac 02:11:22:33:44:5g
	refused 2 "group address" --mac 01:11:22:33:44:55
	refused 2 "all zero" --mac 00:00:00:00:00:00
	refused 2 "it is the bridge's" --mac "$("$CADDIS" network inspect net --field .bridge_mac)"
	refused 2 "what other sandboxes have" --mac "$("$CADDIS" sandbox inspect first --field .network.mac)"
	"$CADDIS" network inspect net | diff "$TEST_DIR/before" -
	run_ok sandbox ls -o name
	assert_output first
}

@test "a network has what was given: gateway, range of addresses, MTU, labels" {
	run_ok network create --subnet 10.77.0.0/24 --gateway 10.77.0.254 --ip-range 10.77.0.128/26 --mtu 1400 \
		--no-ipv6 --label tier=back net
	assert_output net
	run_ok network inspect net
	jq -e '.[0] | .name == "net" and .mtu == 1400 and .labels.tier == "back" and (.subnets | length == 1)
		and .subnets[0] == {"subnet": "10.77.0.0/24", "gateway": "10.77.0.254", "ip_range": "10.77.0.128/26"}
		and .sandboxes == [] and (.created_at | test("^20.*Z$"))' <<< "$output"
	run_ok sandbox create --network net web
	[[ $(address web) =~ ^10\.77\.0\.1(2[89]|[3-8][0-9]|9[01])$ ]]
	[ "$(address web 1)" = null ]
	inside web ip route | grep -q '^default via 10.77.0.254'
	inside web ip -o link show eth0 | grep -q 'mtu 1400'
	run_ok network ls -q -l tier=back
	assert_output net
	run_ok network ls -q -l tier=front
	assert_output ""
	run_fails 2 network ls -l =
	[ "$("$CADDIS" network inspect net | jq -r '.[0].sandboxes[0]')" = "$("$CADDIS" sandbox ls -q)" ]
}

@test "the largest packet is that of the interface with the default route" {
	make_lan
	ip link set lan0 mtu 1350
	ip route add default via 192.0.2.2
	run_ok sandbox create web
	inside web ip -o link show eth0 | grep -q 'mtu 1350'
}

@test "a subnet that is in use, or is none, is refused and nothing is made" {
	make_lan
	run_ok network create --subnet 10.77.0.0/24 --subnet fd77::/64 net
	refused() {
		run_fails "$1" network create "${@:3}" other
		assert_error "$2"
	}
	refused 1 "overlaps network net" --subnet 10.77.0.0/25
	refused 1 "overlaps network net" --subnet 10.0.0.0/8
	refused 1 "overlaps network net" --subnet fd77::1:0/112
	refused 1 "overlaps the host's route 192.0.2.0/24" --subnet 192.0.2.128/25
	refused 1 "overlaps the host's route 2001:db8::/64" --subnet 2001:db8::/48
	refused 2 "expected ADDRESS/LENGTH" --subnet 10.78.0.0
	refused 2 "expected ADDRESS/LENGTH" --subnet 10.78.0.0/33
	refused 2 "too small" --subnet 10.78.0.0/31
	refused 2 "too large" --subnet 11.0.0.0/7
	refused 2 "not for networks" --subnet 127.1.0.0/16
	refused 2 "not for networks" --subnet fe80::/64
	refused 2 "two subnets of IPv4" --subnet 10.78.0.0/24 --subnet 10.79.0.0/24
	refused 2 "in none of the subnets" --subnet 10.78.0.0/24 --gateway 10.79.0.1
	refused 2 "in none of the subnets" --subnet 10.78.0.0/24 --ip-range 10.78.0.0/16
	refused 2 "not an address" --subnet 10.78.0.0/24 --gateway x
	refused 2 "the subnet's own" --subnet 10.78.0.0/24 --gateway 10.78.0.0
	refused 2 "the broadcast address" --subnet 10.78.0.0/24 --gateway 10.78.0.255
	refused 2 "the subnet's own" --subnet fd78::/64 --gateway fd78::
	refused 2 "expected 1280 to 65535" --mtu 100
	refused 2 "no IPv6 is wanted" --no-ipv6 --subnet fd78::/64
	run_fails 2 network create none
	run_fails 2 network create a/b
	run_fails 1 network create net
	assert_error "network net: it is there already"
	run_ok network ls -q
	assert_output net
	! ip link show caddis1 2> /dev/null || fail "a bridge without a sandbox"
}

@test "the default network keeps away from the host's routes" {
	make_lan
	ip route add 10.128.0.0/9 via 192.0.2.2
	ip route add 172.16.0.0/12 via 192.0.2.2
	run_ok sandbox create web
	[[ $(address web) == 192.168.* ]]
	[ "$(ip route get 10.200.1.1 | awk '{ print $3; exit }')" = 192.0.2.2 ]
}

@test "a network in use cannot be removed, the error names a sandbox" {
	run_ok network create net
	run_ok network create spare
	run_ok sandbox create --network net web
	run_fails 1 network rm net
	assert_error "in use by sandbox web"
	run_fails 1 network rm nosuch spare
	assert_error "no network nosuch"
	assert_output spare
	run_ok network rm --ignore nosuch
	run_ok sandbox rm web
	run_ok network rm net
	assert_output net
	run_ok network ls -q
	assert_output ""
}

@test "prune removes the networks that nobody uses, the default one too" {
	run_ok sandbox create one
	run_ok network create idle
	run_ok network create used
	run_ok sandbox create --network used two
	run_ok sandbox rm one
	run_ok network prune
	assert_output "caddis
idle"
	run_ok network ls -q
	assert_output used
	! ip link show caddis0 2> /dev/null || fail "its bridge is there"
	nft list table inet caddis > /dev/null
	run_ok sandbox stop two
	run_ok network prune
	assert_output used
	! nft list table inet caddis 2> /dev/null || fail "the table is there"
}

@test "sandboxes of one network reach each other, those of different networks do not" {
	run_ok network create left
	run_ok network create right
	run_ok sandbox create --network left a
	run_ok sandbox create --network left b
	run_ok sandbox create --network right c
	serve b 80
	answers "b $(address a)" inside_ask a tcp "$(address b)" 80
	answers "b $(address a 1)" inside_ask a udp "$(address b 1)" 80
	silent inside_ask c tcp "$(address b)" 80
	silent inside_ask c tcp "$(address b 1)" 80
}

@test "connections leave under the host's address" {
	make_lan
	lan_serve 80
	run_ok sandbox create web
	answers "lan 192.0.2.1" inside_ask web tcp 192.0.2.2 80
	answers "lan 192.0.2.1" inside_ask web udp 192.0.2.2 80
	answers "lan 2001:db8::1" inside_ask web tcp 2001:db8::2 80
}

@test "an internal network has no way out, no way in and no published ports" {
	make_lan
	lan_serve 80
	run_ok network create --internal inner
	run_ok sandbox create --network inner a
	run_ok sandbox create --network inner b
	serve b 80
	answers "b $(address a)" inside_ask a tcp "$(address b)" 80
	[ -z "$(inside a ip route show default)" ]
	inside a ip route add default via "$("$CADDIS" network inspect inner | jq -r '.[0].subnets[0].gateway')"
	silent inside_ask a tcp 192.0.2.2 80
	run_fails 2 sandbox create --network inner -p 8080:80 c
	assert_error "internal"
}

@test "a subnet without a free address is an error that says so" {
	run_ok network create --subnet 10.77.0.0/29 --no-ipv6 tiny
	for i in 1 2 3 4 5; do
		run_ok sandbox create --network tiny "s$i"
	done
	run_fails 1 sandbox create --network tiny s6
	assert_error "network tiny: no free address is left"
	run_ok sandbox rm s3
	run_ok sandbox create --network tiny s6
	[ "$(address s6)" = 10.77.0.4 ]
}

@test "a freed address is not used again at once" {
	run_ok sandbox create one
	first=$(address one)
	run_ok sandbox rm one
	run_ok sandbox create two
	[ "$(address two)" != "$first" ]
}

@test "a new sandbox does not tell the others which multicast groups it is in" {
	local name

	heard() { inside one ip -j -s link show eth0 | jq '.[0].stats64.rx.packets'; }
	has_told() { [ "$(inside "$1" ip -j -s link show eth0 | jq '.[0].stats64.tx.packets')" -ge 2 ]; }
	run_ok sandbox create one
	ip -j -d link show caddis0 | jq -e '.[0].linkinfo.info_data.mcast_snooping == 0'
	for name in s{1..8}; do
		run_ok sandbox create "$name"
		wait_until 10 has_told "$name"
	done
	# One report for each of two groups, of 8 sandboxes; on a busy machine some may be late.
	[ "$(heard)" -lt 16 ]
}

@test "a full bridge is an error that says so" {
	run_ok sandbox create one
	{
		for i in {1..1022}; do
			echo "link add cadtest$i group 77 type veth peer name cadpeer$i group 77"
			echo "link set cadtest$i master caddis0"
		done
	} | ip -batch -
	run_fails 1 sandbox create two
	ip link del group 77
	assert_error "a bridge has 1023 ports"
}

@test "an interface that has the bridge's name but is not ours is left alone" {
	run_ok sandbox create one
	run_ok sandbox rm one
	ip link del caddis0
	ip link add caddis0 type bridge
	run_fails 1 sandbox create two
	assert_error "network caddis: the interface caddis0 is not the network's bridge"
	run_ok network rm caddis
	ip link show caddis0 > /dev/null
	run_ok sandbox create two
	[ "$("$CADDIS" network ls -o json | jq -r '.[0].bridge')" = caddis1 ]
	ip link del caddis0
}

@test "lists come as table, JSON, YAML and names, and names complete" {
	run_ok network create --subnet 10.77.0.0/24 --no-ipv6 net
	run_ok network ls --columns name,subnets,internal --no-headings
	[[ $output =~ ^net\ +10\.77\.0\.0/24\ +false$ ]]
	run_ok network ls -o name
	assert_output net
	run_ok network ls -o yaml
	assert_output_has 'name: net'
	[ "$("$CADDIS" --complete network rm n)" = net ]
	[ "$("$CADDIS" --complete sandbox create --network '' | xargs)" = "host net none" ]
	run_fails 1 network inspect nosuch
	assert_error "no network nosuch"
	run_fails 1 sandbox create --network nosuch web
	assert_error "no network nosuch"
}

@test "ctr run makes its own sandbox on a network, but not in a given one" {
	test_image
	run_ok network create net
	run_ok ctr run -d --rm --network net -p 8080:80 --name a busybox sh -c \
		'echo own > /tmp/index.html; exec httpd -f -p 80 -h /tmp'
	fetch() { busybox wget -q -O - http://127.0.0.1:8080/; }
	wait_until 10 fetch > /dev/null 2>&1
	answers own fetch
	run_ok ctr run --rm --network none busybox ls /sys/class/net
	assert_output lo
	run_ok sandbox create web
	for option in "--network net" "-p 1:1" "--ip 10.1.1.1" "--mac 02:00:00:00:00:01"; do
		# shellcheck disable=SC2086
		run_fails 125 ctr run --rm -s web $option busybox true
		assert_error "not for --sandbox"
	done
}

@test "stop gives addresses and ports back, and so does a reboot" {
	run_ok network create --subnet 10.77.0.0/24 --no-ipv6 net
	run_ok sandbox create --network net --ip 10.77.0.9 -p 8080:80 one
	run_ok sandbox stop one
	[ "$("$CADDIS" sandbox inspect one | jq -c '.[0].network')" = '{"ips":[]}' ]
	run_ok sandbox create --network net --ip 10.77.0.9 -p 8080:80 two
	reboot
	run_ok sandbox ls --state notready -o name
	[ "$(sort <<< "$output" | xargs)" = "one two" ]
	[ "$("$CADDIS" sandbox inspect two | jq -c '.[0].network')" = '{"ips":[]}' ]
	ip link del caddis1
	nft delete table inet caddis
	run_ok sandbox create --network net --ip 10.77.0.9 -p 8080:80 three
	serve three 80
	# Who had them before must not take them along.
	run_ok sandbox rm one
	run_ok sandbox rm two
	answers "three 10.77.0.1" ask tcp 127.0.0.1 8080
	run_fails 1 sandbox create --network net --ip 10.77.0.9 four
	assert_error "in use by sandbox three"
}
