#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Images, containers and neighbours that attack what works on them from outside: SEC-E2 to SEC-E10 of
# the reliability tables. SEC-E1 is in 470-copy and 471-cp.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create --network none web
}

# An image whose root file system COMMAND... has changed, in its current directory.
hostile_image() {
	local rootfs=$TEST_DIR/rootfs.$1 applet

	mkdir -p "$rootfs"/{bin,dev,etc,proc,sys,tmp}
	ln "$BATS_FILE_TMPDIR/busybox-rootfs/bin/busybox" "$rootfs/bin/busybox"
	for applet in sh true ls cat sleep head yes touch env; do
		ln -s busybox "$rootfs/bin/$applet"
	done
	(cd "$rootfs" && "${@:2}")
	run_ok image import --cmd sh "$rootfs" "$1"
}

# measured COMMAND...: with its largest resident set, in KiB, in $TEST_DIR/rss; ends it after 60 seconds.
measured() {
	python3 -c 'import resource, subprocess, sys
status = subprocess.run(["timeout", "60"] + sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)' "$TEST_DIR/rss" "$@"
}

evil_files() {
	local dir name

	for dir in lib lib64 usr/lib lib/x86_64-linux-gnu usr/lib/x86_64-linux-gnu lib/aarch64-linux-gnu usr/lib64 usr/lib/x86_64-linux-gnu/gconv; do
		mkdir -p "$dir"
		for name in libnss_files.so.2 libnss_compat.so.2 libgcc_s.so.1 libarchive.so.13 libcrypto.so.3 libz.so.1 gconv-modules ISO8859-1.so; do
			echo evil > "$dir/$name"
		done
	done
	mkdir -p usr/bin usr/sbin
	printf '#!/bin/sh\necho evil > /evil\n' > usr/bin/tar
	chmod 755 usr/bin/tar
	for name in usr/bin/{gzip,unpigz,xz,zstd,lrzip,nsenter,ps,newuidmap} usr/sbin/nft; do ln usr/bin/tar "$name"; done
	echo /lib/libnss_files.so.2 > etc/ld.so.preload
	printf 'passwd: files evil\ngroup: files evil\n' > etc/nsswitch.conf
	printf 'root:x:0:0::/:/bin/sh\nuser:x:7:8::/:/bin/sh\n' > etc/passwd
	printf 'root:x:0:\nuser:x:8:\n' > etc/group
}

