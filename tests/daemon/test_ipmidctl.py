# SPDX-License-Identifier: LGPL-2.1-or-later
"""ipmidctl: what it shows and does, and how it ends; with fake-collector for BMCs."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from contextlib import contextmanager

import pytest

import processes
from daemon import Build
from fake_fleet import Fleet
from unix_http import Client
from waiting import scaled, wait_for

DECLINED, USAGE, NOINPUT, UNAVAILABLE, TEMPFAIL, NOPERM, CONFIG = 1, 64, 66, 69, 75, 77, 78
NOBODY = 65534


class Ctl:
    """ipmidctl for one ipmid."""

    def __init__(self, *target, environment=None):
        self.program = os.fspath(Build().directory / "ipmidctl")
        self.target = [os.fspath(word) for word in target]
        self.environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8", **(environment or {})}

    def run(self, *words, stdin=None, **options):
        """(exit status, standard output, standard error)."""
        done = subprocess.run([self.program, *self.target, *words], capture_output=True, text=True, check=False,
                              timeout=scaled(30), env=self.environment,
                              **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}), **options)
        return done.returncode, done.stdout, done.stderr

    def good(self, *words, **options):
        """What it prints when all is well."""
        status, out, err = self.run(*words, **options)
        assert (status, err) == (0, ""), (words, status, out, err)
        return out

    def json(self, *words):
        status, out, err = self.run(*words, "--json")
        assert status == 0 and not err, (words, status, err)
        return json.loads(out)

    def refused(self, status, pattern, *words, **options):
        """It ends with STATUS, says why on standard error alone, and that in one go."""
        got, out, err = self.run(*words, **options)
        assert got == status, (words, got, out, err)
        assert out == "" and err.startswith("ipmidctl: ") and re.search(pattern, err), (words, err)

    def start(self, *words):
        return processes.spawn([self.program, *self.target, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=self.environment)


@pytest.fixture
def fleet(tmp_path):
    """Two BMCs, one with sensors, up; and an ipmidctl for their ipmid."""
    fleet = Fleet(tmp_path, 2)
    fleet.bmcs[0].say(".sensors", "3 50\n")
    fleet.groups["b1"] = "labels = site=north"
    fleet.write()
    fleet.start()
    fleet.client = Client(fleet.ipmid.state_dir / "http").wait()
    fleet.ctl = Ctl("--state-dir", fleet.ipmid.state_dir)
    yield fleet
    fleet.stop()


def rows(text):
    """The lines of a table as dictionaries; columns are two blanks apart."""
    title, *lines = text.splitlines()
    starts = [found.start() for found in re.finditer(r"(?<!\S)\S+(?: \S+)*", title)]
    names = re.split(r"\s{2,}", title.strip())
    assert len(names) == len(starts)
    return [dict(zip(names, re.split(r"\s{2,}", line))) for line in lines]


# ---- what it shows


def test_status(fleet):
    out = fleet.ctl.good("status")
    assert re.search(rf"^ipmid +\S+, pid {fleet.ipmid.pid}, since \d{{4}}-", out, re.M)
    assert re.search(r"^BMCs +2: 2 up$", out, re.M) and os.fspath(fleet.ipmid.state_dir) in out
    assert re.search(r"^log +file +working +0 ", out, re.M) and re.search(r"^http +http +working ", out, re.M)
    assert re.search(rf"^ +\d+ +{fleet.processes()[0]} +running +2 +0$", out, re.M)
    said, asked = fleet.ctl.json("status"), fleet.client.get("/status")[1]
    assert said["daemon"]["pid"] == asked["daemon"]["pid"] and set(said) == set(asked)


def test_bmcs(fleet):
    found = {row["BMC"]: row for row in rows(fleet.ctl.good("bmcs"))}
    assert set(found) == {"b0", "b1"} and all(row["STATE"] == "up" for row in found.values())
    assert "site=north" in found["b1"].values()
    assert [one["name"] for one in fleet.ctl.json("bmcs")["bmcs"]] == ["b0", "b1"]
    assert fleet.ctl.good("names", "bmcs") == "b0\nb1\n"
    assert set(fleet.ctl.good("names", "handlers").split()) == {"log", "http"}


def test_sensors(fleet):
    def available():
        out = fleet.ctl.good("sensors", "b0")
        return len(out.splitlines()) == 4 and re.search(r"  (ok|info|warning|critical) ", out) and out
    out = wait_for(available, 10, "the sensors")
    names = [sensor["sensor"] for sensor in fleet.ctl.json("sensors", "b0")["sensors"]]
    assert all(name in out for name in names)
    status, out, err = fleet.ctl.run("sensors", "b1")
    assert (status, out) == (0, "") and "not known" in err
    fleet.ctl.refused(NOINPUT, 'no BMC "b9"', "sensors", "b9")


def events(fleet, *words):
    status, out, _ = fleet.ctl.run("events", *words)
    assert status == 0
    return out.splitlines()


def settled(fleet):
    """What was written has come, also to memory."""
    def all_there():
        wanted = {event["id"] for event in fleet.events() if not event.get("existing")}
        kept = {json.loads(line)["id"] for line in events(fleet, "--limit", "5000", "--json")}
        return wanted <= kept
    fleet.wait_delivered()
    wait_for(all_there, 10, "the events in memory", poll=0.05)
    return fleet.events()


def test_events(fleet):
    """The latest ones, latest last; filters; JSON lines as the file handler writes them."""
    fleet.bmcs[0].add(60)
    fleet.bmcs[1].add(2)
    message_id = fleet.ctl.good("log", "b1", "disk swapped").strip()
    wait_for(lambda: message_id in {event["id"] for event in fleet.events()}, 10, "the message")
    written = {event["id"]: event for event in settled(fleet)}
    found = [json.loads(line) for line in events(fleet, "--json", "-n", "5000")]
    assert all(written[event["id"]] == event for event in found)
    assert [e["record_id"] for e in found if e["bmc"] == "b0" and "record_id" in e] == list(range(1, 61))
    assert len(events(fleet)) == 50 and len(events(fleet, "-n", "7")) == 7
    assert [json.loads(line) for line in events(fleet, "--json", "--limit=7")] == found[-7:]
    assert [json.loads(line) for line in events(fleet, "--json", "--bmc", "b1", "--kind", "message")] == [
        event for event in found if event["bmc"] == "b1" and event["kind"] == "message"]
    line, = events(fleet, "--kind", "message")
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  b1 {10}  info      disk swapped$", line), line
    assert events(fleet, "--kind", "message", "--until", written[message_id]["received"]) == []
    assert events(fleet, "--kind", "message", "--since", "1h") == [line]
    assert events(fleet, "--kind", "message", "--since", "2099-01-01") == []


def test_events_of_many_pages(fleet):
    fleet.daemon += "\n[handler http]\nplugin = http\nlatest = 5000\n"
    fleet.write()
    fleet.reload()
    fleet.client.wait()
    fleet.bmcs[0].add(2500)
    fleet.wait_delivered()
    kind, = {event["kind"] for event in fleet.events(bmc="b0") if "record_id" in event}
    only = ("--bmc", "b0", "--kind", kind, "--json")
    wait_for(lambda: len(events(fleet, "-n", "5000", *only)) >= 2500, 20, "all events", poll=0.2)
    found = [json.loads(line) for line in events(fleet, "-n", "2200", *only)]
    assert [event["record_id"] for event in found] == list(range(301, 2501))


def test_follow(fleet):
    """As they come, until ipmid ends."""
    fleet.bmcs[0].add(3)
    settled(fleet)
    kind, = {event["kind"] for event in fleet.events(bmc="b0") if "record_id" in event}
    process = fleet.ctl.start("events", "--follow", "--json", "--limit", "2", "--bmc", "b0", "--kind", kind)
    read = [json.loads(process.stdout.readline())["record_id"] for _ in range(2)]
    assert read == [2, 3]
    for n in range(4, 8):
        fleet.bmcs[0].add()
        assert json.loads(process.stdout.readline())["record_id"] == n
    assert fleet.ipmid.terminate() == 0
    out, err = process.communicate(timeout=scaled(10))
    assert (process.returncode, out, err) == (UNAVAILABLE, b"", b"ipmidctl: ipmid has ended\n")


def test_follow_and_ipmid_is_killed(fleet):
    process = fleet.ctl.start("events", "-f", "--bmc", "b1")
    fleet.bmcs[1].add()
    assert b"b1" in process.stdout.readline()
    fleet.ipmid.kill_core()
    _, err = process.communicate(timeout=scaled(10))
    assert (process.returncode, err) == (UNAVAILABLE, b"ipmidctl: ipmid is gone\n")


# ---- what it does


def test_dead_letters(tmp_path):
    """A program that rejects: listed, shown, replayed, dropped."""
    script = tmp_path / "reject"
    script.write_text("#!/bin/sh\n[ -e \"$0.good\" ] || exit 65\ncat >> \"$0.out\"\n", encoding="ascii")
    script.chmod(0o755)
    fleet = Fleet(tmp_path, 1)
    fleet.handlers["log"] = ("{output}", f"\n[handler prog]\nplugin = exec\nprogram = {script}\ninput = stdin\n"
                                         "format = json\nkinds = discrete;unknown\nexisting = yes\n")
    fleet.write()
    fleet.start()
    ctl = Ctl("--state-dir", fleet.ipmid.state_dir)
    try:
        Client(fleet.ipmid.state_dir / "http").wait()
        status, out, err = ctl.run("dead", "list")
        assert (status, out, err) == (0, "", "There are no dead letters.\n")
        fleet.bmcs[0].add(3)
        wait_for(lambda: len(ctl.json("dead", "list")["dead"]) == 3, 20, "three dead letters", poll=0.1)
        ids = [one["id"] for one in ctl.json("dead", "list")["dead"]]
        assert [row["EVENT"] for row in rows(ctl.good("dead", "list"))] == ids
        assert ctl.json("dead", "list", "--handler", "prog", "-n", "2")["dead"][0]["handler"] == "prog"
        assert len(ctl.json("dead", "list", "-n", "2")["dead"]) == 2
        shown = ctl.good("dead", "show", "prog", ids[0])
        assert re.search(rf"^id +{ids[0]}$", shown, re.M) and re.search(r"^handler +prog$", shown, re.M)
        assert ctl.json("dead", "show", "prog", ids[0])["event"]["id"] == ids[0]
        ctl.refused(NOINPUT, "b0/1/9", "dead", "show", "prog", "b0/1/9")
        ctl.refused(NOINPUT, "nobody", "dead", "replay", "nobody", "--all")
        ctl.refused(USAGE, "the id of an event, or --all", "dead", "replay", "prog")
        ctl.refused(USAGE, "not both", "dead", "replay", "prog", ids[0], "--all")
        ctl.refused(USAGE, "--yes", "dead", "drop", "prog", ids[0])
        ctl.refused(USAGE, "not both", "dead", "drop", "prog", ids[0], "--all")
        assert ctl.good("dead", "drop", "prog", ids[0], "--yes") == "1 dropped\n"
        script.with_suffix(".good").touch()
        assert ctl.good("dead", "replay", "prog", ids[1]) == "1 replayed\n"
        assert ctl.good("dead", "replay", "prog", "--all") == "1 replayed\n"
        out = tmp_path / "reject.out"
        wait_for(lambda: out.exists() and len(out.read_text("utf-8").splitlines()) == 2, 20, "two deliveries")
        assert [json.loads(line)["id"] for line in out.read_text("utf-8").splitlines()] == ids[1:]
        assert ctl.json("dead", "list")["dead"] == []
    finally:
        fleet.stop()


def test_log(fleet):
    text = "fan swapped by Jürgen; \"quoted\" 100 % <b>"
    event_id = fleet.ctl.good("log", "b0", text, "--severity", "warning").strip()
    event = wait_for(lambda: [e for e in fleet.events() if e["id"] == event_id], 10, "the message")[0]
    assert (event["kind"], event["text"], event["severity"], event["bmc"]) == ("message", text, "warning", "b0")
    fleet.ctl.refused(NOINPUT, "b9", "log", "b9", "x")
    fleet.ctl.refused(USAGE, "severity", "log", "b0", "x", "--severity", "awful")


def test_silence(fleet):
    assert fleet.ctl.good("silence", "b0") == "b0 is not silenced\n"
    assert fleet.ctl.good("silence", "b0", "for", "2h").startswith("b0 is silenced until 2")
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 300 * 86400))
    assert fleet.ctl.good("silence", "b0", "until", f"{day}T00:00Z") == f"b0 is silenced until {day} 00:00:00\n"
    assert f"silent until {day}" in fleet.ctl.good("bmcs")
    fleet.ctl.refused(USAGE, "within a year", "silence", "b0", "for", "400d")
    assert fleet.ctl.good("silence", "b0", "off") == "b0 is not silenced\n"
    for words in (("for",), ("until",), ("for", "ages"), ("off", "now"), ("maybe", "2h"), ("until", "then")):
        fleet.ctl.refused(USAGE, "", "silence", "b0", *words)
    fleet.ctl.refused(NOINPUT, "b9", "silence", "b9", "for", "1h")


def test_reload_and_check(fleet):
    assert fleet.ctl.good("check") == f"{fleet.ipmid.config} is good\n"
    fleet.new_bmc("b7")
    fleet.write()
    assert fleet.ctl.good("reload") == "The configuration has been read again.\n"
    fleet.wait_up(3)
    assert fleet.ctl.good("names", "bmcs").split() == ["b0", "b1", "b7"]
    fleet.write("[handler x]\nplugin = nosuch\n")
    status, out, _ = fleet.ctl.run("check")
    assert status == CONFIG and re.search(r"ipmid\.conf:\d+: .*nosuch", out)
    status, out, err = fleet.ctl.run("reload")
    assert status not in (0, UNAVAILABLE) and "nosuch" in err and out == ""
    assert fleet.ctl.good("names", "bmcs").split() == ["b0", "b1", "b7"]


def test_rescan_and_backfill(fleet):
    fleet.bmcs[0].add(3)
    fleet.wait_delivered()
    assert fleet.ctl.good("rescan", "b0") == "The SEL of b0 is read again.\n"
    assert re.fullmatch(r"\d+ backfilled\n", fleet.ctl.good("backfill", "log", "--since", "1h"))
    fleet.ctl.refused(USAGE, "--since", "backfill", "log", "--since", "whenever")


def test_actions_on_unknown_bmcs(fleet):
    for words in (("rescan", "b9"), ("clear-sel", "b9", "--yes"), ("power", "b9"), ("power", "b9", "off", "-y")):
        fleet.ctl.refused(NOINPUT, "", *words)
    fleet.ctl.refused(NOINPUT, "", "backfill", "nobody")


def test_nobody_to_ask(fleet):
    """What destroys asks; without a terminal it wants --yes."""
    for words in (("clear-sel", "b0"), ("power", "b0", "off"), ("power", "b0", "reset"), ("dead", "drop", "log", "--all")):
        fleet.ctl.refused(USAGE, "Nobody can be asked here: say --yes", *words)


# ---- a terminal


def on_terminal(ctl, *words, columns=80, answer=None, environment=None):
    """(exit status, what it showed on a terminal so wide)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = processes.spawn([ctl.program, *ctl.target, *words], stdin=slave, stdout=slave, stderr=slave,
                              env={**ctl.environment, "TERM": "xterm", **(environment or {})})
    os.close(slave)
    if answer is not None:
        os.write(master, answer)
    shown = b""
    try:
        while part := os.read(master, 65536):
            shown += part
    except OSError:
        pass                    # the other end is closed
    os.close(master)
    return process.wait(scaled(10)), shown.decode("utf-8").replace("\r\n", "\n")


