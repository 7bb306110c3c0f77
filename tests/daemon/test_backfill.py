# SPDX-License-Identifier: LGPL-2.1-or-later
"""A handler that was not there is given what the store has and what the journal still has."""

import json
import re
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager

import pytest

import processes
from fake_fleet import Fleet
from test_core import needs_crash_points
from test_ipmidctl import UNAVAILABLE, Ctl
from waiting import wait_for

SQLITE = """[handler history]
plugin = sqlite
existing = yes
retry-min = 50ms
retry-max = 200ms
"""
SINK = """[handler sink]
plugin = test-sink
log = {log}
script = {script}
retry-min = 50ms
retry-max = 100ms
{extra}
"""
ROW = ("INSERT INTO event (id, time, received, bmc, kind, severity, sensor, text, json)"
       " VALUES (?, ?, ?, (SELECT id FROM bmc WHERE name = ?), 2, 2, NULL, '', ?)")


class Archive(Fleet):
    """A fleet with a history in SQLite, and an ipmidctl; handlers come and go by reload."""

    def __init__(self, directory, count=2, **rest):
        directory.mkdir(exist_ok=True)
        self.late = directory / "late"
        self.sink_log = directory / "sink.log"
        self.more = {"history": SQLITE}
        super().__init__(directory, count, **rest)
        self.ctl = Ctl("--state-dir", self.ipmid.state_dir)

    def write(self, more=""):
        super().write("\n".join([*self.more.values(), more]))

    def add_sink(self, script, extra=""):
        self.more["sink"] = SINK.format(log=self.sink_log, script=script, extra=extra)

    def change(self):
        self.write()
        self.ctl.good("reload")

    def add_late(self, extra=""):
        self.handlers["late"] = (str(self.late), extra)
        self.change()

    # The history.

    @property
    def path(self):
        return self.ipmid.state_dir / "history.db"

    @contextmanager
    def database(self, mode="ro"):
        with closing(sqlite3.connect(f"file:{self.path}?mode={mode}", uri=True, isolation_level=None,
                                     timeout=20)) as connection:
            yield connection

    def stored(self):
        """The stored events, in the order in which they came."""
        try:
            with self.database() as connection:
                return [json.loads(line) for line, in connection.execute("SELECT json FROM event ORDER BY seq")]
        except sqlite3.OperationalError as error:
            assert "no such table" in str(error) or "unable to open" in str(error)
            return []

    def wait_stored(self, count):
        """COUNT records are stored, and the journal has let go of them."""
        wait_for(lambda: sum("raw" in event for event in self.stored()) == count, 30,
                 lambda: f"{count} stored events, not {len(self.stored())}:\n{self.ipmid.log()[-2000:]}", poll=0.05)
        self.wait_settled("history")
        return self.stored()

    def forge_many(self, bmc, count):
        """Large events of one BMC, of an hour ago; their ids in order."""
        hour_ago = int(time.time()) - 3600
        words = {"sensor": "s" * 1000, "entity": "e" * 1000, "component": "c" * 1000, "state": "t" * 1000}
        ids = [f"{bmc}/1/{number}" for number in range(count)]
        with self.database("rw") as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT OR IGNORE INTO bmc (name) VALUES (?)", (bmc,))
            for one in ids:
                event = {"id": one, "bmc": bmc, "kind": "discrete", **words,
                         "received": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(hour_ago))}
                connection.execute(ROW, (one, hour_ago * 10 ** 9, hour_ago * 10 ** 9, bmc, json.dumps(event)))
            connection.execute("COMMIT")
        return ids

    def forge(self, bmc, id, text=None):
        """A row that ipmid has not written, of an hour ago."""
        hour_ago = int(time.time()) - 3600
        event = {"id": id, "bmc": bmc, "kind": "discrete", "severity": "info",
                 "received": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(hour_ago))}
        with self.database("rw") as connection:
            connection.execute("INSERT OR IGNORE INTO bmc (name) VALUES (?)", (bmc,))
            connection.execute(ROW, (id, hour_ago * 10 ** 9, hour_ago * 10 ** 9, bmc, text or json.dumps(event)))

    # Handlers.

    def handler(self, name):
        return next(one for one in self.ctl.json("status")["handlers"] if one["name"] == name)

    def wait_settled(self, name, pending=0):
        wait_for(lambda: self.handler(name)["pending"] == pending, 30,
                 lambda: f"{name} to be owed {pending}: {self.handler(name)}", poll=0.05)

    def backfill(self, *words):
        """How many, and what it says besides."""
        found = re.fullmatch(r"(\d+) backfilled(?:; (.*))?\n", self.ctl.good("backfill", *words))
        return int(found[1]), found[2]

    def check_late(self, expected):
        """The late handler has been given these events as they were, each once, in order per BMC."""
        self.wait_settled("late")
        got = [dict(event) for event in self.events(path=self.late) if event.get("backfilled")]
        for event in got:
            assert event.pop("backfilled") is True
        for bmc in {event["bmc"] for event in [*expected, *got]}:
            assert [event for event in got if event["bmc"] == bmc] == [
                event for event in expected if event["bmc"] == bmc]


