# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of networks: `load network` after helpers. A second network namespace, "lan", is another host on
# the first one's network: 192.0.2.1 and 2001:db8::1 are ours, .2 and ::2 the other's.

SERVE=$BATS_TEST_DIRNAME/serve.py

make_lan() {
	local self

	background unshare -n sleep 1000
	LAN=$!
	self=$(readlink /proc/self/ns/net)
	wait_until 3 lan_is_apart "$self"
	ip link add lan0 type veth peer name eth0 netns "$LAN"
	ip addr add 192.0.2.1/24 dev lan0
	ip addr add 2001:db8::1/64 dev lan0 nodad
	ip link set lan0 up
	lan ip link set lo up
	lan ip addr add 192.0.2.2/24 dev eth0
	lan ip addr add 2001:db8::2/64 dev eth0 nodad
	lan ip link set eth0 up
}

lan_is_apart() {
	[ "$(readlink "/proc/$LAN/ns/net")" != "$1" ]
}

# lan COMMAND...: on the other host.
lan() {
	nsenter -t "$LAN" -n "$@"
}

remove_lan() {
	! ip link show lan0 > /dev/null 2>&1 || ip link del lan0
}

ns_of() {
	"$CADDIS" sandbox inspect "$1" | jq -r '.[0].linux.namespaces.network'
}

# inside SANDBOX COMMAND...: a program of ours in its network.
inside() {
	local ns

	ns=$(ns_of "$1")
	shift
	nsenter --net="$ns" "$@"
}

# address SANDBOX [N]: the first, or the second, of its addresses.
address() {
	"$CADDIS" sandbox inspect "$1" | jq -r ".[0].network.ips[${2:-0}]"
}

# serve SANDBOX PORT...: answers there by tcp and udp with "SANDBOX PEER-ADDRESS".
serve() {
	local sandbox=$1

	background nsenter --net="$(ns_of "$sandbox")" python3 "$SERVE" "$@"
	wait_until 10 ask tcp "$(address "$sandbox")" "${@: -1}" > /dev/null 2>&1
}

# lan_serve PORT...: on the other host.
lan_serve() {
	background nsenter -t "$LAN" -n python3 "$SERVE" lan "$@"
	wait_until 10 ask tcp 192.0.2.2 "${@: -1}" > /dev/null 2>&1
}

# ask PROTOCOL ADDRESS PORT, from where it is called: lan ask does not work, lan_ask does.
ask() {
	python3 "$SERVE" --ask "$@"
}

lan_ask() {
	lan python3 "$SERVE" --ask "$@"
}

# inside_ask SANDBOX PROTOCOL ADDRESS PORT
inside_ask() {
	local sandbox=$1

	shift
	inside "$sandbox" python3 "$SERVE" --ask "$@"
}

# answers "TEXT" COMMAND...: prints exactly that.
answers() {
	local want=$1 got

	shift
	got=$("$@" 2>&1) || fail "no answer to: $*" "$got" || return 1
	[ "$got" = "$want" ] || fail "$*" "expected: $want" "actual:   $got"
}

# silent COMMAND...: gets no answer.
silent() {
	local got

	! got=$("$@" 2> /dev/null) || fail "an answer to: $*" "$got"
}

# at CALL N WHAT COMMAND...: caddis COMMAND meets WHAT at its N-th CALL. 1: it makes fewer calls.
at() {
	local call=$1 n=$2 what=$3

	shift 3
	strace -f -qq -o "$TEST_DIR/trace" -e trace="$call" -e inject="$call:$what:when=$n" \
		"$CADDIS" "$@" > "$TEST_DIR/out" 2>&1 3>&- || return 0
	return 1
}

# reboot: the state directory is of another boot, and what it pinned is gone.
reboot() {
	local point

	awk -v d="$CADDIS_STATE/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r point; do umount -l "$point"; done
	printf '00000000-0000-4000-8000-000000000000' > "$CADDIS_STATE/boot"
}
