# SPDX-License-Identifier: LGPL-2.1-or-later
"""The show of ./quickstart: a simulated BMC, ipmid beside it, some events.

Everything lives in a temporary directory and ends with this program.
"""

import argparse
import json
import shlex
import signal
import sys
import tempfile
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "daemon"))

# The bench of the whole-daemon tests knows how to run both.
from bmc import SimulatedBmc  # noqa: E402
from daemon import Build, Ipmid  # noqa: E402
from waiting import wait_for  # noqa: E402

SEVERITY_COLOURS = {"critical": "31;1", "warning": "33", "ok": "32"}

# What the BMC goes through: what to say, and what to do.
STORY = (
    ("CPU1 Temp rises over its thresholds", lambda bmc: bmc.set_reading("CPU1 Temp", 97, event=True)),
    ("CPU1 Temp falls again", lambda bmc: bmc.set_reading("CPU1 Temp", 40, event=True)),
    ("DIMM A1 has a correctable ECC error", lambda bmc: bmc.set_state("DIMM A1", 0, event=True)),
    ("PSU1 fails", lambda bmc: bmc.set_state("PSU1 Status", 1, event=True)),
)


class Printer:
    """Prints the lines of ipmid's JSON file as they arrive."""

    def __init__(self, path):
        self.path = path
        self.shown = 0

    def print_new(self):
        """How many events have been printed so far."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        for line in lines[self.shown:]:
            self.print_event(json.loads(line))
        self.shown = len(lines)
        return self.shown

    @staticmethod
    def print_event(event):
        severity = event.get("severity", "info")
        colour = SEVERITY_COLOURS.get(severity)
        word = f"{severity:8}"
        if colour and sys.stdout.isatty():
            word = f"\033[{colour}m{word}\033[0m"
        print(f"   {event['received'][:23]}  {word}  {event.get('text', event['id'])}", flush=True)


def tell_story(bmc, printer):
    """Makes the BMC log its events, and shows how they arrive."""
    for title, act in STORY:
        print(f"-> {title}", flush=True)
        before = printer.shown
        expected = len(bmc.sel())
        act(bmc)
        expected = len(bmc.sel()) - expected
        wait_for(lambda: printer.print_new() >= before + expected, 30, f"{expected} events to arrive")


def commands(build):
    """The commands for the user's own BMC."""
    ipmid = build.directory / "ipmid"
    parts = shlex.join(build.options(build.directory / ".libs"))
    return f"""
Your own BMC, from this build (-b stays in the foreground; the password disappears from the process list):

  {ipmid} mybmc lan -U USER -P PASSWORD ADDRESS -b --no-state --format json -f events.json \\
    {parts}

Or install it and let it run as a daemon:

  sudo make -C {build.directory} install
  sudo ipmid mybmc lan -U USER -P PASSWORD ADDRESS -f /var/log/mybmc.json --format json
  sudo ipmid mybmc --status
"""


def show(build, once):
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="ipmid-quickstart-") as name:
        directory = Path(name)
        (directory / "bmc").mkdir()
        with SimulatedBmc(directory / "bmc") as bmc:
            ipmid = Ipmid(bmc, directory / "ipmid", options=["--format", "json"], sel_interval="500ms", build=build)
            print("BMC (ipmi_sim):", shlex.join(bmc.connection()))
            print("ipmid:         ", shlex.join(ipmid.command()), flush=True)
            with ipmid:
                print("connected; events as they arrive:", flush=True)
                printer = Printer(ipmid.output)
                tell_story(bmc, printer)
                print(f"\nAll {printer.shown} events have arrived, and stand in {ipmid.output}.")
                print(commands(build))
                if not once:
                    print("Ctrl-C ends the show.", flush=True)
                while not once and not stop.wait(0.5):
                    printer.print_new()
    print("stopped; nothing is left running")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--once", action="store_true")
    arguments = parser.parse_args()
    show(Build(arguments.build), arguments.once)


if __name__ == "__main__":
    main()
