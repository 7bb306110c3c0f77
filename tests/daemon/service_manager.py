# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service manager's end of sd_notify(3)'s socket."""

import socket
import threading
import time

from waiting import wait_for


class ServiceManager:
    """Collects what a daemon tells its service manager; a watchdog's interval in seconds or None."""

    def __init__(self, directory, watchdog=None):
        self.path = directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.watchdog = watchdog
        self.messages = []             # (time, text)
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def _receive(self):
        while True:
            try:
                text = self.socket.recv(65536).decode()
            except OSError:
                return
            if not text:
                return
            self.messages.append((time.monotonic(), text))

    def stop(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self.thread.join()
        self.socket.close()

    @property
    def environment(self):
        """What the daemon gets from it."""
        watchdog = {"WATCHDOG_USEC": str(int(self.watchdog * 1e6))} if self.watchdog else {}
        return {"NOTIFY_SOCKET": str(self.path), **watchdog}

    def lines(self):
        """Every assignment that came, in order."""
        return [line for _, text in list(self.messages) for line in text.split("\n")]

    def pings(self):
        """When the watchdog was told that all is well."""
        return [moment for moment, text in list(self.messages) if text == "WATCHDOG=1"]

    def wait_line(self, line, deadline=10.0):
        wait_for(lambda: line in self.lines(), deadline, lambda: f"{line!r}; it said {self.lines()}")

    def wait_pings(self, number, deadline=10.0):
        """Wait for so many pings more."""
        goal = len(self.pings()) + number
        wait_for(lambda: len(self.pings()) >= goal, deadline, f"{number} pings of the watchdog")
