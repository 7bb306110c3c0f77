# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server of a webhook: real HTTP, and faults to order."""

import json
import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from waiting import wait_for


@dataclass
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict
    body: bytes
    connection: tuple          # the client's address: the same as long as the connection is kept
    time: float

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def ids(self):
        """The ids of the events in a generic body."""
        content = self.json
        return [event["id"] for event in (content if isinstance(content, list) else [content])]


# Answers.  Each gets the http.server handler and does what it likes.

def status(code, body=b"", **headers):
    """An answer with this status; headers with _ for -."""
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value() if callable(value) else value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    return answer


def reset(handler):
    """The connection is reset without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def cut(handler):
    """200, and the connection is lost before the answer is whole."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
    handler.close_connection = True


def _pour(handler, head, piece, pause):
    handler.close_connection = True
    handler.server.poured = 0
    with suppress(OSError):
        handler.wfile.write(head)
        while not handler.server.stopping.wait(pause):
            handler.server.poured += len(piece)
            handler.wfile.write(piece)
    handler.server.hung_up = True


def slow(handler):
    """One byte a second, for ever."""
    _pour(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x", 1)


def endless(handler):
    """A body without an end, as fast as it is taken."""
    _pour(handler, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, 0)


def endless_headers(handler):
    """Headers without an end."""
    _pour(handler, b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 1000 + b"\r\n", 0)


def silent(handler):
    """No answer at all, until the test ends."""
    handler.close_connection = True
    handler.server.stopping.wait()


GOOD = status(200, b"ok")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _take(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers), body, self.client_address, time.monotonic())
        self.server.receiver.take(request)(self)

    do_POST = do_PUT = do_PATCH = do_GET = _take

    def log_message(self, *_args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""


class Receiver:
    """A server on a free port of 127.0.0.1; DECIDE gives the answer to a Request.

    TLS is an ssl.SSLContext.  With START False the port is taken, but
    connections are refused.
    """

    def __init__(self, decide=None, *, tls=None, start=True):
        self.decide = decide or (lambda _request: GOOD)
        self.requests = []
        self.busy = self.busiest = 0
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.server.receiver = self
        self.server.stopping = threading.Event()
        self.server.hung_up = False
        self.server.poured = 0
        self.server.server_bind()
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = None
        if start:
            self.start()

    def start(self):
        self.server.server_activate()
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.stopping.set()
        if self.thread:
            self.server.shutdown()
            self.thread.join()
        self.server.server_close()

    def take(self, request):
        """Note a request; returns its answer, which is counted while it is given."""
        with self.lock:
            self.requests.append(request)
            answer = self.decide(request)

        def counted(handler):
            with self.lock:
                self.busy += 1
                self.busiest = max(self.busiest, self.busy)
            try:
                answer(handler)
            finally:
                with self.lock:
                    self.busy -= 1
        return counted

    def wait(self, count, deadline=20.0):
        """Wait for so many requests; returns them all."""
        wait_for(lambda: len(self.requests) >= count, deadline,
                 lambda: f"{count} requests, there are {len(self.requests)}")
        return list(self.requests)


def script(*answers):
    """Give these answers in turn, and then GOOD for ever."""
    left = list(answers)
    return lambda _request: left.pop(0) if left else GOOD


def tls_context(certificate, key, *, clients=None):
    """A context for Receiver; CLIENTS: the CA of certificates that clients have to show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
