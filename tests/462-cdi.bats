#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Devices by the names of the Container Device Interface.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create --network none web
	mkdir -p "$TEST_DIR"/{cdi,later,data}
	echo data > "$TEST_DIR/data/f"
	mknod "$TEST_DIR/gpu0" c 240 7
	printf '#!/bin/sh\n{ cat; echo; echo "$HOOK $1"; } > %s/hooked\n' "$TEST_DIR" > "$TEST_DIR/hook"
	chmod +x "$TEST_DIR/hook"
	cat > "$TEST_DIR/cdi/gpu.yaml" <<-YAML
		cdiVersion: 0.6.0
		kind: example.com/gpu
		annotations: {made-by: hand}
		containerEdits:
		  env: [GPUS=all, PATH=/gpu:/bin]
		  mounts: [{hostPath: $TEST_DIR/data, containerPath: /gpu/data, options: [ro, nosuid, bind]}]
		devices:
		- name: "0"
		  containerEdits:
		    env: [GPU0=yes]
		    deviceNodes:
		    - {path: /dev/gpu0, hostPath: $TEST_DIR/gpu0, permissions: r, fileMode: 0640, gid: 44}
		    - {path: /dev/made, type: c, major: 1, minor: 5}
		    additionalGids: [44]
		    hooks: [{hookName: createRuntime, path: $TEST_DIR/hook, args: [hook, once], env: [HOOK=ran], timeout: 20}]
		- name: "1"
		  containerEdits: {env: [GPU1=yes]}
	YAML
	cat > "$TEST_DIR/cdi/net.json" <<-JSON
		{"cdiVersion": "0.3.0", "kind": "vendor.net/nic", "devices": [{"name": "a:b-1", "containerEdits": {"env": ["NIC=1"]}}]}
	JSON
}

run_with() {
	"$CADDIS" ctr run --rm -s web --cdi-spec-dir "$TEST_DIR/cdi" "$@"
}

refused() { # ERROR ARG...
	run --separate-stderr run_with "${@:2}" busybox true
	[ "$status" -eq 125 ] || fail "$*: $status $stderr"
	assert_error "$1"
}

