# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collector's side of a session: cipher suites, sandbox, handshakes, and
that a BMC that misbehaves costs no other."""

import itertools
import os
import re
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

import ipmi
import probe as frames
import rmcpplus
import scripted_bmc as evil
from daemon import Build
from faults import burst, check, numbered
from ledger import Ledger
from rmcpplus import SUITE_0, SUITE_1, SUITE_2, SUITE_3, SUITE_15, SUITE_16, SUITE_17
from waiting import scaled, stays, wait_for

WEAK = (SUITE_0, SUITE_1, SUITE_2, SUITE_15, SUITE_16)
SIGABRT, SIGTRAP, SIGSYS = 6, 5, 31

_numbers = itertools.count()


def event(bmc):
    """A record that there was not before."""
    return numbered(bmc, 1, next(_numbers))[0]


def kind_of(packet):
    """The payload type of a packet of RMCP+, without its flags."""
    return packet[5] & 0x3F if packet[4] == ipmi.AUTH_RMCP_PLUS else None


def on_packets(kind, change):
    """A `mutate` that changes packets of one payload type."""
    return lambda packet: change(packet) if kind_of(packet) == kind else packet


def cut_payload(length):
    """Shorten a packet of the handshake to so many bytes of payload."""
    return lambda packet: packet[:14] + struct.pack("<H", length) + packet[16:16 + length]


def suites_in_use(bmc):
    return {session.suite.number for session in bmc.sessions}


# --------------------------------------------------------------- cipher suites

@pytest.mark.parametrize("suite", [SUITE_3, SUITE_17], ids=["3", "17"])
def test_the_scripted_bmc_is_honest(make_scripted_bmc, suite):
    """What is shown with it means something: ipmitool agrees with it."""
    bmc = make_scripted_bmc(suites=(suite,))
    done = subprocess.run(
        ["ipmitool", "-I", "lanplus", "-H", bmc.address, "-p", str(bmc.port), "-U", bmc.user,
         "-P", bmc.password, "-C", str(suite.number), "mc", "guid"],
        capture_output=True, text=True, timeout=scaled(20), check=False)
    assert done.returncode == 0, done.stderr
    other = {3: 17, 17: 3}[suite.number]
    done = subprocess.run(
        ["ipmitool", "-I", "lanplus", "-H", bmc.address, "-p", str(bmc.port), "-U", bmc.user,
         "-P", bmc.password, "-C", str(other), "-N", "1", "-R", "1", "mc", "guid"],
        capture_output=True, text=True, timeout=scaled(20), check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("suites, expected", [
    ((SUITE_17,), 17), ((SUITE_3,), 3), ((SUITE_3, SUITE_17), 17), ((*WEAK, SUITE_3), 3),
    ((*WEAK, SUITE_3, SUITE_17), 17)], ids=["17", "3", "both", "weak and 3", "all"])
def test_best_suite(make_scripted_bmc, make_ipmid, suites, expected):
    """The best that the BMC offers, without a word from the user; and it works."""
    bmc = make_scripted_bmc(suites=suites)
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    assert suites_in_use(bmc) == {expected}
    burst(ledger, 20)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    assert len(bmc.server.attempts) == 1


BMC_KEY = "K_g-of-twenty-bytes!"


def wants_key(bmc, make_ipmid, suite, key):
    """A session with K_g works; without it, and with another one, it is refused."""
    ledger = Ledger(bmc)
    done = subprocess.run(bmc.ipmitool("-k", key, "mc", "guid", suite=suite),
                          capture_output=True, text=True, timeout=scaled(20), check=False)
    assert done.returncode == 0, done.stderr
    for extra in ((), ("-Rk", key[::-1])):
        refused = make_ipmid(bmc, connection=bmc.connection(extra=extra), start=False)
        refused.start(wait=False)
        refused.wait_log("refused: wrong user name")
        refused.terminate()
    ipmid = make_ipmid(bmc, connection=bmc.connection(extra=("-Rk", key)))
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    assert key not in ipmid.log()


@pytest.mark.parametrize("suite", [SUITE_3, SUITE_17], ids=["3", "17"])
def test_two_keys(make_scripted_bmc, make_ipmid, suite):
    bmc = make_scripted_bmc(suites=(suite,))
    bmc.server.bmc_key = BMC_KEY.encode()
    wants_key(bmc, make_ipmid, suite.number, BMC_KEY)
    assert suites_in_use(bmc) == {suite.number}


def test_two_keys_of_the_simulator(make_bmc, make_ipmid):
    """ipmi_sim has cipher suite 3 only, and room for 19 of the 20 bytes."""
    bmc = make_bmc(start=False)
    bmc.bmc_key = BMC_KEY[:19]
    bmc.start()
    wants_key(bmc, make_ipmid, 3, bmc.bmc_key)


@pytest.mark.parametrize("hook", [evil.refuse(0xC1), evil.silent, evil.cut(1), evil.cut(2), evil.padded(40)],
                         ids=["refused", "silent", "cut", "empty", "too long"])
@pytest.mark.parametrize("suite", [SUITE_3, SUITE_17], ids=["3", "17"])
def test_bmc_does_not_say(make_scripted_bmc, make_ipmid, suite, hook):
    """It is tried with 17, then with 3."""
    bmc = make_scripted_bmc(suites=(suite,), start=False)
    bmc.script(ipmi.GET_CIPHER_SUITES, hook)
    bmc.start()
    ipmid = make_ipmid(bmc, start=False)
    ipmid.start(wait=False)
    ipmid.wait_connected()
    assert suites_in_use(bmc) == {suite.number}
    assert "refused" not in ipmid.log()


@pytest.mark.deadline(120)
def test_bmc_says_nothing_about_17(make_scripted_bmc, make_ipmid):
    """Neither which suites it has, nor that it has not this one."""
    bmc = make_scripted_bmc(suites=(SUITE_3,), start=False)
    bmc.script(ipmi.GET_CIPHER_SUITES, evil.silent)
    bmc.mutate = on_packets(rmcpplus.OPEN_RESPONSE,
                            lambda packet: None if packet[17] == rmcpplus.NO_SUCH_SUITE else packet)
    bmc.start()
    ipmid = make_ipmid(bmc, start=False)
    ipmid.start(wait=False)
    ipmid.wait_connected(deadline=40)
    assert suites_in_use(bmc) == {3}


def test_suite_is_remembered(make_scripted_bmc, make_ipmid):
    """And asked for anew when it is not taken any more."""
    bmc = make_scripted_bmc(suites=(SUITE_17,))
    ipmid = make_ipmid(bmc)
    assert bmc.count(ipmi.GET_CIPHER_SUITES) == 1
    bmc.stop()
    ipmid.wait_log("down: ", deadline=30)
    bmc.start()
    ipmid.wait_log("up: connected", times=2, deadline=40)
    assert bmc.count(ipmi.GET_CIPHER_SUITES) == 1
    bmc.stop()
    ipmid.wait_log("down: ", times=2, deadline=30)
    bmc.server.suites = (SUITE_3,)
    bmc.start()
    ipmid.wait_log("up: connected", times=3, deadline=40)
    assert suites_in_use(bmc) == {3}
    assert "refused" not in ipmid.log()


@pytest.mark.parametrize("suites", [WEAK, (SUITE_0,), (SUITE_16,)], ids=["all weak", "0", "16"])
def test_only_weak_suites(make_scripted_bmc, make_ipmid, suites):
    """Refused in words; the password is not used."""
    bmc = make_scripted_bmc(suites=suites)
    ipmid = make_ipmid(bmc, start=False)
    ipmid.start(wait=False)
    offered = ", ".join(str(suite.number) for suite in suites)
    ipmid.wait_log(f"refused: the BMC has no cipher suite that is safe: it offers {offered},")
    assert not bmc.server.attempts


@pytest.mark.parametrize("suite", WEAK, ids=[str(suite.number) for suite in WEAK])
def test_weak_suite_on_request(make_scripted_bmc, make_probe, suite):
    """With a warning, once."""
    bmc = make_scripted_bmc(suites=(*WEAK, SUITE_17))
    probe = make_probe()
    probe.add(1, bmc, cipher_suite=str(suite.number))
    probe.wait_frames(frames.SEL_INFO, 1)
    assert suites_in_use(bmc) == {suite.number}
    assert probe.log().count(f"cipher suite {suite.number} was asked for") == 1
    bmc.restart()
    wait_for(lambda: len([one for one in probe.of(frames.STATE, 1) if one.state == frames.UP]) == 2, 40)
    assert probe.log().count(f"cipher suite {suite.number} was asked for") == 1
    bmc.add(event(bmc))
    probe.send(frames.CREDIT, "(100,)")
    probe.wait_frames(frames.SEL_INFO, 1, 2)
    probe.read(1)
    probe.wait_frames(frames.RECORDS, 1)


def test_suite_by_number(make_scripted_bmc, make_probe):
    """The one that was asked for, though there is a better one, and no other."""
    bmc = make_scripted_bmc()
    without = make_scripted_bmc(suites=(SUITE_3,))
    probe = make_probe()
    probe.add(1, bmc, cipher_suite="3")
    probe.add(2, without, cipher_suite="17")
    probe.wait_state(1, frames.UP)
    assert suites_in_use(bmc) == {3}
    probe.wait_state(2, frames.REFUSED)
    assert not without.server.attempts
    assert not without.count(ipmi.GET_CIPHER_SUITES)


def test_old_session_warns(make_ipmid, bmc):
    ipmid = make_ipmid(bmc, connection=["lan", "-U", bmc.user, "-P", bmc.password, "-A", "md5", "-p", str(bmc.port),
                                        bmc.address], start=False)
    ipmid.start(wait=False)
    ipmid.wait_log("level=warning .*a session of IPMI 1.5 was asked for")


# ------------------------------------------------------------------ the wrong BMC

@pytest.mark.parametrize("suite", [SUITE_3, SUITE_17], ids=["3", "17"])
def test_wrong_password(make_scripted_bmc, make_probe, suite):
    """Refused, after one try, and not tried again for a minute."""
    bmc = make_scripted_bmc(suites=(suite,))
    probe = make_probe()
    probe.add(1, bmc, password=["b'something else'"])
    probe.wait_state(1, frames.REFUSED)
    stays(lambda: len(bmc.server.attempts) == 1, 3)
    assert "wrong user name or password" in probe.of(frames.STATE, 1)[-1].body


def spoil(position):
    """Alter one byte of a packet's payload."""
    at = 16 + position
    return lambda packet: packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1:]


