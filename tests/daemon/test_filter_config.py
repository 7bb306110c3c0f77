# SPDX-License-Identifier: LGPL-2.1-or-later
"""A store and a notifier side by side in one configuration, with fake-collector for a BMC."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from configured import ConfiguredIpmid
from fake_bmc import FakeBuild
from test_core import bmc  # noqa: F401  (a fixture)
from test_filter import BEGINS, ENDS
from waiting import wait_for

CONFIG = """\
[daemon]
state-dir = {{state}}
settle-time = 0s
{daemon}
[bmc test]
address = 127.0.0.1
user = u
authtype = none
labels = site=north
{bmc}
[handler store]
plugin = file
path = {{output}}
format = json
kinds = discrete
[handler mail]
plugin = file
path = {{directory}}/mail
format = json
kinds = discrete
severity = warning
required = no
existing = no
quiet = 1h
{mail}
"""


@pytest.fixture
def make(tmp_path, bmc):
    made = []

    def make_one(start=True, **parts):
        ipmid = ConfiguredIpmid(tmp_path / f"ipmid{len(made)}", text(**parts), build=FakeBuild(bmc.path))
        made.append(ipmid)
        if start:
            ipmid.start(wait=False)
            ipmid.wait_log(r"\bmsg=up\b")
        return ipmid
    yield make_one
    for ipmid in made:
        ipmid.stop()


def text(daemon="", bmc="", mail=""):
    return CONFIG.format(daemon=daemon, bmc=bmc, mail=mail)


def mailed(ipmid):
    path = ipmid.directory / "mail"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return "".join("A" if json.loads(line)["assert"] else "d" for line in lines)


def status(ipmid, handler):
    """What --status says of a handler, as a dictionary."""
    part = ipmid.status().partition(f"handler: {handler}\n")[2].partition("handler: ")[0]
    return dict(re.findall(r"^ *([^:\n]+): (.*)$", part, re.MULTILINE))


def wait_status(ipmid, handler, key, value):
    wait_for(lambda: status(ipmid, handler).get(key) == value, 30,
             lambda: f"{key}: {value} of {handler}; it says {ipmid.status()}", poll=0.05)


def later(**time):
    return (datetime.now(timezone.utc) + timedelta(**time)).strftime("%Y-%m-%dT%H:%MZ")


@pytest.mark.deadline(90)
def test_storage_misses_nothing(make, bmc):
    ipmid = make()
    for _ in range(10):
        bmc.add_events(*[BEGINS, ENDS] * 50)
    wait_status(ipmid, "store", "handled", "1000")
    wait_status(ipmid, "mail", "handled", "2")
    assert status(ipmid, "mail")["held back in quiet time"] == "499"
    assert status(ipmid, "store")["held back in quiet time"] == "0"
    assert mailed(ipmid) == "Ad"
    assert [event["raw"] for event in ipmid.json_events()] == [raw.hex() for raw in bmc.written]


@pytest.mark.parametrize("where", ["bmc", "daemon"])
def test_silence(make, bmc, where):
    """Of the BMC or of its label; what still stands when it is lifted is told."""
    until = later(hours=1)
    line = f"silence-until = {until}" if where == "bmc" else f"silences = site=nor* until {until}"
    ipmid = make(mail="silence = yes", **{where: line})
    bmc.add_events(BEGINS, ENDS, BEGINS)
    wait_status(ipmid, "mail", "held back in silence", "2")
    wait_status(ipmid, "store", "handled", "3")
    assert ipmid.terminate() == 0
    assert mailed(ipmid) == ""
    ipmid.configure(text(mail="silence = yes"))
    ipmid.start(wait=False)
    wait_status(ipmid, "mail", "handled", "1")
    assert mailed(ipmid) == "A"


@pytest.mark.parametrize("parts", [
    {"mail": "silence = yes", "daemon": "silences = site=south until 2099-01-01T00:00Z"},     # of others
    {"mail": "silence = yes", "bmc": "silence-until = 2020-01-01T00:00Z"},                    # over
    {"mail": "silence = yes", "bmc": "silence-until = 2099-01-01T00:00Z"},                    # for ever
    {"bmc": "silence-until = {soon}"},                                                        # a file is a store
])
def test_no_silence(make, bmc, parts):
    ipmid = make(**{key: value.replace("{soon}", later(hours=1)) for key, value in parts.items()})
    bmc.add_events(BEGINS)
    wait_status(ipmid, "mail", "handled", "1")
    assert status(ipmid, "mail")["held back in silence"] == "0"


def test_check(make):
    ipmid = make(start=False, daemon="silences = north until tomorrow", bmc="silence-until = soon",
                 mail="sensor-types = Temprature\nlabels = north\nquite = 5m")
    exit_status, _, lines = ipmid.check()
    assert exit_status == 78
    for number, says in [(4, "silences: 'north until tomorrow' is no silence"), (10, "silence-until: 'soon' is no time"),
                         (25, "did you mean 'Temperature'"), (26, "labels: 'north' is no label"),
                         (27, 'did you mean "quiet"')]:
        assert any(f"ipmid.conf:{number}: " in line and says in line for line in lines), (number, lines)
