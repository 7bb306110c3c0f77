# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine's own BMC, behind /dev/ipmi0.

`PrivateDev` is a /dev that only one collector sees, so nothing of this machine
changes; `LocalBmc` is a ScriptedBmc behind the device in it, which needs a
stand-in for the kernel's driver (ipmi-driver.c).
"""

import ctypes
import functools
import os
import shutil
import struct
import subprocess
from pathlib import Path

import ipmi
from daemon import Build
from rmcpplus import Message, Session
from scripted_bmc import ScriptedBmc

SYS_LANDLOCK_CREATE_RULESET = 444
LANDLOCK_CREATE_RULESET_VERSION = 1

# linux/ipmi.h
SYSTEM_INTERFACE = 0x0C
RESPONSE, EVENT = 1, 2
TIMED_OUT = 0xC3

# Message of ipmi-driver.c
FORM = struct.Struct("<qIII40sBBH272s")


def has_landlock():
    """Whether this kernel can say which files a process may open."""
    version = ctypes.CDLL(None).syscall(SYS_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0),
                                        LANDLOCK_CREATE_RULESET_VERSION)
    return version > 0


_MAKE_PRIVATE = 'mount --bind /dev/null "$1/null" && mount --rbind "$1" /dev && shift && exec "$@"'


@functools.cache
def why_no_private_dev():
    """Why a process cannot have a /dev of its own; empty if it can."""
    if os.geteuid() != 0:
        return "needs root, for a /dev of the collector's own"
    done = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/dev"],
                          capture_output=True, text=True, check=False)
    return done.stderr.strip()


class PrivateDev:
    """A /dev below DIRECTORY; `collector` is a program that starts one which sees no other.

    With ENVIRONMENT: {name: value}.
    """

    def __init__(self, directory, **environment):
        self.path = Path(directory) / "dev"
        self.path.mkdir(parents=True)
        (self.path / "null").touch()
        self.device = self.path / "ipmi0"
        self.collector = Path(directory) / "collector"
        words = " ".join(f"{name}='{value}'" for name, value in environment.items())
        self.collector.write_text(
            "#!/bin/sh\n"
            f"exec {shutil.which('unshare')} --mount --propagation private /bin/sh -c '{_MAKE_PRIVATE}' sh {self.path}"
            f" env {words} {Build().collector}\n", encoding="utf-8")
        self.collector.chmod(0o755)

    def make_device(self):
        """Something that can be opened, and knows nothing of IPMI."""
        os.mkfifo(self.device, 0o600)

    def renew_device(self):
        """Another node of the same name."""
        self.device.unlink()
        self.make_device()


class _Request(Message):
    """What came through the device."""

    def reply(self, payload):
        address, number, opens = self.peer
        return _message(number, RESPONSE, opens, address, self.netfn | 1, self.command, payload)


def _message(number, kind, opens, address, netfn, command, data):
    return FORM.pack(number, kind, opens, len(address), address, netfn, command, len(data), data)


class _Interface:
    """In place of the BMC's socket: the device, as its driver sees it."""

    def __init__(self, requests, device):
        self._requests = os.open(requests, os.O_RDWR | os.O_NONBLOCK)
        self._device = os.open(device, os.O_RDWR | os.O_NONBLOCK)

    def fileno(self):
        return self._requests

    def close(self):
        os.close(self._requests)
        os.close(self._device)

    def recvfrom(self, _size):
        return os.read(self._requests, FORM.size), None

    def sendto(self, packet, _peer):
        os.write(self._device, packet)


class _NoSessions:
    """In place of rmcpplus.Server: whoever can open the device is administrator."""

    guid = bytes(range(16))
    bmc_key = None
    suites = ()
    opens = 0

    def receive(self, packet, _peer):
        number, _kind, opens, size, address, netfn, command, length, data = FORM.unpack(packet)
        self.opens = opens
        address = address[:size]
        session = Session(0, 0, None, None, role=ipmi.ADMIN)
        request = _Request(netfn, command, data[:length], 0, 0, 0, 0, 0, (address, number, opens), session)
        if struct.unpack_from("<i", address)[0] == SYSTEM_INTERFACE:
            return request, []
        return None, [request.reply(bytes([TIMED_OUT]))]       # nobody else is on the bus

    @staticmethod
    def encode(_message, packet):
        return packet

    @staticmethod
    def active_sessions():
        return []

    def forget_sessions(self):
        pass


class LocalBmc(ScriptedBmc):
    """The BMC of this machine; `collector` is the program to watch it with."""

    def __init__(self, directory, population=None):
        super().__init__(population)
        directory = Path(directory)
        directory.mkdir()
        library = directory / "ipmi-driver.so"
        source = Path(__file__).with_name("ipmi-driver.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self._requests = directory / "requests"
        os.mkfifo(self._requests, 0o600)
        self.dev = PrivateDev(
            directory, LD_PRELOAD=library, IPMI_DRIVER_REQUESTS=self._requests,
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        self.dev.make_device()
        self.collector = self.dev.collector
        self.server = _NoSessions()

    def _open(self):
        return _Interface(self._requests, self.dev.device)

    def connection(self, **_others):
        return ["smi", "0"]

    def push(self, record):
        """The BMC's event message buffer has an event, which the driver hands on."""
        address = struct.pack("<ihBx", SYSTEM_INTERFACE, 0xF, 0)
        self._socket.sendto(_message(0, EVENT, self.server.opens, address, 0x07, 0x35, record), None)
