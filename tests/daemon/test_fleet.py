# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fleet in several collectors: crashes, quarantine, connection events, reload.

The BMCs are played by fake-collector, so that what has to go wrong does, at
once and as often as a test needs.
"""

import signal
import time
from collections import Counter

import pytest

import processes
from fake_fleet import Fleet
from waiting import TIMESCALE, stays, wait_for


@pytest.fixture
def make_fleet(request, tmp_path):
    """Make and start a Fleet."""
    made = []

    def make(count, *, start=True, **options):
        directory = tmp_path / f"fleet{len(made)}"
        directory.mkdir()
        made.append(Fleet(directory, count, **options))
        return made[-1].start() if start else made[-1]
    request.addfinalizer(lambda: [fleet.stop() for fleet in made])
    return make


def add_to_all(fleet, count):
    for bmc in fleet.bmcs:
        bmc.add(count)


def write_and_reload(fleet, **rest):
    fleet.write()
    fleet.reload(**rest)


# ---------------------------------------------------------------- collectors


def test_shares(make_fleet):
    fleet = make_fleet(7, per=3)
    assert sorted(fleet.shares().values()) == [1, 3, 3]
    add_to_all(fleet, 50)
    fleet.wait_delivered()
    fleet.check_exact()


@pytest.mark.parametrize("word", ["crash", "vanish"])
def test_crash_costs_the_others_nothing(make_fleet, word):
    """The other share's collector goes on, and its events come while the first is away."""
    fleet = make_fleet(4, per=2)
    before = fleet.shares()
    add_to_all(fleet, 20)
    fleet.bmcs[0].order(word)
    wait_for(lambda: fleet.bmcs[0].obeyed, 10, "the crash")
    add_to_all(fleet, 20)
    fleet.wait_delivered()
    fleet.wait_up()
    assert len(set(before) & set(fleet.shares())) == 1      # the other collector is the same
    fleet.check_exact()


def test_every_collector_crashes(make_fleet):
    fleet = make_fleet(6, per=2)
    for _ in range(3):
        for pid in fleet.shares():
            processes.signal_quietly(pid, signal.SIGKILL)
        add_to_all(fleet, 30)
        fleet.wait_delivered()
    fleet.check_exact()


# ---------------------------------------------------------------- quarantine


def quarantines(fleet):
    return [event for event in fleet.events(kind="health") if "quarantine" in event["text"]]


def test_guilty_is_isolated(make_fleet):
    """Suspected twice: alone; the others are up and lose nothing, whatever it goes on doing."""
    fleet = make_fleet(4, per=4)
    fleet.bmcs[1].order("poison")
    wait_for(lambda: quarantines(fleet), 30, lambda: f"quarantine:\n{fleet.ipmid.log()[-3000:]}")
    event = quarantines(fleet)[0]
    assert event["bmc"] == "b1" and event["severity"] == "warning" and "signal 9" in event["text"]
    wait_for(lambda: "bmcs: 3 up 1 quarantined" in fleet.ipmid.status(), 20, fleet.ipmid.status)
    share = [pid for pid, bmcs in fleet.shares().items() if bmcs == 3]
    for bmc in fleet.bmcs:
        bmc.add(100)
    wait_for(lambda: all(len(fleet.raw(name)) == 100 for name in ("b0", "b2", "b3")), 20, "the others' events")
    assert [pid for pid, bmcs in fleet.shares().items() if bmcs == 3] == share
    assert len(quarantines(fleet)) == 1
    # It is still watched, and once it behaves, nothing of it is lost.
    fleet.bmcs[1].order(None)
    fleet.wait_delivered(deadline=60)
    fleet.check_exact()


