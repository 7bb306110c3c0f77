# SPDX-License-Identifier: LGPL-2.1-or-later
"""exec for a fleet: several programs at once, in order for each BMC; as another user.

The BMCs are played by fake-collector.  Programs write "<moment> begin|end <bmc>
<record id>" into one file, a line with each write.
"""

import os
import pwd
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

import processes
from fake_fleet import Fleet
from waiting import TIMESCALE, scaled, stays, wait_for

HANDLER = """[handler exec]
plugin = exec
program = {program}
input = {input}
retry-min = 100ms
retry-max = 300ms
workers = {workers}
{extra}
"""
NOTE = """#!/bin/sh
note () {{ echo "$(date +%s.%N) $1 $IPMID_BMC $IPMID_RECORD_ID" >> '{log}'; }}
note begin
{body}
note end
"""
SECOND = 1.0


class Programs:
    """A fleet whose events go to a program that is a shell script with BODY in it."""

    def __init__(self, directory, bmcs, body, *, workers, extra="", text=None, how="stdin", place=None):
        self.log = directory / "program.log"
        self.program = (place or directory) / "program"
        self.program.write_text(text or NOTE.format(log=self.log, body=body), encoding="ascii")
        self.program.chmod(0o755)
        self.fleet = Fleet(directory, bmcs, per=10)
        self.how = how
        self.configure(workers, extra)

    def configure(self, workers, extra=""):
        self.fleet.write(HANDLER.format(program=self.program, input=self.how, workers=workers, extra=extra))

    def lines(self):
        """(moment, word, bmc, record id) of each line."""
        text = self.log.read_text(encoding="ascii") if self.log.exists() else ""
        return [(float(moment), word, bmc, int(number)) for moment, word, bmc, number in
                re.findall(r"^(\S+) (begin|end) (\S+) (\d+)$", text, re.MULTILINE)]

    def count(self, word):
        return sum(line[1] == word for line in self.lines())

    def ended(self):
        """The record ids that were handled, of each BMC, in that order."""
        result = {bmc.name: [] for bmc in self.fleet.bmcs}
        for _, word, bmc, number in self.lines():
            if word == "end":
                result[bmc].append(number)
        return result

    def wait_all(self, deadline=30, but=()):
        wanted = {bmc.name: set(range(1, bmc.next_id)) for bmc in self.fleet.bmcs if bmc.name not in but}
        wait_for(lambda: all(set(self.ended()[name]) == ids for name, ids in wanted.items()), deadline,
                 lambda: f"all events, there are {self.ended()}; log:\n{self.fleet.ipmid.log()[-3000:]}", poll=0.05)

    def most_at_once(self):
        """How many programs ran at once, at most; and that never two did for one BMC."""
        running, most = Counter(), 0
        for _, word, bmc, _ in sorted(self.lines()):
            running[bmc] += 1 if word == "begin" else -1
            assert 0 <= running[bmc] <= 1, f"two programs for {bmc} at once"
            most = max(most, sum(running.values()))
        return most


@pytest.fixture
def make_programs(request, tmp_path):
    """Make Programs, and start its fleet; takes the arguments after the directory."""
    made = []

    def make(*arguments, **options):
        programs = Programs(tmp_path, *arguments, **options)
        made.append(programs)
        programs.fleet.start()
        return programs
    request.addfinalizer(lambda: [programs.fleet.stop() for programs in made])
    return make


def add_to_all(programs, count):
    for bmc in programs.fleet.bmcs:
        bmc.add(count)


# ------------------------------------------------------------------------ workers

def test_one_worker_is_one_program(make_programs):
    """The control: without the key nothing runs side by side."""
    programs = make_programs(3, "sleep 0.1", workers=1)
    add_to_all(programs, 3)
    programs.wait_all()
    assert programs.most_at_once() == 1


def test_slow_programs_run_side_by_side(make_programs):
    """Eight BMCs, eight programs that take a second: all of them at one moment."""
    programs = make_programs(8, "sleep 1", workers=8)
    add_to_all(programs, 2)
    programs.wait_all()
    assert programs.most_at_once() == 8
    assert all(numbers == [1, 2] for numbers in programs.ended().values())


