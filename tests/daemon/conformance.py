# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plugins, as test_conformance.py sees them: one short description each.

A description says how the handler is configured, what has arrived (pairs of a BMC
and a record id, in the order of arrival), and how to make it fail for a while and
reject; what it cannot do is None.  A new plugin gets one class here, with the
decorator; everything that every plugin has to do is tested with it then.
"""

import importlib
import json
import os
import re
import shutil
import socket
import sqlite3
import threading
from contextlib import closing, suppress

from waiting import scaled

SUBJECTS = {}


def subject(name, plugin):
    """Makes a class the description NAME of PLUGIN."""
    def note(cls):
        cls.plugin = plugin
        SUBJECTS[name] = cls
        return cls
    return note


def record(event_id):
    """(BMC, record id) of an event's id; None for one of ipmid's own."""
    match = re.fullmatch(r"([^/]+)/\d+/(\d+)", event_id)
    return match and (match[1], int(match[2]))


def records_in(path):
    """Of a file of JSON lines."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [found for found in (record(json.loads(line)["id"]) for line in lines) if found]


class Subject:
    """What all have in common.  HOME is a directory of its own."""

    plugin = None
    server = None          # the program of the real server that it wants
    live = False           # fed without the journal: only who looks sees what comes
    keys = ""              # of its group, besides `plugin`
    more = ""              # other groups
    fail = mend = None     # it fails until it is mended
    reject = accept = None # it rejects until it accepts again
    ordered = True         # what has arrived shows the order

    def __init__(self, home):
        self.home = home
        home.mkdir()

    def arrived(self, fleet):
        """What has arrived, in order."""
        raise NotImplementedError

    def follow(self):
        """Look at what comes from now on, with `live`."""

    def stop(self):
        """At the end."""


@subject("file", "file")
class File(Subject):
    """A directory stands where the file was, for a while."""

    def __init__(self, home):
        super().__init__(home)
        self.path = home / "events"
        self.saved = home / "saved"
        self.keys = f"path = {self.path}\nformat = json\nexisting = yes"

    def arrived(self, fleet):
        return records_in(self.saved) + (records_in(self.path) if self.path.is_file() else [])

    def fail(self):
        self.path.rename(self.saved)
        self.path.mkdir()

    def mend(self):
        self.path.rmdir()


class Exec(Subject):
    """A program that obeys a file and notes the ids that it took."""

    script = ""
    keys_more = ""

    def __init__(self, home):
        super().__init__(home)
        self.program = home / "program"
        self.program.write_text(f"#!/bin/sh\ncd '{home}'\n{self.script}", encoding="ascii")
        self.program.chmod(0o755)
        self.keys = f"program = {self.program}\nexisting = yes\n{self.keys_more}"

    def arrived(self, fleet):
        path = self.home / "taken"
        text = path.read_text(encoding="ascii") if path.exists() else ""
        return [found for found in map(record, text.split("\n")[:-1]) if found]

    def _order(self, word):
        new = self.home / "order.new"
        new.write_text(word + "\n", encoding="ascii")
        new.rename(self.home / "order")

    def fail(self):
        self._order("1")

    def reject(self):
        self._order("65")

    def mend(self):
        self._order("0")

    accept = mend


ONCE = """status=$(cat order 2>/dev/null)
[ "${status:-0}" = 0 ] || exit "$status"
"""
ID = """sed 's/.*"id": *"\\([^"]*\\)".*/\\1/'"""


@subject("exec-arguments", "exec")
class ExecArguments(Exec):
    keys_more = "input = arguments"
    script = ONCE + 'echo "$IPMID_ID" >> taken\n'


@subject("exec-stdin", "exec")
class ExecStdin(Exec):
    keys_more = "input = stdin"
    script = ONCE + f"{ID} >> taken\n"


@subject("exec-workers", "exec")
class ExecWorkers(Exec):
    keys_more = "input = stdin\nworkers = 3"
    script = ONCE + f"{ID} >> taken\n"


@subject("exec-persistent", "exec")
class ExecPersistent(Exec):
    """Written is handled: it has no way to fail but to end, and then nobody knows what it had read."""

    keys_more = "input = persistent"
    script = f"exec {ID.replace('sed ', 'sed -u ')} >> taken\n"
    fail = reject = None


@subject("exec-acknowledge", "exec")
class ExecAcknowledge(Exec):
    keys_more = "input = acknowledge"
    script = """while IFS= read -r line; do
  id=${line#*'"id":"'}
  id=${id%%'"'*}
  read -r order 2>/dev/null < order || order=0
  case $order in
  1) echo "RETRY $id";;
  65) echo "REJECT $id";;
  *) echo "$id" >> taken; echo "OK $id";;
  esac
done
"""


@subject("sel-delete", "sel-delete")
class SelDelete(Subject):
    """What has arrived is what the SEL has not any more.  A BMC that refuses for good is no rejection."""

    more = "[handler log]\nplugin = file\npath = {directory}/log\nformat = json\nexisting = yes\n"
    ordered = False

    def __init__(self, home):
        super().__init__(home)
        self.fleet = None

    def arrived(self, fleet):
        self.fleet = fleet
        gone = []
        for bmc in fleet.bmcs:
            data = bmc.path.read_bytes()
            standing = {data[i:i + 16] for i in range(0, len(data), 16)}
            gone += [(bmc.name, raw[0] | raw[1] << 8) for raw in bmc.written if raw not in standing]
        return gone

    def _order(self, word):
        for bmc in self.fleet.bmcs:
            bmc.order(word)

    def fail(self):
        self._order("unavailable")

    def mend(self):
        self._order(None)


