# SPDX-License-Identifier: LGPL-2.1-or-later
"""The http plugin: JSON over HTTP on a Unix socket, with fake-collector for BMCs."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from fake_fleet import Fleet
from test_core import bmc, make  # noqa: F401  (fixtures)
from test_core import wait_delivered
from unix_http import Client, connect, read_all
from waiting import scaled, wait_for

TIMEOUT = 15                     # seconds that a client has for its request (plugins/http/server.c)
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$")
NO_ROUTE = {"error": "not_found", "message": "there is nothing here; GET /api/v1 shows what there is"}


@pytest.fixture
def fleet(tmp_path):
    """Two BMCs with sensors, up, and the client of their ipmid."""
    fleet = Fleet(tmp_path, 2)
    fleet.bmcs[0].say(".sensors", "3 50\n")
    fleet.start()
    fleet.client = Client(fleet.ipmid.state_dir / "http").wait()
    yield fleet
    fleet.stop()


def in_memory(client, query=""):
    status, answer = client.get("/events" + query)
    assert status == 200 and answer["source"] == "memory" and TIME.match(answer["since"])
    return answer["events"]


# ---- routes


def fill(pattern):
    """A pattern of the table as a path."""
    return (pattern.replace("{bmc}", "b0").replace("{handler}", "log").replace("{id*}", "b0/1/1"))


def test_every_route_is_there(fleet):
    """Each answers JSON with its own method, and says which one with another."""
    routes = fleet.client.get("")[1]["routes"]
    assert len(routes) > 15
    paths = {}
    for route in routes:
        paths.setdefault(route["path"], []).append(route["method"])
    for pattern, methods in paths.items():
        if pattern.startswith("/api/v1/dead/{handler}/"):
            methods.append("GET")        # "replay" may be the id of an event
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status, headers, text = fleet.client.request(method, fill(pattern))
            answer = json.loads(text)
            if method in methods:
                assert answer != NO_ROUTE and status != 405, pattern
                assert status == 200 or {"error", "message"} == set(answer), pattern
                continue
            assert status == 405 and answer["error"] == "method_not_allowed"
            assert set(headers["Allow"].split(", ")) == allowed(methods)


def allowed(methods):
    return ({"GET", "HEAD"} if "GET" in methods else set()) | ({"POST"} if "POST" in methods else set())


@pytest.mark.parametrize("path", ["/", "", "/api", "/api/v1/", "/api/v1/bmcs/", "/api/v1/bmcs//sensors",
                                  "/api/v2/status", "/api/v1/status/x", "/api/v1/status%2f", "//api/v1/status",
                                  "/api/v1/../v1/status", "/api/v1/bmcs/a/b/sensors", "/%00", "/api/v1/dead/h//"])
def test_nothing_is_there(fleet, path):
    status, headers, text = fleet.client.request("GET", path or "*")
    assert status in (400, 404)
    if status == 404 and text:
        assert json.loads(text)["error"] == "not_found" and headers["Content-Type"] == "application/json"


def test_status(fleet):
    status, answer = fleet.client.get("/status")
    assert status == 200
    assert answer["daemon"]["pid"] == fleet.ipmid.pid and TIME.match(answer["daemon"]["started"])
    assert answer["daemon"]["state_dir"] == os.fspath(fleet.ipmid.state_dir)
    assert answer["bmcs"]["total"] == answer["bmcs"]["up"] == 2
    handlers = {handler["name"]: handler for handler in answer["handlers"]}
    assert set(handlers) == {"log", "http"}
    assert handlers["log"]["required"] and not handlers["http"]["required"]
    assert fleet.client.get("/handlers")[1].keys() == {"handlers"}


def test_bmcs(fleet):
    answer = fleet.client.get("/bmcs")[1]["bmcs"]
    assert [one["name"] for one in answer] == ["b0", "b1"] and all(one["state"] == "up" for one in answer)
    assert all(TIME.match(one["since"]) for one in answer)
    assert [one["name"] for one in fleet.client.get("/bmcs/b1")[1]["bmcs"]] == ["b1"]
    status, answer = fleet.client.get("/bmcs/b7")
    assert (status, answer["error"]) == (404, "not_found") and '"b7"' in answer["message"]


def test_sensors(fleet):
    def sensors():
        status, answer = fleet.client.get("/bmcs/b0/sensors")
        assert status == 200 and answer["bmc"] == "b0" and answer["state"] == "up"
        return len(answer["sensors"]) == 3 and any(one["available"] for one in answer["sensors"]) and answer["sensors"]
    found = wait_for(sensors, 10, "readings of three sensors")
    for sensor in found:
        assert "kind" not in sensor and {"sensor", "sensor_id", "limits", "flags", "time"} <= set(sensor)
    assert fleet.client.get("/bmcs/b1/sensors")[1]["sensors"] == []
    status, answer = fleet.client.get("/bmcs/b7/sensors")
    assert status == 404 and "b7" in answer["message"]


# ---- events


def settled(fleet):
    """All that the file handler has is in memory."""
    def wanted():
        return [event["id"] for event in fleet.events() if not event.get("existing")]

    def all_there():
        kept = {event["id"] for event in in_memory(fleet.client, "?limit=1000")}
        return set(wanted()) <= kept
    fleet.wait_delivered()
    wait_for(all_there, 10, "the events in memory", poll=0.05)
    return wanted()


def test_events_in_memory(fleet):
    """As the file handler got them, newest first; filters and pages."""
    fleet.bmcs[0].add(25)
    fleet.bmcs[1].add(5)
    wanted = settled(fleet)
    by_id = {event["id"]: event for event in fleet.events()}
    found = in_memory(fleet.client, "?limit=1000")
    assert sorted(event["id"] for event in found) == sorted(wanted)
    assert all(event == by_id[event["id"]] for event in found)
    records = [event["record_id"] for event in found if event["bmc"] == "b0" and "record_id" in event]
    assert records == list(range(25, 0, -1))
    oldest = in_memory(fleet.client, "?limit=1000&order=oldest")
    assert oldest == found[::-1]
    assert all(event["bmc"] == "b1" for event in in_memory(fleet.client, "?bmc=b1"))
    kinds = {event["kind"] for event in found}
    for kind in kinds:
        assert in_memory(fleet.client, f"?kind={kind}&limit=1000") == [e for e in found if e["kind"] == kind]
    for severity, worse in (("warning", ("warning", "critical")), ("critical", ("critical",))):
        assert (in_memory(fleet.client, f"?severity={severity}&limit=1000")
                == [e for e in found if e["severity"] in worse])
    pages, after = [], ""
    while True:
        _, answer = fleet.client.get(f"/events?limit=7{after}")
        pages += answer["events"]
        if "next" not in answer:
            break
        after = "&after=" + answer["next"].replace("/", "%2F")
    assert pages == found


def test_events_by_time_and_text(fleet):
    fleet.bmcs[0].add(3)
    ids = [fleet.client.post("/bmcs/b0/log", text=f"disk {number} swapped")[1]["id"] for number in (1, 2)]
    wait_for(lambda: {event["id"] for event in in_memory(fleet.client, "?kind=message")} == set(ids), 10, "messages")
    second, first = in_memory(fleet.client, "?kind=message")
    assert (first["id"], second["id"]) == tuple(ids)
    assert in_memory(fleet.client, f"?kind=message&until={first['received']}") == []
    assert in_memory(fleet.client, f"?kind=message&since={first['received']}") == [second, first]
    assert in_memory(fleet.client, f"?kind=message&since={second['received']}") == [second]
    assert in_memory(fleet.client, "?text=SWAP%20disk") == [second, first]
    assert in_memory(fleet.client, "?text=disk+2") == [second]
    assert in_memory(fleet.client, "?text=nosuchword") == []


@pytest.mark.parametrize(("query", "words"), [
    ("severity=bad", "severity is none of ok, info"), ("kind=x", "kind is none of"), ("since=yesterday", "since"),
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit is no integer"), ("limit", "limit"),
    ("order=up", "order"), ("bmcs=b0", "these are: bmc, severity"), ("bmc=b0&bmc=b1", "bmc is given twice"),
    ("bmc", "bmc needs a value"), ("bmc=%ff", "no UTF-8"), ("follow=maybe", "follow is neither"),
    ("follow&order=oldest", "follow does not go with"), ("limit=99999999999999999999", "limit is no integer")])
def test_bad_query(fleet, query, words):
    status, answer = fleet.client.get("/events?" + query)
    assert (status, answer["error"]) == (400, "invalid") and words in answer["message"]


def test_query_where_there_is_none(fleet):
    status, answer = fleet.client.get("/status?x=1")
    assert status == 400 and "nothing may stand behind" in answer["message"]


def test_memory_is_bounded(tmp_path):
    fleet = Fleet(tmp_path, 1)
    fleet.handlers["log"] = ("{output}", "\n[handler web]\nplugin = http\nlatest = 10\n")
    fleet.write()
    fleet.start()
    try:
        client = Client(fleet.ipmid.state_dir / "http").wait()
        fleet.bmcs[0].add(500)
        fleet.wait_delivered()
        wait_for(lambda: [e.get("record_id") for e in in_memory(client)] == list(range(500, 490, -1)), 10,
                 lambda: f"the last ten: {[e.get('record_id') for e in in_memory(client)]}")
    finally:
        fleet.stop()


def records(following):
    """The events of SEL records among those that come: a connection may settle meanwhile."""
    while (event := following()) is not None:
        if "record_id" in event:
            yield event


def test_follow(fleet):
    """What comes, as it comes; several at once, each with its own filter."""
    client = fleet.client
    with client.follow() as following, client.follow("&bmc=b1") as following_b1:
        all_of_them, of_b1 = records(following), records(following_b1)
        for n in range(1, 6):
            fleet.bmcs[0].add()
            event = next(all_of_them)
            assert (event["bmc"], event["record_id"]) == ("b0", n)
        fleet.bmcs[1].add(3)
        assert [next(of_b1)["record_id"] for _ in range(3)] == [1, 2, 3]
        assert [next(all_of_them)["bmc"] for _ in range(3)] == ["b1"] * 3
        status, answer = client.get("/status")      # and others are answered meanwhile
        assert status == 200


def test_follow_begins_with_the_latest(fleet):
    fleet.bmcs[0].add(5)
    settled(fleet)
    kind, = {event["kind"] for event in fleet.events(bmc="b0") if "record_id" in event}
    with fleet.client.follow(f"&limit=2&bmc=b0&kind={kind}") as of_b0:
        assert [of_b0()["record_id"] for _ in range(2)] == [4, 5]
        fleet.bmcs[0].add()
        assert of_b0()["record_id"] == 6


def test_a_follower_who_does_not_read(fleet):
    """The others and the file handler do not wait; it is told how much it has lost."""
    with connect(fleet.client.path, 60) as lazy, fleet.client.follow() as eager:
        lazy.sendall(b"GET /api/v1/events?follow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert lazy.recv(12) == b"HTTP/1.1 200"
        count = 6000
        seen = 0
        for _ in range(count // 100):
            fleet.bmcs[0].add(100)
            while seen < len(fleet.bmcs[0].written):
                seen += 0 if "dropped" in eager() else 1
        fleet.wait_delivered()
        fleet.ipmid.signal_core(signal.SIGTERM)
        text = read_all(lazy)
    lines = [json.loads(line) for line in re.findall(rb"^\{.*\}$", text.replace(b"\r\n", b"\n"), re.M)
             if line.endswith(b"}")]
    lost = sum(line.get("dropped", 0) for line in lines)
    assert lost > 0 and lost + sum("id" in line for line in lines) <= count


def test_too_many_followers(fleet):
    open_ones = []
    try:
        for _ in range(32):
            one = connect(fleet.client.path)
            one.sendall(b"GET /api/v1/events?follow HTTP/1.1\r\nHost: x\r\n\r\n")
            assert one.recv(12) == b"HTTP/1.1 200"
            open_ones.append(one)
        status, _, text = fleet.client.request("GET", "/api/v1/events?follow")
        assert status == 503 and json.loads(text)["error"] == "unavailable"
        assert fleet.client.get("/status")[0] == 200
    finally:
        for one in open_ones:
            one.close()
    # Those who are gone are noticed when there is something to tell them.
    fleet.bmcs[0].add(2)

    def room():
        with connect(fleet.client.path) as one:
            one.sendall(b"GET /api/v1/events?follow HTTP/1.1\r\nHost: x\r\n\r\n")
            return one.recv(12) == b"HTTP/1.1 200"
    wait_for(room, 30, "room for a follower", poll=0.2)


# ---- requests that do something


@pytest.mark.parametrize(("body", "type_", "status", "word"), [
    (b"{", "application/json", 400, "no JSON"), (b"[]", "application/json", 400, "no object"),
    (b'{"text": {}}', "application/json", 400, "neither text nor a number"),
    (b'{"text": null}', "application/json", 400, "neither text nor a number"),
    (b'{"text": "a", "text": "b"}', "application/json", 400, "no JSON"),
    (b'{"bmc": "b1"}', "application/json", 400, "given twice"),
    (b'{"text": "\xff"}', "application/json", 400, "no JSON"),
    (b'{"text": "a"}', "text/plain", 415, "application/json"),
    (b"text=a", "application/x-www-form-urlencoded", 415, "application/json"),
    (b'{"text": "' + b"x" * 17000 + b'"}', "application/json", 413, "16384 bytes"),
    (b"[" * 16000, "application/json", 400, "no JSON")])
def test_bad_body(fleet, body, type_, status, word):
    got, _, text = fleet.client.request("POST", "/api/v1/bmcs/b0/log", body, {"Content-Type": type_})
    assert got == status and word in json.loads(text)["message"]


def test_unknown_argument(fleet):
    status, answer = fleet.client.post("/reload", colour="red")
    assert (status, answer["error"]) == (400, "invalid") and "colour" in answer["message"]


# ---- hostile clients


@pytest.mark.parametrize("text", [
    b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n", b"GET /api/v1/status HTTP/9.9\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70000 + b"\r\n\r\n",
    b"GET /" + b"a/" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_malformed(fleet, text):
    """Refused or cut off, and nobody else is disturbed."""
    try:
        answer = fleet.client.raw(text)
    except BrokenPipeError:
        answer = b""
    assert answer == b"" or re.match(rb"HTTP/1\.\d (4\d\d|50[05]) ", answer), answer[:200]
    assert b"HTTP/1.1 200" not in answer
    assert fleet.client.get("/status")[0] == 200


def test_endless_body(fleet):
    with connect(fleet.client.path) as connection:
        connection.sendall(b"POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while sent < 64 << 20:
                connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
    assert sent < 64 << 20
    assert fleet.client.get("/status")[0] == 200


@pytest.mark.deadline(120)
def test_slow_head(fleet):
    """However it dribbles: a request has its time, and then the connection ends."""
    with connect(fleet.client.path, TIMEOUT * 4) as slow, connect(fleet.client.path, TIMEOUT * 4) as silent:
        start = time.monotonic()
        slow.sendall(b"GET /api/v1/status HTTP/1.1\r\n")

        def ended():
            try:
                slow.send(b"X: y\r\n", socket.MSG_NOSIGNAL)
                return False
            except OSError:
                return True
        wait_for(ended, TIMEOUT + 10, "the slow request to be cut off", poll=0.5)
        assert time.monotonic() - start >= TIMEOUT - 1
        assert silent.recv(1) == b""
    assert fleet.client.get("/status")[0] == 200


def test_too_many_connections(fleet):
    """64 who say nothing take all places; when they are gone, all is well."""
    crowd = [connect(fleet.client.path) for _ in range(80)]
    time_of_all = time.monotonic()
    for one in crowd:
        one.close()
    fleet.client.wait()
    assert time.monotonic() - time_of_all < scaled(10)
    fleet.bmcs[0].add(3)
    fleet.wait_delivered()


# ---- the socket


def test_permissions(fleet):
    status = fleet.client.path.stat()
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o660
    assert stat.S_IMODE(fleet.ipmid.state_dir.stat().st_mode) == 0o700


def test_socket_elsewhere(tmp_path):
    """With a mode and a group of its own, a long path, and after a crash."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    path = deep / "ipmid.socket"
    fleet = Fleet(tmp_path, 1)
    fleet.handlers["log"] = ("{output}", f"\n[handler web]\nplugin = http\nsocket = {path}\nmode = 0666\ngroup = 0\n")
    fleet.write()
    fleet.start()
    try:
        client = Client(path).wait()
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 and path.stat().st_gid == 0
        assert not (fleet.ipmid.state_dir / "http").exists()
        fleet.ipmid.kill_all()
        assert path.exists()
        fleet.ipmid.start(wait=False)
        client.wait()
        assert fleet.ipmid.terminate() == 0
        assert not path.exists()
    finally:
        fleet.stop()


