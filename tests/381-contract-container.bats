#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Every field of a container's configuration: set by option, set by file, read back by inspect, and
# seen in the kernel or from inside. One container has many of them at once; its files are merged.

load helpers

# One row per field, five lines and an empty one:
#   CONTAINER: name
#   options of create
#   the same in a file, as JSON
#   a condition on inspect's object, in jq
#   a shell condition: within runs a command in it, $pid, $cgroup, $id are its own, status FIELD
#   and mounted PATH are the kernel's words
rows() {
	cat <<'ROWS'
most: config.Name, Labels, Annotations
--label app=web --annotation note=x/y
{"labels": {"app": "web"}, "annotations": {"note": "x/y"}}
.name == "most" and .labels == {app: "web"} and .annotations == {note: "x/y"} and .config.metadata.name == "most"
[ "$("$CADDIS" ctr ls -q --no-trunc -l app=web)" = "$id" ]

most: config.WorkingDir
-w /made/up
{"workingDir": "/made/up"}
.config.working_dir == "/made/up"
[ "$(readlink "/proc/$pid/cwd")" = /made/up ]

most: config.Env
-e A=1 -e B=two
{"envs": [{"key": "A", "value": "1"}, {"key": "B", "value": "two"}]}
.config.envs == [{key: "A", value: "1"}, {key: "B", value: "two"}]
grep -qz '^B=two$' "/proc/$pid/environ" && grep -qz '^A=1$' "/proc/$pid/environ"

most: config.Mounts: bind, propagation, recursive read-only, relabel, sub-path, tmpfs, idmapped, image
-v $TEST_DIR/v:/bind:rslave -v $TEST_DIR/v:/rro:rro,z --mount type=bind,source=$TEST_DIR/v,target=/sub,subpath=s,ro --mount type=tmpfs,target=/tmpfs,size=1m,mode=700 -v $TEST_DIR/v:/ids:idmap=uids=0-7-1 --mount type=image,source=files,target=/image,subpath=d
{"mounts": [{"container_path": "/bind", "host_path": "$TEST_DIR/v", "propagation": 1}, {"container_path": "/rro", "host_path": "$TEST_DIR/v", "readonly": true, "recursive_read_only": true, "selinux_relabel": true}, {"container_path": "/sub", "host_path": "$TEST_DIR/v", "sub_path": "s", "readonly": true}, {"container_path": "/tmpfs", "tmpfs": {"size": 1048576, "mode": 448}}, {"container_path": "/ids", "host_path": "$TEST_DIR/v", "uid_mappings": [{"host_id": 7, "length": 1}], "gid_mappings": [{"host_id": 7, "length": 1}]}, {"container_path": "/image", "image": {"image": "files"}, "image_sub_path": "d", "readonly": true}]}
.config.mounts | length == 6 and (INDEX(.container_path) | .["/bind"].propagation == "PROPAGATION_HOST_TO_CONTAINER" and .["/rro"].recursive_read_only and .["/rro"].selinux_relabel and .["/sub"].sub_path == "s" and .["/tmpfs"].tmpfs == {size: 1048576, mode: 448} and .["/ids"].uid_mappings == [{host_id: 7, length: 1}] and .["/image"].image.image == "files" and .["/image"].image_sub_path == "d")
[[ $(mounted /rro) == *" ro,"* && $(mounted /sub) == *"/v/s /sub ro,"* && $(mounted /tmpfs) == *size=1024k* && $(mounted /ids) == *idmapped* && $(mounted /image) == *" ro,nosuid,nodev,"* && $(mounted /bind) == *" rw,"* ]] && [ "$(cat "/proc/$pid/root/image/f" "/proc/$pid/root/sub/g" | tr '\n' ' ')" = "data deep " ] && [ "$(within stat -c %u /ids/s)" = 7 ]

most: config.LogPath
--log-path sub/most.log
{"log_path": "sub/most.log"}
.config.log_path == "sub/most.log" and (.log_path | endswith("/logs/sub/most.log"))
grep -q 'stdout F up$' "$TEST_DIR/logs/sub/most.log"

most: CPUPeriod, CPUQuota, CPUShares
--cpu-period 50000 --cpu-quota 20000 --cpu-shares 512
{"linux": {"resources": {"cpu_period": 50000, "cpu_quota": "20000", "cpuShares": 512}}}
.config.linux.resources | .cpu_period == 50000 and .cpu_quota == 20000 and .cpu_shares == 512
[[ "$(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us)" == 20000* ]] && [ "$(cgroup_value "$cgroup" cpu.weight cpu cpu.shares)" = "$(v2_or 20 512)" ]

most: MemoryLimitInBytes, OOMScoreAdj, pids
--memory 64m --oom-score-adj 77 --pids-limit 55
{"linux": {"resources": {"memory_limit_in_bytes": 67108864, "oom_score_adj": 77, "pids_limit": 55}}}
.config.linux.resources | .memory_limit_in_bytes == 67108864 and .oom_score_adj == 77 and .pids_limit == 55
[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes) $(cgroup_value "$cgroup" pids.max pids pids.max) $(cat "/proc/$pid/oom_score_adj")" = "67108864 55 77" ]

most: cpuset
--cpuset-cpus 0 --cpuset-mems 0
{"linux": {"resources": {"cpuset_cpus": "0", "cpuset_mems": "0"}}}
.config.linux.resources | .cpuset_cpus == "0" and .cpuset_mems == "0"
[ "$(status Cpus_allowed_list) $(status Mems_allowed_list)" = "0 0" ]

most: Capabilities add, drop
--cap-drop ALL --cap-add CAP_SYS_TIME --cap-add net_bind_service
{"linux": {"security_context": {"capabilities": {"drop_capabilities": ["ALL"], "addCapabilities": ["CAP_SYS_TIME", "net_bind_service"]}}}}
.config.linux.security_context.capabilities == {add_capabilities: ["CAP_SYS_TIME", "net_bind_service"], drop_capabilities: ["ALL"]}
[ "$(status CapBnd) $(status CapPrm) $(status CapInh)" = "0000000002000400 0000000002000400 0000000000000000" ]

most: SELinux
--security-opt label=user:u --security-opt label=role:r --security-opt label=type:t --security-opt label=level:s0:c1
{"linux": {"security_context": {"selinux_options": {"user": "u", "role": "r", "type": "t", "level": "s0:c1"}}}}
.config.linux.security_context.selinux_options == {user: "u", role: "r", type: "t", level: "s0:c1"}
[ -e /sys/fs/selinux/enforce ] || jq -e '.notes[0] | startswith("SELinux is not enabled")' <<< "$object" > /dev/null

most: seccomp, its default; no_new_privs
--no-new-privileges --security-opt seccomp=default
{"linux": {"security_context": {"no_new_privs": true, "seccomp": {"profile_type": "RuntimeDefault"}}}}
.config.linux.security_context | .no_new_privs and .seccomp.profile_type == "RuntimeDefault"
[ "$(status NoNewPrivs) $(status Seccomp)" = "1 2" ]

most: supplemental groups
--group-add 7 --group-add 8 --groups-policy strict
{"linux": {"security_context": {"supplemental_groups": [7, 8], "supplementalGroupsPolicy": 1}}}
.config.linux.security_context | .supplemental_groups == [7, 8] and .supplemental_groups_policy == "Strict"
[ "$(status Groups)" = "0 7 8 " ]

most: devices
--device $TEST_DIR/k:/dev/k:r --device $TEST_DIR/devices:/dev/all
{"devices": [{"host_path": "$TEST_DIR/k", "container_path": "/dev/k", "permissions": "r"}, {"host_path": "$TEST_DIR/devices", "container_path": "/dev/all"}]}
.config.devices | map(.container_path) == ["/dev/k", "/dev/all"] and .[0].permissions == "r"
[ "$(within stat -c %t:%T /dev/k /dev/all/z | tr '\n' ' ')" = "f0:7 1:5 " ]

most: ulimits, --init
--ulimit nofile=100:200 --init
{"linux": {"init": true, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]}}
.config.linux | .init and .rlimits == [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]
grep -qE '^Max open files +100 +200 ' "/proc/$pid/limits" && [ "$(tr '\0' ' ' < "/proc/$pid/cmdline" | cut -d ' ' -f 1)" = init ]

