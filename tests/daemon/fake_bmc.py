# SPDX-License-Identifier: LGPL-2.1-or-later
"""A BMC played by fake-collector, and the build that has it in place of the collector."""

import fcntl
import os
import struct
from contextlib import contextmanager

from daemon import Build


class FakeBuild(Build):
    """The build's core, with the stand-in for the collector, which plays the BMC (or the fleet) at PLAYS."""

    def __init__(self, plays):
        super().__init__()
        self.fake = self.directory / "tests" / "daemon" / "fake-collector"
        self.wrapper = plays.parent / "collector"      # a program without arguments
        self.wrapper.write_text(f"#!/bin/sh\nexec '{self.fake}' '{plays}'\n", encoding="utf-8")
        self.wrapper.chmod(0o755)

    def check(self):
        for program in (self.core, self.fake):
            assert os.access(program, os.X_OK), f"{program} is missing: run make check first"

    def options(self, plugin_dir):
        return ["--collector", os.fspath(self.wrapper), "--plugin-dir", os.fspath(plugin_dir)]


class FakeBmc:
    """A BMC whose SEL is a file of records."""

    def __init__(self, directory, name="sel"):
        directory.mkdir(exist_ok=True)
        self.name = name
        self.path = directory / name
        self.path.touch()
        self.written = []              # raw, in order
        self.next_id = 1
        self.serial = 0                # of the first in `written`

    def replace(self):
        """Another board: a SEL of its own, from the first id on, of which nothing is written yet."""
        self.path.write_bytes(b"")
        self.next_id, self.serial, self.written = 1, self.serial + 1000, []

    @staticmethod
    def connection():
        return ["lan", "-U", "u", "-P", "p", "127.0.0.1"]

    @contextmanager
    def _locked(self, mode):
        with open(self.path, mode) as sel:
            fcntl.flock(sel, fcntl.LOCK_EX)
            yield sel

    def add(self, count=1):
        """Append so many records, each with bytes of its own."""
        new = []
        for _ in range(count):
            serial = self.serial + len(self.written) + len(new)
            new.append(struct.pack("<HBIHBBBBI", self.next_id, 2, 0x60000000 + serial, 0x20, 4,
                                   1, serial & 0x7f, 0x6f, serial)[:16])
            self.next_id = self.next_id % 65000 + 1
        self._append(new)

    def add_events(self, *events):
        """Append system events, (sensor type, sensor, event type, offset, assertion) each."""
        new = []
        for sensor_type, sensor, event_type, offset, assertion in events:
            new.append(struct.pack("<HBIHBBBBBBB", self.next_id, 2, 0x60000000, 0x20, 4, sensor_type, sensor,
                                   event_type | (0 if assertion else 0x80), offset, 0, 0))
            self.next_id = self.next_id % 65000 + 1
        self._append(new)

    def _append(self, new):
        with self._locked("ab") as sel:
            sel.write(b"".join(new))
        self.written += new

    def clear(self):
        with self._locked("r+b") as sel:
            sel.truncate(0)

    def standing(self):
        data = self.path.read_bytes()
        return [data[i:i + 16] for i in range(0, len(data), 16)]

    def beside(self, suffix):
        """The file that fake-collector reads beside the SEL."""
        return self.path.with_name(self.path.name + suffix)

    def say(self, suffix, text):
        """Write what fake-collector reads beside the SEL; None: nothing any more."""
        path = self.beside(suffix)
        if text is None:
            path.unlink(missing_ok=True)
            return
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(text, encoding="ascii")
        temporary.rename(path)

    def order(self, word):
        """Make it misbehave; None ends that."""
        self.say(".control", word)

    @property
    def obeyed(self):
        return not self.beside(".control").exists()