@pytest.mark.parametrize("kind, position", [(rmcpplus.RAKP_2, 40), (rmcpplus.RAKP_2, 71), (rmcpplus.RAKP_2, 8),
                                            (rmcpplus.RAKP_2, 24), (rmcpplus.RAKP_4, 8), (rmcpplus.RAKP_4, 23)])
def test_wrong_code(make_scripted_bmc, make_probe, kind, position):
    """Whoever does not know the password makes no session, though he says that all is well."""
    bmc = make_scripted_bmc(suites=(SUITE_17,))
    bmc.mutate = on_packets(kind, spoil(position))
    probe = make_probe()
    probe.add(1, bmc)
    probe.wait_state(1, frames.REFUSED)
    assert not probe.of(frames.SEL_INFO)


@pytest.mark.deadline(120)
@pytest.mark.parametrize("kind, length", [
    (rmcpplus.OPEN_RESPONSE, 8), (rmcpplus.OPEN_RESPONSE, 35), (rmcpplus.RAKP_2, 8), (rmcpplus.RAKP_2, 40),
    (rmcpplus.RAKP_2, 60), (rmcpplus.RAKP_2, 71), (rmcpplus.RAKP_4, 8), (rmcpplus.RAKP_4, 20), (rmcpplus.RAKP_4, 23)])
