# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sensor readings through the whole daemon, with fake-collector for a BMC.

What fake-collector's sensors are is said in fake-sensors.h.
"""

import json
import os
import signal
import time

import pytest

from fake_fleet import Fleet
from test_core import bmc, make  # noqa: F401  (fixtures)
from test_core import wait_delivered
from waiting import TIMESCALE, wait_for

EX_CONFIG = 78


def beside(bmc, suffix):
    return bmc.path.with_name("sel." + suffix)


def set_sensors(bmc, count, milliseconds):
    """From now on it has so many sensors, and reads all of them so often."""
    temporary = beside(bmc, "sensors.new")
    temporary.write_text(f"{count} {milliseconds}\n", encoding="ascii")
    temporary.rename(beside(bmc, "sensors"))


def strict(line):
    """One line of JSON, with nothing that only Python would accept."""
    def constant(word):
        raise ValueError(f"{word} is no JSON")

    def unique(pairs):
        assert len(dict(pairs)) == len(pairs), f"a key twice in {line!r}"
        return dict(pairs)
    return json.loads(line, parse_constant=constant, object_pairs_hook=unique)


def lines(path):
    """What stands in a file of JSON lines; every line is whole."""
    data = path.read_bytes() if path.exists() else b""
    return [strict(line) for line in data.split(b"\n")[:-1]]


def readings(path):
    return [line for line in lines(path) if line["kind"] == "reading"]


def wait_readings(path, count, deadline=10):
    return wait_for(lambda: (found := readings(path)) and len(found) >= count and found, deadline,
                    f"{count} readings in {path}", poll=0.05)


def file_words(tmp_path, *more):
    return ["--handler", "file", f"path={tmp_path}/out", "readings=yes", *more]


def sink_words(tmp_path, *more):
    return ["--handler", "test-sink", f"log={tmp_path}/sink", f"readings-log={tmp_path}/readings", *more]


def sink_batches(tmp_path):
    """[([reading, …], dropped), …] as test-sink got them."""
    path = tmp_path / "readings"
    batches, batch = [], []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if line.startswith("batch "):
            batches.append((batch, int(line.split()[2])))
            batch = []
        else:
            batch.append(strict(line))
    return batches


def test_lines_of_the_file(make, bmc, tmp_path):  # noqa: F811
    set_sensors(bmc, 8, 50)
    make(file_words(tmp_path))
    bmc.add(3)
    wait_readings(tmp_path / "out", 40)
    wait_for(lambda: sum("raw" in line for line in lines(tmp_path / "out")) == 3, 10, "the events")
    found = {reading["sensor"]: reading for reading in readings(tmp_path / "out")}
    assert sorted(found) == [f"sensor {n}" for n in range(8)]
    for number in range(8):
        reading = found[f"sensor {number}"]
        assert reading["bmc"] == "test"
        assert reading["sensor_id"] == f"3.{number}.sensor {number}"
        assert reading["entity"] == "processor 1"
        assert reading["sensor_type"] == ("Power Supply" if number % 4 == 1 else "Temperature")
        assert reading["time"].endswith("Z") and "T" in reading["time"]
    hot, failed, unavailable, unscanned = (found[f"sensor {n}"] for n in range(4))
    assert (hot["available"], hot["unit"], hot["severity"]) == (True, "°C", "critical")
    assert hot["states"] == ["upper non-critical", "upper critical"] and hot["value"] >= 1
    assert (failed["available"], failed["severity"]) == (True, "critical")
    assert failed["states"] == ["presence detected", "power supply failure detected"]
    assert "value" not in failed and "unit" not in failed
    for reading, why in ((unavailable, "reading unavailable"), (unscanned, "scanning disabled")):
        assert (reading["available"], reading["obstacle"]) == (False, why)
        assert not {"value", "states", "severity"} & set(reading)


def test_severities_of_the_user(tmp_path):
    """They count for readings, from a reload on for what was read before, too."""
    fleet = Fleet(tmp_path, 1, handler="readings = yes")
    fleet.bmcs[0].say(".sensors", "8 50\n")
    plain = fleet.daemon

    def wait_severities(expected):
        def newest():
            last = {line["sensor"]: line.get("severity") for line in readings(fleet.ipmid.output)[-8:]}
            return [last.get(f"sensor {number}") for number in (0, 1, 4)]
        wait_for(lambda: newest() == expected, 15, lambda: f"{expected}: {newest()}", poll=0.05)
    try:
        fleet.start()
        wait_severities(["critical", "critical", "critical"])
        fleet.daemon = plain + "severities = Temperature:SENSOR ?:offset-9=warning;power supply:*=info\n"
        fleet.write()
        fleet.reload()
        wait_severities(["warning", "info", "warning"])
        fleet.ipmid.restart()
        wait_severities(["warning", "info", "warning"])
    finally:
        fleet.stop()


def test_none_without_the_option(make, bmc, tmp_path):  # noqa: F811
    set_sensors(bmc, 8, 20)
    ipmid = make(["--handler", "file", f"path={tmp_path}/out"])
    bmc.add(5)
    wait_for(lambda: len(lines(tmp_path / "out")) == 5, 10, "the events")
    wait_for(lambda: "sensors: 8, 4 of them give readings" in ipmid.status(), 10, ipmid.status)
    assert not readings(tmp_path / "out")


def test_sensors_by_pattern(make, bmc, tmp_path):  # noqa: F811
    set_sensors(bmc, 20, 20)
    make(file_words(tmp_path, "readings-sensors=*1;sensor 2"))
    found = wait_readings(tmp_path / "out", 20)
    assert {reading["sensor"] for reading in found} == {"sensor 1", "sensor 11", "sensor 2"}


@pytest.mark.parametrize("words, message", [
    (["--handler", "file", "path=/nowhere/x", "format=eventd", "readings=yes"], "needs format = json"),
    (["--handler", "sel-delete", "readings=yes"], 'has no option "readings"'),
    (["--handler", "sel-delete", "readings-sensors=*"], "takes no readings"),
])
def test_mistakes(make, words, message):  # noqa: F811
    status, said = make(words, start=False).run()
    assert status == EX_CONFIG and message in said


def test_events_are_not_delayed(make, bmc, tmp_path):  # noqa: F811
    """Ten thousand readings a second beside the events."""
    set_sensors(bmc, 500, 50)
    out = tmp_path / "out"
    make(file_words(tmp_path))
    wait_readings(out, 1000)
    waits = []
    for _ in range(30):
        bmc.add(1)
        began = time.monotonic()
        mark = bmc.written[-1].hex().encode()
        wait_for(lambda: mark in out.read_bytes()[-400_000:], 10, "an event", poll=0.005)
        waits.append(time.monotonic() - began)
    print(f"slowest {max(waits):.3f} s")
    assert sorted(waits)[-2] < 1 * TIMESCALE
    got = [bytes.fromhex(line["raw"]) for line in lines(out) if "raw" in line]
    assert got == bmc.written


def test_slow_handler_gets_the_newest(make, bmc, tmp_path):  # noqa: F811
    """It takes a fraction of what comes: the rest is replaced and counted."""
    set_sensors(bmc, 400, 10)
    ipmid = make(sink_words(tmp_path, "readings-pause=100ms"))
    wait_for(lambda: len(sink_batches(tmp_path)) >= 10, 20, "ten batches")
    bmc.add(20)                          # events come in between
    wait_for(lambda: (tmp_path / "sink").read_text(encoding="utf-8").count("\n") == 20, 20, "the events")
    batches = sink_batches(tmp_path)
    last = {}
    for batch, _ in batches:
        assert 0 < len(batch) <= 256
        assert len({reading["sensor"] for reading in batch}) == len(batch)
        for reading in batch:
            if "value" in reading:       # counts how often it was read
                assert reading["value"] > last.get(reading["sensor"], 0)
                last[reading["sensor"]] = reading["value"]
    dropped = [count for _, count in batches]
    assert dropped == sorted(dropped) and dropped[-1] > 0
    assert "replaced by newer ones" in ipmid.status()


def test_slow_with_events(make, bmc, tmp_path):  # noqa: F811
    """A handler that is busy with events gets readings later, but new ones."""
    set_sensors(bmc, 8, 10)
    make(sink_words(tmp_path, "script=s", "pause=100ms", "batch=1"))
    wait_for(lambda: sink_batches(tmp_path), 10, "readings")
    before = len(sink_batches(tmp_path))
    bmc.add(15)
    wait_for(lambda: (tmp_path / "sink").read_text(encoding="utf-8").count("\n") == 15, 30, "the events")
    wait_for(lambda: len(sink_batches(tmp_path)) >= before + 3, 10, "more readings")
    batches = sink_batches(tmp_path)
    values = [next(r["value"] for r in batch if "value" in r) for batch, _ in batches
              if any("value" in r for r in batch)]
    # While the events were handled, more than a second, none came; then the newest.
    assert max(after - now for now, after in zip(values, values[1:])) > 30


def test_rotation(make, bmc, tmp_path):  # noqa: F811
    set_sensors(bmc, 4, 20)
    ipmid = make(file_words(tmp_path))
    out = tmp_path / "out"
    wait_readings(out, 8)
    out.rename(tmp_path / "old")
    ipmid.signal_core(signal.SIGHUP)
    wait_readings(out, 8)
    assert readings(tmp_path / "old")


def test_full_disk_costs_readings_only(make, bmc):  # noqa: F811
    set_sensors(bmc, 4, 20)
    ipmid = make(["--handler", "file", "path=/dev/full", "readings=yes"])
    ipmid.wait_log("readings are left out: cannot append to /dev/full")
    wait_for(lambda: "sensors: 4" in ipmid.status(), 10, "it to go on")
    assert ipmid.log().count("readings are left out") == 1


def test_new_inventory(make, bmc, tmp_path):  # noqa: F811
    set_sensors(bmc, 4, 20)
    make(file_words(tmp_path))
    wait_readings(tmp_path / "out", 8)
    set_sensors(bmc, 200, 20)            # four frames
    wait_for(lambda: len({r["sensor"] for r in readings(tmp_path / "out")}) == 200, 10, "all sensors")
    set_sensors(bmc, 1, 20)
    wait_for(lambda: {r["sensor"] for r in readings(tmp_path / "out")[-5:]} == {"sensor 0"}, 10,
             "the only sensor")


@pytest.mark.parametrize("word", ["sensor-twice", "reading-flag", "crash"])
def test_collector_that_breaks_the_rules(make, bmc, tmp_path, word):  # noqa: F811
    """It is ended, another one started; events and readings go on."""
    set_sensors(bmc, 4, 20)
    ipmid = make(file_words(tmp_path))
    wait_readings(tmp_path / "out", 8)
    bmc.order(word)
    ipmid.wait_log("ended by signal 9" if word == "crash" else "not keep to the protocol")
    ipmid.wait_log(r"\bmsg=up\b", times=2)
    so_far = len(readings(tmp_path / "out"))
    wait_readings(tmp_path / "out", so_far + 8)
    bmc.add(5)
    wait_for(lambda: sum("raw" in line for line in lines(tmp_path / "out")) == 5, 10, "the events")


def test_odd_readings_are_dropped(make, bmc, tmp_path):  # noqa: F811
    set_sensors(bmc, 8, 3_600_000)       # once
    ipmid = make(file_words(tmp_path))
    wait_readings(tmp_path / "out", 8)
    bmc.order("reading-odd")
    found = wait_readings(tmp_path / "out", 9)
    assert len(found) == 9
    assert found[8]["sensor"] == "sensor 4" and "value" not in found[8]
    assert "protocol" not in ipmid.log()


def test_sdr_cache(make, bmc, tmp_path):  # noqa: F811
    handed = beside(bmc, "handed")
    beside(bmc, "cache").write_bytes(b"records\0of a repository")
    ipmid = make()
    assert handed.read_bytes() == b"none"
    kept = ipmid.state_dir / "sdr-cache" / "1"
    wait_for(kept.exists, 10, "the file")
    assert oct(kept.stat().st_mode & 0o777) == "0o600"
    ipmid.kill_all()
    ipmid.start()
    assert handed.read_bytes() == b"key\nrecords\0of a repository"
    # A damaged one is ignored, and written afresh.
    ipmid.terminate()
    good = kept.read_bytes()
    kept.write_bytes(good[:-1] + b"X")
    ipmid.start()
    assert handed.read_bytes() == b"none"
    wait_for(lambda: kept.read_bytes() == good, 10, "a good file")
    # Forgotten when the collector says so.
    ipmid.terminate()
    beside(bmc, "cache").write_bytes(b"")
    ipmid.start()
    wait_for(lambda: not kept.exists(), 10, "the file to go")


def test_sdr_cache_of_another_bmc_goes(make, bmc):  # noqa: F811
    beside(bmc, "cache").write_bytes(b"data")
    ipmid = make()
    kept = ipmid.state_dir / "sdr-cache" / "1"
    wait_for(kept.exists, 10, "the file")
    ipmid.terminate()
    kept.with_name("77").write_bytes(b"of a BMC that is not configured")
    kept.with_name("new").write_bytes(b"what a crash left")
    ipmid.start()
    wait_for(lambda: os.listdir(kept.parent) == ["1"], 10, "only its own file")


def test_no_state_keeps_no_sdr_cache(make, bmc):  # noqa: F811
    beside(bmc, "cache").write_bytes(b"data")
    ipmid = make(state=False, wait=False)
    ipmid.wait_log(r"\bmsg=up\b")
    ipmid.kill_collector()
    assert not list(ipmid.directory.rglob("sdr-cache"))


def test_readings_while_events_pile_up(make, bmc, tmp_path):  # noqa: F811
    """Both at full speed, and nothing of the events is lost."""
    set_sensors(bmc, 400, 10)
    ipmid = make(["--handler", "file", f"path={tmp_path}/ipmid0/events", "readings=yes"])
    for _ in range(20):
        bmc.add(100)
    wait_delivered(ipmid, bmc)
    assert readings(tmp_path / "ipmid0" / "events")
