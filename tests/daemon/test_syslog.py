# SPDX-License-Identifier: LGPL-2.1-or-later
"""The syslog plugin with a real rsyslogd and a real journald.

The BMCs are played by fake-collector.  What a server has to do wrong to order is
done by a stand-in, and its test says so.
"""

import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

import processes
from fake_fleet import Fleet
from loopback import free_port, own_address
from rsyslog import Certificates, Rsyslog
from waiting import TIMESCALE, scaled, stays, wait_for

pytestmark = pytest.mark.skipif(not os.access("/usr/sbin/rsyslogd", os.X_OK),
                                reason="rsyslogd is missing (Debian packages rsyslog and rsyslog-openssl)")
CERTAIN = f"settle = {int(500 * TIMESCALE)}ms"


@pytest.fixture
def make_rsyslog(request, tmp_path):
    """Make and start an Rsyslog; takes its arguments after the directory."""
    made = []

    def make(transport, *, start=True, **options):
        made.append(Rsyslog(tmp_path / f"rsyslog{len(made)}", transport, **options))
        return made[-1].start() if start else made[-1]
    request.addfinalizer(lambda: [one.stop() for one in made])
    return make


@pytest.fixture
def make_fleet(request, tmp_path):
    """Make and start a Fleet with one more handler, a text."""
    made = []

    def make(count, handler):
        fleet = Fleet(tmp_path, count, per=10)
        made.append(fleet)
        fleet.write(handler)
        return fleet.start()
    request.addfinalizer(lambda: [fleet.stop() for fleet in made])
    return make


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls") / "good", own_address())


def missing(fleet, server):
    return {bmc.name: len(set(bmc.written) - set(server.raw(bmc.name))) for bmc in fleet.bmcs
            if set(bmc.written) - set(server.raw(bmc.name))}


def wait_all(fleet, server, deadline=30):
    wait_for(lambda: not missing(fleet, server), deadline,
             lambda: f"all records; missing {missing(fleet, server)}; log:\n{fleet.ipmid.log()[-3000:]}\n{server.log()}",
             poll=0.1)


def add_to_all(fleet, count):
    for bmc in fleet.bmcs:
        bmc.add(count)


def check_order(fleet, server, repeats=0, overtaken=False):
    """SEL order, but for what was sent again.

    OVERTAKEN: the first failed so often that the one behind it may have been tried instead, with success.
    """
    for bmc in fleet.bmcs:
        came = server.raw(bmc.name)
        order = list(dict.fromkeys(came))
        if overtaken and order[0] != bmc.written[0]:
            order[:2] = reversed(order[:2])
        assert order == bmc.written
        assert len(came) - len(bmc.written) <= repeats


def pending(fleet):
    """How many events wait for the syslog handler."""
    return int(re.search(r"handler: syslog\n(?:  .*\n)*?  queue: (\d+)", fleet.ipmid.status())[1])


def wait_log(fleet, pattern):
    wait_for(lambda: re.search(pattern, fleet.ipmid.log()), 20, lambda: f"{pattern!r}:\n{fleet.ipmid.log()[-3000:]}")


# ------------------------------------------------------------------ what arrives

@pytest.mark.parametrize("transport", ["local", "udp", "tcp", "tls"])
def test_everything_arrives(make_fleet, make_rsyslog, certificates, transport):
    """Each event once, in order, and as rsyslog understands it, with all its fields."""
    of_tls = transport == "tls"
    server = make_rsyslog(transport, certificates=certificates if of_tls else None)
    fleet = make_fleet(3, server.handler("facility = local3", *([f"tls-ca = {certificates.ca}"] if of_tls else [])))
    add_to_all(fleet, 100)
    wait_all(fleet, server)
    fleet.wait_delivered()
    check_order(fleet, server)
    events = {event["id"]: event for event in fleet.events()}
    for message in server.messages():
        event = events[message.fields["id"]]
        assert (message.sd_id, message.app, message.msgid) == ("ipmid@32473", "ipmid", event["kind"])
        assert (message.facility, message.host) == ("local3", event["bmc"])
        assert message.severity == {"critical": "crit", "warning": "warning", "info": "info", "ok": "notice"}[
            event["severity"]]
        assert message.text.removeprefix("\ufeff") == event["text"]
        assert set(message.fields) == set(event) - {"text"}
        assert datetime.datetime.fromisoformat(message.time).timestamp() == pytest.approx(
            datetime.datetime.fromisoformat(event["received"]).timestamp(), abs=1e-5)


