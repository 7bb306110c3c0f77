# SPDX-License-Identifier: LGPL-2.1-or-later
"""A backlog of undelivered events: how long ipmid takes to start on it, and how much memory.

    IPMID_BUILD=build python3 -B bench/backlog.py [--events 1000000]

The journal is made by the fake collector's events for a handler that fails;
copies of one row fill it up to the wanted number, since that is what a journal
of that size holds.  Then ipmid is started on it with the handler still failing,
and again with a handler that works.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "daemon"))
from fake_fleet import Fleet                                                      # noqa: E402
from waiting import wait_for                                                      # noqa: E402

HANDLER = "[handler it]\nplugin = {plugin}\nexisting = yes\nquota = 10000000\n{keys}\n"
FAILS = HANDLER.format(plugin="exec", keys="program = /bin/false\nretry-min = 1s")
WORKS = HANDLER.format(plugin="file", keys="path = {directory}/taken\nformat = json")


def resident(pid):
    """MB, now and at most."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    return tuple(int(status[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))


def multiply(path, events):
    """Copies of what is owed, until so many events are."""
    with closing(sqlite3.connect(path)) as journal, journal:
        (have,), (first,) = journal.execute("SELECT count(*) FROM event"), journal.execute("SELECT max(seq) FROM event")
        journal.execute("CREATE TEMP TABLE number AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                        " LIMIT ?) SELECT i FROM n", (events - have[0],))
        one = "(SELECT * FROM event ORDER BY seq LIMIT 1)"
        journal.execute(f"INSERT INTO event (seq, bmc, required, open, owed, payload) SELECT ? + i, bmc, required,"
                        f" open, owed, payload FROM {one}, number", first)
        journal.execute("INSERT INTO delivery (handler, bmc, seq, attempts, inflight, counts) SELECT d.handler, d.bmc,"
                        " ? + i, 0, 0, d.counts FROM (SELECT * FROM delivery ORDER BY seq LIMIT 1) d, number", first)


def start(fleet):
    """Seconds until it is ready: all handlers open, and --status answers."""
    began = time.monotonic()
    fleet.ipmid.start(wait=False)
    wait_for(lambda: "handler: it" in fleet.ipmid.status(), 120, fleet.ipmid.log, poll=0.02)
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory(dir=os.environ.get("IPMID_BENCH_DIR", ".")) as directory:
        fleet = Fleet(Path(directory).resolve(), 2, extra="journal-limit = 100G\nminimum-free = 0")
        fleet.handlers = {}
        fleet.write(FAILS)
        fleet.start()
        fleet.bmcs[0].add(10)
        wait_for(lambda: "queue: 10" in fleet.ipmid.status(), 20, fleet.ipmid.log)
        print(f"empty journal: {resident(fleet.ipmid.pid)[0]:.1f} MB resident")
        fleet.ipmid.terminate()
        multiply(fleet.ipmid.state_dir / "journal.db", events)
        size = (fleet.ipmid.state_dir / "journal.db").stat().st_size
        print(f"journal of {events} events: {size / 2**20:.0f} MB")
        print(f"start, the handler fails: {start(fleet):.2f} s")
        wait_for(lambda: f"queue: {events}" in fleet.ipmid.status(), 20, fleet.ipmid.status)
        print("resident: %.1f MB, at most %.1f MB" % resident(fleet.ipmid.pid))
        fleet.ipmid.terminate()
        fleet.write(WORKS)
        began = time.monotonic()
        print(f"start, the handler works: {start(fleet):.2f} s")
        wait_for(lambda: "\n  queue: 0\n" in fleet.ipmid.status(), 600, fleet.ipmid.status, poll=0.5)
        print(f"delivered: {events / (time.monotonic() - began):.0f} events/s")
        print("resident: %.1f MB, at most %.1f MB" % resident(fleet.ipmid.pid))
        fleet.ipmid.terminate()


if __name__ == "__main__":
    main()
