#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What critest observes and no other test does: critest.txt has the whole list.

load helpers
load network

@test "every row of critest.txt names one test that exists" {
	(cd "$BATS_TEST_DIRNAME" && grep '^@test' ./*.bats) | cut -c 3- > "$TEST_DIR/names"
	run awk -F ' [|] ' '
		FNR == NR { names[++n] = $0; next }
		/^#/ || !NF { next }
		{ rows++ }
		$2 != "-" {
			found = 0
			for (i = 1; i <= n; i++)
				found += index(names[i], $2 ".bats:") == 1 && index(names[i], $3) > 0
			if (NF != 3 || found != 1)
				print $1 ": " found " tests of " $2 ".bats have in their name: " $3
		}
		END { print (rows >= 75) ? "enough" : "rows: " rows }' "$TEST_DIR/names" "$BATS_TEST_DIRNAME/critest.txt"
	assert_output enough
}

@test "a container is what was asked for, listed by its ID, and can be removed in every state" {
	test_image
	run_ok sandbox create --network none web
	cat > "$TEST_DIR/c.json" <<-'JSON'
		{"metadata": {"name": "app", "attempt": 2}, "image": {"image": "busybox"}, "command": ["sleep", "1000"],
		 "labels": {"foo.label": "bar.label"}, "annotations": {"foo.annotation": "bar.annotation"}}
	JSON
	run_ok ctr create web -f "$TEST_DIR/c.json"
	id=$output
	run_ok ctr ls -a --id "$id" -o json
	jq -e --arg id "$id" 'length == 1 and .[0].id == $id and .[0].name == "app" and .[0].state == "Created"
		and .[0].labels == {"foo.label": "bar.label"} and .[0].annotations == {"foo.annotation": "bar.annotation"}' <<< "$output"
	run_ok ctr inspect "$id"
	jq -e '.[0] | .config.metadata == {name: "app", attempt: 2} and .labels == {"foo.label": "bar.label"}
		and .annotations == {"foo.annotation": "bar.annotation"}' <<< "$output"
	run_ok ctr rm "$id"
	run_ok ctr run -d -s web --name running busybox sleep 1000
	run_ok ctr rm -f running
	run_ok ctr run -d -s web --name stopped busybox sleep 1000
	run_ok ctr stop -t 0 stopped
	run_ok ctr rm stopped
	run_ok ctr ls -aq
	assert_output ""
}

@test "two containers of a sandbox: one network, each its own log, exec and stats, the latter chosen by label" {
	test_image
	run_ok sandbox create --log-directory "$TEST_DIR/logs" web
	run_ok ctr run -d -s web --name server --log-path server.log --label kind=server busybox \
		sh -c 'echo served > /tmp/index.html; echo server; exec httpd -f -p 80 -h /tmp'
	run_ok ctr run -d -s web --name client --log-path client.log --label kind=client busybox sh -c 'echo client; exec sleep 1000'
	ip=$(caddis sandbox inspect web | jq -r '.[0].network.ips[0] | if type == "object" then .ip // .address else . end | sub("/.*"; "")')
	got() { [ "$(caddis ctr exec client wget -q -O - "http://$ip/" 2> /dev/null)" = served ]; }
	wait_until 10 got
	for c in server client; do
		[[ $(cat "$TEST_DIR/logs/$c.log") =~ ^[0-9TZ:.-]+" stdout F $c"$ ]] || fail "$(cat "$TEST_DIR/logs/$c.log")"
		run_ok ctr exec "$c" sh -c 'echo -n hello'
		[ "$(caddis ctr exec "$c" echo -n hello | od -An -c | xargs)" = "h e l l o" ]
		assert_no_error
	done
	run_ok ctr stats -q
	[ "${#lines[@]}" -eq 2 ]
	run_ok ctr stats -l kind=server -o json
	jq -e 'length == 1 and .[0].name == "server" and .[0].memory_usage > 0 and .[0].cpu_usage_ns > 0' <<< "$output"
	run_ok ctr stats -l 'kind notin (server,client)' -o json
	jq -e 'length == 0' <<< "$output"
	run_ok sandbox stats -l kind=none -q
	assert_output ""
	run_fails 2 ctr stats -l 'a b'
}

@test "volumes: a link on the host is what it points to, and rshared goes both ways" {
	test_image
	run_ok sandbox create --network none --privileged web
	mkdir "$TEST_DIR/real" "$TEST_DIR/shared"
	echo there > "$TEST_DIR/real/file"
	ln -s real "$TEST_DIR/link"
	run_ok ctr run --rm -s web -v "$TEST_DIR/link:/v" busybox cat /v/file
	assert_output there
	mount -t tmpfs none "$TEST_DIR/shared"
	mount --make-shared "$TEST_DIR/shared"
	run_ok ctr run -d -s web --name app --privileged -v "$TEST_DIR/shared:/v:rshared" busybox sleep 1000
	run_ok ctr exec app sh -c 'mkdir /v/inside && mount -t tmpfs none /v/inside && echo in > /v/inside/file'
	[ "$(cat "$TEST_DIR/shared/inside/file")" = in ]
	mkdir "$TEST_DIR/shared/outside"
	mount -t tmpfs none "$TEST_DIR/shared/outside"
	echo out > "$TEST_DIR/shared/outside/file"
	run_ok ctr exec app cat /v/outside/file
	assert_output out
	[ "$(caddis ctr inspect app | jq -r '.[0].config.mounts | length')" = 1 ]
	run_ok ctr rm -f app
	umount "$TEST_DIR/shared/inside" "$TEST_DIR/shared/outside" "$TEST_DIR/shared"
}

@test "images: one ID under every name and in its containers, users as given, removed by five at once" {
	local user rootfs i
	test_image
	rootfs=$BATS_FILE_TMPDIR/busybox-rootfs
	run_ok image import --cmd sh -u 1002 "$rootfs" other.example/same:1
	id=$output
	run_ok image tag other.example/same:1 third.example/same:2
	[ "$(caddis image inspect --field id other.example/same:1)" = "$(caddis image inspect --field id third.example/same:2)" ]
	[ "$(caddis image ls -o json | jq -r --arg id "$id" '[.[] | select(.id == $id)] | length')" -ge 1 ]
	run_ok sandbox create --network none web
	run_ok ctr create web --name app third.example/same:2
	[ "$(caddis ctr inspect --field image_id app)" = "$id" ]
	[ "$(caddis ctr ls -a -o json | jq -r '.[0].image_id')" = "$id" ]
	run_ok ctr start app
	run_ok ctr rm -f app
	for user in 1002 www-data 1003:group www-data:group; do
		run_ok image import --cmd sh -u "$user" "$rootfs" user
		[ "$(caddis image inspect user | jq -r '.[0].config.user')" = "$user" ]
	done
	for i in {1..5}; do
		"$CADDIS" image rm -f --ignore "$id" > /dev/null &
		pids[i]=$!
	done
	for i in {1..5}; do
		wait "${pids[i]}" || fail "removal $i"
		run_fails 1 image inspect "$id"
	done
	for i in 1 2; do
		run_ok image rm --ignore sha256:0000000000000000000000000000000000000000000000000000000000000000
	done
	run_fails 1 image rm sha256:0000000000000000000000000000000000000000000000000000000000000000
}

@test "a port of the host's network is forwarded for a sandbox that has no other" {
	test_image
	run_ok sandbox create --network host web
	run_ok ctr run -d -s web --name app busybox sh -c 'echo host > /tmp/index.html; exec httpd -f -p 127.0.0.1:18081 -h /tmp'
	background "$CADDIS" ctr port-forward app 18082:18081
	got() { [ "$(busybox wget -q -O - http://127.0.0.1:18082/ 2> /dev/null)" = host ]; }
	wait_until 10 got
}

@test "rights: what is asked for is there, and nothing else: bridges, host names, set-user-ID, groups" {
	test_image
	run_ok sandbox create --network none --privileged web
	brctl() { run "$CADDIS" ctr run --rm -s web "$@" busybox brctl addbr "br$RANDOM"; }
	brctl
	[ "$status" -eq 1 ]
	brctl --cap-add NET_ADMIN
	[ "$status" -eq 0 ] || fail "$output"
	brctl --privileged
	[ "$status" -eq 0 ] || fail "$output"
	run_fails 1 ctr run --rm -s web --cap-drop NET_RAW busybox ping -c 1 127.0.0.1
	[[ $stderr == *"ermi"* ]] || fail "$stderr"
	run_ok ctr run --rm -s web busybox ping -c 1 127.0.0.1

	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"}]}' > "$TEST_DIR/p.json"
	run_ok ctr run --rm -s web --cap-add SYS_ADMIN --security-opt seccomp=unconfined busybox sh -c 'hostname mine && hostname'
	assert_output mine
	run_fails 1 ctr run --rm -s web --cap-add SYS_ADMIN --security-opt "seccomp=$TEST_DIR/p.json" busybox hostname mine
	run_ok ctr run --rm -s web --privileged --security-opt "seccomp=$TEST_DIR/p.json" busybox hostname mine

	echo '#include <stdio.h>
		#include <unistd.h>
		int main(void) { return printf("%d\n", (int)geteuid()) < 0; }' > "$TEST_DIR/euid.c"
	cc -static -o "$TEST_DIR/euid" "$TEST_DIR/euid.c"
	chmod 4755 "$TEST_DIR/euid"
	run_ok ctr run --rm -s web -u 1000 -v "$TEST_DIR/euid:/euid" busybox /euid
	assert_output 0
	run_ok ctr run --rm -s web -u 1000 -v "$TEST_DIR/euid:/euid" --no-new-privileges busybox /euid
	assert_output 1000

	echo '{"image": {"image": "busybox"}, "linux": {"security_context": {"run_as_group": {"value": 1002}}}}' > "$TEST_DIR/c.json"
	run_fails 125 ctr run --rm -s web -f "$TEST_DIR/c.json" busybox true
	assert_error run_as_group
}
