# SPDX-License-Identifier: LGPL-2.1-or-later
"""--test-handler: one event through one handler, also beside a running ipmid."""

import json
import subprocess

import pytest

from fake_fleet import Fleet
from mail_server import ScriptedSmtp
from receiver import Receiver, script, status
from waiting import scaled

CONFIG = """
[handler tried]
plugin = file
path = {{directory}}/tested.json
format = json
severity = critical
bmcs = nobody
quiet = 1h
linger = 1m
[handler chat]
plugin = webhook
url = http://127.0.0.1:{hook}/
[handler post]
plugin = mail
server = 127.0.0.1:{smtp}
tls = none
from = ipmid@example.org
to = admin@example.org
to-critical = pager@example.org
[handler program]
plugin = exec
program = {{directory}}/program
time-limit = 500ms
[handler delete]
plugin = sel-delete
"""


@pytest.fixture
def fleet(tmp_path, request):
    fleet = Fleet(tmp_path, 1)
    request.addfinalizer(fleet.stop)
    fleet.hook = Receiver()
    request.addfinalizer(fleet.hook.stop)
    fleet.smtp = ScriptedSmtp()
    request.addfinalizer(fleet.smtp.stop)
    fleet.write(CONFIG.format(hook=fleet.hook.port, smtp=fleet.smtp.port))
    return fleet


def run(fleet, name):
    """(exit status, standard output, standard error)."""
    ipmid = fleet.ipmid
    done = subprocess.run([ipmid.build.core, "-c", ipmid.config, *ipmid.build.options(ipmid.plugin_dir),
                           "--test-handler", name],
                          capture_output=True, text=True, timeout=scaled(20), check=False)
    return done.returncode, done.stdout, done.stderr


def test_good(fleet):
    """Whatever the handler's filter says."""
    assert run(fleet, "tried")[:2] == (0, 'handler "tried" (file): good, the test event was handled\n')
    event = json.loads((fleet.ipmid.directory / "tested.json").read_text(encoding="utf-8"))
    assert (event["bmc"], event["severity"], event["kind"]) == ("ipmid-test", "critical", "threshold")
    assert "TEST" in event["text"]
    assert not fleet.ipmid.state_dir.exists()


def test_beside_a_running_ipmid(fleet):
    fleet.start()
    before = fleet.ipmid.status()
    assert run(fleet, "chat")[0] == 0
    assert fleet.hook.requests[0].json["bmc"] == "ipmid-test"
    fleet.bmcs[0].add(1)
    fleet.wait_delivered()
    assert "ipmid-test" not in fleet.ipmid.status() + before


def test_mail_goes_to_all(fleet):
    assert run(fleet, "post")[0] == 0
    (to, mail), = fleet.smtp.mails
    assert to == ["admin@example.org", "pager@example.org"]
    assert "TEST" in mail["Subject"]


@pytest.mark.parametrize(("answer", "exit_status", "says"), [
    (status(503, b"later"), 75, "FAILED, such an event would be tried again: http://127.0.0.1:PORT/ answered 503: later"),
    (status(429, b"later", Retry_After="3600"), 75, "answered 429: later"),
    (status(404, b"nobody"), 69, "REJECTED, such an event would become a dead letter: http://127.0.0.1:PORT/ answered 404"),
])
def test_bad_answer(fleet, answer, exit_status, says):
    fleet.hook.decide = script(answer)
    found, out, _ = run(fleet, "chat")
    assert found == exit_status
    assert says.replace("PORT", str(fleet.hook.port)) in out
    assert len(fleet.hook.requests) == 1


def test_hangs(fleet):
    program = fleet.ipmid.directory / "program"
    program.write_text("#!/bin/sh\nexec sleep 100\n", encoding="ascii")
    program.chmod(0o755)
    exit_status, out, _ = run(fleet, "program")
    assert exit_status == 75 and "did not end in time" in out


@pytest.mark.parametrize(("name", "exit_status", "says"), [
    ("chatt", 64, 'there is no [handler chatt] in the configuration; did you mean "chat"?'),
    ("delete", 64, "acts on records that others have handled"),
])
def test_no_such_test(fleet, name, exit_status, says):
    found, out, errors = run(fleet, name)
    assert (found, out) == (exit_status, "")
    assert says in errors


def test_mistakes_in_the_file(fleet):
    fleet.write("[handler x]\nplugin = webhook\n")
    exit_status, _, errors = run(fleet, "x")
    assert exit_status == 78
    assert "where to send events is missing" in errors
