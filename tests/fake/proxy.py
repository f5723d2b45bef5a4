#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An HTTP proxy: proxy.py PORTFILE LOGFILE [USER:PASSWORD]. Logs each request's first line and its headers with
credentials; CONNECT and absolute URLs, one request per connection."""
import base64
import os
import socket
import sys
import threading


def pipe(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, log):
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(65536)
    head, rest = head.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    method, target, version = lines[0].split(" ")
    secrets = [h for h in lines if h.lower().startswith(("authorization:", "proxy-authorization:"))]
    log.write(" ".join([method, target] + secrets) + "\n")
    log.flush()
    if len(sys.argv) > 3:
        want = "proxy-authorization: basic " + base64.b64encode(sys.argv[3].encode()).decode().lower()
        if want not in [h.lower() for h in lines]:
            client.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n")
            return client.close()
    where = target if method == "CONNECT" else target.split("/")[2]
    server = socket.create_connection((where.rsplit(":", 1)[0].strip("[]"), int(where.rsplit(":", 1)[1])))
    if method == "CONNECT":
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    else:
        path = "/" + target.split("/", 3)[3]
        keep = [h for h in lines[1:] if not h.lower().startswith(("proxy-", "connection:"))]
        server.sendall("\r\n".join([f"{method} {path} {version}", *keep, "Connection: close", "", ""]).encode() + rest)
    threading.Thread(target=pipe, args=(client, server), daemon=True).start()
    pipe(server, client)
    return None


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    log = open(sys.argv[2], "a", encoding="latin-1")
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % listener.getsockname()[1])
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], log), daemon=True).start()


main()
