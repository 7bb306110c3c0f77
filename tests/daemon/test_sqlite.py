# SPDX-License-Identifier: LGPL-2.1-or-later
"""The history in SQLite, through the whole daemon, with fake-collector for a BMC.

What is in the file is read with Python's own sqlite3, while ipmid runs.
"""

import json
import os
import sqlite3
import stat
from collections import Counter
from contextlib import closing, contextmanager

import pytest

import disks
from fake_fleet import Fleet
from test_core import bmc, make  # noqa: F401  (fixtures)
from test_readings import set_sensors
from waiting import wait_for

EX_UNAVAILABLE = 69
VERSION, APPLICATION = 2, 0x49504D49
QUICK = ["retry-min=50ms", "retry-max=200ms"]


def words(*options):
    return ["--handler", "sqlite", *QUICK, *options]


@contextmanager
def database(path, mode="ro"):
    with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None, timeout=5)) as connection:
        yield connection


def history(ipmid):
    return ipmid.state_dir / "history.db"


def select(path, query, *values):
    """All rows; none while there is no such file or table."""
    try:
        with database(path) as connection:
            return connection.execute(query, values).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error) or "unable to open" in str(error):
            return []
        raise


def stored(path):
    """The raw bytes of the stored events, in the order in which they came."""
    return [bytes.fromhex(json.loads(line)["raw"]) for line, in select(path, "SELECT json FROM event ORDER BY seq")
            if "raw" in json.loads(line)]


def wait_stored(ipmid, bmc, path=None, deadline=20):
    path = path or history(ipmid)
    wait_for(lambda: set(bmc.written) <= set(stored(path)), deadline,
             lambda: f"{len(bmc.written)} events, there are {len(stored(path))}; log:\n{ipmid.log()[-3000:]}", poll=0.05)


def check_exact(path, bmc):
    """Missing 0, doubled 0, in order; ids once; and the database is sound, down to its index of words."""
    assert stored(path) == bmc.written
    times = Counter(id for id, in select(path, "SELECT id FROM event"))
    assert set(times.values()) <= {1}
    assert select(path, "PRAGMA integrity_check") == [("ok",)]
    with database(path, "rw") as connection:
        connection.execute("INSERT INTO event_text (event_text, rank) VALUES ('integrity-check', 1)")
    assert dict(select(path, "SELECT bmc, sum (count) FROM event_count GROUP BY bmc")) == \
        dict(select(path, "SELECT bmc, count (*) FROM event GROUP BY bmc"))


def test_events_are_there(make, bmc):  # noqa: F811
    ipmid = make(words())
    bmc.add(50)
    wait_stored(ipmid, bmc)
    check_exact(history(ipmid), bmc)
    assert stat.S_IMODE(os.stat(history(ipmid)).st_mode) == 0o600
    assert select(history(ipmid), "PRAGMA user_version") == [(VERSION,)]
    assert select(history(ipmid), "PRAGMA application_id") == [(APPLICATION,)]
    columns = "event.id, time, received, bmc.name, kind, severity, sensor, text, json"
    rows = select(history(ipmid), f"SELECT {columns} FROM event JOIN bmc ON bmc.id = event.bmc ORDER BY seq")
    assert len(rows) == 50
    for number, row in enumerate(rows):
        event = json.loads(row[-1])
        assert row[0] == event["id"] and row[3] == event["bmc"] and row[6] == event["sensor"]
        assert row[7] == event["text"] and bytes.fromhex(event["raw"]) == bmc.written[number]
    assert ipmid.terminate() == 0
    assert not history(ipmid).with_name("history.db-wal").exists()


@pytest.mark.deadline(120)
def test_killed_in_bursts(make, bmc):  # noqa: F811
    ipmid = make(words())
    for _ in range(8):
        before = len(stored(history(ipmid)))
        bmc.add(1500)
        wait_for(lambda: len(stored(history(ipmid))) > before, 20, "the first of a burst", poll=0.001)  # noqa: B023
        ipmid.kill_all()
        ipmid.start(wait=False)
    wait_stored(ipmid, bmc, deadline=60)
    check_exact(history(ipmid), bmc)


def test_locked_by_another(make, bmc):  # noqa: F811
    """Another process holds the lock for longer than a batch waits: RETRY, and nothing is lost."""
    ipmid = make(words())
    bmc.add(5)
    wait_stored(ipmid, bmc)
    with database(history(ipmid), "rw") as other:
        other.execute("BEGIN IMMEDIATE")
        bmc.add(20)
        ipmid.wait_log("not handled, will be tried again: .*history.db: locked by another program", deadline=20)
        assert len(stored(history(ipmid))) == 5
        other.execute("ROLLBACK")
    wait_stored(ipmid, bmc)
    check_exact(history(ipmid), bmc)
    assert "dead letter" not in ipmid.log()


def test_locked_at_the_start(make, bmc, tmp_path):  # noqa: F811
    path = tmp_path / "history.db"
    with database(path, "rwc") as other:
        other.execute("BEGIN EXCLUSIVE")
        ipmid = make(words(f"path={path}"))
        bmc.add(5)
        ipmid.wait_log("cannot open the history now: .*locked by another program", deadline=20)
        other.execute("ROLLBACK")
    wait_stored(ipmid, bmc, path)
    check_exact(path, bmc)


