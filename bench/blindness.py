#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a collector's share is blind when the collector dies, or is stuck with one BMC.

    bench/blindness.py --bmcs 250 --per 250 --times 5

Real ipmi_sim BMCs under full polling, as in fleet.py.  A kill -9 leaks the
BMCs' sessions; a BMC is blind until its new session is there and its SEL is
read again (which is when ipmid says that it is up).  With --spin one BMC's SEL
gets a record that its collector never comes back from (needs a build with
--enable-crash-points): events of the others say how late they are.
"""

import argparse
import os
import random
import resource
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import contestants  # pylint: disable=unused-import  # finds tests/daemon
import idle
import records
from fleet import isolate, say
from processes import adopt_orphans, children_named, kill_descendants_except
from simulators import Simulators
from waiting import wait_for
from watcher import Events, Watcher

POISON = records.oem_untimed(data=b"ipmid: spin!!")


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure how long a share is blind after its collector's death.")
    parser.add_argument("--bmcs", type=int, default=250, help="how many (250)")
    parser.add_argument("--per", type=int, nargs="+", default=[None], help="how many to a collector (ipmid's default)")
    parser.add_argument("--times", type=int, default=3, help="how often a collector is killed (3)")
    parser.add_argument("--settle", type=float, default=6.0, help="seconds between (6)")
    parser.add_argument("--spin", action="store_true", help="and let one spin")
    parser.add_argument("--sel-interval", default="2s")
    parser.add_argument("--sensor-interval", default="10s")
    parser.add_argument("--collector", nargs="+", default=[None], help="other collectors than the build's")
    parser.add_argument("--directory", help="where to work; a disk, not memory (.)")
    return parser.parse_args()


def spread(times):
    return f"p50 {statistics.median(times):.2f} s, most {max(times):.2f} s"


def kill_one(watcher):
    """Kill the fullest collector; seconds until each of its BMCs was up again."""
    mark, collectors = len(watcher.log()), children_named(watcher.process.pid, "ipmid-collector")
    began = time.time()
    os.kill(collectors[0], signal.SIGKILL)
    size = min(watcher.per or len(watcher.bmcs), len(watcher.bmcs))
    wait_for(lambda: len(watcher.up_times(mark)) >= size, 60,
             lambda: f"{size} BMCs to be up again, {len(watcher.up_times(mark))} are: {watcher.log()[mark:][:2000]}",
             poll=0.05)
    new = set(children_named(watcher.process.pid, "ipmid-collector")) - set(collectors)
    say("processor", f"{1000 * sum(idle.cpu_seconds(pid) for pid in new) / size:.2f} ms of the new collector for a BMC")
    return [when - began for when in watcher.up_times(mark).values()]


def kills(watcher, chosen):
    """The shortest blindness of several; other programs use the machine, too."""
    runs = []
    for number in range(chosen.times):
        if number > 0:                  # after two crashes without a suspect it halves the share
            watcher.stop()
            watcher.start()
        time.sleep(chosen.settle)
        runs.append(kill_one(watcher))
    best = min(runs, key=max)
    say("killed", f"{len(best)} BMCs blind: {spread(best)} (the best of {len(runs)}: "
        + ", ".join(f"{max(run):.2f}" for run in runs) + ")")


def spin(watcher, chosen):
    """One BMC's record holds its collector: how late the others' events are, which are written meanwhile."""
    events, chance, added = Events(watcher.events), random.Random(1), {}
    others, sensor = watcher.bmcs[1:], watcher.bmcs[0].population["Sensor 01"]
    for bmc in others:
        bmc.session                     # opened before it counts
    time.sleep(chosen.settle)
    watcher.bmcs[0].add(POISON)
    began = time.monotonic()
    number = 0
    while time.monotonic() < began + 4:
        bmc = chance.choice(others)
        record_id = bmc.add(records.numbered(sensor, number))
        added[bmc.name, record_id] = time.monotonic()
        number += 1
        events.look()
        time.sleep(0.01)
    end = time.monotonic() + 60
    while not added.keys() <= events.seen.keys() and time.monotonic() < end:
        events.look()
        time.sleep(0.002)
    late = [max(0.0, events.seen[key] - when) for key, when in added.items() if key in events.seen]
    events.close()
    assert "was spinning" in watcher.log(), "nothing was spinning; is this a build with --enable-crash-points?"
    say("spinning", f"events of the others: {spread(late)}; {len(late)} of {len(added)} arrived")


def measure(simulators, directory, chosen, per, collector):
    """One size of shares, one collector."""
    watcher = Watcher(directory, simulators.bmcs, sel_interval=chosen.sel_interval,
                      sensor_interval=chosen.sensor_interval, per=per, collector=collector)
    try:
        cold = watcher.start()
        time.sleep(chosen.settle)
        watcher.stop()
        warm = watcher.start()
        time.sleep(2 * chosen.settle)
        count = len(simulators.bmcs)
        say("all up", f"cold {cold:.2f} s, with the SDR cache {warm:.2f} s; "
            f"{watcher.memory() / count:.3f} MB/BMC, PSS {watcher.memory('Pss', 'smaps_rollup') / count:.3f} MB/BMC, "
            f"in {len(watcher.pids())} processes")
        kills(watcher, chosen)
        if chosen.spin:
            spin(watcher, chosen)
    finally:
        watcher.stop()


def main():
    """Run it."""
    chosen = options()
    isolate()
    adopt_orphans()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    directory = Path(tempfile.mkdtemp(prefix="ipmid-blind-", dir=chosen.directory or ".")).resolve()
    try:
        with Simulators(directory / "bmcs", chosen.bmcs) as simulators:
            for number, (per, collector) in enumerate((per, collector) for per in chosen.per
                                                      for collector in chosen.collector):
                print(f"# {time.strftime('%Y-%m-%d %H:%M')}, {chosen.bmcs} BMCs, {per or 'default'} to a collector, "
                      f"{collector or 'the build'}, load {os.getloadavg()[0]:.1f}", flush=True)
                measure(simulators, directory / str(number), chosen, per, collector)
    finally:
        kill_descendants_except({os.getpid()})
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"bench: {error}")