@pytest.mark.parametrize("word, text", [("spin", "was spinning"), ("stall", "was hanging")])
def test_stuck_is_isolated(make_fleet, word, text):
    """It does not crash its collector, it stops it: noticed at once, and once is enough."""
    fleet = make_fleet(3, per=3)
    fleet.bmcs[2].order(word)
    wait_for(lambda: fleet.bmcs[2].obeyed, 30, f"it to {word}")
    began = time.monotonic()
    add_to_all(fleet, 5)
    fleet.wait_delivered()
    # A ping would take 10 s.  How long this takes on a quiet machine is in bench/README.md.
    assert time.monotonic() - began < 5 * TIMESCALE
    wait_for(lambda: quarantines(fleet), 30, "quarantine")
    assert text in quarantines(fleet)[0]["text"]
    assert quarantines(fleet)[0]["bmc"] == "b2"
    wait_for(lambda: "bmcs: 2 up 1 quarantined" in fleet.ipmid.status(), 20, fleet.ipmid.status)
    fleet.check_exact()


def test_hanging_is_started_again(make_fleet):
    """Without a word about whom it is working for: only the ping finds that."""
    fleet = make_fleet(3, per=3)
    fleet.bmcs[1].order("hang")
    wait_for(lambda: fleet.bmcs[1].obeyed, 30, "it to hang")
    add_to_all(fleet, 5)
    fleet.wait_delivered(deadline=60)
    assert "did not answer any more" in fleet.ipmid.log() and not quarantines(fleet)
    fleet.check_exact()


def test_stopped_is_not_stuck(make_fleet):
    """A collector that gets no processor time for a moment, outside of any service, has done nothing."""
    fleet = make_fleet(2, per=2)
    pids = set(fleet.shares())
    for pid in pids:
        processes.signal_quietly(pid, signal.SIGSTOP)
    add_to_all(fleet, 5)
    stays(lambda: set(fleet.shares()) == pids, 3, "the collector to be left alone")
    for pid in pids:
        processes.signal_quietly(pid, signal.SIGCONT)
    fleet.wait_delivered()
    assert set(fleet.shares()) == pids
    fleet.check_exact()


@pytest.mark.deadline(90)
def test_session_that_is_never_closed(make_fleet):
    """REMOVE has a deadline: the rest of the share gets another collector, and the BMC goes."""
    fleet = make_fleet(3, per=3)
    fleet.bmcs[1].order("keep")
    del fleet.groups["b1"]
    write_and_reload(fleet)
    fleet.ipmid.wait_log("did not close a session", deadline=60)
    fleet.wait_up()
    wait_for(lambda: list(fleet.shares().values()) == [2], 20, lambda: str(fleet.shares()))
    fleet.bmcs.pop(1)
    add_to_all(fleet, 5)
    fleet.wait_delivered()
    assert not quarantines(fleet)
    fleet.check_exact()


def test_let_out_on_trial_and_relapse(make_fleet):
    fleet = make_fleet(3, per=3, quarantine="2s")
    fleet.bmcs[0].order("crash")
    wait_for(lambda: fleet.bmcs[0].obeyed, 10, "the first crash")
    fleet.wait_up()
    fleet.bmcs[0].order("crash")
    wait_for(lambda: len(quarantines(fleet)) == 2, 30, lambda: f"in and out:\n{fleet.ipmid.log()[-3000:]}")
    assert [event["severity"] for event in quarantines(fleet)] == ["warning", "ok"]
    wait_for(lambda: list(fleet.shares().values()) == [3], 20, lambda: f"one share again: {fleet.shares()}")
    fleet.wait_up()
    fleet.bmcs[0].order("crash")       # on trial, one is enough, and it lasts twice as long
    wait_for(lambda: len(quarantines(fleet)) >= 3, 20, "the relapse")
    assert "4s" in quarantines(fleet)[2]["text"]
    add_to_all(fleet, 10)
    fleet.wait_delivered()
    fleet.check_exact()