most: stop signal
--stop-signal SIGUSR1
{"stop_signal": "SIGUSR1"}
.config.stop_signal == "SIGUSR1"
"$CADDIS" ctr stop "$id" > /dev/null && [ "$("$CADDIS" ctr inspect --field .exit_code "$id")" = 33 ]

other: config.Command, Args
--entrypoint sh
{"command": ["sh"]}
.config.command == ["sh"] and .config.args[0] == "-c"
[ "$(tr '\0' ' ' < "/proc/$pid/cmdline" | cut -c 1-5)" = "sh -c" ]

other: config.ReadOnlyRootFS
--read-only
{"linux": {"security_context": {"readonly_rootfs": true}}}
.config.linux.security_context.readonly_rootfs
[[ $(mounted /) == *" ro,"* ]]

other: config.STDIN, STDINONCE, TTY
-i --stdin-once -t
{"stdin": true, "stdinOnce": true, "tty": true}
.config | .stdin and .stdin_once and .tty
[ "$(awk '{ print int($7 / 256) }' "/proc/$pid/stat")" = 136 ]

other: user, group, ambient capabilities
--user 1000:50 --cap-add SYS_TIME --cap-ambient SYS_TIME
{"linux": {"security_context": {"run_as_user": {"value": 1000}, "run_as_group": {"value": 50}, "capabilities": {"add_capabilities": ["SYS_TIME"], "add_ambient_capabilities": ["SYS_TIME"]}}}}
.config.linux.security_context | .capabilities.add_ambient_capabilities == ["SYS_TIME"] and (.run_as_username // "\(.run_as_user.value):\(.run_as_group.value)") == "1000:50"
[ "$(status Uid | cut -f 1) $(status Gid | cut -f 1) $(status CapAmb) $(status CapEff)" = "1000 50 0000000002000000 0000000002000000" ]

other: seccomp Localhost
--security-opt seccomp=$TEST_DIR/p.json
{"linux": {"security_context": {"seccomp": {"profile_type": 2, "localhost_ref": "$TEST_DIR/p.json"}}}}
.config.linux.security_context.seccomp == {profile_type: "Localhost", localhost_ref: ($dir + "/p.json")}
[ "$(status Seccomp_filters)" = 1 ] && [[ $(within mkdir /dev/shm/x 2>&1) == *"Operation not supported"* ]]

other: pid mode
--pid sandbox
{"linux": {"security_context": {"namespace_options": {"pid": "POD"}}}}
.config.linux.security_context.namespace_options.pid == "POD"
[ "$(status NSpid | awk '{ print $NF }')" != 1 ]

other: hugepages
--hugetlb 2MB:64m
{"linux": {"resources": {"hugepage_limits": [{"page_size": "2MB", "limit": 67108864}]}}}
.config.linux.resources.hugepage_limits == [{page_size: "2MB", limit: 67108864}]
[ "$(cat /sys/fs/cgroup{,/unified,/hugetlb}"$cgroup"/hugetlb.2MB.{max,limit_in_bytes} 2> /dev/null)" = 67108864 ]

full: config.Privileged, seccomp and AppArmor Unconfined
--privileged --security-opt seccomp=unconfined --security-opt apparmor=unconfined
{"linux": {"security_context": {"privileged": true, "seccomp": {"profile_type": "Unconfined"}, "apparmor": {"profileType": "Unconfined"}}}}
.config.linux.security_context | .privileged and .seccomp.profile_type == "Unconfined" and .apparmor.profile_type == "Unconfined"
[ "$(status Seccomp) $(status CapBnd)" = "0 $(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)" ] && [ -e "/proc/$pid/root/dev/mem" -o ! -e /dev/mem ]

bare: masked and readonly paths of a file, the defaults else
--security-opt seccomp=default
{"linux": {"security_context": {"maskedPaths": ["/etc/hostname"], "readonly_paths": ["/tmp"]}}}
.config.linux.security_context | (.masked_paths // ["/etc/hostname"]) == ["/etc/hostname"] and (.readonly_paths // ["/tmp"]) == ["/tmp"]
if [ "$way" = file ]; then [ -z "$(cat "/proc/$pid/root/etc/hostname")" ] && [[ $(mounted /tmp) == *" ro,"* ]]; else [[ $(mounted /proc/sys) == *" ro,"* ]] && grep -q " /null /proc/" "/proc/$pid/mountinfo"; fi

bare: swap
--memory 64m --memory-swap 96m
{"linux": {"resources": {"memory_limit_in_bytes": 67108864, "memory_swap_limit_in_bytes": 100663296}}}
.config.linux.resources.memory_swap_limit_in_bytes == 100663296
[ ! -e "/sys/fs/cgroup/memory$cgroup/memory.memsw.limit_in_bytes" ] || [ "$(cat "/sys/fs/cgroup/memory$cgroup/memory.memsw.limit_in_bytes")" = 100663296 ]

bare: rotation of the log
--log-max-size 8k --log-max-files 3
{"log_max_size": 8192, "log_max_files": 3}
.config.log_max_size == 8192 and .config.log_max_files == 3
grep -q 'F up$' "$TEST_DIR/logs/bare.log"

ROWS
}

within() {
	"$CADDIS" ctr exec "$id" "$@"
}

status() {
	awk -v field="$1:" '$1 == field { sub(/^[^\t]*\t/, ""); print }' "/proc/$pid/status"
}

# The line of mountinfo, of the last mount on PATH.
mounted() {
	awk -v path="$1" '$5 == path { line = $0 } END { print line }' "/proc/$pid/mountinfo"
}

v2_or() {
	if [ -e "/sys/fs/cgroup$cgroup/cpu.weight" ]; then echo "$1"; else echo "$2"; fi
}

# check_rows CONTAINER WAY: those of one container that runs.
check_rows() {
	local way=$2 id pid cgroup object name _options _file inspected inside empty

	run_ok ctr inspect "$1"
	object=$(jq '.[0]' <<< "$output")
	id=$(jq -r .id <<< "$object")
	pid=$(jq -r .pid <<< "$object")
	cgroup=$(jq -r .cgroup <<< "$object")
	logged() { "$CADDIS" ctr logs "$id" | grep -q up; }
	wait_until 10 logged
	while IFS= read -r name && IFS= read -r _options && IFS= read -r _file && IFS= read -r inspected && IFS= read -r inside; do
		IFS= read -r empty
		[ -z "$empty" ] || fail "$name: six lines, and the last one empty: $empty"
		[[ $name == "$1: "* ]] || continue
		jq -e --arg dir "$TEST_DIR" "$inspected" <<< "$object" > /dev/null || fail "$name, by $way: inspect: $inspected" "$object"
		eval "$inside" || fail "$name, by $way: inside: $inside"
		ROWS=$((ROWS + 1))
	done < <(rows)
}

@test "every field of a container is set by option and by file, read back, and seen in the kernel" {
	local main='trap "exit 33" USR1; echo up; while :; do sleep 0.1; done' c

	test_image
	mkdir -p "$TEST_DIR"/{v/s,files/d,devices,logs}
	echo deep > "$TEST_DIR/v/s/g"
	echo data > "$TEST_DIR/files/d/f"
	run_ok image import "$TEST_DIR/files" files
	mknod "$TEST_DIR/k" c 240 7
	mknod "$TEST_DIR/devices/z" c 1 5
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}' > "$TEST_DIR/p.json"
	run_ok sandbox create --network none --privileged --pid sandbox --log-directory "$TEST_DIR/logs" web
	ROWS=0
	for c in most other full bare; do
		options=$(rows | awk -v c="$c: " 'index($0, c) == 1 { getline; print }' | tr '\n' ' ')
		case $c in
		other) args="busybox -c" ;;
		*) args="busybox sh -c" ;;
		esac
		# shellcheck disable=SC2086,SC2294
		eval "run_ok ctr run -d -s web --pid container --name $c $options $args \"\$main\""
		check_rows "$c" option
		run_ok ctr rm -f "$c"
		rows | awk -v c="$c: " 'index($0, c) == 1 { getline; getline; print }' | sed "s|\$TEST_DIR|$TEST_DIR|g" |
			jq -s --arg c "$c" --arg main "$main" 'reduce .[] as $x ({linux: {security_context: {namespace_options: {pid: "CONTAINER"}}}}; . * $x)
				* {metadata: {name: $c}, image: {image: "busybox"}, args: (if $c == "other" then ["-c", $main] else ["sh", "-c", $main] end)}' > "$TEST_DIR/$c.json"
		run_ok ctr run -d -s web -f "$TEST_DIR/$c.json"
		check_rows "$c" file
		run_ok ctr rm -f "$c"
	done
	[ "$ROWS" -eq $((2 * $(rows | grep -c '^[a-z]*: '))) ] && [ "$ROWS" -ge 50 ] || fail "$ROWS rows"
}
