# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collector's sensors: inventory and readings."""

import dataclasses
import re
import statistics
import subprocess
import time

import ipmi
import pytest
import sdr
from collector import (ANALOG, AVAILABLE, EVENT_ONLY, LOST, OWN, SATELLITE, SCANNING, STATE, UP,
                       VALUE)
from scripted_bmc import late
from waiting import wait_for

UNITS = {"degrees C": "°C", "Volts": "V", "RPM": "RPM", "discrete": "", "": ""}
CHASSIS_DEVICE = 0x80            # Get Device ID, additional device support
THRESHOLD_ORDER = (2, 1, 0, 3, 4, 5)    # as `ipmitool sensor` has its columns


# Against ipmitool.

def ipmitool_sensors(bmc):
    """`ipmitool sensor`, by the first sixteen bytes of the name."""
    done = subprocess.run(bmc.ipmitool("sensor"), capture_output=True, text=True, check=True)
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) == 10}


def ipmitool_elist(bmc):
    """`ipmitool sdr elist all`: number, entity and text, by name."""
    done = subprocess.run(bmc.ipmitool("sdr", "elist", "all"), capture_output=True, text=True, check=True)
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) == 5}


def status_of(states):
    """What ipmitool calls the worst threshold that is crossed."""
    return next((word for bits, word in ((0x24, "nr"), (0x12, "cr"), (0x09, "nc")) if states & bits), "ok")


def check_analog(info, reading, row):
    value, unit, status, *limits = row
    assert UNITS[unit] == info.unit
    assert info.flags & ANALOG and info.event_type == sdr.THRESHOLD
    assert reading.flags == AVAILABLE | SCANNING | VALUE
    assert reading.value == pytest.approx(float(value), abs=0.0006)
    assert status == status_of(reading.states)
    for threshold, limit in zip(THRESHOLD_ORDER, limits):
        assert info.thresholds[threshold] == pytest.approx(float(limit), abs=0.0006)


def check_discrete(info, reading, row):
    _value, unit, raw, *_limits = row
    assert unit == "discrete" and info.unit == "" and not info.thresholds
    assert reading.flags == AVAILABLE | SCANNING
    # ipmitool prints the two bytes in the order of the wire.
    assert reading.states == int(raw[4:6] + raw[2:4], 16) & 0x7FFF


@pytest.mark.deadline(120)
def test_same_as_ipmitool(make_bmc, make_collector):
    """Every sensor's name, entity, value, unit, thresholds and states."""
    bmc = make_bmc(sdr.ORDINARY)
    bmc.set_reading("CPU1 Temp", 95)
    bmc.set_reading("12V", 182)
    bmc.set_state("DIMM A1", 1)
    collector = make_collector(bmc)
    rows, entities = ipmitool_sensors(bmc), ipmitool_elist(bmc)
    wait_for(lambda: collector.inventories() and all(
        collector.readings_of(sensor.label) for sensor in bmc.population if sensor.sdr_type != sdr.EVENT_ONLY),
        20, "a reading of every sensor")
    found = collector.sensors()
    assert {sensor.label for sensor in bmc.population} == set(found) - {"Chassis Power"}
    for sensor in bmc.population:
        info = found[sensor.label]
        number, _, entity, _ = entities[sensor.label[:16]]
        assert info.id == f"{entity}.{sensor.label}" and int(number[:-1], 16) == sensor.number
        assert (info.sensor_type, info.event_type) == (sensor.sensor_type, sensor.reading_type)
        assert bool(info.flags & SATELLITE) == (sensor.owner != sdr.BMC_ADDRESS)
        if sensor.sdr_type == sdr.EVENT_ONLY:
            assert info.flags == EVENT_ONLY and not collector.readings_of(sensor.label)
        else:
            check = check_analog if sensor.analog else check_discrete
            check(info, collector.readings_of(sensor.label)[-1], rows[sensor.label[:16]])


