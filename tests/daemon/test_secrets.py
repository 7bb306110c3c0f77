# SPDX-License-Identifier: LGPL-2.1-or-later
"""How often a password stands in the memory of the processes: where it is needed, and nowhere else.

The core keeps one copy for each BMC, because a collector may have to be told
again; the collector keeps one to connect with, and OpenIPMI one of its own.
What files, frames and GVariants had of it on the way is wiped.
"""

import os
import signal

import pytest

import memory
from test_config import THREE
from waiting import wait_for

CANARY = "Kanarienvogel-4711"
BMCS = 3
PER_BMC = {"core": 1, "collector": 2}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into processes that are not dumpable")


def copies(ipmid):
    """How often each process has it, in all."""
    return {"core": len(memory.find(ipmid.pid, CANARY.encode())),
            "collector": sum(len(memory.find(pid, CANARY.encode())) for pid in ipmid.collectors())}


def check_copies(ipmid):
    """Wait until only the copies are left that are in use, and never fewer: then the test would look at nothing."""
    wanted = {process: count * BMCS for process, count in PER_BMC.items()}
    wait_for(lambda: copies(ipmid) == wanted, 10, lambda: f"{wanted} copies, there are {copies(ipmid)}")


@pytest.mark.parametrize("where", ["password-file", "password", "credential"])
def test_copies(make_configured, make_bmc, where):
    lines = {"password-file": "password-file = {password}", "password": f"password = {CANARY}",
             "credential": "credentials = c\n[credentials c]\ncredential = password"}
    ipmid = make_configured(THREE.replace("password-file = {password}", lines[where])
                            .replace("\nsel-interval = 100ms\nsensor-interval = 0s", ""),
                            [make_bmc(password=CANARY) for _ in range(BMCS)], start=False)
    ipmid.config.chmod(0o600)
    ipmid.environment = {"CREDENTIALS_DIRECTORY": os.fspath(ipmid.directory)}
    ipmid.start()
    check_copies(ipmid)
    (before,) = ipmid.collectors()
    os.kill(before, signal.SIGKILL)            # the next one is told everything again
    wait_for(lambda: ipmid.collectors() and before not in ipmid.collectors(), 20, "another collector")
    ipmid.wait_connected()
    check_copies(ipmid)
    ipmid.signal_core(signal.SIGHUP)
    ipmid.wait_log("has been read again")
    check_copies(ipmid)


def test_copies_of_the_command_line(make_ipmid, make_bmc):
    ipmid = make_ipmid(make_bmc(password=CANARY))
    assert copies(ipmid) == {**PER_BMC, "core": 2}      # what was parsed, and what is made of it
