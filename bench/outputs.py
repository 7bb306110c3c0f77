# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where handlers bring events to, as the measurement sees it: what has arrived, while it grows.

`look` says how many events are there; `arrived` which, pairs of a BMC and a record
id in the order of arrival.
"""

import threading
import time
from http.client import HTTPConnection

import contestants  # pylint: disable=unused-import  # finds tests/daemon
import receiver
from conformance import record, records_in

LATENCY = 0.020          # seconds


class Lines:
    """A file of lines of JSON, one an event."""

    def __init__(self, directory):
        self.path = directory / "taken"
        self._file = None
        self._count = 0

    def look(self):
        if self._file is None and self.path.exists():
            self._file = open(self.path, "rb", buffering=0)
        if self._file is not None:
            self._count += self._file.read().count(b"\n")
        return self._count

    def arrived(self):
        return records_in(self.path)

    def stop(self):
        if self._file is not None:
            self._file.close()


def late(handler):
    """200, after LATENCY."""
    time.sleep(LATENCY)
    receiver.GOOD(handler)


class LateServer:
    """An HTTP server that takes its time, as one that is far away does."""

    def __init__(self, _directory=None):
        self._receiver = receiver.Receiver(lambda _request: late)
        self.url = self._receiver.url
        self._seen = self._count = 0

    def look(self):
        fresh = self._receiver.requests[self._seen:]
        self._seen += len(fresh)
        self._count += sum(len(request.ids) for request in fresh)
        return self._count

    def arrived(self):
        return [found for request in self._receiver.requests for found in map(record, request.ids) if found]

    def stop(self):
        self._receiver.stop()


def _ask(server, until, done):
    """Requests of the size of an event's, one after the other, on one connection."""
    connection = HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    count = 0
    while time.monotonic() < until:
        connection.request("POST", "/", body=b"x" * 400, headers={"Content-Type": "application/json"})
        connection.getresponse().read()
        count += 1
    connection.close()
    done.append(count)


def server_rate(connections, seconds=2.0):
    """Requests a second that a LateServer answers, its clients in this process, too."""
    server = LateServer()
    counts = []
    began = time.monotonic()
    threads = [threading.Thread(target=_ask, args=(server, began + seconds, counts)) for _ in range(connections)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.monotonic() - began
    finally:
        server.stop()
    assert len(counts) == connections, "the server for the webhook did not answer everybody"
    return sum(counts) / elapsed