def test_record_ids(make_bmc, make_collector):
    """Each sensor with the id of its own record: the satellite's locator is the first."""
    bmc = make_bmc(sdr.ORDINARY)
    collector = make_collector(bmc)
    collector.wait_inventory()
    ids = {sensor.label: number for number, sensor in enumerate(bmc.population, 2)}
    found = collector.sensors()
    assert {label: found[label].record_id for label in ids} == ids


def test_hostile_names(make_bmc, make_collector):
    """Names are clean, and sensors without one are told apart."""
    bmc = make_bmc(sdr.EVERYTHING)
    collector = make_collector(bmc)
    inventory = collector.wait_inventory()
    assert len(inventory) == len(list(bmc.population)) + 1      # chassis power
    for info in inventory:
        assert info.name and not re.search(r"[\x00-\x1f\x7f-\x9f]", info.name + info.id)
    assert len({info.id for info in inventory}) == len(inventory)
    assert len({info.number for info in inventory}) == len(inventory)


# When they are read.

def test_interval_of_250_ms(make_bmc, make_collector):
    """As often as that, no more and no less; others by their pattern."""
    bmc = make_bmc(sdr.Population(sdr.ORDINARY, satellite=False))
    collector = make_collector(bmc, settings={
        "sensor-intervals": "@a(sx) [('fan*', 1000000), ('12V', 0), ('*V', 500000)]"})
    wait_for(lambda: collector.inventories() and len(collector.readings_of("CPU1 Temp")) >= 24, 20,
             "24 readings")
    times = [reading.time for reading in collector.readings_of("CPU1 Temp")][2:]
    assert statistics.median(b - a for a, b in zip(times, times[1:])) == pytest.approx(0.25, abs=0.02)
    assert len(times) / (times[-1] - times[0]) == pytest.approx(4, rel=0.15)
    assert 4 <= len(collector.readings_of("FAN1")) <= 9
    assert not collector.readings_of("12V")


@pytest.mark.deadline(120)
def test_250_sensors(make_bmc, make_collector):
    """More than fit into a frame of a size, in rounds of more than one batch."""
    sensors = [sdr.Sensor(f"Sensor number {number} of many", number, sdr.TEMPERATURE, entity=(7, number % 96),
                          unit=sdr.CELSIUS, reading=number % 100) for number in range(1, 251)]
    bmc = make_bmc(sdr.Population(sensors))
    collector = make_collector(bmc, interval=2)
    inventory = collector.wait_inventory(deadline=60)
    assert len(inventory) == 251
    by_number = {info.number: info.name for info in inventory}
    wait_for(lambda: len(collector.readings()) >= 500, 30, "two rounds")
    read = {by_number[reading.sensor]: reading.value for reading in collector.readings()}
    assert read == {**{sensor.name.decode(): sensor.reading for sensor in sensors}, **{
        name: value for name, value in read.items() if name == "Chassis Power"}}


def test_two_under_way(scripted_bmc, make_collector):
    """A slow BMC gets two requests at a time, the SEL's among them, and events still come."""
    collector = make_collector(scripted_bmc)
    collector.wait_reading("CPU1 Temp")
    scripted_bmc.script(ipmi.GET_READING, late(0.2))
    scripted_bmc.forget_log()
    scripted_bmc.wait_for_request(ipmi.GET_READING, 16)
    times = [one.when for one in scripted_bmc.log(ipmi.GET_READING)][4:]
    assert all(later - earlier > 0.18 for earlier, later in zip(times, times[2:]))
    # Every sensor in its turn.
    asked = [one.data[0] for one in scripted_bmc.log(ipmi.GET_READING)][:10]
    assert len(set(asked)) >= 9
    polls = scripted_bmc.count(ipmi.GET_SEL_ENTRY)
    scripted_bmc.wait_for_request(ipmi.GET_READING, 10)
    assert scripted_bmc.count(ipmi.GET_SEL_ENTRY) >= polls + 4