def refusals():
    yield "a file", lambda path: path.write_text("x", encoding="ascii"), "is no socket"
    yield "a directory", lambda path: path.mkdir(), "is no socket"
    yield "a link", lambda path: path.symlink_to("/etc/passwd"), "is no socket"


@pytest.mark.parametrize(("make_it", "words"), [case[1:] for case in refusals()], ids=[c[0] for c in refusals()])
def test_socket_is_something_else(tmp_path, make_it, words):
    """It is left alone, it is said, and ipmid watches its BMCs all the same."""
    path = tmp_path / "taken"
    make_it(path)
    fleet = Fleet(tmp_path, 1)
    fleet.handlers["log"] = ("{output}", f"\n[handler web]\nplugin = http\nsocket = {path}\n")
    fleet.write()
    fleet.start()
    try:
        fleet.ipmid.wait_log(rf"ipmidctl cannot reach this ipmid, which works all the same: {path}: .*{words}")
        fleet.bmcs[0].add(3)
        fleet.wait_delivered()
        assert os.path.lexists(path) and not stat.S_ISSOCK(path.lstat().st_mode)
    finally:
        fleet.stop()


def test_socket_of_another(tmp_path):
    """A socket that is served stays whose it is; when it is free, it is taken."""
    path = tmp_path / "taken"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(os.fspath(path))
        other.listen()
        fleet = Fleet(tmp_path, 1)
        fleet.handlers["log"] = ("{output}", f"\n[handler web]\nplugin = http\nsocket = {path}\n")
        fleet.write()
        fleet.start()
        fleet.ipmid.wait_log("another program serves this socket")
    try:
        Client(path).wait(deadline=25)
        fleet.ipmid.wait_log(f"serves {path} now")
    finally:
        fleet.stop()


