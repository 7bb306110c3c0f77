# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sensors whose records their controllers keep themselves, and which come and go within a session."""

import json

import ipmi
import pytest
import sdr
from scripted_bmc import Repository, before, cut, late, refuse, silent
from waiting import stays, wait_for

HAS_DEVICE_SDRS = 0x80           # Get Device ID, device revision
HAS_REPOSITORY = 0x02            # Get Device ID, additional device support
DYNAMIC, LUN_0 = 0x80, 0x01      # Get Device SDR Info, flags
# The first question comes after 30 sensor intervals and 5 s, at the interval of 250 ms.
PATIENCE = 40

CONFIGURATION = """\
[daemon]
state-dir = {state}
[bmc b]
address = {0}
user = ipmiusr
privilege = admin
password-file = {password}
sel-interval = 100ms
sensor-interval = 250ms
[handler log]
plugin = file
path = {output}
format = json
readings = yes
"""

BOARD = sdr.Sensor("Board Temp", 50, sdr.TEMPERATURE, entity=(7, 2), unit=sdr.CELSIUS, reading=33)
RISER = sdr.Sensor("Riser Temp", 51, sdr.TEMPERATURE, entity=(7, 3), unit=sdr.CELSIUS, reading=34)


class DeviceSdrs:
    """Sensors of a ScriptedBmc that it has in device SDRs.

    FLAGS are those of Get Device SDR Info; ALONE: it has no repository beside them.
    """

    def __init__(self, bmc, sensors, flags=DYNAMIC | LUN_0, alone=False):
        self._bmc = bmc
        self._alone = alone
        self._main = list(bmc.population)
        self._flags = flags
        self._indicator = 1
        self._repository = Repository([])
        self._replace(sensors)
        bmc.script(ipmi.GET_DEVICE_ID, self._device_id)
        bmc.script(ipmi.GET_DEVICE_SDR_INFO, self.info)
        bmc.script(ipmi.RESERVE_DEVICE_SDR, lambda request, proceed: self._repository.reserve())
        bmc.script(ipmi.GET_DEVICE_SDR, lambda request, proceed: self._repository.get(request.data))

    def change(self, *sensors):
        """Have these from now on."""
        self._indicator += 1
        self._replace(sensors)

    def _replace(self, sensors):
        self._count = len(sensors)
        self._bmc.readings.update({sensor.number: sensor.reading for sensor in sensors})
        self._bmc.population = sdr.Population([*self._main, *sensors])
        self._repository.replace([sdr.sensor_record(sensor) for sensor in sensors])

    def _device_id(self, _request, proceed):
        reply = bytearray(proceed())
        reply[2] |= HAS_DEVICE_SDRS
        if self._alone:
            reply[6] &= ~HAS_REPOSITORY
        return bytes(reply)

    def info(self, _request, _proceed):
        indicator = self._indicator.to_bytes(4, "little") if self._flags & DYNAMIC else b""
        return bytes([ipmi.OK, self._count, self._flags]) + indicator


def once(action):
    """ACTION, but only the first time that it is called."""
    left = [action]
    return lambda: left.pop()() if left else None


