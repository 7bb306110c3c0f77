# SPDX-License-Identifier: LGPL-2.1-or-later
"""The webhook handler against a real HTTP server, and what servers do."""

import base64
import hashlib
import hmac
import json
import re
import signal
import socket
import time
from email.utils import formatdate

import pytest

import receiver as answers
from alertmanager import Alertmanager
from certificates import Authority
from fake_fleet import Fleet
from receiver import GOOD, Receiver, script, status, tls_context
from test_filter import BEGINS, ENDS
from waiting import wait_for

HANDLER = """[handler hook]
plugin = webhook
retry-min = 50ms
retry-max = 200ms
connect-timeout = 2s
{url}
{lines}
"""


@pytest.fixture
def make_receiver(request):
    def make(decide=None, **options):
        made = Receiver(decide, **options)
        request.addfinalizer(made.stop)
        return made
    return make


@pytest.fixture
def make(request, tmp_path):
    """Make and start a fleet whose only handler is a webhook."""
    def make_one(url, lines="", *, count=1, start=True):
        fleet = Fleet(tmp_path, count)
        request.addfinalizer(fleet.stop)
        fleet.handlers = {}
        fleet.hook = HANDLER.format(url=url if url.startswith("url-file") else f"url = {url}", lines=lines)
        fleet.write(fleet.hook)
        return fleet.start() if start else fleet
    return make_one


def status_of(fleet, key):
    section = fleet.ipmid.status().partition("handler: hook\n")[2].partition("handler: ")[0]
    found = re.search(rf"^ *{key}: (.*)$", section, re.MULTILINE)
    return found and found[1]


def wait_handled(fleet, count):
    wait_for(lambda: status_of(fleet, "handled") == str(count), 20, lambda: fleet.ipmid.status(), poll=0.05)


def wait_dead(fleet, count):
    """Wait for dead letters; returns them as text."""
    wait_for(lambda: fleet.ipmid.dead_letters().count("handler:  hook") == count, 20,
             lambda: f"{count} dead letters:\n{fleet.ipmid.dead_letters()}\n{fleet.ipmid.log()[-2000:]}", poll=0.05)
    return fleet.ipmid.dead_letters()


def ids_of(requests):
    return [event_id for request in requests for event_id in request.ids]


def numbers(ids, bmc):
    """The records of one BMC, in the order in which they came."""
    return [int(event_id.rpartition("/")[2]) for event_id in ids if event_id.startswith(f"{bmc}/")]


# ------------------------------------------------------------------ what is sent

def test_everything_in_order(make, make_receiver):
    hook = make_receiver()
    fleet = make(f"{hook.url}/events?key=value", "headers = X-Site: north; X-Rack: r1\nparallel = 4", count=3)
    for bmc in fleet.bmcs:
        bmc.add(30)
    requests = hook.wait(90)
    wait_handled(fleet, 90)
    assert all(len(numbers(ids_of(requests), bmc.name)) == 30 for bmc in fleet.bmcs)
    assert all(numbers(ids_of(requests), bmc.name) == sorted(numbers(ids_of(requests), bmc.name)) for bmc in fleet.bmcs)
    assert {(request.method, request.path) for request in requests} == {("POST", "/events?key=value")}
    assert all(request.headers["Idempotency-Key"] == request.json["id"] for request in requests)
    assert requests[0].headers["Content-Type"] == "application/json"
    assert (requests[0].headers["X-Site"], requests[0].headers["X-Rack"]) == ("north", "r1")
    assert "Expect" not in requests[0].headers
    assert len({request.connection for request in requests}) <= 4, "connections are not kept"


def test_many_at_once(make, make_receiver):
    """As many as are allowed, but one of each BMC."""
    seen, overlaps = {}, []

    def decide(request):
        name = request.json["bmc"]
        overlaps.extend([name] * seen.get(name, 0))
        seen[name] = 1

        def answer(handler):
            time.sleep(0.1)
            seen[name] = 0
            GOOD(handler)
        return answer
    hook = make_receiver(decide)
    fleet = make(hook.url, "parallel = 4", count=8)
    for bmc in fleet.bmcs:
        bmc.add(4)
    wait_handled(fleet, 32)
    assert hook.busiest == 4
    assert not overlaps, f"{overlaps}: the next one came before the answer"


