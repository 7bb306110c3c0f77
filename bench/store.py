#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the history in SQLite; `make bench-store` runs it.

    bench/store.py [rate] [queries] [--plans]     both by default

rate: events a second through the whole daemon into the plugin sqlite, with
fake-collector for the BMC, beside what SQLite takes in the same run for the same
rows, the same tables and indices, the same number of rows in a transaction, and
the same synchronous.

queries: a million events and a BMC's readings are stored, and what a dashboard
asks is asked by the functions of the service (store-queries.c).

It ends with status 1 when events are missing or doubled: then the figures mean
nothing.
"""

import argparse
import os
import random
import sqlite3
import statistics
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import contestants  # pylint: disable=unused-import  # finds tests/daemon
import processes
from daemon import Build, Ipmid
from fake_bmc import FakeBmc, FakeBuild
from waiting import wait_for
from workplace import print_machine, run, workplace

BATCH = 256
SECOND = 10**9
DAY = 86400 * SECOND
BMCS, SENSORS, DAYS = 1000, 40, 30


def connect(path, mode="rw"):
    return closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None, timeout=10))


# Events a second.

@dataclass
class Rates:
    """Events a second, of the same rows."""

    ipmid: float
    plain: float         # into the same tables and indices
    bare: float          # one table with its key

    @property
    def ratio(self):
        return self.ipmid / self.plain


def through_ipmid(directory, count):
    """The rate at which ipmid stores COUNT events, and the database."""
    bmc = FakeBmc(directory / "bmc")
    words = ["--handler", "sqlite", "readings=no", f"batch={BATCH}"]
    with Ipmid(bmc, directory / "ipmid", words, build=FakeBuild(bmc.path)) as ipmid:
        path = ipmid.state_dir / "history.db"
        with connect(path, "ro") as database:
            def stored():
                return database.execute("SELECT coalesce (max (seq), 0) FROM event").fetchone()[0]
            ipmid.signal_core(19)                       # SIGSTOP: so that they stand there all at once
            bmc.add(count)
            ipmid.signal_core(18)
            at_first = wait_for(stored, 60, "the first events", poll=0.01)
            began = time.monotonic()
            wait_for(lambda: stored() >= count, 120, lambda: f"{count} events, there are {stored()}", poll=0.01)
            rate = (count - at_first) / (time.monotonic() - began)
            rows, ids = database.execute("SELECT count (*), count (DISTINCT id) FROM event").fetchone()
            assert rows == ids == count, f"{count} events became {rows} rows with {ids} ids"
        assert ipmid.terminate() == 0
    return rate, path


INSERT = ("INSERT INTO event (id, time, received, bmc, kind, severity, sensor, text, json)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
COUNT = ("INSERT INTO event_count VALUES (?2, ?3, 1, ?1)"
         " ON CONFLICT DO UPDATE SET count = count + 1, newest = max (newest, excluded.newest)")
DAYS_SUM = ("INSERT INTO event_day VALUES (?1 / 86400000000000, ?2, ?3, 1, ?1)"
            " ON CONFLICT DO UPDATE SET count = count + 1, newest = max (newest, excluded.newest)")
TEXT = "INSERT INTO event_text (rowid, text, bmc) VALUES (?, ?, ?)"


def insert_all(path, rows, bare):
    """The rate at which SQLite inserts ROWS, BATCH a transaction."""
    with connect(path) as database:
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA cache_size = -8192")
        began = time.monotonic()
        for first in range(0, len(rows), BATCH):
            database.execute("BEGIN IMMEDIATE")
            some = rows[first:first + BATCH]
            database.executemany(INSERT + ("" if bare else " ON CONFLICT (id) DO NOTHING"), some)
            if not bare:
                database.executemany(COUNT, [(row[1], row[3], row[5]) for row in some])
                database.executemany(DAYS_SUM, [(row[1], row[3], row[5]) for row in some])
                database.executemany(TEXT, [(first + i + 1, row[7], row[3]) for i, row in enumerate(some)])
            database.execute("COMMIT")
        return len(rows) / (time.monotonic() - began)


def by_itself(path, directory):
    """The same rows into fresh databases: with the schema of PATH, and with no index but the key."""
    with connect(path, "ro") as source:
        rows = source.execute("SELECT id, time, received, bmc, kind, severity, sensor, text, json FROM event"
                              " ORDER BY seq").fetchall()
        schema = [sql for sql, in source.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name"
                                                 " NOT LIKE 'event_text_%' AND name NOT LIKE 'sqlite_%' ORDER BY rowid")]
    for name, statements in (("plain", schema), ("bare", schema[:2])):
        with connect(directory / f"{name}.db", "rwc") as database:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
            database.execute("PRAGMA journal_mode = WAL")
            for statement in statements:
                database.execute(statement)
            database.execute("INSERT INTO bmc (id, name) VALUES (1, 'test')")
    return insert_all(directory / "plain.db", rows, False), insert_all(directory / "bare.db", rows, True)


def measure_rate(directory, count=50000):
    """One run of each."""
    directory.mkdir(parents=True)
    rate, path = through_ipmid(directory, count)
    return Rates(rate, *by_itself(path, directory))


def rate_line(runs):
    """One line for people: medians and the ratio of each run."""
    def middle(name):
        return statistics.median(getattr(one, name) for one in runs)
    ratios = sorted(one.ratio for one in runs)
    return (f"sqlite     ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})   "
            f"ipmid {middle('ipmid'):.0f}/s; SQLite with the same tables {middle('plain'):.0f}/s, "
            f"without indices {middle('bare'):.0f}/s; {BATCH} a transaction")


# What a dashboard asks.

def make_database(directory):
    """An empty history, as ipmid makes it."""
    bmc = FakeBmc(directory / "bmc")
    with Ipmid(bmc, directory / "ipmid", ["--handler", "sqlite"], build=FakeBuild(bmc.path)) as ipmid:
        assert ipmid.terminate() == 0
    return ipmid.state_dir / "history.db"


SENTENCES = (("Temperature of {} went above the upper critical threshold", 3), ("Voltage of {} is back in its limits", 1),
             ("Fan {} has failed", 4), ("Power supply {}: input lost", 3), ("Memory at {}: correctable ECC", 2),
             ("Drive slot {}: drive present", 2), ("Processor {}: throttled", 3))
JSON = ('{{"id":"{}","bmc":"{}","kind":"threshold","received":"2026-11-21T06:30:00.250000Z","record_id":{},'
        '"record_type":2,"assert":true,"severity":"{}","text":"{}","sensor":"{}","sensor_type":"Temperature",'
        '"entity":"processor 1","offset":4,"value":97,"unit":"C","raw":"0100020000000020000401300101ffff"}}')


def make_events(count, now):
    """Rows like those of a fleet of BMCS in DAYS days, in the order of time."""
    dice = random.Random(1)
    numbers = [0] * BMCS
    for serial in range(count):
        bmc = dice.randrange(BMCS)
        numbers[bmc] += 1
        sensor = f"Sensor {dice.randrange(SENSORS):02}"
        text, severity = dice.choice(SENTENCES)
        kind = 4 if serial % 500 == 0 else 1
        text = "Memory: uncorrectable ECC" if serial % 100000 == 50000 else text.format(sensor)
        at = now - (count - serial) * DAYS * DAY // count
        id = f"node{bmc:04}/1/{numbers[bmc]}"
        yield (id, at, at + SECOND, bmc + 1, kind, severity, None if kind == 4 else sensor, text,
               JSON.format(id, f"node{bmc:04}", numbers[bmc], severity, text, sensor))


def make_spans(sensor, now, width, days):
    for at in range((now - days * DAY) // width * width, now // width * width, width):
        yield (sensor, at, 2, 20.0, 21.5, 23.0, 1)


def fill(path, count, now):
    """COUNT events of all BMCs, and readings of the sensors of one, as the default values keep them."""
    with connect(path) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -262144")
        database.execute("BEGIN")
        database.executemany("INSERT INTO bmc (id, name) VALUES (?, ?)",
                             ((bmc + 1, f"node{bmc:04}") for bmc in range(BMCS)))
        database.executemany(INSERT, make_events(count, now))
        database.execute("INSERT INTO event_count SELECT bmc, severity, count (*), max (time) FROM event GROUP BY 1, 2")
        database.execute("INSERT INTO event_day SELECT time / 86400000000000, bmc, severity, count (*), max (time)"
                         " FROM event GROUP BY 1, 2, 3")
        database.execute("INSERT INTO event_text (event_text) VALUES ('rebuild')")
        for sensor in range(SENSORS):
            done = now // (60 * SECOND) * 60 * SECOND
            database.execute("INSERT INTO sensor VALUES (?, 501, ?, ?, 'Temperature', 'board', 'C', ?, ?)",
                             (sensor + 1, f"7.1.Sensor {sensor:02}", f"Sensor {sensor:02}", done,
                              now // (3600 * SECOND) * 3600 * SECOND))
            database.executemany("INSERT INTO reading VALUES (?, ?, 1, 21.5, 0, 1)",
                                 ((sensor + 1, at) for at in range(now - DAY, now, 30 * SECOND)))
            database.executemany("INSERT INTO minute VALUES (?, ?, ?, ?, ?, ?, ?)",
                                 make_spans(sensor + 1, now, 60 * SECOND, 7))
            database.executemany("INSERT INTO hour VALUES (?, ?, ?, ?, ?, ?, ?)",
                                 make_spans(sensor + 1, now, 3600 * SECOND, 400))
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint (TRUNCATE)")


def query_lines(directory, count, plans=False):
    """What store-queries says of COUNT events."""
    directory.mkdir(parents=True)
    path = make_database(directory)
    now = time.time_ns()
    fill(path, count, now)
    program = Build().directory / "bench" / "store-queries"
    command = [os.fspath(program), os.fspath(path), str(now)]
    done = subprocess.run([*command, *(["--plans"] if plans else [])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    size = path.stat().st_size
    return [f"{count} events of {BMCS} BMCs, {size / 2**20:.0f} MiB; median and maximum of 11:",
            *done.stdout.splitlines()]


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the history in SQLite.")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help="of rate, queries; default: both")
    parser.add_argument("--runs", type=int, default=5, help="runs of the rate (5)")
    parser.add_argument("--records", type=int, default=50000, help="records of a run (50000)")
    parser.add_argument("--events", type=int, default=1000000, help="stored for the queries (1000000)")
    parser.add_argument("--plans", action="store_true", help="show what SQLite does instead of how long it takes")
    parser.add_argument("--directory", help="where to work; a disk, not memory (.)")
    chosen = parser.parse_args()
    unknown = set(chosen.figures) - {"rate", "queries"}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


def main():
    """Run what was asked for."""
    chosen = options()
    processes.adopt_orphans()
    print_machine(f"SQLite {sqlite3.sqlite_version}, ")
    with workplace("ipmid-store-", chosen.directory) as directory:
        if "rate" in (chosen.figures or ["rate"]):
            runs = [measure_rate(Path(directory) / f"rate{i}", chosen.records) for i in range(chosen.runs)]
            print(rate_line(runs), flush=True)
        if "queries" in (chosen.figures or ["queries"]):
            for text in query_lines(Path(directory) / "queries", chosen.events, chosen.plans):
                print(text, flush=True)


if __name__ == "__main__":
    run(main)