def test_socket_removed(fleet):
    """SIGHUP brings it back."""
    fleet.client.path.unlink()
    fleet.reload()
    fleet.client.wait()
    assert fleet.client.get("/bmcs")[0] == 200


def test_directory_is_missing(tmp_path):
    fleet = Fleet(tmp_path, 1)
    fleet.handlers["log"] = ("{output}", f"\n[handler web]\nplugin = http\nsocket = {tmp_path}/none/socket\n")
    fleet.write()
    fleet.start()
    try:
        fleet.ipmid.wait_log(f"works all the same: {tmp_path}/none: No such file")
        (tmp_path / "none").mkdir()
        Client(tmp_path / "none" / "socket").wait(deadline=25)
    finally:
        fleet.stop()


# ---- with and without it


def test_switched_off(tmp_path):
    fleet = Fleet(tmp_path, 1, extra="http = no")
    fleet.start()
    try:
        assert not (fleet.ipmid.state_dir / "http").exists()
        assert "handler: http" not in fleet.ipmid.status()
        fleet.daemon = fleet.daemon.replace("http = no", "http = yes")
        fleet.write()
        fleet.reload()
        Client(fleet.ipmid.state_dir / "http").wait()
        fleet.daemon = fleet.daemon.replace("http = yes", "http = no")
        fleet.write()
        fleet.reload()
        wait_for(lambda: not (fleet.ipmid.state_dir / "http").exists(), 10, "the socket to go")
    finally:
        fleet.stop()


