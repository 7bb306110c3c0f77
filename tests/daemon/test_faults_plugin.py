# SPDX-License-Identifier: LGPL-2.1-or-later
"""A handler that fails costs itself something, and the others nothing: a full disk, a program
that dies, a plugin with a bug."""

import re
import signal
from collections import Counter

import pytest

from disks import SmallDisk
from fake_fleet import Fleet
from waiting import wait_for

EXEC = """[handler program]
plugin = exec
program = {program}
input = stdin
existing = yes
retry-min = 20ms
retry-max = 100ms
"""
FAULTY = """[handler faulty]
plugin = faulty
way = {way}
event = {event}
log = {log}
tried = {tried}
while = {bug}
existing = yes
retry-min = 100ms
retry-max = 20s
{extra}
"""


def status(fleet, handler, pattern):
    """The match of PATTERN in what --status says of a handler."""
    text = fleet.ipmid.status().partition(f"handler: {handler}\n")[2].partition("\nhandler: ")[0]
    return re.search(pattern, text, re.MULTILINE)


def wait_status(fleet, handler, pattern, deadline=30):
    return wait_for(lambda: status(fleet, handler, pattern), deadline,
                    lambda: f"{handler}: {pattern}\n{fleet.ipmid.status()}\n{fleet.ipmid.log()[-3000:]}", poll=0.05)


def ids_in(path):
    """(BMC, record id) of each id that is a whole line, or its first word."""
    text = path.read_text(encoding="ascii") if path.exists() else ""
    return [(bmc, int(number)) for bmc, number in re.findall(r"^(\w+)/\d+/(\d+)(?: .*)?\n", text, re.MULTILINE)]


def written(fleet):
    return {(bmc.name, raw[0] | raw[1] << 8) for bmc in fleet.bmcs for raw in bmc.written}


def wait_all(fleet, path, besides=frozenset(), deadline=30):
    """Wait until everything but BESIDES stands there."""
    def missing():
        return written(fleet) - besides - set(ids_in(path))
    wait_for(lambda: not missing(), deadline, lambda: f"{sorted(missing())} in {path}; {fleet.ipmid.log()[-3000:]}")


def check_order(path):
    """In the order of each SEL, whatever came twice."""
    first = list(dict.fromkeys(ids_in(path)))
    for name in {name for name, _ in first}:
        numbers = [number for bmc, number in first if bmc == name]
        assert numbers == sorted(numbers), f"{name}: out of order"


def dead(fleet):
    """The ids of the dead letters, and what is said of them."""
    text = fleet.ipmid.dead_letters()
    return [(bmc, int(number)) for bmc, number in re.findall(r"(b\d+)/\d+/(\d+)$", text, re.MULTILINE)], text


def add(fleet, count):
    for bmc in fleet.bmcs:
        bmc.add(count)


@pytest.fixture
def make_fleet(request, tmp_path):
    def make(count=2):
        fleet = Fleet(tmp_path, count)
        fleet.ipmid.wrapper = ["prlimit", "--core=0"]
        request.addfinalizer(fleet.stop)
        return fleet
    return make


# --------------------------------------------------------------------- a full disk

def test_one_disk_is_full(make_fleet, tmp_path):
    """One of two files cannot grow: the other one has everything; room, and so has this one."""
    disk = SmallDisk(tmp_path / "small", "256k")
    try:
        fleet = make_fleet()
        fleet.handlers["small"] = (disk.path / "events", "")
        fleet.write()
        fleet.start()
        small = disk.path / "events"
        add(fleet, 5)
        fleet.wait_delivered(small)
        disk.fill()
        add(fleet, 50)
        fleet.wait_delivered()
        wait_status(fleet, "small", "^  failures: [1-9]")
        assert "No space left on device" in fleet.ipmid.log()
        assert sum(len(fleet.raw(bmc.name, small)) for bmc in fleet.bmcs) < len(written(fleet))
        add(fleet, 5)
        fleet.wait_delivered()             # goes on, however long the other one fails
        disk.make_room()
        fleet.wait_delivered(small)
        wait_status(fleet, "small", "^  queue: 0$")
        for path in (None, small):
            fleet.check_exact(path)
        assert dead(fleet)[0] == []
        assert fleet.ipmid.terminate() == 0
    finally:
        disk.unmount()


# ------------------------------------------------------------- a program that dies

@pytest.fixture
def make_program(tmp_path):
    """Make a program that dies of SIGSEGV of what fits a pattern of grep, until the file `good` is there."""
    def make(pattern):
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\ncd '{tmp_path}'\n"
                           "id=$(sed 's/.*\"id\": *\"\\([^\"]*\\)\".*/\\1/')\n"
                           f"[ -e good ] || ! echo \"$id\" | grep -q '{pattern}' || kill -SEGV $$\n"
                           "echo \"$id\" >> taken\n", encoding="ascii")
        program.chmod(0o755)
        return program
    return make