def lines(path):
    """What the file handler has written, whole lines only."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


# With ipmi_sim and the whole daemon.

@pytest.mark.parametrize("owner", [sdr.BMC_ADDRESS, sdr.SATELLITE_ADDRESS])
def test_new_sensor(make_bmc, make_configured, owner):
    """The BMC's own, and a satellite's: it is read soon after it has come, and nobody restarts anything."""
    board, riser = (sdr.Sensor(sensor.label, sensor.number, sensor.sensor_type, owner=owner, entity=sensor.entity,
                               unit=sensor.unit, reading=sensor.reading) for sensor in (BOARD, RISER))
    bmc = make_bmc(sdr.Population([sdr.ORDINARY["CPU1 Temp"], board]), device_sdrs=["Board Temp"])
    ipmid = make_configured(CONFIGURATION, [bmc])

    def values(name):
        return [line["value"] for line in lines(ipmid.output) if line.get("sensor") == name and "value" in line]
    wait_for(lambda: values("Board Temp"), 20, "the sensor that is there")
    bmc.add_device_sensor(riser)
    wait_for(lambda: values("Riser Temp"), PATIENCE, "the sensor that has come")
    assert set(values("Riser Temp")) == {34}
    # No word to the handlers: the BMC was never away.
    assert not [line for line in lines(ipmid.output) if line.get("kind") == "connection"]


# With a scripted BMC: what tells a change.

def test_changed_before_the_first_question(make_scripted_bmc, make_collector):
    """What counts is what OpenIPMI was told before it read the records, not what we hear first."""
    bmc = make_scripted_bmc(start=False)
    devices = DeviceSdrs(bmc, [BOARD], flags=LUN_0)      # its number of sensors tells
    # The SEL reader asks for this when the BMC is up, before the sensors are read.
    bmc.script(ipmi.GET_SEL_INFO, before(once(lambda: devices.change(BOARD, RISER))))
    bmc.start()
    collector = make_collector(bmc)
    collector.wait_inventory()
    assert "Board Temp" in collector.sensors() and "Riser Temp" not in collector.sensors()
    collector.wait_inventory(2, deadline=PATIENCE)
    assert collector.wait_reading("Riser Temp", lambda one: one.available).value == 34
    assert "Board Temp" in collector.sensors()


@pytest.mark.parametrize("alone", [False, True])
def test_another_sensor(make_scripted_bmc, make_collector, alone):
    """As many as before: the change indicator tells."""
    outlet = sdr.Sensor("Outlet Temp", 52, sdr.TEMPERATURE, entity=(64, 2), unit=sdr.CELSIUS)
    bmc = make_scripted_bmc(sdr.Population([] if alone else sdr.ORDINARY, satellite=False), start=False)
    devices = DeviceSdrs(bmc, [outlet, BOARD], alone=alone)
    bmc.start()
    collector = make_collector(bmc)
    collector.wait_reading("Board Temp", deadline=20)
    old = collector.sensors()
    devices.change(outlet, RISER)
    collector.wait_inventory(2, deadline=PATIENCE)
    after = collector.sensors()
    assert set(after) == set(old) - {"Board Temp"} | {"Riser Temp"}
    assert all(after[name] == info for name, info in old.items() if name in after)
    collector.wait_reading("Riser Temp", lambda one: one.available)


# What does not.

def wait_same_session(bmc, collector, command, times=1):
    """COMMAND is asked for so many times; the session goes on, and its sensors are read."""
    bmc.wait_for_request(command, times, PATIENCE)
    bmc.wait_for_request(ipmi.GET_READING, 10)
    assert bmc.count(ipmi.CLOSE_SESSION) == 0
    assert bmc.count(ipmi.SET_SESSION_PRIVILEGE) == 0
    assert len(collector.inventories()) == 1


def test_nothing_has_changed(make_scripted_bmc, make_collector):
    """Both are asked for, round after round, and the session goes on."""
    bmc = make_scripted_bmc(start=False)
    DeviceSdrs(bmc, [BOARD])
    bmc.start()
    collector = make_collector(bmc)
    collector.wait_reading("Board Temp", deadline=20)
    bmc.forget_log()
    wait_same_session(bmc, collector, ipmi.GET_DEVICE_SDR_INFO, 2)
    asked = [one.command for one in bmc.log() if one.command in (ipmi.GET_SDR_INFO, ipmi.GET_DEVICE_SDR_INFO)]
    assert asked[:4] == [ipmi.GET_SDR_INFO, ipmi.GET_DEVICE_SDR_INFO] * 2
    assert bmc.count(ipmi.GET_SDR) == bmc.count(ipmi.GET_DEVICE_SDR) == 0


def test_without_device_sdrs(scripted_bmc, make_collector):
    """A BMC that has none is never asked for them."""
    collector = make_collector(scripted_bmc)
    collector.wait_inventory()
    assert scripted_bmc.count(ipmi.GET_DEVICE_SDR_INFO) == 0
    scripted_bmc.forget_log()
    wait_same_session(scripted_bmc, collector, ipmi.GET_SDR_INFO)
    assert scripted_bmc.count(ipmi.GET_DEVICE_SDR_INFO) == 0


@pytest.mark.parametrize("hook", [refuse(ipmi.UNSUPPORTED_COMMAND), cut(5), silent])
def test_answers_that_tell_nothing(make_scripted_bmc, make_collector, hook):
    """An error, an odd length, no answer: the session goes on."""
    bmc = make_scripted_bmc(start=False)
    devices = DeviceSdrs(bmc, [BOARD])
    bmc.start()
    collector = make_collector(bmc)
    collector.wait_reading("Board Temp", deadline=20)
    devices.change(BOARD, RISER)
    bmc.script(ipmi.GET_DEVICE_SDR_INFO, lambda request, proceed: hook(request, lambda: devices.info(request, proceed)))
    bmc.forget_log()
    wait_same_session(bmc, collector, ipmi.GET_DEVICE_SDR_INFO)


def test_always_another(make_scripted_bmc, make_collector):
    """A change indicator that is a clock: soon it is looked at only half as often."""
    bmc = make_scripted_bmc(start=False)
    devices = DeviceSdrs(bmc, [BOARD])
    bmc.script(ipmi.GET_DEVICE_SDR_INFO, before(lambda: devices.change(BOARD), devices.info))
    bmc.start()
    collector = make_collector(bmc)
    collector.wait_reading("Board Temp", deadline=20)
    bmc.forget_log()
    bmc.wait_for_request(ipmi.SET_SESSION_PRIVILEGE, 1, PATIENCE)
    # At the pace of the first time there would be the next after 14 s at the latest.
    stays(lambda: bmc.count(ipmi.SET_SESSION_PRIVILEGE) == 1, 18, "the second session")
    assert len(collector.inventories()) == 1


def test_two_under_way(make_scripted_bmc, make_collector):
    """A slow BMC gets two requests for its sensors at a time, these questions among them."""
    questions = (ipmi.GET_SDR_INFO, ipmi.GET_DEVICE_SDR_INFO)
    bmc = make_scripted_bmc(start=False)
    devices = DeviceSdrs(bmc, [BOARD])
    bmc.start()
    # By itself OpenIPMI would hold the third back.
    collector = make_collector(bmc, settings={"max-outstanding": "uint32 8"})
    collector.wait_reading("Board Temp", deadline=20)
    for command in (ipmi.GET_READING, ipmi.GET_SDR_INFO):
        bmc.script(command, late(0.2))
    bmc.script(ipmi.GET_DEVICE_SDR_INFO, lambda request, proceed: late(0.2)(request, lambda: devices.info(request, None)))
    # Those that were under way.
    bmc.wait_for_request(ipmi.GET_READING, 4)
    bmc.forget_log()
    bmc.wait_for_request(ipmi.GET_DEVICE_SDR_INFO, 1, PATIENCE)
    bmc.wait_for_request(ipmi.GET_READING, 4)
    times = [one.when for one in bmc.log() if one.command in (ipmi.GET_READING, *questions)]
    assert len(times) > 20
    assert all(later - earlier > 0.18 for earlier, later in zip(times, times[2:]))
