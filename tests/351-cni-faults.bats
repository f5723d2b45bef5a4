#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# CNI plugins that fail, hang, print garbage, and commands that die between them.

load helpers
load cni

setup() {
	cni_setup
	fake fake-a fake-b fake-c
}

teardown() {
	cni_teardown
}

# chain ["ON-JSON of fake-b" [VERSION]]: three plugins, the second of which does that.
chain() {
	conflist 10-db.conflist db "${2:-1.0.0}" '{"type": "fake-a"}' \
		"{\"type\": \"fake-b\", \"on\": ${1:-{\}}}" '{"type": "fake-c"}'
}

log_is() {
	diff <([ $# -eq 0 ] || printf '%s\n' "$@") "$LOG" >&2 || fail "the log of the plugins differs"
}

# add_fails MESSAGE [OPTION...]: the error says so, DEL is called for all in reverse order, nothing is left.
add_fails() {
	run_fails 1 "${@:2}" sandbox create web
	assert_error "$1"
	log_is "fake-a ADD netns" "fake-b ADD netns" "fake-c DEL netns" "fake-b DEL netns" "fake-a DEL netns"
	: > "$LOG"
	run_ok sandbox ls -q
	assert_output ""
	nothing_left
}

@test "ADD runs in order, DEL in reverse order, with the results of ADD" {
	chain
	run_ok sandbox create web
	id=$output
	log_is "fake-a ADD netns" "fake-b ADD netns" "fake-c ADD netns"
	[ "$(jq .prevResult "$LOG.fake-a.ADD.json")" = null ]
	[ "$(jq -r .prevResult.ips[0].address "$LOG.fake-c.ADD.json")" = 10.9.8.7/24 ]
	[ "$(jq -r '.name + " " + .cniVersion' "$LOG.fake-b.ADD.json")" = "db 1.0.0" ]
	[ "$(inspect web ".network.ips[0]")" = 10.9.8.7 ]
	[ "$(inspect web .network.mac)" = 02:00:00:00:00:07 ]
	run_ok sandbox rm web
	log_is "fake-a ADD netns" "fake-b ADD netns" "fake-c ADD netns" "fake-c DEL netns" "fake-b DEL netns" "fake-a DEL netns"
	[ "$(jq -r .prevResult.ips[0].address "$LOG.fake-a.DEL.json")" = 10.9.8.7/24 ]
	for command in ADD DEL; do
		grep -qx "CNI_CONTAINERID=$id" "$LOG.fake-a.$command.env"
		grep -qx "CNI_IFNAME=eth0" "$LOG.fake-a.$command.env"
		grep -qx "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=$id" "$LOG.fake-a.$command.env"
	done
	! grep -q CADDIS "$LOG.fake-a.ADD.env" || fail "$(cat "$LOG.fake-a.ADD.env")"
}

@test "what the sandbox asks for reaches the plugins that declare the capability, and no other" {
	conflist 10-db.conflist db 1.0.0 \
		'{"type": "fake-a", "capabilities": {"portMappings": true, "dns": true, "ips": false}}' \
		'{"type": "fake-b", "capabilities": {"ips": true, "mac": true}}'
	cat > "$TEST_DIR/pod.json" <<-JSON
		{"metadata": {"name": "web", "namespace": "shop", "uid": "1-2-3"},
		 "dns_config": {"servers": ["9.9.9.9"], "searches": ["a.b"]},
		 "port_mappings": [{"protocol": "UDP", "host_port": 53, "container_port": 5353, "host_ip": "10.0.0.1"},
		                   {"container_port": 80}]}
	JSON
	run_ok sandbox create -f "$TEST_DIR/pod.json" --ip 10.9.8.7 --mac 02:00:00:00:00:07
	[ "$(jq -c .runtimeConfig.portMappings "$LOG.fake-a.ADD.json")" = \
		'[{"hostPort":53,"containerPort":5353,"protocol":"udp","hostIP":"10.0.0.1"}]' ]
	[ "$(jq -c .runtimeConfig.dns "$LOG.fake-a.ADD.json")" = '{"servers":["9.9.9.9"],"searches":["a.b"],"options":[]}' ]
	[ "$(jq -c '.runtimeConfig | keys' "$LOG.fake-a.ADD.json")" = '["dns","portMappings"]' ]
	[ "$(jq -c .runtimeConfig "$LOG.fake-b.ADD.json")" = '{"ips":["10.9.8.7"],"mac":"02:00:00:00:00:07"}' ]
	grep -q ";K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;.*;K8S_POD_UID=1-2-3$" "$LOG.fake-a.ADD.env"
	run_ok sandbox rm web
	[ "$(jq -c .runtimeConfig "$LOG.fake-b.DEL.json")" = '{"ips":["10.9.8.7"],"mac":"02:00:00:00:00:07"}' ]
}

@test "bandwidth and names reach the plugins that declare the capability" {
	conflist 10-db.conflist db 1.0.0 \
		'{"type": "fake-a", "capabilities": {"bandwidth": true}}' \
		'{"type": "fake-b", "capabilities": {"aliases": true}}'
	made() { jq -c .runtimeConfig "$LOG.$1.ADD.json"; }
	run_ok sandbox create --hostname host --annotation kubernetes.io/ingress-bandwidth=10M \
		--annotation kubernetes.io/egress-bandwidth=1.5Ki web
	[ "$(made fake-a)" = '{"bandwidth":{"ingressRate":10000000,"ingressBurst":2147483647,"egressRate":1536,"egressBurst":2147483647}}' ]
	[ "$(made fake-b)" = '{"aliases":["web","host"]}' ]
	run_ok sandbox rm web
	[ "$(jq -c .runtimeConfig.bandwidth.egressRate "$LOG.fake-a.DEL.json")" = 1536 ]
	run_ok sandbox create --annotation kubernetes.io/egress-bandwidth=1k web
	[ "$(made fake-a)" = '{"bandwidth":{"egressRate":1000,"egressBurst":2147483647}}' ]
	[ "$(made fake-b)" = '{"aliases":["web"]}' ]
	run_ok sandbox rm web
	for rate in 999 2P -10M 10MB ''; do
		run_fails 2 sandbox create --annotation "kubernetes.io/egress-bandwidth=$rate" web
		assert_error "network db: annotation kubernetes.io/egress-bandwidth: '$rate': expected bits per second, 1k to 1P"
	done
	# Where nobody asks for it, an annotation is anything.
	conflist 10-db.conflist db 1.0.0 '{"type": "fake-a"}'
	run_ok sandbox create --annotation kubernetes.io/egress-bandwidth=much web
	[ "$(made fake-a)" = null ]
}

@test "a namespace or uid that would be a further argument is refused" {
	chain
	echo '{"metadata": {"name": "web", "namespace": "shop;IP=10.0.0.1"}}' > "$TEST_DIR/pod.json"
	run_fails 2 sandbox create -f "$TEST_DIR/pod.json"
	assert_error "metadata.namespace"
	log_is
}

@test "every version's answers are understood" {
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		chain '{}' "$version"
		run_ok sandbox create web
		[ "$(inspect web ".network.ips[0]")" = 10.9.8.7 ] || fail "version $version"
		[ "$(jq -r .cniVersion "$LOG.fake-c.ADD.json")" = "$version" ]
		run_ok sandbox rm web
	done
}

@test "of several versions, the highest that all plugins speak is used" {
	chain
	jq '.cniVersions = ["0.4.0", "1.1.0"]' "$NETCONFPATH/10-db.conflist" > "$TEST_DIR/new"
	mv "$TEST_DIR/new" "$NETCONFPATH/10-db.conflist"
	echo '["0.3.1", "0.4.0", "1.0.0"]' > "$TEST_DIR/bin/fake-b.speaks"
	run_ok sandbox create web
	[ "$(jq -r .cniVersion "$LOG.fake-a.ADD.json")" = 1.0.0 ]
	echo '["0.2.0"]' > "$TEST_DIR/bin/fake-b.speaks"
	run_fails 1 sandbox create other
	assert_error "speak none of the versions"
}

@test "a plugin that fails: its own words, DEL for all in reverse order" {
	chain '{"ADD": "fail"}'
	add_fails "network db: plugin fake-b ADD: out of luck"
}

@test "a plugin that prints garbage is an error" {
	chain '{"ADD": "garbage"}'
	add_fails "plugin fake-b ADD: its result:1:"
}

@test "a plugin that prints 100 MiB is ended at the first" {
	chain '{"ADD": "flood"}'
	add_fails "plugin fake-b ADD: it printed more than 1 MiB"
}

@test "a plugin that hangs is ended with its children when its time is over" {
	chain '{"ADD": "hang"}'
	add_fails "plugin fake-b ADD: no answer within 3 s" --cni-timeout 3
	wait_until 5 process_gone "$(cat "$LOG.child")"
}

process_gone() {
	[ ! -d "/proc/$1" ] || grep -q ') Z ' "/proc/$1/stat" 2> /dev/null
}

@test "a child that keeps standard output open holds nobody up" {
	chain '{"ADD": "child"}'
	began=$SECONDS
	run_ok sandbox create web
	[ $((SECONDS - began)) -lt 60 ]
	kill "$(cat "$LOG.child")"
}

@test "a plugin that is missing is told before any is run" {
	chain
	rm "$TEST_DIR/bin/fake-c"
	run_fails 1 sandbox create web
	assert_error "network db: plugin fake-c: not in"
	log_is
}

@test "a broken configuration is an error that names file and field, and runs nothing" {
	conflist 10-db.conflist db 1.0.0 '{"type": "../../bin/sh"}'
	run_fails 1 sandbox create web
	assert_error "$NETCONFPATH/10-db.conflist: plugins[0].type: \"../../bin/sh\""
	chain
	jq 'del(.cniVersion)' "$NETCONFPATH/10-db.conflist" > "$NETCONFPATH/05-x.conflist"
	run_fails 1 sandbox create web
	assert_error "05-x.conflist: cniVersion: missing"
	log_is
}

@test "a command killed in the middle of ADD: the next one ends the plugin and calls DEL" {
	chain '{"ADD": "hang"}'
	"$CADDIS" sandbox create web > /dev/null 2>&1 3>&- &
	pid=$!
	wait_until 10 grep -q "fake-b ADD" "$LOG"
	wait_until 10 test -s "$LOG.child"
	kill -9 "$pid"
	wait "$pid" || true
	run_ok sandbox ls -q
	assert_output ""
	log_is "fake-a ADD netns" "fake-b ADD netns" "fake-c DEL netns" "fake-b DEL netns" "fake-a DEL netns"
	process_gone "$(cat "$LOG.child")" || fail "what the plugin started is still there"
	nothing_left
}

@test "a DEL that fails: stop stops, and tells; the next one tries again, without the namespace" {
	chain '{"DEL": "fail"}'
	run_ok sandbox create web
	: > "$LOG"
	run_fails 1 sandbox stop web
	assert_error "network db: plugin fake-b DEL: out of luck"
	log_is "fake-c DEL netns" "fake-b DEL netns"
	[ "$(inspect web .state)" = NotReady ]
	: > "$LOG"
	run_fails 1 sandbox stop web
	log_is "fake-c DEL" "fake-b DEL"
	mend
	run_ok sandbox rm web
}

# The plugin works again: what it does is in the record, by the configuration of then.
mend() {
	sed -i 's/^fail)$/never)/' "$TEST_DIR/bin/fake-b"
}

@test "a DEL that fails makes no sandbox unremovable, and a later command tries again" {
	test_image
	chain '{"DEL": "fail"}'
	run_ok sandbox create web
	id=$output
	run_ok ctr run -d -s web busybox sleep 1000
	: > "$LOG"
	run_fails 1 sandbox rm web
	assert_error "plugin fake-b DEL: out of luck; a later command will try again"
	run_ok sandbox ls -q
	assert_output ""
	run_ok ctr ls -aq
	assert_output ""
	# At once it is not: each command would wait for a plugin that hangs.
	: > "$LOG"
	run_ok sandbox create web
	run_ok sandbox rm --ignore other
	log_is "fake-a ADD netns" "fake-b ADD netns" "fake-c ADD netns"
	mend
	: > "$LOG"
	# A minute later:
	record=$CADDIS_ROOT/staging/s-$id/cni.json
	jq '.tried_at = 1' "$record" > "$TEST_DIR/new"
	cp "$TEST_DIR/new" "$record"
	run_ok sandbox create third
	log_is "fake-c DEL" "fake-b DEL" "fake-a DEL" "fake-a ADD netns" "fake-b ADD netns" "fake-c ADD netns"
	[ ! -e "$record" ]
}

@test "network ls and inspect show CNI networks beside those built in, a broken file hides none" {
	chain
	run_ok sandbox create web
	id=$output
	run_ok network create --subnet 10.66.0.0/24 own
	run_ok network ls -o json
	[ "$(jq -r '.[] | select(.name == "db") | "\(.kind) \(.sandboxes)"' <<< "$output")" = "cni 1" ]
	[ "$(jq -r '.[] | select(.name == "own") | "\(.kind) \(.sandboxes)"' <<< "$output")" = "bridge 0" ]
	run_ok network inspect db
	[ "$(jq -r '.[0] | "\(.kind) \(.file) \(.cni_version) \(.plugins[1].type) \(.sandboxes[0])"' <<< "$output")" = \
		"cni $NETCONFPATH/10-db.conflist 1.0.0 fake-b $id" ]
	run_fails 1 network inspect nosuch
	assert_error "no network nosuch"
	echo '{' > "$NETCONFPATH/00-broken.conflist"
	run_fails 1 network ls -q
	assert_output "own
db"
	assert_error "00-broken.conflist"
	run_ok network rm own
}

@test "network check runs STATUS, and CHECK of every sandbox, with the result of ADD" {
	chain '{}' 1.1.0
	run_ok sandbox create web
	: > "$LOG"
	run_ok network check db
	assert_output db
	log_is "fake-a STATUS" "fake-b STATUS" "fake-c STATUS" "fake-a CHECK netns" "fake-b CHECK netns" "fake-c CHECK netns"
	[ "$(jq -r .prevResult.ips[0].address "$LOG.fake-a.CHECK.json")" = 10.9.8.7/24 ]
	! grep -q CNI_CONTAINERID "$LOG.fake-a.STATUS.env" || fail "STATUS is of no container"
	run_fails 1 network check nosuch
	assert_error "no network nosuch"
	run_ok sandbox rm web
	chain '{"CHECK": "fail"}' 0.4.0
	run_ok sandbox create web
	run_fails 1 network check db
	assert_error "network db: sandbox $("$CADDIS" sandbox ls -q | cut -c1-12): plugin fake-b CHECK: out of luck"
	run_ok sandbox rm web
	chain '{"STATUS": "fail"}' 1.1.0
	run_fails 1 network check db
	assert_error "network db: plugin fake-b STATUS: out of luck"
}

@test "CHECK is left out where the version has none or the configuration forbids it" {
	for version in 0.3.1 1.0.0; do
		chain '{"CHECK": "fail"}' "$version"
		jq '.disableCheck = true' "$NETCONFPATH/10-db.conflist" > "$TEST_DIR/new"
		[ "$version" = 0.3.1 ] || mv "$TEST_DIR/new" "$NETCONFPATH/10-db.conflist"
		run_ok sandbox create web
		run_ok network check db
		run_ok sandbox rm web
	done
	! grep CHECK "$LOG" || fail "CHECK was run"
}

@test "network gc tells the plugins which attachments are valid, where there is GC" {
	chain '{}' 1.1.0
	run_ok sandbox create web
	id=$output
	: > "$LOG"
	run_ok network gc db
	assert_output db
	log_is "fake-a GC" "fake-b GC" "fake-c GC"
	[ "$(jq -c '."cni.dev/valid-attachments"' "$LOG.fake-a.GC.json")" = "[{\"containerID\":\"$id\",\"ifname\":\"eth0\"}]" ]
	jq '.disableGC = true' "$NETCONFPATH/10-db.conflist" > "$TEST_DIR/new"
	mv "$TEST_DIR/new" "$NETCONFPATH/10-db.conflist"
	run_fails 1 network gc db
	assert_error "network db: its configuration has disableGC"
	chain '{}' 1.0.0
	run_fails 1 network gc db
	assert_error "network db: has no GC; version 1.1.0"
	chain '{"GC": "fail"}' 1.1.0
	: > "$LOG"
	run_fails 1 network gc db
	assert_error "network db: plugin fake-b GC: out of luck"
	log_is "fake-a GC" "fake-b GC" "fake-c GC"
	run_ok network create --subnet 10.66.0.0/24 own
	run_fails 1 network gc own
	assert_error "network own is built in"
	run_ok network rm own
}

@test "a create that is killed anywhere between the plugins is undone, by DEL for all of them" {
	conflist 10-db.conflist db 1.0.0 '{"type": "fake-a"}' '{"type": "fake-b"}'
	killed=0
	for call in renameat renameat2 memfd_create clone wait4; do
		for n in {1..8}; do
			: > "$LOG"
			status=0
			strace -qq -o /dev/null -e trace="$call" -e inject="$call:signal=SIGKILL:when=$n" \
				"$CADDIS" sandbox create web > /dev/null 2>&1 3>&- || status=$?
			if [ "$status" -ne 137 ]; then
				run_ok sandbox rm web
				break
			fi
			killed=$((killed + 1))
			run_ok sandbox ls -q
			assert_output ""
			run_ok sandbox create --network none other # finishes what a killed one had in staging
			run_ok sandbox rm other
			if grep -q ADD "$LOG" && [ "$(tail -n 1 "$LOG")" != "fake-a DEL netns" ]; then
				fail "killed at $call number $n: $(cat "$LOG")"
			fi
			[ -z "$(files_left; grep "$TEST_DIR" /proc/self/mountinfo)" ] || fail "killed at $call number $n"
		done
	done
	[ "$killed" -ge 10 ] || fail "only $killed kills"
}