def test_no_more_than_the_workers(make_programs):
    programs = make_programs(9, "sleep 0.1", workers=3)
    add_to_all(programs, 4)
    programs.wait_all()
    assert programs.most_at_once() == 3
    assert all(numbers == [1, 2, 3, 4] for numbers in programs.ended().values())


def test_hanging_program_holds_up_no_other_bmc(make_programs):
    """Fault row 16: killed after its time, tried again, and the others never wait for it."""
    limit = scaled(3)
    programs = make_programs(8, "case $IPMID_BMC in b0) sleep 600;; esac", workers=4,
                             extra=f"time-limit = {int(limit * 1000)}ms")
    programs.fleet.bmcs[0].add(50)
    wait_for(lambda: programs.count("begin") > 0, 20, "the program to hang")
    waits = []
    for number in range(1, 21):
        began = time.time()
        for bmc in programs.fleet.bmcs[1:]:
            bmc.add(1)
        wait_for(lambda: all(number in ended for name, ended in programs.ended().items() if name != "b0"), 20,
                 lambda: f"event {number} of the others: {programs.ended()}")
        waits.append(max(moment for moment, word, bmc, _ in programs.lines() if bmc != "b0" and word == "end") - began)
    assert sorted(waits)[-1] < SECOND * TIMESCALE, waits
    programs.fleet.ipmid.wait_log("did not end in time and was killed", deadline=limit + 20)
    assert not programs.ended()["b0"]


def test_failing_programs_keep_the_order(make_programs):
    """One in three fails the first time: each BMC's order holds, and the others go on."""
    programs = make_programs(6, "[ $((IPMID_RECORD_ID % 3)) != 0 ] || [ -e $0.$IPMID_BMC.$IPMID_RECORD_ID ] || "
                                "{ : > $0.$IPMID_BMC.$IPMID_RECORD_ID; note end; exit 1; }", workers=4)
    add_to_all(programs, 9)
    wait_for(lambda: programs.count("end") == 6 * 12, 60, lambda: f"all events: {programs.ended()}")
    for numbers in programs.ended().values():
        assert list(dict.fromkeys(numbers)) == list(range(1, 10))
        assert [number for number, times in Counter(numbers).items() if times == 2] == [3, 6, 9]
    programs.most_at_once()


def test_kept_programs(make_programs, tmp_path):
    """One that acknowledges, four times: each event comes to one of them, a BMC's in order."""
    text = ("#!/bin/sh\nwhile IFS= read -r line; do\n"
            "id=$(printf '%s' \"$line\" | sed 's/.*\"id\": *\"\\([^\"]*\\)\".*/\\1/')\n"
            f"echo \"$$ $id\" >> '{tmp_path}/kept'\nsleep 0.02\necho \"OK $id\"\ndone\n")
    programs = make_programs(6, "", workers=4, text=text, how="acknowledge")
    add_to_all(programs, 20)

    def taken():
        path = tmp_path / "kept"
        return [line.split() for line in path.read_text(encoding="ascii").splitlines()] if path.exists() else []
    wait_for(lambda: len(taken()) >= 120, 30, lambda: f"120 events, there are {len(taken())}")
    numbers = {bmc.name: [] for bmc in programs.fleet.bmcs}
    for _, name in taken():
        numbers[name.split("/")[0]].append(int(name.rsplit("/", 1)[1]))
    assert all(found == list(range(1, 21)) for found in numbers.values())
    assert len({pid for pid, _ in taken()}) > 1


def test_reload_with_other_workers(make_programs):
    """From one to six and back, in the middle of it: nothing is lost, doubled or out of order."""
    programs = make_programs(6, "sleep 0.1", workers=1)
    add_to_all(programs, 4)
    for workers in (6, 2):
        wait_for(lambda: programs.count("end") >= 2, 20, "some to be handled")
        programs.configure(workers)
        programs.fleet.reload()
        add_to_all(programs, 4)
    programs.wait_all()
    assert all(numbers == list(range(1, 13)) for numbers in programs.ended().values())
    assert 1 < programs.most_at_once() <= 6


