# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same work by others: one look at all sensors and the SEL of each BMC.

Processor time is that of all processes that a look takes, user and system.
Messages are UDP datagrams to the BMC, without the answers.
"""

import os
import re
import resource
import shutil
import subprocess
import time
import urllib.request
from dataclasses import dataclass

import idle
import loopback
import processes
from simulators import SENSORS
from waiting import scaled, wait_for

# ipmi_sim grants the privilege that it is asked for, but says so in another field.
WORKAROUND = "opensesspriv"
EXPORTER = "prometheus-ipmi-exporter"


def datagrams():
    """UDP datagrams received so far in this network namespace: requests and answers."""
    with open("/proc/net/snmp", encoding="ascii") as file:
        keys, values = (line.split()[1:] for line in file if line.startswith("Udp: "))
    return int(dict(zip(keys, values))["InDatagrams"])


@dataclass
class Cost:
    """What COUNT sensor readings cost."""

    name: str
    readings: int
    cpu: float                         # seconds
    messages: int
    seconds: float

    @property
    def cpu_per_reading(self):
        return self.cpu / self.readings

    def line(self, own=None):
        """One line; OWN is ipmid's cost, for the ratio."""
        ratio = f"   {self.cpu_per_reading / own.cpu_per_reading:.1f} x ipmid" if own else ""
        return (f"{self.name:<14} CPU {1e6 * self.cpu_per_reading:7.0f} us/reading, "
                f"{self.messages / self.readings:.2f} messages/reading, "
                f"{self.seconds / self.readings * SENSORS * 1000:6.0f} ms/BMC{ratio}")


def measure(name, look, bmcs):
    """Have LOOK(bmc) look at every one of BMCS; its children's cost."""
    look(bmcs[0])                      # libraries are in memory, caches exist
    before, sent, began = children(), datagrams(), time.monotonic()
    for bmc in bmcs:
        look(bmc)
    return Cost(name, SENSORS * len(bmcs), children() - before, (datagrams() - sent) // 2,
                time.monotonic() - began)


def children():
    """Processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(words, pattern=None):
    """Run one; with PATTERN, make sure that it saw all sensors."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=scaled(60))
    assert done.returncode == 0, f"{words}: {done.stderr}"
    assert pattern is None or len(re.findall(pattern, done.stdout, re.MULTILINE)) == SENSORS, done.stdout


def ipmitool(bmcs):
    """`sel elist` and `sdr`, as scripts do."""
    def look(bmc):
        run(bmc.ipmitool("sel", "elist"))
        run(bmc.ipmitool("sdr"), r"^(?:Sensor|Status) \d+")
    return measure("ipmitool", look, bmcs)


def freeipmi(bmcs, directory):
    """ipmi-sensors and ipmi-sel, the SDRs from a warm cache."""
    def words(program, bmc):
        return [program, "-D", "LAN_2_0", "-h", f"{bmc.address}:{bmc.port}", "-u", bmc.user, "-p", bmc.password,
                "-l", "ADMIN", "-I", "3", "-W", WORKAROUND, f"--sdr-cache-directory={directory}"]

    def look(bmc):
        run([*words("ipmi-sensors", bmc), "--no-header-output"], r"\| (?:Sensor|Status) \d+")
        run(words("ipmi-sel", bmc))
    directory.mkdir()
    for bmc in bmcs:
        look(bmc)                      # fills the cache
    return measure("ipmi-sensors", look, bmcs)


class Exporter:
    """prometheus-ipmi-exporter in DIRECTORY."""

    def __init__(self, directory):
        self.directory = directory
        self.port = loopback.free_port("127.0.0.1")
        self.process = None

    def __enter__(self):
        self.directory.mkdir()
        (self.directory / "config.yml").write_text(
            'modules:\n  default:\n    user: "ipmiusr"\n    pass: "test"\n    driver: "LAN_2_0"\n'
            '    privilege: "admin"\n    timeout: 10000\n    collectors: [ipmi, sel]\n'
            f'    workaround_flags: ["{WORKAROUND}"]\n', encoding="ascii")
        with open(self.directory / "exporter.log", "wb") as log:
            self.process = processes.spawn(
                [EXPORTER, f"--config.file={self.directory / 'config.yml'}", "--freeipmi.path=/usr/sbin",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "HOME": os.fspath(self.directory)})
        wait_for(self._answers, 20, EXPORTER)
        return self

    def __exit__(self, *_):
        processes.kill_group(self.process)

    def _answers(self):
        assert self.process.poll() is None, (self.directory / "exporter.log").read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5):
                return True
        except OSError:
            return False

    def look(self, bmc):
        url = f"http://127.0.0.1:{self.port}/ipmi?target={bmc.address}:{bmc.port}&module=default"
        with urllib.request.urlopen(url, timeout=scaled(60)) as answer:
            text = answer.read().decode()
        seen = set(re.findall(r'name="((?:Sensor|Status) \d+)"', text))
        assert len(seen) == SENSORS, text[-2000:] + (self.directory / "exporter.log").read_text(encoding="utf-8")[-1000:]

    def cpu(self):
        """Its own processor time and that of its children that have ended."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return idle.cpu_seconds(self.process.pid) + sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")


def exporter(bmcs, directory):
    """One scrape of each BMC."""
    with Exporter(directory) as one:
        for bmc in bmcs:
            one.look(bmc)              # fills FreeIPMI's cache
        before, sent, began = one.cpu(), datagrams(), time.monotonic()
        for bmc in bmcs:
            one.look(bmc)
        return Cost("ipmi-exporter", SENSORS * len(bmcs), one.cpu() - before, (datagrams() - sent) // 2,
                    time.monotonic() - began)


def measure_all(bmcs, directory):
    """The costs of all peers that are installed."""
    found = [ipmitool(bmcs)]
    if shutil.which("ipmi-sensors"):
        found.append(freeipmi(bmcs, directory / "freeipmi"))
    if shutil.which(EXPORTER):
        found.append(exporter(bmcs, directory / "exporter"))
    return found