def test_client_certificate(make_fleet, make_rsyslog, certificates):
    """A server that asks who we are; the key is ours alone."""
    server = make_rsyslog("tls", certificates=certificates, auth="x509/certvalid")
    fleet = make_fleet(1, server.handler(
        f"tls-ca = {certificates.ca}", f"tls-certificate = {certificates.client}",
        f"tls-key = {certificates.client_key}", "tls-name = log.example"))
    add_to_all(fleet, 20)
    wait_all(fleet, server)
    check_order(fleet, server)


@pytest.mark.parametrize("what, says", [
    ("authority", "certificate is not accepted: unable to get local issuer|self.signed"),
    ("name", "certificate is not accepted: hostname mismatch"),
    ("expired", "certificate is not accepted: certificate has expired"),
    ("client", "port .*: "),
], ids=["authority", "name", "expired", "client"])
def test_tls_refused(make_fleet, make_rsyslog, certificates, tmp_path, what, says):
    """Whoever the server is not, gets nothing; a server that does not know us neither."""
    theirs = certificates
    if what == "expired":
        theirs = Certificates(tmp_path / "expired", own_address(), days=0, authority=certificates)
    elif what == "authority":
        theirs = Certificates(tmp_path / "other", own_address())
    server = make_rsyslog("tls", certificates=theirs, auth="x509/certvalid" if what == "client" else "anon")
    fleet = make_fleet(1, server.handler(f"tls-ca = {certificates.ca}", CERTAIN,
                                         *(["tls-name = other.example"] if what == "name" else [])))
    add_to_all(fleet, 3)
    wait_log(fleet, f"not handled, will be tried again: .*{says}")
    fleet.wait_delivered()
    assert pending(fleet) == 3 and server.messages() == []


# ------------------------------------------------------------------------ faults

@pytest.mark.parametrize("transport", ["local", "tcp", "tls"])
def test_server_dies_in_a_burst(make_fleet, make_rsyslog, certificates, transport):
    """kill -9, twice; each time it comes back.  Repeats are allowed, gaps are not."""
    of_tls = transport == "tls"
    server = make_rsyslog(transport, certificates=certificates if of_tls else None)
    fleet = make_fleet(2, server.handler("batch = 20", CERTAIN, *([f"tls-ca = {certificates.ca}"] if of_tls else [])))
    for _ in range(2):
        before = len(server.messages())
        add_to_all(fleet, 20)
        wait_for(lambda: len(server.messages()) > before, 20, "the burst to have begun")
        if transport == "local":
            # What it has read counts as handled: let it write that.
            processes.signal_quietly(server.process.pid, signal.SIGTERM)
            processes.wait_exit(server.process, 20, "rsyslogd")
        server.kill()
        server.start()
    wait_all(fleet, server, 60)
    check_order(fleet, server, 40)
    wait_for(lambda: pending(fleet) == 0, 20, "nothing to wait any more")


@pytest.mark.parametrize("transport", ["local", "udp", "tcp"])
def test_server_missing_at_first(make_fleet, make_rsyslog, transport):
    """Also with UDP, where a machine that is up refuses; the other handler is not held up."""
    server = make_rsyslog(transport, start=False)
    fleet = make_fleet(2, server.handler())
    add_to_all(fleet, 10)
    wait_log(fleet, "not handled, will be tried again: .*(refused|No such file)")
    fleet.wait_delivered()
    assert pending(fleet) == 20
    server.start()
    wait_all(fleet, server)
    check_order(fleet, server, 2, overtaken=True)