def test_killed_with_all_workers_busy(make_programs):
    """kill -9: what was in hand comes again, one by one, and nothing but that twice."""
    programs = make_programs(4, "[ -e $0.go ] || exec sleep 600\nsleep 0.05", workers=4)
    add_to_all(programs, 3)
    wait_for(lambda: programs.count("begin") >= 4, 20, "four programs")
    stays(lambda: programs.count("begin") == 4, 0.2, "four at once")
    programs.fleet.ipmid.kill_all()
    for pid in processes.children_named(os.getpid(), "sleep"):
        processes.signal_quietly(pid, 9)
    programs.program.with_suffix(".go").touch()
    before = len(programs.lines())
    programs.fleet.ipmid.start(wait=False)
    programs.wait_all()
    assert all(numbers == [1, 2, 3] for numbers in programs.ended().values())
    after = programs.lines()[before:]
    suspects = [line for line in after if line[3] == 1]
    assert len(suspects) == 8
    # Each of the four alone: nobody begins before the one before has ended.
    for begin, end in zip(suspects[::2], suspects[1::2], strict=True):
        assert begin[1:3] == ("begin", end[2]) and end[1] == "end"
    assert "dead letters: 0" in programs.fleet.ipmid.status()


def test_poison_among_workers(make_programs):
    """One event that always fails, while others succeed: it alone becomes a dead letter."""
    programs = make_programs(4, '[ "$IPMID_BMC $IPMID_RECORD_ID" != "b2 2" ] || exit 1', workers=4)
    add_to_all(programs, 5)
    wait_for(lambda: all(len(set(numbers)) == (4 if name == "b2" else 5) for name, numbers in programs.ended().items()),
             30, lambda: f"{programs.ended()}")
    wait_for(lambda: re.search(r"b2/\d+/2\b", programs.fleet.ipmid.dead_letters()), 20, "the dead letter")
    assert len(re.findall(r"b\d/\d+/\d+", programs.fleet.ipmid.dead_letters())) == 1


# --------------------------------------------------------------------------- user

@pytest.fixture
def open_directory():
    """A directory in which everybody may write; those of pytest are its user's alone."""
    with tempfile.TemporaryDirectory(prefix="ipmid-test-") as directory:
        os.chmod(directory, 0o777)
        yield Path(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_user(make_programs, open_directory):
    """The program is nobody, with nobody's surroundings; ipmid is not."""
    programs = make_programs(2, "", workers=2, extra="user = nobody", place=open_directory,
                             text="#!/bin/sh\necho $(id -un) $USER $HOME > $0.$IPMID_BMC\n")
    add_to_all(programs, 1)
    wanted = f"nobody nobody {pwd.getpwnam('nobody').pw_dir}\n"
    for bmc in programs.fleet.bmcs:
        path = open_directory / f"program.{bmc.name}"
        wait_for(lambda path=path: path.exists() and path.read_text(encoding="utf-8") == wanted, 20,
                 lambda: programs.fleet.ipmid.log()[-2000:])
        assert path.owner() == "nobody"


def test_no_such_user(make_configured):
    ipmid = make_configured("[daemon]\nstate-dir = {state}\n[handler exec]\nplugin = exec\nprogram = /bin/true\n"
                            "user = not-a-user\n", start=False)
    status, _, said = ipmid.check()
    assert status == os.EX_CONFIG and any("not-a-user: there is no such user" in line for line in said)


def test_workers_of_a_plugin_that_has_one(make_configured):
    ipmid = make_configured("[daemon]\nstate-dir = {state}\n[handler log]\nplugin = file\npath = /tmp/x\nworkers = 4\n",
                            start=False)
    status, _, said = ipmid.check()
    assert status == os.EX_CONFIG and any('the plugin "file" works with one only' in line for line in said)