def test_plugin_is_missing(tmp_path):
    """An ipmid that was installed without it works."""
    fleet = Fleet(tmp_path, 1)
    (fleet.ipmid.plugin_dir / "http.so").unlink()
    fleet.start()
    try:
        fleet.ipmid.wait_log("ipmid works without this handler: .*http.so")
        fleet.bmcs[0].add(3)
        fleet.wait_delivered()
        fleet.reload()
    finally:
        fleet.stop()


def test_eventd_style(make, bmc):
    """On one BMC, from the command line."""
    ipmid = make()
    client = Client(ipmid.state_dir / "http").wait()
    assert [one["name"] for one in client.get("/bmcs")[1]["bmcs"]] == ["test"]
    with client.follow() as following:
        bmc.add(2)
        assert [following()["record_id"] for _ in range(2)] == [1, 2]
    wait_delivered(ipmid, bmc)


def test_eventd_style_without(make):
    ipmid = make(options=["--no-http"])
    assert not (ipmid.state_dir / "http").exists()


def test_without_state(make, bmc, tmp_path):
    """No state directory, no socket, but where the user says."""
    ipmid = make(state=False, wait=False, options=["--socket", os.fspath(tmp_path / "s")])
    client = Client(tmp_path / "s").wait()
    assert "state_dir" not in client.get("/status")[1]["daemon"]
    ipmid.terminate()
    assert not (tmp_path / "s").exists()


