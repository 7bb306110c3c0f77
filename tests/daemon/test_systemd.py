# SPDX-License-Identifier: LGPL-2.1-or-later
"""ipmid under systemd: what it says to the service manager, and its units.

Nothing here needs a booted systemd.
"""

import os
import pwd
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import faults
from daemon import Build
from ledger import Ledger
from service_manager import ServiceManager
from waiting import scaled, stays, wait_for

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "conf" / "systemd"
WATCHDOG = 1.0                         # seconds; a ping each half of it
EXPOSURE = 25                          # in tenths, at most
LOOSENED = 61                          # with what programs such as sudo need


@pytest.fixture
def make_manager(request, tmp_path):
    def make(watchdog=None):
        manager = ServiceManager(tmp_path, watchdog)
        request.addfinalizer(manager.stop)
        return manager
    return make


@pytest.fixture
def watched(bmc, make_ipmid, make_manager):
    """(ipmid, its service manager with a watchdog), pinging."""
    manager = make_manager(WATCHDOG)
    ipmid = make_ipmid(bmc, environment=manager.environment)
    manager.wait_pings(1)
    return ipmid, manager


# What ipmid says.

def test_a_life_in_notices(bmc, make_ipmid, make_manager):
    """Ready once start-up has succeeded, a line of state, around a reload, at the end."""
    manager = make_manager()
    ipmid = make_ipmid(bmc, environment=manager.environment)
    manager.wait_line("READY=1")
    assert manager.lines()[0] == "READY=1"
    manager.wait_line("STATUS=1 BMC: 1 up; 0 records read")
    faults.burst(Ledger(bmc), 3)
    manager.wait_line("STATUS=1 BMC: 1 up; 3 records read", deadline=15)
    ipmid.signal_core(signal.SIGHUP)
    wait_for(lambda: manager.lines().count("READY=1") == 2, 5, "the end of the reload")
    said = manager.lines()
    assert "RELOADING=1" in said[:len(said) - said[::-1].index("READY=1")]
    stamp = next(int(line.split("=")[1]) for line in said if line.startswith("MONOTONIC_USEC="))
    assert abs(stamp / 1e6 - time.clock_gettime(time.CLOCK_MONOTONIC)) < scaled(10)
    ipmid.terminate()
    assert manager.lines()[-1] == "STOPPING=1"
    assert manager.pings() == []


def test_not_ready_when_the_start_fails(bmc, make_ipmid, make_manager):
    manager = make_manager(WATCHDOG)
    status, _ = make_ipmid(bmc, ["--handler", "nonsense"], environment=manager.environment, start=False).run()
    assert status != 0
    assert manager.lines() == []


def test_an_absent_bmc_is_no_reason_to_wait(make_bmc, make_ipmid, make_manager):
    manager = make_manager()
    bmc = make_bmc(start=False)
    make_ipmid(bmc, environment=manager.environment, wait=False)
    manager.wait_line("READY=1")
    manager.wait_line("STATUS=1 BMC: 0 up, 1 connecting; 0 records read")


def test_the_watchdog_hears_from_us_at_half_its_interval(watched):
    _, manager = watched
    start = time.monotonic()
    manager.wait_pings(4)
    assert time.monotonic() - start < scaled(4 * WATCHDOG / 2 + 1)
    gaps = [later - earlier for earlier, later in zip(manager.pings(), manager.pings()[1:])]
    assert min(gaps) > WATCHDOG / 4, gaps


def test_a_stopped_daemon_is_silent(watched):
    """Row 6 of the fault matrix: then systemd kills it and starts another."""
    ipmid, manager = watched
    ipmid.signal_core(signal.SIGSTOP)
    pings = len(manager.pings()) + 1    # one may be on its way
    stays(lambda: len(manager.pings()) <= pings, 2 * WATCHDOG, "the silence")
    ipmid.signal_core(signal.SIGCONT)
    manager.wait_pings(2)


