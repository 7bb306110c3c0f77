# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail handler: with a real Exim, and with a server that answers to order."""

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest

from certificates import Authority
from fake_fleet import Fleet
from mail_server import Exim, ScriptedSmtp
from waiting import wait_for

HANDLER = """[handler post]
plugin = mail
server = {server}
from = ipmid@example.org
retry-min = 50ms
retry-max = 200ms
{lines}
"""
LOGIN = "user = ipmid\npassword-file = {secret}\nca-file = {ca}\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def make_exim(request, authority):
    def make_one(**options):
        exim = Exim(authority, **options)
        request.addfinalizer(exim.stop)
        return exim.start()
    return make_one


@pytest.fixture
def make_scripted(request):
    def make_one(**answers):
        server = ScriptedSmtp(**answers)
        request.addfinalizer(server.stop)
        return server
    return make_one


@pytest.fixture
def make(request, tmp_path, authority):
    """Make and start a fleet whose only handler is mail."""
    secret = tmp_path / "secret"
    secret.write_text("secret\n", encoding="ascii")
    secret.chmod(0o600)

    def make_one(server, lines, *, count=1, start=True):
        fleet = Fleet(tmp_path, count)
        request.addfinalizer(fleet.stop)
        fleet.handlers = {}
        fleet.secret = secret
        fleet.write(HANDLER.format(server=server, lines=lines.format(secret=secret, ca=authority.certificate)))
        return fleet.start() if start else fleet
    return make_one


def section(status):
    """What --status says of this handler."""
    return status.partition("handler: post\n")[2].partition("handler: ")[0]


def wait_handled(fleet, count):
    wait_for(lambda: re.search(rf"^ *handled: {count}$", section(fleet.ipmid.status()), re.MULTILINE), 20,
             lambda: f"{fleet.ipmid.status()}\n{fleet.ipmid.log()[-2000:]}", poll=0.05)


def wait_dead(fleet, count):
    wait_for(lambda: fleet.ipmid.dead_letters().count("handler:") == count, 20,
             lambda: f"{fleet.ipmid.dead_letters()}\n{fleet.ipmid.log()[-2000:]}", poll=0.05)
    return fleet.ipmid.dead_letters()


def ids(mail):
    return re.findall(r"^ *id: +(\S+)$", mail.get_content(), re.MULTILINE)


def all_ids(mails):
    return [int(event_id.rpartition("/")[2]) for mail in mails for event_id in ids(mail)]


def wait_ids(exim, name, expected):
    """Wait until all of these records have come for a user, and check that no other has."""
    wait_for(lambda: set(expected) <= set(all_ids(exim.mail(name))), 20,
             lambda: f"{expected} for {name}, there are {all_ids(exim.mail(name))}")
    assert set(all_ids(exim.mail(name))) == set(expected)


# ---------------------------------------------------------------------- a real server

@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_burst_becomes_one_mail(make, make_exim, tls):
    exim = make_exim()
    fleet = make(f"{exim.address}:{exim.port if tls == 'starttls' else exim.tls_port}",
                 LOGIN + f"tls = {tls}\nto = admin@example.org\nlinger = 500ms", count=2)
    for bmc in fleet.bmcs:
        bmc.add(5)
    wait_handled(fleet, 10)
    wait_ids(exim, "admin", [1, 2, 3, 4, 5])
    mails = exim.mail("admin")
    assert len(mails) <= 2
    assert sorted(all_ids(mails)) == sorted(2 * [1, 2, 3, 4, 5])
    mail = mails[0]
    assert re.match(r"\[ipmid\] \d+ events.*b[01]", mail["Subject"])
    assert (mail["From"], mail["To"]) == ("ipmid <ipmid@example.org>", "admin@example.org")
    assert (mail["Auto-Submitted"], mail.get_content_type(), mail.get_content_charset()) == (
        "auto-generated", "text/plain", "utf-8")
    assert not mail.defects
    assert abs(parsedate_to_datetime(mail["Date"]) - datetime.now(timezone.utc)) < timedelta(minutes=2)
    assert re.fullmatch(r"<[0-9a-f]{32}@example.org>", mail["Message-ID"])


def test_wrong_password_loses_nothing(make, make_exim):
    """And is not shown; the right one is read on SIGHUP."""
    exim = make_exim()
    fleet = make(f"{exim.address}:{exim.port}", LOGIN + "to = admin@example.org", start=False)
    fleet.secret.write_text("MAILCANARY\n", encoding="ascii")
    fleet.start()
    fleet.bmcs[0].add(3)
    fleet.ipmid.wait_log("will be tried again: 535")
    fleet.secret.write_text("secret\n", encoding="ascii")
    fleet.reload("has been read again|nothing has changed")
    wait_handled(fleet, 3)
    wait_ids(exim, "admin", [1, 2, 3])
    assert fleet.ipmid.dead_letters().count("handler:") == 0
    assert "MAILCANARY" not in fleet.ipmid.log()


