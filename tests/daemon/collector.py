# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collector alone: collector-drive plays the core, and tells what it got.

A `Collector` watches one BMC.  Its inventory and readings are those of the
frames that came so far (daemon/event/frame.h).
"""

import os
import re
import subprocess
from dataclasses import dataclass

import processes
from daemon import Build
from waiting import wait_for

STATE, SENSORS, READINGS, SDR_CACHE = 65, 77, 78, 79
UP = 1

# FrameSensorFlags and FrameReadingFlags.
EVENT_ONLY, ANALOG, SATELLITE, OWN = 1, 2, 4, 8
AVAILABLE, SCANNING, VALUE, LOST = 1, 2, 4, 8

FRAME = re.compile(r"^ *(\d+) (\d+) (\(.*\))$")
# GVariant text is nearly Python's.
WORDS = {"__builtins__": {}, "true": True, "false": False, "inf": float("inf"), "nan": float("nan")}


@dataclass(frozen=True)
class SensorInfo:
    """One sensor of the inventory."""

    number: int
    name: str
    entity: str
    id: str
    sensor_type: int
    event_type: int
    unit: str
    record_id: int
    flags: int
    thresholds: dict


@dataclass(frozen=True)
class Reading:
    """One reading; `time` in seconds since 1970."""

    sensor: int
    time: float
    flags: int
    value: float
    states: int

    @property
    def available(self):
        return self.flags & (AVAILABLE | SCANNING | LOST) == AVAILABLE | SCANNING


class Collector:
    """A collector on one BMC, in DIRECTORY; SETTINGS are those of ADD, as GVariant text."""

    def __init__(self, bmc, directory, interval=0.25, settings=None, sel_interval=0.1):
        build = Build()
        self.log_file = directory / "collector.log"
        self._settings = {"sensor-interval": f"int64 {int(interval * 1e6)}", **(settings or {})}
        self._command = [build.directory / "tests/daemon/collector-drive", build.collector,
                         bmc.address, str(bmc.port), bmc.user, bmc.password,
                         str(int(sel_interval * 1000)), "256",
                         *(f"{key}={value}" for key, value in self._settings.items())]
        self._process = None

    def start(self):
        with open(self.log_file, "wb") as log:
            self._process = processes.spawn(self._command, stdin=subprocess.PIPE, stdout=log,
                                            stderr=subprocess.STDOUT,
                                            env={k: v for k, v in os.environ.items() if k != "QUIET"})
        return self

    def stop(self):
        """End it in good order; returns its exit status."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.stdin.close()
        return processes.wait_exit(process, 15, "the collector")

    # What it said.

    def frames(self, wanted):
        """The bodies of the frames of one type so far."""
        text = self.log_file.read_text(encoding="utf-8")
        found = []
        for line in text[:text.rfind("\n") + 1].split("\n"):
            match = FRAME.match(line)
            if match and int(match[2]) == wanted:
                found.append(eval(match[3], WORDS))     # our own driver's output
        return found

    def inventories(self):
        """Every inventory that was complete."""
        found, current = [], []
        for _, first, last, sensors in self.frames(SENSORS):
            current = ([] if first else current) + [SensorInfo(*sensor) for sensor in sensors]
            if last:
                found.append(current)
        return found

    def sensors(self):
        """The newest inventory, by name; names that are not unique are left out."""
        newest = self.inventories()[-1]
        names = [sensor.name for sensor in newest]
        return {sensor.name: sensor for sensor in newest if names.count(sensor.name) == 1}

    def readings(self):
        return [Reading(number, time / 1e6, flags, value, states)
                for _, readings in self.frames(READINGS)
                for number, time, flags, value, states in readings]

    def readings_of(self, name):
        number = self.sensors()[name].number
        return [reading for reading in self.readings() if reading.sensor == number]

    def wait_inventory(self, count=1, deadline=20):
        wait_for(lambda: len(self.inventories()) >= count, deadline,
                 lambda: f"inventory {count}: {self.log_file.read_text(encoding='utf-8')[-2000:]}")
        return self.inventories()[-1]

    def wait_reading(self, name, condition=lambda reading: True, deadline=10):
        """The newest reading of a sensor, once CONDITION is true of it."""
        def newest():
            return self.inventories() and name in self.sensors() and self.readings_of(name)[-1:]
        found = wait_for(lambda: [one for one in newest() or [] if condition(one)], deadline,
                         lambda: f"a reading of {name}: {newest()}")
        return found[0]

    def caches(self):
        """(key, data) of every cache that it gave away."""
        return [(key, as_bytes(data)) for _, key, data in self.frames(SDR_CACHE)]


def as_bytes(value):
    """GVariant prints a byte array as text when it ends with a zero."""
    if isinstance(value, bytes):
        return value + b"\0"
    return bytes(value)