def test_without_a_suspect_the_share_is_halved(make_fleet):
    """Nobody knows which one it is; halves find it, and the others come to rest."""
    fleet = make_fleet(8, per=8)
    fleet.bmcs[5].order("venom")
    wait_for(lambda: quarantines(fleet), 50, lambda: f"quarantine:\n{fleet.ipmid.log()[-3000:]}")
    assert quarantines(fleet)[0]["bmc"] == "b5"
    wait_for(lambda: "bmcs: 7 up 1 quarantined" in fleet.ipmid.status(), 30, fleet.ipmid.status)
    add_to_all(fleet, 20)
    fleet.bmcs[5].order(None)
    fleet.wait_delivered(deadline=60)
    fleet.check_exact()


# --------------------------------------------------------------- connections


def connections(fleet):
    return [(event["bmc"], event["severity"]) for event in fleet.events(kind="connection")]


def test_connection_events(make_fleet):
    """Away for the settle time: one warning; back for as long: one ok."""
    fleet = make_fleet(2, settle="500ms")
    fleet.bmcs[1].order("down")
    wait_for(lambda: connections(fleet) == [("b1", "warning")], 20, "the warning")
    assert "told so" in fleet.events(kind="connection")[0]["text"]
    fleet.bmcs[1].order(None)
    wait_for(lambda: connections(fleet) == [("b1", "warning"), ("b1", "ok")], 20, "the ok")


def test_away_is_told_once_across_restarts(make_fleet):
    fleet = make_fleet(2, settle="300ms")
    fleet.bmcs[0].order("down")
    wait_for(lambda: connections(fleet) == [("b0", "warning")], 20, "the warning")
    fleet.ipmid.wait_settled()
    fleet.ipmid.kill_all()
    fleet.bmcs[0].order(None)
    fleet.start()
    wait_for(lambda: connections(fleet) == [("b0", "warning"), ("b0", "ok")], 20, "the end of it")


def test_flapping_is_no_storm(make_fleet):
    fleet = make_fleet(1, settle="3s")
    end = time.monotonic() + 6
    while time.monotonic() < end:
        for word in ("down", None):
            fleet.bmcs[0].order(word)
            time.sleep(0.2)
    fleet.bmcs[0].add(1)
    fleet.wait_delivered()
    assert not connections(fleet)
    assert fleet.ipmid.log().count("down: told so") > 5        # it did flap


# -------------------------------------------------------------------- health


def health(fleet):
    return [(event["severity"], event["assert"]) for event in fleet.events(kind="health")]


def test_sel_fill_once_per_rise(make_fleet):
    fleet = make_fleet(1, extra="sel-fill-limit = 80")
    bmc = fleet.bmcs[0]
    bmc.add(90)
    fleet.wait_delivered()
    for room in (159, 158, 300, 157):         # 90 records: 90 %, 90 %, 82 %, 90 %
        bmc.say(".free", str(room))
        wait_for(lambda room=room: f"{room} bytes free" in fleet.ipmid.status(), 10, "SEL info")
    wait_for(lambda: health(fleet) == [("warning", True)], 10, lambda: str(health(fleet)))
    bmc.say(".free", "900")                   # 61 %
    wait_for(lambda: health(fleet) == [("warning", True), ("ok", False)], 10, lambda: str(health(fleet)))
    fleet.ipmid.wait_settled()
    fleet.ipmid.kill_all()
    fleet.start()
    bmc.say(".free", "160")
    wait_for(lambda: len(health(fleet)) == 3, 10, "the second rise")


def test_clock_drift_once_per_rise(make_fleet):
    fleet = make_fleet(1, extra="clock-drift-limit = 10s")
    bmc = fleet.bmcs[0]
    for drift in (9, -11, -12, 8, 11):
        bmc.say(".clock", str(drift * 1000000))
        time.sleep(0.2)
    wait_for(lambda: health(fleet) == [("warning", True)], 10, lambda: str(health(fleet)))
    assert "behind" in fleet.events(kind="health")[0]["text"]
    bmc.say(".clock", "1000000")
    wait_for(lambda: health(fleet) == [("warning", True), ("ok", False)], 10, lambda: str(health(fleet)))


