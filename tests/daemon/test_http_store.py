# SPDX-License-Identifier: LGPL-2.1-or-later
"""The http plugin's events from a store that a handler keeps, the sqlite plugin's; and without one."""

import json
import re
from urllib.parse import quote, urlencode

import pytest

from fake_fleet import Fleet
from test_ipmidctl import Ctl, on_terminal
from unix_http import Client
from waiting import wait_for

STORE = "[handler history]\nplugin = sqlite\nexisting = yes\nreadings = no\n"
POWER_SUPPLY = 8                          # sensor type
SENSOR_SPECIFIC = 0x6F                    # event type


class StoredFleet(Fleet):
    """Two BMCs, and a handler that stores their events."""

    def __init__(self, directory):
        super().__init__(directory, 2)    # its settle-time: no event of a connection comes in between
        self.bmcs[1].serial = 1000        # other times than those of b0
        self.bmcs[0].say(".sensors", "3 50\n")

    def start(self, more=STORE):
        self.write(more)
        super().start()
        self.client = Client(self.ipmid.state_dir / "http").wait()
        return self

    def ask(self, **query):
        """The answer of a page; `after` and so on."""
        status, answer = self.client.get("/events?" + urlencode(query))
        assert status == 200, answer
        return answer

    def stored(self, **query):
        answer = self.ask(**{"limit": 1000, **query})
        assert answer["source"] == "store" and "since" not in answer and "next" not in answer
        return answer["events"]

    def one(self, event_id):
        return self.client.get("/events/" + quote(event_id))

    def settled(self, logged):
        """All events, newest first, once the store and the file have all records and what was LOGGED."""
        def all_there():
            written = {event["id"] for event in self.events()}
            found = self.stored()
            return logged <= written == {event["id"] for event in found} and found
        self.wait_delivered()
        return wait_for(all_there, 20, "the events in the store", poll=0.05)


@pytest.fixture
def fleet(tmp_path):
    fleet = StoredFleet(tmp_path)
    yield fleet
    fleet.stop()


def fill(fleet):
    """Events of several kinds, sensors and severities; all of them, newest first."""
    fleet.bmcs[0].add(25)
    fleet.bmcs[1].add(5)
    fleet.bmcs[1].add_events((POWER_SUPPLY, 3, SENSOR_SPECIFIC, 1, True), (POWER_SUPPLY, 3, SENSOR_SPECIFIC, 1, False))
    logged = set()
    for severity, text in (("info", "disk 1 swapped"), ("warning", "Disk 2: swapped!"), ("critical", "disk 3 on fire")):
        status, answer = fleet.client.post("/bmcs/b0/log", text=text, severity=severity)
        assert status == 200, answer
        logged.add(answer["id"])
    return fleet.settled(logged)


def when(event):
    return event.get("time", event["received"])


def pages(fleet, **query):
    """All events of a query, page by page."""
    found, after = [], {}
    while True:
        answer = fleet.ask(**query, **after)
        assert answer["source"] == "store" and len(answer["events"]) <= query["limit"]
        found += answer["events"]
        if "next" not in answer:
            return found
        assert len(answer["events"]) == query["limit"]
        after = {"after": answer["next"]}


def test_events_and_filters(fleet):
    """The same events as the file handler got, in order; each filter, and all together."""
    everything = fill(fleet.start())
    written = {event["id"]: event for event in fleet.events()}
    assert all(event == written[event["id"]] for event in everything)
    assert [when(event) for event in everything] == sorted(map(when, everything), reverse=True)
    assert [event["raw"] for event in everything if event["bmc"] == "b0" and "raw" in event] == [
        raw.hex() for raw in reversed(fleet.bmcs[0].written)]
    assert fleet.stored(order="oldest") == everything[::-1]
    for key in ("bmc", "kind", "sensor"):
        values = {event[key] for event in everything if key in event}
        assert values
        for value in values:
            assert fleet.stored(**{key: value}) == [event for event in everything if event.get(key) == value]
    worse = ["ok", "info", "warning", "critical"]
    assert {"info", "warning", "critical"} <= {event["severity"] for event in everything}
    for severity in worse:
        wanted = worse[worse.index(severity):]
        assert fleet.stored(severity=severity) == [event for event in everything if event["severity"] in wanted]
    assert [event["text"] for event in fleet.stored(bmc="b0", kind="message", severity="warning", text="disk",
                                                    order="oldest")] == ["Disk 2: swapped!", "disk 3 on fire"]
    assert fleet.stored(bmc="b7") == fleet.stored(sensor="nobody") == fleet.stored(kind="gap") == []


def test_events_by_time(fleet):
    everything = fill(fleet.start())
    for event in everything[::7]:
        since = fleet.stored(since=when(event))
        until = fleet.stored(until=when(event))
        assert event in since and event not in until
        assert since + until == everything
        assert fleet.stored(since=when(event), until=when(event)) == []


