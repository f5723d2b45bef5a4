#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Every field of a sandbox's configuration: set by option, set by file, read back by inspect, and
# seen from inside a container or in the kernel. The verbs and filters follow below the table.

load helpers

# One row per field, five lines and an empty one:
#   name
#   options of create
#   the same as YAML, merged with {metadata: {name: web}}
#   a condition on inspect's object, in jq
#   a shell condition: within runs a command in a container of it, $cgroup, $ns, $dir its paths
rows() {
	cat <<'ROWS'
config.Hostname
--hostname box
hostname: box
.config.hostname == "box" and .hostname == "box"
[ "$(within hostname)" = box ] && [ "$(within cat /etc/hostname)" = box ]

config.Hostname, its default
--network none
linux: {security_context: {namespace_options: {network_name: none}}}
.hostname == "web"
[ "$(within hostname)" = web ]

config.DNSOptions
--dns-server 192.0.2.1 --dns-server 2001:db8::1 --dns-search example.org --dns-option ndots:2
dns_config: {servers: [192.0.2.1, "2001:db8::1"], searches: [example.org], options: ["ndots:2"]}
.config.dns_config == {servers: ["192.0.2.1", "2001:db8::1"], searches: ["example.org"], options: ["ndots:2"]}
[ "$(within cat /etc/resolv.conf | tr '\n' ' ')" = "search example.org nameserver 192.0.2.1 nameserver 2001:db8::1 options ndots:2 " ]

config.PortMappings
-p 127.0.0.1:18080:80 -p 18053:53/udp
port_mappings: [{host_ip: 127.0.0.1, host_port: 18080, container_port: 80}, {protocol: 1, host_port: 18053, container_port: 53}]
.config.port_mappings == [{container_port: 80, host_port: 18080, host_ip: "127.0.0.1"}, {protocol: "UDP", container_port: 53, host_port: 18053}]
behind sh -c 'echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp' && wait_until 10 served 127.0.0.1:18080

config.Resources.CPU
--cpu 500m
linux: {resources: {cpu_quota: 50000, cpu_period: 100000}}
.limits.cpu == "500m" and .linux.resources.cpu_quota == 50000
[[ $(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us) == 50000* ]]

config.Resources.Memory
--memory 64Mi
linux: {resources: {memoryLimitInBytes: "67108864"}}
.limits.memory == "64Mi" and .config.linux.resources.memory_limit_in_bytes == 67108864
[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = 67108864 ]

resources.cpu_shares
--cpu-shares 2048
linux: {resources: {cpu_shares: 2048}}
.linux.resources.cpu_shares == 2048
[ "$(cgroup_value "$cgroup" cpu.weight cpu cpu.shares)" = "$(v2_or 79 2048)" ]

resources.cpuset
--cpuset-cpus 0 --cpuset-mems 0
linux: {resources: {cpuset_cpus: "0", cpuset_mems: "0"}}
.linux.resources.cpuset_cpus == "0" and .linux.resources.cpuset_mems == "0"
[ "$(within grep Cpus_allowed_list /proc/self/status | cut -f 2)" = 0 ]

resources.pids_limit
--pids-limit 55
linux: {resources: {pids_limit: 55}}
.limits.pids == "55"
[ "$(cgroup_value "$cgroup" pids.max pids pids.max)" = 55 ]

overhead
--memory 64Mi --overhead-memory 1Mi --cpu 1 --overhead-cpu 100m
linux: {resources: {memory_limit_in_bytes: 67108864, cpu_quota: 100000, cpu_period: 100000}, overhead: {memory_limit_in_bytes: 1048576, cpu_quota: 10000, cpu_period: 100000}}
.limits == {cpu: "1100m", memory: "65Mi"} and .config.linux.overhead.memory_limit_in_bytes == 1048576
[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((65 << 20)) ]

config.LogDirectory
--log-directory $TEST_DIR/logs/web
log_directory: $TEST_DIR/logs/web
.config.log_directory | endswith("/logs/web")
within echo logged && grep -q 'stdout F logged$' "$TEST_DIR/logs/web/"*.log

config.Labels, Annotations
--label app=web --label example.com/tier=front --annotation note=x/y
labels: {app: web, example.com/tier: front}\nannotations: {note: x/y}
.labels == {app: "web", "example.com/tier": "front"} and .annotations == {note: "x/y"} and .config.labels == .labels
[ "$("$CADDIS" sandbox ls -o json -l example.com/tier=front | jq -c '.[0].annotations')" = '{"note":"x/y"}' ]

config.Linux.CgroupParent
--cgroup-parent /caddis/pods
linux: {cgroup_parent: /caddis/pods}
.linux.cgroup | startswith("/caddis/pods/")
within true && [ -n "$(find /sys/fs/cgroup -type d -path "*/caddis/pods/*" -name "${cgroup##*/}" -print -quit)" ]