# ------------------------------------------------------------------ identity


def test_swapped_board(make_fleet):
    """Another GUID: a health event, a new epoch, and its records are existing ones."""
    fleet = make_fleet(1)
    bmc = fleet.bmcs[0]
    for guid in ("00" * 16, "ff" * 16, "11" * 16):      # the first two are nobody's
        bmc.say(".guid", guid)
        bmc.order("down")
        wait_for(lambda: "1 down" in fleet.ipmid.status(), 10, "it to be down")
        bmc.order(None)
        fleet.wait_up()
    bmc.add(3)
    fleet.wait_delivered()
    assert not health(fleet)
    bmc.order("down")
    wait_for(lambda: "1 down" in fleet.ipmid.status(), 10, "it to be down")
    bmc.say(".guid", "22" * 16)
    bmc.replace()
    bmc.add(3)
    bmc.order(None)
    wait_for(lambda: len(fleet.raw("b0")) == 6, 20, lambda: fleet.ipmid.log()[-2000:])
    assert [event["severity"] for event in fleet.events(kind="health")] == ["warning"]
    assert "11" * 16 in fleet.events(kind="health")[0]["text"]
    records = [event for event in fleet.events() if "raw" in event]
    epochs = [event["id"].split("/")[1] for event in records]
    assert len(set(epochs[:3])) == 1 and len(set(epochs[3:])) == 1 and epochs[0] != epochs[3]
    assert [event.get("existing", False) for event in records] == [False] * 3 + [True] * 3
    assert not fleet.events(kind="gap")
    bmc.add(1)
    wait_for(lambda: len(fleet.raw("b0")) == 7, 10, "a new one")
    assert not [event for event in fleet.events() if "raw" in event][-1].get("existing", False)


def test_new_guid_with_the_same_sel(make_fleet):
    """New firmware, say: told, but no record comes again, and what was written meanwhile is new."""
    fleet = make_fleet(1)
    bmc = fleet.bmcs[0]
    bmc.say(".guid", "11" * 16)
    fleet.ipmid.restart(wait=False)
    fleet.wait_up()
    bmc.add(3)
    fleet.wait_delivered()
    for number, guid in enumerate(("22" * 16, "33" * 16), start=1):
        bmc.order("down")
        wait_for(lambda: "1 down" in fleet.ipmid.status(), 10, "it to be down")
        bmc.add(2)
        bmc.say(".guid", guid)
        bmc.order(None)
        wait_for(lambda number=number: len(health(fleet)) == number, 20, lambda: fleet.ipmid.log()[-2000:])
        assert "its SEL is the same" in fleet.events(kind="health")[-1]["text"]
        fleet.wait_delivered()
    records = [event for event in fleet.events() if "raw" in event]
    assert len({event["id"].split("/")[1] for event in records}) == 1
    assert not any(event.get("existing") for event in records)
    assert not fleet.events(kind="gap")
    fleet.check_exact()


def test_rename_keeps_history(make_fleet):
    """The records of the old name do not come again under the new one."""
    fleet = make_fleet(2)
    add_to_all(fleet, 5)
    fleet.wait_delivered()
    old = fleet.bmcs[0]
    new = fleet.new_bmc("n0", fleet.addresses["b0"])
    new.path.write_bytes(old.path.read_bytes())
    new.next_id = old.next_id
    del fleet.groups["b0"]
    fleet.groups["n0"] = "was = b0"
    write_and_reload(fleet)
    fleet.wait_up()
    # The session stays, and so its fake goes on with the file of the old name.
    old.add(2)
    wait_for(lambda: len(fleet.raw("n0")) == 2, 10, lambda: fleet.ipmid.log()[-2000:])
    assert fleet.events(bmc="n0")[0]["id"].split("/")[1:] == [fleet.events(bmc="b0")[0]["id"].split("/")[1], "6"]
    new.path.write_bytes(old.path.read_bytes())
    for _ in range(2):                        # and again with every restart
        fleet.ipmid.restart(wait=False)
        fleet.wait_up()
    new.next_id = old.next_id
    new.add(1)
    wait_for(lambda: len(fleet.raw("n0")) == 3, 10, "the next")
    assert len(fleet.raw("b0")) == 5


