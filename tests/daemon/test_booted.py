# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units under a real systemd, with everything that they restrict."""

import re
import signal
import subprocess

import pytest

import faults
import processes
from booted import BootedSystemd
from daemon import Build
from ledger import Ledger
from traps import TrapSender
from waiting import scaled, wait_for

UNIT = "ipmid@mybmc.service"
LOG = "/var/log/ipmid/mybmc.json"
FLEET_UNIT = "ipmid.service"
WHO_LOG = "/var/log/ipmid/who"
FLEET = f"""\
[daemon]
state-dir = /var/lib/ipmid
[credentials storage]
user = {{user}}
credential = storage
[bmc one]
address = {{address}}:{{port}}
credentials = storage
sel-interval = 1h
[handler log]
plugin = file
path = {LOG}
format = json
kinds = !connection;!health
[handler who]
plugin = exec
program = /usr/local/bin/who
input = arguments
kinds = !connection;!health
"""
# It fails unless it is nobody, without capabilities.
NOBODY = """
[handler nobody]
plugin = exec
program = /usr/local/bin/as-nobody
user = nobody
kinds = !connection;!health
"""
AS_NOBODY = """#!/bin/sh
[ "$(id -un):$(id -Gn)" = nobody:nogroup ] && ! grep -q '^Cap[IPE].*[1-9a-f]$' /proc/$$/status
"""
# ipmidctl for others than root.
SOCKET = "/run/ipmid/http"
FOR_A_GROUP = f"""
[handler http]
plugin = http
socket = {SOCKET}
group = adm
"""
# What sendmail and sudo are: a program that becomes root.
SET_USER_ID = "/usr/local/bin/id-as-root"


