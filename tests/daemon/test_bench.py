# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test bench, tested: a broken bench would pass any daemon."""

import functools
import itertools
import os
import re
import subprocess
import sys
import time

import pytest

import eventd_text
import ipmi
import processes
import records
import rmcpplus
import scripted_bmc as evil
import sdr
from bmc import CAN_RESERVE
from daemon import Build, Ipmid
from eventd import MODES
from ledger import Ledger
from scripted_sel import OVERFLOW
from waiting import DeadlineError, scaled, stays, wait_for


def ipmitool(bmc, *words, deadline=20, **options):
    """What an independent client reads from the BMC."""
    return subprocess.run(bmc.ipmitool(*words, **options), capture_output=True,
                          timeout=scaled(deadline), check=False)


def raw(bmc, command, *data):
    """The completion code and data of one command, through ipmitool."""
    done = ipmitool(bmc, "raw", *(f"{byte:#04x}" for byte in (*command, *data)))
    failed = re.search(rb"rsp=0x([0-9a-f]+)", done.stderr)
    if failed:
        return bytes([int(failed[1], 16)])
    assert done.returncode == 0, done.stderr
    return bytes([ipmi.OK]) + bytes.fromhex(done.stdout.decode().replace("\n", " "))


def word(number):
    """The two bytes of a 16-bit number, as command data."""
    return number & 0xFF, number >> 8


def numbered(bmc, count, start=0):
    return [records.numbered(bmc.sensor("CPU1 Temp"), number)
            for number in range(start, start + count)]


def sel_has(bmc, count):
    return len(bmc.sel()) == count


def payloads(entries):
    return [records.payload(record) for record in entries]


# ---------------------------------------------------------------- simulated BMC

@pytest.mark.parametrize("privilege", [ipmi.USER, ipmi.OPERATOR, ipmi.ADMIN])
def test_simulated_bmc_speaks_suite_3_at_every_privilege(make_bmc, privilege):
    done = ipmitool(make_bmc(privilege=privilege), "mc", "info")
    assert done.returncode == 0, done.stderr
    assert b"IPMI Version              : 2.0" in done.stdout


def test_simulated_bmc_refuses_a_wrong_password(bmc):
    bmc.password = "wrong"
    assert ipmitool(bmc, "mc", "info").returncode != 0


def test_simulated_bmc_is_quickly_up(make_bmc):
    begin = time.monotonic()
    make_bmc()
    assert time.monotonic() - begin < scaled(1)


def test_records_come_back_as_they_were_added(bmc):
    added = records.every_kind(bmc.population)
    ids = bmc.add_many(added)
    assert ids == list(range(1, len(added) + 1))
    assert payloads(bmc.sel()) == payloads(added)
    assert [records.record_id(record) for record in bmc.sel()] == ids
    assert bmc.sel() == bmc.session.sel(), "the state file and the wire differ"


def test_records_are_stamped_with_the_time(bmc):
    record_id = bmc.add(records.unknown_sensor())
    assert abs(records.timestamp(bmc.record(record_id)) - time.time()) < scaled(5)
    bmc.set_clock(0x30000000)
    record_id = bmc.add(records.unknown_sensor())
    assert 0 <= records.timestamp(bmc.record(record_id)) - 0x30000000 < scaled(5)


def test_injection_is_fast(bmc):
    begin = time.monotonic()
    bmc.add_many(numbered(bmc, 500))
    assert 500 / (time.monotonic() - begin) > 200 / scaled(1)


def test_delete_and_clear(bmc):
    bmc.add_many(numbered(bmc, 5))
    bmc.delete(3)
    assert [records.record_id(record) for record in bmc.sel()] == [1, 2, 4, 5]
    bmc.clear()
    assert bmc.sel() == [] == bmc.session.sel()
    assert bmc.add(records.unknown_sensor()) == 6, "ipmi_sim goes on counting after a clear"


def test_restart_keeps_or_empties_the_sel(bmc):
    bmc.add_many(numbered(bmc, 3))
    before = bmc.sel()
    bmc.restart()
    assert bmc.session.sel() == before
    assert bmc.add(records.unknown_sensor()) == 4
    bmc.restart(empty_sel=True)
    assert bmc.session.sel() == []
    assert bmc.add(records.unknown_sensor()) == 1


