# SPDX-License-Identifier: LGPL-2.1-or-later
"""This machine's own BMC (smi): without a device, in its sandbox, and with a
device that answers."""

import os
import re
import signal
import time

import pytest

import local_bmc
import probe as frames
from configured import ConfiguredIpmid
from faults import burst, check, json_kind
from ledger import Ledger
from local_bmc import LocalBmc, PrivateDev
from test_link import status_of
from waiting import stays, wait_for

SIGSYS = signal.SIGSYS

needs_private_dev = pytest.mark.skipif("__import__('local_bmc').why_no_private_dev()",
                                       reason="needs a private /dev: root, and a kernel that lets it mount")
needs_filter = pytest.mark.skipif("not __import__('test_link').filtered()",
                                  reason="needs libseccomp, and no sanitizer")
needs_hook = pytest.mark.skipif("not __import__('test_link').has_hook()",
                                reason="needs configure --enable-crash-points")


@pytest.fixture
def dev(tmp_path):
    """A /dev with an ipmi0 that is no BMC's."""
    made = PrivateDev(tmp_path / "private")
    made.make_device()
    return made


@pytest.fixture
def local(tmp_path):
    """A BMC that answers behind /dev/ipmi0."""
    with LocalBmc(tmp_path / "local") as bmc:
        yield bmc


def add(probe, number=1, device=0):
    probe.send(frames.ADD, f"({number}, {{'interface': <'smi'>, 'smi-number': <uint32 {device}>, "
                           "'sel-interval': <int64 100000>})")


def words(probe, number=1):
    return probe.of(frames.STATE, number)[-1].body


def wakings(probe):
    """How often the collector has waited for something."""
    return int(status_of(probe.pid)["voluntary_ctxt_switches"])


# ------------------------------------------------------------------- no device

@pytest.mark.deadline(60)
def test_no_device(make_probe):
    """It is said which, and what to do; and tried again, but not all the time."""
    probe = make_probe()
    add(probe, device=99)
    probe.wait_state(1, frames.DOWN)
    assert "there is no /dev/ipmi99: load the kernel's drivers (modprobe -a ipmi_si ipmi_devintf)" in words(probe)
    began, before = time.monotonic(), wakings(probe)
    wait_for(lambda: wakings(probe) > before, 30, "another try")
    stays(lambda: wakings(probe) - before <= 4 * (1 + time.monotonic() - began), 4)
    assert probe.end is None
    assert not probe.of(frames.RENEW)


CONFIGURATION = """\
[daemon]
state-dir = {state}
settle-time = 1s
[defaults]
user = ipmiusr
password-file = {password}
sel-interval = 100ms
[handler log]
plugin = file
path = {output}
format = json
[bmc itself]
address = smi 99
[bmc node]
address = {0}
"""


@pytest.fixture
def fleet(request, tmp_path, bmc):
    """The machine's own BMC, without a device, and one on the network."""
    ipmid = ConfiguredIpmid(tmp_path / "ipmid", CONFIGURATION, [bmc])
    request.addfinalizer(ipmid.stop)
    ipmid.start()
    return ipmid


def test_others_are_not_concerned(fleet, bmc):
    """A collector has one interface only: they get two."""
    ledger = Ledger(bmc)
    fleet.wait_log("bmc=itself .*down: there is no /dev/ipmi99")
    burst(ledger, 3)
    wait_for(lambda: len(json_kind(fleet, "threshold")) == 3, what="the events of the other one")
    wait_for(lambda: any("itself" in one["bmc"] and "/dev/ipmi99" in str(one)
                         for one in json_kind(fleet, "connection")), what="the event that it is away")
    assert "refused" not in fleet.log()
    assert fleet.status().count("collector: running") == 2


def test_another_interface(fleet, bmc):
    """A reload gives a BMC the other interface: it moves to a collector of that kind, and back."""
    lan = CONFIGURATION.replace("address = smi 99", "address = {0}").replace("address = {0}\n", "address = smi 98\n")
    moved = CONFIGURATION.replace("smi 99", "X").replace("{0}", "smi 98").replace("X", "{0}")
    assert lan != moved
    for text, name in ((moved, "itself"), (CONFIGURATION, "node")):
        mark = len(fleet.log())
        fleet.configure(text)
        fleet.process.send_signal(signal.SIGHUP)
        wait_for(lambda: re.search(rf"bmc={name} .*up: connected", fleet.log()[mark:]), 40,
                 lambda: f"{name} to be up:\n{fleet.log()[mark:]}")
    assert "of the other interface" not in fleet.log()


# ----------------------------------------------------------------- the sandbox

def opened_ordinary():
    return "Permission denied" if local_bmc.has_landlock() else "it was allowed"


@needs_filter
@needs_hook
@needs_private_dev
@pytest.mark.parametrize("what, ends", [
    ("ipmi", "it was allowed"), ("read", "Permission denied"), ("device", opened_ordinary()),
    ("unix", "not supported"), ("connect", "Permission denied"),
    ("write", SIGSYS), ("truncate", SIGSYS), ("exec", SIGSYS), ("fork", SIGSYS), ("kill", SIGSYS), ("tcp", SIGSYS),
    ("udp", SIGSYS), ("ioctl", SIGSYS), ("executable-memory", SIGSYS)])