@pytest.fixture
def systemd(request, tmp_path):
    reason = BootedSystemd.why_not() or (Build().sanitized and "a sanitizer needs what the units forbid")
    if reason:
        pytest.skip(reason)
    booted = BootedSystemd(tmp_path / "booted")
    subprocess.run(["make", "-s", "-C", Build().directory, "install", f"DESTDIR={booted.image}"],
                   check=True, capture_output=True, timeout=scaled(120))
    request.addfinalizer(booted.stop)
    booted.start()
    booted.run("cp", "-a", "/image/.", "/", check=True)
    prefix = re.search(r"^prefix = (.*)$", (Build().directory / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    booted.run("systemd-sysusers", f"{prefix}/lib/sysusers.d/ipmid.conf", check=True)
    booted.run("systemd-tmpfiles", "--create", f"{prefix}/lib/tmpfiles.d/ipmid.conf", check=True)
    return booted


def etc():
    """The directory of configuration that the units were made for."""
    unit = (Build().directory / "conf/systemd/ipmid@.service").read_text(encoding="utf-8")
    return re.search(r"^EnvironmentFile=(.*)/%i.env$", unit, re.MULTILINE)[1]


def lines(systemd, path):
    return systemd.run("sh", "-c", f"cat {path} 2>/dev/null").splitlines()


def status(systemd):
    makefile = (Build().directory / "Makefile").read_text(encoding="utf-8")
    prefix = re.search(r"^prefix = (.*)$", makefile, re.MULTILINE)[1]
    return systemd.run(f"{prefix}/sbin/ipmid", "-c", f"{etc()}/ipmid.conf", "--status")


def delivered(systemd):
    return len(lines(systemd, LOG))


def add_drop_in(systemd, name):
    """Install one of the samples, as it says itself."""
    makefile = (Build().directory / "Makefile").read_text(encoding="utf-8")
    share = re.search(r"^prefix = (.*)$", makefile, re.MULTILINE)[1] + "/share/doc/ipmid/examples"
    directory = f"/etc/systemd/system/{FLEET_UNIT}.d"
    systemd.run("mkdir", "-p", directory, check=True)
    systemd.run("cp", f"{share}/{FLEET_UNIT}.d/{name}", directory, check=True)
    systemd.run("systemctl", "daemon-reload", check=True)


def is_sandboxed(pid):
    """Whether a process has neither privileges nor a way to them, and a filter of system calls."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        status = dict(re.findall(r"^(\w+):\s+(.*)$", file.read(), re.MULTILINE))
    return (status["CapEff"], status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]) == (
        "0" * 16, "0" * 16, "1", "2") and "0" not in status["Uid"].split()


@pytest.mark.deadline(180)
def test_the_whole_daemon_in_its_unit(bmc, systemd):
    """Started, fed by traps on port 162, reloaded, hung and started anew, stopped."""
    systemd.write(f"{etc()}/mybmc.env", f"CONNECTION={' '.join(bmc.connection())}\n"
                                        f"OPTIONS=--sel-interval 1h\nHANDLER=-f {LOG}\n", 0o600)
    systemd.write("/etc/systemd/system/ipmid.socket.d/test.conf",
                  f"[Socket]\nService={UNIT}\nListenDatagram=\nListenDatagram={bmc.address}:162\n")
    systemd.write(f"/etc/systemd/system/{UNIT}.d/test.conf", "[Service]\nWatchdogSec=4\nRestartSec=1\n")
    systemd.run("systemctl", "daemon-reload", check=True)
    systemd.run("systemctl", "start", "ipmid.socket", UNIT, check=True)
    wait_for(lambda: "1 BMC: 1 up" in systemd.show(UNIT, "StatusText"), 20, lambda: systemd.log())

    inside = systemd.show(UNIT, "MainPID")
    core, = processes.children_named(systemd.pid, "ipmid")
    collector, = processes.children_named(core, "ipmid-collector")
    assert is_sandboxed(core) and is_sandboxed(collector)

    ledger = Ledger(bmc)
    faults.burst(ledger, 3)
    with TrapSender(bmc.address, (bmc.address, 162)) as sender:
        sender.send()
        wait_for(lambda: delivered(systemd) == 3, 10, "the events")
        systemd.run("systemctl", "reload", UNIT, check=True)
        wait_for(lambda: systemd.show(UNIT, "ActiveState") == "active", 10, "the end of the reload")
        assert systemd.show(UNIT, "MainPID") == inside

        # It hangs: the watchdog ends it, and events come from the next one.
        processes.signal_quietly(core, signal.SIGSTOP)
        faults.burst(ledger, 2)
        wait_for(lambda: systemd.show(UNIT, "NRestarts") == "1" and systemd.show(UNIT, "ActiveState") == "active",
                 30, lambda: systemd.run("systemctl", "status", UNIT))
        assert systemd.show(UNIT, "MainPID") != inside
        wait_for(lambda: delivered(systemd) == 5, 20, "the events of meanwhile")

    systemd.run("systemctl", "stop", UNIT, check=True)
    assert systemd.show(UNIT, "Result") == "success"
    assert systemd.show(UNIT, "ExecMainStatus") == "0"
    assert processes.children_named(systemd.pid, "ipmid-collector") == []


@pytest.mark.deadline(240)
def test_a_fleet_in_its_unit(bmc, systemd):
    """With a credential, a reload that reads the configuration again, and the samples of drop-ins."""
    config = FLEET.format(user=bmc.user, address=bmc.address, port=bmc.port)
    systemd.write(f"{etc()}/ipmid.conf", config)
    systemd.write("/etc/ipmid/storage", bmc.password, 0o600)       # as credentials.conf has it; root's alone
    systemd.write("/usr/local/bin/who", f"#!/bin/sh\nexec {SET_USER_ID} -u >>{WHO_LOG}\n", 0o755)
    systemd.run("cp", "/usr/bin/id", SET_USER_ID, check=True)
    systemd.run("chmod", "4755", SET_USER_ID, check=True)
    systemd.write("/etc/systemd/system/ipmid.socket.d/test.conf",
                  f"[Socket]\nListenDatagram=\nListenDatagram={bmc.address}:162\n")
    systemd.write(f"/etc/systemd/system/{FLEET_UNIT}.d/test.conf", "[Service]\nWatchdogSec=4\nRestartSec=1\n")
    add_drop_in(systemd, "credentials.conf")
    systemd.run("systemctl", "start", "ipmid.socket", FLEET_UNIT, check=True)
    wait_for(lambda: "1 BMC: 1 up" in systemd.show(FLEET_UNIT, "StatusText"), 20, systemd.log)
    inside = systemd.show(FLEET_UNIT, "MainPID")
    core, = processes.children_named(systemd.pid, "ipmid")
    assert is_sandboxed(core)

    ledger = Ledger(bmc)
    faults.burst(ledger, 2)
    with TrapSender(bmc.address, (bmc.address, 162)) as sender:
        sender.send()
        wait_for(lambda: delivered(systemd) == 2, 10, lambda: f"the events; log:\n{systemd.log()[-3000:]}")
    ipmid = systemd.run("id", "-u", "ipmid").strip()
    wait_for(lambda: lines(systemd, WHO_LOG) == [ipmid] * 2, 10,
             lambda: f"a program that stays {ipmid}: {lines(systemd, WHO_LOG)}")

    # `systemctl reload` is back when the new configuration counts: it asks for the SEL by itself.
    systemd.write(f"{etc()}/ipmid.conf", config.replace("sel-interval = 1h", "sel-interval = 100ms"))
    systemd.run("systemctl", "reload", FLEET_UNIT, check=True)
    faults.burst(ledger, 2)
    wait_for(lambda: delivered(systemd) == 4, 20, lambda: f"the events; log:\n{systemd.log()[-3000:]}")
    # A mistake is no reload, and what runs goes on.
    systemd.write(f"{etc()}/ipmid.conf", "[bmc]\n")
    systemd.run("systemctl", "reload", FLEET_UNIT)
    systemd.write(f"{etc()}/ipmid.conf", config.replace("sel-interval = 1h", "sel-interval = 100ms"))
    faults.burst(ledger, 1)
    wait_for(lambda: delivered(systemd) == 5, 20, "the events after a reload that failed")
    assert systemd.show(FLEET_UNIT, "MainPID") == inside and systemd.show(FLEET_UNIT, "NRestarts") == "0"

    # It hangs: the watchdog ends it, and the next one has the credential again.
    processes.signal_quietly(core, signal.SIGSTOP)
    faults.burst(ledger, 1)
    wait_for(lambda: systemd.show(FLEET_UNIT, "NRestarts") == "1" and delivered(systemd) == 6, 30, systemd.log)

    add_drop_in(systemd, "exec-programs.conf")
    seen = len(lines(systemd, WHO_LOG))
    systemd.run("systemctl", "restart", FLEET_UNIT, check=True)
    faults.burst(ledger, 1)
    wait_for(lambda: lines(systemd, WHO_LOG)[seen:] == ["0"], 20,
             lambda: f"a program that becomes root: {lines(systemd, WHO_LOG)}; log:\n{systemd.log()[-3000:]}")
    # Another user, who has nothing but that; and who stays ipmid has no more than before.
    systemd.run("rm", f"/etc/systemd/system/{FLEET_UNIT}.d/exec-programs.conf", check=True)
    add_drop_in(systemd, "exec-user.conf")
    systemd.write("/usr/local/bin/as-nobody", AS_NOBODY, 0o755)
    systemd.write("/usr/local/bin/who", f"#!/bin/sh\ngrep CapPrm: /proc/$$/status >>{WHO_LOG}\n", 0o755)
    systemd.write(f"{etc()}/ipmid.conf", config.replace("sel-interval = 1h", "sel-interval = 100ms") + NOBODY)
    seen = len(lines(systemd, WHO_LOG))
    systemd.run("systemctl", "restart", FLEET_UNIT, check=True)
    faults.burst(ledger, 1)
    wait_for(lambda: lines(systemd, WHO_LOG)[seen:] == [f"CapPrm:\t{'0' * 16}"], 20,
             lambda: f"no capabilities: {lines(systemd, WHO_LOG)}; log:\n{systemd.log()[-3000:]}")
    wait_for(lambda: re.search(r"handler: nobody\n(  .*\n)*?  handled: 1\n", status(systemd)), 20,
             lambda: f"a program as nobody: {status(systemd)}; log:\n{systemd.log()[-3000:]}")
    collector, = processes.children_named(systemd.pid, "ipmid-collector")
    with open(f"/proc/{collector}/status", encoding="utf-8") as file:
        assert re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\t(\w+)$", file.read(), re.MULTILINE) == ["0" * 16] * 4
    # A socket for a group.
    systemd.run("rm", f"/etc/systemd/system/{FLEET_UNIT}.d/exec-user.conf", check=True)
    add_drop_in(systemd, "http-group.conf")
    systemd.write(f"{etc()}/ipmid.conf", config + FOR_A_GROUP)
    systemd.run("systemctl", "restart", FLEET_UNIT, check=True)
    wait_for(lambda: systemd.run("stat", "-c", "%U %G %a", SOCKET).strip() == "ipmid adm 660", 20,
             lambda: f"{systemd.run('ls', '-l', '/run/ipmid')}; log:\n{systemd.log()[-3000:]}")
    core, = processes.children_named(systemd.pid, "ipmid")
    assert is_sandboxed(core)
    systemd.run("systemctl", "stop", FLEET_UNIT, check=True)
    assert systemd.show(FLEET_UNIT, "Result") == "success"
    assert processes.children_named(systemd.pid, "ipmid-collector") == []
