#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""h2fault.py PORTFILE BACKEND CERT KEY: HTTP/2 over TLS in front of a server that speaks it without, at BACKEND on
loopback. What FAULTS (a file beside PORTFILE, one word a line: rst, refused, goaway, drain, cut, stall) says is done to the
next response bodies of more than 50,000 bytes, one word each; each is written to PORTFILE.done.
"""
import os
import socket
import ssl
import struct
import sys
import threading
import time

DATA, RST_STREAM, GOAWAY = 0, 3, 7
port_file, backend, cert, key = sys.argv[1:]
lock = threading.Lock()


def next_fault():
    path = os.path.join(os.path.dirname(port_file), "FAULTS")
    with lock:
        try:
            with open(path, encoding="ascii") as f:
                words = f.read().split()
        except OSError:
            return None
        if not words:
            return None
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(words[1:]))
        with open(port_file + ".done", "a", encoding="ascii") as f:
            f.write(words[0] + "\n")
        return words[0]


def frame(kind, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, 0, stream) + payload


def read(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def down(server, client):
    """The server's frames, until the connection is to be cut."""
    seen, dead = {}, set()
    while True:
        head = read(server, 9)
        body = read(server, int.from_bytes(head[:3], "big"))
        kind, stream = head[3], int.from_bytes(head[5:], "big") & 0x7fffffff
        if stream in dead:
            continue
        if kind == DATA:
            seen[stream] = seen.get(stream, 0) + len(body)
        fault = next_fault() if kind == DATA and 50000 < seen[stream] and not seen.get(-stream) else None
        if fault:
            seen[-stream] = True
        if fault in ("rst", "refused"):
            client.sendall(frame(RST_STREAM, stream, struct.pack(">I", 2 if fault == "rst" else 7)))
            dead.add(stream)
            continue
        if fault == "drain":  # what runs may end
            client.sendall(frame(GOAWAY, 0, struct.pack(">II", 0x7fffffff, 0)))
        if fault == "goaway":  # not even this one
            client.sendall(frame(GOAWAY, 0, struct.pack(">II", 0, 11)))
            return
        if fault in ("cut", "stall"):
            client.sendall(head + body[:len(body) // 2])
        if fault == "cut":
            return
        if fault == "stall":  # the connection is there, and nothing comes any more
            time.sleep(1000)
        client.sendall(head + body)


def up(client, server):
    try:
        while data := client.recv(65536):
            server.sendall(data)
    except OSError:
        pass
    server.close()


def serve(raw):
    client = raw
    try:
        client = context.wrap_socket(raw, server_side=True)
        server = socket.create_connection(("127.0.0.1", int(backend)))
        threading.Thread(target=up, args=(client, server), daemon=True).start()
        down(server, client)
    except (OSError, EOFError):
        pass
    try:
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
context.set_alpn_protocols(["h2"])
listener = socket.create_server(("127.0.0.1", 0))
with open(port_file + ".new", "w", encoding="ascii") as out:
    out.write(str(listener.getsockname()[1]))
os.rename(port_file + ".new", port_file)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