NamespaceOptions.HostNetwork
--network host
linux: {security_context: {namespace_options: {network: 2}}}
.config.linux.security_context.namespace_options.network == "NODE" and .linux.namespaces.network == "/proc/1/ns/net" and .network.ips == []
[ "$(within readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]

NamespaceOptions.HostPID
--pid host
linux: {security_context: {namespace_options: {pid: NODE}}}
.config.linux.security_context.namespace_options.pid == "NODE"
[ "$(within readlink /proc/self/ns/pid)" = "$(readlink /proc/self/ns/pid)" ]

NamespaceOptions.HostIPC
--ipc host
linux: {securityContext: {namespaceOptions: {ipc: NODE}}}
.config.linux.security_context.namespace_options.ipc == "NODE"
[ "$(within readlink /proc/self/ns/ipc)" = "$(readlink /proc/self/ns/ipc)" ]

NamespaceOptions, ipc and network of its own
--ipc sandbox
linux: {security_context: {namespace_options: {ipc: POD, network: POD}}}
.linux.namespaces.network == $ns + "/net"
[ "$(within readlink /proc/self/ns/ipc)" = "$(nsenter --ipc="$ns/ipc" readlink /proc/self/ns/ipc)" ]

pid mode CONTAINER, the default
--hostname x
hostname: x
.config.linux.security_context.namespace_options.pid == "CONTAINER"
[ "$(within sh -c 'echo $$')" = 1 ]

pid mode POD
--pid sandbox
linux: {security_context: {namespace_options: {pid: POD}}}
.config.linux.security_context.namespace_options.pid == "POD" and .linux.namespaces.pid == $ns + "/pid"
[ "$(within sh -c 'echo $$')" != 1 ] && [ "$(within readlink /proc/self/ns/pid)" = "pid:[$(stat -c %i "$ns/pid")]" ]

user namespaces
--userns auto
linux: {security_context: {namespace_options: {userns_options: {mode: POD}}}}
.config.linux.security_context.namespace_options.userns_options.uids[0].length == 65536 and .linux.namespaces.user == $ns + "/user"
[[ $(within cat /proc/self/uid_map) =~ ^\ *0\ +[1-9][0-9]*\ +65536$ ]]

sysctls
--sysctl net.ipv4.ip_unprivileged_port_start=99
linux: {sysctls: {net.ipv4.ip_unprivileged_port_start: "99"}}
.config.linux.sysctls == {"net.ipv4.ip_unprivileged_port_start": "99"}
[ "$(within cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" = 99 ]

metadata
--namespace default --uid u-1 --attempt 3
metadata: {namespace: default, uid: u-1, attempt: 3, name: web}
.config.metadata == {name: "web", namespace: "default", uid: "u-1", attempt: 3} and .name == "web"
within true

security_context
--run-as-user 1000 --run-as-group 1000 --supplemental-group 7 --supplemental-group 8 --read-only --privileged --security-opt seccomp=unconfined --security-opt apparmor=default --security-opt label=level:s0:c1
linux: {security_context: {run_as_user: {value: 1000}, run_as_group: {value: 1000}, supplemental_groups: [7, 8], readonly_rootfs: true, privileged: true, seccomp: {profile_type: 1}, apparmor: {profile_type: RuntimeDefault}, selinux_options: {level: "s0:c1"}}}
.config.linux.security_context | .run_as_user.value == 1000 and .run_as_group.value == 1000 and .supplemental_groups == [7, 8] and .readonly_rootfs and .privileged and .seccomp.profile_type == "Unconfined" and .apparmor != null and .selinux_options.level == "s0:c1"
[ "$(within id -u) $(within id -g) $(within id -G)" = "1000 1000 1000 7 8" ] && ! within touch /x 2> /dev/null && [ "$(within grep Seccomp: /proc/self/status | cut -f 2)" = 0 ]

Status.Network.IPs, Namespaces.Network
--ip 10.89.7.9
ip_addresses: [10.89.7.9]
(.network.ips | index("10.89.7.9")) != null and .linux.namespaces.network == $ns + "/net"
within ip -o addr | grep -q 'inet 10\.89\.7\.9/' && nsenter --net="$ns/net" true

ROWS
}

