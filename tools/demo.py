# SPDX-License-Identifier: LGPL-2.1-or-later
"""The show of ./quickstart: one simulated BMC or a fleet, ipmid beside it, some events.

Everything lives in a temporary directory and ends with this program.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "daemon"))

# The bench of the whole-daemon tests knows how to run both.
from bmc import SimulatedBmc  # noqa: E402
from configured import ConfiguredIpmid  # noqa: E402
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

    def __init__(self, path, with_bmc=False):
        self.path = path
        self.with_bmc = with_bmc
        self.shown = 0

    def print_new(self):
        """How many events have been printed so far."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        for line in lines[self.shown:]:
            self.print_event(json.loads(line))
        self.shown = len(lines)
        return self.shown

    def print_event(self, event):
        severity = event.get("severity", "info")
        colour = SEVERITY_COLOURS.get(severity)
        word = f"{severity:8}"
        if colour and sys.stdout.isatty():
            word = f"\033[{colour}m{word}\033[0m"
        bmc = f"{event['bmc']:8}  " if self.with_bmc else ""
        print(f"   {event['received'][:23]}  {word}  {bmc}{event.get('text', event['id'])}", flush=True)


def tell(title, act, bmc, printer):
    """Makes the BMC log events, and shows how they arrive."""
    print(f"-> {title}", flush=True)
    before = printer.shown
    standing = len(bmc.sel())
    act(bmc)
    expected = len(bmc.sel()) - standing
    wait_for(lambda: printer.print_new() >= before + expected, 30, f"{expected} events to arrive")


def ask(build, ipmid, *words):
    """Shows what ipmidctl says of this ipmid."""
    print("$ ipmidctl", shlex.join(words), flush=True)
    subprocess.run([build.directory / "ipmidctl", "--state-dir", ipmid.state_dir, *words], check=True,
                   env={**os.environ, "TZ": "UTC"})
    print(flush=True)


def where(ipmid, once):
    """Where the events stand as long as the show goes on."""
    return "" if once else f", and stand in {ipmid.output} until the show ends"


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
  sudo ipmidctl status
"""


FLEET_HEAD = """[daemon]
state-dir = {state}

[defaults]
user = ipmiusr
password-file = {password}
sel-interval = 2s
sensor-interval = 10s
"""

FLEET_HANDLER = """
[handler log]
plugin = file
path = {output}
format = json
"""

# How much of the configuration is shown: the head, and two BMCs.
FLEET_LINES = 16


def fleet_configuration(bmcs):
    """The text for ConfiguredIpmid; addresses of simulated BMCs have no order that a range could say."""
    groups = "".join(f"\n[bmc node{number:03}]\naddress = {{{number - 1}}}\n"
                     f"labels = site=north rack=r{(number - 1) // 10 + 1}\n"
                     for number in range(1, len(bmcs) + 1))
    return FLEET_HEAD + groups + FLEET_HANDLER


def start_fleet(stack, directory, count):
    """COUNT simulated BMCs, up; the slow part is done for many at once."""
    def start(number):
        place = directory / f"bmc{number:03}"
        place.mkdir()
        bmc = SimulatedBmc(place)
        bmc.start()
        return bmc
    # The threads stay to the end: a simulator dies with the thread that started it.
    pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(8))
    bmcs = list(pool.map(start, range(1, count + 1)))
    for bmc in bmcs:
        stack.callback(bmc.stop)
    return bmcs


def show_fleet(build, count, once):
    stop = stopped_by_signals()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ipmid-quickstart-")))
        bmcs = start_fleet(stack, directory, count)
        print(f"{count} BMCs (ipmi_sim) are up")
        ipmid = ConfiguredIpmid(directory / "ipmid", fleet_configuration(bmcs), bmcs, build=build)
        print(f"configuration: {ipmid.config}\n")
        print("\n".join("   " + line for line in ipmid.config.read_text().splitlines()[:FLEET_LINES]), "\n   …")
        print("\nipmid:", shlex.join(ipmid.command()), flush=True)
        stack.enter_context(ipmid)
        print(f"all {count} are connected; events as they arrive:", flush=True)
        printer = Printer(ipmid.output, with_bmc=True)
        # What rises falls again at the same BMC.
        for bmc, (title, act) in zip((0, 0, count // 2, count - 1), STORY, strict=True):
            tell(f"node{bmc + 1:03}: {title}", act, bmcs[bmc], printer)
        print(f"\nAll {printer.shown} events have arrived{where(ipmid, once)}.\n")
        ask(build, ipmid, "status")
        ask(build, ipmid, "events")
        if not once:
            print("Ctrl-C ends the show.", flush=True)
        while not once and not stop.wait(0.5):
            printer.print_new()
    print("stopped; nothing is left running")


def stopped_by_signals():
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def show(build, once):
    stop = stopped_by_signals()
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
                for title, act in STORY:
                    tell(title, act, bmc, printer)
                print(f"\nAll {printer.shown} events have arrived{where(ipmid, once)}.")
                print(commands(build))
                ask(build, ipmid, "status")
                ask(build, ipmid, "events")
                if not once:
                    print("Ctrl-C ends the show.", flush=True)
                while not once and not stop.wait(0.5):
                    printer.print_new()
    print("stopped; nothing is left running")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--fleet", type=int, metavar="N")
    arguments = parser.parse_args()
    if arguments.fleet:
        show_fleet(Build(arguments.build), arguments.fleet, arguments.once)
    else:
        show(Build(arguments.build), arguments.once)


if __name__ == "__main__":
    main()
