# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of faults share: bursts of events, and the oracle."""

import threading

import records
from waiting import wait_for

# The records that may be with a handler, or answered but not yet on disk, when
# ipmid is killed: at most so many are delivered once more.
IN_FLIGHT = 64


def numbered(bmc, count, start=0):
    """COUNT records that differ."""
    cpu = bmc.sensor("CPU1 Temp")
    return [records.numbered(cpu, number) for number in range(start, start + count)]


def burst(ledger, count):
    """Inject COUNT more records that differ; returns their ids."""
    return ledger.add(*numbered(ledger.bmc, count, len(ledger)))


class Injector(threading.Thread):
    """Adds COUNT records to the SEL, one by one, while the test goes on."""

    def __init__(self, ledger, count):
        super().__init__(name="injector", daemon=True)
        self.ledger = ledger
        self.count = count
        self.start()

    def run(self):
        for _ in range(self.count):
            burst(self.ledger, 1)


def wait_delivered(ipmid, goal):
    wait_for(lambda: len(set(ipmid.payloads())) >= goal, 30,
             lambda: f"{goal} events; log:\n{ipmid.log()[-2000:]}", poll=0.001)


def deleted_early(ledger, delivered):
    """The records that are gone from the SEL though nobody was handed them.

    DELIVERED is a function: the SEL is looked at first, so that a record which
    is added, or handed over and deleted, meanwhile is no false alarm.
    """
    injected = list(ledger.injected)
    standing = {records.payload(record) for record in ledger.bmc.sel()}
    handed = set(delivered())
    return [one for one in injected if one not in standing and one not in handed]


def check(ledger, delivered, doubled=0):
    """The oracle: nothing missing, nothing foreign, in order, few repeats."""
    found = ledger.compare(delivered)
    assert not found.missing and not found.foreign and not found.out_of_order, str(found)
    assert len(found.doubled) <= doubled, f"{len(found.doubled)} repeats, {doubled} are allowed"


def wait_sel_empty(bmc, deadline=15.0):
    wait_for(lambda: bmc.sel() == [], deadline, lambda: f"{len(bmc.sel())} records to be deleted")


def json_records(ipmid):
    """The payloads of the SEL records in the output file with --format json."""
    return [records.payload(bytes.fromhex(event["raw"])) for event in ipmid.json_events()
            if event["kind"] in ("threshold", "discrete", "unknown")]


def json_kind(ipmid, kind):
    """The events of one kind in the output file with --format json."""
    return [event for event in ipmid.json_events() if event["kind"] == kind]
