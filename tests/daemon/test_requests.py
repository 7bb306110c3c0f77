# SPDX-License-Identifier: LGPL-2.1-or-later
"""What plugins ask of the core: status, dead letters, SELs, power, configuration, messages, silences."""

import json
import time

import pytest

import sdr
from asking import CONFLICT, FAILED, INVALID, NOT_ALLOWED, NOT_FOUND, UNAVAILABLE, Asker
from fake_fleet import Fleet
from waiting import wait_for

NS = 10 ** 9
SINK = """[handler sink]
plugin = test-sink
log = {log}
script = {script}
retry-min = 50ms
retry-max = 100ms
{extra}
"""
# A server without a chassis of its own: what ipmi_sim runs for chassis control.
CHASSIS = """#!/bin/sh
# get N / set N V, "power" among them; the state is a file
state='{state}'
case "$2" in
get) shift 2; for what; do test "$what" = power && echo "power:$(cat "$state")"; done;;
set) shift 2; while test $# -gt 1; do echo "$1 $2" >>"$state.log"; test "$1" = power && printf %s "$2" >"$state"; shift 2; done;;
esac
exit 0
"""


class Desk(Fleet):
    """A fleet that can be asked; with a handler `sink` that does as its script says."""

    def __init__(self, directory, count=2, *, script=None, extra="", **rest):
        directory.mkdir(exist_ok=True)
        self.asker = Asker(directory)
        self.sink_log = directory / "sink.log"
        self.script, self.sink_extra = script, extra
        super().__init__(directory, count, **rest)

    def write(self, more=""):
        sink = SINK.format(log=self.sink_log, script=self.script, extra=self.sink_extra) if self.script else ""
        super().write(self.asker.config + sink + more)

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
        """The ids that the handler `sink` was given, in order."""
        return [line.split()[0] for line in self.sink_log.read_text().splitlines()] if self.sink_log.exists() else []


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
    assert (first["state"], first["records"], first["address"]) == ("up", 4, "lan 127.1.0.1")
    assert desk.asker.refused(NOT_FOUND, "bmcs", bmc="b9") == 'there is no BMC "b9"'


def test_what_is_no_request(make_desk):
    desk = make_desk(1)
    assert "make-tea" in desk.asker.refused(NOT_FOUND, "make-tea")
    assert '"bmc" is missing' in desk.asker.refused(INVALID, "rescan")
    assert '"now"' in desk.asker.refused(INVALID, "status", now=True)
    assert "text" in desk.asker.refused(INVALID, "rescan", bmc=5)


def test_in_eventd_style_too(make_desk, tmp_path):
    """A daemon without a configuration file has nothing to check."""
    desk = make_desk(1)
    checked = desk.ask("check")
    assert checked["good"] and checked["errors"] == []


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
    got = desk.sunk()[before:]
    in_order = list(dict.fromkeys(got))
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
    for _ in range(20):
        bmc.add(10)
        tags.append(desk.asker.send("clear-sel", {"bmc": "b0", "force": True}))
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
    assert "is user" in words and "operator" in words
    assert "user or more" in desk.asker.refused(NOT_ALLOWED, "power", bmc="b2", action="status")
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
    desk.ipmid.kill_collector()
    wait_for(lambda: desk.asker.answers(tag), 20, "an answer")
    assert desk.asker.answers(tag)[0]["code"] == UNAVAILABLE


# Configuration.

def test_reload_and_check(make_desk):
    desk = make_desk(2)
    good = desk.ipmid.config.read_text()
    assert desk.ask("reload") == {"reloaded": True, "bmcs": 2, "handlers": 2}
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
    desk.groups["b0"] = "silence-until = 2126-12-01T08:00Z"
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
    assert "no time" in ask(INVALID, "silence", bmc="b0", until="tomorrow")
    assert "b9" in ask(NOT_FOUND, "silence", bmc="b9", for_=5)


# The real collector.

def real(make_configured, bmc, tmp_path, more=""):
    """An ipmid on a BMC of bmc.py, and who asks it."""
    asker = Asker(tmp_path)
    ipmid = make_configured("[daemon]\nstate-dir = {state}\n" + more + "{bmcs}\n" + asker.config
                            + "[handler log]\nplugin = file\npath = {output}\nformat = json\nexisting = yes\n", [bmc])
    return ipmid, asker