@pytest.fixture
def make_archive(tmp_path):
    made = []

    def make(count=2, *, setup=None, **rest):
        archive = Archive(tmp_path / f"archive{len(made)}", count, **rest)
        made.append(archive)
        if setup is not None:
            setup(archive)
            archive.write()
        return archive.start()
    yield make
    for archive in made:
        archive.stop()


def test_what_the_store_has(make_archive):
    """All of it comes as it was, once, in order; again is nothing, also after a restart."""
    archive = make_archive()
    for bmc in archive.bmcs:
        bmc.add(400)
    expected = archive.wait_stored(800)
    archive.wait_settled("log")
    archive.add_late()
    archive.bmcs[0].add(5)
    archive.wait_stored(805)
    assert archive.backfill("late") == (len(expected), None)
    archive.check_late(expected)
    assert sum("backfilled" not in event for event in archive.events(path=archive.late) if "raw" in event) == 5
    assert archive.backfill("late") == (0, None)
    archive.ipmid.wait_settled()
    archive.ipmid.kill_all()
    archive.start()
    assert archive.backfill("late") == (0, None)
    archive.check_late(expected)


def test_filter_and_since(make_archive):
    archive = make_archive()
    archive.bmcs[0].add(10)
    archive.bmcs[1].add(10)
    archive.wait_stored(20)
    second = int(time.time()) + 1
    between = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
    wait_for(lambda: time.time() >= second, 5, "the next second", poll=0.01)
    archive.bmcs[0].add(7)
    archive.bmcs[1].add(7)
    expected = [event for event in archive.wait_stored(34) if event["bmc"] == "b1"]
    archive.add_late("bmcs = b1")
    newer = [event for event in expected if event["received"] >= between.rstrip("Z")]
    assert len(newer) == 7
    assert archive.backfill("late", "--since", between) == (7, None)
    archive.check_late(newer)
    assert archive.backfill("late", "--since", between) == (0, None)
    assert archive.backfill("late") == (len(expected) - 7, None)
    assert archive.backfill("late") == (0, None)
    archive.wait_settled("late")
    got = [event["id"] for event in archive.events(path=archive.late)]
    assert sorted(got) == sorted(event["id"] for event in expected)


def test_in_the_journal_too(make_archive):
    """A handler that fails keeps everything in the journal; the store is behind with the rest."""
    archive = make_archive(1, setup=lambda archive: archive.add_sink("r"))
    archive.bmcs[0].add(300)
    archive.wait_stored(300)
    with archive.database("rw") as other:
        other.execute("BEGIN IMMEDIATE")
        archive.bmcs[0].add(50)
        wait_for(lambda: archive.handler("log")["delivered"] >= 350, 20, "the records that are not stored yet")
        archive.add_late()
        owed, more = archive.backfill("late")
        assert owed >= 350 and more is None
        other.execute("ROLLBACK")
    expected = archive.wait_stored(350)
    assert archive.backfill("late") == (0, None)
    archive.check_late(expected)


def test_the_store_itself(make_archive):
    """It is given what the journal has, and nothing that it has itself."""
    archive = make_archive(1, setup=lambda archive: (archive.more.clear(), archive.add_sink("r")))
    archive.bmcs[0].add(20)
    archive.wait_settled("sink", 20)
    archive.more["history"] = SQLITE
    archive.change()
    wait_for(lambda: archive.path.exists(), 20, "the database")
    archive.forge("b0", "b0/9/1")
    assert archive.backfill("history") == (20, None)
    archive.wait_settled("history")
    assert [event["id"] for event in archive.stored() if "raw" in event] == [
        event["id"] for event in archive.events(bmc="b0") if "raw" in event]
    assert archive.backfill("history") == (0, None)
    archive.add_late()
    assert archive.backfill("late") == (21, None)


def test_what_the_store_should_not_have(make_archive):
    """A BMC that is not configured has events all the same; what is no event is said."""
    archive = make_archive(1)
    archive.bmcs[0].add(3)
    archive.wait_stored(3)
    archive.forge("gone", "gone/1/1")
    archive.forge("gone", "gone/1/2", '{"id":"gone/1/2","bmc":"gone","kind":"discrete"')
    archive.forge("gone", "gone/1/3", '{"id":"gone/1/3","bmc":"gone","kind":"flood","received":"2001-09-09T01:46:40Z"}')
    archive.forge("gone", "gone/1/4")
    archive.add_late()
    reply = archive.ctl.json("backfill", "late")
    assert reply["complete"] and reply["unreadable"] == 2
    archive.wait_settled("late")
    assert [event["id"] for event in archive.events(bmc="gone", path=archive.late)] == ["gone/1/1", "gone/1/4"]
    assert len(archive.events(bmc="b0", path=archive.late)) == reply["backfilled"] - 2
    archive.ipmid.wait_log("an event of the store cannot be read")


