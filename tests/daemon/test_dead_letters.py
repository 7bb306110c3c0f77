# SPDX-License-Identifier: LGPL-2.1-or-later
"""Thousands of dead letters, replayed and dropped part by part."""

import signal

import pytest

import processes
from test_core import needs_crash_points
from test_ipmidctl import Ctl
from test_requests import make_desk  # noqa: F401  (a fixture)
from asking import CONFLICT
from unix_http import Client
from waiting import wait_for

PART = 500                # daemon/core/ledger-dead.c
TOTAL = 4 * PART + 200
ONLY = "kinds = discrete;unknown"      # not that there are dead letters


def bury(desk, *counts):
    """So many dead letters of each BMC; the script of the handler is `j`."""
    for bmc, count in zip(desk.bmcs, counts, strict=True):
        bmc.add(count)
    desk.wait_handler("sink", dead=sum(counts), pending=0)
    return len(desk.sunk())


def numbers(ids, bmc):
    return [int(record) for name, _, record in (one.split("/") for one in ids) if name == bmc]


def test_replay_and_drop_of_all(make_desk):  # noqa: F811
    """By way of ipmidctl: all of them, each BMC's in order; their records count as handled, or as not."""
    desk = make_desk(2, script="j", extra=ONLY)
    counts = (TOTAL - 300, 300)
    before = bury(desk, *counts)
    desk.change(script="d")
    Client(desk.ipmid.state_dir / "http").wait()
    ctl = Ctl("--state-dir", desk.ipmid.state_dir)
    assert ctl.good("dead", "replay", "sink", "--all") == f"{TOTAL} replayed\n"
    desk.wait_handler("sink", dead=0, pending=0)
    again = desk.sunk()[before:]
    assert [numbers(again, "b0"), numbers(again, "b1")] == [list(range(1, count + 1)) for count in counts]
    desk.wait_handler("log", pending=0)
    assert desk.ask("clear-sel", bmc="b0") == {"cleared": True, "records": counts[0]}
    assert ctl.good("dead", "replay", "sink", "--all") == "0 replayed\n"

    desk.change(script="j")
    bury(desk, TOTAL, 0)
    assert ctl.good("dead", "drop", "sink", "--all", "--yes") == f"{TOTAL} dropped\n"
    assert desk.handler("sink")["dead"] == desk.handler("sink")["pending"] == 0
    assert desk.ask("dead-list")["dead"] == []
    desk.wait_handler("log", pending=0)
    assert f"{TOTAL} were shed or dropped" in desk.asker.refused(CONFLICT, "clear-sel", bmc="b0")


def test_replay_to_a_handler_that_rejects_again(make_desk):  # noqa: F811
    """Each is tried once more; those that come meanwhile are neither lost nor in its way."""
    desk = make_desk(1, script="j", extra=ONLY)
    before = bury(desk, TOTAL)
    tag = desk.asker.send("dead-replay", {"handler": "sink", "all": True})
    desk.bmcs[0].add(300)
    wait_for(lambda: desk.asker.answers(tag), 30, "an answer")
    replayed = desk.asker.answers(tag)[0]["reply"]["replayed"]
    assert TOTAL <= replayed <= TOTAL + 300
    desk.wait_handler("sink", dead=TOTAL + 300, pending=0)
    assert len(desk.sunk()) - before == replayed + 300
    assert len(set(desk.sunk()[before:])) == TOTAL + 300


@needs_crash_points
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("method", ["dead-replay", "dead-drop"])
def test_ipmid_dies_in_between(make_desk, method, parts):  # noqa: F811
    """Whole parts are done, the rest are dead letters still, and go the same way when they are asked for."""
    desk = make_desk(1, script="j", extra=ONLY)
    before = bury(desk, TOTAL)
    assert desk.ipmid.terminate() == 0
    desk.ipmid.environment = {"IPMID_CRASH_POINT": f"request-part:{parts}"}
    desk.script = "r"
    desk.write()
    desk.start()
    desk.asker.send(method, {"handler": "sink", "all": True})
    assert processes.wait_exit(desk.ipmid.process, 30, "ipmid to die in between") == -signal.SIGKILL
    desk.ipmid.environment = {}
    desk.start()
    replayed = method == "dead-replay"
    desk.wait_handler("sink", dead=TOTAL - parts * PART, pending=parts * PART if replayed else 0)
    reply = desk.ask(method, handler="sink", all=True)
    assert list(reply.values()) == [TOTAL - parts * PART]
    desk.change(script="d")
    desk.wait_handler("sink", dead=0, pending=0)
    done = list(dict.fromkeys(reversed(desk.sunk()[before:])))[::-1]    # the last time counts
    assert numbers(done, "b0") == (list(range(1, TOTAL + 1)) if replayed else [])
    desk.wait_handler("log", pending=0)
    if replayed:
        assert desk.ask("clear-sel", bmc="b0") == {"cleared": True, "records": TOTAL}
    else:
        assert f"{TOTAL} were shed or dropped" in desk.asker.refused(CONFLICT, "clear-sel", bmc="b0")
