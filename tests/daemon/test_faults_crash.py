# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 of ipmid's processes, at random and at the named points, and its ends in good order."""

import functools
import os
import random
import shutil
import signal
import time

import pytest

import processes
from faults import (IN_FLIGHT, Injector, burst, check, deleted_early, json_kind, json_records,
                    wait_delivered, wait_sel_empty)
from ledger import Ledger
from waiting import stays, wait_for

ALL = ["--existing"]
ALL_AND_DELETE = ["--existing", "-e"]

CRASH_POINTS = ["journal-before-commit", "journal-after-commit", "handler-before-call",
                "handler-after-call", "delete-before", "delete-after", "first-contact"]


def crash(ipmid, ledger):
    """Keep it busy until it dies at its crash point."""
    def dead():
        return ipmid.process.poll() is not None or not burst(ledger, 1)
    wait_for(dead, 20, lambda: f"ipmid to crash; log:\n{ipmid.log()[-2000:]}", poll=0.02)
    assert ipmid.process.returncode == -signal.SIGKILL, ipmid.log()


@pytest.mark.parametrize("victim", ["core", "collector", "both"])
def test_kill_at_random(bmc, make_ipmid, victim):
    """Under a stream of events; the moment is chosen by what was delivered."""
    # A collector that dies again and again is started later and later.
    rounds, count = 4 if victim == "collector" else 10, 600
    chance = random.Random(victim)
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=ALL_AND_DELETE)
    injector = Injector(ledger, count)
    for number in range(rounds):
        step = count // (rounds + 1)
        wait_delivered(ipmid, step * number + chance.randrange(step))
        if victim == "collector":
            before = ipmid.collectors()
            ipmid.kill_collector()
            ipmid.wait_for_collector(besides=before)
        else:
            (ipmid.kill_core if victim == "core" else ipmid.kill_all)()
            assert not deleted_early(ledger, ipmid.payloads)
            ipmid.start(wait=False)
    injector.join()
    ipmid.wait_for_ledger(ledger, 40)
    check(ledger, ipmid.payloads(), 0 if victim == "collector" else rounds * IN_FLIGHT)
    wait_sel_empty(bmc, 30)
    assert ipmid.terminate() == 0


@pytest.mark.parametrize("nth", [1, 4])
@pytest.mark.parametrize("point", CRASH_POINTS)
def test_crash_at(bmc, make_ipmid, point, nth):
    """At the named point, then once more in the recovery, then in peace."""
    if point == "first-contact":
        nth = 1
    ledger = Ledger(bmc)
    burst(ledger, 10)
    ipmid = make_ipmid(bmc, options=ALL_AND_DELETE, start=False,
                       environment={"IPMID_CRASH_POINT": f"{point}:{nth}"})
    crashes = 1 if point == "first-contact" else 2      # there is but one first contact
    for _ in range(crashes):
        ipmid.start(wait=False)
        crash(ipmid, ledger)
        assert not deleted_early(ledger, ipmid.payloads)
    ipmid.environment = {}
    ipmid.start()
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads(), crashes * IN_FLIGHT)
    wait_sel_empty(bmc)
    assert ipmid.terminate() == 0


def test_a_collector_does_not_outlive_its_core(bmc, make_ipmid):
    ipmid = make_ipmid(bmc)
    collectors = ipmid.collectors()
    ipmid.kill_core()
    wait_for(lambda: not any(processes.alive(pid) for pid in collectors), 10,
             "the collectors to end")


def test_collector_stopped_and_continued(bmc, make_ipmid):
    """What the SEL got while it stood still comes afterwards."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=ALL)
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    (collector,) = ipmid.collectors()
    os.kill(collector, signal.SIGSTOP)
    wait_for(lambda: processes.state(collector) == "T", 5, "the collector to stop")
    burst(ledger, 5)
    os.kill(collector, signal.SIGCONT)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


def test_state_directory_lost(bmc, make_ipmid):
    """Then everything in the SEL is new, and no id is used a second time."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=["--existing", "--format", "json"])
    burst(ledger, 10)
    wait_for(lambda: ledger.all_delivered(json_records(ipmid)), 10, "the events")
    before = {event["id"] for event in ipmid.json_events()}
    second = int(time.time())
    wait_for(lambda: int(time.time()) > second, 5, "the clock, from which epochs are made")
    ipmid.kill_all()
    shutil.rmtree(ipmid.state_dir)
    burst(ledger, 5)
    ipmid.start()
    wait_for(lambda: len(json_records(ipmid)) >= 25, 10, "all events once more")
    check(ledger, json_records(ipmid), 10)
    after = [event["id"] for event in ipmid.json_events()[10:]]
    assert len(set(after)) == 15 and not before & set(after)
    assert all(event["existing"] for event in ipmid.json_events()[10:])