def test_table_is_cut(fleet):
    """On a terminal nothing is wider than that; what is piped is whole."""
    long_text = "x" * 300
    fleet.ctl.good("log", "b0", long_text)
    wait_for(lambda: long_text in fleet.ctl.run("events")[1], 10, "the event")
    for words in (("events",), ("status",), ("bmcs",), ("sensors", "b0")):
        for columns in ((80, 100) if words == ("events",) else (40, 80)):
            status, shown = on_terminal(fleet.ctl, *words, columns=columns, environment={"NO_COLOR": "1"})
            assert status == 0 and "\033" not in shown
            tables = [line for line in shown.splitlines() if not line.startswith(("ipmid ", "journal", "config", "The latest"))]
            assert max(len(line) for line in tables) <= columns, shown
    assert "…" in on_terminal(fleet.ctl, "events")[1]


def test_colours(fleet):
    """Only on a terminal, and not if the user does not want them."""
    assert "\033[32m" in on_terminal(fleet.ctl, "bmcs")[1]
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\033" not in on_terminal(fleet.ctl, "bmcs", environment=environment)[1]
    assert "\033" in on_terminal(fleet.ctl, "bmcs", environment={"NO_COLOR": ""})[1]
    assert "\033" not in fleet.ctl.good("bmcs")


