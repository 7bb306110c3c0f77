# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fleet of real ipmi_sim BMCs on loopback addresses, one process each.

Each has an address of its own; all use one port.  They are started all at once
and asked one after the other whether they are up, which is the cheapest way: an
ipmi_sim reads its sensors in about a hundredth of a second and then sleeps.
"""

import os
import subprocess
import time

import contestants  # pylint: disable=unused-import  # finds tests/daemon
import loopback
import processes
import sdr
from bmc import IPMI_SIM, SimulatedBmc
from ipmi import LanSession
from waiting import wait_for

ANALOG, DISCRETE = 32, 8
SENSORS = ANALOG + DISCRETE
USER, PASSWORD = "ipmiusr", "test"

# Where the addresses begin: 127.128.0.0/9 is used by no test (tests/daemon/loopback.py).
SECOND_OCTET = 128


def population():
    """Forty sensors as a server has them, all of the BMC's own."""
    kinds = ((sdr.TEMPERATURE, sdr.CELSIUS, (3, 32, 64)), (sdr.VOLTAGE, sdr.VOLTS, (10, 7, 20)),
             (sdr.FAN, sdr.RPM, (29, 30, 29)))
    sensors = []
    for number in range(ANALOG):
        kind, unit, entities = kinds[number % len(kinds)]
        sensors.append(sdr.Sensor(f"Sensor {number + 1:02}", number + 1, kind,
                                  entity=(entities[number % 3], number + 1), unit=unit,
                                  reading=30 + number))
    for number in range(DISCRETE):
        sensors.append(sdr.Sensor(f"Status {number + 1:02}", ANALOG + number + 1, sdr.POWER_SUPPLY,
                                  sdr.SENSOR_SPECIFIC, (10, 100 + number), sdr.COMPACT, states=0x7F, reading=1))
    return sdr.Population(sensors)


class Simulator(SimulatedBmc):
    """One of them; `start` only launches it."""

    def __init__(self, directory, sensors, number, port):
        super().__init__(directory, sensors, user=USER, password=PASSWORD, sdr_erased=True)
        block = os.getpid() % 64                # runs beside each other do not meet
        self.address = f"127.{SECOND_OCTET + block}.{number // 250}.{number % 250 + 1}"
        self.port = port
        self.name = f"node{number + 1:04}"

    def launch(self):
        """Start the process; it is not up yet."""
        self._write_configuration()
        self._launch()

    def wait_up(self):
        """Wait until it answers."""
        with LanSession(self.address, self.port, "", "") as probe:
            wait_for(probe.ping, 60, f"{IPMI_SIM} on {self.address}: {self._console_text()[-300:]}", poll=0.005)
        assert not self._complained(), self._console_text()
        self._settled = True


class Simulators:
    """COUNT of them in DIRECTORY; a context."""

    def __init__(self, directory, count):
        sensors = population()
        self.directory = directory
        port = loopback.free_port("127.0.0.1")
        self.bmcs = [Simulator(directory / f"{number:04}", sensors, number, port) for number in range(count)]
        self.seconds = None             # that their start took

    def __enter__(self):
        began = time.monotonic()
        for bmc in self.bmcs:
            bmc.launch()
        for bmc in self.bmcs:
            bmc.wait_up()
        self.seconds = time.monotonic() - began
        for bmc in self.bmcs:
            # Their clocks begin with the boot of the machine.
            bmc.set_clock(time.time())
            bmc.date_repository()
        return self

    def __exit__(self, *_):
        for bmc in self.bmcs:
            bmc.kill()

    def pids(self):
        return [bmc.process.pid for bmc in self.bmcs]
