# SPDX-License-Identifier: LGPL-2.1-or-later
"""A UDP proxy in front of a BMC that does to packets what bad networks do."""

import heapq
import itertools
import os
import random
import select
import socket
import threading
import time

import loopback
from waiting import scaled


class ChaosProxy:
    """Forwards UDP between clients and TARGET, an (address, port) pair.

    All switches may be changed while it runs and hold for both directions:

    drop, duplicate, reorder   the share of the packets, 0.0 to 1.0
    delay                      (least, most) seconds for every packet
    blackhole                  swallow everything

    With the same SEED and traffic it makes the same choices.  It listens on
    ADDRESS, which may be an IPv6 one, or on this process's own.
    """

    # A packet that is reordered is overtaken by what comes this much later.
    OVERTAKEN_AFTER = 0.05

    def __init__(self, target, seed=1, address=None):
        self.target = target
        self.address = address or loopback.own_address()
        self.port = loopback.free_port(self.address)
        self.drop = self.duplicate = self.reorder = 0.0
        self.delay = (0.0, 0.0)
        self.blackhole = False
        self.passed = self.dropped = self.duplicated = self.reordered = 0
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._waiting = []              # heap of (when due, number, socket, packet, peer)
        self._upstream = {}             # client → socket to the target
        self._front = self._thread = self._wake = None
        self._stopping = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._front = socket.socket(loopback.family(self.address), socket.SOCK_DGRAM)
        self._front.bind((self.address, self.port))
        self._wake = os.pipe()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="chaos proxy", daemon=True)
        self._thread.start()

    def stop(self):
        if self._thread is None:
            return
        self._stopping = True
        os.write(self._wake[1], b"x")
        self._thread.join(scaled(10))
        assert not self._thread.is_alive(), "the proxy does not end"
        self._thread = None
        for one in [self._front, *self._upstream.values()]:
            one.close()
        self._upstream.clear()
        for end in self._wake:
            os.close(end)

    def calm(self):
        """Let everything through again."""
        self.drop = self.duplicate = self.reorder = 0.0
        self.delay = (0.0, 0.0)
        self.blackhole = False

    def _run(self):
        while not self._stopping:
            sources = [self._wake[0], self._front, *self._upstream.values()]
            due = max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None
            ready, _, _ = select.select(sources, [], [], due)
            for source in ready:
                if source is self._front:
                    self._from_client()
                elif source is not self._wake[0]:
                    self._from_target(source)
            self._send_due()

    def _from_client(self):
        try:
            packet, client = self._front.recvfrom(4096)
        except OSError:
            return                      # an ICMP error about a client that is gone
        if client not in self._upstream:
            self._upstream[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._upstream[client].connect(self.target)
        self._pass(self._upstream[client], packet, None)

    def _from_target(self, source):
        try:
            packet = source.recv(4096)
        except OSError:
            return                      # the BMC is off
        client = next(one for one, upstream in self._upstream.items() if upstream is source)
        self._pass(self._front, packet, client)

    def _pass(self, through, packet, peer):
        if self.blackhole or self._random.random() < self.drop:
            self.dropped += 1
            return
        copies = 1
        if self._random.random() < self.duplicate:
            self.duplicated += 1
            copies = 2
        for _ in range(copies):
            due = time.monotonic() + self._random.uniform(*self.delay)
            if self._random.random() < self.reorder:
                self.reordered += 1
                due += self.OVERTAKEN_AFTER
            heapq.heappush(self._waiting, (due, next(self._numbers), through, packet, peer))

    def _send_due(self):
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _, _, through, packet, peer = heapq.heappop(self._waiting)
            try:
                if peer:
                    through.sendto(packet, peer)
                else:
                    through.send(packet)
                self.passed += 1
            except OSError:
                pass                    # nobody there: lost, as on a network