def test_answering_a_question(fleet):
    status, shown = on_terminal(fleet.ctl, "power", "b0", "off", answer=b"n\n")
    assert status == DECLINED and "Power off for the server of b0? [y/N]" in shown
    status, shown = on_terminal(fleet.ctl, "dead", "drop", "log", "--all", answer=b"y\n")
    assert status == 0 and "0 dropped" in shown


@pytest.mark.parametrize("text", ["\033[2J\033]0;x\007", "a\u009b31mb", "a\rb\nc", "\u202egnp.exe", "\x7f\b\b\b"])
def test_no_escapes_from_texts(fleet, text):
    """Whatever a BMC's text says: it is shown, and does nothing."""
    status, out, err = fleet.ctl.run("log", "b0", text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out + err)
    fleet.ctl.run("sensors", text.replace("/", "") or "x")
    if status == 0:
        wait_for(lambda: out.strip() in [event["id"] for event in fleet.events()], 10, "the message")
    for words in (("events",), ("events", "--json"), ("sensors", text)):
        _, shown = on_terminal(fleet.ctl, *words, environment={"NO_COLOR": "1"})
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown.replace("\t", "")), repr(shown)


# ---- which ipmid


def test_by_config(fleet, tmp_path):
    """-c FILE finds the state directory, or the socket that the file names."""
    ctl = Ctl("-c", fleet.ipmid.config)
    assert ctl.good("names", "bmcs").split() == ["b0", "b1"]
    fleet.write(f"[handler web]\nplugin = http\nsocket = {tmp_path}/elsewhere\n")
    fleet.reload()
    Client(tmp_path / "elsewhere").wait()
    assert ctl.good("names", "bmcs").split() == ["b0", "b1"]
    Ctl("-c", tmp_path / "none.conf").refused(USAGE, "none.conf", "status")


