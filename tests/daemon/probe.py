# SPDX-License-Identifier: LGPL-2.1-or-later
"""A collector alone: frames in, frames out (collector-probe.c).

For what one BMC and one event program cannot show: many BMCs in a collector,
settings that only the configuration file has, frames as they are.
"""

import os
import re
import subprocess
import threading
from dataclasses import dataclass

import processes
from daemon import Build
from waiting import wait_for

# daemon/event/frame.h
CREDIT, ADD, REMOVE, START, POLL, WALK, DELETE, SHUTDOWN, PING = range(1, 10)
(HELLO, STATE, SEL_INFO, TAIL, RECORDS, WALK_END, SUSPECT, DELETED, REMOVED, LOG, PONG, IDENTITY, CLOCK,
 SENSORS, READINGS, SDR_CACHE, POWERED, RENEW) = range(64, 82)
CONNECTING, UP, DOWN, REFUSED = range(4)
FIRST, RECORD, EMPTY = range(3)


@dataclass(frozen=True)
class Frame:
    when: float
    kind: int
    body: str

    @property
    def bmc(self):
        """The number of the BMC that it is about; a LOG frame has it second."""
        number = re.match(r"\((?:byte )?(?:0x[0-9a-f]+, )?(?:uint32 )?(\d+)", self.body)
        return int(number.group(1)) if number else None

    @property
    def state(self):
        return int(re.match(r"\(\d+, 0x([0-9a-f]+)", self.body).group(1), 16)


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def byte_array(data):
    return "[" + ", ".join(f"byte {byte:#04x}" for byte in data) + "]" if data else "@ay []"


class Probe:
    """One collector (COLLECTOR, or the build's) with ARGUMENTS; ENVIRONMENT is added to its own."""

    def __init__(self, directory, arguments=(), environment=None, collector=None):
        build = Build()
        self.directory = directory
        self.frames = []
        self.other = []
        self.started = []
        program = os.path.join(build.directory, "tests", "daemon", "collector-probe")
        assert os.access(program, os.X_OK), f"{program} is missing: run make check TESTS="
        self._log = open(directory / "probe.log", "ab")
        self._process = processes.spawn(
            [program, collector or build.collector, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True, bufsize=1, env={**os.environ, **(environment or {})})
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _read(self):
        for line in self._process.stdout:
            words = line.rstrip("\n").split(" ", 2)
            if re.fullmatch(r"[0-9.]+", words[0]):
                self.frames.append(Frame(float(words[0]), int(words[1]), words[2]))
            else:
                self.other.append(line.strip())

    def stop(self):
        """End the collector in order."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        processes.wait_exit(self._process, 10, "the probe")
        self._thread.join(10)
        self._log.close()

    def send(self, kind, body):
        self._process.stdin.write(f"{kind} {body}\n")
        self._process.stdin.flush()

    @property
    def pid(self):
        return int(wait_for(lambda: [line for line in self.other if line.startswith("pid ")],
                            what="the collector's pid")[0].split()[1])

    @property
    def end(self):
        """"signal 31", "status 0", or None while it runs."""
        return next((line[4:] for line in self.other if line.startswith("end ")), None)

    def wait_end(self, deadline=10.0):
        return wait_for(lambda: self.end, deadline, "the collector to end")

    def serving(self):
        """The BMC being served now, 0 if none."""
        asked = sum(line.startswith("serving") for line in self.other)
        self._process.stdin.write("serving\n")
        self._process.stdin.flush()
        wait_for(lambda: sum(line.startswith("serving") for line in self.other) > asked, what="the note")
        return int([line for line in self.other if line.startswith("serving")][-1].split()[1])

    def add(self, number, bmc, **settings):
        """ADD a BMC of bmc.py or scripted_bmc.py; SETTINGS are strings or GVariant text in a list of one."""
        words = {"interface": "lan", "name": f"bmc{number}", "user": bmc.user,
                 **{key.replace("_", "-"): value for key, value in settings.items()}}
        items = [f"'{key}': <{value[0] if isinstance(value, list) else quoted(value)}>"
                 for key, value in words.items()]
        items += [f"'addresses': <[{quoted(bmc.address)}]>", f"'ports': <[{quoted(str(bmc.port))}]>"]
        if "password" not in settings:
            items.append(f"'password': <{byte_array(bmc.password.encode())}>")
        self.send(ADD, f"({number}, {{{', '.join(items)}}})")

    def of(self, kind, bmc=None):
        return [frame for frame in list(self.frames) if frame.kind == kind and bmc in (None, frame.bmc)]

    def state(self, bmc):
        """The state that was told last."""
        states = self.of(STATE, bmc)
        return states[-1].state if states else None

    def wait_state(self, bmc, state, deadline=20.0):
        wait_for(lambda: self.state(bmc) == state, deadline,
                 lambda: f"state {state} of BMC {bmc}: {self.frames[-20:]}")

    def wait_frames(self, kind, bmc, count=1, deadline=20.0):
        wait_for(lambda: len(self.of(kind, bmc)) >= count, deadline,
                 lambda: f"{count} frames of kind {kind} of BMC {bmc}: {self.frames[-20:]}")
        return self.of(kind, bmc)

    def read(self, bmc):
        """Read the SEL from the empty one on, as soon as the BMC is there."""
        self.wait_frames(SEL_INFO, bmc)
        self.send(START, f"({bmc}, {EMPTY:#04x}, @ay [], true)")

    def log(self):
        return "\n".join(frame.body for frame in self.of(LOG))
