#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# ctr commit: an image of a container.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create --network none web
}

# The blob of an image's uppermost layer.
top_layer() {
	local digest

	digest=$("$CADDIS" image inspect --manifest "$1" | jq -r '.layers[-1].digest')
	echo "$CADDIS_ROOT/images/blobs/sha256/${digest#sha256:}"
}

@test "commit: the layer has what was changed, in OCI's words, and nothing that was mounted; it runs" {
	mkdir "$TEST_DIR/volume"
	start_prepared a 'mkdir -p /d/e; echo hi > /d/e/f; chown 7:8 /d/e/f; rm /etc/group; rm -r /usr; mkdir /usr; echo new > /usr/new; ln -s /etc/shadow /link; ln /d/e/f /d/hard; touch /mem/no /vol/no' \
		--tmpfs /mem -v "$TEST_DIR/volume:/vol"
	run_ok ctr commit -a "A. Author" -m "a message" a new:1
	id=$output
	[ "$(tar tf "$(top_layer new:1)" | sort | tr '\n' ' ')" = "./ d/ d/e/ d/e/f d/hard etc/ etc/.wh.group link mem/ usr/ usr/.wh..wh..opq usr/new vol/ " ] ||
		fail "$(tar tf "$(top_layer new:1)" | sort)"
	tar tvf "$(top_layer new:1)" --numeric-owner | grep -q ' 7/8 .* d/hard$'
	run_ok image inspect new:1
	[ "$(jq -r '.[0].id, .[0].config.cmd[0], (.[0].layers | length)' <<< "$output" | tr '\n' ' ')" = "$id sh 2 " ]
	run_ok image inspect --config new:1
	[ "$(jq -r '.author, .history[-1].author, .history[-1].comment, (.history | length), .rootfs.diff_ids[1]' <<< "$output")" = "A. Author
A. Author
a message
2
sha256:$(sha256sum "$(top_layer new:1)" | cut -d' ' -f1)" ] || fail "$output"
	[[ $(jq -r '.history[-1].created_by' <<< "$output") == "sh -c mkdir -p /d/e; "* ]]
	[ "$(jq -r '.created == .history[-1].created' <<< "$output")" = true ]
	run_ok ctr run --rm -s web new:1 sh -c 'cat /d/e/f; ls /usr /mem /vol; ls /etc/group; stat -c %h /d/hard'
	assert_output "hi
/mem:

/usr:
new

/vol:
2"
	# Others take it, too.
	run_ok image save -o "$TEST_DIR/new.tar" new:1
	skopeo copy -q "oci-archive:$TEST_DIR/new.tar" "dir:$TEST_DIR/dir"
	run_ok ctr stop --timeout 0 a
	run_ok ctr commit -q -f docker a new:2
	run_ok image inspect --manifest new:2
	[ "$(jq -r '.mediaType, .config.mediaType, .layers[1].mediaType' <<< "$output")" = "application/vnd.docker.distribution.manifest.v2+json
application/vnd.docker.container.image.v1+json
application/vnd.docker.image.rootfs.diff.tar" ]
	[ "$(top_layer new:2)" = "$(top_layer new:1)" ] || fail "the same changes are another layer when it is stopped"
	run_ok ctr run --rm -s web new:2 cat /usr/new
	assert_output new
}

@test "commit --change: every instruction, and what is wrong with one" {
	run_ok ctr create web --name a busybox
	while IFS='|' read -r change path want; do
		run_ok ctr commit -f docker -c 'ENV OLD=1' -c "$change" a changed
		run_ok image inspect --config changed
		[ "$(jq -c ".config.$path" <<< "$output")" = "$want" ] || fail "$change: $output"
	done <<-'TABLE'
		CMD ["a","b c"]|Cmd|["a","b c"]
		CMD=echo $HOME|Cmd|["/bin/sh","-c","echo $HOME"]
		cmd []|Cmd|[]
		ENTRYPOINT ["/x"]|Entrypoint|["/x"]
		ENV A=1 B="x y" C=z\ z|Env|["OLD=1","A=1","B=x y","C=z z"]
		ENV OLD the rest|Env|["OLD=the rest"]
		ENV=OLD=a=b|Env|["OLD=a=b"]
		EXPOSE 80 53/udp 1000-1002|ExposedPorts|{"80/tcp":{},"53/udp":{},"1000-1002/tcp":{}}
		LABEL a=1 'b.c'="d e"|Labels|{"a":"1","b.c":"d e"}
		ONBUILD RUN x|OnBuild|["RUN x"]
		STOPSIGNAL SIGINT|StopSignal|"SIGINT"
		USER 7:8|User|"7:8"
		VOLUME ["/a b","/c"]|Volumes|{"/a b":{},"/c":{}}
		VOLUME /a /b|Volumes|{"/a":{},"/b":{}}
		WORKDIR rel|WorkingDir|"/rel"
		WORKDIR /abs|WorkingDir|"/abs"
	TABLE
	run_ok image rm -f changed
	before=$("$CADDIS" image ls -aq | sort)
	while IFS='|' read -r change why; do
		run_fails 2 ctr commit -c "$change" a bad
		assert_error "$why"
	done <<-'TABLE'
		FOO=1|change "FOO=1": not known; there are CMD
		CMD|change "CMD": it says nothing
		CMD ["a"|change "CMD ["a"": expected a JSON list of texts
		CMD [1]|expected a JSON list of texts
		ENV =x|expected NAME=VALUE
		ENV A=1 B|expected NAME=VALUE, found "B"
		ENV A="x|a quote is not closed
		EXPOSE 0|"0" is no PORT
		EXPOSE 80/icmp|is no PORT
		EXPOSE 90-80|is no PORT
		STOPSIGNAL FOO|there is no signal "FOO"
		VOLUME rel|"rel" is no absolute path
		ONBUILD RUN x|only Docker's format has it
		USER |it says nothing
	TABLE
	[ "$("$CADDIS" image ls -aq | sort)" = "$before" ]
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
}

@test "commit: names, IDs, pause, user namespaces; what cannot be committed leaves nothing" {
	run_ok sandbox create --network none --userns auto mapped
	run_ok ctr run -d -s mapped --name m busybox sh -c 'echo x > /new; chown 7:8 /new; touch /dev/done; exec sleep 1000'
	wait_until 20 "$CADDIS" ctr exec m test -e /dev/done
	run_ok ctr commit -p --iidfile "$TEST_DIR/iid" m
	[ "$output" = "$(cat "$TEST_DIR/iid")" ]
	run_ok ctr inspect --field state m
	assert_output Running
	run_ok ctr run --rm -s web "$(cat "$TEST_DIR/iid")" stat -c '%u %g' /new /bin/busybox /
	assert_output "7 8
0 0
0 0"
	# One that is paused stays so, and is committed with or without -p.
	run_ok ctr pause m
	run_ok ctr commit -p m paused
	run_fails 1 ctr pause m
	run_ok ctr resume m
	# An image of an image of a container; the first is in use by the second's container.
	run_ok ctr create web --name second paused
	run_ok ctr commit second third
	run_ok image history -q third
	[ "${#lines[@]}" -eq 3 ]
	# What caddis had to make to mount on is no change: this image has it removed from what is there for all.
	mkdir -p "$TEST_DIR/bare/bin" "$TEST_DIR/bare/etc"
	cp "$(command -v busybox)" "$TEST_DIR/bare/bin/sh"
	touch "$TEST_DIR/bare/etc/.wh.hosts"
	tar c -C "$TEST_DIR/bare" . | "$CADDIS" image import - bare
	run_ok ctr run -s web --name bare bare sh -c '[ -s /etc/hosts ]'
	find "$CADDIS_ROOT"/containers/*/upper/etc -name hosts | grep -q .
	run_ok ctr commit bare bare2
	[ "$(tar tf "$(top_layer bare2)" | tr '\n' ' ')" = "./ etc/ " ] || fail "$(tar tf "$(top_layer bare2)")"
	# No name is made of these.
	before=$("$CADDIS" image ls -aq | sort)
	run_fails 1 ctr commit nobody x
	assert_error "no container nobody"
	run_fails 2 ctr commit m "x@sha256:$(printf '0%.0s' {1..64})"
	assert_error "a name for an image has no digest"
	run_fails 2 ctr commit m 'UPPER CASE'
	run_fails 2 ctr commit -f tar m x
	assert_error "--format: expected oci or docker"
	run_fails 2 ctr commit
	run_fails 1 ctr commit --iidfile "$TEST_DIR/none/iid" m x
	assert_error "$TEST_DIR/none/iid"
	run_ok ctr exec m touch /etc/.wh.group
	run_fails 1 ctr commit m x
	assert_error "etc/.wh.group\": an image cannot hold a name that starts with .wh."
	run_ok ctr exec m rm /etc/.wh.group
	[ "$("$CADDIS" image ls -aq | sort)" = "$before" ]
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
	run_ok events --no-follow
	[[ $output == *committed*third* ]] || fail "$output"
}