def test_events_by_text(fleet):
    """Words in any order, or how they begin; from a store as from memory."""
    fill(fleet.start())

    def found(text):
        return [event["text"] for event in fleet.ask(text=text, kind="message", order="oldest")["events"]]
    expected = {"disk": ["disk 1 swapped", "Disk 2: swapped!", "disk 3 on fire"],
                "SWAP disk": ["disk 1 swapped", "Disk 2: swapped!"], "disk-2": ["Disk 2: swapped!"],
                "fir* disk": ["disk 3 on fire"], "isk": [], "disk 4": [], 'a" OR "disk': [], "disk NOT swapped": []}
    for text, wanted in expected.items():
        assert found(text) == wanted, text
    assert fleet.client.get("/events?text=%20-%20")[0] == 400
    fleet.write()
    fleet.reload()
    fleet.client.wait()
    assert fleet.ask()["source"] == "memory"
    for text, wanted in expected.items():
        wait_for(lambda: found(text) == wanted, 10, lambda: f"{wanted} by {text!r} from memory, not {found(text)}")


def test_pages(fleet):
    """Every event once, whatever the query and the size of a page, also if others come in between."""
    everything = fill(fleet.start())
    for query in ({}, {"order": "oldest"}, {"bmc": "b0"}, {"bmc": "b1", "order": "oldest"}, {"severity": "info"},
                  {"kind": "message"}, {"text": "disk"}, {"text": "disk", "order": "oldest", "bmc": "b0"}):
        whole = fleet.stored(**query)
        assert whole
        for limit in (1, 3, 7, len(whole), len(whole) + 1):
            assert pages(fleet, limit=limit, **query) == whole, (query, limit)
    assert len(fleet.ask()["events"]) == min(100, len(everything))
    first = fleet.ask(limit=10)
    fleet.client.post("/bmcs/b1/log", text="between two pages")
    wait_for(lambda: fleet.stored(text="between"), 20, "the new event")
    second = fleet.ask(limit=1000, after=first["next"])
    assert first["events"] + second["events"] == everything


def test_one_event(fleet):
    everything = fill(fleet.start())
    for event in everything:
        assert fleet.one(event["id"]) == (200, {"source": "store", "event": event})
    for nobody in ("b0/1/77777", "x", "b0/1/1/1", "%"):
        status, answer = fleet.one(nobody)
        assert (status, answer["error"]) == (404, "not_found") and f'"{nobody}"' in answer["message"]
    status, answer = fleet.client.get("/events/" + quote(everything[0]["id"]) + "?bmc=b0")
    assert status == 400 and "nothing may stand behind" in answer["message"]


@pytest.mark.parametrize(("query", "words"), [
    ("after=b0/1/1", "after"), ("after=1.2.3", "after"), ("after=", "after"), ("text=*", "no letter"),
    ("text=" + "a%20" * 17, "more than 16 words"), ("text=" + "a" * 257, "longer than 256"), ("limit=1001", "limit"),
    ("severity=bad", "severity is none of"), ("since=yesterday", "since")])
def test_bad_query(fleet, query, words):
    fleet.start()
    status, answer = fleet.client.get("/events?" + query)
    assert (status, answer["error"]) == (400, "invalid") and words in answer["message"]


def test_the_store_lasts_and_memory_does_not(fleet):
    """Events of an earlier ipmid are there; when nobody stores them any more, the answer says so."""
    everything = fill(fleet.start())
    page = fleet.ask(limit=5)
    old = next(event for event in everything if "raw" in event)
    assert fleet.ipmid.terminate() == 0
    fleet.start()
    assert old in fleet.stored() and fleet.one(old["id"])[0] == 200
    assert fleet.ipmid.terminate() == 0
    fleet.start(more="")
    answer = fleet.ask(limit=1000)
    assert answer["source"] == "memory" and answer["since"] > old["received"] and old not in answer["events"]
    status, answer = fleet.one(old["id"])
    assert (status, answer["error"]) == (404, "not_found") and "no handler stores older ones" in answer["message"]
    # Who is in the middle of a store's pages is not told that there are no more.
    status, answer = fleet.client.get("/events?" + urlencode({"after": page["next"]}))
    assert status == 400 and "no handler stores events" in answer["message"]
    _, answer = fleet.client.post("/bmcs/b0/log", text="in memory")
    logged = answer["id"]
    wait_for(lambda: fleet.one(logged)[0] == 200, 10, "the event in memory")
    status, answer = fleet.one(logged)
    assert (answer["source"], answer["event"]["text"]) == ("memory", "in memory") and "since" in answer


def test_ipmidctl_says_what_there_is(fleet):
    """From a store without a word; from memory with one, to people and where there is nothing to see."""
    everything = fill(fleet.start())
    ctl = Ctl("--state-dir", fleet.ipmid.state_dir)
    lines = ctl.good("events", "--json", "-n", "5000").splitlines()
    assert [json.loads(line) for line in lines] == everything[::-1]
    lines = ctl.good("events", "--json", "-n", "4", "--bmc", "b1").splitlines()
    assert [json.loads(line) for line in lines] == [event for event in everything if event["bmc"] == "b1"][3::-1]
    fleet.write()
    fleet.reload()
    fleet.client.wait()
    status, out, err = ctl.run("events", "--kind", "gap")
    assert (status, out) == (0, "") and re.fullmatch("No events since .*; no handler stores older ones.\n", err)
    assert ctl.good("events", "--kind", "message").count("\n") == 3
    assert "no handler stores older ones" in on_terminal(ctl, "events")[1]
