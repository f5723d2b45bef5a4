#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command in a pseudo-terminal of a given size and prints what it printed.

terminal.py [--resize RxC] [--type TEXT] [--signal NAME] [--termios] [--status] ROWS COLUMNS COMMAND...
--resize, --type and --signal happen after the first output, or half a second."""
import argparse, fcntl, os, pty, select, signal, struct, sys, termios, time

p = argparse.ArgumentParser()
p.add_argument("--resize")
p.add_argument("--type")
p.add_argument("--signal")
p.add_argument("--termios", action="store_true")
p.add_argument("--status", action="store_true")
p.add_argument("rows", type=int)
p.add_argument("columns", type=int)
p.add_argument("command", nargs=argparse.REMAINDER)
a = p.parse_args()


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


master, slave = pty.openpty()
set_size(slave, a.rows, a.columns)
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.closerange(3, 64)
    os.execvp(a.command[0], a.command)
out, acted, started, status = b"", False, time.monotonic(), None
while time.monotonic() - started < 20:
    ready, _, _ = select.select([master], [], [], 0.1)
    if ready:
        out += os.read(master, 65536)
    elif status is not None:
        break
    if not acted and (b"ready" in out or time.monotonic() - started > 0.8):
        acted = True
        if a.resize:
            rows, columns = a.resize.split("x")
            set_size(master, int(rows), int(columns))
        if a.type:
            os.write(master, a.type.encode().decode("unicode_escape").encode())
        if a.signal:
            os.kill(pid, getattr(signal, "SIG" + a.signal))
    if status is None:
        done, st = os.waitpid(pid, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(st)
if status is None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    out += b"\ntimed out\n"
sys.stdout.buffer.write(out)
if a.status:
    print("\nstatus", status)
if a.termios:
    print("\ntermios", "same" if termios.tcgetattr(slave) == before else "changed")