def for_sensors(command):
    """Is this a request that only sensors need?"""
    netfn, number = command
    return netfn == ipmi.SENSOR or netfn == ipmi.STORAGE and 0x10 <= number < 0x30


def test_not_at_all(scripted_bmc, make_collector):
    """With the interval 0 no sensor is read once the BMC is up, nor is anything else asked for them."""
    collector = make_collector(scripted_bmc, interval=0)
    wait_for(lambda: any(state == UP for _, state, _ in collector.frames(STATE)), 10, "the BMC to be up")
    scripted_bmc.forget_log()
    scripted_bmc.wait_for_request(ipmi.GET_SEL_ENTRY, 20)
    assert not {one.command for one in scripted_bmc.log() if for_sensors(one.command)}
    assert not collector.inventories() and not collector.readings() and not collector.caches()


# Sensors that give nothing.

def only_for(number, answer):
    """A hook: ANSWER for one sensor, the ordinary one for the others."""
    return lambda request, proceed: answer if request.data[0] == number else proceed()


@pytest.mark.parametrize("answer,flags", [
    (bytes([0, 40, 0xE0, 0xC0]), SCANNING),          # reading unavailable
    (bytes([0, 40, 0x80, 0xC0]), AVAILABLE),         # scanning disabled
    (bytes([ipmi.NOT_PRESENT]), LOST),
    (bytes([0, 40]), LOST),                          # cut: the guard refuses it
])
def test_gives_nothing(scripted_bmc, make_collector, answer, flags):
    """Such a sensor is marked; the others go on; and it comes back."""
    collector = make_collector(scripted_bmc)
    collector.wait_reading("CPU1 Temp", lambda one: one.flags == AVAILABLE | SCANNING | VALUE)
    number = scripted_bmc.sensor("CPU1 Temp").number
    scripted_bmc.script(ipmi.GET_READING, only_for(number, answer))
    lost = collector.wait_reading("CPU1 Temp", lambda one: one.flags == flags)
    assert (lost.value, lost.states) == (0, 0)
    collector.wait_reading("FAN1", lambda one: one.available and one.time > lost.time)
    scripted_bmc.unscript()
    collector.wait_reading("CPU1 Temp", lambda one: one.flags == AVAILABLE | SCANNING | VALUE, deadline=20)


def test_error_is_asked_less_often(scripted_bmc, make_collector):
    """Twice as long after each error."""
    number = scripted_bmc.sensor("CPU1 Temp").number
    scripted_bmc.script(ipmi.GET_READING, only_for(number, bytes([ipmi.NOT_PRESENT])))
    collector = make_collector(scripted_bmc)
    wait_for(lambda: collector.inventories() and len(collector.readings_of("FAN1")) >= 30, 30, "30 readings")
    asked = [one for one in scripted_bmc.log(ipmi.GET_READING) if one.data[0] == number]
    lost = collector.readings_of("CPU1 Temp")
    # OpenIPMI itself looks once or twice who is present.
    assert 4 <= len(lost) <= 7 and len(asked) <= len(lost) + 3
    assert all(reading.flags == LOST for reading in lost)
    gaps = [b.time - a.time for a, b in zip(lost, lost[1:])]
    assert all(later > 1.5 * earlier for earlier, later in zip(gaps, gaps[1:]))


def test_dead_satellite(make_scripted_bmc, make_collector):
    """Nobody there: its sensors are lost, and hold up nobody else's."""
    bmc = make_scripted_bmc(sdr.ORDINARY)
    collector = make_collector(bmc)
    collector.wait_reading("Blade Temp", lambda one: one.flags == LOST, deadline=40)
    wait_for(lambda: len(collector.readings_of("FAN1")) >= 10, 20, "readings of the BMC's own")
    times = [reading.time for reading in collector.readings_of("FAN1")]
    assert max(b - a for a, b in zip(times, times[1:])) < 1


