# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP over ipmid's Unix socket, as ipmidctl speaks it; and badly, too."""

import http.client
import json
import os
import socket
import struct
from contextlib import contextmanager

from waiting import scaled, wait_for


def connect(path, deadline=10.0):
    """A socket connected to PATH, however long that is."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # In the kernel: without blocking, connect() fails at once if others wait to be accepted.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(scaled(deadline)), 0))
        connection.connect(f"/proc/self/fd/{directory}/{path.name}")
        connection.settimeout(scaled(deadline))
        return connection
    finally:
        os.close(directory)


class Connection(http.client.HTTPConnection):
    """An HTTP connection to a Unix socket."""

    def __init__(self, path, deadline=10.0):
        super().__init__("ipmid")
        self.path = path
        self.deadline = deadline

    def connect(self):
        self.sock = connect(self.path, self.deadline)


class Client:
    """Asks the ipmid whose socket is PATH."""

    def __init__(self, path):
        self.path = path

    def wait(self, deadline=10.0):
        """Wait until it answers."""
        def answers():
            try:
                return self.get("/status")[0] == 200
            except OSError:
                return False
        wait_for(answers, deadline, f"{self.path} to be served", poll=0.05)
        return self

    def request(self, method, path, body=None, headers=None):
        """(status, headers, what was said)."""
        connection = Connection(self.path)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def get(self, path):
        """(status, the JSON)."""
        status, headers, text = self.request("GET", "/api/v1" + path)
        assert headers["Content-Type"] == "application/json"
        return status, json.loads(text)

    def post(self, path, **arguments):
        """(status, the JSON)."""
        status, _, text = self.request("POST", "/api/v1" + path, json.dumps(arguments),
                                       {"Content-Type": "application/json"})
        return status, json.loads(text)

    def raw(self, text, deadline=10.0):
        """Send TEXT as it is; everything that comes until the end."""
        with connect(self.path, deadline) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    @contextmanager
    def follow(self, query=""):
        """The events to come: a function that waits for the next one."""
        connection = Connection(self.path, 30)
        connection.request("GET", f"/api/v1/events?follow{query}")
        answer = connection.getresponse()
        assert answer.status == 200

        def next_event():
            while True:
                line = answer.readline()
                if line.strip():
                    return json.loads(line)
                if not line:
                    return None
        try:
            yield next_event
        finally:
            connection.close()


def read_all(connection):
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)
