# SPDX-License-Identifier: LGPL-2.1-or-later
"""The core against every fault, at full speed: with fake-collector for a BMC.

The fake BMC's SEL is a file, so thousands of records a second can be written
and every one be held against the lines of the output.  What needs IPMI is
tested elsewhere.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter

import pytest

import disks
import processes
from daemon import Build, Ipmid
from fake_bmc import FakeBmc, FakeBuild
from waiting import TIMESCALE, wait_for

EX_IOERR, EX_TEMPFAIL, EX_CANTCREAT = 74, 75, 73
FLOOD = "00" * 16                        # what fake-collector sends too much of
CRASH_POINTS = ("journal-before-commit", "journal-after-commit", "handler-before-call",
                "handler-after-call", "first-contact", "delete-before", "delete-after")


@pytest.fixture
def bmc(tmp_path):
    return FakeBmc(tmp_path / "bmc")


@pytest.fixture
def make(request, tmp_path, bmc):
    """Make an Ipmid on the fake BMC, and start it."""
    made = []

    def make_one(words=None, *, start=True, wait=True, options=(), **rest):
        ipmid = Ipmid(bmc, tmp_path / f"ipmid{len(made)}", words, build=FakeBuild(bmc.path),
                      options=["--format", "json", *options], **rest)
        made.append(ipmid)
        if start:
            ipmid.start(wait)
        return ipmid
    yield make_one
    for ipmid in made:
        ipmid.stop()


def delivered(ipmid):
    """(raw, id) of the delivered records, in order."""
    return [(bytes.fromhex(event["raw"]), event["id"])
            for event in ipmid.json_events() if event.get("raw", FLOOD) != FLOOD]


def missing(ipmid, bmc):
    return len(set(bmc.written) - {raw for raw, _ in delivered(ipmid)})


def wait_delivered(ipmid, bmc, deadline=20):
    wait_for(lambda: not missing(ipmid, bmc), deadline,
             lambda: f"{missing(ipmid, bmc)} of {len(bmc.written)} records; "
                     f"log:\n{ipmid.log()[-3000:]}", poll=0.05)


def check(ipmid, bmc, crashes=0, window=512):
    """Nothing lost, in order, few repeats, and each record under one id."""
    got = delivered(ipmid)
    times = Counter(raw for raw, _ in got)
    assert set(times) == set(bmc.written)
    first = list(dict.fromkeys(raw for raw, _ in got))
    assert first == bmc.written
    assert sum(times.values()) - len(times) <= crashes * window
    assert len(set(got)) == len(times), "a record came under two ids"


def crash_points_are_built():
    return b"journal-before-commit" in Build().core.read_bytes()


needs_crash_points = pytest.mark.skipif(
    "not __import__('test_core').crash_points_are_built()",
    reason="needs configure --enable-crash-points")


# The ordinary case.

def test_everything_arrives_in_order(make, bmc):
    ipmid = make()
    for _ in range(20):
        bmc.add(100)
    wait_delivered(ipmid, bmc)
    check(ipmid, bmc)
    assert ipmid.terminate() == 0


def test_existing_records_only_if_asked_for(make, bmc):
    bmc.add(30)
    ipmid = make(options=["--existing"])
    bmc.add(5)
    wait_delivered(ipmid, bmc)
    check(ipmid, bmc)
    assert sum(event.get("existing", False) for event in ipmid.json_events()) == 30


def test_records_while_down(make, bmc):
    ipmid = make()
    bmc.add(10)
    wait_delivered(ipmid, bmc)
    assert ipmid.terminate() == 0
    bmc.add(50)
    ipmid.start()
    wait_delivered(ipmid, bmc)
    check(ipmid, bmc)


@pytest.mark.deadline(120)
def test_throughput(make, bmc):
    ipmid = make()
    began = time.monotonic()
    bmc.add(20000)
    wait_for(lambda: ipmid.data().count(b"\n") >= 20000, 60, "20000 records")
    rate = 20000 / (time.monotonic() - began)
    print(f"{rate:.0f} records a second")
    check(ipmid, bmc)
    assert rate * TIMESCALE > 2000


# Death of the core.

@pytest.mark.deadline(180)
def test_killed_at_random(make, bmc):
    dice = random.Random(int(os.environ.get("IPMID_TEST_SEED", "1")))
    kills = int(os.environ.get("IPMID_TEST_KILLS", "50"))
    ipmid = make()
    for _ in range(kills):
        for _ in range(dice.randrange(1, 8)):
            bmc.add(dice.randrange(1, 120))
            time.sleep(dice.random() * 0.01)
        ipmid.kill_core()
        bmc.add(dice.randrange(0, 20))
        ipmid.start(wait=dice.random() < 0.7)
    wait_delivered(ipmid, bmc, 60)
    check(ipmid, bmc, crashes=kills)


@pytest.mark.deadline(180)
def test_killed_at_random_while_deleting(make, bmc):
    dice = random.Random(2)
    ipmid = make(options=["-e"])
    for _ in range(25):
        bmc.add(dice.randrange(1, 100))
        time.sleep(dice.random() * 0.1)
        ipmid.kill_core()
        handled = {raw for raw, _ in delivered(ipmid)}
        assert set(bmc.written) - set(bmc.standing()) <= handled, "deleted before it was handled"
        ipmid.start(wait=dice.random() < 0.7)
    wait_delivered(ipmid, bmc, 60)
    wait_for(lambda: not bmc.standing(), 30,
             lambda: f"an empty SEL; {len(bmc.standing())} stand; log:\n{ipmid.log()[-3000:]}")
    check(ipmid, bmc, crashes=25)


@needs_crash_points
@pytest.mark.deadline(120)
@pytest.mark.parametrize("point", CRASH_POINTS)
def test_killed_at(make, bmc, point):
    first_contact = point == "first-contact"
    crashes = 0
    ipmid = make(start=False, options=["-e", "--existing"])
    bmc.add(20)
    for count in ("1", "2", "3") if not first_contact else ("1",):
        ipmid.environment = {"IPMID_CRASH_POINT": f"{point}:{count}"}
        ipmid.start(wait=False)
        bmc.add(20)
        assert processes.wait_exit(ipmid.process, 15, f"ipmid to reach {point}") == -signal.SIGKILL
        crashes += 1
        handled = {raw for raw, _ in delivered(ipmid)}
        assert set(bmc.written) - set(bmc.standing()) <= handled, "deleted before it was handled"
    ipmid.environment = {}
    ipmid.start()
    bmc.add(20)
    wait_delivered(ipmid, bmc)
    wait_for(lambda: not bmc.standing(), 20, lambda: f"an empty SEL; log:\n{ipmid.log()[-3000:]}")
    check(ipmid, bmc, crashes=crashes)


# Orderly ends.

@pytest.mark.parametrize("state", [True, False])
def test_sigterm_in_a_burst(make, bmc, state):
    ipmid = make(state=state, wait=state)    # without state there is no --status
    ipmid.wait_log(r"\bmsg=up\b")
    bmc.add(5000)
    wait_for(ipmid.data, 10, "the first events")
    began = time.monotonic()
    assert ipmid.terminate() == 0
    assert time.monotonic() - began < 10 * TIMESCALE
    if state:
        ipmid.start()
        wait_delivered(ipmid, bmc)
        check(ipmid, bmc)                # an orderly end repeats nothing


def test_no_state_drains(make, bmc):
    """What was read is only in memory: it is delivered before the end."""
    ipmid = make(state=False, wait=False)
    ipmid.wait_log(r"\bmsg=up\b")
    bmc.add(2000)
    wait_for(lambda: ipmid.data().count(b"\n") > 100, 10, "the first events")
    assert ipmid.terminate() == 0
    raws = [raw for raw, _ in delivered(ipmid)]
    assert raws == bmc.written[:len(raws)]


def test_second_instance_is_refused(make, bmc, tmp_path):
    ipmid = make()
    other = make(start=False, options=["--state-dir", os.fspath(ipmid.state_dir)])
    other.state = []
    status, said = other.run()
    assert status not in (0, None) and "in use by another ipmid" in said
    bmc.add(3)
    wait_delivered(ipmid, bmc)


def test_deaf_collector_does_not_stop_the_end(make, bmc):
    ipmid = make()
    bmc.order("deaf")
    time.sleep(0.1)
    began = time.monotonic()
    assert ipmid.terminate() == 0
    assert time.monotonic() - began < 10 * TIMESCALE


# The collector.

@pytest.mark.parametrize("word", ["crash", "garbage", "flood", "foreign", "renew"])
def test_collector_that_breaks_down(make, bmc, word):
    ipmid = make()
    for _ in range(2):
        bmc.add(500)
        bmc.order(word)
        wait_for(lambda: bmc.obeyed, 10, "the order to be obeyed")
        bmc.add(100)
        wait_delivered(ipmid, bmc)
    check(ipmid, bmc)
    wait_for(lambda: len(processes.children_named(ipmid.pid, "fake-collector")) == 1, 5,
             "one collector, no more")
    assert ipmid.terminate() == 0
    assert ipmid.log().count("the collector is being started again") <= 2
    assert ("a wish for another collector" in ipmid.log()) == (word == "renew")


@pytest.mark.deadline(120)
def test_collector_killed_at_random(make, bmc):
    dice = random.Random(3)
    ipmid = make()
    for _ in range(8):
        bmc.add(dice.randrange(1, 1500))
        time.sleep(dice.random() * 0.05)
        for pid in processes.children_named(ipmid.pid, "fake-collector"):
            processes.signal_quietly(pid, signal.SIGKILL)
    wait_delivered(ipmid, bmc, 60)
    check(ipmid, bmc)
    assert ipmid.running


def test_connection_lost_and_found(make, bmc):
    ipmid = make()
    for _ in range(3):
        bmc.add(300)
        bmc.order("down")
        bmc.add(50)
        wait_for(lambda: "told so" in ipmid.status(), 5, "the connection to be lost")
        bmc.order(None)
        wait_delivered(ipmid, bmc)
    check(ipmid, bmc)


def test_refused_deletes_stay(make, bmc):
    bmc.order("refuse")
    ipmid = make(options=["-e"])
    bmc.add(10)
    wait_delivered(ipmid, bmc)
    time.sleep(0.3)
    assert bmc.standing() == bmc.written
    check(ipmid, bmc)


@pytest.mark.deadline(90)
def test_unavailable_deletes_come_later(make, bmc):
    bmc.order("unavailable")
    ipmid = make(options=["-e"])
    bmc.add(10)
    wait_delivered(ipmid, bmc)
    assert bmc.standing() == bmc.written
    bmc.order(None)
    wait_for(lambda: not bmc.standing(), 60, lambda: f"the deletes; log:\n{ipmid.log()[-2000:]}")


def test_cleared_by_someone_else(make, bmc):
    ipmid = make()
    bmc.add(100)
    wait_delivered(ipmid, bmc)
    bmc.clear()
    bmc.next_id = 1                      # and the ids again
    bmc.add(60)
    wait_delivered(ipmid, bmc)
    check(ipmid, bmc)
    wait_for(lambda: [e for e in ipmid.json_events() if e["kind"] == "gap"], 5, "a gap event")


# Resources.

def test_output_full(make, bmc):
    ipmid = make(["-f", "/dev/full"], options=["-e"])
    bmc.add(20)
    ipmid.wait_log("not handled, will be tried again|No space left")
    assert len(bmc.standing()) == 20
    assert ipmid.terminate() == 0
    assert len(bmc.standing()) == 20


def test_few_descriptors(make, bmc):
    ipmid = make(wrapper=["prlimit", "--nofile=64", "--"])
    bmc.add(500)
    wait_delivered(ipmid, bmc)
    for _ in range(3):
        bmc.order("crash")
        wait_for(lambda: bmc.obeyed, 10, "the order to be obeyed")
    bmc.add(10)
    wait_delivered(ipmid, bmc)
    check(ipmid, bmc)
    assert len(os.listdir(f"/proc/{ipmid.pid}/fd")) < 40


@pytest.fixture
def small_disk(tmp_path):
    """A state directory on a tmpfs of 2 MiB."""
    disk = disks.SmallDisk(tmp_path / "small", "2m")
    yield disk.path
    disk.unmount()


@pytest.mark.deadline(90)
@pytest.mark.parametrize("restart", [False, True])
def test_state_disk_full(make, bmc, small_disk, restart):
    ipmid = make(start=False)
    ipmid.state = ["--state-dir", os.fspath(small_disk / "state")]
    ipmid.state_dir = small_disk / "state"
    ipmid.start()
    bmc.add(50)
    wait_delivered(ipmid, bmc)
    filler = small_disk / "filler"

    def fill():
        with open(filler, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
    fill()
    written = 0
    while "no room for the journal" not in ipmid.log():
        bmc.add(200)
        written += 200
        time.sleep(0.05)
        assert written < 40000
        fill()
    bmc.add(300)
    assert "full" in ipmid.status()
    if restart:
        ipmid.kill_core()
        ipmid.start(wait=False)
        time.sleep(0.5)
        if not ipmid.running:            # a full disk may be said at start-up, in words
            assert "full" in ipmid.log()
    filler.unlink()
    if not ipmid.running:
        ipmid.start()
    wait_delivered(ipmid, bmc, 60)
    check(ipmid, bmc, crashes=int(restart))
    assert ipmid.terminate() == 0


@pytest.mark.deadline(60)
def test_sigterm_while_the_state_disk_is_full(make, bmc, small_disk):
    ipmid = make(start=False)
    ipmid.state = ["--state-dir", os.fspath(small_disk / "state")]
    ipmid.state_dir = small_disk / "state"
    ipmid.start()
    with open(small_disk / "filler", "ab", buffering=0) as file:
        for _ in range(200):
            bmc.add(100)
            try:
                file.write(bytes(16384))
            except OSError:
                pass
            if "no room for the journal" in ipmid.log():
                break
            time.sleep(0.02)
    ipmid.wait_log("no room for the journal")
    began = time.monotonic()
    ipmid.signal_core(signal.SIGTERM)
    processes.wait_exit(ipmid.process, 14, "ipmid")
    assert time.monotonic() - began < 12 * TIMESCALE
    (small_disk / "filler").unlink()
    ipmid.start()
    wait_delivered(ipmid, bmc)
    check(ipmid, bmc, crashes=1)


# The state directory.

def test_state_lost(make, bmc):
    ipmid = make(options=["--existing"])
    bmc.add(40)
    wait_delivered(ipmid, bmc)
    ids = {event_id for _, event_id in delivered(ipmid)}
    assert ipmid.terminate() == 0
    for file in ipmid.state_dir.iterdir():
        file.unlink()
    time.sleep(1.1)                      # an epoch is a second
    bmc.add(10)
    ipmid.start()
    wait_for(lambda: len(delivered(ipmid)) == 40 + 50, 10, "everything that stands, again")
    again = {event_id for _, event_id in delivered(ipmid)[40:]}
    assert len(again) == 50 and not ids & again


@pytest.mark.deadline(180)
def test_journal_damaged(make, bmc):
    """Flipped bytes: a clear word or a good start, never a crash or a hang."""
    dice = random.Random(4)
    # A log without a good frame is an empty journal to SQLite: a first contact.
    ipmid = make(start=False, options=["--existing"])
    outcomes = Counter()
    for number in range(int(os.environ.get("IPMID_TEST_FLIPS", "25"))):
        if ipmid.state_dir.exists():
            for file in ipmid.state_dir.iterdir():
                file.unlink()
        ipmid.start()
        bmc.add(20)
        wait_delivered(ipmid, bmc)
        ipmid.kill_core()
        files = [file for file in ipmid.state_dir.iterdir() if file.name.startswith("journal.db")]
        victim = dice.choice(sorted(file for file in files if file.stat().st_size))
        data = bytearray(victim.read_bytes())
        for _ in range(dice.choice((1, 5, 100))):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        if number % 5 == 0:
            del data[dice.randrange(len(data)):]
        victim.write_bytes(data)
        ipmid.start(wait=False)
        bmc.add(5)
        began = time.monotonic()
        while time.monotonic() - began < 5 * TIMESCALE and ipmid.running and missing(ipmid, bmc):
            time.sleep(0.05)
        if ipmid.running:
            outcomes["runs" if not missing(ipmid, bmc) else "stuck"] += 1
            ipmid.kill_core()
        else:
            status = ipmid.process.returncode
            outcomes[status] += 1
            assert status in (70, 73, 74, 78), ipmid.log()[-2000:]
        bmc.written = [raw for raw, _ in delivered(ipmid)]
        bmc.written = list(dict.fromkeys(bmc.written))
        bmc.clear()
    print(dict(outcomes))
    assert not outcomes["stuck"]
