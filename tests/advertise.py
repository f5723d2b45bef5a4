#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""advertise.py INTERFACE: claims three times to be the router of the link, with a prefix of its own (2001:db8:bad::/64)."""
import ipaddress
import socket
import struct
import sys
import time

name = sys.argv[1]
index = socket.if_nametoindex(name)
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
# RFC 4861, 4.2: type, code, checksum (by the kernel), hop limit, flags, lifetime, reachable, retransmission.
packet = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
# 4.6.2, prefix information: type, length, prefix length, on-link and autonomous, lifetimes.
packet += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + ipaddress.IPv6Address("2001:db8:bad::").packed
for _ in range(3):
    s.sendto(packet, ("ff02::1", 0, 0, index))
    time.sleep(0.2)
