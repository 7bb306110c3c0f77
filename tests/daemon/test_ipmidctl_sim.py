# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ipmidctl does to a BMC, done to ipmi_sim: its SEL is cleared, its server switched."""

import json
from pathlib import Path

import pytest

import records
import sdr
from test_ipmidctl import DECLINED, TEMPFAIL, Ctl, on_terminal
from test_requests import CHASSIS, REAL, SINK
from unix_http import Client
from waiting import wait_for


class Desk:
    """An ipmid on one BMC, b0, and the ipmidctl for it; BASE and MORE are configuration."""

    def __init__(self, make_configured, bmc, more="", base=REAL):
        self.bmc = bmc
        self.ipmid = make_configured(base.format(user=bmc.user) + more, [bmc])
        self.client = Client(self.ipmid.state_dir / "http").wait()
        self.ctl = Ctl("--state-dir", self.ipmid.state_dir)

    def add(self, *numbers):
        """Records that are written, and on disk with all who are owed them."""
        before = self.records()
        self.bmc.add_many(records.numbered(self.bmc.population["CPU1 Temp"], number) for number in numbers)
        wait_for(lambda: self.records() == before + len(numbers), 20, "the records to come")
        wait_for(lambda: self.handler("log")["pending"] == 0, 20, "the file handler")

    def records(self):
        return sum("raw" in event for event in self.ipmid.json_events())

    def handler(self, name):
        return next(one for one in self.client.get("/handlers")[1]["handlers"] if one["name"] == name)

    def gaps(self):
        return [event for event in self.ipmid.json_events() if event["kind"] == "gap"]


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"no\n", b"\x04"], ids=["n", "enter", "no", "end"])
def test_clear_sel_that_is_declined(make_configured, bmc, answer):
    desk = Desk(make_configured, bmc)
    desk.add(1, 2, 3)
    status, shown = on_terminal(desk.ctl, "clear-sel", "b0", answer=answer)
    assert status == DECLINED and "Clear the SEL of b0? [y/N]" in shown and "cleared" not in shown
    assert len(bmc.sel()) == 3


def test_clear_sel(make_configured, bmc):
    """After a yes, or with --yes; what comes later is none of it, and no gap is seen."""
    desk = Desk(make_configured, bmc)
    desk.add(1, 2, 3)
    status, shown = on_terminal(desk.ctl, "clear-sel", "b0", answer=b"y\n")
    assert status == 0 and "Clear the SEL of b0? [y/N]" in shown
    assert shown.endswith("The SEL of b0 is cleared.\n")
    assert bmc.sel() == []
    desk.add(4)
    assert desk.ctl.json("clear-sel", "b0", "--yes") == {"cleared": True, "records": 1}
    assert bmc.sel() == []
    assert desk.ctl.good("clear-sel", "b0", "-y") == "The SEL of b0 is cleared.\n"     # an empty one
    desk.add(5, 6)
    assert len(bmc.sel()) == 2 and desk.gaps() == []


def test_clear_sel_of_what_is_not_handled(make_configured, bmc, tmp_path):
    """Refused; --force asks for just that, and does it."""
    desk = Desk(make_configured, bmc, SINK.format(log=tmp_path / "sink.log", script="r", extra="existing = yes"))
    desk.add(1, 2)
    desk.ctl.refused(TEMPFAIL, "2 events wait", "clear-sel", "b0", "--yes")
    assert len(bmc.sel()) == 2
    status, shown = on_terminal(desk.ctl, "clear-sel", "b0", "--force", answer=b"n\n")
    assert status == DECLINED and "Clear the SEL of b0, also what is not handled yet? [y/N]" in shown
    assert len(bmc.sel()) == 2
    status, shown = on_terminal(desk.ctl, "clear-sel", "--force", "b0", answer=b"yes\n")
    assert status == 0 and shown.endswith("The SEL of b0 is cleared.\n")
    assert bmc.sel() == [] and desk.handler("sink")["pending"] == 2      # they are still owed
    desk.add(3)
    assert desk.ctl.good("clear-sel", "b0", "--force", "--yes") == "The SEL of b0 is cleared.\n"
    assert bmc.sel() == [] and desk.gaps() == []


def test_clear_sel_of_what_nobody_was_given(make_configured, bmc, tmp_path):
    """What stood there before ipmid came, and no handler was to have, has not been handled by anybody."""
    bmc.add_many(records.numbered(bmc.population["CPU1 Temp"], number) for number in (1, 2))
    desk = Desk(make_configured, bmc, SINK.format(log=tmp_path / "sink.log", script="d", extra="existing = no"),
                base=REAL.replace("existing = yes", "existing = no"))
    desk.add(3)
    wait_for(lambda: desk.handler("sink")["delivered"] == 1, 20, "the new one to be handled")
    desk.ctl.refused(TEMPFAIL, "2 were shed or dropped, or given to no required handler", "clear-sel", "b0", "--yes")
    assert len(bmc.sel()) == 3
    assert desk.ctl.good("clear-sel", "b0", "--force", "--yes") == "The SEL of b0 is cleared.\n"
    desk.add(4)
    assert desk.ctl.good("clear-sel", "b0", "--yes") == "The SEL of b0 is cleared.\n"
    assert bmc.sel() == [] and desk.gaps() == []


def test_power(make_bmc, make_configured, tmp_path):
    """What the server does, and not only what ipmidctl says of it."""
    power, program = tmp_path / "power", tmp_path / "chassis"
    power.write_text("0", encoding="ascii")
    program.write_text(CHASSIS.format(power), encoding="ascii")
    program.chmod(0o755)
    desk = Desk(make_configured, make_bmc(sdr.Population(sdr.ORDINARY, satellite=False), chassis_control=program))

    def done(what):
        log = Path(f"{power}.log")
        return log.read_text(encoding="ascii").count(f"set {what}\n") if log.exists() else 0
    assert desk.ctl.good("power", "b0") == "b0: power is off\n"
    assert desk.ctl.good("power", "b0", "on") == "b0: power on: done\n"      # does no harm: no question
    assert (power.read_text(encoding="ascii"), done("power 1")) == ("1", 1)
    assert desk.ctl.good("power", "b0", "status") == "b0: power is on\n"
    assert desk.ctl.json("power", "b0") == {"done": True, "power": "on"}
    status, shown = on_terminal(desk.ctl, "power", "b0", "off", answer=b"n\n")
    assert status == DECLINED and "Power off for the server of b0? [y/N]" in shown
    assert (power.read_text(encoding="ascii"), done("power 0")) == ("1", 0)
    status, shown = on_terminal(desk.ctl, "power", "b0", "off", answer=b"y\n")
    assert status == 0 and shown.endswith("b0: power off: done\n")
    assert (power.read_text(encoding="ascii"), done("power 0")) == ("0", 1)
    assert json.loads(desk.ctl.good("power", "b0", "reset", "--yes", "--json")) == {"done": True}
    assert done("reset 1") == 1
    assert desk.ctl.good("power", "b0", "reset", "-y") == "b0: power reset: done\n"
    assert done("reset 1") == 2