def test_state_directory_lost_without_existing(bmc, make_ipmid):
    """What stood there at the new first contact is not news."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=["-e"])
    ipmid.terminate()
    burst(ledger, 5)
    shutil.rmtree(ipmid.state_dir)
    ipmid.start()
    wait_for(lambda: "records read: 5" in ipmid.status(), 10, lambda: ipmid.status())
    later = Ledger(bmc)
    burst(later, 6)             # the sixth is the first that the other ledger does not have
    ipmid.wait_for_events(6)
    assert len(ipmid.events()) == 6
    wait_for(lambda: len(bmc.sel()) == 5, 10, "the new ones to be deleted")
    assert len(ledger.still_in_sel()) == 5, "records that nobody was handed are not deleted"


@pytest.mark.parametrize("mode", ["file", "arguments", "stdin", "keep"])
def test_terminate_in_a_burst(bmc, make_ipmid, make_recorder, mode):
    """SIGTERM ends it within 10 s; what it had not delivered comes after the next start."""
    ledger = Ledger(bmc)
    words = None
    options = {"arguments": [], "stdin": ["-i"], "keep": ["-k"]}
    recorder = None
    if mode != "file":
        recorder = make_recorder({"keep": "persistent"}.get(mode, mode))
        words = [*options[mode], *recorder.command]
    ipmid = make_ipmid(bmc, words, options=ALL)

    def delivered():
        return [event.payload for event in (recorder or ipmid).events()]

    injector = Injector(ledger, 400)
    wait_for(lambda: len(delivered()) >= 20, 10, "the first events", poll=0.001)
    assert ipmid.terminate(10) == 0
    cut_off = len(delivered())
    injector.join()
    ipmid.start()
    wait_for(lambda: ledger.all_delivered(delivered()), 30,
             lambda: f"all events: {ledger.compare(delivered())}")
    check(ledger, delivered(), IN_FLIGHT if mode == "keep" else 0)
    assert cut_off >= 20


def test_events_while_ipmid_is_down(bmc, make_ipmid):
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    ipmid.terminate()
    for _ in range(2):
        burst(ledger, 50)
        ipmid.start()
        ipmid.wait_for_ledger(ledger)
        ipmid.terminate()
    check(ledger, ipmid.payloads())


def test_events_while_ipmid_is_down_and_the_bmc_too(bmc, make_ipmid):
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    ipmid.terminate()
    burst(ledger, 20)
    bmc.restart()
    burst(ledger, 20)
    ipmid.start()
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_sessions_are_closed(scripted_bmc, make_ipmid, signal_number):
    ipmid = make_ipmid(scripted_bmc)
    assert len(scripted_bmc.sessions) == 1
    ipmid.signal_core(signal_number)
    assert processes.wait_exit(ipmid.process, 10, "ipmid") == 0
    assert scripted_bmc.sessions == []


def test_sessions_are_closed_when_the_core_dies(scripted_bmc, make_ipmid):
    """The collector is told by the end of its socket, and ends in good order."""
    ipmid = make_ipmid(scripted_bmc)
    ipmid.kill_core()
    wait_for(lambda: scripted_bmc.sessions == [], 10, "the session to be closed")


def test_sessions_are_closed_when_the_program_ends(scripted_bmc, make_ipmid, make_recorder):
    """With -k the end of the program is ipmid's, as it is eventd's."""
    recorder = make_recorder("persistent")
    ipmid = make_ipmid(scripted_bmc, ["-k", *recorder.command])
    (program,) = processes.children_named(ipmid.pid, "cat")
    os.kill(program, signal.SIGKILL)
    assert processes.wait_exit(ipmid.process, 10, "ipmid") == 1, ipmid.log()
    assert scripted_bmc.sessions == []


def test_gap_and_health_do_not_disturb_the_text(bmc, make_ipmid):
    """eventd's text has no words for ipmid's own kinds; JSON has."""
    text = make_ipmid(bmc, domain="one")
    lines = make_ipmid(bmc, domain="two", options=["--format", "json"])
    ledger = Ledger(bmc)
    burst(ledger, 3)
    text.wait_for_ledger(ledger)
    wait_for(lambda: ledger.all_delivered(json_records(lines)), 10, "the events in JSON")
    bmc.clear()
    wait_for(functools.partial(json_kind, lines, "gap"), 10, "the gap in JSON")
    burst(ledger, 3)
    text.wait_for_ledger(ledger)
    check(ledger, text.payloads())


@pytest.mark.deadline(90)
def test_a_collector_that_hangs_is_replaced(bmc, make_ipmid):
    """It does not answer any more: another one takes over, and nothing is lost."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    (hung,) = ipmid.collectors()
    os.kill(hung, signal.SIGSTOP)
    burst(ledger, 5)
    ipmid.wait_for_collector(besides=[hung], deadline=60)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    assert "did not answer any more" in ipmid.log()


def test_an_idle_collector_stays(bmc, make_ipmid):
    """OpenIPMI's own housekeeping, ten seconds apart, does not disturb it."""
    ipmid = make_ipmid(bmc)
    (collector,) = ipmid.collectors()
    stays(lambda: ipmid.collectors() == [collector], 21, "the collector's process", poll=0.5)