@test "SEC-E2: no library, helper or configuration of the image is opened or run by us" {
	hostile_image evil evil_files
	run_ok ctr run -d -s web --name a evil sleep 1000
	echo x > "$TEST_DIR/f"
	while read -r command; do
		# shellcheck disable=SC2086
		strace -f -qq -y -e trace=execve,execveat,open,openat,openat2,setns,chroot,pivot_root -o "$TEST_DIR/trace" \
			"$CADDIS" ctr $command > "$TEST_DIR/out" < /dev/null || fail "$command"
		! grep -E '^[0-9]+ +open.*= [0-9]+<.*/(rootfs|tree)/.*(\.so|gconv|nsswitch|ld.so)' "$TEST_DIR/trace" || fail "$command: opened a file of the image"
		# In the container, up to the command itself, nothing is opened that is loaded or says what to load.
		awk '
			/ (setns|chroot|pivot_root)\(/ { inside[$1] = 1 }
			/ execve(at)?\(/ { inside[$1] = 0; n++ }
			inside[$1] && / open/ && /\.so|gconv|nsswitch|locale/ { print; bad = 1 }
			END { exit bad }
		' "$TEST_DIR/trace" || fail "$command: opened it inside"
		# Ourselves, and what was asked for.
		[ "$(grep -E ' execve(at)?\(' "$TEST_DIR/trace" | grep -vc ' = -1 ')" -le 2 ] || fail "$command" "$(grep execve "$TEST_DIR/trace")"
		! grep -E 'execve(at)?\("[^"]*/(tar|gzip|unpigz|xz|zstd|lrzip|nsenter|ps|newuidmap|nft)"' "$TEST_DIR/trace" || fail "$command"
	done <<-COMMANDS
		run --rm -s web -u user evil true
		exec -u user a true
		top a
		cp a:/etc/passwd $TEST_DIR/passwd
		cp $TEST_DIR/f a:/f
		diff a
		export -o $TEST_DIR/x.tar a
		commit a new
	COMMANDS
	run_fails 1 ctr exec a ls /evil
}

@test "SEC-E3: a user database that is no file, or has no end, is an error soon, and costs little memory" {
	odd() {
		case $1 in
		fifo) mkfifo etc/passwd ;;
		device) mknod etc/passwd c 1 5 ;;
		directory) mkdir etc/passwd ;;
		kmsg) ln -s /proc/kmsg etc/passwd ;;
		sparse) truncate -s 5G etc/passwd ;;
		line) head -c 20M /dev/zero | tr '\0' a > etc/passwd ;;
		esac
	}
	hostile_image odd true
	cd "$CADDIS_ROOT/layers/$(image_layer odd)/tree"
	while read -r kind why; do
		odd "$kind"
		before=$(date +%s)
		status=0
		measured "$CADDIS" ctr run --rm -s web -u user odd true < /dev/null > "$TEST_DIR/out" 2>&1 || status=$?
		[ "$status" -eq 125 ] && [ "$(wc -l < "$TEST_DIR/out")" -eq 1 ] || fail "$kind: $status: $(cat "$TEST_DIR/out")"
		grep -qF "$why" "$TEST_DIR/out" || fail "$kind: $(cat "$TEST_DIR/out")"
		[ $(($(date +%s) - before)) -lt 5 ] || fail "$kind: too slow"
		[ "$(cat "$TEST_DIR/rss")" -lt 32768 ] || fail "$kind: $(cat "$TEST_DIR/rss") KiB"
		rm -r etc/passwd
	done <<-'TABLE'
		fifo is not a regular file
		device is not a regular file
		directory is not a regular file
		kmsg user
		sparse is larger than 10 MiB
		line is larger than 10 MiB
	TABLE
	run_ok ctr run --rm -s web -e $'HOME=/x\nr::0:0::/:/bin/sh' busybox cat /etc/passwd
	[ "$output" = "$(cat "$BATS_FILE_TMPDIR/busybox-rootfs/etc/passwd")" ]
}

image_layer() {
	"$CADDIS" image inspect --field .layers[0] "$1" | cut -d: -f2
}

# layout NAME FILTER: an image "NAME" of busybox whose configuration went through jq's FILTER.
layout() {
	local dir=$TEST_DIR/oci config manifest

	rm -rf "$dir"
	[ -d "$dir.saved" ] || run_ok image save --format oci-dir -o "$dir.saved" busybox
	cp -r "$dir.saved" "$dir"
	manifest=$dir/blobs/sha256/$(jq -r '.manifests[0].digest' "$dir/index.json" | cut -d: -f2)
	config=$dir/blobs/sha256/$(jq -r .config.digest "$manifest" | cut -d: -f2)
	jq -c "$2" "$config" > "$TEST_DIR/config"
	config=$(sha256sum < "$TEST_DIR/config" | cut -d' ' -f1)
	mv "$TEST_DIR/config" "$dir/blobs/sha256/$config"
	jq -c --arg d "sha256:$config" --argjson n "$(stat -c %s "$dir/blobs/sha256/$config")" \
		'.config.digest = $d | .config.size = $n' "$manifest" > "$TEST_DIR/manifest"
	manifest=$(sha256sum < "$TEST_DIR/manifest" | cut -d' ' -f1)
	mv "$TEST_DIR/manifest" "$dir/blobs/sha256/$manifest"
	jq -c --arg d "sha256:$manifest" --arg name "docker.io/library/$1:latest" --argjson n "$(stat -c %s "$dir/blobs/sha256/$manifest")" \
		'.manifests = [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: $n,
			annotations: {"org.opencontainers.image.ref.name": $name, "io.containerd.image.name": $name}}]' "$dir/index.json" > "$dir/index"
	mv "$dir/index" "$dir/index.json"
	"$CADDIS" image load -i "$dir" > "$TEST_DIR/loaded" 2>&1
}