def test_cut_handshake(make_scripted_bmc, make_probe, kind, length):
    """Not taken for a wrong password, and the collector lives."""
    bmc = make_scripted_bmc(suites=(SUITE_17,))
    bmc.mutate = on_packets(kind, cut_payload(length))
    probe = make_probe()
    probe.add(1, bmc)
    probe.wait_state(1, frames.DOWN, deadline=40)
    bmc.mutate = None
    probe.wait_state(1, frames.UP, deadline=40)
    assert probe.end is None


@pytest.mark.deadline(120)
@pytest.mark.parametrize("algorithms", [(0, 0, 0), (3, 0, 0), (3, 4, 0), (1, 1, 1), (3, 0, 1)])
def test_downgrade(make_scripted_bmc, make_probe, algorithms):
    """Somebody in between answers that the session has no, or weaker, algorithms."""
    def weaken(packet):
        changed = bytearray(packet)
        for place, algorithm in zip((32, 40, 48), algorithms):
            changed[place] = algorithm
        return bytes(changed)

    bmc = make_scripted_bmc(suites=(SUITE_17,))
    bmc.mutate = on_packets(rmcpplus.OPEN_RESPONSE, weaken)
    probe = make_probe()
    probe.add(1, bmc, cipher_suite="17")
    probe.wait_state(1, frames.REFUSED, deadline=40)
    assert "other cipher algorithms" in probe.of(frames.STATE, 1)[-1].body
    assert not bmc.server.attempts