def test_array(make, make_receiver):
    hook = make_receiver()
    fleet = make(hook.url, "events-per-request = 10\nlinger = 300ms\nmethod = PUT", count=2)
    for bmc in fleet.bmcs:
        bmc.add(25)
    wait_handled(fleet, 50)
    assert all(isinstance(request.json, list) and len(request.json) <= 10 for request in hook.requests)
    assert len(hook.requests) < 25
    assert all(numbers(ids_of(hook.requests), bmc.name) == sorted(numbers(ids_of(hook.requests), bmc.name))
               for bmc in fleet.bmcs)
    assert {request.method for request in hook.requests} == {"PUT"}


def test_only_the_guilty_one(make, make_receiver):
    """An array that is refused: its events go singly, and one becomes a dead letter."""
    poison = re.compile(r"/7$")
    hook = make_receiver(lambda request: status(422, b"bad") if any(map(poison.search, request.ids)) else GOOD)
    fleet = make(hook.url, "events-per-request = 10\nlinger = 300ms")
    fleet.bmcs[0].add(12)
    assert "answered 422: bad" in wait_dead(fleet, 1)
    wait_handled(fleet, 11)
    good = [request for request in hook.requests if not any(map(poison.search, request.ids))]
    assert numbers(ids_of(good), "b0") == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]


def test_signature(make, make_receiver, tmp_path):
    """As a receiver checks it, with the key in either form."""
    key = b"sixteen bytes or more"
    path = tmp_path / "key"
    hook = make_receiver()
    path.write_text("whsec_" + base64.b64encode(key).decode() + "\n", encoding="ascii")
    path.chmod(0o600)
    fleet = make(hook.url, f"signing-key-file = {path}")
    fleet.bmcs[0].add(1)
    request, = hook.wait(1)
    headers = request.headers
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), request.body])
    assert headers["webhook-signature"] == "v1," + base64.b64encode(
        hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["webhook-id"] == headers["Idempotency-Key"]


def test_slack(make, make_receiver):
    hook = make_receiver()
    fleet = make(hook.url, "body = slack\nlinger = 300ms")
    fleet.bmcs[0].add(3)
    wait_handled(fleet, 3)
    lines = [line for request in hook.requests for line in request.json["text"].split("\n")]
    assert len(lines) == 3 and all(re.match(r"\*\w+\* b0: ", line) for line in lines)


def test_alertmanager(make, make_receiver, tmp_path, request):
    """A real one: what begins fires, what ends resolves that."""
    told = make_receiver()
    manager = Alertmanager(tmp_path / "alertmanager", told.url)
    request.addfinalizer(manager.stop)
    manager.start()
    fleet = make(manager.api, "body = alertmanager\nalert-labels = site=north")
    fleet.bmcs[0].add_events(BEGINS)
    wait_handled(fleet, 1)
    alert, = wait_for(manager.alerts, 10, "an alert")
    assert (alert["labels"]["bmc"], alert["labels"]["site"]) == ("b0", "north")
    assert alert["annotations"]["event_id"].startswith("b0/")
    fleet.bmcs[0].add_events(ENDS)
    wait_handled(fleet, 2)
    wait_for(lambda: manager.alerts() == [], 10, "the alert to be resolved")
    wait_for(lambda: [request.json["status"] for request in told.requests] == ["firing", "resolved"], 20,
             lambda: f"both to be told: {[request.body for request in told.requests]}")


def test_template(make, make_receiver, tmp_path):
    path = tmp_path / "template"
    path.write_text('{"who": "{{bmc}}", "value": {{value|json}}, "key": "{{secret}}", "all": {{event}}}',
                    encoding="utf-8")
    hook = make_receiver()
    fleet = make(hook.url, f"body = template\ntemplate = {path}\nsecret-file = {{password}}")
    fleet.bmcs[0].add(1)
    content = hook.wait(1)[0].json
    assert (content["who"], content["value"], content["key"]) == ("b0", None, "p")
    assert content["all"]["id"].startswith("b0/")


# ---------------------------------------------------------------- what is answered

@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 599])
def test_tried_again(make, make_receiver, code):
    hook = make_receiver(script(status(code, b"not\x1b[31m now\n"), status(code)))
    fleet = make(hook.url)
    fleet.bmcs[0].add(2)
    requests = hook.wait(4)
    wait_handled(fleet, 2)
    assert numbers(ids_of(requests), "b0") == [1, 1, 1, 2]
    assert len({request.headers["Idempotency-Key"] for request in requests[:3]}) == 1
    fleet.ipmid.wait_log(rf"answered {code}: not \[31m now\"")
    assert fleet.ipmid.dead_letters().count("handler:") == 0