def test_no_end_waits_for_a_lock(make, bmc):  # noqa: F811
    ipmid = make(words())
    bmc.add(5)
    wait_stored(ipmid, bmc)
    with database(history(ipmid), "rw") as other:
        other.execute("BEGIN IMMEDIATE")
        bmc.add(5)
        wait_for(lambda: "  queue: 5\n" in ipmid.status(), 10, "a batch in hand")
        assert ipmid.terminate() == 0
        other.execute("ROLLBACK")
    ipmid.start()
    wait_stored(ipmid, bmc)
    check_exact(history(ipmid), bmc)


@pytest.mark.deadline(60)
def test_full_disk(make, bmc, tmp_path):  # noqa: F811
    disk = disks.SmallDisk(tmp_path / "small", "2m")
    try:
        path = disk.path / "history.db"
        ipmid = make(words(f"path={path}"))
        bmc.add(5)
        wait_stored(ipmid, bmc, path)
        disk.fill()
        bmc.add(200)
        ipmid.wait_log("not handled, will be tried again: .*database or disk is full", deadline=20)
        disk.make_room()
        wait_stored(ipmid, bmc, path)
        check_exact(path, bmc)
        assert ipmid.terminate() == 0
    finally:
        disk.unmount()


def set_aside(path):
    return sorted(entry.name for entry in path.parent.iterdir() if entry.name.startswith(f"{path.name}.bad."))


@pytest.mark.parametrize("damage", ["header", "everything", "log"])
def test_damaged_file_at_the_start(make, bmc, damage):  # noqa: F811
    ipmid = make(words())
    bmc.add(20)
    wait_stored(ipmid, bmc)
    path = history(ipmid)
    if damage == "log":
        ipmid.kill_all()
        victim, length = path.with_name("history.db-wal"), os.path.getsize(path.with_name("history.db-wal"))
        os.truncate(path, 0)
    else:
        assert ipmid.terminate() == 0
        victim, length = path, 100 if damage == "header" else os.path.getsize(path)
    with open(victim, "r+b") as file:
        file.write(b"\xa5" * length)
    ipmid.start()
    assert len(set_aside(path)) == (2 if damage == "log" else 1)
    ipmid.wait_log("it is kept as .*history.db.bad.*, and a fresh history is begun")
    bmc.add(5)
    wait_for(lambda: stored(path) == bmc.written[20:], 10, "the events that came after")
    assert select(path, "PRAGMA integrity_check") == [("ok",)]


def test_damaged_in_use(make, bmc):  # noqa: F811
    """What is found while it is written is set aside as well, and the batch goes into the fresh one."""
    ipmid = make(words())
    bmc.add(300)
    wait_stored(ipmid, bmc)
    assert ipmid.terminate() == 0
    path = history(ipmid)
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (os.path.getsize(path) - 4096))       # the first page stays
    ipmid.start()
    bmc.add(5)
    wait_for(lambda: stored(path) == bmc.written[300:], 10, lambda: ipmid.log()[-3000:])
    assert set_aside(path)


def test_removed_in_use(make, bmc):  # noqa: F811
    ipmid = make(words())
    bmc.add(5)
    wait_stored(ipmid, bmc)
    for suffix in ("", "-wal", "-shm"):
        history(ipmid).with_name("history.db" + suffix).unlink()
    bmc.add(5)
    wait_for(lambda: stored(history(ipmid)) == bmc.written[5:], 10, "a new file with what came after")


def refused(ipmid):
    status, said = ipmid.run()
    assert status == EX_UNAVAILABLE, said
    return said


def test_newer_file_is_left_alone(make, bmc, tmp_path):  # noqa: F811
    path = tmp_path / "history.db"
    with database(path, "rwc") as newer:
        newer.executescript(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION + 1};"
                            "CREATE TABLE event (what TEXT)")
    before = path.read_bytes()
    said = refused(make(words(f"path={path}"), start=False))
    assert f"schema version {VERSION + 1} was written by a newer ipmid" in said
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name.startswith("history")) == ["history.db"]


def test_other_programs_file_is_left_alone(make, bmc, tmp_path):  # noqa: F811
    path = tmp_path / "places.sqlite"
    with database(path, "rwc") as other:
        other.execute("CREATE TABLE place (name TEXT)")
    before = path.read_bytes()
    assert "is the database of another program; give another path" in refused(make(words(f"path={path}"), start=False))
    assert path.read_bytes() == before


