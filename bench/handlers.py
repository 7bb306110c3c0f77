#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the handlers; `make bench-handlers` runs it.

    bench/handlers.py [FIGURE...] [--runs 5]     all by default

Events a second through the whole daemon, with fake-collector for the BMCs: from
the first that is seen where the handler brings them to, to the last.  The core is
stopped while the records are added, so that they stand there all at once.  Each
run has a daemon and BMCs of its own.

It ends with status 1 when a target is missed, and when an event was lost, repeated
or out of its BMC's order: then the figures mean nothing.
"""

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import contestants
import outputs
import processes
import store
from fake_fleet import Fleet
from waiting import wait_for
from workplace import print_machine, run, workplace

LOOK = 0.0005
START, LIMIT = 60, 300        # seconds: until the first event, until the last

CONFIGURATION = """[handler it]
plugin = {plugin}
existing = yes
kinds = discrete
{keys}
"""
FILE = "path = {output.path}\nformat = json"
PROGRAM = "program = {sink}\narguments = {output.path}\ninput = arguments\nformat = json"
ACKNOWLEDGE = "program = {python}\narguments = -B;{here}/acknowledge.py;{output.path}\ninput = acknowledge"


@dataclass
class Figure:
    """A handler, and what it gets."""

    plugin: str
    keys: str
    what: str                # for people
    events: int
    bmcs: int = 16
    target: float = 0        # events a second; 0: none
    output: Callable = outputs.Lines


def webhook(what, events, **rest):
    """A figure of the plugin webhook; KEYS besides the URL."""
    keys = "url = {output.url}/\n" + rest.pop("keys", "")
    return Figure("webhook", keys, what, events, output=outputs.LateServer, **rest)


# A webhook has one event of a BMC under way at a time, to keep its order.
FIGURES = {
    "webhook": webhook("answers after 20 ms, one event a request", 3200, target=300),
    "webhook-one": webhook("the same, all events of one BMC", 160, bmcs=1),
    "webhook-array": webhook("the same, 64 events a request", 19200, keys="events-per-request = 64"),
    "file": Figure("file", FILE, "JSON, synced", 48000),
    "exec": Figure("exec", PROGRAM, "sink, by arguments", 4800),
    "exec-8": Figure("exec", PROGRAM + "\nworkers = 8", "the same, 8 workers", 4800),
    "acknowledge": Figure("exec", ACKNOWLEDGE, "one program that answers for each", 32000),
}
SQLITE = "sqlite"
SQLITE_EVENTS, SQLITE_TARGET = 50000, 0.5
NAMES = (SQLITE, *FIGURES)


# One run.

def burst(fleet, output, count):
    """The rate at which COUNT events of each BMC come to OUTPUT."""
    count_all = count * len(fleet.bmcs)
    fleet.ipmid.signal_core(signal.SIGSTOP)
    wait_for(lambda: processes.state(fleet.ipmid.pid) == "T", 5, "ipmid to stop")
    for bmc in fleet.bmcs:
        bmc.add(count)
    fleet.ipmid.signal_core(signal.SIGCONT)
    at_first = wait_for(output.look, START, "the first event", poll=LOOK)
    began = time.monotonic()
    wait_for(lambda: output.look() >= count_all, LIMIT,
             lambda: f"{count_all} events, there are {output.look()}; log:\n{fleet.ipmid.log()[-2000:]}", poll=LOOK)
    assert at_first < count_all, f"all {count_all} events came at once: more are needed to measure a rate"
    return (count_all - at_first) / (time.monotonic() - began)


def check(name, fleet, output):
    """Every event once, and each BMC's in order."""
    arrived = output.arrived()
    numbers = {bmc.name: [] for bmc in fleet.bmcs}
    for bmc, number in arrived:
        numbers[bmc].append(number)
    for bmc in fleet.bmcs:
        wanted, came = list(range(1, len(bmc.written) + 1)), numbers[bmc.name]
        assert came == wanted, (
            f"{name}: {bmc.name}: {len(came)} events of {len(wanted)}, missing {sorted(set(wanted) - set(came))[:10]}, "
            f"repeated {len(came) - len(set(came))}, or out of order")