def test_preloaded_records(make_bmc):
    bmc = make_bmc(start=False, sel_size=5500)
    new = numbered(bmc, 5000)
    assert bmc.preload(new, first_id=7)[:2] == [7, 8]
    bmc.start()
    assert payloads(bmc.sel()) == payloads(new)
    assert bmc.session.info()["entries"] == 5000
    assert bmc.session.entry(ipmi.LAST_RECORD)[1] == bmc.sel()[-1]
    assert bmc.session.entry(ipmi.FIRST_RECORD)[1] == bmc.sel()[0]


def test_sel_overflows(make_bmc):
    bmc = make_bmc(sel_size=3)
    bmc.add_many(numbered(bmc, 3))
    with pytest.raises(ipmi.CompletionError) as caught:
        bmc.add(records.unknown_sensor())
    assert caught.value.code == ipmi.OUT_OF_SPACE
    assert bmc.session.info()["flags"] & OVERFLOW
    assert len(bmc.sel()) == 3


def test_sel_that_cannot_delete(make_bmc):
    bmc = make_bmc(sel_flags=CAN_RESERVE)
    bmc.add_many(numbered(bmc, 2))
    with pytest.raises(ipmi.CompletionError):
        bmc.delete(1)
    bmc.clear()
    assert bmc.sel() == []


def test_freeze_and_thaw(bmc):
    bmc.freeze()
    with ipmi.LanSession(bmc.address, bmc.port, "", "") as other:
        assert not other.ping(timeout=0.3)
        bmc.thaw()
        wait_for(other.ping, 5, "the thawed BMC to answer")


def test_kill_and_start(bmc):
    bmc.add_many(numbered(bmc, 3))
    address = bmc.address, bmc.port
    bmc.kill()
    with ipmi.LanSession(*address, "", "") as other:
        assert not other.ping(timeout=0.3)
    bmc.start()
    assert (bmc.address, bmc.port) == address
    assert len(bmc.session.sel()) == 3


def test_start_fails_in_words(make_bmc):
    bmc = make_bmc(start=False)
    bmc.sel_size = "nonsense"
    with pytest.raises(RuntimeError, match="max records"):
        bmc.start()


def test_readings_and_the_events_they_make(bmc):
    cpu = bmc.sensor("CPU1 Temp")
    bmc.set_reading("CPU1 Temp", 95, event=True)
    reading = bmc.session.command(ipmi.GET_READING, bytes([cpu.number]))
    assert reading[0] == 95 and reading[2] & 0x18 == 0x18
    expected = {records.payload(records.threshold(cpu, which, reading=95,
                                                  limit=cpu.thresholds[which]))
                for which in (sdr.UPPER_NON_CRITICAL, sdr.UPPER_CRITICAL)}
    assert set(payloads(bmc.sel())) == expected
    bmc.clear()
    bmc.set_state("PSU1 Status", 1, event=True)
    bmc.set_state("PSU1 Status", 1, on=False, event=True)
    failed = bmc.sensor("PSU1 Status")
    assert [record[10:14] for record in bmc.sel()] == [
        bytes([failed.sensor_type, failed.number, 0x6F, 0x01]),
        bytes([failed.sensor_type, failed.number, 0xEF, 0x01])]


@pytest.mark.parametrize("make", ["make_bmc", "make_scripted_bmc"])
def test_every_sensor_is_there_byte_for_byte(request, tmp_path, make):
    population = sdr.Population(satellite=make == "make_bmc")
    bmc = request.getfixturevalue(make)(population)
    dump = tmp_path / "sdrs"
    assert ipmitool(bmc, "sdr", "dump", os.fspath(dump)).returncode == 0
    read = dump.read_bytes()
    expected = population.records()
    for record in expected:
        assert record[2:] in read
    assert len(read) == sum(map(len, expected))


def test_hostile_names_are_hostile():
    names = b"".join(sensor.name for sensor in sdr.HOSTILE)
    for needed in (b"\nendevent\n", b"$(", b"`", b"\0", b"\x1b"):
        assert needed in names
    with pytest.raises(UnicodeDecodeError):
        names.decode()


