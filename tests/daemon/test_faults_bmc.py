# SPDX-License-Identifier: LGPL-2.1-or-later
"""What BMCs do to their watchers: they freeze, die, forget, refuse, and are used by others."""

import os
import subprocess
import time

import pytest

import ipmi
import records
import scripted_bmc as evil
import sdr
from bmc import CAN_RESERVE
from daemon import Build
from faults import burst, check, json_kind, json_records, numbered, wait_sel_empty
from ledger import Ledger
from waiting import stays, wait_for

JSON = ["--format", "json", "--existing"]
DOWN = r"level=warning .*down: no answer"
UP = r"level=notice .*up: connected"


def wait_json(ipmid, ledger, deadline=20.0):
    wait_for(lambda: ledger.all_delivered(json_records(ipmid)), deadline,
             lambda: f"all events: {ledger.compare(json_records(ipmid))};"
                     f" log:\n{ipmid.log()[-2000:]}")


def wait_gap(ipmid, count=1, deadline=20.0):
    wait_for(lambda: len(json_kind(ipmid, "gap")) >= count, deadline,
             lambda: f"{count} gap events; log:\n{ipmid.log()[-2000:]}")
    return json_kind(ipmid, "gap")


# ------------------------------------------------------------------- lost, found

@pytest.mark.deadline(90)
def test_bmc_frozen(bmc, make_ipmid):
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    bmc.freeze()
    ipmid.wait_log(DOWN, deadline=40)
    bmc.thaw()
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger, 60)
    check(ledger, ipmid.payloads())


def test_bmc_frozen_for_a_moment(bmc, make_ipmid):
    """Shorter than the time after which it counts as lost."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    bmc.freeze()
    stays(lambda: True, 1.5, "the BMC's silence")
    bmc.thaw()
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    assert "down" not in ipmid.log()


@pytest.mark.deadline(90)
@pytest.mark.parametrize("empty", [False, True], ids=["sel kept", "sel emptied"])
def test_bmc_killed_and_restarted(bmc, make_ipmid, empty):
    """Emptied, ids begin again at 1: what comes under them is new."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=JSON)
    burst(ledger, 5)
    wait_json(ipmid, ledger)
    bmc.restart(empty_sel=empty)
    burst(ledger, 5)
    wait_json(ipmid, ledger, 60)
    check(ledger, json_records(ipmid))
    ids = [event["id"] for event in ipmid.json_events() if event["kind"] == "threshold"]
    assert len(set(ids)) == 10
    if empty:
        wait_gap(ipmid)  # told when the walk ends, after its records
    stays(lambda: len(json_kind(ipmid, "gap")) == empty, 0.5, "the number of gaps")


@pytest.mark.deadline(90)
def test_bmc_off_at_start(make_bmc, make_ipmid):
    """Not a mistake: it waits for the BMC, and says so."""
    bmc = make_bmc()
    ledger = Ledger(bmc)
    bmc.kill()
    ipmid = make_ipmid(bmc, wait=False, options=["--existing"])
    ipmid.wait_log(DOWN, deadline=40)
    assert "connection: down" in ipmid.status()
    bmc.start()
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger, 60)
    ipmid.wait_log(UP)
    check(ledger, ipmid.payloads())


@pytest.mark.deadline(90)
def test_wrong_password(scripted_bmc, make_ipmid):
    """Said in words and tried again slowly: BMCs lock accounts."""
    server = scripted_bmc.server
    ledger = Ledger(scripted_bmc)
    scripted_bmc.password = "Tr0ub4dor&3"
    right = {scripted_bmc.user.encode(): (scripted_bmc.password.encode(), scripted_bmc.privilege)}
    ipmid = make_ipmid(scripted_bmc, wait=False, options=["--existing", "-d"])
    ipmid.wait_log(r"refused: wrong user name or password", deadline=20)
    assert scripted_bmc.password not in ipmid.log() + ipmid.status()
    first = len(server.failed_logins)
    stays(lambda: len(server.failed_logins) <= first + 1, 5, "the number of attempts")
    server.accounts = right
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger, 60)