def test_quota(make_archive):
    """It ends where a tenth of the quota is left, and goes on when there is room."""
    archive = make_archive(1)
    archive.bmcs[0].add(300)
    expected = [event["id"] for event in archive.wait_stored(300)]
    archive.add_sink("r", "quota = 200")
    archive.change()
    owed, more = archive.backfill("sink")
    assert owed == 180 and "quota" in more
    reply = archive.ctl.json("backfill", "sink")
    assert (reply["backfilled"], reply["complete"]) == (0, False) and "quota" in reply["obstacle"]
    archive.add_sink("d", "quota = 200")
    archive.change()
    archive.wait_settled("sink")
    assert archive.backfill("sink") == (len(expected) - 180, None)
    archive.wait_settled("sink")
    tried = [line.split()[0] for line in archive.sink_log.read_text().splitlines()]
    assert list(dict.fromkeys(one for one in tried if one in expected)) == expected


def test_half_of_the_journal(make_archive):
    """History does not fill the journal; when it was delivered it goes on, and what is new comes meanwhile."""
    archive = make_archive(1, extra="journal-limit = 16M")
    archive.bmcs[0].add(1)
    archive.wait_stored(1)
    ids = archive.forge_many("gone", 3000)
    archive.add_sink("r")
    archive.change()
    owed, more = archive.backfill("sink")
    assert 256 <= owed < 3000 and "half of the journal" in more
    assert "half of the journal" in archive.backfill("sink")[1]
    archive.bmcs[0].add(10)
    archive.wait_stored(11)
    assert "journal has reached" not in archive.ipmid.log()
    archive.add_sink("d")
    archive.change()
    for _ in range(10):
        archive.wait_settled("sink")
        if archive.backfill("sink")[1] is None:
            break
    archive.wait_settled("sink")
    tried = [line.split()[0] for line in archive.sink_log.read_text().splitlines()]
    assert list(dict.fromkeys(one for one in tried if one in set(ids))) == ids


@needs_crash_points
@pytest.mark.parametrize("point", ["backfill-page:1", "backfill-page:3", "journal-before-commit:9"])
def test_killed_in_the_midst(make_archive, point):
    archive = make_archive()
    for bmc in archive.bmcs:
        bmc.add(600)
    expected = archive.wait_stored(1200)
    archive.wait_settled("log")
    archive.add_late()
    archive.ipmid.kill_all()
    archive.ipmid.environment = {"IPMID_CRASH_POINT": point}
    archive.ipmid.start(wait=False)
    wait_for(lambda: not archive.ipmid.running or archive.ctl.run("status")[0] == 0, 20, "its socket")
    for _ in range(20):
        status, _, _ = archive.ctl.run("backfill", "late")
        if status != 0:
            break
    processes.wait_exit(archive.ipmid.process, 20, "ipmid")
    archive.ipmid.environment = {}
    archive.start()
    owed, more = archive.backfill("late")
    assert more is None and owed <= len(expected)
    archive.wait_settled("late")
    got = [event for event in archive.events(path=archive.late) if event["id"] in {one["id"] for one in expected}]
    times = Counter(event["id"] for event in got)
    assert set(times) == {event["id"] for event in expected}
    assert sum(times.values()) - len(times) <= 512          # batches whose answers were not on disk
    for bmc in archive.bmcs:
        first = list(dict.fromkeys(event["id"] for event in got if event["bmc"] == bmc.name))
        assert first == [event["id"] for event in expected if event["bmc"] == bmc.name]
    assert archive.backfill("late") == (0, None)


def test_the_store_goes_in_the_midst(make_archive):
    """It can be removed while it is asked; what it has comes when it is back."""
    archive = make_archive()
    for bmc in archive.bmcs:
        bmc.add(1500)
    expected = archive.wait_stored(3000)
    archive.add_late()
    outcome = []
    asking = threading.Thread(target=lambda: outcome.append(archive.ctl.run("backfill", "late")))
    asking.start()
    history = archive.more.pop("history")
    archive.change()
    asking.join()
    (status, out, _), = outcome
    assert status in (0, UNAVAILABLE), out
    wait_for(lambda: not any(one["name"] == "history" and one["state"] == "ending"
                             for one in archive.ctl.json("status")["handlers"]), 20, "its end")
    archive.more["history"] = history
    archive.change()
    assert archive.backfill("late")[1] is None
    archive.check_late(expected)
    assert archive.backfill("late") == (0, None)