def test_without_login(make, make_exim):
    exim = make_exim(login=False)
    fleet = make(f"{exim.address}:{exim.port}", "ca-file = {ca}\nto = admin@example.org")
    fleet.bmcs[0].add(1)
    exim.wait("admin")


def test_no_starttls_no_mail(make, make_exim):
    exim = make_exim(starttls=False, login=False)
    fleet = make(f"{exim.address}:{exim.port}", "ca-file = {ca}\nto = admin@example.org")
    fleet.bmcs[0].add(1)
    fleet.ipmid.wait_log("not handled, will be tried again: .*(STARTTLS|TLS|SSL)")
    assert exim.mail("admin") == []


def test_wrong_authority(make, make_exim, tmp_path):
    exim = make_exim()
    other = Authority(tmp_path / "other").certificate
    fleet = make(f"{exim.address}:{exim.port}",
                 LOGIN.replace("{ca}", str(other)) + "to = admin@example.org")
    fleet.bmcs[0].add(1)
    fleet.ipmid.wait_log("not handled, will be tried again: .*certificate")
    assert exim.mail("admin") == []


def test_one_recipient_is_refused(make, make_exim):
    """The others get it, and the log says so."""
    exim = make_exim()
    fleet = make(f"{exim.address}:{exim.port}", LOGIN + "to = admin@example.org;nobody@example.org")
    fleet.bmcs[0].add(1)
    exim.wait("admin")
    wait_handled(fleet, 1)
    fleet.ipmid.wait_log("some of its recipients were refused.*550 there is nobody")


def test_one_recipient_is_deferred(make, make_exim):
    """It is tried again for that one, and the other gets no second mail."""
    exim = make_exim()
    fleet = make(f"{exim.address}:{exim.port}", LOGIN + "to = admin@example.org;later@example.org")
    fleet.bmcs[0].add(1)
    fleet.ipmid.wait_log("will be tried again: 451 come again")
    exim.open_later()
    exim.wait("later")
    wait_handled(fleet, 1)
    assert len(exim.mail("admin")) == 1


def test_all_recipients_are_refused(make, make_exim):
    exim = make_exim()
    fleet = make(f"{exim.address}:{exim.port}", LOGIN + "to = nobody@example.org;who@elsewhere.org")
    fleet.bmcs[0].add(1)
    assert "550" in wait_dead(fleet, 1)


def test_only_the_poisoned_one(make, make_exim):
    """A filter that takes offence at one event of a digest costs only that."""
    exim = make_exim(poison="b0/[0-9]+/3[^0-9]")
    fleet = make(f"{exim.address}:{exim.port}", LOGIN + "to = admin@example.org\nlinger = 500ms")
    fleet.bmcs[0].add(5)
    assert "this looks bad" in wait_dead(fleet, 1)
    wait_handled(fleet, 4)
    wait_ids(exim, "admin", [1, 2, 4, 5])


# ------------------------------------------------------------------ answers to order

@pytest.mark.parametrize("answers", [
    {"MAIL": "451 not now"}, {"RCPT": "450 not now"}, {"DATA": "451 not now"}, {"CONTENT": "452 not now"},
    {"CONTENT": "421 not now"}, {"CONNECT": "421 not now"}, {"CONNECT": "554 not now"}, {"MAIL": "530 log in"},
    {"MAIL": None}, {"RCPT": None}, {"DATA": None}, {"CONTENT": None},
], ids=str)
def test_for_now(make, make_scripted, answers):
    """Tried again until it works, with the same Message-ID."""
    server = make_scripted(**answers)
    fleet = make(f"127.0.0.1:{server.port}", "tls = none\nto = admin@example.org")
    fleet.bmcs[0].add(1)
    fleet.ipmid.wait_log("not handled, will be tried again")
    server.answers.clear()
    wait_handled(fleet, 1)
    assert [to for to, _ in server.mails] == [["admin@example.org"]]
    assert fleet.ipmid.dead_letters().count("handler:") == 0


@pytest.mark.parametrize("answers", [{"MAIL": "550 no"}, {"RCPT": "550 no"}, {"DATA": "554 no"}, {"CONTENT": "554 no"}],
                         ids=str)
def test_for_good(make, make_scripted, answers):
    server = make_scripted(**answers)
    fleet = make(f"127.0.0.1:{server.port}", "tls = none\nto = admin@example.org")
    fleet.bmcs[0].add(1)
    assert re.search("reason: +55[04] no", wait_dead(fleet, 1))
    assert server.taken == []