def test_a_stuck_journal_is_silent(watched):
    """The main loop turns, but nothing can be committed: no ping until that is over."""
    ipmid, manager = watched
    lock = sqlite3.connect(ipmid.state_dir / "journal.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        pings = len(manager.pings()) + 1
        stays(lambda: len(manager.pings()) <= pings, 2 * WATCHDOG, "the silence")
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    manager.wait_pings(2)


def test_a_killed_collector_is_no_reason_for_silence(watched):
    """The keeper starts another one; that is not the watchdog's business."""
    ipmid, manager = watched
    ipmid.kill_collector()
    manager.wait_pings(2)


def test_what_programs_inherit(bmc, make_ipmid, make_manager, tmp_path):
    """Neither a program nor the collector may talk to the service manager in our name."""
    manager = make_manager(WATCHDOG)
    script = tmp_path / "program"
    script.write_text(f"#!/bin/sh\nenv >'{tmp_path}/environment.new'\n"
                      f"mv '{tmp_path}/environment.new' '{tmp_path}/environment'\n", encoding="utf-8")
    script.chmod(0o755)
    ipmid = make_ipmid(bmc, [script], environment=manager.environment)
    faults.burst(Ledger(bmc), 1)
    wait_for((tmp_path / "environment").exists, 10, "the program to run")
    collector = ipmid.wait_for_collector()
    for text in ((tmp_path / "environment").read_text(encoding="utf-8"),
                 Path(f"/proc/{collector}/environ").read_text(encoding="utf-8")):
        assert not re.search("NOTIFY_SOCKET|WATCHDOG|LISTEN_", text)


# The units.

def analyze(*words):
    """systemd-analyze: (status, what it said)."""
    done = subprocess.run(["systemd-analyze", "--no-pager", *words], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=scaled(30))
    return done.returncode, done.stdout


@pytest.fixture
def units(tmp_path):
    """A directory with the units, whose programs are this build's."""
    build = Build().directory
    directory = tmp_path / "units"
    directory.mkdir()
    for source in (build / "conf/systemd/ipmid.service", build / "conf/systemd/ipmid@.service",
                   SAMPLES / "ipmid.socket"):
        text = re.sub(r"^ExecStart=\S+/ipmid ", f"ExecStart={build}/ipmid ",
                      source.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (directory / source.name).write_text(text, encoding="utf-8")
    return directory


def exposure(said):
    return round(10 * float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1]))


@pytest.mark.parametrize("unit", ["ipmid.service", "ipmid@.service"])
def test_exposure(units, unit):
    status, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", os.fspath(units / unit))
    assert status == 0 and exposure(said) <= EXPOSURE, said


def test_exposure_with_drop_ins(units):
    """What a drop-in loosens is seen, and is not everything."""
    _, plain = analyze("security", "--offline=true", os.fspath(units / "ipmid.service"))
    drop_ins = units / "ipmid.service.d"
    drop_ins.mkdir()
    figures = {}
    for sample in sorted((SAMPLES / "ipmid.service.d").iterdir()):
        (drop_ins / "one.conf").write_text(sample.read_text(encoding="utf-8"), encoding="utf-8")
        figures[sample.stem] = exposure(analyze("security", "--offline=true",
                                                os.fspath(units / "ipmid.service"))[1])
    assert figures["credentials"] == exposure(plain), figures
    assert exposure(plain) < figures["smi"] <= EXPOSURE, figures
    assert exposure(plain) < figures["exec-user"] < figures["exec-programs"] <= LOOSENED, figures
    assert EXPOSURE < figures["exec-programs"], figures


@pytest.mark.parametrize("drop_in", [None, *sorted(one.name for one in (SAMPLES / "ipmid.service.d").iterdir())])
def test_units_are_understood(units, drop_in):
    """systemd reads every line of every unit and drop-in without a complaint."""
    if drop_in:
        (units / "ipmid.service.d").mkdir()
        text = (SAMPLES / "ipmid.service.d" / drop_in).read_text(encoding="utf-8")
        (units / "ipmid.service.d" / drop_in).write_text(text, encoding="utf-8")
    status, said = analyze("verify", "--man=no", *(os.fspath(unit) for unit in units.glob("ipmid*.s*[et]")))
    assert (status, said) == (0, "")


