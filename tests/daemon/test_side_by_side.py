# SPDX-License-Identifier: LGPL-2.1-or-later
"""ipmid beside openipmi_eventd: the same BMC, the same events, the same bytes."""

import pytest

import records
import sdr
from eventd import MODES
from eventd_text import KINDS, parse_stream
from waiting import stays, wait_for

# eventd mode → the words of the same mode, before the program.
OPTIONS = {"arguments": [], "stdin": ["-i"], "keep": ["-k"]}


class Pair:
    """One eventd and one ipmid in the same mode on the same BMC, both up."""

    def __init__(self, bmc, mode, make_ipmid, make_eventd, make_recorder, **options):
        self.bmc = bmc
        self.recorder = None
        if mode == "file":
            self.ipmid = make_ipmid(bmc, **options)
        else:
            self.recorder = make_recorder(MODES[mode][1])
            self.ipmid = make_ipmid(bmc, [*OPTIONS[mode], *self.recorder.command], **options)
        self.eventd = make_eventd(bmc, mode)

    def inject(self, new_records):
        """Add records so that eventd reads them with one poll."""
        self.eventd.pause()
        self.bmc.add_many(new_records)
        self.eventd.resume()

    def of_ipmid(self):
        return self.recorder.events() if self.recorder else self.ipmid.events()

    def data_of_ipmid(self):
        return self.recorder.data() if self.recorder else self.ipmid.data()

    def wait(self, count):
        """Wait until both have delivered COUNT events; returns eventd's and ipmid's."""
        of_eventd = self.eventd.wait_for_events(count)
        wait_for(lambda: len(self.of_ipmid()) >= count, 10,
                 lambda: f"{count} events from ipmid, there are {len(self.of_ipmid())};"
                         f" it said:\n{self.ipmid.log()[-2000:]}")
        return of_eventd, self.of_ipmid()


@pytest.fixture
def make_pair(make_ipmid, make_eventd, make_recorder):
    def make(bmc, mode="file", **options):
        return Pair(bmc, mode, make_ipmid, make_eventd, make_recorder, **options)
    return make


@pytest.mark.parametrize("mode", MODES)
def test_the_same_bytes_in_every_mode(bmc, make_pair, mode):
    pair = make_pair(bmc, mode)
    added = [one for one in records.every_kind(bmc.population)
             if records.payload(one) != records.payload(records.software())]
    added.append(records.software(sensor_number=0xEE))
    pair.inject(added)
    of_eventd, of_ipmid = pair.wait(len(added))
    assert [event.payload for event in of_ipmid] == [records.payload(one) for one in added]
    assert of_ipmid == of_eventd
    assert {event.kind for event in of_ipmid} == set(KINDS)
    assert pair.data_of_ipmid() == pair.eventd.data()


def test_the_same_arguments(bmc, make_pair):
    """Argument by argument, the user's own first, and nothing after the last."""
    pair = make_pair(bmc, "arguments")
    pair.inject([records.threshold(bmc.sensor("CPU1 Temp"), sdr.UPPER_CRITICAL, reading=95,
                                   limit=90)])
    pair.wait(1)
    words = pair.data_of_ipmid().split(b"\0")
    assert words == pair.eventd.data().split(b"\0")
    assert words[:5] == [b"threshold", b"severity", b"upper_critical", b"direction",
                         b"going_high"]


def test_events_that_the_bmc_makes_itself(bmc, make_pair):
    pair = make_pair(bmc)
    pair.eventd.pause()
    bmc.set_reading("CPU1 Temp", 101, event=True)
    bmc.set_reading("CPU1 Temp", 40, event=True)
    bmc.set_state("PSU1 Status", 1, event=True)
    bmc.set_state("PSU1 Status", 1, on=False, event=True)
    count = len(bmc.sel())
    pair.eventd.resume()
    of_eventd, of_ipmid = pair.wait(count)
    assert count >= 8 and of_ipmid == of_eventd
    assert pair.data_of_ipmid() == pair.eventd.data()


# What is wrong with a record → how ipmid differs from eventd: kinds of both.
BEYOND_THE_TABLE = {"threshold 6", "threshold 7"}


def test_malformed_records(bmc, make_pair):
    """The same again, but for threshold offsets 12 to 15: eventd reads past a table."""
    pair = make_pair(bmc)
    every = records.malformed(bmc.sensor("CPU1 Temp"))
    pair.inject(every.values())
    of_eventd, of_ipmid = pair.wait(len(every))
    assert len(of_eventd) == len(of_ipmid) == len(every)
    different = {name for name, theirs, ours in zip(every, of_eventd, of_ipmid, strict=True)
                 if theirs != ours}
    assert different == BEYOND_THE_TABLE
    for name, theirs, ours in zip(every, of_eventd, of_ipmid, strict=True):
        if name in BEYOND_THE_TABLE:
            assert theirs.kind == "threshold" and ours.kind == "unknown"
            assert ours.keys == ["eventtype", "eventtime", "eventdata"]
            assert [ours[key] for key in ours.keys] == [theirs[key] for key in ours.keys]


def test_software_is_no_sensor_of_the_bmc(bmc, make_pair):
    """eventd takes an operating system's "sensor 1" for the BMC's sensor 1."""
    pair = make_pair(bmc)
    pair.inject([records.software(records.OPERATING_SYSTEM, sensor_number=1)])
    (theirs,), (ours,) = pair.wait(1)
    assert theirs.kind == "threshold" and theirs["id"] == "3.1.CPU1 Temp"
    assert ours.kind == "unknown" and ours.keys == ["eventtype", "eventtime", "eventdata"]
    assert [ours[key] for key in ours.keys] == [theirs[key] for key in ours.keys]


def test_both_delete(make_bmc, make_pair):
    pair_bmc = make_bmc()
    pair = make_pair(pair_bmc, options=["-e"])
    pair.inject([records.numbered(pair_bmc.sensor("CPU1 Temp"), number) for number in range(5)])
    pair.ipmid.wait_for_events(5)
    wait_for(lambda: pair_bmc.sel() == [], 10, "ipmid to delete")
    assert len(parse_stream(pair.data_of_ipmid())) == 5


def test_argument_mode_deletes_which_eventd_never_does(make_bmc, make_eventd, make_ipmid,
                                                       make_recorder):
    kept, deleted = make_bmc(), make_bmc()
    eventd = make_eventd(kept, "arguments", delete=True)
    recorder = make_recorder("arguments")
    make_ipmid(deleted, ["-e", *recorder.command])
    for one in (kept, deleted):
        one.add_many(records.numbered(one.sensor("CPU1 Temp"), number) for number in range(3))
    wait_for(lambda: deleted.sel() == [], 10, "ipmid to delete")
    assert len(recorder.events()) == 3
    eventd.wait_for_events(3)
    stays(lambda: len(kept.sel()) == 3, 0.3, "eventd's SEL")