@test "devices of CDI files bring their nodes, mounts, variables, groups and hooks, by option and by file" {
	run --separate-stderr run_with --device example.com/gpu=0 --device example.com/gpu=1 --device example.com/gpu=0 --device vendor.net/nic=a:b-1 -e GPU1=mine busybox sh -c '
		echo "$GPUS $GPU0 $GPU1 $NIC $PATH"; cat /gpu/data/f; touch /gpu/data/x 2> /dev/null || echo refused
		stat -c "%a %g %t:%T" /dev/gpu0 /dev/made; id -G; head -c 3 /dev/made | wc -c; grep -c " /gpu/data " /proc/mounts; exec 3> /dev/gpu0'
	[ "$output" = "all yes yes 1 /gpu:/bin
data
refused
640 44 f0:7
666 0 1:5
0 44
3
1" ] || fail "$output" "$stderr"
	[[ $stderr == *"Operation not permitted"* ]] || fail "$stderr"
	jq -es '.[0].status == "creating"' < <(head -n 1 "$TEST_DIR/hooked")
	[ "$(tail -n 1 "$TEST_DIR/hooked")" = "ran once" ] || fail "$(cat "$TEST_DIR/hooked")"
	printf 'image: {image: busybox}\nCDI_devices: [{name: example.com/gpu=1}]' > "$TEST_DIR/c.yaml"
	run_ok ctr create --name a --cdi-spec-dir "$TEST_DIR/cdi" -f "$TEST_DIR/c.yaml" web busybox sh -c 'echo $GPU1 $GPUS'
	rm "$TEST_DIR/cdi/gpu.yaml"
	run_ok ctr inspect a
	jq -e '.[0].config.CDI_devices == [{name: "example.com/gpu=1"}]' <<< "$output"
	run_ok ctr start -a a
	assert_output "yes all"
	# protobuf's JSON name of the field.
	run_ok ctr run --print-config -f - busybox < <(echo 'CDIDevices: [{name: a.b/c=d}]')
	jq -e '.CDI_devices[0].name == "a.b/c=d"' <<< "$output"
}

@test "in a user namespace the host's node is there, with the access that the file says" {
	run_ok sandbox create --network none --userns auto users
	sed -i "s|{path: /dev/made, type: c, major: 1, minor: 5}|{path: /dev/made, hostPath: /dev/zero, type: c, major: 1, minor: 5}|" "$TEST_DIR/cdi/gpu.yaml"
	run_ok ctr run --rm -s users --cdi-spec-dir "$TEST_DIR/cdi" --device example.com/gpu=0 busybox sh -c 'stat -c %t:%T /dev/gpu0; head -c 3 /dev/made | wc -c'
	assert_output "f0:7
3"
}

@test "a later directory wins, the same device twice in one is an error, and so is an unknown one" {
	printf '{"cdiVersion": "1.0.0", "kind": "example.com/gpu", "devices": [{"name": "1", "containerEdits": {"env": ["GPU1=later"]}}]}' > "$TEST_DIR/later/x.json"
	run --separate-stderr run_with --cdi-spec-dir "$TEST_DIR/later" --device example.com/gpu=1 busybox sh -c 'echo $GPU1 $GPUS'
	[ "$output" = later ] || fail "$output $stderr"
	refused "device example.com/gpu=9: no CDI file has it" --device example.com/gpu=9
	refused "device example.com/other=0: no CDI file has it" --device example.com/other=0
	run_fails 125 ctr run --rm -s web --cdi-spec-dir "$TEST_DIR/nosuch" --device example.com/gpu=0 busybox true
	assert_error "no CDI file has it"
	cp "$TEST_DIR/later/x.json" "$TEST_DIR/cdi/x.json"
	refused "device example.com/gpu=1: both $TEST_DIR/cdi/gpu.yaml and $TEST_DIR/cdi/x.json have it" --device example.com/gpu=1
	run_ok ctr ls -aq
	assert_output ""
}

@test "a file that cannot be read is told with its place when a device is missing, and does not harm the others" {
	bad() { # ERROR TEXT
		printf '%s\n' "$2" > "$TEST_DIR/cdi/bad.yaml"
		refused "$TEST_DIR/cdi/bad.yaml$1" --device bad.com/bad=0
	}
	head='{cdiVersion: 0.6.0, kind: bad.com/bad, '
	bad ':' '{'
	bad ': cdiVersion: expected 0.3.0 to 1.0.0, found "9.0.0"' '{cdiVersion: 9.0.0, kind: bad.com/bad, devices: []}'
	bad ': kind: expected VENDOR/CLASS, found "bad"' '{cdiVersion: 0.6.0, kind: bad, devices: []}'
	bad ': it has device "0" twice' "$head devices: [{name: '0'}, {name: '0'}]}"
	bad ': devices[0].name: "a/b" is no name' "$head devices: [{name: a/b}]}"
	bad ':1: devices[0].containerEdits.netDevices: unknown field' "$head devices: [{name: '0', containerEdits: {netDevices: []}}]}"
	bad ':1: devices[0].containerEdits.deviceNodes[0].path: expected an absolute path' "$head devices: [{name: '0', containerEdits: {deviceNodes: [{path: x}]}}]}"
	run --separate-stderr run_with --device example.com/gpu=1 busybox sh -c 'echo $GPU1'
	[ "$output" = yes ] || fail "$output $stderr"
	for edits in "env: [x]" "hooks: [{hookName: poststart, path: /bin/true}]" "deviceNodes: [{path: /dev/nosuch}]" "deviceNodes: [{path: /etc/passwd}]"; do
		printf '%s\n' "$head devices: [{name: '0', containerEdits: {$edits}}]}" > "$TEST_DIR/cdi/bad.yaml"
		refused "device bad.com/bad=0: $TEST_DIR/cdi/bad.yaml: " --device bad.com/bad=0
	done
	for name in =0 x=0 a.com/=0 a.com/b= /a/b=c a.com/b=-c .a/b=c; do
		refused "" --device "$name"
	done
	printf 'image: {image: busybox}\nCDI_devices: [{name: x}]' > "$TEST_DIR/c.yaml"
	refused "device 'x': expected VENDOR/CLASS=NAME" -f "$TEST_DIR/c.yaml"
	run_ok ctr ls -aq
	assert_output ""
}
