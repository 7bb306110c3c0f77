#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures ipmid beside openipmi_eventd; `make bench` runs it.

    bench/run.py [FIGURE...]     file keep stdin arguments latency idle; all by default

Prints one line a figure.  It ends with status 1 when a daemon lost, repeated
or reordered a record: then the figures mean nothing.
"""

import argparse

import contestants
import idle
import latency
import processes
import rates
from workplace import print_machine, run, workplace

FIGURES = (*contestants.MODES, "latency", "idle")


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure ipmid beside openipmi_eventd.")
    parser.add_argument("figures", nargs="*", metavar="FIGURE",
                        help=f"of {', '.join(FIGURES)}; default: all")
    parser.add_argument("--runs", type=int, default=5, help="runs of each daemon (5)")
    parser.add_argument("--records", type=int, default=1000, help="records a run (1000)")
    parser.add_argument("--samples", type=int, default=100, help="records for the latency (100)")
    parser.add_argument("--seconds", type=int, default=60, help="how long to be idle (60)")
    parser.add_argument("--directory", help="where to work; a disk, not memory (.)")
    chosen = parser.parse_args()
    unknown = set(chosen.figures) - set(FIGURES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


def figure(name, chosen, directory):
    """Measure one figure; its lines."""
    if name == "latency":
        return latency.lines(latency.measure(directory / name, chosen.samples))
    if name == "idle":
        return idle.lines(idle.measure(directory / name, chosen.seconds))
    return [rates.line(name, rates.compare(directory, name, chosen.records, chosen.runs))]


def main():
    """Run what was asked for."""
    chosen = options()
    processes.adopt_orphans()
    print_machine()
    with workplace("ipmid-bench-", chosen.directory) as directory:
        for name in chosen.figures or FIGURES:
            for text in figure(name, chosen, directory):
                print(text, flush=True)


if __name__ == "__main__":
    run(main)