def test_file_that_is_no_database_is_left_alone(make, bmc, tmp_path):  # noqa: F811
    """A slip in the path must not take somebody's file away; what has a log beside it was a database."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not to be lost\n" * 300)
    assert "notes.txt is no database; give another path" in refused(make(words(f"path={path}"), start=False))
    assert path.read_bytes() == b"not to be lost\n" * 300 and not set_aside(path)
    path.with_name("notes.txt-wal").touch()
    ipmid = make(words(f"path={path}"))
    bmc.add(5)
    wait_stored(ipmid, bmc, path)
    assert set_aside(path)


def test_symbolic_link_is_refused(make, bmc, tmp_path):  # noqa: F811
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert "is a symbolic link" in refused(make(words(f"path={tmp_path}/link"), start=False))
    assert not (tmp_path / "elsewhere").exists()


def test_no_state_directory_needs_a_path(make, bmc):  # noqa: F811
    said = refused(make(words(), start=False, state=False))
    assert 'without a state directory the handler needs a "path"' in said


def test_retention_must_fit_together(make, bmc):  # noqa: F811
    status, said = make(words("keep-raw=8d"), start=False).run()
    assert status != 0 and "keep-raw must not be longer than keep-minutes" in said


# Readings.

def test_readings_are_stored(make, bmc):  # noqa: F811
    set_sensors(bmc, 5, 50)
    ipmid = make(words())
    path = history(ipmid)
    wait_for(lambda: select(path, "SELECT count (*) FROM reading") > [(50,)], 20,
             lambda: f"50 readings; log:\n{ipmid.log()[-3000:]}")
    assert select(path, "SELECT count (*) FROM sensor JOIN bmc ON bmc.id = sensor.bmc") == [(5,)]
    bmc.add(5)
    wait_stored(ipmid, bmc)
    assert ipmid.terminate() == 0
    assert select(path, "PRAGMA integrity_check") == [("ok",)]


def test_readings_wait_for_a_lock(make, bmc):  # noqa: F811
    set_sensors(bmc, 3, 50)
    ipmid = make(words())
    path = history(ipmid)
    wait_for(lambda: select(path, "SELECT count (*) FROM reading") > [(0,)], 20, "readings")
    with database(path, "rw") as other:
        other.execute("BEGIN IMMEDIATE")
        ipmid.wait_log("readings wait, and will be left out if it lasts: .*locked by another program", deadline=20)
        other.execute("ROLLBACK")
    ipmid.wait_log("readings are stored again; 0 of them have been left out", deadline=20)


def test_readings_are_not_wanted(make, bmc):  # noqa: F811
    set_sensors(bmc, 3, 50)
    ipmid = make(words("readings=no"))
    bmc.add(5)
    wait_stored(ipmid, bmc)
    assert select(history(ipmid), "SELECT count (*) FROM reading") == [(0,)]


def test_what_is_too_old_goes(make, bmc):  # noqa: F811
    """Nothing of them is left, in no table.  By a BMC's clock alone nothing is too old."""
    ipmid = make(words("keep-events=1d"))
    path = history(ipmid)
    bmc.add(250)
    wait_stored(ipmid, bmc)
    assert ipmid.terminate() == 0
    with database(path, "rw") as connection:
        connection.execute("UPDATE event SET time = time - 86400000000000")
        connection.execute("UPDATE event SET received = received - 86400000000000 WHERE seq <= 120 OR seq > 125")
    ipmid.start()
    wait_for(lambda: len(stored(path)) == 5, 20, lambda: f"all but 5 events to go: {len(stored(path))}")
    assert stored(path) == bmc.written[120:125]
    assert ipmid.terminate() == 0
    with database(path, "rw") as connection:
        connection.execute("UPDATE event SET received = received - 86400000000000")
    ipmid.start()
    left = "SELECT (SELECT count (*) FROM event), (SELECT count (*) FROM event_count), (SELECT count (*) FROM bmc)"
    wait_for(lambda: select(path, left) == [(0, 0, 0)], 20, lambda: f"an empty history: {select(path, left)}")
    bmc.add(1)
    wait_for(lambda: stored(path) == bmc.written[250:], 10, "an event after that")
    with database(path, "rw") as connection:
        connection.execute("INSERT INTO event_text (event_text, rank) VALUES ('integrity-check', 1)")


# Several BMCs, a reload.

@pytest.mark.deadline(120)
def test_a_fleet_and_a_reload(tmp_path):
    fleet = Fleet(tmp_path, 4)
    fleet.handlers["log"] = ("{output}", "")
    more = "[handler history]\nplugin = sqlite\nexisting = yes\nreadings = no\n{}\n"
    fleet.write(more.format(""))
    try:
        fleet.start()
        path = fleet.ipmid.state_dir / "history.db"
        for bmc in fleet.bmcs:  # noqa: F811
            bmc.add(100)
        wait_for(lambda: len(stored(path)) >= 400, 20, "400 events", poll=0.05)
        fleet.write(more.format("keep-events = 36500d"))
        for bmc in fleet.bmcs:
            bmc.add(100)
        fleet.reload()
        wait_for(lambda: len(stored(path)) >= 800, 20, "800 events", poll=0.05)
        for bmc in fleet.bmcs:
            rows = select(path, "SELECT json FROM event JOIN bmc ON bmc.id = event.bmc WHERE name = ? ORDER BY seq",
                          bmc.name)
            raw = [json.loads(row)["raw"] for row, in rows if "raw" in json.loads(row)]
            assert [bytes.fromhex(text) for text in raw] == bmc.written
    finally:
        fleet.ipmid.stop()