within() {
	"$CADDIS" ctr run --rm -s web busybox "$@"
}

behind() {
	"$CADDIS" ctr run -d -s web busybox "$@" > /dev/null
}

served() {
	[ "$(busybox wget -q -O - "http://$1/")" = served ]
}

v2_or() {
	if [ -e "/sys/fs/cgroup$cgroup/cpu.weight" ]; then echo "$1"; else echo "$2"; fi
}

# One sandbox named web is there: it must be as the row says.
check_row() {
	local cgroup ns

	run_ok sandbox inspect web
	cgroup=$(jq -r '.[0].linux.cgroup' <<< "$output")
	ns=$CADDIS_STATE/sandboxes/$(jq -r '.[0].id' <<< "$output")/ns
	jq -e --arg ns "$ns" ".[0] | $inspected" <<< "$output" > /dev/null || fail "$1: inspect: $inspected" "$output"
	eval "$inside" || fail "$1: inside: $inside"
	run_ok sandbox rm web
}

@test "every field of the contract is set by option and by file, read back, and seen in the kernel" {
	local n=0 name options yaml inspected inside empty

	test_image
	run_ok network create --subnet 10.89.7.0/24 fixed
	while IFS= read -r name; do
		IFS= read -r options
		IFS= read -r yaml
		IFS= read -r inspected
		IFS= read -r inside
		IFS= read -r empty
		[ -z "$empty" ] || fail "$name: six lines, and the last one empty: $empty"
		case $options in
		*"--ip "*)
			options+=" --network fixed"
			yaml+='\nlinux: {security_context: {namespace_options: {network_name: fixed}}}'
			;;
		esac
		eval "run_ok sandbox create --name web $options"
		check_row "$name, by option"
		case $yaml in
		metadata:*) ;;
		*) yaml='metadata: {name: web}\n'$yaml ;;
		esac
		printf '%b\n' "${yaml//\$TEST_DIR/$TEST_DIR}" > "$TEST_DIR/web.yaml"
		rm -rf "$TEST_DIR/logs"
		run_ok sandbox create -f "$TEST_DIR/web.yaml"
		check_row "$name, by file"
		n=$((n + 1))
	done < <(rows)
	[ "$n" -eq 24 ] || fail "$n rows"
}

@test "the verbs of the contract: create, stop, delete, list and status, with their filters" {
	test_image
	run_ok sandbox create --label a=b web
	id=$output
	run_ok sandbox create db
	run_ok ctr run -d -s web busybox sleep 1000
	for filter in "--name web" "--id ${id:0:9}" "-l a=b" "--selector a"; do
		# shellcheck disable=SC2086
		run_ok sandbox ls -q $filter
		assert_output "$id"
	done
	run_ok sandbox ls -o json --state ready
	jq -e 'map(select(.name == "web"))[0] | .state == "Ready" and .labels == {a: "b"} and (.created_at | test("^20"))' <<< "$output"
	run_ok sandbox stop -t 0 web
	run_ok sandbox stop web
	run_ok sandbox inspect --field .state web
	assert_output NotReady
	run_ok sandbox ls -q --state notready
	assert_output "$id"
	run_ok sandbox rm web
	run_fails 1 sandbox rm web
	run_ok sandbox rm --ignore web
	run_ok sandbox ls -o name
	assert_output db
}