def test_fails_on_one_event(make_fleet, make_program, tmp_path):
    """That one becomes a dead letter, and everything else is handled."""
    fleet = make_fleet(3)
    fleet.write(EXEC.format(program=make_program("^b0/[0-9]*/3$")))
    fleet.start()
    add(fleet, 6)
    wait_all(fleet, tmp_path / "taken", {("b0", 3)})
    wait_status(fleet, "program", "^  dead letters: 1$")
    assert dead(fleet)[0] == [("b0", 3)]
    check_order(tmp_path / "taken")
    assert ("b0", 3) not in ids_in(tmp_path / "taken")
    fleet.wait_delivered()
    fleet.check_exact()


def test_fails_on_all_events(make_fleet, make_program, tmp_path):
    """However often: it is the handler, not the events.  None is a dead letter, and all come when it works."""
    fleet = make_fleet(3)
    fleet.write(EXEC.format(program=make_program("")))
    fleet.start()
    add(fleet, 6)
    fleet.wait_delivered()
    wait_status(fleet, "program", "^  failures: ([2-9][0-9]|[0-9]{3})")      # more than there are events
    assert dead(fleet)[0] == [] and ids_in(tmp_path / "taken") == []
    add(fleet, 2)
    fleet.wait_delivered()
    (tmp_path / "good").touch()
    wait_all(fleet, tmp_path / "taken")
    wait_status(fleet, "program", "^  queue: 0$")
    assert sorted(ids_in(tmp_path / "taken")) == sorted(written(fleet))      # once
    assert dead(fleet)[0] == []
    fleet.check_exact()


# ------------------------------------------------------------- a plugin with a bug

class Faulty:
    """A fleet with the plugin `faulty` beside a good one, started again by whoever waits, as by systemd."""

    def __init__(self, fleet, directory, way, event, extra=""):
        self.fleet = fleet
        self.log, self.tried, self.bug = (directory / name for name in ("handled", "tried", "bug"))
        self.bug.touch()
        self.deaths = 0
        self.signal = {"segv": signal.SIGSEGV, "abort": signal.SIGABRT}.get(way)
        fleet.write(FAULTY.format(way=way, event=event, log=self.log, tried=self.tried, bug=self.bug, extra=extra))

    def look(self):
        """Start it again if it has died, and of nothing else than the bug."""
        ipmid = self.fleet.ipmid
        if ipmid.running:
            return
        if not ipmid.build.sanitized:           # whose reports end it otherwise
            assert ipmid.process.returncode == -self.signal, ipmid.log()[-3000:]
        self.deaths += 1
        ipmid.start(wait=False)

    def wait(self, condition, what, deadline=40):
        def reached():
            self.look()
            return condition()
        wait_for(reached, deadline, lambda: f"{what}; {self.deaths} deaths, tried:\n{self.tried.read_text()[-1000:]}\n"
                                            f"{self.fleet.ipmid.log()[-3000:]}", poll=0.05)

    def wait_handled(self, besides=frozenset()):
        self.wait(lambda: written(self.fleet) - besides <= set(ids_in(self.log)), f"all but {besides} to be handled")

    def wait_logged(self):
        """The other handler has everything."""
        def logged():
            return {(event["bmc"], event["record_id"]) for event in self.fleet.events() if "record_id" in event}
        self.wait(lambda: written(self.fleet) <= logged(), "the other handler")

    def attempts(self, bmc, number):
        """(attempt, events in the call) of each."""
        text = self.tried.read_text(encoding="ascii")
        return [(int(attempt), int(size)) for attempt, size in
                re.findall(rf"^{bmc}/\d+/{number} (\d+) (\d+)$", text, re.MULTILINE)]


CRASHES = pytest.mark.parametrize("way", ["segv", "abort"])


@CRASHES
def test_plugin_crashes(make_fleet, tmp_path, way):
    """It takes ipmid along; started again, with the bug mended, ipmid delivers everything to everybody."""
    fleet = make_fleet()
    faulty = Faulty(fleet, tmp_path, way, "b0/*/3")
    fleet.start()
    add(fleet, 10)
    wait_for(lambda: not fleet.ipmid.running, 20, "ipmid to die")
    add(fleet, 5)
    faulty.bug.unlink()
    faulty.look()
    fleet.wait_up()
    faulty.wait_handled()
    fleet.wait_delivered()
    wait_status(fleet, "faulty", "^  queue: 0$")
    assert faulty.deaths == 1
    assert dead(fleet)[0] == []
    # What was in hand came twice, and one by one; the rest once.
    times = Counter(ids_in(faulty.log))
    assert set(times) == written(fleet) and max(times.values()) <= 2
    assert faulty.attempts("b0", 3)[-1] == (2, 1)
    check_order(faulty.log)
    assert fleet.ipmid.terminate() == 0


