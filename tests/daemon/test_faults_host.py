# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the machine under ipmid does: no room, no descriptors, no processes, a second ipmid."""

import contextlib
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import processes
from daemon import Build
from disks import SmallDisk
from faults import burst, check, deleted_early, wait_sel_empty
from ledger import Ledger
from waiting import scaled, stays, wait_for


@pytest.fixture
def small_disk(tmp_path):
    """Make a tmpfs of so many bytes; it is gone after the test."""
    mounted = []

    def make(size):
        mounted.append(SmallDisk(tmp_path / f"disk{len(mounted)}", size))
        return mounted[-1]
    yield make
    for disk in mounted:
        disk.unmount()


# -------------------------------------------------------------------------- room

@pytest.mark.parametrize("delete", [False, True])
def test_state_disk_full(bmc, make_ipmid, small_disk, delete):
    """The SEL buffers until there is room again; what was read is still delivered."""
    disk = small_disk("3m")
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, start=False, options=["-e"] if delete else [])
    ipmid.state = ["--state-dir", os.fspath(disk.path / "state")]
    ipmid.start()
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    disk.fill()
    for _ in range(3):
        burst(ledger, 300)
        assert ipmid.running
        assert not deleted_early(ledger, ipmid.payloads)
    disk.make_room()
    ipmid.wait_for_ledger(ledger, 45)
    check(ledger, ipmid.payloads(), 64)
    if delete:
        wait_sel_empty(bmc, 30)
    assert ipmid.terminate() == 0


def test_start_without_room(bmc, make_ipmid, small_disk):
    disk = small_disk("1m")
    disk.fill()
    ipmid = make_ipmid(bmc, start=False)
    ipmid.state = ["--state-dir", os.fspath(disk.path / "state")]
    status, said = ipmid.run()
    assert status in (os.EX_CANTCREAT, os.EX_IOERR), said
    assert "No space left" in said or "full" in said


# ------------------------------------------------------------------- descriptors

@pytest.mark.parametrize("limit", [10, 12, 14, 16, 18, 20, 24, 32])
def test_few_descriptors(bmc, make_ipmid, make_recorder, limit):
    """It works, or it ends in words; it neither crashes nor loses anything."""
    ledger = Ledger(bmc)
    recorder = make_recorder("stdin")
    words = ["-i", "-e", "--attempts", "0", "--existing", *recorder.command]
    ipmid = make_ipmid(bmc, words, wait=False, wrapper=["prlimit", f"--nofile={limit}", "--"])

    def delivered():
        return [event.payload for event in recorder.events()]
    burst(ledger, 5)
    wait_for(lambda: ledger.all_delivered(delivered()) or not ipmid.running
             or "level=error" in ipmid.log() or "will be tried again" in ipmid.log(), 20,
             lambda: f"a decision; log:\n{ipmid.log()}")
    if not ipmid.running:
        assert ipmid.process.returncode > 0, ipmid.log()
        assert "ipmid: " in ipmid.log() or "level=error" in ipmid.log()
    assert not deleted_early(ledger, delivered)
    ipmid.stop()
    ipmid.wrapper = ()
    ipmid.start()
    wait_for(lambda: ledger.all_delivered(delivered()), 15, lambda: f"all; log:\n{ipmid.log()}")
    wait_sel_empty(bmc)
    check(ledger, delivered(), 5)


def test_descriptors_do_not_leak(bmc, make_ipmid, make_recorder):
    ledger = Ledger(bmc)
    recorder = make_recorder("stdin")
    ipmid = make_ipmid(bmc, ["-i", "-e", *recorder.command])

    def count():
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in (ipmid.pid, *ipmid.collectors()))
    burst(ledger, 3)
    wait_sel_empty(bmc)
    before = count()
    burst(ledger, 100)
    wait_sel_empty(bmc)
    wait_for(lambda: count() <= before, 5, lambda: f"{before} descriptors, there are {count()}")


# --------------------------------------------------------------------- processes

