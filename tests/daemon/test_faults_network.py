# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad networks, odd clocks, greedy neighbours, huge SELs: rows 29, 30, 35, 42 and 43."""

import os
import random
import threading
from pathlib import Path

import pytest

import processes
from faults import burst, check, numbered, wait_sel_empty
from ipmi import RESERVE_SEL
from ledger import Ledger
from records import payload
from waiting import stays, wait_for

DOWN = r"level=warning .*down: "


@pytest.mark.deadline(180)
def test_a_very_bad_network(bmc, make_proxy, make_ipmid):
    """30 % lost, some twice, some overtaken, up to 2 s late: slow, but nothing is lost."""
    proxy = make_proxy(bmc)
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, connection=bmc.connection(port=proxy.port))
    proxy.drop, proxy.duplicate, proxy.reorder, proxy.delay = 0.3, 0.2, 0.2, (0.0, 2.0)
    burst(ledger, 5)
    wait_for(lambda: proxy.dropped and proxy.duplicated and proxy.reordered, 30, "some chaos")
    stays(lambda: True, 8, "the chaos")
    burst(ledger, 5)
    proxy.calm()
    ipmid.wait_for_ledger(ledger, 90)
    check(ledger, ipmid.payloads())


@pytest.mark.deadline(150)
def test_a_long_silence(bmc, make_proxy, make_ipmid):
    """It is asked seldom while it is away, and soon after it is back."""
    proxy = make_proxy(bmc)
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, connection=bmc.connection(port=proxy.port))
    proxy.blackhole = True
    ipmid.wait_log(DOWN, deadline=40)
    before = proxy.dropped
    stays(lambda: True, 25, "the silence")
    # A try is at most five datagrams of OpenIPMI's; the pauses grow from one second.
    assert 0 < proxy.dropped - before < 100
    burst(ledger, 5)
    proxy.calm()
    ipmid.wait_for_ledger(ledger, 60)
    check(ledger, ipmid.payloads())


# -------------------------------------------------------------------- our clock

def libfaketime():
    """The library of Debian's package libfaketime."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@pytest.mark.parametrize("jump", ["+3650d", "-3650d", "+1h"])
def test_the_clock_of_this_machine_jumps(bmc, make_ipmid, tmp_path, jump):
    """Timers run on; the wall clock is a label only.  +1h: a summer time that was done wrong."""
    control = tmp_path / "clock"
    control.write_text("+0\n", encoding="ascii")
    environment = {"FAKETIME_TIMESTAMP_FILE": os.fspath(control), "FAKETIME_NO_CACHE": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                   "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"}
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=["-e"], environment=environment,
                       wrapper=["env", f"LD_PRELOAD={libfaketime()}"])
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    control.write_text(f"{jump}\n", encoding="ascii")
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger, 5)
    control.write_text("+0\n", encoding="ascii")
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger, 5)
    check(ledger, ipmid.payloads())
    wait_sel_empty(bmc)
    assert "level=error" not in ipmid.log()


# ------------------------------------------------------------------- neighbours

class Reserver(threading.Thread):
    """Another administrator's tool that reserves the SEL again and again."""

    def __init__(self, bmc):
        super().__init__(name="reserver", daemon=True)
        self.bmc = bmc
        self.reserved = 0
        self._ending = threading.Event()
        self.start()

    def run(self):
        while not self._ending.wait(0.02):
            self.bmc.sel_model.answer(RESERVE_SEL[1], b"")
            self.reserved += 1

    def stop(self):
        self._ending.set()
        self.join()


@pytest.mark.deadline(120)
def test_others_poll_and_reserve_all_the_time(scripted_bmc, make_ipmid, tmp_path):
    """ipmitool reads in a loop, another one reserves 50 times a second: deletes still succeed."""
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc, options=["-e"])
    loop = ["sh", "-c", 'while "$@" >/dev/null 2>&1; do :; done', "loop",
            *scripted_bmc.ipmitool("sel", "elist")]
    poller = processes.spawn(loop, cwd=tmp_path)
    reserver = Reserver(scripted_bmc)
    try:
        wait_for(lambda: reserver.reserved > 10, 10, "the neighbour to reserve")
        burst(ledger, 20)
        ipmid.wait_for_ledger(ledger, 40)
        wait_sel_empty(scripted_bmc, 60)
    finally:
        reserver.stop()
        processes.kill_group(poller)
    check(ledger, ipmid.payloads())


# ------------------------------------------------------------------- large SELs

def test_records_in_no_order(scripted_bmc, make_ipmid):
    """Ids that jump up and down; what counts is how the records follow each other."""
    ids = random.Random(1).sample(range(1, 0xFFFE), 200)
    for record_id, record in zip(ids, numbered(scripted_bmc, 200), strict=True):
        scripted_bmc.sel_model.add(record, record_id)
    standing = [payload(record) for record in scripted_bmc.sel()]
    ipmid = make_ipmid(scripted_bmc, options=["--existing"])
    wait_for(lambda: len(ipmid.events()) >= 200, 20, lambda: f"200 events, {len(ipmid.events())}")
    assert ipmid.payloads() == standing
    scripted_bmc.add_many(numbered(scripted_bmc, 3, start=200))
    wait_for(lambda: len(ipmid.events()) >= 203, 20, "the new events")
    stays(lambda: len(ipmid.events()) == 203, 0.5, "the number of events")


@pytest.mark.deadline(240)
def test_a_sel_of_65000_records(make_scripted_bmc, make_ipmid):
    """First contact with a full SEL of the largest kind: every record once, in order."""
    bmc = make_scripted_bmc()
    bmc.sel_model.capacity = 0xFFFE
    ledger = Ledger(bmc)
    ledger.add(*numbered(bmc, 65000))
    ipmid = make_ipmid(bmc, options=["--existing"])
    wait_for(lambda: ipmid.data().count(b"\nendevent\n") >= len(ledger), 180,
             lambda: f"65000 events, there are {ipmid.data().count(b'endevent')}", poll=0.5)
    check(ledger, ipmid.payloads())