# The inventory changes.

def test_sensor_goes(scripted_bmc, make_collector):
    """The repository is other than it was: the inventory is, too, and sensors keep their numbers."""
    collector = make_collector(scripted_bmc)
    collector.wait_inventory()
    before = collector.sensors()
    # FAN1 is gone, the temperature has another name, one is new.
    changed = [dataclasses.replace(sensor, label="CPU Temp", entity=(3, 9)) if sensor.label == "CPU1 Temp" else sensor
               for sensor in scripted_bmc.population if sensor.label != "FAN1"]
    changed.append(sdr.Sensor("Brand New", 99, sdr.TEMPERATURE, unit=sdr.CELSIUS))
    scripted_bmc.change_sensors(sdr.Population(changed))
    wait_for(lambda: "Brand New" in collector.sensors(), 40, "the new inventory")
    after = collector.sensors()
    assert set(after) == set(before) - {"FAN1", "CPU1 Temp"} | {"CPU Temp", "Brand New"}
    for name in set(before) & set(after):
        assert after[name].number == before[name].number
    assert not {after["CPU Temp"].number, after["Brand New"].number} & {one.number for one in before.values()}
    collector.wait_reading("Brand New")
    collector.wait_reading("12V", lambda one: one.available)


def test_new_sensor_of_ipmi_sim(make_bmc, make_collector):
    """Within a session, too."""
    bmc = make_bmc(sdr.Population(sdr.ORDINARY, satellite=False))
    collector = make_collector(bmc)
    collector.wait_inventory()
    # The repository's time counts in seconds.
    started = time.monotonic()
    wait_for(lambda: time.monotonic() > started + 1.1, 5, "the next second")
    new = sdr.Sensor("Added", 77, sdr.TEMPERATURE, unit=sdr.CELSIUS)
    bmc.console(f"sensor_add 0x20 0 77 {sdr.TEMPERATURE} {sdr.THRESHOLD}")
    bmc.console("main_sdr_add 0x20 " + " ".join(f"{byte:#04x}" for byte in sdr.sensor_record(new)))
    wait_for(lambda: "Added" in collector.sensors(), 40, "the new sensor")


def test_thresholds_of_the_bmc(scripted_bmc, make_collector):
    """What the BMC says now counts, not what its records said when it was made."""
    scripted_bmc.script(ipmi.GET_THRESHOLDS, only_for(1, bytes([0, 0x38, 0, 0, 0, 70, 75, 77])))
    collector = make_collector(scripted_bmc)
    wait_for(lambda: collector.inventories() and collector.sensors()["CPU1 Temp"].thresholds == {3: 70, 4: 75, 5: 77},
             20, "the thresholds")
    assert len(collector.inventories()) == 2
    assert len([one for one in scripted_bmc.log(ipmi.GET_THRESHOLDS) if one.data[0] == 1]) == 1


def test_same_numbers_after_reconnect(make_bmc, make_collector):
    bmc = make_bmc(sdr.Population(sdr.ORDINARY, satellite=False), sdr_erased=True)
    collector = make_collector(bmc)
    collector.wait_reading("FAN1")
    before = collector.sensors()
    bmc.restart()
    stopped = time.time()
    collector.wait_reading("FAN1", lambda one: one.time > stopped, deadline=60)
    assert collector.sensors() == before
    assert len(collector.inventories()) == 1


# Chassis power and DCMI.

def with_chassis(bmc, answer):
    """Make a ScriptedBmc say that it has a chassis device, and ANSWER about it."""
    def device_id(_request, proceed):
        reply = bytearray(proceed())
        reply[6] |= CHASSIS_DEVICE
        return bytes(reply)
    bmc.script(ipmi.GET_DEVICE_ID, device_id)
    bmc.script(ipmi.GET_CHASSIS_STATUS, lambda request, proceed: answer())


