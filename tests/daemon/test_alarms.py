# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with ipmid itself is told through the handlers that work, and so is its end.

A handler that fails, rejects, or falls behind; a journal that fills; a BMC that
stays away; signs of life.  The BMCs are played by fake-collector.
"""

import json
import socket

import pytest

from disks import SmallDisk
from fake_fleet import Fleet
from waiting import stays, wait_for

SELF = f"ipmid@{socket.gethostname()}"
PROGRAM = """
[handler sick]
plugin = exec
program = {{directory}}/program
input = stdin
format = json
required = no
attempts = 0
retry-min = 50ms
retry-max = 200ms
{more}
"""


@pytest.fixture
def make_fleet(request, tmp_path):
    """Make and start a Fleet with a handler `sick`, whose program obeys the file `exit`."""
    made = []

    def make(count=1, *, extra="", more="", start=True, sick=True, handler="", settle="100ms"):
        directory = tmp_path / f"fleet{len(made)}"
        directory.mkdir()
        fleet = Fleet(directory, count, extra=extra, settle=settle, handler=handler)
        made.append(fleet)
        fleet.home = fleet.ipmid.directory
        program = fleet.home / "program"
        program.write_text(f"#!/bin/sh\nstatus=$(cat '{fleet.home}/exit' 2>/dev/null)\n"
                           f"[ \"${{status:-0}}\" = 0 ] && exec cat >> '{fleet.home}/taken'\n"
                           "cat >/dev/null\nexit $status\n", encoding="ascii")
        program.chmod(0o755)
        fleet.more = PROGRAM.format(more=more) if sick else ""
        fleet.write(fleet.more)
        return fleet.start() if start else fleet
    request.addfinalizer(lambda: [fleet.stop() for fleet in made])
    return make


def order(fleet, status):
    """What the program of the handler `sick` ends with from now on."""
    new = fleet.home / "exit.new"
    new.write_text(f"{status}\n", encoding="ascii")
    new.rename(fleet.home / "exit")


def taken(fleet, kind=None):
    """What the program of the handler `sick` has taken."""
    path = fleet.home / "taken"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [event for event in map(json.loads, lines) if kind in (None, event["kind"])]


def health(fleet, bmc=None):
    """The health events of the handler `log`; after a kill -9 some come again, under the same id."""
    return list({event["id"]: event for event in fleet.events(kind="health", bmc=bmc)}.values())


def told(fleet, state, component):
    """(assert, severity) of what the handler `log` was told about this state."""
    return [(event["assert"], event["severity"]) for event in health(fleet)
            if event.get("state") == state and event.get("component") == component]


def wait_told(fleet, state, component, *expected):
    wait_for(lambda: told(fleet, state, component) == list(expected), 20,
             lambda: f"{state} {component} {expected}: {fleet.events(kind='health')}\n{fleet.ipmid.log()[-3000:]}")


BEGUN, OVER = (True, "critical"), (False, "ok")


def wait_over(fleet, state, component, begun):
    """It has begun and ended in turn, at least once."""
    def is_over():
        came = told(fleet, state, component)
        return came and came == [begun, OVER] * (len(came) // 2)
    wait_for(is_over, 20, lambda: f"{state} {component}: {fleet.events(kind='health')}\n{fleet.ipmid.log()[-3000:]}")


def test_failing_handler(make_fleet):
    """Told once, also after a restart; the failing one hears of it when it works again, and of the end."""
    fleet = make_fleet(extra="handler-alarm-after = 1s")
    order(fleet, 1)
    fleet.bmcs[0].add(3)
    wait_told(fleet, "failing", "handler sick", BEGUN)
    event = next(event for event in fleet.events(kind="health") if event.get("state") == "failing")
    assert event["bmc"] == SELF and event["id"].startswith(f"{SELF}/-/")
    assert "failing for" in event["text"] and "status 1" in event["text"]
    fleet.ipmid.restart(wait=False)
    fleet.wait_up()
    fleet.bmcs[0].add(1)
    fleet.wait_delivered()
    stays(lambda: told(fleet, "failing", "handler sick") == [BEGUN], 2.5)
    order(fleet, 0)
    wait_told(fleet, "failing", "handler sick", BEGUN, OVER)
    wait_for(lambda: [event["assert"] for event in taken(fleet, "health") if event["state"] == "failing"]
             == [True, False], 10, lambda: f"both: {taken(fleet)}")
    # While a head fails, the next is tried in between: so it may come first.
    assert {event["raw"] for event in taken(fleet) if "raw" in event} == {raw.hex() for raw in fleet.bmcs[0].written}


def test_hanging_handler(make_fleet):
    """One that does not come back in time fails as well."""
    fleet = make_fleet(extra="handler-alarm-after = 1s", more="timeout = 300ms")
    (fleet.home / "program").write_text("#!/bin/sh\nexec sleep 600\n", encoding="ascii")
    fleet.bmcs[0].add(1)
    wait_told(fleet, "failing", "handler sick", BEGUN)


def test_failing_handler_that_is_removed(make_fleet):
    """Nobody waits for the end of it for ever."""
    fleet = make_fleet(extra="handler-alarm-after = 1s")
    order(fleet, 1)
    fleet.bmcs[0].add(1)
    wait_told(fleet, "failing", "handler sick", BEGUN)
    fleet.write()
    fleet.reload()
    wait_told(fleet, "failing", "handler sick", BEGUN, OVER)
    assert "not configured any more" in fleet.events(kind="health")[-1]["text"]


def test_one_failure_is_no_alarm(make_fleet):
    fleet = make_fleet(extra="handler-alarm-after = 1m")
    for _ in range(3):
        order(fleet, 1)
        fleet.bmcs[0].add(1)
        fleet.ipmid.wait_log("will be tried again")
        order(fleet, 0)
        wait_for(lambda: len([event for event in taken(fleet) if "raw" in event]) == len(fleet.bmcs[0].written), 20,
                 "it to be handled")
    assert told(fleet, "failing", "handler sick") == []


def test_dead_letters(make_fleet):
    """The first, and the tenth; the alarms are rejected, too, and that is the end of it."""
    fleet = make_fleet(extra="handler-alarm-after = 1s")
    order(fleet, 65)
    fleet.bmcs[0].add(1)
    warned = (True, "warning")
    wait_told(fleet, "dead letters", "handler sick", warned)
    fleet.bmcs[0].add(12)
    wait_told(fleet, "dead letters", "handler sick", warned, warned)
    fleet.ipmid.restart(wait=False)
    fleet.wait_up()
    stays(lambda: told(fleet, "dead letters", "handler sick") == [warned, warned], 2.5)


def test_quota(make_fleet):
    fleet = make_fleet(extra="handler-alarm-after = 1s", more="quota = 20")
    order(fleet, 1)
    fleet.bmcs[0].add(40)
    wait_told(fleet, "quota reached", "handler sick", BEGUN)
    order(fleet, 0)
    wait_told(fleet, "quota reached", "handler sick", BEGUN, OVER)


@pytest.mark.deadline(120)
def test_journal_fills(make_fleet):
    """Nearly full, full, and back: everything is delivered in the end."""
    fleet = make_fleet(extra="handler-alarm-after = 1s\njournal-limit = 16M", handler="kinds = health")
    order(fleet, 1)

    def fill():
        is_told = told(fleet, "full", "journal") == [BEGUN] and told(fleet, "filling", "journal") == [(True, "warning")]
        if not is_told and len(fleet.bmcs[0].written) < 60000:
            fleet.bmcs[0].add(1000)
        return is_told
    wait_for(fill, 40, lambda: fleet.ipmid.log()[-2000:], poll=0.05)
    # A program for each event would take long to empty it.
    fleet.write(fleet.more.replace("plugin = exec", "plugin = file\npath = {directory}/taken").replace(
        "program = {directory}/program\ninput = stdin\n", ""))
    fleet.reload()
    # What still stood in the SEL may fill it once more.
    wait_over(fleet, "full", "journal", BEGUN)
    wait_over(fleet, "filling", "journal", (True, "warning"))
    fleet.wait_delivered(fleet.home / "taken", deadline=40)
    fleet.check_exact(fleet.home / "taken")


def test_minimum_free(make_fleet, tmp_path):
    """A disk that others fill: SELs keep their records until there is room; and it is told."""
    disk = SmallDisk(tmp_path / "disk", "16m")
    try:
        fleet = make_fleet(extra="handler-alarm-after = 1s", start=False, sick=False)
        fleet.ipmid.state_dir = disk.path / "state"
        fleet.write()
        fleet.start()
        fleet.bmcs[0].add(5)
        fleet.wait_delivered()
        free = disk.free()
        with open(disk.path / "filler", "wb") as filler:
            filler.write(bytes(free - 500_000))

        def fill():
            full = "less room left" in fleet.ipmid.log()
            if not full:
                fleet.bmcs[0].add(5)
            return full
        wait_for(fill, 20, fleet.ipmid.log, poll=0.02)
        wait_told(fleet, "full", "journal", BEGUN)
        event = next(event for event in fleet.events(kind="health") if event.get("state") == "full")
        assert "minimum-free" in event["text"]
        disk.make_room()
        wait_told(fleet, "full", "journal", BEGUN, OVER)
        fleet.wait_delivered()
        fleet.check_exact()
        fleet.stop()
    finally:
        disk.unmount()


def test_bmc_that_stays_away(make_fleet):
    """After the warning of the connection a critical event; then it is back; once each."""
    # A fake BMC is up for a moment before it is told to be down.
    fleet = make_fleet(2, extra="bmc-alarm-after = 4s", settle="2s")
    fleet.bmcs[1].order("down")
    wait_for(lambda: told_bmc(fleet, "b1") == [BEGUN], 20, lambda: f"{fleet.events(kind='health')}")
    fleet.ipmid.restart(wait=False)
    stays(lambda: told_bmc(fleet, "b1") == [BEGUN], 5)
    fleet.bmcs[1].order(None)
    wait_for(lambda: told_bmc(fleet, "b1") == [BEGUN, OVER], 20, lambda: f"{fleet.events(kind='health')}")
    assert told_bmc(fleet, "b0") == []

    def connections():
        return list({event["id"]: event["severity"] for event in fleet.events(kind="connection", bmc="b1")}.values())
    wait_for(lambda: connections() == ["warning", "ok"], 10, lambda: f"it to be connected: {connections()}")


def told_bmc(fleet, name):
    return [(event["assert"], event["severity"]) for event in health(fleet, name)
            if event.get("state") == "BMC down"]


def test_heartbeat(make_fleet):
    """To the one that wants it, whatever its filter; one waits at most; and it goes on."""
    fleet = make_fleet(more="heartbeat = 1s\nseverity = critical")
    wait_for(lambda: len(taken(fleet)) >= 3, 20, lambda: f"heartbeats: {taken(fleet)}")
    beat = taken(fleet)[-1]
    assert (beat["kind"], beat["severity"], beat["state"], beat["bmc"]) == ("health", "ok", "alive", SELF)
    assert "1 up" in beat["text"]
    order(fleet, 1)
    fleet.ipmid.wait_log("will be tried again")
    stays(lambda: fleet.ipmid.status().count("  queue: 1\n") <= 1, 2.5)
    before = len(taken(fleet))
    order(fleet, 0)
    wait_for(lambda: len(taken(fleet)) >= before + 2, 20, "two more")
    times = [event["received"] for event in taken(fleet)]
    assert times == sorted(times) and len(set(event["id"] for event in taken(fleet))) == len(times)
    assert fleet.events(kind="health") == []


def test_heartbeat_makes_no_sense_for_a_finalizer(make_fleet):
    fleet = make_fleet(start=False)
    fleet.write("[handler delete]\nplugin = sel-delete\nheartbeat = 1h\n")
    status, _, lines = fleet.ipmid.check()
    assert status == 78 and any("heartbeat" in line for line in lines), lines