def test_satellite_answers_over_ipmb(bmc):
    readings = ipmitool(bmc, "sdr", "elist", "full").stdout
    assert re.search(rb"Blade Temp\s+\| 01h \| ok\s+\| 15.1 \| 40 degrees C", readings)


def test_two_bmcs_do_not_clash(make_bmc):
    first, second = make_bmc(), make_bmc()
    assert first.port != second.port
    first.add(records.unknown_sensor())
    assert len(first.sel()) == 1 and second.sel() == []


# ----------------------------------------------------------------- scripted BMC

@pytest.mark.parametrize("suite", [3, 17])
def test_scripted_bmc_speaks_suite(scripted_bmc, suite):
    done = ipmitool(scripted_bmc, "mc", "info", suite=suite)
    assert done.returncode == 0, done.stderr
    assert len(scripted_bmc.server.logins) == 1
    assert scripted_bmc.sessions == [], "ipmitool closes its session"
    assert scripted_bmc.count(ipmi.CLOSE_SESSION) == 1


def test_scripted_bmc_can_insist_on_suite_17(make_scripted_bmc):
    bmc = make_scripted_bmc(suites=[rmcpplus.SUITE_17])
    assert ipmitool(bmc, "mc", "info", suite=3).returncode != 0
    assert ipmitool(bmc, "mc", "info", suite=17).returncode == 0


def test_scripted_bmc_counts_wrong_passwords_and_locks(scripted_bmc, make_eventd):
    server = scripted_bmc.server
    server.lockout_after = 1
    wrong = scripted_bmc.connection(password="wrong", extra=["-A", "rmcp+"])
    assert make_eventd(scripted_bmc, start=False, connection=wrong).outcome() != 0
    wait_for(lambda: server.locked, 5, "the account to be locked")
    assert len(server.attempts) == len(server.failed_logins) == 1 and server.logins == []
    assert ipmitool(scripted_bmc, "mc", "info").returncode != 0, "the password is right, but late"
    server.unlock()
    assert ipmitool(scripted_bmc, "mc", "info").returncode == 0


def test_scripted_bmc_limits_sessions(scripted_bmc):
    scripted_bmc.server.max_sessions = 0
    assert ipmitool(scripted_bmc, "mc", "info").returncode != 0


def test_scripted_bmc_has_no_privilege_to_give(make_scripted_bmc):
    bmc = make_scripted_bmc(privilege=ipmi.USER)
    assert ipmitool(bmc, "mc", "info").returncode == 0
    bmc.privilege = ipmi.ADMIN
    assert ipmitool(bmc, "mc", "info").returncode != 0


def test_scripted_sel_holds_what_was_added(scripted_bmc, tmp_path):
    added = records.every_kind(scripted_bmc.population)
    assert scripted_bmc.add_many(added) == list(range(1, len(added) + 1))
    assert payloads(scripted_bmc.sel()) == payloads(added)
    dump = tmp_path / "sel"
    assert ipmitool(scripted_bmc, "sel", "writeraw", os.fspath(dump)).returncode == 0
    read = dump.read_bytes()
    assert len(read) == 16 * len(added)
    for position, record in enumerate(scripted_bmc.sel()):
        if record[2] == records.SYSTEM_EVENT:      # ipmitool alters OEM records
            assert read[16 * position:][:16] == record
    assert ipmitool(scripted_bmc, "sel", "clear").returncode == 0
    assert scripted_bmc.sel() == []
    assert scripted_bmc.add(records.unknown_sensor()) == 1, "ids restart after a clear"


def test_scripted_sel_deletes_and_replaces(scripted_bmc):
    scripted_bmc.add_many(numbered(scripted_bmc, 3))
    assert ipmitool(scripted_bmc, "sel", "delete", "2").returncode == 0
    scripted_bmc.sel_model.replace(3, numbered(scripted_bmc, 1, 99)[0])
    assert [(records.record_id(one), records.number_of(one)) for one in scripted_bmc.sel()] == [
        (1, 0), (3, 99)]