@pytest.mark.deadline(90)
@pytest.mark.parametrize("suite", [SUITE_3, SUITE_17], ids=["3", "17"])
def test_unauthenticated_message_in_a_session(make_scripted_bmc, make_probe, suite):
    """OpenIPMI would believe it."""
    bmc = make_scripted_bmc(suites=(suite,))
    probe = make_probe()
    probe.add(1, bmc)
    probe.send(frames.CREDIT, "(100,)")
    probe.wait_state(1, frames.UP)
    probe.read(1)
    probe.wait_frames(frames.WALK_END, 1)
    honest = bmc.server.encode

    def forged(message, raw):
        if message.session is None or message.command != ipmi.GET_SEL_ENTRY[1]:
            return honest(message, raw)
        message.session.sequence += 1
        return ipmi.RMCP_HEADER + bytes([ipmi.AUTH_RMCP_PLUS, 0]) + struct.pack(
            "<IIH", message.session.console, message.session.sequence, len(raw)) + raw

    bmc.server.encode = forged
    bmc.add(event(bmc))
    probe.wait_state(1, frames.DOWN, deadline=40)
    assert all(one.body.endswith(", [])") for one in probe.of(frames.RECORDS))


@pytest.mark.deadline(90)
def test_flipped_bits(make_scripted_bmc, make_probe):
    """Each byte of a sealed packet counts: none of them is believed once it is altered."""
    bmc = make_scripted_bmc(suites=(SUITE_17,))
    probe = make_probe()
    probe.add(1, bmc)
    probe.send(frames.CREDIT, "(100,)")
    probe.wait_state(1, frames.UP)
    probe.read(1)
    probe.wait_frames(frames.WALK_END, 1)
    place = iter(range(10 ** 9))

    def flip(packet):
        if packet[4] != ipmi.AUTH_RMCP_PLUS or kind_of(packet) != 0:
            return packet
        at = 4 + next(place) % (len(packet) - 4)
        return [packet[:at] + bytes([packet[at] ^ 0x10]) + packet[at + 1:], packet]

    bmc.mutate = flip
    for _ in range(20):
        bmc.add(event(bmc))
    wait_for(lambda: sum(one.body.count("<[byte") + one.body.count("b'") for one in probe.of(frames.RECORDS)) > 0)
    bmc.wait_for_request(ipmi.GET_SEL_ENTRY, 5)
    assert probe.state(1) == frames.UP
    assert probe.end is None


# --------------------------------------- what all faults are, with cipher suite 17

@pytest.mark.deadline(120)
def test_bad_network(make_scripted_bmc, make_proxy, make_ipmid):
    """Row 29 of the faults: loss, copies, disorder."""
    bmc = make_scripted_bmc(suites=(SUITE_17,))
    proxy = make_proxy(bmc)
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, connection=bmc.connection(port=proxy.port))
    proxy.drop, proxy.duplicate, proxy.reorder = 0.1, 0.1, 0.1
    burst(ledger, 30)
    ipmid.wait_for_ledger(ledger, 60)
    proxy.calm()
    check(ledger, ipmid.payloads())
    assert "refused" not in ipmid.log()