@pytest.fixture
def stranger():
    """A user of whom no process runs."""
    for name in ("games", "uucp", "news", "irc", "list"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid not in {os.stat(f"/proc/{pid}").st_uid for pid in os.listdir("/proc")
                               if pid.isdigit() and os.path.exists(f"/proc/{pid}")}:
            return user
    pytest.fail("every user runs something")


def copy_of_the_build(directory):
    """Where every user can run it; the build itself may be in somebody's home."""
    original = Build()
    (directory / ".libs").mkdir(parents=True)
    for program in (original.core, original.collector):
        shutil.copy(program, directory)
    for plugin in (original.directory / ".libs").glob("*.so"):
        shutil.copy(plugin, directory / ".libs")
    return Build(directory)


def test_fork_fails(bmc, make_ipmid, stranger, tmp_path):
    """RLIMIT_NPROC of another user: retried until there is room for processes again."""
    ledger = Ledger(bmc)
    home = tmp_path / "home"
    for directory in (home, tmp_path / "ipmid0"):
        directory.mkdir()
        os.chown(directory, stranger.pw_uid, stranger.pw_gid)
    program = home / "program"
    program.write_text(f"#!/bin/sh\nexec cat >> {home}/taken\n", encoding="ascii")
    program.chmod(0o755)
    parent = tmp_path
    while parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
        parent.chmod(parent.stat().st_mode | 0o011)
        parent = parent.parent
    become = ["setpriv", f"--reuid={stranger.pw_uid}", f"--regid={stranger.pw_gid}",
              "--clear-groups", "--"]
    ipmid = make_ipmid(bmc, ["-i", "-e", "--attempts", "0", program], start=False,
                       wrapper=become, build=copy_of_the_build(tmp_path / "build"))
    for path in (ipmid.plugin_dir, *ipmid.plugin_dir.iterdir()):
        path.chmod(0o755)
    ipmid.start()
    soft = len(threads_of(stranger.pw_uid))
    subprocess.run([*become, "prlimit", f"--pid={ipmid.pid}", f"--nproc={soft}:{soft + 100}"],
                   check=True)
    burst(ledger, 3)
    ipmid.wait_log("Resource temporarily unavailable")
    assert len(bmc.sel()) == 3
    subprocess.run([*become, "prlimit", f"--pid={ipmid.pid}",
                    f"--nproc={soft + 100}:{soft + 100}"], check=True)
    wait_sel_empty(bmc, 20)
    assert (home / "taken").read_bytes().count(b"\nendevent\n") == 3
    assert ipmid.terminate() == 0


def threads_of(user):
    found = []
    for pid in os.listdir("/proc"):
        try:
            if pid.isdigit() and os.stat(f"/proc/{pid}").st_uid == user:
                found += os.listdir(f"/proc/{pid}/task")
            elif pid.isdigit():
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
                    if f"\nUid:\t{user}\t" in status.read():
                        found += os.listdir(f"/proc/{pid}/task")
        except OSError:
            pass
    return found


# ------------------------------------------------------------------------- start

def test_second_instance(bmc, make_ipmid):
    ledger = Ledger(bmc)
    first = make_ipmid(bmc)
    second = make_ipmid(bmc, start=False)
    second.state = first.state
    status, said = second.run()
    assert status == os.EX_UNAVAILABLE, said
    assert "another ipmid" in said and said.count("\n") == 1, said
    burst(ledger, 3)
    first.wait_for_ledger(ledger)
    check(ledger, first.payloads())


def test_second_domain_beside_the_first(bmc, make_ipmid):
    """Two handlers of one BMC, both get everything."""
    ledger = Ledger(bmc)
    both = [make_ipmid(bmc, domain=name) for name in ("one", "two")]
    burst(ledger, 10)
    for ipmid in both:
        ipmid.wait_for_ledger(ledger)
        check(ledger, ipmid.payloads())


def test_password_is_hidden(make_bmc, make_ipmid):
    secret = "Correct-Horse-7"
    bmc = make_bmc(password=secret)
    ipmid = make_ipmid(bmc, options=["-d"], wait=False)

    def shown(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return file.read()
        except OSError:
            return b""
    wait_for(lambda: b"--state-dir" in shown(ipmid.pid) and secret.encode() not in shown(ipmid.pid),
             1, "the password to be hidden", poll=0.0005)
    ipmid.wait_connected()
    for pid in (ipmid.pid, *ipmid.collectors()):
        assert secret.encode() not in shown(pid)
        with open(f"/proc/{pid}/environ", "rb") as file:
            assert secret.encode() not in file.read()
    assert secret not in ipmid.status()
    ipmid.terminate()
    assert secret not in ipmid.log()
    for path in ipmid.state_dir.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()


# -------------------------------------------------------------------- daemon mode

def test_daemon(bmc, make_ipmid):
    """The parent ends with 0 only when it is up; the pid file says who it is."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, daemonize=True)
    assert int(ipmid.pid_file.read_text(encoding="ascii")) == ipmid.pid != ipmid.process.pid
    assert os.readlink(f"/proc/{ipmid.pid}/cwd") == "/"
    assert {os.readlink(f"/proc/{ipmid.pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
    assert os.getsid(ipmid.pid) != os.getsid(0)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    ipmid.terminate()
    assert not ipmid.pid_file.exists()


def test_daemon_with_a_bmc_that_is_off(make_bmc, make_ipmid):
    """No mistake of the user's: the parent ends with 0."""
    bmc = make_bmc()
    bmc.kill()
    begin = time.monotonic()
    ipmid = make_ipmid(bmc, daemonize=True, wait=False)
    assert time.monotonic() - begin < 10
    assert ipmid.running and "connection: " in ipmid.status()
    ipmid.terminate()


MISTAKES = {
    "no program": (["-b"], os.EX_USAGE),
    "unknown option": (["--no-such-option", "x"], os.EX_USAGE),
    "file and program": (["-f", "events", "cat"], os.EX_USAGE),
    "program is missing": (["./missing"], os.EX_UNAVAILABLE),
    "program is a directory": (["/tmp"], os.EX_UNAVAILABLE),
    "file in no directory": (["-f", "/nowhere/events"], os.EX_CANTCREAT),
    "file is a directory": (["-f", "/tmp"], os.EX_CANTCREAT),
    "bad interval": (["--sel-interval", "soon", "-f", "events"], os.EX_USAGE),
}


@pytest.mark.parametrize("daemonize", [False, True], ids=["foreground", "daemon"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_at_start(bmc, make_ipmid, mistake, daemonize):
    """One clear line and the status that the manual names, in daemon mode too."""
    words, expected = MISTAKES[mistake]
    ipmid = make_ipmid(bmc, words, start=False)
    ipmid.daemonize = daemonize
    assert_fails(ipmid, expected)


def assert_fails(ipmid, *expected):
    with open(ipmid.log_file, "ab") as log:
        process = processes.spawn(ipmid.command(), stdout=log, stderr=log, cwd=ipmid.directory)
    status = processes.wait_exit(process, 15, "ipmid")
    said = ipmid.log()
    assert status in expected, said
    assert said.startswith("ipmid: ") and said.count("\n") == 1, said
    assert ipmid.bmc.password not in said.replace("'test'", "").split("ipmid: ")[1].split()


@pytest.mark.parametrize("daemonize", [False, True], ids=["foreground", "daemon"])
@pytest.mark.parametrize("mistake", ["state is a file", "state of the future", "state of another",
                                     "no collector", "no plugin", "pid file"])
def test_mistakes_of_the_installation(bmc, make_ipmid, tmp_path, mistake, daemonize):
    ipmid = make_ipmid(bmc, start=False)
    ipmid.daemonize = daemonize
    expected = (os.EX_CANTCREAT,)
    if mistake == "state is a file":
        ipmid.state_dir.write_bytes(b"")
    elif mistake == "state of the future":
        ipmid.start()
        ipmid.stop()
        ipmid.log_file.unlink()
        with contextlib.closing(sqlite3.connect(ipmid.state_dir / "journal.db")) as journal:
            journal.execute("PRAGMA user_version = 999")
            journal.commit()
        expected = (os.EX_CONFIG, os.EX_CANTCREAT)
    elif mistake == "state of another":
        other = make_ipmid(bmc)
        ipmid.state = other.state
        expected = (os.EX_UNAVAILABLE,)
    elif mistake == "no collector":
        ipmid.options += ["--collector", os.fspath(tmp_path / "missing")]
        expected = (os.EX_UNAVAILABLE,)
    elif mistake == "no plugin":
        (ipmid.plugin_dir / "file.so").unlink()
        expected = (os.EX_UNAVAILABLE, os.EX_CONFIG)
    else:
        ipmid.pid_file = tmp_path / "nowhere" / "pid"
    assert_fails(ipmid, *expected)


def test_no_state_says_so(bmc, make_ipmid):
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, state=False, wait=False, options=["--existing"])
    ipmid.wait_log("up: connected")
    ipmid.wait_log("without state on disk")
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    stays(lambda: len(ipmid.events()) == 3, 0.3, "the number of events")


def test_the_collector_has_no_privileges(bmc, make_ipmid):
    """Whoever runs ipmid: no capability, no way to get one, no file but the standard three and its note."""
    ipmid = make_ipmid(bmc)
    (collector,) = ipmid.collectors()
    status = dict(line.split(":\t", 1) for line in
                  Path(f"/proc/{collector}/status").read_text(encoding="ascii").splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    if not ipmid.build.sanitized:
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    files = [os.readlink(link) for link in Path(f"/proc/{collector}/fd").iterdir() if int(link.name) > 2]
    assert all(name.startswith(("socket:", "anon_inode:", "/memfd:ipmid-serving")) for name in files), files


def test_a_daemon_holds_no_pipe_of_its_caller(bmc, make_ipmid):
    """$(ipmid ...) and ssh come back: neither the collector nor a program keeps standard output."""
    ipmid = make_ipmid(bmc, ["-k", "/bin/cat"], start=False, daemonize=True)
    done = subprocess.run(ipmid.command(), capture_output=True, cwd=ipmid.directory, timeout=scaled(15), check=False)
    try:
        assert done.returncode == 0, done.stderr
        ipmid.wait_connected()
        for pid in (ipmid.pid, *ipmid.collectors()):
            assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
    finally:
        core = ipmid.pid
        os.kill(core, signal.SIGTERM)
        wait_for(lambda: not processes.alive(core), 10, "ipmid to end")