def test_loss_duplication_and_disorder_on_the_way(bmc, make_proxy, make_ipmid):
    proxy = make_proxy(bmc)
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, connection=bmc.connection(port=proxy.port), options=["-e"])
    proxy.drop, proxy.duplicate, proxy.reorder = 0.05, 0.1, 0.1
    burst(ledger, 30)
    ipmid.wait_for_ledger(ledger, 50)
    proxy.calm()
    check(ledger, ipmid.payloads())
    wait_sel_empty(bmc, 30)


# ------------------------------------------------------------------- the clock

def test_events_in_the_second_after_a_poll(scripted_bmc, make_ipmid):
    """A clock that stands still: only the records themselves tell that there are new ones."""
    scripted_bmc.sel_model.clock.freeze()
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc, options=["-e"])
    for _ in range(5):
        burst(ledger, 1)
        ipmid.wait_for_ledger(ledger, 5)
        scripted_bmc.wait_for_request(ipmi.GET_SEL_ENTRY)
    check(ledger, ipmid.payloads())
    wait_sel_empty(scripted_bmc)


def test_clock_that_jumps(scripted_bmc, make_ipmid):
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc)
    for jump in (86400, -2 * 86400, 10 * 365 * 86400):
        scripted_bmc.sel_model.clock.jump(jump)
        burst(ledger, 3)
        ipmid.wait_for_ledger(ledger)
    scripted_bmc.sel_model.clock.set(0)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


def test_a_claim_that_nothing_was_added(scripted_bmc, make_ipmid):
    """A BMC whose Get SEL Info never changes."""
    scripted_bmc.sel_model.claimed = {"entries": 0, "added": 0, "erased": 0}
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


# ----------------------------------------------------------- cleared by others

@pytest.mark.parametrize("kind", ["make_bmc", "make_scripted_bmc"])
def test_cleared_after_it_was_read(request, make_ipmid, kind):
    bmc = request.getfixturevalue(kind)()
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=JSON)
    burst(ledger, 5)
    wait_json(ipmid, ledger)
    bmc.clear()
    wait_gap(ipmid)
    burst(ledger, 5)
    wait_json(ipmid, ledger)
    check(ledger, json_records(ipmid))


@pytest.mark.parametrize("kind", ["make_bmc", "make_scripted_bmc"])
def test_cleared_before_it_was_read(request, make_ipmid, kind):
    """What was lost cannot be delivered; that it was lost can be said."""
    bmc = request.getfixturevalue(kind)()
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=JSON)
    burst(ledger, 5)
    wait_json(ipmid, ledger)
    ipmid.terminate()
    bmc.add_many(numbered(bmc, 5, 1000))
    bmc.clear()
    burst(ledger, 5)
    ipmid.start()
    wait_json(ipmid, ledger)
    gaps = wait_gap(ipmid)
    assert "clear" in gaps[0]["text"] and gaps[0]["id"].startswith("test/-/")
    check(ledger, json_records(ipmid))


