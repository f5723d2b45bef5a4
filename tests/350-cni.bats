#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks by CNI, with the plugins of containernetworking-plugins.

load helpers
load network
load cni

setup() {
	cni_setup
}

teardown() {
	cni_teardown
}

bridge_chain() {
	conflist "${1:-10-db.conflist}" "${2:-db}" 0.4.0 \
		"{\"type\": \"bridge\", \"bridge\": \"cni-test\", \"isGateway\": true, \"ipMasq\": true,
		  \"hairpinMode\": true, \"capabilities\": {\"ips\": true, \"mac\": true},
		  \"ipam\": $(host_local 10.77.0.0/16)}" \
		'{"type": "portmap", "capabilities": {"portMappings": true}}' \
		'{"type": "firewall"}' \
		'{"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.arp_filter": "1"}}'
}

@test "a configuration in the directory is the default network: bridge, portmap, firewall, tuning" {
	test_image
	bridge_chain
	run_ok sandbox create -p 8080:80 web
	ip=$(inspect web ".network.ips[0]")
	[[ $ip == 10.77.* ]] || fail "address: $ip"
	[ "$(leases db)" = "$ip" ]
	[ "$(inspect web .network.name)" = db ] || fail "$("$CADDIS" sandbox inspect web)"
	run_ok system info -o json
	[ "$(jq -r '"\(.network) \(.network_file)"' <<< "$output")" = "db $NETCONFPATH/10-db.conflist" ]
	net=$(inspect web .linux.namespaces.network)
	nsenter --net="$net" ip -o -4 addr show dev eth0 | grep -qF "$ip/16"
	[ "$(nsenter --net="$net" sysctl -n net.ipv4.conf.eth0.arp_filter)" = 1 ]
	run_ok ctr run -d -s web --name httpd busybox sh -c 'echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp'
	serves() { [ "$(busybox wget -qO- "http://$1/index.html" 2> /dev/null)" = hello ]; }
	wait_until 10 serves "$ip"
	wait_until 5 serves 10.77.0.1:8080
	run_ok sandbox rm web
	[ -z "$(leases db)" ] || fail "leases: $(leases db)"
	! nft list ruleset | grep -q "$ip" || fail "$(nft list ruleset)"
	[ -z "$(ip -o link show type veth)" ]
}

@test "several sandboxes at once get addresses of their own and reach each other" {
	test_image
	bridge_chain
	pids=()
	for i in 1 2 3 4 5; do
		"$CADDIS" sandbox create "s$i" > /dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ "$(leases db | wc -l)" -eq 5 ]
	run_ok ctr run --rm -s s1 busybox ping -c 1 -w 5 "$(inspect s2 ".network.ips[0]")"
}

@test "ptp: its dns goes into resolv.conf, unless the sandbox names its own" {
	test_image
	conflist 10-p.conflist p 1.0.0 "{\"type\": \"ptp\", \"ipMasq\": false,
		\"ipam\": $(host_local 10.78.0.0/24),
		\"dns\": {\"nameservers\": [\"10.1.1.1\"], \"search\": [\"example.org\"], \"options\": [\"ndots:3\"]}}"
	run_ok sandbox create web
	run_ok ctr run --rm -s web busybox cat /etc/resolv.conf
	assert_output "search example.org
nameserver 10.1.1.1
options ndots:3"
	run_ok ctr run --rm -s web busybox grep web /etc/hosts
	assert_output "$(inspect web ".network.ips[0]")	web"
	run_ok sandbox create --dns-server 9.9.9.9 own
	run_ok ctr run --rm -s own busybox cat /etc/resolv.conf
	assert_output "nameserver 9.9.9.9"
}

@test "macvlan, configured as a single plugin in a .conf file" {
	ip link add dummy-test type veth peer name dummy-peer
	ip link set dummy-test up
	jq -n --argjson ipam "$(host_local 10.79.0.0/24)" \
		'{cniVersion: "0.3.1", name: "mac", type: "macvlan", master: "dummy-test", ipam: $ipam}' > "$NETCONFPATH/20-mac.conf"
	run_ok sandbox create --network mac web
	net=$(inspect web .linux.namespaces.network)
	nsenter --net="$net" ip -d link show eth0 | grep -q macvlan
	[ "$(nsenter --net="$net" cat /proc/net/dev | grep -c eth0)" -eq 1 ]
	run_ok sandbox rm web
	[ -z "$(leases mac)" ]
}

@test "the first file by name is the default, --network names another, and the built-in one stays within reach" {
	bridge_chain 20-b.conflist second
	conflist 10-a.conflist first 1.0.0 "{\"type\": \"ptp\", \"ipam\": $(host_local 10.80.0.0/24)}"
	run_ok sandbox create a
	[ "$(inspect a .network.name)" = first ]
	run_ok sandbox create --network second b
	[ "$(inspect b .network.name)" = second ]
	run_ok sandbox create --network caddis c
	[ "$(inspect c .network.name)" = caddis ]
	run_ok sandbox create --network none d
	[ "$(inspect d ".network.ips | length")" -eq 0 ]
	run_fails 1 sandbox create --network nosuch e
	assert_error "no network nosuch"
	run_ok sandbox rm a b c d
	run_ok network rm caddis
}

@test "an address and a MAC address are asked for by capability, and else by argument" {
	bridge_chain
	conflist 20-p.conflist p 1.0.0 "{\"type\": \"ptp\", \"ipam\": $(host_local 10.80.0.0/24)}"
	run_ok sandbox create --ip 10.77.3.4 --mac 02:11:22:33:44:55 a
	[ "$(inspect a ".network.ips[0]")" = 10.77.3.4 ]
	[ "$(inspect a .network.mac)" = 02:11:22:33:44:55 ] || fail "$("$CADDIS" sandbox inspect a)"
	run_ok sandbox create --network p --ip 10.80.0.9 b
	[ "$(inspect b ".network.ips[0]")" = 10.80.0.9 ]
}

@test "an address or MAC address that the plugins do not give is an error, and everything is undone" {
	bridge_chain
	conflist 20-p.conflist p 1.0.0 "{\"type\": \"ptp\", \"ipam\": $(host_local 10.80.0.0/24)}"
	run_fails 1 sandbox create --ip 10.99.0.1 a
	assert_error "plugin bridge ADD"
	run_fails 1 sandbox create --network p --mac 02:11:22:33:44:55 a
	assert_error "instead of the MAC address 02:11:22:33:44:55"
	run_fails 2 sandbox create --network p -p 8080:80 a
	assert_error "no plugin in $NETCONFPATH/20-p.conflist has the capability portMappings"
	[[ $stderr != *"default"* ]] || fail "$stderr" # it was named
	run_ok sandbox ls -q
	assert_output ""
	[ -z "$(leases db)$(leases p)" ]
	[ -z "$(ip -o link show type veth)" ]
}

@test "addresses come free when the namespace is gone, and the configuration too" {
	bridge_chain
	run_ok sandbox create web
	net=$(inspect web .linux.namespaces.network)
	[ -n "$(leases db)" ]
	rm "$NETCONFPATH/10-db.conflist"
	umount -l "${net%/net}"
	run_ok sandbox rm web
	[ -z "$(leases db)" ] || fail "$(leases db)"
}

@test "after a reboot a sandbox is NotReady, and goes with DEL, which frees its address" {
	fake fake-a
	conflist 10-db.conflist db 1.0.0 \
		"{\"type\": \"bridge\", \"bridge\": \"cni-test\", \"isGateway\": true, \"ipam\": $(host_local 10.77.0.0/16)}" \
		'{"type": "fake-a"}'
	run_ok sandbox create web
	ip=$(inspect web ".network.ips[0]")
	reboot
	ip link del cni-test
	[ "$(inspect web ' | "\(.state) \(.network.ips)"')" = "NotReady []" ]
	[ "$(leases db)" = "$ip" ] # it is on disk: nobody but DEL frees it
	run_ok sandbox create next
	[ "$(inspect next ".network.ips[0]")" != "$ip" ]
	run_ok sandbox rm web
	[ "$(cat "$LOG")" = "fake-a ADD netns
fake-a ADD netns
fake-a DEL" ]
	[ "$(leases db)" = "$(inspect next ".network.ips[0]")" ]
	run_ok sandbox inspect --field .state next
	assert_output Ready
	run_ok sandbox create web
}

@test "stop gives the address back, and a second stop and rm are successes" {
	bridge_chain
	run_ok sandbox create web
	run_ok sandbox stop web
	[ -z "$(leases db)" ]
	run_ok sandbox stop web
	run_ok sandbox rm web
}

@test "plugins and configurations are found where the options say" {
	mkdir "$TEST_DIR/other"
	bridge_chain
	mv "$NETCONFPATH/10-db.conflist" "$TEST_DIR/other"
	run_ok --cni-conf-dir "$TEST_DIR/other" sandbox create web
	[ "$(inspect web .network.name)" = db ]
	run_fails 1 --cni-conf-dir "$TEST_DIR/other" --cni-bin-dir "$TEST_DIR/bin" sandbox create other
	assert_error "network db: plugin bridge: not in $TEST_DIR/bin"
	assert_error "CNI's is the default here, --network caddis is the built-in one"
	run_fails 2 --cni-conf-dir other sandbox create other
	assert_error "--cni-conf-dir other: must be an absolute path"
	run_fails 2 --cni-bin-dir other sandbox create other
	assert_error "--cni-bin-dir other: must be an absolute path"
	run_fails 2 --cni-timeout 0 sandbox create other
	assert_error "--cni-timeout 0: expected 1 to 3600 seconds"
}

@test "network check finds an address that is gone, by the plugins' CHECK" {
	bridge_chain
	run_ok sandbox create web
	run_ok network check db
	nsenter --net="$(inspect web .linux.namespaces.network)" ip addr flush dev eth0
	run_fails 1 network check db
	assert_error "plugin bridge CHECK"
}