def test_scripted_restart_keeps_or_empties_the_sel(scripted_bmc):
    scripted_bmc.add_many(numbered(scripted_bmc, 3))
    scripted_bmc.restart()
    assert ipmitool(scripted_bmc, "sel", "list").stdout.count(b"\n") == 3
    scripted_bmc.restart(empty_sel=True)
    assert scripted_bmc.sel() == []


@pytest.mark.parametrize("code", [0xC1, 0xC5, 0xD5, 0x81])
def test_evil_refuses_to_delete(scripted_bmc, code):
    scripted_bmc.add(records.unknown_sensor())
    scripted_bmc.script(ipmi.DELETE_SEL_ENTRY, evil.first(2, evil.refuse(code)))
    for _ in range(2):
        assert raw(scripted_bmc, ipmi.DELETE_SEL_ENTRY, 0, 0, 1, 0) == bytes([code])
    assert len(scripted_bmc.sel()) == 1
    assert ipmitool(scripted_bmc, "sel", "delete", "1").returncode == 0
    assert scripted_bmc.sel() == []


def test_evil_cancels_reservations_when_a_record_is_added(scripted_bmc):
    scripted_bmc.add(records.unknown_sensor())
    delete = (ipmi.DELETE_SEL_ENTRY, *raw(scripted_bmc, ipmi.RESERVE_SEL)[1:], 1, 0)
    scripted_bmc.add(records.unknown_sensor())
    assert raw(scripted_bmc, *delete) == bytes([ipmi.RESERVATION_LOST])
    scripted_bmc.sel_model.cancel_reservations = False
    delete = (ipmi.DELETE_SEL_ENTRY, *raw(scripted_bmc, ipmi.RESERVE_SEL)[1:], 1, 0)
    scripted_bmc.add(records.unknown_sensor())
    assert raw(scripted_bmc, *delete)[0] == ipmi.OK


def test_evil_adds_a_record_just_before_a_clear(scripted_bmc):
    scripted_bmc.script(ipmi.CLEAR_SEL, evil.before(
        lambda: scripted_bmc.add(records.unknown_sensor())))
    reservation = raw(scripted_bmc, ipmi.RESERVE_SEL)[1:]
    assert raw(scripted_bmc, ipmi.CLEAR_SEL, *reservation, *b"CLR", 0xAA) == bytes(
        [ipmi.RESERVATION_LOST])
    assert len(scripted_bmc.sel()) == 1


def test_evil_cannot_delete_at_all(scripted_bmc):
    scripted_bmc.sel_model.flags = CAN_RESERVE
    scripted_bmc.add(records.unknown_sensor())
    assert raw(scripted_bmc, ipmi.DELETE_SEL_ENTRY, 0, 0, 1, 0) == bytes(
        [ipmi.UNSUPPORTED_COMMAND])
    assert raw(scripted_bmc, ipmi.GET_SEL_INFO)[-1] == CAN_RESERVE


def test_evil_is_slow_to_erase(scripted_bmc):
    scripted_bmc.sel_model.erase_polls = 2
    reservation = raw(scripted_bmc, ipmi.RESERVE_SEL)[1:]
    answers = [raw(scripted_bmc, ipmi.CLEAR_SEL, *reservation, *b"CLR", action)[1]
               for action in (0xAA, 0, 0, 0)]
    assert answers == [0, 0, 0, 1]


def test_evil_uses_record_ids_again(scripted_bmc):
    scripted_bmc.add_many(numbered(scripted_bmc, 2))
    scripted_bmc.sel_model.next_id = 0xFFFE
    assert scripted_bmc.add_many(numbered(scripted_bmc, 2, 5)) == [0xFFFE, 3]
    scripted_bmc.delete(1)
    scripted_bmc.sel_model.next_id = 1
    assert scripted_bmc.add(records.unknown_sensor()) == 1
    assert [records.record_id(one) for one in scripted_bmc.sel()] == [2, 0xFFFE, 3, 1]


def test_evil_claims_an_overflow_and_more(scripted_bmc):
    scripted_bmc.sel_model.overflowed = True
    assert raw(scripted_bmc, ipmi.GET_SEL_INFO)[-1] & OVERFLOW
    scripted_bmc.sel_model.claimed = {"entries": 77, "added": 0, "erased": 1, "flags": 0}
    info = raw(scripted_bmc, ipmi.GET_SEL_INFO)
    assert info[2:4] == bytes(word(77)) and info[6:] == bytes([0, 0, 0, 0, 1, 0, 0, 0, 0])