@pytest.mark.deadline(120)
def test_bad_network_at_start(make_scripted_bmc, make_proxy, make_ipmid):
    """What is lost in a handshake is no wrong password."""
    bmc = make_scripted_bmc(suites=(SUITE_17,))
    proxy = make_proxy(bmc)
    proxy.drop = 0.3
    ipmid = make_ipmid(bmc, connection=bmc.connection(port=proxy.port), start=False)
    ipmid.start(wait=False)
    bmc.wait_for_request(ipmi.GET_SDR, deadline=40)
    proxy.calm()
    ipmid.wait_connected(deadline=60)
    assert "refused" not in ipmid.log()


@pytest.mark.deadline(120)
def test_silent_then_reset(make_scripted_bmc, make_ipmid):
    """Rows 30 and 31: catches up within a minute."""
    bmc = make_scripted_bmc(suites=(SUITE_17,))
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    bmc.freeze()
    ipmid.wait_log("down: ", deadline=30)
    bmc.thaw()
    bmc.restart()
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger, 60)
    check(ledger, ipmid.payloads())


@pytest.mark.deadline(90)
def test_password_changed(make_scripted_bmc, make_ipmid):
    """Row 32: one try, then none for a minute."""
    bmc = make_scripted_bmc(suites=(SUITE_17,))
    ipmid = make_ipmid(bmc)
    bmc.server.accounts = {bmc.user.encode(): (b"another", bmc.privilege)}
    bmc.restart()
    before = len(bmc.server.attempts)
    ipmid.wait_log("refused: wrong user name or password", deadline=40)
    tries = len(bmc.server.attempts)
    assert tries - before <= 1
    stays(lambda: len(bmc.server.attempts) == tries, 5)


@pytest.mark.deadline(120)
@pytest.mark.parametrize("hook", [evil.cut(2), evil.cut(7), evil.padded(1), evil.padded(200)],
                         ids=["2", "7", "1 more", "200 more"])
def test_every_answer_of_wrong_length(make_scripted_bmc, make_probe, hook):
    """Row 44: the collector lives, and the BMC beside it does not notice."""
    probe = make_probe()
    healthy, loud = make_scripted_bmc(suites=(SUITE_17,)), make_scripted_bmc(suites=(SUITE_17,))
    probe.send(frames.CREDIT, "(1000,)")
    probe.add(1, healthy, sel_interval=["int64 100000"])
    probe.wait_state(1, frames.UP)
    probe.read(1)
    probe.wait_frames(frames.WALK_END, 1)
    for command in evil.COMMANDS:
        if command not in (ipmi.GET_CHANNEL_AUTH_CAPABILITIES, ipmi.SET_SESSION_PRIVILEGE):
            loud.script(command, hook)
    probe.add(2, loud)
    loud.wait_for_request(ipmi.GET_DEVICE_ID)
    assert max(latency(probe, healthy, 1) for _ in range(10)) < scaled(1)
    loud.unscript()
    probe.wait_state(2, frames.UP, deadline=60)
    assert probe.state(1) == frames.UP
    assert probe.end is None


# --------------------------------------------------------------- identity, clock

def test_identity_and_clock(make_scripted_bmc, make_probe):
    bmc = make_scripted_bmc()
    bmc.server.guid = bytes(range(100, 116))
    probe = make_probe()
    probe.add(1, bmc)
    identity, = probe.wait_frames(frames.IDENTITY, 1)
    info = probe.wait_frames(frames.SEL_INFO, 1)[0]
    assert probe.frames.index(identity) < probe.frames.index(info)
    for byte in bmc.server.guid:
        assert f"0x{byte:02x}" in identity.body or chr(byte) in identity.body
    clock, = probe.wait_frames(frames.CLOCK, 1)
    drift = int(re.search(r"(-?\d+)\)$", clock.body).group(1))
    assert abs(drift) < 3e6 * scaled(1)
    bmc.restart()
    probe.wait_frames(frames.IDENTITY, 1, 2, deadline=40)


def once_then_silent():
    """OpenIPMI itself asks first."""
    answered = itertools.count()
    return lambda request, proceed: proceed() if next(answered) == 0 else evil.Silence