def test_nothing_counts_that_was_not_read(make_fleet, make_rsyslog):
    """A stopped server's socket takes it all, and still nothing is DONE."""
    server = make_rsyslog("local")
    fleet = make_fleet(1, server.handler("time-limit = 30s"))
    add_to_all(fleet, 1)
    wait_all(fleet, server)
    os.kill(server.process.pid, signal.SIGSTOP)
    wait_for(lambda: processes.state(server.process.pid) == "T", 10, "it to be stopped")
    add_to_all(fleet, 3)
    fleet.wait_delivered()
    stays(lambda: pending(fleet) == 3, 0.3, "what waits")
    os.kill(server.process.pid, signal.SIGCONT)
    wait_all(fleet, server)
    wait_for(lambda: pending(fleet) == 0, 20, "nothing to wait any more")
    check_order(fleet, server)


class DeadServer(threading.Thread):
    """A stand-in: takes a connection, lets the kernel take what comes, and dies without reading it."""

    def __init__(self, address, port):
        super().__init__(name="dead-server", daemon=True)
        self.listener = socket.create_server((address, port))
        self.died = threading.Event()
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        connection.settimeout(scaled(20))
        connection.recv(1, socket.MSG_PEEK)
        self.listener.close()
        self.died.wait(0.05)    # the rest of the batch arrives, and is acknowledged
        connection.close()
        self.died.set()


def test_acknowledged_but_unread(make_fleet, make_rsyslog):
    """The window of plain TCP: the kernel had it, the program never saw it."""
    server = make_rsyslog("tcp", start=False)
    dead = DeadServer(server.address, server.port)
    fleet = make_fleet(1, server.handler(CERTAIN))
    add_to_all(fleet, 10)
    assert dead.died.wait(scaled(20))
    server.start()
    wait_all(fleet, server)
    check_order(fleet, server)


def test_no_time_to_settle(make_fleet, make_rsyslog):
    """The handler's timeout leaves less time than a connection should stand."""
    server = make_rsyslog("tcp")
    fleet = make_fleet(1, server.handler("settle = 30s\ntime-limit = 1m\ntimeout = 2s"))
    add_to_all(fleet, 3)
    wait_all(fleet, server)
    wait_for(lambda: pending(fleet) == 0, 20, "everything to be handled")


def test_server_that_does_not_read(make_fleet, tmp_path):
    """A stand-in that takes connections and reads nothing: the time is limited, and so is the end."""
    address = own_address()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        listener.bind((address, free_port(address)))
        listener.listen(8)
        fleet = make_fleet(1, "[handler syslog]\nplugin = syslog\ntransport = tcp\nbatch = 4096\nlinger = 200ms\n"
                              f"time-limit = 500ms\nserver = {address}\nport = {listener.getsockname()[1]}\n")
        add_to_all(fleet, 3000)
        wait_log(fleet, "not handled, will be tried again: .*the time is up")
        fleet.wait_delivered()
        assert pending(fleet) > 0
        assert fleet.ipmid.terminate() == 0
    assert tmp_path.exists()


# ----------------------------------------------------------------------- mistakes

@pytest.mark.parametrize("lines, says", [
    ("transport = tcp", "server is missing"),
    ("transport = udp\nserver = h\npath = /dev/log", "path is for a local socket"),
    ("server = h", "server and port are for the network"),
    ("transport = tcp\nserver = h\ntls-ca = /nowhere", "need transport = tls"),
    ("transport = tls\nserver = h\ntls-key = /nowhere", "tls-key needs tls-certificate"),
    ("transport = tls\nserver = h\ntls-ca = /nowhere", "tls-ca = /nowhere cannot be used"),
    ("transport = tls\nserver = h\ntls-certificate = /nowhere", "tls-certificate = /nowhere cannot be used"),
    ("sd-id = a=b", "sd-id has to be"),
    ("app-name = a b", "app-name has to be"),
    ("max-size = 100", "max-size"),
    ("settle = 2s\ntime-limit = 2s", "settle has to be shorter than time-limit"),
])
def test_mistakes(make_configured, lines, says):
    ipmid = make_configured("[daemon]\nstate-dir = {state}\n[handler syslog]\nplugin = syslog\n" + lines + "\n",
                            start=False)
    status, _, said = ipmid.check()
    mistakes = [line for line in said if "warning: no BMC" not in line]
    assert status == os.EX_CONFIG and len(mistakes) == 1 and says in mistakes[0], said