def test_chassis_power(make_scripted_bmc, make_collector):
    bmc = make_scripted_bmc(start=False)
    power = [0x01]
    with_chassis(bmc, lambda: bytes([0, power[0], 0, 0]))
    bmc.start()
    collector = make_collector(bmc)
    on = collector.wait_reading("Chassis Power")
    assert (on.flags, on.value, on.states) == (AVAILABLE | SCANNING | VALUE, 1, 0)
    power[0] = 0x08
    off = collector.wait_reading("Chassis Power", lambda one: one.value == 0)
    assert off.states == 1 << 0 | 1 << 6         # off, and a fault (table 42-3, power unit)
    info = collector.sensors()["Chassis Power"]
    assert (info.flags, info.sensor_type, info.event_type) == (OWN, 0x09, 0x6F)


def test_chassis_power_of_ipmi_sim(make_bmc, make_collector, tmp_path):
    program = tmp_path / "chassis"
    program.write_text("#!/bin/sh\necho power:1\n", encoding="ascii")
    program.chmod(0o755)
    bmc = make_bmc(sdr.Population(sdr.ORDINARY, satellite=False), chassis_control=program)
    reading = make_collector(bmc, interval=1).wait_reading("Chassis Power")
    assert (reading.flags, reading.value) == (AVAILABLE | SCANNING | VALUE, 1)


def test_no_chassis_device(scripted_bmc, make_collector):
    """A BMC that does not say that it has one is not asked: some would crash."""
    collector = make_collector(scripted_bmc)
    collector.wait_reading("CPU1 Temp")
    assert "Chassis Power" not in collector.sensors()
    assert scripted_bmc.count(ipmi.GET_CHASSIS_STATUS) == 0


def dcmi_only(answer):
    """A hook: PICMG has the same network function and command numbers."""
    return lambda request, proceed: answer if request.data[:1] == bytes([ipmi.DCMI]) else proceed()


def power_reading(watts, measured=True):
    return (bytes([0, ipmi.DCMI]) + watts.to_bytes(2, "little") + bytes([0] * 14)
            + bytes([0x40 if measured else 0]))


def test_dcmi_power(scripted_bmc, make_collector):
    """Probed once a session, then read as a sensor."""
    scripted_bmc.script(ipmi.DCMI_GET_CAPABILITIES, dcmi_only(bytes([0, ipmi.DCMI, 1, 5, 2, 0, 1, 7])))
    scripted_bmc.script(ipmi.DCMI_GET_POWER_READING, dcmi_only(power_reading(300)))
    collector = make_collector(scripted_bmc)
    reading = collector.wait_reading("DCMI Power")
    assert (reading.flags, reading.value) == (AVAILABLE | SCANNING | VALUE, 300)
    info = collector.sensors()["DCMI Power"]
    assert (info.unit, info.flags) == ("W", ANALOG | OWN)
    scripted_bmc.script(ipmi.DCMI_GET_POWER_READING, dcmi_only(power_reading(300, measured=False)))
    collector.wait_reading("DCMI Power", lambda one: one.flags == AVAILABLE)
    probes = [one for one in scripted_bmc.log(ipmi.DCMI_GET_CAPABILITIES) if one.data[:1] == bytes([ipmi.DCMI])]
    assert len(probes) == 1


@pytest.mark.parametrize("capabilities", [
    bytes([ipmi.UNSUPPORTED_COMMAND]), bytes([0, ipmi.DCMI, 1, 5, 2, 0, 0, 7]), bytes([0]), bytes([0, ipmi.DCMI])])
def test_no_dcmi_power(scripted_bmc, make_collector, capabilities):
    scripted_bmc.script(ipmi.DCMI_GET_CAPABILITIES, dcmi_only(capabilities))
    collector = make_collector(scripted_bmc)
    collector.wait_reading("CPU1 Temp")
    assert "DCMI Power" not in collector.sensors()
    assert scripted_bmc.count(ipmi.DCMI_GET_POWER_READING) == 0