def test_one_record_deleted_by_somebody(bmc, make_ipmid):
    """Also the last, on which the cursor stands."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    ids = burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    for victim in (ids[2], ids[4]):
        bmc.delete(victim)
        burst(ledger, 2)
        ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


def test_record_ids_used_again(scripted_bmc, make_ipmid):
    """Under the same id, other bytes: first in the middle, then after the highest id."""
    model = scripted_bmc.sel_model
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc, options=JSON)
    model.next_id = 0xFFFD
    burst(ledger, 5)
    wait_json(ipmid, ledger)
    scripted_bmc.delete(2)
    model.next_id = 2
    burst(ledger, 1)
    wait_json(ipmid, ledger)
    check(ledger, json_records(ipmid))
    ids = [event["id"] for event in ipmid.json_events() if event["kind"] == "threshold"]
    assert len(set(ids)) == len(ids)


def test_clear_and_the_same_again(scripted_bmc, make_ipmid):
    """A clear, then records with the same bytes but a later time under the same ids."""
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc, options=JSON)
    burst(ledger, 3)
    wait_json(ipmid, ledger)
    scripted_bmc.sel_model.clock.jump(10)
    scripted_bmc.clear()
    scripted_bmc.add_many(numbered(scripted_bmc, 3))
    wait_for(lambda: len(json_records(ipmid)) >= 6, 10, "the new ones, though they look the same")
    check(ledger, json_records(ipmid), 3)
    ids = [event["id"] for event in ipmid.json_events() if event["kind"] == "threshold"]
    assert len(set(ids)) == 6


@pytest.mark.parametrize("kind", ["make_bmc", "make_scripted_bmc"])
def test_overflow(request, make_ipmid, kind):
    """A full SEL drops records: ipmid says that there is a gap, once, and goes on."""
    bmc = request.getfixturevalue(kind)(
        **({"sel_size": 8} if kind == "make_bmc" else {"sel_capacity": 8}))
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=JSON)
    burst(ledger, 8)
    try:
        bmc.add(records.unknown_sensor())
    except ipmi.CompletionError as error:
        assert error.code == ipmi.OUT_OF_SPACE
    wait_json(ipmid, ledger)
    (gap,) = wait_gap(ipmid)
    assert "overflow" in gap["text"] and gap["lost"] >= 1
    bmc.clear()
    burst(ledger, 3)
    wait_json(ipmid, ledger)
    check(ledger, json_records(ipmid))


# -------------------------------------------------------------------- deleting

@pytest.mark.parametrize("code", [0xC5, 0x81, 0xC0, 0xC3])
def test_delete_refused_for_now(scripted_bmc, make_ipmid, code):
    scripted_bmc.script(ipmi.DELETE_SEL_ENTRY, evil.first(2, evil.refuse(code)))
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc, options=["-e"])
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    wait_sel_empty(scripted_bmc, 30)
    check(ledger, ipmid.payloads())


@pytest.mark.parametrize("code", [0xC1, 0xD4])
def test_delete_refused_for_good(scripted_bmc, make_ipmid, code):
    """Events go on, the SEL keeps its records, and it is said."""
    scripted_bmc.script(ipmi.DELETE_SEL_ENTRY, evil.refuse(code))
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc, options=["-e"])
    burst(ledger, 3)
    ipmid.wait_log(r"refuse", deadline=20)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    assert len(scripted_bmc.sel()) == 6


@pytest.mark.parametrize("allowed", [False, True])
def test_bmc_that_can_only_clear(make_scripted_bmc, make_ipmid, allowed):
    bmc = make_scripted_bmc()
    bmc.sel_model.flags = CAN_RESERVE
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=["-e", *(["--allow-clear"] if allowed else [])])
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    if allowed:
        wait_sel_empty(bmc, 20)
    else:
        stays(lambda: len(bmc.sel()) == 5, 1, "the SEL")
        assert not [one for one in bmc.log(ipmi.CLEAR_SEL) if one.data[-1] == 0xAA]
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


def test_clear_is_not_done_over_an_unread_record(make_scripted_bmc, make_ipmid):
    """A record that comes just before the Clear cancels the reservation, and survives."""
    bmc = make_scripted_bmc()
    bmc.sel_model.flags = CAN_RESERVE
    ledger = Ledger(bmc)
    bmc.script(ipmi.CLEAR_SEL, evil.first(3, evil.before(lambda: burst(ledger, 1))))
    ipmid = make_ipmid(bmc, options=["-e", "--allow-clear"])
    burst(ledger, 3)
    wait_sel_empty(bmc, 30)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


def test_reservation_always_lost(scripted_bmc, make_ipmid):
    """Another administrator's tool reserves before every delete of ours; then it ends."""
    def reserve():
        scripted_bmc.sel_model.answer(0x42, b"")
    scripted_bmc.script(ipmi.DELETE_SEL_ENTRY, evil.first(4, evil.before(reserve)))
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc, options=["-e"])
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger)
    wait_sel_empty(scripted_bmc, 40)
    check(ledger, ipmid.payloads())


def test_delete_done_but_not_answered(scripted_bmc, make_ipmid):
    scripted_bmc.script(ipmi.DELETE_SEL_ENTRY, evil.first(2, evil.unanswered))
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc, options=["-e"])
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    wait_sel_empty(scripted_bmc, 40)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


