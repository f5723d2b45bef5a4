#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""faults.py error|kill CASE [--every K] [--start N] [--seconds S] [--only CALL[:N]]

Runs the command of a case (see CASES) once per system call that it makes, each time with that call failing (error)
or with the process killed in its place (kill), by strace's fault injection. Afterwards the machine must be as before
(error), or be so after the next commands (kill), and the command must work. One line per complaint; status 1 if any.

$CADDIS is the program, $TEST_DIR a directory for its roots; there must be an image "busybox" below $TEST_DIR/root.
--every K --start N: every K-th of them, from the N-th on; 0 for all. --seconds: stop in good time.
"""
import argparse
import collections
import os
import re
import signal
import subprocess
import sys
import time

CADDIS, DIR = os.environ["CADDIS"], os.environ["TEST_DIR"]
GROUP = "/caddis-faults-%d" % os.getpid()
ROOTS = {"root": DIR + "/root", "state": DIR + "/state"}
# By their environment our processes are known: this one has another.
ENV = {**os.environ, "CADDIS_ROOT": ROOTS["root"], "CADDIS_STATE": ROOTS["state"],
       "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
MARK = ("CADDIS_STATE=" + ROOTS["state"]).encode()

ERRORS = {
    "mkdirat": "ENOSPC", "openat": "ENOSPC", "openat2": "EIO", "write": "ENOSPC", "renameat2": "EIO",
    "renameat": "ENOSPC", "symlinkat": "ENOSPC", "mknodat": "EPERM", "unlinkat": "EIO", "flock": "EIO",
    "fsync": "EIO", "fchmod": "EPERM", "fchmodat": "EPERM", "fchownat": "EPERM", "read": "EIO", "getdents64": "EIO",
    "mount": "EPERM", "umount2": "EPERM", "move_mount": "EPERM", "open_tree": "EPERM", "mount_setattr": "EPERM",
    "fsopen": "ENOMEM", "fsconfig": "EIO", "fsmount": "ENOMEM", "pivot_root": "EPERM", "unshare": "ENOSPC",
    "setns": "EPERM", "clone3": "ENOMEM", "clone": "EAGAIN", "execve": "ENOMEM", "execveat": "ENOMEM",
    "socket": "ENOMEM", "socketpair": "EMFILE", "bind": "ENOMEM", "listen": "ENOMEM", "sendto": "ENOMEM",
    "sendmsg": "ENOMEM", "recvmsg": "EIO", "recvfrom": "ENOBUFS", "setsockopt": "ENOMEM", "connect": "EIO",
    "sethostname": "EPERM", "epoll_create1": "EMFILE", "epoll_ctl": "ENOMEM", "pipe2": "EMFILE",
    "ftruncate": "EIO", "pwrite64": "ENOSPC", "capset": "EPERM", "seccomp": "ENOMEM", "setgroups": "EPERM",
    "pidfd_send_signal": "EPERM", "pidfd_open": "EMFILE", "waitid": "EINTR", "readlinkat": "EIO",
    "ioctl": "EIO", "mkdir": "ENOSPC", "newfstatat": "EIO",
}

Case = collections.namedtuple("Case", "once before command whole after kept",
                              defaults=([], [], [], [], [], []))
WEB = ["sandbox", "create", "--cgroup-parent", GROUP]
BOX = [[*WEB, "--network", "none", "-m", "256Mi", "box"]]
APP = ["ctr", "run", "-d", "--name", "app", "-s"]
LOOP = ["busybox", "sleep", "1000"]
RM_WEB = [["sandbox", "rm", "--ignore", "web"]]
RM_APP = [["ctr", "rm", "-f", "--ignore", "app"]]
FULL = [[*WEB, "-p", "8080:80", "-m", "128Mi", "web"], [*APP, "web", *LOOP]]
# A container that could not be started stays, with the reason.
KEPT = ["Created", "Exited"]
CASES = {
    # The default network stays when its last sandbox goes: so says the manual.
    "sandbox-first": Case(command=[*WEB, "web"], whole=["sandbox", "web", "Ready"], after=RM_WEB),
    # The address is one of a part of the bridge, which a reload without it removes.
    "sandbox-port": Case(once=[[*WEB, "warm"]], command=[*WEB, "-p", "8080:80", "-p", "8081:81/udp", "--ip",
                                                         "10.128.0.200", "web"],
                         whole=["sandbox", "web", "Ready"], after=[*RM_WEB, ["network", "reload"]]),
    "sandbox-none": Case(command=[*WEB, "--network", "none", "-m", "64Mi", "--pids-limit", "50", "--pid", "sandbox",
                                  "web"], whole=["sandbox", "web", "Ready"], after=RM_WEB),
    "sandbox-userns": Case(command=[*WEB, "--network", "none", "--userns", "auto", "web"],
                           whole=["sandbox", "web", "Ready"], after=RM_WEB),
    "ctr-create": Case(once=BOX, command=["ctr", "create", "box", "--name", "app", *LOOP],
                       whole=["ctr", "app", "Created"], after=RM_APP),
    "ctr-run": Case(once=BOX, command=[*APP, "box", "-m", "64Mi", *LOOP], whole=["ctr", "app", "Running"],
                    after=RM_APP, kept=KEPT),
    "ctr-run-alone": Case(command=["ctr", "run", "-d", "--name", "app", "--network", "none", *LOOP],
                          whole=["ctr", "app", "Running"], after=RM_APP,
                          kept=KEPT),
    "ctr-stop": Case(once=BOX, before=[[*APP, "box", *LOOP]], command=["ctr", "stop", "-t", "0", "app"],
                     whole=["ctr", "app", "Exited"], after=RM_APP),
    "ctr-rm": Case(once=BOX, before=[[*APP, "box", *LOOP]], command=["ctr", "rm", "-f", "--ignore", "app"]),
    "sandbox-update": Case(before=FULL, command=["sandbox", "update", "-m", "64Mi", "web"],
                           whole=["sandbox", "web", "Ready"], after=RM_WEB),
    "sandbox-stop": Case(before=FULL, command=["sandbox", "stop", "-t", "0", "web"],
                         whole=["sandbox", "web", "NotReady"], after=RM_WEB),
    "sandbox-rm": Case(before=FULL, command=["sandbox", "rm", "--ignore", "web"]),
}
complaints = []


def call(argv, timeout=40):
    return subprocess.run(argv, env=ENV, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                          check=False)


def caddis(*args):
    return call([CADDIS, *args])


def strace(options, argv):
    """As call(), and traced with all that it starts until it ends itself."""
    trace = DIR + "/trace"
    argv = ["strace", "-D", "-f", "-q", "-o", trace, *options, *argv]
    with open(DIR + "/stdout", "w+", encoding="utf-8") as out, open(DIR + "/stderr", "w+", encoding="utf-8") as err:
        try:
            r = subprocess.run(argv, env=ENV, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=40, check=False)
        finally:
            for pid in processes_where(lambda cmdline, _: cmdline[:7] == b"strace\0" and trace.encode() in cmdline):
                os.kill(pid, signal.SIGKILL)
                while os.path.exists(f"/proc/{pid}"):
                    time.sleep(0.002)
        out.seek(0)
        err.seek(0)
        r.stdout, r.stderr = out.read(), err.read()
    with open(trace, encoding="utf-8", errors="replace") as f:
        return r, f.read()


def processes_where(wanted):
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                environ = f.read()
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                cmdline = f.read()
        except OSError:
            continue
        if wanted(cmdline, environ):
            found[int(pid)] = cmdline
    return found


# --- the machine ---

def lines_of(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return [" ".join(line.split()[3:5]) for line in f if DIR in line]


def cgroups():
    found = []
    for top in ["/sys/fs/cgroup", *("/sys/fs/cgroup/" + d for d in os.listdir("/sys/fs/cgroup"))]:
        for path, _, _ in os.walk(top + GROUP):
            found.append("cgroup " + path)
    return found


def files():
    found = []
    for name, top in ROOTS.items():
        for path, dirs, names in os.walk(top):
            if path == ROOTS["root"]:
                dirs[:] = [d for d in dirs if d not in ("images", "layers")]
            if path.endswith("/ns") or path.endswith("/upper"):
                dirs[:] = []
            found += [f"file {name}{path[len(top):]}/{n}" for n in dirs + names]
    return found


def processes():
    found = processes_where(lambda _, environ: MARK in environ.split(b"\0"))
    return ["process " + cmdline.replace(b"\0", b" ").decode() for cmdline in found.values()]


def machine():
    links = [re.sub(r"@\S+", "", line.split()[1]) for line in lines_of("ip", "-o", "link")]
    # Parts of a bridge come and go with the addresses that are next.
    links = [link for link in links if not re.fullmatch(r"caddis\d+-\d+[ud]?:?", link)]
    addresses = [" ".join(line.split()[1:4]) for line in lines_of("ip", "-o", "addr", "show", "scope", "global")]
    rules = ["nft " + line for line in lines_of("nft", "list", "ruleset")]
    return collections.Counter(mounts() + cgroups() + files() + processes() + links + addresses + rules)


def difference(before, patience):
    """What is new and what is missing, once nothing changes it any more."""
    end = time.monotonic() + patience
    while True:
        now = machine()
        if now == before or time.monotonic() > end:
            return [f"new: {x}" for x in now - before] + [f"missing: {x}" for x in before - now]
        time.sleep(0.05)


# --- one fault ---

def inject(case, mode, name, n):
    """None: it makes fewer calls. Else how it ended."""
    what = "signal=KILL" if mode == "kill" else "error=" + ERRORS[name]
    try:
        r, trace = strace(["-e", "trace=" + name, "-e", f"inject={name}:{what}:when={n}"], [CADDIS, *case.command])
    except subprocess.TimeoutExpired:
        return "hangs"
    # Each of its processes has an N-th call, so what tells of one fault may be the next.
    r.mute = re.search(r"write\(2, .*\(INJECTED\)", trace) is not None
    return r if ("killed by SIGKILL" if mode == "kill" else "(INJECTED)") in trace else None


def told(case, r):
    """An error is one line of ours, with a status of ours."""
    text = r.stderr.splitlines()
    if r.returncode == 127 and "while loading shared libraries" in r.stderr:
        return None  # the libc's, before main()
    if case.kept and r.returncode in (126, 127) and "exec: " in r.stderr:
        return None  # it says so of the program
    if r.returncode in (1, 125) and r.mute and not text:
        return None
    if r.returncode not in (1, 125) or len(text) != 1 or not text[0].startswith("caddis: "):
        return f"status {r.returncode}, says: {r.stderr.strip() or '(nothing)'}"
    return None


def state_of(case):
    kind, name, _ = case.whole
    r = caddis(kind, "inspect", "--field", ".state", name)
    return r.stdout.strip() if r.returncode == 0 else None


def must(*args):
    r = caddis(*args)
    return [] if r.returncode == 0 else [f"{' '.join(args)}: status {r.returncode}: {r.stderr.strip()}"]


def listed_but_not_there():
    """Who is listed can be looked at."""
    wrong = []
    for kind, ls in (("ctr", ["ctr", "ls", "-aq"]), ("sandbox", ["sandbox", "ls", "-q"])):
        for one in caddis(*ls).stdout.split():
            wrong += ["listed, but " + w for w in must(kind, "inspect", one)]
    return wrong


def after_error(case, r, before):
    if r.returncode == 0:
        return [f"status 0, but it is {state_of(case)}"] if case.whole and state_of(case) != case.whole[2] else []
    wrong = [told(case, r)] if told(case, r) else []
    if case.kept and state_of(case) in case.kept:
        for args in case.after:
            wrong += must(*args)
    if not case.before:
        wrong += difference(before, 3)
        if wrong and "standard output" in r.stderr:  # it is there, only its ID could not be told
            wrong = [] if state_of(case) == case.whole[2] else wrong
            for args in case.after:
                wrong += must(*args)
    return wrong + must(*case.command)


def after_kill(case, before):
    wrong = []
    if not case.whole or case.before or not state_of(case):
        wrong += listed_but_not_there() + must(*case.command)
    else:
        for args in case.after:  # it was there, so it can be removed
            wrong += must(*(x for x in args if x != "--ignore"))
        wrong += difference(before, 3) + must(*case.command)
    if case.whole and state_of(case) != case.whole[2]:
        wrong.append(f"afterwards it is {state_of(case)}")
    return wrong


def one(case, mode, name, n):
    for args in case.before:
        for w in must(*args):
            raise RuntimeError(w)
    before = one.clean
    r = inject(case, mode, name, n)
    if r == "hangs":
        wrong = ["hangs"]
    elif mode == "kill":
        wrong = after_kill(case, before)
    else:
        wrong = after_error(case, r, before) if r else []
    for args in case.after:
        wrong += must(*args)
    left = difference(before, 10)
    if left:
        wrong += ["in the end " + x for x in left]
        for _ in range(2):
            for kind, ls in (("ctr", ["ctr", "ls", "-aq"]), ("sandbox", ["sandbox", "ls", "-q"])):
                for x in caddis(*ls).stdout.split():
                    if x not in one.keep:
                        caddis(kind, "rm", "-f", x) if kind == "ctr" else caddis(kind, "rm", x)
        settle()
    for w in wrong:
        complaint = f"{name}:{n}: {w}"
        print(complaint, "" if r in (None, "hangs") else f"[{r.returncode} {r.stderr.strip()}]", flush=True)
        complaints.append(complaint)
    return r is not None


def settle():
    """A network namespace takes its links away a moment after the command that dropped it."""
    one.clean = None
    while one.clean != (now := machine()):
        one.clean = now
        time.sleep(0.3)


def calls_of(case):
    """How often each call is made, at most, by any one of its processes."""
    _, trace = strace(["-e", "trace=" + ",".join(ERRORS)], [CADDIS, *case.command])
    seen = collections.Counter(re.findall(r"^(\d+) +(\w+)\(", trace, re.M))
    most = collections.Counter()
    for (_, name), n in seen.items():
        most[name] = max(most[name], n)
    return most


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("mode", choices=["error", "kill"])
    p.add_argument("case", choices=CASES)
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--start", type=int, default=0)
    p.add_argument("--seconds", type=float, default=1e9)
    p.add_argument("--only")
    a = p.parse_args()
    case = CASES[a.case]
    end = time.monotonic() + a.seconds
    for args in [*case.once, *case.before, case.command, *case.after]:
        for w in must(*args):
            sys.exit(w)
    one.keep = caddis("sandbox", "ls", "-q").stdout.split()
    settle()
    for args in case.before:
        must(*args)
    most = calls_of(case)
    for args in case.after:
        must(*args)
    points = [(name, n) for name in ERRORS for n in range(1, most[name] + 1)]
    if a.only:
        name, _, n = a.only.partition(":")
        points = [p for p in points if p[0] == name and (not n or p[1] == int(n))]
    points = points[a.start % a.every::a.every]
    done = 0
    for name, n in points:
        if time.monotonic() > end:
            break
        done += one(case, a.mode, name, n)
    for args in (["sandbox", "rm", x] for x in one.keep):
        must(*args)
    print(f"{a.case}: {done} of {len(points)} with {a.mode} --every {a.every} --start {a.start}: "
          f"{len(complaints)} complaints")
    sys.exit(1 if complaints or not done else 0)


main()