def test_evil_is_full(make_scripted_bmc):
    bmc = make_scripted_bmc(sel_capacity=2)
    assert bmc.add_many(numbered(bmc, 3)) == [1, 2, None]
    assert bmc.sel_model.overflowed


def test_evil_clock(scripted_bmc):
    clock = scripted_bmc.sel_model.clock
    clock.freeze()
    frozen = raw(scripted_bmc, ipmi.GET_SEL_TIME)
    first = scripted_bmc.record(scripted_bmc.add(records.unknown_sensor()))
    stays(lambda: records.timestamp(first) == clock.now(), 1.1, "the frozen clock")
    assert raw(scripted_bmc, ipmi.GET_SEL_TIME) == frozen
    clock.jump(-86400)
    second = scripted_bmc.record(scripted_bmc.add(records.unknown_sensor()))
    assert records.timestamp(second) == records.timestamp(first) - 86400
    clock.set(0)
    clock.run()
    assert clock.now() < 60


def test_evil_next_ids_run_in_a_circle(scripted_bmc):
    scripted_bmc.add_many(numbered(scripted_bmc, 3))
    scripted_bmc.sel_model.links = {3: 1, 2: 9}
    assert raw(scripted_bmc, ipmi.GET_SEL_ENTRY, 0, 0, 3, 0, 0, 0xFF)[1:3] == bytes(word(1))
    assert raw(scripted_bmc, ipmi.GET_SEL_ENTRY, 0, 0, 2, 0, 0, 0xFF)[1:3] == bytes(word(9))
    assert raw(scripted_bmc, ipmi.GET_SEL_ENTRY, 0, 0, 9, 0, 0, 0xFF) == bytes([ipmi.NOT_PRESENT])


def test_evil_replies_too_short_and_too_long(scripted_bmc):
    scripted_bmc.script(ipmi.GET_SEL_INFO, evil.cut(5))
    assert len(raw(scripted_bmc, ipmi.GET_SEL_INFO)) == 5
    scripted_bmc.script(ipmi.GET_SEL_INFO, evil.padded(60))
    assert raw(scripted_bmc, ipmi.GET_SEL_INFO)[15:] == b"\xa5" * 60
    scripted_bmc.unscript()
    assert len(raw(scripted_bmc, ipmi.GET_SEL_INFO)) == 15


def test_evil_is_silent_late_or_repeats_itself(scripted_bmc):
    scripted_bmc.script(ipmi.GET_SEL_TIME, evil.first(1, evil.silent))
    assert raw(scripted_bmc, ipmi.GET_SEL_TIME)[0] == ipmi.OK
    assert scripted_bmc.log(ipmi.GET_SEL_TIME)[0].answer is None
    scripted_bmc.script(ipmi.GET_SEL_TIME, evil.late(0.2))
    begin = time.monotonic()
    assert raw(scripted_bmc, ipmi.GET_SEL_TIME)[0] == ipmi.OK
    assert time.monotonic() - begin >= 0.2
    scripted_bmc.script(ipmi.GET_SEL_TIME, evil.doubled)
    assert raw(scripted_bmc, ipmi.GET_SEL_TIME)[0] == ipmi.OK


def test_evil_acts_but_does_not_answer(scripted_bmc):
    scripted_bmc.add(records.unknown_sensor())
    scripted_bmc.sel_model.flags = 0x08          # delete without reservation
    scripted_bmc.script(ipmi.DELETE_SEL_ENTRY, evil.first(1, evil.unanswered))
    assert raw(scripted_bmc, ipmi.DELETE_SEL_ENTRY, 0, 0, 1, 0) == bytes([ipmi.NOT_PRESENT]), (
        "ipmitool repeats what was not answered")
    assert scripted_bmc.sel() == []


