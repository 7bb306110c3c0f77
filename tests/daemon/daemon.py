# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ipmid under test.

Where its parts lie and how its command line is spelled is said here and
nowhere else in the tests.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import processes
from eventd_text import parse_stream
from waiting import scaled, wait_for

CORE, COLLECTOR = "ipmid", "ipmid-collector"

# What `--status` says when the BMC answers.
CONNECTED = re.compile(r"^\s*connection:\s+(up|connected)\b", re.MULTILINE | re.IGNORECASE)


class Build:
    """An ipmid that was built but not installed."""

    def __init__(self, directory=None):
        root = Path(__file__).resolve().parents[2]
        self.directory = Path(directory or os.environ.get("IPMID_BUILD") or root).resolve()
        self.core = self.directory / CORE
        self.collector = self.directory / COLLECTOR

    def check(self):
        """Say clearly what is missing, rather than fail strangely later."""
        for program in (self.core, self.collector):
            assert os.access(program, os.X_OK), (
                f"{program} is missing: run make first, or point IPMID_BUILD to a build directory")

    @property
    def sanitized(self):
        """Whether it was built with sanitizers."""
        symbols = subprocess.run(["nm", "-D", self.core], capture_output=True, text=True, check=True).stdout
        return re.search(r"__[atu]san_init|__ubsan_handle", symbols) is not None

    def gather_plugins(self, directory):
        """Copy the plugins into DIRECTORY: libtool has put them beside other things."""
        directory.mkdir(parents=True, exist_ok=True)
        for plugin in (self.directory / ".libs").glob("*.so"):
            shutil.copy(plugin, directory)
            (directory / plugin.name).chmod(0o755)
        return directory

    def options(self, plugin_dir):
        """The options that make the core use this build's parts."""
        return ["--collector", os.fspath(self.collector), "--plugin-dir", os.fspath(plugin_dir)]