def measure(name, directory, events, http=True):
    """One run of a figure: events a second."""
    figure = FIGURES[name]
    directory.mkdir(parents=True)
    output = figure.output(directory)
    fleet = Fleet(directory, figure.bmcs, per=figure.bmcs, extra=f"http = {'yes' if http else 'no'}")
    fleet.handlers = {}
    keys = figure.keys.format(output=output, sink=contestants.sink(), python=sys.executable,
                              here=Path(__file__).resolve().parent)
    fleet.write(CONFIGURATION.format(plugin=figure.plugin, keys=keys))
    try:
        fleet.start()
        rate = burst(fleet, output, max(events // figure.bmcs, 1))
        assert fleet.ipmid.terminate(deadline=30) == 0, fleet.ipmid.log()[-2000:]
        check(name, fleet, output)
    finally:
        fleet.stop()
        output.stop()
    return rate


# Lines for people.

def verdict(measured, target):
    """Of a figure with a target."""
    return f"target {target:g}{'' if measured >= target else ': MISSED'}"


def figure_line(name, rates):
    """Median and range, and whether the target is reached; (line, missed)."""
    figure = FIGURES[name]
    median = statistics.median(rates)
    words = f"   {verdict(median, figure.target)}" if figure.target else ""
    return (f"{name:<14} {median:.0f}/s ({min(rates):.0f}-{max(rates):.0f}){words}   "
            f"{figure.bmcs} BMC{'s' if figure.bmcs > 1 else ''}; {figure.what}"), median < figure.target


def sqlite_line(directory, chosen):
    """The same of sqlite, whose target is a ratio: see store.py."""
    count = min(chosen.events or SQLITE_EVENTS, SQLITE_EVENTS)
    runs = [store.measure_rate(directory / f"sqlite{i}", count) for i in range(chosen.runs)]
    ratio = statistics.median(one.ratio for one in runs)
    return f"{store.rate_line(runs)}   {verdict(ratio, SQLITE_TARGET)}", ratio < SQLITE_TARGET


def server_line(target):
    """How fast the webhook's server is by itself; a slow one would measure itself."""
    many, eight = outputs.server_rate(64), outputs.server_rate(8)
    assert many >= 2 * target, f"the server for the webhook answers only {many:.0f}/s by itself"
    return (f"# the webhook's server by itself, with its clients: {many:.0f}/s on 64 connections, {eight:.0f}/s on 8, "
            f"as many as the webhook has")


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the handlers.")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--runs", type=int, default=5, help="runs of each (5)")
    parser.add_argument("--events", type=int, help="events of a run, at most (160 to 50000, by figure)")
    parser.add_argument("--no-http", action="store_true", help="without the handler for ipmidctl; not of sqlite")
    parser.add_argument("--directory", help="where to work; a disk, not memory (.)")
    chosen = parser.parse_args()
    unknown = set(chosen.figures) - set(NAMES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


def lines(name, directory, chosen):
    """Measure one figure; (line, missed)."""
    if name == SQLITE:
        return sqlite_line(directory, chosen)
    events = min(chosen.events or FIGURES[name].events, FIGURES[name].events)
    return figure_line(name, [measure(name, directory / f"{name}{i}", events, not chosen.no_http)
                              for i in range(chosen.runs)])


def main():
    """Run what was asked for."""
    chosen = options()
    names = chosen.figures or NAMES
    missed = []
    processes.adopt_orphans()
    os.umask(0o022)             # ipmid loads no plugin that others can write
    print_machine()
    with workplace("ipmid-handlers-", chosen.directory) as directory:
        if "webhook" in names:
            print(server_line(FIGURES["webhook"].target), flush=True)
        for name in names:
            text, is_missed = lines(name, directory, chosen)
            missed += [name] * is_missed
            print(text, flush=True)
    assert not missed, f"target missed: {', '.join(missed)}"


if __name__ == "__main__":
    run(main)
