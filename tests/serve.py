#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""serve.py NAME PORT...: answers each TCP connection and UDP packet to the ports with "NAME PEER-ADDRESS".
serve.py --ask PROTOCOL ADDRESS PORT: asks, and prints the answer; ends with 1 when none comes in a second.
serve.py --reach PORT: reads addresses, and prints those of hosts that answer, be it with a refusal."""
import selectors
import socket
import sys


def serve(name, ports):
    sel = selectors.DefaultSelector()
    for port in ports:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            s = socket.socket(socket.AF_INET6, kind)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("::", port))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            sel.register(s, selectors.EVENT_READ, kind)
    while True:
        for key, _ in sel.select():
            s = key.fileobj
            if key.data == socket.SOCK_STREAM:
                c, peer = s.accept()
                c.sendall(f"{name} {peer[0].removeprefix('::ffff:')}\n".encode())
                c.close()
            else:
                _, peer = s.recvfrom(100)
                s.sendto(f"{name} {peer[0].removeprefix('::ffff:')}\n".encode(), peer)


def ask(protocol, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    s.settimeout(1)
    try:
        s.connect((address, port))
        if protocol == "udp":
            s.send(b"?")
        answer = s.recv(100).decode().strip()
    except OSError as e:
        sys.exit(f"{protocol} {address} {port}: {e}")
    if not answer:
        sys.exit(f"{protocol} {address} {port}: closed")
    print(answer)


def reach(port):
    for address in sys.stdin.read().split():
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.settimeout(3)
        try:
            s.connect((address, port))
        except ConnectionRefusedError:
            pass
        except OSError:
            continue
        finally:
            s.close()
        print(address)


if sys.argv[1] == "--ask":
    ask(sys.argv[2], sys.argv[3], int(sys.argv[4]))
elif sys.argv[1] == "--reach":
    reach(int(sys.argv[2]))
else:
    serve(sys.argv[1], [int(p) for p in sys.argv[2:]])