def test_readable_key(make_configured, certificates, tmp_path):
    key = shutil.copy(certificates.client_key, tmp_path / "key")
    os.chmod(key, 0o644)
    ipmid = make_configured("[daemon]\nstate-dir = {state}\n[handler syslog]\nplugin = syslog\ntransport = tls\n"
                            f"server = h\ntls-certificate = {certificates.client}\ntls-key = {key}\n", start=False)
    status, _, said = ipmid.check()
    assert status == os.EX_CONFIG and any(f"chmod o= {key}" in line for line in said)


def test_encrypted_key(make_configured, certificates, tmp_path):
    """Nobody is asked for a password."""
    key = tmp_path / "key"
    subprocess.run(["openssl", "ec", "-in", certificates.client_key, "-aes256", "-passout", "pass:x", "-out", key],
                   check=True, capture_output=True)
    key.chmod(0o600)
    ipmid = make_configured("[daemon]\nstate-dir = {state}\n[handler syslog]\nplugin = syslog\ntransport = tls\n"
                            f"server = h\ntls-certificate = {certificates.client}\ntls-key = {key}\n", start=False)
    status, out, said = ipmid.check()
    assert status == os.EX_CONFIG and any(f"tls-key = {key} cannot be used" in line for line in said)
    assert not any("pass phrase" in line for line in [out, *said])


# ------------------------------------------------------------------------ journal

JOURNALD = "/lib/systemd/systemd-journald"
PRIVATE = """
    set -e
    mount --make-rprivate /
    mount -t tmpfs tmpfs /run
    mkdir -p /run/log/journal /run/systemd/journal
    echo 0123456789abcdef0123456789abcdef >/run/machine-id
    [ ! -e /etc/machine-id ] || mount --bind /run/machine-id /etc/machine-id
    exec %s
""" % JOURNALD


class Journald:
    """systemd-journald with a /run of its own, seen through /proc."""

    def __init__(self, directory):
        self.log = directory / "journald.log"
        with open(self.log, "wb") as log:
            self.process = processes.spawn(["unshare", "--mount", "sh", "-c", PRIVATE], stdout=log,
                                           stderr=subprocess.STDOUT)
        self.root = f"/proc/{self.process.pid}/root"
        self.socket = f"{self.root}/run/systemd/journal/socket"
        wait_for(self._listens, 20, lambda: f"journald: {self.log.read_text(encoding='utf-8')}")

    def _listens(self):
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        return processes.name_of(self.process.pid) == "systemd-journal" and os.path.exists(self.socket)

    def entries(self):
        done = subprocess.run(["journalctl", "-D", f"{self.root}/run/log/journal", "-o", "json", "-t", "ipmid"],
                              capture_output=True, text=True, check=False, timeout=scaled(30))
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def stop(self):
        processes.kill_group(self.process)


@pytest.fixture
def journald(tmp_path):
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if not os.access(JOURNALD, os.X_OK) or tried.returncode != 0:
        pytest.skip("needs systemd-journald, and root for a mount namespace")
    one = Journald(tmp_path)
    yield one
    one.stop()


def test_journal(make_fleet, journald):
    """A real journald has every field of every event."""
    fleet = make_fleet(2, f"[handler journal]\nplugin = syslog\ntransport = journal\npath = {journald.socket}\n")
    add_to_all(fleet, 20)
    fleet.wait_delivered()
    wait_for(lambda: len(journald.entries()) >= 40, 30, lambda: f"40 entries, {len(journald.entries())}; "
             f"{fleet.ipmid.log()[-2000:]}", poll=0.2)
    events = {event["id"]: event for event in fleet.events()}
    entries = journald.entries()
    assert len({entry["IPMID_ID"] for entry in entries}) == len(entries)
    for entry in entries:
        event = events[entry["IPMID_ID"]]
        own = {name.removeprefix("IPMID_").lower() for name in entry if name.startswith("IPMID_")}
        assert own == set(event) - {"text"}
        assert (entry["MESSAGE"], entry["IPMID_BMC"]) == (event["text"], event["bmc"])
        assert entry["PRIORITY"] == {"critical": "2", "warning": "4", "ok": "5", "info": "6"}[event["severity"]]
        assert re.fullmatch("[0-9a-f]{32}", entry["MESSAGE_ID"])
        assert entry["_PID"] == str(fleet.ipmid.pid)