def test_repeat_has_the_same_id(make, make_scripted):
    """The server has taken it, but its answer got lost."""
    seen = []

    def content(text):
        seen.append(re.search(r"^Message-ID: (.*)\r$", text, re.MULTILINE)[1])
        return None if len(seen) == 1 else "250 ok"
    server = make_scripted(CONTENT=content)
    fleet = make(f"127.0.0.1:{server.port}", "tls = none\nto = admin@example.org")
    fleet.bmcs[0].add(1)
    wait_handled(fleet, 1)
    assert len(seen) == 2 and seen[0] == seen[1]


def test_recipients_by_severity(make, make_scripted):
    """Fake records are info; nobody is told who asked for worse only."""
    server = make_scripted()
    fleet = make(f"127.0.0.1:{server.port}", "tls = none\nto = all@example.org\nto-critical = pager@example.org")
    fleet.bmcs[0].add(2)
    wait_handled(fleet, 2)
    assert {address for to, _ in server.mails for address in to} == {"all@example.org"}


def test_connection_is_kept(make, make_scripted):
    server = make_scripted()
    fleet = make(f"127.0.0.1:{server.port}", "tls = none\nto = all@example.org\nbatch = 1")
    fleet.bmcs[0].add(5)
    wait_handled(fleet, 5)
    assert len(server.taken) == 5
    assert server.connections == 1


def test_silent_server(make, make_scripted):
    """Its silence has a limit, and does not hold up the end."""
    hang = []
    server = make_scripted(MAIL=lambda _line: hang.append(1) or wait_for(lambda: not hang, 100) and "250 ok")
    fleet = make(f"127.0.0.1:{server.port}", "tls = none\nto = all@example.org\nsend-timeout = 1s")
    fleet.bmcs[0].add(1)
    fleet.ipmid.wait_log("will be tried again: .*(timed out|Timeout)")
    wait_for(lambda: len(hang) > 1, 10, "another attempt")
    assert fleet.ipmid.terminate() == 0
    hang.clear()


def test_end_before_the_mail_is_accepted(make, make_scripted):
    """Recipients who are accepted have nothing yet: the event comes after the next start."""
    asked = []
    hang = [True]

    def data(line):
        asked.append(line)
        wait_for(lambda: not hang, 100, "the end of the test")
    server = make_scripted(DATA=data)
    fleet = make(f"127.0.0.1:{server.port}", "tls = none\nto = all@example.org\nsend-timeout = 60s")
    fleet.bmcs[0].add(1)
    wait_for(lambda: asked, 20, "DATA, after the recipient")
    assert fleet.ipmid.terminate() == 0
    assert "does not come back" not in fleet.ipmid.log()
    hang.clear()
    server.answers.clear()
    assert server.taken == []
    fleet.start()
    wait_handled(fleet, 1)
    assert [to for to, _ in server.mails] == [["all@example.org"]]
    assert fleet.ipmid.dead_letters().count("handler:") == 0


def test_no_end_waits_for_goodbye(make, make_scripted):
    """A connection that is kept for the next mail, to a server that does not answer any more."""
    server = make_scripted()
    fleet = make(f"127.0.0.1:{server.port}", "tls = none\nto = all@example.org")
    fleet.bmcs[0].add(1)
    wait_handled(fleet, 1)
    server.say_goodbye = False
    assert fleet.ipmid.terminate() == 0
    assert "does not come back" not in fleet.ipmid.log()


@pytest.mark.parametrize(("lines", "says"), [
    ("to = a@b;nonsense", "to: 'nonsense' is no address"),
    ("to = a@b\\nBcc: c@d", "is no address"),
    ("", "nobody gets mail"),
    ("to = a@b\nuser = x", "go together"),
    ("to = a@b\nuser = x\ntls = none\npassword-file = {secret}", "could be read on its way"),
    ("to = a@b\nca-file = /nowhere", "ca-file: cannot read /nowhere"),
    ("to = a@b\nsubject-prefix = a\\nb", "control character"),
])
def test_bad_options(make, lines, says):
    fleet = make("mail.example.org", lines, start=False)
    exit_status, _, found = fleet.ipmid.check()
    assert exit_status == 78
    assert any(says in line for line in found), found


@pytest.mark.parametrize("server", ["", "a b", "http://x", "user@host", "host/path", "host:port"])
def test_bad_server(make, server):
    fleet = make(server, "to = a@b", start=False)
    exit_status, _, found = fleet.ipmid.check()
    assert exit_status == 78
    assert any("is no server" in line for line in found), found
