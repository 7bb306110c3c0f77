# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing wrong, and no leak, in a life that ends in order.

A plain build runs under valgrind, but not with the exec handler: valgrind does
not know pidfd_open(2).  A build with sanitizers looks after itself.
"""

import os
import re

import pytest

import daemon
import records
from waiting import wait_for

VALGRIND = ["valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite", "--error-exitcode=99", "--num-callers=30"]
EVENTS = 30


def collector_under_valgrind(directory):
    """A program that is the collector under valgrind, and the log that it writes."""
    log = directory / "collector-valgrind.log"
    script = directory / "collector"
    words = " ".join(VALGRIND)
    script.write_text(f"#!/bin/sh\nPATH=/usr/bin exec {words} --log-file={log} "
                      f"{daemon.Build().collector} --no-sandbox\n")
    script.chmod(0o755)
    return script, log


@pytest.mark.deadline(120)
@pytest.mark.parametrize("words", [["-f", "events"], ["-e", "-f", "events"], ["-e", "-i", "/bin/cat"],
                                   ["-k", "/bin/cat"]], ids=["file", "delete", "stdin", "keep"])
def test_orderly_life(bmc, make_ipmid, tmp_path, words):
    if daemon.Build().sanitized or "-f" not in words:
        check_plain_life(bmc, make_ipmid, words)
        return
    collector, log = collector_under_valgrind(tmp_path)
    core_log = tmp_path / "core-valgrind.log"
    ipmid = make_ipmid(bmc, words, start=False, options=["--collector", os.fspath(collector)],
                       wrapper=[*VALGRIND, "--trace-children=no", f"--log-file={core_log}"])
    ipmid.start(wait=False)
    ipmid.wait_connected(deadline=60)
    live(bmc, ipmid)
    assert ipmid.terminate(deadline=60) == 0, core_log.read_text() + ipmid.log()
    assert not complaints(core_log)
    assert not complaints(log)


def complaints(log):
    """What valgrind found; its lines about itself begin with --."""
    return [line for line in log.read_text().splitlines() if line.startswith("==")]


def check_plain_life(bmc, make_ipmid, words):
    ipmid = make_ipmid(bmc, words)
    live(bmc, ipmid)
    assert ipmid.terminate() == 0, ipmid.log()
    assert "Sanitizer" not in ipmid.log()


def live(bmc, ipmid):
    """Some events, all of them handled."""
    sensor = bmc.sensor("CPU1 Temp")
    for number in range(EVENTS):
        bmc.add(records.numbered(sensor, number))
    wait_for(lambda: re.search(rf"handler: (file|program)\n(?:  .*\n)*?  handled: {EVENTS}\n", ipmid.status()), 60,
             lambda: f"{EVENTS} events to be handled; it said:\n{ipmid.status()}\n{ipmid.log()}")