@test "SEC-E4: neither an image nor a neighbour learns of our environment, whatever the image's says" {
	layout env '.config.Env = ["*", "AWS_*", "PATH", "SECRET", "=x", "A", "A=1", "A=2", "PATH=/bin"]' || fail "$(cat "$TEST_DIR/loaded")"
	export SECRET=s3cret AWS_KEY=s3cret
	for command in "run --rm -s web env env" "run --rm env env"; do
		# shellcheck disable=SC2086
		run_ok ctr $command
		[[ $output != *s3cret* ]] || fail "$output"
		[[ $'\n'$output$'\n' == *$'\nA=2\n'* && $'\n'$output$'\n' != *$'\nA=1\n'* ]] || fail "$output"
	done
	run_ok ctr run -d -s web --name a env sleep 1000
	run_ok ctr exec a env
	[[ $output != *s3cret* ]]
	for i in {1..24}; do
		"$CADDIS" ctr run --rm -s web -e "ID=$i" busybox env > "$TEST_DIR/env.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in {1..24}; do
		wait "${pids[i]}"
		[ "$(grep -c '^ID=' "$TEST_DIR/env.$i") $(grep '^ID=' "$TEST_DIR/env.$i")" = "1 ID=$i" ] || fail "$(cat "$TEST_DIR/env.$i")"
	done
}

@test "SEC-E5: an image's configuration asks for nothing of the host: labels, volumes, stop signal, words without end" {
	etc=$(find /etc -newermt '1 second ago' 2> /dev/null | sort)
	layout labels '.config.Labels = {"io.podman.annotations.privileged": "true", "run.oci.hooks.stdin": "touch '"$TEST_DIR"'/hook", "io.kubernetes.cri-o.ShmPath": "/etc", "org.systemd.property.ExecStartPre": "touch '"$TEST_DIR"'/hook", "caddis.mount": "/:/host", "caddis.privileged": "true"}
		| .config.Volumes = {"/../../etc": {}, "/proc": {}, "": {}, "rel": {}} | .config.Healthcheck = {"Test": ["CMD-SHELL", "touch /hook"]}
		| .config.ExposedPorts = {"-1": {}, "80/../x": {}} | .config.Shell = ["/nonsense"] | .annotations = {"x": "y"}' || fail "$(cat "$TEST_DIR/loaded")"
	run_ok ctr run --rm -s web labels sh -c 'ls /host /hook 2> /dev/null; grep CapEff /proc/self/status; mount | grep -c " /etc "; cat /etc/passwd | head -1'
	[[ $output == *"CapEff:	00000000a80425fb"* && $output == *$'\n0\nroot:'* ]] || fail "$output"
	[ ! -e "$TEST_DIR/hook" ] && [ "$(find /etc -newermt '1 second ago' 2> /dev/null | sort)" = "$etc" ]
	for signal in 9999 SIGFOO ''; do
		layout signal ".config.StopSignal = \"$signal\"" || continue # refused is as good
		run --separate-stderr "$CADDIS" ctr create web --name "s$signal" signal sleep 1000
		# shellcheck disable=SC2154
		[ "$status" -eq 0 ] || [[ $stderr == "caddis: "*"signal"* ]] || fail "$signal: $stderr"
		[ "$status" -ne 0 ] || [ "$signal" = "" ] || fail "$signal was taken"
	done
	layout nul '.config.Entrypoint = ["sh", "-c", "echo a\u0000b"]' && fail "a NUL was taken"
	if layout words '.config.Cmd = ["sh", "-c", "echo $#"] + [range(100000) | "x"]'; then
		run --separate-stderr timeout 30 "$CADDIS" ctr run --rm -s web words
		[ "$status" -eq 0 ] || { [ "$status" -ge 125 ] && [ "${#stderr_lines[@]}" -eq 1 ]; } || fail "$status $output $stderr"
	else
		[ "$(wc -l < "$TEST_DIR/loaded")" -eq 1 ] || fail "$(cat "$TEST_DIR/loaded")"
	fi
}