def test_rename_needs_the_old_name_to_be_free(make_fleet):
    fleet = make_fleet(2)
    fleet.new_bmc("n0")
    fleet.groups["n0"] = "was = b0"
    fleet.write()
    fleet.reload("stays as it was")
    fleet.wait_up(2)


# -------------------------------------------------------------------- reload


def test_reload_touches_only_what_changed(make_fleet):
    fleet = make_fleet(4, per=2)
    shares = fleet.shares()
    fleet.groups["b1"] = "labels = rack=r1"
    fleet.groups["b2"] = "sel-interval = 5s"
    fleet.new_bmc("b4")
    del fleet.groups["b0"]
    write_and_reload(fleet)
    fleet.wait_up()
    assert set(shares) <= set(fleet.shares())
    assert fleet.ipmid.log().count("bmc=b3") == fleet.ipmid.log().count("bmc=b1")    # no word about either
    assert "b0" not in fleet.ipmid.status()
    fleet.bmcs.pop(0)
    add_to_all(fleet, 10)
    fleet.wait_delivered()
    fleet.check_exact()


def test_removed_bmc_comes_back(make_fleet):
    """What it wrote meanwhile is read, and nothing again."""
    fleet = make_fleet(2)
    add_to_all(fleet, 3)
    fleet.wait_delivered()
    del fleet.groups["b0"]
    write_and_reload(fleet)
    fleet.wait_up()
    add_to_all(fleet, 3)
    fleet.groups["b0"] = ""
    write_and_reload(fleet)
    fleet.wait_delivered()
    fleet.check_exact()


def test_empty_collectors_end(make_fleet):
    fleet = make_fleet(4, per=1)
    assert len(fleet.shares()) == 4
    for name in ("b0", "b1", "b2"):
        del fleet.groups[name]
    write_and_reload(fleet)
    wait_for(lambda: len(fleet.shares()) == 1, 10, lambda: str(fleet.shares()))
    wait_for(lambda: len(fleet.processes()) == 1, 10, "the processes to end")


@pytest.mark.deadline(120)
def test_reload_in_a_burst(make_fleet, tmp_path):
    """Row 46: handlers and BMCs come, go and change while events pour in; nothing is lost or repeated."""
    fleet = make_fleet(5, per=2)
    second = tmp_path / "second"
    for round_number in range(6):
        add_to_all(fleet, 200)
        fleet.handlers["log"] = ("{output}", f"batch = {16 + round_number}")      # changed each time
        if round_number % 2 == 0:
            fleet.groups["b4"] = f"sel-interval = {round_number + 1}s"
        if round_number == 2:
            fleet.handlers["second"] = (str(second), "")
        write_and_reload(fleet)
    fleet.wait_delivered(deadline=60)
    fleet.check_exact()
    add_to_all(fleet, 50)
    fleet.wait_delivered()
    wait_for(lambda: all(set(fleet.bmcs[i].written[-50:]) <= set(fleet.raw(f"b{i}", second)) for i in range(5)), 20,
             "the second handler")
    for bmc in fleet.bmcs:
        delivered = fleet.raw(bmc.name, second)
        assert delivered == bmc.written[-len(delivered):]