def test_sandbox(dev, make_probe, what, ends):
    """A collector of the machine's own BMC that was taken over tries WHAT."""
    probe = make_probe(collector=dev.collector, IPMID_SANDBOX_TEST=what)
    add(probe)
    if isinstance(ends, str):
        wait_for(lambda: f"sandbox test: {ends}" in probe.log() or ends in probe.log(),
                 what=lambda: f"{ends!r} in the log: {probe.log()}")
        probe.wait_state(1, frames.DOWN)      # it is no BMC's
    else:
        assert probe.wait_end() == f"signal {int(ends)}"


@needs_filter
@needs_private_dev
def test_privileges(local, make_probe):
    """Root, whose device it is, and nothing that makes root mighty."""
    probe = make_probe(collector=local.collector)
    add(probe)
    probe.wait_state(1, frames.UP)
    status = status_of(probe.pid)
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert set(status["Uid"].split()) == {"0"}
    assert not status["Groups"].split()


@needs_filter
@needs_private_dev
def test_one_interface_a_collector(make_scripted_bmc, local, make_probe):
    """The door is shut: there is no way to the network."""
    probe = make_probe(collector=local.collector)
    add(probe)
    probe.wait_state(1, frames.UP)
    probe.add(2, make_scripted_bmc())
    probe.wait_state(2, frames.REFUSED)
    assert probe.state(1) == frames.UP


@needs_private_dev
def test_no_ipmi_device(dev, make_probe):
    """What can be opened, but knows nothing of IPMI."""
    probe = make_probe(collector=dev.collector)
    add(probe)
    probe.wait_state(1, frames.DOWN)
    assert "/dev/ipmi0" in words(probe)
    assert probe.end is None


@needs_filter
@needs_private_dev
def test_device_of_others(dev, make_probe):
    """Whose owner and mode do not let the collector: no other collector could do better."""
    dev.device.chmod(0)
    probe = make_probe(collector=dev.collector)
    add(probe)
    probe.wait_state(1, frames.DOWN)
    assert "may not open /dev/ipmi0 (Permission denied): let the user" in words(probe)
    before = wakings(probe)
    wait_for(lambda: wakings(probe) > before, 30, "another try")
    assert not probe.of(frames.RENEW)
    # What was there all the time needs its mode mended, and no more.
    dev.device.chmod(0o600)
    wait_for(lambda: "may not open" not in words(probe) and probe.state(1) == frames.DOWN, 20)
    assert not probe.of(frames.RENEW)


# ------------------------------------------------------------ one that answers

@needs_private_dev
def test_events(local, make_ipmid):
    """A session over the device, through the sandbox, with OpenIPMI's own code: each event, once, in order."""
    ledger = Ledger(local)
    burst(ledger, 5)
    ipmid = make_ipmid(local, options=["--collector", os.fspath(local.collector), "--existing"])
    burst(ledger, 20)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    assert "connected (/dev/ipmi0)" in ipmid.log()


@needs_private_dev
def test_event_message_buffer(local, make_ipmid):
    """An event that the driver hands on as well stands in the SEL, and is told once."""
    ledger = Ledger(local)
    ipmid = make_ipmid(local, options=["--collector", os.fspath(local.collector)])
    for _ in range(3):
        burst(ledger, 1)
        local.push(local.sel()[-1])
    ipmid.wait_for_ledger(ledger)
    stays(lambda: len(ipmid.payloads()) == 3, 1)
    check(ledger, ipmid.payloads())


@needs_private_dev
def test_deleted(local, make_ipmid):
    ledger = Ledger(local)
    ipmid = make_ipmid(local, options=["--collector", os.fspath(local.collector), "-e"])
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    wait_for(lambda: not local.sel(), what="the records to be deleted")


@needs_private_dev
@pytest.mark.deadline(90)
def test_falls_silent(local, make_ipmid):
    """It is down after a while, up again when it answers, and nothing is lost."""
    ledger = Ledger(local)
    ipmid = make_ipmid(local, options=["--collector", os.fspath(local.collector)])
    burst(ledger, 2)
    ipmid.wait_for_ledger(ledger)
    local.freeze()
    ipmid.wait_log(r"down: no answer \(/dev/ipmi0\)", deadline=30)
    burst(ledger, 2)
    local.thaw()
    ipmid.wait_for_ledger(ledger, deadline=40)
    check(ledger, ipmid.payloads())


@needs_private_dev
@pytest.mark.deadline(90)
def test_device_comes_later(local, make_ipmid):
    """The drivers are loaded while ipmid runs; and the node is made anew (Landlock knows nodes, not names)."""
    hidden = local.dev.device.with_name("elsewhere")
    local.dev.device.rename(hidden)
    ledger = Ledger(local)
    ipmid = make_ipmid(local, options=["--collector", os.fspath(local.collector)], start=False)
    ipmid.start(wait=False)
    ipmid.wait_log("down: there is no /dev/ipmi0: load the kernel's drivers")
    hidden.rename(local.dev.device)
    ipmid.wait_connected(deadline=40)
    burst(ledger, 2)
    ipmid.wait_for_ledger(ledger)
    local.stop()
    ipmid.wait_log("down: the kernel's driver takes no messages to the BMC", deadline=30)
    local.dev.renew_device()
    local.start()
    ipmid.wait_log("up: connected", times=2, deadline=40)
    burst(ledger, 2)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    assert "signal" not in ipmid.log() and "quarantine" not in ipmid.log()
    newer = ipmid.log().count("seems to be newer than the collector's sandbox: another collector")
    assert (newer > 0) == (local_bmc.has_landlock() and not ipmid.build.sanitized)
