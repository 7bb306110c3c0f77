# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two daemons side by side: the same BMC, the same modes, the same programs.

The bench of the tests starts them (tests/daemon); here they get one face:
start, pause, resume, stop, the pids, and a file that shows what was handled.
"""

import os
import re
import signal
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests" / "daemon"
sys.path.insert(0, os.fspath(TESTS))

# pylint: disable=wrong-import-position
import processes
import sdr
from bmc import SimulatedBmc
from daemon import Build, Ipmid
from eventd import Eventd
from waiting import wait_for

MODES = {"file": ["-f"], "keep": ["-k"], "stdin": ["-i"], "arguments": []}
EVENT_DATA = re.compile(rb"^\s*(?:eventdata)\s+((?: ?0x[0-9a-f]{2}){13})\s*$", re.MULTILINE)


def sink():
    """The program of bench/sink.c."""
    return os.fspath(Build().directory / "bench" / "sink")


def program(mode, output):
    """The words after the options: what handles the events in MODE."""
    if mode == "file":
        return [os.fspath(output)]
    if mode == "keep":
        return ["/bin/sh", "-c", 'exec cat >> "$0"', os.fspath(output)]
    return [sink(), os.fspath(output)]


class Contestant:
    """One daemon on BMC in DIRECTORY; what it handled stands in `output`."""

    name = None

    def __init__(self, bmc, directory, mode="file"):
        self.bmc = bmc
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        self.mode = mode
        self.output = self.directory / "output"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def pause(self):
        """Stop it without its knowing."""
        pids = self.pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: all(processes.state(pid) == "T" for pid in pids), 5,
                 f"{self.name} to stop")

    def resume(self):
        """Let it go on after pause()."""
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def log(self):
        """What it said, for an error message."""
        return self.daemon.log()[-2000:]


class EventdContestant(Contestant):
    """openipmi_eventd, as Debian ships it."""

    name = "eventd"

    def start(self):
        """Start it; returns when it delivers."""
        self.daemon = Eventd(self.bmc, self.directory / "run", program=[
            *MODES[self.mode], *program(self.mode, self.output)], mode="arguments")
        self.daemon.start()

    def pids(self):
        return [self.daemon.process.pid]

    def stop(self):
        self.daemon.stop()


class IpmidContestant(Contestant):
    """The ipmid of this build, with its state on disk."""

    name = "ipmid"

    def __init__(self, bmc, directory, mode="file", interval=None):
        super().__init__(bmc, directory, mode)
        self.interval = interval or "2s"

    def start(self):
        """Start it; returns when it is connected."""
        self.daemon = Ipmid(self.bmc, self.directory / "run",
                            [*MODES[self.mode], *program(self.mode, self.output)],
                            sel_interval=self.interval)
        self.daemon.start()

    def pids(self):
        return [self.daemon.pid, *self.daemon.collectors()]

    def stop(self):
        self.daemon.stop()


def make_bmc(directory):
    """A BMC with the ordinary sensors and an empty SEL, up."""
    bmc = SimulatedBmc(directory, sdr.ORDINARY)
    bmc.start()
    return bmc


class Output:
    """The output file of a contestant as it grows."""

    def __init__(self, contestant):
        self.path = contestant.output
        # Lines of the program, or blocks of eventd's text.
        self.end = b"endevent\n" if contestant.mode in ("file", "keep") else b"\n"
        self.count = 0
        self._file = None
        self._tail = b""

    def look(self):
        """How many events are there now."""
        if self._file is None:
            if not self.path.exists():
                return 0
            self._file = open(self.path, "rb", buffering=0)
        fresh = self._file.read()
        if fresh:
            data = self._tail + fresh
            self.count += data.count(self.end)
            at = data.rfind(self.end)
            self._tail = data if at < 0 else data[at + len(self.end):]
        return self.count

    def close(self):
        if self._file:
            self._file.close()

    def numbers(self):
        """Which events these were: see records.numbered()."""
        text = self.path.read_bytes().replace(b"\t", b"\n")
        text = text.replace(b"\neventdata\n", b"\neventdata ")
        return [int(words.split()[-2], 16) | int(words.split()[-1], 16) << 8
                for words in EVENT_DATA.findall(text)]