def test_evil_mangles_packets(scripted_bmc, make_eventd):
    left = itertools.count(2, -1)

    def with_a_false_twin(packet):
        if packet[5] != rmcpplus.SEALED or next(left) <= 0:
            return packet
        return [packet[:-1] + bytes([packet[-1] ^ 1]), packet]
    scripted_bmc.mutate = with_a_false_twin
    assert make_eventd(scripted_bmc).up
    assert next(left) <= 0
    scripted_bmc.mutate = lambda packet: None
    assert ipmitool(scripted_bmc, "-N", "1", "-R", "1", "mc", "info").returncode != 0


def test_scripted_bmc_freezes_and_thaws(scripted_bmc):
    scripted_bmc.freeze()
    assert ipmitool(scripted_bmc, "-N", "1", "-R", "1", "mc", "info").returncode != 0
    assert scripted_bmc.log() == []
    scripted_bmc.thaw()
    assert ipmitool(scripted_bmc, "mc", "info").returncode == 0


def test_mistakes_in_hooks_are_not_lost(scripted_bmc):
    def mistaken(request, proceed):
        raise KeyError("oops")
    scripted_bmc.script(ipmi.GET_SEL_TIME, evil.first(1, mistaken))
    assert raw(scripted_bmc, ipmi.GET_SEL_TIME)[0] == ipmi.OK, "asked a second time"
    with pytest.raises(KeyError, match="oops"):
        scripted_bmc.stop()


def test_scripted_bmc_logs_every_request(scripted_bmc):
    raw(scripted_bmc, ipmi.GET_SEL_ENTRY, 0, 0, 7, 0, 0, 0xFF)
    (entry,) = scripted_bmc.log(ipmi.GET_SEL_ENTRY)
    assert entry.data == bytes([0, 0, 7, 0, 0, 0xFF])
    assert entry.answer == bytes([ipmi.NOT_PRESENT])
    assert entry.privilege == ipmi.ADMIN
    scripted_bmc.forget_log()
    assert scripted_bmc.count() == 0


# -------------------------------------------------------------------- the proxy

def test_proxy_loses_packets_and_the_session_survives(bmc, make_proxy):
    proxy = make_proxy(bmc)
    bmc.add_many(numbered(bmc, 10))
    proxy.drop, proxy.duplicate, proxy.reorder = 0.1, 0.2, 0.2
    bmc.port = proxy.port
    done = ipmitool(bmc, "-N", "1", "-R", "10", "sel", "list", deadline=50)
    assert done.returncode == 0, done.stderr
    assert proxy.passed and proxy.dropped and proxy.duplicated and proxy.reordered


def test_proxy_delays_and_swallows(bmc, make_proxy):
    proxy = make_proxy(bmc)
    with ipmi.LanSession(proxy.address, proxy.port, "bench", "bench") as session:
        assert session.ping(timeout=1)
        proxy.delay = (0.1, 0.1)
        begin = time.monotonic()
        assert session.ping(timeout=2)
        assert time.monotonic() - begin >= 0.2
        proxy.blackhole = True
        assert not session.ping(timeout=0.5)
        proxy.calm()
        assert session.ping(timeout=1)


def test_proxy_survives_its_bmc(bmc, make_proxy):
    proxy = make_proxy(bmc)
    with ipmi.LanSession(proxy.address, proxy.port, "", "") as session:
        bmc.kill()
        assert not session.ping(timeout=0.2)
        bmc.start()
        wait_for(session.ping, 5, "an answer through the proxy")


# ------------------------------------------------------------- openipmi_eventd

def without_time(event):
    """An eventd event without what depends on when it happened."""
    return event.kind, event.payload, [pair for pair in event.pairs
                                       if pair[0] not in ("eventtime", "eventdata")]


def inject_unseen(eventds, bmc, new_records):
    """Add records while nobody looks, so that they come with one poll."""
    for eventd in eventds:
        eventd.pause()
    bmc.add_many(new_records)
    for eventd in eventds:
        eventd.resume()


def test_eventd_delivers_in_every_mode(bmc, make_eventd):
    eventds = [make_eventd(bmc, mode) for mode in MODES]
    added = records.every_kind(bmc.population)
    inject_unseen(eventds, bmc, added)
    for eventd in eventds:
        events = eventd.wait_for_events(len(added))
        assert [event.payload for event in events] == payloads(added), eventd.mode
        assert {event.kind for event in events} == set(eventd_text.KINDS)
        assert events[0]["id"] == "3.1.CPU1 Temp"
    of_file, *others = [eventd.events() for eventd in eventds]
    assert others == [of_file] * len(others)


