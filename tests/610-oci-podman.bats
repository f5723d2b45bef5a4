#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# podman with caddis-oci as its runtime.

load helpers
load oci

setup() {
	oci_setup
	mkdir "$TEST_DIR/networks" "$TEST_DIR/files"
	cat > "$TEST_DIR/containers.conf" <<-CONF
		[containers]
		default_ulimits = ["nofile=20000:20000", "nproc=9000:9000"]
		[network]
		network_config_dir = "$TEST_DIR/networks"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "caddis"
		runtime_supports_json = ["caddis"]
		runtime_supports_nocgroup = ["caddis"]
		[engine.runtimes]
		caddis = ["$RUNTIME"]
	CONF
	export CONTAINERS_CONF=$TEST_DIR/containers.conf
	tar -C "$ROOTFS" -c . | podman import -q - box > /dev/null
}

teardown() {
	local left=0

	podman pod rm -f -a -t 0 > /dev/null || left=1
	podman rm -f -a -t 0 > /dev/null || left=1
	[ -z "$("$RUNTIME" list -q)" ] || left=1
	podman volume prune -f > /dev/null
	ip link del podman0 2> /dev/null
	ip link del cni-podman0 2> /dev/null
	iptables-restore < /dev/null 2> /dev/null
	nft flush ruleset
	# podman itself leaves these where v1 and v2 are mounted together
	[ -z "${POD-}" ] || find /sys/fs/cgroup -depth -type d -name "$POD" -exec rmdir {} +
	rmdir /sys/fs/cgroup/*/libpod_parent/conmon /sys/fs/cgroup/*/libpod_parent /sys/fs/cgroup/libpod_parent/conmon /sys/fs/cgroup/libpod_parent 2> /dev/null
	oci_teardown || left=1
	return "$left"
}

podman() {
	command podman --root "$TEST_DIR/podman" --runroot "$TEST_DIR/run" --tmpdir "$TEST_DIR/tmp" "$@" 3>&-
}

# podman_ok ARG...: must end with 0; $output is its standard output.
podman_ok() {
	podman_fails 0 "$@"
}

podman_fails() {
	local want=$1

	shift
	must_end "$want" podman podman "$@"
}

@test "podman runs, executes in, pauses, limits, copies into and removes a container of caddis-oci" {
	podman_fails 7 run --rm --network none box sh -c 'echo out; exit 7'
	assert_output out
	podman_fails 127 run --rm --network none box nonsense
	[[ $stderr == *'caddis: exec: "nonsense": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found'* ]] || fail "$stderr"
	podman_fails 126 run --rm --network none box /etc
	podman_ok run -d --name c --network none --memory 64m --pids-limit 40 --health-cmd 'test -e /tmp' --health-interval disable box sleep 1000
	podman_ok inspect --format '{{.OCIRuntime}} {{.State.Status}}' c
	assert_output "caddis running"
	[ "$("$RUNTIME" list -q)" = "$(podman inspect --format '{{.Id}}' c)" ]
	podman_ok exec c sh -c 'cat /proc/1/comm; id -u'
	assert_output $'sleep\n0'
	podman_fails 127 exec c nonsense
	podman_fails 3 exec -u 1000 c sh -c 'exit 3'
	podman_ok exec -t c tty
	[[ $output == /dev/pts/0* ]]
	podman_ok healthcheck run c
	podman_ok top c
	assert_output_has "sleep 1000"
	podman_ok stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' c
	[[ $output == "c 1 "*"/ 67.11MB" ]]
	podman_ok pause c
	[ "$(podman inspect --format '{{.State.Status}}' c)" = paused ]
	podman_ok unpause c
	podman_ok update --memory 32m c
	[ "$(cgroup_value "/libpod_parent/libpod-$(podman inspect --format '{{.Id}}' c)" memory.max memory memory.limit_in_bytes)" = 33554432 ]
	echo data > "$TEST_DIR/files/f"
	podman_ok cp "$TEST_DIR/files/f" c:/tmp/g
	podman_ok exec c cat /tmp/g
	assert_output data
	podman_ok kill -s USR1 c
	podman_ok restart -t 0 c
	podman_ok stop -t 0 c
	podman_ok inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
	assert_output "exited 137"
	podman_ok start c
	podman_ok rm -f -t 0 c
}

@test "podman's volumes, init, user namespaces, terminals and rights are those that were asked for" {
	echo data > "$TEST_DIR/files/f"
	podman_ok run --rm --network none --init -v "$TEST_DIR/files:/v:ro" -v named:/n --tmpfs /scratch box \
		sh -c 'cat /v/f; echo x > /n/y; cat /n/y; echo z > /v/no; echo s > /scratch/s; cat /proc/1/comm'
	assert_output $'data\nx\npodman-init'
	podman_ok run --rm --network none --uidmap 0:100000:1000 --gidmap 0:200000:1000 -v "$TEST_DIR/files:/v" box \
		sh -c 'tr -s " " < /proc/self/uid_map; stat -c %u /v/f; id -u'
	assert_output $' 0 100000 1000\n65534\n0'
	podman_ok run --rm --network none --read-only --cap-drop all --security-opt no-new-privileges -u 1000 box \
		sh -c 'grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status; touch /x || echo readonly'
	assert_output $'CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nreadonly'
	podman_ok run --rm --network none --cgroups=disabled box cat /proc/self/cgroup
	[[ $output != *libpod-* ]]
	podman_ok run --rm --network none --systemd=always box ls -d /run/lock
	podman_ok run --rm --network none -t box tty
	[[ $output == /dev/pts/0* ]]
	podman_ok run --rm --network none --privileged -t box true
	podman_ok run --rm --network none --privileged box grep CapEff /proc/self/status
	assert_output "$(grep CapEff /proc/self/status)"
}

@test "podman's pods share namespaces, and their ports lead to what listens in them" {
	podman_ok pod create --name pod -p 18080:80
	POD=$output
	podman_ok run -d --pod pod --name web box sh -c 'mkdir /tmp/w; echo hello > /tmp/w/index.html; exec httpd -f -h /tmp/w'
	podman_ok run --rm --pod pod box wget -q -O - http://127.0.0.1/
	assert_output hello
	wait_until 10 wget -q -O "$TEST_DIR/got" http://127.0.0.1:18080/
	[ "$(cat "$TEST_DIR/got")" = hello ]
	podman_ok pod stop -t 0 pod
	podman_ok pod rm -f pod
}
