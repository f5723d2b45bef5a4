#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create --network none web
}

# forward ARG...: in the background; sets $PORT to where the first one listens.
forward() {
	background "$CADDIS" ctr port-forward "$@" > "$TEST_DIR/forward" 2> "$TEST_DIR/refused"
	FORWARD=${TEST_PIDS[-1]}
	wait_until 5 grep -q -e '->' "$TEST_DIR/forward"
	PORT=$(sed -n '1s/.*:\([0-9]*\) -> .*/\1/p' "$TEST_DIR/forward")
}

# serve PORT WHAT [PORT WHAT]...: servers in the sandbox's network, any number of connections at once. WHAT: "echo" sends back
# what it gets, then "the end"; "flood" sends zeros to who says so, else echoes a line; else it is the whole answer.
serve() {
	local net

	net=$("$CADDIS" sandbox inspect web | jq -r '.[0].linux.namespaces.network')
	cat > "$TEST_DIR/server.py" <<-'PY'
		import socketserver, sys
		def handler(what):
		    class H(socketserver.StreamRequestHandler):
		        def handle(self):
		            if what == "echo":
		                while chunk := self.request.recv(65536):
		                    self.request.sendall(chunk)
		                self.request.sendall(b"the end")
		            elif what == "flood":
		                line = self.rfile.readline()
		                while line == b"flood\n":
		                    self.request.sendall(bytes(65536))
		                self.request.sendall(line)
		            else:
		                self.request.sendall(what.encode() + b"\n")
		    return H
		import threading
		class S(socketserver.ThreadingTCPServer):
		    daemon_threads = allow_reuse_address = True
		    request_queue_size = 64
		servers = [S(("127.0.0.1", int(p)), handler(w)) for p, w in zip(sys.argv[1::2], sys.argv[2::2])]
		[threading.Thread(target=s.serve_forever).start() for s in servers]
		print("serving", flush=True)
	PY
	background nsenter --net="$net" env -u CADDIS_ROOT python3 "$TEST_DIR/server.py" "$@" > "$TEST_DIR/server" 2>&1
	wait_until 5 grep -q serving "$TEST_DIR/server"
}

ask() {
	python3 - "$PORT" "$@" <<-'PY'
		import socket, sys
		port, sent = int(sys.argv[1]), sys.argv[2].encode()
		s = socket.create_connection(("127.0.0.1", port), 10)
		s.settimeout(10)
		s.sendall(sent)
		s.shutdown(socket.SHUT_WR)
		got = b""
		while chunk := s.recv(65536):
		    got += chunk
		print(got.decode(), end="")
	PY
}

@test "a port of a sandbox without a network is reached, in both directions, with half-close" {
	serve 80 echo
	forward web :80
	[ "$(ask "hello ")" = "hello the end" ]
	kill "$FORWARD"
	wait "$FORWARD"
}

@test "20 MB arrive whole, ten connections at once too" {
	serve 80 echo
	forward web :80
	python3 - "$PORT" <<-'PY'
		import hashlib, os, socket, sys, threading
		data = os.urandom(2000000)
		bad = []
		def one():
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		    s.settimeout(60)
		    t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
		    t.start()
		    h, n = hashlib.sha256(), 0
		    while chunk := s.recv(65536):
		        h.update(chunk)
		        n += len(chunk)
		    t.join()
		    if h.digest() != hashlib.sha256(data + b'the end').digest():
		        bad.append(n)
		threads = [threading.Thread(target=one) for _ in range(10)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		sys.exit(f"{len(bad)} wrong: {bad}" if bad else 0)
	PY
}

@test "a client that never reads holds up nobody else" {
	serve 80 flood
	forward web :80
	exec 8<> "/dev/tcp/127.0.0.1/$PORT"
	echo flood >&8
	sleep 0.3
	for i in 1 2 3; do
		[ "$(ask "word$i
")" = "word$i" ]
	done
	exec 8>&-
}

@test "a port that nobody serves is refused, and told; the next one works" {
	forward web :81
	run ask x
	[ "$status" -ne 0 ] || [ -z "$output" ]
	wait_until 5 grep -q "port 81 of the sandbox: Connection refused" "$TEST_DIR/refused"
	serve 81 again
	[ "$(ask x)" = again ]
}

@test "several ports, a sandbox by its container's name, an address" {
	serve 80 eighty 90 ninety
	run_ok ctr run -d -s web --name s busybox sleep 1000
	forward --address 127.0.0.9 s :80 :90
	[ "$(wc -l < "$TEST_DIR/forward")" -eq 2 ]
	for n in 1 2; do
		port=$(sed -n "${n}s/127.0.0.9:\([0-9]*\) -> .*/\1/p" "$TEST_DIR/forward")
		exec 8<> "/dev/tcp/127.0.0.9/$port"
		cat <&8
		exec 8>&-
	done > "$TEST_DIR/out"
	[ "$(cat "$TEST_DIR/out")" = "eighty
ninety" ]
	! (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null || fail "it listens elsewhere too"
}

@test "nothing of a sandbox listens on the host, and the forwarder stays in the host's network" {
	run_ok ctr run -d -s web --name s busybox sleep 1000
	forward s :80
	[ "$(readlink "/proc/$FORWARD/ns/net")" = "$(readlink /proc/self/ns/net)" ]
	run_ok ctr exec s netstat -tln
	assert_output_lacks LISTEN
}

@test "what cannot be is an error, and nothing listens" {
	run_ok ctr run -d -s web --name s busybox sleep 1000
	for bad in 0 70000 x 1:2:3 8080: "" -1; do
		run_fails 2 ctr port-forward s -- "$bad"
		assert_error "port '$bad'"
	done
	run_fails 2 ctr port-forward s
	run_fails 1 ctr port-forward nosuch 80
	assert_error "nosuch"
	run_fails 2 ctr port-forward --address nowhere s :80
	assert_error "nowhere is no IP address"
	forward s :80
	run_fails 1 ctr port-forward s :81 "$PORT:80"
	assert_error "port $PORT: Address already in use"
	run_ok sandbox stop web
	run_fails 1 ctr port-forward web :80
	assert_error "not ready"
}