@pytest.mark.parametrize("make_hook", [lambda: evil.refuse(0xC1), once_then_silent, lambda: evil.cut(9),
                                       lambda: evil.padded(3), lambda: lambda *_: bytes(17),
                                       lambda: lambda *_: b"\0" + b"\xff" * 16],
                         ids=["refused", "silent", "cut", "too long", "zeros", "ones"])
def test_no_guid(make_scripted_bmc, make_probe, make_hook):
    """It says that there is none, and all else goes on."""
    bmc = make_scripted_bmc()
    bmc.script(ipmi.GET_DEVICE_GUID, make_hook())
    probe = make_probe()
    probe.add(1, bmc)
    identity, = probe.wait_frames(frames.IDENTITY, 1)
    assert re.match(r"\(1, (@ay )?\[\], ", identity.body)
    probe.wait_frames(frames.SEL_INFO, 1)


def dcmi_unanswered(request, proceed):
    return evil.Silence if request.data[:1] == bytes([ipmi.DCMI]) else proceed()


@pytest.mark.deadline(90)
@pytest.mark.parametrize("guid, settings", [
    (evil.silent, {}),
    (None, {"max_outstanding": ["uint32 1"]}),
    (None, {"sel_interval": ["int64 60000000"]}),
    (evil.silent, {"max_outstanding": ["uint32 1"]}),
], ids=["GUID", "DCMI, one place", "DCMI, seldom polled", "GUID and DCMI, one place"])
def test_optional_questions_unanswered(make_scripted_bmc, make_probe, guid, settings):
    """OpenIPMI waits 7 s for each; that is no reason to give the session up."""
    bmc = make_scripted_bmc()
    bmc.script(ipmi.DCMI_GET_CAPABILITIES, dcmi_unanswered)
    if guid:
        bmc.script(ipmi.GET_DEVICE_GUID, guid)
    probe = make_probe()
    probe.add(1, bmc, **{"sensor_interval": ["int64 10000000"], **settings})
    probe.wait_state(1, frames.UP, 30)
    probe.wait_frames(frames.SEL_INFO, 1)
    stays(lambda: probe.state(1) == frames.UP, 10, "the session")
    assert len(probe.of(frames.SEL_INFO, 1)) == 1
    bmc.add(event(bmc))
    probe.send(frames.CREDIT, "(100,)")
    probe.read(1)
    probe.wait_frames(frames.RECORDS, 1)


def test_clock_that_is_not_set(make_scripted_bmc, make_probe):
    bmc = make_scripted_bmc()
    bmc.script(ipmi.GET_SEL_TIME, lambda *_: b"\0" + struct.pack("<I", 1234))
    probe = make_probe()
    probe.add(1, bmc)
    probe.wait_state(1, frames.UP)
    bmc.wait_for_request(ipmi.GET_SEL_TIME, 0)
    wait_for(lambda: bmc.count(ipmi.GET_SEL_TIME), what="the clock to be read")
    probe.wait_frames(frames.SEL_INFO, 1)
    stays(lambda: not probe.of(frames.CLOCK), 0.5)


# ------------------------------------------------------------------- the sandbox

def filtered():
    """Whether the collector's system calls are filtered in this build."""
    header = Build().directory / "config.h"
    return not Build().sanitized and "#define HAVE_SECCOMP 1" in header.read_text(encoding="utf-8")


def has_hook():
    return b"IPMID_SANDBOX_TEST" in Build().collector.read_bytes()


needs_filter = pytest.mark.skipif("not __import__('test_link').filtered()",
                                  reason="needs libseccomp, and no sanitizer")
needs_hook = pytest.mark.skipif("not __import__('test_link').has_hook()",
                                reason="needs configure --enable-crash-points")


@needs_filter
@needs_hook
@pytest.mark.parametrize("what, ends", [
    ("read", "Permission denied"), ("unix", "not supported"), ("connect", "Permission denied"),
    ("write", SIGSYS), ("device", SIGSYS), ("exec", SIGSYS), ("fork", SIGSYS), ("kill", SIGSYS), ("tcp", SIGSYS),
    ("executable-memory", SIGSYS)])
