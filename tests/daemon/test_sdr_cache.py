# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collector's cache of sensor data records: when it is used, and when not."""

import time

import ipmi
import pytest
import sdr


def cache_settings(key, data):
    return {"sdr-cache-key": f"'{key}'", "sdr-cache": f"@ay [{', '.join(map(str, data))}]"}


def fill_cache(bmc, make_collector):
    """Let a collector read everything; returns the key and the data that it gave away."""
    collector = make_collector(bmc)
    collector.wait_reading("CPU1 Temp")
    [(key, data)] = collector.caches()
    collector.stop()
    bmc.forget_log()
    return key, data, collector.sensors()


def test_cache_hit(scripted_bmc, make_collector):
    """No record is read again; the same sensors, event-only ones with their names."""
    key, data, before = fill_cache(scripted_bmc, make_collector)
    assert scripted_bmc.count(ipmi.GET_SDR) == 0
    collector = make_collector(scripted_bmc, settings=cache_settings(key, data))
    collector.wait_reading("CPU1 Temp", lambda one: one.available)
    assert scripted_bmc.count(ipmi.GET_SDR) == 0
    assert collector.sensors() == before
    assert "POST Error" in before
    assert not collector.caches()       # it is as it was


def test_cache_on_reconnect(scripted_bmc, make_collector):
    """The collector itself keeps what it has read."""
    collector = make_collector(scripted_bmc)
    collector.wait_reading("CPU1 Temp")
    scripted_bmc.restart()
    scripted_bmc.forget_log()
    restarted = time.time()
    collector.wait_reading("CPU1 Temp", lambda one: one.time > restarted, deadline=60)
    assert scripted_bmc.count(ipmi.GET_SDR) == 0


def test_cache_is_old(scripted_bmc, make_collector):
    """The repository has changed: it is read again, and given away again."""
    key, data, before = fill_cache(scripted_bmc, make_collector)
    scripted_bmc.change_sensors(sdr.Population([one for one in scripted_bmc.population if one.label != "FAN1"]))
    collector = make_collector(scripted_bmc, settings=cache_settings(key, data))
    collector.wait_reading("CPU1 Temp")
    assert set(collector.sensors()) == set(before) - {"FAN1"}
    [(new_key, new_data)] = collector.caches()
    assert new_key == key and new_data != data
    assert scripted_bmc.count(ipmi.GET_SDR) > 0


def test_cache_of_another(scripted_bmc, make_collector):
    """A BMC with another GUID: not its cache."""
    key, data, _ = fill_cache(scripted_bmc, make_collector)
    other = key[:-1] + ("0" if key[-1] != "0" else "1")
    collector = make_collector(scripted_bmc, settings=cache_settings(other, data))
    collector.wait_reading("CPU1 Temp")
    assert scripted_bmc.count(ipmi.GET_SDR) > 0
    assert [found for found, _ in collector.caches()] == [key]


@pytest.mark.parametrize("poison", [
    lambda data: data[:-1],
    lambda data: b"",
    lambda data: data[:-40] + bytes(40),
    lambda data: data[:13] + b"\xff" + data[14:],        # more records than there are
])
def test_poisoned_cache(scripted_bmc, make_collector, poison):
    """Data that cannot be is forgotten, and the records are read."""
    key, data, before = fill_cache(scripted_bmc, make_collector)
    collector = make_collector(scripted_bmc, settings=cache_settings(key, poison(data)))
    collector.wait_reading("CPU1 Temp")
    assert scripted_bmc.count(ipmi.GET_SDR) > 0
    assert collector.sensors() == before
    assert collector.caches()[-1] == (key, data)


@pytest.mark.parametrize("place", range(14, 200, 23))
def test_poisoned_records(scripted_bmc, make_collector, place):
    """Records in the cache that lie about themselves harm no more than on the wire."""
    key, data, _ = fill_cache(scripted_bmc, make_collector)
    poisoned = bytearray(data)
    poisoned[place] ^= 0xFF
    collector = make_collector(scripted_bmc, settings=cache_settings(key, bytes(poisoned)))
    collector.wait_inventory()
    assert collector.stop() == 0


@pytest.mark.parametrize("times", [(0, 0), (1000, 0), (0, 1000), (0xFFFFFFFF, 1000), (1000, 0xFFFFFFFF)])
def test_times_that_say_nothing(scripted_bmc, make_collector, times):
    """A repository whose times cannot tell a change is never cached."""
    added, erased = times

    def info(_request, proceed):
        reply = proceed()
        return reply[:6] + added.to_bytes(4, "little") + erased.to_bytes(4, "little") + reply[14:]
    scripted_bmc.script(ipmi.GET_SDR_INFO, info)
    collector = make_collector(scripted_bmc)
    collector.wait_reading("CPU1 Temp")
    assert not collector.caches()


def test_cache_with_ipmi_sim(make_bmc, make_collector):
    """The real thing, with a satellite."""
    bmc = make_bmc(sdr.ORDINARY, sdr_erased=True)
    first = make_collector(bmc)
    first.wait_reading("Blade Temp")
    [(key, data)] = first.caches()
    first.stop()
    second = make_collector(bmc, settings=cache_settings(key, data))
    second.wait_reading("Blade Temp", lambda one: one.available)
    assert not second.caches()
    assert second.sensors() == first.sensors()


def test_changed_within_a_second(scripted_bmc, make_collector):
    """The repository's times count in seconds; the number of its records tells, too."""
    key, data, _ = fill_cache(scripted_bmc, make_collector)
    times = []

    def info(_request, proceed):
        reply = proceed()
        times.append(reply[6:14])
        return reply[:6] + times[0] + reply[14:]
    scripted_bmc.script(ipmi.GET_SDR_INFO, info)
    make_collector(scripted_bmc).wait_reading("CPU1 Temp")
    scripted_bmc.change_sensors(sdr.Population([one for one in scripted_bmc.population if one.label != "FAN1"]))
    collector = make_collector(scripted_bmc, settings=cache_settings(key, data))
    collector.wait_reading("CPU1 Temp")
    assert "FAN1" not in collector.sensors()
    assert (key, b"") in collector.caches()