def test_record_changed_before_its_delete(scripted_bmc, make_ipmid):
    """It is another record now: delivered, and not deleted in the other's place."""
    ledger = Ledger(scripted_bmc)
    stranger = numbered(scripted_bmc, 1, 5000)[0]

    def replace():
        if scripted_bmc.record(1) and scripted_bmc.record(1)[14:16] != stranger[14:16]:
            scripted_bmc.sel_model.replace(1, stranger)
            ledger.injected[records.payload(stranger)] = 1
    ipmid = make_ipmid(scripted_bmc, options=["-e"])
    scripted_bmc.script(ipmi.RESERVE_SEL, evil.first(1, evil.before(replace)))
    burst(ledger, 3)
    wait_for(lambda: records.payload(stranger) in ledger.injected, 30, "the record to be replaced")
    ipmid.wait_for_ledger(ledger, 30)
    found = ledger.compare(ipmid.payloads())
    assert not found.missing and not found.foreign and not found.doubled, str(found)
    wait_sel_empty(scripted_bmc, 30)


def test_nothing_is_deleted_before_it_is_handled(bmc, make_ipmid, make_recorder):
    recorder = make_recorder("arguments")
    recorder.exit_with(1)
    ledger = Ledger(bmc)
    make_ipmid(bmc, ["-e", "--attempts", "0", *recorder.command])
    burst(ledger, 3)
    wait_for(lambda: len(recorder.events()) >= 2, 10, "a second attempt")
    assert len(bmc.sel()) == 3
    recorder.exit_with(0)
    wait_sel_empty(bmc, 20)
    assert not ledger.compare([event.payload for event in recorder.events()]).missing


def test_dry_run_deletes_nothing(bmc, make_ipmid):
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=["-e", "--dry-run"])
    burst(ledger, 3)
    ipmid.wait_log("would", times=3)
    assert len(bmc.sel()) == 3
    check(ledger, ipmid.payloads())


# -------------------------------------------------------------- what lies, loops

@pytest.mark.parametrize("hook", [evil.cut(1), evil.cut(3), evil.cut(10), evil.padded(1),
                                  evil.padded(20), evil.refuse(0xFF), evil.silent],
                         ids=["1 byte", "3 bytes", "10 bytes", "1 too many", "20 too many",
                              "refused", "silent"])
def test_get_sel_entry_answered_wrong(scripted_bmc, make_ipmid, hook):
    """For a while; then everything comes."""
    ledger = Ledger(scripted_bmc)
    ipmid = make_ipmid(scripted_bmc)
    scripted_bmc.script(ipmi.GET_SEL_ENTRY, evil.first(5, hook))
    burst(ledger, 5)
    ipmid.wait_for_ledger(ledger, 50)
    check(ledger, ipmid.payloads())


def test_next_ids_run_in_a_circle(scripted_bmc, make_ipmid):
    """Neither more events than records nor an endless stream of requests."""
    ledger = Ledger(scripted_bmc)
    ids = burst(ledger, 5)
    scripted_bmc.sel_model.links = {ids[4]: ids[0]}
    ipmid = make_ipmid(scripted_bmc, options=["--existing"])
    ipmid.wait_for_ledger(ledger)
    begin = time.monotonic()
    stays(lambda: len(ipmid.events()) == 5, 1, "the number of events")
    assert scripted_bmc.count(ipmi.GET_SEL_ENTRY, since=begin) < 200
    scripted_bmc.sel_model.links = {}
    burst(ledger, 2)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())


@pytest.mark.parametrize("mode", ["text", "json"])
def test_hostile_names(make_bmc, make_ipmid, mode):
    """Each event is one record, whatever its sensor is called."""
    bmc = make_bmc(sdr.HOSTILE)
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=["--format", "json"] if mode == "json" else [])
    ledger.add(*(records.numbered(sensor, number) if sensor.analog else records.discrete(sensor, 1)
                 for number, sensor in enumerate(sdr.HOSTILE)))
    if mode == "json":
        wait_json(ipmid, ledger)
        assert ipmid.data().count(b"\n") == len(ledger)
        check(ledger, json_records(ipmid))
    else:
        ipmid.wait_for_ledger(ledger)
        check(ledger, ipmid.payloads())
        assert ipmid.data().count(b"\nendevent\n") == len(ledger)
        for event in ipmid.events():
            assert len(event.keys) == len(set(event.keys)), event
    for byte in range(32):
        assert byte == 10 or bytes([byte]) not in ipmid.data()
    ipmid.data().decode("utf-8")