@subject("sqlite", "sqlite")
class Sqlite(Subject):
    """Somebody holds a lock on the database, for a while."""

    def __init__(self, home):
        super().__init__(home)
        self.path = home / "history.db"
        self.keys = f"path = {self.path}"
        self.lock = None

    def arrived(self, fleet):
        with suppress(sqlite3.OperationalError), \
                closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as connection:
            return [found for found in (record(json.loads(line)["id"]) for line, in
                                        connection.execute("SELECT json FROM event ORDER BY seq")) if found]
        return []

    def fail(self):
        self.lock = sqlite3.connect(self.path, isolation_level=None, timeout=5)
        self.lock.execute("BEGIN IMMEDIATE")

    def mend(self):
        self.lock.execute("ROLLBACK")
        self.lock.close()


@subject("webhook", "webhook")
class Webhook(Subject):
    """A server that answers to order."""

    def __init__(self, home):
        super().__init__(home)
        self.receiver_module = importlib.import_module("receiver")
        self.good = self.answer = self.receiver_module.GOOD
        self.taken = []
        self.receiver = self.receiver_module.Receiver(self._decide)
        self.keys = f"url = {self.receiver.url}\nexisting = yes"

    def _decide(self, request):
        if self.answer is self.good:
            self.taken += request.ids
        return self.answer

    def arrived(self, fleet):
        return [found for found in map(record, list(self.taken)) if found]

    def fail(self):
        self.answer = self.receiver_module.status(503)

    def reject(self):
        self.answer = self.receiver_module.status(404)

    def mend(self):
        self.answer = self.good

    accept = mend

    def stop(self):
        self.receiver.stop()


@subject("syslog", "syslog")
class Syslog(Subject):
    """A real rsyslogd over TCP, which is away for a while."""

    server = "rsyslogd"

    def __init__(self, home):
        super().__init__(home)
        self.rsyslog = importlib.import_module("rsyslog").Rsyslog(home / "rsyslog", "tcp").start()
        self.keys = (f"transport = tcp\nserver = {self.rsyslog.address}\nport = {self.rsyslog.port}\n"
                     "settle = 50ms\nexisting = yes")

    def arrived(self, fleet):
        return [(bmc.name, raw[0] | raw[1] << 8) for bmc in fleet.bmcs for raw in self.rsyslog.raw(bmc.name)]

    def fail(self):
        self.rsyslog.stop()

    def mend(self):
        self.rsyslog.start()

    def stop(self):
        self.rsyslog.stop()


@subject("mail", "mail")
class Mail(Subject):
    """A real Exim, which defers the recipient, or takes offence at the text.

    Each mail is put into the box by a process of its own, in any order.
    """

    server = "exim4"
    ordered = False

    def __init__(self, home):
        super().__init__(home)
        authority = importlib.import_module("certificates").Authority(home / "ca")
        self.exim = importlib.import_module("mail_server").Exim(authority, login=False, poison=".").start()
        self.accept()
        self.mend()
        self.keys = (f"server = {self.exim.address}:{self.exim.port}\nca-file = {authority.certificate}\n"
                     "from = ipmid@example.org\nto = later@example.org\nexisting = yes")

    def arrived(self, fleet):
        ids = [event_id for mail in self.exim.mail("later")
               for event_id in re.findall(r"^ *id: +(\S+)$", mail.get_content(), re.MULTILINE)]
        return [found for found in map(record, ids) if found]

    def fail(self):
        self.exim.close_later()

    def mend(self):
        self.exim.open_later()

    def reject(self):
        (self.exim.directory / "poison").touch()

    def accept(self):
        (self.exim.directory / "poison").unlink()

    def stop(self):
        self.exim.stop()


@subject("http", "http")
class Http(Subject):
    """Somebody follows the stream of events."""

    live = True

    def __init__(self, home):
        super().__init__(home)
        self.http = importlib.import_module("unix_http")
        self.path = home / "http"
        self.keys = f"socket = {self.path}"
        self.taken = []
        self.socket = self.thread = None

    def arrived(self, fleet):
        return [found for found in map(record, list(self.taken)) if found]

    def follow(self):
        """Anew, when the stream before has come to its end."""
        self._join()
        self.http.Client(self.path).wait()
        following = self.http.Connection(self.path, 60)
        following.request("GET", "/api/v1/events?follow")
        self.socket = following.sock
        answer = following.getresponse()
        assert answer.status == 200
        self.thread = threading.Thread(target=self._read, args=(following, answer), daemon=True)
        self.thread.start()

    def _read(self, following, answer):
        with closing(following):
            for line in answer:
                if line.strip():
                    self.taken.append(json.loads(line)["id"])

    def _join(self):
        if self.thread:
            self.thread.join(scaled(10))
            assert not self.thread.is_alive(), "the stream does not end"

    def stop(self):
        if self.socket:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
        self._join()


def available(build):
    """The names of the descriptions whose plugin this build has, and this machine the server."""
    path = os.environ["PATH"] + ":/usr/sbin"
    return [name for name, cls in SUBJECTS.items() if (build.directory / ".libs" / f"{cls.plugin}.so").exists()
            and (cls.server is None or shutil.which(cls.server, path=path))]
