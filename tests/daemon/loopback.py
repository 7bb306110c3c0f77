# SPDX-License-Identifier: LGPL-2.1-or-later
"""UDP addresses on loopback that no other test run uses at the same time.

ipmi_sim binds with SO_REUSEADDR, so two of them on one port would not notice
each other.  Hence every test process has a loopback address of its own, made
from its pid, and never gives out a port twice; the ports lie below the range
from which the kernel picks ports for clients.
"""

import os
import random
import socket

FIRST_PORT, LAST_PORT = 10000, 32000

_used = set()


def own_address():
    """The loopback address of this process; pids have at most 22 bits."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 16 & 0x3F)}.{pid >> 8 & 0xFF}.{pid & 0xFF}"


def second_address():
    """Another one of this process, for what moves; nothing else is there."""
    pid = os.getpid()
    return f"127.{pid >> 16 & 0x3F}.{pid >> 8 & 0xFF}.{pid & 0xFF}"


def family(address):
    """The family of the sockets for ADDRESS."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _is_free(address, port):
    with socket.socket(family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_port(address):
    """A port of ADDRESS that is free and was not given out before."""
    for _ in range(1000):
        port = random.randrange(FIRST_PORT, LAST_PORT)
        if (address, port) not in _used and _is_free(address, port):
            _used.add((address, port))
            return port
    raise RuntimeError(f"no free UDP port on {address}")
