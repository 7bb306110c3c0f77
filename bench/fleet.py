#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ipmid over a fleet of real ipmi_sim BMCs, beside those that do the same work.

    bench/fleet.py --bmcs 20 --seconds 20
    make bench-fleet FLEET="--bmcs 1000"

Prints one line a figure, each per BMC, per reading or as a ratio.  As root it
runs in a network namespace of its own, so that the messages that it counts are
only its own.
"""

import argparse
import os
import random
import re
import resource
import shutil
import statistics
import sys
import time

import idle
import peers
import records
from processes import adopt_orphans
from simulators import SENSORS, Simulators
from watcher import Events, Watcher
from workplace import print_machine, run, workplace

SETTLE = 5.0
MARK = "IPMID_BENCH_NETWORK"


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure ipmid over a fleet of simulated BMCs.")
    parser.add_argument("--bmcs", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--seconds", type=int, default=60, help="how long each measurement takes (60)")
    parser.add_argument("--samples", type=int, default=200, help="records for the latency (200)")
    parser.add_argument("--sensor-interval", default="10s", help="how often sensors are read (10s)")
    parser.add_argument("--sel-interval", default="2s", help="how often SELs are looked at (2s)")
    parser.add_argument("--peer-bmcs", type=int, default=20, help="with how many the peers are measured (20)")
    parser.add_argument("--no-peers", action="store_true", help="ipmid only")
    parser.add_argument("--no-ipmid", action="store_true", help="simulators and peers only")
    parser.add_argument("--directory", help="where to work; a disk, not memory (.)")
    return parser.parse_args()


def isolate():
    """Become root of a network of our own, with nothing in it but loopback."""
    if os.geteuid() != 0 or MARK in os.environ or not shutil.which("unshare"):
        return
    os.environ[MARK] = "1"
    script = 'ip link set lo up && exec "$@"'
    os.execvp("unshare", ["unshare", "--net", "sh", "-c", script, "sh", sys.executable, "-B", *sys.argv])


def say(title, text):
    print(f"{title:<14} {text}", flush=True)


def seconds(duration):
    """A duration of the configuration, such as 10s or 250ms."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m)", duration).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def describe_simulators(simulators):
    """What the simulators themselves take, so that the rest can be judged."""
    pids, count = simulators.pids(), len(simulators.bmcs)
    say("simulators", f"{count} up in {simulators.seconds:.2f} s; each {SENSORS} sensors, "
        f"{1000 * sum(map(idle.cpu_seconds, pids)) / count:.1f} ms CPU to start, "
        f"PSS {sum(idle.memory(pid, 'Pss', 'smaps_rollup') for pid in pids) / count:.2f} MB")


def start_times(watcher):
    """Start to all up, with nothing on disk and then with what the first run left there."""
    times = []
    for _ in range(2):
        times.append(watcher.start())
        time.sleep(SETTLE)
        if len(times) == 1:
            watcher.stop()
    count = len(watcher.bmcs)
    say("all up", f"cold {times[0]:.2f} s ({1000 * times[0] / count:.1f} ms/BMC), "
        f"again {times[1]:.2f} s ({1000 * times[1] / count:.1f} ms/BMC), ratio {times[1] / times[0]:.2f}")


def steady(watcher, duration):
    """The cost of a while of full polling."""
    readings, sent = watcher.count_readings(), peers.datagrams()
    core, collectors = watcher.cpu()
    began = time.monotonic()
    time.sleep(duration)
    passed = time.monotonic() - began
    core, collectors = (later - earlier for later, earlier in zip(watcher.cpu(), (core, collectors)))
    messages = (peers.datagrams() - sent) // 2
    readings = watcher.count_readings() - readings
    wanted = SENSORS * len(watcher.bmcs) * passed / seconds(watcher.intervals[1])
    say("polling", f"{100 * (core + collectors) / passed:.1f} % of one core (core {100 * core / passed:.1f}, "
        f"collectors {100 * collectors / passed:.1f}); {messages / passed / len(watcher.bmcs):.1f} messages/s and BMC; "
        + (f"readings {readings / wanted:.2f} of what was asked for" if readings else "readings not counted"))
    return peers.Cost("ipmid", readings, core + collectors, messages, passed) if readings else None


