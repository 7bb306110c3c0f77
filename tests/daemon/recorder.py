# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs for events to be handed to, and what they were handed.

The same programs serve openipmi_eventd and ipmid, so that a comparison
compares the daemons only.
"""

import os
from pathlib import Path

from eventd_text import parse_arguments, parse_stream

# Arguments of one call end with an empty word, which no event contains.  One
# write, so that calls that overlap do not mix.
ARGUMENTS = """#!/bin/sh
out=$1
shift
printf '%s\\0' "$@" '' >> "$out"
exit "$(cat "$out.status" 2>/dev/null || echo 0)"
"""

STANDARD_INPUT = """#!/bin/sh
cat >> "$1"
exit "$(cat "$1.status" 2>/dev/null || echo 0)"
"""

# Stays, and passes on what it reads at once.
PERSISTENT = """#!/bin/sh
exec cat >> "$1"
"""


class Recorder:
    """A program that records its events, and a file with what it got."""

    SCRIPTS = {"arguments": ARGUMENTS, "stdin": STANDARD_INPUT, "persistent": PERSISTENT}

    def __init__(self, directory, mode):
        self.mode = mode
        self.program = Path(directory) / f"record-{mode}"
        self.output = Path(directory) / f"recorded-{mode}"
        self.program.write_text(self.SCRIPTS[mode], encoding="ascii")
        self.program.chmod(0o755)

    @property
    def command(self):
        """The program and its parameters."""
        return [os.fspath(self.program), os.fspath(self.output)]

    def exit_with(self, status):
        """Let the program fail (or succeed again with 0) from now on."""
        Path(f"{self.output}.status").write_text(str(status), encoding="ascii")

    def data(self):
        try:
            return self.output.read_bytes()
        except FileNotFoundError:
            return b""

    def events(self):
        """The events so far, in order."""
        if self.mode != "arguments":
            return parse_stream(self.data())
        calls = self.data().split(b"\0\0")[:-1]
        return [parse_arguments(call.split(b"\0")) for call in calls]