@pytest.mark.parametrize(("words", "pattern"), [
    (["--state-dir", "/nowhere"], "/nowhere: No such file"), (["--socket", "/nowhere/s"], "/nowhere: No such file"),
    (["--socket", "/tmp/no-such-socket"], "no ipmid is running at /tmp/no-such-socket")])
def test_not_running(words, pattern):
    Ctl(*words).refused(UNAVAILABLE, pattern, "status")
    Ctl(*words).refused(UNAVAILABLE, pattern, "events", "--follow")


def test_killed(fleet):
    """A socket that nobody serves any more."""
    fleet.ipmid.kill_all()
    fleet.ctl.refused(UNAVAILABLE, "no ipmid is running at", "status")


@contextmanager
def somebody(path, *answers):
    """A server in the place of ipmid: an ipmidctl for it, each of whose connections gets one of ANSWERS."""
    server = subprocess.Popen(["/usr/bin/python3", "-c", f"""
import socket
s = socket.socket(socket.AF_UNIX)
s.bind({os.fspath(path)!r})
s.listen()
print(flush=True)
for answer in {answers!r}:
    c, _ = s.accept()
    c.recv(9999)
    c.sendall(answer)
    c.close()
"""], stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        yield Ctl("--socket", path)
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("words", [["status"], ["events", "--follow"]], ids=" ".join)
def test_not_ipmid(tmp_path, words):
    """Somebody else answers."""
    answers = [(76, b"HTTP/1.0 404 No\r\n\r\nhello"), (76, b"SSH-2.0"), (76, b"HTTP/1.0 500 No\r\n\r\n[]"),
               (UNAVAILABLE, b"")]
    with somebody(tmp_path / "s", *(answer for _, answer in answers)) as ctl:
        for status, answer in answers:
            got, out, err = ctl.run(*words)
            assert (got, out) == (status, "") and err.startswith("ipmidctl: "), (answer, got, err)


@pytest.mark.parametrize("words", [["status"], ["events", "--follow"]], ids=" ".join)
def test_refusals(tmp_path, words):
    """The exit status says what kind of refusal it was."""
    refusals = {400: USAGE, 403: NOPERM, 404: NOINPUT, 409: TEMPFAIL, 500: 70, 503: TEMPFAIL}
    answers = [b'HTTP/1.0 %d No\r\n\r\n{"message": "because"}' % status for status in refusals]
    with somebody(tmp_path / "s", *answers) as ctl:
        for status in refusals.values():
            ctl.refused(status, "because", *words)


def test_rescan_that_is_not_complete(tmp_path):
    answer = b'HTTP/1.0 200 OK\r\n\r\n{"complete": false, "records": 7}'
    with somebody(tmp_path / "s", answer, answer) as ctl:
        ctl.refused(TEMPFAIL, "could not be read to its end", "rescan", "b0")
        status, out, err = ctl.run("rescan", "b0", "--json")
        assert status == TEMPFAIL and json.loads(out) == {"complete": False, "records": 7} and "to its end" in err


# ---- wrong arguments


@pytest.mark.parametrize(("words", "pattern"), [
    ([], "a command is missing"), (["stats"], "did you mean 'status'"), (["frobnicate"], "there is no command"),
    (["dead"], "needs one of list, show, replay, drop"), (["dead", "lsit"], "needs one of"),
    (["sensors"], "too few words: ipmidctl sensors BMC"), (["sensors", "a", "b"], "too many words"),
    (["status", "x"], "too many"), (["events", "--folow"], "did you mean --follow"),
    (["status", "--follow"], "is not known"), (["events", "--limit", "0"], "--limit"), (["events", "-n"], "needs a value"),
    (["events", "--limit", "x"], "--limit"), (["events", "--severity", "bad"], "--severity"),
    (["events", "--since", "whenever"], "--since: 'whenever' is neither"), (["events", "--kind="], "--kind"),
    (["events", "--follow", "--until", "2h"], "--until does not go with it"),
    (["-c", "a", "--state-dir", "b", "status"], "one of them"), (["status", "-yj"], "is not known"),
    (["status", "-jj"], "give each option by itself"), (["power", "b0", "explode"], "is none of status, on"),
    (["names", "x"], "bmcs or handlers"), (["--domain", "a/b", "status"], "domain"), (["status", "--"], None)])
def test_wrong_arguments(fleet, words, pattern):
    ctl = fleet.ctl if "-c" not in words and "--domain" not in words else Ctl()
    if pattern is None:
        ctl.good(*words)
    else:
        ctl.refused(USAGE, pattern, *words)


def test_help_and_version():
    ctl = Ctl()
    text = ctl.good("--help")
    commands = re.findall(r"^  ((?:dead )?[a-z-]+)", text.split("Options of all")[0], re.M)
    assert len(commands) == 17
    for command in commands:
        shown = ctl.good(*command.split(), "--help")
        assert shown.startswith(f"Usage: ipmidctl {command}") and "--json" in shown
    assert re.match(r"ipmidctl \d", ctl.good("--version"))


# ---- completion


def complete(build, environment, *words):
    """What bash offers for the last of the words."""
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ipmidctl; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", build.directory / "ctl" / "ipmidctl",
                           build.directory / "ipmidctl", *words], capture_output=True, text=True, check=False,
                          timeout=scaled(20), env={**os.environ, **environment})
    assert "rror" not in done.stderr and "command not found" not in done.stderr, done.stderr
    return done.stdout.split()


