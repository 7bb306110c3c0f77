# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fleet of simulated BMCs: what goes wrong with some costs the others nothing.

The whole way, ipmi_sim to file, under one configuration file; the core's own
decisions are in test_fleet.py, at speed.
"""

import random
import signal
import time

import pytest

import loopback
import processes
import records
from configured import ConfiguredIpmid
from names import Hosts
from test_core import needs_crash_points
from waiting import TIMESCALE, stays, wait_for

SEL_INTERVAL = 0.5
CONFIGURATION = """\
[daemon]
state-dir = {state}
bmcs-per-collector = %d
settle-time = 2s
[defaults]
user = ipmiusr
password-file = {password}
sel-interval = 500ms
sensor-interval = %s
[handler log]
plugin = file
path = {output}
format = json
"""


@pytest.fixture
def make_fleet(request, tmp_path, make_bmc):
    """Start COUNT simulated BMCs and an ipmid on all of them."""
    made = []

    def make(count, per=250, sensor_interval="2s"):
        bmcs = [make_bmc() for _ in range(count)]
        groups = "".join(f"[bmc n{number}]\naddress = {{{number}}}\n" for number in range(count))
        ipmid = ConfiguredIpmid(tmp_path / "ipmid", CONFIGURATION % (per, sensor_interval) + groups, bmcs)
        made.append(ipmid)
        ipmid.start(wait=False)
        wait_for(lambda: up(ipmid) == {f"n{number}" for number in range(count)}, 40,
                 lambda: f"all to be up:\n{ipmid.log()[-2000:]}", poll=0.1)
        return ipmid, bmcs
    request.addfinalizer(lambda: [ipmid.stop() for ipmid in made])
    return make


def up(ipmid, mark=0):
    """The BMCs that have been up since byte MARK of the log."""
    lines = ipmid.log()[mark:].splitlines()
    return {line.split(" bmc=")[1].split()[0] for line in lines if 'msg="up' in line}


def add(bmc, number):
    """Add record NUMBER; returns how ipmid's JSON shows it."""
    record = records.numbered(bmc.sensor("CPU1 Temp"), number)
    bmc.add(record)
    return records.payload(record)


def payloads(ipmid, name):
    return [records.payload(bytes.fromhex(event["raw"])) for event in ipmid.json_events()
            if event["bmc"] == name and "raw" in event]


@pytest.mark.deadline(150)
def test_fifty_frozen_cost_the_others_nothing(make_fleet):
    """In one collector with them, while their loss is noticed and they are tried again."""
    ipmid, bmcs = make_fleet(52)
    living = {"n0": bmcs[0], "n51": bmcs[51]}
    for bmc in bmcs[1:51]:
        bmc.freeze()
    chance, expected = random.Random(1), {name: [] for name in living}
    begin = time.monotonic()
    number = 0
    while time.monotonic() < begin + 25:
        for name, bmc in living.items():
            expected[name].append(add(bmc, number))
            # One second more than the interval, whatever the others do.
            wait_for(lambda name=name: payloads(ipmid, name) == expected[name], SEL_INTERVAL + 1,
                     lambda name=name: f"event {number} of {name}; log:\n{ipmid.log()[-2000:]}")
        number += 1
        stays(lambda: True, chance.uniform(0, SEL_INTERVAL), "a moment")
    assert ipmid.log().count("down: ") >= 50
    for bmc in bmcs[1:51]:
        bmc.thaw()
        expected_one = add(bmc, 1000)
    wait_for(lambda: payloads(ipmid, "n50") == [expected_one], 60, "what was written in the frost")


@pytest.mark.deadline(150)
def test_a_killed_collector_costs_a_moment_and_no_event(make_fleet):
    """Half of the BMCs are blind until another collector has connected them; their sessions leak."""
    ipmid, bmcs = make_fleet(24, per=12)
    expected = {f"n{number}": [] for number in range(24)}
    for turn in range(2):
        collectors = ipmid.collectors()
        assert len(collectors) == 2, "one death is no reason for other shares"
        mark = len(ipmid.log())
        processes.signal_quietly(collectors[turn % 2], signal.SIGKILL)
        for number, bmc in enumerate(bmcs):
            expected[f"n{number}"].append(add(bmc, turn))
        began = time.monotonic()
        wait_for(lambda: len(up(ipmid, mark)) == 12, 30,
                 lambda: f"twelve to be up again:\n{ipmid.log()[mark:][-3000:]}", poll=0.02)
        assert time.monotonic() - began < 10 * TIMESCALE
        wait_for(lambda: all(payloads(ipmid, name) == expected[name] for name in expected), 30,
                 "every event, once and in order")


@needs_crash_points
@pytest.mark.deadline(150)
def test_a_bmc_that_stops_its_collector_costs_the_others_a_moment(make_fleet):
    """Its record never lets the collector go: that is seen at once, and it never happens to the others again."""
    ipmid, bmcs = make_fleet(12)
    others = {f"n{number}": bmc for number, bmc in enumerate(bmcs) if number != 3}
    expected = {name: [] for name in others}
    bmcs[3].add(records.oem_untimed(data=b"ipmid: spin!!"))
    wait_for(lambda: "was spinning" in ipmid.log(), 30, "it to spin")
    for number in range(3):
        for name, bmc in others.items():
            expected[name].append(add(bmc, number))
        # The fault, the new session and the interval; figures are in bench/README.md.
        wait_for(lambda: all(payloads(ipmid, name) == expected[name] for name in others), 5,
                 lambda number=number: f"event {number} of each; log:\n{ipmid.log()[-3000:]}")
    health = [event for event in ipmid.json_events() if event["kind"] == "health"]
    assert [event["bmc"] for event in health] == ["n3"] and "spinning" in health[0]["text"]
    assert "bmcs: 11 up 1 quarantined" in ipmid.status()


@pytest.mark.deadline(120)
def test_a_name_that_means_another_address(request, tmp_path, make_bmc):
    """The BMC comes back elsewhere, under the same name: found there, and its history goes on."""
    hosts, bmc = Hosts(tmp_path), make_bmc()
    hosts.say({"moving.test": bmc.address})
    text = CONFIGURATION % (250, "0s") + f"[bmc n0]\naddress = moving.test:{bmc.port}\n"
    ipmid = ConfiguredIpmid(tmp_path / "ipmid", text, [bmc])
    ipmid.wrapper = hosts.wrapper
    request.addfinalizer(ipmid.stop)
    ipmid.start(wait=False)
    wait_for(lambda: up(ipmid) == {"n0"}, 40, lambda: f"it to be up:\n{ipmid.log()[-2000:]}")
    expected = [add(bmc, 0)]
    wait_for(lambda: payloads(ipmid, "n0") == expected, 20, "the first event")
    bmc.kill()
    bmc.address = loopback.second_address()
    bmc.start()
    expected.append(add(bmc, 1))
    ipmid.wait_log("down: ", deadline=40)
    mark = len(ipmid.log())
    hosts.say({"moving.test": bmc.address})
    wait_for(lambda: up(ipmid, mark) == {"n0"}, 40, lambda: f"it to be found:\n{ipmid.log()[mark:][-2000:]}")
    expected.append(add(bmc, 2))
    wait_for(lambda: payloads(ipmid, "n0") == expected, 20, lambda: f"all events:\n{ipmid.log()[-2000:]}")
    assert f"another address now: {bmc.address}" in ipmid.log()[mark:]
    events = [event for event in ipmid.json_events() if "raw" in event]
    assert len({event["id"].split("/")[1] for event in events}) == 1
    assert not any(event.get("existing") for event in events)