@pytest.mark.parametrize("mode", ["arguments", "stdin", "keep"])
def test_hostile_names_and_programs(make_bmc, make_ipmid, make_recorder, mode, tmp_path):
    bmc = make_bmc(sdr.HOSTILE)
    ledger = Ledger(bmc)
    recorder = make_recorder({"keep": "persistent"}.get(mode, mode))
    options = {"arguments": [], "stdin": ["-i"], "keep": ["-k"]}[mode]
    make_ipmid(bmc, [*options, *recorder.command])
    ledger.add(*(records.numbered(sensor, number) if sensor.analog else records.discrete(sensor, 1)
                 for number, sensor in enumerate(sdr.HOSTILE)))
    wait_for(lambda: ledger.all_delivered([event.payload for event in recorder.events()]), 15,
             "all events")
    check(ledger, [event.payload for event in recorder.events()])
    assert len(recorder.events()) == len(ledger)
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.deadline(90)
@pytest.mark.parametrize("away", ["ipmid", "bmc"])
def test_overflow_while_nobody_looks(make_scripted_bmc, make_ipmid, away):
    """Said once, when they meet again; and once more when it happens once more."""
    bmc = make_scripted_bmc(sel_capacity=8)
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=JSON)
    wait_for(lambda: bmc.count(ipmi.GET_SEL_ENTRY) > 2, 10, "first contact")
    for times in (1, 2):
        if away == "ipmid":
            ipmid.terminate()
        else:
            bmc.stop()
        bmc.clear()
        burst(ledger, 8)
        bmc.add(records.unknown_sensor())
        if away == "ipmid":
            ipmid.start()
        else:
            bmc.start()
        wait_json(ipmid, ledger, 60)
        wait_overflows(ipmid, times)
        bmc.clear()
        bmc.sel_model.overflowed = False
        wait_for(lambda: "has overflowed" not in ipmid.status() or away == "ipmid", 10,
                 "the clear to be seen")
        if away == "ipmid":
            ipmid.restart()
            wait_for(lambda: "has overflowed" not in ipmid.status(), 10, "the clear to be seen")
    ipmid.restart()
    stays(lambda: len(overflows(ipmid)) == 2, 0.5, "the number of gaps")
    check(ledger, json_records(ipmid))


def wait_overflows(ipmid, count):
    wait_for(lambda: len(overflows(ipmid)) >= count, 10,
             lambda: f"{count} gaps; log:\n{ipmid.log()[-2000:]}")


def overflows(ipmid):
    return [event for event in json_kind(ipmid, "gap") if "overflow" in event["text"]]


# ------------------------------------------------------------------- the network

SENDTO_FAILS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t
sendto (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length)
{
  ssize_t (*real) (int, const void *, size_t, int, const struct sockaddr *, socklen_t)
      = (ssize_t (*) (int, const void *, size_t, int, const struct sockaddr *, socklen_t)) dlsym (RTLD_NEXT, "sendto");

  if (access (SWITCH, F_OK) != 0)
    return real (fd, data, size, flags, to, length);
  errno = ENETUNREACH;
  return -1;
}
"""


@pytest.fixture
def unreachable(tmp_path):
    """A collector whose sendto(2) fails while a file exists: (program, file)."""
    switch, library, program = (tmp_path / name for name in ("no-network", "sendto.so", "collector"))
    source = tmp_path / "sendto.c"
    source.write_text(SENDTO_FAILS, encoding="ascii")
    subprocess.run(["gcc", "-shared", "-fPIC", f'-DSWITCH="{switch}"', "-o", library, source, "-ldl"], check=True)
    program.write_text("#!/bin/sh\n"
                       f"ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD={library} exec {Build().collector} --no-sandbox\n",
                       encoding="ascii")
    program.chmod(0o755)
    return program, switch


def test_network_unreachable_for_a_while(bmc, make_ipmid, unreachable):
    """Messages cannot be sent at all while the session is up: it is given up, and comes back."""
    program, switch = unreachable
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, options=["--collector", os.fspath(program)])
    burst(ledger, 2)
    ipmid.wait_for_ledger(ledger)
    switch.touch()
    ipmid.wait_log("down: the network takes no messages")
    burst(ledger, 2)
    switch.unlink()
    ipmid.wait_for_ledger(ledger, deadline=40)
    check(ledger, ipmid.payloads())