def test_completion(fleet):
    """Commands, options, choices, and the names that ipmid knows."""
    build, target = Build(), ["--state-dir", os.fspath(fleet.ipmid.state_dir)]

    def offered(*words):
        return complete(build, {}, *words)
    assert offered("sta") == ["status"] and "dead" in offered("") and len(offered("")) == 14
    assert offered("dead", "") == ["list", "show", "replay", "drop"]
    assert offered(*target, "sensors", "") == ["b0", "b1"] and offered(*target, "sensors", "b1") == ["b1"]
    assert offered(*target, "events", "--bmc", "") == ["b0", "b1"]
    assert sorted(offered(*target, "dead", "replay", "")) == ["http", "log"]
    assert sorted(offered(*target, "backfill", "l")) == ["log"]
    assert offered("power", "b0", "c") == ["cycle"]
    assert offered("events", "--severity", "cr") == ["critical"]
    assert offered("events", "--fo") == ["--follow"] and offered("status", "--fo") == []
    assert offered("events", "--limit", "") == [] and offered("sensors", "b0", "") == []
    assert sorted(offered(*target, "dead", "list", "--handler", "")) == ["http", "log"]


def test_another_user(fleet):
    """Who may not open the socket is told so."""
    fleet.ctl.refused(NOPERM, "ermi|may not", "status", user=NOBODY, group=NOBODY, extra_groups=[])
    start = time.monotonic()
    fleet.ipmid.signal_core(signal.SIGTERM)
    fleet.ipmid.process.wait(scaled(10))
    assert time.monotonic() - start < scaled(8)
