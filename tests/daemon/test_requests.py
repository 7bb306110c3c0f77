# SPDX-License-Identifier: LGPL-2.1-or-later
"""What plugins ask of the core: status, dead letters, SELs, power, configuration, messages, silences."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

import ipmi
import records
import sdr
from asking import CONFLICT, FAILED, INVALID, NOT_ALLOWED, NOT_FOUND, UNAVAILABLE, Asker, Refused
from fake_fleet import Fleet
from scripted_bmc import Silence
from waiting import stays, wait_for

NS = 10 ** 9
CHASSIS_DEVICE = 0x80            # Get Device ID, additional device support
SINK = """[handler sink]
plugin = test-sink
log = {log}
script = {script}
retry-min = 50ms
retry-max = 100ms
{extra}
"""
# What ipmi_sim runs for the chassis: "ADDRESS get NAME" and "ADDRESS set NAME VALUE"; the power is in a file.
CHASSIS = """#!/bin/sh
echo "$@" >>'{0}.log'
case "$1 $2" in
"get power") echo "power:$(cat '{0}')" ;;
"set power") printf %s "$3" >'{0}' ;;
esac
"""


class Desk(Fleet):
    """A fleet that can be asked; with a handler `sink` that does as its script says."""

    def __init__(self, directory, count=2, *, script=None, extra="", **rest):
        directory.mkdir(exist_ok=True)
        self.asker = Asker(directory)
        self.sink_log = directory / "sink.log"
        self.script, self.sink_extra = script, extra
        self.privilege = "operator"
        super().__init__(directory, count, **rest)

    def write(self, more=""):
        sink = SINK.format(log=self.sink_log, script=self.script, extra=self.sink_extra) if self.script else ""
        super().write(f"[defaults]\nprivilege = {self.privilege}\n" + self.asker.config + sink + more)

    def ask(self, method, **arguments):
        return self.asker.ask(method, **arguments)

    def handler(self, name):
        return next(one for one in self.ask("status")["handlers"] if one["name"] == name)

    def wait_handler(self, name, **wanted):
        def fits():
            found = self.handler(name)
            return all(found.get(key) == value for key, value in wanted.items())
        wait_for(fits, 20, lambda: f"{name}: {wanted}, not {self.handler(name)}", poll=0.1)

    def bmc(self, name):
        (found,) = self.ask("bmcs", bmc=name)["bmcs"]
        return found

    def change(self, **members):
        """Another configuration, by request."""
        for key, value in members.items():
            setattr(self, key, value)
        self.write()
        assert self.ask("reload")["reloaded"]

    def sunk(self):
        """The ids that the handler `sink` was given of BMCs, in order."""
        lines = self.sink_log.read_text().splitlines() if self.sink_log.exists() else []
        return [line.split()[0] for line in lines if not line.startswith("ipmid@")]


@pytest.fixture
def make_desk(request, tmp_path):
    made = []

    def make(count=2, *, start=True, **rest):
        desk = Desk(tmp_path / f"desk{len(made)}", count, **rest)
        made.append(desk)
        return desk.start() if start else desk
    yield make
    for desk in made:
        desk.stop()


def dead_ids(desk, **filters):
    return [one["id"] for one in desk.ask("dead-list", **filters)["dead"]]


# What there is.

def test_status_and_bmcs(make_desk):
    desk = make_desk(3, script="r")
    before = time.time_ns()
    desk.bmcs[0].add(4)
    desk.wait_handler("sink", pending=4)
    status = desk.ask("status")
    assert status["daemon"]["pid"] == desk.ipmid.pid
    assert status["daemon"]["config"].endswith(".conf")
    assert 0 < status["daemon"]["journal_bytes"] < status["daemon"]["journal_limit"]
    assert not status["daemon"]["journal_full"]
    assert status["bmcs"] == {"total": 3, "up": 3, "connecting": 0, "down": 0, "refused": 0, "quarantined": 0}
    assert sorted(one["bmcs"] for one in status["collectors"]) == [1, 2]
    assert {one["pid"] for one in status["collectors"]} == set(desk.processes())
    sink = desk.handler("sink")
    assert before <= sink["oldest"] <= time.time_ns()
    assert sink["required"] and not sink["finalizer"]
    wait_for(lambda: desk.handler("sink")["failures"] > 0, 20, "a failure")
    sink = desk.handler("sink")
    assert sink["last_error"] == "told to fail"
    assert before <= sink["last_error_time"] <= time.time_ns()
    wait_for(lambda: desk.handler("log")["delivered"] == 4, 20, "four events to be handled")
    assert desk.handler("log")["state"] == "working"
    assert [one["name"] for one in desk.ask("bmcs")["bmcs"]] == ["b0", "b1", "b2"]
    first = desk.bmc("b0")
    assert (first["state"], first["records"], first["address"]) == ("up", 4, "lan 127.1.0.1:623")
    assert desk.asker.refused(NOT_FOUND, "bmcs", bmc="b9") == 'there is no BMC "b9"'


def test_what_is_no_request(make_desk):
    desk = make_desk(1)
    assert "make-tea" in desk.asker.refused(NOT_FOUND, "make-tea")
    assert '"bmc" is missing' in desk.asker.refused(INVALID, "rescan")
    assert '"now"' in desk.asker.refused(INVALID, "status", now=True)
    assert "text" in desk.asker.refused(INVALID, "rescan", bmc=5)


# Dead letters.

def test_dead_letters(make_desk):
    desk = make_desk(2, script="j")
    for bmc in desk.bmcs:
        bmc.add(3)
    desk.wait_handler("sink", dead=6, pending=0)
    page = desk.ask("dead-list", limit=4)
    assert len(page["dead"]) == 4
    rest = desk.ask("dead-list", limit=4, after=page["next"])
    assert "next" not in rest
    everything = page["dead"] + rest["dead"]
    assert [one["id"] for one in everything] == dead_ids(desk, handler="sink")
    assert dead_ids(desk, handler="log") == []
    one = everything[0]
    assert (one["handler"], one["attempts"], one["reason"]) == ("sink", 1, "rejected")
    shown = desk.ask("dead-show", handler="sink", id=one["id"])
    event = json.loads(shown["event_json"])
    assert (event["id"], event["raw"]) == (one["id"], shown["raw"])
    assert bytes.fromhex(shown["raw"]) in desk.bmcs[0].written + desk.bmcs[1].written
    # Again, by a handler that has been mended.
    desk.change(script="d")
    assert desk.ask("dead-replay", handler="sink", id=one["id"])["replayed"] == 1
    wait_for(lambda: desk.sunk().count(one["id"]) == 2, 20, "the event to come again")
    desk.wait_handler("sink", dead=5, pending=0)
    assert desk.ask("dead-drop", handler="sink", id=everything[1]["id"])["dropped"] == 1
    assert everything[1]["id"] not in dead_ids(desk)
    assert desk.ask("dead-replay", handler="sink", all=True)["replayed"] == 4
    desk.wait_handler("sink", dead=0, pending=0)
    assert sorted(desk.sunk()[-4:]) == sorted(found["id"] for found in everything[2:])
    assert desk.ask("dead-drop", handler="sink", all=True)["dropped"] == 0


def test_dead_letters_come_again_in_order_and_before_what_is_newer(make_desk):
    desk = make_desk(1, script="j")
    desk.bmcs[0].add(400)
    desk.wait_handler("sink", dead=400, pending=0)
    desk.change(script="r")
    desk.bmcs[0].add(300)
    desk.wait_handler("sink", pending=300)
    assert desk.ask("dead-replay", handler="sink", all=True)["replayed"] == 400
    before = len(desk.sunk())
    desk.change(script="d")
    desk.wait_handler("sink", pending=0, dead=0)
    # The last time counts: one may have been tried in between by the handler that fails.
    in_order = list(dict.fromkeys(reversed(desk.sunk()[before:])))[::-1]
    assert len(in_order) == 700
    assert [int(one.split("/")[2]) for one in in_order] == list(range(1, 701))


def test_dead_letters_that_cannot_be_had(make_desk):
    desk = make_desk(1, script="j")
    desk.bmcs[0].add(1)
    desk.wait_handler("sink", dead=1)
    ask = desk.asker.refused
    assert "never was" in ask(NOT_FOUND, "dead-list", handler="nobody")
    assert "no dead letter" in ask(NOT_FOUND, "dead-show", handler="sink", id="b0/1/77")
    assert "no dead letter" in ask(NOT_FOUND, "dead-replay", handler="sink", id="b0/1/77")
    assert "either" in ask(INVALID, "dead-drop", handler="sink")
    assert "either" in ask(INVALID, "dead-replay", handler="sink", id="x", all=True)
    assert "after" in ask(INVALID, "dead-list", after="1/2/3")
    assert "limit" in ask(INVALID, "dead-list", limit=100000)
    desk.change(script=None)
    wait_for(lambda: not any(one["state"] == "ending" for one in desk.ask("status")["handlers"]), 20, "its end")
    assert desk.handler("sink") == {**desk.handler("sink"), "state": "removed", "dead": 1}
    words = ask(CONFLICT, "dead-replay", handler="sink", all=True)
    assert "[handler sink]" in words and "reload" in words
    assert len(dead_ids(desk)) == 1
    assert desk.ask("dead-drop", handler="sink", all=True)["dropped"] == 1


@pytest.mark.parametrize("everything", [False, True])
def test_a_replay_survives_a_kill(make_desk, everything):
    desk = make_desk(1, script="j")
    desk.bmcs[0].add(20)
    desk.wait_handler("sink", dead=20, pending=0)
    first = dead_ids(desk)[0]
    desk.change(script="r")
    which = {"all": True} if everything else {"id": first}
    desk.ask("dead-replay", handler="sink", **which)
    desk.ipmid.kill_all()
    before = len(desk.sunk())
    desk.script = "d"
    desk.write()
    desk.start()
    count = 20 if everything else 1
    desk.wait_handler("sink", pending=0, dead=20 - count)
    assert len(set(desk.sunk()[before:])) == count
    assert first in desk.sunk()[before:]


# A handler that was not there.

def late_events(desk):
    return [(event["id"], event.get("backfilled", False)) for event in desk.events(path=desk.late)]


def test_backfill(make_desk, tmp_path):
    desk = make_desk(2, script="r")
    desk.late = tmp_path / "late"
    for bmc in desk.bmcs:
        bmc.add(300)
    desk.wait_handler("sink", pending=600)
    desk.change(handlers={**desk.handlers, "late": (str(desk.late), "")})
    desk.bmcs[0].add(5)
    desk.wait_handler("late", delivered=5, pending=0)
    assert desk.ask("backfill", handler="late") == {"backfilled": 600, "complete": True}
    desk.wait_handler("late", delivered=605, pending=0)
    got = late_events(desk)
    assert [backfilled for _, backfilled in got] == [False] * 5 + [True] * 600
    assert len({one for one, _ in got}) == 605
    for bmc in desk.bmcs:
        of_it = [raw for raw in desk.raw(bmc.name, desk.late) if raw in bmc.written[:300]]
        assert of_it == bmc.written[:300]
    # What it was owed, and what it has got, is not repeated; nor are copies made of copies.
    assert desk.ask("backfill", handler="late") == {"backfilled": 0, "complete": True}
    assert desk.ask("backfill", handler="sink") == {"backfilled": 0, "complete": True}
    # What came while it was away.
    del desk.handlers["late"]
    desk.change()
    wait_for(lambda: not any(one["name"] == "late" for one in desk.ask("status")["handlers"]), 20, "its end")
    desk.bmcs[1].add(7)
    desk.wait_handler("sink", pending=612)
    desk.change(handlers={**desk.handlers, "late": (str(desk.late), "")})
    desk.ipmid.kill_all()
    desk.start()
    assert desk.ask("backfill", handler="late") == {"backfilled": 7, "complete": True}
    desk.wait_handler("late", delivered=7, pending=0)


def test_backfill_within_limits(make_desk, tmp_path):
    desk = make_desk(1, script="r")
    desk.late = tmp_path / "late"
    desk.bmcs[0].add(10)
    desk.wait_handler("sink", pending=10)
    between = time.time_ns()
    desk.bmcs[0].add(3)
    desk.wait_handler("sink", pending=13)
    desk.change(handlers={**desk.handlers, "late": (str(desk.late), "severity = critical")})
    assert desk.ask("backfill", handler="late", since=between)["backfilled"] == 0   # its filter
    assert "not configured" in desk.asker.refused(NOT_FOUND, "backfill", handler="nobody")
    assert "no time" in desk.asker.refused(INVALID, "backfill", handler="late", since="once")
    desk.change(handlers={**desk.handlers, "later": (str(desk.late), "")})
    assert desk.ask("backfill", handler="later", since=between)["backfilled"] == 3
    desk.wait_handler("later", delivered=3, pending=0)


# The SEL.

def test_rescan(make_desk):
    desk = make_desk(2)
    desk.bmcs[1].add(7)
    desk.wait_delivered()
    assert desk.ask("rescan", bmc="b1") == {"complete": True, "records": 7}
    desk.check_exact()
    assert "b9" in desk.asker.refused(NOT_FOUND, "rescan", bmc="b9")
    desk.bmcs[0].order("down")
    wait_for(lambda: desk.bmc("b0")["state"] == "down", 20, "the BMC to be down")
    assert "not connected (down" in desk.asker.refused(UNAVAILABLE, "rescan", bmc="b0")
    assert "not connected (down" in desk.asker.refused(UNAVAILABLE, "clear-sel", bmc="b0", force=True)
    assert "not connected (down" in desk.asker.refused(UNAVAILABLE, "power", bmc="b0", action="status")


def test_clear_sel_of_what_is_handled(make_desk):
    desk = make_desk(1)
    desk.bmcs[0].add(5)
    desk.wait_delivered()
    desk.wait_handler("log", pending=0)
    assert desk.ask("clear-sel", bmc="b0") == {"cleared": True, "records": 5}
    assert desk.bmcs[0].standing() == []
    assert desk.ask("clear-sel", bmc="b0") == {"cleared": True, "records": 0}
    desk.bmcs[0].add(3)
    desk.wait_delivered()
    desk.check_exact()
    assert [event for event in desk.events() if event["kind"] == "gap"] == []


def test_clear_sel_is_refused_until_all_is_handled(make_desk):
    desk = make_desk(1, script="r")
    desk.bmcs[0].add(5)
    desk.wait_handler("sink", pending=5)
    assert "5 events wait" in desk.asker.refused(CONFLICT, "clear-sel", bmc="b0")
    desk.change(script="j")
    desk.wait_handler("sink", dead=5, pending=0)
    assert "5 are dead letters" in desk.asker.refused(CONFLICT, "clear-sel", bmc="b0")
    assert desk.ask("dead-drop", handler="sink", all=True)["dropped"] == 5
    assert "5 were shed or dropped" in desk.asker.refused(CONFLICT, "clear-sel", bmc="b0")
    assert len(desk.bmcs[0].standing()) == 5
    assert desk.ask("clear-sel", bmc="b0", force=True) == {"cleared": True, "records": 5}
    assert desk.bmcs[0].standing() == []
    # What is gone is in nobody's way any more.
    assert desk.ask("clear-sel", bmc="b0")["cleared"]


def test_a_replay_counts_for_the_clear(make_desk):
    desk = make_desk(1, script="j")
    desk.bmcs[0].add(3)
    desk.wait_handler("sink", dead=3)
    desk.change(script="d")
    desk.ask("dead-replay", handler="sink", all=True)
    desk.wait_handler("sink", dead=0, pending=0)
    desk.wait_handler("log", pending=0)
    assert desk.ask("clear-sel", bmc="b0") == {"cleared": True, "records": 3}


def test_clear_sel_loses_nothing_that_comes_meanwhile(make_desk):
    desk = make_desk(1, script="r")
    bmc = desk.bmcs[0]
    tags = []
    for number in range(20):
        bmc.add(10)
        tags.append(desk.asker.send("clear-sel", {"bmc": "b0", "force": True}))
        if number % 2:    # the others come while one is under way, and are refused
            wait_for(lambda: all(desk.asker.answers(tag) for tag in tags), 60, "all answers")
    desk.wait_delivered()
    desk.check_exact()


def test_clear_sel_that_the_bmc_refuses(make_desk):
    desk = make_desk(1)
    desk.bmcs[0].add(2)
    desk.wait_delivered()
    desk.wait_handler("log", pending=0)
    desk.bmcs[0].order("refuse")
    assert "not cleared: no" in desk.asker.refused(FAILED, "clear-sel", bmc="b0")
    desk.bmcs[0].order("unavailable")
    assert "perhaps not cleared" in desk.asker.refused(UNAVAILABLE, "clear-sel", bmc="b0")
    assert len(desk.bmcs[0].standing()) == 2
    desk.bmcs[0].order(None)
    assert desk.ask("clear-sel", bmc="b0") == {"cleared": True, "records": 2}


def test_no_handler_has_to_have_handled_it(make_desk):
    desk = make_desk(1, handler="required = no")
    desk.bmcs[0].add(2)
    desk.wait_delivered()
    assert "no handler is required" in desk.asker.refused(CONFLICT, "clear-sel", bmc="b0")


# Power.

def test_power(make_desk):
    desk = make_desk(3, start=False)
    desk.groups["b1"] = "privilege = user"
    desk.groups["b2"] = "privilege = callback"
    desk.write()
    desk.start()
    state = desk.sels / "b0.power"
    assert desk.ask("power", bmc="b0", action="status") == {"done": True, "power": "on"}
    for action in ("cycle", "reset", "soft", "on", "off"):
        assert desk.ask("power", bmc="b0", action=action) == {"done": True}
        assert state.read_text() == action
    assert desk.ask("power", bmc="b0", action="status")["power"] == "off"
    assert desk.ask("power", bmc="b1", action="status")["done"]
    words = desk.asker.refused(NOT_ALLOWED, "power", bmc="b1", action="off")
    assert "the privilege user" in words and "privilege = operator" in words
    assert "privilege = operator" in desk.asker.refused(NOT_ALLOWED, "clear-sel", bmc="b1")
    assert "privilege = user" in desk.asker.refused(NOT_ALLOWED, "power", bmc="b2", action="status")
    assert not (desk.sels / "b1.power").exists()
    assert "status, on, off" in desk.asker.refused(INVALID, "power", bmc="b0", action="explode")
    desk.bmcs[0].order("refuse")
    assert desk.asker.refused(FAILED, "power", bmc="b0", action="on") == "no"
    desk.bmcs[0].order("unavailable")
    assert desk.asker.refused(UNAVAILABLE, "power", bmc="b0", action="on") == "no"


def test_a_collector_that_dies_owes_no_answer(make_desk):
    desk = make_desk(1)
    desk.bmcs[0].order("mute")
    tag = desk.asker.send("power", {"bmc": "b0", "action": "on"})
    assert desk.ask("status")["bmcs"]["up"] == 1
    assert desk.asker.answers(tag) == []
    for pid in desk.processes():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: desk.asker.answers(tag), 20, "an answer")
    assert desk.asker.answers(tag)[0]["code"] == UNAVAILABLE


# Configuration.

def test_reload_and_check(make_desk):
    desk = make_desk(2)
    good = desk.ipmid.config.read_text()
    assert desk.ask("reload") == {"reloaded": True, "bmcs": 2, "handlers": 3}    # http, too
    desk.ipmid.configure(good + "\n[bmc b7]\nadress = 127.0.0.1\n[handler x]\nplugin = nothing\n")
    checked = desk.ask("check")
    assert not checked["good"] and len(checked["errors"]) >= 2
    assert any("adress" in line and ":" in line for line in checked["errors"])
    words = desk.asker.refused(CONFLICT, "reload")
    assert words.startswith("the configuration stays as it was") and "more; check shows them" in words
    desk.ipmid.configure(good)
    assert desk.ask("check")["good"]
    # One that fails while it is under way.
    desk.ipmid.configure(good.replace("state-dir = ", "state-dir = /elsewhere"))
    assert "only be changed by a restart" in desk.asker.refused(CONFLICT, "reload")


def test_what_is_open_when_the_asker_closes(make_desk):
    """The plugin itself sees to it that nothing is open after its close."""
    desk = make_desk(1)
    desk.bmcs[0].order("mute")
    tags = [desk.asker.send("power", {"bmc": "b0", "action": "on"}) for _ in range(40)]
    tags += [desk.asker.send("status", {}) for _ in range(40)]
    desk.asker.config += "batch = 7\n"
    desk.write()
    desk.reload()
    wait_for(lambda: all(desk.asker.answers(tag) for tag in tags), 20, "all answers")
    assert all(len(desk.asker.answers(tag)) == 1 for tag in tags)
    assert desk.asker.answers(tags[0])[0]["message"] == "the handler is being closed"
    assert desk.ask("status")["bmcs"]["up"] == 1
    last = desk.asker.send("power", {"bmc": "b0", "action": "on"})
    assert desk.ask("status")
    assert desk.ipmid.terminate() == 0
    assert desk.asker.answers(last)[0]["code"] == UNAVAILABLE


# Messages and silences.

def test_log(make_desk):
    desk = make_desk(2)
    one = desk.ask("log", bmc="b1", text="fan\nreplaced")["id"]
    two = desk.ask("log", bmc="b1", text="on fire", severity="critical")["id"]
    wait_for(lambda: len(desk.events(kind="message")) == 2, 20, "two messages")
    first, second = desk.events(kind="message")
    assert (first["id"], first["bmc"], first["severity"]) == (one, "b1", "info")
    assert first["text"] == "fan\N{REPLACEMENT CHARACTER}replaced"
    assert (second["id"], second["severity"]) == (two, "critical")
    assert "severity" in desk.asker.refused(INVALID, "log", bmc="b1", text="x", severity="bad")
    assert "1 to 1024 bytes" in desk.asker.refused(INVALID, "log", bmc="b1", text="")
    assert "1 to 1024 bytes" in desk.asker.refused(INVALID, "log", bmc="b1", text="x" * 1025)
    assert "b9" in desk.asker.refused(NOT_FOUND, "log", bmc="b9", text="x")


def test_a_message_survives_a_kill(make_desk):
    desk = make_desk(1, script="r")
    logged = desk.ask("log", bmc="b0", text="look at this")["id"]
    desk.ipmid.kill_all()
    desk.script = "d"
    desk.write()
    desk.start()
    wait_for(lambda: logged in desk.sunk(), 20, "the message")
    desk.wait_handler("sink", pending=0)


def test_silence(make_desk):
    desk = make_desk(2, script="d", extra="silence = yes")
    before = time.time_ns()
    end = desk.ask("silence", bmc="b0", for_="2h")["silence_until"]
    assert before + 7200 * NS <= end + 1000 <= time.time_ns() + 7200 * NS + 1000
    assert desk.bmc("b0")["silence_until"] == end
    assert "silence_until" not in desk.bmc("b1")
    desk.bmcs[0].add(2)
    desk.bmcs[1].add(1)
    desk.wait_delivered()
    desk.wait_handler("sink", silenced=2, pending=0, delivered=1)
    desk.ipmid.kill_all()
    desk.start()
    assert desk.bmc("b0")["silence_until"] == end
    assert desk.ask("silence", bmc="b0", off=True) == {"configured": False}
    assert "silence_until" not in desk.bmc("b0")
    desk.bmcs[0].add(1)
    wait_for(lambda: desk.handler("sink")["delivered"] >= 1, 20, "an event that is not silenced")


def test_silence_beside_the_configured_one(make_desk):
    desk = make_desk(1, start=False)
    desk.groups["b0"] = f"silence-until = {time.strftime('%Y-%m-%dT%H:%MZ', time.gmtime(time.time() + 300 * 86400))}"
    desk.write()
    desk.start()
    reply = desk.ask("silence", bmc="b0", for_=60)
    assert reply["configured"] and reply["silence_until"] > time.time_ns() + 3600 * NS
    assert desk.ask("silence", bmc="b0", off=True)["configured"]
    ask = desk.asker.refused
    assert "one of" in ask(INVALID, "silence", bmc="b0")
    assert "one of" in ask(INVALID, "silence", bmc="b0", for_=5, off=True)
    assert "future" in ask(INVALID, "silence", bmc="b0", until=1)
    assert "future" in ask(INVALID, "silence", bmc="b0", for_=float(-1))
    assert "future" in ask(INVALID, "silence", bmc="b0", for_=1e300)
    assert "within a year" in ask(INVALID, "silence", bmc="b0", for_="400d")
    assert "no time" in ask(INVALID, "silence", bmc="b0", until="tomorrow")
    assert "b9" in ask(NOT_FOUND, "silence", bmc="b9", for_=5)


# The real collector.

REAL = """[daemon]
state-dir = {{state}}
[bmc b0]
address = {{0}}
user = {user}
password-file = {{password}}
privilege = operator
sel-interval = 1s
[handler log]
plugin = file
path = {{output}}
format = json
existing = yes
"""


def real(make_configured, bmc, tmp_path):
    """An ipmid on a BMC of bmc.py, and who asks it."""
    asker = Asker(tmp_path)
    return make_configured(REAL.format(user=bmc.user) + asker.config, [bmc]), asker


def test_power_of_ipmi_sim(make_bmc, make_configured, tmp_path):
    power, program = tmp_path / "power", tmp_path / "chassis"
    power.write_text("0", encoding="ascii")
    program.write_text(CHASSIS.format(power), encoding="ascii")
    program.chmod(0o755)
    bmc = make_bmc(sdr.Population(sdr.ORDINARY, satellite=False), chassis_control=program)
    _, asker = real(make_configured, bmc, tmp_path)
    assert asker.ask("power", bmc="b0", action="status")["power"] == "off"
    assert asker.ask("power", bmc="b0", action="on") == {"done": True}
    assert asker.ask("power", bmc="b0", action="status")["power"] == "on"
    asker.ask("power", bmc="b0", action="reset")
    asker.ask("power", bmc="b0", action="off")
    assert asker.ask("power", bmc="b0", action="status")["power"] == "off"
    log = Path(f"{power}.log").read_text(encoding="ascii")
    assert log.count("set power 1") == log.count("set power 0") == log.count("set reset 1") == 1
    bmc.kill()
    wait_for(lambda: asker.ask("bmcs")["bmcs"][0]["state"] != "up", 60, "the BMC to be missed", poll=0.2)
    assert "not connected" in asker.refused(UNAVAILABLE, "power", bmc="b0", action="status")


def test_no_chassis_is_asked_that_is_not_there(scripted_bmc, make_configured, tmp_path):
    _, asker = real(make_configured, scripted_bmc, tmp_path)
    assert "no chassis" in asker.refused(FAILED, "power", bmc="b0", action="reset").replace("not say that it has a", "no")
    assert scripted_bmc.count(ipmi.CHASSIS_CONTROL) == scripted_bmc.count(ipmi.GET_CHASSIS_STATUS) == 0


def with_chassis(bmc):
    """Make a ScriptedBmc say that it has a chassis."""
    def device_id(_request, proceed):
        reply = bytearray(proceed())
        reply[6] |= CHASSIS_DEVICE
        return bytes(reply)
    bmc.script(ipmi.GET_DEVICE_ID, device_id)
    bmc.script(ipmi.GET_CHASSIS_STATUS, lambda request, proceed: bytes([0, 1, 0, 0]))


@pytest.mark.parametrize(("code", "refused", "words"), [
    (0xD4, FAILED, "privilege"), (0xD5, FAILED, "present state"), (0xC1, FAILED, "does not know"),
    (0xCC, FAILED, "does not know"), (0x99, FAILED, "0x99"), (0xC0, UNAVAILABLE, "may have done it, or not")])
def test_chassis_control_that_fails(make_scripted_bmc, make_configured, tmp_path, code, refused, words):
    bmc = make_scripted_bmc(start=False)
    with_chassis(bmc)
    bmc.script(ipmi.CHASSIS_CONTROL, lambda request, proceed: bytes([code]))
    bmc.start()
    _, asker = real(make_configured, bmc, tmp_path)
    assert words in asker.refused(refused, "power", bmc="b0", action="cycle")


def is_on(asker):
    try:
        return asker.ask("power", bmc="b0", action="status")["power"] == "on"
    except Refused as refusal:
        assert refusal.code == UNAVAILABLE
        return False


def test_chassis_control_is_not_repeated(make_scripted_bmc, make_configured, tmp_path):
    """An answer that gets lost, or is too long to be one."""
    bmc = make_scripted_bmc(start=False)
    with_chassis(bmc)
    bmc.script(ipmi.CHASSIS_CONTROL, lambda request, proceed: Silence)
    bmc.start()
    _, asker = real(make_configured, bmc, tmp_path)
    assert "may have done it" in asker.refused(UNAVAILABLE, "power", bmc="b0", action="reset")
    stays(lambda: bmc.count(ipmi.CHASSIS_CONTROL) == 1, 2, "one Chassis Control")   # OpenIPMI would send it again
    wait_for(lambda: is_on(asker), 20, "another session")
    bmc.script(ipmi.CHASSIS_CONTROL, lambda request, proceed: bytes(40))
    assert "may have done it" in asker.refused(UNAVAILABLE, "power", bmc="b0", action="reset")


def wait_records(ipmid, count):
    def read():
        return sum("raw" in event for event in ipmid.json_events())
    wait_for(lambda: read() == count, 20, lambda: f"{count} records, there are {read()}")


def test_sel_of_ipmi_sim(bmc, make_configured, tmp_path):
    ipmid, asker = real(make_configured, bmc, tmp_path)
    bmc.add_many(records.numbered(bmc.population["CPU1 Temp"], number) for number in range(5))
    wait_records(ipmid, 5)
    assert asker.ask("rescan", bmc="b0") == {"complete": True, "records": 5}
    wait_for(lambda: asker.ask("status")["handlers"][1]["pending"] == 0, 20, "the handler")
    assert asker.ask("clear-sel", bmc="b0")["cleared"]
    assert asker.ask("bmcs")["bmcs"][0]["state"] == "up"
    assert asker.ask("rescan", bmc="b0") == {"complete": True, "records": 0}
    assert bmc.sel() == []
    bmc.add(records.numbered(bmc.population["CPU1 Temp"], 6))
    wait_records(ipmid, 6)
    assert [event for event in ipmid.json_events() if event["kind"] == "gap"] == []
