# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# CNI networks for tests: configurations in $NETCONFPATH, Debian's plugins and fake ones.

cni_setup() {
	caddis_setup || return 1
	mkdir "$NETCONFPATH" "$TEST_DIR/bin"
	export CNI_PATH=$TEST_DIR/bin:/usr/lib/cni:/usr/libexec/cni:/opt/cni/bin
	LOG=$TEST_DIR/log
	: > "$LOG"
}

# Plugins leave their bridges and chains: they are shared, and not caddis' to remove.
cni_teardown() {
	local left=0 link

	remove_all || left=1
	for link in cni-test dummy-test; do
		ip link del "$link" 2> /dev/null
	done
	nft flush ruleset
	caddis_teardown || left=1
	return "$left"
}

# fake NAME...: plugins of these names (tests/fake/cni).
fake() {
	local name

	for name; do
		cp "$BATS_TEST_DIRNAME/fake/cni" "$TEST_DIR/bin/$name"
	done
}

# conflist FILE NAME VERSION PLUGIN-JSON...: writes one; every plugin gets "log".
conflist() {
	local file=$1 name=$2 version=$3

	shift 3
	printf '%s\n' "$@" | jq -s --arg name "$name" --arg version "$version" --arg log "$LOG" \
		'{cniVersion: $version, name: $name, plugins: map(if .type | test("^fake") then . + {log: $log} else . end)}' \
		> "$NETCONFPATH/$file"
}

# host_local SUBNET [MORE-JSON]: an "ipam" object whose leases are the test's own.
host_local() {
	jq -nc --arg subnet "$1" --arg dir "$TEST_DIR/leases" --argjson more "${2:-{\}}" \
		'{type: "host-local", dataDir: $dir, ranges: [[{subnet: $subnet}]], routes: [{dst: "0.0.0.0/0"}]} + $more'
}

# Addresses that host-local holds for NETWORK.
leases() {
	find "$TEST_DIR/leases/$1" -type f ! -name lock ! -name 'last_*' -printf '%f\n' 2> /dev/null | sort
}

# inspect SANDBOX JQ-FILTER
inspect() {
	"$CADDIS" sandbox inspect "$1" | jq -r ".[0]$2"
}