def test_sandbox(make_scripted_bmc, make_probe, what, ends):
    """A collector that was taken over tries WHAT."""
    bmc = make_scripted_bmc()
    Path("/tmp/ipmid-sandbox-test").unlink(missing_ok=True)
    probe = make_probe(IPMID_SANDBOX_TEST=what)
    probe.add(1, bmc)
    if isinstance(ends, str):
        wait_for(lambda: ends in probe.log(), what=f"{ends!r} in the log")
        probe.wait_state(1, frames.UP)
    else:
        assert probe.wait_end() == f"signal {ends}"
    assert not Path("/tmp/ipmid-sandbox-test").exists()


@needs_hook
@pytest.mark.skipif("__import__('test_link').Build().sanitized", reason="a sanitizer needs too much memory")
def test_memory_is_bounded(make_scripted_bmc, make_probe):
    bmc = make_scripted_bmc()
    probe = make_probe(IPMID_SANDBOX_TEST="memory")
    probe.add(1, bmc)
    assert probe.wait_end(30) in (f"signal {SIGTRAP}", f"signal {SIGABRT}")


@needs_filter
@needs_hook
def test_keeper_starts_another(make_scripted_bmc, make_ipmid, tmp_path):
    """One that was stopped: the core says why, and events go on with the next."""
    bmc = make_scripted_bmc()
    once = tmp_path / "once"
    wrapper = tmp_path / "collector"
    wrapper.write_text(f"#!/bin/sh\n[ -e {once} ] || {{ : >{once}; export IPMID_SANDBOX_TEST=exec; }}\n"
                       f"exec {Build().collector}\n", encoding="utf-8")
    wrapper.chmod(0o755)
    ipmid = make_ipmid(bmc, options=["--collector", os.fspath(wrapper)])
    ipmid.wait_log("the collector was ended by signal 31")
    ledger = Ledger(bmc)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)


def status_of(pid):
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return dict(line.split(":", 1) for line in lines)


@needs_filter
def test_privileges(make_scripted_bmc, make_probe):
    bmc = make_scripted_bmc()
    probe = make_probe()
    probe.add(1, bmc)
    probe.wait_state(1, frames.UP)
    status = status_of(probe.pid)
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["Threads"].strip() == "1"
    limits = Path(f"/proc/{probe.pid}/limits").read_text(encoding="utf-8")
    assert re.search(r"Max core file size +0 +0", limits)
    assert re.search(r"Max file size +0 +0", limits)
    assert re.search(r"Max processes +0 +0", limits)
    assert not re.search(r"Max data size +unlimited", limits)
    if os.geteuid() == 0:
        assert "0" not in status["Uid"].split()
        assert "0" not in status["Gid"].split()
        assert not status["Groups"].split()


@needs_filter
def test_one_interface_a_collector(make_scripted_bmc, make_probe):
    """The door is shut: a device cannot be opened any more."""
    bmc = make_scripted_bmc()
    probe = make_probe()
    probe.add(1, bmc)
    probe.wait_state(1, frames.UP)
    probe.send(frames.ADD, "(2, {'interface': <'smi'>, 'smi-number': <uint32 0>})")
    probe.wait_state(2, frames.REFUSED)
    assert probe.state(1) == frames.UP


# ---------------------------------------------------------------- many, and loud

@pytest.mark.deadline(120)
def test_dead_ones_do_not_hold_up(make_scripted_bmc, make_probe):
    """Forty dead BMCs are first in the queue, ten live ones behind them."""
    probe = make_probe()
    dead = [make_scripted_bmc() for _ in range(40)]
    for bmc in dead:
        bmc.freeze()
    live = [make_scripted_bmc() for _ in range(10)]
    began = time.monotonic()
    for number, bmc in enumerate([*dead, *live], 1):
        probe.add(number, bmc)
    for number in range(41, 51):
        probe.wait_state(number, frames.UP, deadline=15)
    assert time.monotonic() - began < scaled(8)


def latency(probe, bmc, number):
    """From a new record to its frame."""
    before = len(probe.of(frames.RECORDS, number))
    began = time.monotonic()
    bmc.add(event(bmc))
    wait_for(lambda: len(probe.of(frames.RECORDS, number)) > before, 20, "the event", poll=0.002)
    return probe.of(frames.RECORDS, number)[before].when - began


