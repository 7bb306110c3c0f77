# SPDX-License-Identifier: LGPL-2.1-or-later
"""Child processes that never outlive their test.

Three nets, because a test of crashes leaves processes in every odd state:

- each child leads a session of its own, so its whole group can be killed;
- the kernel kills direct children when the test run itself dies (pdeathsig);
- the test run adopts orphans (child subreaper), so that even a double-forked
  daemon stays a descendant, is found in /proc, killed and reaped.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import time

from waiting import DeadlineError, scaled, wait_for

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Make this process the parent of its descendants' orphans."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def spawn(argv, **options):
    """Start ARGV in a session of its own; takes what subprocess.Popen takes.

    Call it from the main thread only: the kernel takes the end of the
    creating *thread* for the parent's death.
    """
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("start_new_session", True)
    argv = [os.fspath(word) for word in argv]
    setpriv = shutil.which("setpriv")
    if setpriv:
        argv = [setpriv, "--pdeathsig", "KILL", "--", *argv]
    return subprocess.Popen(argv, **options)


def _stat(pid):
    """(parent, state, session, name) of PID, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    state, parent, _group, session = text[text.rindex(")") + 2:].split()[:4]
    return int(parent), state, int(session), name


def alive(pid):
    """Whether PID exists and is not merely waiting to be reaped."""
    entry = _stat(pid)
    return entry is not None and entry[1] not in "ZX"


def state(pid):
    """The state letter of PID in /proc (R, S, T, Z …), '' when it is gone."""
    entry = _stat(pid)
    return entry[1] if entry else ""


def name_of(pid):
    """The command name of PID (15 characters at most), '' when it is gone."""
    entry = _stat(pid)
    return entry[3] if entry else ""


def descendants(root):
    """The pids below ROOT, parents before children, zombies included."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            found = _stat(entry)
            if found:
                children.setdefault(found[0], []).append(int(entry))
    result = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(0), [])
        result += below
        queue += below
    return result


def children_named(root, name):
    """The live descendants of ROOT whose command name is NAME."""
    return [pid for pid in descendants(root) if name_of(pid) == name[:15] and alive(pid)]


def signal_quietly(pid, number):
    """Send a signal; a process that is gone already is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kill_group(process):
    """SIGKILL the group that PROCESS leads, and reap PROCESS."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(timeout=scaled(10))


def stop(process, deadline=10.0):
    """SIGTERM, then SIGKILL when the deadline passes; returns the status."""
    if process.poll() is None:
        process.terminate()
        signal_quietly(process.pid, signal.SIGCONT)
    try:
        process.wait(timeout=scaled(deadline))
    except subprocess.TimeoutExpired:
        kill_group(process)
    return process.returncode


def wait_exit(process, deadline, what):
    """The exit status of PROCESS, which must end within the deadline."""
    try:
        return process.wait(timeout=scaled(deadline))
    except subprocess.TimeoutExpired:
        raise DeadlineError(f"{what} was still running after {scaled(deadline):g} s") from None


def _reap(pids):
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def kill_descendants_except(kept, grace=1.0):
    """Kill every descendant that is not in KEPT; returns what had to be killed.

    What is about to end by itself gets GRACE seconds for it, and is not
    reported.  Result: a list of "pid name" for an error message.
    """
    def strays():
        found = [pid for pid in descendants(os.getpid()) if pid not in kept]
        _reap(found)
        return [pid for pid in found if alive(pid)]

    end = time.monotonic() + scaled(grace)
    while strays() and time.monotonic() < end:
        time.sleep(0.02)
    report = [f"{pid} {name_of(pid)}" for pid in strays()]
    # A loop, because a dying parent may leave a child that was not listed.
    wait_for(lambda: [signal_quietly(pid, signal.SIGKILL) for pid in strays()] == [],
             10, "stray processes to die")
    return report