def test_eventd_sees_no_difference_between_the_two_bmcs(bmc, scripted_bmc, make_eventd):
    added = records.every_kind(scripted_bmc.population)
    watchers = [make_eventd(one) for one in (bmc, scripted_bmc)]
    for one, eventd in zip((bmc, scripted_bmc), watchers, strict=True):
        inject_unseen([eventd], one, added)
    of_simulated, of_scripted = [
        [without_time(event) for event in eventd.wait_for_events(len(added))]
        for eventd in watchers]
    assert of_simulated == of_scripted


def test_eventd_deletes(make_bmc, make_eventd):
    # In argument mode it never does, whatever it is told.
    left = {"file": 0, "stdin": 0, "arguments": 3}
    eventds = [make_eventd(make_bmc(), mode, delete=True) for mode in left]
    for eventd in eventds:
        inject_unseen([eventd], eventd.bmc, numbered(eventd.bmc, 3))
    for eventd in eventds:
        eventd.wait_for_events(3)
        wait_for(functools.partial(sel_has, eventd.bmc, left[eventd.mode]), 5, "the deletion")


def test_eventd_is_forged_by_a_hostile_name(make_bmc, make_eventd):
    """What ipmid must not do; and a proof that the hostile name arrives."""
    bmc = make_bmc(sdr.HOSTILE)
    eventd = make_eventd(bmc)
    inject_unseen([eventd], bmc, [records.numbered(bmc.sensor("endevent"), 1)])
    eventd.wait_for_events(1)
    assert eventd.data().count(b"\nendevent\n") == 2


def test_eventd_fails_in_words(bmc, make_eventd):
    eventd = make_eventd(bmc, start=False, connection=["lan", "-X"])
    with pytest.raises(AssertionError, match="ended with status"):
        eventd.start()


# ------------------------------------------------------------- records, ledgers

def test_malformed_records_have_the_right_size(bmc):
    every = records.malformed(bmc.sensor("CPU1 Temp"))
    assert all(len(record) == 16 for record in every.values())
    bmc.add_many(every.values())
    assert payloads(bmc.sel()) == payloads(every.values())


def test_numbers_in_records(bmc):
    for number in (0, 255, 256, 65535):
        assert records.number_of(records.numbered(bmc.sensor("CPU1 Temp"), number)) == number


def test_ledger_finds_every_difference(scripted_bmc):
    ledger = Ledger(scripted_bmc)
    one, two, three = numbered(scripted_bmc, 3)
    assert ledger.add(one, two, three) == [1, 2, 3]
    one, two, three = payloads([one, two, three])
    assert str(ledger.compare([one, two, three])) == "no difference"
    assert ledger.compare([one, three]).missing == [two]
    assert ledger.compare([one, one, one, two, three]).doubled == [one, one]
    assert ledger.compare([two, one, three]).out_of_order == [one]
    assert ledger.compare([one, two, three, one]).out_of_order == [], "a repeat is no disorder"
    assert ledger.compare([b"?", one, two, three]).foreign == [b"?"]
    scripted_bmc.delete(2)
    assert ledger.still_in_sel() == [one, three]


def test_torn_text_is_left_out():
    assert eventd_text.parse_stream(b"unknown\neventtype 0x2\nendev") == []
    (event,) = eventd_text.parse_stream(
        b"unknown\neventtype 0xe0\neventtime -1\neventdata  0x01 0x02\nendevent\nunkn")
    assert event.kind == "unknown" and event["eventtime"] == "-1"
    assert event.event_data == b"\1\2" and event.payload == b"\xe0\1\2"


# ----------------------------------------------------------- processes, waiting

def test_wait_for_gives_up_in_words():
    with pytest.raises(DeadlineError, match="waiting for the moon"):
        wait_for(lambda: False, 0.05, "the moon")
    assert wait_for(lambda: 42, 0.05) == 42


