# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every plugin has to do, tested with every plugin; see conformance.py.

It opens, delivers, is there again after a kill -9, tries again, rejects, survives
reloads, ends in time, leaks nothing; and no sanitizer has anything to say.  One that
is fed live opens, delivers to who looks, and does the last four.
"""

import os
import re
from collections import Counter

import pytest

from conformance import SUBJECTS, available
from daemon import Build
from fake_fleet import Fleet
from waiting import wait_for

BATCH = 64                 # the host's default: what may be under way when it is killed

GROUP = """[handler it]
plugin = {plugin}
retry-min = 50ms
retry-max = {retry_max}ms
{keys}

{more}
"""


class Bench:
    """A fleet of two BMCs and one handler."""

    def __init__(self, directory, cls):
        self.fleet = Fleet(directory, 2)
        self.fleet.handlers = {}
        self.subject = cls(directory / "subject")
        self.retry_max = 200
        self.configure()

    def configure(self):
        """With another setting than before, so that a reload opens the plugin afresh."""
        self.retry_max = 501 - self.retry_max
        self.fleet.write(GROUP.format(plugin=self.subject.plugin, keys=self.subject.keys, more=self.subject.more,
                                      retry_max=self.retry_max))

    def reload(self):
        self.configure()
        self.fleet.reload()

    def add(self, count):
        for bmc in self.fleet.bmcs:
            bmc.add(count)

    @property
    def written(self):
        return {(bmc.name, raw[0] | raw[1] << 8) for bmc in self.fleet.bmcs for raw in bmc.written}

    def arrived(self):
        return self.subject.arrived(self.fleet)

    def wait_arrived(self, deadline=30):
        wait_for(lambda: self.written <= set(self.arrived()), deadline,
                 lambda: f"{sorted(self.written - set(self.arrived()))[:10]} …; log:\n{self.fleet.ipmid.log()[-3000:]}",
                 poll=0.05)

    def wait_status(self, pattern, deadline=20):
        """Wait until what --status says of the handler matches; returns the match."""
        def found():
            text = self.fleet.ipmid.status().partition("handler: it\n")[2].partition("\nhandler: ")[0]
            return re.search(pattern, text, re.MULTILINE)
        return wait_for(found, deadline, lambda: f"{pattern}:\n{self.fleet.ipmid.status()}\n"
                                                 f"{self.fleet.ipmid.log()[-3000:]}", poll=0.05)

    def check(self, repeats=0):
        """All of it, nothing else, in order, hardly anything twice."""
        arrived = self.arrived()
        times = Counter(arrived)
        assert set(times) == self.written
        assert sum(times.values()) - len(times) <= repeats, f"more than {repeats} repeats: {times.most_common(3)}"
        if not self.subject.ordered:
            return
        for bmc in self.fleet.bmcs:
            first = list(dict.fromkeys(number for name, number in arrived if name == bmc.name))
            assert first == sorted(first), f"{bmc.name}: out of order"

    def end(self):
        """Ends it; what it did was clean."""
        if self.fleet.ipmid.running:
            assert self.fleet.ipmid.terminate() == 0, self.fleet.ipmid.log()[-3000:]
        log = self.fleet.ipmid.log()
        assert "Sanitizer" not in log and "runtime error" not in log, log[-5000:]


def has(name, what):
    return getattr(SUBJECTS[name], what) is not None


AVAILABLE = available(Build())
NAMES = [name for name in AVAILABLE if not SUBJECTS[name].live]
LIVE = [name for name in AVAILABLE if SUBJECTS[name].live]


@pytest.fixture
def make_bench(request, tmp_path):
    def make(name):
        bench = Bench(tmp_path, SUBJECTS[name])
        request.addfinalizer(bench.fleet.stop)
        request.addfinalizer(bench.subject.stop)
        bench.fleet.start()
        return bench
    return make


@pytest.mark.parametrize("name", NAMES)
def test_delivers(make_bench, name):
    """Everything, once, in the order of each SEL; and it closes in good order."""
    bench = make_bench(name)
    for _ in range(4):
        bench.add(10)
    bench.wait_arrived()
    bench.wait_status("^  queue: 0$")
    bench.check()
    bench.end()


@pytest.mark.parametrize("name", NAMES)
def test_commits(make_bench, name):
    """Whenever it is killed: what was handled is not lost, and what was not comes again."""
    bench = make_bench(name)
    for number in range(3):
        bench.add(15)
        goal = 30 * number + 5
        wait_for(lambda goal=goal: len(set(bench.arrived())) >= goal, 30, bench.fleet.ipmid.log, poll=0.001)
        bench.fleet.ipmid.kill_all()
        bench.fleet.start()
    bench.wait_arrived()
    bench.wait_status("^  queue: 0$")
    bench.check(repeats=3 * 2 * BATCH)
    bench.end()


@pytest.mark.parametrize("name", [name for name in NAMES if has(name, "fail")])
def test_retries(make_bench, name):
    """While it fails nothing is lost or set aside; then all of it arrives."""
    bench = make_bench(name)
    bench.add(5)
    bench.wait_arrived()
    bench.subject.fail()
    bench.add(5)
    bench.wait_status("^  failures: [1-9]")
    bench.subject.mend()
    bench.wait_arrived()
    bench.wait_status("^  queue: 0$")
    assert bench.wait_status("^  dead letters: ([0-9]+)$")[1] == "0"
    assert set(bench.arrived()) == bench.written
    bench.end()


@pytest.mark.parametrize("name", [name for name in NAMES if has(name, "reject")])
def test_rejects(make_bench, name):
    """A dead letter each, at once; the next are handled."""
    bench = make_bench(name)
    bench.add(5)
    bench.wait_arrived()
    good = bench.written
    bench.subject.reject()
    bench.add(3)
    bench.wait_status("^  dead letters: 6$")
    rejected = bench.written - good
    bench.subject.accept()
    bench.add(3)
    wait_for(lambda: bench.written - rejected <= set(bench.arrived()), 30, bench.fleet.ipmid.log, poll=0.05)
    assert not rejected & set(bench.arrived())
    assert len(re.findall("handler:  it$", bench.fleet.ipmid.dead_letters(), re.MULTILINE)) == 6
    bench.end()


@pytest.mark.parametrize("name", NAMES)
def test_survives_reload(make_bench, name):
    """Closed and opened in the middle of a burst, again and again: nothing lost, nothing twice."""
    bench = make_bench(name)
    for _ in range(5):
        bench.add(10)
        bench.reload()
    bench.wait_arrived()
    bench.wait_status("^  queue: 0$")
    bench.check()
    bench.end()


@pytest.mark.parametrize("name", [name for name in NAMES if has(name, "fail")])
def test_closes_in_time(make_bench, name):
    """Also while it fails and much waits; nothing of that is lost."""
    bench = make_bench(name)
    bench.add(5)
    bench.wait_arrived()
    bench.subject.fail()
    bench.add(100)
    bench.wait_status("^  failures: [1-9]")
    bench.end()
    bench.subject.mend()
    bench.fleet.start()
    bench.wait_arrived()
    assert set(bench.arrived()) == bench.written
    bench.end()


@pytest.mark.parametrize("name", LIVE)
def test_live_delivers(make_bench, name):
    """Everything from the moment on at which somebody looks, once, in the order of each SEL."""
    bench = make_bench(name)
    bench.subject.follow()
    for _ in range(4):
        bench.add(10)
    bench.wait_arrived()
    bench.check()
    bench.end()


@pytest.mark.parametrize("name", LIVE)
def test_live_survives_reload(make_bench, name):
    """Whoever looks is told the end, and whoever looks again sees what comes then."""
    bench = make_bench(name)
    bench.subject.follow()
    for _ in range(5):
        bench.add(10)
        bench.wait_arrived()
        bench.reload()
        bench.subject.follow()
    bench.check()
    bench.end()


@pytest.mark.parametrize("name", LIVE)
def test_live_closes_in_time(make_bench, name):
    """In the middle of a burst, with somebody who looks."""
    bench = make_bench(name)
    bench.subject.follow()
    bench.add(500)
    wait_for(bench.arrived, 20, bench.fleet.ipmid.log)
    bench.end()
    assert set(bench.arrived()) <= bench.written


def measure(pid):
    """(descriptors, threads, resident KiB) of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    return len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]), int(status["VmRSS"].split()[0])


@pytest.mark.parametrize("name", AVAILABLE)
@pytest.mark.deadline(120)
def test_leaks_nothing(make_bench, name):
    """Opened and closed many times: descriptors and threads as before, and hardly more memory."""
    bench = make_bench(name)

    live = bench.subject.live
    bench.subject.follow()

    def rounds(count):
        for _ in range(count):
            bench.add(2)
            if live:
                bench.wait_arrived()
            bench.reload()
            bench.subject.follow()
        bench.wait_arrived()
        if not live:
            bench.wait_status("^  queue: 0$")
        return measure(bench.fleet.ipmid.pid)
    rounds(10)
    before = rounds(1)
    rounds(30)
    after = measure(bench.fleet.ipmid.pid)
    # A connection that is kept open for the next event may be one more or less.
    assert after[0] <= before[0] + 3 and after[1] <= before[1], f"{before} before 30 rounds, {after} after"
    if not bench.fleet.ipmid.build.sanitized:      # which keep freed memory for a while
        assert after[2] - before[2] < 2048, f"{before} before 30 rounds, {after} after"
    bench.end()