def test_a_mistake_in_a_unit_is_seen(units):
    """The control of the test above."""
    unit = units / "ipmid.service"
    unit.write_text(unit.read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHouse="), encoding="utf-8")
    assert "ProtectHouse" in analyze("verify", "--man=no", os.fspath(unit))[1]


def test_the_sandbox_lets_collectors_make_their_own(units):
    """A collector drops what it has and locks itself in, with system calls that need no privilege."""
    text = (units / "ipmid.service").read_text(encoding="utf-8")
    allowed = {word for line in re.findall(r"^SystemCallFilter=([^~\n]*)$", text, re.MULTILINE) for word in line.split()}
    assert allowed >= {"@system-service", "seccomp", "capset", "landlock_create_ruleset", "landlock_restrict_self"}
    assert "SystemCallErrorNumber=EPERM" in text


@pytest.mark.deadline(180)
def test_installed_files(tmp_path):
    """make install puts everything below the prefix, and systemd's helpers take it."""
    image = tmp_path / "image"
    subprocess.run(["make", "-s", "-C", Build().directory, "install", f"DESTDIR={image}", "prefix=/usr"],
                   check=True, capture_output=True, timeout=scaled(120))
    files = {os.fspath(path.relative_to(image)) for path in image.rglob("*") if path.is_file()}
    assert files >= {"usr/lib/systemd/system/ipmid.service", "usr/lib/systemd/system/ipmid@.service",
                     "usr/lib/systemd/system/ipmid.socket", "usr/lib/sysusers.d/ipmid.conf",
                     "usr/lib/tmpfiles.d/ipmid.conf", "usr/share/doc/ipmid/examples/ipmid.logrotate",
                     "usr/share/doc/ipmid/examples/ipmid.service.d/exec-programs.conf"}
    assert all(name.startswith("usr/") for name in files)
    if os.geteuid() != 0:
        pytest.skip("only root may make users in an image")
    (image / "etc").mkdir()
    for words in (["systemd-sysusers", f"--root={image}"], ["systemd-tmpfiles", "--create", f"--root={image}"]):
        subprocess.run([*words, "ipmid.conf"], check=True, timeout=scaled(20))
    assert re.search(r"^ipmid:.*:/var/lib/ipmid:/usr/sbin/nologin$", (image / "etc/passwd").read_text(encoding="utf-8"),
                     re.MULTILINE)
    made = re.search(r"^d (\S+/conf.d) ", (image / "usr/lib/tmpfiles.d/ipmid.conf").read_text(encoding="utf-8"), re.MULTILINE)
    assert (image / made[1].lstrip("/")).stat().st_mode & 0o777 == 0o750


def test_log_rotation(bmc, make_ipmid, tmp_path):
    """logrotate with the sample, then SIGHUP: every event in one file or the other, once."""
    logs = tmp_path / "log"
    logs.mkdir(mode=0o755)
    ipmid = make_ipmid(bmc, ["-f", logs / "events.json"], options=["--format", "json"])
    ledger = Ledger(bmc)
    faults.burst(ledger, 5)
    wait_for(lambda: len(lines(logs)) == 5, 10, "the events")
    user = pwd.getpwuid(os.geteuid()).pw_name
    sample = (SAMPLES / "ipmid.logrotate").read_text(encoding="utf-8")
    sample = sample.replace("/var/log/ipmid", os.fspath(logs)).replace("su ipmid ipmid", f"su {user} {user}")
    sample = re.sub(r"systemctl reload .*", f"kill -HUP {ipmid.pid}", sample)
    (tmp_path / "logrotate").write_text(sample, encoding="utf-8")
    (tmp_path / "logrotate").chmod(0o644)
    subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", tmp_path / "logrotate"],
                   check=True, timeout=scaled(20), env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"})
    faults.burst(ledger, 5)
    wait_for((logs / "events.json").exists, 10, "a new file")
    wait_for(lambda: len(lines(logs)) == 10, 10, "the events in both files")
    assert sorted(path.name for path in logs.iterdir()) == ["events.json", "events.json.1"]
    assert len(lines(logs, "events.json.1")) >= 5


def lines(directory, name="*"):
    return [line for path in directory.glob(name) for line in path.read_text(encoding="utf-8").splitlines()]