def test_removed_handler_leaves_dead_letters(make_fleet, tmp_path):
    """What it cannot deliver is kept, and said."""
    fleet = make_fleet(1)
    nowhere = tmp_path / "gone"
    fleet.handlers["broken"] = ("/dev/full", "")
    write_and_reload(fleet)
    add_to_all(fleet, 5)
    fleet.wait_delivered()
    fleet.ipmid.wait_log("not handled, will be tried again")
    del fleet.handlers["broken"]
    write_and_reload(fleet)
    fleet.ipmid.wait_log("5 events that it was still owed are dead letters now", deadline=20)
    assert fleet.ipmid.dead_letters().count("handler:  broken") == 5
    assert not nowhere.exists()
    add_to_all(fleet, 5)
    fleet.wait_delivered()
    assert fleet.ipmid.dead_letters().count("handler:  broken") == 5
    assert "handler: broken" not in fleet.ipmid.status()


@pytest.mark.parametrize("changed", [True, False])
def test_bad_reload_changes_nothing(make_fleet, tmp_path, changed):
    """A handler that does not open, new or changed: everything stays as it was."""
    fleet = make_fleet(2)
    good = dict(fleet.handlers)
    add_to_all(fleet, 5)
    fleet.wait_delivered()
    bad = str(tmp_path / "no" / "such" / "directory" / "file")
    fleet.handlers["log" if changed else "more"] = (bad, "")
    fleet.new_bmc("b2")
    write_and_reload(fleet, outcome="stays as it was")
    assert "b2" not in fleet.ipmid.status()
    fleet.bmcs.pop()
    add_to_all(fleet, 5)
    fleet.wait_delivered()
    fleet.check_exact()
    fleet.handlers = good
    fleet.new_bmc("b2")
    write_and_reload(fleet)
    add_to_all(fleet, 5)
    fleet.wait_delivered()
    fleet.check_exact()


def test_reloads_in_a_row(make_fleet):
    """They wait for each other; the last one counts."""
    fleet = make_fleet(1)
    for number in range(10):
        fleet.handlers["log"] = ("{output}", f"batch = {number + 1}")
        fleet.write()
        fleet.ipmid.signal_core(signal.SIGHUP)
        add_to_all(fleet, 20)
    write_and_reload(fleet)
    fleet.wait_delivered()
    fleet.check_exact()


def test_stop_in_a_reload(make_fleet):
    fleet = make_fleet(3)
    add_to_all(fleet, 500)
    fleet.handlers["log"] = ("{output}", "batch = 3")
    fleet.write()
    fleet.ipmid.signal_core(signal.SIGHUP)
    assert fleet.ipmid.terminate() == 0
    fleet.start()
    fleet.wait_delivered()


# --------------------------------------------------------------------- status


def test_sigusr1(make_fleet):
    """A line for every collector, BMC and handler."""
    fleet = make_fleet(3, per=2)
    assert fleet.collector_of("b0") in ("1", "2")
    # The handlers come last: the journal is asked for their queues.
    wait_for(lambda: fleet.ipmid.log().count("state: working"), 10, "the lines of the handlers")
    log = fleet.ipmid.log()
    for bmc in fleet.bmcs:
        assert sum("state: up" in line for line in fleet.state_lines(bmc.name)) == 1
    assert log.count("state: collector") == 2
    assert sum("state: working" in line and "handler=log" in line for line in log.splitlines()) == 1


# ------------------------------------------------------------------- fairness


@pytest.mark.deadline(240)
def test_flood_is_fair(make_fleet):
    """Row 45: a hundred BMCs flood at once; when half has come, each has got at least half of the mean."""
    count, each = 100, 400
    fleet = make_fleet(count, per=25)     # all are up: who comes up late has less, and that is no fault
    add_to_all(fleet, each)
    half = count * each // 2
    wait_for(lambda: fleet.ipmid.data().count(b"\n") >= half, 120, "half of all", poll=0.05)
    got = Counter(event["bmc"] for event in fleet.events() if "raw" in event)
    mean = sum(got.values()) / count
    assert mean < each * 0.95, "too late to tell"
    poorest = min(got[bmc.name] for bmc in fleet.bmcs)
    assert poorest >= mean / 2, f"the poorest got {poorest}, the mean is {mean}: {got}"
    fleet.wait_delivered(deadline=120)
    fleet.check_exact()
