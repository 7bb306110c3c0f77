# SPDX-License-Identifier: LGPL-2.1-or-later
"""Platform Event Traps: made by Debian's snmptrap, sent from any loopback address.

ipmi_sim sends none.  snmptrap makes one datagram; it is caught here, given
other sequence numbers, and sent from the BMC's address.
"""

import re
import socket
import struct
import subprocess

from waiting import scaled

ENTERPRISE = "1.3.6.1.4.1.3183.1.1"
# A temperature sensor's upper critical threshold (sensor type, event type, offset).
SPECIFIC = 0x010109
GUID = bytes(range(16))
# The fields after GUID and sequence number: local timestamp, UTC offset, trap and
# event source type, severity, sensor device and number, entity and instance, event
# data, language, manufacturer, system; then an empty OEM field.
REST = struct.pack(">IHBBBBBBB8sBIHB", 0x184A74D5, 0xFFFF, 0x20, 0x20, 0x10, 0x20, 0x30, 3, 1,
                   b"\x59\x61\x5a" + b"\xff" * 5, 0x19, 0x1291, 0xF02, 0xC1)


def snmptrap(sequence=1, guid=GUID):
    """The datagram that snmptrap sends for a PET."""
    data = guid + struct.pack(">H", sequence) + REST
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(scaled(10))
        subprocess.run(
            ["snmptrap", "-v1", "-c", "public", f"127.0.0.1:{receiver.getsockname()[1]}",
             ENTERPRISE, "127.0.0.1", "6", str(SPECIFIC), "4711", f"{ENTERPRISE}.1", "x", data.hex()],
            check=True, capture_output=True, timeout=scaled(10))
        return receiver.recv(4096)


class TrapSender:
    """Sends traps from SOURCE to (address, port) TARGET."""

    def __init__(self, source, target, guid=GUID):
        self.template = snmptrap(0xABCD, guid)
        self.place = self.template.index(guid + b"\xab\xcd") + len(guid)
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.target = target
        self.sequence = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, sequence=None):
        """Send one trap; each has the next sequence number unless told otherwise."""
        self.sequence = self.sequence % 0xFFFF + 1 if sequence is None else sequence
        self.send_bytes(self.template[:self.place] + struct.pack(">H", self.sequence)
                        + self.template[self.place + 2:])

    def send_bytes(self, datagram):
        self.socket.sendto(datagram, self.target)


def counts(status):
    """{what: number} of the traps in what `--status` says; empty if it does not listen."""
    section = re.search(r"^traps: .*\n((?:  .*\n)*)", status, re.MULTILINE)
    if not section:
        return {}
    return {key: int(number) for key, number in re.findall(r"^  ([\w ]+): (\d+)$", section[1], re.MULTILINE)}