@test "SEC-E6: a monitor's sockets are files of root's, and a container that sees it cannot look into it" {
	run_ok sandbox create --network host --pid host host
	run_ok ctr run -d -i -s host --name a busybox sleep 1000
	# None of ours is abstract: anyone in the network namespace could connect.
	! grep -F @ /proc/net/unix | grep -i caddis || fail "an abstract socket"
	[ "$(find "$CADDIS_STATE" "$CADDIS_ROOT" -type s | wc -l)" -gt 0 ]
	find "$CADDIS_STATE" "$CADDIS_ROOT" -type s -not -perm 600 | grep . && fail "a socket for others"
	for dir in "$CADDIS_STATE" "$CADDIS_ROOT"; do
		[ "$(stat -c '%a %u' "$dir")" = "700 0" ]
	done
	# Nobody else may connect; one who has a way all the same is sent away by the monitor.
	python3 - "$(find "$CADDIS_STATE" -type s | head -1)" <<-'PY'
		import os, socket, sys
		fd = os.open(sys.argv[1], os.O_PATH)
		def connect():
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    s.settimeout(10)
		    s.connect(f"/proc/self/fd/{fd}")
		    return s
		os.chmod(sys.argv[1], 0o666)
		os.setgroups([])
		os.seteuid(65534)
		try:
		    assert connect().recv(100) == b"", "the monitor speaks to others"
		except ConnectionResetError:
		    pass
		os.seteuid(0)
		os.chmod(sys.argv[1], 0o600)
		os.seteuid(65534)
		try:
		    connect()
		    sys.exit("others can connect")
		except PermissionError:
		    pass
	PY
	monitor=$(awk '/^PPid:/ { print $2 }' "/proc/$("$CADDIS" ctr inspect --field .pid a)/status")
	run_ok ctr exec a cat "/proc/$monitor/comm"
	for file in environ maps fd root mem auxv; do
		run --separate-stderr "$CADDIS" ctr exec a sh -c "ls -L /proc/$monitor/$file/ > /dev/null || cat /proc/$monitor/$file"
		[ "$status" -ne 0 ] || fail "$file of the monitor can be read: $output"
	done
}

@test "SEC-E7: other users reach no file of a container, and hold no lock of ours" {
	setuid() { cp bin/busybox bin/suid && chmod 4755 bin/suid; }
	hostile_image suid setuid
	run_ok ctr run -d -s web --name a suid sleep 1000
	nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
	suid=$(find "$CADDIS_ROOT" -name suid | head -1)
	lock=$(find "$CADDIS_ROOT/containers" -name lock | head -1)
	[ -n "$suid" ] && [ -n "$lock" ]
	chmod 755 "$TEST_DIR"
	for path in "$CADDIS_ROOT" "$CADDIS_STATE" "$CADDIS_ROOT/images/index.json" "$(dirname "$lock")"; do
		! nobody ls "$path" 2> /dev/null || fail "others can list $path"
	done
	! nobody "$suid" true 2> /dev/null || fail "others can run a container's set-user-ID program"
	# flock(2) works with a descriptor for reading.
	! nobody flock -n "$lock" true 2> /dev/null || fail "others can hold a lock"
	find "$CADDIS_ROOT" "$CADDIS_STATE" -name '*lock' -type f -perm /077 | grep . && fail "a lock for others"
	run_ok ctr ls
}

@test "SEC-E8: no name, ID or reference leads to another directory" {
	run_ok ctr create web --name good busybox
	before=$(find "$TEST_DIR" -not -path '*/staging*' | sort)
	local odd=(../../x / -x '' "$(printf 'x%.0s' {1..300})" $'new\nline' $'\xff\xfe')
	for name in "${odd[@]}"; do
		for command in "ctr create web --name=NAME busybox" "sandbox create --network none --name=NAME" "network create -- NAME" \
			"ctr rename good -- NAME" "sandbox create --network=NAME odd" "ctr start -- NAME" "ctr rm -f -- NAME" "sandbox rm -- NAME" \
			"network rm -- NAME" "image tag busybox -- NAME" "ctr create web --log-path=NAME/../../x busybox" \
			"ctr run --rm -s web -- NAME true" "ctr commit good -- NAME" "ctr create -- NAME busybox"; do
			words=()
			for word in $command; do words+=("${word//NAME/$name}"); done
			run --separate-stderr timeout 20 "$CADDIS" "${words[@]}" < /dev/null
			[ "$status" -gt 0 ] && [ "$status" -le 125 ] || [[ $name == '' && $command == *--name=NAME* ]] || [[ $name == -x && $command == *name=NAME* ]] || fail "$command with '$name': $status" "$output" "$stderr"
			[[ $status -eq 0 || $stderr == "caddis: "* ]] || fail "$command with '$name'" "$stderr"
		done
	done
	[ ! -e "$TEST_DIR/x" ] && [ ! -e "$CADDIS_ROOT/x" ] && [ ! -e "$CADDIS_ROOT/containers/x" ]
	run_ok ctr inspect --field .name good
}

