# SPDX-License-Identifier: LGPL-2.1-or-later
"""ipmid over a fleet of simulators, from one generated configuration file."""

import datetime
import json
import os
import re
import signal
import subprocess
import time

import contestants  # pylint: disable=unused-import  # finds tests/daemon
import idle
import processes
from daemon import Build
from waiting import scaled, wait_for

STAMP = "%Y-%m-%dT%H:%M:%S.%f%z"
UP = re.compile(r'^time=(\S+) level=notice bmc=(\S+) msg="up\b', re.MULTILINE)


class Watcher:
    """One ipmid in DIRECTORY on BMCS; intervals are texts such as `10s`.

    PER is how many BMCs a collector has; None: as many as ipmid thinks best.
    """

    def __init__(self, directory, bmcs, *, sel_interval="2s", sensor_interval="10s", readings=True, per=None,
                 collector=None):
        self.directory = directory
        self.bmcs = bmcs
        self.build = Build()
        self.build.check()
        directory.mkdir(parents=True, exist_ok=True)
        self.events = directory / "events.json"
        self.readings = directory / "readings.json"
        self.log_file = directory / "ipmid.log"
        self.file = directory / "ipmid.conf"
        self.plugins = self.build.gather_plugins(directory / "plugins")
        self.intervals = sel_interval, sensor_interval
        self.per = per
        self.collector = collector or self.build.collector
        self.write(readings)
        self.process = None
        self.started = None
        self.log_mark = 0

    def write(self, readings):
        """Write the configuration file; without READINGS nothing asks for them."""
        sel, sensors = self.intervals
        password = self.directory / "password"
        password.write_text(f"{self.bmcs[0].password}\n", encoding="ascii")
        password.chmod(0o600)
        groups = [f"[daemon]\nstate-dir = {self.directory / 'state'}\nplugin-dir = {self.plugins}\n"
                  f"collector = {self.collector}\n" + (f"bmcs-per-collector = {self.per}\n" if self.per else ""),
                  f"[defaults]\nuser = {self.bmcs[0].user}\npassword-file = {password}\n"
                  f"sel-interval = {sel}\nsensor-interval = {sensors}\n"
                  # ipmi_sim starts a program for each look at the chassis' power.
                  "sensor-intervals = Chassis Power=0s\n",
                  f"[handler events]\nplugin = file\npath = {self.events}\nformat = json\n"]
        if readings:
            groups.append(f"[handler readings]\nplugin = file\npath = {self.readings}\nformat = json\n"
                          "readings = yes\n")
        groups += [f"[bmc {bmc.name}]\naddress = {bmc.address}:{bmc.port}\n" for bmc in self.bmcs]
        self.file.write_text("\n".join(groups), encoding="ascii")

    def check(self):
        """What `--check` says against the configuration; empty if nothing."""
        done = subprocess.run([self.build.core, "-c", self.file, "--check"], capture_output=True, text=True,
                              check=False, timeout=scaled(60))
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def start(self, deadline=120.0):
        """Start it; returns the seconds until all BMCs are up."""
        self.log_mark = self.log_file.stat().st_size if self.log_file.exists() else 0
        with open(self.log_file, "ab") as log:
            self.started = time.monotonic()
            self.process = processes.spawn([self.build.core, "-b", "-c", self.file], stdout=log,
                                           stderr=subprocess.STDOUT, cwd=self.directory)
        wait_for(lambda: len(self.up()) == len(self.bmcs), deadline,
                 lambda: f"{len(self.bmcs)} BMCs to be up, {len(self.up())} are: {self.log()[-2000:]}", poll=0.02)
        return time.monotonic() - self.started

    def log(self):
        with open(self.log_file, "rb") as file:
            file.seek(self.log_mark)
            return file.read().decode("utf-8", errors="replace")

    def up(self):
        """The names of the BMCs that have been up since the start."""
        assert self.process.poll() is None, self.log()[-2000:]
        return {name for _, name in UP.findall(self.log())}

    def up_times(self, mark):
        """When (wall clock) each BMC was up for the first time since byte MARK of log()."""
        times = {}
        for stamp, name in UP.findall(self.log()[mark:]):
            times.setdefault(name, datetime.datetime.strptime(stamp, STAMP).timestamp())
        return times

    def pids(self):
        """The core, then its collectors."""
        return [self.process.pid, *processes.children_named(self.process.pid, "ipmid-collector")]

    def cpu(self):
        """Processor seconds so far, of {core, collectors}."""
        core, *collectors = self.pids()
        return idle.cpu_seconds(core), sum(idle.cpu_seconds(pid) for pid in collectors)

    def memory(self, key="VmRSS", file="status"):
        """MB of all its processes."""
        return sum(idle.memory(pid, key, file) for pid in self.pids())

    def count_readings(self):
        """Lines of readings so far."""
        if not self.readings.exists():
            return 0
        with open(self.readings, "rb") as file:
            return sum(b'"kind":"reading"' in line for line in file)

    def stop(self):
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            processes.wait_exit(self.process, 20, "ipmid")
        self.process = None


class Events:
    """The file of events as it grows: which of them came when."""

    def __init__(self, path):
        self.path = path
        self.seen = {}                 # (bmc, record id) → when
        self._file = None
        self._tail = b""

    def look(self):
        """Read what is new."""
        if self._file is None:
            if not self.path.exists():
                return
            self._file = open(self.path, "rb", buffering=0)
        data = self._tail + self._file.read()
        now = time.monotonic()
        *lines, self._tail = data.split(b"\n")
        for line in lines:
            event = json.loads(line)
            if "record_id" in event:
                self.seen.setdefault((event["bmc"], event["record_id"]), now)

    def close(self):
        if self._file:
            self._file.close()
