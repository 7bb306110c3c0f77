# SPDX-License-Identifier: LGPL-2.1-or-later
"""Power cuts: what was accepted is there when the machine is.

A power cut is a copy of the disk's image taken while ipmid writes.  What is
only in the page cache, which the control shows to be a great deal, is not in
the copy.
"""

import os
import signal
import sqlite3
from contextlib import closing

import pytest

import processes
from disks import ImageDisk
from faults import IN_FLIGHT, Injector, burst, check, wait_delivered
from ledger import Ledger
from waiting import wait_for

CUTS = 4


@pytest.fixture
def make_disk(tmp_path):
    """Make an ImageDisk, or the one that comes back after a power cut of another."""
    made = []

    def make(cut=None):
        path = tmp_path / f"disk{len(made)}"
        made.append(cut.cut_power(path) if cut else ImageDisk(path, tmp_path / "disk.img"))
        return made[-1]
    yield make
    for disk in reversed(made):
        disk.unmount()


def committed(database, table, column):
    """What a reader sees in a database; in WAL mode with FULL it was synchronised before."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as reader:
        return {row[0] for row in reader.execute(f"SELECT {column} FROM {table}")}


def wait_committed(ipmid, journal, count):
    wait_for(lambda: len(committed(journal, "event", "seq")) >= count, 15,
             lambda: f"{count} events in the journal; log:\n{ipmid.log()[-2000:]}", poll=0.002)


def stop(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(processes.state(pid) == "T" for pid in pids), 5, "them to stop")


@pytest.mark.parametrize("synchronous, safe", [("FULL", True), ("NORMAL", False), ("OFF", False)])
def test_control(make_disk, synchronous, safe):
    """SQLite without and with the setting that ipmid's promise rests on."""
    disk = make_disk()
    database = disk.path / "journal.db"
    lost = 0
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = FULL")
        writer.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, payload BLOB)")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        os.sync()
        writer.execute(f"PRAGMA synchronous = {synchronous}")
        for _ in range(2):
            for _ in range(50):
                writer.execute("INSERT INTO event (payload) VALUES (randomblob(200))")
            accepted = committed(database, "event", "seq")
            after = make_disk(cut=disk)
            lost += len(accepted - committed(after.path / "journal.db", "event", "seq"))
    assert (lost == 0) == safe, f"{lost} rows were lost"


def test_what_was_accepted_is_there(bmc, make_ipmid, make_disk, make_recorder):
    """Events that no handler has taken yet, and that the SEL does not have any more."""
    disk = make_disk()
    ledger = Ledger(bmc)
    recorder = make_recorder("stdin")
    recorder.exit_with(1)
    ipmid = make_ipmid(bmc, ["-i", "--attempts", "0", "--existing", *recorder.command],
                       start=False)
    ipmid.state = ["--state-dir", os.fspath(disk.path / "state")]
    ipmid.start()
    journal = disk.path / "state" / "journal.db"
    for number in range(CUTS):
        injector = Injector(ledger, 60)
        wait_committed(ipmid, journal, 60 * number + 10)
        accepted = committed(journal, "event", "seq")
        after = make_disk(cut=disk)
        injector.join()
        kept = committed(after.path / "state" / "journal.db", "event", "seq")
        assert accepted <= kept, f"{len(accepted - kept)} of {len(accepted)} events were lost"
    wait_committed(ipmid, journal, len(ledger))
    after = make_disk(cut=disk)
    ipmid.kill_all()
    bmc.clear()
    recorder.exit_with(0)
    recorder.output.unlink()
    ipmid.state = ["--state-dir", os.fspath(after.path / "state")]
    ipmid.start()
    wait_for(lambda: ledger.all_delivered([event.payload for event in recorder.events()]), 30,
             lambda: f"all events; log:\n{ipmid.log()[-2000:]}")
    check(ledger, [event.payload for event in recorder.events()], 1)
    assert ipmid.terminate() == 0


def test_nothing_is_deleted_from_the_sel_that_a_power_cut_could_take(bmc, make_ipmid, make_disk):
    """State and output on the disk, records deleted as they are written: none is lost."""
    disk = make_disk()
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, ["-f", disk.path / "events", "-e", "--existing"], start=False)
    ipmid.state = ["--state-dir", os.fspath(disk.path / "state")]
    ipmid.output = disk.path / "events"
    ipmid.start()
    for number in range(CUTS):
        injector = Injector(ledger, 80)
        wait_delivered(ipmid, 80 * number + 40)
        # Stopped first: what it told the BMC after the cut would never have been.
        stop(ipmid.pid, *ipmid.collectors())
        after = make_disk(cut=disk)
        ipmid.kill_all()
        ipmid.state = ["--state-dir", os.fspath(after.path / "state")]
        ipmid.output = after.path / "events"
        ipmid.words = ["-f", os.fspath(after.path / "events"), "-e", "--existing"]
        ipmid.start()
        injector.join()
        ipmid.wait_for_ledger(ledger)
        check(ledger, ipmid.payloads(), (number + 1) * 2 * IN_FLIGHT)
        disk = after
    assert ipmid.terminate() == 0
