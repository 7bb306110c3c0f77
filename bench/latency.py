# SPDX-License-Identifier: LGPL-2.1-or-later
"""From the SEL to the handler: how long until a record stands in the output.

All watch the same BMC at the same time.  One record at a time is added at a
random moment; its time starts when the BMC has answered Add SEL Entry and ends
when the record is seen in the output file.
"""

import random
import statistics
import time

import records
import sdr
from contestants import EventdContestant, IpmidContestant, Output, make_bmc

# Longer than ipmid's interval, so that its samples do not touch each other, and
# one interval wide, so that they hit every moment of it alike.
PAUSE = (2.2, 4.2)
LOOK = 0.001
# eventd looks every 10 s; a moment more for the last record.
LAST_WAIT = 15.0


class Watch:
    """One daemon, and when each of its events was first seen."""

    def __init__(self, label, contestant):
        self.label = label
        self.contestant = contestant
        self.output = Output(contestant)
        self.seen = []

    def look(self):
        """Note what has come."""
        count = self.output.look()
        self.seen += [time.monotonic()] * (count - len(self.seen))

    def delays(self, added):
        """Seconds for each record; they come in order, or check() fails."""
        numbers = Output(self.contestant).numbers()
        assert numbers == list(range(len(added))), (
            f"{self.label}: {len(numbers)} of {len(added)} events, or not in order: {numbers}")
        return [seen - at for seen, at in zip(self.seen, added, strict=True)]


def watch_until(watches, end, done=lambda: False):
    """Look at all outputs until the time is up or all is DONE."""
    while time.monotonic() < end and not done():
        for watch in watches:
            watch.look()
        time.sleep(LOOK)


def measure(directory, samples):
    """{label: [seconds]} of SAMPLES records."""
    directory.mkdir(parents=True)
    bmc = make_bmc(directory / "bmc")
    watches = [Watch("ipmid (2s)", IpmidContestant(bmc, directory / "default")),
               Watch("ipmid (250ms)", IpmidContestant(bmc, directory / "short",
                                                      interval="250ms")),
               Watch("eventd (10s)", EventdContestant(bmc, directory / "eventd"))]
    added = []
    try:
        for watch in watches:
            watch.contestant.start()
        for number in range(samples):
            watch_until(watches, time.monotonic() + random.uniform(*PAUSE))
            bmc.add(records.numbered(sdr.ORDINARY["CPU1 Temp"], number))
            added.append(time.monotonic())
        watch_until(watches, time.monotonic() + LAST_WAIT,
                    lambda: all(len(watch.seen) == samples for watch in watches))
        return {watch.label: watch.delays(added) for watch in watches}
    finally:
        for watch in watches:
            watch.contestant.stop()
        bmc.kill()


def lines(result):
    """One line each; the ratio is of the medians."""
    median = {label: statistics.median(delays) for label, delays in result.items()}
    slowest = median["eventd (10s)"]
    return [f"latency    ratio {median[label] / slowest:.2f}   {label}: median "
            f"{median[label]:.2f} s, max {max(delays):.2f} s ({len(delays)} records)"
            for label, delays in result.items()]
