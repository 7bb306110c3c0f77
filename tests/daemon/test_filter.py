# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which events a handler gets, and what a quiet time holds back, with fake-collector for a BMC.

The rules themselves are proved in tests/unit (test-filter, test-quiet,
test-ledger-quiet); here they meet the whole daemon: its command line, its
restarts and its crashes.
"""

import re
import signal
import time

import pytest

import processes
from daemon import Ipmid
from fake_bmc import FakeBuild
from test_core import bmc, needs_crash_points  # noqa: F401  (a fixture)
from waiting import wait_for

EX_CONFIG = 78

MEMORY, TEMPERATURE, FAN = 0x0c, 0x01, 0x04
THRESHOLD, SPECIFIC = 0x01, 0x6f

# Uncorrectable ECC begins and ends.
BEGINS, ENDS = (MEMORY, 7, SPECIFIC, 1, True), (MEMORY, 7, SPECIFIC, 1, False)

QUIET = ["severity=warning", "quiet=1h"]


@pytest.fixture
def make(tmp_path, bmc):
    """Make an Ipmid whose file handler has these settings, and start it."""
    made = []

    def make_one(*settings, start=True, options=(), **rest):
        directory = tmp_path / f"ipmid{len(made)}"
        words = ["--handler", "file", f"path={directory / 'events'}", "format=json", *settings]
        ipmid = Ipmid(bmc, directory, words, build=FakeBuild(bmc.path), options=options, **rest)
        made.append(ipmid)
        return ipmid.start() if start else ipmid
    yield make_one
    for ipmid in made:
        ipmid.stop()


def told(ipmid):
    """A letter for each event in the output: A asserted, d deasserted."""
    return "".join("A" if event["assert"] else "d" for event in ipmid.json_events())


def held_back(ipmid, why="quiet time"):
    """How often, since it started; None while it does not say."""
    found = re.search(rf"held back in {why}: (\d+)", ipmid.status())
    return found and int(found[1])


def wait_held_back(ipmid, count):
    wait_for(lambda: held_back(ipmid) == count, 20,
             lambda: f"{count} events to be held back; it says {ipmid.status()}", poll=0.05)


def wait_told(ipmid, letters, what):
    """Wait until it was told, and the answer is on disk."""
    wait_for(lambda: told(ipmid) == letters and "queue: 0" in ipmid.status(), 20,
             lambda: f"{what}: {letters}, it was told {told(ipmid)}", poll=0.05)


# Filters.

# Temperature above upper critical, and back; a fan below lower non-critical; ECC.
MIXTURE = [(TEMPERATURE, 1, THRESHOLD, 9, True), (TEMPERATURE, 1, THRESHOLD, 9, False),
           (FAN, 2, THRESHOLD, 0, True), (MEMORY, 3, SPECIFIC, 0, True), (MEMORY, 4, SPECIFIC, 1, True)]


@pytest.mark.parametrize("settings, expected", [
    ([], [0, 1, 2, 3, 4]),
    (["kinds=threshold"], [0, 1, 2]),
    (["kinds=!threshold"], [3, 4]),
    (["severity=warning", "recovery=no"], [0, 2, 3, 4]),
    (["severity=critical", "recovery=no"], [0, 4]),
    (["severity=critical"], [0, 1, 4]),              # the end of what was told
    (["sensors=sensor 1;*3"], [0, 1, 3]),
    (["sensors=!sensor 1"], [2, 3, 4]),
    (["sensor-types=fan;Mem*"], [2, 3, 4]),
    (["sensor-types=!0x0c"], [0, 1, 2]),
    (["direction=assert"], [0, 2, 3, 4]),
    (["direction=deassert"], [1]),
    (["bmcs=te?t"], [0, 1, 2, 3, 4]),
    (["bmcs=!test;*"], []),
    (["labels=site=*"], []),
    (["labels=!site=north"], [0, 1, 2, 3, 4]),
    (["kinds=threshold", "sensor-types=Temperature", "direction=assert"], [0]),
])
def test_filter(make, bmc, settings, expected):
    ipmid = make(*settings)
    bmc.add_events(*MIXTURE)
    wanted = [bmc.written[index].hex() for index in expected]
    wait_for(lambda: f"records read: {len(MIXTURE)}" in ipmid.status()
             and len(ipmid.json_events()) >= len(wanted), 10,
             lambda: f"{len(wanted)} events; log:\n{ipmid.log()[-2000:]}", poll=0.05)
    assert ipmid.terminate() == 0
    assert [event["raw"] for event in ipmid.json_events()] == wanted


@pytest.mark.parametrize("setting, says", [
    ("kinds=treshold", "kinds: 'treshold' is no kind of event: did you mean 'threshold'"),
    ("severity=severe", "severity: 'severe' is not known: one of ok, info, warning, critical"),
    ("bmcs=node[1-5]", "bmcs: .* range"),
    ("labels=north", "labels: .*KEY=VALUE"),
    ("sensor-types=Temprature", "did you mean 'Temperature'"),
    ("quiet=10", "quiet: '10' is no duration"),
    ("quite=10m", "did you mean \"quiet\""),
])
def test_mistakes(make, setting, says):
    status, said = make(setting, start=False).run()
    assert status == EX_CONFIG and re.search(says, said), said


# Quiet time.

@pytest.mark.deadline(90)
def test_flapping(make, bmc):
    """A thousand events: one notification, one recovery, and all of them counted."""
    ipmid = make(*QUIET)
    for _ in range(10):
        bmc.add_events(*[BEGINS, ENDS] * 50)
    wait_held_back(ipmid, 499)
    assert ipmid.terminate() == 0
    assert told(ipmid) == "Ad"


def test_restart_within_the_quiet_time(make, bmc):
    ipmid = make(*QUIET)
    bmc.add_events(BEGINS)
    wait_told(ipmid, "A", "the notification")
    ipmid.restart()
    bmc.add_events(BEGINS, BEGINS)
    wait_held_back(ipmid, 2)
    assert told(ipmid) == "A"
    assert ipmid.terminate() == 0
    bmc.add_events(ENDS)
    ipmid.start()
    wait_told(ipmid, "Ad", "the recovery")
    bmc.add_events(BEGINS, ENDS)
    wait_held_back(ipmid, 1)
    assert told(ipmid) == "Ad"


@pytest.mark.parametrize("crash", [False, True])
def test_still_so_when_the_time_ends(make, bmc, crash):
    """What came back within the quiet time, and stayed, is told when that ends."""
    ipmid = make("severity=warning", "quiet=4s")
    began = time.monotonic()
    bmc.add_events(BEGINS, ENDS, BEGINS)
    wait_told(ipmid, "Ad", "notification and recovery")
    wait_held_back(ipmid, 1)
    if crash:
        ipmid.restart()
    wait_told(ipmid, "AdA", "the notification that was held back")
    assert time.monotonic() - began >= 4
    assert [event["raw"] for event in ipmid.json_events()] == [raw.hex() for raw in bmc.written]


@needs_crash_points
@pytest.mark.deadline(120)
@pytest.mark.parametrize("point", ["journal-before-commit", "journal-after-commit",
                                   "handler-before-call", "handler-after-call"])
def test_killed_at(make, bmc, point):
    """Nothing is lost, nothing comes again but what was in flight, and the quiet time holds."""
    ipmid = make(*QUIET, start=False, options=["--existing"])
    crashes = 0
    # Where the handler is called, that is for the two that it is told.
    counts = "12345" if point.startswith("journal") else "11"
    for count in counts:
        ipmid.environment = {"IPMID_CRASH_POINT": f"{point}:{count}"}
        ipmid.start(wait=False)
        bmc.add_events(*[BEGINS, BEGINS, ENDS, BEGINS, ENDS] if crashes else [BEGINS])
        assert processes.wait_exit(ipmid.process, 15, f"ipmid to reach {point}") == -signal.SIGKILL
        crashes += 1
    ipmid.environment = {}
    ipmid.start()
    bmc.add_events(BEGINS, ENDS)
    wait_for(lambda: f"records read: {len(bmc.written)}" in ipmid.status() or held_back(ipmid), 20,
             lambda: f"the end of the story; it says {ipmid.status()}", poll=0.05)
    assert ipmid.terminate() == 0
    events = ipmid.json_events()
    assert list({event["id"]: event["assert"] for event in events}.values()) == [True, False], told(ipmid)
    assert len(events) <= 2 + 2 * crashes, "both may have been in flight"


# Deletion.

def test_what_is_held_back_is_not_deleted(make, bmc):
    """The only required handler was not given it: the record stays."""
    ipmid = make(*QUIET, options=["-e"])
    bmc.add_events(BEGINS, ENDS, BEGINS, BEGINS)
    wait_held_back(ipmid, 2)
    wait_for(lambda: bmc.standing() == bmc.written[2:], 10, lambda: f"two deletes: {bmc.standing()}")
    ipmid.restart()
    assert ipmid.terminate() == 0
    assert bmc.standing() == bmc.written[2:]