class Flood:
    """Sends packets from SOCKET to PEER as fast as it can, until it is left."""

    def __init__(self, sock, peer, packets):
        self._socket, self._peer, self._packets = sock, peer, packets
        self._stopping = False
        self.sent = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping = True
        self._thread.join(10)

    def _run(self):
        while not self._stopping:
            for packet in self._packets:
                try:
                    self._socket.sendto(packet, self._peer)
                except OSError:
                    continue
                self.sent += 1
            time.sleep(0)


def healthy_and_loud(make_scripted_bmc, make_probe):
    """Two BMCs on one socket of OpenIPMI's, both read."""
    probe = make_probe()
    bmcs = [make_scripted_bmc(), make_scripted_bmc()]
    probe.send(frames.CREDIT, "(100000,)")
    for number, bmc in enumerate(bmcs, 1):
        probe.add(number, bmc, sel_interval=["int64 100000"])
    for number in (1, 2):
        probe.wait_state(number, frames.UP)
        probe.read(number)
        probe.wait_frames(frames.WALK_END, number)
    return probe, *bmcs


FLOODS = {
    "garbage": [os.urandom(size) for size in (1, 4, 60, 500, 1400)],
    "plausible": [ipmi.RMCP_HEADER + b"\x06\xc0" + struct.pack("<IIH", 2, 7, 32) + os.urandom(52)],
    "open responses": [ipmi.RMCP_HEADER + b"\x06\x11" + struct.pack("<IIH", 0, 0, 36) + bytes(36)],
    "ipmi 1.5": [ipmi.RMCP_HEADER + bytes(9) + b"\x08" + bytes(8)],
}


@pytest.mark.deadline(90)
@pytest.mark.parametrize("stranger", [False, True], ids=["a BMC", "a stranger"])
@pytest.mark.parametrize("packets", FLOODS.values(), ids=FLOODS)
def test_flood_costs_nobody_else(make_scripted_bmc, make_probe, packets, stranger):
    """The healthy BMC's events are less than a second late."""
    probe, healthy, loud = healthy_and_loud(make_scripted_bmc, make_probe)
    peer = loud.sessions[0].peer
    sock = loud._socket
    if stranger:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with Flood(sock, peer, packets) as flood:
        wait_for(lambda: flood.sent > 5000)
        late = [latency(probe, healthy, 1) for _ in range(10)]
        sent = flood.sent
        wait_for(lambda: flood.sent > sent + 1000, what="the flood to go on")
    if stranger:
        sock.close()
    assert max(late) < scaled(1), late
    assert probe.state(1) == frames.UP


@pytest.mark.deadline(90)
def test_chatty_bmc(make_scripted_bmc, make_probe):
    """Every answer comes a hundred times."""
    probe, healthy, loud = healthy_and_loud(make_scripted_bmc, make_probe)
    loud.mutate = lambda packet: [packet] * 100
    late = [latency(probe, healthy, 1) for _ in range(10)]
    assert max(late) < scaled(1), late
    assert probe.state(1) == frames.UP


@pytest.mark.deadline(90)
@pytest.mark.parametrize("hook", [evil.silent, evil.late(3), evil.cut(3)], ids=["hangs", "slow", "nonsense"])
def test_hanging_bmc(make_scripted_bmc, make_probe, hook):
    probe, healthy, loud = healthy_and_loud(make_scripted_bmc, make_probe)
    loud.script(ipmi.GET_SEL_ENTRY, hook)
    late = [latency(probe, healthy, 1) for _ in range(10)]
    assert max(late) < scaled(1), late
    assert probe.state(1) == frames.UP


# --------------------------------------------------------------------- the note

def test_note_of_the_bmc_being_served(make_scripted_bmc, make_probe):
    """Nobody while the loop turns; the culprit when it hangs in the middle of him."""
    bmcs = [make_scripted_bmc() for _ in range(3)]
    probe = make_probe()
    for number, bmc in enumerate(bmcs, 1):
        probe.add(number, bmc)
    for number in range(1, 4):
        probe.wait_state(number, frames.UP)
    wait_for(lambda: probe.serving() == 0, what="nobody to be served")