@pytest.mark.parametrize("code", [400, 401, 404, 410, 422])
def test_dead_letter(make, make_receiver, code):
    hook = make_receiver(script(status(code, b"<h1>No</h1>")))
    fleet = make(hook.url)
    fleet.bmcs[0].add(2)
    assert f"answered {code}: <h1>No</h1>" in wait_dead(fleet, 1)
    wait_handled(fleet, 1)
    assert numbers(ids_of(hook.requests), "b0") == [1, 2]


def test_redirect_is_not_followed(make, make_receiver):
    """Not to the address where clouds keep their secrets, nor anywhere else."""
    elsewhere = make_receiver()
    targets = [elsewhere.url + "/stolen", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"]
    hook = make_receiver(script(*[status(code, Location=target) for target in targets for code in (302, 307)]))
    fleet = make(hook.url)
    fleet.bmcs[0].add(1)
    hook.wait(7)
    wait_handled(fleet, 1)
    fleet.ipmid.wait_log("answered 30[27], and redirects are not followed")
    assert elsewhere.requests == []
    assert "meta-data" not in fleet.ipmid.log()


@pytest.mark.parametrize(("header", "least"), [
    (lambda: "1", 1.0),
    (lambda: formatdate(time.time() + 2.5, usegmt=True), 1.0),
])
def test_retry_after(make, make_receiver, header, least):
    """Seconds or a date; all BMCs are meant."""
    hook = make_receiver(script(status(429, Retry_After=header)))
    fleet = make(hook.url, count=2)
    fleet.bmcs[0].add(1)
    hook.wait(1)
    fleet.bmcs[1].add(1)
    requests = hook.wait(3)
    wait_handled(fleet, 2)
    assert requests[1].time - requests[0].time >= least


def test_retry_after_for_ever(make, make_receiver):
    """A pause does not hold up the end, and is not for ever."""
    hook = make_receiver(lambda _request: status(503, Retry_After="99999999"))
    fleet = make(hook.url)
    fleet.bmcs[0].add(2)
    hook.wait(1)
    fleet.ipmid.wait_log("answered 503")
    assert fleet.ipmid.terminate() == 0
    assert len(hook.requests) == 1


# ------------------------------------------------------------------- what goes wrong

def test_refused_then_there(make, make_receiver):
    hook = make_receiver(start=False)
    fleet = make(hook.url)
    fleet.bmcs[0].add(3)
    fleet.ipmid.wait_log("not handled, will be tried again: http://127.0.0.1")
    hook.start()
    wait_handled(fleet, 3)
    assert numbers(ids_of(hook.requests), "b0") == [1, 2, 3]


@pytest.mark.parametrize("fault", [answers.reset, answers.cut, answers.endless_headers],
                         ids=["reset", "cut", "headers"])
def test_connection_lost(make, make_receiver, fault):
    """Also after "200": the answer was not whole, so the same id comes again."""
    hook = make_receiver(script(fault, fault))
    fleet = make(hook.url)
    fleet.bmcs[0].add(2)
    requests = hook.wait(4)
    wait_handled(fleet, 2)
    assert numbers(ids_of(requests), "b0") == [1, 1, 1, 2]
    assert len({request.headers["Idempotency-Key"] for request in requests[:3]}) == 1


def test_no_such_name(make):
    fleet = make("http://no-such-host.invalid/")
    fleet.bmcs[0].add(1)
    fleet.ipmid.wait_log("not handled, will be tried again: http://no-such-host.invalid", deadline=20)
    assert fleet.ipmid.terminate() == 0


def test_slow_answer(make, make_receiver):
    """A byte a second: the time limit is for all of it."""
    hook = make_receiver(script(answers.slow))
    fleet = make(hook.url, "request-timeout = 1s")
    fleet.bmcs[0].add(1)
    first, second = hook.wait(2)[:2]
    assert 0.9 <= second.time - first.time
    wait_handled(fleet, 1)


def test_endless_answer(make, make_receiver):
    """The status is enough: the rest is not read."""
    hook = make_receiver(script(answers.endless))
    fleet = make(hook.url)
    fleet.bmcs[0].add(2)
    wait_handled(fleet, 2)
    wait_for(lambda: hook.server.hung_up, 10, "ipmid to hang up")
    assert hook.server.poured < 64 << 20
    assert numbers(ids_of(hook.requests), "b0") == [1, 2]


def test_one_silent_bmc_holds_up_no_other(make, make_receiver):
    hook = make_receiver(lambda request: answers.silent if request.json["bmc"] == "b0" else GOOD)
    fleet = make(hook.url, "request-timeout = 1h\ntimeout = 1h", count=3)
    fleet.bmcs[0].add(1)
    hook.wait(1)
    fleet.bmcs[1].add(20)
    fleet.bmcs[2].add(20)
    wait_handled(fleet, 40)


def test_ends_in_time_and_goes_on_later(make, make_receiver):
    """A request that hangs does not hold up the end; what was not answered comes again."""
    hook = make_receiver(script(answers.silent))
    fleet = make(hook.url, "request-timeout = 1h\ntimeout = 1h")
    fleet.bmcs[0].add(2)
    hook.wait(1)
    assert fleet.ipmid.terminate() == 0
    fleet.start()
    wait_handled(fleet, 2)
    assert numbers(ids_of(hook.requests), "b0") == [1, 1, 2]


def test_killed_in_the_middle(make, make_receiver):
    """kill -9 with requests under way: at least once, with the same ids."""
    hook = make_receiver(lambda _request: status(200, b"x" * 1000))
    fleet = make(hook.url, count=3)
    for bmc in fleet.bmcs:
        bmc.add(100)
    hook.wait(50)
    fleet.ipmid.kill_all()
    fleet.start()
    expected = set(range(1, 101))
    wait_for(lambda: all(set(numbers(ids_of(hook.requests), bmc.name)) == expected for bmc in fleet.bmcs), 30,
             "all events")
    assert len(ids_of(hook.requests)) <= 300 + 3 * 64      # a batch of each BMC


# ---------------------------------------------------------------------------- TLS

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


def test_tls(make, make_receiver, authority):
    """With a client's certificate, too."""
    certificate, key = authority.issue("client")
    hook = make_receiver(tls=tls_context(*authority.issue("server"), clients=authority.certificate))
    fleet = make(hook.url, f"ca-file = {authority.certificate}\nclient-certificate = {certificate}\nclient-key = {key}")
    fleet.bmcs[0].add(3)
    wait_handled(fleet, 3)
    assert "not encrypted" not in fleet.ipmid.log()


@pytest.mark.parametrize("wrong", ["authority", "expired", "address", "no client certificate"])
def test_bad_certificate(make, make_receiver, authority, tmp_path, wrong):
    """Nothing is sent, nothing is lost."""
    certificate, key = authority.issue("server", days=-1 if wrong == "expired" else 2,
                                       address="127.0.0.9" if wrong == "address" else "127.0.0.1")
    ca = Authority(tmp_path / "other").certificate if wrong == "authority" else authority.certificate
    hook = make_receiver(tls=tls_context(certificate, key,
                                         clients=authority.certificate if wrong.startswith("no") else None))
    fleet = make(hook.url, f"ca-file = {ca}\nrequest-timeout = 2s")
    fleet.bmcs[0].add(1)
    # A server that misses ours says so after the handshake (TLS 1.3), and closes: that may come first.
    words = "certificate|SSL" + ("|Broken pipe|reset by peer|getpeername" if wrong.startswith("no") else "")
    fleet.ipmid.wait_log(f"not handled, will be tried again: https://127.0.0.1:[0-9]+/: .*({words})")
    assert hook.requests == []
    assert fleet.ipmid.terminate() == 0


# ------------------------------------------------------------------------- secrets

def test_no_secret_is_shown(make, make_receiver, tmp_path):
    """Not even if the server quotes them."""
    canaries = ["bot987:URLCANARY", "BEARERCANARY", "HEADERCANARY", "QUERYCANARY"]
    for name, text in [("url", "{}/bot987:URLCANARY/send?token=QUERYCANARY"), ("auth", "Bearer BEARERCANARY"),
                       ("headers", "X-Key: HEADERCANARY\n")]:
        (tmp_path / name).write_text(text, encoding="ascii")
        (tmp_path / name).chmod(0o600)

    codes = [500, 404]

    def quote(request):
        words = f"{request.path} {request.headers['Authorization']} {request.headers['X-Key']}"
        return status(codes.pop(0) if codes else 200, words.encode())
    hook = make_receiver(quote)
    url = tmp_path / "url"
    url.write_text(url.read_text(encoding="ascii").format(hook.url), encoding="ascii")
    fleet = make(f"url-file = {url}", f"authorization-file = {tmp_path}/auth\nheaders-file = {tmp_path}/headers")
    fleet.bmcs[0].add(2)
    dead = wait_dead(fleet, 1)
    wait_handled(fleet, 1)
    fleet.ipmid.wait_log("answered 500")
    fleet.ipmid.wait_log("is not encrypted")
    request = hook.requests[0]
    assert all(canary in f"{request.path} {request.headers}" for canary in canaries)
    shown = dead + fleet.ipmid.log() + fleet.ipmid.status()
    assert "[hidden]" in dead
    assert [canary for canary in canaries if canary in shown] == []


def test_reopen_reads_secrets_again(make, make_receiver, tmp_path):
    path = tmp_path / "auth"
    path.write_text("Bearer old\n", encoding="ascii")
    path.chmod(0o600)
    hook = make_receiver()
    fleet = make(hook.url, f"authorization-file = {path}")
    fleet.bmcs[0].add(1)
    hook.wait(1)
    path.write_text("Bearer new\n", encoding="ascii")
    fleet.ipmid.signal_core(signal.SIGHUP)
    fleet.ipmid.wait_log("has been read again|nothing has changed")
    assert [request.headers["Authorization"] for request in hook.requests] == ["Bearer old"]

    def is_new():
        fleet.bmcs[0].add(1)
        return hook.requests[-1].headers["Authorization"] == "Bearer new"
    wait_for(is_new, 10, "the new secret", poll=0.1)


# ----------------------------------------------------------------- the configuration

@pytest.mark.parametrize(("url", "says"), [
    ("gopher://127.0.0.1/x", "gopher:// is refused: only https:// and http:// are right"),
    ("file:///etc/passwd", "only https:// and http://"),
    ("ftp://127.0.0.1/", "ftp:// is refused"),
    ("http://", "this is no URL"),
    ("http://user:geheim@127.0.0.1/", "put it into authorization-file"),
    ("http://127.0.0.1/a b", "write them as %XX"),
])
def test_bad_url(make, url, says):
    fleet = make(url, start=False)
    exit_status, _, lines = fleet.ipmid.check()
    assert exit_status == 78
    assert any(says in line for line in lines), lines
    assert not any("geheim" in line for line in lines)


@pytest.mark.parametrize(("lines", "says"), [
    ("headers = nonsense", "headers: this is no header"),
    ("headers = Content-Length: 3", "is ipmid's own"),
    ("headers = Content-Type: text/plain", "use the option content-type"),
    ("headers = X: a\\nY: b", "this is no header"),
    ("body = template", "needs a template"),
    ("template = {directory}/t", "goes with body = template only"),
    ("body = template\ntemplate = {directory}/t", "t: line 2: {{{{nosuch}}}}: an event has no such thing"),
    ("body = template\ntemplate = {directory}/bad", "bad: line 2, column"),
    ("body = template\ntemplate = {directory}/bad\nevents-per-request = 2", "a template is for one event"),
    ("url-file = {directory}/t", "url and url-file exclude each other"),
    ("authorization-file = {directory}/t", "chmod 0600"),
    ("signing-key = short", "shorter than 16 bytes"),
    ("deny-networks = 10.0.0.1/8", "'10.0.0.1/8' is no network"),
    ("alert-labels = 1site=x", "'1site=x' is no label"),
    ("ca-file = /nowhere/ca.pem", "ca-file: cannot read /nowhere/ca.pem"),
    ("client-key = {directory}/t", "client-key needs a client-certificate"),
    ("parallel = 0", "out of range"),
])
def test_bad_options(make, lines, says):
    fleet = make("http://127.0.0.1/", lines.replace("{{", "{{{{").replace("}}", "}}}}"), start=False)
    fleet.ipmid.config.chmod(0o600)
    for name, text in [("t", '{"a":\n"{{nosuch}}"}'), ("bad", '{"a":\n{{bmc}},,}')]:
        (fleet.ipmid.directory / name).write_text(text, encoding="ascii")
        (fleet.ipmid.directory / name).chmod(0o644)
    exit_status, _, found = fleet.ipmid.check()
    assert exit_status == 78
    assert any(says.format() in line for line in found), found


def test_denied_network(make, make_receiver):
    """By the address that is really connected to, whatever the name was."""
    hook = make_receiver()
    fleet = make(f"http://localhost:{hook.port}/", "deny-networks = 127.0.0.0/8;::1/128")
    fleet.bmcs[0].add(1)
    fleet.ipmid.wait_log("is in one of deny-networks")
    assert hook.requests == []
    assert fleet.ipmid.terminate() == 0
