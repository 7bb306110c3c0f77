# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records per second, from the first that is seen in the output to the last.

The daemon is stopped while the records are added, so that they stand there all
at once.  What was there at first sight is not counted.  Each run has a BMC and
a daemon of its own, runs alternate, and a run that loses, repeats or reorders a
record fails.
"""

import statistics
import time
from dataclasses import dataclass

import records
import sdr
from contestants import EventdContestant, IpmidContestant, Output, make_bmc

LIMIT = 60.0
LOOK = 0.0005


@dataclass
class Run:
    """One burst: records per second, and seconds from SIGCONT to the last record."""

    rate: float
    total: float


def measure(contestant, count):
    """Inject COUNT records into the stopped daemon, and let it go."""
    sensor = sdr.ORDINARY["CPU1 Temp"]
    contestant.pause()
    contestant.bmc.add_many([records.numbered(sensor, number) for number in range(count)])
    output = Output(contestant)
    assert output.look() == 0
    began = time.monotonic()
    contestant.resume()
    first = last = None
    at_first = seen = 0
    while seen < count:
        now = time.monotonic()
        seen = output.look()
        if seen and first is None:
            first, at_first = now, seen
        last = now
        if now - began > LIMIT:
            raise AssertionError(f"{contestant.name} handled {seen} of {count} records: "
                                 f"{contestant.log()}")
        time.sleep(LOOK)
    output.close()
    return Run((count - at_first) / (last - first) if seen > at_first else float("inf"),
               last - began)


def check(contestant, count):
    """Every record once, and in order."""
    numbers = Output(contestant).numbers()
    assert numbers == list(range(count)), (
        f"{contestant.name}: {len(numbers)} events of {count}, "
        f"missing {sorted(set(range(count)) - set(numbers))[:10]}, "
        f"repeated {len(numbers) - len(set(numbers))}, or out of order")


def run_once(kind, directory, mode, count):
    """One run on a fresh BMC."""
    bmc = make_bmc(directory / "bmc")
    try:
        with kind(bmc, directory / "daemon", mode) as contestant:
            run = measure(contestant, count)
            check(contestant, count)
    finally:
        bmc.kill()
    return run


def compare(directory, mode, count, runs):
    """The runs of both, in turn: {name: [Run]}."""
    result = {EventdContestant.name: [], IpmidContestant.name: []}
    for number in range(runs):
        for kind in (EventdContestant, IpmidContestant):
            place = directory / f"{mode}-{kind.name}-{number}"
            result[kind.name].append(run_once(kind, place, mode, count))
    return result


def line(mode, result):
    """One line for people: medians, ranges and the ratio."""
    def words(name):
        rates = [run.rate for run in result[name]]
        total = statistics.median(run.total for run in result[name])
        return (f"{name} {statistics.median(rates):.0f}/s ({min(rates):.0f}-{max(rates):.0f}), "
                f"last after {total:.2f} s")
    medians = {name: statistics.median(run.rate for run in runs)
               for name, runs in result.items()}
    ratio = medians["ipmid"] / medians["eventd"]
    return f"{mode:<10} ratio {ratio:.2f}   {words('ipmid')}; {words('eventd')}"
