# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's openipmi_eventd beside ipmid, on the same BMC.

It looks into the SEL every 10 s and cannot be told otherwise, and it ignores
what was in the SEL before it was up: inject while it is paused.
"""

import os
import signal
import subprocess
from pathlib import Path

import processes
from eventd_text import parse_stream
from recorder import Recorder
from waiting import wait_for

EVENTD = "openipmi_eventd"

# Mode → (its options, what the program is).
MODES = {"file": (["-f"], None), "arguments": ([], "arguments"),
         "stdin": (["-i"], "stdin"), "keep": (["-k"], "persistent")}

POLL_INTERVAL = 10.0
# A SEL poll and a moment for the processing.
DELIVERY = POLL_INTERVAL + 8.0


class Eventd:
    """One openipmi_eventd in DIRECTORY, in one of MODES.

    PROGRAM replaces the recorder; with it events() cannot tell what arrived.
    """

    def __init__(self, bmc, directory, mode="file", *, delete=False, program=None,
                 connection=None):
        self.bmc = bmc
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.mode = mode
        self.delete = delete
        self.connection = connection or bmc.connection(extra=["-A", "rmcp+"])
        options, recorded = MODES[mode]
        self.output = self.directory / "eventd.events"
        self.recorder = Recorder(self.directory, recorded) if recorded and not program else None
        self._words = [*options, *([os.fspath(self.output)] if mode == "file" else []),
                       *(["-e"] if delete else []),
                       *(program or (self.recorder.command if self.recorder else []))]
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, wait_up=True, deadline=30.0):
        """Start it; it handles only what is added to the SEL after it is up."""
        # -d makes it print "Fully up!" (through stdio, hence stdbuf) at the very
        # moment from which it delivers, and keeps it in the foreground.
        argv = ["stdbuf", "-oL", EVENTD, "test", *self.connection, "-d", *self._words]
        with open(self.log_file, "wb") as log:
            self.process = processes.spawn(argv, stdout=log, stderr=subprocess.STDOUT,
                                           cwd=self.directory)
        if wait_up:
            self.wait_up(deadline)

    @property
    def log_file(self):
        return self.directory / "eventd.log"

    def log(self):
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    @property
    def up(self):
        return "Fully up!\n" in self.log()

    def wait_up(self, deadline=30.0):
        """Wait until it delivers events."""
        def up_or_dead():
            return self.up or self.process.poll() is not None
        wait_for(up_or_dead, deadline, lambda: f"eventd to be up; it said:\n{self.log()[-2000:]}")
        assert self.up, f"eventd ended with status {self.process.returncode}:\n{self.log()}"

    def outcome(self, deadline=30.0):
        """Start it, for a failure at start-up, and return the status with which it ends."""
        self.start(wait_up=False)
        return processes.wait_exit(self.process, deadline, "eventd")

    def pause(self):
        """Stop it, so that records can be added under its eyes; at most for 30 s."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: processes.state(self.process.pid) == "T", 5, "eventd to stop")

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process:
            processes.kill_group(self.process)
            self.process = None

    def data(self):
        """The text so far, as bytes (not in argument mode)."""
        if self.recorder:
            return self.recorder.data()
        return self.output.read_bytes() if self.output.exists() else b""

    def events(self):
        """The events that it delivered, in order."""
        return self.recorder.events() if self.recorder else parse_stream(self.data())

    def wait_for_events(self, count, deadline=DELIVERY):
        """Wait until COUNT events were delivered; returns them all.

        DEADLINE counts from the last event that arrived: how fast it goes after
        the first depends on what else the machine does.
        """
        while True:
            before = len(self.events())
            if before >= count:
                return self.events()
            wait_for(lambda: len(self.events()) > before, deadline,
                     lambda: f"{count} events from eventd -- {self.mode}, there are {before}; "
                             f"it said:\n{self.log()[-2000:]}", poll=0.05)