def latency(watcher, samples, duration):
    """From the BMC's answer to Add SEL Entry to the line in the file."""
    events, added = Events(watcher.events), {}
    chance, sensor = random.Random(1), watcher.bmcs[0].population["Sensor 01"]
    moments = sorted(chance.uniform(0, duration) for _ in range(samples))
    began = time.monotonic()
    for number, moment in enumerate(moments):
        while time.monotonic() < began + moment:
            events.look()
            time.sleep(0.002)
        bmc = chance.choice(watcher.bmcs)
        record_id = bmc.add(records.numbered(sensor, number))
        added[bmc.name, record_id] = time.monotonic()
    limit = time.monotonic() + 30
    while not added.keys() <= events.seen.keys() and time.monotonic() < limit:
        events.look()
        time.sleep(0.002)
    events.close()
    lost = added.keys() - events.seen.keys()
    assert not lost, f"{len(lost)} of {samples} events did not arrive"
    times = sorted(max(0.0, events.seen[key] - when) for key, when in added.items())
    say("SEL to handler", f"p50 {statistics.median(times):.2f} s, p99 {times[min(len(times) - 1, int(0.99 * len(times)))]:.2f} s, "
        f"most {times[-1]:.2f} s ({samples} events, all arrived)")


def memory(watcher):
    count = len(watcher.bmcs)
    say("memory", f"RSS {watcher.memory() / count:.3f} MB/BMC, "
        f"PSS {watcher.memory('Pss', 'smaps_rollup') / count:.3f} MB/BMC, in {len(watcher.pids())} processes")


def idle_cost(simulators, directory, chosen):
    """SELs only: no sensor is read."""
    watcher = Watcher(directory, simulators.bmcs, sel_interval=chosen.sel_interval, sensor_interval="0s",
                      readings=False)
    watcher.start()
    try:
        time.sleep(SETTLE)
        before, began = sum(watcher.cpu()), time.monotonic()
        time.sleep(chosen.seconds)
        cpu, passed = sum(watcher.cpu()) - before, time.monotonic() - began
        say("idle", f"{100 * cpu / passed:.2f} % of one core, "
            f"{1e6 * cpu / passed * seconds(chosen.sel_interval) / len(simulators.bmcs):.0f} us for a look into one SEL")
    finally:
        watcher.stop()


def measure_ipmid(simulators, directory, chosen):
    """All of ipmid's figures; its cost."""
    watcher = Watcher(directory / "ipmid", simulators.bmcs, sel_interval=chosen.sel_interval,
                      sensor_interval=chosen.sensor_interval)
    complaint = watcher.check()
    if complaint:
        watcher.write(readings=False)
        assert not watcher.check(), complaint
        say("note", "this ipmid delivers no readings: they are not counted")
    try:
        start_times(watcher)
        own = steady(watcher, chosen.seconds)
        memory(watcher)
        latency(watcher, chosen.samples, chosen.seconds)
    finally:
        watcher.stop()
    idle_cost(simulators, directory / "idle", chosen)
    return own


def measure(chosen, directory):
    """Everything."""
    with Simulators(directory / "bmcs", chosen.bmcs) as simulators:
        describe_simulators(simulators)
        own = None if chosen.no_ipmid else measure_ipmid(simulators, directory, chosen)
        if own:
            print(own.line(), flush=True)
        if not chosen.no_peers:
            for cost in peers.measure_all(simulators.bmcs[:chosen.peer_bmcs], directory):
                print(cost.line(own), flush=True)


def main():
    """Run it."""
    chosen = options()
    isolate()
    adopt_orphans()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print_machine(f"{chosen.bmcs} BMCs x {SENSORS} sensors every {chosen.sensor_interval}, "
                  f"SEL every {chosen.sel_interval}, ")
    with workplace("ipmid-fleet-", chosen.directory) as directory:
        measure(chosen, directory)


if __name__ == "__main__":
    run(main)