def test_end_with_clients(fleet):
    """Whoever follows is told the end; ipmid does not wait for the others."""
    with fleet.client.follow() as following, connect(fleet.client.path):
        start = time.monotonic()
        fleet.ipmid.signal_core(signal.SIGTERM)
        assert following() is None
        fleet.ipmid.process.wait(scaled(10))
        assert time.monotonic() - start < scaled(8)


def test_reload_of_itself(tmp_path):
    """Another setting: whoever follows is told the end, and the socket is there again."""
    fleet = Fleet(tmp_path, 1)
    fleet.handlers["log"] = ("{output}", "\n[handler http]\nplugin = http\nlatest = 10\n")
    fleet.write()
    fleet.start()
    try:
        client = Client(fleet.ipmid.state_dir / "http").wait()
        with client.follow() as following:
            fleet.handlers["log"] = ("{output}", "\n[handler http]\nplugin = http\nlatest = 20\n")
            fleet.write()
            fleet.reload()
            assert following() is None
        client.wait()
    finally:
        fleet.stop()


def test_answers_under_load(fleet):
    """Many questions at once while events come: all are answered, nothing is lost."""
    children = [subprocess.Popen(["curl", "-s", "-w", "\n%{http_code}\n", "--unix-socket", fleet.client.path,
                                  *["http://ipmid/api/v1/bmcs"] * 20], stdout=subprocess.PIPE)
                for _ in range(4)]
    for _ in range(10):
        fleet.bmcs[0].add(100)
    for child in children:
        out, _ = child.communicate(timeout=scaled(30))
        lines = out.split(b"\n")
        assert lines[1::2] == [b"200"] * 20 and all(json.loads(line)["bmcs"] for line in lines[0:40:2])
    fleet.wait_delivered()
    fleet.check_exact()
    assert fleet.ipmid.running
