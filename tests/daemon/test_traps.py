# SPDX-License-Identifier: LGPL-2.1-or-later
"""Platform Event Traps: a hint to read the SEL now, and never more than that."""

import os
import random
import sys
import time

import pytest

import faults
import loopback
from ledger import Ledger
from traps import TrapSender, counts, snmptrap
from waiting import stays, wait_for

# No poll by itself happens during a test.
NEVER = "1h"
EX_USAGE, EX_UNAVAILABLE = 64, 69

# Opens a datagram socket as systemd does for ipmid.socket, then becomes ipmid.
ACTIVATE = """
import os, socket, sys
passed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
passed.bind((sys.argv[1], int(sys.argv[2])))
os.dup2(passed.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[3], sys.argv[3:])
"""


@pytest.fixture
def make_sender(request):
    def make(source, target, **options):
        sender = TrapSender(source, target, **options)
        request.addfinalizer(sender.socket.close)
        return sender
    return make


class Listening:
    """An ipmid that polls by itself only once an hour, and listens for traps."""

    def __init__(self, bmc, make_ipmid, address="127.0.0.1", options=(), **rest):
        self.target = (address, loopback.free_port(address))
        self.ipmid = make_ipmid(bmc, sel_interval=NEVER, options=[
            *options, "--trap-listen", f"{address}:{self.target[1]}"], **rest)
        self.ledger = Ledger(bmc)

    def counts(self):
        return counts(self.ipmid.status())

    def wait_received(self, number):
        wait_for(lambda: self.counts()["received"] >= number, 10, lambda: f"{number} traps: {self.counts()}")


@pytest.fixture
def listening(bmc, make_ipmid):
    return Listening(bmc, make_ipmid)


def test_a_trap_brings_the_event_at_once(bmc, listening, make_sender):
    """From the trap to the event in the file: far below any polling interval."""
    sender = make_sender(bmc.address, listening.target)
    latencies = []
    for _ in range(5):
        faults.burst(listening.ledger, 1)
        goal = len(listening.ledger)
        stays(lambda: len(listening.ipmid.payloads()) == goal - 1, 0.3, "what was delivered without a trap")
        start = time.monotonic()
        sender.send()
        wait_for(lambda: len(listening.ipmid.payloads()) == goal, 5, "the event", poll=0.001)
        latencies.append(time.monotonic() - start)
    faults.check(listening.ledger, listening.ipmid.payloads())
    assert min(latencies) < 0.2, latencies
    assert listening.counts() == {"received": 5, "not understood": 0, "from strangers": 0, "repeated": 0, "polls": 5}


def test_a_repeated_trap_counts_once(bmc, listening, make_sender):
    sender = make_sender(bmc.address, listening.target)
    for _ in range(4):
        sender.send(sequence=77)
    listening.wait_received(4)
    assert listening.counts() == {"received": 4, "not understood": 0, "from strangers": 0, "repeated": 3, "polls": 1}


def test_a_flood_causes_few_polls(bmc, listening, make_sender):
    """10 000 traps: a poll each 200 ms at most, one after the last trap, and nothing lost."""
    sender = make_sender(bmc.address, listening.target)
    start = time.monotonic()
    for number in range(10_000):
        sender.send()
        if number == 5000:
            faults.burst(listening.ledger, 1)
    faults.burst(listening.ledger, 1)
    sender.send()
    wait_for(lambda: len(listening.ipmid.payloads()) == 2, 10, "both events", poll=0.01)
    passed = time.monotonic() - start
    seen = listening.counts()
    assert 1000 < seen["received"] <= 10_001 and seen["not understood"] == seen["from strangers"] == 0, seen
    assert 2 <= seen["polls"] <= passed / 0.2 + 2, (seen, passed)
    faults.check(listening.ledger, listening.ipmid.payloads())


