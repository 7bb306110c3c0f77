# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many BMCs played by fake-collector, and ipmid -c on them."""

import json
import re
import signal
from collections import Counter

import processes
from configured import ConfiguredIpmid
from fake_bmc import FakeBmc, FakeBuild
from waiting import wait_for

DAEMON = """[daemon]
state-dir = {{state}}
bmcs-per-collector = {per}
settle-time = {settle}
quarantine-time = {quarantine}
{extra}
"""
HANDLER = """[handler {name}]
plugin = file
path = {path}
format = json
existing = yes
retry-min = 100ms
retry-max = 1s
{extra}
"""


class Fleet:
    """BMCs b0, b1, … and the ipmid that watches them."""

    def __init__(self, directory, count, *, per=2, settle="60s", quarantine="10m", extra="", handler=""):
        self.sels = directory / "sels"
        self.sels.mkdir()
        self.bmcs = [FakeBmc(self.sels, f"b{i}") for i in range(count)]
        self.daemon = DAEMON.format(per=per, settle=settle, quarantine=quarantine, extra=extra)
        self.handlers = {"log": ("{output}", handler)}
        self.groups = {bmc.name: "" for bmc in self.bmcs}      # name -> more lines of its group
        self.addresses = {bmc.name: f"127.1.{i // 250}.{i % 250 + 1}" for i, bmc in enumerate(self.bmcs)}
        self.ipmid = ConfiguredIpmid(directory / "ipmid", "", build=FakeBuild(self.sels))
        self.write()

    def new_bmc(self, name, address=None):
        """One more; it is watched from the next reload on."""
        bmc = FakeBmc(self.sels, name)
        self.bmcs.append(bmc)
        self.groups[name] = ""
        self.addresses[name] = address or f"127.2.0.{len(self.bmcs)}"
        return bmc

    def write(self, more=""):
        """Write the configuration as the members say it, and MORE."""
        text = [self.daemon]
        text += [f"[bmc {name}]\naddress = {self.addresses[name]}\nuser = u\npassword-file = {{password}}\n{lines}\n"
                 for name, lines in self.groups.items()]
        text += [HANDLER.format(name=name, path=path, extra=extra) for name, (path, extra) in self.handlers.items()]
        self.ipmid.password_file.write_text("p\n", encoding="ascii")
        self.ipmid.password_file.chmod(0o600)
        self.ipmid.configure("\n".join([*text, more]))

    def start(self):
        self.ipmid.start(wait=False)
        self.wait_up()
        return self

    def wait_up(self, count=None):
        wanted = f"bmcs: {len(self.groups) if count is None else count} up\n"

        def is_up():
            assert self.ipmid.running, f"ipmid has ended:\n{self.ipmid.log()[-2000:]}"
            return wanted in self.ipmid.status()
        wait_for(is_up, 20,
                 lambda: f"{wanted}: {self.ipmid.status()}\n{self.ipmid.log()[-2000:]}", poll=0.05)

    def reload(self, outcome="has been read again"):
        """SIGHUP, and wait for what the log says about it."""
        times = self.ipmid.log().count(outcome) + 1
        self.ipmid.signal_core(signal.SIGHUP)
        self.ipmid.wait_log(outcome, times=times, deadline=30)

    def shares(self):
        """The pids of the collectors, and how many BMCs each has."""
        result = {}
        for part in self.ipmid.status().split("collector: ")[1:]:
            found = re.match(r"running\n  number: \d+\n  pid: (\d+)\n  bmcs: (\d+)", part)
            if found:
                result[int(found[1])] = int(found[2])
        return result

    def processes(self):
        """The pids of all collectors, also of those that are ending."""
        return processes.children_named(self.ipmid.pid, "fake-collector")

    # What the file handler has written.

    def events(self, kind=None, bmc=None, path=None):
        events = self.ipmid.json_events() if path is None else read_json(path)
        return [event for event in events
                if (kind is None or event["kind"] == kind) and (bmc is None or event["bmc"] == bmc)]

    def raw(self, bmc, path=None):
        """The raw bytes that were delivered of one BMC, in the order of delivery."""
        return [bytes.fromhex(event["raw"]) for event in self.events(bmc=bmc, path=path) if "raw" in event]

    def wait_delivered(self, path=None, deadline=30):
        """Wait until everything that was written has come, once and in order."""
        def missing():
            raws = {}
            for event in self.events(path=path):
                if "raw" in event:
                    raws.setdefault(event["bmc"], []).append(bytes.fromhex(event["raw"]))
            return {bmc.name: len(set(bmc.written) - set(raws.get(bmc.name, []))) for bmc in self.bmcs
                    if set(bmc.written) - set(raws.get(bmc.name, []))}
        wanted = sum(len(bmc.written) for bmc in self.bmcs)
        # Counting lines first: to read them all each time takes seconds when there are many.
        wait_for(lambda: count_lines(path or self.ipmid.output) >= wanted and not missing(), deadline,
                 lambda: f"all records; missing {missing()}; log:\n{self.ipmid.log()[-3000:]}")

    def check_exact(self, path=None):
        """Everything once, in SEL order."""
        for bmc in self.bmcs:
            delivered = self.raw(bmc.name, path)
            repeated = [raw for raw, times in Counter(delivered).items() if times > 1]
            assert not repeated, f"{bmc.name}: {len(repeated)} records came more than once"
            assert delivered == bmc.written, f"{bmc.name}: not in SEL order"

    def collector_of(self, name):
        """The number of the collector that has this BMC, from what SIGUSR1 logs."""
        before = len(self.state_lines(name))
        self.ipmid.signal_core(signal.SIGUSR1)
        wait_for(lambda: len(self.state_lines(name)) > before, 10, "SIGUSR1 to log a line")
        return self.state_lines(name)[-1].split("; collector ")[1].split(";")[0]

    def state_lines(self, name):
        return [line for line in self.ipmid.log().splitlines() if "state: " in line and f"bmc={name}" in line]

    def stop(self):
        self.ipmid.stop()


def count_lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def read_json(path):
    """The events of another file of a file handler."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