class Ipmid:
    """One ipmid in eventd style on one BMC, in DIRECTORY.

    WORDS follow the connection: `-f FILE`, a program and its parameters, …;
    without any it is `-f` to `output`.  OPTIONS are further options.  STATE
    False means --no-state.  DAEMONIZE leaves out -b.  WRAPPER is a command that
    runs it, such as `prlimit --nofile=64`.
    """

    def __init__(self, bmc, directory, words=None, *, options=(), state=True, domain="test",
                 connection=None, sel_interval="100ms", environment=None, daemonize=False,
                 wrapper=(), build=None):
        self.bmc = bmc
        self.build = build or Build()
        self.build.check()
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.domain = domain
        self.connection = bmc.connection() if connection is None else connection
        self.state_dir = self.directory / "state"
        self.output = self.directory / "events"
        self.log_file = self.directory / "ipmid.log"
        self.pid_file = self.directory / "ipmid.pid"
        self.words = [os.fspath(word) for word in words or ["-f", self.output]]
        self.state = ["--state-dir", os.fspath(self.state_dir)] if state else ["--no-state"]
        self.options = ["--sel-interval", sel_interval, *options]
        self.environment = environment or {}
        self.daemonize = daemonize
        self.wrapper = wrapper
        self.plugin_dir = self.build.gather_plugins(self.directory / "plugins")
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # The command line.

    def command(self):
        """The whole command line."""
        return [os.fspath(self.build.core), self.domain, *self.connection, *self._settings(),
                *([] if self.daemonize else ["-b"]),
                "--pid-file", os.fspath(self.pid_file), *self.words]

    def _settings(self):
        return [*self.build.options(self.plugin_dir), *self.state, *self.options]

    def ask(self, *words, deadline=10.0):
        """Run ipmid for a question about this one; returns what it printed."""
        done = subprocess.run(
            [os.fspath(self.build.core), self.domain, *self.state, *words],
            capture_output=True, text=True, timeout=scaled(deadline), check=False)
        return done.stdout

    def status(self):
        return self.ask("--status")

    def dead_letters(self):
        return self.ask("--dead-letters")

    # Life and death.

    def start(self, wait=True):
        """Start it, and with WAIT until it says that the BMC is connected."""
        with open(self.log_file, "ab") as log:
            self.process = processes.spawn(
                [*self.wrapper, *self.command()],
                stdout=log, stderr=subprocess.STDOUT, cwd=self.directory,
                env={**os.environ, **self.environment})
        if self.daemonize:
            assert processes.wait_exit(self.process, 15, "the parent of a daemon") == 0, self.log()
        if wait:
            self.wait_connected()
        return self

    def run(self, deadline=15.0):
        """Start it and wait for its end, for mistakes at start-up: (status, what it said)."""
        self.start(wait=False)
        status = processes.wait_exit(self.process, deadline, "ipmid")
        return status, self.log()

    def wait_connected(self, deadline=20.0):
        wait_for(lambda: CONNECTED.search(self.status()), deadline,
                 lambda: f"ipmid to be connected; it said:\n{self.log()[-2000:]}", poll=0.05)

    @property
    def pid(self):
        """The pid of the core."""
        if self.daemonize:
            return int(self.pid_file.read_text(encoding="ascii"))
        return self.process.pid

    def collectors(self):
        """The pids of its collectors."""
        return processes.children_named(self.pid, COLLECTOR)

    def wait_for_collector(self, besides=(), deadline=10.0):
        """The pid of a collector that is none of BESIDES."""
        return wait_for(lambda: [pid for pid in self.collectors() if pid not in besides],
                        deadline, "a collector to run")[0]

    @property
    def running(self):
        if self.daemonize:
            try:
                return processes.alive(self.pid)
            except (FileNotFoundError, ValueError):    # it has just ended, or is just writing the file
                return False
        return self.process is not None and self.process.poll() is None

    def kill_core(self):
        """SIGKILL the core only, and wait for its death."""
        self.signal_core(signal.SIGKILL)
        self._wait_core_gone(5)

    def kill_collector(self):
        """SIGKILL the collectors only; returns their pids."""
        killed = self.collectors()
        for pid in killed:
            processes.signal_quietly(pid, signal.SIGKILL)
        wait_for(lambda: not any(processes.alive(pid) for pid in killed), 5,
                 "the collectors to die")
        return killed

    def kill_all(self):
        """SIGKILL core and collectors at one moment."""
        for pid in [self.pid, *self.collectors()]:
            processes.signal_quietly(pid, signal.SIGKILL)
        self._wait_core_gone(5)

    def signal_core(self, number):
        processes.signal_quietly(self.pid, number)

    def terminate(self, deadline=10.0):
        """SIGTERM, and the status with which it ends in time (None for a daemon)."""
        self.signal_core(signal.SIGTERM)
        self._wait_core_gone(deadline)
        return self.process.returncode if not self.daemonize else None

    def _wait_core_gone(self, deadline):
        if self.daemonize:
            wait_for(lambda: not self.running, deadline, "ipmid to end")
        else:
            processes.wait_exit(self.process, deadline, "ipmid")

    def restart(self, wait=True):
        """Kill everything and start again on the same state directory."""
        self.kill_all()
        return self.start(wait)

    def stop(self):
        """End it, one way or the other; for the end of a test."""
        if self.running:
            try:
                self.terminate()
            except AssertionError:
                self.kill_all()
        self.process = None

    # What it did.

    def log(self):
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def wait_log(self, pattern, times=1, deadline=10.0):
        """Wait until a regular expression is in the log, so many times."""
        wait_for(lambda: len(re.findall(pattern, self.log())) >= times, deadline,
                 lambda: f"{pattern!r} in the log:\n{self.log()[-2000:]}")

    def data(self):
        """What is in the output file, as bytes."""
        return self.output.read_bytes() if self.output.exists() else b""

    def events(self):
        """The events in the output file, in eventd's text."""
        return parse_stream(self.data())

    def json_events(self):
        """The events in the output file with --format json; a torn last line is left out."""
        return [json.loads(line) for line in self.data().split(b"\n")[:-1]]

    def payloads(self):
        """The events in the output file as a ledger compares them."""
        return [event.payload for event in self.events()]

    def wait_settled(self, deadline=10.0):
        """Wait until no handler is owed anything: then not even kill -9 lets an event come again."""
        wait_for(lambda: set(re.findall(r"^  queue: (\d+)$", self.status(), re.MULTILINE)) == {"0"}, deadline,
                 lambda: f"the answers to be in the journal: {self.status()}")

    def wait_for_events(self, count, deadline=10.0):
        """Wait for COUNT events in the output file; returns them all."""
        wait_for(lambda: len(self.events()) >= count, deadline,
                 lambda: f"{count} events, there are {len(self.events())}; "
                         f"log:\n{self.log()[-2000:]}")
        return self.events()

    def wait_for_ledger(self, ledger, deadline=20.0):
        """Wait until everything in LEDGER was delivered; returns the comparison."""
        wait_for(lambda: ledger.all_delivered(self.payloads()), deadline,
                 lambda: f"all events: {ledger.compare(self.payloads())}; "
                         f"log:\n{self.log()[-2000:]}")
        return ledger.compare(self.payloads())