def test_garbage_is_harmless(bmc, listening, make_sender):
    """Cut, changed and random datagrams; afterwards a trap still works."""
    sender = make_sender(bmc.address, listening.target)
    chance = random.Random(1)
    good = snmptrap(sequence=500)
    rubbish = [good[:length] for length in range(len(good))]
    rubbish += [chance.randbytes(chance.randrange(1500)) for _ in range(500)]
    rubbish += [good.replace(b"\x98\x6f", b"\x98\x70"), good * 100]
    for number, datagram in enumerate(rubbish):
        sender.send_bytes(datagram)
        if number % 100 == 0:
            listening.wait_received(number + 1)
    listening.wait_received(len(rubbish))
    # The last one begins with a good trap; what follows that is nobody's business.
    assert listening.counts()["not understood"] == len(rubbish) - 1
    faults.burst(listening.ledger, 1)
    sender.send()
    wait_for(lambda: len(listening.ipmid.payloads()) == 1, 5, "the event")
    assert listening.ipmid.log().count("no Platform Event Trap") == 1


def test_a_stranger_does_nothing(bmc, listening, make_sender):
    stranger = make_sender("127.0.0.1", listening.target)
    faults.burst(listening.ledger, 1)
    for _ in range(20):
        stranger.send()
    listening.wait_received(20)
    assert listening.counts() == {"received": 20, "not understood": 0, "from strangers": 20, "repeated": 0, "polls": 0}
    stays(lambda: listening.ipmid.payloads() == [], 0.3, "what was delivered")
    assert listening.ipmid.log().count("none of our BMCs") == 1


def test_traps_while_the_bmc_is_away(bmc, listening, make_sender):
    """A trap for a BMC that does not answer waits for nothing and breaks nothing."""
    sender = make_sender(bmc.address, listening.target)
    bmc.kill()
    for _ in range(10):
        sender.send()
    listening.wait_received(10)
    bmc.start()
    faults.burst(listening.ledger, 1)
    wait_for(lambda: len(listening.ipmid.payloads()) == 1, 40, "the event after the BMC is back")


def test_all_addresses_of_both_families(bmc, make_ipmid, make_sender):
    """`:PORT` takes IPv4 and IPv6; an IPv4 sender is known by its IPv4 address."""
    port = loopback.free_port("127.0.0.1")
    ipmid = make_ipmid(bmc, sel_interval=NEVER, options=["--trap-listen", f":{port}"])
    ledger = Ledger(bmc)
    faults.burst(ledger, 1)
    make_sender(bmc.address, ("127.0.0.1", port)).send()
    wait_for(lambda: len(ipmid.payloads()) == 1, 5, "the event")
    if os.path.exists("/proc/net/if_inet6"):
        make_sender("::1", ("::1", port)).send()
        wait_for(lambda: counts(ipmid.status())["from strangers"] == 1, 5, "the stranger of IPv6")


def test_a_socket_of_systemd(bmc, make_ipmid, make_sender):
    """ipmid.socket: no option, no privilege for port 162 needed."""
    port = loopback.free_port("127.0.0.1")
    ipmid = make_ipmid(bmc, sel_interval=NEVER,
                       wrapper=[sys.executable, "-c", ACTIVATE, "127.0.0.1", str(port)])
    assert f"Traps on 127.0.0.1:{port}" in ipmid.log()
    ledger = Ledger(bmc)
    faults.burst(ledger, 1)
    make_sender(bmc.address, ("127.0.0.1", port)).send()
    wait_for(lambda: len(ipmid.payloads()) == 1, 5, "the event")


def test_mistakes_are_said(bmc, make_ipmid):
    status, said = make_ipmid(bmc, options=["--trap-listen", "162"], start=False).run()
    assert (status, said) == (EX_USAGE, "ipmid: --trap-listen: '162' has no port: it looks like [ADDRESS]:PORT, "
                                        "for example :162\n")
    status, said = make_ipmid(bmc, options=["--trap-listen", "192.0.2.1:10162"], start=False).run()
    assert status == EX_UNAVAILABLE
    assert "cannot listen for traps on 192.0.2.1:10162: Cannot assign requested address" in said