@CRASHES
def test_plugin_crashes_of_one_event(make_fleet, tmp_path, way):
    """With it alone three times, while it handles others: that one is a dead letter, and everything else is handled."""
    fleet = make_fleet()
    faulty = Faulty(fleet, tmp_path, way, "b0/*/3")
    fleet.start()
    add(fleet, 10)
    faulty.wait(lambda: dead(fleet)[0], "a dead letter")
    faulty.wait_handled({("b0", 3)})
    letters, text = dead(fleet)
    assert letters == [("b0", 3)], text
    crashes, last = re.search(r"made ipmid crash with it (\d+) times, at last by (\w+),", text).groups()
    alone = [attempt for attempt, size in faulty.attempts("b0", 3) if size == 1]
    assert 3 <= int(crashes) == len(alone) and last == faulty.signal.name
    check_order(faulty.log)
    deaths = faulty.deaths
    assert len(alone) <= deaths
    add(fleet, 5)                               # the lane goes on
    faulty.wait_handled({("b0", 3)})
    faulty.wait_logged()
    assert faulty.deaths == deaths and ("b0", 3) not in ids_in(faulty.log)
    fleet.wait_up()
    assert fleet.ipmid.terminate() == 0


def test_plugin_crashes_of_some_in_a_row(make_fleet, tmp_path):
    """And nothing else is there to tell them from the others but what comes after them."""
    fleet = make_fleet(1)
    faulty = Faulty(fleet, tmp_path, "segv", "b0/*/3;b0/*/4;b0/*/5")
    bad = [("b0", 3), ("b0", 4), ("b0", 5)]
    fleet.start()
    add(fleet, 10)
    faulty.wait(lambda: sorted(dead(fleet)[0]) == bad, "three dead letters", deadline=60)
    faulty.wait_handled(set(bad))
    faulty.wait_logged()
    assert not set(bad) & set(ids_in(faulty.log))
    fleet.wait_up()
    assert fleet.ipmid.terminate() == 0


def test_plugin_crashes_of_all_events(make_fleet, tmp_path):
    """From some time on.  It costs the others nothing, and none is a dead letter: all come when it works again."""
    fleet = make_fleet()
    faulty = Faulty(fleet, tmp_path, "segv", "*")
    faulty.bug.unlink()
    fleet.start()
    add(fleet, 5)
    faulty.wait_handled()
    faulty.bug.touch()
    add(fleet, 2)
    faulty.wait(lambda: "in hand, 4 times" in fleet.ipmid.log(), "many crashes of one event")
    add(fleet, 2)
    faulty.wait_logged()
    assert len(set(ids_in(faulty.log))) == 10
    faulty.bug.unlink()
    faulty.wait_handled()
    assert dead(fleet)[0] == []
    fleet.wait_up()
    wait_status(fleet, "faulty", "^  queue: 0$")
    assert fleet.ipmid.terminate() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT], ids=["kill", "abort"])
def test_killed_in_the_midst(make_fleet, tmp_path, number):
    """Whoever kills ipmid, like the service manager's watchdog, makes no dead letter of what a handler has in hand."""
    fleet = make_fleet()
    faulty = Faulty(fleet, tmp_path, "loop", "b0/*/3")
    fleet.start()
    add(fleet, 5)
    for times in range(1, 6):
        wait_for(lambda: len(faulty.attempts("b0", 3)) == times, 20,
                 lambda: f"attempt {times}; {fleet.ipmid.log()[-3000:]}", poll=0.05)
        fleet.ipmid.signal_core(number)
        fleet.ipmid.process.wait(timeout=20)
        assert fleet.ipmid.process.returncode == -number
        fleet.ipmid.start(wait=False)
    faulty.bug.unlink()
    fleet.ipmid.signal_core(number)
    fleet.ipmid.process.wait(timeout=20)
    fleet.start()
    wait_all(fleet, faulty.log)
    wait_status(fleet, "faulty", "^  queue: 0$")
    check_order(faulty.log)
    assert dead(fleet)[0] == [] and "made ipmid crash" not in fleet.ipmid.log()
    assert fleet.ipmid.terminate() == 0


def test_plugin_does_not_come_back(make_fleet, tmp_path):
    """It costs nobody else anything, and ipmid can be ended; then everything is there again."""
    fleet = make_fleet()
    faulty = Faulty(fleet, tmp_path, "loop", "b0/*/3", "timeout = 100ms")
    fleet.start()
    add(fleet, 10)
    wait_for(lambda: ("b0", 3) in ids_in(faulty.tried), 10, "it to loop")
    for _ in range(3):
        add(fleet, 5)
        fleet.wait_delivered()
    assert status(fleet, "faulty", "^  queue: [1-9]")
    assert fleet.ipmid.terminate() == 0
    assert "handler=faulty" in fleet.ipmid.log() and "does not come back from a call" in fleet.ipmid.log()
    assert dead(fleet)[0] == []
    faulty.bug.unlink()
    fleet.start()
    wait_all(fleet, faulty.log)
    wait_status(fleet, "faulty", "^  queue: 0$")
    check_order(faulty.log)
    fleet.check_exact()
    assert dead(fleet)[0] == []
    assert fleet.ipmid.terminate() == 0
