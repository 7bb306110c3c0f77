# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the whole-daemon tests.

Every test runs against BMCs of its own, under a deadline
(`@pytest.mark.deadline(seconds)`, 60 s by default), and leaves no process.
"""

import os
import shutil
import signal
import threading

import pytest

import processes
import sdr
from bmc import SimulatedBmc
from collector import Collector
from configured import ConfiguredIpmid
from daemon import Ipmid
from eventd import EVENTD, Eventd
from probe import Probe
from proxy import ChaosProxy
from recorder import Recorder
from scripted_bmc import ScriptedBmc
from waiting import DeadlineError, scaled, wait_for

DEFAULT_DEADLINE = 60
PROGRAMS = ("ipmi_sim", "ipmitool", EVENTD)
LOG_TAIL = 4000


def pytest_configure(config):
    config.addinivalue_line("markers", "deadline(seconds): how long the test may take")


def pytest_sessionstart(session):
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.exit(f"missing: {', '.join(missing)} (Debian packages openipmi and ipmitool)", 2)
    processes.adopt_orphans()


def pytest_collection_modifyitems(items):
    """Spread the tests that wait for eventd, which polls every 10 s.

    Test runners in parallel get runs of neighbours; one should not get them all.
    """
    slow = [item for item in items if "make_eventd" in item.fixturenames]
    quick = [item for item in items if "make_eventd" not in item.fixturenames]
    if slow and quick:
        step = len(quick) // len(slow) + 1
        for position, item in enumerate(slow):
            quick.insert(position * step, item)
        items[:] = quick


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Show the end of every log below the test's directory when it fails."""
    outcome = yield
    report = outcome.get_result()
    item.failed = getattr(item, "failed", False) or report.failed
    directory = getattr(item, "funcargs", {}).get("tmp_path")
    if report.when == "call" and report.failed and directory:
        for log in sorted(directory.rglob("*.log")):
            text = log.read_text(encoding="utf-8", errors="replace")
            if text:
                report.sections.append((str(log.relative_to(directory)), text[-LOG_TAIL:]))


@pytest.fixture(autouse=True)
def _no_process_left(request):
    """Kill what a test left behind; that alone fails a test that passed."""
    before = {os.getpid(), *processes.descendants(os.getpid())}
    yield
    left = processes.kill_descendants_except(before)
    if left and not getattr(request.node, "failed", False):
        pytest.fail(f"left running: {', '.join(left)}")


@pytest.fixture(autouse=True)
def _deadline(request, _no_process_left):
    """Interrupt a test that hangs, so that its fixtures still clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    marker = request.node.get_closest_marker("deadline")
    seconds = scaled(marker.args[0] if marker else DEFAULT_DEADLINE)

    def interrupt(_number, _frame):
        raise DeadlineError(f"the test took more than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture(name="wait_for")
def _wait_for():
    return wait_for


def _stopping(request):
    """A list; what is put into it is stopped at the end, last first."""
    started = []

    def stop_all():
        errors = []
        for one in reversed(started):
            try:
                one.stop()
            except Exception as error:     # the others must be stopped all the same
                errors.append(error)
        if errors:
            raise errors[0]
    request.addfinalizer(stop_all)
    return started


@pytest.fixture
def make_bmc(request, tmp_path):
    """Make and start a SimulatedBmc; takes its arguments after the directory."""
    started = _stopping(request)

    def make(population=sdr.ORDINARY, *, start=True, **options):
        bmc = SimulatedBmc(tmp_path / f"bmc{len(started)}", population, **options)
        started.append(bmc)
        if start:
            bmc.start()
        return bmc
    return make


@pytest.fixture
def bmc(make_bmc):
    """A simulated BMC with the ordinary sensors, up and with an empty SEL."""
    return make_bmc()


@pytest.fixture
def make_scripted_bmc(request):
    """Make and start a ScriptedBmc; takes its arguments."""
    started = _stopping(request)

    def make(population=None, *, start=True, **options):
        population = population or sdr.Population(sdr.ORDINARY, satellite=False)
        bmc = ScriptedBmc(population, **options)
        started.append(bmc)
        if start:
            bmc.start()
        return bmc
    return make


@pytest.fixture
def scripted_bmc(make_scripted_bmc):
    """A scripted BMC with the ordinary sensors (no satellite), behaving well so far."""
    return make_scripted_bmc()


@pytest.fixture
def make_proxy(request):
    """Make and start a ChaosProxy in front of a BMC; use bmc.connection(port=proxy.port)."""
    started = _stopping(request)

    def make(bmc, seed=1, address=None):
        proxy = ChaosProxy((bmc.address, bmc.port), seed, address)
        started.append(proxy)
        proxy.start()
        return proxy
    return make


@pytest.fixture
def make_eventd(request, tmp_path):
    """Make and start an Eventd on a BMC, and wait until it is up."""
    started = _stopping(request)

    def make(bmc, mode="file", *, start=True, **options):
        eventd = Eventd(bmc, tmp_path / f"eventd{len(started)}", mode, **options)
        started.append(eventd)
        if start:
            eventd.start()
        return eventd
    return make


@pytest.fixture
def make_recorder(tmp_path):
    """Make a Recorder: "arguments", "stdin" or "persistent"."""
    made = []

    def make(mode):
        directory = tmp_path / f"recorder{len(made)}"
        directory.mkdir()
        made.append(Recorder(directory, mode))
        return made[-1]
    return make


@pytest.fixture
def make_configured(request, tmp_path):
    """Make and start a ConfiguredIpmid on some BMCs; takes its arguments after the directory."""
    started = _stopping(request)

    def make(text, bmcs=(), *, start=True, wait=True, **options):
        ipmid = ConfiguredIpmid(tmp_path / f"configured{len(started)}", text, bmcs, **options)
        started.append(ipmid)
        if start:
            ipmid.start(wait)
        return ipmid
    return make


@pytest.fixture
def make_ipmid(request, tmp_path):
    """Make and start an Ipmid on a BMC; takes its arguments after the directory."""
    started = _stopping(request)

    def make(bmc, words=None, *, start=True, wait=True, **options):
        ipmid = Ipmid(bmc, tmp_path / f"ipmid{len(started)}", words, **options)
        started.append(ipmid)
        if start:
            ipmid.start(wait)
        return ipmid
    return make


@pytest.fixture
def make_collector(tmp_path):
    """Make and start a Collector on a BMC; takes its arguments after the directory."""
    started = []

    def make(bmc, **options):
        directory = tmp_path / f"collector{len(started)}"
        directory.mkdir()
        started.append(Collector(bmc, directory, **options))
        return started[-1].start()
    yield make
    assert {one.stop() for one in started} <= {0, None}


@pytest.fixture
def make_probe(request, tmp_path):
    """Make a collector, COLLECTOR or the build's, with a probe at its other end."""
    made = []

    def make(*arguments, collector=None, **environment):
        directory = tmp_path / f"probe{len(made)}"
        directory.mkdir()
        made.append(Probe(directory, arguments, environment, collector))
        return made[-1]
    request.addfinalizer(lambda: [one.stop() for one in made])
    return make