@pytest.mark.parametrize("mode", ["arguments", "stdin"])
def test_recorder(make_recorder, mode):
    recorder = make_recorder(mode)
    words = ["unknown", "eventtype", "0x2", "eventdata", " 0x01 0x02"]
    recorder.exit_with(3)
    if mode == "arguments":
        done = subprocess.run([*recorder.command, *words], check=False)
    else:
        text = b"unknown\neventtype 0x2\neventdata  0x01 0x02\nendevent\n"
        done = subprocess.run(recorder.command, input=text, check=False)
    assert done.returncode == 3
    (event,) = recorder.events()
    assert event.keys == ["eventtype", "eventdata"] and event["eventdata"] == " 0x01 0x02"


def test_a_double_forked_process_is_found_and_killed():
    before = {os.getpid(), *processes.descendants(os.getpid())}
    starter = processes.spawn(["sh", "-c", "setsid sleep 600 & setsid sh -c 'sleep 600 & wait' &"])
    assert starter.wait() == 0
    wait_for(lambda: len(processes.children_named(os.getpid(), "sleep")) == 2, 5, "the sleeps")
    report = processes.kill_descendants_except(before, grace=0)
    assert len([line for line in report if line.endswith(" sleep")]) == 2
    assert processes.children_named(os.getpid(), "sleep") == []


def test_children_die_with_the_test_run(tmp_path):
    """A test run that is killed leaves nothing: here, one within this one."""
    script = ("import sys, processes, time\n"
              "child = processes.spawn(['sleep', '600'])\n"
              "print(child.pid, flush=True)\n"
              "time.sleep(600)\n")
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE,
                           cwd=os.path.dirname(__file__))
    child = int(run.stdout.readline())
    wait_for(lambda: processes.name_of(child) == "sleep", 5, "the child to be itself")
    run.kill()
    run.wait()
    run.stdout.close()
    wait_for(lambda: not processes.alive(child), 5, "the grandchild to die")


# --------------------------------------------------------- the helper for ipmid

STAND_IN = f"""#!{sys.executable}
import os, signal, subprocess, sys, time
if "--status" in sys.argv:
    print("connection: up")
    sys.exit()
collector = subprocess.Popen([sys.argv[sys.argv.index("--collector") + 1]])
signal.signal(signal.SIGTERM, lambda *_: (collector.kill(), sys.exit(0)))
with open(sys.argv[sys.argv.index("-f") + 1], "ab") as file:
    file.write(b"unknown\\neventtype 0xe0\\neventtime -1\\neventdata  0x01\\nendevent\\n")
print("started", flush=True)
while True:
    time.sleep(600)
"""


@pytest.fixture
def stand_in(tmp_path):
    """A build directory with programs that only look like ipmid."""
    directory = tmp_path / "build"
    directory.mkdir()
    for name, text in (("ipmid", STAND_IN),
                       ("ipmid-collector", f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")):
        (directory / name).write_text(text, encoding="ascii")
        (directory / name).chmod(0o755)
    plugin = directory / ".libs" / "file.so"
    plugin.parent.mkdir(parents=True)
    plugin.write_bytes(b"")
    return Build(directory)


def test_ipmid_helper(bmc, make_ipmid, stand_in):
    ipmid = make_ipmid(bmc, build=stand_in)
    assert (ipmid.plugin_dir / "file.so").exists()
    collector = ipmid.wait_for_collector()
    assert ipmid.kill_collector() == [collector]
    assert ipmid.running and ipmid.collectors() == []
    ipmid.wait_for_events(1)
    assert ipmid.payloads() == [b"\xe0\1"]
    assert "started" in ipmid.log()
    ipmid.kill_core()
    assert not ipmid.running
    ipmid.start()
    ipmid.wait_for_collector()
    ipmid.wait_for_events(2)
    assert ipmid.terminate() == 0


def test_ipmid_helper_kills_everything_at_once(bmc, make_ipmid, stand_in):
    ipmid = make_ipmid(bmc, build=stand_in)
    collector = ipmid.wait_for_collector()
    ipmid.kill_all()
    wait_for(lambda: not processes.alive(collector), 5, "the collector to be dead")


def test_ipmid_helper_says_what_is_missing(bmc, tmp_path):
    with pytest.raises(AssertionError, match="run make first"):
        Ipmid(bmc, tmp_path / "ipmid", build=Build(tmp_path))