@test "SEC-E9: output without end passes through, and neither a client nor a monitor grows with it" {
	run_ok ctr run -d -s web --name a busybox sh -c 'exec sleep 1000'
	measured "$CADDIS" ctr exec a head -c 100000000 /dev/zero | wc -c > "$TEST_DIR/n"
	[ "$(cat "$TEST_DIR/n")" -eq 100000000 ]
	[ "$(cat "$TEST_DIR/rss")" -lt 65536 ] || fail "exec: $(cat "$TEST_DIR/rss") KiB"
	measured "$CADDIS" ctr run --rm -s web busybox head -c 80000000 /dev/zero | wc -c > "$TEST_DIR/n"
	[ "$(cat "$TEST_DIR/n")" -eq 80000000 ]
	[ "$(cat "$TEST_DIR/rss")" -lt 65536 ] || fail "run: $(cat "$TEST_DIR/rss") KiB"
	monitor=$(awk '/^PPid:/ { print $2 }' "/proc/$("$CADDIS" ctr inspect --field .pid a)/status")
	rss() { awk '/^VmRSS:/ { print $2 }' "/proc/$monitor/status"; }
	attach() { "$CADDIS" ctr attach --sig-proxy=false --detach-keys= a < /dev/null & sleep 0.02; kill "$!"; wait "$!"; } 2> /dev/null
	attach || true
	fds=$(ls "/proc/$monitor/fd" | wc -l) size=$(rss)
	for _ in {1..12}; do attach || true; done
	same() { [ "$(ls "/proc/$monitor/fd" | wc -l)" -eq "$fds" ]; }
	wait_until 5 same
	[ $(($(rss) - size)) -lt 1024 ] || fail "it grew from $size to $(rss) KiB"
}

@test "SEC-E10: what a container leaves in the sandbox's IPC namespace is charged to the sandbox, and goes with it" {
	run_ok sandbox create --network none --memory 48Mi ipc
	run_ok ctr run --rm -s ipc --name one busybox sh -c 'mkdir /dev/mqueue/queue 2> /dev/null; touch /dev/mqueue/queue; exit 0'
	run_ok ctr run --rm -s ipc busybox ls /dev/mqueue
	assert_output queue
	run_ok ctr run --rm -s web busybox ls /dev/mqueue
	assert_output ""
	# Shared memory is the sandbox's to pay for, also when who made it is gone.
	run_ok ctr run --rm -s ipc busybox sh -c 'head -c 30000000 /dev/zero > /dev/shm/x'
	[ "$("$CADDIS" sandbox stats -o json ipc | jq '.[0].memory_working_set')" -gt 30000000 ]
	run_ok ctr run --rm -s ipc busybox rm /dev/shm/x
	run_ok ctr run --rm -s ipc busybox sh -c 'head -c 30000000 /dev/zero > /dev/shm/y'
	run_fails 137 ctr run --rm -s ipc busybox sh -c 'exec head -c 30000000 /dev/zero > /dev/shm/z'
	cgroup=$(find /sys/fs/cgroup -path "*caddis/$("$CADDIS" sandbox inspect --field .id ipc)" -name "*" | head -1)
	[ -n "$cgroup" ]
	[ "$("$CADDIS" sandbox stats -o json ipc | jq '.[0].memory_working_set')" -lt $((48 * 1024 * 1024 + 1)) ]
	run_ok sandbox rm ipc
	[ -z "$(find /sys/fs/cgroup -path "$cgroup" 2> /dev/null)" ]
	run_ok sandbox create --network none ipc
	run_ok ctr run --rm -s ipc busybox ls /dev/mqueue /dev/shm
	assert_output "/dev/mqueue:

/dev/shm:"
}
